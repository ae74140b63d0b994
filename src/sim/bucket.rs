//! Bucket: tokens that refill at a rate, one for each admission.
//!
//! Invariant: over any time `T` at most capacity + rate x `T` tokens are taken (compute semantics AG-4, Q-16).
//! Invariant: all arithmetic is in integers, so splitting a wait in two changes nothing.

use serde::{Deserialize, Serialize};

use crate::scene::time::{SimSpan, SimTime};

/// Parts of a token. A rate in tokens a second times 1e9 is then parts a nanosecond.
const PARTS: u128 = 1_000_000_000_000_000_000;

/// How fast tokens come back and how many there are at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bucket {
    parts_per_nano: u64,
    capacity: u128,
}

/// How far a bucket is drawn down. The default is a full one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BucketLevel {
    missing: u128,
    at: SimTime,
}

impl Bucket {
    /// A bucket of `hertz` tokens a second that holds `capacity` of them.
    pub fn new(hertz: f64, capacity: u32) -> Bucket {
        // `as` saturates and maps not-a-number to zero: a bucket that never refills.
        Bucket { parts_per_nano: libm::round(hertz * 1e9) as u64, capacity: u128::from(capacity) * PARTS }
    }

    /// A bucket that holds `burst` tokens, or one second of its rate, and one token at least.
    pub fn with_burst(hertz: f64, burst: Option<u32>) -> Bucket {
        Bucket::new(hertz, burst.unwrap_or(libm::ceil(hertz) as u32).max(1))
    }
}

impl BucketLevel {
    /// Takes a token, if one is there.
    pub fn take(&mut self, bucket: &Bucket, now: SimTime) -> bool {
        self.take_several(bucket, 1, now)
    }

    /// Takes so many tokens, if all of them are there.
    pub fn take_several(&mut self, bucket: &Bucket, count: u32, now: SimTime) -> bool {
        self.refill(bucket, now);
        let parts = PARTS * u128::from(count);
        let admitted = self.missing + parts <= bucket.capacity;
        if admitted {
            self.missing += parts;
        }
        admitted
    }

    /// The instant from which on a token is there; `None` where none ever comes.
    pub fn ready_at(&self, bucket: &Bucket, now: SimTime) -> Option<SimTime> {
        let mut level = *self;
        level.refill(bucket, now);
        let short = (level.missing + PARTS).saturating_sub(bucket.capacity);
        if short == 0 {
            return Some(now);
        }
        if bucket.capacity < PARTS {
            return None;
        }
        let nanos = short.checked_div(u128::from(bucket.parts_per_nano))?;
        let exact = nanos * u128::from(bucket.parts_per_nano) == short;
        let nanos = u64::try_from(if exact { nanos } else { nanos + 1 }).ok()?;
        now.checked_add(SimSpan::from_nanos(nanos))
    }

    fn refill(&mut self, bucket: &Bucket, now: SimTime) {
        let gained = u128::from(now.since(self.at).nanos()).saturating_mul(u128::from(bucket.parts_per_nano));
        self.missing = self.missing.saturating_sub(gained).min(bucket.capacity);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(at: u64) -> SimTime {
        SimTime::from_nanos(at * 1_000_000)
    }

    fn taken(bucket: &Bucket, times: impl Iterator<Item = u64>) -> usize {
        let mut level = BucketLevel::default();
        times.filter(|at| level.take(bucket, millis(*at))).count()
    }

    #[test]
    fn a_full_bucket_admits_its_capacity_and_then_its_rate() {
        let bucket = Bucket::new(100.0, 5);
        assert_eq!(taken(&bucket, (0..50).map(|_| 0)), 5, "the first requests pass at any rate (AG-4)");
        // A request every millisecond for one second: AG-8 with 5 + 100 x 1 s.
        assert_eq!(taken(&bucket, 0..1_000), 104, "5 at first, then one every 10 ms");
    }

    #[test]
    fn several_tokens_are_taken_together_or_not_at_all() {
        let bucket = Bucket::new(10.0, 5);
        let mut level = BucketLevel::default();
        let taken = [3, 3, 2, 1].map(|count| level.take_several(&bucket, count, SimTime::ZERO));
        assert_eq!(taken, [true, false, true, false]);
        assert!(level.take_several(&bucket, 3, millis(300)) && !level.take(&bucket, millis(399)));
    }

    #[test]
    fn waiting_in_steps_gains_what_one_wait_gains() {
        let bucket = Bucket::new(1.0 / 3.0, 2);
        let (mut once, mut steps) = (BucketLevel::default(), BucketLevel::default());
        for level in [&mut once, &mut steps] {
            assert!(level.take(&bucket, SimTime::ZERO) && level.take(&bucket, SimTime::ZERO));
        }
        (1..3_000).for_each(|at| assert!(!steps.take(&bucket, millis(at)), "not after {at} ms"));
        once.take(&bucket, millis(2_999));
        assert_eq!(once, steps);
    }

    #[test]
    fn the_next_token_is_there_exactly_when_it_is_said_to_be() {
        for hertz in [0.1, 3.0, 7.3, 10_000.0] {
            let bucket = Bucket::new(hertz, 1);
            let mut level = BucketLevel::default();
            assert!(level.take(&bucket, millis(1)));
            let ready = level.ready_at(&bucket, millis(1)).expect("a rate above zero");
            let before = SimTime::from_nanos(ready.nanos() - 1);
            assert!(!level.clone().take(&bucket, before) && level.take(&bucket, ready), "{hertz} a second");
        }
        let mut level = BucketLevel::default();
        let bucket = Bucket::new(0.0, 1);
        assert!(level.take(&bucket, SimTime::ZERO));
        assert_eq!(level.ready_at(&bucket, millis(1)), None, "without a rate none comes");
    }
}
