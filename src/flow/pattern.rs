//! Event patterns: which events a rule of a bus or a route of a router takes.
//!
//! Invariant: a pattern that compiled never fails later; matching visits each value of the event
//! at most once for each alternative, so its time is bounded by the sizes of both.
//! Invariant: two fields of one pattern never match through different elements of one array.
//! Rules: messaging semantics, EB-20 to EB-78.

mod error;
mod read;
mod test;

use serde_json::Value;

pub use error::{PatternError, PatternProblem, PatternWarning};
use test::Test;

/// Values nested deeper than this in an event are not looked at; readers of JSON stop at 128.
const EVENT_DEPTH_MAX: usize = 256;

/// Ways to read dotted names that are tried for one object, where an event has both `a.b` and `a: {b}`.
const READINGS_MAX: usize = 64;

/// A compiled event pattern.
///
/// ```
/// use eventscape::flow::pattern::compile;
/// let pattern = compile(r#"{"source": ["order"], "total": [{"numeric": [">", 100]}]}"#)?;
/// assert!(pattern.matches(&serde_json::json!({"source": "order", "total": 250})));
/// assert!(!pattern.matches(&serde_json::json!({"source": "order", "total": 99})));
/// # Ok::<(), eventscape::flow::pattern::PatternError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    paths: Vec<String>,
    leaves: Vec<Leaf>,
    alternatives: Vec<Alternative>,
    warnings: Vec<PatternWarning>,
}

/// One way to fulfill a pattern: every field must match. A pattern without `$or` has one.
///
/// Maps the index of a path to the index of its leaf.
type Alternative = std::collections::BTreeMap<usize, usize>;

/// What one field may be.
#[derive(Clone, Debug, Default)]
struct Leaf {
    /// Any of these may match a present scalar.
    tests: Vec<Test>,
    /// Whether the field may be missing.
    absence: Absence,
}

/// Whether a field may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Absence {
    #[default]
    Refused,
    Accepted,
}

/// Compiles the text of a pattern.
///
/// # Errors
/// The first problem, with the JSON pointer of its place and a remedy ([`PatternError::help`]).
pub fn compile(text: &str) -> Result<Pattern, PatternError> {
    read::read(text)
}

impl Pattern {
    /// Whether the event fulfills the pattern.
    pub fn matches(&self, event: &Value) -> bool {
        self.alternatives.iter().any(|alternative| {
            let fields = alternative
                .iter()
                .filter_map(|(path, leaf)| {
                    Some(Field { rest: Some(self.paths.get(*path)?.as_str()), leaf: self.leaves.get(*leaf)? })
                })
                .collect::<Vec<_>>();
            event.is_object() && look(&fields, event, 0) != Outcome::Failed
        })
    }

    /// The fields that it reads, as names joined by dots, in the order of the text.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// What is valid but probably not meant.
    pub fn warnings(&self) -> &[PatternWarning] {
        &self.warnings
    }
}

/// A field still to be found: the part of its path below the value at hand, `None` at its leaf.
#[derive(Clone, Copy)]
struct Field<'a> {
    rest: Option<&'a str>,
    leaf: &'a Leaf,
}

/// What became of some fields below one value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All are fulfilled, at least one of them by a value.
    Matched,
    /// All are fulfilled because none of them is there.
    Absent,
    /// One of them is not fulfilled.
    Failed,
}

impl Outcome {
    fn and(self, other: Outcome) -> Outcome {
        match (self, other) {
            (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
            (Outcome::Matched, _) | (_, Outcome::Matched) => Outcome::Matched,
            (Outcome::Absent, Outcome::Absent) => Outcome::Absent,
        }
    }
}

/// The outcome where none of the fields is there.
fn absent(fields: &[Field]) -> Outcome {
    match fields.iter().all(|field| field.leaf.absence == Absence::Accepted) {
        true => Outcome::Absent,
        false => Outcome::Failed,
    }
}

fn look(fields: &[Field], value: &Value, depth: usize) -> Outcome {
    if depth > EVENT_DEPTH_MAX {
        return absent(fields);
    }
    match value {
        Value::Array(elements) => look_in_array(fields, elements, depth),
        Value::Object(object) => look_in_object(fields, object, depth),
        scalar => fields.iter().fold(Outcome::Absent, |outcome, field| outcome.and(look_at_scalar(*field, scalar))),
    }
}

fn look_at_scalar(field: Field, scalar: &Value) -> Outcome {
    match field.rest {
        Some(_) => absent(&[field]),
        None if field.leaf.tests.iter().any(|test| test.matches(scalar)) => Outcome::Matched,
        None => Outcome::Failed,
    }
}

/// All fields must be fulfilled by the same element (EB-37); absence needs every element (EB-39a).
fn look_in_array(fields: &[Field], elements: &[Value], depth: usize) -> Outcome {
    let mut outcome = absent(fields);
    for element in elements {
        match look(fields, element, depth + 1) {
            Outcome::Matched => return Outcome::Matched,
            Outcome::Absent => {}
            Outcome::Failed => outcome = Outcome::Failed,
        }
    }
    outcome
}

fn look_in_object(fields: &[Field], object: &serde_json::Map<String, Value>, depth: usize) -> Outcome {
    let mut outcome = Outcome::Absent;
    let mut found: Vec<Vec<Step>> = Vec::new();
    for field in fields {
        let steps = steps(*field, object, depth);
        match steps.is_empty() {
            true => outcome = outcome.and(absent(&[*field])),
            false => found.push(steps),
        }
    }
    if outcome == Outcome::Failed || found.is_empty() {
        return outcome;
    }
    let readings = found.iter().fold(1usize, |product, steps| product.saturating_mul(steps.len()));
    for reading in 0..readings.min(READINGS_MAX) {
        let together = outcome.and(look_below(&found, reading, depth));
        if together != Outcome::Failed {
            return together;
        }
    }
    Outcome::Failed
}

/// A member of an object through which a field may be reached, and the field seen from there.
struct Step<'a> {
    key: &'a str,
    value: &'a Value,
    field: Field<'a>,
}

/// The members through which the field can be reached: names may be joined by dots (EB-28).
fn steps<'a>(field: Field<'a>, object: &'a serde_json::Map<String, Value>, depth: usize) -> Vec<Step<'a>> {
    let Some(rest) = field.rest else { return Vec::new() };
    let ends = rest.match_indices('.').map(|(at, _)| at).chain([rest.len()]);
    let mut steps = ends
        .filter_map(|end| {
            let (key, below) = rest.split_at_checked(end)?;
            let value = object.get(key)?;
            Some(Step { key, value, field: Field { rest: below.strip_prefix('.'), leaf: field.leaf } })
        })
        .collect::<Vec<_>>();
    if steps.len() > 1 {
        steps.retain(|step| holds(step.field.rest, step.value, depth + 1));
    }
    steps
}

/// Whether any scalar lies at the end of the path.
fn holds(rest: Option<&str>, value: &Value, depth: usize) -> bool {
    let leaf = Leaf { tests: vec![Test::Exists], absence: Absence::Refused };
    look(&[Field { rest, leaf: &leaf }], value, depth) == Outcome::Matched
}

/// Looks below the members that the `reading`-th choice of one step for each field names.
fn look_below(found: &[Vec<Step>], reading: usize, depth: usize) -> Outcome {
    let mut members: Vec<(&str, &Value, Vec<Field>)> = Vec::new();
    let mut remainder = reading;
    for steps in found {
        let Some(step) = steps.get(remainder % steps.len()) else { continue };
        remainder /= steps.len();
        match members.iter_mut().find(|(key, ..)| *key == step.key) {
            Some((_, _, fields)) => fields.push(step.field),
            None => members.push((step.key, step.value, vec![step.field])),
        }
    }
    members.iter().fold(Outcome::Absent, |outcome, (_, value, fields)| outcome.and(look(fields, value, depth + 1)))
}

#[cfg(test)]
mod tests;
