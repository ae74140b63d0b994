//! The kinds of node with the parameters that a scene gives them, in human units.
//!
//! Invariant: every parameter has a default, and a default is left out of the file.
//! What a kind does with them stands in `sim/node`, one file a kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scene::document::{is_default, unique};
use crate::scene::units::{Duration, Rate, Size, Spread};

/// What a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// States that something happened, at a rate.
    Producer(Producer),
    /// Sends requests and waits for each reply.
    Client(Client),
    /// Lets requests in at a limited rate and passes them on.
    Gateway(Gateway),
    /// Runs code on arrival, in a limited number of environments.
    Function(Function),
    /// Holds messages until a receiver takes and deletes them.
    Queue(Queue),
    /// Decides for the sender where each message goes.
    Router(Router),
    /// Matches each event against rules and sends a copy to every target.
    Bus(Bus),
    /// Somebody else's system: a few servers and a waiting room.
    Service(Service),
    /// Keeps items and answers reads and writes.
    Store(Store),
    /// Sends at set times.
    Scheduler(Scheduler),
    /// Runs a definition of states, one execution a message.
    StateMachine(StateMachine),
    /// Where messages end.
    Sink(Sink),
    /// Something that an importer did not know; passes messages on.
    Generic(Generic),
}

/// When a producer or client sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Traffic {
    /// One every so often, evenly.
    Constant(Rate),
    /// Independent arrivals at this mean rate.
    Poisson(Rate),
    /// This many at once, repeated with this period; a zero period means once.
    Burst(u32, Duration),
    /// Poisson, the rate going evenly from the first to the second over this time, then staying.
    Ramp(Rate, Rate, Duration),
    /// Poisson, the rate following these points over a day of this length, straight lines between;
    /// each point is (time of day, rate).
    Profile(Duration, Vec<(Duration, Rate)>),
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic::Poisson(Rate::per_second(10.0))
    }
}

/// What a producer's messages say: one JSON text of several, drawn by weight.
///
/// A string in it may be a draw: `"$int(1,500)"`, `"$choice(book,toy,food)"`, `"$bool(0.1)"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayloadTemplate {
    /// How often this one is drawn, beside the others' weights.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u32,
    /// The JSON text.
    pub body: String,
    /// How many different payloads this template makes.
    #[serde(default = "variants", skip_serializing_if = "is_variants")]
    pub variants: u32,
}

macro_rules! parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }

        impl Default for $name {
            fn default() -> $name {
                $name { $($field: $default),* }
            }
        }
    };
}

parameters! {
    /// Parameters of a producer.
    Producer {
        /// When it sends.
        #[serde(skip_serializing_if = "is_default")]
        traffic: Traffic = Traffic::default(),
        /// What it sends; empty: an empty JSON object.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        payloads: Vec<PayloadTemplate> = Vec::new(),
        /// The first send is not before this.
        #[serde(skip_serializing_if = "is_default")]
        start: Duration = Duration::default(),
        /// No send at or after this.
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<Duration> = None,
    }
}

/// How a sender tries again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Wait before the first retry; doubles with each.
    pub base: Duration,
    /// The wait grows no longer than this.
    pub cap: Duration,
    /// How the wait is spread.
    pub jitter: Jitter,
}

/// How a wait before a retry is spread (compute semantics, section 5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Jitter {
    /// The wait as computed.
    None,
    /// Uniform from zero to the wait.
    #[default]
    Full,
    /// Half the wait, and uniform up to the other half.
    Equal,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { attempts: 3, base: Duration::millis(100), cap: Duration::seconds(20), jitter: Jitter::Full }
    }
}

impl Retry {
    /// One attempt and no more.
    pub fn never() -> Retry {
        Retry { attempts: 1, ..Retry::default() }
    }
}

parameters! {
    /// Parameters of a client.
    Client {
        /// When requests begin (an open workload), where `users` is zero.
        #[serde(skip_serializing_if = "is_default")]
        traffic: Traffic = Traffic::default(),
        /// What it sends.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        payloads: Vec<PayloadTemplate> = Vec::new(),
        /// Users of a closed workload: each sends, waits and thinks.
        #[serde(skip_serializing_if = "is_default")]
        users: u32 = 0,
        /// Mean thinking time of such a user, exponential.
        #[serde(skip_serializing_if = "is_think")]
        think: Duration = Duration::seconds(7),
        /// An attempt without an answer is given up after this.
        #[serde(skip_serializing_if = "is_five_seconds")]
        timeout: Duration = Duration::seconds(5),
        /// What follows a failed attempt.
        #[serde(skip_serializing_if = "is_default")]
        retry: Retry = Retry::default(),
    }
}

parameters! {
    /// Parameters of a gateway.
    Gateway {
        /// Routes by name: methods and paths each, such as `GET /orders/{id}`. A link names its route in `rule`;
        /// a link without one takes what no route matches.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
        routes: BTreeMap<String, Vec<String>> = BTreeMap::new(),
        /// Tokens a second; `None`: no throttle.
        #[serde(skip_serializing_if = "Option::is_none")]
        rate: Option<Rate> = None,
        /// Tokens that the full bucket holds; `None`: one second of `rate`.
        #[serde(skip_serializing_if = "Option::is_none")]
        burst: Option<u32> = None,
        /// Its own time for each request.
        #[serde(skip_serializing_if = "is_gateway_latency")]
        latency: Spread = Spread::Lognormal(Duration::millis(5), Duration::millis(25)),
        /// An integration that has not answered by then gives 504.
        #[serde(skip_serializing_if = "is_gateway_timeout")]
        timeout: Duration = Duration::seconds(29),
    }
}

/// What a function does to an event (compute semantics, EV-1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FunctionEffect {
    /// Passes it on unchanged.
    Transport,
    /// Changes its shape.
    #[default]
    Transform,
    /// Adds what it looked up.
    Enrich,
    /// Lets some of them pass.
    Filter,
    /// Chooses where they go.
    Route,
    /// Sends several for one.
    FanOut,
    /// Sends one for several.
    Aggregate,
    /// Applies a rule of the business.
    Decide,
    /// Calls somebody else and waits.
    SideEffect,
}

parameters! {
    /// Parameters of a function.
    Function {
        /// What it does to an event.
        #[serde(skip_serializing_if = "is_default")]
        effect: FunctionEffect = FunctionEffect::default(),
        /// Environments at most at one time, kept for it out of the account's (reserved concurrency, FN-3);
        /// `None`: it shares what the others leave.
        #[serde(skip_serializing_if = "is_ten_environments")]
        concurrency: Option<u32> = Some(10),
        /// Environments that are always warm, kept for it whether in use or not (FN-7).
        #[serde(skip_serializing_if = "is_default")]
        provisioned: u32 = 0,
        /// Event patterns of what it takes from queues: a message that matches none is deleted there (ESM-14);
        /// empty: everything.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        filters: Vec<String> = Vec::new(),
        /// Time from an arrival to the handler where an environment is warm, asking for a shared one included.
        #[serde(skip_serializing_if = "is_warm_start")]
        overhead: Spread = Spread::Lognormal(Duration::millis(5), Duration::millis(25)),
        /// Time of the handler itself.
        #[serde(skip_serializing_if = "is_handler")]
        duration: Spread = Spread::Lognormal(Duration::millis(50), Duration::millis(400)),
        /// Additional time of a cold start.
        #[serde(skip_serializing_if = "is_cold")]
        cold_start: Spread = Spread::Lognormal(Duration::millis(280), Duration::millis(600)),
        /// An idle environment is removed after this.
        #[serde(skip_serializing_if = "is_keep_warm")]
        keep_warm: Duration = Duration::seconds(600),
        /// The handler is cut off after this.
        #[serde(skip_serializing_if = "is_three_seconds")]
        timeout: Duration = Duration::seconds(3),
        /// Share of invocations whose handler raises an error, 0 to 1.
        #[serde(skip_serializing_if = "is_default")]
        error_rate: f64 = 0.0,
        /// Retries of an asynchronous invocation after a function error.
        #[serde(skip_serializing_if = "is_two")]
        retries: u32 = 2,
        /// An asynchronous event older than this is given up.
        #[serde(skip_serializing_if = "is_six_hours")]
        age_max: Duration = Duration::seconds(21_600),
        /// Messages that it sends over each outgoing event link for one that arrives, on average.
        #[serde(skip_serializing_if = "is_unit")]
        sends: f64 = 1.0,
    }
}

parameters! {
    /// Parameters of a queue.
    Queue {
        /// How long a received message stays hidden from other receivers.
        #[serde(skip_serializing_if = "is_thirty_seconds")]
        visibility_timeout: Duration = Duration::seconds(30),
        /// A sent message is hidden at first for this long.
        #[serde(skip_serializing_if = "is_default")]
        delay: Duration = Duration::default(),
        /// Older messages are removed, whatever their state.
        #[serde(skip_serializing_if = "is_four_days")]
        retention: Duration = Duration::seconds(345_600),
        /// Hand-outs after which a message is dead-lettered; `None`: it is tried for ever.
        #[serde(skip_serializing_if = "Option::is_none")]
        receives_max: Option<u32> = None,
        /// Messages in flight at most.
        #[serde(skip_serializing_if = "is_in_flight")]
        in_flight_max: u32 = 120_000,
        /// Probability that a receive does not take the oldest visible message.
        #[serde(skip_serializing_if = "is_default")]
        disorder: f64 = 0.0,
        /// Most messages that a consumer takes at once.
        #[serde(skip_serializing_if = "is_ten")]
        batch_size: u32 = 10,
        /// A consumer waits this long for its batch to fill.
        #[serde(skip_serializing_if = "is_default")]
        batch_window: Duration = Duration::default(),
        /// Batches that a consumer works on at a time; `None`: as many as it has room for.
        #[serde(skip_serializing_if = "is_five_pollers")]
        pollers: Option<u32> = Some(5),
        /// A long poll waits this long for a message.
        #[serde(skip_serializing_if = "is_twenty_seconds")]
        wait_time: Duration = Duration::seconds(20),
    }
}

/// How a router chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouterPolicy {
    /// The first route whose pattern matches.
    #[default]
    Table,
    /// One link after the other.
    RoundRobin,
    /// Any link, each as likely.
    Random,
    /// All links.
    Broadcast,
}

parameters! {
    /// Parameters of a router.
    Router {
        /// How it chooses among its outgoing links.
        #[serde(skip_serializing_if = "is_default")]
        policy: RouterPolicy = RouterPolicy::default(),
        /// Routes by name: an event pattern each, as JSON text. A link names its route in `rule`;
        /// a link without one takes what no route matches.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
        routes: BTreeMap<String, String> = BTreeMap::new(),
        /// What follows when a target refuses; one attempt means: sent and forgotten.
        #[serde(skip_serializing_if = "is_never")]
        retry: Retry = Retry::never(),
    }
}

/// A rule of an event bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The event pattern, as JSON text.
    pub pattern: String,
    /// Switched off, it matches nothing.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
    /// What its targets receive.
    #[serde(default, skip_serializing_if = "is_default")]
    pub input: Input,
    /// Retries after the first attempt; `None`: as the bus says (EB-103).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// An event older than this is retried no more; `None`: as the bus says (EB-103).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_max: Option<Duration>,
}

impl Rule {
    /// A rule that hands on as they are the events that match a pattern.
    pub fn new(pattern: impl Into<String>) -> Rule {
        Rule { pattern: pattern.into(), enabled: true, input: Input::Event, retries: None, age_max: None }
    }
}

/// What the targets of a rule receive of an event (messaging semantics, EB-84).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The whole event.
    #[default]
    Event,
    /// The part at this path.
    Path(String),
    /// This JSON text, whatever the event says.
    Constant(String),
    /// A template with `<placeholders>`, each of which has a path (EB-90 to EB-96).
    Transformer(BTreeMap<String, String>, String),
}

parameters! {
    /// Parameters of an event bus.
    Bus {
        /// Rules by name. A link names the rule that feeds it in `rule`.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
        rules: BTreeMap<String, Rule> = BTreeMap::new(),
        /// Time from acceptance to the first attempt at a target.
        #[serde(skip_serializing_if = "is_bus_latency")]
        latency: Spread = Spread::Lognormal(Duration::millis(50), Duration::millis(130)),
        /// Retries after the first attempt (EB-103).
        #[serde(skip_serializing_if = "is_bus_retries")]
        retries: u32 = 185,
        /// An event older than this is retried no more.
        #[serde(skip_serializing_if = "is_day")]
        age_max: Duration = Duration::seconds(86_400),
        /// Calls to targets a second; `None`: no throttle.
        #[serde(skip_serializing_if = "Option::is_none")]
        invocation_rate: Option<Rate> = None,
        /// Keeps a copy of each event for replay.
        #[serde(skip_serializing_if = "is_default")]
        archive: bool = false,
    }
}

parameters! {
    /// Parameters of an external service.
    Service {
        /// Servers that work side by side.
        #[serde(skip_serializing_if = "is_one")]
        servers: u32 = 1,
        /// Time of one request on one server.
        #[serde(skip_serializing_if = "is_service_time")]
        duration: Spread = Spread::Exponential(Duration::millis(20)),
        /// Requests that may wait; `None`: any number.
        #[serde(skip_serializing_if = "Option::is_none")]
        waiting_max: Option<u32> = None,
        /// A waiting request leaves after this.
        #[serde(skip_serializing_if = "Option::is_none")]
        wait_limit: Option<Duration> = None,
        /// Requests a second that it admits; `None`: no throttle.
        #[serde(skip_serializing_if = "Option::is_none")]
        rate_limit: Option<Rate> = None,
        /// Share of requests that fail, 0 to 1.
        #[serde(skip_serializing_if = "is_default")]
        error_rate: f64 = 0.0,
    }
}

/// What a read of a store sees (compute semantics, ST-1, ST-9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consistency {
    /// What was there a moment ago; a read costs half a unit for each 4 KiB.
    #[default]
    Eventual,
    /// Every write before it; a read costs one unit for each 4 KiB.
    Strong,
}

parameters! {
    /// Parameters of a store.
    Store {
        /// Share of the requests that are reads, 0 to 1; events and pulled messages are always writes.
        #[serde(skip_serializing_if = "is_default")]
        reads: f64 = 0.0,
        /// What a read sees.
        #[serde(skip_serializing_if = "is_default")]
        consistency: Consistency = Consistency::default(),
        /// Time of a read.
        #[serde(skip_serializing_if = "is_read_latency")]
        read_latency: Spread = Spread::Lognormal(Duration::millis(3), Duration::millis(10)),
        /// Time of a write.
        #[serde(skip_serializing_if = "is_write_latency")]
        write_latency: Spread = Spread::Lognormal(Duration::millis(5), Duration::millis(15)),
        /// Read units a second that it admits; `None`: on demand, without a limit (ST-1).
        #[serde(skip_serializing_if = "Option::is_none")]
        read_capacity: Option<Rate> = None,
        /// Write units a second that it admits, one for each KiB of an item; `None`: on demand, without a limit (ST-2).
        #[serde(skip_serializing_if = "Option::is_none")]
        write_capacity: Option<Rate> = None,
        /// Unused capacity is kept for this long (ST-3).
        #[serde(skip_serializing_if = "is_five_minutes")]
        burst: Duration = Duration::seconds(300),
        /// Size of an item.
        #[serde(skip_serializing_if = "is_item")]
        item_size: Size = Size(1_024),
        /// Each write leaves over the outgoing event links as a change record.
        #[serde(skip_serializing_if = "is_default")]
        stream: bool = false,
    }
}

/// When a scheduler sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Schedule {
    /// Every so often, the first time at `start` (SC-14).
    Rate(Duration),
    /// Once, this long after the run began.
    At(Duration),
    /// Whenever the clock of `zone` fits: minutes, hours, day of month, month, day of week, year (SC-1 to SC-13).
    Cron(String),
    /// Once, at this date and time of the clock of `zone` (SC-15).
    Date(String),
}

impl Schedule {
    /// What goes by a clock, as expressions are written elsewhere: `cron(…)` or `at(…)`.
    pub fn expression(&self) -> Option<String> {
        match self {
            Schedule::Rate(_) | Schedule::At(_) => None,
            Schedule::Cron(fields) => Some(format!("cron({fields})")),
            Schedule::Date(date) => Some(format!("at({date})")),
        }
    }
}

parameters! {
    /// Parameters of a scheduler.
    Scheduler {
        /// When it sends.
        schedule: Schedule = Schedule::Rate(Duration::MINUTE),
        /// The time zone whose clock `Cron` and `Date` mean (SC-10).
        #[serde(skip_serializing_if = "is_utc")]
        zone: String = String::from("UTC"),
        /// The first firing of a rate; no firing of a cron expression before it (SC-16).
        #[serde(skip_serializing_if = "is_default")]
        start: Duration = Duration::default(),
        /// No firing after this.
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<Duration> = None,
        /// A firing is late by any length up to this, each as likely (SC-18).
        #[serde(skip_serializing_if = "is_default")]
        window: Duration = Duration::default(),
        /// Retries after a target refused (SC-20).
        #[serde(skip_serializing_if = "is_bus_retries")]
        retries: u32 = 185,
        /// A firing older than this is retried no more (SC-20).
        #[serde(skip_serializing_if = "is_day")]
        age_max: Duration = Duration::seconds(86_400),
        /// What it sends.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        payloads: Vec<PayloadTemplate> = Vec::new(),
    }
}

parameters! {
    /// Parameters of a state machine.
    StateMachine {
        /// The definition, in the states language's JSON. A task's `Resource` is a link's id or its target's.
        definition: String = String::from(r#"{"StartAt":"Done","States":{"Done":{"Type":"Succeed"}}}"#),
        /// Executions at one time; `None`: any number.
        #[serde(skip_serializing_if = "Option::is_none")]
        executions_max: Option<u32> = None,
        /// Time of each transition.
        #[serde(skip_serializing_if = "is_transition")]
        transition: Spread = Spread::Constant(Duration::millis(25)),
    }
}

parameters! {
    /// Parameters of a sink.
    Sink {
        /// Refuses what arrives.
        #[serde(skip_serializing_if = "is_default")]
        refuses: bool = false,
    }
}

parameters! {
    /// Parameters of something unknown.
    Generic {
        /// What the importer called it.
        #[serde(skip_serializing_if = "String::is_empty")]
        resource: String = String::new(),
        /// How long it holds a message.
        #[serde(skip_serializing_if = "is_generic_latency")]
        latency: Spread = Spread::Constant(Duration::millis(20)),
    }
}

impl Function {
    /// Environments that are kept for it out of what the functions of a scene share (FN-3, FN-7).
    pub fn reserves(&self) -> u32 {
        self.concurrency.unwrap_or(self.provisioned)
    }
}

impl Kind {
    /// The kind's name in files, panels and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Producer(_) => "Producer",
            Kind::Client(_) => "Client",
            Kind::Gateway(_) => "Gateway",
            Kind::Function(_) => "Function",
            Kind::Queue(_) => "Queue",
            Kind::Router(_) => "Router",
            Kind::Bus(_) => "Event bus",
            Kind::Service(_) => "Service",
            Kind::Store(_) => "Store",
            Kind::Scheduler(_) => "Scheduler",
            Kind::StateMachine(_) => "State machine",
            Kind::Sink(_) => "Sink",
            Kind::Generic(_) => "Generic",
        }
    }
}

fn one() -> u32 {
    1
}
fn variants() -> u32 {
    64
}
fn yes() -> bool {
    true
}
fn is_utc(value: &String) -> bool {
    value == "UTC"
}
fn is_yes(value: &bool) -> bool {
    *value
}
fn is_one(value: &u32) -> bool {
    *value == 1
}
fn is_two(value: &u32) -> bool {
    *value == 2
}
fn is_ten(value: &u32) -> bool {
    *value == 10
}
fn is_ten_environments(value: &Option<u32>) -> bool {
    *value == Some(10)
}
fn is_five_pollers(value: &Option<u32>) -> bool {
    *value == Some(5)
}
fn is_variants(value: &u32) -> bool {
    *value == 64
}
fn is_in_flight(value: &u32) -> bool {
    *value == 120_000
}
fn is_bus_retries(value: &u32) -> bool {
    *value == 185
}
fn is_unit(value: &f64) -> bool {
    *value == 1.0
}
fn is_never(value: &Retry) -> bool {
    *value == Retry::never()
}
fn is_item(value: &Size) -> bool {
    value.0 == 1_024
}
fn is_seconds(value: &Duration, seconds: u64) -> bool {
    *value == Duration::seconds(seconds)
}
fn is_three_seconds(value: &Duration) -> bool {
    is_seconds(value, 3)
}
fn is_five_seconds(value: &Duration) -> bool {
    is_seconds(value, 5)
}
fn is_think(value: &Duration) -> bool {
    is_seconds(value, 7)
}
fn is_twenty_seconds(value: &Duration) -> bool {
    is_seconds(value, 20)
}
fn is_gateway_timeout(value: &Duration) -> bool {
    is_seconds(value, 29)
}
fn is_thirty_seconds(value: &Duration) -> bool {
    is_seconds(value, 30)
}
fn is_five_minutes(value: &Duration) -> bool {
    is_seconds(value, 300)
}
fn is_keep_warm(value: &Duration) -> bool {
    is_seconds(value, 600)
}
fn is_six_hours(value: &Duration) -> bool {
    is_seconds(value, 21_600)
}
fn is_day(value: &Duration) -> bool {
    is_seconds(value, 86_400)
}
fn is_four_days(value: &Duration) -> bool {
    is_seconds(value, 345_600)
}
fn is_handler(value: &Spread) -> bool {
    *value == Function::default().duration
}
fn is_warm_start(value: &Spread) -> bool {
    *value == Function::default().overhead
}
fn is_cold(value: &Spread) -> bool {
    *value == Function::default().cold_start
}
fn is_gateway_latency(value: &Spread) -> bool {
    *value == Gateway::default().latency
}
fn is_bus_latency(value: &Spread) -> bool {
    *value == Bus::default().latency
}
fn is_service_time(value: &Spread) -> bool {
    *value == Service::default().duration
}
fn is_read_latency(value: &Spread) -> bool {
    *value == Store::default().read_latency
}
fn is_write_latency(value: &Spread) -> bool {
    *value == Store::default().write_latency
}
fn is_transition(value: &Spread) -> bool {
    *value == StateMachine::default().transition
}
fn is_generic_latency(value: &Spread) -> bool {
    *value == Generic::default().latency
}
