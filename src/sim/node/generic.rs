//! Generic: something that an importer did not know; holds a message for a while, then passes it on.
//!
//! Invariant: every message leaves, in the time that it was told and over every event link.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Generic;
use crate::sim::consume;
use crate::sim::draw::{Purpose, Sampler};
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Outcome};
use crate::sim::work::{self, DESK_DONE, Desk, Onward, Task};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a generic node is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenericParameters {
    latency: Sampler,
}

/// Makes a scene's generic node ready to run.
pub fn compile(generic: &Generic) -> GenericParameters {
    GenericParameters { latency: Sampler::new(&generic.latency) }
}

// --- State: everything that changes; nothing about a generic node lives elsewhere ---

/// What a generic node remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GenericState {
    desk: Desk,
}

/// Messages in the node's custody.
pub fn held(state: &GenericState) -> u64 {
    state.desk.held()
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &GenericParameters, state: &mut GenericState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            effects.receipt(event, Outcome::Accepted);
            hold(parameters, state, Task::Sent(*event), effects);
        }
        (Class::Arrival, HopKind::Batch) => {
            for task in state.desk.batches.receive(event, effects) {
                hold(parameters, state, task, effects);
            }
        }
        (Class::Timer, _) if event.via == DESK_DONE => pass_on(state, event, effects),
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the node itself.
pub fn occasion(_: &GenericParameters, state: &mut GenericState, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Begin | Occasion::Started => consume::begin(effects),
        Occasion::Stopped => state.desk.lose_all(effects),
        Occasion::Reconfigured | Occasion::Send(_) => {}
    }
}

fn hold(parameters: &GenericParameters, state: &mut GenericState, task: Task, effects: &mut Effects) {
    let span = effects.work_span(&parameters.latency, Purpose::Service, &task.envelope());
    state.desk.take_on(task, span, effects);
}

fn pass_on(state: &mut GenericState, event: &SimEvent, effects: &mut Effects) {
    let Some(task) = state.desk.finish(event, effects) else { return };
    if effects.work_fails(0.0, &task.envelope()) {
        return work::fail(&task, &mut state.desk.batches, effects);
    }
    work::succeed(&task, &mut state.desk.batches, Onward::Events, effects);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Client, Kind, Queue, Sink, Traffic};
    use crate::scene::units::{Duration, Rate, Spread};
    use crate::sim::row::{Fate, Metric};
    use crate::sim::testing::{Sketch, departure, poisson, stop, volley};

    fn generic(millis: u64) -> Kind {
        Kind::Generic(Generic { latency: Spread::Constant(Duration::millis(millis)), ..Generic::default() })
    }

    #[test]
    fn a_message_leaves_after_the_latency_over_every_event_link() {
        let sketch = Sketch::default()
            .node("source", volley(2))
            .node("thing", generic(20))
            .node("a", Kind::Sink(Sink::default()))
            .node("b", Kind::Sink(Sink::default()))
            .link("source", "thing")
            .link("thing", "a")
            .link("thing", "b");
        let ran = sketch.run_both(100);
        let departures: Vec<u64> = ran.hops("thing", "a", HopKind::Event).iter().map(departure).collect();
        assert_eq!(departures, [21, 21]);
        assert_eq!((ran.ends("a", Fate::Delivered), ran.ends("b", Fate::Delivered)), (2, 2));
    }

    #[test]
    fn a_request_is_answered_after_the_latency() {
        let traffic = Traffic::Constant(Rate::per_second(10.0));
        let sketch = Sketch::default()
            .node("client", Kind::Client(Client { traffic, ..Client::default() }))
            .node("thing", generic(20))
            .request("client", "thing");
        let ran = sketch.run_both(1_050);
        assert_eq!(ran.measures("client", Metric::Response), [22; 11]);
    }

    #[test]
    fn a_stop_loses_what_was_sent_and_not_what_was_pulled() {
        let queue = Queue { visibility_timeout: Duration::seconds(1), ..Queue::default() };
        let sketch = Sketch::default()
            .node("source", poisson(100.0))
            .node("queue", Kind::Queue(queue))
            .node("pulls", generic(50))
            .node("told", generic(50))
            .link("source", "queue")
            .link("source", "told")
            .link("queue", "pulls")
            .fault(500, 900, stop("pulls"))
            .fault(500, 900, stop("told"));
        let ran = sketch.run_both(10_000);
        assert!(ran.ends("told", Fate::Failed) > 20);
        assert_eq!(ran.ends("queue", Fate::Failed), 0);
    }
}
