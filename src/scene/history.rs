//! Undo and redo of a scene's edits.
//!
//! Invariant: undoing everything restores the scene of the beginning, byte for byte.
//! Invariant: the edits of one gesture on one target are one step: a drag is undone as a whole.

use std::collections::VecDeque;

use crate::scene::document::Scene;
use crate::scene::edit::{Edit, EditError, apply, apply_checked};

/// Steps that can be undone at most; the oldest are forgotten. A day's work has some thousands.
const STEPS_MAX: usize = 10_000;

/// One movement of the hand, from press to release; the host counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GestureId(pub u64);

#[derive(Clone, Debug)]
struct Past {
    label: String,
    edit: Edit,
    inverse: Edit,
    gesture: Option<GestureId>,
    number: u64,
}

/// What was done to a scene, and what was undone.
#[derive(Clone, Debug, Default)]
pub struct History {
    done: VecDeque<Past>,
    undone: Vec<Past>,
    saved: u64,
    numbers: u64,
    /// The number of the last step that was forgotten.
    forgotten: u64,
}

impl History {
    /// Makes an edit and remembers it. An edit of the same gesture on the same target joins the one before.
    pub fn perform(&mut self, scene: &mut Scene, edit: Edit, gesture: Option<GestureId>) -> Result<(), EditError> {
        let inverse = apply_checked(scene, edit.clone())?;
        self.undone.clear();
        self.numbers = self.numbers.saturating_add(1);
        let number = self.numbers;
        let joins = |last: &&mut Past| gesture.is_some() && last.gesture == gesture && same_target(&last.edit, &edit);
        if let Some(last) = self.done.back_mut().filter(joins) {
            *last = Past { edit, number, inverse: last.inverse.clone(), label: last.label.clone(), gesture };
            return Ok(());
        }
        self.done.push_back(Past { label: edit.label(), edit, inverse, gesture, number });
        if self.done.len() > STEPS_MAX {
            self.forgotten = self.done.pop_front().map_or(self.forgotten, |past| past.number);
        }
        Ok(())
    }

    /// Takes back the last step; the edit that did so, for the journal and for live commands.
    pub fn undo(&mut self, scene: &mut Scene) -> Result<Option<Edit>, EditError> {
        let Some(past) = self.done.back() else { return Ok(None) };
        let made = past.inverse.clone();
        let edit = apply(scene, made.clone())?;
        if let Some(past) = self.done.pop_back() {
            self.undone.push(Past { edit, ..past });
        }
        Ok(Some(made))
    }

    /// Makes again what was taken back last; the edit that did so.
    pub fn redo(&mut self, scene: &mut Scene) -> Result<Option<Edit>, EditError> {
        let Some(past) = self.undone.last() else { return Ok(None) };
        let made = past.edit.clone();
        let inverse = apply(scene, made.clone())?;
        if let Some(past) = self.undone.pop() {
            self.done.push_back(Past { inverse, gesture: None, ..past });
        }
        Ok(Some(made))
    }

    /// What the menu offers to take back: "Undo move orders".
    pub fn undo_label(&self) -> Option<String> {
        self.done.back().map(|past| format!("Undo {}", past.label))
    }

    /// What the menu offers to make again: "Redo move orders".
    pub fn redo_label(&self) -> Option<String> {
        self.undone.last().map(|past| format!("Redo {}", past.label))
    }

    /// The scene as it stands now is in its file.
    pub fn mark_saved(&mut self) {
        self.saved = self.current();
        if let Some(last) = self.done.back_mut() {
            last.gesture = None;
        }
    }

    /// Whether the scene differs from its file.
    pub fn is_changed(&self) -> bool {
        self.saved != self.current()
    }

    fn current(&self) -> u64 {
        self.done.back().map_or(self.forgotten, |past| past.number)
    }
}

/// Whether the second edit leaves nothing of the first.
fn same_target(first: &Edit, second: &Edit) -> bool {
    match (first, second) {
        (Edit::MoveNodes { to: first }, Edit::MoveNodes { to: second }) => first.keys().eq(second.keys()),
        (Edit::SetKind { id: first, .. }, Edit::SetKind { id: second, .. })
        | (Edit::SetNodeLabel { id: first, .. }, Edit::SetNodeLabel { id: second, .. })
        | (Edit::SetNodeNote { id: first, .. }, Edit::SetNodeNote { id: second, .. })
        | (Edit::SetNodeRegion { id: first, .. }, Edit::SetNodeRegion { id: second, .. }) => first == second,
        (Edit::ReplaceLink { id: first, .. }, Edit::ReplaceLink { id: second, .. }) => first == second,
        (Edit::ReplaceRegion { id: first, .. }, Edit::ReplaceRegion { id: second, .. }) => first == second,
        (Edit::ReplaceFault { index: first, .. }, Edit::ReplaceFault { index: second, .. })
        | (Edit::ReplaceTourStop { index: first, .. }, Edit::ReplaceTourStop { index: second, .. }) => first == second,
        (Edit::SetSettings { .. }, Edit::SetSettings { .. })
        | (Edit::SetTitle { .. }, Edit::SetTitle { .. })
        | (Edit::SetNotes { .. }, Edit::SetNotes { .. }) => true,
        (Edit::Batch(first), Edit::Batch(second)) => {
            first.len() == second.len() && first.iter().zip(second).all(|(first, second)| same_target(first, second))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scene::sample::{arbitrary_edit, arbitrary_scene};
    use crate::scene::slug::NodeId;
    use crate::scene::text::save;

    fn move_first(scene: &Scene, x: f64) -> Edit {
        let first: Option<&NodeId> = scene.nodes.keys().next();
        let to: BTreeMap<_, _> = first.map(|id| (id.clone(), (x, 0.0, 0.0))).into_iter().collect();
        Edit::MoveNodes { to }
    }

    #[test]
    fn undoing_any_sequence_restores_the_bytes_and_redoing_makes_it_again() {
        for seed in 0..200 {
            let mut scene = arbitrary_scene(seed);
            let (before, mut history, mut made) = (save(&scene), History::default(), 0);
            for step in 0..30 {
                let edit = arbitrary_edit(&scene, seed * 1_000 + step);
                made += usize::from(history.perform(&mut scene, edit, None).is_ok());
            }
            let after = save(&scene);
            let mut undone = 0;
            while history.undo(&mut scene).unwrap_or_else(|error| panic!("seed {seed}: {error}")).is_some() {
                undone += 1;
            }
            assert_eq!((undone, save(&scene)), (made, before), "seed {seed}");
            while history.redo(&mut scene).unwrap_or_else(|error| panic!("seed {seed}: {error}")).is_some() {}
            assert_eq!(save(&scene), after, "seed {seed}");
        }
    }

    #[test]
    fn a_drag_is_one_step_and_the_next_drag_another() {
        let (mut scene, mut history) = (arbitrary_scene(1), History::default());
        let before = save(&scene);
        for (x, gesture) in [(1.0, 1), (2.0, 1), (3.0, 1), (4.0, 2)] {
            let edit = move_first(&scene, x);
            assert_eq!(history.perform(&mut scene, edit, Some(GestureId(gesture))), Ok(()));
        }
        assert_eq!(history.undo_label().as_deref(), Some("Undo move n00"));
        assert!(matches!(history.undo(&mut scene), Ok(Some(_))));
        assert!(matches!(history.undo(&mut scene), Ok(Some(_))));
        assert_eq!((history.undo(&mut scene), save(&scene)), (Ok(None), before));
        assert_eq!(history.redo_label().as_deref(), Some("Redo move n00"));
    }

    #[test]
    fn a_scene_is_changed_until_it_is_saved_or_undone() {
        let (mut scene, mut history) = (arbitrary_scene(1), History::default());
        assert!(!history.is_changed());
        let edit = move_first(&scene, 1.0);
        assert_eq!(history.perform(&mut scene, edit, None), Ok(()));
        assert!(history.is_changed());
        history.mark_saved();
        assert!(!history.is_changed());
        assert!(history.undo(&mut scene).is_ok() && history.is_changed());
        assert!(history.redo(&mut scene).is_ok() && !history.is_changed());
    }
}
