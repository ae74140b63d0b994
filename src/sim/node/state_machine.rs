//! State machine: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::StateMachine;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a state machine is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateMachineParameters {}

/// Makes a scene's state machine ready to run.
pub fn compile(_: &StateMachine) -> StateMachineParameters {
    StateMachineParameters {}
}

// --- State: everything that changes; nothing about a state machine lives elsewhere ---

/// What a state machine remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StateMachineState {}

/// Messages in the state machine's custody.
pub fn held(_: &StateMachineState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &StateMachineParameters, _: &mut StateMachineState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the state machine itself.
pub fn occasion(_: &StateMachineParameters, _: &mut StateMachineState, _: Occasion, _: &mut Effects) {}
