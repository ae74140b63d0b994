//! Cron expressions: fields of wall-clock time in a zone.
//!
//! Invariant: a wall time that does not exist is skipped, and one that occurs twice fires once, the
//! first time (SC-11, SC-12).

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

use super::{ScheduleError, excerpt};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const YEAR_FIRST: i16 = 1970;
const YEAR_LAST: i16 = 2199;

/// A cron expression, read and checked.
#[derive(Clone, Debug)]
pub(super) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
    days: Days,
}

/// Days of a month.
#[derive(Clone, Debug)]
enum Days {
    OfMonth(BTreeSet<i16>),
    Last,
    LastWorkday,
    /// The workday nearest to this day, in the same month.
    NearestWorkday(i16),
    OfWeek(BTreeSet<i16>),
    LastOfWeek(i16),
    /// The weekday, and which of them in the month.
    NthOfWeek(i16, i16),
}

/// A field's name, its values, and the names of them.
struct Field {
    name: &'static str,
    first: i16,
    last: i16,
    names: &'static [&'static str],
}

const MINUTES: Field = Field { name: "minutes", first: 0, last: 59, names: &[] };
const HOURS: Field = Field { name: "hours", first: 0, last: 23, names: &[] };
const DAY_OF_MONTH: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH: Field = Field { name: "month", first: 1, last: 12, names: &MONTHS };
const DAY_OF_WEEK: Field = Field { name: "day of week", first: 1, last: 7, names: &WEEKDAYS };
const YEAR: Field = Field { name: "year", first: YEAR_FIRST, last: YEAR_LAST, names: &[] };

impl Cron {
    pub(super) fn parse(text: &str) -> Result<Cron, ScheduleError> {
        let fields = text.split_ascii_whitespace().collect::<Vec<_>>();
        let (minutes, hours, day_of_month, month, day_of_week, year) = match fields.as_slice() {
            [minutes, hours, day_of_month, month, day_of_week] => {
                (minutes, hours, day_of_month, month, day_of_week, "*")
            }
            [minutes, hours, day_of_month, month, day_of_week, year] => {
                (minutes, hours, day_of_month, month, day_of_week, *year)
            }
            other => return Err(ScheduleError::Fields { found: other.len() }),
        };
        Ok(Cron {
            minutes: MINUTES.list(minutes)?,
            hours: HOURS.list(hours)?,
            months: MONTH.list(month)?,
            years: YEAR.list(year)?,
            days: days(day_of_month, day_of_week)?,
        })
    }

    /// The first firing at or after `from`.
    pub(super) fn next(&self, zone: &TimeZone, from: Timestamp) -> Option<Timestamp> {
        let first = zone.to_datetime(from).date();
        for year in self.years.range(first.year()..) {
            for month in &self.months {
                let month = Date::new(*year, i8::try_from(*month).ok()?, 1).ok()?;
                if month.last_of_month() < first {
                    continue;
                }
                for day in self.days.of(month) {
                    let date = month.with().day(day).build().ok()?;
                    let firing = if date >= first { self.firing(zone, date, from) } else { None };
                    if firing.is_some() {
                        return firing;
                    }
                }
            }
        }
        None
    }

    /// The first firing of a day at or after `from`.
    fn firing(&self, zone: &TimeZone, date: Date, from: Timestamp) -> Option<Timestamp> {
        // Clocks are set back by an hour or two at most, so earlier wall times need not be tried.
        let earliest = zone.to_datetime(from).checked_sub(Span::new().hours(3)).ok()?;
        for hour in &self.hours {
            for minute in &self.minutes {
                let time = Time::new(i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?, 0, 0).ok()?;
                let wall = date.to_datetime(time);
                if wall < earliest {
                    continue;
                }
                let ambiguous = zone.to_ambiguous_timestamp(wall);
                let offset = match ambiguous.offset() {
                    AmbiguousOffset::Unambiguous { offset } => offset,
                    AmbiguousOffset::Fold { before, .. } => before,
                    AmbiguousOffset::Gap { .. } => continue,
                };
                let instant = offset.to_timestamp(wall).ok()?;
                if instant >= from {
                    return Some(instant);
                }
            }
        }
        None
    }
}

impl Days {
    /// The days of the month that begins at `month`, in order.
    fn of(&self, month: Date) -> Vec<i8> {
        let last = month.last_of_month();
        let all = 1..=last.day();
        let date = |day: i8| month.with().day(day).build().unwrap_or(month);
        let weekday = |day: i8| i16::from(date(day).weekday().to_sunday_one_offset());
        match self {
            Days::OfMonth(days) => all.filter(|day| days.contains(&i16::from(*day))).collect(),
            Days::Last => vec![last.day()],
            Days::LastWorkday => all.filter(|day| is_workday(date(*day))).max().into_iter().collect(),
            Days::NearestWorkday(day) => nearest_workday(month, *day).into_iter().collect(),
            Days::OfWeek(days) => all.filter(|day| days.contains(&weekday(*day))).collect(),
            Days::LastOfWeek(of) => all.filter(|day| weekday(*day) == *of).max().into_iter().collect(),
            Days::NthOfWeek(of, nth) => {
                let skipped = usize::try_from(*nth - 1).unwrap_or(0);
                all.filter(|day| weekday(*day) == *of).skip(skipped).take(1).collect()
            }
        }
    }
}

fn is_workday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The workday nearest to a day, in the same month (SC-4).
fn nearest_workday(month: Date, day: i16) -> Option<i8> {
    let day = i8::try_from(day).ok()?;
    let date = month.with().day(day).build().ok()?;
    let last = month.last_of_month().day();
    Some(match date.weekday() {
        Weekday::Saturday if day == 1 => 3,
        Weekday::Saturday => day - 1,
        Weekday::Sunday if day == last => day - 2,
        Weekday::Sunday => day + 1,
        _ => day,
    })
}

/// The two fields for days; one of them is `?` (SC-1).
fn days(day_of_month: &str, day_of_week: &str) -> Result<Days, ScheduleError> {
    match (day_of_month, day_of_week) {
        ("?", "?") => DAY_OF_WEEK.refuse(day_of_week, "one of the two fields for days has a value"),
        ("?", day_of_week) => days_of_week(day_of_week),
        (day_of_month, "?") => days_of_month(day_of_month),
        (_, found) => DAY_OF_WEEK.refuse(found, "one of the two fields for days is ?"),
    }
}

fn days_of_month(text: &str) -> Result<Days, ScheduleError> {
    match text {
        "L" => Ok(Days::Last),
        "LW" => Ok(Days::LastWorkday),
        _ => match text.strip_suffix('W') {
            Some(day) => DAY_OF_MONTH.value(day).map(Days::NearestWorkday),
            None => DAY_OF_MONTH.list(text).map(Days::OfMonth),
        },
    }
}

fn days_of_week(text: &str) -> Result<Days, ScheduleError> {
    if text == "L" {
        return Ok(Days::OfWeek(BTreeSet::from([DAY_OF_WEEK.last])));
    }
    if text.contains('/') {
        return DAY_OF_WEEK.refuse(text, "this field takes no steps");
    }
    if let Some(day) = text.strip_suffix('L') {
        return DAY_OF_WEEK.value(day).map(Days::LastOfWeek);
    }
    match text.split_once('#') {
        Some((day, nth)) => {
            let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
            match nth {
                Some(nth) => Ok(Days::NthOfWeek(DAY_OF_WEEK.value(day)?, nth)),
                None => DAY_OF_WEEK.refuse(text, "after # stands a number from 1 to 5, and nothing else"),
            }
        }
        None => DAY_OF_WEEK.list(text).map(Days::OfWeek),
    }
}

impl Field {
    fn refuse<T>(&self, found: &str, reason: &'static str) -> Result<T, ScheduleError> {
        Err(ScheduleError::Field { field: self.name, found: excerpt(found), reason })
    }

    fn list(&self, text: &str) -> Result<BTreeSet<i16>, ScheduleError> {
        let mut values = BTreeSet::new();
        for item in text.split(',') {
            values.extend(self.item(item)?);
        }
        Ok(values)
    }

    /// A value, a range or `*`, with a step or without.
    fn item(&self, text: &str) -> Result<Vec<i16>, ScheduleError> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => match step.parse::<usize>() {
                Ok(step) if step > 0 => (range, Some(step)),
                _ => return self.refuse(text, "the step is not a positive whole number"),
            },
            None => (text, None),
        };
        let all = (self.first, self.last);
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => all,
            (_, Some((from, to))) => (self.value(from)?, self.value(to)?),
            (value, None) if step.is_some() => (self.value(value)?, self.last),
            (value, None) => (self.value(value)?, self.value(value)?),
        };
        // A range that runs backward goes on at the field's first value (SC-8).
        let values: Vec<i16> =
            if from <= to { (from..=to).collect() } else { (from..=self.last).chain(self.first..=to).collect() };
        Ok(values.into_iter().step_by(step.unwrap_or(1)).collect())
    }

    fn value(&self, text: &str) -> Result<i16, ScheduleError> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|position| i16::try_from(position + 1).ok());
        let digits = !text.is_empty() && text.chars().all(|character| character.is_ascii_digit());
        let value = named.or_else(|| text.parse().ok().filter(|_| digits));
        match value.filter(|value| (self.first..=self.last).contains(value)) {
            Some(value) => Ok(value),
            None => self.refuse(text, "it is no value of this field"),
        }
    }
}
