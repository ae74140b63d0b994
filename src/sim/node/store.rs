//! Store: keeps items and answers reads and writes.
//!
//! Invariant: over any span it admits at most its saved-up capacity and its rate, reads and writes each on
//! their own (compute semantics ST-3).
//! Invariant: each write that succeeds leaves exactly one change record on every event link, where it streams;
//! a read leaves none.
//! Rules: compute semantics, section 7 (ST-1 to ST-3, ST-6, ST-12).

use serde::{Deserialize, Serialize};

use crate::scene::kind::{Consistency, Store};
use crate::scene::units::Rate;
use crate::sim::bucket::{Bucket, BucketLevel};
use crate::sim::consume;
use crate::sim::draw::{Purpose, Sampler};
use crate::sim::effects::{Effects, Envelope};
use crate::sim::event::{Class, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{Condition, HopKind, Metric, Outcome};
use crate::sim::work::{self, DESK_DONE, Desk, Onward, Task};

/// Bytes that one write unit pays for (ST-2).
const WRITE_UNIT: u64 = 1_024;
/// Bytes that one read unit pays for (ST-1).
const READ_UNIT: u64 = 4_096;
/// Tokens of a bucket in one unit: an eventually consistent read takes half of one (ST-1).
const TOKENS_PER_UNIT: u32 = 2;

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a store is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreParameters {
    reads: f64,
    read: Access,
    write: Access,
    changes: Changes,
}

/// What a read or a write takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Access {
    latency: Sampler,
    capacity: Option<Bucket>,
    tokens: u32,
}

/// What becomes of the changes that writes make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Changes {
    Streamed,
    Kept,
}

/// Makes a scene's store ready to run.
pub fn compile(store: &Store) -> StoreParameters {
    let units = |unit: u64| u32::try_from(store.item_size.0.div_ceil(unit).max(1)).unwrap_or(u32::MAX);
    let read_tokens = match store.consistency {
        Consistency::Eventual => units(READ_UNIT),
        Consistency::Strong => units(READ_UNIT).saturating_mul(TOKENS_PER_UNIT),
    };
    let bucket = |rate: Rate| {
        let hertz = rate.hertz() * f64::from(TOKENS_PER_UNIT);
        // `as` saturates: more tokens than that are no limit.
        let saved = libm::round(hertz * store.burst.span().seconds()) as u32;
        Bucket::with_burst(hertz, Some(saved.max(TOKENS_PER_UNIT)))
    };
    StoreParameters {
        reads: store.reads,
        read: Access {
            latency: Sampler::new(&store.read_latency),
            capacity: store.read_capacity.map(bucket),
            tokens: read_tokens,
        },
        write: Access {
            latency: Sampler::new(&store.write_latency),
            capacity: store.write_capacity.map(bucket),
            tokens: units(WRITE_UNIT).saturating_mul(TOKENS_PER_UNIT),
        },
        changes: if store.stream { Changes::Streamed } else { Changes::Kept },
    }
}

// --- State: everything that changes; nothing about a store lives elsewhere ---

/// What a store remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoreState {
    desk: Desk,
    reads: BucketLevel,
    writes: BucketLevel,
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
                pull(parameters, state, task, effects);
            }
        }
        (Class::Timer, _) if event.via == DESK_DONE => done(parameters, state, event, effects),
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

/// Whether a request asks or changes; what nobody waits for always changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Reads,
    Writes,
}

fn does(parameters: &StoreParameters, task: &Task, envelope: &Envelope, effects: &Effects) -> Does {
    let asks = matches!(task, Task::Sent(event) if event.kind == HopKind::Request) && parameters.reads > 0.0;
    let draw = || effects.draw(Purpose::Access, envelope.message, envelope.hop, 0).happens(parameters.reads);
    if asks && draw() { Does::Reads } else { Does::Writes }
}

/// Admits a request, or throttles it (ST-3, ST-6).
fn arrive(parameters: &StoreParameters, state: &mut StoreState, event: &SimEvent, effects: &mut Effects) {
    let task = Task::Sent(*event);
    match admit(parameters, state, &task, effects) {
        Some(access) => {
            effects.receipt(event, Outcome::Accepted);
            begin(access, state, task, effects);
        }
        None => effects.refuse(event, Outcome::Throttled),
    }
}

/// A pulled message over the capacity fails, and its queue hands it out again.
fn pull(parameters: &StoreParameters, state: &mut StoreState, task: Task, effects: &mut Effects) {
    match admit(parameters, state, &task, effects) {
        Some(access) => begin(access, state, task, effects),
        None => {
            effects.set_condition(Condition::THROTTLING);
            work::fail(&task, &mut state.desk.batches, effects);
        }
    }
}

fn admit<'p>(
    parameters: &'p StoreParameters,
    state: &mut StoreState,
    task: &Task,
    effects: &Effects,
) -> Option<&'p Access> {
    let (access, level) = match does(parameters, task, &task.envelope(), effects) {
        Does::Reads => (&parameters.read, &mut state.reads),
        Does::Writes => (&parameters.write, &mut state.writes),
    };
    let admits = |bucket| level.take_several(bucket, access.tokens, effects.now);
    access.capacity.as_ref().is_none_or(admits).then_some(access)
}

fn begin(access: &Access, state: &mut StoreState, task: Task, effects: &mut Effects) {
    let span = effects.work_span(&access.latency, Purpose::Service, &task.envelope());
    effects.measure(Metric::Service, span);
    state.desk.take_on(task, span, effects);
}

/// A read or write is done: who waits hears of it, and a change is streamed (ST-12).
fn done(parameters: &StoreParameters, state: &mut StoreState, event: &SimEvent, effects: &mut Effects) {
    let Some(task) = state.desk.finish(event, effects) else { return };
    let envelope = task.envelope();
    if effects.work_fails(0.0, &envelope) {
        return work::fail(&task, &mut state.desk.batches, effects);
    }
    if parameters.changes == Changes::Streamed && does(parameters, &task, &envelope, effects) == Does::Writes {
        work::send_copies(&envelope, effects);
    }
    work::succeed(&task, &mut state.desk.batches, Onward::Nowhere, effects);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Client, Kind, Queue, Retry, Sink, Traffic};
    use crate::scene::units::{Duration, Size, Spread};
    use crate::sim::row::Fate;
    use crate::sim::testing::{Sketch, poisson, steady, stop, volley};

    fn store(change: impl FnOnce(&mut Store)) -> Kind {
        let mut store = Store {
            read_latency: Spread::Constant(Duration::millis(2)),
            write_latency: Spread::Constant(Duration::millis(4)),
            ..Store::default()
        };
        change(&mut store);
        Kind::Store(store)
    }

    #[test]
    fn unused_capacity_is_saved_for_the_burst_span_and_no_longer() {
        // ST-3: a token bucket of capacity span x rate, here 3 s of 10/s.
        let told = store(|store| {
            (store.write_capacity, store.burst) = (Some(Rate::per_second(10.0)), Duration::seconds(3));
        });
        let sketch = Sketch::default().node("source", steady(100.0)).node("store", told).link("source", "store");
        let ran = sketch.run_both(2_000);
        let admitted = ran.receipts("source", "store", Outcome::Accepted);
        assert_eq!(admitted, 30 + 19);
        assert_eq!(ran.ends("store", Fate::Throttled), 200 - admitted);
    }

    #[track_caller]
    fn check_admitted(requests: u32, admitted: usize, change: impl FnOnce(&mut Store)) {
        let traffic = Traffic::Burst(requests, Duration::default());
        let client = Client { traffic, retry: Retry::never(), ..Client::default() };
        let told = store(|store| {
            store.burst = Duration::seconds(1);
            change(store);
        });
        let sketch =
            Sketch::default().node("client", Kind::Client(client)).node("store", told).request("client", "store");
        assert_eq!(sketch.run_both(900).hops("client", "store", HopKind::Reply).len(), admitted);
    }

    #[test]
    fn an_item_costs_units_by_its_size_and_by_what_is_done() {
        let ten = Some(Rate::per_second(10.0));
        // ST-2: one write unit for each started KiB.
        check_admitted(30, 10, |store| store.write_capacity = ten);
        check_admitted(30, 3, |store| (store.write_capacity, store.item_size) = (ten, Size(2_049)));
        // ST-1: one read unit for each started 4 KiB where the read is strongly consistent, half of one where not.
        let reads = |store: &mut Store, consistency, size| {
            (store.reads, store.read_capacity, store.write_capacity) = (1.0, ten, Some(Rate::per_second(0.001)));
            (store.consistency, store.item_size) = (consistency, Size(size));
        };
        check_admitted(30, 10, |store| reads(store, Consistency::Strong, 4_096));
        check_admitted(30, 5, |store| reads(store, Consistency::Strong, 4_097));
        check_admitted(30, 20, |store| reads(store, Consistency::Eventual, 4_096));
    }

    #[test]
    fn reads_are_quicker_and_leave_no_change_record() {
        // ST-12: one record for each change.
        let traffic = Traffic::Constant(Rate::per_second(100.0));
        let client = Client { traffic, retry: Retry::never(), ..Client::default() };
        let told = store(|store| (store.stream, store.reads) = (true, 0.25));
        let sketch = Sketch::default()
            .node("client", Kind::Client(client))
            .node("store", told)
            .node("sink", Kind::Sink(Sink::default()))
            .request("client", "store")
            .link("store", "sink");
        let ran = sketch.run_both(10_000);
        let responses = ran.measures("client", Metric::Response);
        let (reads, writes) = [4, 6].map(|span| responses.iter().filter(|took| **took == span).count()).into();
        assert_eq!(reads + writes, responses.len());
        assert!((200..300).contains(&reads), "{reads} of {}", responses.len());
        assert!(ran.ends("sink", Fate::Delivered).abs_diff(writes) <= 1);
    }

    #[test]
    fn a_pulled_message_over_the_capacity_is_handed_out_again() {
        let told = store(|store| {
            (store.write_capacity, store.burst) = (Some(Rate::per_second(10.0)), Duration::seconds(1));
        });
        let queue = Queue { visibility_timeout: Duration::seconds(2), ..Queue::default() };
        let sketch = Sketch::default()
            .node("source", volley(30))
            .node("queue", Kind::Queue(queue))
            .node("store", told)
            .link("source", "queue")
            .link("queue", "store");
        let ran = sketch.run_both(60_000);
        assert_eq!(ran.ends("queue", Fate::Delivered), 30);
        assert!(ran.hops("queue", "store", HopKind::Batch).iter().map(|hop| u32::from(hop.count)).sum::<u32>() > 30);
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
            .node("store", store(|store| store.write_latency = Spread::Constant(Duration::millis(100))))
            .link("source", "store")
            .fault(500, 600, stop("store"));
        let ran = sketch.run_both(1_000);
        let failed = ran.ends("store", Fate::Failed);
        assert!((150..250).contains(&failed), "{failed}: about 100 in hand and 100 refused");
    }
}
