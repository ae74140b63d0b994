//! Producer: states that something happened, at a rate.
//!
//! Invariant: it never waits: what it sends is out of its hands at once.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Producer;
use crate::scene::time::SimTime;
use crate::sim::consume;
use crate::sim::effects::{Effects, Parcel, Power};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::MessageId;
use crate::sim::node::traffic::{PayloadChoice, TrafficModel};
use crate::sim::node::{Occasion, Templates};
use crate::sim::row::{Direction, Fate, HopKind};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a producer is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProducerParameters {
    /// When it sends.
    pub traffic: TrafficModel,
    payloads: PayloadChoice,
    start: SimTime,
    end: SimTime,
}

/// Makes a scene's producer ready to run.
pub fn compile(producer: &Producer, templates: Templates) -> ProducerParameters {
    ProducerParameters {
        traffic: TrafficModel::new(&producer.traffic),
        payloads: PayloadChoice::new(&producer.payloads, templates),
        start: SimTime::ZERO + producer.start.span(),
        end: producer.end.map_or(SimTime::MAX, |end| SimTime::ZERO + end.span()),
    }
}

// --- State: everything that changes; nothing about a producer lives elsewhere ---

/// What a producer remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProducerState {
    sends: u64,
    generation: u32,
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &ProducerParameters, state: &mut ProducerState, event: &SimEvent, effects: &mut Effects) {
    match event.class {
        Class::Timer if event.token == state.generation => due(parameters, state, effects),
        Class::Arrival => consume::answered(event, effects),
        Class::Timer | Class::Command => {}
    }
}

/// Handles what happens to the producer itself.
pub fn occasion(parameters: &ProducerParameters, state: &mut ProducerState, occasion: Occasion, effects: &mut Effects) {
    state.generation += 1;
    match occasion {
        Occasion::Begin | Occasion::Started | Occasion::Reconfigured => {
            let start = parameters.start.max(effects.now);
            let first = match occasion {
                Occasion::Begin => parameters.traffic.first(start, effects.common.key),
                _ => parameters.traffic.next(start, state.sends, effects.common.key),
            };
            arm(parameters, state, first, effects);
        }
        Occasion::Stopped => {}
        Occasion::Send(count) => {
            (0..count).for_each(|_| send(parameters, effects));
            let next = parameters.traffic.next(effects.now, state.sends, effects.common.key);
            arm(parameters, state, next, effects);
        }
    }
}

fn arm(parameters: &ProducerParameters, state: &ProducerState, at: Option<SimTime>, effects: &mut Effects) {
    let on = effects.common.power == Power::On;
    if let Some(at) = at.filter(|at| on && *at < parameters.end) {
        effects.timer(0, at, state.generation, MessageId::NONE);
    }
}

fn due(parameters: &ProducerParameters, state: &mut ProducerState, effects: &mut Effects) {
    for _ in 0..parameters.traffic.count() {
        send(parameters, effects);
    }
    state.sends += 1;
    let next = parameters.traffic.next(effects.now, state.sends, effects.common.key);
    arm(parameters, state, next, effects);
}

/// One message, a copy of it over each further link.
fn send(parameters: &ProducerParameters, effects: &mut Effects) {
    let payload = parameters.payloads.draw(effects, effects.next_message());
    let message = effects.produce(payload);
    let links = &effects.ports().events;
    let Some((first, others)) = links.split_first() else {
        return effects.end(&message, Fate::Filtered);
    };
    let parcel = Parcel { kind: HopKind::Event, envelope: message, custody: Custody::Moves, token: 0, count: 1 };
    effects.send(*first, Direction::Forward, parcel);
    for link in others {
        let envelope = effects.copy(&message, payload);
        effects.send(*link, Direction::Forward, Parcel { envelope, ..parcel });
    }
}
