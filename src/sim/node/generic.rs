//! Generic: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Generic;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a generic is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenericParameters {}

/// Makes a scene's generic ready to run.
pub fn compile(_: &Generic) -> GenericParameters {
    GenericParameters {}
}

// --- State: everything that changes; nothing about a generic lives elsewhere ---

/// What a generic remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GenericState {}

/// Messages in the generic's custody.
pub fn held(_: &GenericState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &GenericParameters, _: &mut GenericState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the generic itself.
pub fn occasion(_: &GenericParameters, _: &mut GenericState, _: Occasion, _: &mut Effects) {}
