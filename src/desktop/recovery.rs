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
    /// The journal has its place on the disk: its first change makes it.
    on_disk: OnDisk,
    complained: bool,
}

/// Whether the journal that is being written exists as a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum OnDisk {
    /// Nothing was changed yet.
    #[default]
    No,
    /// It took the place of what lay there.
    Yes,
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
            let name = file.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            let whose = name.unwrap_or_else(|| "a scene without a file".to_owned());
            notices.offer(format!("The program ended before the last changes of {whose} were saved."), offers);
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
            Ok(journal) => (self.journal, self.on_disk) = (Some(journal), OnDisk::No),
            Err(error) => self.complain(&error, notices),
        }
    }

    /// A change was made.
    pub fn record(&mut self, edit: &Edit, notices: &mut Notices) {
        let Some(journal) = &self.journal else { return };
        self.on_disk = OnDisk::Yes;
        if let Err(error) = journal.record(edit) {
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
        self.on_disk = OnDisk::No;
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

    /// Removes what was taken over, unless the journal has taken its place and is removed by itself.
    fn drop_taken(&mut self) {
        let written = self.journal.as_ref().map(|journal| journal.path().to_owned());
        if let Some(path) = self.taken.take()
            && (self.on_disk == OnDisk::No || written.as_ref() != Some(&path))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A journal with one change beside a file, left behind and taken over again.
    fn taken_over(file: &Path) -> (Recovery, Scene, Notices) {
        let journal = Journal::begin(journal::path_beside(file), Some(file), &Scene::default());
        let journal = journal.unwrap_or_else(|error| panic!("{error}"));
        let edit = Edit::SetTitle { title: "Shop".to_owned() };
        assert!(journal.record(&edit).is_ok());
        drop(journal);
        let (mut recovery, mut notices) = (Recovery::default(), Notices::default());
        recovery.begin(Some(file), &Scene::default(), &mut notices);
        let status = notices.status.take().unwrap_or_else(|| panic!("nothing is offered"));
        assert!(status.text.contains("shop.ron"), "{}", status.text);
        let recovered = recovery.take().unwrap_or_else(|| panic!("nothing was found"));
        let scene = recovered.unwrap_or_else(|error| panic!("{error}")).scene;
        recovery.write(Some(file), &scene, &mut notices);
        (recovery, scene, notices)
    }

    #[test]
    fn what_was_taken_over_is_not_offered_again_once_saved_or_given_up() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let file = folder.path().join("shop.ron");
        let left = || journal::is_left_behind(&journal::path_beside(&file));
        let (recovery, ..) = taken_over(&file);
        drop(recovery);
        assert!(left(), "a crash before a word of the person loses nothing");

        let (mut recovery, scene, mut notices) = taken_over(&file);
        recovery.saved(&file, &scene, &mut notices);
        drop(recovery);
        assert!(!left(), "saved");

        let (mut recovery, ..) = taken_over(&file);
        recovery.end_now();
        assert!(!left(), "given up");

        let (mut recovery, _, mut notices) = taken_over(&file);
        recovery.record(&Edit::SetTitle { title: "Stall".to_owned() }, &mut notices);
        recovery.end_now();
        assert!(!left(), "changed and given up");
    }
}
