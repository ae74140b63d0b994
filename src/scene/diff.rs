//! The difference of two scenes, as edits.
//!
//! Invariant: the edits, made one after the other on the first scene, give the second.

use std::collections::BTreeMap;

use crate::scene::document::{Node, Scene};
use crate::scene::edit::{Edit, EditError, apply};
use crate::scene::slug::NodeId;

/// The edits that lead from one scene to the other; fails only where the second refers to what it lacks.
///
/// A rename shows as a removal and an addition.
pub fn diff(from: &Scene, to: &Scene) -> Result<Vec<Edit>, EditError> {
    let mut way = Way { scene: from.clone(), edits: Vec::new() };
    texts(to, &mut way)?;
    regions(to, &mut way)?;
    nodes(to, &mut way)?;
    links(to, &mut way)?;
    removals(to, &mut way)?;
    faults(to, &mut way)?;
    tour(to, &mut way)?;
    Ok(way.edits)
}

/// The edits so far and the scene to which they lead. What a removal takes along is seen there.
struct Way {
    scene: Scene,
    edits: Vec<Edit>,
}

impl Way {
    fn go(&mut self, edit: Edit) -> Result<(), EditError> {
        apply(&mut self.scene, edit.clone())?;
        self.edits.push(edit);
        Ok(())
    }
}

fn texts(to: &Scene, way: &mut Way) -> Result<(), EditError> {
    if way.scene.title != to.title {
        way.go(Edit::SetTitle { title: to.title.clone() })?;
    }
    if way.scene.notes != to.notes {
        way.go(Edit::SetNotes { notes: to.notes.clone() })?;
    }
    if way.scene.settings != to.settings {
        way.go(Edit::SetSettings { settings: to.settings.clone() })?;
    }
    Ok(())
}

fn regions(to: &Scene, way: &mut Way) -> Result<(), EditError> {
    for (id, region) in &to.regions {
        let (id, region) = (id.clone(), region.clone());
        match way.scene.regions.get(&id) {
            None => way.go(Edit::AddRegion { id, region })?,
            Some(old) if *old != region => way.go(Edit::ReplaceRegion { id, region })?,
            Some(_) => {}
        }
    }
    Ok(())
}

fn nodes(to: &Scene, way: &mut Way) -> Result<(), EditError> {
    let mut moved = BTreeMap::new();
    for (id, node) in &to.nodes {
        match way.scene.nodes.get(id).cloned() {
            None => way.go(Edit::AddNode { id: id.clone(), node: Box::new(node.clone()) })?,
            Some(old) => {
                if old.position != node.position {
                    moved.insert(id.clone(), node.position);
                }
                changed(id, &old, node, way)?;
            }
        }
    }
    if moved.is_empty() { Ok(()) } else { way.go(Edit::MoveNodes { to: moved }) }
}

fn changed(id: &NodeId, old: &Node, new: &Node, way: &mut Way) -> Result<(), EditError> {
    let Node { label, position: _, region, kind, note } = new;
    let id = || id.clone();
    if old.label != *label {
        way.go(Edit::SetNodeLabel { id: id(), label: label.clone() })?;
    }
    if old.region != *region {
        way.go(Edit::SetNodeRegion { id: id(), region: region.clone() })?;
    }
    if old.kind != *kind {
        way.go(Edit::SetKind { id: id(), kind: Box::new(kind.clone()) })?;
    }
    if old.note != *note {
        way.go(Edit::SetNodeNote { id: id(), note: note.clone() })?;
    }
    Ok(())
}

fn links(to: &Scene, way: &mut Way) -> Result<(), EditError> {
    for (id, link) in &to.links {
        let new = || Box::new(link.clone());
        match way.scene.links.get(id) {
            None => way.go(Edit::AddLink { id: id.clone(), link: new() })?,
            Some(old) if old != link => way.go(Edit::ReplaceLink { id: id.clone(), link: new() })?,
            Some(_) => {}
        }
    }
    Ok(())
}

/// Links before nodes before regions, so that a removal takes along as little as possible.
fn removals(to: &Scene, way: &mut Way) -> Result<(), EditError> {
    let Scene { regions, nodes, links, .. } = way.scene.clone();
    for id in links.into_keys().filter(|id| !to.links.contains_key(id)) {
        way.go(Edit::RemoveLink { id })?;
    }
    for id in nodes.into_keys().filter(|id| !to.nodes.contains_key(id)) {
        way.go(Edit::RemoveNode { id })?;
    }
    for id in regions.into_keys().filter(|id| !to.regions.contains_key(id)) {
        way.go(Edit::RemoveRegion { id })?;
    }
    Ok(())
}

/// What to do in a list, from its end to its beginning, so that numbers stay right.
enum Change {
    Insert(usize),
    Remove(usize),
    Replace(usize),
}

/// Between the equal beginning and the equal end: replacements, then what is left over.
fn changes<T: PartialEq>(from: &[T], to: &[T]) -> Vec<Change> {
    let alike = |(old, new): &(&T, &T)| old == new;
    let head = from.iter().zip(to).take_while(alike).count();
    let rest = from.len().min(to.len()) - head;
    let tail = from.iter().rev().zip(to.iter().rev()).take(rest).take_while(alike).count();
    let (old, new) = (from.len() - tail, to.len() - tail);
    let both = old.min(new);
    let mut changes: Vec<Change> = (both..old).rev().map(Change::Remove).collect();
    let differs = |index: &usize| from.get(*index) != to.get(*index);
    changes.extend((head..both).filter(differs).map(Change::Replace));
    changes.extend((both..new).map(Change::Insert));
    changes
}

fn faults(to: &Scene, way: &mut Way) -> Result<(), EditError> {
    for change in changes(&way.scene.faults, &to.faults) {
        let (Change::Insert(index) | Change::Remove(index) | Change::Replace(index)) = change;
        way.go(match (change, to.faults.get(index).cloned()) {
            (Change::Insert(_), Some(fault)) => Edit::InsertFault { index, fault },
            (Change::Replace(_), Some(fault)) => Edit::ReplaceFault { index, fault },
            (Change::Remove(_), _) | (_, None) => Edit::RemoveFault { index },
        })?;
    }
    Ok(())
}

fn tour(to: &Scene, way: &mut Way) -> Result<(), EditError> {
    for change in changes(&way.scene.tour, &to.tour) {
        let (Change::Insert(index) | Change::Remove(index) | Change::Replace(index)) = change;
        way.go(match (change, to.tour.get(index).cloned()) {
            (Change::Insert(_), Some(stop)) => Edit::InsertTourStop { index, stop },
            (Change::Replace(_), Some(stop)) => Edit::ReplaceTourStop { index, stop },
            (Change::Remove(_), _) | (_, None) => Edit::RemoveTourStop { index },
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scene::sample::{arbitrary_edit, arbitrary_scene};

    #[track_caller]
    fn check(from: &Scene, to: &Scene) -> usize {
        let edits = diff(from, to).unwrap_or_else(|error| panic!("{error}"));
        let mut scene = from.clone();
        for edit in &edits {
            assert!(apply(&mut scene, edit.clone()).is_ok(), "{edit:?}");
        }
        assert_eq!(scene, *to);
        edits.len()
    }

    proptest! {
        #[test]
        fn the_difference_of_any_two_scenes_leads_from_one_to_the_other(from in 0..10_000_u64, to in 0..10_000_u64) {
            check(&arbitrary_scene(from), &arbitrary_scene(to));
        }

        #[test]
        fn a_few_edits_give_a_short_difference(seed in 0..10_000_u64) {
            let from = arbitrary_scene(seed);
            let mut to = from.clone();
            for step in 0..5 {
                let edit = arbitrary_edit(&to, seed.wrapping_mul(31).wrapping_add(step));
                let _refused = apply(&mut to, edit).is_err();
            }
            check(&from, &to);
        }
    }

    #[test]
    fn equal_scenes_have_no_difference_and_one_move_is_one_edit() {
        let from = arbitrary_scene(3);
        assert_eq!(check(&from, &from.clone()), 0);
        let mut to = from.clone();
        to.nodes.values_mut().for_each(|node| node.position.0 += 1.0);
        assert_eq!(check(&from, &to), 1);
    }
}
