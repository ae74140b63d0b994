//! Service: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Service;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a service is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceParameters {}

/// Makes a scene's service ready to run.
pub fn compile(_: &Service) -> ServiceParameters {
    ServiceParameters {}
}

// --- State: everything that changes; nothing about a service lives elsewhere ---

/// What a service remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServiceState {}

/// Messages in the service's custody.
pub fn held(_: &ServiceState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &ServiceParameters, _: &mut ServiceState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the service itself.
pub fn occasion(_: &ServiceParameters, _: &mut ServiceState, _: Occasion, _: &mut Effects) {}
