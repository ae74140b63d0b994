//! Gateway: lets requests in at a limited rate and passes them on.
//!
//! Invariant: a request that is let in goes on as itself; nothing is held here but who waits for what.
//! Invariant: a caller gets exactly one answer: the integration's, or an error at the time-out.
//! Rules: compute semantics, section 3 (AG-4, AG-6, AG-8, AG-11, table 3.8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scene::document::LinkMode;
use crate::scene::kind::Gateway;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::bucket::{Bucket, BucketLevel};
use crate::sim::consume;
use crate::sim::draw::{Purpose, Sampler};
use crate::sim::effects::{Effects, Envelope, Parcel};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::node::Occasion;
use crate::sim::row::{Condition, Direction, Fate, HopKind, Metric, Outcome};

/// The timer of an integration that is given up; its token is the request's.
const GIVE_UP: u32 = 0;

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a gateway is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayParameters {
    throttle: Option<Bucket>,
    latency: Sampler,
    timeout: SimSpan,
}

/// Makes a scene's gateway ready to run.
pub fn compile(gateway: &Gateway) -> GatewayParameters {
    GatewayParameters {
        throttle: gateway.rate.map(|rate| Bucket::with_burst(rate.hertz(), gateway.burst)),
        latency: Sampler::new(&gateway.latency),
        timeout: gateway.timeout.span(),
    }
}

// --- State: everything that changes; nothing about a gateway lives elsewhere ---

/// What a gateway remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GatewayState {
    level: BucketLevel,
    /// Integrations under way, by token.
    under_way: BTreeMap<u32, Integration>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Integration {
    /// Who waits for the answer; none for what was taken from a queue.
    caller: Option<SimEvent>,
    since: SimTime,
}

/// Messages in the gateway's custody.
pub fn held(_: &GatewayState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &GatewayParameters, state: &mut GatewayState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            arrive(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Batch) => {
            consume::take_all(event, effects, |envelope, effects| match admits(parameters, state, effects) {
                true => forward(parameters, state, None, envelope, effects),
                false => effects.end(&envelope, Fate::Throttled),
            })
        }
        (Class::Arrival, HopKind::Reply | HopKind::Error | HopKind::Throttled)
            if event.direction == Direction::Backward =>
        {
            answered(state, event, effects);
        }
        (Class::Timer, _) if event.via == GIVE_UP => give_up(state, event.token, effects),
        _ => consume::answered(event, effects),
    }
    effects.sample(0, state.under_way.len(), 0);
}

/// Handles what happens to the gateway itself.
pub fn occasion(_: &GatewayParameters, state: &mut GatewayState, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Begin | Occasion::Started => consume::begin(effects),
        Occasion::Stopped => {
            for (_, integration) in std::mem::take(&mut state.under_way) {
                answer(&integration, HopKind::Error, effects);
            }
        }
        Occasion::Reconfigured | Occasion::Send(_) => {}
    }
    effects.sample(0, state.under_way.len(), 0);
}

/// A request is let in, or turned away: 429 for want of a token (AG-6), 500 by a fault.
fn arrive(parameters: &GatewayParameters, state: &mut GatewayState, event: &SimEvent, effects: &mut Effects) {
    if !admits(parameters, state, effects) {
        return effects.refuse(event, Outcome::Throttled);
    }
    let envelope = event.envelope();
    if effects.work_fails(0.0, &envelope) {
        return effects.refuse(event, Outcome::Failed);
    }
    effects.receipt(event, Outcome::Accepted);
    forward(parameters, state, Some(*event), envelope, effects);
}

fn admits(parameters: &GatewayParameters, state: &mut GatewayState, effects: &mut Effects) -> bool {
    let admitted = parameters.throttle.is_none_or(|bucket| state.level.take(&bucket, effects.now));
    if !admitted {
        effects.set_condition(Condition::THROTTLING);
    }
    admitted
}

/// The links over which a request may go: those of its route, or without a route table all.
fn ways<'a>(envelope: &Envelope, effects: &mut Effects<'a>) -> &'a [LinkIndex] {
    let ports = effects.ports();
    if ports.routes.is_empty() {
        return &ports.unrouted;
    }
    let matches = effects.matches(envelope.payload);
    let route = effects.matched(matches, 0).and_then(|row| ports.routes.get(row));
    route.map_or(&ports.unrouted, |route| &route.links)
}

/// Passes a request on over one of the links, any as likely, after the gateway's own time.
fn forward(
    parameters: &GatewayParameters,
    state: &mut GatewayState,
    caller: Option<SimEvent>,
    envelope: Envelope,
    effects: &mut Effects,
) {
    let overhead = effects.work_span(&parameters.latency, Purpose::Overhead, &envelope);
    effects.measure(Metric::Service, overhead);
    let links = ways(&envelope, effects);
    let waits = links.first().is_some_and(|link| effects.model.links[link.row()].mode == LinkMode::Request);
    if !waits {
        return forward_unawaited(links, caller, envelope, overhead, effects);
    }
    let pick = effects.draw(Purpose::Route, envelope.message, envelope.hop, 0).below(links.len() as u32);
    let Some(link) = links.get(pick as usize).copied() else { return };
    let token = effects.fresh_token();
    state.under_way.insert(token, Integration { caller, since: effects.now });
    // The integration's time begins when the gateway's own is over.
    effects.timer(GIVE_UP, effects.now + overhead + parameters.timeout, token, MessageId::NONE);
    let parcel = Parcel { kind: HopKind::Request, envelope, custody: Custody::Moves, token, count: 1 };
    effects.send_after(link, Direction::Forward, parcel, overhead);
}

/// Without a link to wait on, the caller is told that its request was taken, or that nobody takes it: there is
/// no such resource or method (table 3.8).
fn forward_unawaited(
    links: &[LinkIndex],
    caller: Option<SimEvent>,
    envelope: Envelope,
    overhead: SimSpan,
    effects: &mut Effects,
) {
    for link in links.iter().skip(1) {
        let copy = effects.copy(&envelope, envelope.payload);
        let parcel = Parcel { kind: HopKind::Event, envelope: copy, custody: Custody::Moves, token: 0, count: 1 };
        effects.send_after(*link, Direction::Forward, parcel, overhead);
    }
    let kind = match links.first() {
        Some(link) => {
            let parcel = Parcel { kind: HopKind::Event, envelope, custody: Custody::Moves, token: 0, count: 1 };
            effects.send_after(*link, Direction::Forward, parcel, overhead);
            HopKind::Reply
        }
        None => {
            effects.end(&envelope, Fate::Failed);
            HopKind::Error
        }
    };
    if let Some(caller) = caller {
        effects.reply_after(&caller, kind, envelope, Custody::Stays, overhead);
    }
}

/// The integration answers: its answer goes to the caller, unless it comes too late (AG-11).
fn answered(state: &mut GatewayState, event: &SimEvent, effects: &mut Effects) {
    if event.custody == Custody::Moves {
        effects.end(&event.envelope(), Fate::Failed);
    }
    let Some(integration) = state.under_way.remove(&event.token) else {
        return effects.receipt(event, Outcome::Late);
    };
    effects.receipt(event, Outcome::Accepted);
    effects.measure(Metric::Response, effects.now.since(integration.since));
    // What throttles behind the gateway is a server error to its callers (table 3.8).
    let kind = if event.kind == HopKind::Reply { HopKind::Reply } else { HopKind::Error };
    answer(&integration, kind, effects);
}

/// No answer in time: 504. The integration goes on working (AG-11).
fn give_up(state: &mut GatewayState, token: u32, effects: &mut Effects) {
    if let Some(integration) = state.under_way.remove(&token) {
        answer(&integration, HopKind::Error, effects);
    }
}

fn answer(integration: &Integration, kind: HopKind, effects: &mut Effects) {
    if let Some(caller) = &integration.caller {
        effects.reply(caller, kind, caller.envelope(), Custody::Stays);
    }
}

// --- Tests ---

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::document::Link;
    use crate::scene::kind::{Client, Kind, PayloadTemplate, Producer, Queue, Retry, Service, Sink, Traffic};
    use crate::scene::units::{Duration, Rate, Spread};
    use crate::sim::testing::{Sketch, stop};

    fn requests(count: u32, period: u64) -> Client {
        let traffic = Traffic::Burst(count, Duration::millis(period));
        Client { traffic, timeout: Duration::seconds(60), retry: Retry::never(), ..Client::default() }
    }

    fn quick() -> Gateway {
        Gateway { latency: Spread::Constant(Duration::millis(5)), ..Gateway::default() }
    }

    fn chain(client: Client, gateway: Gateway) -> Sketch {
        Sketch::default()
            .node("client", Kind::Client(client))
            .node("gateway", Kind::Gateway(gateway))
            .link("client", "gateway")
    }

    #[test]
    fn a_request_passes_through_and_its_answer_comes_back() {
        let ran = chain(requests(1, 100), quick())
            .node("sink", Kind::Sink(Sink::default()))
            .link("gateway", "sink")
            .run(1_000);
        assert_eq!(ran.measures("client", Metric::Response), vec![9; 10], "4 hops and 5 ms of its own");
        assert_eq!(ran.ends("sink", Fate::Delivered), 10);
    }

    #[test]
    fn the_bucket_starts_full_and_then_admits_its_rate() {
        // AG-4, AG-8: 20 at once meet 5 tokens; a second later 10 more came, of which 5 fit.
        let gateway = Gateway { rate: Some(Rate::per_second(10.0)), burst: Some(5), ..quick() };
        let sketch =
            chain(requests(20, 1_000), gateway).node("sink", Kind::Sink(Sink::default())).link("gateway", "sink");
        let ran = sketch.run(1_900);
        assert_eq!(ran.ends("sink", Fate::Delivered), 10);
        assert_eq!(ran.receipts("client", "gateway", Outcome::Throttled), 30);
        assert_eq!(ran.hops("client", "gateway", HopKind::Throttled).len(), 30);
        assert_eq!(ran.ends("gateway", Fate::Throttled), 30);
    }

    #[test]
    fn a_slow_integration_gives_an_error_and_goes_on_working() {
        // AG-11.
        let gateway = Gateway { timeout: Duration::millis(100), ..quick() };
        let service = Service { duration: Spread::Constant(Duration::millis(300)), ..Service::default() };
        let sketch =
            chain(requests(1, 1_000), gateway).node("service", Kind::Service(service)).link("gateway", "service");
        let ran = sketch.run(900);
        assert_eq!(ran.hops("client", "gateway", HopKind::Error).len(), 1);
        assert!(ran.measures("client", Metric::Response).is_empty());
    }

    #[test]
    fn a_queue_behind_a_gateway_answers_on_acceptance() {
        let sketch = chain(requests(3, 100), quick()).node("queue", Kind::Queue(Queue::default())).link_with(
            "gateway",
            "queue",
            |_| {},
        );
        let ran = sketch.run(250);
        assert_eq!(ran.measures("client", Metric::Response), vec![9; 9]);
        assert_eq!(ran.simulation.conservation().held, 9);
    }

    #[test]
    fn a_request_goes_the_way_of_its_route() {
        // Table 3.8: no such resource or method is refused; a link without a route takes what no route matches.
        let routes = [("orders", vec!["GET /orders/{id}"]), ("open", vec!["GET /orders/open", "POST /open"])];
        let routes = routes.map(|(name, texts)| (name.to_owned(), texts.into_iter().map(str::to_owned).collect()));
        let gateway = Gateway { routes: routes.into(), ..quick() };
        let saying = |bodies: &[&str]| {
            let payload = |body: &&str| PayloadTemplate { weight: 1, body: (*body).to_owned(), variants: 1 };
            Client { payloads: bodies.iter().map(payload).collect(), ..requests(10, 0) }
        };
        let served = |body: &str, other: bool| {
            let by = |rule: &str| {
                let rule = rule.to_owned();
                |link: &mut Link| link.rule = Some(rule)
            };
            let sink = || Kind::Sink(Sink::default());
            let mut sketch = chain(saying(&[body]), gateway.clone())
                .node("orders", sink())
                .node("open", sink())
                .link_with("gateway", "orders", by("orders"))
                .link_with("gateway", "open", by("open"));
            if other {
                sketch = sketch.node("other", sink()).link("gateway", "other");
            }
            let ran = sketch.run_both(500);
            let ends = |node: &str| ran.ends(node, Fate::Delivered);
            (ends("orders"), ends("open"), if other { ends("other") } else { 0 }, ran.ends("gateway", Fate::Failed))
        };
        assert_eq!(served(r#"{"method":"GET","path":"/orders/17"}"#, false), (10, 0, 0, 0));
        assert_eq!(served(r#"{"method":"GET","path":"/orders/open"}"#, false), (0, 10, 0, 0));
        assert_eq!(served(r#"{"method":"POST","path":"/open"}"#, false), (0, 10, 0, 0));
        assert_eq!(served(r#"{"method":"POST","path":"/orders/17"}"#, false), (0, 0, 0, 10));
        assert_eq!(served(r#"{"method":"POST","path":"/orders/17"}"#, true), (0, 0, 10, 0));
    }

    #[test]
    fn a_gateway_without_a_target_answers_with_errors() {
        let ran = chain(requests(2, 100), quick()).run(150);
        assert_eq!(ran.hops("client", "gateway", HopKind::Error).len(), 4);
    }

    #[test]
    fn callers_of_a_stopped_gateway_get_errors() {
        let sketch = chain(requests(1, 10), quick())
            .node("producer", Kind::Producer(Producer::default()))
            .node("sink", Kind::Sink(Sink::default()))
            .link("gateway", "sink")
            .link("producer", "gateway")
            .fault(103, 500, stop("gateway"));
        let ran = sketch.run(1_000);
        let answers = [HopKind::Reply, HopKind::Error].map(|kind| ran.hops("client", "gateway", kind).len());
        assert_eq!(answers[0] + answers[1], 100, "each request has exactly one answer");
        assert!(answers[1] >= 39, "{answers:?}");
        sketch.check_splits(1_000);
    }
}
