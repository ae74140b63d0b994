//! State machine: runs a definition of states, one execution a message.
//!
//! Invariant: an execution ends exactly once, and with it its message: answered, passed on or failed.
//! Invariant: whatever an execution waits for, a call or a wait, has a timer, so none waits for ever.
//! Rules: states semantics, interpreted by `flow/states`. The transitions of one moment follow each
//! other; threads that enter the same state together pay for it together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::flow::states::{self, Definition, Delay, Document, Event, Execution, Identity, Missing, Step, Token};
use crate::scene::kind::StateMachine;
use crate::scene::slug::LinkId;
use crate::scene::time::{SimSpan, SimTime};
use crate::scene::units::Moment;
use crate::sim::consume;
use crate::sim::draw::{Purpose, Sampler};
use crate::sim::effects::{Effects, Parcel};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::node::Occasion;
use crate::sim::payload::Payload;
use crate::sim::row::{Direction, Fate, HopKind, Metric, Outcome};
use crate::sim::work::{self, Batches, Onward, Task};

/// The slot of the timer that ends an execution, when its last transition is over.
const END: u32 = 0;
/// The slot of the timer that ends a wait.
const WAIT: u32 = 1;
/// The slot of the timer that gives a call up.
const CALL: u32 = 2;
/// The slot of the timer that reports a call to nobody as failed.
const NOBODY: u32 = 3;
/// The slot of the timer that ends an execution past its own time-out.
const LIMIT: u32 = 4;

/// A call whose state names no time-out is given up after this: a lost request must not last for ever.
const CALL_TIMEOUT: SimSpan = SimSpan::from_seconds(60);
/// How long it takes to find that a task names nobody.
const NOBODY_SPAN: SimSpan = SimSpan::from_millis(1);

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a state machine is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateMachineParameters {
    definition: Written,
    executions_max: usize,
    transition: Sampler,
}

/// A definition beside its text, which stands for it in files and comparisons.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
struct Written {
    text: String,
    /// `None` for one that does not parse: every execution of it fails.
    read: Option<Definition>,
}

impl From<String> for Written {
    fn from(text: String) -> Written {
        Written { read: Definition::parse(&text).ok(), text }
    }
}

impl From<Written> for String {
    fn from(written: Written) -> String {
        written.text
    }
}

impl PartialEq for Written {
    fn eq(&self, other: &Written) -> bool {
        self.text == other.text
    }
}

/// Makes a scene's state machine ready to run.
pub fn compile(machine: &StateMachine) -> StateMachineParameters {
    StateMachineParameters {
        definition: Written::from(machine.definition.clone()),
        executions_max: machine.executions_max.map_or(usize::MAX, |most| most as usize),
        transition: Sampler::new(&machine.transition),
    }
}

// --- State: everything that changes; nothing about a state machine lives elsewhere ---

/// What a state machine remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StateMachineState {
    /// Apart from the tree, whose nodes would be kilobytes of moves.
    running: BTreeMap<u32, Box<Running>>,
    started: u32,
    /// Calls under way, by the token of the request.
    calls: BTreeMap<u32, Awaited>,
    /// The same calls, by what awaits them.
    tokens: BTreeMap<Awaited, u32>,
    /// Pulled messages that wait for an execution to end.
    waiting: VecDeque<Task>,
    batches: Batches,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Running {
    task: Task,
    since: SimTime,
    execution: Saved,
    transitions: u32,
    ending: Option<Ending>,
}

/// A token of an execution.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
struct Awaited {
    execution: u32,
    token: Token,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Ending {
    Done(Payload),
    Failed,
}

/// An execution, kept as JSON: its values describe themselves, which not every format of bytes can.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Saved(Execution);

impl TryFrom<String> for Saved {
    type Error = serde_json::Error;
    fn try_from(text: String) -> Result<Saved, serde_json::Error> {
        serde_json::from_str(&text).map(Saved)
    }
}

impl From<Saved> for String {
    fn from(saved: Saved) -> String {
        serde_json::to_string(&saved.0).unwrap_or_else(|error| panic!("an execution is plain data: {error}"))
    }
}

/// Messages in the state machine's custody.
pub fn held(state: &StateMachineState) -> u64 {
    state.running.values().map(|running| running.task.held()).sum()
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(
    parameters: &StateMachineParameters,
    state: &mut StateMachineState,
    event: &SimEvent,
    effects: &mut Effects,
) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            arrive(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Batch) => {
            let tasks = state.batches.receive(event, effects);
            state.waiting.extend(tasks);
        }
        (Class::Arrival, HopKind::Reply | HopKind::Error | HopKind::Throttled)
            if event.direction == Direction::Backward =>
        {
            answered(parameters, state, event, effects);
        }
        (Class::Timer, _) if event.via != consume::POLL_AGAIN => due(parameters, state, event, effects),
        _ => return consume::answered(event, effects),
    }
    start_waiting(parameters, state, effects);
    effects.sample(state.waiting.len(), state.calls.len(), state.running.len());
}

/// Handles what happens to the state machine itself.
pub fn occasion(
    parameters: &StateMachineParameters,
    state: &mut StateMachineState,
    occasion: Occasion,
    effects: &mut Effects,
) {
    match occasion {
        Occasion::Begin | Occasion::Started => consume::begin(effects),
        Occasion::Stopped => lose_all(state, effects),
        Occasion::Reconfigured => start_waiting(parameters, state, effects),
        Occasion::Send(_) => {}
    }
}

/// Starts an execution, or throttles the message where too many run. An event counts as delivered
/// when its execution starts; a requester waits for the end.
fn arrive(parameters: &StateMachineParameters, state: &mut StateMachineState, event: &SimEvent, effects: &mut Effects) {
    if state.running.len() >= parameters.executions_max {
        return effects.refuse(event, Outcome::Throttled);
    }
    effects.receipt(event, Outcome::Accepted);
    if event.kind == HopKind::Request {
        return start(parameters, state, Task::Sent(*event), effects);
    }
    effects.reply(event, HopKind::Reply, event.envelope(), Custody::Stays);
    start(parameters, state, Task::Sent(SimEvent { token: 0, ..*event }), effects);
}

fn start_waiting(parameters: &StateMachineParameters, state: &mut StateMachineState, effects: &mut Effects) {
    while state.running.len() < parameters.executions_max {
        let Some(task) = state.waiting.pop_front() else { return };
        start(parameters, state, task, effects);
    }
}

fn start(parameters: &StateMachineParameters, state: &mut StateMachineState, task: Task, effects: &mut Effects) {
    let Some(definition) = &parameters.definition.read else {
        return work::fail(&task, &mut state.batches, effects);
    };
    let envelope = task.envelope();
    let identity = Identity {
        name: envelope.message.0.to_string(),
        machine: effects.model.nodes[effects.node().row()].name.clone(),
        start_time: begins(effects).after(effects.now.since(SimTime::ZERO)),
        seed: effects.draw(Purpose::Service, envelope.message, envelope.hop, 0).bits(),
        // What a task answers is what its target says, which may have nothing of what the definition looks for.
        missing: Missing::Null,
    };
    let (execution, steps) = states::start(definition, effects.read(envelope.payload), identity);
    let number = state.started;
    state.started = number.wrapping_add(1);
    let running = Running { task, since: effects.now, execution: Saved(execution), transitions: 0, ending: None };
    state.running.insert(number, Box::new(running));
    if let Some(seconds) = definition.timeout_seconds() {
        let at = effects.now + SimSpan::from_seconds(seconds);
        effects.timer(LIMIT, at, effects.common.epoch, MessageId(u64::from(number)));
    }
    perform(parameters, state, number, steps, effects);
}

/// Where the run began on the calendar.
fn begins(effects: &Effects) -> Moment {
    effects.model.scene.settings.begins
}

/// Does what the interpreter says; each transition delays what follows it.
fn perform(
    parameters: &StateMachineParameters,
    state: &mut StateMachineState,
    number: u32,
    steps: Vec<Step>,
    effects: &mut Effects,
) {
    let mut at = effects.now;
    let mut entered = BTreeSet::new();
    for step in steps {
        match step {
            Step::Transition { state: index, .. } => {
                if entered.insert(index) {
                    at = at + transition(parameters, state, number, effects);
                }
            }
            Step::Task { token, resource, input, timeout, heartbeat, .. } => {
                // Nobody sends a sign of life, so the first one is missed where one is awaited (TASK-14, TASK-16).
                let heartbeat = heartbeat.filter(|_| awaits_heartbeat(&resource));
                let timeout = timeout.map_or(CALL_TIMEOUT, span).min(heartbeat.map_or(SimSpan::MAX, span));
                let awaited = Awaited { execution: number, token };
                request(state, awaited, Call { resource, input, timeout, at }, effects);
            }
            Step::Wait { token, delay } => {
                let until = wait_end(state, number, token, delay, at, effects);
                effects.timer(WAIT, until, effects.common.epoch, packed(number, token));
            }
            Step::Cancel { token } => {
                if let Some(call) = state.tokens.remove(&Awaited { execution: number, token }) {
                    state.calls.remove(&call);
                }
            }
            Step::Done { output } => {
                let payload = effects.write(&output);
                end_at(state, number, Ending::Done(payload), at, effects);
            }
            Step::Failed { error, cause } => {
                let (error, cause) = (error.unwrap_or_default(), cause.unwrap_or_default());
                effects.log(&format!("execution {number} failed: {error} {cause}"));
                end_at(state, number, Ending::Failed, at, effects);
            }
        }
    }
}

fn span(duration: std::time::Duration) -> SimSpan {
    SimSpan::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// How long the next transition of an execution takes.
fn transition(
    parameters: &StateMachineParameters,
    state: &mut StateMachineState,
    number: u32,
    effects: &Effects,
) -> SimSpan {
    let Some(running) = state.running.get_mut(&number) else { return SimSpan::ZERO };
    running.transitions = running.transitions.wrapping_add(1);
    let envelope = running.task.envelope();
    let mut draw = effects.draw(Purpose::Overhead, envelope.message, envelope.hop, running.transitions);
    effects.slowed(parameters.transition.sample(&mut draw))
}

/// A timer's message id that names a token of an execution; tokens count from zero in each.
fn packed(number: u32, token: Token) -> MessageId {
    MessageId(u64::from(number) << 32 | (token.0 & u64::from(u32::MAX)))
}

fn wait_end(
    state: &StateMachineState,
    number: u32,
    token: Token,
    delay: Delay,
    at: SimTime,
    effects: &Effects,
) -> SimTime {
    match delay {
        Delay::For(length) => at + span(length),
        Delay::Until(instant) => {
            let past = begins(effects).0 >= instant;
            let span = if past { Some(SimSpan::ZERO) } else { begins(effects).until(instant) };
            span.map_or(SimTime::MAX, |span| SimTime::ZERO + span).max(at)
        }
        Delay::UpTo(longest) => {
            let Some(running) = state.running.get(&number) else { return at };
            let envelope = running.task.envelope();
            let bits = effects.draw(Purpose::Backoff, envelope.message, envelope.hop, token.0 as u32).bits();
            let part = (u128::from(bits) * u128::from(span(longest).nanos())) >> 64;
            at + SimSpan::from_nanos(part as u64)
        }
    }
}

struct Call {
    resource: String,
    input: Document,
    timeout: SimSpan,
    at: SimTime,
}

/// A task is a request over the link that its resource names.
fn request(state: &mut StateMachineState, awaited: Awaited, call: Call, effects: &mut Effects) {
    let Some(running) = state.running.get(&awaited.execution) else { return };
    let of = running.task.envelope();
    let Call { resource, input, timeout, at } = call;
    let token = effects.fresh_token();
    state.calls.insert(token, awaited);
    state.tokens.insert(awaited, token);
    let Some(link) = link_of(&resource, effects) else {
        effects.log(&format!("no request link leads to `{resource}`"));
        return effects.timer(NOBODY, at + NOBODY_SPAN, effects.common.epoch, MessageId(u64::from(token)));
    };
    let payload = effects.write(&input);
    let envelope = effects.copy(&of, payload);
    let parcel = Parcel { kind: HopKind::Request, envelope, custody: Custody::Moves, token, count: 1 };
    effects.send_after(link, Direction::Forward, parcel, at.since(effects.now));
    effects.timer(CALL, at + timeout, effects.common.epoch, MessageId(u64::from(token)));
}

/// How a resource ends whose task goes on until somebody calls back with its token (TASK-7).
const CALLED_BACK: &str = ".waitForTaskToken";
/// The part of a resource that names work which somebody fetches (ACT-1).
const FETCHED: &str = ":activity:";

/// Whether a task's own heartbeat time counts: a plain request has none (TASK-14).
fn awaits_heartbeat(resource: &str) -> bool {
    resource.ends_with(CALLED_BACK) || resource.contains(FETCHED)
}

/// The request link whose target or own id a resource names, as such or as the last part of an ARN.
fn link_of(resource: &str, effects: &Effects) -> Option<LinkIndex> {
    let resource = resource.strip_suffix(CALLED_BACK).unwrap_or(resource);
    let last = resource.rsplit(':').next().unwrap_or(resource);
    let links = &effects.ports().requests;
    let target = |link: &LinkIndex| effects.model.nodes[effects.model.links[link.row()].target.row()].name.as_str();
    let by_target = links.iter().find(|link| [resource, last].contains(&target(link)));
    let by_id = || {
        let named = effects.model.link_index(&LinkId::new(last).ok()?)?;
        links.iter().find(|link| **link == named)
    };
    by_target.or_else(by_id).copied()
}

/// A call was answered; an answer that nobody awaits any more came late.
fn answered(
    parameters: &StateMachineParameters,
    state: &mut StateMachineState,
    event: &SimEvent,
    effects: &mut Effects,
) {
    let awaited = state.calls.contains_key(&event.token);
    effects.receipt(event, if awaited { Outcome::Accepted } else { Outcome::Late });
    if event.custody == Custody::Moves {
        effects.end(&event.envelope(), Fate::Failed);
    }
    let answer = match event.kind {
        HopKind::Reply => Ok(effects.read(event.payload)),
        HopKind::Throttled => Err("Lambda.TooManyRequestsException"),
        _ => Err("States.TaskFailed"),
    };
    settle(parameters, state, event.token, effects, |token| match answer {
        Ok(output) => Event::TaskDone { token, output },
        Err(error) => Event::TaskFailed { token, error: Some(error.to_owned()), cause: None },
    });
}

/// Ends a call and tells its execution how.
fn settle(
    parameters: &StateMachineParameters,
    state: &mut StateMachineState,
    call: u32,
    effects: &mut Effects,
    event: impl FnOnce(Token) -> Event,
) {
    let Some(awaited) = state.calls.remove(&call) else { return };
    state.tokens.remove(&awaited);
    resume(parameters, state, awaited.execution, event(awaited.token), effects);
}

fn resume(
    parameters: &StateMachineParameters,
    state: &mut StateMachineState,
    number: u32,
    event: Event,
    effects: &mut Effects,
) {
    let Some(running) = state.running.get_mut(&number) else { return };
    match &parameters.definition.read {
        Some(definition) => {
            let steps = states::resume(definition, &mut running.execution.0, event);
            perform(parameters, state, number, steps, effects);
        }
        None => end_at(state, number, Ending::Failed, effects.now, effects),
    }
}

/// A timer, unless it is one of before a stop.
fn due(parameters: &StateMachineParameters, state: &mut StateMachineState, event: &SimEvent, effects: &mut Effects) {
    if event.token != effects.common.epoch {
        return;
    }
    let low = event.message.0 as u32;
    match event.via {
        END => finish(state, low, effects),
        WAIT => {
            let token = Token(u64::from(low));
            resume(parameters, state, (event.message.0 >> 32) as u32, Event::WaitOver { token }, effects);
        }
        CALL => settle(parameters, state, low, effects, |token| Event::Timeout { token }),
        NOBODY => settle(parameters, state, low, effects, |token| Event::TaskFailed {
            token,
            error: Some("States.TaskFailed".to_owned()),
            cause: Some("no request link leads to the resource".to_owned()),
        }),
        LIMIT => {
            if let Some(running) = state.running.get_mut(&low)
                && running.ending.is_none()
            {
                running.ending = Some(Ending::Failed);
                finish(state, low, effects);
            }
        }
        _ => {}
    }
}

fn end_at(state: &mut StateMachineState, number: u32, ending: Ending, at: SimTime, effects: &mut Effects) {
    if let Some(running) = state.running.get_mut(&number) {
        running.ending = Some(ending);
        effects.timer(END, at, effects.common.epoch, MessageId(u64::from(number)));
    }
}

/// An execution is over: its output goes on, or its caller hears that it failed.
fn finish(state: &mut StateMachineState, number: u32, effects: &mut Effects) {
    let Some(running) = state.running.remove(&number) else { return };
    let Running { task, since, ending, .. } = *running;
    forget_calls(state, number);
    effects.measure(Metric::Service, effects.now.since(since));
    let Some(Ending::Done(payload)) = ending else {
        return work::fail(&task, &mut state.batches, effects);
    };
    let done = match task {
        Task::Sent(event) => Task::Sent(SimEvent { payload, ..event }),
        Task::Pulled(mut item, batch) => {
            item.envelope.payload = payload;
            Task::Pulled(item, batch)
        }
    };
    work::succeed(&done, &mut state.batches, Onward::Events, effects);
}

fn forget_calls(state: &mut StateMachineState, number: u32) {
    let all = Awaited { execution: number, token: Token(0) }..=Awaited { execution: number, token: Token(u64::MAX) };
    let forgotten: Vec<Awaited> = state.tokens.range(all).map(|(awaited, _)| *awaited).collect();
    for awaited in forgotten {
        if let Some(call) = state.tokens.remove(&awaited) {
            state.calls.remove(&call);
        }
    }
}

/// A stop loses all executions, and says so to who waits.
fn lose_all(state: &mut StateMachineState, effects: &mut Effects) {
    state.batches.forget();
    state.waiting.clear();
    state.calls.clear();
    state.tokens.clear();
    for running in std::mem::take(&mut state.running).into_values() {
        work::fail(&running.task, &mut state.batches, effects);
    }
    effects.sample(0, 0, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Client, Generic, Kind, Queue, Retry, Service, Sink, Traffic};
    use crate::scene::units::{Duration, Rate, Spread};
    use crate::sim::compile::CompileError;
    use crate::sim::testing::{Sketch, departure, poisson, saying, steady, stop, volley};

    fn machine(definition: &str) -> Kind {
        Kind::StateMachine(StateMachine { definition: definition.to_owned(), ..StateMachine::default() })
    }

    fn takes(millis: u64) -> Kind {
        Kind::Generic(Generic { latency: Spread::Constant(Duration::millis(millis)), ..Generic::default() })
    }

    /// A source, a machine, what it calls, and a sink for its output.
    fn told(source: Kind, machine: Kind, called: &[(&str, Kind)]) -> Sketch {
        let mut sketch = Sketch::default()
            .node("source", source)
            .node("machine", machine)
            .node("sink", Kind::Sink(Sink::default()))
            .link("source", "machine")
            .link_with("machine", "sink", |link| link.mode = Some(crate::scene::document::LinkMode::Event));
        for (name, kind) in called {
            sketch = sketch.node(name, kind.clone()).request("machine", name);
        }
        sketch
    }

    const PARALLEL: &str = r#"{"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"Slow","States":{"Slow":{"Type":"Task","Resource":"slow","End":true}}},
        {"StartAt":"Quick","States":{"Quick":{"Type":"Task","Resource":"quick","End":true}}}]}}}"#;
    const MAP: &str = r#"{"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items","End":true,
        "ItemProcessor":{"StartAt":"Pick","States":{"Pick":{"Type":"Task","Resource":"picker","End":true}}}}}}"#;
    const PAY: &str = r#"{"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"payment","End":true}}}"#;

    #[test]
    fn parallel_branches_run_side_by_side_and_join_at_the_slower() {
        // Interface proof: Parallel join. Three transitions of 25 ms, then 1 + 200 + 1 ms.
        let ran = told(volley(1), machine(PARALLEL), &[("slow", takes(200)), ("quick", takes(10))]).run_both(1_000);
        let departures: Vec<u64> = ran.hops("machine", "sink", HopKind::Event).iter().map(departure).collect();
        assert_eq!(departures.len(), 1);
        assert!((253..=278).contains(&departures[0]), "{departures:?}");
        assert_eq!(ran.hops("machine", "quick", HopKind::Reply).len(), 1);
        assert_eq!(ran.ends("sink", Fate::Delivered), 1);
    }

    #[test]
    fn a_map_calls_once_an_item_and_joins_all() {
        // Interface proof: Map join.
        let source = saying(volley(2), r#"{"items":[1,2,3,4,5]}"#);
        let ran = told(source, machine(MAP), &[("picker", takes(50))]).run_both(1_000);
        assert_eq!(ran.hops("machine", "picker", HopKind::Request).len(), 10);
        let departures: Vec<u64> = ran.hops("machine", "sink", HopKind::Event).iter().map(departure).collect();
        assert_eq!(departures, [103, 103], "two transitions of 25 ms, 52 ms for all items at once");
    }

    #[test]
    fn a_choice_decides_by_the_payload() {
        let definition = r#"{"StartAt":"Big","States":{
            "Big":{"Type":"Choice","Choices":[{"Variable":"$.total","NumericGreaterThan":100,"Next":"Pay"}],"Default":"No"},
            "Pay":{"Type":"Task","Resource":"payment","End":true},"No":{"Type":"Fail","Error":"TooSmall"}}}"#;
        let ran =
            |total: &str| told(saying(volley(1), total), machine(definition), &[("payment", takes(5))]).run_both(1_000);
        let (big, small) = (ran(r#"{"total":500}"#), ran(r#"{"total":5}"#));
        assert_eq!((big.ends("sink", Fate::Delivered), big.ends("machine", Fate::Failed)), (1, 0));
        assert_eq!((small.ends("sink", Fate::Delivered), small.ends("machine", Fate::Failed)), (0, 1));
    }

    #[test]
    fn a_wait_holds_the_execution_and_a_requester_hears_of_its_end() {
        let definition = r#"{"StartAt":"Rest","States":{"Rest":{"Type":"Wait","Seconds":2,"End":true}}}"#;
        let traffic = Traffic::Constant(Rate::per_second(1.0));
        let sketch = Sketch::default()
            .node("client", Kind::Client(Client { traffic, ..Client::default() }))
            .node("machine", machine(definition))
            .request("client", "machine");
        let ran = sketch.run_both(3_900);
        assert_eq!(ran.measures("client", Metric::Response), [2_027, 2_027]);
    }

    #[test]
    fn failed_tasks_are_tried_again_as_the_definition_says() {
        let definition = r#"{"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"payment","End":true,
            "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"BackoffRate":2.0,"MaxAttempts":2}]}}}"#;
        let failing = Kind::Service(Service { error_rate: 1.0, ..Service::default() });
        let ran = told(volley(1), machine(definition), &[("payment", failing)]).run_both(20_000);
        let calls: Vec<u64> = ran.hops("machine", "payment", HopKind::Request).iter().map(departure).collect();
        assert_eq!(calls.len(), 3);
        assert!(calls[1] - calls[0] >= 1_000 && calls[2] - calls[1] >= 2_000, "{calls:?}");
        assert_eq!(ran.ends("machine", Fate::Failed), 1);
    }

    #[test]
    fn a_lost_call_and_a_call_to_nobody_fail_the_execution() {
        let nobody = told(volley(1), machine(PAY), &[]).run_both(1_000);
        assert_eq!(nobody.ends("machine", Fate::Failed), 1);
        let mut lossy = told(volley(3), machine(PAY), &[("payment", takes(5))]);
        for (id, link) in &mut lossy.scene.links {
            link.loss = if id.as_str() == "machine-payment" { 1.0 } else { 0.0 };
        }
        assert_eq!(lossy.run_both(59_000).ends("machine", Fate::Failed), 0);
        assert_eq!(lossy.run_both(61_000).ends("machine", Fate::Failed), 3);
    }

    #[test]
    fn a_task_past_its_time_out_is_caught_and_a_missed_heartbeat_is_one() {
        let task = |resource: &str, fields: &str| {
            format!(
                r#"{{"StartAt":"Pay","States":{{"Pay":{{"Type":"Task","Resource":"{resource}",{fields},"End":true,
                "Catch":[{{"ErrorEquals":["States.Timeout"],"Next":"Sorry"}}]}},
                "Sorry":{{"Type":"Task","Resource":"excuse","End":true}}}}}}"#
            )
        };
        let excused = |definition: &str| {
            let ran = told(volley(1), machine(definition), &[("payment", takes(3_000)), ("excuse", takes(5))]);
            let calls: Vec<u64> =
                ran.run_both(8_000).hops("machine", "excuse", HopKind::Request).iter().map(departure).collect();
            calls
        };
        // 1 ms to the machine, 25 ms of transition before the first task, and the time that the state names.
        assert_eq!(excused(&task("payment", r#""TimeoutSeconds":2"#)), [2_026]);
        assert!(excused(&task("payment", r#""TimeoutSeconds":4"#)).is_empty());
        // TASK-14, TASK-16: the heartbeat of a plain request never fires.
        let heartbeat = r#""TimeoutSeconds":4,"HeartbeatSeconds":1"#;
        assert!(excused(&task("payment", heartbeat)).is_empty());
        assert_eq!(excused(&task("payment.waitForTaskToken", heartbeat)), [1_026]);
    }

    #[test]
    fn executions_over_the_limit_are_throttled_when_sent_and_wait_when_pulled() {
        let limited = Kind::StateMachine(StateMachine {
            definition: PAY.to_owned(),
            executions_max: Some(2),
            ..StateMachine::default()
        });
        let sent = told(volley(5), limited.clone(), &[("payment", takes(100))]).run_both(1_000);
        assert_eq!((sent.ends("machine", Fate::Throttled), sent.ends("sink", Fate::Delivered)), (3, 2));
        let pulled = Sketch::default()
            .node("source", volley(5))
            .node("queue", Kind::Queue(Queue::default()))
            .node("machine", limited)
            .node("payment", takes(100))
            .link("source", "queue")
            .link("queue", "machine")
            .request("machine", "payment")
            .run_both(2_000);
        assert_eq!(pulled.ends("queue", Fate::Delivered), 5);
    }

    #[test]
    fn a_definition_that_does_not_parse_is_reported_when_the_scene_is_compiled() {
        let sketch = told(steady(1.0), machine(r#"{"StartAt":"Gone","States":{}}"#), &[]);
        let errors = crate::sim::compile::compile(&sketch.scene).err().unwrap_or_default();
        assert!(matches!(errors.first(), Some(CompileError::Definition { .. })), "{errors:?}");
    }

    #[test]
    fn stops_on_both_sides_leave_the_balance_even() {
        let client = Client {
            traffic: Traffic::Poisson(Rate::per_second(20.0)),
            retry: Retry::default(),
            timeout: Duration::millis(400),
            ..Client::default()
        };
        let ran = told(poisson(20.0), machine(PARALLEL), &[("slow", takes(300)), ("quick", takes(10))])
            .node("client", Kind::Client(client))
            .request("client", "machine")
            .fault(1_000, 2_000, stop("machine"))
            .fault(3_000, 3_500, stop("slow"))
            .run_both(6_000);
        assert!(ran.ends("sink", Fate::Delivered) > 30);
        assert!(ran.ends("machine", Fate::Failed) > 20);
    }
}
