//! The ranges of every kind's parameters.
//!
//! Invariant: every kind and every parameter is named here, so a new one must be thought about.

use crate::scene::check::range::Findings;
use crate::scene::kind::{
    Bus, Client, Function, Gateway, Generic, Input, Kind, PayloadTemplate, Producer, Queue, Retry, Router, Rule,
    Schedule, Scheduler, Service, Sink, StateMachine, Store, Traffic,
};
use crate::scene::problem::{Code, Place, SceneProblem};
use crate::scene::units::Size;

/// Messages of one burst at most.
const BURST_MAX: u32 = 10_000_000;
/// Users, environments, servers and the like at most.
const COUNT_MAX: u32 = 10_000_000;
/// Attempts of one retry policy at most.
const ATTEMPTS_MAX: u32 = 10_000;
/// Messages of one batch at most.
const BATCH_MAX: u32 = 10_000;
/// Different payloads that one template makes at most.
const VARIANTS_MAX: u32 = 65_536;
/// Messages that a function sends for one at most.
const SENDS_MAX: f64 = 1_000.0;

/// Checks all parameters of a node.
pub(super) fn check(place: &Place, kind: &Kind, findings: &mut Findings) {
    match kind {
        Kind::Producer(producer) => self::producer(place, producer, findings),
        Kind::Client(client) => self::client(place, client, findings),
        Kind::Gateway(gateway) => self::gateway(place, gateway, findings),
        Kind::Function(function) => self::function(place, function, findings),
        Kind::Queue(queue) => self::queue(place, queue, findings),
        Kind::Router(router) => self::router(place, router, findings),
        Kind::Bus(bus) => self::bus(place, bus, findings),
        Kind::Service(service) => self::service(place, service, findings),
        Kind::Store(store) => self::store(place, store, findings),
        Kind::Scheduler(scheduler) => self::scheduler(place, scheduler, findings),
        Kind::StateMachine(machine) => state_machine(place, machine, findings),
        Kind::Sink(Sink { refuses: _ }) => {}
        Kind::Generic(Generic { resource: _, latency }) => findings.spread(&place.field("latency"), latency),
    }
}

fn producer(place: &Place, producer: &Producer, findings: &mut Findings) {
    let Producer { traffic, payloads, start, end } = producer;
    self::traffic(&place.field("traffic"), traffic, findings);
    self::payloads(&place.field("payloads"), payloads, findings);
    findings.duration(&place.field("start"), *start);
    findings.in_order(&place.field("end"), *start, *end);
}

fn traffic(place: &Place, traffic: &Traffic, findings: &mut Findings) {
    match traffic {
        Traffic::Constant(rate) | Traffic::Poisson(rate) => findings.rate(&place.item(0), *rate),
        Traffic::Burst(count, period) => {
            findings.whole(&place.item(0), *count, 1..=BURST_MAX);
            findings.duration(&place.item(1), *period);
        }
        Traffic::Ramp(from, to, time) => {
            findings.rate_or_zero(&place.item(0), *from);
            findings.rate_or_zero(&place.item(1), *to);
            findings.above_zero(&place.item(2), *time);
            if from.count == 0.0 && to.count == 0.0 {
                findings.rate(&place.item(1), *to);
            }
        }
        Traffic::Profile(day, points) => {
            findings.above_zero(&place.item(0), *day);
            let place = place.item(1);
            for (index, (time, rate)) in points.iter().enumerate() {
                findings.rate_or_zero(&place.item(index).item(1), *rate);
                let before = index.checked_sub(1).and_then(|index| points.get(index)).map(|point| point.0);
                if before.is_some_and(|before| before >= *time) || time > day {
                    let problem = SceneProblem::error(Code::EmptySpan, place.item(index).item(0), time);
                    findings.push(
                        problem
                            .because(format!("the point at `{time}` is out of order, or after the day's end"))
                            .help("let the points' times rise, from 0s to the length of the day"),
                    );
                }
            }
            if points.iter().all(|(_, rate)| rate.count == 0.0) {
                findings.push(
                    SceneProblem::error(Code::OutOfRange, place, points.len())
                        .because("the profile has no point with a rate above zero")
                        .help("write for example [(\"0s\", \"1/s\"), (\"12h\", \"40/s\")]"),
                );
            }
        }
    }
}

fn payloads(place: &Place, payloads: &[PayloadTemplate], findings: &mut Findings) {
    for (index, PayloadTemplate { weight, body, variants }) in payloads.iter().enumerate() {
        let place = place.item(index);
        findings.whole(&place.field("weight"), *weight, 1..=COUNT_MAX);
        findings.whole(&place.field("variants"), *variants, 1..=VARIANTS_MAX);
        findings.json(&place.field("body"), body);
    }
}

fn retry(place: &Place, retry: &Retry, findings: &mut Findings) {
    let Retry { attempts, base, cap, jitter: _ } = retry;
    findings.whole(&place.field("attempts"), *attempts, 1..=ATTEMPTS_MAX);
    findings.duration(&place.field("cap"), *cap);
    if base > cap {
        findings.push(
            SceneProblem::error(Code::EmptySpan, place.field("base"), base)
                .because(format!("the first wait `{base}` is longer than the longest `{cap}`"))
                .help("lower `base` or raise `cap`"),
        );
    }
}

fn client(place: &Place, client: &Client, findings: &mut Findings) {
    let Client { traffic, payloads, users, think, timeout, retry } = client;
    if *users == 0 {
        self::traffic(&place.field("traffic"), traffic, findings);
    }
    self::payloads(&place.field("payloads"), payloads, findings);
    findings.whole(&place.field("users"), *users, 0..=COUNT_MAX);
    findings.duration(&place.field("think"), *think);
    findings.above_zero(&place.field("timeout"), *timeout);
    self::retry(&place.field("retry"), retry, findings);
}

fn gateway(place: &Place, gateway: &Gateway, findings: &mut Findings) {
    let Gateway { routes: _, rate, burst, latency, timeout } = gateway;
    if let Some(rate) = rate {
        findings.rate(&place.field("rate"), *rate);
    }
    findings.at_least_one(&place.field("burst"), *burst);
    findings.spread(&place.field("latency"), latency);
    findings.above_zero(&place.field("timeout"), *timeout);
}

fn function(place: &Place, function: &Function, findings: &mut Findings) {
    let Function {
        effect: _,
        concurrency,
        provisioned,
        filters,
        overhead,
        duration,
        cold_start,
        keep_warm,
        timeout,
        error_rate,
        retries,
        age_max,
        sends,
    } = function;
    findings.at_least_one(&place.field("concurrency"), *concurrency);
    findings.whole(&place.field("provisioned"), *provisioned, 0..=concurrency.unwrap_or(COUNT_MAX));
    for (index, pattern) in filters.iter().enumerate() {
        findings.json_object(&place.field("filters").item(index), pattern);
    }
    findings.spread(&place.field("overhead"), overhead);
    findings.spread(&place.field("duration"), duration);
    findings.spread(&place.field("cold_start"), cold_start);
    findings.duration(&place.field("keep_warm"), *keep_warm);
    findings.above_zero(&place.field("timeout"), *timeout);
    findings.number(&place.field("error_rate"), *error_rate, 0.0..=1.0);
    findings.whole(&place.field("retries"), *retries, 0..=ATTEMPTS_MAX);
    findings.above_zero(&place.field("age_max"), *age_max);
    findings.number(&place.field("sends"), *sends, 0.0..=SENDS_MAX);
}

fn queue(place: &Place, queue: &Queue, findings: &mut Findings) {
    let Queue {
        visibility_timeout,
        delay,
        retention,
        receives_max,
        in_flight_max,
        disorder,
        batch_size,
        batch_window,
        pollers,
        wait_time,
    } = queue;
    findings.duration(&place.field("visibility_timeout"), *visibility_timeout);
    findings.duration(&place.field("delay"), *delay);
    findings.above_zero(&place.field("retention"), *retention);
    findings.at_least_one(&place.field("receives_max"), *receives_max);
    findings.whole(&place.field("in_flight_max"), *in_flight_max, 1..=COUNT_MAX);
    findings.number(&place.field("disorder"), *disorder, 0.0..=1.0);
    findings.whole(&place.field("batch_size"), *batch_size, 1..=BATCH_MAX);
    findings.duration(&place.field("batch_window"), *batch_window);
    findings.at_least_one(&place.field("pollers"), *pollers);
    findings.duration(&place.field("wait_time"), *wait_time);
}

fn router(place: &Place, router: &Router, findings: &mut Findings) {
    let Router { policy: _, routes, retry } = router;
    for (name, pattern) in routes {
        findings.json_object(&place.field("routes").key(name), pattern);
    }
    self::retry(&place.field("retry"), retry, findings);
}

fn bus(place: &Place, bus: &Bus, findings: &mut Findings) {
    let Bus { rules, latency, retries, age_max, invocation_rate, archive: _ } = bus;
    for (name, rule) in rules {
        let place = place.field("rules").key(name);
        let Rule { pattern, enabled: _, input, retries, age_max } = rule;
        findings.json_object(&place.field("pattern"), pattern);
        if let Input::Constant(text) = input {
            findings.json(&place.field("input").item(0), text);
        }
        if let Some(retries) = retries {
            findings.whole(&place.field("retries"), *retries, 0..=ATTEMPTS_MAX);
        }
        if let Some(age_max) = age_max {
            findings.above_zero(&place.field("age_max"), *age_max);
        }
    }
    findings.spread(&place.field("latency"), latency);
    findings.whole(&place.field("retries"), *retries, 0..=ATTEMPTS_MAX);
    findings.above_zero(&place.field("age_max"), *age_max);
    if let Some(rate) = invocation_rate {
        findings.rate(&place.field("invocation_rate"), *rate);
    }
}

fn service(place: &Place, service: &Service, findings: &mut Findings) {
    let Service { servers, duration, waiting_max: _, wait_limit, rate_limit, error_rate } = service;
    findings.whole(&place.field("servers"), *servers, 1..=COUNT_MAX);
    findings.spread(&place.field("duration"), duration);
    if let Some(limit) = wait_limit {
        findings.duration(&place.field("wait_limit"), *limit);
    }
    if let Some(rate) = rate_limit {
        findings.rate(&place.field("rate_limit"), *rate);
    }
    findings.number(&place.field("error_rate"), *error_rate, 0.0..=1.0);
}

fn store(place: &Place, store: &Store, findings: &mut Findings) {
    let Store {
        reads,
        consistency: _,
        read_latency,
        write_latency,
        read_capacity,
        write_capacity,
        burst,
        item_size,
        stream: _,
    } = store;
    findings.number(&place.field("reads"), *reads, 0.0..=1.0);
    findings.spread(&place.field("read_latency"), read_latency);
    findings.spread(&place.field("write_latency"), write_latency);
    for (name, capacity) in [("read_capacity", read_capacity), ("write_capacity", write_capacity)] {
        if let Some(capacity) = capacity {
            findings.rate(&place.field(name), *capacity);
        }
    }
    findings.duration(&place.field("burst"), *burst);
    if !(Size(1)..=Size::LARGEST).contains(item_size) {
        findings.push(
            SceneProblem::error(Code::OutOfRange, place.field("item_size"), item_size)
                .because(format!("`{item_size}` is out of range"))
                .help(format!("write a size between 1B and {}", Size::LARGEST)),
        );
    }
}

fn scheduler(place: &Place, scheduler: &Scheduler, findings: &mut Findings) {
    let Scheduler { schedule, zone: _, start, end, window, retries, age_max, payloads } = scheduler;
    let when = place.field("schedule").item(0);
    match schedule {
        Schedule::Rate(period) => findings.above_zero(&when, *period),
        Schedule::At(time) => findings.duration(&when, *time),
        Schedule::Cron(_) | Schedule::Date(_) => {}
    }
    findings.duration(&place.field("window"), *window);
    findings.whole(&place.field("retries"), *retries, 0..=ATTEMPTS_MAX);
    findings.above_zero(&place.field("age_max"), *age_max);
    findings.duration(&place.field("start"), *start);
    findings.in_order(&place.field("end"), *start, *end);
    self::payloads(&place.field("payloads"), payloads, findings);
}

fn state_machine(place: &Place, machine: &StateMachine, findings: &mut Findings) {
    let StateMachine { definition, executions_max, transition } = machine;
    findings.json_object(&place.field("definition"), definition);
    findings.at_least_one(&place.field("executions_max"), *executions_max);
    findings.spread(&place.field("transition"), transition);
}
