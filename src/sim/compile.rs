//! Compiling: from a scene that people read to a model that runs.
//!
//! Invariant: the same scene gives the same model; nothing here draws or measures.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::flow::input::Input;
use crate::flow::states::Definition;
use crate::flow::{pattern, route, schedule, template};
use crate::scene::document::{Fault, Link, LinkMode, Scene};
use crate::scene::kind::{self as scene_kind, Kind, PayloadTemplate, Rule};
use crate::scene::slug::{LinkId, NodeId};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::command::{Command, CommandAction};
use crate::sim::consume::Polling;
use crate::sim::draw::Sampler;
use crate::sim::id::{LinkIndex, NodeIndex};
use crate::sim::model::{LinkModel, Matcher, Model, NodeModel, Ports, Route, Visibility};
use crate::sim::node::{Parameters, Templates};
use crate::sim::way::Ways;

/// No undeclared floor is under this.
const FLOOR_LEAST: SimSpan = SimSpan::from_micros(100);
/// Polls under way where a queue leaves their number to its consumer.
const POLLERS_DEFAULT: u32 = 10;
/// The floor of the way to a shared limit, deducted from the overhead that a service has anyway.
const LIMIT_FLOOR: SimSpan = SimSpan::from_micros(100);
/// Rounds in which load is passed on along the links.
const LOAD_ROUNDS: usize = 12;

/// Why a scene does not compile.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// A link's end is missing.
    #[error("link `{link}` points at `{node}`, which does not exist")]
    Dangling {
        /// The link.
        link: LinkId,
        /// The missing end.
        node: NodeId,
    },
    /// A rule's pattern or input does not compile.
    #[error("rule `{rule}` of `{node}`: {reason}")]
    Pattern {
        /// The bus or router.
        node: NodeId,
        /// The rule.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A payload template does not parse.
    #[error("payload {number} of `{node}`: {reason}")]
    Payload {
        /// The source.
        node: NodeId,
        /// Which of its payloads, counted from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A scheduler's expression or zone cannot be read.
    #[error("schedule of `{node}`: {reason}")]
    Schedule {
        /// The scheduler.
        node: NodeId,
        /// What is wrong with it.
        reason: String,
    },
    /// A state machine's definition does not parse.
    #[error("definition of `{node}`: {reason}")]
    Definition {
        /// The state machine.
        node: NodeId,
        /// What is wrong with it.
        reason: String,
    },
}

/// Makes a scene ready to run, or says all that is in the way.
pub fn compile(scene: &Scene) -> Result<Model, Vec<CompileError>> {
    let mut errors = Vec::new();
    let mut templates = Vec::new();
    let mut nodes = Vec::new();
    for (id, node) in &scene.nodes {
        let first = templates.len() as u32;
        add_templates(id, &node.kind, &mut templates, &mut errors);
        check_definition(id, &node.kind, &mut errors);
        check_schedule(id, &node.kind, &mut errors);
        let parameters = Parameters::new(&node.kind, Templates { first });
        nodes.push(NodeModel {
            name: id.to_string(),
            hash: stable_hash(id.as_str()),
            load: source_load(&parameters),
            parameters,
            templates: Templates { first },
            ports: Ports::default(),
            visibility: Visibility::Scene,
        });
    }
    let rows = scene.nodes.keys().zip((0u32..).map(NodeIndex)).collect();
    let mut links = Vec::new();
    for (id, link) in &scene.links {
        match compile_link(scene, &rows, id, link) {
            Ok(link) => links.push(link),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    connect(scene, &mut nodes, &links, &mut errors);
    if let Some(limit) = scene.settings.account_concurrency {
        let reserved = scene.nodes.values().map(|node| reserves(&node.kind)).fold(0, u32::saturating_add);
        add_shared_limit(limit, reserved, &mut nodes, &mut links);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    spread_load(&mut nodes, &links);
    let ways = Ways::new(&links);
    Ok(Model { scene: Arc::new(scene.clone()), nodes, links, ways, templates, faults: faults(scene) })
}

fn stable_hash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

fn payloads(kind: &Kind) -> &[PayloadTemplate] {
    match kind {
        Kind::Producer(producer) => &producer.payloads,
        Kind::Client(client) => &client.payloads,
        Kind::Scheduler(scheduler) => &scheduler.payloads,
        _ => &[],
    }
}

/// A node's templates; a source without any says an empty object.
fn add_templates(node: &NodeId, kind: &Kind, all: &mut Vec<template::Template>, errors: &mut Vec<CompileError>) {
    let empty = [PayloadTemplate { weight: 1, body: "{}".to_owned(), variants: 1 }];
    let is_source = matches!(kind, Kind::Producer(_) | Kind::Client(_) | Kind::Scheduler(_));
    let said = payloads(kind);
    let said = if said.is_empty() && is_source { &empty } else { said };
    for (number, payload) in (1..).zip(said) {
        match template::Template::parse(&payload.body, payload.variants) {
            Ok(template) => all.push(template),
            Err(reason) => {
                errors.push(CompileError::Payload { node: node.clone(), number, reason: reason.to_string() });
            }
        }
    }
}

/// A state machine's definition must parse.
fn check_definition(node: &NodeId, kind: &Kind, errors: &mut Vec<CompileError>) {
    let Kind::StateMachine(machine) = kind else { return };
    if let Err(problems) = Definition::parse(&machine.definition) {
        let error = |reason: String| CompileError::Definition { node: node.clone(), reason };
        errors.extend(problems.iter().map(|problem| error(problem.to_string())));
    }
}

/// What a scheduler's clock goes by must be readable.
fn check_schedule(node: &NodeId, kind: &Kind, errors: &mut Vec<CompileError>) {
    let Kind::Scheduler(scheduler) = kind else { return };
    let Some(expression) = scheduler.schedule.expression() else { return };
    if let Err(error) = schedule::Schedule::parse(&expression, &scheduler.zone) {
        let reason = format!("{error}; {}", error.help());
        errors.push(CompileError::Schedule { node: node.clone(), reason });
    }
}

fn source_load(parameters: &Parameters) -> f64 {
    match parameters {
        Parameters::Producer(producer) => producer.traffic.mean_hertz(),
        Parameters::Client(client) => client.load(),
        _ => 0.0,
    }
}

/// The rows of all nodes, by id.
type Rows<'a> = BTreeMap<&'a NodeId, NodeIndex>;

fn row_of(rows: &Rows, link: &LinkId, node: &NodeId) -> Result<NodeIndex, CompileError> {
    let dangling = || CompileError::Dangling { link: link.clone(), node: node.clone() };
    rows.get(node).copied().ok_or_else(dangling)
}

fn compile_link(scene: &Scene, rows: &Rows, id: &LinkId, link: &Link) -> Result<LinkModel, CompileError> {
    let source = row_of(rows, id, &link.from)?;
    let target = row_of(rows, id, &link.to)?;
    let latency = Sampler::new(&link.latency.spread);
    let floor = match link.latency.floor {
        Some(floor) => floor.span(),
        None if latency == Sampler::Constant(SimSpan::ZERO) => SimSpan::ZERO,
        None => latency.low_quantile().max(FLOOR_LEAST),
    };
    let mode = mode_of(scene, link);
    Ok(LinkModel {
        source,
        target,
        mode,
        latency,
        floor,
        loss: link.loss,
        polling: polling_of(scene, link),
        hash: stable_hash(id.as_str()) as u32,
        visibility: Visibility::Scene,
    })
}

/// How the two ends talk where the scene leaves it open.
pub fn mode_of(scene: &Scene, link: &Link) -> LinkMode {
    if let Some(mode) = link.mode {
        return mode;
    }
    let kind = |id: &NodeId| scene.nodes.get(id).map(|node| &node.kind);
    if link.dead_letters {
        return LinkMode::Event;
    }
    match (kind(&link.from), kind(&link.to)) {
        (Some(Kind::Queue(_)), _) => LinkMode::Poll,
        (Some(Kind::Client(_) | Kind::Gateway(_) | Kind::StateMachine(_)), _) => LinkMode::Request,
        (Some(Kind::Function(_)), Some(Kind::Service(_) | Kind::Store(_))) => LinkMode::Request,
        _ => LinkMode::Event,
    }
}

fn polling_of(scene: &Scene, link: &Link) -> Polling {
    match scene.nodes.get(&link.from).map(|node| &node.kind) {
        Some(Kind::Queue(queue)) => Polling {
            pollers: queue.pollers.unwrap_or(POLLERS_DEFAULT).max(1),
            batch_size: u16::try_from(queue.batch_size.max(1)).unwrap_or(u16::MAX),
        },
        _ => Polling { pollers: 1, batch_size: 1 },
    }
}

/// Tells each node where its links are.
fn connect(scene: &Scene, nodes: &mut [NodeModel], links: &[LinkModel], errors: &mut Vec<CompileError>) {
    let mut fed = vec![Fed::default(); nodes.len()];
    for (row, (link, written)) in (0u32..).zip(links.iter().zip(scene.links.values())) {
        let row = LinkIndex(row);
        let ports = &mut nodes[link.source.row()].ports;
        let fed = &mut fed[link.source.row()];
        match link.mode {
            _ if written.dead_letters => match &written.rule {
                Some(rule) => fed.dead_letters.push((row, rule)),
                None => ports.dead_letters = Some(row),
            },
            LinkMode::Event => {
                ports.events.push(row);
                fed.events.push((row, written.rule.as_deref()));
            }
            LinkMode::Request => {
                ports.requests.push(row);
                fed.requests.push((row, written.rule.as_deref()));
            }
            LinkMode::Poll => {
                ports.consumers.push(row);
                nodes[link.target.row()].ports.sources.push(row);
            }
        }
    }
    for (((id, node), model), fed) in scene.nodes.iter().zip(nodes).zip(&fed) {
        connect_routes(fed, id, &node.kind, &mut model.ports, errors);
    }
}

/// Links of a node that rules or routes may feed, with the names of these.
#[derive(Clone, Default)]
struct Fed<'a> {
    events: Vec<(LinkIndex, Option<&'a str>)>,
    requests: Vec<(LinkIndex, Option<&'a str>)>,
    dead_letters: Vec<(LinkIndex, &'a str)>,
}

impl Fed<'_> {
    /// The links of a gateway that a route feeds, or that none feeds: those that wait, or else those that do not.
    fn ways(&self, route: Option<&str>) -> Vec<LinkIndex> {
        let fed = |links: &[(LinkIndex, Option<&str>)]| -> Vec<LinkIndex> {
            links.iter().filter(|(_, fed_by)| *fed_by == route).map(|(row, _)| *row).collect()
        };
        let waiting = fed(&self.requests);
        if waiting.is_empty() { fed(&self.events) } else { waiting }
    }
}

/// The routes of a gateway, the ones that say most first.
fn connect_gateway(
    fed: &Fed,
    id: &NodeId,
    gateway: &scene_kind::Gateway,
    ports: &mut Ports,
    errors: &mut Vec<CompileError>,
) {
    let mut ranked = Vec::new();
    for (name, texts) in &gateway.routes {
        for text in texts {
            match route::Route::parse(text) {
                Ok(route) => ranked.push((route.rank(), name, route)),
                Err(error) => errors.push(CompileError::Pattern {
                    node: id.clone(),
                    rule: name.clone(),
                    reason: error.to_string(),
                }),
            }
        }
    }
    ranked.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    ports.routes = ranked
        .into_iter()
        .map(|(_, name, route)| Route {
            name: name.clone(),
            pattern: Matcher::Request(route),
            links: fed.ways(Some(name)),
            dead_letters: None,
            input: None,
            retries: None,
            age_max: None,
        })
        .collect();
    ports.unrouted = fed.ways(None);
}

/// The rules of a bus that are switched on, the routes of a router or the filters of a function, by name.
fn rules(kind: &Kind) -> BTreeMap<&str, Rule> {
    match kind {
        Kind::Bus(bus) => {
            let enabled = bus.rules.iter().filter(|(_, rule)| rule.enabled);
            enabled.map(|(name, rule)| (name.as_str(), rule.clone())).collect()
        }
        Kind::Router(router) => {
            router.routes.iter().map(|(name, pattern)| (name.as_str(), Rule::new(pattern))).collect()
        }
        // What a function takes from queues has no names of its own.
        Kind::Function(function) => {
            function.filters.iter().map(|pattern| (pattern.as_str(), Rule::new(pattern))).collect()
        }
        _ => BTreeMap::new(),
    }
}

fn connect_routes(fed: &Fed, id: &NodeId, kind: &Kind, ports: &mut Ports, errors: &mut Vec<CompileError>) {
    if let Kind::Gateway(gateway) = kind {
        return connect_gateway(fed, id, gateway, ports, errors);
    }
    for (name, rule) in rules(kind) {
        let links = fed.events.iter().filter(|(_, fed_by)| *fed_by == Some(name)).map(|(row, _)| *row).collect();
        let dead_letters = fed.dead_letters.iter().find(|(_, of)| *of == name).map(|(row, _)| *row);
        let mut refuse = |reason: String| {
            errors.push(CompileError::Pattern { node: id.clone(), rule: name.to_owned(), reason });
        };
        let pattern = match pattern::compile(&rule.pattern) {
            Ok(pattern) => Matcher::Event(pattern),
            Err(reason) => {
                refuse(reason.to_string());
                continue;
            }
        };
        let input = match &rule.input {
            scene_kind::Input::Event => Ok(None),
            scene_kind::Input::Path(path) => Input::part(path).map(Some),
            scene_kind::Input::Constant(text) => Input::constant(text).map(Some),
            scene_kind::Input::Transformer(paths, template) => Input::template(paths, template).map(Some),
        };
        let input = input.unwrap_or_else(|reason| {
            refuse(reason.to_string());
            None
        });
        let (retries, age_max) = (rule.retries, rule.age_max.map(|age| age.span()));
        ports.routes.push(Route { name: name.to_owned(), pattern, links, dead_letters, input, retries, age_max });
    }
    ports.unrouted = fed.events.iter().filter(|(_, rule)| rule.is_none()).map(|(row, _)| *row).collect();
}

/// Environments that a node keeps for itself.
fn reserves(kind: &Kind) -> u32 {
    match kind {
        Kind::Function(function) => function.reserves(),
        _ => 0,
    }
}

/// A hidden node that grants the environments that no function keeps for itself (FN-3, FN-7), and a hidden
/// link to it from every function that asks.
fn add_shared_limit(limit: u32, reserved: u32, nodes: &mut Vec<NodeModel>, links: &mut Vec<LinkModel>) {
    let name = " account concurrency";
    let target = NodeIndex(nodes.len() as u32);
    for (row, node) in (0u32..).zip(nodes.iter_mut()) {
        let Parameters::Function(function) = &node.parameters else { continue };
        let Some(least) = function.asking_least() else { continue };
        let floor = LIMIT_FLOOR.min(least);
        node.ports.limit = Some(LinkIndex(links.len() as u32));
        links.push(LinkModel {
            source: NodeIndex(row),
            target,
            mode: LinkMode::Request,
            latency: Sampler::Constant(floor),
            floor,
            loss: 0.0,
            polling: Polling { pollers: 1, batch_size: 1 },
            hash: stable_hash(name) as u32,
            visibility: Visibility::Hidden,
        });
    }
    nodes.push(NodeModel {
        name: name.to_owned(),
        hash: stable_hash(name),
        parameters: Parameters::limit(limit.saturating_sub(reserved)),
        templates: Templates { first: 0 },
        ports: Ports::default(),
        visibility: Visibility::Hidden,
        load: 0.0,
    });
}

/// Passes the sources' rates on along the links, for the balance among partitions.
fn spread_load(nodes: &mut [NodeModel], links: &[LinkModel]) {
    let own: Vec<f64> = nodes.iter().map(|node| node.load).collect();
    let mut load = own.clone();
    for _ in 0..LOAD_ROUNDS {
        let mut next = own.clone();
        for link in links {
            let fan = nodes[link.source.row()].ports.events.len().max(1) as f64;
            next[link.target.row()] += (load[link.source.row()] / fan).min(1e9);
        }
        load = next;
    }
    for (node, load) in nodes.iter_mut().zip(load) {
        node.load = load.min(1e9);
    }
}

/// The scene's faults as commands, by time.
pub fn faults(scene: &Scene) -> Vec<Command> {
    let mut commands = Vec::new();
    for span in &scene.faults {
        let (begins, ends) = match &span.fault {
            Fault::Stop(node) => (CommandAction::Stop(node.clone()), CommandAction::Start(node.clone())),
            Fault::Slow(node, factor) => {
                (CommandAction::Slow(node.clone(), *factor), CommandAction::Slow(node.clone(), 1.0))
            }
            Fault::ErrorRate(node, rate) => {
                (CommandAction::ErrorRate(node.clone(), *rate), CommandAction::ErrorRate(node.clone(), 0.0))
            }
            Fault::Cut(link) => (CommandAction::Cut(link.clone()), CommandAction::Restore(link.clone())),
        };
        commands.push(Command { at: SimTime::ZERO + span.at.span(), action: begins });
        if let Some(until) = span.until {
            commands.push(Command { at: SimTime::ZERO + until.span(), action: ends });
        }
    }
    commands.sort_by_key(|command| command.at);
    commands
}
