//! Payload templates of states: JSON in which names that end in `.$` are looked up (FLOW-5 to FLOW-8).
//!
//! Invariant: what a template makes is no larger than `BYTES_MAX` plus one value, so templates that
//! double their input cannot exhaust memory.

use serde_json::{Map, Value};

use super::execution::Fault;
use super::intrinsic::{self, Call};
use super::path::Path;
use super::scope::{Scope, bytes};

/// Looked-up bytes of one template: four times the largest value that may leave a state.
const BYTES_MAX: usize = 1_048_576;

/// A template, read and checked.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Literal(Value),
    /// The value of a `.$` member, with the member's full name for error texts.
    Query(String, Query),
    Array(Vec<Payload>),
    Object(Vec<(String, Payload)>),
}

/// What stands behind a `.$`: a path, or a call of an intrinsic function.
#[derive(Clone, Debug)]
pub(super) enum Query {
    Path(Path),
    Call(Call),
}

/// Why a template or query cannot be read: the offending text and the reason.
pub(super) enum Unreadable {
    Path(String, &'static str),
    Call(String, &'static str),
    /// The name of a `.$` member whose value is no text.
    NoText(String),
}

impl Query {
    /// Reads a path or a call.
    pub(super) fn parse(text: &str) -> Result<Query, Unreadable> {
        if text.starts_with('$') {
            return Path::parse(text).map(Query::Path).map_err(|reason| Unreadable::Path(String::from(text), reason));
        }
        Call::parse(text).map(Query::Call).map_err(|reason| Unreadable::Call(String::from(text), reason))
    }

    /// Looks the value up; `field` is named in the error.
    pub(super) fn evaluate(&self, scope: &Scope, field: &str) -> Result<Value, Fault> {
        match self {
            Query::Path(path) => scope.find(path).map_err(|_| scope.missing(&path.text, field)),
            Query::Call(call) => intrinsic::evaluate(call, scope, field),
        }
    }
}

impl Payload {
    /// Reads a template.
    pub(super) fn parse(value: &Value) -> Result<Payload, Unreadable> {
        match value {
            Value::Array(items) => items.iter().map(Payload::parse).collect::<Result<_, _>>().map(Payload::Array),
            Value::Object(members) => {
                members.iter().map(|(name, value)| member(name, value)).collect::<Result<_, _>>().map(Payload::Object)
            }
            scalar => Ok(Payload::Literal(scalar.clone())),
        }
    }

    /// Makes the value.
    pub(super) fn evaluate(&self, scope: &Scope) -> Result<Value, Fault> {
        let mut left = BYTES_MAX;
        self.make(scope, &mut left)
    }

    fn make(&self, scope: &Scope, left: &mut usize) -> Result<Value, Fault> {
        match self {
            Payload::Literal(value) => Ok(value.clone()),
            Payload::Query(field, query) => {
                let value = query.evaluate(scope, field)?;
                *left = left.checked_sub(bytes(&value)).ok_or_else(|| scope.too_large())?;
                Ok(value)
            }
            Payload::Array(items) => items.iter().map(|item| item.make(scope, left)).collect(),
            Payload::Object(members) => members
                .iter()
                .map(|(name, payload)| Ok((name.clone(), payload.make(scope, left)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
        }
    }
}

fn member(name: &str, value: &Value) -> Result<(String, Payload), Unreadable> {
    let Some(stripped) = name.strip_suffix(".$") else {
        return Ok((String::from(name), Payload::parse(value)?));
    };
    let text = value.as_str().ok_or_else(|| Unreadable::NoText(String::from(name)))?;
    Ok((String::from(stripped), Payload::Query(String::from(name), Query::parse(text)?)))
}
