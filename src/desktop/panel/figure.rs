//! Numbers as people read them: clocks, counts, rates and lengths of time.
//!
//! Invariant: a number and its unit come apart, since the unit stands in the second color.

use crate::scene::time::SimTime;

/// A number and its unit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figure {
    /// The digits.
    pub number: String,
    /// The unit; empty for plain counts.
    pub unit: &'static str,
}

/// An instant as a clock shows it: `00:48.20`, `1:02:03.40`, `2 d 03:04:05`.
pub fn clock(time: SimTime) -> String {
    let hundredths = time.nanos() / 10_000_000;
    let (seconds, hundredths) = (hundredths / 100, hundredths % 100);
    let (minutes, second) = (seconds / 60, seconds % 60);
    let (hours, minute) = (minutes / 60, minutes % 60);
    let (days, hour) = (hours / 24, hours % 24);
    match (days, hours) {
        (0, 0) => format!("{minute:02}:{second:02}.{hundredths:02}"),
        (0, _) => format!("{hour}:{minute:02}:{second:02}.{hundredths:02}"),
        _ => format!("{days} d {hour:02}:{minute:02}:{second:02}"),
    }
}

/// An instant without its hundredths, for the end of the bar.
pub fn clock_short(time: SimTime) -> String {
    let text = clock(time);
    text.split_once('.').map_or(text.clone(), |(whole, _)| whole.to_owned())
}

/// A whole number with its thousands apart: `1,778`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of any size in at most four digits: `0.04`, `9.7`, `412`, `2,310`, `1.2 M`.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "-".to_owned();
    }
    match size {
        _ if size >= 999_500_000.0 => format!("{:.1} G", value / 1e9),
        _ if size >= 999_500.0 => format!("{:.1} M", value / 1e6),
        _ if size >= 9_999.5 => format!("{:.1} k", value / 1e3),
        _ if size >= 99.5 => count(value.round().max(0.0) as u64),
        _ if size >= 9.95 || size == value.round().abs() => format!("{value:.0}"),
        _ if size >= 0.095 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Things a second.
pub fn rate(value: f64) -> Figure {
    Figure { number: short(value), unit: "/s" }
}

/// A number of things.
pub fn plain(value: f64) -> Figure {
    Figure { number: short(value), unit: "" }
}

/// A length of time, given in seconds.
pub fn span(seconds: f64) -> Figure {
    let (value, unit) = match seconds {
        _ if !seconds.is_finite() || seconds <= 0.0 => (0.0, "ms"),
        _ if seconds < 0.000_999_5 => (seconds * 1e6, "µs"),
        _ if seconds < 0.999_5 => (seconds * 1e3, "ms"),
        _ if seconds < 99.5 => (seconds, "s"),
        _ if seconds < 5_970.0 => (seconds / 60.0, "min"),
        _ if seconds < 172_800.0 => (seconds / 3_600.0, "h"),
        _ => (seconds / 86_400.0, "d"),
    };
    Figure { number: short(value), unit }
}

/// A share of one as percent.
pub fn percent(share: f64) -> Figure {
    Figure { number: format!("{:.0}", (share * 100.0).clamp(0.0, 100.0)), unit: "%" }
}

/// A speed of playback: `10x`, `0.05x`.
pub fn speed(value: f64) -> String {
    format!("{value}x")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_clock(millis: u64, expected: &str) {
        assert_eq!(clock(SimTime::from_nanos(millis * 1_000_000)), expected);
    }

    #[test]
    fn a_clock_grows_with_its_time() {
        check_clock(48_200, "00:48.20");
        check_clock(3_723_400, "1:02:03.40");
        check_clock(183_845_000, "2 d 03:04:05");
        assert_eq!(clock_short(SimTime::from_nanos(78_900_000_000)), "01:18");
    }

    #[test]
    fn numbers_stay_short() {
        for (value, expected) in
            [(0.0, "0"), (0.04, "0.04"), (9.71, "9.7"), (61.0, "61"), (412.4, "412"), (2_310.0, "2,310")]
        {
            assert_eq!(short(value), expected);
        }
        assert_eq!(short(1_234_567.0), "1.2 M");
        assert_eq!(short(f64::NAN), "-");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn lengths_of_time_choose_their_unit() {
        for (seconds, number, unit) in
            [(0.084, "84", "ms"), (9.7, "9.7", "s"), (0.000_25, "250", "µs"), (600.0, "10", "min")]
        {
            assert_eq!(span(seconds), Figure { number: number.to_owned(), unit });
        }
    }
}
