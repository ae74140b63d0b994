//! Schedule expressions of templates, as far as a scheduler's first version goes.
//!
//! Invariant: every legal expression gives a schedule; what was simplified is said in words.

use crate::scene::kind::Schedule;
use crate::scene::time::SimSpan;
use crate::scene::units::Duration;

/// A schedule, and what was simplified in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// When it fires.
    pub schedule: Schedule,
    /// What the scene does not say of the expression.
    pub simplified: Option<String>,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// Reads `rate(…)`, `cron(…)` or `at(…)`. `None`: no such expression.
pub fn read(expression: &str) -> Option<Reading> {
    let text = expression.trim();
    let inside = |name: &str| text.strip_prefix(name)?.trim().strip_prefix('(')?.strip_suffix(')').map(str::trim);
    if let Some(rate) = inside("rate") {
        let (count, unit) = rate.split_once(char::is_whitespace)?;
        let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
        let seconds = match unit.trim().trim_end_matches('s') {
            "minute" => MINUTE,
            "hour" => HOUR,
            "day" => DAY,
            _ => return None,
        };
        return Some(Reading { schedule: every(count.checked_mul(seconds)?), simplified: None });
    }
    if let Some(cron) = inside("cron") {
        let seconds = period(cron)?;
        let simplified = Some(format!("`{text}` fires from the start, once in {}", Duration::seconds(seconds)));
        return Some(Reading { schedule: every(seconds), simplified });
    }
    inside("at")?;
    let simplified = Some(format!("`{text}` fires 10 s after the start"));
    Some(Reading { schedule: Schedule::At(Duration::seconds(10)), simplified })
}

fn every(seconds: u64) -> Schedule {
    Schedule::Rate(Duration(SimSpan::from_seconds(seconds)))
}

/// The usual time between two firings of a cron expression: minute, hour, day, month, weekday, year.
fn period(cron: &str) -> Option<u64> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [minute, hour, day, month, weekday, _] = fields.as_slice() else { return None };
    if let Some(period) = step(minute, 60, MINUTE) {
        return Some(period);
    }
    if let Some(period) = step(hour, 24, HOUR) {
        return Some(period);
    }
    let days = match (*day, *month, *weekday) {
        (_, month, _) if month != "*" => 365,
        (_, _, weekday) if weekday != "*" && weekday != "?" => (7 / entries(weekday)).max(1),
        ("*" | "?", _, _) => 1,
        (day, _, _) => match day.split_once('/') {
            Some((_, step)) => step.parse::<u64>().ok().filter(|step| *step > 0)?,
            None => 30,
        },
    };
    days.checked_mul(DAY)
}

/// The period of a field that fires more than once in its range of `count` units; `None`: once.
fn step(field: &str, count: u64, unit: u64) -> Option<u64> {
    if field == "*" {
        return Some(unit);
    }
    if let Some((_, step)) = field.split_once('/') {
        return step.parse::<u64>().ok().filter(|step| *step > 0 && *step < count).map(|step| step * unit);
    }
    let entries = entries(field);
    (entries > 1).then(|| (count / entries.min(count)).max(1) * unit)
}

/// How many values a list or range names.
fn entries(field: &str) -> u64 {
    let days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let number = |text: &str| {
        let named = days.iter().position(|day| day.eq_ignore_ascii_case(text)).map(|day| day as u64 + 1);
        text.parse::<u64>().ok().or(named)
    };
    let mut total = 0_u64;
    for part in field.split(',') {
        let range = part.split_once('-').and_then(|(from, to)| Some(number(to)?.saturating_sub(number(from)?)));
        total = total.saturating_add(range.map_or(1, |range| range.saturating_add(1)));
    }
    total.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_rate(expression: &str, seconds: u64) {
        assert_eq!(read(expression).map(|reading| reading.schedule), Some(every(seconds)));
    }

    #[test]
    fn rates_and_crons_give_their_period() {
        check_rate("rate(5 minutes)", 300);
        check_rate("rate(1 hour)", 3_600);
        check_rate("cron(0/15 * * * ? *)", 900);
        check_rate("cron(* * * * ? *)", 60);
        check_rate("cron(0 * * * ? *)", 3_600);
        check_rate("cron(0 0/6 * * ? *)", 21_600);
        check_rate("cron(15 10 * * ? *)", 86_400);
        check_rate("cron(0 18 ? * MON-FRI *)", 86_400);
        check_rate("cron(0 18 ? * MON *)", 604_800);
        check_rate("cron(0 8 1 * ? *)", 2_592_000);
    }

    #[test]
    fn one_time_schedules_fire_once() {
        let reading = read("at(2030-01-01T00:00:00)");
        assert_eq!(reading.map(|reading| reading.schedule), Some(Schedule::At(Duration::seconds(10))));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "rate(0 minutes)", "rate(5)", "every day", "cron(* *)", "rate(99999999999999999999 days)"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
