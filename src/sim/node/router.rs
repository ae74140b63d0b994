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
        effects.give_up(&envelope);
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

fn again(state: &mut RouterState, token: u32, effects: &mut Effects) {
    let Some(attempt) = state.attempts.get_mut(&token) else { return };
    let Some(envelope) = attempt.waiting.take() else { return };
    state.waiting -= 1;
    let parcel = Parcel { kind: HopKind::Retry, envelope, custody: Custody::Moves, token, count: 1 };
    effects.send(attempt.link, Direction::Forward, parcel);
    effects.sample(state.waiting, state.attempts.len() - state.waiting, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Jitter, Kind, Retry, Sink};
    use crate::scene::units::Duration;
    use crate::sim::testing::{Sketch, departure, saying, steady, stop, volley};

    /// A source and a router with targets `a` and `b`, behind routes of these names where it has any.
    fn routed(body: &str, router: Router) -> Sketch {
        let mut sketch = Sketch::default()
            .node("source", saying(volley(12), body))
            .node("router", Kind::Router(router.clone()))
            .link("source", "router");
        for name in ["a", "b"] {
            sketch = sketch.node(name, Kind::Sink(Sink::default())).link_with("router", name, |link| {
                link.rule = router.routes.contains_key(name).then(|| name.to_owned());
            });
        }
        sketch
    }

    fn delivered(body: &str, router: Router) -> (usize, usize, usize) {
        let ran = routed(body, router).run_both(500);
        (ran.ends("a", Fate::Delivered), ran.ends("b", Fate::Delivered), ran.ends("router", Fate::Filtered))
    }

    #[test]
    fn a_table_sends_over_the_first_route_that_matches() {
        let route = |name: &str, pattern: &str| (name.to_owned(), pattern.to_owned());
        let table =
            |routes: Vec<(String, String)>| Router { routes: routes.into_iter().collect(), ..Router::default() };
        let both = || table(vec![route("a", r#"{"kind": ["book"]}"#), route("b", r#"{"kind": [{"prefix": "b"}]}"#)]);
        assert_eq!(delivered(r#"{"kind": "book"}"#, both()), (12, 0, 0));
        assert_eq!(delivered(r#"{"kind": "bike"}"#, both()), (0, 12, 0));
        assert_eq!(delivered(r#"{"kind": "toy"}"#, both()), (0, 0, 12));
        let rest = table(vec![route("a", r#"{"kind": ["book"]}"#)]);
        assert_eq!(delivered(r#"{"kind": "toy"}"#, rest), (0, 12, 0), "a link without a route takes the rest");
    }

    #[test]
    fn the_other_policies_take_turns_draw_or_send_to_all() {
        let policy = |policy| delivered("{}", Router { policy, ..Router::default() });
        assert_eq!(policy(RouterPolicy::RoundRobin), (6, 6, 0));
        assert_eq!(policy(RouterPolicy::Broadcast), (12, 12, 0));
        let (a, b, filtered) = policy(RouterPolicy::Random);
        assert!(a + b == 12 && a > 1 && b > 1 && filtered == 0, "{a} and {b}");
    }

    #[test]
    fn what_a_target_refuses_is_tried_again_and_then_dead_lettered() {
        let retry =
            Retry { attempts: 3, base: Duration::millis(100), cap: Duration::seconds(20), jitter: Jitter::None };
        let sketch = Sketch::default()
            .node("source", volley(1))
            .node("router", Kind::Router(Router { retry, ..Router::default() }))
            .node("target", Kind::Sink(Sink { refuses: true }))
            .node("dead", Kind::Sink(Sink::default()))
            .link("source", "router")
            .link("router", "target")
            .dead_letters("router", "dead");
        let ran = sketch.run_both(2_000);
        let retries: Vec<u64> = ran.hops("router", "target", HopKind::Retry).iter().map(departure).collect();
        // Sent at 1 ms, back at 3 ms, 100 ms of waiting, 2 ms there and back, 200 ms of waiting.
        assert_eq!(retries, [103, 305]);
        assert_eq!(ran.ends("dead", Fate::Delivered), 1);
    }

    #[test]
    fn a_stopped_router_refuses_and_loses_nothing_that_waits() {
        let retry = Retry { attempts: 10, ..Retry::default() };
        let sketch = Sketch::default()
            .node("source", steady(100.0))
            .node("router", Kind::Router(Router { retry, ..Router::default() }))
            .node("sink", Kind::Sink(Sink::default()))
            .link("source", "router")
            .link("router", "sink")
            .fault(200, 400, stop("sink"))
            .fault(600, 800, stop("router"));
        let ran = sketch.run_both(5_000);
        assert_eq!(ran.receipts("source", "router", Outcome::Failed), 20);
        assert!(ran.ends("sink", Fate::Delivered) > 460);
    }
}
