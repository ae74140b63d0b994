//! Parameters of generated nodes.
//!
//! Invariant: every value passes the checks of `scene/check`, and every time is whole milliseconds.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::scene::kind::{
    Bus, Client, Consistency, Function, FunctionEffect, Gateway, Generic, Input, Jitter, Kind, PayloadTemplate,
    Producer, Queue, Retry, Router, RouterPolicy, Rule, Scheduler, Service, Sink, StateMachine, Store, Traffic,
};
use crate::scene::sample::{lattice, schedule};
use crate::scene::slug::LinkId;
use crate::scene::units::{Duration, Rate, Spread};

/// Something that starts traffic.
pub(super) fn source(rng: &mut Rng) -> Kind {
    match rng.u8(..4) {
        0 => Kind::Client(client(rng)),
        1 => Kind::Scheduler(Scheduler { schedule: schedule(rng), payloads: payloads(rng), ..Scheduler::default() }),
        _ => Kind::Producer(producer(rng)),
    }
}

/// Any kind at all, sources less often than the rest.
pub(super) fn any(rng: &mut Rng) -> Kind {
    match rng.u8(..14) {
        0 | 1 => source(rng),
        2 => Kind::Gateway(gateway(rng)),
        3 | 4 => Kind::Function(function(rng)),
        5 | 6 => Kind::Queue(queue(rng)),
        7 => Kind::Router(router(rng)),
        8 => Kind::Bus(bus(rng)),
        9 => Kind::Service(service(rng)),
        10 => Kind::Store(store(rng)),
        11 => Kind::StateMachine(StateMachine {
            executions_max: rng.bool().then(|| rng.u32(1..20)),
            transition: Spread::Constant(lattice(rng, 4)),
            ..StateMachine::default()
        }),
        12 => Kind::Sink(Sink { refuses: rng.u8(..5) == 0 }),
        _ => Kind::Generic(Generic { resource: "Custom::Thing".to_owned(), latency: work(rng) }),
    }
}

/// A definition whose tasks call these links in turn, behind a wait, a choice or side by side.
pub(super) fn definition<'a>(links: impl Iterator<Item = &'a LinkId>, rng: &mut Rng) -> String {
    let links: Vec<&LinkId> = links.collect();
    if let ([first, second, ..], true) = (links.as_slice(), rng.bool()) {
        let branch = |link: &LinkId| {
            format!(
                r#"{{"StartAt":"Ask {link}","States":{{"Ask {link}":{{"Type":"Task","Resource":"{link}","End":true}}}}}}"#
            )
        };
        let (first, second) = (branch(first), branch(second));
        return format!(
            r#"{{"StartAt":"Both","States":{{"Both":{{"Type":"Parallel","Branches":[{first},{second}],"End":true}}}}}}"#
        );
    }
    let wait = rng.u8(..2);
    let mut states = format!(r#""Wait":{{"Type":"Wait","Seconds":{wait},"Next":"Call0"}},"#);
    for (number, link) in links.iter().enumerate() {
        let next = number + 1;
        states += &format!(r#""Call{number}":{{"Type":"Task","Resource":"{link}","Next":"Call{next}"}},"#);
    }
    let last = links.len();
    format!(r#"{{"StartAt":"Wait","States":{{{states}"Call{last}":{{"Type":"Succeed"}}}}}}"#)
}

/// Mostly a constant on the lattice; one in ten draws.
fn work(rng: &mut Rng) -> Spread {
    if rng.u8(..10) == 0 { Spread::Exponential(lattice(rng, 10)) } else { Spread::Constant(lattice(rng, 10)) }
}

fn rate(rng: &mut Rng) -> Rate {
    // Whole milliseconds between two events.
    Rate::per_second(*rng.choice(&[10.0, 20.0, 50.0, 100.0, 200.0]).unwrap_or(&10.0))
}

fn traffic(rng: &mut Rng) -> Traffic {
    match rng.u8(..6) {
        0 => Traffic::Poisson(rate(rng)),
        1 => Traffic::Burst(rng.u32(1..20), lattice(rng, 300)),
        2 => Traffic::Ramp(Rate::per_second(0.0), rate(rng), lattice(rng, 1_000)),
        3 => Traffic::Profile(
            Duration::seconds(1),
            vec![(Duration::default(), Rate::per_second(1.0)), (Duration::millis(500), rate(rng))],
        ),
        _ => Traffic::Constant(rate(rng)),
    }
}

fn payloads(rng: &mut Rng) -> Vec<PayloadTemplate> {
    (0..rng.u32(..3))
        .map(|number| PayloadTemplate {
            weight: rng.u32(1..4),
            body: format!(r#"{{"source":"$choice(s0,s1,s2)","template":{number},"amount":"$int(1,500)"}}"#),
            variants: rng.u32(1..32),
        })
        .collect()
}

fn retry(rng: &mut Rng) -> Retry {
    Retry {
        attempts: rng.u32(1..5),
        base: lattice(rng, 20),
        cap: Duration::millis(200),
        jitter: *rng.choice(&[Jitter::None, Jitter::Full, Jitter::Equal]).unwrap_or(&Jitter::None),
    }
}

fn producer(rng: &mut Rng) -> Producer {
    Producer {
        traffic: traffic(rng),
        payloads: payloads(rng),
        start: Duration::millis(rng.u64(..50)),
        end: rng.bool().then(|| Duration::millis(rng.u64(1_000..2_000))),
    }
}

fn client(rng: &mut Rng) -> Client {
    Client {
        traffic: traffic(rng),
        payloads: payloads(rng),
        users: if rng.bool() { rng.u32(1..6) } else { 0 },
        think: lattice(rng, 100),
        timeout: lattice(rng, 60),
        retry: retry(rng),
    }
}

fn gateway(rng: &mut Rng) -> Gateway {
    let rate = rng.bool().then(|| rate(rng));
    let burst = rate.map(|_| rng.u32(1..20));
    Gateway { rate, burst, latency: work(rng), timeout: lattice(rng, 500), ..Gateway::default() }
}

fn function(rng: &mut Rng) -> Function {
    let concurrency = (rng.u8(..4) > 0).then(|| rng.u32(2..12));
    Function {
        effect: *rng.choice(&[FunctionEffect::Transport, FunctionEffect::Transform]).unwrap_or(&FunctionEffect::Filter),
        concurrency,
        provisioned: rng.u32(..3),
        filters: (rng.u8(..5) == 0).then(|| r#"{"source": [{"exists": true}]}"#.to_owned()).into_iter().collect(),
        overhead: Spread::Constant(Duration::millis(rng.u64(..3))),
        duration: work(rng),
        cold_start: work(rng),
        keep_warm: lattice(rng, 500),
        timeout: Duration::millis(rng.u64(5..100)),
        error_rate: f64::from(rng.u32(..3)) / 8.0,
        retries: rng.u32(..3),
        age_max: Duration::seconds(1),
        sends: f64::from(rng.u32(1..=4)) / 2.0,
    }
}

fn queue(rng: &mut Rng) -> Queue {
    Queue {
        visibility_timeout: lattice(rng, 300),
        delay: Duration::millis(*rng.choice(&[0, 0, 7]).unwrap_or(&0)),
        retention: if rng.u8(..4) == 0 { lattice(rng, 1_500) } else { Queue::default().retention },
        receives_max: rng.bool().then(|| rng.u32(1..4)),
        in_flight_max: rng.u32(10..1_000),
        disorder: f64::from(rng.u32(..2)) / 4.0,
        batch_size: rng.u32(1..=10),
        batch_window: Duration::millis(rng.u64(..20)),
        pollers: (rng.u8(..4) > 0).then(|| rng.u32(1..6)),
        wait_time: Duration::millis(rng.u64(..1_000)),
    }
}

fn patterns(rng: &mut Rng) -> Vec<(String, String)> {
    let all = [
        ("every", r#"{"amount":[{"exists":true}]}"#),
        ("large", r#"{"amount":[{"numeric":[">",250]}]}"#),
        ("not-s1", r#"{"source":[{"anything-but":"s1"}]}"#),
        ("s-any", r#"{"source":[{"prefix":"s"}]}"#),
        ("s0", r#"{"source":["s0"]}"#),
    ];
    let count = rng.usize(1..=all.len());
    rng.choose_multiple(all, count).into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

fn router(rng: &mut Rng) -> Router {
    let policies = [RouterPolicy::Table, RouterPolicy::RoundRobin, RouterPolicy::Random, RouterPolicy::Broadcast];
    Router {
        policy: *rng.choice(&policies).unwrap_or(&RouterPolicy::Table),
        routes: patterns(rng).into_iter().collect(),
        retry: if rng.bool() { Retry::never() } else { retry(rng) },
    }
}

fn bus(rng: &mut Rng) -> Bus {
    let mut rules = BTreeMap::new();
    for (name, pattern) in patterns(rng) {
        rules.insert(name, Rule { enabled: rng.u8(..8) > 0, input: input(rng), ..Rule::new(pattern) });
    }
    Bus {
        rules,
        latency: work(rng),
        retries: rng.u32(..4),
        age_max: lattice(rng, 2_000),
        invocation_rate: (rng.u8(..4) == 0).then(|| rate(rng)),
        archive: rng.u8(..4) == 0,
    }
}

fn service(rng: &mut Rng) -> Service {
    Service {
        servers: rng.u32(1..5),
        duration: work(rng),
        waiting_max: rng.bool().then(|| rng.u32(..20)),
        wait_limit: rng.bool().then(|| lattice(rng, 50)),
        rate_limit: (rng.u8(..4) == 0).then(|| rate(rng)),
        error_rate: f64::from(rng.u32(..3)) / 8.0,
    }
}

/// The event itself, mostly.
fn input(rng: &mut Rng) -> Input {
    match rng.u8(..6) {
        0 => Input::Constant(r#"{"source":"shop"}"#.to_owned()),
        1 => Input::Path("$.detail".to_owned()),
        2 => {
            let paths = BTreeMap::from([("source".to_owned(), "$.source".to_owned())]);
            Input::Transformer(paths, r#"{"source":"<source>"}"#.to_owned())
        }
        _ => Input::Event,
    }
}

fn store(rng: &mut Rng) -> Store {
    Store {
        reads: f64::from(rng.u8(0..=2)) / 2.0,
        consistency: if rng.bool() { Consistency::Strong } else { Consistency::Eventual },
        read_latency: work(rng),
        write_latency: work(rng),
        read_capacity: rng.bool().then(|| rate(rng)),
        write_capacity: rng.bool().then(|| rate(rng)),
        burst: lattice(rng, 500),
        stream: rng.bool(),
        ..Store::default()
    }
}
