//! What is counted at links, on a grid of simulated time.
//!
//! Invariant: counting is integer addition and rows stand in the order of cell, link and class, so what
//! was counted when cannot be seen in the result.

use crate::record::window::LinkStatistics;

/// What is counted at a link fits into so many bits: 20 kinds of hops by direction, 12 outcomes of
/// receipts by direction, 2 directions of losses.
const CLASS_BITS: u32 = 8;
const CLASS_MASK: u64 = (1 << CLASS_BITS) - 1;
/// Counts kept before they are summed up: a megabyte.
const COUNTS_MAX: usize = 1 << 16;

/// Counts of links, one row for each cell, link and class that is not zero, in that order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkCells {
    /// The cell's number: its start in units of its grid.
    pub cell: Vec<u64>,
    /// Row of the link.
    pub link: Vec<u32>,
    /// What is counted: `10 * direction + kind` for hops, `20 + 6 * direction + outcome` for
    /// receipts, `32 + direction` for losses.
    pub class: Vec<u8>,
    /// How many.
    pub count: Vec<u32>,
}

/// Counts by link and class, until their cell is over: a list that is put in order and summed up now
/// and then. Scenes have far more links than a cell has hops, and counters for all of them would be
/// fetched from memory for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkCounts {
    /// (link and class, count); a key may stand here several times.
    counts: Vec<(u64, u32)>,
    /// Entries that were summed up already, in order and each once.
    summed: usize,
}

impl LinkCounts {
    #[inline]
    pub(crate) fn add(&mut self, link: u32, class: usize, count: u32) {
        self.add_key(u64::from(link) << CLASS_BITS | class as u64, count);
    }

    #[inline]
    fn add_key(&mut self, key: u64, count: u32) {
        if self.counts.len() >= COUNTS_MAX.max(2 * self.summed) {
            self.sum_up();
        }
        self.counts.push((key, count));
    }

    fn sum_up(&mut self) {
        self.counts.sort_by_key(|(key, _)| *key);
        self.counts.dedup_by(|(key, count), (kept, sum)| {
            let same = key == kept;
            if same {
                *sum = sum.saturating_add(*count);
            }
            same
        });
        self.summed = self.counts.len();
    }

    /// Writes what was counted since the last flush to `cells`, and adds it to the coarser grid.
    pub(crate) fn flush(&mut self, cell: u64, cells: &mut LinkCells, mut coarser: Option<&mut LinkCounts>) {
        self.sum_up();
        self.summed = 0;
        for (key, count) in self.counts.drain(..) {
            cells.push(cell, (key >> CLASS_BITS) as u32, (key & CLASS_MASK) as u8, count);
            if let Some(coarser) = coarser.as_deref_mut() {
                coarser.add_key(key, count);
            }
        }
    }
}

impl LinkCells {
    fn push(&mut self, cell: u64, link: u32, class: u8, count: u32) {
        self.cell.push(cell);
        self.link.push(link);
        self.class.push(class);
        self.count.push(count);
    }

    /// Takes the rows from `at` on out into a table of their own.
    pub(crate) fn split_off(&mut self, at: usize) -> LinkCells {
        LinkCells {
            cell: self.cell.split_off(at),
            link: self.link.split_off(at),
            class: self.class.split_off(at),
            count: self.count.split_off(at),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.cell.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cell.is_empty()
    }

    /// Adds the cells from `from` up to but without `to` to what is known of each link.
    pub fn fold(&self, from: u64, to: u64, links: &mut Vec<LinkStatistics>) {
        let start = self.cell.partition_point(|cell| *cell < from);
        let end = self.cell.partition_point(|cell| *cell < to).max(start);
        let rows = self.link.iter().zip(&self.class).zip(&self.count);
        for ((link, class), count) in rows.take(end).skip(start) {
            let row = *link as usize;
            if links.len() <= row {
                links.resize(row + 1, LinkStatistics::default());
            }
            if let Some(place) = links.get_mut(row).and_then(|link| link.class_mut(*class)) {
                *place += u64::from(*count);
            }
        }
    }
}

impl LinkStatistics {
    fn class_mut(&mut self, class: u8) -> Option<&mut u64> {
        let class = usize::from(class);
        match class {
            0..20 => self.hops.get_mut(class / 10)?.get_mut(class % 10),
            20..32 => self.outcomes.get_mut((class - 20) / 6)?.get_mut((class - 20) % 6),
            _ => self.lost.get_mut(class.checked_sub(32)?),
        }
    }
}
