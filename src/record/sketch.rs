//! Rows for tests: a small made-up run of a given seed, as the engine would hand it over.
//!
//! Invariant: the same seed gives the same rows; only how they are split differs.

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::id::{LinkIndex, MessageId, NodeIndex};
use crate::sim::row::{
    CommandRow, Delivery, Direction, EndRow, Fate, HopKind, HopRow, LogRow, MeasureRow, Metric, Outcome, ReceiptRow,
    RowKey, Rows, SAMPLE_GRID, SampleRow, WireFate,
};

/// A small generator of numbers, so that a seed names a run.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// How large a made-up run is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Nodes, each with four links.
    pub nodes: u32,
    /// Hops.
    pub hops: u32,
    /// Length of the run; times lie on a lattice of a millisecond.
    pub length: SimSpan,
}

/// All rows of the run, sorted by key, measures and ends too.
pub fn rows(seed: u64, size: Size) -> Rows {
    let mut dice = Dice(seed);
    let mut rows = Rows::default();
    let mut departures: Vec<u64> =
        (0..size.hops).map(|_| dice.below(size.length.nanos() / LATTICE) * LATTICE).collect();
    departures.sort_unstable();
    for (sequence, depart) in departures.iter().enumerate() {
        hop(&mut dice, size, sequence as u32, *depart, &mut rows);
    }
    for cell in 1..size.length.nanos() / SAMPLE_GRID.nanos() {
        sample(&mut dice, size, cell * SAMPLE_GRID.nanos(), &mut rows);
    }
    let key = |time: u64| RowKey { time: SimTime::from_nanos(time), node: 0, number: u32::MAX };
    rows.commands.push(CommandRow { key: key(LATTICE), text: "Stop(\"a\")".to_owned() });
    rows.logs.push(LogRow { key: key(2 * LATTICE), text: "a line, Grüße".to_owned() });
    rows.receipts.retain(|receipt| receipt.key.time.nanos() < size.length.nanos());
    rows.hops.sort_by_key(|row| row.key);
    rows.receipts.sort_by_key(|row| row.key);
    rows.samples.sort_by_key(|row| row.key);
    rows.measures.sort_by_key(|row| row.key);
    rows.ends.sort_by_key(|row| row.key);
    rows
}

const LATTICE: u64 = 1_000_000;

fn hop(dice: &mut Dice, size: Size, sequence: u32, depart: u64, rows: &mut Rows) {
    let node = dice.below(u64::from(size.nodes)) as u32;
    let target = dice.below(u64::from(size.nodes)) as u32;
    let arrive = depart + (1 + dice.below(20)) * LATTICE;
    let direction = if dice.below(4) == 0 { Direction::Backward } else { Direction::Forward };
    let kinds = crate::record::columns::HOP_KINDS;
    let kind = kinds[dice.below(10) as usize];
    let count = if kind == HopKind::Batch { 1 + dice.below(10) as u16 } else { 1 };
    let wire = if dice.below(20) == 0 { WireFate::Lost } else { WireFate::Carried };
    let key = |time: u64, node: u32, part: u32| RowKey {
        time: SimTime::from_nanos(time),
        node,
        number: sequence.wrapping_mul(4).wrapping_add(part),
    };
    let message = MessageId::new(NodeIndex(node), u64::from(sequence));
    let link = LinkIndex(node * 4 + dice.below(4) as u32);
    let attempt = dice.below(3) as u16;
    let arrive_at = SimTime::from_nanos(arrive);
    let key_hop = key(depart, node, 0);
    rows.hops.push(HopRow {
        key: key_hop,
        arrive: arrive_at,
        message,
        link,
        sequence,
        attempt,
        count,
        direction,
        kind,
        wire,
    });
    if wire == WireFate::Lost {
        rows.ends.push(EndRow { key: key(depart, node, 1), message, fate: Fate::Lost });
        return;
    }
    let outcome = crate::record::columns::OUTCOMES[dice.below(6) as usize];
    rows.receipts.push(ReceiptRow { key: key(arrive, target, 2), message, link, sequence, direction, outcome });
    if outcome == Outcome::Accepted && arrive < size.length.nanos() {
        let metric = [Metric::Wait, Metric::Service, Metric::Response, Metric::EndToEnd][dice.below(4) as usize];
        let value = SimSpan::from_nanos(dice.below(1 << 30));
        rows.measures.push(MeasureRow { key: key(arrive, target, 3), metric, origin: NodeIndex(node), value });
        rows.ends.push(EndRow { key: key(arrive, target, 3), message, fate: Fate::Delivered });
    }
}

fn sample(dice: &mut Dice, size: Size, time: u64, rows: &mut Rows) {
    let key = RowKey {
        time: SimTime::from_nanos(time),
        node: dice.below(u64::from(size.nodes)) as u32,
        number: 4_000_000_000 + (time / SAMPLE_GRID.nanos()) as u32,
    };
    let depth = dice.below(100) as u32;
    let busy = dice.below(8) as u32;
    rows.samples.push(SampleRow {
        key,
        depth,
        depth_min: depth / 2,
        depth_max: depth * 2,
        in_flight: busy,
        busy,
        busy_max: busy + 1,
        condition: dice.below(32) as u8,
    });
}

/// The rows in deliveries that end at the given instants, each split in `parts` by node.
pub fn deliveries(rows: &Rows, mut untils: Vec<SimTime>, parts: u32, end: SimTime) -> Vec<Delivery> {
    untils.retain(|until| *until < end);
    untils.push(end);
    untils.sort_unstable();
    let mut from = SimTime::ZERO;
    let mut all = Vec::new();
    for until in untils {
        let inside = |key: RowKey, part: u32| key.time >= from && key.time < until && key.node % parts == part;
        let part = |part: u32| Rows {
            hops: rows.hops.iter().copied().filter(|row| inside(row.key, part)).collect(),
            receipts: rows.receipts.iter().copied().filter(|row| inside(row.key, part)).collect(),
            samples: rows.samples.iter().copied().filter(|row| inside(row.key, part)).collect(),
            measures: rows.measures.iter().copied().filter(|row| inside(row.key, part)).collect(),
            ends: rows.ends.iter().copied().filter(|row| inside(row.key, part)).collect(),
            commands: rows.commands.iter().filter(|row| inside(row.key, part)).cloned().collect(),
            logs: rows.logs.iter().filter(|row| inside(row.key, part)).cloned().collect(),
        };
        all.push(Delivery::Rows { parts: (0..parts).map(part).filter(|rows| !rows.is_empty()).collect(), until });
        from = until;
    }
    all.push(Delivery::End { at: end });
    all
}
