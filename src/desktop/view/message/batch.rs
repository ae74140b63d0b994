//! A batch: hops as the graphics adapter reads them, ordered so that what can be seen at an instant
//! is a few short ranges.
//!
//! Invariant: a batch never changes once made. Inside it hops lie in classes by duration, each class
//! sorted by departure; a hop of class `c` lasts less than `2^c` ticks, so one straggler widens the
//! range of its own class only.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::record::columns::{HopColumns, ReceiptColumns};
use crate::scene::time::SimTime;
use crate::sim::row::{Direction, HopKind, HopRow, Outcome, WireFate};

/// Classes of duration: ticks are 31 bits wide.
const CLASSES: usize = 33;
/// Ticks reach this far on either side of a batch's start.
const REACH: u64 = 1 << 30;

/// A hop, or the flash of its arrival, as the vertex shader reads it.
#[derive(Clone, Copy, Pod, Zeroable, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct HopInstance {
    /// Departure in ticks from the batch's start.
    pub depart: i32,
    /// Duration in ticks.
    pub duration: u32,
    /// Row of the link.
    pub link: u32,
    /// Shape in bits 0 to 3, flags above.
    pub mark: u32,
}

/// Bits of [`HopInstance::mark`].
pub mod mark {
    /// Mask of the shape.
    pub const SHAPE: u32 = 15;
    /// Travels from target to source.
    pub const BACKWARD: u32 = 1 << 4;
    /// Is lost on the way.
    pub const LOST: u32 = 1 << 5;
    /// Is the flash of an arrival, not a hop.
    pub const FLASH: u32 = 1 << 6;
    /// Carries no message: small.
    pub const CONTROL: u32 = 1 << 7;
    /// Carries several messages.
    pub const BATCH: u32 = 1 << 8;
}

/// What is drawn for a hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Glyph {
    /// Normal traffic.
    Sphere = 0,
    /// A reply, along its way.
    Dart = 1,
    /// Sent again.
    Ring = 2,
    /// An error.
    Cross = 3,
    /// Turned away.
    Cube = 4,
    /// A dead letter.
    Octahedron = 5,
    /// Of no use: a pale sphere.
    Pale = 6,
}

/// The mark of a hop.
pub fn hop_mark(kind: u8, direction: u8, wire: u8) -> u32 {
    let is = |other: HopKind| kind == other as u8;
    let glyph = if is(HopKind::Reply) {
        Glyph::Dart
    } else if is(HopKind::Retry) {
        Glyph::Ring
    } else if is(HopKind::Error) {
        Glyph::Cross
    } else if is(HopKind::Throttled) {
        Glyph::Cube
    } else if is(HopKind::DeadLetter) {
        Glyph::Octahedron
    } else if is(HopKind::Poll) || is(HopKind::Acknowledgement) {
        Glyph::Pale
    } else {
        Glyph::Sphere
    };
    let mut bits = glyph as u32;
    if direction == Direction::Backward as u8 {
        bits |= mark::BACKWARD;
    }
    if wire == WireFate::Lost as u8 {
        bits |= mark::LOST;
    }
    if is(HopKind::Poll) || is(HopKind::Acknowledgement) {
        bits |= mark::CONTROL;
    }
    if is(HopKind::Batch) {
        bits |= mark::BATCH;
    }
    bits
}

/// The mark of an arrival's flash; `None` where the target simply took it.
pub fn flash_mark(outcome: u8, direction: u8) -> Option<u32> {
    let is = |other: Outcome| outcome == other as u8;
    let glyph = if is(Outcome::Throttled) {
        Glyph::Cube
    } else if is(Outcome::Failed) {
        Glyph::Cross
    } else if is(Outcome::DeadLettered) {
        Glyph::Octahedron
    } else if is(Outcome::Filtered) || is(Outcome::Late) {
        Glyph::Pale
    } else {
        return None;
    };
    let back = if direction == Direction::Backward as u8 { mark::BACKWARD } else { 0 };
    Some(glyph as u32 | back | mark::FLASH)
}

/// Hops of one duration class.
#[derive(Clone, Debug)]
struct Class {
    /// No hop of it lasts longer.
    longest: i64,
    /// Its place in the instances.
    first: u32,
    /// Departures, sorted.
    departs: Vec<i32>,
}

/// Hops ready for upload.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The instant of tick zero.
    pub start: SimTime,
    /// Nanoseconds in a tick are `2^shift`.
    pub shift: u32,
    /// The instances by class and departure.
    pub instances: Vec<HopInstance>,
    classes: Vec<Class>,
}

/// The rows of a batch before they are laid out.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    hops: Vec<(u64, u64, u32, u32)>,
}

impl Rows {
    /// Adds hops of a keyframe.
    pub fn keyframe(&mut self, hops: &[HopRow]) {
        self.hops.extend(hops.iter().map(|hop| {
            let mark = hop_mark(hop.kind as u8, hop.direction as u8, hop.wire as u8);
            (hop.key.time.nanos(), hop.arrive.nanos(), hop.link.0, mark)
        }));
    }

    /// Adds a range of hops.
    pub fn hops(&mut self, hops: &HopColumns, range: Range<usize>) {
        let HopColumns { depart, arrive, link, direction, kind, wire, .. } = hops;
        let columns = depart.iter().zip(arrive).zip(link).zip(direction).zip(kind).zip(wire);
        let rows = columns.skip(range.start).take(range.len());
        self.hops.extend(rows.map(|(((((depart, arrive), link), direction), kind), wire)| {
            (*depart, *arrive, *link, hop_mark(*kind, *direction, *wire))
        }));
    }

    /// Adds the flashes of a range of receipts.
    pub fn receipts(&mut self, receipts: &ReceiptColumns, range: Range<usize>) {
        let ReceiptColumns { time, link, direction, outcome, .. } = receipts;
        let columns = time.iter().zip(link).zip(direction).zip(outcome).skip(range.start).take(range.len());
        self.hops.extend(columns.filter_map(|(((time, link), direction), outcome)| {
            flash_mark(*outcome, *direction).map(|mark| (*time, *time, *link, mark))
        }));
    }

    /// Number of rows so far.
    pub fn len(&self) -> usize {
        self.hops.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.hops.is_empty()
    }
}

impl Batch {
    /// Lays rows out. `start` is the instant of tick zero; links past `links` (hidden ones) are left out.
    pub fn new(start: SimTime, rows: &Rows, links: usize) -> Batch {
        let zero = start.nanos();
        let far = rows.hops.iter().map(|(depart, arrive, ..)| arrive.abs_diff(zero).max(depart.abs_diff(zero))).max();
        let mut shift = 0;
        while far.unwrap_or(0) >> shift >= REACH {
            shift += 1;
        }
        let tick = |time: u64| {
            let distance = i64::try_from(time.abs_diff(zero) >> shift).unwrap_or(i64::MAX);
            let clamped = distance.min(REACH as i64) as i32;
            if time < zero { -clamped } else { clamped }
        };
        let mut classes: Vec<Vec<HopInstance>> = vec![Vec::new(); CLASSES];
        for &(depart, arrive, link, mark) in &rows.hops {
            if link as usize >= links {
                continue;
            }
            let (depart, arrive) = (tick(depart), tick(arrive));
            let duration = (i64::from(arrive) - i64::from(depart)).max(0) as u32;
            let class = (u32::BITS - duration.leading_zeros()) as usize;
            if let Some(class) = classes.get_mut(class) {
                class.push(HopInstance { depart, duration, link, mark });
            }
        }
        Batch::laid_out(start, shift, classes)
    }

    fn laid_out(start: SimTime, shift: u32, classes: Vec<Vec<HopInstance>>) -> Batch {
        let mut batch = Batch { start, shift, instances: Vec::new(), classes: Vec::new() };
        for (class, mut hops) in classes.into_iter().enumerate() {
            if hops.is_empty() {
                continue;
            }
            hops.sort_by_key(|hop| hop.depart);
            batch.classes.push(Class {
                longest: 1_i64 << class,
                first: batch.instances.len() as u32,
                departs: hops.iter().map(|hop| hop.depart).collect(),
            });
            batch.instances.append(&mut hops);
        }
        batch
    }

    /// `time` in ticks, far away where it is out of reach.
    pub fn tick(&self, time: SimTime) -> i64 {
        let distance = (time.nanos().abs_diff(self.start.nanos()) >> self.shift).min(1 << 40) as i64;
        if time < self.start { -distance } else { distance }
    }

    /// A length in ticks.
    pub fn ticks(&self, nanos: u64) -> i64 {
        ((nanos >> self.shift).min(1 << 40)) as i64
    }

    /// The instances that can be seen at `now` (in ticks), where an arrived hop stays for `after`.
    pub fn visible(&self, now: i64, after: i64) -> impl Iterator<Item = Range<u32>> {
        self.classes.iter().filter_map(move |class| {
            let oldest = now - class.longest - after;
            let low = class.departs.partition_point(|depart| i64::from(*depart) < oldest) as u32;
            let high = class.departs.partition_point(|depart| i64::from(*depart) <= now) as u32;
            (low < high).then(|| class.first + low..class.first + high)
        })
    }

    /// Bytes that it takes on the adapter.
    pub fn bytes(&self) -> usize {
        self.instances.len() * size_of::<HopInstance>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(hops: &[(u64, u64)]) -> Rows {
        Rows { hops: hops.iter().map(|(depart, arrive)| (*depart, *arrive, 0, 0)).collect() }
    }

    #[test]
    fn what_is_in_flight_is_in_the_ranges_and_little_else() {
        let mut hops: Vec<(u64, u64)> = (0..10_000).map(|hop| (hop * 1_000, hop * 1_000 + 5_000)).collect();
        hops.push((10, 9_000_000)); // a straggler
        let batch = Batch::new(SimTime::ZERO, &rows(&hops), 1);
        let now = 5_000_000;
        let seen: Vec<HopInstance> = batch
            .visible(now, 2_000)
            .flat_map(|range| batch.instances[range.start as usize..range.end as usize].to_vec())
            .collect();
        for (depart, arrive) in &hops {
            let in_flight = *depart <= now as u64 && now as u64 <= arrive + 2_000;
            let drawn = seen.iter().any(|hop| hop.depart as u64 == *depart);
            assert!(!in_flight || drawn, "{depart} to {arrive} is missing");
        }
        assert!(seen.len() < 20, "{} instances are drawn for 8 in flight", seen.len());
    }

    #[test]
    fn hours_fit_into_ticks_and_keep_their_order() {
        let hour = 3_600_000_000_000;
        let batch = Batch::new(SimTime::from_nanos(hour), &rows(&[(0, hour * 3), (hour, hour + 1_000_000)]), 1);
        assert!(batch.shift > 0);
        assert_eq!(batch.visible(batch.tick(SimTime::from_nanos(hour * 2)), 0).count(), 1);
        assert!(batch.instances.iter().any(|hop| hop.depart < 0));
    }

    #[test]
    fn hops_of_hidden_links_are_left_out() {
        let mut rows = rows(&[(0, 10)]);
        rows.hops.push((0, 10, 7, 0));
        assert_eq!(Batch::new(SimTime::ZERO, &rows, 3).instances.len(), 1);
    }

    #[test]
    fn only_arrivals_that_went_wrong_flash() {
        assert_eq!(flash_mark(Outcome::Accepted as u8, 0), None);
        assert_eq!(flash_mark(Outcome::Failed as u8, 1), Some(Glyph::Cross as u32 | mark::FLASH | mark::BACKWARD));
    }
}
