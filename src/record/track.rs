//! The engine track: how the machine fared while a run was computed.
//!
//! Invariant: it stands beside a recording, in no manifest and in no digest, since two runs that are
//! equal in every row differ here.

use std::fs::{self, File};
use std::path::Path;

use bytes::Bytes;

use crate::record::error::RecordError;
use crate::record::table::{Column, Columns, Table, TableWriter};
use crate::scene::time::SimTime;

/// The track's file in a recording's folder.
pub const TRACK: &str = "engine.parquet";

/// How one partition fared over some windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackRow {
    /// Simulated time at the end of the windows.
    pub until: SimTime,
    /// The partition.
    pub partition: u32,
    /// Windows in which it had something to do.
    pub windows: u32,
    /// Events that it worked off.
    pub events: u64,
    /// Messages that it handed to other partitions.
    pub transfers: u64,
    /// Nanoseconds of wall time that it took.
    pub wall: u64,
    /// Threads that worked at all partitions.
    pub threads: u32,
}

#[derive(Default)]
struct TrackColumns {
    until: Vec<u64>,
    partition: Vec<u32>,
    windows: Vec<u32>,
    events: Vec<u64>,
    transfers: Vec<u64>,
    wall: Vec<u64>,
    threads: Vec<u32>,
}

impl TrackColumns {
    fn push(&mut self, row: &TrackRow) {
        let TrackRow { until, partition, windows, events, transfers, wall, threads } = *row;
        self.until.push(until.nanos());
        self.partition.push(partition);
        self.windows.push(windows);
        self.events.push(events);
        self.transfers.push(transfers);
        self.wall.push(wall);
        self.threads.push(threads);
    }

    fn columns(&self) -> Columns<'_> {
        let TrackColumns { until, partition, windows, events, transfers, wall, threads } = self;
        vec![
            ("until", Column::Wide(until)),
            ("partition", Column::Medium(partition)),
            ("windows", Column::Medium(windows)),
            ("events", Column::Wide(events)),
            ("transfers", Column::Wide(transfers)),
            ("wall", Column::Wide(wall)),
            ("threads", Column::Medium(threads)),
        ]
    }
}

/// Writes a run's track to a recording's folder, over an older one.
pub fn write_track(folder: &Path, rows: &[TrackRow]) -> Result<(), RecordError> {
    let path = folder.join(TRACK);
    let aside = folder.join(format!("{TRACK}.part"));
    let mut columns = TrackColumns::default();
    rows.iter().for_each(|row| columns.push(row));
    let columns = columns.columns();
    let file = File::create(&aside).map_err(|error| RecordError::file("make", &aside, &error))?;
    let mut table = TableWriter::new(&aside, &columns, file)?;
    if !rows.is_empty() {
        table.write(&columns)?;
    }
    table.finish()?.sync_all().map_err(|error| RecordError::file("sync", &aside, &error))?;
    fs::rename(&aside, &path).map_err(|error| RecordError::file("rename to", &path, &error))
}

/// Reads the track of a recording's folder; `None` where it has none.
pub fn read_track(folder: &Path) -> Result<Option<Vec<TrackRow>>, RecordError> {
    let path = folder.join(TRACK);
    let bytes = match fs::read(&path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RecordError::file("read", &path, &error)),
    };
    let Some(table) = Table::read_only(&path, bytes)? else { return Ok(Some(Vec::new())) };
    let (until, partition, windows) = (table.wide("until")?, table.medium("partition")?, table.medium("windows")?);
    let (events, transfers, wall) = (table.wide("events")?, table.wide("transfers")?, table.wide("wall")?);
    let threads = table.medium("threads")?;
    let row = |at: usize| {
        Some(TrackRow {
            until: SimTime::from_nanos(*until.get(at)?),
            partition: *partition.get(at)?,
            windows: *windows.get(at)?,
            events: *events.get(at)?,
            transfers: *transfers.get(at)?,
            wall: *wall.get(at)?,
            threads: *threads.get(at)?,
        })
    };
    Ok(Some((0..table.rows()).filter_map(row).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_track(folder.path()), Ok(None));
        let row = |partition: u32| TrackRow {
            until: SimTime::from_nanos(7),
            partition,
            windows: 2,
            events: 300,
            transfers: 4,
            wall: 5_000,
            threads: 2,
        };
        for rows in [vec![row(0), row(1)], vec![]] {
            write_track(folder.path(), &rows).unwrap();
            assert_eq!(read_track(folder.path()), Ok(Some(rows)));
        }
    }
}
