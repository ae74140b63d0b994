//! The ranges that values may have, each with its message.
//!
//! Invariant: not-a-number is in no range.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::scene::problem::{Code, Place, SceneProblem};
use crate::scene::units::{Duration, Rate, Spread};

/// Most parts of an Erlang distribution.
pub(super) const PARTS_MAX: u32 = 1_000;

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<SceneProblem>);

impl Findings {
    pub(super) fn push(&mut self, problem: SceneProblem) {
        self.0.push(problem);
    }

    fn error(&mut self, code: Code, place: &Place, found: impl Display, sentence: String, help: &str) {
        self.push(SceneProblem::error(code, place.clone(), found).because(sentence).help(help));
    }

    /// A number within a range; the smallest positive number as lower bound reads "above 0".
    pub(super) fn number(&mut self, place: &Place, value: f64, range: RangeInclusive<f64>) {
        let (low, high) = (*range.start(), *range.end());
        if !value.is_finite() {
            let sentence = format!("`{value}` is no finite number");
            self.error(Code::NotFinite, place, value, sentence, "write an ordinary number");
        } else if !range.contains(&value) {
            let bounds = if low == f64::MIN_POSITIVE {
                format!("above 0 and at most {high}")
            } else {
                format!("between {low} and {high}")
            };
            let sentence = format!("`{value}` is out of range");
            self.error(Code::OutOfRange, place, value, sentence, &format!("write a number {bounds}"));
        }
    }

    /// A whole number within a range.
    pub(super) fn whole(&mut self, place: &Place, value: u32, range: RangeInclusive<u32>) {
        if !range.contains(&value) {
            let help = format!("write a whole number between {} and {}", range.start(), range.end());
            self.error(Code::OutOfRange, place, value, format!("`{value}` is out of range"), &help);
        }
    }

    /// A whole number, if there is one, that is not zero.
    pub(super) fn at_least_one(&mut self, place: &Place, value: Option<u32>) {
        if value == Some(0) {
            let sentence = "zero would let nothing pass".to_owned();
            self.error(Code::OutOfRange, place, 0, sentence, "write 1 or more, or None for no limit");
        }
    }

    /// A length of time within the bound.
    pub(super) fn duration(&mut self, place: &Place, value: Duration) {
        if value > Duration::LONGEST {
            let sentence = format!("`{value}` is longer than 100 years");
            self.error(Code::OutOfRange, place, value, sentence, "write a shorter time");
        }
    }

    /// A length of time that is not zero.
    pub(super) fn above_zero(&mut self, place: &Place, value: Duration) {
        self.duration(place, value);
        if value.span().is_zero() {
            let sentence = "no time at all is not possible here".to_owned();
            self.error(Code::OutOfRange, place, value, sentence, "write a time above zero");
        }
    }

    /// An end, if there is one, that comes after its beginning.
    pub(super) fn in_order(&mut self, place: &Place, begin: Duration, end: Option<Duration>) {
        let Some(end) = end else { return };
        self.duration(place, end);
        if end <= begin {
            let sentence = format!("it ends at `{end}`, but begins only at `{begin}`");
            self.error(Code::EmptySpan, place, end, sentence, "let the end come after the beginning");
        }
    }

    /// A rate above zero.
    pub(super) fn rate(&mut self, place: &Place, rate: Rate) {
        self.rate_or_zero(place, rate);
        if rate.count == 0.0 {
            let sentence = format!("a rate of `{rate}` never lets anything happen");
            self.error(Code::OutOfRange, place, rate, sentence, "write a rate above zero");
        }
    }

    /// A rate, or zero.
    pub(super) fn rate_or_zero(&mut self, place: &Place, rate: Rate) {
        if !rate.count.is_finite() {
            let sentence = format!("`{rate}` is no finite rate");
            self.error(Code::NotFinite, place, rate, sentence, "write for example \"40/s\"");
        } else if rate.count < 0.0 {
            let sentence = format!("`{rate}` is negative");
            self.error(Code::OutOfRange, place, rate, sentence, "write a rate above zero");
        } else if rate.count > Rate::COUNT_MAX || rate.hertz() > Rate::HERTZ_MAX {
            let sentence = format!("`{rate}` is more than one a nanosecond");
            self.error(Code::OutOfRange, place, rate, sentence, "write a lower rate");
        }
    }

    /// A distribution of lengths of time.
    pub(super) fn spread(&mut self, place: &Place, spread: &Spread) {
        match *spread {
            Spread::Constant(value) => self.duration(&place.item(0), value),
            Spread::Uniform(low, high) => {
                self.duration(&place.item(1), high);
                if low > high {
                    let sentence = format!("the lower bound `{low}` is above the upper bound `{high}`");
                    self.error(Code::EmptySpan, &place.item(0), low, sentence, "exchange the two bounds");
                }
            }
            Spread::Exponential(mean) => self.above_zero(&place.item(0), mean),
            Spread::ShiftedExponential(constant, mean) => {
                self.duration(&place.item(0), constant);
                self.above_zero(&place.item(1), mean);
            }
            Spread::Lognormal(median, percentile) => {
                self.above_zero(&place.item(0), median);
                self.duration(&place.item(1), percentile);
                if percentile < median {
                    let sentence = format!("the 99th percentile `{percentile}` is below the median `{median}`");
                    let help = "write the median first, then the 99th percentile";
                    self.error(Code::EmptySpan, &place.item(1), percentile, sentence, help);
                }
            }
            Spread::Erlang(parts, mean) => {
                self.whole(&place.item(0), parts, 1..=PARTS_MAX);
                self.above_zero(&place.item(1), mean);
            }
        }
    }

    /// A text that holds a JSON object.
    pub(super) fn json_object(&mut self, place: &Place, text: &str) {
        let problem = match serde_json::from_str::<serde_json::Value>(text) {
            Ok(serde_json::Value::Object(_)) => return,
            Ok(_) => "it is JSON, but no object".to_owned(),
            Err(error) => format!("it is not JSON: {error}"),
        };
        self.error(
            Code::BadJson,
            place,
            text,
            problem,
            "write a JSON object, for example r#\"{\"source\": [\"shop\"]}\"#",
        );
    }

    /// A text that holds JSON.
    pub(super) fn json(&mut self, place: &Place, text: &str) {
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
            let sentence = format!("it is not JSON: {error}");
            self.error(Code::BadJson, place, text, sentence, "write JSON, for example r#\"{\"source\": \"shop\"}\"#");
        }
    }
}
