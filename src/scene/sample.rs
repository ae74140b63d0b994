//! Generated scenes and edits for property tests, here and in `tests/`.
//!
//! Invariant: the same seed gives the same scene on every machine.
//! Invariant: a generated scene has no errors, its links lead from earlier nodes to later ones (so traffic
//! dies out), and its times lie on a lattice of 1 ms (so ties abound).

mod change;
mod parameters;

use fastrand::Rng;

use crate::scene::document::{Fault, FaultSpan, Link, LinkMode, Node, Region, Scene, Settings, TourStop};
use crate::scene::kind::{Kind, Schedule};
use crate::scene::slug::{LinkId, NodeId, RegionId};
use crate::scene::units::{Duration, Latency, Spread};

pub use change::arbitrary_edit;

/// Fewest nodes of a generated scene.
const NODES_MIN: usize = 2;
/// Most nodes of a generated scene.
const NODES_MAX: usize = 40;
/// How long a generated scene runs, in milliseconds.
const RUN_MILLIS: u64 = 2_000;

/// A scene of 2 to 40 nodes of all kinds with sensible links, several regions and some faults.
pub fn arbitrary_scene(seed: u64) -> Scene {
    scene_of(seed, None)
}

/// The same with so many nodes, at least two: enough for as many partitions as a test wants.
pub fn arbitrary_scene_of(seed: u64, nodes: usize) -> Scene {
    scene_of(seed, Some(nodes.max(NODES_MIN)))
}

fn scene_of(seed: u64, count: Option<usize>) -> Scene {
    let mut rng = Rng::with_seed(seed);
    let mut scene = Scene {
        title: format!("Generated from seed {seed}"),
        settings: Settings { seed, duration: Duration::millis(RUN_MILLIS), ..Settings::default() },
        ..Scene::default()
    };
    let shared = (rng.u8(..4) == 0).then(|| rng.u32(1..20));
    regions(&mut scene, &mut rng);
    let count = count.unwrap_or_else(|| rng.usize(NODES_MIN..=NODES_MAX));
    nodes(&mut scene, &mut rng, count);
    let reserved = |node: &Node| match &node.kind {
        Kind::Function(function) => function.reserves(),
        _ => 0,
    };
    let reserved: u32 = scene.nodes.values().map(reserved).sum();
    scene.settings.account_concurrency = shared.map(|shared| shared + reserved);
    links(&mut scene, &mut rng);
    definitions(&mut scene, &mut rng);
    faults(&mut scene, &mut rng);
    if rng.bool() {
        let nodes = scene.nodes.keys().take(2).cloned().collect();
        scene.tour.push(TourStop { caption: "Look here".to_owned(), nodes, at: Some(lattice(&mut rng, RUN_MILLIS)) });
    }
    scene
}

/// A length of time from 1 ms to `most` milliseconds, in whole milliseconds.
fn lattice(rng: &mut Rng, most: u64) -> Duration {
    Duration::millis(rng.u64(1..=most))
}

/// An id that is known to be one.
fn slug<T: TryFrom<String>>(text: String) -> T {
    T::try_from(text).unwrap_or_else(|_| unreachable!("generated ids are letters, digits and `-`"))
}

fn regions(scene: &mut Scene, rng: &mut Rng) {
    for number in 0..rng.u32(1..=4) {
        let region = Region {
            label: format!("Region {number}"),
            center: (f64::from(number) * 60.0, 0.0),
            size: (50.0, 50.0),
            note: String::new(),
        };
        scene.regions.insert(slug::<RegionId>(format!("region-{number}")), region);
    }
}

fn nodes(scene: &mut Scene, rng: &mut Rng, count: usize) {
    let regions: Vec<RegionId> = scene.regions.keys().cloned().collect();
    for number in 0..count {
        let kind = if number == 0 {
            parameters::source(rng)
        } else if number + 1 == count {
            Kind::Sink(Default::default())
        } else {
            parameters::any(rng)
        };
        let region = rng.choice(&regions).cloned().filter(|_| rng.u8(..8) > 0);
        let node = Node {
            label: if rng.bool() { format!("Node {number}") } else { String::new() },
            position: (rng.i32(-400..400).into(), 0.0, f64::from(rng.i32(-400..400)) / 4.0),
            region,
            kind,
            note: String::new(),
        };
        scene.nodes.insert(slug::<NodeId>(format!("n{number:02}")), node);
    }
}

/// How many links a node begins, and where they may lead.
fn targets(from: &Kind) -> (usize, fn(&Kind) -> bool) {
    let answers = |kind: &Kind| {
        matches!(kind, Kind::Gateway(_) | Kind::Function(_) | Kind::Service(_) | Kind::Store(_) | Kind::Sink(_))
    };
    let takes = |kind: &Kind| !matches!(kind, Kind::Producer(_) | Kind::Client(_) | Kind::Scheduler(_));
    let works = |kind: &Kind| matches!(kind, Kind::Function(_) | Kind::Sink(_));
    match from {
        Kind::Client(_) | Kind::Gateway(_) => (1, answers),
        Kind::Queue(_) => (1, works),
        Kind::Store(store) if store.stream => (2, works),
        Kind::Store(_) | Kind::Service(_) | Kind::Sink(_) => (0, works),
        Kind::Bus(_) | Kind::Router(_) => (4, takes),
        Kind::Producer(_) | Kind::Function(_) | Kind::Scheduler(_) | Kind::StateMachine(_) | Kind::Generic(_) => {
            (3, takes)
        }
    }
}

fn links(scene: &mut Scene, rng: &mut Rng) {
    let nodes: Vec<(NodeId, Kind)> = scene.nodes.iter().map(|(id, node)| (id.clone(), node.kind.clone())).collect();
    for (index, (from, kind)) in nodes.iter().enumerate() {
        let later = nodes.get(index + 1..).unwrap_or_default();
        let (most, suits) = targets(kind);
        let mut candidates: Vec<&(NodeId, Kind)> = later.iter().filter(|(_, kind)| suits(kind)).collect();
        rng.shuffle(&mut candidates);
        let count = if most == 0 { 0 } else { rng.usize(1..=most) };
        for (number, (to, _)) in candidates.into_iter().take(count).enumerate() {
            let link = Link { mode: mode(kind, rng), rule: rule(kind, number), ..link(from, to, rng) };
            scene.links.insert(slug::<LinkId>(format!("{from}-{to}")), link);
        }
        dead_letters(scene, from, kind, later, rng);
    }
}

fn link(from: &NodeId, to: &NodeId, rng: &mut Rng) -> Link {
    // One in twelve joins its ends into an island; the others have few different lengths, for ties.
    let latency = if rng.u8(..12) == 0 {
        Latency { spread: Spread::Constant(Duration::default()), floor: Some(Duration::default()) }
    } else {
        Latency { spread: Spread::Constant(lattice(rng, 5)), floor: None }
    };
    let loss = if rng.u8(..10) == 0 { 0.125 } else { 0.0 };
    Link { from: from.clone(), to: to.clone(), latency, loss, mode: None, rule: None, dead_letters: false }
}

fn mode(from: &Kind, rng: &mut Rng) -> Option<LinkMode> {
    match from {
        Kind::Client(_) => Some(LinkMode::Request),
        Kind::Queue(_) => Some(LinkMode::Poll),
        Kind::Producer(_) if rng.bool() => Some(LinkMode::Event),
        _ => None,
    }
}

fn rule(from: &Kind, number: usize) -> Option<String> {
    match from {
        Kind::Bus(bus) => bus.rules.keys().nth(number % bus.rules.len().max(1)).cloned(),
        Kind::Router(router) => router.routes.keys().nth(number).cloned(),
        _ => None,
    }
}

fn dead_letters(scene: &mut Scene, from: &NodeId, kind: &Kind, later: &[(NodeId, Kind)], rng: &mut Rng) {
    let gives_up = match kind {
        Kind::Queue(queue) => queue.receives_max.is_some(),
        Kind::Function(_) | Kind::Bus(_) => rng.u8(..3) == 0,
        _ => false,
    };
    let last = later.iter().rev().find(|(_, kind)| matches!(kind, Kind::Queue(_)));
    if let Some((to, _)) = last.filter(|_| gives_up) {
        let link = Link { dead_letters: true, ..link(from, to, rng) };
        scene.links.insert(slug::<LinkId>(format!("{from}-{to}-dead")), link);
    }
}

/// State machines whose tasks call the links that they have.
fn definitions(scene: &mut Scene, rng: &mut Rng) {
    for (id, node) in &mut scene.nodes {
        let Kind::StateMachine(machine) = &mut node.kind else { continue };
        let links = scene.links.iter().filter(|(_, link)| link.from == *id).map(|(id, _)| id);
        machine.definition = parameters::definition(links, rng);
    }
}

fn faults(scene: &mut Scene, rng: &mut Rng) {
    let nodes: Vec<NodeId> = scene.nodes.keys().cloned().collect();
    let links: Vec<LinkId> = scene.links.keys().cloned().collect();
    for _ in 0..rng.u32(..4) {
        let at = Duration::millis(rng.u64(..RUN_MILLIS));
        let until = (rng.u8(..4) > 0).then(|| Duration(at.span().saturating_add(lattice(rng, 600).span())));
        let node = rng.choice(&nodes).cloned();
        let fault = match rng.u8(..4) {
            0 => node.map(Fault::Stop),
            1 => node.map(|node| Fault::Slow(node, f64::from(rng.u32(2..8)))),
            2 => node.map(|node| Fault::ErrorRate(node, f64::from(rng.u32(1..=4)) / 4.0)),
            _ => rng.choice(&links).cloned().map(Fault::Cut),
        };
        scene.faults.extend(fault.map(|fault| FaultSpan { at, until, fault }));
    }
}

/// One firing on the lattice, or many.
fn schedule(rng: &mut Rng) -> Schedule {
    if rng.bool() { Schedule::At(lattice(rng, RUN_MILLIS)) } else { Schedule::Rate(lattice(rng, 200)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scene::check::check;
    use crate::scene::problem::Severity;
    use crate::scene::text::{load, save};

    #[test]
    fn generated_scenes_have_no_errors_and_survive_their_file() {
        for seed in 0..300 {
            let scene = arbitrary_scene(seed);
            let errors: Vec<_> = check(&scene).into_iter().filter(|p| p.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "seed {seed}: {errors:?}");
            let text = save(&scene);
            let loaded = load(&text, "sample.ron").unwrap_or_else(|problems| panic!("seed {seed}: {problems}\n{text}"));
            assert_eq!(loaded.scene, scene, "seed {seed}");
            assert_eq!(save(&loaded.scene), text, "seed {seed}");
        }
    }

    #[test]
    fn generated_scenes_have_all_kinds_links_faults_and_regions() {
        let scenes: Vec<Scene> = (0..60).map(arbitrary_scene).collect();
        let kinds: BTreeSet<&str> = scenes.iter().flat_map(|s| s.nodes.values()).map(|n| n.kind.name()).collect();
        assert_eq!(kinds.len(), 13, "{kinds:?}");
        assert!(scenes.iter().all(|scene| !scene.links.is_empty()));
        assert!(scenes.iter().any(|scene| scene.regions.len() > 2));
        assert!(scenes.iter().any(|scene| scene.faults.iter().any(|f| matches!(f.fault, Fault::Cut(_)))));
        assert!(scenes.iter().any(|scene| scene.links.values().any(|link| link.dead_letters)));
    }
}
