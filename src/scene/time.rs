//! Simulated time: instants and lengths in whole nanoseconds.
//!
//! Invariant: an instant and a length are different types; neither is a float and neither wraps.

/// An instant of simulated time, in nanoseconds since the run began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct SimTime(u64);

/// A length of simulated time, in nanoseconds. Two instants differ by one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct SimSpan(u64);

impl SimTime {
    /// The beginning of every run.
    pub const ZERO: SimTime = SimTime(0);
    /// The last representable instant, about 584 years after the beginning.
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// The instant `nanos` nanoseconds after the beginning.
    pub const fn from_nanos(nanos: u64) -> SimTime {
        SimTime(nanos)
    }

    /// Nanoseconds since the beginning.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The instant `span` later; the last representable one where that would pass it.
    pub const fn saturating_add(self, span: SimSpan) -> SimTime {
        SimTime(self.0.saturating_add(span.0))
    }

    /// The instant `span` later, or `None` past the last representable one.
    pub const fn checked_add(self, span: SimSpan) -> Option<SimTime> {
        match self.0.checked_add(span.0) {
            Some(nanos) => Some(SimTime(nanos)),
            None => None,
        }
    }

    /// The length from `earlier` to here; zero where `earlier` is later.
    pub const fn since(self, earlier: SimTime) -> SimSpan {
        SimSpan(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the beginning, for pictures and reports; never for results.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl SimSpan {
    /// No time at all.
    pub const ZERO: SimSpan = SimSpan(0);
    /// The longest representable length.
    pub const MAX: SimSpan = SimSpan(u64::MAX);

    /// A length of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> SimSpan {
        SimSpan(nanos)
    }

    /// A length of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> SimSpan {
        SimSpan(micros.saturating_mul(1_000))
    }

    /// A length of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> SimSpan {
        SimSpan(millis.saturating_mul(1_000_000))
    }

    /// A length of `seconds` seconds.
    pub const fn from_seconds(seconds: u64) -> SimSpan {
        SimSpan(seconds.saturating_mul(1_000_000_000))
    }

    /// The nearest representable length to `seconds`; negative and not-a-number give zero.
    pub fn from_seconds_f64(seconds: f64) -> SimSpan {
        // `as` saturates and maps NaN to zero, which is what a length needs.
        SimSpan(libm::round(seconds * 1e9) as u64)
    }

    /// The length in nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The length in seconds, for pictures and reports; never for results.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The sum of two lengths, or the longest representable one.
    pub const fn saturating_add(self, other: SimSpan) -> SimSpan {
        SimSpan(self.0.saturating_add(other.0))
    }

    /// The length that remains after `other`; zero where `other` is longer.
    pub const fn saturating_sub(self, other: SimSpan) -> SimSpan {
        SimSpan(self.0.saturating_sub(other.0))
    }

    /// `times` times this length, or the longest representable one.
    pub const fn saturating_mul(self, times: u64) -> SimSpan {
        SimSpan(self.0.saturating_mul(times))
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::Add<SimSpan> for SimTime {
    type Output = SimTime;
    fn add(self, span: SimSpan) -> SimTime {
        self.saturating_add(span)
    }
}
