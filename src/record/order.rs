//! Canonical order: rows of many parts become one table sorted by key.
//!
//! Invariant: the result depends on the set of rows alone, not on the parts in which they came,
//! nor on the number of threads that sort them.

use crate::scene::time::SimTime;
use crate::sim::row::{CommandRow, HopRow, LogRow, ReceiptRow, RowKey, Rows, SampleRow};

/// Rows fewer than this are sorted by comparing: counting digits costs more than it saves.
const RADIX_ROWS: usize = 1 << 8;

/// A row with its place in the canonical order.
pub trait Keyed: Send {
    /// The canonical key.
    fn key(&self) -> RowKey;
}

impl Keyed for HopRow {
    fn key(&self) -> RowKey {
        self.key
    }
}
impl Keyed for ReceiptRow {
    fn key(&self) -> RowKey {
        self.key
    }
}
impl Keyed for SampleRow {
    fn key(&self) -> RowKey {
        self.key
    }
}
impl Keyed for CommandRow {
    fn key(&self) -> RowKey {
        self.key
    }
}
impl Keyed for LogRow {
    fn key(&self) -> RowKey {
        self.key
    }
}

/// Joins parts and sorts every table: those that are kept by key; measures and ends, which are only
/// folded into sums, by time.
pub fn canonical(parts: Vec<Rows>) -> Rows {
    let mut all = Rows::default();
    for part in parts {
        if all.is_empty() {
            all = part;
            continue;
        }
        let Rows { mut hops, mut receipts, mut samples, mut measures, mut ends, mut commands, mut logs } = part;
        all.hops.append(&mut hops);
        all.receipts.append(&mut receipts);
        all.samples.append(&mut samples);
        all.measures.append(&mut measures);
        all.ends.append(&mut ends);
        all.commands.append(&mut commands);
        all.logs.append(&mut logs);
    }
    let Rows { hops, receipts, samples, measures, ends, commands, logs } = &mut all;
    rayon::join(
        || sort(hops),
        || {
            sort(receipts);
            sort(samples);
        },
    );
    rayon::join(|| sort_by_time(measures, |row| row.key.time), || sort_by_time(ends, |row| row.key.time));
    commands.sort_by_key(Keyed::key);
    logs.sort_by_key(Keyed::key);
    all
}

/// Sorts rows by key. Time and node in one number are sorted by radix, which took a third of the time
/// of a merge sort by the whole key; row numbers decide only among rows of one node at one instant.
fn sort<R: Keyed + Copy>(rows: &mut Vec<R>) {
    if rows.is_sorted_by_key(Keyed::key) {
        return;
    }
    let nodes = rows.iter().map(|row| row.key().node).max().unwrap_or(0);
    let node_bits = u32::BITS - nodes.leading_zeros();
    if rows.len() < RADIX_ROWS || !radix(rows, node_bits, Keyed::key) {
        rows.sort_by_key(Keyed::key);
        return;
    }
    let together = |one: &R, other: &R| (one.key().time, one.key().node) == (other.key().time, other.key().node);
    for rows in rows.chunk_by_mut(together).filter(|rows| rows.len() > 1) {
        rows.sort_by_key(Keyed::key);
    }
}

fn sort_by_time<R: Copy>(rows: &mut Vec<R>, time: impl Fn(&R) -> SimTime) {
    if rows.is_sorted_by_key(&time) {
        return;
    }
    let key = |row: &R| RowKey { time: time(row), ..RowKey::default() };
    if rows.len() < RADIX_ROWS || !radix(rows, 0, key) {
        rows.sort_by_key(time);
    }
}

/// Sorts rows by time, then by node, which has `node_bits` bits; leaves them and gives `false` where
/// that does not fit in one number.
fn radix<R: Copy>(rows: &mut Vec<R>, node_bits: u32, key: impl Fn(&R) -> RowKey) -> bool {
    let times = || rows.iter().map(|row| key(row).time.nanos());
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return true };
    let time_bits = u64::BITS - (last - first).leading_zeros();
    let Ok(count) = u32::try_from(rows.len()) else { return false };
    if time_bits + node_bits > u64::BITS {
        return false;
    }
    let code = |row: &R| {
        let RowKey { time, node, .. } = key(row);
        (time.nanos() - first) << node_bits | u64::from(node)
    };
    let mut codes: Vec<(u64, u32)> = rows.iter().map(code).zip(0..count).collect();
    radsort::sort_by_key(&mut codes, |(code, _)| *code);
    *rows = codes.iter().filter_map(|(_, at)| rows.get(*at as usize).copied()).collect();
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sim::id::MessageId;
    use crate::sim::row::{EndRow, Fate};

    fn end(time: u64, node: u32, number: u32) -> EndRow {
        let key = RowKey { time: SimTime::from_nanos(time), node, number };
        EndRow { key, message: MessageId(u64::from(number)), fate: Fate::Delivered }
    }

    impl Keyed for EndRow {
        fn key(&self) -> RowKey {
            self.key
        }
    }

    proptest! {
        #[test]
        fn radix_gives_the_order_of_whole_keys(
            seeds in prop::collection::vec((0u64..50, 0u32..40, any::<u32>()), 0..1_500), shift in 0u32..50, wide in any::<bool>(),
        ) {
            let row = |(time, node, number): (u64, u32, u32)| {
                end(time << shift, if wide { node << 26 } else { node }, number)
            };
            let mut rows: Vec<EndRow> = seeds.into_iter().map(row).collect();
            let mut expected = rows.clone();
            expected.sort_by_key(|row| row.key);
            sort(&mut rows);
            prop_assert_eq!(rows.iter().map(|row| row.key).collect::<Vec<_>>(), expected.iter().map(|row| row.key).collect::<Vec<_>>());
        }
    }
}
