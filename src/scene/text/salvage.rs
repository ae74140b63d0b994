//! Reads what can be read of a broken part, and says what could not.
//!
//! Invariant: ends in bounded time: every round blanks a part of the text or stops, and the bytes parsed
//! on trial come from one budget.
//!
//! RON stops at its first error. So the guilty member is looked for by trial (the shortest beginning of the
//! members that shows the same error), reported, blanked, and the rest is read again.

use std::ops::Range;

use ron::error::SpannedError;
use serde::de::DeserializeOwned;

use crate::scene::problem::{Code, Place, SceneProblem, Step};
use crate::scene::text::options;
use crate::scene::text::outline::{self, Member, Parent, members};
use crate::scene::text::remedy;

/// Problems that are reported of one node, link or other entry.
const PROBLEMS_MAX: usize = 32;

/// Bytes parsed on trial for one file; with it spent, an entry's first problem stands for all.
pub(super) const TRIAL_BYTES: usize = 64 << 20;

/// Trials that finding one guilty member may take: six levels of eight halvings, and some more.
const TRIALS: usize = 64;

/// Passes over an entry's text for finding members, all levels together.
const LEVELS: usize = 12;

/// A problem and the bytes it is about, in the text of the file.
pub(super) type Placed = (SceneProblem, Range<usize>);

/// A part of the file that is read on its own.
pub(super) struct Entry<'a> {
    /// The text of the file.
    pub(super) text: &'a str,
    /// Where the entry stands.
    pub(super) range: Range<usize>,
    /// Which part of the scene it is.
    pub(super) place: Place,
    /// The fields without which it cannot be.
    pub(super) required: &'static [&'static str],
}

/// Reads an entry as far as possible; `None` where what is left of it is none.
pub(super) fn read<T: DeserializeOwned>(entry: &Entry<'_>, budget: &mut usize, found: &mut Vec<Placed>) -> Option<T> {
    let mut text = entry.text.get(entry.range.clone())?.to_owned();
    let mut blanked: Vec<String> = Vec::new();
    for _ in 0..PROBLEMS_MAX {
        let error = match options().from_str::<T>(&text) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        if matches!(&error.code, ron::Error::MissingStructField { field, .. } if blanked.iter().any(|name| name == field))
        {
            return None;
        }
        // Looking for the members is as much work as a trial.
        *budget = budget.saturating_sub(text.len().saturating_mul(LEVELS));
        let spent = *budget < text.len().saturating_mul(TRIALS);
        let mut attempt = |text: &str| {
            *budget = budget.saturating_sub(text.len());
            options().from_str::<T>(text).err()
        };
        let guilt = match &error.code {
            ron::Error::MissingStructField { field, .. } => lacking(&text, entry, field),
            _ if spent => Guilt::itself(&text),
            _ => blame(&text, &error, &mut attempt),
        };
        let mut place = entry.place.clone();
        place.0.extend(guilt.steps.iter().cloned());
        let problem = remedy::problem(&error, place, text.get(guilt.offending.clone()).unwrap_or_default());
        let problem = if guilt.repeated { SceneProblem { code: Code::Duplicate, ..problem } } else { problem };
        let bytes = entry.range.start + guilt.offending.start..entry.range.start + guilt.offending.end;
        found.push((problem, bytes));
        let removable = guilt.removable?;
        blanked.push(removable.name);
        text = outline::blank(&text, &removable.whole);
    }
    None
}

/// The part of an entry that an error is about.
struct Guilt {
    steps: Vec<Step>,
    offending: Range<usize>,
    /// The innermost member that can go without breaking what it is part of.
    removable: Option<Member>,
    /// Whether an earlier member has the same name.
    repeated: bool,
}

impl Guilt {
    /// The entry as a whole.
    fn itself(text: &str) -> Guilt {
        Guilt { steps: Vec::new(), offending: 0..text.len(), removable: None, repeated: false }
    }
}

/// Walks down to the innermost member without which the error does not occur.
fn blame(text: &str, error: &SpannedError, attempt: &mut impl FnMut(&str) -> Option<SpannedError>) -> Guilt {
    let mut guilt = Guilt::itself(text);
    let mut value = 0..text.len();
    loop {
        let inside = members(text, &value);
        let Some((index, member)) = guilty(text, &inside, error, attempt) else { break };
        if member.parent == Parent::Tuple && is_about_length(&error.code) {
            break;
        }
        guilt.repeated = !member.name.is_empty() && inside.iter().take(index).any(|other| other.name == member.name);
        guilt.offending =
            if names_its_key(&error.code) || guilt.repeated { member.key.clone() } else { member.value.clone() };
        guilt.steps.push(match member.parent {
            Parent::Struct | Parent::Map => Step::Key(member.name.clone()),
            Parent::List | Parent::Tuple => Step::Item(index),
        });
        value = member.value.clone();
        if member.parent != Parent::Tuple {
            guilt.removable = Some(member.clone());
        }
    }
    if let ron::Error::NoSuchEnumVariant { found, .. } = &error.code {
        guilt.offending.end = guilt.offending.end.min(guilt.offending.start + found.len());
    }
    guilt
}

/// The first member with which the error occurs, found by halving.
fn guilty<'m>(
    text: &str,
    inside: &'m [Member],
    error: &SpannedError,
    attempt: &mut impl FnMut(&str) -> Option<SpannedError>,
) -> Option<(usize, &'m Member)> {
    let end = inside.last()?.whole.end;
    let mut same = |kept: usize| match inside.get(kept) {
        Some(first_blanked) => {
            let shorter = outline::blank(text, &(first_blanked.whole.start..end));
            attempt(&shorter).is_some_and(|other| other.code == error.code && other.span.end == error.span.end)
        }
        None => true,
    };
    if same(0) {
        return None;
    }
    let (mut innocent, mut with_guilty) = (0, inside.len());
    while with_guilty - innocent > 1 {
        let middle = innocent.midpoint(with_guilty);
        if same(middle) { with_guilty = middle } else { innocent = middle }
    }
    let index = with_guilty.checked_sub(1)?;
    inside.get(index).map(|member| (index, member))
}

/// The struct that lacks a field: the entry itself, or one of its payloads or rules.
fn lacking(text: &str, entry: &Entry<'_>, field: &str) -> Guilt {
    let lacks = |range: &Range<usize>| !members(text, range).iter().any(|member| member.name == field);
    let whole = 0..text.len();
    if entry.required.contains(&field) && lacks(&whole) {
        return Guilt::itself(text);
    }
    for kind in members(text, &whole).into_iter().filter(|member| member.name == "kind") {
        let lists =
            members(text, &kind.value).into_iter().filter(|list| matches!(list.name.as_str(), "payloads" | "rules"));
        for list in lists {
            let inside = members(text, &list.value);
            let first = inside.into_iter().enumerate().find(|(_, member)| lacks(&member.value));
            let Some((index, member)) = first else { continue };
            let step = if list.name == "rules" { Step::Key(member.name.clone()) } else { Step::Item(index) };
            return Guilt {
                steps: vec![Step::Field("kind"), Step::Key(list.name), step],
                offending: member.value.clone(),
                removable: Some(member),
                repeated: false,
            };
        }
    }
    Guilt::itself(text)
}

fn is_about_length(error: &ron::Error) -> bool {
    matches!(error, ron::Error::ExpectedDifferentLength { .. } | ron::Error::ExpectedStructLikeEnd)
}

fn names_its_key(error: &ron::Error) -> bool {
    matches!(error, ron::Error::NoSuchStructField { .. } | ron::Error::DuplicateStructField { .. })
}
