//! The event queue of a partition: a wheel of cells, with everything far away in coarser wheels.
//!
//! Invariant: events come out in the order of their keys.
//! Invariant: an event is moved at most once a level, so a million timers of tomorrow cost nothing today.
//!
//! A cell is one window wide. Cells of the near wheel are plain lists, sorted when their time comes;
//! what is born into the open cell or before it waits in a small heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::event::SimEvent;

/// Cells in a wheel, as a power of two.
const BITS: u32 = 10;
const CELLS: usize = 1 << BITS;
/// Wheels before the heap of the very far.
const WHEELS: usize = 3;

/// A wheel of cells and a map of those that hold something.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wheel {
    cells: Vec<Vec<SimEvent>>,
    occupied: Vec<u64>,
}

impl Wheel {
    fn new() -> Wheel {
        Wheel { cells: vec![Vec::new(); CELLS], occupied: vec![0; CELLS / 64] }
    }

    #[inline]
    fn push(&mut self, cell: usize, event: SimEvent) {
        self.cells[cell].push(event);
        self.occupied[cell / 64] |= 1 << (cell % 64);
    }

    fn clear_mark(&mut self, cell: usize) {
        self.occupied[cell / 64] &= !(1 << (cell % 64));
    }

    /// The first occupied cell at or after `from`.
    fn next(&self, from: usize) -> Option<usize> {
        let mut word = from / 64;
        let mut bits = *self.occupied.get(word)? & (u64::MAX << (from % 64));
        loop {
            if bits != 0 {
                return Some(word * 64 + bits.trailing_zeros() as usize);
            }
            word += 1;
            bits = *self.occupied.get(word)?;
        }
    }
}

/// The event queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agenda {
    width: u64,
    /// The open cell: all cells up to it have been emptied into `open` or `born`.
    position: u64,
    /// The open cell's events, last first.
    open: Vec<SimEvent>,
    born: BinaryHeap<Reverse<SimEvent>>,
    wheels: Vec<Wheel>,
    far: BinaryHeap<Reverse<SimEvent>>,
    length: usize,
}

impl Agenda {
    /// An empty queue whose cells are `width` wide.
    pub fn new(width: SimSpan) -> Agenda {
        Agenda {
            width: width.nanos().max(1),
            position: 0,
            open: Vec::new(),
            born: BinaryHeap::new(),
            wheels: vec![Wheel::new(); WHEELS],
            far: BinaryHeap::new(),
            length: 0,
        }
    }

    /// The width of a cell.
    pub fn width(&self) -> SimSpan {
        SimSpan::from_nanos(self.width)
    }

    /// Events that wait.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds an event.
    #[inline]
    pub fn push(&mut self, event: SimEvent) {
        self.length += 1;
        self.place(event);
    }

    #[inline]
    fn place(&mut self, event: SimEvent) {
        let cell = event.time.nanos() / self.width;
        if cell <= self.position {
            self.born.push(Reverse(event));
            return;
        }
        let changed = cell ^ self.position;
        if changed < 1 << BITS {
            self.wheels[0].push(cell as usize & (CELLS - 1), event);
        } else if changed < 1 << (2 * BITS) {
            self.wheels[1].push((cell >> BITS) as usize & (CELLS - 1), event);
        } else if changed < 1 << (3 * BITS) {
            self.wheels[2].push((cell >> (2 * BITS)) as usize & (CELLS - 1), event);
        } else {
            self.far.push(Reverse(event));
        }
    }

    /// A cell at or before that of the next event; exact where the event is near.
    pub fn next_cell(&self) -> Option<u64> {
        let waiting = self.open.last().map(|event| event.time);
        let born = self.born.peek().map(|Reverse(event)| event.time);
        if let Some(time) = [waiting, born].into_iter().flatten().min() {
            return Some(time.nanos() / self.width);
        }
        for (level, wheel) in self.wheels.iter().enumerate() {
            let shift = BITS * level as u32;
            let here = self.position >> shift;
            if let Some(cell) = wheel.next((here as usize & (CELLS - 1)) + 1) {
                return Some((here & !(CELLS as u64 - 1) | cell as u64) << shift);
            }
        }
        self.far.peek().map(|Reverse(event)| event.time.nanos() / self.width)
    }

    /// Opens `cell`. No event may wait in an earlier one, except in what is open or born already.
    pub fn open(&mut self, cell: u64) {
        if cell <= self.position {
            return;
        }
        let before = self.position;
        // The position stands just before the cell while coarser cells are spread over finer ones.
        self.position = cell - 1;
        if cell ^ before >= 1 << (3 * BITS) {
            while self
                .far
                .peek()
                .is_some_and(|Reverse(event)| (event.time.nanos() / self.width) ^ cell < 1 << (3 * BITS))
            {
                if let Some(Reverse(event)) = self.far.pop() {
                    self.replace(event, cell);
                }
            }
        }
        for level in (1..WHEELS).rev() {
            let shift = BITS * level as u32;
            if cell >> shift == before >> shift {
                continue;
            }
            let at = (cell >> shift) as usize & (CELLS - 1);
            let mut events = std::mem::take(&mut self.wheels[level].cells[at]);
            self.wheels[level].clear_mark(at);
            for event in events.drain(..) {
                self.replace(event, cell);
            }
            self.wheels[level].cells[at] = events;
        }
        self.position = cell;
        let at = cell as usize & (CELLS - 1);
        self.wheels[0].clear_mark(at);
        if self.open.is_empty() {
            std::mem::swap(&mut self.open, &mut self.wheels[0].cells[at]);
        } else {
            self.open.append(&mut self.wheels[0].cells[at]);
        }
        self.open.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Places an event relative to the cell that is being opened.
    fn replace(&mut self, event: SimEvent, opening: u64) {
        let cell = event.time.nanos() / self.width;
        let changed = cell ^ opening;
        let level = if changed < 1 << BITS {
            0
        } else if changed < 1 << (2 * BITS) {
            1
        } else {
            2
        };
        self.wheels[level].push((cell >> (BITS * level as u32)) as usize & (CELLS - 1), event);
    }

    /// Takes the next event of what is open, if it is before `until`.
    #[inline]
    pub fn pop_open(&mut self, until: SimTime) -> Option<SimEvent> {
        let from_born = match (self.open.last(), self.born.peek()) {
            (None, None) => return None,
            (Some(_), None) => false,
            (None, Some(_)) => true,
            (Some(open), Some(Reverse(born))) => born < open,
        };
        let next = if from_born {
            self.born.peek().map(|Reverse(event)| event.time)
        } else {
            self.open.last().map(|e| e.time)
        };
        if next? >= until {
            return None;
        }
        self.length -= 1;
        if from_born { self.born.pop().map(|Reverse(event)| event) } else { self.open.pop() }
    }

    /// Takes the next event of all, if it is before `until`, opening cells on the way.
    #[inline]
    pub fn pop(&mut self, until: SimTime) -> Option<SimEvent> {
        loop {
            if !self.open.is_empty() || !self.born.is_empty() {
                return self.pop_open(until);
            }
            let cell = self.next_cell()?;
            if cell.saturating_mul(self.width) >= until.nanos() {
                return None;
            }
            self.open(cell);
        }
    }

    /// Takes everything out, in no order.
    pub fn drain(&mut self) -> Vec<SimEvent> {
        let mut all = std::mem::take(&mut self.open);
        all.extend(self.born.drain().map(|Reverse(event)| event));
        for wheel in &mut self.wheels {
            for cell in &mut wheel.cells {
                all.append(cell);
            }
            wheel.occupied.fill(0);
        }
        all.extend(self.far.drain().map(|Reverse(event)| event));
        self.length = 0;
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::event::{Class, Custody};
    use crate::sim::id::{MessageId, NodeIndex};
    use crate::sim::payload::Payload;
    use crate::sim::row::{Direction, HopKind};

    fn event(time: u64, sequence: u32) -> SimEvent {
        SimEvent {
            time: SimTime::from_nanos(time),
            target: NodeIndex(sequence % 3),
            source: NodeIndex(0),
            sequence,
            via: 0,
            class: Class::Timer,
            kind: HopKind::Event,
            direction: Direction::Forward,
            custody: Custody::Stays,
            hop: 0,
            count: 0,
            token: 0,
            origin: NodeIndex(0),
            message: MessageId::NONE,
            payload: Payload::default(),
            born: SimTime::ZERO,
        }
    }

    proptest::proptest! {
        #[test]
        fn events_come_out_in_the_order_of_their_keys(
            width in 1u64..50,
            steps in proptest::collection::vec((0u32..6, 0u64..40_000_000_000), 1..300),
        ) {
            let mut agenda = Agenda::new(SimSpan::from_nanos(width));
            let mut model = std::collections::BTreeSet::new();
            let mut now = 0;
            for (index, (choice, far)) in steps.into_iter().enumerate() {
                if choice < 4 {
                    // Near, ties, far and very far alike, never before the present.
                    let ahead = [far % 3, far % 500, far % 3_000_000, far][choice as usize];
                    let event = event(now + ahead, index as u32);
                    model.insert(event);
                    agenda.push(event);
                } else {
                    let expected = model.pop_first();
                    let found = agenda.pop(SimTime::MAX);
                    proptest::prop_assert_eq!(found, expected);
                    now = found.map_or(now, |event| event.time.nanos());
                }
            }
            proptest::prop_assert_eq!(agenda.len(), model.len());
            while let Some(expected) = model.pop_first() {
                proptest::prop_assert_eq!(agenda.pop(SimTime::MAX), Some(expected));
            }
            proptest::prop_assert!(agenda.pop(SimTime::MAX).is_none());
        }
    }
}
