//! Filters of paths: `[?(@.price < 10 && @.kind == 'book')]`.
//!
//! Invariant: a comparison of values of different types is false, except `!=`, which is true.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Budget, PathFailure, Segment, select};

/// A condition on an element.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    Compare(Operand, Comparison, Operand),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Literal(Value),
    /// `@…`: from the element.
    Element(Vec<Segment>),
    /// `$…`: from the document.
    Document(Vec<Segment>),
}

impl Filter {
    /// Whether the element fulfills the condition.
    pub(super) fn holds(&self, element: &Value, root: &Value, budget: &Budget) -> Result<bool, PathFailure> {
        match self {
            Filter::Any(filters) => {
                filters.iter().try_fold(false, |found, filter| Ok(found || filter.holds(element, root, budget)?))
            }
            Filter::All(filters) => {
                filters.iter().try_fold(true, |held, filter| Ok(held && filter.holds(element, root, budget)?))
            }
            Filter::Not(filter) => Ok(!filter.holds(element, root, budget)?),
            Filter::Exists(operand) => Ok(operand.value(element, root, budget)?.is_some()),
            Filter::Compare(left, comparison, right) => {
                Ok(comparison.holds(left.value(element, root, budget)?, right.value(element, root, budget)?))
            }
        }
    }
}

impl Operand {
    fn value<'a>(
        &'a self,
        element: &'a Value,
        root: &'a Value,
        budget: &Budget,
    ) -> Result<Option<&'a Value>, PathFailure> {
        let nodes = match self {
            Operand::Literal(value) => return Ok(Some(value)),
            Operand::Element(segments) => select(segments, element, root, budget)?,
            Operand::Document(segments) => select(segments, root, root, budget)?,
        };
        Ok(nodes.first().copied())
    }
}

impl Comparison {
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let (Some(left), Some(right)) = (left, right) else {
            return self == Comparison::Unequal && left.is_some() != right.is_some();
        };
        let order = match (left, right) {
            (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            (left, right) => match (left.as_f64(), right.as_f64()) {
                (Some(left), Some(right)) => left.partial_cmp(&right),
                _ => (left == right).then_some(Ordering::Equal),
            },
        };
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::Unequal => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}
