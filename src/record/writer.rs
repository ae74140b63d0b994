//! The writer: the thread that turns deliveries into chunks, statistics and files.
//!
//! Invariant: only the writer adds to a recording. It may make the engine wait, since its channels
//! are bounded; readers never wait longer than one batch takes to append.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use crate::record::chunk::{Chunk, ChunkSpan, Keyframe};
use crate::record::error::RecordError;
use crate::record::filer::Filer;
use crate::record::folder::CommandFile;
use crate::record::memory::Cached;
use crate::record::order::canonical;
use crate::record::recording::{Closed, CutShort, Open, Plan, Recording, RowsKept, State};
use crate::record::statistics::{ChunkStatistics, Cursor};
use crate::record::track::Tracker;
use crate::scene::document::Scene;
use crate::scene::time::SimTime;
use crate::sim::row::{Delivery, Rows};

/// Deliveries that wait for the writer at most; more make the engine wait.
const DELIVERIES_WAITING: usize = 64;
/// Rows that are put in order together at most: a few megabytes, so that readers soon see them.
const BATCH_ROWS: usize = 1 << 17;

/// Where a recording goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Kept in memory; what passes the budget goes to a scratch folder.
    Memory,
    /// Written to a folder that does not exist yet, or is empty.
    Folder(PathBuf),
    /// Only statistics are kept, no rows.
    StatisticsOnly,
}

/// The thread that writes.
pub struct WriterHandle {
    thread: JoinHandle<Result<(), RecordError>>,
}

impl WriterHandle {
    /// Waits until everything is written, after [`Delivery::End`] was sent or the sender dropped.
    pub fn join(self) -> Result<(), RecordError> {
        self.thread.join().unwrap_or(Err(RecordError::WriterEnded))
    }
}

/// Begins a recording: where deliveries go, where they can be seen, and the thread in between.
pub fn spawn(
    scene: Scene,
    target: Target,
    seed: u64,
) -> Result<(Sender<Delivery>, Recording, WriterHandle), RecordError> {
    spawn_planned(scene, target, Plan { seed, end: None })
}

/// Begins a recording of a run whose end may be known, so that a crash does not hide it.
pub fn spawn_planned(
    scene: Scene,
    target: Target,
    plan: Plan,
) -> Result<(Sender<Delivery>, Recording, WriterHandle), RecordError> {
    let state = State { open: Some(Open::default()), ..State::default() };
    let rows = if target == Target::StatisticsOnly { RowsKept::No } else { RowsKept::Yes };
    let recording = Recording::new(scene, plan, CutShort::No, rows, state);
    let (filing, beside) = match target {
        Target::Memory | Target::StatisticsOnly => (Filing::WhenFull, None),
        Target::Folder(folder) => {
            let filer = Filer::durable(&folder, &recording)?;
            let beside = Beside { commands: CommandFile::open(&folder)?, track: Tracker::begin(&folder) };
            (Filing::Now(filer), Some(beside))
        }
    };
    let (sender, receiver) = crossbeam_channel::bounded(DELIVERIES_WAITING);
    let writer = Writer { recording: recording.clone(), filing, beside };
    let thread = std::thread::Builder::new().name("recording".to_owned());
    let thread = thread.spawn(move || writer.run(&receiver)).map_err(|_| RecordError::WriterEnded)?;
    Ok((sender, recording, WriterHandle { thread }))
}

struct Writer {
    recording: Recording,
    filing: Filing,
    beside: Option<Beside>,
}

/// What a folder holds besides chunks.
struct Beside {
    commands: CommandFile,
    track: Tracker,
}

/// Where complete chunks go.
enum Filing {
    /// They stay in memory until that is full.
    WhenFull,
    /// To files.
    Now(Filer),
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Delivery>) -> Result<(), RecordError> {
        let written = self.take_all(receiver);
        let filed = match (self.filing, &written) {
            (Filing::Now(filer), Ok(end)) => filer.finish(*end),
            _ => Ok(()),
        };
        let tracked = self.beside.map_or(Ok(()), |beside| beside.track.finish());
        let result = written.and(filed).and(tracked).map_err(|error| {
            // The thread that files may have failed first, and knows why.
            self.recording.shared.fail(error.clone());
            self.recording.failure().unwrap_or(error)
        });
        self.recording.shared.write().open = None;
        self.recording.shared.touch();
        result
    }

    /// Takes deliveries until the run ends; gives the last instant.
    fn take_all(&mut self, receiver: &Receiver<Delivery>) -> Result<SimTime, RecordError> {
        let mut until = SimTime::ZERO;
        let mut end = None;
        while end.is_none() {
            let Ok(first) = receiver.recv() else { break };
            let mut batch = Vec::new();
            let mut rows = 0;
            let mut next = Some(first);
            while let Some(delivery) = next.take() {
                match delivery {
                    Delivery::Rows { parts, until: later } => {
                        rows += parts.iter().map(Rows::len).sum::<usize>();
                        batch.extend(parts);
                        until = until.max(later);
                    }
                    Delivery::Step(step) => {
                        if let Some(beside) = &mut self.beside {
                            beside.track.take(&step);
                        }
                    }
                    Delivery::End { at } => end = Some(at),
                }
                if rows < BATCH_ROWS && end.is_none() {
                    next = receiver.try_recv().ok();
                }
            }
            self.take(batch, until)?;
        }
        let end = end.unwrap_or(until);
        self.take(Vec::new(), end)?;
        self.close_last(end)?;
        Ok(end)
    }

    fn take(&mut self, batch: Vec<Rows>, until: SimTime) -> Result<(), RecordError> {
        let mut rows = canonical(batch);
        if let Some(beside) = &mut self.beside {
            beside.commands.append(&rows.commands)?;
        }
        let mut closed = Vec::new();
        let shared = self.recording.shared.clone();
        let mut state = shared.write();
        let Some(open) = state.open.as_mut() else { return Ok(()) };
        open.chunk.append(&mut rows);
        open.chunk.end = until;
        let mut cursor = Cursor::default();
        while let Some(cut) = open.chunk.cut_at(until) {
            open.collector.fold(&rows, &mut cursor, cut);
            let mut next = open.chunk.split(cut);
            next.make_room_like(&open.chunk);
            closed.push((std::mem::replace(&mut open.chunk, next), open.collector.close_chunk(cut)));
        }
        open.collector.fold(&rows, &mut cursor, SimTime::MAX);
        state.end = until;
        let closed = closed.into_iter().map(|(chunk, statistics)| self.keep(&mut state, chunk, statistics)).collect();
        drop(state);
        shared.touch();
        self.file(closed)
    }

    fn keep(&self, state: &mut State, mut chunk: Chunk, statistics: ChunkStatistics) -> Complete {
        let span = ChunkSpan {
            index: state.closed.len(),
            start: chunk.start,
            end: chunk.end,
            open: false,
            hops: chunk.hops.len(),
        };
        state.commands.extend(chunk.commands.rows());
        if self.recording.shared.rows_kept() == RowsKept::No {
            // Statistics are read back with the levels of the keyframe's samples.
            let keyframe = Keyframe { samples: chunk.keyframe.samples, hops: Vec::new() };
            chunk = Chunk { start: chunk.start, end: chunk.end, keyframe, ..Chunk::default() };
        }
        chunk.shrink();
        let used = self.recording.shared.next_use();
        let complete = Complete { chunk: Arc::new(chunk), statistics: Arc::new(statistics) };
        let Complete { chunk, statistics } = complete.clone();
        let (row_bytes, statistic_bytes) = (chunk.bytes(), statistics.bytes());
        state.closed.push(Closed {
            span,
            rows: Cached::new(chunk, row_bytes, used),
            statistics: Cached::new(statistics, statistic_bytes, used),
        });
        complete
    }

    /// Sends complete chunks to files; begins a scratch folder where memory has become full.
    fn file(&mut self, closed: Vec<Complete>) -> Result<(), RecordError> {
        match &self.filing {
            Filing::Now(filer) => closed.into_iter().try_for_each(|complete| filer.file(complete)),
            Filing::WhenFull => {
                let budget = self.recording.shared.read().memory.budget;
                if self.recording.memory() <= budget {
                    return Ok(());
                }
                let filer = Filer::scratch(&self.recording)?;
                for complete in self.all_complete()? {
                    filer.file(complete)?;
                }
                self.filing = Filing::Now(filer);
                Ok(())
            }
        }
    }

    /// Every complete chunk; all are in memory while nothing is filed.
    fn all_complete(&self) -> Result<Vec<Complete>, RecordError> {
        let shared = &self.recording.shared;
        let state = shared.read();
        let complete = state.closed.iter().map(|closed| {
            let used = shared.next_use();
            Some(Complete { chunk: closed.rows.get(used)?, statistics: closed.statistics.get(used)? })
        });
        // Nothing leaves memory before it is filed, so none is missing.
        complete.collect::<Option<Vec<Complete>>>().ok_or(RecordError::RowsNotKept)
    }

    fn close_last(&mut self, end: SimTime) -> Result<(), RecordError> {
        let shared = self.recording.shared.clone();
        let mut state = shared.write();
        let Some(mut open) = state.open.take() else { return Ok(()) };
        open.chunk.end = end;
        let mut closed = Vec::new();
        if !open.chunk.is_empty() || open.chunk.start < end || state.closed.is_empty() {
            let statistics = open.collector.close_chunk(end);
            closed.push(self.keep(&mut state, open.chunk, statistics));
        }
        drop(state);
        self.file(closed)
    }
}

/// A chunk that is complete, with its statistics.
#[derive(Clone)]
pub(crate) struct Complete {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) statistics: Arc<ChunkStatistics>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::chunk::{CHUNK_GRID, CHUNK_ROWS};
    use crate::record::digest::digest;
    use crate::record::sketch::{Size, deliveries, rows};
    use crate::scene::time::SimSpan;

    fn record(rows: &Rows, untils: Vec<SimTime>, parts: u32, end: SimTime) -> Recording {
        let (sender, recording, writer) = spawn(Scene::default(), Target::Memory, 1).unwrap();
        deliveries(rows, untils, parts, end).into_iter().for_each(|delivery| sender.send(delivery).unwrap());
        writer.join().unwrap();
        recording
    }

    #[test]
    fn a_chunk_closes_at_the_first_grid_instant_with_enough_rows() {
        let length = SimSpan::from_seconds(3);
        let rows = rows(1, Size { nodes: 20, hops: 400_000, length });
        let recording = record(&rows, vec![], 1, SimTime::ZERO + length);
        let chunks = recording.chunks();
        assert!(chunks.len() >= 3, "{chunks:?}");
        for (span, next) in chunks.iter().zip(&chunks[1..]) {
            assert_eq!(span.end, next.start);
            assert_eq!(span.end.nanos() % CHUNK_GRID.nanos(), 0);
            let chunk = recording.chunk(span.index).unwrap();
            assert!(chunk.len() >= CHUNK_ROWS);
            let last_grid = SimTime::from_nanos(span.end.nanos() - CHUNK_GRID.nanos());
            let before = |times: &[u64]| times.iter().filter(|time| **time < last_grid.nanos()).count();
            let early = before(&chunk.hops.depart) + before(&chunk.receipts.time) + before(&chunk.samples.time);
            assert!(early < CHUNK_ROWS, "chunk {} could have closed earlier", span.index);
            let next = recording.chunk(next.index).unwrap();
            assert!(next.keyframe.hops.iter().all(|hop| hop.key.time < next.start && hop.arrive >= next.start));
            assert!(!next.keyframe.hops.is_empty());
        }
        assert_eq!(chunks.iter().map(|span| span.hops).sum::<usize>(), 400_000);
    }

    #[test]
    fn a_recording_ends_exactly_where_it_was_ended() {
        let end = SimTime::from_nanos(1_234_567_891);
        let (sender, recording, writer) = spawn(Scene::default(), Target::Memory, 1).unwrap();
        sender.send(Delivery::End { at: end }).unwrap();
        writer.join().unwrap();
        assert_eq!(recording.end(), end);
        assert!(recording.finished());
        assert_eq!(recording.chunks().len(), 1);
    }

    #[test]
    fn statistics_alone_keep_no_rows() {
        let length = SimSpan::from_millis(300);
        let rows = rows(3, Size { nodes: 3, hops: 1_000, length });
        let (sender, recording, writer) = spawn(Scene::default(), Target::StatisticsOnly, 1).unwrap();
        let end = SimTime::ZERO + length;
        deliveries(&rows, vec![], 1, end).into_iter().for_each(|delivery| sender.send(delivery).unwrap());
        writer.join().unwrap();
        assert_eq!(recording.chunk(0), Err(RecordError::RowsNotKept));
        let whole = record(&rows, vec![], 1, end);
        assert_eq!(recording.window(SimTime::ZERO, end), whole.window(SimTime::ZERO, end));
    }

    #[test]
    fn statistics_alone_keep_their_budget() {
        let length = SimSpan::from_seconds(3);
        let rows = rows(4, Size { nodes: 20, hops: 400_000, length });
        let end = SimTime::ZERO + length;
        let whole = record(&rows, vec![], 1, end);
        let (sender, recording, writer) = spawn(Scene::default(), Target::StatisticsOnly, 1).unwrap();
        recording.set_memory_budget(10_000);
        let untils = (1..30).map(|tenth| SimTime::ZERO + SimSpan::from_millis(tenth * 100)).collect();
        deliveries(&rows, untils, 1, end).into_iter().for_each(|delivery| sender.send(delivery).unwrap());
        writer.join().unwrap();
        assert!(recording.memory() <= 10_000, "{} bytes are in memory", recording.memory());
        assert_eq!(recording.window(SimTime::ZERO, end), whole.window(SimTime::ZERO, end));
        assert_eq!(recording.chunk(0), Err(RecordError::RowsNotKept));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn any_split_in_parts_and_deliveries_gives_the_same_recording(
            seed in any::<u64>(), cuts in prop::collection::vec(0u64..2_500, 0..40), parts in 1u32..9, many in any::<bool>(),
        ) {
            let length = SimSpan::from_millis(2_500);
            let hops = if many { 200_000 } else { 3_000 };
            let rows = rows(seed, Size { nodes: 13, hops, length });
            let end = SimTime::ZERO + length;
            let alone = digest(&record(&rows, vec![], 1, end)).unwrap();
            let untils = cuts.iter().map(|cut| SimTime::ZERO + SimSpan::from_millis(*cut)).collect();
            prop_assert_eq!(alone, digest(&record(&rows, untils, parts, end)).unwrap());
        }
    }
}
