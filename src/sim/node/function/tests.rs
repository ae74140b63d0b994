use super::*;
use crate::scene::kind::{Client, Kind, Producer, Queue, Sink, Traffic};
use crate::scene::units::Rate;
use crate::sim::row::Metric;
use crate::sim::testing::{Sketch, departure, saying, stop, volley};

/// 50 ms of work, 200 ms of cold start.
fn steady() -> Function {
    Function {
        duration: Spread::Constant(Duration::millis(50)),
        cold_start: Spread::Constant(Duration::millis(200)),
        overhead: Spread::Constant(Duration::default()),
        ..Function::default()
    }
}

fn burst(count: u32, period: u64) -> Traffic {
    Traffic::Burst(count, Duration::millis(period))
}

fn client(traffic: Traffic) -> Kind {
    Kind::Client(Client { traffic, timeout: Duration::seconds(100), retry: Retry::never(), ..Client::default() })
}

fn producer(traffic: Traffic) -> Kind {
    Kind::Producer(Producer { traffic, ..Producer::default() })
}

fn called(traffic: Traffic, function: Function) -> Sketch {
    let sketch = Sketch::default().node("client", client(traffic)).node("function", Kind::Function(function));
    sketch.link("client", "function")
}

fn fed(traffic: Traffic, function: Function) -> Sketch {
    let sketch = Sketch::default().node("producer", producer(traffic)).node("function", Kind::Function(function));
    sketch.link("producer", "function").node("lost", Kind::Sink(Sink::default())).dead_letters("function", "lost")
}

#[test]
fn the_first_invocation_is_cold_and_the_next_ones_warm() {
    let ran = called(burst(1, 1_000), steady()).run(2_900);
    assert_eq!(ran.measures("client", Metric::Response), [252, 52, 52]);
    assert_eq!(ran.measures("function", Metric::Service), [50, 50, 50]);
    assert_eq!(ran.ends("function", Fate::Delivered), 3);
}

#[test]
fn an_environment_that_was_idle_for_too_long_is_gone() {
    let function = Function { keep_warm: Duration::millis(600), ..steady() };
    let ran = called(burst(1, 1_000), function).run(2_900);
    assert_eq!(ran.measures("client", Metric::Response), [252, 252, 252]);
}

#[test]
fn requests_above_the_concurrency_are_throttled() {
    // FN-3, FN-10 b.
    let ran = called(burst(5, 1_000), Function { concurrency: Some(2), ..steady() }).run(1_900);
    assert_eq!(ran.hops("client", "function", HopKind::Throttled).len(), 6);
    assert_eq!(ran.receipts("client", "function", Outcome::Throttled), 6);
    assert_eq!(ran.measures("client", Metric::Response), [252, 252, 52, 52]);
}

#[test]
fn short_requests_are_throttled_by_their_rate() {
    // FN-10 d, FN-11: 10 a second for one environment, after a first burst of as many.
    let short = Function { concurrency: Some(1), duration: Spread::Constant(Duration::millis(1)), ..steady() };
    let function = Function { provisioned: 1, ..short };
    let ran = called(Traffic::Constant(Rate::per_second(100.0)), function).run(10_000);
    let served = ran.measures("client", Metric::Response).len();
    assert!((105..=111).contains(&served), "{served} in 10 s");
}

#[test]
fn provisioned_environments_are_warm_and_the_rest_spills_over() {
    // FN-6.
    let function = Function { provisioned: 1, concurrency: Some(2), ..steady() };
    let ran = called(burst(2, 10_000), function).run(1_000);
    assert_eq!(ran.measures("client", Metric::Response), [52, 252]);
}

#[test]
fn a_cut_off_handler_fails_and_leaves_no_warm_environment() {
    // FN-16, FN-17.
    let function =
        Function { duration: Spread::Constant(Duration::seconds(5)), timeout: Duration::seconds(1), ..steady() };
    let ran = called(burst(1, 3_000), function).run(5_900);
    let answers: Vec<u64> = ran.hops("client", "function", HopKind::Error).iter().map(departure).collect();
    assert_eq!(answers, [1_201, 4_201]);
}

#[test]
fn new_environments_come_no_faster_than_the_scaling_rate() {
    // FN-9: 1,000 at once, and 100 more in the next second.
    let function = Function {
        concurrency: None,
        duration: Spread::Constant(Duration::seconds(100)),
        timeout: Duration::seconds(900),
        ..steady()
    };
    let ran = called(burst(1_500, 1_000), function).run(1_500);
    assert_eq!(ran.measures("function", Metric::Wait).len(), 1_100);
    assert_eq!(ran.receipts("client", "function", Outcome::Throttled), 1_900);
}

#[test]
fn an_asynchronous_event_is_tried_again_after_one_minute_and_two() {
    // FN-33, FN-35.
    let ran = fed(burst(1, 0), Function { error_rate: 1.0, ..steady() }).run(400_000);
    assert_eq!(ran.measures("function", Metric::Service).len(), 3);
    let dead: Vec<u64> = ran.hops("function", "lost", HopKind::DeadLetter).iter().map(departure).collect();
    assert!(dead.len() == 1 && (180_350..181_000).contains(&dead[0]), "{dead:?}");
}

#[test]
fn a_throttled_asynchronous_event_waits_without_using_up_an_attempt() {
    // FN-34.
    let function = Function { concurrency: Some(1), retries: 0, ..steady() };
    let ran = fed(burst(8, 0), function).run(600_000);
    assert_eq!(ran.ends("function", Fate::Delivered), 8);
    assert!(ran.hops("function", "lost", HopKind::DeadLetter).is_empty());
}

#[test]
fn an_event_that_is_too_old_or_may_never_run_becomes_a_dead_letter() {
    // FN-35: of two events at once one runs; the other is given up after 3 s.
    let slow = Function {
        concurrency: Some(1),
        duration: Spread::Constant(Duration::seconds(20)),
        timeout: Duration::seconds(900),
        age_max: Duration::seconds(3),
        ..steady()
    };
    let ran = fed(burst(2, 0), slow).run(30_000);
    let dead: Vec<u64> = ran.hops("function", "lost", HopKind::DeadLetter).iter().map(departure).collect();
    assert_eq!(dead, [3_001]);
    // FN-38.
    let ran = fed(burst(2, 0), Function { concurrency: Some(0), ..steady() }).run(5_000);
    assert_eq!(ran.hops("function", "lost", HopKind::DeadLetter).len(), 2);
}

#[test]
fn of_a_batch_only_what_failed_comes_back() {
    let queue = Queue { visibility_timeout: Duration::seconds(2), ..Queue::default() };
    let sketch = Sketch::default()
        .node("producer", producer(burst(100, 0)))
        .node("queue", Kind::Queue(queue))
        .node("function", Kind::Function(Function { error_rate: 0.3, ..steady() }))
        .node("sink", Kind::Sink(Sink::default()))
        .link("producer", "queue")
        .link("queue", "function")
        .link("function", "sink");
    let ran = sketch.run(120_000);
    assert_eq!(ran.ends("queue", Fate::Delivered), 100);
    assert_eq!(ran.ends("sink", Fate::Delivered), 100, "what succeeded was sent on once");
    let handed: u32 = ran.hops("queue", "function", HopKind::Batch).iter().map(|hop| u32::from(hop.count)).sum();
    assert!((120..180).contains(&handed), "100 / 0.7 hand-outs: {handed}");
}

#[test]
fn it_sends_so_many_messages_on_average() {
    let sketch = called(burst(1, 100), Function { sends: 2.5, ..steady() })
        .node("sink", Kind::Sink(Sink::default()))
        .link("function", "sink");
    let ran = sketch.run(100_000);
    let sent = ran.ends("sink", Fate::Delivered) as f64 / ran.ends("function", Fate::Delivered) as f64;
    assert!((sent - 2.5).abs() < 0.05, "{sent}");
}

#[test]
fn calls_follow_the_handler_one_after_the_other_and_fail_it() {
    let calling = |refuses: bool| {
        called(burst(1, 10_000), steady())
            .node("first", Kind::Sink(Sink::default()))
            .node("second", Kind::Sink(Sink { refuses }))
            .node("told", Kind::Sink(Sink::default()))
            .request("function", "first")
            .request("function", "second")
            .link("function", "told")
            .run(1_000)
    };
    let ran = calling(false);
    assert_eq!(ran.measures("client", Metric::Response), [256]);
    assert_eq!(ran.ends("told", Fate::Delivered), 1);
    let ran = calling(true);
    assert_eq!(ran.hops("client", "function", HopKind::Error).len(), 1);
    assert_eq!(ran.ends("first", Fate::Delivered), 1, "the first call was made");
    assert_eq!(ran.ends("told", Fate::Delivered), 0, "a failed invocation sends nothing");
}

#[test]
fn the_timeout_covers_the_calls() {
    let slow = Function { duration: Spread::Constant(Duration::seconds(2)), ..steady() };
    let sketch = called(burst(1, 0), Function { timeout: Duration::seconds(1), ..steady() })
        .node("other", Kind::Function(slow))
        .request("function", "other");
    let ran = sketch.run(5_000);
    let answers: Vec<u64> = ran.hops("client", "function", HopKind::Error).iter().map(departure).collect();
    assert_eq!(answers, [1_201]);
    assert_eq!(ran.receipts("function", "other", Outcome::Late), 1);
}

/// One that keeps no environment for itself.
fn shared() -> Function {
    Function { concurrency: None, overhead: Spread::Constant(Duration::millis(1)), ..steady() }
}

/// Two functions behind two clients that share three environments.
fn sharing() -> Sketch {
    let mut sketch = Sketch::default();
    for (client_id, function_id) in [("client-a", "function-a"), ("client-b", "function-b")] {
        sketch = sketch.node(client_id, client(burst(5, 1_000))).node(function_id, Kind::Function(shared()));
        sketch = sketch.link(client_id, function_id);
    }
    sketch.scene.settings.account_concurrency = Some(3);
    sketch
}

#[test]
fn functions_never_take_more_than_they_share() {
    // FN-2, FN-5.
    let ran = sharing().run(9_900);
    let served = |client: &str| ran.measures(client, Metric::Response).len();
    assert_eq!(served("client-a") + served("client-b"), 30, "three of ten, ten times");
}

#[test]
fn a_stopped_function_gives_back_what_it_shares() {
    // Once while it asks (at 1.05 ms and again on the way back), once while it works.
    for fault in [1_001, 2_100] {
        let sketch = sharing().fault(fault, fault + 500, stop("function-a"));
        let ran = sketch.run(9_900);
        let late = |client: &str, function: &str| {
            let replies = ran.hops(client, function, HopKind::Reply);
            replies.iter().filter(|hop| departure(hop) >= 3_000).count()
        };
        let served = late("client-a", "function-a") + late("client-b", "function-b");
        assert_eq!(served, 21, "three of ten, seven times");
    }
}

#[test]
fn events_outlive_a_stop_and_no_split_shows() {
    let sketch = fed(burst(20, 700), Function { concurrency: Some(4), ..steady() })
        .node("queue", Kind::Queue(Queue { visibility_timeout: Duration::seconds(1), ..Queue::default() }))
        .node("second", producer(Traffic::Poisson(Rate::per_second(50.0))))
        .node("third", client(burst(2, 100)))
        .node("sink", Kind::Sink(Sink::default()))
        .link("second", "queue")
        .link("queue", "function")
        .link("third", "function")
        .link("function", "sink")
        .fault(800, 1_300, stop("function"))
        .fault(2_000, 2_100, stop("queue"));
    sketch.check_splits(5_000);
    let mut sharing = sketch.node("function", Kind::Function(shared()));
    sharing.scene.settings.account_concurrency = Some(3);
    sharing.check_splits(5_000);
    let failed = sharing.run(5_000).ends("function", Fate::Failed);
    assert!(failed > 0, "requests in hand fail when it stops");
}

#[test]
fn what_a_function_reserves_is_taken_from_all_others_even_while_idle() {
    // FN-3: of five places, three are kept for the idle one.
    let idle = Function { concurrency: Some(3), ..steady() };
    let mut sketch = called(burst(5, 1_000), shared()).node("idle", Kind::Function(idle));
    sketch.scene.settings.account_concurrency = Some(5);
    let ran = sketch.run_both(900);
    assert_eq!(ran.measures("client", Metric::Response).len(), 2);
}

#[test]
fn what_is_provisioned_is_kept_and_the_excess_spills_over_into_the_shared_pool() {
    // FN-6, FN-7: two warm ones of its own, and one more of the pool of four that the other one halves.
    let warm = Function { provisioned: 2, ..shared() };
    let other = Function { provisioned: 1, ..shared() };
    let mut sketch = called(burst(5, 1_000), warm).node("other", Kind::Function(other));
    sketch.scene.settings.account_concurrency = Some(4);
    let ran = sketch.run_both(900);
    assert_eq!(ran.measures("client", Metric::Response), [53, 53, 253]);
}

#[test]
fn asking_for_a_shared_environment_takes_no_longer_than_the_overhead() {
    let responses = |account| {
        let mut sketch =
            called(burst(2, 1_000), Function { overhead: Spread::Constant(Duration::millis(6)), ..shared() });
        sketch.scene.settings.account_concurrency = account;
        let ran = sketch.run_both(1_900);
        ran.measures("client", Metric::Response)
    };
    assert_eq!(responses(None), [258, 258, 58, 58]);
    assert_eq!(responses(Some(10)), responses(None), "the way to the limit and back is part of it");
}

#[test]
fn messages_that_no_filter_takes_are_deleted_from_their_queue_without_an_invocation() {
    // ESM-14.
    let filters = vec![r#"{"kind": ["book"]}"#.to_owned(), r#"{"kind": ["toy"]}"#.to_owned()];
    let say = |kind: &str| saying(volley(10), &format!(r#"{{"kind": "{kind}"}}"#));
    let sketch = Sketch::default()
        .node("books", say("book"))
        .node("food", say("food"))
        .node("queue", Kind::Queue(Queue::default()))
        .node("function", Kind::Function(Function { filters, ..steady() }))
        .node("sink", Kind::Sink(Sink::default()))
        .link("books", "queue")
        .link("food", "queue")
        .link("queue", "function")
        .link("function", "sink");
    let ran = sketch.run_both(5_000);
    assert_eq!(ran.ends("queue", Fate::Delivered), 20);
    assert_eq!(ran.ends("sink", Fate::Delivered), 10);
}
