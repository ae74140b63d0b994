//! Store: keeps items and answers reads and writes.
//!
//! Invariant: over any span it admits at most its saved-up capacity and its rate (compute semantics ST-3).
//! Invariant: each write that succeeds leaves exactly one change record on every event link, where it streams.
//! Rules: compute semantics, section 7 (ST-3, ST-6, ST-12). Every request counts as a write.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Store;
use crate::sim::bucket::{Bucket, BucketLevel};
use crate::sim::consume;
use crate::sim::draw::{Purpose, Sampler};
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Metric, Outcome};
use crate::sim::work::{self, DESK_DONE, Desk, Onward, Task};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a store is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreParameters {
    latency: Sampler,
    capacity: Option<Bucket>,
    changes: Changes,
}

/// What becomes of the changes that writes make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Changes {
    Streamed,
    Kept,
}

/// Makes a scene's store ready to run.
pub fn compile(store: &Store) -> StoreParameters {
    StoreParameters {
        latency: Sampler::new(&store.latency),
        capacity: store.capacity.map(|rate| {
            // `as` saturates: more tokens than that are no limit.
            let saved = libm::round(rate.hertz() * store.burst.span().seconds()) as u32;
            Bucket::with_burst(rate.hertz(), Some(saved))
        }),
        changes: if store.stream { Changes::Streamed } else { Changes::Kept },
    }
}

// --- State: everything that changes; nothing about a store lives elsewhere ---

/// What a store remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoreState {
    desk: Desk,
    level: BucketLevel,
}

/// Messages in the store's custody.
pub fn held(state: &StoreState) -> u64 {
    state.desk.held()
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &StoreParameters, state: &mut StoreState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            arrive(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Batch) => {
            for task in state.desk.batches.receive(event, effects) {
                write(parameters, state, task, effects);
            }
        }
        (Class::Timer, _) if event.via == DESK_DONE => written(parameters, state, event, effects),
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the store itself.
pub fn occasion(_: &StoreParameters, state: &mut StoreState, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Begin | Occasion::Started => consume::begin(effects),
        Occasion::Stopped => state.desk.lose_all(effects),
        Occasion::Reconfigured | Occasion::Send(_) => {}
    }
}

/// Admits a request, or throttles it (ST-3, ST-6).
fn arrive(parameters: &StoreParameters, state: &mut StoreState, event: &SimEvent, effects: &mut Effects) {
    if let Some(capacity) = &parameters.capacity
        && !state.level.take(capacity, effects.now)
    {
        return effects.refuse(event, Outcome::Throttled);
    }
    effects.receipt(event, Outcome::Accepted);
    write(parameters, state, Task::Sent(*event), effects);
}

fn write(parameters: &StoreParameters, state: &mut StoreState, task: Task, effects: &mut Effects) {
    let span = effects.work_span(&parameters.latency, Purpose::Service, &task.envelope());
    effects.measure(Metric::Service, span);
    state.desk.take_on(task, span, effects);
}

/// A write is done: who waits hears of it, and the change is streamed (ST-12).
fn written(parameters: &StoreParameters, state: &mut StoreState, event: &SimEvent, effects: &mut Effects) {
    let Some(task) = state.desk.finish(event, effects) else { return };
    if effects.work_fails(0.0, &task.envelope()) {
        return work::fail(&task, &mut state.desk.batches, effects);
    }
    if parameters.changes == Changes::Streamed {
        work::send_copies(&task.envelope(), effects);
    }
    work::succeed(&task, &mut state.desk.batches, Onward::Nowhere, effects);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Client, Kind, Retry, Sink, Traffic};
    use crate::scene::units::{Duration, Rate, Spread};
    use crate::sim::row::Fate;
    use crate::sim::testing::{Sketch, poisson, steady, stop};

    fn store(change: impl FnOnce(&mut Store)) -> Kind {
        let mut store = Store { latency: Spread::Constant(Duration::millis(4)), ..Store::default() };
        change(&mut store);
        Kind::Store(store)
    }

    #[test]
    fn unused_capacity_is_saved_for_the_burst_span_and_no_longer() {
        // ST-3: a token bucket of capacity span x rate, here 3 s of 10/s.
        let told = store(|store| {
            (store.capacity, store.burst) = (Some(Rate::per_second(10.0)), Duration::seconds(3));
        });
        let sketch = Sketch::default().node("source", steady(100.0)).node("store", told).link("source", "store");
        let ran = sketch.run_both(2_000);
        let admitted = ran.receipts("source", "store", Outcome::Accepted);
        assert_eq!(admitted, 30 + 19);
        assert_eq!(ran.ends("store", Fate::Throttled), 200 - admitted);
    }

    #[test]
    fn a_request_gets_its_answer_after_the_latency() {
        let traffic = Traffic::Constant(Rate::per_second(10.0));
        let client = Client { traffic, retry: Retry::never(), ..Client::default() };
        let sketch = Sketch::default()
            .node("client", Kind::Client(client))
            .node("store", store(|_| {}))
            .request("client", "store");
        let ran = sketch.run_both(450);
        assert_eq!(ran.measures("client", Metric::Response), [6; 5]);
    }

    #[test]
    fn each_write_leaves_as_one_change_record_where_the_store_streams() {
        let sketch = |stream: bool| {
            Sketch::default()
                .node("source", steady(100.0))
                .node("store", store(|store| store.stream = stream))
                .node("sink", Kind::Sink(Sink::default()))
                .link("source", "store")
                .link("store", "sink")
        };
        let streams = sketch(true).run_both(500);
        assert_eq!(streams.ends("sink", Fate::Delivered), streams.ends("store", Fate::Delivered));
        assert!(streams.ends("sink", Fate::Delivered) > 45);
        assert_eq!(sketch(false).run_both(500).ends("sink", Fate::Delivered), 0);
    }

    #[test]
    fn a_stop_loses_the_writes_in_hand() {
        let sketch = Sketch::default()
            .node("source", poisson(1_000.0))
            .node("store", store(|store| store.latency = Spread::Constant(Duration::millis(100))))
            .link("source", "store")
            .fault(500, 600, stop("store"));
        let ran = sketch.run_both(1_000);
        let failed = ran.ends("store", Fate::Failed);
        assert!((150..250).contains(&failed), "{failed}: about 100 in hand and 100 refused");
    }
}
