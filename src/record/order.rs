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
    sort(&mut all.hops);
    sort(&mut all.receipts);
    sort(&mut all.samples);
    sort(&mut all.commands);
    sort(&mut all.logs);
    sort_by_time(&mut all.measures, |row| row.key.time);
    sort_by_time(&mut all.ends, |row| row.key.time);
    all
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

fn sort<R: Keyed>(rows: &mut [R]) {
    if rows.is_sorted_by_key(Keyed::key) {
        return;
    }
    if rows.len() < PARALLEL_ROWS {
        rows.sort_by_key(Keyed::key);
    } else {
        rows.par_sort_by_key(Keyed::key);
    }
}
