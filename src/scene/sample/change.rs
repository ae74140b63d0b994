//! Generated edits.
//!
//! Invariant: an edit is made for the scene it is given; most of them apply, some are refused.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::scene::document::{Fault, FaultSpan, Link, Node, Region, Scene, Settings, TourStop};
use crate::scene::edit::Edit;
use crate::scene::sample::{lattice, link, parameters, slug};
use crate::scene::slug::{LinkId, NodeId, RegionId};

/// An edit that a person might make to this scene.
pub fn arbitrary_edit(scene: &Scene, seed: u64) -> Edit {
    let mut rng = Rng::with_seed(seed);
    if rng.u8(..8) == 0 {
        return Edit::Batch((0..rng.u32(..4)).map(|_| single(scene, &mut rng)).collect());
    }
    single(scene, &mut rng)
}

fn single(scene: &Scene, rng: &mut Rng) -> Edit {
    match rng.u8(..4) {
        0 => structure(scene, rng),
        1 => region(scene, rng),
        2 => list(scene, rng),
        _ => value(scene, rng),
    }
}

fn some_node(scene: &Scene, rng: &mut Rng) -> NodeId {
    let known: Vec<&NodeId> = scene.nodes.keys().collect();
    rng.choice(known).cloned().unwrap_or_else(|| slug("none".to_owned()))
}

fn some_link(scene: &Scene, rng: &mut Rng) -> LinkId {
    let known: Vec<&LinkId> = scene.links.keys().collect();
    rng.choice(known).cloned().unwrap_or_else(|| slug("none".to_owned()))
}

fn some_region(scene: &Scene, rng: &mut Rng) -> RegionId {
    let known: Vec<&RegionId> = scene.regions.keys().collect();
    rng.choice(known).cloned().unwrap_or_else(|| slug("none".to_owned()))
}

fn fresh<T: TryFrom<String>>(rng: &mut Rng) -> T {
    slug(format!("new-{}", rng.u16(..200)))
}

fn position(rng: &mut Rng) -> (f64, f64, f64) {
    (f64::from(rng.i32(-900..900)) / 3.0, 0.0, f64::from(rng.i32(-900..900)) / 7.0)
}

fn some_link_value(scene: &Scene, rng: &mut Rng) -> Box<Link> {
    Box::new(link(&some_node(scene, rng), &some_node(scene, rng), rng))
}

fn structure(scene: &Scene, rng: &mut Rng) -> Edit {
    match rng.u8(..7) {
        0 => {
            let (position, kind) = (position(rng), parameters::any(rng));
            let node = Node { position, ..Node::new(kind) };
            Edit::AddNode { id: fresh(rng), node: Box::new(node) }
        }
        1 => Edit::RemoveNode { id: some_node(scene, rng) },
        2 => Edit::RenameNode { from: some_node(scene, rng), to: fresh(rng) },
        3 => Edit::AddLink { id: fresh(rng), link: some_link_value(scene, rng) },
        4 => Edit::RemoveLink { id: some_link(scene, rng) },
        5 => Edit::ReplaceLink { id: some_link(scene, rng), link: some_link_value(scene, rng) },
        _ => Edit::RenameLink { from: some_link(scene, rng), to: fresh(rng) },
    }
}

fn region(scene: &Scene, rng: &mut Rng) -> Edit {
    let size = f64::from(rng.u32(1..90));
    let region = Region { label: "Place".to_owned(), center: (size, -size), size: (size, 2.5), note: String::new() };
    match rng.u8(..5) {
        0 => Edit::AddRegion { id: fresh(rng), region },
        1 => Edit::RemoveRegion { id: some_region(scene, rng) },
        2 => Edit::ReplaceRegion { id: some_region(scene, rng), region },
        3 => Edit::RenameRegion { from: some_region(scene, rng), to: fresh(rng) },
        _ => Edit::SetNodeRegion { id: some_node(scene, rng), region: rng.bool().then(|| some_region(scene, rng)) },
    }
}

fn list(scene: &Scene, rng: &mut Rng) -> Edit {
    let at = lattice(rng, 900);
    let fault = FaultSpan { at, until: None, fault: Fault::Slow(some_node(scene, rng), 2.0) };
    let stop = TourStop { caption: "Here \"now\"\nand then".to_owned(), nodes: vec![some_node(scene, rng)], at: None };
    let fault_index = rng.usize(..=scene.faults.len());
    let stop_index = rng.usize(..=scene.tour.len());
    match rng.u8(..6) {
        0 => Edit::InsertFault { index: fault_index, fault },
        1 => Edit::RemoveFault { index: fault_index },
        2 => Edit::ReplaceFault { index: fault_index, fault },
        3 => Edit::InsertTourStop { index: stop_index, stop },
        4 => Edit::RemoveTourStop { index: stop_index },
        _ => Edit::ReplaceTourStop { index: stop_index, stop },
    }
}

fn value(scene: &Scene, rng: &mut Rng) -> Edit {
    let id = some_node(scene, rng);
    match rng.u8(..8) {
        0 | 1 => {
            let count = rng.usize(1..4);
            let to: BTreeMap<_, _> = (0..count).map(|_| (some_node(scene, rng), position(rng))).collect();
            Edit::MoveNodes { to }
        }
        2 => Edit::SetKind { id, kind: Box::new(parameters::any(rng)) },
        3 => Edit::SetNodeLabel { id, label: format!("Label {}", rng.u8(..)) },
        4 => Edit::SetNodeNote { id, note: r##"a "quoted" note with a # and a \ in it"##.to_owned() },
        5 => Edit::SetSettings { settings: Settings { seed: rng.u64(..), ..scene.settings.clone() } },
        6 => Edit::SetTitle { title: format!("Title {}", rng.u8(..)) },
        _ => Edit::SetNotes { notes: "first line\nsecond line\n".to_owned() },
    }
}
