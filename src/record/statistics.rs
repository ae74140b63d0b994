//! Statistics of chunks: counts, integrals and histograms on a grid of simulated time.
//!
//! Invariant: folding is integer addition, so what is folded when cannot be seen in the result; a
//! span on the grid is answered without reading a single hop.
//! Invariant: a chunk's statistics cover its span exactly; a cell that a cut divides stands in both
//! chunks, each with its part.

use std::collections::HashMap;

use crate::record::chunk::Keyframe;
use crate::record::histogram::{Histogram, bucket};
use crate::record::link_cells::{LinkCells, LinkCounts};
use crate::record::window::{FlowStatistics, NodeStatistics, WindowStatistics};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::id::{MessageId, NodeIndex};
use crate::sim::row::{Direction, EndRow, HopRow, MeasureRow, Metric, ReceiptRow, Rows, SampleRow, WireFate};

/// The grid of node statistics and histograms.
pub const CELL: SimSpan = SimSpan::from_seconds(1);
/// The grids of link counts, finest first; each is a multiple of the one before.
pub const LINK_CELLS: [SimSpan; 3] = [SimSpan::from_millis(100), CELL, SimSpan::from_seconds(10)];
/// Values kept before they are folded into the open cell: two megabytes.
const MEASURES_MAX: usize = 1 << 17;

/// Statistics of one chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkStatistics {
    /// First instant.
    pub start: SimTime,
    /// The instant after the last.
    pub end: SimTime,
    /// How full nodes were at the start, by node; empty ones are left out.
    pub opening: Vec<Level>,
    /// Cells in which something happened, in order.
    pub cells: Vec<Cell>,
    /// Link counts on each grid of [`LINK_CELLS`].
    pub links: [LinkCells; 3],
}

/// How full a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Row of the node.
    pub node: u32,
    /// Messages waiting.
    pub depth: u32,
    /// Servers at work.
    pub busy: u32,
    /// Messages handed out and not settled.
    pub in_flight: u32,
}

/// What happened in one cell of the grid [`CELL`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The cell's number: its start in units of [`CELL`].
    pub number: u64,
    /// Nodes at which something happened, by row.
    pub nodes: Vec<NodeCell>,
    /// Histograms by metric, origin and node.
    pub histograms: Vec<HistogramCell>,
}

/// What happened at a node in a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCell {
    /// Messages that came forward, by outcome.
    pub arrivals: [u64; 6],
    /// Messages sent forward.
    pub departures: u64,
    /// Messages that ended here, by fate.
    pub ends: [u64; 7],
    /// Messages waiting, times nanoseconds.
    pub depth_integral: u64,
    /// Servers at work, times nanoseconds.
    pub busy_integral: u64,
    /// Messages handed out, times nanoseconds.
    pub in_flight_integral: u64,
    /// Most messages waiting.
    pub depth_max: u32,
    /// Most servers at work.
    pub busy_max: u32,
    /// How full the node was at the cell's end; its `node` is the row.
    pub closing: Level,
}

/// Values of one metric in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramCell {
    /// What was measured.
    pub metric: Metric,
    /// Where the flow began; the node itself for all metrics but end-to-end.
    pub origin: u32,
    /// Where it was measured.
    pub node: u32,
    /// The values.
    pub values: Histogram,
}

/// How far each table of a delivery is folded.
#[derive(Clone, Copy, Default)]
pub struct Cursor {
    hops: usize,
    receipts: usize,
    samples: usize,
    measures: usize,
    ends: usize,
}

/// Folds rows, in order of time, into the statistics of the open chunk.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    open: ChunkStatistics,
    nodes: Vec<NodeAccount>,
    touched: Vec<u32>,
    cell: u64,
    measures: Vec<(u64, u64)>,
    histograms: Vec<HistogramCell>,
    links: [LinkCounts; 3],
    link_cell: u64,
    batches: HashMap<(u32, Direction, u32), u16>,
}

#[derive(Clone, Copy, Debug, Default)]
struct NodeAccount {
    counts: NodeCell,
    until: SimTime,
    touched: Touched,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Touched {
    #[default]
    No,
    Yes,
}

impl Collector {
    /// Folds all rows of `rows` from `cursor` on that lie before `until`. Hops, receipts and samples
    /// are in canonical order, measures and ends in order of time.
    pub fn fold(&mut self, rows: &Rows, cursor: &mut Cursor, until: SimTime) {
        while let Some(next) = next_time(rows, cursor).filter(|next| *next < until) {
            self.enter(next);
            let cell_end =
                SimTime::from_nanos((self.link_cell.saturating_add(1)).saturating_mul(LINK_CELLS[0].nanos()));
            let end = cell_end.min(until);
            self.fold_cell(rows, cursor, end);
        }
    }

    fn fold_cell(&mut self, rows: &Rows, cursor: &mut Cursor, end: SimTime) {
        let hops = take(&rows.hops, &mut cursor.hops, |row| row.key.time < end);
        hops.iter().for_each(|hop| self.hop(hop));
        let receipts = take(&rows.receipts, &mut cursor.receipts, |row| row.key.time < end);
        receipts.iter().for_each(|receipt| self.receipt(receipt));
        let samples = take(&rows.samples, &mut cursor.samples, |row| row.key.time < end);
        samples.iter().for_each(|sample| self.sample(sample));
        let ends = take(&rows.ends, &mut cursor.ends, |row| row.key.time < end);
        ends.iter().for_each(|row| self.end(row));
        let measures = take(&rows.measures, &mut cursor.measures, |row| row.key.time < end);
        measures.iter().for_each(|measure| self.measure(measure));
    }

    /// Closes the cells that end at or before `time`.
    fn enter(&mut self, time: SimTime) {
        let link_cell = time.nanos() / LINK_CELLS[0].nanos();
        if link_cell == self.link_cell {
            return;
        }
        self.flush_links(Some(link_cell));
        self.link_cell = link_cell;
        let cell = time.nanos() / CELL.nanos();
        if cell != self.cell {
            self.close_cell(cell_end(self.cell));
            self.cell = cell;
        }
    }

    /// Writes link counts of cells that are left; `None` leaves all.
    fn flush_links(&mut self, next: Option<u64>) {
        let finest = LINK_CELLS[0].nanos();
        let [fine, middle, coarse] = &mut self.links;
        let [fine_cells, middle_cells, coarse_cells] = &mut self.open.links;
        let leaves = |grid: SimSpan| {
            let ratio = grid.nanos() / finest;
            (self.link_cell / ratio, next.is_none_or(|next| next / ratio != self.link_cell / ratio))
        };
        fine.flush(self.link_cell, fine_cells, Some(middle));
        if let (cell, true) = leaves(LINK_CELLS[1]) {
            middle.flush(cell, middle_cells, Some(coarse));
        }
        if let (cell, true) = leaves(LINK_CELLS[2]) {
            coarse.flush(cell, coarse_cells, None);
        }
    }

    fn close_cell(&mut self, end: SimTime) {
        self.fold_measures();
        self.touched.sort_unstable();
        let mut nodes = Vec::with_capacity(self.touched.len());
        for node in self.touched.drain(..) {
            let Some(account) = self.nodes.get_mut(node as usize) else { continue };
            account.hold(end);
            account.touched = Touched::No;
            nodes.push(account.counts);
        }
        let histograms = std::mem::take(&mut self.histograms);
        if !nodes.is_empty() || !histograms.is_empty() {
            self.open.cells.push(Cell { number: self.cell, nodes, histograms });
        }
    }

    /// Ends the chunk at `cut`, gives its statistics, and begins the next.
    pub fn close_chunk(&mut self, cut: SimTime) -> ChunkStatistics {
        self.flush_links(None);
        self.close_cell(cut.min(cell_end(self.cell)));
        self.open.end = cut;
        let closed = std::mem::take(&mut self.open);
        self.open.start = cut;
        self.open.end = cut;
        self.open.opening = self.levels();
        self.link_cell = cut.nanos() / LINK_CELLS[0].nanos();
        self.cell = cut.nanos() / CELL.nanos();
        closed
    }

    /// The statistics of the open chunk as they would be if it ended at `end`.
    pub fn so_far(&self, end: SimTime) -> ChunkStatistics {
        self.clone().close_chunk(end)
    }

    fn levels(&self) -> Vec<Level> {
        let levels = self.nodes.iter().map(|account| account.counts.closing);
        levels.filter(Level::holds_something).collect()
    }

    fn account(&mut self, node: u32) -> &mut NodeAccount {
        let row = node as usize;
        while self.nodes.len() <= row {
            let mut account = NodeAccount::default();
            account.counts.closing.node = self.nodes.len() as u32;
            self.nodes.push(account);
        }
        let start = SimTime::from_nanos(self.cell.saturating_mul(CELL.nanos())).max(self.open.start);
        let account = &mut self.nodes[row];
        if account.touched == Touched::No {
            account.open(start);
            self.touched.push(node);
        }
        account
    }

    fn hop(&mut self, hop: &HopRow) {
        let HopRow { key, link, sequence, count, direction, kind, wire, .. } = *hop;
        self.links[0].add(link.0, 10 * direction as usize + kind as usize, 1);
        if wire == WireFate::Lost {
            self.links[0].add(link.0, 32 + direction as usize, 1);
        }
        if direction == Direction::Forward {
            self.account(key.node).counts.departures += u64::from(count);
        }
        if count > 1 && wire == WireFate::Carried {
            self.batches.insert((link.0, direction, sequence), count);
        }
    }

    fn receipt(&mut self, receipt: &ReceiptRow) {
        let ReceiptRow { key, message, link, sequence, direction, outcome } = *receipt;
        self.links[0].add(link.0, 20 + 6 * direction as usize + outcome as usize, 1);
        let batch = match self.batches.is_empty() {
            true => None,
            false => self.batches.remove(&(link.0, direction, sequence)),
        };
        if direction == Direction::Forward && message != MessageId::NONE {
            let count = batch.unwrap_or(1);
            self.account(key.node).counts.arrivals[outcome as usize] += u64::from(count);
        }
    }

    fn sample(&mut self, sample: &SampleRow) {
        let SampleRow { key, depth, depth_max, in_flight, busy, busy_max, .. } = *sample;
        let account = self.account(key.node);
        // A level holds until the sample that changes it: the grid is so fine that the error, at most
        // half a cell of it, cannot be seen, and a cut through it leaves every integral as it was.
        account.hold(key.time);
        account.counts.closing = Level { node: key.node, depth, busy, in_flight };
        let counts = &mut account.counts;
        counts.depth_max = counts.depth_max.max(depth_max).max(depth);
        counts.busy_max = counts.busy_max.max(busy_max).max(busy);
    }

    fn end(&mut self, end: &EndRow) {
        self.account(end.key.node).counts.ends[end.fate as usize] += 1;
    }

    fn measure(&mut self, measure: &MeasureRow) {
        let MeasureRow { key, metric, origin, value } = *measure;
        let origin = if metric == Metric::EndToEnd { origin.0 } else { key.node };
        let code = (metric as u64) << 59
            | u64::from(origin & NODE_MASK) << 35
            | u64::from(key.node & NODE_MASK) << 11
            | u64::from(bucket(value.nanos()));
        self.measures.push((code, value.nanos()));
        if self.measures.len() >= MEASURES_MAX {
            self.fold_measures();
        }
    }

    fn fold_measures(&mut self) {
        if self.measures.is_empty() {
            return;
        }
        self.measures.sort_unstable_by_key(|(code, _)| *code);
        let folded = self.measures.chunk_by(|one, other| one.0 >> 11 == other.0 >> 11).map(histogram_of).collect();
        self.measures.clear();
        merge_histograms(&mut self.histograms, folded);
    }
}

/// Nodes have at most 24 bits, as in message ids.
const NODE_MASK: u32 = (1 << 24) - 1;

fn cell_end(cell: u64) -> SimTime {
    SimTime::from_nanos(cell.saturating_add(1).saturating_mul(CELL.nanos()))
}

fn next_time(rows: &Rows, cursor: &Cursor) -> Option<SimTime> {
    let times = [
        rows.hops.get(cursor.hops).map(|row| row.key.time),
        rows.receipts.get(cursor.receipts).map(|row| row.key.time),
        rows.samples.get(cursor.samples).map(|row| row.key.time),
        rows.measures.get(cursor.measures).map(|row| row.key.time),
        rows.ends.get(cursor.ends).map(|row| row.key.time),
    ];
    times.into_iter().flatten().min()
}

fn take<'rows, R>(rows: &'rows [R], cursor: &mut usize, before: impl Fn(&R) -> bool) -> &'rows [R] {
    let rest = rows.get(*cursor..).unwrap_or(&[]);
    let (now, _) = rest.split_at(rest.partition_point(before));
    *cursor += now.len();
    now
}

/// All values of one metric, origin and node, sorted by bucket.
fn histogram_of(values: &[(u64, u64)]) -> HistogramCell {
    let code = values.first().map_or(0, |(code, _)| *code);
    let sum = values.iter().map(|(_, value)| u128::from(*value)).sum();
    let least = values.iter().map(|(_, value)| *value).min().unwrap_or(0);
    let most = values.iter().map(|(_, value)| *value).max().unwrap_or(0);
    let buckets = values.chunk_by(|one, other| one.0 == other.0);
    let buckets = buckets.map(|same| (same.first().map_or(0, |(code, _)| (code & 0x7ff) as u16), same.len() as u64));
    HistogramCell {
        metric: metric(code >> 59),
        origin: (code >> 35) as u32 & NODE_MASK,
        node: (code >> 11) as u32 & NODE_MASK,
        values: Histogram::from_parts(sum, least, most, buckets.collect()),
    }
}

/// The metric of a number.
pub(crate) fn metric(number: u64) -> Metric {
    match number {
        0 => Metric::Wait,
        1 => Metric::Service,
        2 => Metric::Response,
        _ => Metric::EndToEnd,
    }
}

fn merge_histograms(into: &mut Vec<HistogramCell>, from: Vec<HistogramCell>) {
    if into.is_empty() {
        *into = from;
        return;
    }
    into.extend(from);
    into.sort_by_key(|cell| (cell.metric, cell.origin, cell.node));
    into.dedup_by(|next, kept| {
        let same = (next.metric, next.origin, next.node) == (kept.metric, kept.origin, kept.node);
        if same {
            kept.values.merge(&next.values);
        }
        same
    });
}

impl NodeAccount {
    fn open(&mut self, start: SimTime) {
        let closing = self.counts.closing;
        self.counts = NodeCell { closing, depth_max: closing.depth, busy_max: closing.busy, ..NodeCell::default() };
        self.until = start;
        self.touched = Touched::Yes;
    }

    /// Counts the present level up to `to`.
    fn hold(&mut self, to: SimTime) {
        // A cell is a second and a level has 32 bits, so 64 bits hold every integral of a cell.
        let length = to.since(self.until).nanos();
        let level = self.counts.closing;
        self.counts.depth_integral += u64::from(level.depth).saturating_mul(length);
        self.counts.busy_integral += u64::from(level.busy).saturating_mul(length);
        self.counts.in_flight_integral += u64::from(level.in_flight).saturating_mul(length);
        self.until = self.until.max(to);
    }
}

/// A node's level while a window is folded, and up to when it is counted.
#[derive(Clone, Copy, Default)]
struct Held {
    level: Level,
    until: SimTime,
}

impl ChunkStatistics {
    /// Adds what happened from `from` up to `to`, both on the grid or outside the chunk, to `window`.
    pub fn fold(&self, from: SimTime, to: SimTime, window: &mut WindowStatistics) {
        let (from, to) = (from.max(self.start), to.min(self.end));
        if from >= to {
            return;
        }
        let mut held: Vec<Held> = Vec::new();
        for level in &self.opening {
            *grown(&mut held, level.node) = Held { level: *level, until: SimTime::ZERO };
        }
        for cell in &self.cells {
            let start = SimTime::from_nanos(cell.number.saturating_mul(CELL.nanos())).max(self.start);
            let end = cell_end(cell.number).min(self.end);
            if start >= to {
                break;
            }
            if start < from {
                cell.nodes.iter().for_each(|node| grown(&mut held, node.closing.node).level = node.closing);
                continue;
            }
            for node in &cell.nodes {
                let held = grown(&mut held, node.closing.node);
                let total = grown(&mut window.nodes, node.closing.node);
                total.hold(held.level, start.since(held.until.max(from)));
                *held = Held { level: node.closing, until: end };
                total.add(node);
            }
            window.add_histograms(&cell.histograms);
        }
        for (node, held) in held.iter().enumerate() {
            let rest = to.since(held.until.max(from));
            grown(&mut window.nodes, node as u32).hold(held.level, rest);
        }
        let grid = CELL.nanos();
        self.links[1].fold(from.nanos() / grid, to.nanos().div_ceil(grid), &mut window.links);
    }

    /// Adds what happened at one node from `from` up to `to` of `window` to its first entry; links
    /// and histograms are left out.
    pub fn fold_node(&self, node: u32, window: &mut WindowStatistics) {
        let (from, to) = (window.from.max(self.start), window.to.min(self.end));
        if from >= to {
            return;
        }
        let total = grown(&mut window.nodes, 0);
        let find = |levels: &[Level]| levels.binary_search_by_key(&node, |level| level.node).map(|at| levels[at]);
        let mut held = Held { level: find(&self.opening).unwrap_or_default(), until: from };
        for cell in &self.cells {
            let start = SimTime::from_nanos(cell.number.saturating_mul(CELL.nanos())).max(self.start);
            if start >= to {
                break;
            }
            let Ok(at) = cell.nodes.binary_search_by_key(&node, |node| node.closing.node) else { continue };
            if start >= from {
                total.hold(held.level, start.since(held.until));
                held.until = cell_end(cell.number).min(self.end);
                total.add(&cell.nodes[at]);
            }
            held.level = cell.nodes[at].closing;
        }
        total.hold(held.level, to.since(held.until));
    }

    /// Bytes that it takes in memory, near enough for a budget.
    pub fn bytes(&self) -> usize {
        let histograms = |cell: &Cell| {
            let buckets = cell.histograms.iter().map(|histogram| histogram.values.numbered().len()).sum::<usize>();
            cell.histograms.len() * size_of::<HistogramCell>() + buckets * 16
        };
        let cells = self.cells.iter().map(|cell| cell.nodes.len() * size_of::<NodeCell>() + histograms(cell));
        let links = self.links.iter().map(|links| links.len() * 17).sum::<usize>();
        cells.sum::<usize>() + links + self.opening.len() * size_of::<Level>()
    }
}

/// The entry of a row, after growing the list to hold it.
fn grown<T: Clone + Default>(list: &mut Vec<T>, row: u32) -> &mut T {
    let row = row as usize;
    if list.len() <= row {
        list.resize(row + 1, T::default());
    }
    &mut list[row]
}

impl NodeStatistics {
    fn hold(&mut self, level: Level, length: SimSpan) {
        if length.is_zero() {
            return;
        }
        let length = u128::from(length.nanos());
        self.depth_integral += u128::from(level.depth) * length;
        self.busy_integral += u128::from(level.busy) * length;
        self.in_flight_integral += u128::from(level.in_flight) * length;
        self.depth_max = self.depth_max.max(level.depth);
        self.busy_max = self.busy_max.max(level.busy);
    }

    fn add(&mut self, cell: &NodeCell) {
        let NodeCell { arrivals, departures, ends, depth_integral, busy_integral, in_flight_integral, .. } = cell;
        self.arrivals.iter_mut().zip(arrivals).for_each(|(total, more)| *total += more);
        self.ends.iter_mut().zip(ends).for_each(|(total, more)| *total += more);
        self.departures += departures;
        self.depth_integral += u128::from(*depth_integral);
        self.busy_integral += u128::from(*busy_integral);
        self.in_flight_integral += u128::from(*in_flight_integral);
        self.depth_max = self.depth_max.max(cell.depth_max);
        self.busy_max = self.busy_max.max(cell.busy_max);
    }
}

impl WindowStatistics {
    /// Adds the histograms of a cell, which are sorted by metric, origin and node.
    fn add_histograms(&mut self, cells: &[HistogramCell]) {
        let (own, flows) = cells.split_at(cells.partition_point(|cell| cell.metric < Metric::EndToEnd));
        for HistogramCell { metric, node, values, .. } in own {
            let node = grown(&mut self.nodes, *node);
            match metric {
                Metric::Wait => node.wait.merge(values),
                Metric::Service => node.service.merge(values),
                Metric::Response | Metric::EndToEnd => node.response.merge(values),
            }
        }
        self.add_flows(flows);
    }

    /// Adds the flows of a cell, which are sorted: one merge, since scenes may have thousands.
    fn add_flows(&mut self, cells: &[HistogramCell]) {
        let known = self.flows.len();
        self.flows.extend(cells.iter().map(|cell| FlowStatistics {
            origin: NodeIndex(cell.origin),
            end: NodeIndex(cell.node),
            latency: cell.values.clone(),
        }));
        if known == 0 {
            return;
        }
        self.flows.sort_by_key(|flow| (flow.origin, flow.end));
        self.flows.dedup_by(|next, kept| {
            let same = (next.origin, next.end) == (kept.origin, kept.end);
            if same {
                kept.latency.merge(&next.latency);
            }
            same
        });
    }
}

impl Level {
    /// The levels that a chunk's keyframe gives: those that are not empty.
    pub(crate) fn of_keyframe(keyframe: &Keyframe) -> Vec<Level> {
        let levels = keyframe.samples.iter().map(|sample| Level {
            node: sample.key.node,
            depth: sample.depth,
            busy: sample.busy,
            in_flight: sample.in_flight,
        });
        levels.filter(Level::holds_something).collect()
    }

    fn holds_something(&self) -> bool {
        self.depth > 0 || self.busy > 0 || self.in_flight > 0
    }
}
