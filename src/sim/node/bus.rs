//! Bus: matches each event against rules and sends a copy to every target.
//!
//! Invariant: every matching rule fires, and each of its targets is tried alone: none holds back another (EB-80, EB-81).
//! Invariant: accepted = waiting for its match + being delivered + delivered, dead-lettered or dropped.
//! Rules: messaging semantics, section 1 (EB-14, EB-80 to EB-83, EB-100 to EB-113, EB-121, EB-142).
//! A replay sends archived events again, oldest first; they are not archived again.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::scene::kind::Bus;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::bucket::{Bucket, BucketLevel};
use crate::sim::consume;
use crate::sim::draw::{Draw, Purpose, Sampler};
use crate::sim::effects::{Effects, Envelope, Parcel};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::node::Occasion;
use crate::sim::row::{Direction, Fate, HopKind, Metric, Outcome};

/// A target that has not answered by then counts as failed (EB-142).
const ATTEMPT_TIMEOUT: SimSpan = SimSpan::from_seconds(5);
/// The wait before the first retry; it doubles with each (EB-110).
const BACKOFF_BASE: SimSpan = SimSpan::from_seconds(1);
/// The wait grows no longer than this (EB-110).
const BACKOFF_CAP: SimSpan = SimSpan::from_seconds(480);
/// Events that an archive keeps; the oldest leave first. A bound on memory, not a rule of the service.
const ARCHIVE_MAX: usize = 100_000;

/// The slot of the timers after which an accepted event is matched.
const MATCH: u32 = 0;
/// The slot of the timers that end attempts and waits for the next one.
const DELIVERY: u32 = 1;
/// The slot of the timer at which the throttle lets the next call through.
const CALL: u32 = 2;

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a bus is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BusParameters {
    latency: Sampler,
    retries: u32,
    age_max: SimSpan,
    calls: Option<Bucket>,
    archive: Archive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Archive {
    Kept,
    None,
}

/// Makes a scene's bus ready to run.
pub fn compile(bus: &Bus) -> BusParameters {
    BusParameters {
        latency: Sampler::new(&bus.latency),
        retries: bus.retries,
        age_max: bus.age_max.span(),
        calls: bus.invocation_rate.map(|rate| Bucket::with_burst(rate.hertz(), None)),
        archive: if bus.archive { Archive::Kept } else { Archive::None },
    }
}

// --- State: everything that changes; nothing about a bus lives elsewhere ---

/// What a bus remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BusState {
    /// Accepted events that wait for their match.
    accepted: BTreeMap<u64, Accepted>,
    count: u64,
    /// Deliveries to one target each, by token.
    deliveries: BTreeMap<u32, Delivery>,
    /// Deliveries whose message is on the way.
    sent: usize,
    /// Tokens of deliveries that the throttle holds back, longest waiting first.
    calls: VecDeque<u32>,
    level: BucketLevel,
    /// When the throttle lets the next call through, where a timer is set for it.
    call_at: Option<SimTime>,
    archive: VecDeque<Envelope>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Accepted {
    envelope: Envelope,
    at: SimTime,
    due: SimTime,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Delivery {
    link: LinkIndex,
    envelope: Envelope,
    /// When the bus accepted the event: its age counts from here (EB-3).
    accepted: SimTime,
    /// Attempts begun.
    attempts: u32,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// The throttle holds it back.
    Called,
    /// On its way to the target.
    Sent { until: SimTime },
    /// Here, until the next attempt.
    Waiting { until: SimTime },
}

/// Messages in the bus's custody.
pub fn held(state: &BusState) -> u64 {
    (state.accepted.len() + state.deliveries.len() - state.sent + state.archive.len()) as u64
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &BusParameters, state: &mut BusState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            put(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Batch) => consume::take_all(event, effects, |envelope, effects| {
            accept(parameters, state, envelope, effects);
        }),
        (Class::Arrival, HopKind::Reply) => delivered(state, event, effects),
        (Class::Arrival, HopKind::Error | HopKind::Throttled) if event.direction == Direction::Backward => {
            refused(parameters, state, event, effects);
        }
        (Class::Timer, _) if event.via != consume::POLL_AGAIN => due(parameters, state, event, effects),
        _ => consume::answered(event, effects),
    }
    call(parameters, state, effects);
}

/// Handles what happens to the bus itself.
pub fn occasion(parameters: &BusParameters, state: &mut BusState, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Begin => consume::begin(effects),
        Occasion::Started => {
            consume::begin(effects);
            resume(state, effects);
            call(parameters, state, effects);
        }
        Occasion::Reconfigured => {
            state.call_at = None;
            call(parameters, state, effects);
        }
        Occasion::Send(count) => {
            replay(parameters, state, count, effects);
            call(parameters, state, effects);
        }
        // What the bus accepted stays; its timers are stale from here on.
        Occasion::Stopped => state.call_at = None,
    }
}

/// An event is put on the bus: accepted, whatever becomes of it later (EB-14).
fn put(parameters: &BusParameters, state: &mut BusState, event: &SimEvent, effects: &mut Effects) {
    effects.receipt(event, Outcome::Accepted);
    let envelope = event.envelope();
    effects.reply(event, HopKind::Reply, envelope, Custody::Stays);
    accept(parameters, state, envelope, effects);
}

fn accept(parameters: &BusParameters, state: &mut BusState, envelope: Envelope, effects: &mut Effects) {
    if parameters.archive == Archive::Kept {
        archive(state, &envelope, effects);
    }
    ingest(parameters, state, envelope, effects);
}

fn archive(state: &mut BusState, envelope: &Envelope, effects: &mut Effects) {
    if state.archive.len() >= ARCHIVE_MAX
        && let Some(oldest) = state.archive.pop_front()
    {
        effects.end(&oldest, Fate::Expired);
    }
    let copy = effects.copy(envelope, envelope.payload);
    state.archive.push_back(copy);
}

/// The oldest `count` archived events are sent again; they are not archived again (EB-121).
fn replay(parameters: &BusParameters, state: &mut BusState, count: u32, effects: &mut Effects) {
    for at in 0..state.archive.len().min(count as usize) {
        let Some(kept) = state.archive.get(at).copied() else { return };
        let copy = effects.copy(&kept, kept.payload);
        ingest(parameters, state, copy, effects);
    }
}

fn ingest(parameters: &BusParameters, state: &mut BusState, envelope: Envelope, effects: &mut Effects) {
    let number = state.count;
    state.count += 1;
    let due = effects.now + effects.work_span(&parameters.latency, Purpose::Overhead, &envelope);
    state.accepted.insert(number, Accepted { envelope, at: effects.now, due });
    effects.timer(MATCH, due, effects.common.epoch, MessageId(number));
}

/// A timer of the bus, unless it is one of before a stop.
fn due(parameters: &BusParameters, state: &mut BusState, event: &SimEvent, effects: &mut Effects) {
    if event.token != effects.common.epoch {
        return;
    }
    match event.via {
        MATCH => fire(state, event.message.0, effects),
        DELIVERY => delivery_due(parameters, state, event.message.0 as u32, effects),
        _ => state.call_at = None,
    }
}

/// Every rule that matches fires: the message to the first target, a copy to each other (EB-80, EB-81).
fn fire(state: &mut BusState, number: u64, effects: &mut Effects) {
    let Some(Accepted { envelope, at, .. }) = state.accepted.remove(&number) else { return };
    effects.measure(Metric::Wait, effects.now.since(at));
    let matches = effects.matches(envelope.payload);
    let ports = effects.ports();
    let mut links = Vec::new();
    while let Some(row) = effects.matched(matches, links.len()) {
        links.push(row);
    }
    let routed = links.into_iter().filter_map(|row| ports.routes.get(row)).flat_map(|route| &route.links);
    let mut fed = routed.chain(&ports.unrouted);
    let Some(first) = fed.next() else {
        return effects.end(&envelope, Fate::Filtered);
    };
    for link in fed {
        let copy = effects.copy(&envelope, envelope.payload);
        deliver(state, *link, copy, at, effects);
    }
    deliver(state, *first, envelope, at, effects);
}

fn deliver(state: &mut BusState, link: LinkIndex, envelope: Envelope, accepted: SimTime, effects: &mut Effects) {
    let token = effects.fresh_token();
    state.deliveries.insert(token, Delivery { link, envelope, accepted, attempts: 0, place: Place::Called });
    state.calls.push_back(token);
}

/// Calls targets, as many as the throttle lets through: the rest is delayed, not dropped (EB-102).
fn call(parameters: &BusParameters, state: &mut BusState, effects: &mut Effects) {
    while let Some(token) = state.calls.front().copied() {
        if let Some(bucket) = &parameters.calls
            && !state.level.take(bucket, effects.now)
        {
            let ready = state.level.ready_at(bucket, effects.now);
            if let Some(ready) = ready.filter(|_| state.call_at.is_none()) {
                state.call_at = Some(ready);
                effects.timer(CALL, ready, effects.common.epoch, MessageId::NONE);
            }
            break;
        }
        state.calls.pop_front();
        send(state, token, effects);
    }
    show(state, effects);
}

fn send(state: &mut BusState, token: u32, effects: &mut Effects) {
    let Some(delivery) = state.deliveries.get_mut(&token) else { return };
    let kind = if delivery.attempts == 0 { HopKind::Event } else { HopKind::Retry };
    delivery.attempts += 1;
    let until = effects.now + ATTEMPT_TIMEOUT;
    delivery.place = Place::Sent { until };
    state.sent += 1;
    let parcel = Parcel { kind, envelope: delivery.envelope, custody: Custody::Moves, token, count: 1 };
    effects.send(delivery.link, Direction::Forward, parcel);
    effects.timer(DELIVERY, until, effects.common.epoch, MessageId(u64::from(token)));
}

fn show(state: &BusState, effects: &mut Effects) {
    effects.sample(state.accepted.len() + state.deliveries.len() - state.sent, state.sent, 0);
}

/// A target took its copy.
fn delivered(state: &mut BusState, event: &SimEvent, effects: &mut Effects) {
    let awaited = state.deliveries.get(&event.token).is_some_and(is_sent);
    effects.receipt(event, if awaited { Outcome::Accepted } else { Outcome::Late });
    if awaited {
        state.deliveries.remove(&event.token);
        state.sent -= 1;
    }
}

fn is_sent(delivery: &Delivery) -> bool {
    matches!(delivery.place, Place::Sent { .. })
}

/// A target failed: the message came back with the answer, or is gone and is sent again as a copy.
fn refused(parameters: &BusParameters, state: &mut BusState, event: &SimEvent, effects: &mut Effects) {
    let returned = Some(event.envelope()).filter(|_| event.custody == Custody::Moves);
    if !state.deliveries.get(&event.token).is_some_and(is_sent) {
        effects.receipt(event, Outcome::Late);
        if let Some(envelope) = returned {
            effects.end(&envelope, Fate::Failed);
        }
        return;
    }
    effects.receipt(event, Outcome::Accepted);
    failed(parameters, state, event.token, returned, effects);
}

fn delivery_due(parameters: &BusParameters, state: &mut BusState, token: u32, effects: &mut Effects) {
    match state.deliveries.get(&token).map(|delivery| delivery.place) {
        Some(Place::Sent { until }) if until <= effects.now => failed(parameters, state, token, None, effects),
        Some(Place::Waiting { until }) if until <= effects.now => {
            if let Some(delivery) = state.deliveries.get_mut(&token) {
                delivery.place = Place::Called;
            }
            state.calls.push_back(token);
        }
        _ => {}
    }
}

/// An attempt failed: another one follows, or the event is given up (EB-103, EB-104, EB-111).
fn failed(
    parameters: &BusParameters,
    state: &mut BusState,
    token: u32,
    returned: Option<Envelope>,
    effects: &mut Effects,
) {
    let Some(mut delivery) = state.deliveries.remove(&token) else { return };
    state.sent -= 1;
    let keyed = returned.unwrap_or(delivery.envelope);
    let wait = backoff(delivery.attempts, &mut effects.draw(Purpose::Backoff, keyed.message, keyed.hop, token));
    let until = effects.now + wait;
    if delivery.attempts > parameters.retries || until >= delivery.accepted + parameters.age_max {
        return give_up(returned, &delivery.envelope, effects);
    }
    delivery.envelope = returned.unwrap_or_else(|| effects.copy(&delivery.envelope, delivery.envelope.payload));
    delivery.place = Place::Waiting { until };
    state.deliveries.insert(token, delivery);
    effects.timer(DELIVERY, until, effects.common.epoch, MessageId(u64::from(token)));
}

/// The wait before retry `n`: uniform(0.5, 1.5) x min(cap, base x 2^(n-1)) (EB-110).
fn backoff(n: u32, draw: &mut Draw) -> SimSpan {
    let doubled = 1u64.checked_shl(n.saturating_sub(1)).unwrap_or(u64::MAX);
    let span = BACKOFF_BASE.saturating_mul(doubled).min(BACKOFF_CAP).nanos();
    let part = (u128::from(draw.bits()) * u128::from(span)) >> 64;
    SimSpan::from_nanos(span / 2 + part as u64)
}

/// After the last attempt: to the dead letters, or dropped (EB-106).
fn give_up(returned: Option<Envelope>, sent: &Envelope, effects: &mut Effects) {
    match (effects.ports().dead_letters, returned) {
        (Some(link), returned) => {
            let envelope = returned.unwrap_or_else(|| effects.copy(sent, sent.payload));
            let parcel = Parcel { kind: HopKind::DeadLetter, envelope, custody: Custody::Moves, token: 0, count: 1 };
            effects.send(link, Direction::Forward, parcel);
        }
        (None, Some(envelope)) => effects.end(&envelope, Fate::Failed),
        // What gave no answer ended where it was lost, or ends where it arrives late.
        (None, None) => {}
    }
}

/// After a stop, the timers of all that stayed are set anew.
fn resume(state: &BusState, effects: &mut Effects) {
    let epoch = effects.common.epoch;
    for (number, accepted) in &state.accepted {
        effects.timer(MATCH, accepted.due, epoch, MessageId(*number));
    }
    for (token, delivery) in &state.deliveries {
        if let Place::Sent { until } | Place::Waiting { until } = delivery.place {
            effects.timer(DELIVERY, until, epoch, MessageId(u64::from(*token)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::document::Link;
    use crate::scene::kind::{Kind, Queue, Rule, Service, Sink};
    use crate::scene::slug::NodeId;
    use crate::scene::units::{Duration, Rate, Spread};
    use crate::sim::command::CommandAction;
    use crate::sim::testing::{Sketch, departure, poisson, saying, steady, stop, volley};

    const BIG: &str = r#"{"total": [{"numeric": [">", 100]}]}"#;
    const BOOK: &str = r#"{"kind": ["book"]}"#;

    fn bus(change: impl FnOnce(&mut Bus)) -> Kind {
        let mut bus = Bus { latency: Spread::Constant(Duration::millis(50)), ..Bus::default() };
        for (name, pattern) in [("big", BIG), ("book", BOOK)] {
            bus.rules.insert(name.to_owned(), Rule { pattern: pattern.to_owned(), enabled: true });
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
}
