//! Parameters as fields of text: one table a kind, one way to read and write each value.
//!
//! Invariant: setting a field to its own text changes nothing.
//! Invariant: a text that does not fit is refused with a sentence; the parameter stays as it was.

use crate::scene::document::{Link, LinkMode};
use crate::scene::kind::{FunctionEffect, Jitter, Kind, Retry, RouterPolicy, Schedule, Traffic};
use crate::scene::units::{Duration, Rate, Size, Spread};

/// One parameter of a node: what it is called, what it means, and its value.
pub struct Field<'a> {
    /// Its name in the inspector.
    pub label: &'static str,
    /// One sentence for the tooltip.
    pub help: &'static str,
    /// The value itself.
    pub value: Value<'a>,
}

/// A parameter's place in its node.
pub enum Value<'a> {
    /// A length of time.
    Duration(&'a mut Duration),
    /// A length of time, or `none`.
    MaybeDuration(&'a mut Option<Duration>),
    /// A rate, or `none`.
    MaybeRate(&'a mut Option<Rate>),
    /// A whole number.
    Count(&'a mut u32),
    /// A whole number, or `none`.
    MaybeCount(&'a mut Option<u32>),
    /// A share, 0 to 1, written in percent.
    Share(&'a mut f64),
    /// A number that is not negative.
    Number(&'a mut f64),
    /// A distribution of times.
    Spread(&'a mut Spread),
    /// When messages are sent.
    Traffic(&'a mut Traffic),
    /// When a scheduler fires.
    Schedule(&'a mut Schedule),
    /// A number of bytes.
    Size(&'a mut Size),
    /// `on` or `off`.
    Switch(&'a mut bool),
    /// What a function does.
    Effect(&'a mut FunctionEffect),
    /// How a router chooses.
    Policy(&'a mut RouterPolicy),
    /// How a wait is spread.
    Jitter(&'a mut Jitter),
    /// How the two ends of a link talk.
    Mode(&'a mut Option<LinkMode>),
    /// One of these names, or `none`.
    OneOf(&'a mut Option<String>, Vec<String>),
    /// Something that is shown and edited elsewhere.
    Shown(String),
}

const NONE: &str = "none";
const SWITCH: [(&str, bool); 2] = [("on", true), ("off", false)];
const EFFECTS: [(&str, FunctionEffect); 9] = [
    ("transport", FunctionEffect::Transport),
    ("transform", FunctionEffect::Transform),
    ("enrich", FunctionEffect::Enrich),
    ("filter", FunctionEffect::Filter),
    ("route", FunctionEffect::Route),
    ("fan out", FunctionEffect::FanOut),
    ("aggregate", FunctionEffect::Aggregate),
    ("decide", FunctionEffect::Decide),
    ("side effect", FunctionEffect::SideEffect),
];
const POLICIES: [(&str, RouterPolicy); 4] = [
    ("table", RouterPolicy::Table),
    ("round robin", RouterPolicy::RoundRobin),
    ("random", RouterPolicy::Random),
    ("broadcast", RouterPolicy::Broadcast),
];
const MODES: [(&str, Option<LinkMode>); 4] = [
    ("as kinds suggest", None),
    ("event", Some(LinkMode::Event)),
    ("request", Some(LinkMode::Request)),
    ("poll", Some(LinkMode::Poll)),
];
const JITTERS: [(&str, Jitter); 3] = [("none", Jitter::None), ("full", Jitter::Full), ("equal", Jitter::Equal)];

impl Value<'_> {
    /// The value as a person writes it.
    pub fn text(&self) -> String {
        match self {
            Value::Duration(value) => value.to_string(),
            Value::MaybeDuration(value) => or_none(value),
            Value::MaybeRate(value) => or_none(value),
            Value::Count(value) => value.to_string(),
            Value::MaybeCount(value) => or_none(value),
            Value::Share(value) => format!("{} %", round(**value * 100.0)),
            Value::Number(value) => round(**value).to_string(),
            Value::Spread(value) => spread_text(value),
            Value::Traffic(value) => traffic_text(value),
            Value::Schedule(value) => schedule_text(value),
            Value::Size(value) => value.to_string(),
            Value::Switch(value) => name_of(&SWITCH, value),
            Value::Effect(value) => name_of(&EFFECTS, value),
            Value::Policy(value) => name_of(&POLICIES, value),
            Value::Jitter(value) => name_of(&JITTERS, value),
            Value::Mode(value) => name_of(&MODES, value),
            Value::OneOf(value, _) => or_none(value),
            Value::Shown(text) => text.clone(),
        }
    }

    /// Reads `text` into the parameter, or says in one sentence why it does not fit.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let text = text.trim();
        match self {
            Value::Duration(value) => **value = read::<Duration>(text)?,
            Value::MaybeDuration(value) => **value = maybe(text, read::<Duration>)?,
            Value::MaybeRate(value) => **value = maybe(text, rate)?,
            Value::Count(value) => **value = count(text)?,
            Value::MaybeCount(value) => **value = maybe(text, count)?,
            Value::Share(value) => **value = share(text)?,
            Value::Number(value) => **value = number(text)?,
            Value::Spread(value) => **value = spread(text)?,
            Value::Traffic(value) => **value = traffic(text)?,
            Value::Schedule(value) => **value = schedule(text)?,
            Value::Size(value) => **value = read::<Size>(text)?,
            Value::Switch(value) => **value = named(&SWITCH, text)?,
            Value::Effect(value) => **value = named(&EFFECTS, text)?,
            Value::Policy(value) => **value = named(&POLICIES, text)?,
            Value::Jitter(value) => **value = named(&JITTERS, text)?,
            Value::Mode(value) => **value = named(&MODES, text)?,
            Value::OneOf(value, names) => **value = maybe(text, |text| one_of(names, text))?,
            Value::Shown(_) => return Err("This cannot be changed here.".to_owned()),
        }
        Ok(())
    }

    /// The texts to choose from, where the value is one of a few.
    pub fn choices(&self) -> Vec<String> {
        match self {
            Value::Switch(_) => names(&SWITCH),
            Value::Effect(_) => names(&EFFECTS),
            Value::Policy(_) => names(&POLICIES),
            Value::Jitter(_) => names(&JITTERS),
            Value::Mode(_) => names(&MODES),
            Value::OneOf(_, names) => return std::iter::once(NONE.to_owned()).chain(names.iter().cloned()).collect(),
            _ => Vec::new(),
        }
        .into_iter()
        .map(str::to_owned)
        .collect()
    }
}

fn or_none(value: &Option<impl ToString>) -> String {
    value.as_ref().map_or_else(|| NONE.to_owned(), ToString::to_string)
}

fn name_of<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> String {
    table.iter().find(|(_, known)| known == value).map_or_else(String::new, |(name, _)| (*name).to_owned())
}

fn named<T: Copy>(table: &[(&'static str, T)], text: &str) -> Result<T, String> {
    let found = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, value)| *value);
    found.ok_or_else(|| format!("`{text}` is none of: {}.", names(table).join(", ")))
}

fn names<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(name, _)| *name).collect()
}

/// Six decimal places: more are noise of the conversion to percent and back.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn maybe<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text.is_empty() || text.eq_ignore_ascii_case(NONE) {
        return Ok(None);
    }
    read(text).map(Some)
}

fn one_of(names: &[String], text: &str) -> Result<String, String> {
    let found = names.iter().find(|name| name.as_str() == text);
    found.cloned().ok_or_else(|| format!("`{text}` is none of: {}.", names.join(", ")))
}

fn rate(text: &str) -> Result<Rate, String> {
    let rate = read::<Rate>(text)?;
    if rate.count > 0.0 {
        return Ok(rate);
    }
    Err("A rate has to be above zero.".to_owned())
}

fn count(text: &str) -> Result<u32, String> {
    text.replace([',', '_'], "").parse().map_err(|_| format!("`{text}` is no whole number from 0 to 4294967295."))
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err(format!("`{text}` is no number from zero upwards.")),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let value = match text.strip_suffix('%') {
        Some(percent) => number(percent.trim())? / 100.0,
        None => number(text)?,
    };
    if value <= 1.0 {
        return Ok(value);
    }
    Err("A share goes from 0 to 1, or from 0 % to 100 %.".to_owned())
}

fn spread_text(value: &Spread) -> String {
    match value {
        Spread::Constant(time) => time.to_string(),
        Spread::Uniform(low, high) => format!("uniform {low} {high}"),
        Spread::Exponential(mean) => format!("exponential {mean}"),
        Spread::ShiftedExponential(constant, mean) => format!("shifted {constant} {mean}"),
        Spread::Lognormal(median, tail) => format!("lognormal {median} {tail}"),
        Spread::Erlang(parts, mean) => format!("erlang {parts} {mean}"),
    }
}

fn spread(text: &str) -> Result<Spread, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["uniform", low, high] => ordered(read(low)?, read(high)?, Spread::Uniform),
        ["exponential", mean] => Ok(Spread::Exponential(read(mean)?)),
        ["shifted", constant, mean] => Ok(Spread::ShiftedExponential(read(constant)?, read(mean)?)),
        ["lognormal", median, tail] => ordered(read(median)?, read(tail)?, Spread::Lognormal),
        ["erlang", parts, mean] => match count(parts)? {
            0 => Err("An Erlang time has one part at least.".to_owned()),
            parts => Ok(Spread::Erlang(parts, read(mean)?)),
        },
        ["constant", time] | [time] if time.starts_with(|c: char| c.is_ascii_digit()) => {
            Ok(Spread::Constant(read(time)?))
        }
        _ => Err("Write a time, or one of: uniform 1ms 2ms, exponential 20ms, lognormal 50ms 400ms, erlang 3 20ms."
            .to_owned()),
    }
}

fn ordered(low: Duration, high: Duration, make: fn(Duration, Duration) -> Spread) -> Result<Spread, String> {
    if low <= high {
        return Ok(make(low, high));
    }
    Err("The first time has to be the shorter one.".to_owned())
}

fn traffic_text(value: &Traffic) -> String {
    match value {
        Traffic::Constant(rate) => format!("constant {rate}"),
        Traffic::Poisson(rate) => format!("poisson {rate}"),
        Traffic::Burst(size, period) => format!("burst {size} {period}"),
        Traffic::Ramp(from, to, over) => format!("ramp {from} {to} {over}"),
        Traffic::Profile(day, points) => {
            let points: Vec<String> = points.iter().map(|(time, rate)| format!("{time} {rate}")).collect();
            format!("profile {day} {}", points.join(" "))
        }
    }
}

fn traffic(text: &str) -> Result<Traffic, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["constant", each] => Ok(Traffic::Constant(rate(each)?)),
        ["poisson", each] => Ok(Traffic::Poisson(rate(each)?)),
        ["burst", size, period] => Ok(Traffic::Burst(count(size)?, read(period)?)),
        ["ramp", from, to, over] => Ok(Traffic::Ramp(read(from)?, read(to)?, read(over)?)),
        ["profile", day, points @ ..] if !points.is_empty() && points.len() % 2 == 0 => {
            Ok(Traffic::Profile(read(day)?, points.chunks(2).map(profile_point).collect::<Result<_, _>>()?))
        }
        [each] => Ok(Traffic::Poisson(rate(each)?)),
        _ => Err("Write one of: poisson 10/s, constant 10/s, burst 100 5s, ramp 10/s 50/s 1m.".to_owned()),
    }
}

fn profile_point(words: &[&str]) -> Result<(Duration, Rate), String> {
    match words {
        [time, rate] => Ok((read(time)?, read(rate)?)),
        _ => Err("A profile is made of pairs: a time of day and a rate.".to_owned()),
    }
}

fn schedule_text(value: &Schedule) -> String {
    match value {
        Schedule::Rate(period) => format!("every {period}"),
        Schedule::At(time) => format!("at {time}"),
        Schedule::Cron(fields) => format!("cron {fields}"),
        Schedule::Date(date) => format!("on {date}"),
    }
}

fn schedule(text: &str) -> Result<Schedule, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["every", period] => match read::<Duration>(period)? {
            period if period.span().is_zero() => Err("A period has to be above zero.".to_owned()),
            period => Ok(Schedule::Rate(period)),
        },
        ["at", time] => Ok(Schedule::At(read(time)?)),
        ["cron", fields @ ..] => calendar("cron", &fields.join(" ")).map(Schedule::Cron),
        ["on", date] => calendar("at", date).map(Schedule::Date),
        _ => Err("Write one of: every 5m, at 30s, cron 0 10 ? * MON-FRI *, on 2026-11-20T13:00:00.".to_owned()),
    }
}

/// What stands between the parentheses of an expression, if it can be read.
fn calendar(form: &str, inside: &str) -> Result<String, String> {
    match crate::flow::schedule::Schedule::parse(&format!("{form}({inside})"), "UTC") {
        Ok(_) => Ok(inside.to_owned()),
        Err(error) => Err(format!("{error}; {}.", error.help())),
    }
}

/// Makes a field; the tables below read like the inspector.
fn field<'a>(label: &'static str, help: &'static str, value: Value<'a>) -> Field<'a> {
    Field { label, help, value }
}

/// The parameters of a node in the order of their importance.
pub fn fields(kind: &mut Kind) -> Vec<Field<'_>> {
    use Value::*;
    match kind {
        Kind::Producer(it) => vec![
            field(
                "Traffic",
                "When messages are sent: poisson 10/s, constant 10/s, burst 100 5s, ramp 10/s 50/s 1m.",
                Traffic(&mut it.traffic),
            ),
            field("Starts at", "No message before this.", Duration(&mut it.start)),
            field("Ends at", "No message at or after this.", MaybeDuration(&mut it.end)),
        ],
        Kind::Client(it) => {
            let mut fields = vec![
                field("Traffic", "When requests begin, where there are no users.", Traffic(&mut it.traffic)),
                field("Users", "Users who each send, wait and think; 0: an open workload.", Count(&mut it.users)),
                field("Thinking time", "Mean pause of a user between two requests.", Duration(&mut it.think)),
                field("Time-out", "An attempt without an answer is given up after this.", Duration(&mut it.timeout)),
            ];
            fields.extend(retry_fields(&mut it.retry));
            fields
        }
        Kind::Gateway(it) => vec![
            field("Rate", "Requests a second that are let in, in the long run.", MaybeRate(&mut it.rate)),
            field("Burst", "Requests that may come at once; none: one second of the rate.", MaybeCount(&mut it.burst)),
            field("Latency", "The gateway's own time for each request.", Spread(&mut it.latency)),
            field(
                "Routes",
                "Methods and paths by name; edited in the scene's file.",
                Shown(it.routes.len().to_string()),
            ),
            field("Time-out", "An integration that has not answered by then gives 504.", Duration(&mut it.timeout)),
        ],
        Kind::Function(it) => vec![
            field(
                "Concurrency",
                "Environments at most, kept for this function; none: it shares what the others leave.",
                MaybeCount(&mut it.concurrency),
            ),
            field("Always warm", "Environments that are kept warm.", Count(&mut it.provisioned)),
            field(
                "Filters",
                "Patterns of what it takes from queues; edited in the scene's file.",
                Shown(it.filters.len().to_string()),
            ),
            field("Warm start", "Time to the handler where an environment is warm.", Spread(&mut it.overhead)),
            field("Service time", "Time of the handler itself.", Spread(&mut it.duration)),
            field("Cold start", "Additional time where no environment is warm.", Spread(&mut it.cold_start)),
            field("Time-out", "The handler is cut off after this.", Duration(&mut it.timeout)),
            field("Errors", "Share of invocations whose handler raises an error.", Share(&mut it.error_rate)),
            field("Retries", "Retries of an asynchronous invocation after an error.", Count(&mut it.retries)),
            field("Stays warm", "An idle environment is removed after this.", Duration(&mut it.keep_warm)),
            field("Event age", "An asynchronous event older than this is given up.", Duration(&mut it.age_max)),
            field("Sends", "Messages over each outgoing link for one that arrives, on average.", Number(&mut it.sends)),
            field("Does", "What it does to an event.", Effect(&mut it.effect)),
        ],
        Kind::Queue(it) => vec![
            field(
                "Visibility time-out",
                "A received message stays hidden for this long.",
                Duration(&mut it.visibility_timeout),
            ),
            field("Batch size", "Most messages that a consumer takes at once.", Count(&mut it.batch_size)),
            field("Batch window", "A consumer waits this long for its batch to fill.", Duration(&mut it.batch_window)),
            field(
                "Pollers",
                "Batches at a time; none: as many as the consumer has room for.",
                MaybeCount(&mut it.pollers),
            ),
            field(
                "Dead letter after",
                "Receives after which a message is dead-lettered.",
                MaybeCount(&mut it.receives_max),
            ),
            field("Delay", "A sent message is hidden at first for this long.", Duration(&mut it.delay)),
            field("Retention", "Older messages are removed.", Duration(&mut it.retention)),
            field("In flight", "Messages that may be in the hands of consumers.", Count(&mut it.in_flight_max)),
            field("Disorder", "Share of receives that do not take the oldest message.", Share(&mut it.disorder)),
            field("Long poll", "A poll waits this long for a message.", Duration(&mut it.wait_time)),
        ],
        Kind::Router(it) => {
            let mut fields = vec![field("Policy", "How it chooses among its links.", Policy(&mut it.policy))];
            fields.extend(retry_fields(&mut it.retry));
            fields
        }
        Kind::Bus(it) => vec![
            field("Latency", "Time from acceptance to the first attempt at a target.", Spread(&mut it.latency)),
            field("Retries", "Retries after the first attempt.", Count(&mut it.retries)),
            field("Event age", "An event older than this is retried no more.", Duration(&mut it.age_max)),
            field("Invocations", "Calls to targets a second; none: no throttle.", MaybeRate(&mut it.invocation_rate)),
            field("Archive", "Keeps a copy of each event for replay.", Switch(&mut it.archive)),
        ],
        Kind::Service(it) => vec![
            field("Servers", "Servers that work side by side.", Count(&mut it.servers)),
            field("Service time", "Time of one request on one server.", Spread(&mut it.duration)),
            field("Waiting room", "Requests that may wait; none: any number.", MaybeCount(&mut it.waiting_max)),
            field("Patience", "A waiting request leaves after this.", MaybeDuration(&mut it.wait_limit)),
            field("Rate limit", "Requests a second that it admits; none: no throttle.", MaybeRate(&mut it.rate_limit)),
            field("Errors", "Share of requests that fail.", Share(&mut it.error_rate)),
        ],
        Kind::Store(it) => vec![
            field("Reads", "Share of the requests that are reads.", Share(&mut it.reads)),
            field("Read time", "Time of a read.", Spread(&mut it.read_latency)),
            field("Write time", "Time of a write.", Spread(&mut it.write_latency)),
            field(
                "Read capacity",
                "Read units a second that it admits; none: on demand.",
                MaybeRate(&mut it.read_capacity),
            ),
            field(
                "Write capacity",
                "Write units a second that it admits; none: on demand.",
                MaybeRate(&mut it.write_capacity),
            ),
            field("Burst", "Unused capacity is kept for this long.", Duration(&mut it.burst)),
            field("Item size", "Size of an item.", Size(&mut it.item_size)),
            field("Change stream", "Each write leaves as a change record.", Switch(&mut it.stream)),
        ],
        Kind::Scheduler(it) => vec![
            field(
                "Schedule",
                "When it sends: every 5m, at 30s, cron 0 10 ? * MON-FRI *, on 2026-11-20T13:00:00.",
                Schedule(&mut it.schedule),
            ),
            field("Time zone", "Whose clock cron and on mean; edited in the scene's file.", Shown(it.zone.clone())),
            field("Starts at", "The first firing.", Duration(&mut it.start)),
            field("Ends at", "No firing after this.", MaybeDuration(&mut it.end)),
            field("Window", "A firing is late by any length up to this.", Duration(&mut it.window)),
            field("Retries", "Retries after a target refused.", Count(&mut it.retries)),
            field("Age", "A firing older than this is retried no more.", Duration(&mut it.age_max)),
        ],
        Kind::StateMachine(it) => vec![
            field("Executions", "Executions at one time; none: any number.", MaybeCount(&mut it.executions_max)),
            field("Transition", "Time of each transition.", Spread(&mut it.transition)),
        ],
        Kind::Sink(it) => vec![field("Refuses", "Turns away what arrives.", Switch(&mut it.refuses))],
        Kind::Generic(it) => vec![
            field("Resource", "What the importer called it.", Shown(it.resource.clone())),
            field("Latency", "How long it holds a message.", Spread(&mut it.latency)),
        ],
    }
}

fn retry_fields(retry: &mut Retry) -> Vec<Field<'_>> {
    vec![
        field("Attempts", "Attempts in all, the first included.", Value::Count(&mut retry.attempts)),
        field("First wait", "Wait before the first retry; doubles with each.", Value::Duration(&mut retry.base)),
        field("Longest wait", "The wait grows no longer than this.", Value::Duration(&mut retry.cap)),
        field("Jitter", "How the wait is spread.", Value::Jitter(&mut retry.jitter)),
    ]
}

/// The parameters of a link in the order of their importance; `rules` are its source's.
pub fn link_fields(link: &mut Link, rules: Option<Vec<String>>) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    if let Some(rules) = rules {
        fields.push(field("Rule", "The rule or route that feeds it.", Value::OneOf(&mut link.rule, rules)));
    }
    fields.extend([
        field("Latency", "Time of the way, each way.", Value::Spread(&mut link.latency.spread)),
        field(
            "At least",
            "No hop takes less; none: as the latency suggests, 0s: both ends act as one.",
            Value::MaybeDuration(&mut link.latency.floor),
        ),
        field("Loss", "Share of messages lost on the way.", Value::Share(&mut link.loss)),
        field("Mode", "How its two ends talk.", Value::Mode(&mut link.mode)),
        field(
            "Dead letters",
            "Takes dead letters rather than ordinary traffic.",
            Value::Switch(&mut link.dead_letters),
        ),
    ]);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::*;

    fn every_kind() -> Vec<Kind> {
        vec![
            Kind::Producer(Producer::default()),
            Kind::Client(Client::default()),
            Kind::Gateway(Gateway::default()),
            Kind::Function(Function::default()),
            Kind::Queue(Queue::default()),
            Kind::Router(Router::default()),
            Kind::Bus(Bus::default()),
            Kind::Service(Service::default()),
            Kind::Store(Store::default()),
            Kind::Scheduler(Scheduler::default()),
            Kind::StateMachine(StateMachine::default()),
            Kind::Sink(Sink::default()),
            Kind::Generic(Generic::default()),
        ]
    }

    #[test]
    fn a_field_set_to_its_own_text_changes_nothing() {
        for kind in every_kind() {
            let mut edited = kind.clone();
            for field in &mut fields(&mut edited) {
                let text = field.value.text();
                let shown = matches!(field.value, Value::Shown(_));
                assert_eq!(field.value.set(&text).is_ok(), !shown, "{}: {text}", field.label);
            }
            assert_eq!(edited, kind);
        }
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused_and_changes_nothing() {
        for kind in every_kind() {
            let mut edited = kind.clone();
            for field in &mut fields(&mut edited) {
                assert!(field.value.set("three parsecs").is_err(), "{}", field.label);
            }
            assert_eq!(edited, kind);
        }
    }

    #[test]
    fn traffic_and_spreads_are_read_as_people_write_them() {
        let mut value = Traffic::default();
        assert_eq!(Value::Traffic(&mut value).set("ramp 10/s 50/s 1m"), Ok(()));
        let expected = Traffic::Ramp(Rate::per_second(10.0), Rate::per_second(50.0), Duration::MINUTE);
        assert_eq!(value, expected);
        let mut time = Spread::Constant(Duration::millis(1));
        assert_eq!(Value::Spread(&mut time).set("erlang 3 20ms"), Ok(()));
        assert_eq!(time, Spread::Erlang(3, Duration::millis(20)));
        assert!(Value::Spread(&mut time).set("lognormal 2s 1s").is_err());
        assert!(Value::Traffic(&mut value).set("poisson 0/s").is_err());
    }

    #[test]
    fn shares_are_read_with_and_without_percent() {
        let mut value = 0.0;
        assert_eq!(Value::Share(&mut value).set("25 %"), Ok(()));
        assert_eq!(value, 0.25);
        assert_eq!(Value::Share(&mut value).set("0.5"), Ok(()));
        assert_eq!(Value::Share(&mut value).text(), "50 %");
        assert!(Value::Share(&mut value).set("2").is_err());
    }
}
