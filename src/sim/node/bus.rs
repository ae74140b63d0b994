//! Bus: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Bus;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a bus is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BusParameters {}

/// Makes a scene's bus ready to run.
pub fn compile(_: &Bus) -> BusParameters {
    BusParameters {}
}

// --- State: everything that changes; nothing about a bus lives elsewhere ---

/// What a bus remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BusState {}

/// Messages in the bus's custody.
pub fn held(_: &BusState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &BusParameters, _: &mut BusState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the bus itself.
pub fn occasion(_: &BusParameters, _: &mut BusState, _: Occasion, _: &mut Effects) {}
