//! The recording: what is shared between the thread that writes and everybody who looks.
//!
//! Invariant: everything before `end` is there and never changes; a reader sees whole deliveries.
//! Invariant: a reader needs nothing from the engine; a finished recording and one that is being
//! written answer the same questions by the same code.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tempfile::TempDir;

use crate::record::chunk::{Chunk, ChunkSpan};
use crate::record::error::RecordError;
use crate::record::manifest::Manifest;
use crate::record::memory::{Cached, Memory};
use crate::record::shelf::Shelf;
use crate::record::statistics::{ChunkStatistics, Collector};
use crate::record::window::WindowStatistics;
use crate::scene::document::Scene;
use crate::scene::time::SimTime;
use crate::sim::id::NodeIndex;
use crate::sim::row::{CommandRow, LogRow, SampleRow};

/// A recording, finished or being written. Cheap to clone.
#[derive(Clone)]
pub struct Recording {
    pub(crate) shared: Arc<Shared>,
}

/// How full a node is at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeFigures {
    /// Messages waiting.
    pub depth: u32,
    /// Messages handed out and not settled.
    pub in_flight: u32,
    /// Servers or environments at work.
    pub busy: u32,
    /// Bits of [`crate::sim::row::Condition`].
    pub condition: u8,
}

/// What a series shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Mean number of messages waiting.
    Depth,
    /// Mean number of messages handed out.
    InFlight,
    /// Mean number of servers at work.
    Busy,
    /// Messages that came, a second.
    Arrivals,
    /// Messages sent, a second.
    Departures,
    /// Messages turned away, failed or dead-lettered on arrival, a second.
    Errors,
}

pub(crate) struct Shared {
    pub(crate) scene: Arc<Scene>,
    pub(crate) plan: Plan,
    cut_short: CutShort,
    rows: RowsKept,
    revision: AtomicU64,
    uses: AtomicU64,
    state: RwLock<State>,
    snapshot: Mutex<Option<(u64, Arc<Chunk>)>>,
    failure: Mutex<Option<RecordError>>,
    shelf: OnceLock<Arc<Shelf>>,
    scratch: OnceLock<TempDir>,
}

/// What the scene alone does not say of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Seed of all draws.
    pub seed: u64,
    /// Where the run is to end; `None` where a person decides.
    pub end: Option<SimTime>,
}

/// Whether a recording was ended, or ends where a crash left it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CutShort {
    /// The run was ended, or still goes on.
    #[default]
    No,
    /// What came after the end is lost and can be run again.
    Yes,
}

/// Whether rows can be looked at, or only statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowsKept {
    /// In memory or in files.
    Yes,
    /// They are dropped as chunks close.
    No,
}

/// What the lock guards.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) closed: Vec<Closed>,
    pub(crate) open: Option<Open>,
    pub(crate) end: SimTime,
    pub(crate) commands: Vec<CommandRow>,
    pub(crate) memory: Memory,
}

/// A chunk that is complete.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) span: ChunkSpan,
    pub(crate) rows: Cached<Chunk>,
    pub(crate) statistics: Cached<ChunkStatistics>,
}

/// The chunk that rows still go to.
#[derive(Default)]
pub(crate) struct Open {
    pub(crate) chunk: Chunk,
    pub(crate) collector: Collector,
}

impl Shared {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn touch(&self) {
        self.revision.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn fail(&self, error: RecordError) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        self.revision.fetch_add(1, Ordering::Release);
    }

    /// The files of the recording; `scratch` is removed with the last clone of it.
    pub(crate) fn put_on_shelf(&self, shelf: Arc<Shelf>, scratch: Option<TempDir>) {
        // A recording gets files once; a second time would be a bug of the writer.
        let first = self.shelf.set(shelf).is_ok();
        assert!(first, "a recording has one shelf");
        if let Some(scratch) = scratch {
            let first = self.scratch.set(scratch).is_ok();
            assert!(first, "a recording has one scratch folder");
        }
    }

    pub(crate) fn shelf(&self) -> Option<&Arc<Shelf>> {
        self.shelf.get()
    }

    pub(crate) fn rows_kept(&self) -> RowsKept {
        self.rows
    }

    /// The next value of the clock by which what was used last is known.
    pub(crate) fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    /// Drops what was used longest ago and can be read back, until the budget is kept.
    pub(crate) fn keep_budget(&self, state: &mut State) {
        let shelved = self.shelf().map_or(0, |shelf| shelf.chunks());
        let State { closed, open, memory, .. } = state;
        let open = open.as_ref().map_or(0, |open| open.chunk.bytes());
        memory.keep(closed.get_mut(..shelved).unwrap_or_default(), open);
    }
}

impl Recording {
    pub(crate) fn new(scene: Scene, plan: Plan, cut_short: CutShort, rows: RowsKept, state: State) -> Recording {
        Recording {
            shared: Arc::new(Shared {
                scene: Arc::new(scene),
                plan,
                cut_short,
                rows,
                revision: AtomicU64::new(0),
                uses: AtomicU64::new(0),
                state: RwLock::new(state),
                snapshot: Mutex::new(None),
                failure: Mutex::new(None),
                shelf: OnceLock::new(),
                scratch: OnceLock::new(),
            }),
        }
    }

    /// A recording that lies on a shelf.
    pub(crate) fn opened(scene: Scene, manifest: &Manifest, commands: Vec<CommandRow>, shelf: Shelf) -> Recording {
        let chunks = manifest.groups.iter().flat_map(|group| &group.chunks);
        let closed = chunks.enumerate().map(|(index, chunk)| Closed {
            span: ChunkSpan {
                index,
                start: chunk.start,
                end: chunk.end,
                open: false,
                hops: chunk.rows.first().copied().unwrap_or(0),
            },
            rows: Cached::default(),
            statistics: Cached::default(),
        });
        let state = State { closed: closed.collect(), end: manifest.end, commands, ..State::default() };
        let cut_short = if manifest.finished { CutShort::No } else { CutShort::Yes };
        let plan = Plan { seed: manifest.seed, end: manifest.planned_end };
        let recording = Recording::new(scene, plan, cut_short, RowsKept::Yes, state);
        recording.shared.put_on_shelf(Arc::new(shelf), None);
        recording
    }

    /// The scene that was run.
    pub fn scene(&self) -> &Scene {
        &self.shared.scene
    }

    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        self.shared.plan.seed
    }

    /// Where the run was to end, while it goes on or where it was cut short; `None` where that was left open.
    pub fn planned_end(&self) -> Option<SimTime> {
        self.shared.plan.end
    }

    /// Everything before this instant is recorded.
    pub fn end(&self) -> SimTime {
        self.shared.read().end
    }

    /// Whether nothing more will come.
    pub fn finished(&self) -> bool {
        self.shared.read().open.is_none()
    }

    /// Whether it ends where a crash left it.
    pub fn cut_short(&self) -> CutShort {
        self.shared.cut_short
    }

    /// Sets the bytes of chunks that are held in memory; more is read back from files.
    pub fn set_memory_budget(&self, bytes: usize) {
        let mut state = self.shared.write();
        state.memory.budget = bytes;
        self.shared.keep_budget(&mut state);
    }

    /// Bytes of complete chunks that are in memory now.
    pub fn memory(&self) -> usize {
        self.shared.read().closed.iter().map(|closed| closed.rows.bytes() + closed.statistics.bytes()).sum()
    }

    /// Grows whenever something changed; cheap to ask every frame.
    pub fn revision(&self) -> u64 {
        self.shared.revision.load(Ordering::Acquire)
    }

    /// The first thing that went wrong while writing or reading, if any. Readers that give plain
    /// values leave out what could not be read and say so here.
    pub fn failure(&self) -> Option<RecordError> {
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All chunks in order; the last one is open while the recording is not finished.
    pub fn chunks(&self) -> Vec<ChunkSpan> {
        let state = self.shared.read();
        state.closed.iter().map(|closed| closed.span).chain(state.open_span()).collect()
    }

    /// The chunk that shows `at`, or `None` past the end.
    pub fn chunk_at(&self, at: SimTime) -> Option<usize> {
        let state = self.shared.read();
        if at > state.end {
            return None;
        }
        let chunks = state.chunks();
        let after = state.closed.partition_point(|closed| closed.span.end <= at);
        (chunks > 0).then(|| after.min(chunks - 1))
    }

    /// The rows of a chunk, from memory or read back. An open chunk is copied as it stands; see
    /// [`Recording::with_open`].
    pub fn chunk(&self, index: usize) -> Result<Arc<Chunk>, RecordError> {
        let state = self.shared.read();
        if let Some(closed) = state.closed.get(index) {
            if self.shared.rows == RowsKept::No {
                return Err(RecordError::RowsNotKept);
            }
            if let Some(rows) = closed.rows.get(self.shared.next_use()) {
                return Ok(rows);
            }
            drop(state);
            let rows = Arc::new(self.shared.shelf().ok_or(RecordError::RowsNotKept)?.chunk(index)?);
            self.put_back(index, |closed, used| closed.rows.put(rows.clone(), rows.bytes(), used));
            return Ok(rows);
        }
        match &state.open {
            Some(open) if index == state.closed.len() => Ok(self.snapshot(open)),
            _ => Err(RecordError::NoSuchChunk { index, chunks: state.chunks() }),
        }
    }

    fn put_back(&self, index: usize, put: impl FnOnce(&mut Closed, u64)) {
        let used = self.shared.next_use();
        let mut state = self.shared.write();
        if let Some(closed) = state.closed.get_mut(index) {
            put(closed, used);
        }
        self.shared.keep_budget(&mut state);
    }

    /// Looks at the open chunk and its number without copying it; `None` once finished. The writer
    /// waits meanwhile, so copy what is needed and leave.
    pub fn with_open<T>(&self, look: impl FnOnce(usize, &Chunk) -> T) -> Option<T> {
        let state = self.shared.read();
        state.open.as_ref().map(|open| look(state.closed.len(), &open.chunk))
    }

    fn snapshot(&self, open: &Open) -> Arc<Chunk> {
        let revision = self.revision();
        let mut snapshot = self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*snapshot {
            Some((taken, chunk)) if *taken == revision => chunk.clone(),
            _ => {
                let chunk = Arc::new(open.chunk.clone());
                *snapshot = Some((revision, chunk.clone()));
                chunk
            }
        }
    }

    /// The statistics of a chunk, with link counts on three grids.
    pub fn statistics(&self, index: usize) -> Result<Arc<ChunkStatistics>, RecordError> {
        let state = self.shared.read();
        if let Some(closed) = state.closed.get(index) {
            if let Some(statistics) = closed.statistics.get(self.shared.next_use()) {
                return Ok(statistics);
            }
            drop(state);
            let statistics = Arc::new(self.shared.shelf().ok_or(RecordError::RowsNotKept)?.statistics(index)?);
            let bytes = statistics.bytes();
            self.put_back(index, |closed, used| closed.statistics.put(statistics.clone(), bytes, used));
            return Ok(statistics);
        }
        match &state.open {
            Some(open) if index == state.closed.len() => Ok(Arc::new(open.collector.so_far(state.end))),
            _ => Err(RecordError::NoSuchChunk { index, chunks: state.chunks() }),
        }
    }

    /// How full every node is at `at`, by row; at least as many entries as the scene has nodes.
    pub fn nodes_at(&self, at: SimTime) -> Vec<NodeFigures> {
        let mut nodes = vec![NodeFigures::default(); self.scene().nodes.len()];
        let Some(index) = self.chunk_at(at) else { return nodes };
        let samples = match self.with_open(|open, chunk| (open == index).then(|| chunk.samples_at(at))).flatten() {
            Some(samples) => samples,
            None => match self.chunk(index) {
                Ok(chunk) => chunk.samples_at(at),
                Err(error) => {
                    self.shared.fail(error);
                    return nodes;
                }
            },
        };
        for SampleRow { key, depth, in_flight, busy, condition, .. } in samples {
            let row = key.node as usize;
            if nodes.len() <= row {
                nodes.resize(row + 1, NodeFigures::default());
            }
            if let Some(place) = nodes.get_mut(row) {
                *place = NodeFigures { depth, in_flight, busy, condition };
            }
        }
        nodes
    }

    /// Statistics from `from` to `to`, widened to the grid of statistics and ending with the
    /// recording. Reads no rows.
    pub fn window(&self, from: SimTime, to: SimTime) -> WindowStatistics {
        let end = self.end();
        let mut window = WindowStatistics::spanning(from, to, end);
        let (from, to) = (window.from, window.to);
        for span in self.chunks().iter().filter(|span| span.start < to && span.end > from) {
            match self.statistics(span.index) {
                Ok(statistics) => statistics.fold(from, to, &mut window),
                Err(error) => self.shared.fail(error),
            }
        }
        window.nodes.resize(window.nodes.len().max(self.scene().nodes.len()), Default::default());
        window.links.resize(window.links.len().max(self.scene().links.len()), Default::default());
        window
    }

    /// `buckets` values of a node's quantity, evenly from `from` to `to`. What could not be read is
    /// also noted as this recording's failure.
    pub fn series(
        &self,
        node: NodeIndex,
        quantity: Quantity,
        from: SimTime,
        to: SimTime,
        buckets: usize,
    ) -> Result<Vec<f32>, RecordError> {
        let series = crate::record::series::series(self, node, quantity, from, to, buckets);
        series.inspect_err(|error| self.shared.fail(error.clone()))
    }

    /// Every command and fault that acted, in order. Of a recording that was cut short also those
    /// that acted after its end, so that the lost tail can be run again.
    pub fn commands(&self) -> Vec<CommandRow> {
        let state = self.shared.read();
        let open = state.open.iter().flat_map(|open| open.chunk.commands.rows());
        state.commands.iter().cloned().chain(open).collect()
    }

    /// Lines that nodes wrote from `from` up to but without `to`.
    pub fn logs(&self, from: SimTime, to: SimTime) -> Result<Vec<LogRow>, RecordError> {
        let mut lines = Vec::new();
        for span in self.chunks().iter().filter(|span| span.start < to && span.end >= from) {
            let chunk = self.chunk(span.index)?;
            lines.extend(chunk.logs.rows().filter(|line| line.key.time >= from && line.key.time < to));
        }
        Ok(lines)
    }
}

impl State {
    fn chunks(&self) -> usize {
        self.closed.len() + usize::from(self.open.is_some())
    }

    fn open_span(&self) -> Option<ChunkSpan> {
        self.open.as_ref().map(|open| ChunkSpan {
            index: self.closed.len(),
            start: open.chunk.start,
            end: self.end,
            open: true,
            hops: open.chunk.hops.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::histogram::Histogram;
    use crate::record::sketch::{Size, deliveries, rows};
    use crate::record::writer::{Target, spawn};
    use crate::scene::time::SimSpan;
    use crate::sim::row::{Direction, Metric, Rows, WireFate};

    fn seconds(seconds: u64) -> SimTime {
        SimTime::ZERO + SimSpan::from_seconds(seconds)
    }

    fn record(rows: &Rows, end: SimTime) -> Recording {
        let (sender, recording, writer) = spawn(Scene::default(), Target::Memory, 1).unwrap();
        let untils = (1..50).map(|tenth| SimTime::ZERO + SimSpan::from_millis(tenth * 137)).collect();
        deliveries(rows, untils, 3, end).into_iter().for_each(|delivery| sender.send(delivery).unwrap());
        writer.join().unwrap();
        recording
    }

    /// What the level of `node` was just before `at`, counted from the samples one by one.
    fn integral(rows: &Rows, node: u32, from: SimTime, to: SimTime) -> u128 {
        let mut total = 0u128;
        let (mut level, mut until) = (0u32, SimTime::ZERO);
        let count =
            |level: u32, a: SimTime, b: SimTime| u128::from(level) * u128::from(b.min(to).since(a.max(from)).nanos());
        for sample in rows.samples.iter().filter(|sample| sample.key.node == node) {
            total += count(level, until, sample.key.time);
            (level, until) = (sample.depth, sample.key.time);
        }
        total + count(level, until, to.max(until))
    }

    #[track_caller]
    fn check(recording: &Recording, rows: &Rows, from: SimTime, to: SimTime) {
        let window = recording.window(from, to);
        assert_eq!((window.from, window.to), (from, to));
        let inside = |time: SimTime| time >= from && time < to;
        for (row, node) in window.nodes.iter().enumerate() {
            let row = row as u32;
            let sent = rows.hops.iter().filter(|hop| inside(hop.key.time) && hop.key.node == row);
            let sent = sent.filter(|hop| hop.direction == Direction::Forward);
            assert_eq!(node.departures, sent.map(|hop| u64::from(hop.count)).sum::<u64>(), "departures of {row}");
            let came = rows.receipts.iter().filter(|receipt| inside(receipt.key.time) && receipt.key.node == row);
            let came = came.filter(|receipt| receipt.direction == Direction::Forward);
            let came: u64 = came
                .map(|receipt| u64::from(rows.hops.iter().find(|hop| hop.sequence == receipt.sequence).unwrap().count))
                .sum();
            assert_eq!(node.arrived(), came, "arrivals of {row}");
            let ended = rows.ends.iter().filter(|end| inside(end.key.time) && end.key.node == row).count();
            assert_eq!(node.ends.iter().sum::<u64>(), ended as u64, "ends of {row}");
            assert_eq!(node.depth_integral, integral(rows, row, from, to), "depth of {row}");
            let mut wait = Histogram::default();
            let measures = rows.measures.iter().filter(|measure| inside(measure.key.time) && measure.key.node == row);
            measures
                .filter(|measure| measure.metric == Metric::Wait)
                .for_each(|measure| wait.add(measure.value.nanos()));
            assert_eq!(node.wait, wait, "waits of {row}");
        }
        let lost = rows.hops.iter().filter(|hop| inside(hop.key.time) && hop.wire == WireFate::Lost).count();
        assert_eq!(window.links.iter().map(|link| link.lost.iter().sum::<u64>()).sum::<u64>(), lost as u64);
        let flows = rows.measures.iter().filter(|row| inside(row.key.time) && row.metric == Metric::EndToEnd).count();
        assert_eq!(window.flows.iter().map(|flow| flow.latency.count()).sum::<u64>(), flows as u64);
    }

    #[test]
    fn window_statistics_equal_a_count_over_all_rows() {
        let rows = rows(7, Size { nodes: 6, hops: 3_000, length: SimSpan::from_seconds(6) });
        let recording = record(&rows, seconds(6));
        for (from, to) in [(0, 6), (0, 1), (1, 2), (2, 5), (5, 6)] {
            check(&recording, &rows, seconds(from), seconds(to));
        }
    }

    #[test]
    fn window_statistics_do_not_depend_on_where_chunks_end() {
        let rows = rows(8, Size { nodes: 4, hops: 300_000, length: SimSpan::from_seconds(4) });
        let recording = record(&rows, seconds(4));
        assert!(recording.chunks().len() > 1);
        let window = recording.window(seconds(1), seconds(3));
        for node in 0..4u32 {
            assert_eq!(window.nodes[node as usize].depth_integral, integral(&rows, node, seconds(1), seconds(3)));
        }
        let hops = rows.hops.iter().filter(|hop| (seconds(1)..seconds(3)).contains(&hop.key.time)).count() as u64;
        let total = |direction| window.links.iter().map(|link| link.total(direction)).sum::<u64>();
        assert_eq!(total(Direction::Forward) + total(Direction::Backward), hops);
    }

    #[test]
    fn figures_are_those_of_the_last_sample() {
        let rows = rows(9, Size { nodes: 5, hops: 300_000, length: SimSpan::from_seconds(2) });
        let recording = record(&rows, seconds(2));
        for at in [0, 10_000_000, 555_000_000, 1_999_000_000].map(SimTime::from_nanos) {
            let figures = recording.nodes_at(at);
            for node in 0..5u32 {
                let last = rows.samples.iter().rfind(|sample| sample.key.node == node && sample.key.time <= at);
                let found = figures.get(node as usize).copied().unwrap_or_default();
                assert_eq!(found.depth, last.map_or(0, |sample| sample.depth), "node {node} at {at:?}");
            }
        }
    }

    #[test]
    fn a_series_of_depth_follows_the_samples() {
        let rows = rows(10, Size { nodes: 1, hops: 100, length: SimSpan::from_seconds(1) });
        let recording = record(&rows, seconds(1));
        let series = recording.series(NodeIndex(0), Quantity::Depth, SimTime::ZERO, seconds(1), 100).unwrap();
        assert_eq!(series.len(), 100);
        assert_eq!(series[50], rows.samples[50].depth as f32);
        let arrivals = recording.series(NodeIndex(0), Quantity::Arrivals, SimTime::ZERO, seconds(1), 10).unwrap();
        assert!(arrivals.iter().sum::<f32>() > 0.0);
    }
}
