//! The model: a scene made dense and immutable, ready to run.
//!
//! Invariant: rows follow the order of the scene's ids, hidden nodes and links come last.
//! Invariant: nothing in here changes while a run lasts; what a command changes is partition state.

use std::sync::Arc;

use crate::flow::input::Input;
use crate::flow::pattern::Pattern;
use crate::flow::route;
use crate::flow::template::Template;
use crate::scene::document::{LinkMode, Scene};
use crate::scene::slug::NodeId;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::command::Command;
use crate::sim::consume::Polling;
use crate::sim::draw::Sampler;
use crate::sim::id::{LinkIndex, NodeIndex};
use crate::sim::node::{Parameters, Templates};
use crate::sim::way::Ways;

/// A compiled scene.
#[derive(Debug)]
pub struct Model {
    /// What it was compiled from.
    pub scene: Arc<Scene>,
    /// Nodes, scene nodes first.
    pub nodes: Vec<NodeModel>,
    /// Links, scene links first.
    pub links: Vec<LinkModel>,
    /// What each hop reads of the links.
    pub ways: Ways,
    /// Payload templates of all nodes.
    pub templates: Vec<Template>,
    /// The scene's faults as commands, in the order in which they act.
    pub faults: Vec<Command>,
}

/// A node of a model.
#[derive(Debug)]
pub struct NodeModel {
    /// Its id; hidden nodes have one that no scene can hold.
    pub name: String,
    /// A stable hash of the id, part of the key of its draws.
    pub hash: u64,
    /// What it is told.
    pub parameters: Parameters,
    /// Where its payload templates are.
    pub templates: Templates,
    /// Where its links are.
    pub ports: Ports,
    /// Whether the scene knows it.
    pub visibility: Visibility,
    /// Events a second that it is expected to see, for balance among partitions.
    pub load: f64,
}

/// Whether people see a node or link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    /// Part of the scene.
    Scene,
    /// Part of the machinery; no row of a recording names it.
    Hidden,
}

/// The links of a node, by what they are for.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    /// Outgoing, sent and not waited for.
    pub events: Vec<LinkIndex>,
    /// Outgoing, sent and waited for.
    pub requests: Vec<LinkIndex>,
    /// Outgoing, over which consumers poll this node.
    pub consumers: Vec<LinkIndex>,
    /// Incoming, over which this node polls.
    pub sources: Vec<LinkIndex>,
    /// Outgoing, for dead letters.
    pub dead_letters: Option<LinkIndex>,
    /// To the hidden node that grants a shared limit.
    pub limit: Option<LinkIndex>,
    /// Of a bus, router or gateway: what chooses among its links. Of a function: what it takes from queues.
    pub routes: Vec<Route>,
    /// Of a bus, router or gateway: links that no rule feeds.
    pub unrouted: Vec<LinkIndex>,
}

/// A rule of a bus or route of a router or gateway, with the links that it feeds.
#[derive(Clone, Debug)]
pub struct Route {
    /// The rule's name in the scene.
    pub name: String,
    /// What it matches.
    pub pattern: Matcher,
    /// Where it sends.
    pub links: Vec<LinkIndex>,
    /// Where goes what its links' targets did not take; `None`: where the node's dead letters go.
    pub dead_letters: Option<LinkIndex>,
    /// Of a bus's rule: what its targets receive; `None`: the event.
    pub input: Option<Input>,
    /// Of a bus's rule: retries after the first attempt, where they are its own.
    pub retries: Option<u32>,
    /// Of a bus's rule: the age past which nothing is retried, where it is its own.
    pub age_max: Option<SimSpan>,
}

/// What a payload has to say to go one way.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Of a bus or router: it matches this pattern.
    Event(Pattern),
    /// Of a gateway: its method and path are these.
    Request(route::Route),
}

impl Matcher {
    /// Whether a payload matches.
    pub fn matches(&self, payload: &serde_json::Value) -> bool {
        match self {
            Matcher::Event(pattern) => pattern.matches(payload),
            Matcher::Request(route) => route.matches(payload),
        }
    }
}

/// A link of a model.
#[derive(Clone, Debug)]
pub struct LinkModel {
    /// Where messages leave.
    pub source: NodeIndex,
    /// Where they arrive.
    pub target: NodeIndex,
    /// How the two talk.
    pub mode: LinkMode,
    /// A draw of each hop's latency.
    pub latency: Sampler,
    /// No hop takes less.
    pub floor: SimSpan,
    /// Share of hops lost.
    pub loss: f64,
    /// Of a poll link: how its target polls.
    pub polling: Polling,
    /// A stable hash of the id.
    pub hash: u32,
    /// Whether the scene knows it.
    pub visibility: Visibility,
}

impl Model {
    /// The row of a scene node.
    pub fn node_index(&self, id: &NodeId) -> Option<NodeIndex> {
        let row = self.nodes.binary_search_by(|node| match node.visibility {
            Visibility::Scene => node.name.as_str().cmp(id.as_str()),
            Visibility::Hidden => std::cmp::Ordering::Greater,
        });
        row.ok().map(|row| NodeIndex(row as u32))
    }

    /// The row of a scene link.
    pub fn link_index(&self, id: &crate::scene::slug::LinkId) -> Option<LinkIndex> {
        self.scene.links.keys().position(|link| link == id).map(|row| LinkIndex(row as u32))
    }

    /// How long the scene wants to run.
    pub fn duration(&self) -> SimTime {
        SimTime::ZERO + self.scene.settings.duration.span()
    }

    /// Nodes that the scene knows.
    pub fn scene_nodes(&self) -> usize {
        self.scene.nodes.len()
    }
}
