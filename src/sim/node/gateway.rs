//! Gateway: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Gateway;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a gateway is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayParameters {}

/// Makes a scene's gateway ready to run.
pub fn compile(_: &Gateway) -> GatewayParameters {
    GatewayParameters {}
}

// --- State: everything that changes; nothing about a gateway lives elsewhere ---

/// What a gateway remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GatewayState {}

/// Messages in the gateway's custody.
pub fn held(_: &GatewayState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &GatewayParameters, _: &mut GatewayState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the gateway itself.
pub fn occasion(_: &GatewayParameters, _: &mut GatewayState, _: Occasion, _: &mut Effects) {}
