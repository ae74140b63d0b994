//! Store: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Store;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a store is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreParameters {}

/// Makes a scene's store ready to run.
pub fn compile(_: &Store) -> StoreParameters {
    StoreParameters {}
}

// --- State: everything that changes; nothing about a store lives elsewhere ---

/// What a store remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoreState {}

/// Messages in the store's custody.
pub fn held(_: &StoreState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &StoreParameters, _: &mut StoreState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the store itself.
pub fn occasion(_: &StoreParameters, _: &mut StoreState, _: Occasion, _: &mut Effects) {}
