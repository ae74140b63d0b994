//! Function: runs code on arrival, one invocation in one environment at a time.
//!
//! Invariant: messages here = waiting asynchronous events + invocations that own their message; a batch
//! stays its queue's.
//! Invariant: invocations under way never exceed the concurrency, and without one of its own never what is
//! provisioned and what a shared limit grants. Asking for the latter is part of the overhead, not added to it.
//! Rules: compute semantics, section 1 (FN-1 to FN-3, FN-6, FN-9 to FN-11, FN-13, FN-16 to FN-18, FN-30 to
//! FN-35, FN-38, FN-39, FN-47); messaging semantics, ESM-14.

mod environments;
mod invocation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scene::kind::{Function, Jitter, Retry};
use crate::scene::time::{SimSpan, SimTime};
use crate::scene::units::{Duration, Spread};
use crate::sim::bucket::{Bucket, BucketLevel};
use crate::sim::consume;
use crate::sim::draw::{Purpose, Sampler};
use crate::sim::effects::{BatchItem, Effects, Envelope, Power};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::node::Occasion;
use crate::sim::node::function::environments::{Capacity, Environments};
use crate::sim::node::function::invocation::{Invocation, Stage};
use crate::sim::retry::Backoff;
use crate::sim::row::{Condition, Direction, Fate, HopKind, Outcome};

/// The timer of a cold start; its token is the invocation's, as that of the next two.
const READY: u32 = 0;
/// The timer of a handler that ends by itself.
const FINISHED: u32 = 1;
/// The timer of the function's time-out.
const CUT: u32 = 2;
/// The timer of an asynchronous event's next attempt; its token is the event's.
const DISPATCH: u32 = 3;

/// Synchronous requests a second for each unit of concurrency (FN-10 d).
const REQUESTS_PER_ENVIRONMENT: u32 = 10;
/// The wait before the second attempt of an asynchronous event; each further one takes as much longer (FN-33).
const RETRY_WAIT: SimSpan = SimSpan::from_seconds(60);
/// The wait before a poller whose batch was throttled asks again (FN-39).
const THROTTLED_POLL_WAIT: SimSpan = SimSpan::from_seconds(1);

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a function is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionParameters {
    capacity: Capacity,
    places: Places,
    overhead: Sampler,
    /// Synchronous requests that it lets in; none without a concurrency of its own.
    requests: Option<Bucket>,
    duration: Sampler,
    cold_start: Sampler,
    timeout: SimSpan,
    error_rate: f64,
    retries: u32,
    age_max: SimSpan,
    sends: f64,
    dispatch: Sampler,
    throttled: Backoff,
}

/// Where its environments come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Places {
    /// They are kept for it: nobody is asked (FN-3).
    Reserved,
    /// All but the provisioned ones are shared: the shared limit is asked, where there is one (FN-5).
    Shared,
}

impl FunctionParameters {
    /// The least time for half of the way to a shared limit and back, which is part of the overhead;
    /// `None` for a function that asks nobody.
    pub fn asking_least(&self) -> Option<SimSpan> {
        let half = SimSpan::from_nanos(self.overhead.low_quantile().nanos() / 2);
        (self.places == Places::Shared).then_some(half)
    }
}

/// Makes a scene's function ready to run.
pub fn compile(function: &Function) -> FunctionParameters {
    // The internal queue's back-off grows from 1 s to 5 min (FN-34); its dispatch takes 20 to 150 ms (FN-47).
    let throttled =
        Retry { attempts: u32::MAX, base: Duration::seconds(1), cap: Duration::seconds(300), jitter: Jitter::Equal };
    let requests = function.concurrency.map(|places| places.saturating_mul(REQUESTS_PER_ENVIRONMENT));
    FunctionParameters {
        capacity: Capacity {
            concurrency: function.concurrency.unwrap_or(u32::MAX),
            provisioned: function.provisioned,
            keep_warm: function.keep_warm.span(),
            scaling: Capacity::scaling(),
        },
        places: if function.concurrency.is_some() { Places::Reserved } else { Places::Shared },
        overhead: Sampler::new(&function.overhead),
        requests: requests.map(|requests| Bucket::new(f64::from(requests), requests)),
        duration: Sampler::new(&function.duration),
        cold_start: Sampler::new(&function.cold_start),
        timeout: function.timeout.span(),
        error_rate: function.error_rate,
        retries: function.retries,
        age_max: function.age_max.span(),
        sends: function.sends,
        dispatch: Sampler::new(&Spread::Lognormal(Duration::millis(20), Duration::millis(150))),
        throttled: Backoff::new(&throttled),
    }
}

// --- State: everything that changes; nothing about a function lives elsewhere ---

/// What a function remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FunctionState {
    environments: Environments,
    /// How far the bucket of synchronous requests is drawn down.
    requests: BucketLevel,
    /// Invocations under way, by token.
    invocations: BTreeMap<u32, Invocation>,
    /// Invocations that wait for the word of the shared limit.
    asking: usize,
    /// Cold starts under way.
    cold: usize,
    /// Calls that wait for an answer: which invocation made them.
    calls: BTreeMap<u32, u32>,
    /// The internal queue: asynchronous events that wait for an attempt.
    waiting: BTreeMap<u32, Queued>,
}

/// An asynchronous event.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Queued {
    envelope: Envelope,
    accepted: SimTime,
    /// Attempts that ended in a function error.
    errors: u32,
    /// Attempts that were throttled, or broken off by a stop.
    throttles: u32,
}

/// What an invocation works on.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Trigger {
    /// A caller waits (FN-30).
    Request(SimEvent),
    /// Nobody waits (FN-32).
    Event(Queued),
    /// A poller waits (FN-39): the first message, and all that have not failed.
    Batch { link: LinkIndex, first: BatchItem, items: Vec<BatchItem> },
}

impl Trigger {
    fn envelope(&self) -> Envelope {
        match self {
            Trigger::Request(event) => event.envelope(),
            Trigger::Event(queued) => queued.envelope,
            Trigger::Batch { first, .. } => first.envelope,
        }
    }

    /// The envelope as the key of draws, which differ from attempt to attempt.
    fn keyed(&self) -> Envelope {
        match self {
            Trigger::Request(_) => self.envelope(),
            Trigger::Event(queued) => {
                let attempt = (queued.errors.wrapping_add(queued.throttles) as u16).wrapping_shl(8);
                Envelope { hop: queued.envelope.hop.wrapping_add(attempt), ..queued.envelope }
            }
            Trigger::Batch { first, .. } => invocation::keyed_by_receives(first),
        }
    }
}

/// Messages in the function's custody.
pub fn held(state: &FunctionState) -> u64 {
    let owned = state.invocations.values().filter(|invocation| match &invocation.trigger {
        Trigger::Request(event) => event.custody == Custody::Moves,
        Trigger::Event(_) => true,
        Trigger::Batch { .. } => false,
    });
    (owned.count() + state.waiting.len()) as u64
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &FunctionParameters, state: &mut FunctionState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Request) => request(parameters, state, event, effects),
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::DeadLetter) => {
            accept(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Batch) => batch(parameters, state, event, effects),
        (Class::Arrival, HopKind::Reply | HopKind::Throttled) if effects.ports().limit == Some(event.link()) => {
            let started = match event.kind {
                HopKind::Reply => invocation::granted(parameters, state, event.token, effects),
                _ => invocation::refused(state, event.token),
            };
            started.unwrap_or_else(|trigger| throttle(parameters, state, trigger, effects));
        }
        (Class::Arrival, HopKind::Reply | HopKind::Error | HopKind::Throttled)
            if event.direction == Direction::Backward =>
        {
            invocation::answered(parameters, state, event, effects);
        }
        (Class::Timer, _) => match event.via {
            READY => invocation::ready(parameters, state, event.token, effects),
            FINISHED => invocation::finished(parameters, state, event.token, effects),
            CUT => invocation::cut(parameters, state, event.token, effects),
            DISPATCH if effects.common.power == Power::On => dispatch(parameters, state, event.token, effects),
            _ => consume::answered(event, effects),
        },
        (Class::Arrival | Class::Command, _) => consume::answered(event, effects),
    }
    show(state, effects);
}

/// Handles what happens to the function itself.
pub fn occasion(parameters: &FunctionParameters, state: &mut FunctionState, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Begin => consume::begin(effects),
        Occasion::Stopped => stop(state, effects),
        Occasion::Started => {
            consume::begin(effects);
            for (_, queued) in std::mem::take(&mut state.waiting) {
                enqueue(parameters, state, queued, SimSpan::ZERO, effects);
            }
        }
        Occasion::Reconfigured | Occasion::Send(_) => {}
    }
    show(state, effects);
}

fn show(state: &FunctionState, effects: &mut Effects) {
    let under_way = state.invocations.len();
    effects.sample(state.waiting.len(), under_way, under_way - state.asking);
}

/// A synchronous request (FN-30): it runs at once or is throttled.
fn request(parameters: &FunctionParameters, state: &mut FunctionState, event: &SimEvent, effects: &mut Effects) {
    let admitted = parameters.requests.is_none_or(|bucket| state.requests.take(&bucket, effects.now));
    if !admitted {
        return effects.refuse(event, Outcome::Throttled);
    }
    if let Err(trigger) = invocation::start(parameters, state, Trigger::Request(*event), effects) {
        throttle(parameters, state, trigger, effects);
    }
}

/// An asynchronous event is accepted, whatever happens later (FN-32).
fn accept(parameters: &FunctionParameters, state: &mut FunctionState, event: &SimEvent, effects: &mut Effects) {
    effects.receipt(event, Outcome::Accepted);
    let envelope = event.envelope();
    effects.reply(event, HopKind::Reply, envelope, Custody::Stays);
    let queued = Queued { envelope, accepted: effects.now, errors: 0, throttles: 0 };
    let wait = effects.work_span(&parameters.dispatch, Purpose::Overhead, &envelope);
    enqueue(parameters, state, queued, wait, effects);
}

/// Puts an event into the internal queue until its next attempt, or until it is too old for one.
fn enqueue(
    parameters: &FunctionParameters,
    state: &mut FunctionState,
    queued: Queued,
    wait: SimSpan,
    effects: &mut Effects,
) {
    let token = effects.fresh_token();
    state.waiting.insert(token, queued);
    let due = (effects.now + wait).min(queued.accepted + parameters.age_max);
    effects.timer(DISPATCH, due, token, MessageId::NONE);
}

/// An event of the internal queue is due.
fn dispatch(parameters: &FunctionParameters, state: &mut FunctionState, token: u32, effects: &mut Effects) {
    let Some(queued) = state.waiting.remove(&token) else { return };
    // Too old (FN-35), or never to run (FN-38).
    if queued.accepted + parameters.age_max <= effects.now || parameters.capacity.concurrency == 0 {
        return effects.give_up(&queued.envelope);
    }
    if let Err(trigger) = invocation::start(parameters, state, Trigger::Event(queued), effects) {
        throttle(parameters, state, trigger, effects);
    }
}

/// A poller brings a batch, or word that there is none (FN-39).
fn batch(parameters: &FunctionParameters, state: &mut FunctionState, event: &SimEvent, effects: &mut Effects) {
    let Some(items) = consume::receive(event, effects) else { return };
    let items = wanted(items, event.link(), effects);
    let Some(first) = items.first().copied() else {
        return consume::poll(event.link(), effects);
    };
    let trigger = Trigger::Batch { link: event.link(), first, items };
    if let Err(trigger) = invocation::start(parameters, state, trigger, effects) {
        throttle(parameters, state, trigger, effects);
    }
}

/// The messages that a filter of the function takes; the others are deleted from their queue (ESM-14).
fn wanted(items: Vec<BatchItem>, link: LinkIndex, effects: &mut Effects) -> Vec<BatchItem> {
    if effects.ports().routes.is_empty() {
        return items;
    }
    let takes = |item: &BatchItem| {
        let matches = effects.matches(item.envelope.payload);
        effects.matched(matches, 0).is_some()
    };
    let (wanted, others) = items.into_iter().partition(takes);
    consume::acknowledge(link, others, effects);
    wanted
}

/// There is no room for an invocation (FN-10).
fn throttle(parameters: &FunctionParameters, state: &mut FunctionState, trigger: Trigger, effects: &mut Effects) {
    effects.set_condition(Condition::THROTTLING);
    match trigger {
        Trigger::Request(event) => effects.refuse(&event, Outcome::Throttled),
        Trigger::Event(queued) => {
            // It waits longer each time, without using up an attempt (FN-34).
            let throttles = queued.throttles.saturating_add(1);
            let mut draw = effects.draw(Purpose::Backoff, queued.envelope.message, throttles as u16, 0);
            let wait = parameters.throttled.wait(throttles, &mut draw);
            enqueue(parameters, state, Queued { throttles, ..queued }, wait, effects);
        }
        Trigger::Batch { link, .. } => {
            let at = effects.now + THROTTLED_POLL_WAIT;
            effects.timer(consume::POLL_AGAIN, at, effects.common.epoch, MessageId(u64::from(link.0)));
        }
    }
}

/// An invocation ended well.
fn succeed(trigger: Trigger, effects: &mut Effects) {
    match trigger {
        Trigger::Request(event) => {
            if event.custody == Custody::Moves {
                effects.end(&event.envelope(), Fate::Delivered);
            }
            effects.reply(&event, HopKind::Reply, event.envelope(), Custody::Stays);
        }
        Trigger::Event(queued) => effects.end(&queued.envelope, Fate::Delivered),
        Trigger::Batch { link, items, .. } => {
            // What failed is not acknowledged and comes back alone.
            consume::acknowledge(link, items, effects);
            consume::poll(link, effects);
        }
    }
}

/// An invocation ended in a function error (FN-30, FN-33).
fn fail(parameters: &FunctionParameters, state: &mut FunctionState, trigger: Trigger, effects: &mut Effects) {
    match trigger {
        Trigger::Request(event) => fail_request(&event, effects),
        Trigger::Event(queued) if queued.errors >= parameters.retries => effects.give_up(&queued.envelope),
        Trigger::Event(queued) => {
            let errors = queued.errors + 1;
            let wait = RETRY_WAIT.saturating_mul(u64::from(errors));
            enqueue(parameters, state, Queued { errors, ..queued }, wait, effects);
        }
        Trigger::Batch { link, .. } => consume::poll(link, effects),
    }
}

fn fail_request(event: &SimEvent, effects: &mut Effects) {
    if event.custody == Custody::Moves {
        effects.end(&event.envelope(), Fate::Failed);
    }
    effects.reply(event, HopKind::Error, event.envelope(), Custody::Stays);
}

/// Work in hand is lost and environments with it; the internal queue stays.
fn stop(state: &mut FunctionState, effects: &mut Effects) {
    for (token, invocation) in std::mem::take(&mut state.invocations) {
        invocation.give_back(effects);
        match invocation.trigger {
            Trigger::Request(event) if invocation.stage == Stage::Asking => effects.refuse(&event, Outcome::Failed),
            Trigger::Request(event) => fail_request(&event, effects),
            Trigger::Event(queued) => {
                let throttles = queued.throttles.saturating_add(1);
                state.waiting.insert(token, Queued { throttles, ..queued });
            }
            Trigger::Batch { .. } => {}
        }
    }
    state.calls.clear();
    state.environments.clear();
    state.asking = 0;
    state.cold = 0;
    effects.clear_condition(Condition::COLD);
}

#[cfg(test)]
mod tests;
