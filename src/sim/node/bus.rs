//! Bus: matches each event against rules and sends a copy to every target.
//!
//! Invariant: every matching rule fires, and each of its targets is tried alone: none holds back another (EB-80, EB-81).
//! Invariant: accepted = waiting for its match + being delivered + delivered, dead-lettered or dropped.
//! Invariant: what goes to the dead letters says what the event said, whatever its target was to receive (EB-107).
//! Rules: messaging semantics, section 1 (EB-14, EB-80 to EB-86, EB-90 to EB-96, EB-100 to EB-113, EB-121 to
//! EB-125, EB-142).

mod replay;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::flow::input::Context;
use crate::flow::states::Document;
use crate::scene::kind::Bus;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::bucket::{Bucket, BucketLevel};
use crate::sim::consume;
use crate::sim::draw::{Draw, Purpose, Sampler};
use crate::sim::effects::{Effects, Envelope, Parcel};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId, NodeIndex};
use crate::sim::node::Occasion;
use crate::sim::node::bus::replay::Replays;
use crate::sim::payload::Payload;
use crate::sim::row::{Direction, Fate, HopKind, Metric, Outcome};

/// A target that has not answered by then counts as failed (EB-142).
const ATTEMPT_TIMEOUT: SimSpan = SimSpan::from_seconds(5);
/// The wait before the first retry; it doubles with each (EB-110).
const BACKOFF_BASE: SimSpan = SimSpan::from_seconds(1);
/// The wait grows no longer than this (EB-110).
const BACKOFF_CAP: SimSpan = SimSpan::from_seconds(480);
/// A bus that holds so many events takes no more: they come back to it faster than they leave (EB-86).
const HELD_MAX: usize = 1_000_000;
/// Events of one beginning that come to a bus when they are old already, at most (EB-86).
const RETURNS_MAX: u32 = 10_000;
/// An event is old from this age on, for the count of returns.
const RETURNS_AGE: SimSpan = SimSpan::from_seconds(60);
/// Beginnings whose returns are counted; the oldest are forgotten first.
const RETURNS_FLOWS: usize = 10_000;
/// Inputs that a bus remembers. A bound on memory: what is forgotten is made again.
const INPUTS_MAX: usize = 100_000;

/// The slot of the timers after which an accepted event is matched.
const MATCH: u32 = 0;
/// The slot of the timers that end attempts and waits for the next one.
const DELIVERY: u32 = 1;
/// The slot of the timer at which the throttle lets the next call through.
const CALL: u32 = 2;
/// The slot of the timers at which a replay goes on with its next minute.
const REPLAY: u32 = 3;

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
    replays: Replays,
    /// What targets receive instead of an event, by rule and event; `None`: it is not JSON.
    inputs: BTreeMap<(u32, Payload), Option<Payload>>,
    /// Rules whose input was not JSON for some event.
    invalid: BTreeSet<u32>,
    /// Events that were not taken because too many are here.
    overflow: u64,
    /// How often events of one beginning came here when they were old.
    returns: BTreeMap<(SimTime, NodeIndex), u32>,
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
    /// The rule that fired, as a row of the node's routes.
    rule: Option<u32>,
    envelope: Envelope,
    /// What the event said.
    event: Payload,
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
    (state.accepted.len() + state.deliveries.len() - state.sent + state.replays.kept()) as u64
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
            replay::resume(parameters, state, effects);
            call(parameters, state, effects);
        }
        Occasion::Reconfigured => {
            state.call_at = None;
            call(parameters, state, effects);
        }
        Occasion::Send(count) => {
            replay::begin(parameters, state, count, effects);
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
    if runs_away(state, &envelope, effects) {
        return effects.end(&envelope, Fate::Failed);
    }
    if parameters.archive == Archive::Kept {
        state.replays.keep(&envelope, effects);
    }
    ingest(parameters, state, envelope, effects);
}

/// Whether an event comes round in a circle, which the service would never see (EB-86). The log says so once.
fn runs_away(state: &mut BusState, envelope: &Envelope, effects: &mut Effects) -> bool {
    let held = state.accepted.len() + state.deliveries.len();
    if held >= HELD_MAX {
        if state.overflow == 0 {
            effects.log(&format!("runs away: {held} events are here, and no more are taken"));
        }
        state.overflow += 1;
        return true;
    }
    if effects.now.since(envelope.born) < RETURNS_AGE {
        return false;
    }
    let flow = (envelope.born, envelope.origin);
    let count = state.returns.entry(flow).or_default();
    *count = count.saturating_add(1);
    let count = *count;
    if state.returns.len() > RETURNS_FLOWS {
        state.returns.pop_first();
    }
    if count == RETURNS_MAX + 1 {
        let origin = effects.model.nodes[envelope.origin.row()].name.clone();
        effects.log(&format!(
            "runs away: events that `{origin}` began came here {RETURNS_MAX} times, and no more are taken"
        ));
    }
    count > RETURNS_MAX
}

/// An event waits for its match; returns when that is due.
fn ingest(parameters: &BusParameters, state: &mut BusState, envelope: Envelope, effects: &mut Effects) -> SimTime {
    let number = state.count;
    state.count += 1;
    let due = effects.now + effects.work_span(&parameters.latency, Purpose::Overhead, &envelope);
    state.accepted.insert(number, Accepted { envelope, at: effects.now, due });
    effects.timer(MATCH, due, effects.common.epoch, MessageId(number));
    due
}

/// A timer of the bus, unless it is one of before a stop.
fn due(parameters: &BusParameters, state: &mut BusState, event: &SimEvent, effects: &mut Effects) {
    if event.token != effects.common.epoch {
        return;
    }
    match event.via {
        MATCH => fire(state, event.message.0, effects),
        DELIVERY => delivery_due(parameters, state, event.message.0 as u32, effects),
        REPLAY => replay::go_on(parameters, state, event.message.0 as u32, effects),
        _ => state.call_at = None,
    }
}

/// Every rule that matches fires: the message goes to the last target, a copy to each other (EB-80, EB-81).
fn fire(state: &mut BusState, number: u64, effects: &mut Effects) {
    let Some(accepted) = state.accepted.remove(&number) else { return };
    effects.measure(Metric::Wait, effects.now.since(accepted.at));
    let matches = effects.matches(accepted.envelope.payload);
    let ports = effects.ports();
    let mut last = None;
    let mut at = 0;
    while let Some(row) = effects.matched(matches, at) {
        at += 1;
        for link in ports.routes.get(row).map(|route| route.links.as_slice()).unwrap_or_default() {
            deliver_copy(state, last.replace((Some(row as u32), *link)), &accepted, effects);
        }
    }
    for link in &ports.unrouted {
        deliver_copy(state, last.replace((None, *link)), &accepted, effects);
    }
    match last {
        Some(target) => deliver(state, target, accepted.envelope, accepted.at, effects),
        None => effects.end(&accepted.envelope, Fate::Filtered),
    }
}

fn deliver_copy(
    state: &mut BusState,
    target: Option<(Option<u32>, LinkIndex)>,
    accepted: &Accepted,
    effects: &mut Effects,
) {
    let Some(target) = target else { return };
    let copy = effects.copy(&accepted.envelope, accepted.envelope.payload);
    deliver(state, target, copy, accepted.at, effects);
}

fn deliver(
    state: &mut BusState,
    (rule, link): (Option<u32>, LinkIndex),
    mut envelope: Envelope,
    accepted: SimTime,
    effects: &mut Effects,
) {
    let event = envelope.payload;
    match input(state, rule, event, accepted, effects) {
        Some(input) => envelope.payload = input,
        // Bad input is not tried at all (EB-95, EB-105).
        None => return give_up(Some(envelope), &Undelivered { rule, event, sent: envelope }, effects),
    }
    let token = effects.fresh_token();
    let delivery = Delivery { link, rule, envelope, event, accepted, attempts: 0, place: Place::Called };
    state.deliveries.insert(token, delivery);
    state.calls.push_back(token);
}

/// What the targets of a rule receive of an event; `None`: its template makes no JSON of it.
fn input(
    state: &mut BusState,
    rule: Option<u32>,
    event: Payload,
    accepted: SimTime,
    effects: &mut Effects,
) -> Option<Payload> {
    let route = rule.and_then(|row| Some((row, effects.ports().routes.get(row as usize)?)));
    let Some((row, route)) = route else { return Some(event) };
    let Some(input) = &route.input else { return Some(event) };
    if let Some(known) = state.inputs.get(&(row, event)) {
        return *known;
    }
    let model = effects.model;
    let bus = model.nodes[effects.node().row()].name.as_str();
    let ingested = model.scene.settings.begins.after(accepted.since(SimTime::ZERO)).to_string();
    let context = Context { bus, rule: &route.name, ingested: &ingested };
    let rendered = input.render(&effects.read(event), context).ok();
    if rendered.is_none() && state.invalid.insert(row) {
        effects.log(&format!("rule `{}` made an input that is not JSON, which is sent to nobody", route.name));
    }
    let payload = rendered.map(|value| effects.write(&Document::from(value)));
    if !input.depends_on_time() && state.inputs.len() < INPUTS_MAX {
        state.inputs.insert((row, event), payload);
    }
    payload
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
    let route = delivery.rule.and_then(|row| effects.ports().routes.get(row as usize));
    let retries = route.and_then(|route| route.retries).unwrap_or(parameters.retries);
    let age_max = route.and_then(|route| route.age_max).unwrap_or(parameters.age_max);
    if delivery.attempts > retries || until >= delivery.accepted + age_max {
        let Delivery { rule, event, envelope: sent, .. } = delivery;
        return give_up(returned, &Undelivered { rule, event, sent }, effects);
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

/// What a target did not take.
struct Undelivered {
    rule: Option<u32>,
    event: Payload,
    sent: Envelope,
}

/// After the last attempt: to the dead letters of the rule or of the bus, or dropped (EB-106, EB-107).
fn give_up(returned: Option<Envelope>, undelivered: &Undelivered, effects: &mut Effects) {
    let Undelivered { rule, event, sent } = undelivered;
    let ports = effects.ports();
    let of_rule = rule.and_then(|row| ports.routes.get(row as usize)?.dead_letters);
    match (of_rule.or(ports.dead_letters), returned) {
        (Some(link), returned) => {
            let envelope = match returned {
                Some(envelope) => Envelope { payload: *event, ..envelope },
                None => effects.copy(sent, *event),
            };
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
mod tests;
