//! The kinds of node: what each is told, what it remembers, what it does.
//!
//! Invariant: a kind is one file, and this `match` is the only place that lists them.
//! Invariant: behaviour is plain functions over (parameters, state, event, effects).

use serde::{Deserialize, Serialize};

use crate::scene::kind::Kind;
use crate::sim::consume;
use crate::sim::effects::{Common, Effects, Power};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::row::{Condition, Fate, HopKind, Outcome};

pub mod traffic;
pub mod producer;
pub mod client;
pub mod gateway;
pub mod function;
pub mod queue;
pub mod router;
pub mod bus;
pub mod service;
pub mod store;
pub mod scheduler;
pub mod state_machine;
pub mod sink;
pub mod generic;
pub mod limit;

/// What a node is told: its kind's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Parameters {
    /// See [`producer`].
    Producer(producer::ProducerParameters),
    /// See [`client`].
    Client(client::ClientParameters),
    /// See [`gateway`].
    Gateway(gateway::GatewayParameters),
    /// See [`function`].
    Function(function::FunctionParameters),
    /// See [`queue`].
    Queue(queue::QueueParameters),
    /// See [`router`].
    Router(router::RouterParameters),
    /// See [`bus`].
    Bus(bus::BusParameters),
    /// See [`service`].
    Service(service::ServiceParameters),
    /// See [`store`].
    Store(store::StoreParameters),
    /// See [`scheduler`].
    Scheduler(scheduler::SchedulerParameters),
    /// See [`state_machine`].
    StateMachine(state_machine::StateMachineParameters),
    /// See [`sink`].
    Sink(sink::SinkParameters),
    /// See [`generic`].
    Generic(generic::GenericParameters),
    /// See [`limit`].
    Limit(limit::LimitParameters),
}

/// What a node remembers: its kind's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum State {
    /// See [`producer`].
    Producer(producer::ProducerState),
    /// See [`client`].
    Client(client::ClientState),
    /// See [`gateway`].
    Gateway(gateway::GatewayState),
    /// See [`function`].
    Function(function::FunctionState),
    /// See [`queue`].
    Queue(queue::QueueState),
    /// See [`router`].
    Router(router::RouterState),
    /// See [`bus`].
    Bus(bus::BusState),
    /// See [`service`].
    Service(service::ServiceState),
    /// See [`store`].
    Store(store::StoreState),
    /// See [`scheduler`].
    Scheduler(scheduler::SchedulerState),
    /// See [`state_machine`].
    StateMachine(state_machine::StateMachineState),
    /// See [`sink`].
    Sink(sink::SinkState),
    /// See [`generic`].
    Generic(generic::GenericState),
    /// See [`limit`].
    Limit(limit::LimitState),
}

/// A node of a running partition.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[repr(C, align(64))]
pub struct Node {
    /// What every node has.
    pub common: Common,
    /// What it is told; commands replace it.
    pub parameters: Parameters,
    /// What it remembers.
    pub state: State,
}

impl Node {
    /// Reads the parts that every event reads, for nothing but to have them near.
    #[inline]
    pub fn touch(&self) -> u32 {
        let state = matches!(self.state, State::Sink(_));
        let parameters = matches!(self.parameters, Parameters::Sink(_));
        self.common.touch() ^ u32::from(state) ^ u32::from(parameters)
    }
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
            Kind::Client(client) => Parameters::Client(client::compile(client, templates)),
            Kind::Gateway(gateway) => Parameters::Gateway(gateway::compile(gateway)),
            Kind::Function(function) => Parameters::Function(function::compile(function)),
            Kind::Queue(queue) => Parameters::Queue(queue::compile(queue)),
            Kind::Router(router) => Parameters::Router(router::compile(router)),
            Kind::Bus(bus) => Parameters::Bus(bus::compile(bus)),
            Kind::Service(service) => Parameters::Service(service::compile(service)),
            Kind::Store(store) => Parameters::Store(store::compile(store)),
            Kind::Scheduler(scheduler) => Parameters::Scheduler(scheduler::compile(scheduler, templates)),
            Kind::StateMachine(state_machine) => Parameters::StateMachine(state_machine::compile(state_machine)),
            Kind::Sink(sink) => Parameters::Sink(sink::compile(sink)),
            Kind::Generic(generic) => Parameters::Generic(generic::compile(generic)),
        }
    }

    /// The parameters of a hidden node that grants `capacity` of something at one time.
    pub fn limit(capacity: u32) -> Parameters {
        Parameters::Limit(limit::LimitParameters { capacity })
    }

    /// The state of a node that has done nothing yet.
    pub fn state(&self) -> State {
        match self {
            Parameters::Producer(_) => State::Producer(producer::ProducerState::default()),
            Parameters::Client(_) => State::Client(client::ClientState::default()),
            Parameters::Gateway(_) => State::Gateway(gateway::GatewayState::default()),
            Parameters::Function(_) => State::Function(function::FunctionState::default()),
            Parameters::Queue(_) => State::Queue(queue::QueueState::default()),
            Parameters::Router(_) => State::Router(router::RouterState::default()),
            Parameters::Bus(_) => State::Bus(bus::BusState::default()),
            Parameters::Service(_) => State::Service(service::ServiceState::default()),
            Parameters::Store(_) => State::Store(store::StoreState::default()),
            Parameters::Scheduler(_) => State::Scheduler(scheduler::SchedulerState::default()),
            Parameters::StateMachine(_) => State::StateMachine(state_machine::StateMachineState::default()),
            Parameters::Sink(_) => State::Sink(sink::SinkState::default()),
            Parameters::Generic(_) => State::Generic(generic::GenericState::default()),
            Parameters::Limit(_) => State::Limit(limit::LimitState::default()),
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
            State::Producer(_) | State::Sink(_) | State::Limit(_) => 0,
            State::Client(state) => client::held(state),
            State::Gateway(state) => gateway::held(state),
            State::Function(state) => function::held(state),
            State::Queue(state) => queue::held(state),
            State::Router(state) => router::held(state),
            State::Bus(state) => bus::held(state),
            State::Service(state) => service::held(state),
            State::Store(state) => store::held(state),
            State::Scheduler(state) => scheduler::held(state),
            State::StateMachine(state) => state_machine::held(state),
            State::Generic(state) => generic::held(state),
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
        (Parameters::Producer(parameters), State::Producer(state)) => {
            producer::handle(parameters, state, event, effects)
        }
        (Parameters::Client(parameters), State::Client(state)) => client::handle(parameters, state, event, effects),
        (Parameters::Gateway(parameters), State::Gateway(state)) => gateway::handle(parameters, state, event, effects),
        (Parameters::Function(parameters), State::Function(state)) => {
            function::handle(parameters, state, event, effects)
        }
        (Parameters::Queue(parameters), State::Queue(state)) => queue::handle(parameters, state, event, effects),
        (Parameters::Router(parameters), State::Router(state)) => router::handle(parameters, state, event, effects),
        (Parameters::Bus(parameters), State::Bus(state)) => bus::handle(parameters, state, event, effects),
        (Parameters::Service(parameters), State::Service(state)) => service::handle(parameters, state, event, effects),
        (Parameters::Store(parameters), State::Store(state)) => store::handle(parameters, state, event, effects),
        (Parameters::Scheduler(parameters), State::Scheduler(state)) => {
            scheduler::handle(parameters, state, event, effects)
        }
        (Parameters::StateMachine(parameters), State::StateMachine(state)) => {
            state_machine::handle(parameters, state, event, effects)
        }
        (Parameters::Sink(parameters), State::Sink(state)) => sink::handle(parameters, state, event, effects),
        (Parameters::Generic(parameters), State::Generic(state)) => generic::handle(parameters, state, event, effects),
        (Parameters::Limit(parameters), State::Limit(state)) => limit::handle(parameters, state, event, effects),
        _ => unreachable!("a node's state is always made from its parameters' kind"),
    }
}

/// Tells a node what happened to it.
pub fn occasion(parameters: &Parameters, state: &mut State, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Stopped => {
            effects.common.power = Power::Stopped;
            effects.common.epoch += 1;
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
            producer::occasion(parameters, state, occasion, effects)
        }
        (Parameters::Client(parameters), State::Client(state)) => {
            client::occasion(parameters, state, occasion, effects)
        }
        (Parameters::Gateway(parameters), State::Gateway(state)) => {
            gateway::occasion(parameters, state, occasion, effects)
        }
        (Parameters::Function(parameters), State::Function(state)) => {
            function::occasion(parameters, state, occasion, effects)
        }
        (Parameters::Queue(parameters), State::Queue(state)) => queue::occasion(parameters, state, occasion, effects),
        (Parameters::Router(parameters), State::Router(state)) => {
            router::occasion(parameters, state, occasion, effects)
        }
        (Parameters::Bus(parameters), State::Bus(state)) => bus::occasion(parameters, state, occasion, effects),
        (Parameters::Service(parameters), State::Service(state)) => {
            service::occasion(parameters, state, occasion, effects)
        }
        (Parameters::Store(parameters), State::Store(state)) => store::occasion(parameters, state, occasion, effects),
        (Parameters::Scheduler(parameters), State::Scheduler(state)) => {
            scheduler::occasion(parameters, state, occasion, effects)
        }
        (Parameters::StateMachine(parameters), State::StateMachine(state)) => {
            state_machine::occasion(parameters, state, occasion, effects)
        }
        (Parameters::Generic(parameters), State::Generic(state)) => {
            generic::occasion(parameters, state, occasion, effects)
        }
        (Parameters::Sink(_), State::Sink(_)) => sink::occasion(occasion, effects),
        (Parameters::Limit(_), State::Limit(_)) => {}
        _ => unreachable!("a node's state is always made from its parameters' kind"),
    }
}

/// A stopped node refuses what wants an answer, loses what does not, and drops control. What a shared
/// limit granted it too late goes back.
fn refuse_stopped(event: &SimEvent, effects: &mut Effects) {
    if limit::grants(event, effects) {
        return limit::give_back(effects);
    }
    if matches!(event.kind, HopKind::Batch | HopKind::Acknowledgement) {
        let items = effects.take_batch(event);
        return consume::receipt(event, &items, Outcome::Failed, effects);
    }
    if matches!(event.kind, HopKind::Reply | HopKind::Error | HopKind::Throttled) {
        // Nobody is there to hear an answer, and it is not answered in turn.
        effects.receipt(event, Outcome::Failed);
        if event.custody == Custody::Moves {
            effects.end(&event.envelope(), Fate::Failed);
        }
        return;
    }
    effects.refuse(event, Outcome::Failed);
}
