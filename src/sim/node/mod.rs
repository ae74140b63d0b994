//! The kinds of node: what each is told, what it remembers, what it does.
//!
//! Invariant: a kind is one file, and this `match` is the only place that lists them.
//! Invariant: behaviour is plain functions over (parameters, state, event, effects).

use serde::{Deserialize, Serialize};

use crate::scene::kind::Kind;
use crate::sim::effects::{Common, Effects, Power};
use crate::sim::event::{Class, SimEvent};
use crate::sim::row::{Condition, Outcome};

pub mod traffic;
pub mod producer;
pub mod queue;
pub mod router;
pub mod sink;

/// What a node is told: its kind's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Parameters {
    /// See [`producer`].
    Producer(producer::ProducerParameters),
    /// See [`queue`].
    Queue(queue::QueueParameters),
    /// See [`router`].
    Router(router::RouterParameters),
    /// See [`sink`].
    Sink(sink::SinkParameters),
}

/// What a node remembers: its kind's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum State {
    /// See [`producer`].
    Producer(producer::ProducerState),
    /// See [`queue`].
    Queue(queue::QueueState),
    /// See [`router`].
    Router(router::RouterState),
    /// See [`sink`].
    Sink(sink::SinkState),
}

/// A node of a running partition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// What every node has.
    pub common: Common,
    /// What it is told; commands replace it.
    pub parameters: Parameters,
    /// What it remembers.
    pub state: State,
}

/// What happens to a node besides arrivals and timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    /// The run begins.
    Begin,
    /// The node was stopped by a fault or a person.
    Stopped,
    /// The node works again.
    Started,
    /// The node was told other parameters.
    Reconfigured,
    /// A person asks for this many sends at once.
    Send(u32),
}

/// Where a node's payload templates begin in the model.
#[derive(Clone, Copy, Debug)]
pub struct Templates {
    /// The first one's row.
    pub first: u32,
}

impl Parameters {
    /// The parameters of a kind, with lengths of time and probabilities made ready to use.
    pub fn new(kind: &Kind, templates: Templates) -> Parameters {
        match kind {
            Kind::Producer(producer) => Parameters::Producer(producer::compile(producer, templates)),
            Kind::Queue(queue) => Parameters::Queue(queue::compile(queue)),
            Kind::Router(router) => Parameters::Router(router::compile(router)),
            Kind::Sink(sink) => Parameters::Sink(sink::compile(sink)),
            _ => Parameters::Sink(sink::compile(&crate::scene::kind::Sink::default())),
        }
    }

    /// The state of a node that has done nothing yet.
    pub fn state(&self) -> State {
        match self {
            Parameters::Producer(_) => State::Producer(producer::ProducerState::default()),
            Parameters::Queue(_) => State::Queue(queue::QueueState::default()),
            Parameters::Router(_) => State::Router(router::RouterState::default()),
            Parameters::Sink(_) => State::Sink(sink::SinkState::default()),
        }
    }

    /// Whether both are of one kind.
    pub fn same_kind(&self, other: &Parameters) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl State {
    /// Messages in the node's custody, for conservation.
    pub fn held(&self) -> u64 {
        match self {
            State::Producer(_) | State::Sink(_) => 0,
            State::Queue(state) => queue::held(state),
            State::Router(state) => router::held(state),
        }
    }
}

/// Handles an arrival or a timer.
#[inline]
pub fn handle(parameters: &Parameters, state: &mut State, event: &SimEvent, effects: &mut Effects) {
    if event.class == Class::Arrival {
        effects.common.balance.landed += event.custody as u64;
        if effects.common.power == Power::Stopped {
            return refuse_stopped(event, effects);
        }
    }
    match (parameters, state) {
        (Parameters::Producer(parameters), State::Producer(state)) => producer::handle(parameters, state, event, effects),
        (Parameters::Queue(parameters), State::Queue(state)) => queue::handle(parameters, state, event, effects),
        (Parameters::Router(parameters), State::Router(state)) => router::handle(parameters, state, event, effects),
        (Parameters::Sink(parameters), State::Sink(state)) => sink::handle(parameters, state, event, effects),
        _ => unreachable!("a node's state is always made from its parameters' kind"),
    }
}

/// Tells a node what happened to it.
pub fn occasion(parameters: &Parameters, state: &mut State, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Stopped => {
            effects.common.power = Power::Stopped;
            effects.set_condition(Condition::STOPPED);
        }
        Occasion::Started => {
            effects.common.power = Power::On;
            effects.clear_condition(Condition::STOPPED);
        }
        Occasion::Begin | Occasion::Reconfigured | Occasion::Send(_) => {}
    }
    match (parameters, state) {
        (Parameters::Producer(parameters), State::Producer(state)) => {
            producer::occasion(parameters, state, occasion, effects);
        }
        (Parameters::Queue(parameters), State::Queue(state)) => queue::occasion(parameters, state, occasion, effects),
        (Parameters::Router(parameters), State::Router(state)) => router::occasion(parameters, state, occasion, effects),
        (Parameters::Sink(_), State::Sink(_)) => {}
        _ => unreachable!("a node's state is always made from its parameters' kind"),
    }
}

/// A stopped node refuses what wants an answer, loses what does not, and drops control.
fn refuse_stopped(event: &SimEvent, effects: &mut Effects) {
    effects.take_batch(event);
    effects.refuse(event, Outcome::Failed);
}
