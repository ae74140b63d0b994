//! Client: sends requests, waits for each answer, and tries again.
//!
//! Invariant: every attempt is a message of its own and belongs to whoever got it; nothing is held here.
//! Invariant: a call is in exactly one of two places: under way, or waiting for its next attempt.
//! Rules: compute semantics, section 5 (CL-1, CL-2, CL-5, CL-9, CL-10, CL-13, CL-16).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scene::kind::Client;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::consume;
use crate::sim::draw::{Purpose, exponential};
use crate::sim::effects::{Effects, Envelope, Parcel, Power};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::MessageId;
use crate::sim::node::traffic::{PayloadChoice, TrafficModel};
use crate::sim::node::{Occasion, Templates};
use crate::sim::retry::Backoff;
use crate::sim::row::{Direction, Fate, HopKind, Metric, Outcome};

/// The timer of the next call of an open workload; its token is the workload's generation.
const SEND: u32 = 0;
/// The timer of an attempt that is given up; its token is the attempt's.
const GIVE_UP: u32 = 1;
/// The timer of the next attempt; its token is the waiting call's.
const AGAIN: u32 = 2;
/// The timer of a user who has thought; its token is the workload's generation.
const THOUGHT: u32 = 3;

/// No user thinks less: users who never think would stop the clock on a way without latency.
const THINK_LEAST: SimSpan = SimSpan::from_micros(1);

/// The time of an answer that estimates of a closed workload's load assume, in seconds.
const ANSWER_ASSUMED: f64 = 0.1;

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientParameters {
    workload: Workload,
    payloads: PayloadChoice,
    timeout: SimSpan,
    retry: Backoff,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Workload {
    /// Calls begin whatever became of the ones before (CL-1).
    Open(TrafficModel),
    /// So many users, each of whom calls, waits and thinks (CL-2); the mean is in nanoseconds.
    Closed { users: u32, think: f64 },
}

/// Makes a scene's client ready to run.
pub fn compile(client: &Client, templates: Templates) -> ClientParameters {
    let workload = match client.users {
        0 => Workload::Open(TrafficModel::new(&client.traffic)),
        users => Workload::Closed { users, think: client.think.span().nanos() as f64 },
    };
    ClientParameters {
        workload,
        payloads: PayloadChoice::new(&client.payloads, templates),
        timeout: client.timeout.span(),
        retry: Backoff::new(&client.retry),
    }
}

impl ClientParameters {
    /// Calls a second, for estimates of load.
    pub fn load(&self) -> f64 {
        match &self.workload {
            Workload::Open(traffic) => traffic.mean_hertz(),
            Workload::Closed { users, think } => f64::from(*users) / (think / 1e9 + ANSWER_ASSUMED),
        }
    }
}

// --- State: everything that changes; nothing about a client lives elsewhere ---

/// What a client remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ClientState {
    sends: u64,
    generation: u32,
    /// Attempts under way, by token.
    under_way: BTreeMap<u32, Call>,
    /// Calls that wait for their next attempt, by a token of their own.
    waiting: BTreeMap<u32, Call>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Call {
    /// The first attempt, which further ones copy.
    first: Envelope,
    /// Attempts made.
    attempts: u32,
    /// The user of a closed workload.
    user: Option<u32>,
}

/// Messages in the client's custody.
pub fn held(_: &ClientState) -> u64 {
    0
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &ClientParameters, state: &mut ClientState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Timer, _) => match event.via {
            SEND if event.token == state.generation => due(parameters, state, effects),
            THOUGHT if event.token == state.generation => {
                begin_call(parameters, state, Some(event.message.0 as u32), effects);
            }
            GIVE_UP => give_up(parameters, state, event.token, effects),
            AGAIN => again(parameters, state, event.token, effects),
            _ => consume::answered(event, effects),
        },
        (Class::Arrival, HopKind::Reply | HopKind::Error | HopKind::Throttled)
            if event.direction == Direction::Backward =>
        {
            answered(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Event | HopKind::Retry) => pushed(event, effects),
        (Class::Arrival, HopKind::Request | HopKind::DeadLetter) => effects.refuse(event, Outcome::Failed),
        (Class::Arrival, HopKind::Batch) => consume::take_all(event, effects, |envelope, effects| {
            effects.end(&envelope, Fate::Delivered);
        }),
        (Class::Arrival | Class::Command, _) => consume::answered(event, effects),
    }
    effects.sample(state.waiting.len(), state.under_way.len(), 0);
}

/// Handles what happens to the client itself.
pub fn occasion(parameters: &ClientParameters, state: &mut ClientState, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Begin => {
            consume::begin(effects);
            begin(parameters, state, effects);
        }
        Occasion::Started => {
            consume::begin(effects);
            resume(parameters, state, effects);
        }
        Occasion::Reconfigured => resume(parameters, state, effects),
        Occasion::Stopped => {
            // Nobody waits any more: answers to these calls come late.
            state.generation = state.generation.wrapping_add(1);
            state.under_way.clear();
            state.waiting.clear();
        }
        Occasion::Send(count) => (0..count).for_each(|_| begin_call(parameters, state, None, effects)),
    }
    effects.sample(state.waiting.len(), state.under_way.len(), 0);
}

fn begin(parameters: &ClientParameters, state: &mut ClientState, effects: &mut Effects) {
    match &parameters.workload {
        Workload::Open(traffic) => arm(state, traffic.first(effects.now, effects.common.key), effects),
        Workload::Closed { .. } => resume(parameters, state, effects),
    }
}

/// Lets the workload go on from here: users who are not in a call think first.
fn resume(parameters: &ClientParameters, state: &mut ClientState, effects: &mut Effects) {
    state.generation = state.generation.wrapping_add(1);
    match &parameters.workload {
        Workload::Open(traffic) => arm(state, traffic.next(effects.now, state.sends, effects.common.key), effects),
        Workload::Closed { users, .. } => {
            let calling: Vec<u32> =
                state.under_way.values().chain(state.waiting.values()).filter_map(|call| call.user).collect();
            let calling = std::collections::BTreeSet::from_iter(calling);
            for user in (0..*users).filter(|user| !calling.contains(user)) {
                think(parameters, state, user, MessageId(u64::from(user)), effects);
            }
        }
    }
}

fn arm(state: &ClientState, at: Option<SimTime>, effects: &mut Effects) {
    if let Some(at) = at.filter(|_| effects.common.power == Power::On) {
        effects.timer(SEND, at, state.generation, MessageId::NONE);
    }
}

/// The next call of an open workload, or the next burst of them.
fn due(parameters: &ClientParameters, state: &mut ClientState, effects: &mut Effects) {
    let Workload::Open(traffic) = &parameters.workload else { return };
    (0..traffic.count()).for_each(|_| begin_call(parameters, state, None, effects));
    state.sends += 1;
    arm(state, traffic.next(effects.now, state.sends, effects.common.key), effects);
}

/// A user thinks, for as long as `keyed` says.
fn think(parameters: &ClientParameters, state: &ClientState, user: u32, keyed: MessageId, effects: &mut Effects) {
    let Workload::Closed { users, think } = parameters.workload else { return };
    if user >= users || effects.common.power == Power::Stopped {
        return;
    }
    let span = exponential(think, &mut effects.draw(Purpose::Think, keyed, 0, state.generation));
    effects.timer(THOUGHT, effects.now + span.max(THINK_LEAST), state.generation, MessageId(u64::from(user)));
}

fn begin_call(parameters: &ClientParameters, state: &mut ClientState, user: Option<u32>, effects: &mut Effects) {
    let payload = parameters.payloads.draw(effects, effects.next_message());
    let first = effects.produce(payload);
    attempt(parameters, state, Call { first, attempts: 0, user }, first, effects);
}

/// Sends an attempt over one of the links, any as likely, and begins to wait.
fn attempt(
    parameters: &ClientParameters,
    state: &mut ClientState,
    call: Call,
    envelope: Envelope,
    effects: &mut Effects,
) {
    let links = &effects.ports().requests;
    let pick = effects.draw(Purpose::Route, call.first.message, 0, 0).below(links.len() as u32);
    let Some(link) = links.get(pick as usize).copied() else {
        effects.end(&envelope, Fate::Filtered);
        return finish(parameters, state, &call, effects);
    };
    let token = effects.fresh_token();
    state.under_way.insert(token, Call { attempts: call.attempts + 1, ..call });
    effects.timer(GIVE_UP, effects.now + parameters.timeout, token, MessageId::NONE);
    let parcel = Parcel { kind: HopKind::Request, envelope, custody: Custody::Moves, token, count: 1 };
    effects.send(link, Direction::Forward, parcel);
}

/// An answer: good, bad, or too late to matter (CL-9).
fn answered(parameters: &ClientParameters, state: &mut ClientState, event: &SimEvent, effects: &mut Effects) {
    if event.custody == Custody::Moves {
        effects.end(&event.envelope(), Fate::Failed);
    }
    let Some(call) = state.under_way.remove(&event.token) else {
        return effects.receipt(event, Outcome::Late);
    };
    effects.receipt(event, Outcome::Accepted);
    if event.kind == HopKind::Reply {
        // From the first attempt on, however many it took (CL-5, CL-10).
        effects.measure(Metric::Response, effects.now.since(call.first.born));
        return finish(parameters, state, &call, effects);
    }
    failed(parameters, state, call, effects);
}

/// No answer in time: what became of the attempt stays unknown (CL-13).
fn give_up(parameters: &ClientParameters, state: &mut ClientState, token: u32, effects: &mut Effects) {
    if let Some(call) = state.under_way.remove(&token) {
        failed(parameters, state, call, effects);
    }
}

/// An attempt failed: the next one follows after a while, if there is one.
fn failed(parameters: &ClientParameters, state: &mut ClientState, call: Call, effects: &mut Effects) {
    if call.attempts >= parameters.retry.attempts {
        return finish(parameters, state, &call, effects);
    }
    let mut draw = effects.draw(Purpose::Backoff, call.first.message, call.attempts as u16, 0);
    let wait = parameters.retry.wait(call.attempts, &mut draw);
    let token = effects.fresh_token();
    state.waiting.insert(token, call);
    effects.timer(AGAIN, effects.now + wait, token, MessageId::NONE);
}

fn again(parameters: &ClientParameters, state: &mut ClientState, token: u32, effects: &mut Effects) {
    let Some(call) = state.waiting.remove(&token) else { return };
    let envelope = effects.copy(&call.first, call.first.payload);
    attempt(parameters, state, call, envelope, effects);
}

/// The call is over, well or badly; its user thinks about the next one.
fn finish(parameters: &ClientParameters, state: &ClientState, call: &Call, effects: &mut Effects) {
    if let Some(user) = call.user {
        think(parameters, state, user, call.first.message, effects);
    }
}

/// Something comes without being asked for: an answer on another channel (CL-10, CL-11).
fn pushed(event: &SimEvent, effects: &mut Effects) {
    effects.receipt(event, Outcome::Accepted);
    let envelope = event.envelope();
    if event.custody == Custody::Moves {
        effects.end(&envelope, Fate::Delivered);
    }
    effects.reply(event, HopKind::Reply, envelope, Custody::Stays);
}

// --- Tests ---

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Jitter, Kind, Retry, Service, Sink, Traffic};
    use crate::scene::units::{Duration, Rate};
    use crate::sim::testing::{Sketch, departure, stop};

    fn every(millis: u64) -> Client {
        let traffic = Traffic::Constant(Rate::per_second(1_000.0 / millis as f64));
        Client { traffic, timeout: Duration::seconds(1), retry: Retry::never(), ..Client::default() }
    }

    fn retries(attempts: u32, base: u64) -> Retry {
        Retry { attempts, base: Duration::millis(base), cap: Duration::seconds(20), jitter: Jitter::None }
    }

    fn calls(client: Client, sink: Sink) -> Sketch {
        Sketch::default().node("client", Kind::Client(client)).node("sink", Kind::Sink(sink)).link("client", "sink")
    }

    #[test]
    fn every_call_is_answered_and_measured_from_its_first_attempt() {
        let ran = calls(every(10), Sink::default()).run(1_000);
        assert_eq!(ran.hops("client", "sink", HopKind::Request).len(), 100);
        assert_eq!(ran.measures("client", Metric::Response), vec![2; 100], "1 ms there and 1 ms back");
        assert_eq!(ran.ends("sink", Fate::Delivered), 100);
    }

    #[test]
    fn a_refused_call_is_tried_again_after_doubling_waits() {
        // CL-16: the waits are 100, 200 and 400 ms after answers that take 2 ms each.
        let client =
            Client { traffic: Traffic::Burst(1, Duration::default()), retry: retries(4, 100), ..Client::default() };
        let ran = calls(client, Sink { refuses: true }).run(5_000);
        let departures: Vec<u64> = ran.hops("client", "sink", HopKind::Request).iter().map(departure).collect();
        assert_eq!(departures, [0, 102, 304, 706]);
        assert_eq!(ran.ends("sink", Fate::Failed), 4, "each attempt is a message of its own");
        assert!(ran.measures("client", Metric::Response).is_empty());
    }

    #[test]
    fn a_lost_request_is_given_up_after_the_timeout() {
        let client = Client {
            traffic: Traffic::Burst(1, Duration::default()),
            timeout: Duration::millis(50),
            retry: retries(2, 100),
            ..Client::default()
        };
        let sketch = Sketch::default()
            .node("client", Kind::Client(client))
            .node("sink", Kind::Sink(Sink::default()))
            .link_with("client", "sink", |link| link.loss = 1.0);
        let ran = sketch.run(5_000);
        let departures: Vec<u64> = ran.hops("client", "sink", HopKind::Request).iter().map(departure).collect();
        assert_eq!(departures, [0, 150]);
        assert_eq!(ran.ends("client", Fate::Lost), 2);
    }

    #[test]
    fn a_closed_workload_obeys_the_response_time_law() {
        // CL-2: X = N / (R + Z) with N = 20, R = 2 ms, Z = 100 ms.
        let client = Client { users: 20, think: Duration::millis(100), ..Client::default() };
        let ran = calls(client, Sink::default()).run(100_000);
        let throughput = ran.measures("client", Metric::Response).len() as f64 / 100.0;
        assert!((throughput / (20.0 / 0.102) - 1.0).abs() < 0.03, "{throughput} a second");
    }

    #[test]
    fn an_open_workload_does_not_slow_down_when_answers_fail() {
        // CL-1.
        let mut client = every(10);
        client.timeout = Duration::millis(100);
        let sketch = calls(client, Sink::default()).fault(200, 800, stop("sink"));
        let ran = sketch.run(1_000);
        assert_eq!(ran.hops("client", "sink", HopKind::Request).len(), 100);
        assert_eq!(ran.receipts("client", "sink", Outcome::Failed), 60);
    }

    #[test]
    fn a_stopped_client_forgets_its_calls_and_begins_anew() {
        for client in [every(5), Client { users: 10, think: Duration::millis(20), ..every(5) }] {
            let sketch = calls(client, Sink::default()).fault(200, 600, stop("client"));
            let ran = sketch.run(1_000);
            let departures: Vec<u64> = ran.hops("client", "sink", HopKind::Request).iter().map(departure).collect();
            assert!(departures.iter().all(|at| *at < 200 || *at >= 600));
            assert!(departures.iter().any(|at| *at >= 600));
        }
    }

    #[test]
    fn no_split_shows_in_what_a_client_does() {
        let open = Client { retry: retries(3, 10), ..every(7) };
        let closed = Client { users: 5, think: Duration::millis(20), ..Client::default() };
        let sketch = Sketch::default()
            .node("a-closed", Kind::Client(closed))
            .node("b-open", Kind::Client(open))
            .node("service", Kind::Service(Service::default()))
            .link("a-closed", "service")
            .link("b-open", "service")
            .fault(300, 500, stop("service"))
            .fault(700, 800, stop("b-open"));
        sketch.check_splits(1_500);
    }
}
