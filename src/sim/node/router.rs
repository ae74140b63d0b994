//! Router: decides for the sender where each message goes.
//!
//! Invariant: forwards a message itself, not a copy, except where it broadcasts.
//! Invariant: with one attempt nothing waits here; with more, a message that was refused does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scene::kind::{Router, RouterPolicy};
use crate::sim::consume;
use crate::sim::draw::Purpose;
use crate::sim::effects::{Effects, Envelope, Parcel};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::node::Occasion;
use crate::sim::retry::Backoff;
use crate::sim::row::{Direction, Fate, HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a router is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouterParameters {
    policy: RouterPolicy,
    retry: Backoff,
}

/// Makes a scene's router ready to run.
pub fn compile(router: &Router) -> RouterParameters {
    RouterParameters { policy: router.policy, retry: Backoff::new(&router.retry) }
}

// --- State: everything that changes; nothing about a router lives elsewhere ---

/// What a router remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RouterState {
    turn: u32,
    /// Attempts under way or waiting, by token.
    attempts: BTreeMap<u32, Attempt>,
    /// Messages that wait for their next attempt.
    waiting: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Attempt {
    link: LinkIndex,
    number: u32,
    /// The message, while it is here and waits.
    waiting: Option<Envelope>,
}

/// Messages in the router's custody.
pub fn held(state: &RouterState) -> u64 {
    state.waiting as u64
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &RouterParameters, state: &mut RouterState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            arrive(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Batch) => {
            consume::take_all(event, effects, |envelope, effects| {
                route(parameters, state, envelope, effects);
            });
        }
        (Class::Arrival, HopKind::Reply) => accepted(state, event, effects),
        (Class::Arrival, HopKind::Error | HopKind::Throttled) if state.attempts.contains_key(&event.token) => {
            refused(parameters, state, event, effects);
        }
        (Class::Timer, _) if event.via == 0 => again(state, event.token, effects),
        _ => consume::answered(event, effects),
    }
}

/// Handles what happens to the router itself.
pub fn occasion(_: &RouterParameters, _: &mut RouterState, occasion: Occasion, effects: &mut Effects) {
    if matches!(occasion, Occasion::Begin | Occasion::Started) {
        consume::begin(effects);
    }
}

fn arrive(parameters: &RouterParameters, state: &mut RouterState, event: &SimEvent, effects: &mut Effects) {
    effects.receipt(event, Outcome::Accepted);
    let envelope = event.envelope();
    effects.reply(event, HopKind::Reply, envelope, Custody::Stays);
    route(parameters, state, envelope, effects);
}

/// Sends a message where the policy says.
fn route(parameters: &RouterParameters, state: &mut RouterState, envelope: Envelope, effects: &mut Effects) {
    let links = &effects.ports().events;
    match parameters.policy {
        RouterPolicy::Random => {
            let pick = effects.draw(Purpose::Route, envelope.message, envelope.hop, 0).below(links.len() as u32);
            forward(parameters, state, links.get(pick as usize).copied(), envelope, effects);
        }
        RouterPolicy::RoundRobin => {
            let pick = (state.turn as usize).checked_rem(links.len());
            state.turn = state.turn.wrapping_add(1);
            forward(parameters, state, pick.and_then(|pick| links.get(pick)).copied(), envelope, effects);
        }
        RouterPolicy::Broadcast => broadcast(parameters, state, links, envelope, effects),
        RouterPolicy::Table => {
            let matches = effects.matches(envelope.payload);
            let ports = effects.ports();
            let fed = match effects.matched(matches, 0).and_then(|row| ports.routes.get(row)) {
                Some(route) => &route.links,
                None => &ports.unrouted,
            };
            broadcast(parameters, state, fed, envelope, effects);
        }
    }
}

/// The message over the first of `links`, a copy over each other.
fn broadcast(
    parameters: &RouterParameters,
    state: &mut RouterState,
    links: &[LinkIndex],
    envelope: Envelope,
    effects: &mut Effects,
) {
    for link in links.iter().skip(1) {
        let copy = effects.copy(&envelope, envelope.payload);
        forward(parameters, state, Some(*link), copy, effects);
    }
    forward(parameters, state, links.first().copied(), envelope, effects);
}

fn forward(
    parameters: &RouterParameters,
    state: &mut RouterState,
    link: Option<LinkIndex>,
    envelope: Envelope,
    effects: &mut Effects,
) {
    let Some(link) = link else {
        return effects.end(&envelope, Fate::Filtered);
    };
    let token = if parameters.retry.attempts > 1 { effects.fresh_token() } else { 0 };
    if token != 0 {
        state.attempts.insert(token, Attempt { link, number: 1, waiting: None });
    }
    let parcel = Parcel { kind: HopKind::Event, envelope, custody: Custody::Moves, token, count: 1 };
    effects.send(link, Direction::Forward, parcel);
    effects.sample(state.waiting, state.attempts.len() - state.waiting, 0);
}

/// A target took the message.
fn accepted(state: &mut RouterState, event: &SimEvent, effects: &mut Effects) {
    effects.receipt(event, Outcome::Accepted);
    state.attempts.remove(&event.token);
    effects.sample(state.waiting, state.attempts.len() - state.waiting, 0);
}

/// A target refused the message, which came back: it is tried again after a while, or ends here.
fn refused(parameters: &RouterParameters, state: &mut RouterState, event: &SimEvent, effects: &mut Effects) {
    effects.receipt(event, Outcome::Accepted);
    let envelope = event.envelope();
    let Some(attempt) = state.attempts.get_mut(&event.token).filter(|_| event.custody == Custody::Moves) else {
        state.attempts.remove(&event.token);
        return;
    };
    if attempt.number >= parameters.retry.attempts {
        state.attempts.remove(&event.token);
        give_up(&envelope, effects);
    } else {
        let wait = parameters
            .retry
            .wait(attempt.number, &mut effects.draw(Purpose::Backoff, envelope.message, envelope.hop, 0));
        attempt.number += 1;
        attempt.waiting = Some(envelope);
        state.waiting += 1;
        effects.timer(0, effects.now + wait, event.token, MessageId::NONE);
    }
    effects.sample(state.waiting, state.attempts.len() - state.waiting, 0);
}

fn give_up(envelope: &Envelope, effects: &mut Effects) {
    match effects.ports().dead_letters {
        Some(link) => {
            let parcel =
                Parcel { kind: HopKind::DeadLetter, envelope: *envelope, custody: Custody::Moves, token: 0, count: 1 };
            effects.send(link, Direction::Forward, parcel);
        }
        None => effects.end(envelope, Fate::Failed),
    }
}

fn again(state: &mut RouterState, token: u32, effects: &mut Effects) {
    let Some(attempt) = state.attempts.get_mut(&token) else { return };
    let Some(envelope) = attempt.waiting.take() else { return };
    state.waiting -= 1;
    let parcel = Parcel { kind: HopKind::Retry, envelope, custody: Custody::Moves, token, count: 1 };
    effects.send(attempt.link, Direction::Forward, parcel);
    effects.sample(state.waiting, state.attempts.len() - state.waiting, 0);
}
