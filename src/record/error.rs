//! What can go wrong with a recording: what, where, and what to do.

use std::path::{Path, PathBuf};

/// Why a recording could not be written, opened or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The operating system refused a file.
    #[error("cannot {doing} `{}`: {reason}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The folder or file is no recording.
    #[error("`{}` is not a recording: {reason}", path.display())]
    NotARecording {
        /// What was opened.
        path: PathBuf,
        /// What is missing or odd.
        reason: String,
    },
    /// A listed file holds other bytes than were written.
    #[error("`{}` is damaged: its checksum is {found}, the manifest says {expected}", path.display())]
    Checksum {
        /// The damaged file.
        path: PathBuf,
        /// What the manifest lists.
        expected: String,
        /// What the bytes give.
        found: String,
    },
    /// A table cannot be read.
    #[error("table `{}` cannot be read: {reason}", path.display())]
    Table {
        /// The file of the table.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A newer program wrote it.
    #[error("`{}` has format version {found}, this program reads up to {supported}", path.display())]
    Version {
        /// What was opened.
        path: PathBuf,
        /// The version of the recording.
        found: u32,
        /// The newest version that is understood.
        supported: u32,
    },
    /// There is no such chunk.
    #[error("the recording has {chunks} chunks, number {index} was asked for")]
    NoSuchChunk {
        /// The number that was asked for.
        index: usize,
        /// How many there are.
        chunks: usize,
    },
    /// Rows were not kept, on request.
    #[error("this recording keeps statistics only, its rows were not kept")]
    RowsNotKept,
    /// The target is taken.
    #[error("`{}` exists already", path.display())]
    TargetExists {
        /// The path that is taken.
        path: PathBuf,
    },
    /// A packed file is not what packing writes.
    #[error("packed recording `{}` holds `{entry}`, which does not belong there", path.display())]
    ForeignEntry {
        /// The packed file.
        path: PathBuf,
        /// The entry's name.
        entry: String,
    },
    /// The thread that writes ended early.
    #[error("the writer of the recording ended before the run did")]
    WriterEnded,
    /// A thread that reads ended early.
    #[error("a reader of the recording ended before it was done")]
    ReaderEnded,
}

impl RecordError {
    /// What the person can do, as one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            RecordError::File { .. } => "check that the path exists, is writable and has room",
            RecordError::NotARecording { .. } => "give the folder or the packed file that `--record` or `pack` wrote",
            RecordError::Checksum { .. } => "copy the recording again, or simulate its scene again with the same seed",
            RecordError::Table { .. } => "copy the recording again, or simulate its scene again with the same seed",
            RecordError::Version { .. } => "open it with a newer version of this program",
            RecordError::NoSuchChunk { .. } => "ask for a chunk below the number of chunks",
            RecordError::RowsNotKept => "run the scene again and record it in memory or to a folder",
            RecordError::TargetExists { .. } => "choose another path, or move the old one away",
            RecordError::ForeignEntry { .. } => "pack the recording again from its folder",
            RecordError::ReaderEnded => "open the recording again; if it happens again, report it with the recording",
            RecordError::WriterEnded => "run the scene again; if it happens again, report it with the scene",
        }
    }

    /// The same for a refusal of the operating system.
    pub(crate) fn file(doing: &'static str, path: &Path, error: &std::io::Error) -> RecordError {
        RecordError::File { doing, path: path.to_path_buf(), reason: error.to_string() }
    }
}
