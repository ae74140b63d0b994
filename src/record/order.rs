//! Canonical order: rows of many parts become one table sorted by key.
//!
//! Invariant: the result depends on the set of rows alone, not on the parts in which they came,
//! nor on the number of threads that sort them.

use rayon::slice::ParallelSliceMut;

use crate::scene::time::SimTime;
use crate::sim::row::{CommandRow, HopRow, LogRow, ReceiptRow, RowKey, Rows, SampleRow};

/// Rows fewer than this are sorted by one thread: waking another costs more than it saves.
const PARALLEL_ROWS: usize = 1 << 13;

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

/// Sorts rows by key. The parts are sorted runs, or nearly so, which a merge sort uses; it moves keys
/// alone and each row once.
fn sort<R: Keyed + Copy + Sync>(rows: &mut Vec<R>) {
    if rows.is_sorted_by_key(Keyed::key) {
        return;
    }
    let place = |(number, row): (u32, &R)| {
        let RowKey { time, node, number: own } = row.key();
        (time, u64::from(node) << 32 | u64::from(own), number)
    };
    let mut order: Vec<(SimTime, u64, u32)> = (0u32..).zip(rows.iter()).map(place).collect();
    if rows.len() < PARALLEL_ROWS {
        order.sort();
    } else {
        order.par_sort();
    }
    *rows = order.iter().map(|(_, _, row)| rows[*row as usize]).collect();
}

fn sort_by_time<R: Send>(rows: &mut [R], time: impl Fn(&R) -> SimTime + Sync) {
    if rows.is_sorted_by_key(&time) {
        return;
    }
    if rows.len() < PARALLEL_ROWS {
        rows.sort_by_key(time);
    } else {
        rows.par_sort_by_key(time);
    }
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
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn any_mix_of_rows_gets_the_order_of_whole_keys(
            seeds in prop::collection::vec((0u64..50, 0u32..40, any::<u32>()), 0..20_000), shift in 0u32..50, wide in any::<bool>(),
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
