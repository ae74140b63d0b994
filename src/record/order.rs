//! Canonical order: rows of many parts become one table sorted by key.
//!
//! Invariant: the result depends on the set of rows alone, not on the parts in which they came,
//! nor on the number of threads that sort them.

use crate::scene::time::SimTime;
use crate::sim::row::{CommandRow, HopRow, LogRow, ReceiptRow, RowKey, Rows, SampleRow};

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
    let (mut hops, mut receipts, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    let mut all = Rows::default();
    for part in parts {
        let Rows { hops: left, receipts: arrived, samples: levels, mut measures, mut ends, mut commands, mut logs } =
            part;
        hops.push(left);
        receipts.push(arrived);
        samples.push(levels);
        all.measures.append(&mut measures);
        all.ends.append(&mut ends);
        all.commands.append(&mut commands);
        all.logs.append(&mut logs);
    }
    let Rows { measures, ends, commands, logs, .. } = &mut all;
    let mut by_time = || {
        measures.sort_by_key(|row| row.key.time);
        ends.sort_by_key(|row| row.key.time);
    };
    let ((hops, ()), (receipts, samples)) =
        rayon::join(|| (merge(hops), by_time()), || (merge(receipts), merge(samples)));
    commands.sort_by_key(Keyed::key);
    logs.sort_by_key(Keyed::key);
    Rows { hops, receipts, samples, ..all }
}

/// One table of the rows of all parts, by key. Parts are sorted runs, or nearly so, which the standard
/// library's merge sort finds; it moves keys alone, and each row once.
fn merge<R: Keyed + Copy>(mut parts: Vec<Vec<R>>) -> Vec<R> {
    parts.retain(|part| !part.is_empty());
    if let [only] = parts.as_mut_slice()
        && only.is_sorted_by_key(Keyed::key)
    {
        return std::mem::take(only);
    }
    let mut order: Vec<Place> = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for (part, rows) in (0u32..).zip(&parts) {
        order.extend((0u32..).zip(rows).map(|(row, of)| Place::of(of.key(), part, row)));
    }
    order.sort_by_key(|place| (place.time, place.own));
    order.iter().map(|place| parts[place.part as usize][place.row as usize]).collect()
}

/// A row's key, and where the row is.
#[derive(Clone, Copy)]
struct Place {
    time: SimTime,
    /// Node and number as one word, which compares like both.
    own: u64,
    part: u32,
    row: u32,
}

impl Place {
    fn of(key: RowKey, part: u32, row: u32) -> Place {
        Place { time: key.time, own: u64::from(key.node) << 32 | u64::from(key.number), part, row }
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
            let rows: Vec<EndRow> = seeds.into_iter().map(row).collect();
            let mut expected = rows.clone();
            expected.sort_by_key(|row| row.key);
            let parts = rows.chunks(rows.len() / 3 + 1).map(<[EndRow]>::to_vec).collect();
            let rows = merge(parts);
            prop_assert_eq!(rows.iter().map(|row| row.key).collect::<Vec<_>>(), expected.iter().map(|row| row.key).collect::<Vec<_>>());
        }
    }
}
