//! Removals, with everything that cannot stand without what goes.
//!
//! Invariant: one inverse brings all of it back, each in its old place.

use crate::scene::document::{Fault, FaultSpan, Scene};
use crate::scene::edit::{Edit, EditError, no_such};
use crate::scene::slug::{LinkId, NodeId, RegionId};

/// Removes a node, its links, the faults of all of them, and its places in the tour.
pub(super) fn node(scene: &mut Scene, id: &NodeId) -> Result<Edit, EditError> {
    let node = scene.nodes.remove(id).ok_or_else(|| no_such("node", id))?;
    let mut inverse = vec![Edit::AddNode { id: id.clone(), node: Box::new(node) }];
    let ends_here = |scene: &Scene| {
        let mut ids = Vec::new();
        ids.extend(scene.links.iter().filter(|(_, link)| link.from == *id || link.to == *id).map(|(id, _)| id.clone()));
        ids
    };
    let links: Vec<LinkId> = ends_here(scene);
    for link_id in &links {
        let removed = scene.links.remove(link_id).map(Box::new);
        inverse.extend(removed.map(|link| Edit::AddLink { id: link_id.clone(), link }));
    }
    inverse.extend(faults(scene, |fault| match &fault.fault {
        Fault::Stop(node) | Fault::Slow(node, _) | Fault::ErrorRate(node, _) => node == id,
        Fault::Cut(link) => links.contains(link),
    }));
    for (index, stop) in scene.tour.iter_mut().enumerate() {
        if stop.nodes.contains(id) {
            inverse.push(Edit::ReplaceTourStop { index, stop: stop.clone() });
            stop.nodes.retain(|node| node != id);
        }
    }
    Ok(single(inverse))
}

/// Removes a link and its faults.
pub(super) fn link(scene: &mut Scene, id: &LinkId) -> Result<Edit, EditError> {
    let link = scene.links.remove(id).ok_or_else(|| no_such("link", id))?;
    let mut inverse = vec![Edit::AddLink { id: id.clone(), link: Box::new(link) }];
    inverse.extend(faults(scene, |fault| matches!(&fault.fault, Fault::Cut(link) if link == id)));
    Ok(single(inverse))
}

/// Removes a region; its nodes stay, in no region.
pub(super) fn region(scene: &mut Scene, id: &RegionId) -> Result<Edit, EditError> {
    let region = scene.regions.remove(id).ok_or_else(|| no_such("region", id))?;
    let mut inverse = vec![Edit::AddRegion { id: id.clone(), region }];
    for (node_id, node) in &mut scene.nodes {
        if node.region.as_ref() == Some(id) {
            node.region = None;
            inverse.push(Edit::SetNodeRegion { id: node_id.clone(), region: Some(id.clone()) });
        }
    }
    Ok(single(inverse))
}

/// Takes out the faults that `goes` names; the edits that put them back, in the order in which to make them.
fn faults(scene: &mut Scene, goes: impl Fn(&FaultSpan) -> bool) -> Vec<Edit> {
    let mut inverse = Vec::new();
    let mut stay = Vec::new();
    for (index, fault) in std::mem::take(&mut scene.faults).into_iter().enumerate() {
        if goes(&fault) {
            inverse.push(Edit::InsertFault { index, fault });
        } else {
            stay.push(fault);
        }
    }
    scene.faults = stay;
    inverse
}

fn single(mut edits: Vec<Edit>) -> Edit {
    match (edits.pop(), edits.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            edits.extend(last);
            Edit::Batch(edits)
        }
    }
}
