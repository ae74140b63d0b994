//! Scheduler: being filled in.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Scheduler;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::{Occasion, Templates};
use crate::sim::row::{HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a scheduler is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchedulerParameters {}

/// Makes a scene's scheduler ready to run.
pub fn compile(_: &Scheduler, templates: Templates) -> SchedulerParameters {
    let _first = templates.first;
    SchedulerParameters {}
}

// --- State: everything that changes; nothing about a scheduler lives elsewhere ---

/// What a scheduler remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SchedulerState {}

/// Messages in the scheduler's custody.
pub fn held(_: &SchedulerState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(_: &SchedulerParameters, _: &mut SchedulerState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.refuse(event, Outcome::Failed);
        }
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the scheduler itself.
pub fn occasion(_: &SchedulerParameters, _: &mut SchedulerState, _: Occasion, _: &mut Effects) {}
