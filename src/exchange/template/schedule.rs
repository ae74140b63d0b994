//! Schedules: `rate(5 minutes)`, `cron(0 18 ? * MON-FRI *)`, `at(2030-01-01T00:00:00)`.
//!
//! Invariant: a schedule fires in the scene when it fires in the template; none is rounded to a period.

use crate::flow::schedule::Schedule as Calendar;
use crate::scene::document::Node;
use crate::scene::kind::{Kind, Schedule, Scheduler};
use crate::scene::time::SimSpan;
use crate::scene::units::{Duration, Moment};

/// A run begins this long before the first firing by the calendar, so that it is seen.
const BEFORE_FIRST: SimSpan = SimSpan::from_seconds(10);

/// Reads `rate(…)`, `cron(…)` or `at(…)`.
///
/// # Errors
/// What is wrong with the expression or the zone, as a sentence.
pub fn read(expression: &str, zone: &str) -> Result<Schedule, String> {
    let text = expression.trim();
    let calendar = Calendar::parse(text, zone).map_err(|error| error.to_string())?;
    if let Some(period) = calendar.period() {
        return Ok(Schedule::Rate(Duration(SimSpan::from_seconds(period.as_secs()))));
    }
    let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')').map(str::to_owned);
    match (inside("cron"), inside("at")) {
        (Some(fields), _) => Ok(Schedule::Cron(fields)),
        (None, Some(date)) => Ok(Schedule::Date(date)),
        (None, None) => Err(format!("`{text}` is no schedule")),
    }
}

/// Where a run of these nodes begins on the calendar: shortly before the first firing by a clock.
pub fn begins<'a>(nodes: impl Iterator<Item = &'a Node>) -> Moment {
    let firsts = nodes.filter_map(|node| match &node.kind {
        Kind::Scheduler(scheduler) => first(scheduler),
        _ => None,
    });
    let before = |instant: jiff::Timestamp| {
        let nanos = instant.as_nanosecond() - i128::from(BEFORE_FIRST.nanos());
        jiff::Timestamp::from_nanosecond(nanos).map_or(Moment::NEW_YEAR_2026, Moment)
    };
    firsts.min().map_or(Moment::NEW_YEAR_2026, before)
}

/// The first firing of a scheduler that goes by a clock: a date whenever it is, a cron expression from 2026 on.
fn first(scheduler: &Scheduler) -> Option<jiff::Timestamp> {
    let from = match scheduler.schedule {
        Schedule::Date(_) => jiff::Timestamp::UNIX_EPOCH,
        _ => Moment::NEW_YEAR_2026.0,
    };
    let calendar = Calendar::parse(&scheduler.schedule.expression()?, &scheduler.zone).ok()?;
    calendar.next(from, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_keep_what_they_say() {
        let minutes = |minutes: u64| Ok(Schedule::Rate(Duration::seconds(60 * minutes)));
        assert_eq!(read("rate(5 minutes)", "UTC"), minutes(5));
        assert_eq!(read(" rate(1 hour) ", "Europe/Berlin"), minutes(60));
        assert_eq!(read("cron(0 18 ? * MON-FRI *)", "UTC"), Ok(Schedule::Cron("0 18 ? * MON-FRI *".to_owned())));
        assert_eq!(read("at(2030-01-01T00:00:00)", "UTC"), Ok(Schedule::Date("2030-01-01T00:00:00".to_owned())));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "rate(0 minutes)", "rate(5)", "every day", "cron(* *)", "rate(99999999999999999999 days)"] {
            assert!(read(text, "UTC").is_err(), "{text}");
        }
        assert!(read("rate(1 day)", "Europe/Atlantis").is_err());
    }

    #[test]
    fn a_run_begins_shortly_before_the_first_firing_by_a_clock() {
        let node = |schedule, zone: &str| {
            let kind = Kind::Scheduler(Scheduler { schedule, zone: zone.to_owned(), ..Scheduler::default() });
            Node::new(kind)
        };
        let rate = node(Schedule::Rate(Duration::MINUTE), "UTC");
        let cron = node(Schedule::Cron("0 18 ? * MON *".to_owned()), "Europe/Berlin");
        let date = node(Schedule::Date("2022-11-20T13:00:00".to_owned()), "UTC");
        let begun = |nodes: &[&Node]| begins(nodes.iter().copied()).to_string();
        assert_eq!(begun(&[&rate]), "2026-01-01T00:00:00Z");
        assert_eq!(begun(&[&rate, &cron]), "2026-01-05T16:59:50Z");
        assert_eq!(begun(&[&date, &cron]), "2022-11-20T12:59:50Z");
    }
}
