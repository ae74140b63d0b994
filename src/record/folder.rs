//! Writing a recording's folder.
//!
//! Invariant: a file gets its name only when it is complete: written aside, synced, renamed, then
//! listed. Killed at any moment, the folder opens up to the last listed chunk.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::record::chunk::Chunk;
use crate::record::error::RecordError;
use crate::record::manifest::{
    COMMANDS, ChunkEntry, FileEntry, Group, MANIFEST, Manifest, RECORDING_VERSION, SCENE, command_line, file_name,
};
use crate::record::recording::Plan;
use crate::record::schema::{ChunkTables, TABLES};
use crate::record::statistics::ChunkStatistics;
use crate::record::table::TableWriter;
use crate::scene::document::Scene;
use crate::scene::time::SimTime;
use crate::sim::row::CommandRow;

/// A group of chunks is complete with the chunk that brings it to so many rows over all tables. Fewer would make
/// many small files to sync; more would be lost in a crash and held in memory until then.
pub const GROUP_ROWS: usize = 1 << 20;
/// Bytes that are gathered before the system is asked to write.
const BUFFER_BYTES: usize = 1 << 18;

/// Whether files must outlive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Synced before they are listed.
    Durable,
    /// A scratch copy of what did not fit in memory; nobody opens it again.
    Scratch,
}

/// The folder of a recording that is being written.
pub struct FolderWriter {
    folder: PathBuf,
    durability: Durability,
    manifest: Manifest,
    group: OpenGroup,
}

#[derive(Default)]
struct OpenGroup {
    chunks: Vec<ChunkEntry>,
    rows: usize,
    tables: [Option<TableWriter<CheckedFile>>; TABLES.len()],
}

/// A file that sums up what is written to it.
struct CheckedFile {
    to: BufWriter<File>,
    hasher: Xxh3,
    bytes: u64,
}

impl Write for CheckedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

impl FolderWriter {
    /// Makes the folder, which must not exist or be empty, and writes the scene to it.
    pub fn create(
        folder: &Path,
        scene: &Scene,
        plan: Plan,
        durability: Durability,
    ) -> Result<FolderWriter, RecordError> {
        fs::create_dir_all(folder).map_err(|error| RecordError::file("make the folder", folder, &error))?;
        let mut entries = fs::read_dir(folder).map_err(|error| RecordError::file("read the folder", folder, &error))?;
        if entries.next().is_some() {
            return Err(RecordError::TargetExists { path: folder.to_path_buf() });
        }
        let text = crate::scene::text::save(scene);
        let manifest = Manifest {
            version: RECORDING_VERSION,
            seed: plan.seed,
            planned_end: plan.end,
            documents: vec![FileEntry::of(SCENE, text.as_bytes())],
            ..Manifest::default()
        };
        let writer = FolderWriter { folder: folder.to_path_buf(), durability, manifest, group: OpenGroup::default() };
        writer.write_aside(SCENE, text.as_bytes())?;
        writer.write_aside(COMMANDS, b"")?;
        writer.write_aside(MANIFEST, writer.manifest.text()?.as_bytes())?;
        Ok(writer)
    }

    /// Adds a chunk; gives the group that became complete and is listed now, if one did.
    pub fn add(&mut self, chunk: &Chunk, statistics: &ChunkStatistics) -> Result<Option<Group>, RecordError> {
        let tables = ChunkTables::new(chunk, statistics);
        let mut rows = Vec::with_capacity(TABLES.len());
        for (number, name) in TABLES.iter().enumerate() {
            rows.push(tables.rows(number));
            if tables.rows(number) == 0 {
                continue;
            }
            let columns = tables.columns(number);
            let Some(slot) = self.group.tables.get_mut(number) else { continue };
            let writer = match slot {
                Some(writer) => writer,
                None => {
                    let path = aside(&self.folder, &file_name(name, self.manifest.groups.len()));
                    slot.insert(TableWriter::new(&path, &columns, CheckedFile::create(&path)?)?)
                }
            };
            writer.write(&columns)?;
        }
        self.group.rows += rows.iter().sum::<usize>();
        self.group.chunks.push(ChunkEntry { start: chunk.start, end: chunk.end, rows });
        if self.group.rows >= GROUP_ROWS { self.close_group().map(Some) } else { Ok(None) }
    }

    /// Ends the recording at `end`; gives the last group.
    pub fn finish(mut self, end: SimTime) -> Result<Option<Group>, RecordError> {
        let last = if self.group.chunks.is_empty() { None } else { Some(self.close_group()?) };
        let path = self.folder.join(COMMANDS);
        let commands = fs::read(&path).map_err(|error| RecordError::file("read", &path, &error))?;
        self.manifest.documents.push(FileEntry::of(COMMANDS, &commands));
        self.manifest.finished = true;
        self.manifest.planned_end = None;
        self.manifest.end = end;
        self.write_aside(MANIFEST, self.manifest.text()?.as_bytes())?;
        Ok(last)
    }

    fn close_group(&mut self) -> Result<Group, RecordError> {
        let OpenGroup { chunks, tables, .. } = std::mem::take(&mut self.group);
        let number = self.manifest.groups.len();
        let mut files = Vec::new();
        for (table, name) in tables.into_iter().zip(TABLES) {
            let Some(table) = table else { continue };
            let file = table.finish()?;
            let place = file_name(name, number);
            let entry = file.complete(name, &aside(&self.folder, &place), self.durability)?;
            self.rename(&place)?;
            files.push(entry);
        }
        self.sync_folder()?;
        self.manifest.end = chunks.last().map_or(self.manifest.end, |chunk| chunk.end);
        let group = Group { chunks, files };
        self.manifest.groups.push(group.clone());
        self.write_aside(MANIFEST, self.manifest.text()?.as_bytes())?;
        Ok(group)
    }

    fn write_aside(&self, name: &str, bytes: &[u8]) -> Result<(), RecordError> {
        let path = aside(&self.folder, name);
        let mut file = File::create(&path).map_err(|error| RecordError::file("make", &path, &error))?;
        file.write_all(bytes).map_err(|error| RecordError::file("write", &path, &error))?;
        if self.durability == Durability::Durable {
            file.sync_all().map_err(|error| RecordError::file("sync", &path, &error))?;
        }
        drop(file);
        self.rename(name)?;
        self.sync_folder()
    }

    fn rename(&self, name: &str) -> Result<(), RecordError> {
        let path = self.folder.join(name);
        fs::rename(aside(&self.folder, name), &path).map_err(|error| RecordError::file("rename to", &path, &error))
    }

    /// Makes the new names outlive a crash; only Unix can and needs to sync a folder.
    fn sync_folder(&self) -> Result<(), RecordError> {
        if cfg!(unix) && self.durability == Durability::Durable {
            let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
            return folder.map_err(|error| RecordError::file("sync", &self.folder, &error));
        }
        Ok(())
    }
}

impl CheckedFile {
    fn create(path: &Path) -> Result<CheckedFile, RecordError> {
        let file = File::create(path).map_err(|error| RecordError::file("make", path, &error))?;
        Ok(CheckedFile { to: BufWriter::with_capacity(BUFFER_BYTES, file), hasher: Xxh3::new(), bytes: 0 })
    }

    fn complete(self, table: &str, path: &Path, durability: Durability) -> Result<FileEntry, RecordError> {
        let CheckedFile { to, hasher, bytes } = self;
        let file = to.into_inner().map_err(|error| RecordError::file("write", path, error.error()))?;
        if durability == Durability::Durable {
            file.sync_all().map_err(|error| RecordError::file("sync", path, &error))?;
        }
        Ok(FileEntry { name: table.to_owned(), bytes, checksum: format!("{:032x}", hasher.digest128()) })
    }
}

/// Where a file is written until it is complete.
fn aside(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.part"))
}

/// The file of commands, which grows as commands act.
pub struct CommandFile {
    path: PathBuf,
    file: File,
}

impl CommandFile {
    /// Opens the file in a folder that a [`FolderWriter`] made.
    pub fn open(folder: &Path) -> Result<CommandFile, RecordError> {
        let path = folder.join(COMMANDS);
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|error| RecordError::file("open", &path, &error))?;
        Ok(CommandFile { path, file })
    }

    /// Adds commands and makes them outlive a crash.
    pub fn append(&mut self, commands: &[CommandRow]) -> Result<(), RecordError> {
        if commands.is_empty() {
            return Ok(());
        }
        let lines = commands.iter().map(command_line).collect::<Result<Vec<String>, RecordError>>()?;
        let written = self.file.write_all(lines.concat().as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| RecordError::file("write", &self.path, &error))
    }
}
