//! Client: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Client;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::{Occasion, Templates};
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientParameters {}

/// Makes a scene's client ready to run.
pub fn compile(_: &Client, templates: Templates) -> ClientParameters {
    let _first = templates.first;
    ClientParameters {}
}

// --- State: everything that changes; nothing about a client lives elsewhere ---

/// What a client remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ClientState {}

/// Messages in the client's custody.
pub fn held(_: &ClientState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &ClientParameters, _: &mut ClientState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the client itself.
pub fn occasion(_: &ClientParameters, _: &mut ClientState, _: Occasion, _: &mut Effects) {}
