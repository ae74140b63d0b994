//! Scheduler: sends at set times.
//!
//! Invariant: the k-th firing of a rate is at start + k x step, whatever happened between (compute semantics SC-14).
//! Rules: compute semantics, section 8 (SC-14, SC-16, SC-17). Firings during a stop are lost.

use serde::{Deserialize, Serialize};

use crate::scene::kind::{Schedule, Scheduler};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::consume;
use crate::sim::effects::{Effects, Power};
use crate::sim::event::{Class, SimEvent};
use crate::sim::id::MessageId;
use crate::sim::node::traffic::PayloadChoice;
use crate::sim::node::{Occasion, Templates};
use crate::sim::row::Fate;
use crate::sim::work;

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a scheduler is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchedulerParameters {
    first: SimTime,
    /// The span between firings; `None`: it fires once.
    step: Option<SimSpan>,
    last: SimTime,
    payloads: PayloadChoice,
}

/// Makes a scene's scheduler ready to run.
pub fn compile(scheduler: &Scheduler, templates: Templates) -> SchedulerParameters {
    let payloads = PayloadChoice::new(&scheduler.payloads, templates);
    let time = |span: SimSpan| SimTime::ZERO + span;
    match scheduler.schedule {
        // Start and end are ignored for a single time (SC-16).
        Schedule::At(at) => SchedulerParameters { first: time(at.span()), step: None, last: SimTime::MAX, payloads },
        Schedule::Rate(step) => SchedulerParameters {
            first: time(scheduler.start.span()),
            step: Some(step.span()).filter(|step| !step.is_zero()),
            last: scheduler.end.map_or(SimTime::MAX, |end| time(end.span())),
            payloads,
        },
    }
}

// --- State: everything that changes; nothing about a scheduler lives elsewhere ---

/// What a scheduler remembers: which of its timers counts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SchedulerState {
    generation: u32,
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &SchedulerParameters, state: &mut SchedulerState, event: &SimEvent, effects: &mut Effects) {
    match event.class {
        Class::Timer if event.token == state.generation => {
            send(parameters, effects);
            let after = effects.now + SimSpan::from_nanos(1);
            arm(parameters, state, after, effects);
        }
        Class::Arrival => consume::answered(event, effects),
        Class::Timer | Class::Command => {}
    }
}

/// Handles what happens to the scheduler itself.
pub fn occasion(
    parameters: &SchedulerParameters,
    state: &mut SchedulerState,
    occasion: Occasion,
    effects: &mut Effects,
) {
    match occasion {
        Occasion::Begin | Occasion::Started | Occasion::Reconfigured | Occasion::Stopped => {
            state.generation = state.generation.wrapping_add(1);
            arm(parameters, state, effects.now, effects);
        }
        Occasion::Send(count) => (0..count).for_each(|_| send(parameters, effects)),
    }
}

/// The first firing at or after `from`, if there is one.
fn next_firing(parameters: &SchedulerParameters, from: SimTime) -> Option<SimTime> {
    let SchedulerParameters { first, step, last, .. } = parameters;
    if from <= *first {
        return Some(*first).filter(|at| at <= last);
    }
    let step = (*step)?;
    let steps = from.since(*first).nanos().div_ceil(step.nanos());
    let past = step.nanos().checked_mul(steps)?;
    // At its end it still fires (SC-16).
    first.checked_add(SimSpan::from_nanos(past)).filter(|at| at <= last)
}

fn arm(parameters: &SchedulerParameters, state: &SchedulerState, from: SimTime, effects: &mut Effects) {
    if effects.common.power == Power::On
        && let Some(at) = next_firing(parameters, from)
    {
        effects.timer(0, at, state.generation, MessageId::NONE);
    }
}

/// One message, a copy of it over each further link.
fn send(parameters: &SchedulerParameters, effects: &mut Effects) {
    let payload = parameters.payloads.draw(effects, effects.next_message());
    let message = effects.produce(payload);
    if effects.ports().events.is_empty() {
        return effects.end(&message, Fate::Filtered);
    }
    work::pass_on(message, effects);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Kind, Sink};
    use crate::scene::units::Duration;
    use crate::sim::row::HopKind;
    use crate::sim::testing::{Sketch, departure, stop};

    fn fired(scheduler: Scheduler, sketch: Sketch, millis: u64) -> Vec<u64> {
        let sketch = sketch
            .node("clock", Kind::Scheduler(scheduler))
            .node("sink", Kind::Sink(Sink::default()))
            .link("clock", "sink");
        sketch.run_both(millis).hops("clock", "sink", HopKind::Event).iter().map(departure).collect()
    }

    fn rate(step: u64, start: u64, end: Option<u64>) -> Scheduler {
        let schedule = Schedule::Rate(Duration::millis(step));
        let (start, end) = (Duration::millis(start), end.map(Duration::millis));
        Scheduler { schedule, start, end, ..Scheduler::default() }
    }

    #[test]
    fn a_rate_fires_at_its_start_and_then_in_fixed_steps() {
        // SC-14.
        assert_eq!(fired(rate(300, 100, None), Sketch::default(), 1_200), [100, 400, 700, 1_000]);
    }

    #[test]
    fn a_firing_at_the_end_happens_and_none_after_it() {
        // SC-16.
        assert_eq!(fired(rate(300, 100, Some(700)), Sketch::default(), 5_000), [100, 400, 700]);
        assert_eq!(fired(rate(300, 100, Some(699)), Sketch::default(), 5_000), [100, 400]);
    }

    #[test]
    fn a_single_time_fires_once() {
        // SC-17.
        let once = Scheduler { schedule: Schedule::At(Duration::millis(250)), ..rate(1, 900, Some(0)) };
        assert_eq!(fired(once, Sketch::default(), 5_000), [250]);
    }

    #[test]
    fn a_stop_loses_firings_and_shifts_none() {
        let stopped = Sketch::default().fault(350, 850, stop("clock"));
        assert_eq!(fired(rate(300, 100, None), stopped, 1_500), [100, 1_000, 1_300]);
    }

    #[test]
    fn a_step_of_no_time_fires_once() {
        assert_eq!(fired(rate(0, 100, None), Sketch::default(), 1_000), [100]);
    }
}
