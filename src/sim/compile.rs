//! Compiling: from a scene that people read to a model that runs.
//!
//! Invariant: the same scene gives the same model; nothing here draws or measures.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::flow::states::Definition;
use crate::flow::{pattern, template};
use crate::scene::document::{Fault, Link, LinkMode, Scene};
use crate::scene::kind::{Kind, PayloadTemplate};
use crate::scene::slug::{LinkId, NodeId};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::command::{Command, CommandAction};
use crate::sim::consume::Polling;
use crate::sim::draw::Sampler;
use crate::sim::id::{LinkIndex, NodeIndex};
use crate::sim::model::{LinkModel, Model, NodeModel, Ports, Route, Visibility};
use crate::sim::node::{Parameters, Templates};

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
    /// A pattern does not compile.
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
        add_shared_limit(limit, &mut nodes, &mut links);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    spread_load(&mut nodes, &links);
    Ok(Model { scene: Arc::new(scene.clone()), nodes, links, templates, faults: faults(scene) })
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
    for (row, (link, written)) in (0u32..).zip(links.iter().zip(scene.links.values())) {
        let row = LinkIndex(row);
        let ports = &mut nodes[link.source.row()].ports;
        match link.mode {
            _ if written.dead_letters => ports.dead_letters = Some(row),
            LinkMode::Event => ports.events.push(row),
            LinkMode::Request => ports.requests.push(row),
            LinkMode::Poll => {
                ports.consumers.push(row);
                nodes[link.target.row()].ports.sources.push(row);
            }
        }
    }
    let rules: Vec<Option<&str>> = scene.links.values().map(|link| link.rule.as_deref()).collect();
    for ((id, node), model) in scene.nodes.iter().zip(nodes) {
        connect_routes(&rules, id, &node.kind, &mut model.ports, errors);
    }
}

/// The patterns of a bus's rules or a router's routes, by name.
fn patterns(kind: &Kind) -> BTreeMap<&str, &str> {
    match kind {
        Kind::Bus(bus) => {
            let enabled = bus.rules.iter().filter(|(_, rule)| rule.enabled);
            enabled.map(|(name, rule)| (name.as_str(), rule.pattern.as_str())).collect()
        }
        Kind::Router(router) => router.routes.iter().map(|(name, pattern)| (name.as_str(), pattern.as_str())).collect(),
        _ => BTreeMap::new(),
    }
}

fn connect_routes(rules: &[Option<&str>], id: &NodeId, kind: &Kind, ports: &mut Ports, errors: &mut Vec<CompileError>) {
    let outgoing: Vec<(LinkIndex, Option<&str>)> =
        ports.events.iter().map(|row| (*row, rules.get(row.row()).copied().flatten())).collect();
    for (name, text) in patterns(kind) {
        let links = outgoing.iter().filter(|(_, rule)| *rule == Some(name)).map(|(row, _)| *row).collect();
        match pattern::compile(text) {
            Ok(pattern) => ports.routes.push(Route { name: name.to_owned(), pattern, links }),
            Err(reason) => errors.push(CompileError::Pattern {
                node: id.clone(),
                rule: name.to_owned(),
                reason: reason.to_string(),
            }),
        }
    }
    ports.unrouted = outgoing.iter().filter(|(_, rule)| rule.is_none()).map(|(row, _)| *row).collect();
}

/// A hidden node that grants environments, and a hidden link to it from every function.
fn add_shared_limit(limit: u32, nodes: &mut Vec<NodeModel>, links: &mut Vec<LinkModel>) {
    let name = " account concurrency";
    let target = NodeIndex(nodes.len() as u32);
    for (row, node) in (0u32..).zip(nodes.iter_mut()) {
        if !matches!(node.parameters, Parameters::Function(_)) {
            continue;
        }
        node.ports.limit = Some(LinkIndex(links.len() as u32));
        links.push(LinkModel {
            source: NodeIndex(row),
            target,
            mode: LinkMode::Request,
            latency: Sampler::Constant(LIMIT_FLOOR),
            floor: LIMIT_FLOOR,
            loss: 0.0,
            polling: Polling { pollers: 1, batch_size: 1 },
            hash: stable_hash(name) as u32,
            visibility: Visibility::Hidden,
        });
    }
    nodes.push(NodeModel {
        name: name.to_owned(),
        hash: stable_hash(name),
        parameters: Parameters::limit(limit),
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
fn faults(scene: &Scene) -> Vec<Command> {
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
