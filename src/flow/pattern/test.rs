//! Tests of one scalar: the match values of a pattern's leaves.
//!
//! Invariant: a test is total; a value of another type than the test's does not match, except
//! under `anything-but`, where it does (EB-52).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Bound;

use serde_json::Value;

/// A condition on one scalar.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Null,
    Bool(bool),
    Number(Numeral),
    Text(String),
    /// A literal address of version 6 matches its other spellings (EB-30).
    Address(Ipv6Addr),
    Prefix(String),
    Suffix(String),
    /// The operands of the next three are folded.
    Folded(String),
    FoldedPrefix(String),
    FoldedSuffix(String),
    Wildcard(Wildcard),
    Range(Bound<f64>, Bound<f64>),
    Block(Block),
    Exists,
    /// Holds where none of these does.
    AnythingBut(Vec<Test>),
}

impl Test {
    /// Whether the scalar passes.
    pub(super) fn matches(&self, value: &Value) -> bool {
        match self {
            Test::Null => value.is_null(),
            Test::Bool(expected) => value.as_bool() == Some(*expected),
            Test::Number(expected) => Numeral::of(value) == Some(*expected),
            Test::Range(low, high) => {
                Numeral::of(value).and_then(Numeral::exact).is_some_and(|number| within(*low, *high, number))
            }
            Test::Exists => true,
            Test::AnythingBut(tests) => !tests.iter().any(|test| test.matches(value)),
            _ => value.as_str().is_some_and(|text| self.matches_text(text)),
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        match self {
            Test::Text(expected) => text == expected,
            Test::Address(expected) => text.parse::<Ipv6Addr>() == Ok(*expected),
            Test::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Test::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Test::Folded(expected) => fold(text) == *expected,
            Test::FoldedPrefix(prefix) => fold(text).starts_with(prefix.as_str()),
            Test::FoldedSuffix(suffix) => fold(text).ends_with(suffix.as_str()),
            Test::Wildcard(wildcard) => wildcard.matches(text),
            Test::Block(block) => block.matches(text),
            Test::Null | Test::Bool(_) | Test::Number(_) | Test::Range(..) | Test::Exists | Test::AnythingBut(_) => {
                false
            }
        }
    }
}

/// Removes the difference between upper and lower case, beyond ASCII too (EB-78).
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn within(low: Bound<f64>, high: Bound<f64>, number: f64) -> bool {
    let above = match low {
        Bound::Included(low) => number >= low,
        Bound::Excluded(low) => number > low,
        Bound::Unbounded => true,
    };
    let below = match high {
        Bound::Included(high) => number <= high,
        Bound::Excluded(high) => number < high,
        Bound::Unbounded => true,
    };
    above && below
}

/// A number of JSON. A whole number that no double holds exactly equals itself only (EB-29).
#[derive(Clone, Copy, Debug)]
pub(super) enum Numeral {
    Whole(i128),
    Real(f64),
}

impl Numeral {
    pub(super) fn of(value: &Value) -> Option<Numeral> {
        let Value::Number(number) = value else { return None };
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map(Numeral::Whole).or_else(|| number.as_f64().map(Numeral::Real))
    }

    /// The double of exactly this value, if there is one.
    pub(super) fn exact(self) -> Option<f64> {
        match self {
            Numeral::Whole(whole) => Some(whole as f64).filter(|real| *real as i128 == whole),
            Numeral::Real(real) => Some(real),
        }
    }
}

impl PartialEq for Numeral {
    fn eq(&self, other: &Numeral) -> bool {
        match (self, other) {
            (Numeral::Whole(one), Numeral::Whole(another)) => one == another,
            _ => self.exact().is_some_and(|one| other.exact() == Some(one)),
        }
    }
}

/// Literal parts with any text between them; one part alone is the whole text.
#[derive(Clone, Debug)]
pub(super) struct Wildcard {
    pub(super) parts: Vec<String>,
}

impl Wildcard {
    /// Takes each inner part where it first fits, so no way back is ever needed.
    fn matches(&self, text: &str) -> bool {
        let [first, inner @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == text);
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
}

/// Addresses whose first bits are given.
#[derive(Clone, Debug)]
pub(super) enum Block {
    Four { network: u32, mask: u32 },
    Six { network: u128, mask: u128 },
}

impl Block {
    /// The block of version 4 with the given number of fixed bits, at most 31 (EB-65).
    pub(super) fn four(address: Ipv4Addr, bits: u32) -> Option<Block> {
        let mask = if bits == 0 { 0 } else { u32::MAX.checked_shl(32u32.checked_sub(bits)?)? };
        (bits < 32).then_some(Block::Four { network: address.to_bits() & mask, mask })
    }

    /// The block of version 6 with the given number of fixed bits, at most 127 (EB-65).
    pub(super) fn six(address: Ipv6Addr, bits: u32) -> Option<Block> {
        let mask = if bits == 0 { 0 } else { u128::MAX.checked_shl(128u32.checked_sub(bits)?)? };
        (bits < 128).then_some(Block::Six { network: address.to_bits() & mask, mask })
    }

    fn matches(&self, text: &str) -> bool {
        match (self, text.parse()) {
            (Block::Four { network, mask }, Ok(IpAddr::V4(address))) => address.to_bits() & mask == *network,
            (Block::Six { network, mask }, Ok(IpAddr::V6(address))) => address.to_bits() & mask == *network,
            _ => false,
        }
    }
}
