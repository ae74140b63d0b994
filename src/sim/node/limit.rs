//! Limit: grants a shared quantity, and takes it back.
//!
//! Invariant: granted is never above the capacity.
//! No scene draws it: compiling adds one where several nodes share a limit (compute semantics FN-2).

use serde::{Deserialize, Serialize};

use crate::sim::effects::{Effects, Envelope, Parcel};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::row::{Direction, HopKind};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a limit is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitParameters {
    /// Most that is granted at one time.
    pub capacity: u32,
}

// --- State: everything that changes; nothing about a limit lives elsewhere ---

/// What a limit remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LimitState {
    granted: u32,
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event: a request asks for one, an event gives one back.
pub fn handle(parameters: &LimitParameters, state: &mut LimitState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Request) => {
            let kind = if state.granted < parameters.capacity { HopKind::Reply } else { HopKind::Throttled };
            state.granted += u32::from(kind == HopKind::Reply);
            effects.reply(event, kind, Envelope::control(effects.node(), effects.now), Custody::Stays);
        }
        (Class::Arrival, HopKind::Event) => state.granted = state.granted.saturating_sub(1),
        _ => {}
    }
}

/// Gives back what the limit of this node granted; does nothing where it has none.
pub fn give_back(effects: &mut Effects) {
    let Some(link) = effects.ports().limit else { return };
    let envelope = Envelope::control(effects.node(), effects.now);
    let parcel = Parcel { kind: HopKind::Event, envelope, custody: Custody::Stays, token: 0, count: 0 };
    effects.send(link, Direction::Forward, parcel);
}

/// Whether an arrival is a limit's grant to this node.
pub fn grants(event: &SimEvent, effects: &Effects) -> bool {
    event.kind == HopKind::Reply && effects.ports().limit == Some(event.link())
}
