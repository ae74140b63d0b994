//! Schedules: `rate(5 minutes)`, `at(2026-11-20T13:00:00)` and `cron(0 10 ? * MON-FRI *)`.
//!
//! Invariant: the next firing depends on the expression, the zone and the instants given alone.
//! Rules: compute semantics, SC-1 to SC-16.

mod cron;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use cron::Cron;

/// An expression is at most this long (compute semantics, 8.1).
const CHARACTERS_MAX: usize = 256;
const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;

/// A schedule, read and checked.
///
/// ```
/// use eventscape::flow::schedule::Schedule;
/// let schedule = Schedule::parse("cron(0 10 ? * MON-FRI *)", "Europe/Berlin")?;
/// let start = "2026-01-02T12:00:00Z".parse()?;
/// assert_eq!(schedule.next(start, start), Some("2026-01-05T09:00:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    zone: TimeZone,
    when: When,
}

#[derive(Clone, Debug)]
enum When {
    /// Every so many nanoseconds.
    Rate(i128),
    /// Once.
    At(civil::DateTime),
    Cron(Cron),
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// None of the three forms.
    #[error("`{found}` is no schedule")]
    Form {
        /// The offending text.
        found: String,
    },
    /// A rate that cannot be read.
    #[error("`{found}` is no rate: {reason}")]
    Rate {
        /// The offending text.
        found: String,
        /// Why.
        reason: &'static str,
    },
    /// An instant that cannot be read.
    #[error("`{found}` is no date and time")]
    At {
        /// The offending text.
        found: String,
    },
    /// Too few or too many fields.
    #[error("the cron expression has {found} fields, not 5 or 6")]
    Fields {
        /// How many there are.
        found: usize,
    },
    /// A field that cannot be read.
    #[error("the field `{field}` of the cron expression cannot be `{found}`: {reason}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// The offending text.
        found: String,
        /// Why.
        reason: &'static str,
    },
    /// No zone has this name.
    #[error("there is no time zone `{found}`")]
    Zone {
        /// The offending text.
        found: String,
    },
}

impl ScheduleError {
    /// What the person can do, as one sentence.
    pub fn help(&self) -> String {
        let help = match self {
            ScheduleError::Form { .. } => "write rate(5 minutes), at(2026-11-20T13:00:00) or cron(0 10 * * ? *)",
            ScheduleError::Rate { .. } => "write a whole number and minutes, hours or days, as in rate(5 minutes)",
            ScheduleError::At { .. } => "write a date that exists and a time, as in at(2026-11-20T13:00:00)",
            ScheduleError::Fields { .. } => {
                "write minutes, hours, day of month, month, day of week and, if wanted, year"
            }
            ScheduleError::Field { field: "day of month" | "day of week", .. } => {
                "write ? in one of the two fields for days, and a value or * in the other"
            }
            ScheduleError::Field { .. } => {
                "write *, values, ranges such as 8-17 and steps such as 0/15, with commas between"
            }
            ScheduleError::Zone { .. } => "write a name such as Europe/Berlin or UTC",
        };
        String::from(help)
    }
}

fn excerpt(text: &str) -> String {
    const EXCERPT_CHARACTERS: usize = 80;
    text.chars().take(EXCERPT_CHARACTERS).collect()
}

impl Schedule {
    /// Reads an expression whose wall-clock times belong to a zone.
    ///
    /// # Errors
    /// The first problem, with the offending text.
    pub fn parse(expression: &str, zone: &str) -> Result<Schedule, ScheduleError> {
        let form = || ScheduleError::Form { found: excerpt(expression) };
        if expression.chars().count() > CHARACTERS_MAX {
            return Err(form());
        }
        let (name, rest) = expression.trim().split_once('(').ok_or_else(form)?;
        let inside = rest.strip_suffix(')').ok_or_else(form)?;
        let when = match name {
            "rate" => When::Rate(rate(inside)?),
            "at" => When::At(at(inside)?),
            "cron" => When::Cron(Cron::parse(inside)?),
            _ => return Err(form()),
        };
        let zone = TimeZone::get(zone).map_err(|_| ScheduleError::Zone { found: excerpt(zone) })?;
        Ok(Schedule { zone, when })
    }

    /// The first firing at or after `from` of a schedule that was activated at `start`.
    pub fn next(&self, start: Timestamp, from: Timestamp) -> Option<Timestamp> {
        let from = from.max(start);
        match &self.when {
            When::Rate(step) => {
                let elapsed = from.as_nanosecond() - start.as_nanosecond();
                let count = elapsed.div_euclid(*step) + i128::from(elapsed.rem_euclid(*step) > 0);
                Timestamp::from_nanosecond(start.as_nanosecond().checked_add(count.checked_mul(*step)?)?).ok()
            }
            When::At(at) => {
                // A time in a gap moves forward by the gap, one in an overlap is the first pass (SC-15).
                let instant = self.zone.to_timestamp(*at).ok()?;
                Some(instant).filter(|instant| *instant >= from)
            }
            When::Cron(cron) => cron.next(&self.zone, from),
        }
    }

    /// The time between two firings, where it is always the same.
    pub fn period(&self) -> Option<std::time::Duration> {
        match &self.when {
            When::Rate(step) => u64::try_from(step / NANOSECONDS_PER_SECOND).ok().map(std::time::Duration::from_secs),
            When::At(_) | When::Cron(_) => None,
        }
    }
}

/// The step of a rate in nanoseconds.
fn rate(text: &str) -> Result<i128, ScheduleError> {
    let refuse = |reason| ScheduleError::Rate { found: excerpt(text), reason };
    let (count, unit) = text.split_once(' ').ok_or_else(|| refuse("a number and a unit are needed"))?;
    let seconds: i128 = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return Err(refuse("the unit is not minutes, hours or days")),
    };
    let count = count.parse::<u32>().ok().filter(|count| *count > 0);
    let count = count.ok_or_else(|| refuse("the number is not a positive whole number"))?;
    Ok(i128::from(count) * seconds * NANOSECONDS_PER_SECOND)
}

fn at(text: &str) -> Result<civil::DateTime, ScheduleError> {
    let shaped = text.len() == "2026-11-20T13:00:00".len() && text.contains('T');
    let parsed = text.parse().ok().filter(|_| shaped);
    parsed.ok_or_else(|| ScheduleError::At { found: excerpt(text) })
}

#[cfg(test)]
mod tests;
