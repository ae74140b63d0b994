//! Queue: holds messages until a receiver takes and deletes them.
//!
//! Invariant: accepted = visible + delayed + in flight + deleted + dead-lettered + expired, after every event.
//! Invariant: one timer is set for the whole queue, however many messages it holds.
//! Rules: messaging semantics, section 2 (SQS-1 to SQS-10, SQS-20, SQS-24, SQS-40 to SQS-43).
//! A dead letter's retention counts from its move: a hop does not say when its message was first sent (SQS-45).

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::scene::kind::Queue;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::consume;
use crate::sim::draw::Purpose;
use crate::sim::effects::{BatchItem, Effects, Envelope, Parcel};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::node::Occasion;
use crate::sim::row::{Direction, Fate, HopKind, Metric, Outcome};

/// A receive that goes out of order picks among this many times as many of the oldest (SQS-12).
const DISORDER_REACH: u32 = 10;

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a queue is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueParameters {
    visibility_timeout: SimSpan,
    delay: SimSpan,
    retention: SimSpan,
    receives_max: u32,
    in_flight_max: usize,
    disorder: f64,
    batch_size: u16,
    batch_window: SimSpan,
    wait_time: SimSpan,
}

/// Makes a scene's queue ready to run.
pub fn compile(queue: &Queue) -> QueueParameters {
    QueueParameters {
        visibility_timeout: queue.visibility_timeout.span(),
        delay: queue.delay.span(),
        retention: queue.retention.span(),
        receives_max: queue.receives_max.unwrap_or(u32::MAX),
        in_flight_max: queue.in_flight_max as usize,
        disorder: queue.disorder,
        batch_size: u16::try_from(queue.batch_size.max(1)).unwrap_or(u16::MAX),
        batch_window: queue.batch_window.span(),
        wait_time: queue.wait_time.span(),
    }
}

// --- State: everything that changes; nothing about a queue lives elsewhere ---

/// What a queue remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueueState {
    /// All messages in the order of their arrival, hence of their age.
    messages: BTreeMap<u64, Stored>,
    accepted: u64,
    /// Numbers of visible messages, next first; may name ones that are gone.
    visible: VecDeque<u64>,
    visible_count: usize,
    delayed: VecDeque<(SimTime, u64)>,
    /// Leases by deadline: message and the count of receives that the lease is for.
    leases: VecDeque<(SimTime, u64, u32)>,
    in_flight: usize,
    polls: VecDeque<WaitingPoll>,
    timer: Option<SimTime>,
    timer_generation: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    envelope: Envelope,
    sent: SimTime,
    receives: u32,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Place {
    Delayed,
    Visible { since: SimTime },
    InFlight,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct WaitingPoll {
    link: LinkIndex,
    token: u32,
    wanted: u16,
    since: SimTime,
}

/// Messages in the queue's custody.
pub fn held(state: &QueueState) -> u64 {
    state.messages.len() as u64
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &QueueParameters, state: &mut QueueState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            send(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Batch) => consume::take_all(event, effects, |envelope, effects| {
            accept(parameters, state, envelope, effects);
        }),
        (Class::Arrival, HopKind::Poll) => poll(parameters, state, event, effects),
        (Class::Arrival, HopKind::Acknowledgement) => delete(state, event, effects),
        (Class::Timer, _) if event.via == consume::POLL_AGAIN => consume::answered(event, effects),
        (Class::Timer, _) => {
            if event.token != state.timer_generation {
                return;
            }
            state.timer = None;
        }
        (Class::Arrival, _) => consume::answered(event, effects),
        (Class::Command, _) => {}
    }
    settle(parameters, state, effects);
}

/// Handles what happens to the queue itself.
pub fn occasion(parameters: &QueueParameters, state: &mut QueueState, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Begin => consume::begin(effects),
        Occasion::Stopped => {
            while let Some(poll) = state.polls.pop_front() {
                let envelope = Envelope::control(effects.node(), effects.now);
                let parcel =
                    Parcel { kind: HopKind::Error, envelope, custody: Custody::Stays, token: poll.token, count: 0 };
                effects.send(poll.link, Direction::Forward, parcel);
            }
        }
        Occasion::Started => {
            consume::begin(effects);
            settle(parameters, state, effects);
        }
        Occasion::Reconfigured => settle(parameters, state, effects),
        Occasion::Send(_) => {}
    }
}

/// A message is sent to the queue (SQS-1, SQS-2).
fn send(parameters: &QueueParameters, state: &mut QueueState, event: &SimEvent, effects: &mut Effects) {
    let kept = if event.kind == HopKind::DeadLetter { Outcome::DeadLettered } else { Outcome::Accepted };
    effects.receipt(event, kept);
    let envelope = event.envelope();
    accept(parameters, state, envelope, effects);
    effects.reply(event, HopKind::Reply, envelope, Custody::Stays);
}

fn accept(parameters: &QueueParameters, state: &mut QueueState, envelope: Envelope, effects: &mut Effects) {
    let number = state.accepted;
    state.accepted += 1;
    let place = if parameters.delay.is_zero() {
        state.visible.push_back(number);
        state.visible_count += 1;
        Place::Visible { since: effects.now }
    } else {
        let due = effects.now + parameters.delay;
        let at = state.delayed.partition_point(|(other, _)| *other <= due);
        state.delayed.insert(at, (due, number));
        Place::Delayed
    };
    state.messages.insert(number, Stored { envelope, sent: effects.now, receives: 0, place });
}

/// A consumer asks for messages; it waits where there are none (SQS-20).
fn poll(parameters: &QueueParameters, state: &mut QueueState, event: &SimEvent, effects: &mut Effects) {
    let wanted = event.count.min(parameters.batch_size).max(1);
    state.polls.push_back(WaitingPoll { link: event.link(), token: event.token, wanted, since: effects.now });
}

/// A consumer is done with messages (SQS-8).
fn delete(state: &mut QueueState, event: &SimEvent, effects: &mut Effects) {
    for item in effects.take_batch(event) {
        let newest = state.messages.get(&item.lease).is_some_and(|stored| stored.receives == item.receives);
        if newest && let Some(stored) = remove(state, item.lease) {
            effects.end(&stored.envelope, Fate::Delivered);
        }
    }
}

fn remove(state: &mut QueueState, number: u64) -> Option<Stored> {
    let stored = state.messages.remove(&number)?;
    match stored.place {
        Place::Visible { .. } => state.visible_count -= 1,
        Place::InFlight => state.in_flight -= 1,
        Place::Delayed => {}
    }
    Some(stored)
}

/// Does all that is due now, hands out what can be handed out, and sets the one timer.
fn settle(parameters: &QueueParameters, state: &mut QueueState, effects: &mut Effects) {
    end_delays(state, effects.now);
    end_leases(state, effects.now);
    expire(parameters, state, effects);
    hand_out(parameters, state, effects);
    end_waits(parameters, state, effects);
    arm(parameters, state, effects);
    let delayed = state.messages.len() - state.visible_count - state.in_flight;
    effects.sample(state.visible_count + delayed, state.in_flight, 0);
}

fn end_delays(state: &mut QueueState, now: SimTime) {
    while let Some((due, number)) = state.delayed.front().copied().filter(|(due, _)| *due <= now) {
        state.delayed.pop_front();
        show(state, number, due);
    }
}

/// A lease that is over makes its message visible again, exactly then (SQS-5).
fn end_leases(state: &mut QueueState, now: SimTime) {
    while let Some((due, number, receives)) = state.leases.front().copied().filter(|(due, ..)| *due <= now) {
        state.leases.pop_front();
        let current = state.messages.get(&number).is_some_and(|s| s.receives == receives && s.place == Place::InFlight);
        if current {
            state.in_flight -= 1;
            show(state, number, due);
        }
    }
}

fn show(state: &mut QueueState, number: u64, since: SimTime) {
    if let Some(stored) = state.messages.get_mut(&number) {
        stored.place = Place::Visible { since };
        state.visible.push_back(number);
        state.visible_count += 1;
    }
}

/// Removes what is older than the retention, whatever its state (SQS-10).
fn expire(parameters: &QueueParameters, state: &mut QueueState, effects: &mut Effects) {
    while let Some((&number, stored)) = state.messages.first_key_value() {
        if stored.sent + parameters.retention > effects.now {
            return;
        }
        if let Some(stored) = remove(state, number) {
            effects.end(&stored.envelope, Fate::Expired);
        }
    }
}

/// Answers waiting polls, longest waiting first, with the oldest visible messages (SQS-4, SQS-24).
fn hand_out(parameters: &QueueParameters, state: &mut QueueState, effects: &mut Effects) {
    while let Some(poll) = state.polls.front().copied() {
        let full = state.visible_count >= usize::from(poll.wanted);
        let window_over = poll.since + parameters.batch_window <= effects.now;
        if state.visible_count == 0 || !(full || window_over) || state.in_flight >= parameters.in_flight_max {
            return;
        }
        let items = receive(parameters, state, poll.wanted, effects);
        if items.is_empty() {
            continue;
        }
        state.polls.pop_front();
        effects.send_batch(poll.link, Direction::Forward, HopKind::Batch, poll.token, items);
    }
}

fn receive(parameters: &QueueParameters, state: &mut QueueState, wanted: u16, effects: &mut Effects) -> Vec<BatchItem> {
    let mut items = Vec::new();
    let deadline = effects.now + parameters.visibility_timeout;
    while items.len() < usize::from(wanted) && state.in_flight < parameters.in_flight_max {
        let Some(number) = next_visible(parameters, state, effects) else { break };
        let Some(stored) = state.messages.get_mut(&number) else { continue };
        // The receive that would be one too many moves the message instead (SQS-40, SQS-41).
        if stored.receives >= parameters.receives_max {
            if let Some(stored) = remove(state, number) {
                effects.give_up(&stored.envelope);
            }
            continue;
        }
        stored.receives += 1;
        let (envelope, receives) = (stored.envelope, stored.receives);
        if let Place::Visible { since } = stored.place {
            effects.measure(Metric::Wait, effects.now.since(since));
        }
        stored.place = Place::InFlight;
        state.visible_count -= 1;
        state.in_flight += 1;
        let at = state.leases.partition_point(|(other, ..)| *other <= deadline);
        state.leases.insert(at, (deadline, number, receives));
        items.push(BatchItem { envelope, lease: number, receives });
    }
    items
}

fn next_visible(parameters: &QueueParameters, state: &mut QueueState, effects: &mut Effects) -> Option<u64> {
    if parameters.disorder > 0.0 && state.visible.len() > 1 {
        let front = state.visible.front().map_or(MessageId::NONE, |number| MessageId(*number));
        let mut draw = effects.draw(Purpose::Order, front, 0, state.in_flight as u32);
        if draw.happens(parameters.disorder) {
            let reach = (u32::from(parameters.batch_size) * DISORDER_REACH).min(state.visible.len() as u32);
            state.visible.swap(0, draw.below(reach) as usize);
        }
    }
    loop {
        let number = state.visible.pop_front()?;
        let visible = |stored: &Stored| matches!(stored.place, Place::Visible { .. });
        if state.messages.get(&number).is_some_and(visible) {
            return Some(number);
        }
    }
}

/// A long poll whose wait is over is answered empty.
fn end_waits(parameters: &QueueParameters, state: &mut QueueState, effects: &mut Effects) {
    while let Some(poll) = state.polls.front().copied() {
        if poll.since + parameters.wait_time > effects.now {
            return;
        }
        state.polls.pop_front();
        effects.send_batch(poll.link, Direction::Forward, HopKind::Batch, poll.token, Vec::new());
    }
}

fn arm(parameters: &QueueParameters, state: &mut QueueState, effects: &mut Effects) {
    let oldest = state.messages.first_key_value().map(|(_, stored)| stored.sent + parameters.retention);
    let wait = state.polls.front().map(|poll| {
        let waits_for_batch = state.visible_count > 0 && poll.since + parameters.batch_window > effects.now;
        poll.since + if waits_for_batch { parameters.batch_window } else { parameters.wait_time }
    });
    let delay = state.delayed.front().map(|(due, _)| *due);
    let lease = state.leases.front().map(|(due, ..)| *due);
    let Some(due) = [oldest, wait, delay, lease].into_iter().flatten().min() else { return };
    // A full in-flight set leaves due waits behind: the timer must still be ahead.
    let due = due.max(effects.now + SimSpan::from_nanos(1));
    if state.timer.is_some_and(|set| set <= due) {
        return;
    }
    state.timer = Some(due);
    state.timer_generation = state.timer_generation.wrapping_add(1);
    effects.timer(0, due, state.timer_generation, MessageId::NONE);
}
