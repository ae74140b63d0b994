//! The filer: a second thread that writes complete chunks to files, so that waiting for a disk does
//! not keep rows from being put in order.
//!
//! Invariant: chunks are filed in order, and may leave memory once their group is listed.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use crate::record::error::RecordError;
use crate::record::folder::{Durability, FolderWriter};
use crate::record::manifest::Group;
use crate::record::recording::Recording;
use crate::record::shelf::{Shelf, Source};
use crate::record::writer::Complete;
use crate::scene::time::SimTime;

/// Complete chunks that wait for the disk at most; more make the writer wait.
const CHUNKS_WAITING: usize = 2;

/// The thread that files.
pub struct Filer {
    work: Sender<Work>,
    thread: JoinHandle<Result<(), RecordError>>,
}

enum Work {
    Chunk(Complete),
    End(SimTime),
}

impl Filer {
    /// Files to a folder that outlives the program.
    pub fn durable(folder: &Path, recording: &Recording) -> Result<Filer, RecordError> {
        let shared = &recording.shared;
        let writer = FolderWriter::create(folder, &shared.scene, shared.plan, Durability::Durable)?;
        let shelf = Arc::new(Shelf::new(Source::Folder(folder.to_path_buf()), Vec::new()));
        shared.put_on_shelf(shelf.clone(), None);
        Filer::begin(writer, recording, shelf)
    }

    /// Files to a folder that goes with the recording.
    pub fn scratch(recording: &Recording) -> Result<Filer, RecordError> {
        let refused = |error: std::io::Error| RecordError::file("make a folder in", &std::env::temp_dir(), &error);
        let scratch = tempfile::Builder::new().prefix("eventscape-").tempdir().map_err(refused)?;
        let folder = scratch.path().to_path_buf();
        let shared = &recording.shared;
        let writer = FolderWriter::create(&folder, &shared.scene, shared.plan, Durability::Scratch)?;
        let shelf = Arc::new(Shelf::new(Source::Folder(folder), Vec::new()));
        shared.put_on_shelf(shelf.clone(), Some(scratch));
        Filer::begin(writer, recording, shelf)
    }

    fn begin(writer: FolderWriter, recording: &Recording, shelf: Arc<Shelf>) -> Result<Filer, RecordError> {
        let (work, waiting) = crossbeam_channel::bounded(CHUNKS_WAITING);
        let recording = recording.clone();
        let thread = std::thread::Builder::new().name("recording files".to_owned());
        let thread = thread.spawn(move || {
            let result = run(writer, &recording, &shelf, &waiting);
            if let Err(error) = &result {
                recording.shared.fail(error.clone());
            }
            result
        });
        Ok(Filer { work, thread: thread.map_err(|_| RecordError::WriterEnded)? })
    }

    /// Hands a chunk over; waits while the disk is behind.
    pub(crate) fn file(&self, complete: Complete) -> Result<(), RecordError> {
        self.work.send(Work::Chunk(complete)).map_err(|_| RecordError::WriterEnded)
    }

    /// Ends the recording at `end` and waits until all is filed.
    pub fn finish(self, end: SimTime) -> Result<(), RecordError> {
        let Filer { work, thread } = self;
        // A thread that is gone has its own reason, which `join` gives.
        let sent = work.send(Work::End(end)).map_err(|_| RecordError::WriterEnded);
        drop(work);
        thread.join().unwrap_or(Err(RecordError::WriterEnded)).and(sent)
    }
}

fn run(
    mut writer: FolderWriter,
    recording: &Recording,
    shelf: &Shelf,
    waiting: &Receiver<Work>,
) -> Result<(), RecordError> {
    loop {
        let group = match waiting.recv() {
            Ok(Work::Chunk(Complete { chunk, statistics })) => writer.add(&chunk, &statistics)?,
            Ok(Work::End(end)) => {
                let last = writer.finish(end)?;
                list(recording, shelf, last);
                return Ok(());
            }
            Err(_) => return Ok(()),
        };
        list(recording, shelf, group);
    }
}

fn list(recording: &Recording, shelf: &Shelf, group: Option<Group>) {
    if let Some(group) = group {
        shelf.list(group);
        recording.shared.keep_budget(&mut recording.shared.write());
    }
}
