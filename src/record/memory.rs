//! What of a recording is in memory.
//!
//! Invariant: only what can be read back is ever dropped, and what was used longest ago goes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::recording::Closed;

/// Bytes of chunks that a recording holds in memory unless told otherwise.
pub const MEMORY_BUDGET: usize = 256 << 20;

/// How much may be in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) budget: usize,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { budget: MEMORY_BUDGET }
    }
}

/// Something that can be read back, if it is in memory, and when it was used last.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    value: Option<Arc<T>>,
    bytes: usize,
    used: AtomicU64,
}

impl<T> Default for Cached<T> {
    fn default() -> Cached<T> {
        Cached { value: None, bytes: 0, used: AtomicU64::new(0) }
    }
}

impl<T> Cached<T> {
    pub(crate) fn new(value: Arc<T>, bytes: usize, used: u64) -> Cached<T> {
        Cached { value: Some(value), bytes, used: AtomicU64::new(used) }
    }

    pub(crate) fn get(&self, used: u64) -> Option<Arc<T>> {
        self.used.store(used, Ordering::Relaxed);
        self.value.clone()
    }

    pub(crate) fn put(&mut self, value: Arc<T>, bytes: usize, used: u64) {
        *self = Cached::new(value, bytes, used);
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        if self.value.is_some() { self.bytes } else { 0 }
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn drop_value(&mut self) {
        self.value = None;
    }
}

/// What of a chunk can be dropped.
#[derive(Clone, Copy)]
enum Part {
    Rows,
    Statistics,
}

impl Memory {
    /// Drops parts of `shelved` chunks until they and `others` bytes keep the budget.
    pub(crate) fn keep(&self, shelved: &mut [Closed], others: usize) {
        let held = |closed: &Closed| closed.rows.bytes() + closed.statistics.bytes();
        let mut total = shelved.iter().map(held).sum::<usize>() + others;
        if total <= self.budget {
            return;
        }
        let mut parts: Vec<(u64, usize, Part)> = Vec::new();
        for (index, closed) in shelved.iter().enumerate() {
            parts.push((closed.rows.used(), index, Part::Rows));
            parts.push((closed.statistics.used(), index, Part::Statistics));
        }
        parts.sort_unstable_by_key(|(used, index, _)| (*used, *index));
        for (_, index, part) in parts {
            if total <= self.budget {
                return;
            }
            let Some(closed) = shelved.get_mut(index) else { continue };
            match part {
                Part::Rows => {
                    total -= closed.rows.bytes();
                    closed.rows.drop_value();
                }
                Part::Statistics => {
                    total -= closed.statistics.bytes();
                    closed.statistics.drop_value();
                }
            }
        }
    }
}
