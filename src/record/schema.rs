//! The tables of a recording on disk: their names, their columns, and the way back.
//!
//! Invariant: what is read back equals what was written; a table whose rows are out of order or out
//! of their chunk is refused. `docs/recording.md` explains every column.

use crate::record::chunk::{Chunk, Keyframe};
use crate::record::columns::{CommandColumns, HopColumns, LogColumns, ReceiptColumns, SampleColumns};
use crate::record::error::RecordError;
use crate::record::histogram::Histogram;
use crate::record::link_cells::LinkCells;
use crate::record::statistics::{Cell, ChunkStatistics, HistogramCell, Level, NodeCell, metric};
use crate::record::table::{Column, Columns, Table};

/// Nodes and links that a recording may name: more than any scene has, few enough to count in lists.
const ROWS_NAMED_MAX: u32 = 1 << 22;

/// The tables, in the order of files.
pub const TABLES: [&str; 12] = [
    "hops",
    "receipts",
    "samples",
    "commands",
    "log",
    "keyframe_hops",
    "keyframe_samples",
    "node_cells",
    "histograms",
    "histogram_buckets",
    "link_cells",
    "link_cells_coarse",
];
/// How many of [`TABLES`] hold a chunk's rows; the others hold its statistics.
pub const CHUNK_TABLES: usize = 7;

/// A chunk and its statistics as columns that can be lent to a table.
pub struct ChunkTables<'chunk> {
    chunk: &'chunk Chunk,
    keyframe_hops: HopColumns,
    keyframe_samples: SampleColumns,
    nodes: NodeColumns,
    histograms: HistogramColumns,
    links: &'chunk LinkCells,
    coarse: CoarseColumns,
}

#[derive(Default)]
struct NodeColumns {
    cell: Vec<u64>,
    node: Vec<u32>,
    arrivals: [Vec<u64>; 6],
    departures: Vec<u64>,
    ends: [Vec<u64>; 7],
    integrals: [Vec<u64>; 3],
    greatest: [Vec<u32>; 2],
    closing: [Vec<u32>; 3],
}

#[derive(Default)]
struct HistogramColumns {
    cell: Vec<u64>,
    metric: Vec<u8>,
    origin: Vec<u32>,
    node: Vec<u32>,
    sum: Vec<u128>,
    least: Vec<u64>,
    most: Vec<u64>,
    buckets: Vec<u32>,
    bucket: Vec<u16>,
    count: Vec<u64>,
}

#[derive(Default)]
struct CoarseColumns {
    grid: Vec<u8>,
    cells: LinkCells,
}

const ARRIVALS: [&str; 6] = ["accepted", "throttled", "failed", "filtered", "late", "dead_lettered"];
const ENDS: [&str; 7] = [
    "ended_delivered",
    "ended_filtered",
    "ended_throttled",
    "ended_failed",
    "ended_expired",
    "ended_lost",
    "ended_timed_out",
];
const INTEGRALS: [&str; 3] = ["depth_integral", "busy_integral", "in_flight_integral"];
const GREATEST: [&str; 2] = ["depth_max", "busy_max"];
const CLOSING: [&str; 3] = ["depth", "busy", "in_flight"];

impl<'chunk> ChunkTables<'chunk> {
    /// Lays a chunk out in columns.
    pub fn new(chunk: &'chunk Chunk, statistics: &'chunk ChunkStatistics) -> ChunkTables<'chunk> {
        let mut keyframe_hops = HopColumns::default();
        chunk.keyframe.hops.iter().for_each(|hop| keyframe_hops.push(hop));
        let mut keyframe_samples = SampleColumns::default();
        chunk.keyframe.samples.iter().for_each(|sample| keyframe_samples.push_unordered(sample));
        let mut nodes = NodeColumns::default();
        let mut histograms = HistogramColumns::default();
        for cell in &statistics.cells {
            cell.nodes.iter().for_each(|node| nodes.push(cell.number, node));
            cell.histograms.iter().for_each(|histogram| histograms.push(cell.number, histogram));
        }
        let [links, middle, coarsest] = &statistics.links;
        let mut coarse = CoarseColumns::default();
        coarse.push(1, middle);
        coarse.push(2, coarsest);
        ChunkTables { chunk, keyframe_hops, keyframe_samples, nodes, histograms, links, coarse }
    }

    /// The columns of table `number` of [`TABLES`].
    pub fn columns(&self, number: usize) -> Columns<'_> {
        match number {
            0 => hop_columns(&self.chunk.hops),
            1 => receipt_columns(&self.chunk.receipts),
            2 => sample_columns(&self.chunk.samples),
            3 => {
                let CommandColumns { time, node, number, text } = &self.chunk.commands;
                text_columns(time, node, number, text)
            }
            4 => {
                let LogColumns { time, node, number, text } = &self.chunk.logs;
                text_columns(time, node, number, text)
            }
            5 => hop_columns(&self.keyframe_hops),
            6 => sample_columns(&self.keyframe_samples),
            7 => self.nodes.columns(),
            8 => self.histograms.columns(),
            9 => self.histograms.bucket_columns(),
            10 => link_columns(self.links),
            _ => self.coarse.columns(),
        }
    }

    /// Rows of table `number`.
    pub fn rows(&self, number: usize) -> usize {
        match number {
            0 => self.chunk.hops.len(),
            1 => self.chunk.receipts.len(),
            2 => self.chunk.samples.len(),
            3 => self.chunk.commands.len(),
            4 => self.chunk.logs.len(),
            5 => self.keyframe_hops.len(),
            6 => self.keyframe_samples.len(),
            7 => self.nodes.cell.len(),
            8 => self.histograms.cell.len(),
            9 => self.histograms.bucket.len(),
            10 => self.links.len(),
            _ => self.coarse.grid.len(),
        }
    }
}

fn hop_columns(hops: &HopColumns) -> Columns<'_> {
    let HopColumns { depart, node, number, arrive, message, link, sequence, attempt, count, direction, kind, wire } =
        hops;
    vec![
        ("depart", Column::Wide(depart)),
        ("node", Column::Medium(node)),
        ("number", Column::Medium(number)),
        ("arrive", Column::Wide(arrive)),
        ("message", Column::Wide(message)),
        ("link", Column::Medium(link)),
        ("sequence", Column::Medium(sequence)),
        ("attempt", Column::Short(attempt)),
        ("count", Column::Short(count)),
        ("direction", Column::Narrow(direction)),
        ("kind", Column::Narrow(kind)),
        ("wire", Column::Narrow(wire)),
    ]
}

fn hops_of(table: &Table) -> Result<HopColumns, RecordError> {
    Ok(HopColumns {
        depart: table.wide("depart")?,
        node: named(table, "node")?,
        number: table.medium("number")?,
        arrive: table.wide("arrive")?,
        message: table.wide("message")?,
        link: named(table, "link")?,
        sequence: table.medium("sequence")?,
        attempt: table.short("attempt")?,
        count: table.short("count")?,
        direction: numbered(table, "direction", 2)?,
        kind: numbered(table, "kind", 10)?,
        wire: numbered(table, "wire", 2)?,
    })
}

fn receipt_columns(receipts: &ReceiptColumns) -> Columns<'_> {
    let ReceiptColumns { time, node, number, message, link, sequence, direction, outcome } = receipts;
    vec![
        ("time", Column::Wide(time)),
        ("node", Column::Medium(node)),
        ("number", Column::Medium(number)),
        ("message", Column::Wide(message)),
        ("link", Column::Medium(link)),
        ("sequence", Column::Medium(sequence)),
        ("direction", Column::Narrow(direction)),
        ("outcome", Column::Narrow(outcome)),
    ]
}

fn receipts_of(table: &Table) -> Result<ReceiptColumns, RecordError> {
    Ok(ReceiptColumns {
        time: table.wide("time")?,
        node: named(table, "node")?,
        number: table.medium("number")?,
        message: table.wide("message")?,
        link: named(table, "link")?,
        sequence: table.medium("sequence")?,
        direction: numbered(table, "direction", 2)?,
        outcome: numbered(table, "outcome", 6)?,
    })
}

fn sample_columns(samples: &SampleColumns) -> Columns<'_> {
    let SampleColumns { time, node, number, depth, depth_min, depth_max, in_flight, busy, busy_max, condition } =
        samples;
    vec![
        ("time", Column::Wide(time)),
        ("node", Column::Medium(node)),
        ("number", Column::Medium(number)),
        ("depth", Column::Medium(depth)),
        ("depth_min", Column::Medium(depth_min)),
        ("depth_max", Column::Medium(depth_max)),
        ("in_flight", Column::Medium(in_flight)),
        ("busy", Column::Medium(busy)),
        ("busy_max", Column::Medium(busy_max)),
        ("condition", Column::Narrow(condition)),
    ]
}

fn samples_of(table: &Table) -> Result<SampleColumns, RecordError> {
    Ok(SampleColumns {
        time: table.wide("time")?,
        node: named(table, "node")?,
        number: table.medium("number")?,
        depth: table.medium("depth")?,
        depth_min: table.medium("depth_min")?,
        depth_max: table.medium("depth_max")?,
        in_flight: table.medium("in_flight")?,
        busy: table.medium("busy")?,
        busy_max: table.medium("busy_max")?,
        condition: table.narrow("condition")?,
    })
}

fn text_columns<'a>(time: &'a [u64], node: &'a [u32], number: &'a [u32], text: &'a [String]) -> Columns<'a> {
    vec![
        ("time", Column::Wide(time)),
        ("node", Column::Medium(node)),
        ("number", Column::Medium(number)),
        ("text", Column::Text(text)),
    ]
}

fn link_columns(links: &LinkCells) -> Columns<'_> {
    let LinkCells { cell, link, class, count } = links;
    vec![
        ("cell", Column::Wide(cell)),
        ("link", Column::Medium(link)),
        ("class", Column::Narrow(class)),
        ("count", Column::Medium(count)),
    ]
}

fn links_of(table: &Table) -> Result<LinkCells, RecordError> {
    Ok(LinkCells {
        cell: table.wide("cell")?,
        link: named(table, "link")?,
        class: numbered(table, "class", 34)?,
        count: table.medium("count")?,
    })
}

impl CoarseColumns {
    fn push(&mut self, grid: u8, from: &LinkCells) {
        self.grid.resize(self.grid.len() + from.len(), grid);
        self.cells.cell.extend(&from.cell);
        self.cells.link.extend(&from.link);
        self.cells.class.extend(&from.class);
        self.cells.count.extend(&from.count);
    }

    fn columns(&self) -> Columns<'_> {
        let mut columns = vec![("grid", Column::Narrow(&self.grid))];
        columns.extend(link_columns(&self.cells));
        columns
    }
}

impl NodeColumns {
    fn push(&mut self, cell: u64, node: &NodeCell) {
        let NodeCell {
            arrivals,
            departures,
            ends,
            depth_integral,
            busy_integral,
            in_flight_integral,
            depth_max,
            busy_max,
            closing,
        } = *node;
        self.cell.push(cell);
        self.node.push(closing.node);
        self.departures.push(departures);
        push_each(&mut self.arrivals, arrivals);
        push_each(&mut self.ends, ends);
        push_each(&mut self.integrals, [depth_integral, busy_integral, in_flight_integral]);
        push_each(&mut self.greatest, [depth_max, busy_max]);
        push_each(&mut self.closing, [closing.depth, closing.busy, closing.in_flight]);
    }

    fn columns(&self) -> Columns<'_> {
        let mut columns = vec![("cell", Column::Wide(&self.cell)), ("node", Column::Medium(&self.node))];
        columns.extend(ARRIVALS.into_iter().zip(self.arrivals.iter().map(|column| Column::Wide(column))));
        columns.push(("departures", Column::Wide(&self.departures)));
        columns.extend(ENDS.into_iter().zip(self.ends.iter().map(|column| Column::Wide(column))));
        columns.extend(INTEGRALS.into_iter().zip(self.integrals.iter().map(|column| Column::Wide(column))));
        columns.extend(GREATEST.into_iter().zip(self.greatest.iter().map(|column| Column::Medium(column))));
        columns.extend(CLOSING.into_iter().zip(self.closing.iter().map(|column| Column::Medium(column))));
        columns
    }

    fn read(table: &Table) -> Result<NodeColumns, RecordError> {
        Ok(NodeColumns {
            cell: table.wide("cell")?,
            node: named(table, "node")?,
            arrivals: each(ARRIVALS, |name| table.wide(name))?,
            departures: table.wide("departures")?,
            ends: each(ENDS, |name| table.wide(name))?,
            integrals: each(INTEGRALS, |name| table.wide(name))?,
            greatest: each(GREATEST, |name| table.medium(name))?,
            closing: each(CLOSING, |name| table.medium(name))?,
        })
    }

    fn row(&self, at: usize) -> Option<(u64, NodeCell)> {
        let [depth_integral, busy_integral, in_flight_integral] = row_of(&self.integrals, at)?;
        let [depth_max, busy_max] = row_of(&self.greatest, at)?;
        let [depth, busy, in_flight] = row_of(&self.closing, at)?;
        let cell = NodeCell {
            arrivals: row_of(&self.arrivals, at)?,
            departures: *self.departures.get(at)?,
            ends: row_of(&self.ends, at)?,
            depth_integral,
            busy_integral,
            in_flight_integral,
            depth_max,
            busy_max,
            closing: Level { node: *self.node.get(at)?, depth, busy, in_flight },
        };
        Some((*self.cell.get(at)?, cell))
    }
}

impl HistogramColumns {
    fn push(&mut self, cell: u64, histogram: &HistogramCell) {
        let HistogramCell { metric, origin, node, values } = histogram;
        self.cell.push(cell);
        self.metric.push(*metric as u8);
        self.origin.push(*origin);
        self.node.push(*node);
        self.sum.push(values.sum());
        self.least.push(values.min().unwrap_or(0));
        self.most.push(values.max().unwrap_or(0));
        self.buckets.push(values.numbered().len() as u32);
        for (bucket, count) in values.numbered() {
            self.bucket.push(*bucket);
            self.count.push(*count);
        }
    }

    fn columns(&self) -> Columns<'_> {
        vec![
            ("cell", Column::Wide(&self.cell)),
            ("metric", Column::Narrow(&self.metric)),
            ("origin", Column::Medium(&self.origin)),
            ("node", Column::Medium(&self.node)),
            ("sum", Column::Sum(&self.sum)),
            ("least", Column::Wide(&self.least)),
            ("most", Column::Wide(&self.most)),
            ("buckets", Column::Medium(&self.buckets)),
        ]
    }

    fn bucket_columns(&self) -> Columns<'_> {
        vec![("bucket", Column::Short(&self.bucket)), ("count", Column::Wide(&self.count))]
    }

    fn read(table: &Table, buckets: &Table) -> Result<HistogramColumns, RecordError> {
        Ok(HistogramColumns {
            cell: table.wide("cell")?,
            metric: numbered(table, "metric", 4)?,
            origin: named(table, "origin")?,
            node: named(table, "node")?,
            sum: table.sums("sum")?,
            least: table.wide("least")?,
            most: table.wide("most")?,
            buckets: table.medium("buckets")?,
            bucket: buckets.short("bucket")?,
            count: buckets.wide("count")?,
        })
    }

    /// The histogram at `at`, whose buckets begin at `from`.
    fn row(&self, at: usize, from: usize) -> Option<(u64, HistogramCell)> {
        let range = from..from.checked_add(*self.buckets.get(at)? as usize)?;
        let buckets = self.bucket.get(range.clone())?.iter().copied().zip(self.count.get(range)?.iter().copied());
        let values =
            Histogram::from_parts(*self.sum.get(at)?, *self.least.get(at)?, *self.most.get(at)?, buckets.collect());
        let cell = HistogramCell {
            metric: metric(u64::from(*self.metric.get(at)?)),
            origin: *self.origin.get(at)?,
            node: *self.node.get(at)?,
            values,
        };
        Some((*self.cell.get(at)?, cell))
    }
}

/// Builds a chunk's rows from its tables; a table without rows is `None`.
pub fn chunk_of(chunk: &mut Chunk, tables: &[Option<Table>; CHUNK_TABLES]) -> Result<(), RecordError> {
    let [hops, receipts, samples, commands, logs, keyframe_hops, keyframe_samples] = tables;
    if let Some(table) = hops {
        chunk.hops = hops_of(table)?;
        sorted(table, &chunk.hops.depart, chunk)?;
    }
    if let Some(table) = receipts {
        chunk.receipts = receipts_of(table)?;
        sorted(table, &chunk.receipts.time, chunk)?;
    }
    if let Some(table) = samples {
        chunk.samples = samples_of(table)?;
        sorted(table, &chunk.samples.time, chunk)?;
    }
    if let Some(table) = commands {
        let (time, node, number, text) = texts_of(table)?;
        sorted(table, &time, chunk)?;
        chunk.commands = CommandColumns { time, node, number, text };
    }
    if let Some(table) = logs {
        let (time, node, number, text) = texts_of(table)?;
        sorted(table, &time, chunk)?;
        chunk.logs = LogColumns { time, node, number, text };
    }
    let hops = keyframe_hops.as_ref().map(hops_of).transpose()?.unwrap_or_default();
    let samples = keyframe_samples.as_ref().map(samples_of).transpose()?.unwrap_or_default();
    chunk.keyframe = Keyframe { samples: samples.rows().collect(), hops: hops.rows().collect() };
    Ok(())
}

type Texts = (Vec<u64>, Vec<u32>, Vec<u32>, Vec<String>);

fn texts_of(table: &Table) -> Result<Texts, RecordError> {
    // The node of a command on a link is no row of a node, so it has no bound here.
    Ok((table.wide("time")?, table.medium("node")?, table.medium("number")?, table.texts("text")?))
}

/// Builds a chunk's statistics from the tables after [`CHUNK_TABLES`].
pub fn statistics_of(statistics: &mut ChunkStatistics, tables: &[Option<Table>; 5]) -> Result<(), RecordError> {
    let [nodes, histograms, buckets, links, coarse] = tables;
    if let Some(table) = nodes {
        let columns = NodeColumns::read(table)?;
        for (number, node) in (0..table.rows()).filter_map(|at| columns.row(at)) {
            cell_of(statistics, number).nodes.push(node);
        }
    }
    if let (Some(table), Some(buckets)) = (histograms, buckets) {
        let columns = HistogramColumns::read(table, buckets)?;
        let mut from = 0usize;
        for at in 0..table.rows() {
            let (number, histogram) = columns.row(at, from).ok_or_else(|| buckets.damaged("buckets are missing"))?;
            from += histogram.values.numbered().len();
            cell_of(statistics, number).histograms.push(histogram);
        }
    }
    if let Some(table) = links {
        statistics.links[0] = links_of(table)?;
    }
    if let Some(table) = coarse {
        let grids = numbered(table, "grid", 3)?;
        let mut middle = links_of(table)?;
        let coarsest = middle.split_off(grids.partition_point(|grid| *grid < 2));
        statistics.links[1] = middle;
        statistics.links[2] = coarsest;
    }
    Ok(())
}

/// The cell of a number; cells stay sorted.
fn cell_of(statistics: &mut ChunkStatistics, number: u64) -> &mut Cell {
    let at = match statistics.cells.binary_search_by_key(&number, |cell| cell.number) {
        Ok(at) => at,
        Err(at) => {
            statistics.cells.insert(at, Cell { number, ..Cell::default() });
            at
        }
    };
    &mut statistics.cells[at]
}

fn sorted(table: &Table, times: &[u64], chunk: &Chunk) -> Result<(), RecordError> {
    let first = times.first().is_none_or(|first| *first >= chunk.start.nanos());
    let last = times.last().is_none_or(|last| *last <= chunk.end.nanos());
    if first && last && times.is_sorted() { Ok(()) } else { Err(table.damaged("rows are out of order")) }
}

/// A column of rows of nodes or links.
fn named(table: &Table, name: &str) -> Result<Vec<u32>, RecordError> {
    let column = table.medium(name)?;
    match column.iter().find(|row| **row >= ROWS_NAMED_MAX) {
        Some(row) => Err(table.damaged(format!("column `{name}` holds {row}, at most {ROWS_NAMED_MAX} is possible"))),
        None => Ok(column),
    }
}

/// A column of numbers below `limit`.
fn numbered(table: &Table, name: &str, limit: u8) -> Result<Vec<u8>, RecordError> {
    let column = table.narrow(name)?;
    match column.iter().find(|number| **number >= limit) {
        Some(number) => Err(table.damaged(format!("column `{name}` holds {number}, which means nothing"))),
        None => Ok(column),
    }
}

fn push_each<T, const N: usize>(columns: &mut [Vec<T>; N], values: [T; N]) {
    columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
}

fn each<T, const N: usize>(
    names: [&'static str; N],
    read: impl Fn(&str) -> Result<Vec<T>, RecordError>,
) -> Result<[Vec<T>; N], RecordError> {
    let mut columns = std::array::from_fn(|_| Vec::new());
    for (column, name) in columns.iter_mut().zip(names) {
        *column = read(name)?;
    }
    Ok(columns)
}

fn row_of<T: Copy + Default, const N: usize>(columns: &[Vec<T>; N], at: usize) -> Option<[T; N]> {
    let mut row = [T::default(); N];
    for (value, column) in row.iter_mut().zip(columns) {
        *value = *column.get(at)?;
    }
    Some(row)
}
