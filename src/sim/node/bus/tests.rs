use super::*;
use crate::scene::document::Link;
use crate::scene::kind::{Input, Kind, Queue, Router, Rule, Service, Sink};
use crate::scene::slug::NodeId;
use crate::scene::units::{Duration, Rate, Spread};
use crate::sim::command::CommandAction;
use crate::sim::testing::{Sketch, departure, poisson, saying, steady, stop, volley};

const BIG: &str = r#"{"total": [{"numeric": [">", 100]}]}"#;
const BOOK: &str = r#"{"kind": ["book"]}"#;

fn bus(change: impl FnOnce(&mut Bus)) -> Kind {
    let mut bus = Bus { latency: Spread::Constant(Duration::millis(50)), ..Bus::default() };
    for (name, pattern) in [("big", BIG), ("book", BOOK)] {
        bus.rules.insert(name.to_owned(), Rule::new(pattern));
    }
    change(&mut bus);
    Kind::Bus(bus)
}

fn sink() -> Kind {
    Kind::Sink(Sink::default())
}

fn refusing() -> Kind {
    Kind::Sink(Sink { refuses: true })
}

fn by(rule: &str) -> impl FnOnce(&mut Link) {
    let rule = rule.to_owned();
    |link| link.rule = Some(rule)
}

/// A source, a bus and a target `big` behind the rule of that name.
fn one_target(source: Kind, bus: Kind, target: Kind) -> Sketch {
    Sketch::default().node("source", source).node("bus", bus).node("big", target).link("source", "bus").link_with(
        "bus",
        "big",
        by("big"),
    )
}

fn big(source: Kind) -> Kind {
    saying(source, r#"{"total": 500}"#)
}

#[test]
fn every_matching_rule_fires_and_what_matches_none_is_filtered() {
    // EB-80.
    let say = |body: &str| {
        one_target(saying(volley(3), body), bus(|_| {}), sink())
            .node("book", sink())
            .link_with("bus", "book", by("book"))
            .run_both(200)
    };
    let both = say(r#"{"total": 500, "kind": "book"}"#);
    assert_eq!((both.ends("big", Fate::Delivered), both.ends("book", Fate::Delivered)), (3, 3));
    let one = say(r#"{"total": 5, "kind": "book"}"#);
    assert_eq!((one.ends("big", Fate::Delivered), one.ends("book", Fate::Delivered)), (0, 3));
    assert_eq!(say(r#"{"total": 5}"#).ends("bus", Fate::Filtered), 3);
}

#[test]
fn a_rule_that_is_switched_off_matches_nothing() {
    // EB-83.
    let off = bus(|bus| {
        if let Some(rule) = bus.rules.get_mut("big") {
            rule.enabled = false;
        }
    });
    assert_eq!(one_target(big(volley(2)), off, sink()).run_both(200).ends("bus", Fate::Filtered), 2);
}

#[test]
fn each_target_is_tried_alone_and_dead_lettered_after_its_retries() {
    // EB-81, EB-104, EB-106, EB-113.
    let sketch = one_target(big(volley(1)), bus(|bus| bus.retries = 2), refusing())
        .node("all", sink())
        .node("dead", Kind::Queue(Queue::default()))
        .link("bus", "all")
        .dead_letters("bus", "dead");
    let ran = sketch.run_both(60_000);
    assert_eq!(ran.ends("all", Fate::Delivered), 1);
    assert_eq!(ran.hops("bus", "big", HopKind::Event).len(), 1);
    let retries: Vec<u64> = ran.hops("bus", "big", HopKind::Retry).iter().map(departure).collect();
    assert_eq!(retries.len(), 2);
    // EB-110: 0.5 to 1.5 s after the first failure at 53 ms, 1 to 3 s after the next.
    assert!((553..=1_553).contains(&retries[0]), "{retries:?}");
    assert!((1_002..=3_002).contains(&(retries[1] - retries[0])), "{retries:?}");
    assert_eq!(ran.receipts("bus", "dead", Outcome::DeadLettered), 1);
}

#[test]
fn a_retry_that_would_come_past_the_greatest_age_is_not_made() {
    // EB-111: at the moment of the last failure.
    let young = bus(|bus| bus.age_max = Duration::seconds(60));
    let ran = one_target(big(volley(1)), young, refusing()).run_both(200_000);
    let retries = ran.hops("bus", "big", HopKind::Retry);
    assert!((5..=7).contains(&retries.len()), "{}", retries.len());
    assert!(retries.iter().all(|hop| departure(hop) < 60_000));
    assert_eq!(ran.ends("bus", Fate::Failed), 1);
}

#[test]
fn calls_over_the_throttle_are_delayed_and_not_dropped() {
    // EB-102.
    let slow = bus(|bus| bus.invocation_rate = Some(Rate::per_second(10.0)));
    let ran = one_target(big(volley(30)), slow, sink()).run_both(5_000);
    let departures: Vec<u64> = ran.hops("bus", "big", HopKind::Event).iter().map(departure).collect();
    assert_eq!((departures.len(), departures[9], departures[10], departures[29]), (30, 51, 151, 2_051));
}

#[test]
fn a_lost_event_is_sent_again_after_the_timeout() {
    let mut sketch = one_target(big(steady(10.0)), bus(|_| {}), sink());
    for (id, link) in &mut sketch.scene.links {
        link.loss = if id.as_str() == "bus-big" { 0.5 } else { 0.0 };
    }
    let ran = sketch.run_both(30_000);
    assert!(ran.hops("bus", "big", HopKind::Retry).len() > 100);
    // At least once: a lost answer leads to a second delivery (EB-100).
    assert!(ran.ends("big", Fate::Delivered) > 200);
}

#[test]
fn a_service_that_fails_is_tried_again_by_the_bus() {
    let failing = Kind::Service(Service { servers: 100, error_rate: 0.5, ..Service::default() });
    let ran = one_target(big(steady(10.0)), bus(|_| {}), failing).run_both(20_000);
    assert!(ran.hops("bus", "big", HopKind::Retry).len() > 50);
    assert_eq!(ran.ends("big", Fate::Failed), 0, "the message comes back with the error");
}

#[test]
fn an_archive_is_sent_again_once_and_not_archived_again() {
    // Interface proof: replay from an archive (EB-121).
    let sketch = one_target(big(volley(7)), bus(|bus| bus.archive = true), sink());
    let node = NodeId::new("bus").unwrap_or_else(|error| panic!("{error}"));
    let again = |count| CommandAction::Send(node.clone(), count);
    let ran = sketch.run_commanded(4_000, &[(1_000, again(5)), (2_000, again(100))]);
    assert_eq!(ran.ends("big", Fate::Delivered), 7 + 5 + 7);
    assert_eq!(ran.simulation.conservation().held, 7);
}

#[test]
fn what_was_accepted_outlives_a_stop() {
    let sketch = one_target(big(poisson(50.0)), bus(|_| {}), refusing())
        .node("all", sink())
        .link("bus", "all")
        .fault(1_000, 4_000, stop("bus"))
        .fault(6_000, 7_000, stop("all"));
    let ran = sketch.run_both(20_000);
    let accepted = ran.receipts("source", "bus", Outcome::Accepted);
    assert!(ran.ends("all", Fate::Delivered) + 20 > accepted, "{accepted}");
    assert!(ran.receipts("source", "bus", Outcome::Failed) > 100);
}

/// A bus whose rule `big` is changed.
fn big_rule(change: impl FnOnce(&mut Rule)) -> Kind {
    bus(|bus| {
        if let Some(rule) = bus.rules.get_mut("big") {
            change(rule);
        }
    })
}

fn transformer(template: &str) -> Input {
    Input::Transformer(BTreeMap::from([("total".to_owned(), "$.total".to_owned())]), template.to_owned())
}

/// Behind the target `big`: a bus that hands on what has a field `sum`, and a sink for it.
fn seen_by_pattern(input: Input, pattern: &str) -> usize {
    let seen = Kind::Bus(Bus { rules: BTreeMap::from([("seen".to_owned(), Rule::new(pattern))]), ..Bus::default() });
    let sketch = one_target(big(volley(3)), big_rule(|rule| rule.input = input), seen).node("sink", sink()).link_with(
        "big",
        "sink",
        by("seen"),
    );
    sketch.run_both(2_000).ends("sink", Fate::Delivered)
}

#[test]
fn a_target_receives_what_the_input_of_its_rule_says() {
    // EB-84, EB-94.
    assert_eq!(seen_by_pattern(Input::Event, r#"{"total": [500]}"#), 3);
    assert_eq!(seen_by_pattern(transformer(r#"{"sum": <total>}"#), r#"{"sum": [500]}"#), 3);
    assert_eq!(seen_by_pattern(transformer(r#"{"sum": <total>}"#), r#"{"total": [500]}"#), 0);
    assert_eq!(seen_by_pattern(Input::Constant(r#"{"sum": 1}"#.to_owned()), r#"{"sum": [1]}"#), 3);
    let rule = transformer(r#"{"by": <aws.events.rule-name>}"#);
    assert_eq!(seen_by_pattern(rule, r#"{"by": ["big"]}"#), 3);
}

#[test]
fn an_input_that_is_not_json_is_dead_lettered_without_an_attempt() {
    // EB-95, EB-105.
    let broken = big_rule(|rule| rule.input = transformer(r#"{"sum": <aws.events.rule-name> <total>}"#));
    let sketch = one_target(big(volley(3)), broken, sink()).node("dead", sink()).dead_letters("bus", "dead");
    let ran = sketch.run_both(2_000);
    assert_eq!(ran.hops("bus", "big", HopKind::Event).len(), 0);
    assert_eq!(ran.ends("dead", Fate::Delivered), 3);
    assert_eq!(ran.rows.logs.len(), 1, "the log says so once");
}

#[test]
fn retries_and_dead_letters_are_those_of_the_rule() {
    // EB-103, EB-107: the dead letter says what the event said.
    let told = big_rule(|rule| {
        (rule.retries, rule.input) = (Some(1), Input::Constant("{}".to_owned()));
    });
    let dead = Kind::Bus(Bus { rules: BTreeMap::from([("seen".to_owned(), Rule::new(BIG))]), ..Bus::default() });
    let sketch = one_target(saying(volley(2), r#"{"total": 500, "kind": "book"}"#), told, refusing())
        .node("book", refusing())
        .link_with("bus", "book", by("book"))
        .node("dead", dead)
        .link_with("bus", "dead", |link| (link.dead_letters, link.rule) = (true, Some("big".to_owned())))
        .node("sink", sink())
        .link_with("dead", "sink", by("seen"));
    let ran = sketch.run_both(10_000);
    assert_eq!(ran.hops("bus", "big", HopKind::Retry).len(), 2);
    assert_eq!(ran.ends("sink", Fate::Delivered), 2);
    assert!(ran.hops("bus", "book", HopKind::Retry).len() > 4, "the other rule goes by the bus");
}

#[test]
fn a_replay_goes_minute_by_minute_and_its_events_say_so() {
    // EB-124, EB-125.
    let again = r#"{"replay-name": [{"exists": true}]}"#;
    let told = bus(|bus| {
        bus.archive = true;
        bus.latency = Spread::Constant(Duration::millis(100));
        bus.rules.insert("again".to_owned(), Rule::new(again));
    });
    let mut source = big(steady(0.05));
    if let Kind::Producer(producer) = &mut source {
        producer.end = Some(Duration::seconds(170));
    }
    let sketch = one_target(source, told, sink()).node("again", sink()).link_with("bus", "again", by("again"));
    let node = NodeId::new("bus").unwrap_or_else(|error| panic!("{error}"));
    let ran = sketch.run_commanded(210_000, &[(200_000, CommandAction::Send(node, 100))]);
    let departures: Vec<u64> = ran.hops("bus", "again", HopKind::Event).iter().map(departure).collect();
    // One event every 20 s: three in each of the first three minutes, the last at 160 s.
    let minutes = [200_100, 200_200, 200_300];
    assert_eq!(departures, minutes.map(|at| [at; 3]).concat());
    assert_eq!(ran.ends("big", Fate::Delivered), 9 + 9, "other rules take them as any other");
}

#[test]
fn events_that_come_round_in_a_circle_are_stopped_and_the_log_says_so() {
    // EB-86.
    let quick = bus(|bus| bus.latency = Spread::Constant(Duration::millis(1)));
    let sketch = one_target(big(volley(1)), quick, Kind::Router(Router::default())).link("big", "bus");
    let ran = sketch.run(100_000);
    assert_eq!(ran.ends("bus", Fate::Failed), 1);
    assert_eq!(ran.rows.logs.len(), 1);
}
