//! Interface tests: what a kind can ask of the engine is enough for the hardest talks between kinds.
//!
//! Invariant: each scene conserves its messages and shows no split.

use crate::scene::kind::{Client, Function, Gateway, Jitter, Kind, Producer, Queue, Retry, Service, Sink, Traffic};
use crate::scene::units::{Duration, Spread};
use crate::sim::row::{Fate, HopKind, Metric, Outcome};
use crate::sim::testing::{Sketch, departure};

fn burst(count: u32, period: u64) -> Traffic {
    Traffic::Burst(count, Duration::millis(period))
}

fn function(cold_start: u64, duration: u64) -> Function {
    Function {
        cold_start: Spread::Constant(Duration::millis(cold_start)),
        duration: Spread::Constant(Duration::millis(duration)),
        overhead: Spread::Constant(Duration::default()),
        ..Function::default()
    }
}

/// One that keeps no environment for itself.
fn shared() -> Function {
    Function { concurrency: None, overhead: Spread::Constant(Duration::millis(1)), ..function(100, 50) }
}

#[test]
fn a_client_gives_up_tries_again_and_meets_its_late_answers() {
    let retry = Retry { attempts: 3, base: Duration::millis(50), cap: Duration::seconds(20), jitter: Jitter::None };
    let client = Client { traffic: burst(1, 0), timeout: Duration::millis(100), retry, ..Client::default() };
    let sketch = Sketch::default()
        .node("client", Kind::Client(client))
        .node("function", Kind::Function(function(150, 50)))
        .link("client", "function");
    let ran = sketch.run(1_000);
    let attempts: Vec<u64> = ran.hops("client", "function", HopKind::Request).iter().map(departure).collect();
    assert_eq!(attempts, [0, 150, 350], "two cold attempts take too long");
    assert_eq!(ran.receipts("client", "function", Outcome::Late), 2, "their answers come late");
    assert_eq!(ran.measures("client", Metric::Response), [402], "measured from the first attempt");
    assert_eq!(ran.ends("function", Fate::Delivered), 3, "all the work was done");
    sketch.check_splits(1_000);
}

#[test]
fn a_chain_under_a_shared_limit_fails_where_the_limit_is_spent_and_recovers() {
    let client = Client { traffic: burst(3, 2_000), retry: Retry::never(), ..Client::default() };
    let gateway = Gateway { latency: Spread::Constant(Duration::millis(5)), ..Gateway::default() };
    let service = Service { servers: 1, duration: Spread::Constant(Duration::millis(80)), ..Service::default() };
    let mut sketch = Sketch::default()
        .node("client", Kind::Client(client))
        .node("gateway", Kind::Gateway(gateway))
        .node("function", Kind::Function(shared()))
        .node("service", Kind::Service(service))
        .link("client", "gateway")
        .link("gateway", "function")
        .request("function", "service");
    sketch.scene.settings.account_concurrency = Some(2);
    let ran = sketch.run(9_900);
    // In each of five bursts two of three invocations are granted a place and keep it while they wait for
    // the one server of the service; the third is refused at once, and the next burst finds both places free.
    let answers = |from: &str, to: &str, kind| ran.hops(from, to, kind).len();
    assert_eq!(answers("gateway", "function", HopKind::Throttled), 5);
    assert_eq!(answers("function", "service", HopKind::Request), 10);
    assert_eq!(answers("function", "service", HopKind::Reply), 10);
    assert_eq!(ran.measures("service", Metric::Wait), [0, 80].repeat(5), "the second waits for the first");
    assert_eq!(answers("gateway", "function", HopKind::Reply), 10);
    assert_eq!(answers("client", "gateway", HopKind::Reply), 10);
    assert_eq!(answers("client", "gateway", HopKind::Error) + answers("client", "gateway", HopKind::Throttled), 5);
    sketch.check_splits(5_000);
}

#[test]
fn a_long_poll_waits_and_only_what_failed_of_its_batch_comes_back() {
    let late = Producer { traffic: burst(10, 0), start: Duration::seconds(5), ..Producer::default() };
    let queue = Queue { visibility_timeout: Duration::seconds(2), pollers: Some(1), ..Queue::default() };
    let sketch = Sketch::default()
        .node("producer", Kind::Producer(late))
        .node("queue", Kind::Queue(queue))
        .node("function", Kind::Function(Function { error_rate: 0.4, ..function(100, 50) }))
        .node("sink", Kind::Sink(Sink::default()))
        .link("producer", "queue")
        .link("queue", "function")
        .link("function", "sink");
    let ran = sketch.run(60_000);
    let batches = ran.hops("queue", "function", HopKind::Batch);
    assert_eq!(departure(&batches[0]), 5_001, "a poll was waiting");
    assert_eq!(ran.ends("queue", Fate::Delivered), 10);
    assert_eq!(ran.ends("sink", Fate::Delivered), 10);
    let handed: u32 = batches.iter().map(|hop| u32::from(hop.count)).sum();
    assert!(handed > 10, "some failed at first: {handed}");
    assert_eq!(
        ran.receipts("queue", "function", Outcome::Accepted),
        batches.iter().filter(|hop| hop.count > 0).count()
    );
    sketch.check_splits(20_000);
}
