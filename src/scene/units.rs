//! Units as people write them: `"250ms"`, `"40/s"`, `"256KiB"`, and the distributions built from them.
//!
//! Invariant: parsing what was printed gives the same value, and printing is as short as that allows.

use serde::{Deserialize, Serialize};

use crate::scene::time::SimSpan;

/// A length of time as written in a scene: `"250ms"`, `"1h30m"`, `"4d"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(pub SimSpan);

/// A number of things per length of time: `"40/s"`, `"5/min"`, `"0.5/h"`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// How many.
    pub count: f64,
    /// In which length of time.
    pub per: RateUnit,
}

/// The length of time that a rate counts in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RateUnit {
    /// `/s`
    Second,
    /// `/min`
    Minute,
    /// `/h`
    Hour,
    /// `/d`
    Day,
}

/// An instant of the calendar, in UTC unless it says otherwise: `"2026-01-01T00:00:00Z"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub jiff::Timestamp);

/// A number of bytes: `"256KiB"`, `"1MiB"`, `"900B"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

/// How long something takes: one draw of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Spread {
    /// Always the same.
    Constant(Duration),
    /// Between two bounds, each value as likely.
    Uniform(Duration, Duration),
    /// Exponential with this mean.
    Exponential(Duration),
    /// A constant part and an exponential part with this mean.
    ShiftedExponential(Duration, Duration),
    /// Lognormal with this median and 99th percentile.
    Lognormal(Duration, Duration),
    /// Erlang: the sum of this many exponential parts, with this mean in all.
    Erlang(u32, Duration),
}

/// How long the way over a link takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// The draw of each hop.
    pub spread: Spread,
    /// No hop takes less; `None`: the 0.1 % quantile of `spread`, and 0.1 ms at least.
    /// Zero joins the two ends into one island.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Duration>,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { spread: Spread::Lognormal(Duration::millis(8), Duration::millis(40)), floor: None }
    }
}

/// Why a text is not in the unit that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a length of time.
    #[error("`{found}` is no length of time; write for example \"250ms\", \"1h30m\" or \"4d\"")]
    Duration {
        /// The offending text.
        found: String,
    },
    /// A length of time beyond the bound.
    #[error("`{found}` is longer than 100 years; write a shorter time")]
    TooLong {
        /// The offending text.
        found: String,
    },
    /// A rate or size beyond the bound.
    #[error("`{found}` is too large; rates reach to 1e12 and sizes to 1048576GiB")]
    TooLarge {
        /// The offending text.
        found: String,
    },
    /// Not a rate.
    #[error("`{found}` is no rate; write for example \"40/s\", \"5/min\" or \"0.5/h\"")]
    Rate {
        /// The offending text.
        found: String,
    },
    /// Not an instant.
    #[error("`{found}` is no instant of the calendar; write for example \"2026-01-01T00:00:00Z\"")]
    Moment {
        /// The offending text.
        found: String,
    },
    /// Not a size.
    #[error("`{found}` is no size; write for example \"256KiB\", \"1MiB\" or \"900B\"")]
    Size {
        /// The offending text.
        found: String,
    },
}

const NANOS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Duration {
    /// One minute.
    pub const MINUTE: Duration = Duration(SimSpan::from_seconds(60));

    /// The longest that a scene may say: 100 years of 365 days. Five of them still add up without
    /// passing the last representable instant.
    pub const LONGEST: Duration = Duration(SimSpan::from_seconds(36_500 * 86_400));

    /// `millis` milliseconds.
    pub const fn millis(millis: u64) -> Duration {
        Duration(SimSpan::from_millis(millis))
    }

    /// `seconds` seconds.
    pub const fn seconds(seconds: u64) -> Duration {
        Duration(SimSpan::from_seconds(seconds))
    }

    /// The length itself.
    pub const fn span(self) -> SimSpan {
        self.0
    }
}

impl std::str::FromStr for Duration {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Duration, UnitError> {
        let error = || UnitError::Duration { found: text.chars().take(80).collect() };
        if text.trim() == "0" {
            return Ok(Duration::default());
        }
        let span: jiff::Span = text.trim().parse().map_err(|_| error())?;
        let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| error())?;
        let nanos = u64::try_from(length.as_nanos()).map_err(|_| error())?;
        if nanos > Duration::LONGEST.0.nanos() {
            return Err(UnitError::TooLong { found: text.chars().take(80).collect() });
        }
        Ok(Duration(SimSpan::from_nanos(nanos)))
    }
}

impl std::fmt::Display for Duration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0.nanos();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, nanos) in NANOS {
            let whole = rest / nanos;
            if whole > 0 {
                write!(f, "{whole}{unit}")?;
                rest %= nanos;
            }
        }
        Ok(())
    }
}

impl Moment {
    /// The beginning of 2026, a Thursday.
    pub const NEW_YEAR_2026: Moment = Moment(jiff::Timestamp::constant(1_767_225_600, 0));

    /// The instant that a run which begins here has reached after `span`.
    pub fn after(self, span: SimSpan) -> jiff::Timestamp {
        let nanos = self.0.as_nanosecond() + i128::from(span.nanos());
        jiff::Timestamp::from_nanosecond(nanos).unwrap_or(jiff::Timestamp::MAX)
    }

    /// How long after this an instant lies; `None` before it, and past what a run can reach.
    pub fn until(self, instant: jiff::Timestamp) -> Option<SimSpan> {
        let nanos = instant.as_nanosecond() - self.0.as_nanosecond();
        u64::try_from(nanos).ok().map(SimSpan::from_nanos)
    }
}

impl std::str::FromStr for Moment {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Moment, UnitError> {
        let error = || UnitError::Moment { found: text.chars().take(80).collect() };
        text.trim().parse().map(Moment).map_err(|_| error())
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Rate {
    /// The largest count that a scene may say.
    pub const COUNT_MAX: f64 = 1e12;
    /// The highest rate that a scene may say: one a nanosecond, the grain of simulated time.
    pub const HERTZ_MAX: f64 = 1e9;

    /// `count` things a second.
    pub const fn per_second(count: f64) -> Rate {
        Rate { count, per: RateUnit::Second }
    }

    /// How many things a second.
    pub fn hertz(self) -> f64 {
        self.count / self.per.seconds()
    }
}

impl RateUnit {
    /// The unit in seconds.
    pub fn seconds(self) -> f64 {
        match self {
            RateUnit::Second => 1.0,
            RateUnit::Minute => 60.0,
            RateUnit::Hour => 3_600.0,
            RateUnit::Day => 86_400.0,
        }
    }
}

impl std::str::FromStr for Rate {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Rate, UnitError> {
        let error = || UnitError::Rate { found: text.chars().take(80).collect() };
        let (count, unit) = text.split_once('/').ok_or_else(error)?;
        let count: f64 = count.trim().parse().map_err(|_| error())?;
        if !count.is_finite() {
            return Err(error());
        }
        if count.abs() > Rate::COUNT_MAX {
            return Err(UnitError::TooLarge { found: text.chars().take(80).collect() });
        }
        let per = match unit.trim() {
            "s" | "sec" | "second" => RateUnit::Second,
            "min" | "minute" => RateUnit::Minute,
            "h" | "hour" => RateUnit::Hour,
            "d" | "day" => RateUnit::Day,
            _ => return Err(error()),
        };
        Ok(Rate { count, per })
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.per {
            RateUnit::Second => "s",
            RateUnit::Minute => "min",
            RateUnit::Hour => "h",
            RateUnit::Day => "d",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

const BYTES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl std::str::FromStr for Size {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Size, UnitError> {
        let error = || UnitError::Size { found: text.chars().take(80).collect() };
        let text = text.trim();
        let (unit, bytes) = BYTES.into_iter().find(|(unit, _)| text.ends_with(unit)).ok_or_else(error)?;
        let count: u64 = text.strip_suffix(unit).unwrap_or(text).trim().parse().map_err(|_| error())?;
        let too_large = || UnitError::TooLarge { found: text.chars().take(80).collect() };
        count.checked_mul(bytes).filter(|bytes| *bytes <= Size::LARGEST.0).map(Size).ok_or_else(too_large)
    }
}

impl Size {
    /// The largest that a scene may say: 1 PiB.
    pub const LARGEST: Size = Size(1 << 50);
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (unit, bytes) in BYTES {
            if self.0.is_multiple_of(bytes) && (self.0 > 0 || bytes == 1) {
                return write!(f, "{}{unit}", self.0 / bytes);
            }
        }
        Ok(())
    }
}

macro_rules! through_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = UnitError;
            fn try_from(text: String) -> Result<$name, UnitError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    };
}

through_text!(Duration);
through_text!(Rate);
through_text!(Size);
through_text!(Moment);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_duration(text: &str, nanos: u64, printed: &str) {
        let duration: Duration = text.parse().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((duration.span().nanos(), duration.to_string().as_str()), (nanos, printed));
        assert_eq!(printed.parse(), Ok(duration));
    }

    #[test]
    fn durations_read_and_print_as_people_write_them() {
        check_duration("250ms", 250_000_000, "250ms");
        check_duration("90s", 90_000_000_000, "1m30s");
        check_duration("4d", 345_600_000_000_000, "4d");
        check_duration("1h 30m", 5_400_000_000_000, "1h30m");
        check_duration("0", 0, "0s");
        check_duration("0.5s", 500_000_000, "500ms");
        check_duration("2d3h4m5s6ms7us8ns", 183_845_006_007_008, "2d3h4m5s6ms7us8ns");
        check_duration("36500d", Duration::LONGEST.span().nanos(), "36500d");
    }

    #[test]
    fn m_means_minutes_and_months_are_refused() {
        check_duration("5m", 300_000_000_000, "5m");
        assert!("1mo".parse::<Duration>().is_err());
    }

    #[test]
    fn absurd_values_are_refused() {
        assert!(matches!("36501d".parse::<Duration>(), Err(UnitError::TooLong { .. })));
        assert!(matches!("1e13/s".parse::<Rate>(), Err(UnitError::TooLarge { .. })));
        assert!(matches!("2097152GiB".parse::<Size>(), Err(UnitError::TooLarge { .. })));
        assert!(matches!("18446744073709551615KiB".parse::<Size>(), Err(UnitError::TooLarge { .. })));
    }

    #[test]
    fn moments_read_what_they_print_and_count_from_each_other() {
        let moment: Moment = "2026-01-01T01:00:00+01:00".parse().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((moment, moment.to_string().as_str()), (Moment::NEW_YEAR_2026, "2026-01-01T00:00:00Z"));
        let later = moment.after(SimSpan::from_seconds(90));
        assert_eq!(moment.until(later), Some(SimSpan::from_seconds(90)));
        assert_eq!(Moment(later).until(moment.0), None);
        assert!("2026-02-30T00:00:00Z".parse::<Moment>().is_err());
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "250", "-3s", "abc", "3 parsecs", "9999999999999d"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    #[test]
    fn rates_and_sizes_read_what_they_print() {
        for text in ["40/s", "0.5/h", "5/min", "3/d"] {
            assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()), Ok(text.to_owned()));
        }
        for text in ["256KiB", "1MiB", "900B", "0B"] {
            assert_eq!(text.parse::<Size>().map(|size| size.to_string()), Ok(text.to_owned()));
        }
        assert!("inf/s".parse::<Rate>().is_err());
        assert!("40".parse::<Rate>().is_err());
        assert!("12XB".parse::<Size>().is_err());
    }
}
