//! The manifest: which files a recording has and what stands in them.
//!
//! Invariant: a file is listed only after it is complete on disk, so whatever is listed can be read,
//! and what a crash left half written is not listed.
//! Invariant: file names follow from tables and numbers; no path is ever taken from a manifest.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::record::error::RecordError;
use crate::record::schema::TABLES;
use crate::scene::time::SimTime;
use crate::sim::row::{CommandRow, RowKey};

/// The version of the format that this program writes.
pub const RECORDING_VERSION: u32 = 1;
/// The manifest's own file.
pub const MANIFEST: &str = "manifest.ron";
/// The scene that was run.
pub const SCENE: &str = "scene.ron";
/// Commands and faults, one RON value a line, in the order in which they acted.
pub const COMMANDS: &str = "commands.ron";
/// Bytes of a manifest, scene or list of commands that are read at most.
pub const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// What a recording consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format version.
    pub version: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Whether the run was ended; otherwise it was cut short after the last listed chunk.
    pub finished: bool,
    /// The recording's end.
    pub end: SimTime,
    /// Where the run is to end, if that is known; nothing once it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_end: Option<SimTime>,
    /// The scene and, once finished, the commands.
    pub documents: Vec<FileEntry>,
    /// Groups of chunks in order.
    pub groups: Vec<Group>,
}

/// Chunks whose tables share files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Chunks in order.
    pub chunks: Vec<ChunkEntry>,
    /// One file for each table that has rows.
    pub files: Vec<FileEntry>,
}

/// A chunk's span, and its rows in each of [`TABLES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkEntry {
    /// First instant.
    pub start: SimTime,
    /// The instant after the last.
    pub end: SimTime,
    /// Rows by table, in the order of [`TABLES`].
    pub rows: Vec<usize>,
}

/// A file that is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its table, or its name for documents.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// XXH3 of its bytes, 128 bits in hexadecimal.
    pub checksum: String,
}

/// The file of a table in a group.
pub fn file_name(table: &str, group: usize) -> String {
    format!("{table}-{group:06}.parquet")
}

/// The checksum of bytes, as a manifest lists it.
pub fn checksum(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

impl FileEntry {
    /// The entry of a document with these bytes.
    pub fn of(name: &str, bytes: &[u8]) -> FileEntry {
        FileEntry { name: name.to_owned(), bytes: bytes.len() as u64, checksum: checksum(bytes) }
    }

    /// Refuses bytes that are not those that were listed.
    pub fn verify(&self, path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
        let found = checksum(bytes);
        if found == self.checksum && bytes.len() as u64 == self.bytes {
            return Ok(());
        }
        Err(RecordError::Checksum { path: path.to_path_buf(), expected: self.checksum.clone(), found })
    }
}

impl Group {
    /// The row group of chunk `chunk` in the file of table `table`: chunks without rows have none.
    pub fn row_group(&self, chunk: usize, table: usize) -> usize {
        let earlier = self.chunks.iter().take(chunk);
        earlier.filter(|entry| entry.rows.get(table).is_some_and(|rows| *rows > 0)).count()
    }

    /// The listed file of a table, if it has rows.
    pub fn file(&self, table: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == table)
    }
}

impl Manifest {
    /// The manifest as text.
    pub fn text(&self) -> Result<String, RecordError> {
        let layout = ron::ser::PrettyConfig::new().new_line("\n").indentor(" ").depth_limit(3);
        let text = ron::ser::to_string_pretty(self, layout);
        text.map(|text| text + "\n").map_err(|error| not_a_recording(Path::new(MANIFEST), error.to_string()))
    }

    /// Reads a manifest's text; `path` is the recording, for errors.
    pub fn parse(path: &Path, text: &str) -> Result<Manifest, RecordError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let unreadable = |error: String| not_a_recording(path, format!("its {MANIFEST} is unreadable: {error}"));
        let Versioned { version: found } = ron::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        if found > RECORDING_VERSION {
            return Err(RecordError::Version { path: path.to_path_buf(), found, supported: RECORDING_VERSION });
        }
        let manifest: Manifest = ron::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        manifest.check(path)?;
        Ok(manifest)
    }

    /// Refuses a manifest whose chunks do not follow one another.
    fn check(&self, path: &Path) -> Result<(), RecordError> {
        let mut at = SimTime::ZERO;
        for (number, chunk) in self.groups.iter().flat_map(|group| &group.chunks).enumerate() {
            if chunk.start != at || chunk.end < chunk.start || chunk.rows.len() != TABLES.len() {
                return Err(not_a_recording(
                    path,
                    format!("chunk {number} of its manifest does not follow the others"),
                ));
            }
            at = chunk.end;
        }
        let named = |file: &FileEntry| TABLES.contains(&file.name.as_str());
        if let Some(file) = self.groups.iter().flat_map(|group| &group.files).find(|file| !named(file)) {
            return Err(not_a_recording(path, format!("its manifest lists a table `{}`", file.name)));
        }
        if self.end != at && (self.finished || self.end > at) {
            return Err(not_a_recording(path, "its manifest ends where no chunk ends".to_owned()));
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct CommandLine {
    time: u64,
    node: u32,
    number: u32,
    command: String,
}

/// A command as a line of [`COMMANDS`].
pub fn command_line(command: &CommandRow) -> Result<String, RecordError> {
    let CommandRow { key, text } = command;
    let line = CommandLine { time: key.time.nanos(), node: key.node, number: key.number, command: text.clone() };
    let line = ron::to_string(&line).map_err(|error| not_a_recording(Path::new(COMMANDS), error.to_string()))?;
    Ok(line + "\n")
}

/// The commands of a file of lines. A last line that a crash cut short is left out.
pub fn parse_commands(path: &Path, text: &str) -> Result<Vec<CommandRow>, RecordError> {
    let mut commands = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n')) {
        let CommandLine { time, node, number: row, command } = ron::from_str(line).map_err(|error| {
            not_a_recording(path, format!("line {} of its {COMMANDS} is unreadable: {error}", number + 1))
        })?;
        let key = RowKey { time: SimTime::from_nanos(time), node, number: row };
        commands.push(CommandRow { key, text: command });
    }
    Ok(commands)
}

pub(crate) fn not_a_recording(path: &Path, reason: String) -> RecordError {
    RecordError::NotARecording { path: PathBuf::from(path), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let text = "(version: 99, shape: \"unknown\")";
        let error = Manifest::parse(Path::new("a"), text).unwrap_err();
        assert_eq!(error, RecordError::Version { path: PathBuf::from("a"), found: 99, supported: RECORDING_VERSION });
    }

    #[test]
    fn a_torn_last_command_is_left_out() {
        let command = CommandRow { key: RowKey::default(), text: "Stop(\"a\")\n".to_owned() };
        let line = command_line(&command).unwrap();
        let torn = format!("{line}{}", &line[..line.len() / 2]);
        assert_eq!(parse_commands(Path::new("a"), &torn), Ok(vec![command]));
    }

    #[test]
    fn chunks_must_follow_one_another() {
        let chunk = |start, end| ChunkEntry {
            start: SimTime::from_nanos(start),
            end: SimTime::from_nanos(end),
            rows: vec![0; TABLES.len()],
        };
        let group = Group { chunks: vec![chunk(0, 5), chunk(6, 9)], files: vec![] };
        let manifest = Manifest { version: 1, groups: vec![group], ..Manifest::default() };
        let text = manifest.text().unwrap();
        assert!(matches!(Manifest::parse(Path::new("a"), &text), Err(RecordError::NotARecording { .. })));
    }
}
