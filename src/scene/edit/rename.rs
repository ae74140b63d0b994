//! Renames, with everything that refers to what is renamed.
//!
//! Invariant: the new id was free, so renaming back restores every reference and no other.

use crate::scene::document::{Fault, Scene};
use crate::scene::edit::{Edit, EditError, no_such, require, require_free};
use crate::scene::slug::{LinkId, NodeId, RegionId};

/// Renames a node in its collection, in links, faults and the tour.
pub(super) fn node(scene: &mut Scene, from: NodeId, to: NodeId) -> Result<Edit, EditError> {
    require(&scene.nodes, "node", &from)?;
    require_free(&scene.nodes, "node", &to)?;
    let node = scene.nodes.remove(&from).ok_or_else(|| no_such("node", &from))?;
    scene.nodes.insert(to.clone(), node);
    let follow = |id: &mut NodeId| {
        if *id == from {
            *id = to.clone();
        }
    };
    for link in scene.links.values_mut() {
        follow(&mut link.from);
        follow(&mut link.to);
    }
    for fault in &mut scene.faults {
        match &mut fault.fault {
            Fault::Stop(id) | Fault::Slow(id, _) | Fault::ErrorRate(id, _) => follow(id),
            Fault::Cut(_) => {}
        }
    }
    scene.tour.iter_mut().flat_map(|stop| &mut stop.nodes).for_each(follow);
    Ok(Edit::RenameNode { from: to, to: from })
}

/// Renames a link in its collection and in faults.
pub(super) fn link(scene: &mut Scene, from: LinkId, to: LinkId) -> Result<Edit, EditError> {
    require_free(&scene.links, "link", &to)?;
    let link = scene.links.remove(&from).ok_or_else(|| no_such("link", &from))?;
    scene.links.insert(to.clone(), link);
    for fault in &mut scene.faults {
        match &mut fault.fault {
            Fault::Cut(id) if *id == from => *id = to.clone(),
            Fault::Cut(_) | Fault::Stop(_) | Fault::Slow(..) | Fault::ErrorRate(..) => {}
        }
    }
    Ok(Edit::RenameLink { from: to, to: from })
}

/// Renames a region in its collection and in the nodes that stand in it.
pub(super) fn region(scene: &mut Scene, from: RegionId, to: RegionId) -> Result<Edit, EditError> {
    require_free(&scene.regions, "region", &to)?;
    let region = scene.regions.remove(&from).ok_or_else(|| no_such("region", &from))?;
    scene.regions.insert(to.clone(), region);
    for node in scene.nodes.values_mut() {
        if node.region.as_ref() == Some(&from) {
            node.region = Some(to.clone());
        }
    }
    Ok(Edit::RenameRegion { from: to, to: from })
}
