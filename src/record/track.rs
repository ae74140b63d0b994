//! The engine track: how the machine fared while a run was computed.
//!
//! Invariant: it stands beside a recording, in no manifest and in no digest, since two runs that are
//! equal in every row differ here.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::record::error::RecordError;
use crate::record::table::{Column, Columns, Table, TableWriter};
use crate::scene::time::SimTime;
use crate::sim::track::EngineStep;

/// Wall time that a row stands for at least.
const INTERVAL: Duration = Duration::from_millis(100);
/// After each so many rows the interval doubles, so that a long run's track stays small.
const ROWS_A_DOUBLING: usize = 1 << 16;

/// The track's file in a recording's folder.
pub const TRACK: &str = "engine.parquet";

/// How one partition fared over some windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackRow {
    /// Simulated time at the end of the windows.
    pub until: SimTime,
    /// The partition.
    pub partition: u32,
    /// Windows that all partitions ran; none while one queue held everything.
    pub windows: u32,
    /// Events that it worked off: its load.
    pub events: u64,
    /// Events that it took over from other partitions.
    pub transfers: u64,
    /// Nanoseconds of wall time that all partitions took together.
    pub wall: u64,
    /// Threads that worked at all partitions.
    pub threads: u32,
}

/// Gathers a run's track while the run goes on.
#[derive(Debug)]
pub struct Tracker {
    folder: PathBuf,
    /// When the open rows began.
    since: Instant,
    interval: Duration,
    open: Vec<TrackRow>,
    rows: Vec<TrackRow>,
}

impl Tracker {
    /// A track for the recording in `folder`, which begins now.
    pub fn begin(folder: &Path) -> Tracker {
        let folder = folder.to_path_buf();
        Tracker { folder, since: Instant::now(), interval: INTERVAL, open: Vec::new(), rows: Vec::new() }
    }

    /// Takes what partitions did up to now.
    pub fn take(&mut self, step: &EngineStep) {
        let EngineStep { until, windows, threads, loads } = step;
        if self.open.len() != loads.len() {
            self.close_rows();
            let row = |partition| TrackRow { partition, ..TrackRow::default() };
            self.open = (0u32..).take(loads.len()).map(row).collect();
        }
        for (row, load) in self.open.iter_mut().zip(loads) {
            row.until = *until;
            row.windows = row.windows.saturating_add(u32::try_from(*windows).unwrap_or(u32::MAX));
            row.events += load.events;
            row.transfers += load.transfers;
            row.threads = *threads;
        }
        if self.since.elapsed() >= self.interval {
            self.close_rows();
        }
    }

    /// Writes the track beside the recording.
    pub fn finish(mut self) -> Result<(), RecordError> {
        self.close_rows();
        write_track(&self.folder, &self.rows)
    }

    fn close_rows(&mut self) {
        let wall = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.since = Instant::now();
        let doublings = self.rows.len() / ROWS_A_DOUBLING;
        for row in &mut self.open {
            self.rows.push(TrackRow { wall, ..*row });
            *row = TrackRow { partition: row.partition, ..TrackRow::default() };
        }
        if self.rows.len() / ROWS_A_DOUBLING > doublings {
            self.interval = self.interval.saturating_mul(2);
        }
    }
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
    use crate::sim::track::Load;

    #[test]
    fn steps_add_up_and_a_change_of_split_begins_new_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut tracker = Tracker::begin(folder.path());
        let step = |until: u64, loads: Vec<Load>| EngineStep {
            until: SimTime::from_nanos(until),
            windows: 2,
            threads: 3,
            loads,
        };
        let load = |events| Load { events, transfers: 1 };
        tracker.take(&step(10, vec![load(5)]));
        tracker.take(&step(20, vec![load(7), load(8)]));
        tracker.take(&step(30, vec![load(9), load(1)]));
        tracker.finish().unwrap();
        let rows = read_track(folder.path()).unwrap().unwrap();
        let events = |partition: u32| -> u64 {
            rows.iter().filter(|row| row.partition == partition).map(|row| row.events).sum()
        };
        assert_eq!((events(0), events(1)), (21, 9));
        assert_eq!(rows.iter().map(|row| row.transfers).sum::<u64>(), 5);
        assert_eq!(rows.iter().map(|row| row.until.nanos()).max(), Some(30));
        assert!(rows.iter().all(|row| row.threads == 3));
    }

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
