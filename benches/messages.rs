//! Defends: 1,000,000 messages in flight take under 4 ms of processor a frame, from the start of the update
//! to the submission, and the program stays under 1.5 GB.
//!
//! 250 producers send 400 messages a second each over links of 10 s. The picture is 64 pixels wide, since how
//! fast the adapter draws is not measured; it is named. The same frames without a message stand beside.

use std::time::Duration;

use eventscape::desktop::screenshot::{Film, Shot};
use eventscape::desktop::studio::Painter;
use eventscape::record::Recording;
use eventscape::record::writer::{self, Target};
use eventscape::scene::document::{Link, Node, Scene};
use eventscape::scene::kind::{Kind, Producer, Sink, Traffic};
use eventscape::scene::slug::{LinkId, NodeId};
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::units::{self, Latency, Rate, Spread};
use eventscape::sim::compile::compile;
use eventscape::sim::row::Delivery;
use eventscape::sim::run::{Options, Simulation};

const LINKS: usize = 250;
const RATE: f64 = 400.0;
const LATENCY_SECONDS: u64 = 10;
/// The playhead runs from here: every link is full.
const FROM_SECONDS: u64 = 11;
const SIMULATED_SECONDS: u64 = 20;
/// Frames before those that count: batches are laid out and sent to the adapter.
const WARM_UP: usize = 8;
const FRAMES: usize = 30;

fn id(text: &str, number: usize) -> NodeId {
    NodeId::new(&format!("{text}{number:03}")).expect("a slug")
}

fn scene(rate: f64) -> Scene {
    let mut scene = Scene::default();
    for number in 0..LINKS {
        let (from, to) = (id("p", number), id("s", number));
        let place = |side: f64| (side, 0.0, number as f64 * 3.0);
        let traffic = Traffic::Constant(Rate::per_second(rate));
        let producer =
            Node { position: place(0.0), ..Node::new(Kind::Producer(Producer { traffic, ..Producer::default() })) };
        let sink = Node { position: place(200.0), ..Node::new(Kind::Sink(Sink::default())) };
        let spread = Spread::Constant(units::Duration::millis(LATENCY_SECONDS * 1_000));
        let link = Link::new(from.clone(), to.clone(), Latency { spread, floor: None });
        scene.nodes.insert(from, producer);
        scene.nodes.insert(to, sink);
        scene.links.insert(LinkId::new(&format!("l{number:03}")).expect("a slug"), link);
    }
    scene
}

fn record(scene: &Scene) -> Recording {
    let (sender, recording, handle) = writer::spawn(scene.clone(), Target::Memory, 1).expect("a recording");
    let model = compile(scene).expect("the scene compiles");
    let mut simulation = Simulation::new(model.into(), Options::default()).expect("threads");
    let mut deliver = |delivery: Delivery| sender.send(delivery).expect("the writer listens");
    simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(SIMULATED_SECONDS), &mut deliver);
    simulation.end(&mut deliver);
    handle.join().expect("it is written");
    recording
}

/// Frames of a film: their times, sorted, and the fewest hops that one of them drew.
fn film(rate: f64) -> (Vec<Duration>, usize, String) {
    let scene = scene(rate);
    let recording = record(&scene);
    let at = SimTime::ZERO + SimSpan::from_seconds(FROM_SECONDS);
    let shot = Shot { size: (64, 64), at, painter: Painter::Best, ..Shot::default() };
    let mut film = Film::new(&scene, &recording, &shot).expect("an adapter");
    let (mut took, mut fewest) = (Vec::with_capacity(FRAMES), usize::MAX);
    for frame in 0..WARM_UP + FRAMES {
        let time = film.frame().expect("a frame");
        if frame >= WARM_UP {
            took.push(time);
            fewest = fewest.min(film.drawn());
        }
    }
    assert!(film.at() > at, "the playhead runs");
    took.sort_unstable();
    (took, fewest, film.adapter())
}

fn milliseconds(took: &[Duration], share: f64) -> f64 {
    let at = (took.len() as f64 * share) as usize;
    took.get(at.min(took.len().saturating_sub(1))).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// The most memory that the program held, in megabytes; known on Linux alone.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes >> 10)
}

fn main() {
    let (empty, none, _) = film(0.001);
    let (full, seen, adapter) = film(RATE);
    let (bare, took) = (milliseconds(&empty, 0.5), milliseconds(&full, 0.5));
    println!("messages in flight: {seen}, drawn at 64x64 by {adapter}");
    println!(
        "  {took:.2} ms a frame, p50 (at most 4: {:.2} of it); slowest of 20: {:.2} ms",
        took / 4.0,
        milliseconds(&full, 0.95)
    );
    println!("  {bare:.2} ms a frame of the same window with {none} in flight; ratio {:.2}", took / bare);
    match memory() {
        Some(megabytes) => {
            println!("  {megabytes} MB at most, both films (at most 1500: {:.2} of it)", megabytes as f64 / 1500.0)
        }
        None => println!("  memory is not known on this system"),
    }
}
