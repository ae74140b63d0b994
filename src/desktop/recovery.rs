//! Recovery: the journal of the open scene, and what an earlier crash left behind.
//!
//! Invariant: every change of the scene goes into the journal before the next frame; what is in it
//! is thrown away only when the scene was saved, or the person said so.
//! Invariant: a journal that cannot be written costs a notice, never the change.

use std::path::{Path, PathBuf};

use bevy::prelude::*;

use crate::scene::document::Scene;
use crate::scene::edit::Edit;
use crate::scene::journal::{self, Journal, JournalError, Recovered};

use super::notice::{Card, Notices, Offer};
use super::request::FileRequest;

/// The journal that is being written, and the one that was found.
#[derive(Resource, Default)]
pub struct Recovery {
    journal: Option<Journal>,
    found: Option<PathBuf>,
    /// A journal that was taken over and stays until its changes are saved.
    taken: Option<PathBuf>,
    complained: bool,
}

impl Recovery {
    /// A scene was opened: looks for what was left behind, then begins its journal.
    pub fn begin(&mut self, file: Option<&Path>, scene: &Scene, notices: &mut Notices) {
        self.end();
        self.complained = false;
        let left = match file {
            Some(file) => Some(journal::path_beside(file)).filter(|path| journal::is_left_behind(path)),
            None => journal::folder().and_then(|folder| journal::left_behind(&folder).into_iter().next()),
        };
        if left.is_some() {
            // A new journal would take the old one's place, so it waits for the person's word.
            self.found = left;
            let offers = vec![
                Offer::file("Take them over", FileRequest::Recover),
                Offer::file("Throw them away", FileRequest::Forget),
            ];
            notices.offer("The program ended before these changes were saved.", offers);
            return;
        }
        self.write(file, scene, notices);
    }

    /// Begins the journal of a scene.
    pub fn write(&mut self, file: Option<&Path>, scene: &Scene, notices: &mut Notices) {
        let place = match file {
            Some(file) => Some(journal::path_beside(file)),
            None => journal::folder().map(|folder| journal::path_unsaved(&folder)),
        };
        let Some(path) = place else { return };
        match Journal::begin(path, file, scene) {
            Ok(journal) => self.journal = Some(journal),
            Err(error) => self.complain(&error, notices),
        }
    }

    /// A change was made.
    pub fn record(&mut self, edit: &Edit, notices: &mut Notices) {
        if let Some(journal) = &self.journal
            && let Err(error) = journal.record(edit)
        {
            self.complain(&error, notices);
        }
    }

    /// The scene was written to its file.
    pub fn saved(&mut self, file: &Path, scene: &Scene, notices: &mut Notices) {
        match self.journal.as_mut().map(|journal| journal.saved(file, scene)) {
            Some(Err(error)) => self.complain(&error, notices),
            Some(Ok(())) => {}
            None => self.write(Some(file), scene, notices),
        }
        self.drop_taken();
    }

    /// What was left behind, read back.
    pub fn take(&mut self) -> Option<Result<Recovered, JournalError>> {
        let path = self.found.take()?;
        let recovered = journal::recover(&path);
        self.taken = Some(path);
        Some(recovered)
    }

    /// Throws away what was left behind.
    pub fn forget(&mut self) {
        if let Some(path) = self.found.take() {
            remove(&path);
        }
    }

    /// The scene is closed on purpose: its journal is not needed any more.
    pub fn end(&mut self) {
        self.drop_taken();
        if let Some(journal) = self.journal.take() {
            // Closing waits for the disk.
            let thread = std::thread::Builder::new().name("end of a journal".to_owned());
            drop(thread.spawn(move || drop(journal.discard())));
        }
    }

    /// The program ends on purpose, and waits until nothing is left behind.
    pub fn end_now(&mut self) {
        self.drop_taken();
        drop(self.journal.take().map(Journal::discard));
    }

    fn drop_taken(&mut self) {
        let written = self.journal.as_ref().map(|journal| journal.path().to_owned());
        if let Some(path) = self.taken.take()
            && written.as_ref() != Some(&path)
        {
            remove(&path);
        }
    }

    /// Says once that changes are not kept.
    fn complain(&mut self, error: &JournalError, notices: &mut Notices) {
        if !std::mem::replace(&mut self.complained, true) {
            notices.warn(Card::new("Changes are not kept for a crash", format!("{error}. Save to keep them.")));
        }
    }
}

/// A journal that is gone already is as good as one removed.
fn remove(path: &Path) {
    drop(std::fs::remove_file(path));
}
