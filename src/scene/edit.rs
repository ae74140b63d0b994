//! Edits: the only way to change a scene, from the mouse, a panel, a live command or an importer.
//!
//! Invariant: an edit is data; applying it returns its inverse, and applying that restores the same bytes.
//! Invariant: an edit that fails changes nothing.

mod remove;
mod rename;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::scene::check;
use crate::scene::document::{FaultSpan, Link, Node, Region, Scene, Settings, TourStop};
use crate::scene::kind::Kind;
use crate::scene::problem::{SceneProblem, Severity};
use crate::scene::slug::{LinkId, NodeId, RegionId};

/// A change of a scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Edit {
    /// A new node.
    AddNode {
        /// Its id.
        id: NodeId,
        /// The node.
        node: Box<Node>,
    },
    /// A node goes, with its links, their faults and its own, and its places in the tour.
    RemoveNode {
        /// Its id.
        id: NodeId,
    },
    /// Another id; links, faults and the tour follow.
    RenameNode {
        /// The id so far.
        from: NodeId,
        /// The new one.
        to: NodeId,
    },
    /// New places for one or several nodes.
    MoveNodes {
        /// Where each one's feet go: x, y, z in metres.
        to: BTreeMap<NodeId, (f64, f64, f64)>,
    },
    /// New parameters, or another kind.
    SetKind {
        /// The node.
        id: NodeId,
        /// What it is from now on.
        kind: Box<Kind>,
    },
    /// Another name under the body.
    SetNodeLabel {
        /// The node.
        id: NodeId,
        /// The name.
        label: String,
    },
    /// Another remark.
    SetNodeNote {
        /// The node.
        id: NodeId,
        /// The remark.
        note: String,
    },
    /// Into another region, or out of all.
    SetNodeRegion {
        /// The node.
        id: NodeId,
        /// The region.
        region: Option<RegionId>,
    },
    /// A new link.
    AddLink {
        /// Its id.
        id: LinkId,
        /// The link.
        link: Box<Link>,
    },
    /// A link goes, with its faults.
    RemoveLink {
        /// Its id.
        id: LinkId,
    },
    /// Everything about a link but its id.
    ReplaceLink {
        /// Its id.
        id: LinkId,
        /// What it is from now on.
        link: Box<Link>,
    },
    /// Another id; faults follow.
    RenameLink {
        /// The id so far.
        from: LinkId,
        /// The new one.
        to: LinkId,
    },
    /// A new region.
    AddRegion {
        /// Its id.
        id: RegionId,
        /// The region.
        region: Region,
    },
    /// A region goes; its nodes stay.
    RemoveRegion {
        /// Its id.
        id: RegionId,
    },
    /// Everything about a region but its id.
    ReplaceRegion {
        /// Its id.
        id: RegionId,
        /// What it is from now on.
        region: Region,
    },
    /// Another id; nodes follow.
    RenameRegion {
        /// The id so far.
        from: RegionId,
        /// The new one.
        to: RegionId,
    },
    /// A fault before the one that has this number so far.
    InsertFault {
        /// Its number.
        index: usize,
        /// The fault.
        fault: FaultSpan,
    },
    /// A fault goes.
    RemoveFault {
        /// Its number.
        index: usize,
    },
    /// Another fault in the place of one.
    ReplaceFault {
        /// Its number.
        index: usize,
        /// What it is from now on.
        fault: FaultSpan,
    },
    /// A tour stop before the one that has this number so far.
    InsertTourStop {
        /// Its number.
        index: usize,
        /// The stop.
        stop: TourStop,
    },
    /// A tour stop goes.
    RemoveTourStop {
        /// Its number.
        index: usize,
    },
    /// Another tour stop in the place of one.
    ReplaceTourStop {
        /// Its number.
        index: usize,
        /// What it is from now on.
        stop: TourStop,
    },
    /// Seed, length and the like.
    SetSettings {
        /// What holds from now on.
        settings: Settings,
    },
    /// Another title.
    SetTitle {
        /// The title.
        title: String,
    },
    /// Other notes.
    SetNotes {
        /// The notes.
        notes: String,
    },
    /// Several edits as one, in this order.
    Batch(Vec<Edit>),
}

/// Why an edit was not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EditError {
    /// The edit speaks of something that the scene does not have.
    #[error("the scene has no {what} `{id}`")]
    NoSuch {
        /// Node, link, region, fault or tour stop.
        what: &'static str,
        /// Its id or number.
        id: String,
    },
    /// The id is taken.
    #[error("the scene already has a {what} `{id}`")]
    Exists {
        /// Node, link or region.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The scene would not make sense afterwards.
    #[error("{0}")]
    Invalid(Box<SceneProblem>),
}

/// Makes a change and returns its inverse.
#[must_use = "without the inverse this edit cannot be undone"]
pub fn apply(scene: &mut Scene, edit: Edit) -> Result<Edit, EditError> {
    match edit {
        Edit::AddNode { id, node } => add_node(scene, id, *node),
        Edit::RemoveNode { id } => remove::node(scene, &id),
        Edit::RenameNode { from, to } => rename::node(scene, from, to),
        Edit::MoveNodes { to } => move_nodes(scene, to),
        Edit::SetKind { id, kind } => {
            let old = std::mem::replace(&mut node_mut(scene, &id)?.kind, *kind);
            Ok(Edit::SetKind { id, kind: Box::new(old) })
        }
        Edit::SetNodeLabel { id, label } => {
            let label = std::mem::replace(&mut node_mut(scene, &id)?.label, label);
            Ok(Edit::SetNodeLabel { id, label })
        }
        Edit::SetNodeNote { id, note } => {
            let note = std::mem::replace(&mut node_mut(scene, &id)?.note, note);
            Ok(Edit::SetNodeNote { id, note })
        }
        Edit::SetNodeRegion { id, region } => {
            require_region(scene, region.as_ref())?;
            let region = std::mem::replace(&mut node_mut(scene, &id)?.region, region);
            Ok(Edit::SetNodeRegion { id, region })
        }
        Edit::AddLink { id, link } => {
            require_ends(scene, &link)?;
            insert(&mut scene.links, "link", id.clone(), *link)?;
            Ok(Edit::RemoveLink { id })
        }
        Edit::RemoveLink { id } => remove::link(scene, &id),
        Edit::ReplaceLink { id, link } => {
            require_ends(scene, &link)?;
            let old = replace(&mut scene.links, "link", &id, *link)?;
            Ok(Edit::ReplaceLink { id, link: Box::new(old) })
        }
        Edit::RenameLink { from, to } => rename::link(scene, from, to),
        Edit::AddRegion { id, region } => {
            insert(&mut scene.regions, "region", id.clone(), region)?;
            Ok(Edit::RemoveRegion { id })
        }
        Edit::RemoveRegion { id } => remove::region(scene, &id),
        Edit::ReplaceRegion { id, region } => {
            let region = replace(&mut scene.regions, "region", &id, region)?;
            Ok(Edit::ReplaceRegion { id, region })
        }
        Edit::RenameRegion { from, to } => rename::region(scene, from, to),
        Edit::SetSettings { settings } => {
            Ok(Edit::SetSettings { settings: std::mem::replace(&mut scene.settings, settings) })
        }
        Edit::SetTitle { title } => Ok(Edit::SetTitle { title: std::mem::replace(&mut scene.title, title) }),
        Edit::SetNotes { notes } => Ok(Edit::SetNotes { notes: std::mem::replace(&mut scene.notes, notes) }),
        Edit::Batch(edits) => batch(scene, edits),
        Edit::InsertFault { .. }
        | Edit::RemoveFault { .. }
        | Edit::ReplaceFault { .. }
        | Edit::InsertTourStop { .. }
        | Edit::RemoveTourStop { .. }
        | Edit::ReplaceTourStop { .. } => list(scene, edit),
    }
}

/// Makes a change unless the scene would have an error afterwards that it did not have before.
///
/// For what a person or a command asks for. Undo uses [`apply`]: what once was can always come back.
#[must_use = "without the inverse this edit cannot be undone"]
pub fn apply_checked(scene: &mut Scene, edit: Edit) -> Result<Edit, EditError> {
    let parts = check::touched(&edit);
    let before = check::parts(scene, &parts);
    let inverse = apply(scene, edit)?;
    let fresh = check::parts(scene, &parts)
        .into_iter()
        .find(|problem| problem.severity == Severity::Error && !before.contains(problem));
    let Some(problem) = fresh else { return Ok(inverse) };
    // The inverse of an edit that was just made always applies.
    apply(scene, inverse).map(|_| ())?;
    Err(EditError::Invalid(Box::new(problem)))
}

fn batch(scene: &mut Scene, edits: Vec<Edit>) -> Result<Edit, EditError> {
    let before = scene.clone();
    let mut inverses = Vec::with_capacity(edits.len());
    for edit in edits {
        match apply(scene, edit) {
            Ok(inverse) => inverses.push(inverse),
            Err(error) => {
                *scene = before;
                return Err(error);
            }
        }
    }
    inverses.reverse();
    Ok(Edit::Batch(inverses))
}

fn add_node(scene: &mut Scene, id: NodeId, node: Node) -> Result<Edit, EditError> {
    require_region(scene, node.region.as_ref())?;
    insert(&mut scene.nodes, "node", id.clone(), node)?;
    Ok(Edit::RemoveNode { id })
}

fn move_nodes(scene: &mut Scene, to: BTreeMap<NodeId, (f64, f64, f64)>) -> Result<Edit, EditError> {
    for id in to.keys() {
        require(&scene.nodes, "node", id)?;
    }
    let mut from = BTreeMap::new();
    for (id, position) in to {
        let old = std::mem::replace(&mut node_mut(scene, &id)?.position, position);
        from.insert(id, old);
    }
    Ok(Edit::MoveNodes { to: from })
}

fn list(scene: &mut Scene, edit: Edit) -> Result<Edit, EditError> {
    match edit {
        Edit::InsertFault { index, fault } => {
            require_slot("fault", index, scene.faults.len())?;
            scene.faults.insert(index, fault);
            Ok(Edit::RemoveFault { index })
        }
        Edit::RemoveFault { index } => {
            require_item("fault", index, scene.faults.len())?;
            Ok(Edit::InsertFault { index, fault: scene.faults.remove(index) })
        }
        Edit::ReplaceFault { index, fault } => {
            let slot = scene.faults.get_mut(index).ok_or_else(|| no_item("fault", index))?;
            Ok(Edit::ReplaceFault { index, fault: std::mem::replace(slot, fault) })
        }
        Edit::InsertTourStop { index, stop } => {
            require_slot("tour stop", index, scene.tour.len())?;
            scene.tour.insert(index, stop);
            Ok(Edit::RemoveTourStop { index })
        }
        Edit::RemoveTourStop { index } => {
            require_item("tour stop", index, scene.tour.len())?;
            Ok(Edit::InsertTourStop { index, stop: scene.tour.remove(index) })
        }
        Edit::ReplaceTourStop { index, stop } => {
            let slot = scene.tour.get_mut(index).ok_or_else(|| no_item("tour stop", index))?;
            Ok(Edit::ReplaceTourStop { index, stop: std::mem::replace(slot, stop) })
        }
        other => apply(scene, other),
    }
}

fn node_mut<'a>(scene: &'a mut Scene, id: &NodeId) -> Result<&'a mut Node, EditError> {
    scene.nodes.get_mut(id).ok_or_else(|| no_such("node", id))
}

fn require_region(scene: &Scene, region: Option<&RegionId>) -> Result<(), EditError> {
    region.map_or(Ok(()), |region| require(&scene.regions, "region", region))
}

fn require_ends(scene: &Scene, link: &Link) -> Result<(), EditError> {
    require(&scene.nodes, "node", &link.from)?;
    require(&scene.nodes, "node", &link.to)
}

fn require<K: Ord + Display, V>(map: &BTreeMap<K, V>, what: &'static str, id: &K) -> Result<(), EditError> {
    if map.contains_key(id) { Ok(()) } else { Err(no_such(what, id)) }
}

fn require_free<K: Ord + Display, V>(map: &BTreeMap<K, V>, what: &'static str, id: &K) -> Result<(), EditError> {
    if map.contains_key(id) { Err(EditError::Exists { what, id: id.to_string() }) } else { Ok(()) }
}

fn require_slot(what: &'static str, index: usize, length: usize) -> Result<(), EditError> {
    if index <= length { Ok(()) } else { Err(no_item(what, index)) }
}

fn require_item(what: &'static str, index: usize, length: usize) -> Result<(), EditError> {
    if index < length { Ok(()) } else { Err(no_item(what, index)) }
}

fn insert<K: Ord + Display, V>(map: &mut BTreeMap<K, V>, what: &'static str, id: K, value: V) -> Result<(), EditError> {
    require_free(map, what, &id)?;
    map.insert(id, value);
    Ok(())
}

fn replace<K: Ord + Display, V>(
    map: &mut BTreeMap<K, V>,
    what: &'static str,
    id: &K,
    value: V,
) -> Result<V, EditError> {
    let slot = map.get_mut(id).ok_or_else(|| no_such(what, id))?;
    Ok(std::mem::replace(slot, value))
}

fn no_such(what: &'static str, id: impl Display) -> EditError {
    EditError::NoSuch { what, id: id.to_string() }
}

fn no_item(what: &'static str, index: usize) -> EditError {
    no_such(what, index.saturating_add(1))
}

impl Edit {
    /// What the edit does, for a menu: "move orders".
    pub fn label(&self) -> String {
        match self {
            Edit::AddNode { id, .. } => format!("add {id}"),
            Edit::RemoveNode { id } => format!("remove {id}"),
            Edit::RenameNode { from, to } => format!("rename {from} to {to}"),
            Edit::MoveNodes { to } => match (to.keys().next(), to.len()) {
                (Some(id), 1) => format!("move {id}"),
                (_, count) => format!("move {count} nodes"),
            },
            Edit::SetKind { id, .. } => format!("change {id}"),
            Edit::SetNodeLabel { id, .. } => format!("label {id}"),
            Edit::SetNodeNote { id, .. } => format!("note on {id}"),
            Edit::SetNodeRegion { id, .. } => format!("region of {id}"),
            Edit::AddLink { id, .. } => format!("add link {id}"),
            Edit::RemoveLink { id } => format!("remove link {id}"),
            Edit::ReplaceLink { id, .. } => format!("change link {id}"),
            Edit::RenameLink { from, to } => format!("rename link {from} to {to}"),
            Edit::AddRegion { id, .. } => format!("add region {id}"),
            Edit::RemoveRegion { id } => format!("remove region {id}"),
            Edit::ReplaceRegion { id, .. } => format!("change region {id}"),
            Edit::RenameRegion { from, to } => format!("rename region {from} to {to}"),
            Edit::InsertFault { .. } => "add fault".to_owned(),
            Edit::RemoveFault { .. } => "remove fault".to_owned(),
            Edit::ReplaceFault { .. } => "change fault".to_owned(),
            Edit::InsertTourStop { .. } => "add tour stop".to_owned(),
            Edit::RemoveTourStop { .. } => "remove tour stop".to_owned(),
            Edit::ReplaceTourStop { .. } => "change tour stop".to_owned(),
            Edit::SetSettings { .. } => "change settings".to_owned(),
            Edit::SetTitle { .. } => "change title".to_owned(),
            Edit::SetNotes { .. } => "change notes".to_owned(),
            Edit::Batch(edits) => match edits.as_slice() {
                [] => "nothing".to_owned(),
                [only] => only.label(),
                [first, rest @ ..] => format!("{} and {} more", first.label(), rest.len()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::sample::{arbitrary_edit, arbitrary_scene};
    use crate::scene::text::{options, save};

    #[test]
    fn every_edit_has_an_inverse_that_restores_the_bytes_and_a_refused_one_changes_nothing() {
        let (mut made, mut refused) = (0, 0);
        for seed in 0..3_000 {
            let mut scene = arbitrary_scene(seed % 50);
            let before = save(&scene);
            let edit = arbitrary_edit(&scene, seed);
            match apply(&mut scene, edit.clone()) {
                Ok(inverse) => {
                    made += 1;
                    assert!(apply(&mut scene, inverse).is_ok(), "seed {seed}: {edit:?}");
                }
                Err(_) => refused += 1,
            }
            assert_eq!(save(&scene), before, "seed {seed}: {edit:?}");
        }
        assert!(made > 1_500 && refused > 100, "made {made}, refused {refused}");
    }

    #[test]
    fn an_edit_survives_its_text() {
        for seed in 0..500 {
            let edit = arbitrary_edit(&arbitrary_scene(seed % 20), seed);
            let text = options().to_string(&edit).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(options().from_str::<Edit>(&text), Ok(edit), "{text}");
        }
    }

    #[test]
    fn removing_a_node_takes_its_links_and_faults_along() {
        let mut scene = arbitrary_scene(7);
        let Some(id) = scene.links.values().next().map(|link| link.to.clone()) else { panic!("no link") };
        let inverse = apply(&mut scene, Edit::RemoveNode { id: id.clone() });
        assert!(matches!(inverse, Ok(Edit::Batch(_))));
        assert!(scene.links.values().all(|link| link.from != id && link.to != id));
        assert_eq!(check::check(&scene).iter().filter(|p| p.severity == Severity::Error).count(), 0);
    }

    #[test]
    fn a_checked_edit_that_would_spoil_the_scene_is_refused_and_changes_nothing() {
        let mut scene = arbitrary_scene(7);
        let before = scene.clone();
        let Some(id) = scene.nodes.keys().next().cloned() else { panic!("no node") };
        let to = BTreeMap::from([(id, (f64::NAN, 0.0, 0.0))]);
        assert!(matches!(apply_checked(&mut scene, Edit::MoveNodes { to }), Err(EditError::Invalid(_))));
        assert_eq!(scene, before);
    }
}
