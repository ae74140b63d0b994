//! Long runs against closed forms: M/M/1, M/M/c, M/D/1, M/M/1/K, a Jackson network with feedback, and
//! Little's law. Each mean over replications must lie within three standard errors of the formula.
//!
//! Formulas: compute semantics, section 6.4 (Kleinrock, "Queueing Systems" I; Jackson 1957; Little 1961).

use std::collections::BTreeMap;
use std::sync::Arc;

use eventscape::record::WindowStatistics;
use eventscape::record::writer::{self, Target};
use eventscape::scene::document::{Link, Node, Scene};
use eventscape::scene::kind::{Kind, Producer, Router, RouterPolicy, Service, Sink, Traffic};
use eventscape::scene::slug::{LinkId, NodeId};
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::units::{Duration, Latency, Rate, Spread};
use eventscape::sim::compile::compile;
use eventscape::sim::row::Outcome;
use eventscape::sim::run::{Options, Simulation};

const REPLICATIONS: u64 = 20;
/// Cut off at the beginning: many relaxation times of the slowest queue here.
const WARM_UP: SimSpan = SimSpan::from_seconds(200);
const LENGTH: SimSpan = SimSpan::from_seconds(2_200);

fn node_id(text: &str) -> NodeId {
    NodeId::new(text).unwrap_or_else(|error| panic!("{error}"))
}

fn scene(nodes: &[(&str, Kind)], links: &[(&str, &str)]) -> Scene {
    let node = |kind: &Kind| Node::new(kind.clone());
    let link = |from: &str, to: &str| {
        Link::new(node_id(from), node_id(to), Latency { spread: Spread::Constant(Duration::millis(1)), floor: None })
    };
    let link_id = |from: &str, to: &str| LinkId::new(&format!("{from}-{to}")).unwrap_or_else(|error| panic!("{error}"));
    Scene {
        nodes: nodes.iter().map(|(id, kind)| (node_id(id), node(kind))).collect(),
        links: links.iter().map(|(from, to)| (link_id(from, to), link(from, to))).collect(),
        ..Scene::default()
    }
}

fn producer(rate: f64) -> Kind {
    Kind::Producer(Producer { traffic: Traffic::Poisson(Rate::per_second(rate)), ..Producer::default() })
}

fn service(servers: u32, duration: Spread) -> Kind {
    Kind::Service(Service { servers, duration, ..Service::default() })
}

/// Statistics after the warm-up, by node id.
fn run(scene: &Scene, seed: u64) -> BTreeMap<String, eventscape::record::window::NodeStatistics> {
    let model = Arc::new(compile(scene).unwrap_or_else(|errors| panic!("{errors:?}")));
    let spawned = writer::spawn(scene.clone(), Target::StatisticsOnly, seed);
    let (sender, recording, handle) = spawned.unwrap_or_else(|error| panic!("{error}"));
    let options = Options { seed: Some(seed), threads: 1, ..Options::default() };
    let mut simulation = Simulation::new(model, options).unwrap_or_else(|error| panic!("{error}"));
    let mut deliver = |delivery| sender.send(delivery).unwrap_or_else(|_| panic!("the writer ended"));
    simulation.run_until(SimTime::ZERO + LENGTH, &mut deliver);
    simulation.end(&mut deliver);
    assert!(simulation.conservation().holds());
    drop(sender);
    handle.join().unwrap_or_else(|error| panic!("{error}"));
    let WindowStatistics { nodes, .. } = recording.window(SimTime::ZERO + WARM_UP, SimTime::ZERO + LENGTH);
    scene.nodes.keys().map(ToString::to_string).zip(nodes).collect()
}

/// Checks that the mean of `measure` over replications lies within three standard errors of `expected`.
#[track_caller]
fn check(
    scene: &Scene,
    expected: f64,
    measure: impl Fn(&BTreeMap<String, eventscape::record::window::NodeStatistics>) -> f64,
) {
    let values: Vec<f64> = (1..=REPLICATIONS).map(|seed| measure(&run(scene, seed))).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let error = (variance / count).sqrt();
    assert!(error < expected * 0.1, "replications say something: mean {mean}, standard error {error}");
    assert!((mean - expected).abs() < 3.0 * error, "mean {mean}, expected {expected}, standard error {error}");
}

fn wait(nodes: &BTreeMap<String, eventscape::record::window::NodeStatistics>, id: &str) -> f64 {
    nodes[id].wait.mean().unwrap_or(f64::NAN) / 1e9
}

fn exponential(rate: f64) -> Spread {
    Spread::Exponential(Duration(SimSpan::from_seconds_f64(1.0 / rate)))
}

fn station(rate: f64, service: Kind) -> Scene {
    scene(&[("in", producer(rate)), ("station", service)], &[("in", "station")])
}

#[test]
fn one_server_waits_as_m_m_1() {
    // Wq = rho / (mu - lambda) = 0.8 / 2.
    check(&station(8.0, service(1, exponential(10.0))), 0.4, |nodes| wait(nodes, "station"));
}

#[test]
fn three_servers_wait_as_m_m_c() {
    // Erlang C of a = 2, c = 3 is 4/9; Wq = C / (c mu - lambda) = 0.0444.
    check(&station(20.0, service(3, exponential(10.0))), 4.0 / 90.0, |nodes| wait(nodes, "station"));
}

#[test]
fn constant_work_waits_as_m_d_1() {
    // Wq = rho / (2 mu (1 - rho)) = 0.2, half of M/M/1.
    let constant = Spread::Constant(Duration::millis(100));
    check(&station(8.0, service(1, constant)), 0.2, |nodes| wait(nodes, "station"));
}

#[test]
fn a_full_waiting_room_loses_as_m_m_1_k() {
    // lambda 12, mu 10, K 5: loss 0.250588.
    let full = Service { duration: exponential(10.0), waiting_max: Some(4), ..Service::default() };
    check(&station(12.0, Kind::Service(full)), 0.250_588, |nodes| {
        let said = &nodes["station"];
        let refused = said.outcome(Outcome::Failed) + said.outcome(Outcome::Throttled);
        refused as f64 / said.arrived() as f64
    });
}

#[test]
fn a_network_with_feedback_is_a_jackson_network() {
    // gamma 4; half of what leaves a goes to c and comes back: lambda_a 8, lambda_b 4, lambda_c 4.
    let router = Kind::Router(Router { policy: RouterPolicy::Random, ..Router::default() });
    let network = scene(
        &[
            ("a", service(1, exponential(10.0))),
            ("b", service(1, exponential(6.0))),
            ("c", service(1, exponential(7.0))),
            ("end", Kind::Sink(Sink::default())),
            ("in", producer(4.0)),
            ("split", router),
        ],
        &[("in", "a"), ("a", "split"), ("split", "b"), ("split", "c"), ("c", "a"), ("b", "end")],
    );
    // Each node waits as M/M/1 on its own: rho / (mu - lambda).
    check(&network, 0.8 / 2.0, |nodes| wait(nodes, "a"));
    check(&network, (4.0 / 6.0) / 2.0, |nodes| wait(nodes, "b"));
    check(&network, (4.0 / 7.0) / 3.0, |nodes| wait(nodes, "c"));
}

#[test]
fn what_waits_is_rate_times_wait() {
    let nodes = run(&station(8.0, service(1, exponential(10.0))), 5);
    let said = &nodes["station"];
    let length = LENGTH.saturating_sub(WARM_UP);
    let by_little = said.wait.sum() as f64 / length.nanos() as f64;
    let measured = said.depth_mean(length);
    assert!((measured / by_little - 1.0).abs() < 0.02, "Lq {measured}, lambda x Wq {by_little}");
}
