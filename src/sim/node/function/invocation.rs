//! Invocation: from a place and an environment to an answer.
//!
//! Invariant: an invocation passes its stages in order: asking, cold, handler, calls, and then it is over.
//! Invariant: nothing is sent or acknowledged by an invocation that fails.

use serde::{Deserialize, Serialize};

use super::environments::{Environment, Found, Left};
use super::{CUT, FINISHED, FunctionParameters, FunctionState, Places, READY, Trigger};
use crate::scene::time::SimTime;
use crate::sim::draw::Purpose;
use crate::sim::effects::{BatchItem, Effects, Envelope, Parcel};
use crate::sim::event::{Custody, SimEvent};
use crate::sim::id::MessageId;
use crate::sim::node::limit;
use crate::sim::row::{Condition, Direction, Fate, HopKind, Metric, Outcome};

/// Messages that one invocation sends over one link at most.
const SENDS_MOST: f64 = 10_000.0;

/// A run of the function's code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Invocation {
    /// What it works on, and who waits.
    pub trigger: Trigger,
    /// How far it is.
    pub stage: Stage,
    arrived: SimTime,
    place: Place,
}

/// Who lets it run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Place {
    /// The function itself.
    Own,
    /// The shared limit, which wants its grant back.
    Granted,
}

impl Invocation {
    /// Gives back what the shared limit granted, if it did.
    pub(super) fn give_back(&self, effects: &mut Effects) {
        if self.place == Place::Granted {
            limit::give_back(effects);
        }
    }
}

/// How far an invocation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Stage {
    /// It waits for the word of the shared limit.
    Asking,
    /// Its environment is being made.
    Cold,
    /// The handler runs.
    Handler { environment: Environment, since: SimTime },
    /// It waits for the answer of a call over a request link.
    Calling { environment: Environment, since: SimTime, link: usize, called: SimTime },
}

/// Starts an invocation; gives the trigger back where the function is throttled.
pub(super) fn start(
    parameters: &FunctionParameters,
    state: &mut FunctionState,
    trigger: Trigger,
    effects: &mut Effects,
) -> Result<(), Trigger> {
    if !state.environments.reserve(&parameters.capacity) {
        return Err(trigger);
    }
    let token = effects.fresh_token();
    let invocation = Invocation { trigger, stage: Stage::Asking, arrived: effects.now, place: Place::Own };
    let asks = parameters.places == Places::Shared && !state.environments.has_provisioned(&parameters.capacity);
    if let Some(link) = effects.ports().limit.filter(|_| asks) {
        let envelope = Envelope::control(effects.node(), effects.now);
        let parcel = Parcel { kind: HopKind::Request, envelope, custody: Custody::Stays, token, count: 0 };
        effects.send(link, Direction::Forward, parcel);
        state.invocations.insert(token, invocation);
        state.asking += 1;
        return Ok(());
    }
    enter(parameters, state, token, invocation, effects)
}

/// The shared limit granted a place: the invocation finds an environment, or gives everything back.
pub(super) fn granted(
    parameters: &FunctionParameters,
    state: &mut FunctionState,
    token: u32,
    effects: &mut Effects,
) -> Result<(), Trigger> {
    // An invocation that a stop broke off does not need its grant any more.
    let Some(invocation) = state.invocations.remove(&token) else {
        limit::give_back(effects);
        return Ok(());
    };
    state.asking = state.asking.saturating_sub(1);
    enter(parameters, state, token, Invocation { place: Place::Granted, ..invocation }, effects)
}

/// The shared limit is exhausted (FN-10 a).
pub(super) fn refused(state: &mut FunctionState, token: u32) -> Result<(), Trigger> {
    let Some(invocation) = state.invocations.remove(&token) else { return Ok(()) };
    state.asking = state.asking.saturating_sub(1);
    state.environments.release_place();
    Err(invocation.trigger)
}

fn enter(
    parameters: &FunctionParameters,
    state: &mut FunctionState,
    token: u32,
    invocation: Invocation,
    effects: &mut Effects,
) -> Result<(), Trigger> {
    let Some(found) = state.environments.find(&parameters.capacity, effects.now) else {
        state.environments.release_place();
        invocation.give_back(effects);
        return Err(invocation.trigger);
    };
    if let Trigger::Request(event) = &invocation.trigger {
        effects.receipt(event, Outcome::Accepted);
    }
    let keyed = invocation.trigger.keyed();
    let overhead = effects.work_span(&parameters.overhead, Purpose::WarmStart, &keyed);
    // The time that asking took is part of the overhead.
    let begins = (invocation.arrived + overhead).max(effects.now);
    match found {
        Found::Warm(environment) => run(parameters, state, token, invocation, environment, begins, effects),
        Found::Cold => {
            let span = effects.work_span(&parameters.cold_start, Purpose::ColdStart, &keyed);
            effects.timer(READY, begins + span, token, MessageId::NONE);
            state.invocations.insert(token, Invocation { stage: Stage::Cold, ..invocation });
            state.cold += 1;
            effects.set_condition(Condition::COLD);
        }
    }
    Ok(())
}

/// A cold start is over.
pub(super) fn ready(parameters: &FunctionParameters, state: &mut FunctionState, token: u32, effects: &mut Effects) {
    let Some(invocation) = state.invocations.remove(&token) else { return };
    state.cold = state.cold.saturating_sub(1);
    if state.cold == 0 {
        effects.clear_condition(Condition::COLD);
    }
    let now = effects.now;
    run(parameters, state, token, invocation, Environment::OnDemand, now, effects);
}

/// Runs the handler from `begins` on, up to the function's time-out and no longer (FN-16).
fn run(
    parameters: &FunctionParameters,
    state: &mut FunctionState,
    token: u32,
    invocation: Invocation,
    environment: Environment,
    begins: SimTime,
    effects: &mut Effects,
) {
    effects.measure(Metric::Wait, begins.since(invocation.arrived));
    let span = effects.work_span(&parameters.duration, Purpose::Service, &invocation.trigger.keyed());
    let (slot, span) = if span > parameters.timeout { (CUT, parameters.timeout) } else { (FINISHED, span) };
    effects.timer(slot, begins + span, token, MessageId::NONE);
    let stage = Stage::Handler { environment, since: begins };
    state.invocations.insert(token, Invocation { stage, ..invocation });
}

/// The handler is through: it raised an error, or calls follow.
pub(super) fn finished(parameters: &FunctionParameters, state: &mut FunctionState, token: u32, effects: &mut Effects) {
    let Some(Stage::Handler { environment, since }) = state.invocations.get(&token).map(|other| other.stage) else {
        return;
    };
    let Some(mut invocation) = state.invocations.remove(&token) else { return };
    if raises(parameters, &mut invocation.trigger, effects) {
        return over(parameters, state, invocation, environment, since, Ended::Error, effects);
    }
    if !effects.ports().requests.is_empty() {
        effects.timer(CUT, since + parameters.timeout, token, MessageId::NONE);
    }
    call(parameters, state, token, invocation, Running { environment, since, link: 0 }, effects);
}

/// Whether the handler raised an error. Of a batch of several, each message may fail on its own.
fn raises(parameters: &FunctionParameters, trigger: &mut Trigger, effects: &Effects) -> bool {
    match trigger {
        Trigger::Batch { items, .. } => {
            items.retain(|item| !effects.work_fails(parameters.error_rate, &keyed_by_receives(item)));
            items.is_empty()
        }
        _ => effects.work_fails(parameters.error_rate, &trigger.keyed()),
    }
}

/// A message's envelope as the key of draws that differ from receive to receive.
pub(super) fn keyed_by_receives(item: &BatchItem) -> Envelope {
    let attempt = (item.receives as u16).wrapping_shl(8);
    Envelope { hop: item.envelope.hop.wrapping_add(attempt), ..item.envelope }
}

#[derive(Clone, Copy)]
struct Running {
    environment: Environment,
    since: SimTime,
    link: usize,
}

/// Calls over the next request link and waits, or ends well after the last.
fn call(
    parameters: &FunctionParameters,
    state: &mut FunctionState,
    token: u32,
    invocation: Invocation,
    running: Running,
    effects: &mut Effects,
) {
    let Running { environment, since, link } = running;
    let Some(way) = effects.ports().requests.get(link).copied() else {
        return over(parameters, state, invocation, environment, since, Ended::Well, effects);
    };
    let envelope = invocation.trigger.envelope();
    let envelope = effects.copy(&envelope, envelope.payload);
    let call = effects.fresh_token();
    state.calls.insert(call, token);
    let stage = Stage::Calling { environment, since, link, called: effects.now };
    state.invocations.insert(token, Invocation { stage, ..invocation });
    let parcel = Parcel { kind: HopKind::Request, envelope, custody: Custody::Moves, token: call, count: 1 };
    effects.send(way, Direction::Forward, parcel);
}

/// A call is answered: the next one follows, or the invocation fails with it.
pub(super) fn answered(
    parameters: &FunctionParameters,
    state: &mut FunctionState,
    event: &SimEvent,
    effects: &mut Effects,
) {
    if event.custody == Custody::Moves {
        effects.end(&event.envelope(), Fate::Failed);
    }
    let Some(token) = state.calls.remove(&event.token) else {
        return effects.receipt(event, Outcome::Late);
    };
    effects.receipt(event, Outcome::Accepted);
    let Some(invocation) = state.invocations.remove(&token) else { return };
    let Stage::Calling { environment, since, link, called } = invocation.stage else { return };
    if event.kind != HopKind::Reply {
        return over(parameters, state, invocation, environment, since, Ended::Error, effects);
    }
    effects.measure(Metric::Response, effects.now.since(called));
    call(parameters, state, token, invocation, Running { environment, since, link: link + 1 }, effects);
}

/// The function's time-out: the environment is reset, answers to its calls come late (FN-16, FN-17).
pub(super) fn cut(parameters: &FunctionParameters, state: &mut FunctionState, token: u32, effects: &mut Effects) {
    let Some(invocation) = state.invocations.remove(&token) else { return };
    let (Stage::Handler { environment, since } | Stage::Calling { environment, since, .. }) = invocation.stage else {
        return;
    };
    state.calls.retain(|_, caller| *caller != token);
    over(parameters, state, invocation, environment, since, Ended::Cut, effects);
}

/// How an invocation ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    Error,
    Cut,
}

fn over(
    parameters: &FunctionParameters,
    state: &mut FunctionState,
    invocation: Invocation,
    environment: Environment,
    since: SimTime,
    ended: Ended,
    effects: &mut Effects,
) {
    let left = if ended == Ended::Cut { Left::Reset } else { Left::Reusable };
    state.environments.release(environment, left, effects.now);
    invocation.give_back(effects);
    effects.measure(Metric::Service, effects.now.since(since));
    if ended != Ended::Well {
        return super::fail(parameters, state, invocation.trigger, effects);
    }
    match &invocation.trigger {
        Trigger::Batch { items, .. } => items.iter().for_each(|item| send(parameters, &item.envelope, effects)),
        trigger => send(parameters, &trigger.envelope(), effects),
    }
    super::succeed(invocation.trigger, effects);
}

/// What the function sends for one message: so many copies over each event link, on average.
fn send(parameters: &FunctionParameters, envelope: &Envelope, effects: &mut Effects) {
    let sends = parameters.sends.clamp(0.0, SENDS_MOST);
    let sure = libm::floor(sends);
    for (salt, link) in (0u32..).zip(&effects.ports().events) {
        let mut draw = effects.draw(Purpose::Sends, envelope.message, envelope.hop, salt);
        let count = sure as u32 + u32::from(draw.happens(sends - sure));
        for _ in 0..count {
            let envelope = effects.copy(envelope, envelope.payload);
            let parcel = Parcel { kind: HopKind::Event, envelope, custody: Custody::Moves, token: 0, count: 1 };
            effects.send(*link, Direction::Forward, parcel);
        }
    }
}
