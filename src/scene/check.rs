//! Whether a scene makes sense: references, ranges, spans.
//!
//! Invariant: looks at the scene alone, reports every problem it sees, and never changes anything.
//! What needs the languages of `flow` (patterns, state machines) is checked when the scene is compiled.

mod kind;
mod range;

use std::collections::BTreeSet;

use crate::scene::check::range::Findings;
use crate::scene::document::{Fault, Link, Node, Region, Scene};
use crate::scene::edit::Edit;
use crate::scene::kind::Kind;
use crate::scene::problem::{Code, Place, SceneProblem, nearest};
use crate::scene::slug::{LinkId, NodeId, RegionId};

/// Farthest from the origin that anything stands, in metres.
pub const COORDINATE_MAX: f64 = 1e6;
/// Nodes at most: ten times the design size.
pub const NODES_MAX: usize = 100_000;
/// Links at most: ten a node.
pub const LINKS_MAX: usize = 1_000_000;
/// Partitions at most.
pub const PARTITIONS_MAX: u32 = 65_536;

/// All problems of a scene, collection by collection.
pub fn check(scene: &Scene) -> Vec<SceneProblem> {
    let mut findings = Findings::default();
    sizes(scene, &mut findings);
    settings(scene, &mut findings);
    for (id, region) in &scene.regions {
        self::region(id, region, &mut findings);
    }
    let fed = fed_rules(scene);
    for (id, node) in &scene.nodes {
        self::node(scene, id, node, &mut findings);
        rules_without_target(id, node, &fed, &mut findings);
    }
    for (id, link) in &scene.links {
        self::link(scene, id, link, &mut findings);
    }
    faults(scene, &mut findings);
    tour(scene, &mut findings);
    findings.0
}

/// The parts of a scene that an edit may have spoiled.
#[derive(Default)]
pub(crate) struct Parts {
    nodes: BTreeSet<NodeId>,
    /// Nodes that may have become another kind, which what their links say must fit.
    kinds: BTreeSet<NodeId>,
    links: BTreeSet<LinkId>,
    regions: BTreeSet<RegionId>,
    lists: BTreeSet<List>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Settings,
    Faults,
    Tour,
}

/// What to check after an edit. Renames and removals cannot spoil anything: references follow or go.
pub(crate) fn touched(edit: &Edit) -> Parts {
    let mut parts = Parts::default();
    touch(edit, &mut parts);
    parts
}

fn touch(edit: &Edit, parts: &mut Parts) {
    match edit {
        Edit::SetNodeRegion { id, .. } => {
            parts.nodes.insert(id.clone());
        }
        Edit::AddNode { id, .. } | Edit::SetKind { id, .. } => {
            parts.nodes.insert(id.clone());
            parts.kinds.insert(id.clone());
            // What functions keep for themselves must fit into what all have.
            parts.lists.insert(List::Settings);
        }
        Edit::MoveNodes { to } => parts.nodes.extend(to.keys().cloned()),
        Edit::AddLink { id, .. } | Edit::ReplaceLink { id, .. } => {
            parts.links.insert(id.clone());
        }
        Edit::AddRegion { id, .. } | Edit::ReplaceRegion { id, .. } => {
            parts.regions.insert(id.clone());
        }
        Edit::InsertFault { .. } | Edit::ReplaceFault { .. } => {
            parts.lists.insert(List::Faults);
        }
        Edit::InsertTourStop { .. } | Edit::ReplaceTourStop { .. } => {
            parts.lists.insert(List::Tour);
        }
        Edit::SetSettings { .. } => {
            parts.lists.insert(List::Settings);
        }
        Edit::Batch(edits) => edits.iter().for_each(|edit| touch(edit, parts)),
        Edit::RemoveNode { .. }
        | Edit::RenameNode { .. }
        | Edit::SetNodeLabel { .. }
        | Edit::SetNodeNote { .. }
        | Edit::RemoveLink { .. }
        | Edit::RenameLink { .. }
        | Edit::RemoveRegion { .. }
        | Edit::RenameRegion { .. }
        | Edit::RemoveFault { .. }
        | Edit::RemoveTourStop { .. }
        | Edit::SetTitle { .. }
        | Edit::SetNotes { .. } => {}
    }
}

/// The problems of these parts alone.
pub(crate) fn parts(scene: &Scene, parts: &Parts) -> Vec<SceneProblem> {
    let mut findings = Findings::default();
    let mut links: BTreeSet<&LinkId> = parts.links.iter().collect();
    for (id, node) in parts.nodes.iter().filter_map(|id| scene.nodes.get_key_value(id)) {
        self::node(scene, id, node, &mut findings);
    }
    if !parts.kinds.is_empty() {
        let meets = |link: &Link| parts.kinds.contains(&link.from) || parts.kinds.contains(&link.to);
        links.extend(scene.links.iter().filter(|(_, link)| meets(link)).map(|(id, _)| id));
    }
    for (id, link) in links.into_iter().filter_map(|id| scene.links.get_key_value(id)) {
        self::link(scene, id, link, &mut findings);
    }
    for (id, region) in parts.regions.iter().filter_map(|id| scene.regions.get_key_value(id)) {
        self::region(id, region, &mut findings);
    }
    for list in &parts.lists {
        match list {
            List::Settings => settings(scene, &mut findings),
            List::Faults => faults(scene, &mut findings),
            List::Tour => tour(scene, &mut findings),
        }
    }
    findings.0
}

fn sizes(scene: &Scene, findings: &mut Findings) {
    let counts = [("nodes", scene.nodes.len(), NODES_MAX), ("links", scene.links.len(), LINKS_MAX)];
    for (name, count, most) in counts {
        if count > most {
            let place = Place::scene().field(name);
            let problem = SceneProblem::error(Code::TooLarge, place, count);
            findings.push(
                problem
                    .because(format!("the scene has {count} {name}, more than {most}"))
                    .help("split it into several scenes"),
            );
        }
    }
}

fn settings(scene: &Scene, findings: &mut Findings) {
    let place = Place::scene().field("settings");
    let settings = &scene.settings;
    findings.number(&place.field("speed"), settings.speed, f64::MIN_POSITIVE..=1e9);
    findings.above_zero(&place.field("duration"), settings.duration);
    findings.at_least_one(&place.field("account_concurrency"), settings.account_concurrency);
    reservations(scene, findings);
    if let Some(partitions) = settings.partitions {
        findings.whole(&place.field("partitions"), partitions, 1..=PARTITIONS_MAX);
    }
}

/// What functions keep for themselves must leave something of the account's environments (FN-4).
fn reservations(scene: &Scene, findings: &mut Findings) {
    let Some(limit) = scene.settings.account_concurrency else { return };
    let functions = scene.nodes.values().filter_map(|node| match &node.kind {
        Kind::Function(function) => Some(function),
        _ => None,
    });
    let (mut reserved, mut sharing) = (0_u32, 0_usize);
    for function in functions {
        reserved = reserved.saturating_add(function.reserves());
        sharing += usize::from(function.concurrency.is_none());
    }
    if reserved > limit || (reserved == limit && sharing > 0) {
        let place = Place::scene().field("settings").field("account_concurrency");
        findings.push(
            SceneProblem::error(Code::OutOfRange, place, limit)
                .because(format!("the functions keep {reserved} environments for themselves, of {limit} in all"))
                .help("raise it, or lower `concurrency` or `provisioned` of functions"),
        );
    }
}

fn region(id: &RegionId, region: &Region, findings: &mut Findings) {
    let place = Place::scene().field("regions").key(id);
    for (index, value) in [region.center.0, region.center.1].into_iter().enumerate() {
        findings.number(&place.field("center").item(index), value, -COORDINATE_MAX..=COORDINATE_MAX);
    }
    for (index, value) in [region.size.0, region.size.1].into_iter().enumerate() {
        findings.number(&place.field("size").item(index), value, f64::MIN_POSITIVE..=COORDINATE_MAX);
    }
}

fn node(scene: &Scene, id: &NodeId, node: &Node, findings: &mut Findings) {
    let place = Place::scene().field("nodes").key(id);
    let (x, y, z) = node.position;
    for (index, value) in [x, y, z].into_iter().enumerate() {
        findings.number(&place.field("position").item(index), value, -COORDINATE_MAX..=COORDINATE_MAX);
    }
    if let Some(region) = node.region.as_ref().filter(|region| !scene.regions.contains_key(*region)) {
        let known = scene.regions.keys().map(RegionId::as_str);
        findings.push(dangling(place.field("region"), "region", region.as_str(), known));
    }
    kind::check(&place.field("kind"), &node.kind, findings);
}

/// The rules or routes that links can name; `None` for kinds that have neither.
fn rule_names(kind: &Kind) -> Option<(&'static str, Vec<&str>)> {
    match kind {
        Kind::Bus(bus) => Some(("rules", bus.rules.keys().map(String::as_str).collect())),
        Kind::Router(router) => Some(("routes", router.routes.keys().map(String::as_str).collect())),
        Kind::Gateway(gateway) => Some(("routes", gateway.routes.keys().map(String::as_str).collect())),
        Kind::Producer(_)
        | Kind::Client(_)
        | Kind::Function(_)
        | Kind::Queue(_)
        | Kind::Service(_)
        | Kind::Store(_)
        | Kind::Scheduler(_)
        | Kind::StateMachine(_)
        | Kind::Sink(_)
        | Kind::Generic(_) => None,
    }
}

/// Every (node, rule) that at least one link names.
fn fed_rules(scene: &Scene) -> BTreeSet<(&NodeId, &str)> {
    scene
        .links
        .values()
        .filter(|link| !link.dead_letters)
        .filter_map(|link| Some((&link.from, link.rule.as_deref()?)))
        .collect()
}

fn rules_without_target(id: &NodeId, node: &Node, fed: &BTreeSet<(&NodeId, &str)>, findings: &mut Findings) {
    let Some((field, names)) = rule_names(&node.kind) else { return };
    let place = Place::scene().field("nodes").key(id).field("kind").field(field);
    for name in names {
        if !fed.contains(&(id, name)) {
            let what = if field == "rules" { "rule" } else { "route" };
            let problem = SceneProblem::warning(Code::RuleWithoutTarget, place.key(name), name);
            findings.push(
                problem
                    .because(format!("{what} `{name}` of `{id}` feeds no link"))
                    .help(format!("add a link from `{id}` with rule: \"{name}\", or remove the {what}")),
            );
        }
    }
}

fn link(scene: &Scene, id: &LinkId, link: &Link, findings: &mut Findings) {
    let place = Place::scene().field("links").key(id);
    for (field, end) in [("from", &link.from), ("to", &link.to)] {
        if !scene.nodes.contains_key(end) {
            let known = scene.nodes.keys().map(NodeId::as_str);
            findings.push(dangling(place.field(field), "node", end.as_str(), known));
        }
    }
    findings.number(&place.field("loss"), link.loss, 0.0..=1.0);
    let latency = place.field("latency");
    findings.spread(&latency.field("spread"), &link.latency.spread);
    if let Some(floor) = link.latency.floor {
        findings.duration(&latency.field("floor"), floor);
    }
    if let Some(source) = scene.nodes.get(&link.from) {
        link_rule(&place, link, source, findings);
    }
}

fn link_rule(place: &Place, link: &Link, source: &Node, findings: &mut Findings) {
    let from = &link.from;
    match (&link.rule, rule_names(&source.kind)) {
        (Some(rule), None) => findings.push(
            SceneProblem::error(Code::UnknownRule, place.field("rule"), rule)
                .because(format!("the link names rule `{rule}`, but `{from}` is a {}", source.kind.name()))
                .help("leave `rule` out, or begin the link at a bus, router or gateway"),
        ),
        (Some(rule), Some((field, names))) if !names.contains(&rule.as_str()) => {
            let remedy = match nearest(rule, names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("add it to the {field} of `{from}`"),
            };
            findings.push(
                SceneProblem::error(Code::UnknownRule, place.field("rule"), rule)
                    .because(format!("`{rule}` is not among the {field} of `{from}`"))
                    .help(remedy),
            );
        }
        (None, Some(("rules", _))) if !link.dead_letters => findings.push(
            SceneProblem::warning(Code::NoEffect, place.clone(), from)
                .because(format!("the link leaves bus `{from}` but names no rule, so every event travels on it"))
                .help("name the rule that feeds it in `rule`"),
        ),
        (Some(_), Some(_)) | (None, _) => {}
    }
}

fn faults(scene: &Scene, findings: &mut Findings) {
    for (index, span) in scene.faults.iter().enumerate() {
        let place = Place::scene().field("faults").item(index);
        findings.duration(&place.field("at"), span.at);
        findings.in_order(&place.field("until"), span.at, span.until);
        let fault = place.field("fault");
        let target = fault.item(0);
        let node = match &span.fault {
            Fault::Stop(node) => Some(node),
            Fault::Slow(node, times) => {
                findings.number(&fault.item(1), *times, f64::MIN_POSITIVE..=1e6);
                Some(node)
            }
            Fault::ErrorRate(node, share) => {
                findings.number(&fault.item(1), *share, 0.0..=1.0);
                Some(node)
            }
            Fault::Cut(link) => {
                if !scene.links.contains_key(link) {
                    let known = scene.links.keys().map(LinkId::as_str);
                    findings.push(dangling(target.clone(), "link", link.as_str(), known));
                }
                None
            }
        };
        if let Some(node) = node.filter(|node| !scene.nodes.contains_key(*node)) {
            findings.push(dangling(target, "node", node.as_str(), scene.nodes.keys().map(NodeId::as_str)));
        }
    }
}

fn tour(scene: &Scene, findings: &mut Findings) {
    for (index, stop) in scene.tour.iter().enumerate() {
        let place = Place::scene().field("tour").item(index);
        if let Some(at) = stop.at {
            findings.duration(&place.field("at"), at);
        }
        for (number, node) in stop.nodes.iter().enumerate() {
            if !scene.nodes.contains_key(node) {
                let known = scene.nodes.keys().map(NodeId::as_str);
                findings.push(dangling(place.field("nodes").item(number), "node", node.as_str(), known));
            }
        }
    }
}

fn dangling<'a>(place: Place, what: &'static str, found: &str, known: impl Iterator<Item = &'a str>) -> SceneProblem {
    let help = match nearest(found, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("add a {what} `{found}`, or name another"),
    };
    SceneProblem::error(Code::Dangling, place, found).because(format!("there is no {what} `{found}`")).help(help)
}
