//! The event queue of a partition: a wheel of cells, with everything far away in coarser wheels.
//!
//! Invariant: events come out in the order of their keys.
//! Invariant: an event is moved at most once a level, so a million timers of tomorrow cost nothing today.
//!
//! A cell is one window wide. Cells of the near wheel are plain lists, put in order when their time
//! comes; what is born into the open cell or before it waits in a small heap. Emptied lists are used
//! again by the next cell that needs one, so that the queue keeps to memory that is still in the cache.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::event::SimEvent;
use crate::sim::id::NodeIndex;

/// Cells in a wheel, as a power of two.
const BITS: u32 = 8;
const CELLS: usize = 1 << BITS;
/// Wheels before the heap of the very far.
const WHEELS: usize = 4;
/// Emptied lists that are kept.
const SPARE_LISTS: usize = 64;

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
    fn push(&mut self, cell: usize, event: SimEvent, spare: &mut Vec<Vec<SimEvent>>) {
        let list = &mut self.cells[cell];
        if list.capacity() == 0 {
            self.occupied[cell / 64] |= 1 << (cell % 64);
            *list = spare.pop().unwrap_or_default();
        }
        list.push(event);
    }

    /// Takes a cell's list out; [`Agenda::spare`] wants it back when it is empty.
    fn take(&mut self, cell: usize) -> Vec<SimEvent> {
        self.occupied[cell / 64] &= !(1 << (cell % 64));
        std::mem::take(&mut self.cells[cell])
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

/// Where an event stands among those of the open cell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
struct Place {
    time: SimTime,
    target: u32,
    row: u32,
}

/// The event queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agenda {
    width: u64,
    /// The open cell: all cells up to it have been emptied into `open` or `born`.
    position: u64,
    /// The open cell's events as they came, and those that were taken already.
    open: Vec<SimEvent>,
    /// The order of the open cell's events, up to `taken` of them taken.
    order: Vec<Place>,
    taken: usize,
    born: BinaryHeap<Reverse<SimEvent>>,
    wheels: Vec<Wheel>,
    far: BinaryHeap<Reverse<SimEvent>>,
    length: usize,
    /// Empty lists for cells.
    #[serde(skip)]
    spare: Vec<Vec<SimEvent>>,
}

impl Agenda {
    /// An empty queue whose cells are `width` wide.
    pub fn new(width: SimSpan) -> Agenda {
        Agenda {
            width: width.nanos().max(1),
            position: 0,
            open: Vec::new(),
            order: Vec::new(),
            taken: 0,
            born: BinaryHeap::new(),
            wheels: vec![Wheel::new(); WHEELS],
            far: BinaryHeap::new(),
            length: 0,
            spare: Vec::new(),
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
        let cell = event.time.nanos() / self.width;
        if cell <= self.position {
            self.born.push(Reverse(event));
            return;
        }
        self.place(event, cell, self.position);
    }

    /// Puts an event into the finest wheel in which its cell and `from` share a turn.
    #[inline]
    fn place(&mut self, event: SimEvent, cell: u64, from: u64) {
        let changed = cell ^ from;
        if changed < 1 << BITS {
            return self.wheels[0].push(cell as usize & (CELLS - 1), event, &mut self.spare);
        }
        let level = (63 - changed.leading_zeros()) / BITS;
        match self.wheels.get_mut(level as usize) {
            Some(wheel) => wheel.push((cell >> (BITS * level)) as usize & (CELLS - 1), event, &mut self.spare),
            None => self.far.push(Reverse(event)),
        }
    }

    /// A cell at or before that of the next event; exact where the event is near.
    pub fn next_cell(&self) -> Option<u64> {
        let waiting = self.order.get(self.taken).map(|place| place.time);
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
        if cell ^ before >= 1 << (BITS * WHEELS as u32) {
            self.bring_near(cell);
        }
        for level in (1..WHEELS).rev() {
            let shift = BITS * level as u32;
            if cell >> shift == before >> shift {
                continue;
            }
            let mut events = self.wheels[level].take((cell >> shift) as usize & (CELLS - 1));
            for event in events.drain(..) {
                self.place(event, event.time.nanos() / self.width, cell);
            }
            self.keep(events);
        }
        self.position = cell;
        let mut events = self.wheels[0].take(cell as usize & (CELLS - 1));
        if self.taken == self.order.len() {
            std::mem::swap(&mut self.open, &mut events);
            events.clear();
            self.order.clear();
        } else {
            // Tests cut windows short: what was left open is put in order again with the rest.
            self.forget_taken();
            self.open.append(&mut events);
        }
        self.taken = 0;
        self.keep(events);
        self.put_in_order();
    }

    /// Takes out of the far heap what shares the wheels' turn with `cell`.
    fn bring_near(&mut self, cell: u64) {
        let near = |event: &SimEvent| (event.time.nanos() / self.width) ^ cell < 1 << (BITS * WHEELS as u32);
        let mut events = Vec::new();
        while self.far.peek().is_some_and(|Reverse(event)| near(event)) {
            events.extend(self.far.pop().map(|Reverse(event)| event));
        }
        for event in events {
            self.place(event, event.time.nanos() / self.width, cell);
        }
    }

    fn keep(&mut self, list: Vec<SimEvent>) {
        if list.capacity() > 0 && self.spare.len() < SPARE_LISTS {
            self.spare.push(list);
        }
    }

    fn forget_taken(&mut self) {
        self.open = self.order[self.taken..].iter().map(|place| self.open[place.row as usize]).collect();
    }

    /// Orders the open events by key. Few share time and target, so the whole key is rarely asked for.
    fn put_in_order(&mut self) {
        let rows = 0u32..;
        let places = rows.zip(&self.open).map(|(row, event)| Place { time: event.time, target: event.target.0, row });
        self.order.clear();
        self.order.extend(places);
        self.order.sort_unstable();
        let Agenda { order, open, .. } = self;
        let mut rest = order.as_mut_slice();
        while let Some(tie) = rest.windows(2).position(|pair| same_time_and_target(&pair[0], &pair[1])) {
            let tied = &mut rest[tie..];
            let length = tied.iter().take_while(|place| same_time_and_target(place, &tied[0])).count();
            let (tied, after) = tied.split_at_mut(length);
            tied.sort_unstable_by_key(|place| open[place.row as usize].key());
            rest = after;
        }
    }

    /// Who is up next among what is open, at most `count` of them.
    pub fn upcoming(&self, count: usize) -> impl Iterator<Item = NodeIndex> + Clone {
        self.order.iter().skip(self.taken).take(count).map(|place| NodeIndex(place.target))
    }

    /// Takes the next event of what is open, if it is before `until`.
    #[inline]
    pub fn pop_open(&mut self, until: SimTime) -> Option<SimEvent> {
        let place = self.order.get(self.taken);
        if let Some(Reverse(born)) = self.born.peek() {
            let first = place.is_none_or(|place| *born < self.open[place.row as usize]);
            if first {
                return self.pop_born(until);
            }
        }
        let place = place?;
        if place.time >= until {
            return None;
        }
        let event = self.open[place.row as usize];
        self.taken += 1;
        self.length -= 1;
        Some(event)
    }

    fn pop_born(&mut self, until: SimTime) -> Option<SimEvent> {
        if self.born.peek().is_none_or(|Reverse(event)| event.time >= until) {
            return None;
        }
        self.length -= 1;
        self.born.pop().map(|Reverse(event)| event)
    }

    /// Takes the next event of all, if it is before `until`, opening cells on the way.
    #[inline]
    pub fn pop(&mut self, until: SimTime) -> Option<SimEvent> {
        loop {
            if self.taken < self.order.len() || !self.born.is_empty() {
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
        self.forget_taken();
        let mut all = std::mem::take(&mut self.open);
        self.order.clear();
        self.taken = 0;
        all.extend(self.born.drain().map(|Reverse(event)| event));
        for wheel in &mut self.wheels {
            for cell in &mut wheel.cells {
                all.append(cell);
            }
            *wheel = Wheel::new();
        }
        all.extend(self.far.drain().map(|Reverse(event)| event));
        self.length = 0;
        all
    }
}

fn same_time_and_target(a: &Place, b: &Place) -> bool {
    (a.time, a.target) == (b.time, b.target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::event::{Class, Custody};
    use crate::sim::id::MessageId;
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
