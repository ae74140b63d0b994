//! Service: a few servers and a waiting room.
//!
//! Invariant: nothing waits while a server is free, and work starts in the order of arrival.
//! Invariant: what is pulled from a queue is never refused: it waits in turn, and its batch with it.
//! Rules: compute semantics, section 6 (SV-1, SV-2, SV-4, SV-6 to SV-8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scene::kind::Service;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::bucket::{Bucket, BucketLevel};
use crate::sim::consume;
use crate::sim::draw::{Purpose, Sampler};
use crate::sim::effects::Effects;
use crate::sim::event::{Class, SimEvent};
use crate::sim::id::MessageId;
use crate::sim::node::Occasion;
use crate::sim::row::{HopKind, Metric, Outcome};
use crate::sim::work::{self, Batches, Onward, Task};

/// The slot of the timer that ends work.
const DONE: u32 = 0;
/// The slot of the timer that ends a wait.
const WAITED: u32 = 1;

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a service is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceParameters {
    servers: usize,
    duration: Sampler,
    waiting_max: usize,
    wait_limit: Option<SimSpan>,
    rate_limit: Option<Bucket>,
    error_rate: f64,
}

/// Makes a scene's service ready to run.
pub fn compile(service: &Service) -> ServiceParameters {
    ServiceParameters {
        servers: service.servers.max(1) as usize,
        duration: Sampler::new(&service.duration),
        waiting_max: service.waiting_max.map_or(usize::MAX, |most| most as usize),
        wait_limit: service.wait_limit.map(|limit| limit.span()),
        // It saves up one second of its rate (AG-4).
        rate_limit: service.rate_limit.map(|rate| Bucket::with_burst(rate.hertz(), None)),
        error_rate: service.error_rate,
    }
}

// --- State: everything that changes; nothing about a service lives elsewhere ---

/// What a service remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServiceState {
    /// Tasks that wait for a server, by their number, hence in order of arrival.
    waiting: BTreeMap<u64, Job>,
    /// Tasks that a server works on.
    working: BTreeMap<u64, Job>,
    taken: u64,
    level: BucketLevel,
    batches: Batches,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Job {
    task: Task,
    /// When it came, or when its work began.
    since: SimTime,
}

/// Messages in the service's custody.
pub fn held(state: &ServiceState) -> u64 {
    state.waiting.values().chain(state.working.values()).map(|job| job.task.held()).sum()
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &ServiceParameters, state: &mut ServiceState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            arrive(parameters, state, event, effects);
        }
        (Class::Arrival, HopKind::Batch) => {
            for task in state.batches.receive(event, effects) {
                queue(parameters, state, task, effects);
            }
        }
        (Class::Timer, _) if event.via == DONE => finish(parameters, state, event, effects),
        (Class::Timer, _) if event.via == WAITED => give_up_waiting(state, event, effects),
        _ => return consume::answered(event, effects),
    }
    start(parameters, state, effects);
}

/// Handles what happens to the service itself.
pub fn occasion(parameters: &ServiceParameters, state: &mut ServiceState, occasion: Occasion, effects: &mut Effects) {
    match occasion {
        Occasion::Begin | Occasion::Started => consume::begin(effects),
        Occasion::Stopped => lose_work(state, effects),
        Occasion::Reconfigured => start(parameters, state, effects),
        Occasion::Send(_) => {}
    }
}

/// Admits what was sent, or refuses it: 429 over the rate, 503 without a place (SV-1, SV-6).
fn arrive(parameters: &ServiceParameters, state: &mut ServiceState, event: &SimEvent, effects: &mut Effects) {
    if let Some(bucket) = &parameters.rate_limit
        && !state.level.take(bucket, effects.now)
    {
        return effects.refuse(event, Outcome::Throttled);
    }
    if state.working.len() >= parameters.servers && state.waiting.len() >= parameters.waiting_max {
        return effects.refuse(event, Outcome::Failed);
    }
    effects.receipt(event, Outcome::Accepted);
    queue(parameters, state, Task::Sent(*event), effects);
}

fn queue(parameters: &ServiceParameters, state: &mut ServiceState, task: Task, effects: &mut Effects) {
    let number = state.taken;
    state.taken += 1;
    let must_wait = state.working.len() + state.waiting.len() >= parameters.servers;
    state.waiting.insert(number, Job { task, since: effects.now });
    if let Some(limit) = parameters.wait_limit.filter(|_| must_wait) {
        effects.timer(WAITED, effects.now + limit, effects.common.epoch, MessageId(number));
    }
}

/// Free servers take on what waits, first come first served (SV-2).
fn start(parameters: &ServiceParameters, state: &mut ServiceState, effects: &mut Effects) {
    while state.working.len() < parameters.servers {
        let Some((number, job)) = state.waiting.pop_first() else { break };
        effects.measure(Metric::Wait, effects.now.since(job.since));
        let span = effects.work_span(&parameters.duration, Purpose::Service, &job.task.envelope());
        effects.timer(DONE, effects.now + span, effects.common.epoch, MessageId(number));
        state.working.insert(number, Job { since: effects.now, ..job });
    }
    show(state, effects);
}

fn show(state: &ServiceState, effects: &mut Effects) {
    effects.sample(state.waiting.len(), state.working.len(), state.working.len());
}

/// A wait is over without service (SV-4).
fn give_up_waiting(state: &mut ServiceState, event: &SimEvent, effects: &mut Effects) {
    if event.token == effects.common.epoch
        && let Some(job) = state.waiting.remove(&event.message.0)
    {
        work::fail(&job.task, &mut state.batches, effects);
    }
}

/// A server is done.
fn finish(parameters: &ServiceParameters, state: &mut ServiceState, event: &SimEvent, effects: &mut Effects) {
    if event.token != effects.common.epoch {
        return;
    }
    let Some(job) = state.working.remove(&event.message.0) else { return };
    effects.measure(Metric::Service, effects.now.since(job.since));
    if effects.work_fails(parameters.error_rate, &job.task.envelope()) {
        return work::fail(&job.task, &mut state.batches, effects);
    }
    work::succeed(&job.task, &mut state.batches, Onward::Events, effects);
}

/// A stop loses all that is in hand, and says so to who waits (SV-8 (a)).
fn lose_work(state: &mut ServiceState, effects: &mut Effects) {
    state.batches.forget();
    let lost = std::mem::take(&mut state.working).into_values().chain(std::mem::take(&mut state.waiting).into_values());
    for job in lost {
        work::fail(&job.task, &mut state.batches, effects);
    }
    show(state, effects);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::document::Fault;
    use crate::scene::kind::{Kind, Queue, Retry, Router, RouterPolicy, Sink};
    use crate::scene::slug::NodeId;
    use crate::scene::units::{Duration, Rate, Spread};
    use crate::sim::row::Fate;
    use crate::sim::testing::{Ran, Sketch, poisson, steady, stop, volley};

    fn service(change: impl FnOnce(&mut Service)) -> Kind {
        let mut service = Service { duration: Spread::Constant(Duration::millis(100)), ..Service::default() };
        change(&mut service);
        Kind::Service(service)
    }

    fn fed(source: Kind, service: Kind) -> Sketch {
        Sketch::default().node("source", source).node("service", service).link("source", "service")
    }

    fn ends_at(ran: &Ran, fate: Fate) -> Vec<f64> {
        ran.rows.ends.iter().filter(|row| row.fate == fate).map(|row| row.key.time.seconds() * 1e3).collect()
    }

    #[test]
    fn servers_work_side_by_side_and_the_rest_waits_in_order() {
        // ten at once on three servers take ceil(10 / 3) times the service time.
        let ran = fed(volley(10), service(|service| service.servers = 3)).run_both(1_000);
        let ends = ends_at(&ran, Fate::Delivered);
        assert_eq!(ends, [101., 101., 101., 201., 201., 201., 301., 301., 301., 401.]);
        let waits = ran.measures("service", Metric::Wait);
        assert_eq!((waits.len(), waits[9]), (10, 300));
    }

    #[test]
    fn a_full_waiting_room_refuses() {
        // SV-1: places in all are servers and waiting places.
        let kind = service(|service| (service.servers, service.waiting_max) = (2, Some(3)));
        let ran = fed(volley(10), kind).run_both(1_000);
        assert_eq!((ran.ends("service", Fate::Delivered), ran.ends("service", Fate::Failed)), (5, 5));
        assert_eq!(ran.receipts("source", "service", Outcome::Failed), 5);
    }

    #[test]
    fn a_wait_over_its_limit_leaves_without_service() {
        // SV-4.
        let kind = service(|service| service.wait_limit = Some(Duration::millis(150)));
        let ran = fed(volley(5), kind).run_both(1_000);
        assert_eq!(ends_at(&ran, Fate::Delivered), [101., 201.]);
        assert_eq!(ends_at(&ran, Fate::Failed), [151., 151., 151.]);
    }

    #[test]
    fn the_rate_limit_admits_one_second_of_rate_and_then_the_rate() {
        // SV-6, Q-16: over [0, T] at most B + rT.
        let kind = service(|service| (service.servers, service.rate_limit) = (1_000, Some(Rate::per_second(10.0))));
        let ran = fed(steady(100.0), kind).run_both(2_000);
        let admitted = ran.receipts("source", "service", Outcome::Accepted);
        assert_eq!(admitted, 10 + 19);
        assert_eq!(ran.ends("service", Fate::Throttled), 200 - admitted);
    }

    #[test]
    fn errors_come_at_their_rate() {
        let kind = service(|service| (service.servers, service.error_rate) = (1_000, 0.25));
        let ran = fed(poisson(500.0), kind).run_both(20_000);
        let (failed, served) = (ran.ends("service", Fate::Failed) as f64, ran.ends("service", Fate::Delivered) as f64);
        assert!((failed / (failed + served) - 0.25).abs() < 0.02, "{failed} of {}", failed + served);
    }

    #[test]
    fn a_stop_loses_work_and_a_sender_that_retries_gets_its_message_back() {
        // SV-8 (a), at 50 ms: three in hand.
        let retry = Retry { attempts: 2, base: Duration::seconds(1), ..Retry::default() };
        let router = Kind::Router(Router { policy: RouterPolicy::RoundRobin, retry, ..Router::default() });
        let sketch = Sketch::default()
            .node("source", volley(3))
            .node("router", router)
            .node("service", service(|_| {}))
            .link("source", "router")
            .link("router", "service")
            .fault(50, 60, stop("service"));
        let ran = sketch.run_both(4_000);
        assert_eq!(ran.hops("router", "service", HopKind::Error).len(), 3);
        assert_eq!(ran.hops("router", "service", HopKind::Retry).len(), 3);
        assert_eq!(ran.ends("service", Fate::Delivered), 3);
    }

    #[test]
    fn a_served_message_goes_on_over_every_event_link() {
        let sketch = fed(volley(4), service(|_| {}))
            .node("a", Kind::Sink(Sink::default()))
            .node("b", Kind::Sink(Sink::default()))
            .link("service", "a")
            .link("service", "b");
        let ran = sketch.run_both(1_000);
        assert_eq!((ran.ends("a", Fate::Delivered), ran.ends("b", Fate::Delivered)), (4, 4));
        assert_eq!(ran.ends("service", Fate::Delivered), 0);
    }

    #[test]
    fn pulled_messages_are_acknowledged_when_served_and_come_back_when_failed() {
        let queue = Queue {
            visibility_timeout: Duration::seconds(1),
            batch_size: 5,
            pollers: Some(1),
            receives_max: Some(2),
            ..Queue::default()
        };
        let sketch = |error_rate: f64| {
            Sketch::default()
                .node("source", volley(10))
                .node("queue", Kind::Queue(queue.clone()))
                .node("service", service(|service| (service.servers, service.error_rate) = (5, error_rate)))
                .link("source", "queue")
                .link("queue", "service")
        };
        let good = sketch(0.0).run_both(5_000);
        assert_eq!(good.ends("queue", Fate::Delivered), 10);
        let bad = sketch(1.0).run_both(10_000);
        assert_eq!((bad.ends("queue", Fate::Delivered), bad.ends("queue", Fate::Failed)), (0, 10));
        assert_eq!(bad.measures("service", Metric::Service).len(), 20, "each was tried twice");
    }

    #[test]
    fn a_stop_in_the_middle_of_a_busy_time_loses_no_message_from_the_balance() {
        let sketch = Sketch::default()
            .node("source", poisson(200.0))
            .node("router", Kind::Router(Router { policy: RouterPolicy::Random, ..Router::default() }))
            .node("queue", Kind::Queue(Queue::default()))
            .node("service", service(|service| (service.servers, service.waiting_max) = (8, Some(20))))
            .link("source", "router")
            .link("router", "service")
            .link("router", "queue")
            .link("queue", "service")
            .fault(700, 1_900, stop("service"))
            .fault(2_500, 3_000, Fault::Slow(NodeId::new("service").unwrap_or_else(|error| panic!("{error}")), 5.0));
        let ran = sketch.run_both(5_000);
        assert!(ran.ends("queue", Fate::Delivered) > 50, "pulled work is not refused, so it gets most of the servers");
        assert!(ran.receipts("router", "service", Outcome::Failed) > 10);
    }
}
