//! Function: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Function;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a function is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionParameters {}

/// Makes a scene's function ready to run.
pub fn compile(_: &Function) -> FunctionParameters {
    FunctionParameters {}
}

// --- State: everything that changes; nothing about a function lives elsewhere ---

/// What a function remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FunctionState {}

/// Messages in the function's custody.
pub fn held(_: &FunctionState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &FunctionParameters, _: &mut FunctionState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the function itself.
pub fn occasion(_: &FunctionParameters, _: &mut FunctionState, _: Occasion, _: &mut Effects) {}
