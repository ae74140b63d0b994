//! The crash journal: every edit since the last save, on the disk within a second.
//!
//! Invariant: an edit's line is written at once and synced within [`SYNC_EVERY`], on a thread of its own.
//! Invariant: recovery gives the base scene with a beginning of the edits, in their order; a torn or
//! damaged line ends it. No file is needed but the journal.
//!
//! A journal lies beside its scene's file; for a scene that has none, in the person's data folder. While its
//! program lives it is locked, so a journal that is not locked was left behind by a crash.

mod line;
mod writer;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Sender;

use crate::scene::document::Scene;
use crate::scene::edit::{Edit, apply};
use crate::scene::journal::line::{Entry, Header};
use crate::scene::journal::writer::{Order, Writer};
use crate::scene::text::{FILE_BYTES_MAX, load, save};

/// Longest time from an edit to its being on the disk; a quarter of what is promised.
pub const SYNC_EVERY: Duration = Duration::from_millis(250);

/// Edits that may wait for the disk; with more, the next one waits.
const WAITING_MAX: usize = 1_024;

/// Largest journal that is recovered: the base scene, as text in text, and as much again in edits.
const JOURNAL_BYTES_MAX: u64 = 4 * FILE_BYTES_MAX as u64;

const SUFFIX: &str = "journal";

/// Why a journal could not be written or read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{doing} {}: {reason}", .path.display())]
pub struct JournalError {
    /// What was going on.
    pub doing: &'static str,
    /// The journal.
    pub path: PathBuf,
    /// What is wrong.
    pub reason: String,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    trouble: Arc<Mutex<Option<JournalError>>>,
}

/// What a journal gave back.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// The scene with all edits that could be read.
    pub scene: Scene,
    /// The file that it belongs to, if it had one.
    pub file: Option<PathBuf>,
    /// How many edits were made again.
    pub edits: usize,
    /// Bytes at the end that could not be used: a torn line, or damage.
    pub bytes_lost: u64,
}

/// Where the journal of a scene's file lies.
pub fn path_beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{SUFFIX}"))
}

/// Where the journals of scenes without a file lie; `None` where the person has no home.
pub fn folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "eventscape").map(|folders| folders.data_dir().join("journals"))
}

/// Where a new scene's journal lies; several programs do not meet there.
pub fn path_unsaved(folder: &Path) -> PathBuf {
    folder.join(format!("unsaved-{}.{SUFFIX}", std::process::id()))
}

/// The journals in a folder that nobody is writing, in the order of their names.
pub fn left_behind(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_left_behind(path)).collect();
    paths.sort();
    paths
}

/// Whether there is a journal that nobody is writing.
pub fn is_left_behind(path: &Path) -> bool {
    let is_journal = path.extension().is_some_and(|extension| extension == SUFFIX);
    is_journal && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

impl Journal {
    /// A journal of edits to `base`; `file` is the scene's own, if it has one. The first edit makes it.
    pub fn begin(path: PathBuf, file: Option<&Path>, base: &Scene) -> Result<Journal, JournalError> {
        let trouble = Arc::new(Mutex::new(None));
        let (orders, waiting) = crossbeam_channel::bounded(WAITING_MAX);
        let writer = Writer::new(path.clone(), header(file, base), Arc::clone(&trouble));
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.work(&waiting))
            .map_err(|error| trouble_with("starting the writer of", &path, &error))?;
        Ok(Journal { path, orders: Some(orders), thread: Some(thread), trouble })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an edit that was made. Fails where an earlier one could not be written.
    pub fn record(&self, edit: &Edit) -> Result<(), JournalError> {
        self.order(Order::Edit(Box::new(edit.clone())))
    }

    /// The scene was saved: the edits so far are not needed, and the journal begins again from `base`.
    pub fn saved(&mut self, file: &Path, base: &Scene) -> Result<(), JournalError> {
        self.path = path_beside(file);
        self.order(Order::Restart { path: self.path.clone(), header: Box::new(header(Some(file), base)) })
    }

    /// Nobody wants the edits any more.
    pub fn discard(mut self) -> Result<(), JournalError> {
        let ordered = self.order(Order::Discard);
        self.close();
        ordered.and_then(|()| self.trouble())
    }

    /// Waits until everything recorded so far is on the disk.
    pub fn flush(&self) -> Result<(), JournalError> {
        let (done, wait) = crossbeam_channel::bounded(1);
        self.order(Order::Flush(done))?;
        // A closed channel means that the writer gave up, which `trouble` tells.
        let _closed = wait.recv().is_err();
        self.trouble()
    }

    /// What went wrong on the writer's thread, if anything did.
    pub fn trouble(&self) -> Result<(), JournalError> {
        match &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn order(&self, order: Order) -> Result<(), JournalError> {
        self.trouble()?;
        let sent = self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok());
        let gone = io::Error::other("its writer has ended");
        if sent { Ok(()) } else { Err(trouble_with("writing", &self.path, &gone)) }
    }

    fn close(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join().is_err();
        }
    }
}

impl Drop for Journal {
    /// Everything recorded reaches the disk; the file stays, since nobody said that it is not needed.
    fn drop(&mut self) {
        self.close();
    }
}

/// Reads a journal back.
pub fn recover(path: &Path) -> Result<Recovered, JournalError> {
    let doing = "recovering";
    let size = fs::metadata(path).map_err(|error| trouble_with(doing, path, &error))?.len();
    if size > JOURNAL_BYTES_MAX {
        let error = io::Error::other(format!("it has {size} bytes, more than {JOURNAL_BYTES_MAX}"));
        return Err(trouble_with(doing, path, &error));
    }
    let bytes = fs::read(path).map_err(|error| trouble_with(doing, path, &error))?;
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let head = lines.next().and_then(line::read);
    let Some((Entry::Begin(Header { file, base, .. }), head_bytes)) = head else {
        return Err(trouble_with(doing, path, &io::Error::other("its first line is damaged")));
    };
    let loaded = load(&base, "base scene").map_err(|error| trouble_with(doing, path, &io::Error::other(error)))?;
    let mut recovered = Recovered { scene: loaded.scene, file: file.map(PathBuf::from), edits: 0, bytes_lost: 0 };
    let mut used = head_bytes;
    for part in lines {
        let Some((Entry::Edit(edit), length)) = line::read(part) else { break };
        if apply(&mut recovered.scene, *edit).is_err() {
            break;
        }
        recovered.edits = recovered.edits.saturating_add(1);
        used = used.saturating_add(length);
    }
    recovered.bytes_lost = size.saturating_sub(used as u64);
    Ok(recovered)
}

fn header(file: Option<&Path>, base: &Scene) -> Header {
    let file = file.map(|file| file.to_string_lossy().into_owned());
    Header { version: line::VERSION, file, base: save(base) }
}

fn trouble_with(doing: &'static str, path: &Path, error: &io::Error) -> JournalError {
    JournalError { doing, path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::sample::{arbitrary_edit, arbitrary_scene};

    struct Written {
        _folder: tempfile::TempDir,
        path: PathBuf,
        /// The scene after 0, 1, 2, ... edits.
        scenes: Vec<Scene>,
    }

    /// Writes a journal of so many edits and leaves it behind.
    fn written(edits: usize) -> Written {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = path_beside(&folder.path().join("scene.ron"));
        let mut scenes = vec![arbitrary_scene(5)];
        let journal = begin(&path, &scenes[0]);
        for seed in 0.. {
            let mut scene = scenes.last().cloned().unwrap_or_default();
            let edit = arbitrary_edit(&scene, seed);
            if scenes.len() > edits {
                break;
            }
            if apply(&mut scene, edit.clone()).is_ok() {
                assert!(journal.record(&edit).is_ok());
                scenes.push(scene);
            }
        }
        drop(journal);
        Written { _folder: folder, path, scenes }
    }

    #[track_caller]
    fn begin(path: &Path, base: &Scene) -> Journal {
        Journal::begin(path.to_owned(), Some(Path::new("scene.ron")), base).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn recovered(path: &Path) -> Recovered {
        recover(path).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_journal_left_behind_gives_the_scene_back() {
        let Written { _folder, path, scenes } = written(40);
        assert!(is_left_behind(&path));
        let recovered = recovered(&path);
        assert_eq!((recovered.edits, recovered.bytes_lost), (40, 0));
        assert_eq!(Some(&recovered.scene), scenes.last());
        assert_eq!(recovered.file, Some(PathBuf::from("scene.ron")));
    }

    #[test]
    fn a_journal_cut_or_damaged_anywhere_gives_a_beginning_of_the_edits() {
        let Written { _folder, path, scenes } = written(10);
        let bytes = fs::read(&path).unwrap_or_default();
        let head = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
        for at in (head + 1..bytes.len()).step_by(17) {
            assert!(fs::write(&path, &bytes[..at]).is_ok());
            let cut = recovered(&path);
            assert_eq!(Some(&cut.scene), scenes.get(cut.edits), "cut at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(fs::write(&path, &damaged).is_ok());
            let recovered = recovered(&path);
            assert!(recovered.bytes_lost > 0 && recovered.edits < 10, "damaged at {at}");
            assert_eq!(Some(&recovered.scene), scenes.get(recovered.edits), "damaged at {at}");
        }
        assert!(fs::write(&path, &bytes[..head / 2]).is_ok());
        assert!(recover(&path).is_err());
    }

    #[test]
    fn saving_and_discarding_remove_the_journal_and_the_next_edit_begins_a_new_one() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let file = folder.path().join("scene.ron");
        let mut scene = arbitrary_scene(6);
        let unsaved = path_unsaved(folder.path());
        let mut journal = begin(&unsaved, &scene);
        assert!(!unsaved.exists(), "nothing was edited yet");
        let title = |title: &str| Edit::SetTitle { title: title.to_owned() };
        assert!(journal.record(&title("first")).is_ok() && journal.flush().is_ok());
        assert!(unsaved.exists() && !is_left_behind(&unsaved), "it is locked while it is written");
        scene.title = "first".to_owned();
        assert!(journal.saved(&file, &scene).is_ok() && journal.flush().is_ok());
        assert!(!unsaved.exists());
        assert!(journal.record(&title("second")).is_ok() && journal.flush().is_ok());
        assert_eq!(journal.path(), path_beside(&file));
        let recovered = recovered(&path_beside(&file));
        assert_eq!((recovered.edits, recovered.scene.title.as_str()), (1, "second"));
        assert!(journal.discard().is_ok());
        assert!(!path_beside(&file).exists() && left_behind(folder.path()).is_empty());
    }

    #[test]
    fn a_long_journal_begins_again_from_the_scene_as_it_stands() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = folder.path().join("long.journal");
        let journal = begin(&path, &Scene::default());
        for number in 0..12 {
            let notes = format!("{number}{}", "x".repeat(1 << 20));
            assert!(journal.record(&Edit::SetNotes { notes }).is_ok());
        }
        drop(journal);
        let recovered = recovered(&path);
        assert!(recovered.scene.notes.starts_with("11x") && recovered.bytes_lost == 0);
        assert!(recovered.edits < 12 && fs::metadata(&path).is_ok_and(|metadata| metadata.len() < 8 << 20));
    }

    #[test]
    fn a_journal_that_cannot_be_written_says_so() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let blocked = folder.path().join("file");
        assert!(fs::write(&blocked, "no folder").is_ok());
        let journal = begin(&blocked.join("a.journal"), &Scene::default());
        let recorded = journal.record(&Edit::SetTitle { title: "x".to_owned() });
        assert!(recorded.is_err() || journal.flush().is_err());
    }
}
