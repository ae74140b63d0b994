//! Defends: 15,000,000 PHOLD events/s on two threads with recording off, 1.6x from one thread to two,
//! each at least a quarter of bare windows of the same run.
//!
//! PHOLD (Fujimoto 1990): messages hop between nodes for ever. Here 4,096 routers with 16 random links
//! each pass 65,536 messages around; a hop takes 1 ms and an exponential 8 ms more. The scene goes
//! through compile, match and `Effects`; an event is a call of a behaviour that changed something.
//! The bare loop does the same hops between bare counters.

mod bare;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventscape::record::writer::{Target, spawn};
use eventscape::scene::document::{Link, Node, Scene};
use eventscape::scene::kind::{Kind, Producer, Router, RouterPolicy, Traffic};
use eventscape::scene::slug::{LinkId, NodeId};
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::units::{self, Latency, Spread};
use eventscape::sim::compile::compile;
use eventscape::sim::effects::Recorded;
use eventscape::sim::row::Delivery;
use eventscape::sim::run::{EngineFigures, Options, Simulation};

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
        spread: Spread::ShiftedExponential(units::Duration::millis(1), units::Duration::millis(8)),
        floor: Some(units::Duration::millis(1)),
    };
    let mut random = fastrand::Rng::with_seed(7);
    let node = |kind| Node::new(kind);
    let link = |from: &NodeId, to: &NodeId| Link::new(from.clone(), to.clone(), latency.clone());
    let routers: Vec<NodeId> = (0..nodes).map(|n| id(format!("r{n:05}"))).collect();
    let mut links = BTreeMap::new();
    for (n, router) in routers.iter().enumerate() {
        let kind = Kind::Router(Router { policy: RouterPolicy::Random, ..Router::default() });
        scene.nodes.insert(router.clone(), node(kind));
        let first = Producer {
            traffic: Traffic::Burst(MESSAGES / NODES as u32, units::Duration::default()),
            ..Producer::default()
        };
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

/// A rate, and what it was measured over.
struct Measured {
    rate: f64,
    figures: EngineFigures,
}

/// Simulated milliseconds before the clock starts: by then the messages are spread as they stay.
const WARM_UP: u64 = 100;
/// Simulated milliseconds between two looks at the clock.
const STEP: u64 = 50;

/// Events a second of the engine, recording off.
fn engine(scene: &Scene, threads: usize, least: Duration) -> Measured {
    let mut simulation = simulation(scene, threads, Recorded::No);
    measure(&mut simulation, least, &mut |_| {})
}

/// Events a second of the engine with everything recorded, spilled to files past the memory budget.
fn recorded(scene: &Scene, threads: usize, least: Duration) -> Measured {
    let mut simulation = simulation(scene, threads, Recorded::Yes);
    let (sender, recording, writer) = spawn(scene.clone(), Target::Memory, 1).expect("a writer");
    let began = Instant::now();
    let mut measured = measure(&mut simulation, least, &mut |delivery| sender.send(delivery).expect("a writer"));
    let until = simulation.now();
    sender.send(Delivery::End { at: until }).expect("a writer");
    writer.join().expect("a recording");
    let hops: usize = recording.chunks().iter().map(|chunk| chunk.hops).sum();
    measured.rate = measured.figures.events as f64 / began.elapsed().as_secs_f64();
    let held = recording.memory() >> 20;
    println!("  recorded {hops} hops in {} chunks, {held} MiB held at the end", recording.chunks().len());
    measured
}

fn simulation(scene: &Scene, threads: usize, recorded: Recorded) -> Simulation {
    let model = Arc::new(compile(scene).expect("the scene compiles"));
    let options = Options { threads, recorded, ..Options::default() };
    Simulation::new(model, options).expect("threads")
}

fn measure(simulation: &mut Simulation, least: Duration, deliver: &mut dyn FnMut(Delivery)) -> Measured {
    let mut window = WARM_UP;
    simulation.run_until(SimTime::ZERO + SimSpan::from_millis(window), deliver);
    let before = simulation.figures().events;
    let began = Instant::now();
    while began.elapsed() < least {
        window += STEP;
        simulation.run_until(SimTime::ZERO + SimSpan::from_millis(window), deliver);
    }
    let figures = simulation.figures();
    let rate = (figures.events - before) as f64 / began.elapsed().as_secs_f64();
    assert!(simulation.conservation().holds(), "every message is somewhere, exactly once");
    Measured { rate, figures }
}

/// Events a second of bare windows.
fn bare(threads: usize, least: Duration, kept: bare::Kept) -> f64 {
    let mut random = fastrand::Rng::with_seed(7);
    let links = (0..NODES * LINKS_OUT).map(|_| random.u32(..NODES as u32)).collect();
    let mut bare = bare::Bare::new(links, LINKS_OUT, MESSAGES, 4 * threads.max(2), threads, kept);
    bare.run(WARM_UP);
    let before = bare.events();
    let began = Instant::now();
    while began.elapsed() < least {
        bare.run(STEP);
    }
    let rate = (bare.events() - before) as f64 / began.elapsed().as_secs_f64();
    bare.finish();
    rate
}

fn main() {
    let scene = phold_scene(NODES);
    let seconds = |name: &str, otherwise: f64| {
        let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
        Duration::from_secs_f64(given.unwrap_or(otherwise))
    };
    let least = seconds("EVENTSCAPE_BENCH_SECONDS", 5.0);
    let recorded_least = seconds("EVENTSCAPE_BENCH_RECORDED_SECONDS", 60.0);
    let mut rates = Vec::new();
    for threads in [1, 2] {
        let bare = bare(threads, least, bare::Kept::Nothing);
        let Measured { rate, figures } = engine(&scene, threads, least);
        let per_window = figures.events / figures.windows.max(1);
        println!(
            "phold threads {threads}: {:.2} M events/s; bare windows {:.2} M/s; ratio {:.2} (at least 0.25); \
             {} partitions, {per_window} events a window",
            rate / 1e6,
            bare / 1e6,
            rate / bare,
            figures.partitions,
        );
        rates.push(rate);
    }
    println!("phold two threads / one thread: {:.2} (at least 1.6)", rates[1] / rates[0]);
    let bare = bare(2, least, bare::Kept::Files);
    let Measured { rate, .. } = recorded(&scene, 2, recorded_least);
    println!(
        "phold recorded, threads 2: {:.2} M events/s; bare recorded windows {:.2} M/s; ratio {:.2} (at least 0.25)",
        rate / 1e6,
        bare / 1e6,
        rate / bare,
    );
}
