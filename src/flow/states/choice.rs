//! Choice rules (states semantics, section 6).
//!
//! Invariant: a value of another type than the operator's makes a comparison false, never an error.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use super::definition::StateIndex;
use super::execution::Fault;
use super::path::Path;
use super::payload::Payload;
use super::scope::Scope;

/// The rules of a Choice.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) rules: Vec<(Rule, Branch)>,
    pub(super) default: Option<StateIndex>,
}

/// Where a rule leads.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) next: StateIndex,
    pub(super) assign: Option<Payload>,
}

/// A condition on the data.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Compare(Path, Test),
    /// Of a language that is not simulated; never holds.
    Never,
}

/// A test of one value.
#[derive(Clone, Debug)]
pub(super) enum Test {
    IsPresent(bool),
    Is(Type, bool),
    Matches(Vec<String>),
    Order(Type, Relation, Operand),
}

/// What a value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    Numeric,
    String,
    Timestamp,
}

/// Orders that make a comparison true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The other side of a comparison.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Given(Value),
    Found(Path),
}

impl Rule {
    /// Whether the data fulfill the condition.
    pub(super) fn holds(&self, scope: &Scope) -> Result<bool, Fault> {
        match self {
            Rule::And(rules) => rules.iter().try_fold(true, |held, rule| Ok(held && rule.holds(scope)?)),
            Rule::Or(rules) => rules.iter().try_fold(false, |held, rule| Ok(held || rule.holds(scope)?)),
            Rule::Not(rule) => Ok(!rule.holds(scope)?),
            Rule::Compare(path, test) => test.holds(scope, path),
            Rule::Never => Ok(false),
        }
    }
}

impl Test {
    fn holds(&self, scope: &Scope, path: &Path) -> Result<bool, Fault> {
        if let Test::IsPresent(expected) = self {
            return Ok(scope.look(path).is_ok() == *expected);
        }
        let value = scope.find(path).map_err(|_| scope.dangling(&path.text))?;
        match self {
            Test::IsPresent(expected) => Ok(*expected),
            Test::Is(kind, expected) => Ok(kind.is(&value) == *expected),
            Test::Matches(parts) => Ok(value.as_str().is_some_and(|text| matches(parts, text))),
            Test::Order(kind, relation, Operand::Given(operand)) => Ok(relation.holds(kind.order(&value, operand))),
            Test::Order(kind, relation, Operand::Found(path)) => {
                let operand = scope.find(path).map_err(|_| scope.dangling(&path.text))?;
                Ok(relation.holds(kind.order(&value, &operand)))
            }
        }
    }
}

impl Type {
    fn is(self, value: &Value) -> bool {
        match self {
            Type::Null => value.is_null(),
            Type::Boolean => value.is_boolean(),
            Type::Numeric => value.is_number(),
            Type::String => value.is_string(),
            Type::Timestamp => timestamp(value).is_some(),
        }
    }

    /// How two values of this type compare; `None` where one is of another type.
    fn order(self, left: &Value, right: &Value) -> Option<Ordering> {
        match self {
            Type::Null => None,
            Type::Boolean => Some(left.as_bool()?.cmp(&right.as_bool()?)),
            Type::Numeric => left.as_f64()?.partial_cmp(&right.as_f64()?),
            // Code units of UTF-16, as the service's own texts are compared (CHOICE-5).
            Type::String => Some(left.as_str()?.encode_utf16().cmp(right.as_str()?.encode_utf16())),
            Type::Timestamp => Some(timestamp(left)?.cmp(&timestamp(right)?)),
        }
    }
}

impl Relation {
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Relation::Equal => order == Some(Ordering::Equal),
            Relation::Less => order == Some(Ordering::Less),
            Relation::LessOrEqual => order.is_some_and(Ordering::is_le),
            Relation::Greater => order == Some(Ordering::Greater),
            Relation::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    parse_timestamp(value.as_str()?)
}

/// A timestamp of RFC 3339 with upper-case `T` and `Z` or a numeric offset (CHOICE-10).
pub(super) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let numbers = |character: char| character.is_ascii_digit() || "+-:.Z".contains(character);
    let shaped = date.len() == 10 && time.get(8..).is_some() && time.chars().all(numbers);
    text.parse().ok().filter(|_| shaped)
}

/// Takes a pattern of StringMatches apart at its stars (CHOICE-9); `None` where an escape is wrong.
pub(super) fn parse_wildcard(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => parts.push(std::mem::take(&mut part)),
            '\\' => part.push(characters.next().filter(|escaped| ['*', '\\'].contains(escaped))?),
            literal => part.push(literal),
        }
    }
    parts.push(part);
    Some(parts)
}

fn matches(parts: &[String], text: &str) -> bool {
    let [first, inner @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
        return false;
    };
    for part in inner {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    true
}
