//! The thread that writes a journal.
//!
//! Invariant: the file is made whole, with its first line, before the first edit is appended.
//! Invariant: after a failure nothing more is written, so the journal never has a gap.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::scene::edit::Edit;
use crate::scene::journal::line::{self, Entry, Header};
use crate::scene::journal::{JournalError, SYNC_EVERY, recover, trouble_with};
use crate::scene::save::replace;
use crate::scene::text::save;

/// Bytes of edits after which the journal begins again from the scene as it stands, so it stays recoverable.
const COMPACT_BYTES: usize = 8 << 20;

/// What the writer is to do.
pub(super) enum Order {
    /// Append an edit.
    Edit(Box<Edit>),
    /// Remove the file and begin again, at another place perhaps.
    Restart {
        /// Where.
        path: PathBuf,
        /// The new first line.
        header: Box<Header>,
    },
    /// Sync now and answer.
    Flush(Sender<()>),
    /// Remove the file.
    Discard,
}

/// The writer's state.
pub(super) struct Writer {
    path: PathBuf,
    header: Header,
    /// Open once there is an edit.
    file: Option<File>,
    /// Bytes of edits behind the first line.
    bytes: usize,
    /// When the oldest edit that is not synced was written.
    unsynced: Option<Instant>,
    trouble: Arc<Mutex<Option<JournalError>>>,
}

impl Writer {
    /// A writer that has not made its file yet.
    pub(super) fn new(path: PathBuf, header: Header, trouble: Arc<Mutex<Option<JournalError>>>) -> Writer {
        Writer { path, header, file: None, bytes: 0, unsynced: None, trouble }
    }

    /// Works until the journal is closed.
    pub(super) fn work(mut self, orders: &Receiver<Order>) {
        loop {
            let order = match self.unsynced {
                Some(since) => orders.recv_deadline(since + SYNC_EVERY),
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let done = match order {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => self.sync(),
                Err(RecvTimeoutError::Disconnected) => {
                    let synced = self.sync();
                    self.note(synced);
                    return;
                }
            };
            if self.note(done) {
                // Orders are taken and dropped from now on, so nobody waits for an answer in vain.
                return orders.iter().for_each(drop);
            }
        }
    }

    /// Keeps a failure for the journal's owner; whether there was one.
    fn note(&self, done: io::Result<()>) -> bool {
        let Err(error) = done else { return false };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = Some(trouble_with("writing", &self.path, &error));
        true
    }

    fn obey(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Edit(edit) => self.append(edit),
            Order::Restart { path, header } => {
                self.remove()?;
                (self.path, self.header) = (path, *header);
                Ok(())
            }
            Order::Flush(done) => {
                self.sync()?;
                // Nobody waits any more: nothing to tell.
                let _gone = done.send(()).is_err();
                Ok(())
            }
            Order::Discard => self.remove(),
        }
    }

    fn append(&mut self, edit: Box<Edit>) -> io::Result<()> {
        let line = line::write(&Entry::Edit(edit)).map_err(io::Error::other)?;
        match &mut self.file {
            Some(file) => file.write_all(line.as_bytes())?,
            None => self.make(&line)?,
        }
        self.bytes = self.bytes.saturating_add(line.len());
        if self.bytes > COMPACT_BYTES {
            return self.compact();
        }
        if self.unsynced.is_none() {
            self.unsynced = Some(Instant::now());
        }
        Ok(())
    }

    /// Makes the file with its first lines, in the place of one that was left behind.
    fn make(&mut self, first: &str) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut lines = line::write(&Entry::Begin(self.header.clone())).map_err(io::Error::other)?;
        lines.push_str(first);
        let file = replace(&self.path, lines.as_bytes())?;
        // Where the system knows no locks, journals merely look left behind while they are written.
        let _unlocked = file.try_lock().is_err();
        self.file = Some(file);
        self.bytes = 0;
        Ok(())
    }

    /// Makes the scene as it stands the new base. Until the new file takes the name, the old one is there.
    fn compact(&mut self) -> io::Result<()> {
        self.sync()?;
        self.file = None;
        let recovered = recover(&self.path).map_err(io::Error::other)?;
        self.header.base = save(&recovered.scene);
        self.make("")
    }

    fn sync(&mut self) -> io::Result<()> {
        self.unsynced = None;
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Removes the file if this writer made it. One that was left behind stays until it is replaced.
    fn remove(&mut self) -> io::Result<()> {
        self.unsynced = None;
        match self.file.take() {
            Some(file) => {
                drop(file);
                fs::remove_file(&self.path)
            }
            None => Ok(()),
        }
    }
}
