//! Digests: one number that two recordings share exactly when their rows are equal.
//!
//! Invariant: made of little-endian bytes in canonical order, so it is the same on every platform.

use xxhash_rust::xxh3::Xxh3;

use crate::record::chunk::Chunk;
use crate::record::columns::{CommandColumns, HopColumns, LogColumns, ReceiptColumns, SampleColumns};
use crate::record::error::RecordError;
use crate::record::link_cells::LinkCells;
use crate::record::recording::Recording;
use crate::record::statistics::{Cell, ChunkStatistics, HistogramCell, Level, NodeCell};

/// A digest of every row of every table in canonical order, of where chunks end and of the
/// statistics. Equal digests mean equal recordings.
pub fn digest(recording: &Recording) -> Result<u128, RecordError> {
    let mut bytes = Bytes::default();
    for span in recording.chunks() {
        recording.chunk(span.index)?.digest(&mut bytes);
        recording.statistics(span.index)?.digest(&mut bytes);
    }
    Ok(bytes.hasher.digest128())
}

/// Numbers go in as little-endian bytes, lists with their length first.
#[derive(Default)]
struct Bytes {
    hasher: Xxh3,
    scratch: Vec<u8>,
}

impl Bytes {
    fn list<const N: usize>(&mut self, values: impl ExactSizeIterator<Item = [u8; N]>) {
        self.scratch.clear();
        self.scratch.extend((values.len() as u64).to_le_bytes());
        values.for_each(|value| self.scratch.extend(value));
        self.hasher.update(&self.scratch);
    }

    fn wide(&mut self, values: &[u64]) {
        self.list(values.iter().map(|value| value.to_le_bytes()));
    }

    fn medium(&mut self, values: &[u32]) {
        self.list(values.iter().map(|value| value.to_le_bytes()));
    }

    fn short(&mut self, values: &[u16]) {
        self.list(values.iter().map(|value| value.to_le_bytes()));
    }

    fn narrow(&mut self, values: &[u8]) {
        self.list(values.iter().map(|value| [*value]));
    }

    fn texts(&mut self, texts: &[String]) {
        texts.iter().for_each(|text| self.narrow(text.as_bytes()));
    }

    fn integral(&mut self, value: u128) {
        self.hasher.update(&value.to_le_bytes());
    }
}

impl Chunk {
    fn digest(&self, bytes: &mut Bytes) {
        let Chunk { start, end, keyframe, hops, receipts, samples, commands, logs } = self;
        bytes.wide(&[start.nanos(), end.nanos()]);
        let mut under_way = HopColumns::default();
        keyframe.hops.iter().for_each(|hop| under_way.push(hop));
        under_way.digest(bytes);
        bytes.medium(&keyframe.samples.iter().map(|sample| sample.depth).collect::<Vec<u32>>());
        hops.digest(bytes);
        receipts.digest(bytes);
        samples.digest(bytes);
        let CommandColumns { time, node, number, text } = commands;
        bytes.wide(time);
        bytes.medium(node);
        bytes.medium(number);
        bytes.texts(text);
        let LogColumns { time, node, number, text } = logs;
        bytes.wide(time);
        bytes.medium(node);
        bytes.medium(number);
        bytes.texts(text);
    }
}

impl HopColumns {
    fn digest(&self, bytes: &mut Bytes) {
        let HopColumns { depart, node, number, arrive, message, link, sequence, attempt, count, direction, kind, wire } =
            self;
        [depart, arrive, message].into_iter().for_each(|column| bytes.wide(column));
        [node, number, link, sequence].into_iter().for_each(|column| bytes.medium(column));
        [attempt, count].into_iter().for_each(|column| bytes.short(column));
        [direction, kind, wire].into_iter().for_each(|column| bytes.narrow(column));
    }
}

impl ReceiptColumns {
    fn digest(&self, bytes: &mut Bytes) {
        let ReceiptColumns { time, node, number, message, link, sequence, direction, outcome } = self;
        [time, message].into_iter().for_each(|column| bytes.wide(column));
        [node, number, link, sequence].into_iter().for_each(|column| bytes.medium(column));
        [direction, outcome].into_iter().for_each(|column| bytes.narrow(column));
    }
}

impl SampleColumns {
    fn digest(&self, bytes: &mut Bytes) {
        let SampleColumns { time, node, number, depth, depth_min, depth_max, in_flight, busy, busy_max, condition } =
            self;
        bytes.wide(time);
        let columns = [node, number, depth, depth_min, depth_max, in_flight, busy, busy_max];
        columns.into_iter().for_each(|column| bytes.medium(column));
        bytes.narrow(condition);
    }
}

impl ChunkStatistics {
    fn digest(&self, bytes: &mut Bytes) {
        let ChunkStatistics { start, end, opening, cells, links } = self;
        bytes.wide(&[start.nanos(), end.nanos(), cells.len() as u64]);
        opening.iter().for_each(|level| level.digest(bytes));
        for Cell { number, nodes, histograms } in cells {
            bytes.wide(&[*number, nodes.len() as u64, histograms.len() as u64]);
            nodes.iter().for_each(|node| node.digest(bytes));
            histograms.iter().for_each(|histogram| histogram.digest(bytes));
        }
        for LinkCells { cell, link, class, count } in links {
            bytes.wide(cell);
            bytes.medium(link);
            bytes.narrow(class);
            bytes.medium(count);
        }
    }
}

impl Level {
    fn digest(&self, bytes: &mut Bytes) {
        let Level { node, depth, busy, in_flight } = *self;
        bytes.medium(&[node, depth, busy, in_flight]);
    }
}

impl NodeCell {
    fn digest(&self, bytes: &mut Bytes) {
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
        } = self;
        bytes.wide(arrivals);
        bytes.wide(&[*departures]);
        bytes.wide(ends);
        bytes.wide(&[*depth_integral, *busy_integral, *in_flight_integral]);
        bytes.medium(&[*depth_max, *busy_max]);
        closing.digest(bytes);
    }
}

impl HistogramCell {
    fn digest(&self, bytes: &mut Bytes) {
        let HistogramCell { metric, origin, node, values } = self;
        bytes.medium(&[*metric as u32, *origin, *node]);
        bytes.integral(values.sum());
        bytes.wide(&[values.min().unwrap_or(0), values.max().unwrap_or(0)]);
        for (bucket, count) in values.numbered() {
            bytes.wide(&[u64::from(*bucket), *count]);
        }
    }
}
