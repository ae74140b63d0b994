//! Reading chunks and statistics back from a recording's files.
//!
//! Invariant: bytes are used only after their checksum was compared with the manifest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use bytes::Bytes;

use crate::record::chunk::Chunk;
use crate::record::error::RecordError;
use crate::record::manifest::{ChunkEntry, DOCUMENT_BYTES_MAX, Group, file_name, not_a_recording};
use crate::record::schema::{CHUNK_TABLES, TABLES, chunk_of, statistics_of};
use crate::record::statistics::{ChunkStatistics, Level};
use crate::record::table::Table;

/// Where files lie.
#[derive(Debug)]
pub enum Source {
    /// In a folder.
    Folder(PathBuf),
    /// In one packed file, by name: first byte and length.
    Packed {
        /// The packed file.
        path: PathBuf,
        /// It, opened.
        file: Mutex<File>,
        /// What it holds.
        entries: BTreeMap<String, (u64, u64)>,
    },
}

/// The files of a recording, and which chunk is in which.
#[derive(Debug)]
pub struct Shelf {
    source: Source,
    listed: RwLock<Listed>,
}

#[derive(Debug, Default)]
struct Listed {
    groups: Vec<Group>,
    /// For each chunk, its group and its place there.
    places: Vec<(usize, usize)>,
}

impl Source {
    /// The recording, for errors.
    pub fn path(&self) -> &Path {
        match self {
            Source::Folder(path) | Source::Packed { path, .. } => path,
        }
    }

    /// The bytes of a file.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, RecordError> {
        match self {
            Source::Folder(folder) => {
                let path = folder.join(name);
                fs::read(&path).map_err(|error| RecordError::file("read", &path, &error))
            }
            Source::Packed { path, file, entries } => {
                let Some((start, length)) = entries.get(name) else {
                    return Err(not_a_recording(path, format!("it holds no `{name}`")));
                };
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut bytes = Vec::new();
                let read =
                    file.seek(SeekFrom::Start(*start)).and_then(|_| (&mut *file).take(*length).read_to_end(&mut bytes));
                read.map_err(|error| RecordError::file("read", path, &error))?;
                Ok(bytes)
            }
        }
    }

    /// A document as text; refuses one that is absurdly long.
    pub fn document(&self, name: &str) -> Result<String, RecordError> {
        let length = match self {
            Source::Folder(folder) => {
                let path = folder.join(name);
                let metadata = fs::metadata(&path).map_err(|error| RecordError::file("read", &path, &error))?;
                metadata.len()
            }
            Source::Packed { entries, .. } => entries.get(name).map_or(0, |(_, length)| *length),
        };
        if length > DOCUMENT_BYTES_MAX {
            return Err(not_a_recording(self.path(), format!("its `{name}` has {length} bytes")));
        }
        String::from_utf8(self.read(name)?)
            .map_err(|_| not_a_recording(self.path(), format!("its `{name}` is no text")))
    }
}

impl Shelf {
    /// A shelf of the listed groups.
    pub fn new(source: Source, groups: Vec<Group>) -> Shelf {
        let shelf = Shelf { source, listed: RwLock::default() };
        groups.into_iter().for_each(|group| shelf.list(group));
        shelf
    }

    /// Adds a group that is complete.
    pub fn list(&self, group: Group) {
        let mut listed = self.listed.write().unwrap_or_else(PoisonError::into_inner);
        let number = listed.groups.len();
        listed.places.extend((0..group.chunks.len()).map(|place| (number, place)));
        listed.groups.push(group);
    }

    /// Chunks that can be read.
    pub fn chunks(&self) -> usize {
        self.listed.read().unwrap_or_else(PoisonError::into_inner).places.len()
    }

    /// The rows of a chunk.
    pub fn chunk(&self, index: usize) -> Result<Chunk, RecordError> {
        let place = self.place(index)?;
        let mut tables: [Option<Table>; CHUNK_TABLES] = Default::default();
        self.fill(&place, 0, &mut tables)?;
        let mut chunk = Chunk { start: place.entry.start, end: place.entry.end, ..Chunk::default() };
        chunk_of(&mut chunk, &tables)?;
        Ok(chunk)
    }

    /// The statistics of a chunk.
    pub fn statistics(&self, index: usize) -> Result<ChunkStatistics, RecordError> {
        let place = self.place(index)?;
        let mut tables: [Option<Table>; TABLES.len() - CHUNK_TABLES] = Default::default();
        self.fill(&place, CHUNK_TABLES, &mut tables)?;
        let mut keyframe: [Option<Table>; 1] = Default::default();
        self.fill(&place, CHUNK_TABLES - 1, &mut keyframe)?;
        let mut chunk = Chunk::default();
        let [samples] = keyframe;
        chunk_of(&mut chunk, &[None, None, None, None, None, None, samples])?;
        let mut statistics =
            ChunkStatistics { start: place.entry.start, end: place.entry.end, ..ChunkStatistics::default() };
        statistics.opening = Level::of_keyframe(&chunk.keyframe);
        statistics_of(&mut statistics, &tables)?;
        Ok(statistics)
    }

    fn place(&self, index: usize) -> Result<Place, RecordError> {
        let listed = self.listed.read().unwrap_or_else(PoisonError::into_inner);
        let chunks = listed.places.len();
        let missing = RecordError::NoSuchChunk { index, chunks };
        let (number, place) = *listed.places.get(index).ok_or_else(|| missing.clone())?;
        let group = listed.groups.get(number).ok_or_else(|| missing.clone())?;
        let entry = group.chunks.get(place).ok_or(missing)?;
        Ok(Place { number, place, group: group.clone(), entry: entry.clone() })
    }

    /// Reads the tables from number `first` on, each on a thread of its own: a seek takes as long as
    /// its largest table.
    fn fill(&self, place: &Place, first: usize, tables: &mut [Option<Table>]) -> Result<(), RecordError> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = tables
                .iter_mut()
                .zip(first..)
                .filter(|(_, number)| place.entry.rows.get(*number).is_some_and(|rows| *rows > 0))
                .map(|(slot, number)| scope.spawn(move || self.table(place, number).map(|table| *slot = Some(table))))
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join().unwrap_or(Err(RecordError::ReaderEnded)));
            joined.collect::<Result<Vec<()>, RecordError>>().map(drop)
        })
    }

    fn table(&self, place: &Place, number: usize) -> Result<Table, RecordError> {
        let (name, rows) = (TABLES.get(number).copied().unwrap_or_default(), place.entry.rows.get(number).copied());
        let file = file_name(name, place.number);
        let path = self.source.path().join(&file);
        let listed = place.group.file(name);
        let listed = listed.ok_or_else(|| not_a_recording(&path, "its manifest lists no checksum".to_owned()))?;
        let bytes = self.source.read(&file)?;
        listed.verify(&path, &bytes)?;
        let row_group = place.group.row_group(place.place, number);
        Table::read(&path, Bytes::from(bytes), row_group, rows.unwrap_or(0))
    }
}

struct Place {
    number: usize,
    place: usize,
    group: Group,
    entry: ChunkEntry,
}
