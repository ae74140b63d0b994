//! The tables of a recording, one named column for each field of a row.
//!
//! Invariant: the columns of a table have equal length and its rows are in canonical order, so a
//! span of time is a range of rows that two binary searches find.
//! Invariant: columns hold plain integers in the units named beside them, since they go to disk,
//! to digests and to graphics memory as they are; `row` gives the typed row back.

use std::ops::Range;

use crate::scene::time::SimTime;
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::row::{
    CommandRow, Direction, HopKind, HopRow, LogRow, Outcome, ReceiptRow, RowKey, SampleRow, WireFate,
};

/// Every hop, one row each, sorted by departure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HopColumns {
    /// Departure, nanoseconds.
    pub depart: Vec<u64>,
    /// Row of the node that sent it.
    pub node: Vec<u32>,
    /// That node's row number.
    pub number: Vec<u32>,
    /// Arrival, nanoseconds.
    pub arrive: Vec<u64>,
    /// Message id; `u64::MAX` for control.
    pub message: Vec<u64>,
    /// Row of the link.
    pub link: Vec<u32>,
    /// The sender's sequence number.
    pub sequence: Vec<u32>,
    /// Hops the message had made before, wrapping.
    pub attempt: Vec<u16>,
    /// Messages carried.
    pub count: Vec<u16>,
    /// [`Direction`] as a number.
    pub direction: Vec<u8>,
    /// [`HopKind`] as a number.
    pub kind: Vec<u8>,
    /// [`WireFate`] as a number.
    pub wire: Vec<u8>,
}

/// What became of hops, sorted by arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptColumns {
    /// Arrival, nanoseconds.
    pub time: Vec<u64>,
    /// Row of the node where it arrived.
    pub node: Vec<u32>,
    /// That node's row number.
    pub number: Vec<u32>,
    /// Message id; `u64::MAX` for control.
    pub message: Vec<u64>,
    /// Row of the link.
    pub link: Vec<u32>,
    /// The sender's sequence number of the hop.
    pub sequence: Vec<u32>,
    /// [`Direction`] as a number.
    pub direction: Vec<u8>,
    /// [`Outcome`] as a number.
    pub outcome: Vec<u8>,
}

/// How full nodes were, sorted by the end of the cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleColumns {
    /// End of the cell, nanoseconds.
    pub time: Vec<u64>,
    /// Row of the node.
    pub node: Vec<u32>,
    /// That node's row number.
    pub number: Vec<u32>,
    /// Messages waiting at the end.
    pub depth: Vec<u32>,
    /// Least waiting.
    pub depth_min: Vec<u32>,
    /// Most waiting.
    pub depth_max: Vec<u32>,
    /// Messages handed out and not settled at the end.
    pub in_flight: Vec<u32>,
    /// At work at the end.
    pub busy: Vec<u32>,
    /// Most at work.
    pub busy_max: Vec<u32>,
    /// Bits of [`crate::sim::row::Condition`].
    pub condition: Vec<u8>,
}

/// Commands and faults that acted, sorted by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandColumns {
    /// When it acted, nanoseconds.
    pub time: Vec<u64>,
    /// Row of the node.
    pub node: Vec<u32>,
    /// That node's row number.
    pub number: Vec<u32>,
    /// The command in RON.
    pub text: Vec<String>,
}

/// Lines that nodes wrote, sorted by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogColumns {
    /// When, nanoseconds.
    pub time: Vec<u64>,
    /// Row of the node.
    pub node: Vec<u32>,
    /// That node's row number.
    pub number: Vec<u32>,
    /// The line.
    pub text: Vec<String>,
}

/// Rows that are taken apart together: they stay in the nearest cache while column after column is read.
const BLOCK_ROWS: usize = 256;

/// Rows of `times`, which is sorted, from `from` up to but without `to`.
pub fn range(times: &[u64], from: SimTime, to: SimTime) -> Range<usize> {
    let start = times.partition_point(|time| *time < from.nanos());
    let end = times.partition_point(|time| *time < to.nanos());
    start..end.max(start)
}

/// Gives memory back where that is worth the copy that it takes.
fn trim<T>(column: &mut Vec<T>) {
    if column.capacity() - column.len() > column.len() / 8 {
        column.shrink_to_fit();
    }
}

fn key(time: u64, node: u32, number: u32) -> RowKey {
    RowKey { time: SimTime::from_nanos(time), node, number }
}

impl HopColumns {
    /// Bytes that a row takes in memory.
    pub const ROW_BYTES: usize = 47;

    /// Adds a row after all others.
    pub fn push(&mut self, hop: &HopRow) {
        self.extend(std::slice::from_ref(hop));
    }

    /// Adds rows that are in order, after all others: block by block, each column of it in one go.
    pub fn extend(&mut self, rows: &[HopRow]) {
        debug_assert!(rows.is_sorted_by_key(|row| row.key.time), "hops are added in order");
        for block in rows.chunks(BLOCK_ROWS) {
            self.depart.extend(block.iter().map(|row| row.key.time.nanos()));
            self.node.extend(block.iter().map(|row| row.key.node));
            self.number.extend(block.iter().map(|row| row.key.number));
            self.arrive.extend(block.iter().map(|row| row.arrive.nanos()));
            self.message.extend(block.iter().map(|row| row.message.0));
            self.link.extend(block.iter().map(|row| row.link.0));
            self.sequence.extend(block.iter().map(|row| row.sequence));
            self.attempt.extend(block.iter().map(|row| row.attempt));
            self.count.extend(block.iter().map(|row| row.count));
            self.direction.extend(block.iter().map(|row| row.direction as u8));
            self.kind.extend(block.iter().map(|row| row.kind as u8));
            self.wire.extend(block.iter().map(|row| row.wire as u8));
        }
    }

    /// Makes room for so many rows more.
    pub fn reserve(&mut self, rows: usize) {
        let Self { depart, node, number, arrive, message, link, sequence, attempt, count, direction, kind, wire } =
            self;
        [depart, arrive, message].into_iter().for_each(|column| column.reserve(rows));
        [node, number, link, sequence].into_iter().for_each(|column| column.reserve(rows));
        [attempt, count].into_iter().for_each(|column| column.reserve(rows));
        [direction, kind, wire].into_iter().for_each(|column| column.reserve(rows));
    }

    /// The row at `at`, or `None` past the last.
    pub fn row(&self, at: usize) -> Option<HopRow> {
        Some(HopRow {
            key: key(*self.depart.get(at)?, *self.node.get(at)?, *self.number.get(at)?),
            arrive: SimTime::from_nanos(*self.arrive.get(at)?),
            message: MessageId(*self.message.get(at)?),
            link: LinkIndex(*self.link.get(at)?),
            sequence: *self.sequence.get(at)?,
            attempt: *self.attempt.get(at)?,
            count: *self.count.get(at)?,
            direction: direction(*self.direction.get(at)?),
            kind: kind(*self.kind.get(at)?),
            wire: if *self.wire.get(at)? == WireFate::Lost as u8 { WireFate::Lost } else { WireFate::Carried },
        })
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = HopRow> + '_ {
        (0..self.len()).filter_map(|at| self.row(at))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.depart.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.depart.is_empty()
    }

    /// Rows that depart from `from` up to but without `to`.
    pub fn range(&self, from: SimTime, to: SimTime) -> Range<usize> {
        range(&self.depart, from, to)
    }

    /// Gives memory back that growing left over.
    pub fn shrink(&mut self) {
        let Self { depart, node, number, arrive, message, link, sequence, attempt, count, direction, kind, wire } =
            self;
        trim(depart);
        trim(node);
        trim(number);
        trim(arrive);
        trim(message);
        trim(link);
        trim(sequence);
        trim(attempt);
        trim(count);
        trim(direction);
        trim(kind);
        trim(wire);
    }

    /// Takes the rows from `at` on out into a table of their own.
    pub fn split_off(&mut self, at: usize) -> HopColumns {
        HopColumns {
            depart: self.depart.split_off(at),
            node: self.node.split_off(at),
            number: self.number.split_off(at),
            arrive: self.arrive.split_off(at),
            message: self.message.split_off(at),
            link: self.link.split_off(at),
            sequence: self.sequence.split_off(at),
            attempt: self.attempt.split_off(at),
            count: self.count.split_off(at),
            direction: self.direction.split_off(at),
            kind: self.kind.split_off(at),
            wire: self.wire.split_off(at),
        }
    }
}

impl ReceiptColumns {
    /// Bytes that a row takes in memory.
    pub const ROW_BYTES: usize = 34;

    /// Adds a row after all others.
    pub fn push(&mut self, receipt: &ReceiptRow) {
        self.extend(std::slice::from_ref(receipt));
    }

    /// Adds rows that are in order, after all others: block by block, each column of it in one go.
    pub fn extend(&mut self, rows: &[ReceiptRow]) {
        debug_assert!(rows.is_sorted_by_key(|row| row.key.time), "receipts are added in order");
        for block in rows.chunks(BLOCK_ROWS) {
            self.time.extend(block.iter().map(|row| row.key.time.nanos()));
            self.node.extend(block.iter().map(|row| row.key.node));
            self.number.extend(block.iter().map(|row| row.key.number));
            self.message.extend(block.iter().map(|row| row.message.0));
            self.link.extend(block.iter().map(|row| row.link.0));
            self.sequence.extend(block.iter().map(|row| row.sequence));
            self.direction.extend(block.iter().map(|row| row.direction as u8));
            self.outcome.extend(block.iter().map(|row| row.outcome as u8));
        }
    }

    /// Makes room for so many rows more.
    pub fn reserve(&mut self, rows: usize) {
        let Self { time, node, number, message, link, sequence, direction, outcome } = self;
        [time, message].into_iter().for_each(|column| column.reserve(rows));
        [node, number, link, sequence].into_iter().for_each(|column| column.reserve(rows));
        [direction, outcome].into_iter().for_each(|column| column.reserve(rows));
    }

    /// The row at `at`, or `None` past the last.
    pub fn row(&self, at: usize) -> Option<ReceiptRow> {
        Some(ReceiptRow {
            key: key(*self.time.get(at)?, *self.node.get(at)?, *self.number.get(at)?),
            message: MessageId(*self.message.get(at)?),
            link: LinkIndex(*self.link.get(at)?),
            sequence: *self.sequence.get(at)?,
            direction: direction(*self.direction.get(at)?),
            outcome: outcome(*self.outcome.get(at)?),
        })
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = ReceiptRow> + '_ {
        (0..self.len()).filter_map(|at| self.row(at))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Rows from `from` up to but without `to`.
    pub fn range(&self, from: SimTime, to: SimTime) -> Range<usize> {
        range(&self.time, from, to)
    }

    /// Gives memory back that growing left over.
    pub fn shrink(&mut self) {
        let Self { time, node, number, message, link, sequence, direction, outcome } = self;
        trim(time);
        trim(node);
        trim(number);
        trim(message);
        trim(link);
        trim(sequence);
        trim(direction);
        trim(outcome);
    }

    /// Takes the rows from `at` on out into a table of their own.
    pub fn split_off(&mut self, at: usize) -> ReceiptColumns {
        ReceiptColumns {
            time: self.time.split_off(at),
            node: self.node.split_off(at),
            number: self.number.split_off(at),
            message: self.message.split_off(at),
            link: self.link.split_off(at),
            sequence: self.sequence.split_off(at),
            direction: self.direction.split_off(at),
            outcome: self.outcome.split_off(at),
        }
    }
}

impl SampleColumns {
    /// Bytes that a row takes in memory.
    pub const ROW_BYTES: usize = 41;

    /// Adds a row after all others.
    pub fn push(&mut self, sample: &SampleRow) {
        let time = sample.key.time.nanos();
        debug_assert!(self.time.last().is_none_or(|last| *last <= time), "samples are pushed in order");
        self.push_unordered(sample);
    }

    /// Adds a row of a keyframe, which is in the order of nodes and not of time.
    pub(crate) fn push_unordered(&mut self, sample: &SampleRow) {
        let SampleRow { key, depth, depth_min, depth_max, in_flight, busy, busy_max, condition } = *sample;
        self.time.push(key.time.nanos());
        self.node.push(key.node);
        self.number.push(key.number);
        self.depth.push(depth);
        self.depth_min.push(depth_min);
        self.depth_max.push(depth_max);
        self.in_flight.push(in_flight);
        self.busy.push(busy);
        self.busy_max.push(busy_max);
        self.condition.push(condition);
    }

    /// The row at `at`, or `None` past the last.
    pub fn row(&self, at: usize) -> Option<SampleRow> {
        Some(SampleRow {
            key: key(*self.time.get(at)?, *self.node.get(at)?, *self.number.get(at)?),
            depth: *self.depth.get(at)?,
            depth_min: *self.depth_min.get(at)?,
            depth_max: *self.depth_max.get(at)?,
            in_flight: *self.in_flight.get(at)?,
            busy: *self.busy.get(at)?,
            busy_max: *self.busy_max.get(at)?,
            condition: *self.condition.get(at)?,
        })
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = SampleRow> + '_ {
        (0..self.len()).filter_map(|at| self.row(at))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Rows from `from` up to but without `to`.
    pub fn range(&self, from: SimTime, to: SimTime) -> Range<usize> {
        range(&self.time, from, to)
    }

    /// Gives memory back that growing left over.
    pub fn shrink(&mut self) {
        let Self { time, node, number, depth, depth_min, depth_max, in_flight, busy, busy_max, condition } = self;
        trim(time);
        trim(node);
        trim(number);
        trim(depth);
        trim(depth_min);
        trim(depth_max);
        trim(in_flight);
        trim(busy);
        trim(busy_max);
        trim(condition);
    }

    /// Takes the rows from `at` on out into a table of their own.
    pub fn split_off(&mut self, at: usize) -> SampleColumns {
        SampleColumns {
            time: self.time.split_off(at),
            node: self.node.split_off(at),
            number: self.number.split_off(at),
            depth: self.depth.split_off(at),
            depth_min: self.depth_min.split_off(at),
            depth_max: self.depth_max.split_off(at),
            in_flight: self.in_flight.split_off(at),
            busy: self.busy.split_off(at),
            busy_max: self.busy_max.split_off(at),
            condition: self.condition.split_off(at),
        }
    }
}

impl CommandColumns {
    /// Adds a row after all others.
    pub fn push(&mut self, command: CommandRow) {
        let CommandRow { key, text } = command;
        self.time.push(key.time.nanos());
        self.node.push(key.node);
        self.number.push(key.number);
        self.text.push(text);
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = CommandRow> + '_ {
        let keys = self.time.iter().zip(&self.node).zip(&self.number);
        keys.zip(&self.text)
            .map(|(((time, node), number), text)| CommandRow { key: key(*time, *node, *number), text: text.clone() })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Takes the rows from `at` on out into a table of their own.
    pub fn split_off(&mut self, at: usize) -> CommandColumns {
        CommandColumns {
            time: self.time.split_off(at),
            node: self.node.split_off(at),
            number: self.number.split_off(at),
            text: self.text.split_off(at),
        }
    }
}

impl LogColumns {
    /// Adds a row after all others.
    pub fn push(&mut self, log: LogRow) {
        let LogRow { key, text } = log;
        self.time.push(key.time.nanos());
        self.node.push(key.node);
        self.number.push(key.number);
        self.text.push(text);
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = LogRow> + '_ {
        let keys = self.time.iter().zip(&self.node).zip(&self.number);
        keys.zip(&self.text)
            .map(|(((time, node), number), text)| LogRow { key: key(*time, *node, *number), text: text.clone() })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Takes the rows from `at` on out into a table of their own.
    pub fn split_off(&mut self, at: usize) -> LogColumns {
        LogColumns {
            time: self.time.split_off(at),
            node: self.node.split_off(at),
            number: self.number.split_off(at),
            text: self.text.split_off(at),
        }
    }
}

fn direction(number: u8) -> Direction {
    if number == Direction::Backward as u8 { Direction::Backward } else { Direction::Forward }
}

fn kind(number: u8) -> HopKind {
    HOP_KINDS.get(usize::from(number)).copied().unwrap_or(HopKind::Event)
}

fn outcome(number: u8) -> Outcome {
    OUTCOMES.get(usize::from(number)).copied().unwrap_or(Outcome::Failed)
}

/// All kinds of hop, in the order of their numbers.
pub const HOP_KINDS: [HopKind; 10] = [
    HopKind::Event,
    HopKind::Request,
    HopKind::Reply,
    HopKind::Retry,
    HopKind::Error,
    HopKind::Throttled,
    HopKind::DeadLetter,
    HopKind::Batch,
    HopKind::Poll,
    HopKind::Acknowledgement,
];

/// All outcomes of a hop, in the order of their numbers.
pub const OUTCOMES: [Outcome; 6] =
    [Outcome::Accepted, Outcome::Throttled, Outcome::Failed, Outcome::Filtered, Outcome::Late, Outcome::DeadLettered];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_kinds_and_outcomes_name_themselves() {
        for (number, kind) in HOP_KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, number);
        }
        for (number, outcome) in OUTCOMES.iter().enumerate() {
            assert_eq!(*outcome as usize, number);
        }
    }

    #[test]
    fn a_hop_comes_back_as_it_was_pushed() {
        let hop = HopRow {
            key: key(5, 1, 2),
            arrive: SimTime::from_nanos(9),
            message: MessageId(77),
            link: LinkIndex(3),
            sequence: 4,
            attempt: 1,
            count: 1,
            direction: Direction::Backward,
            kind: HopKind::Throttled,
            wire: WireFate::Lost,
        };
        let mut columns = HopColumns::default();
        columns.push(&hop);
        assert_eq!(columns.row(0), Some(hop));
        assert_eq!(columns.row(1), None);
        assert_eq!(columns.range(SimTime::from_nanos(5), SimTime::from_nanos(6)), 0..1);
        assert_eq!(columns.range(SimTime::from_nanos(6), SimTime::from_nanos(5)), 1..1);
    }
}
