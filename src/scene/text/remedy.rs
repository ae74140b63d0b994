//! What RON's errors mean to a person, and what to do about them.
//!
//! Invariant: every error gets one reason and one remedy.

use ron::error::SpannedError;

use crate::scene::problem::{Code, Place, SceneProblem, nearest, shorten};

/// A problem with the offending text, from an error of the RON reader.
pub(super) fn problem(error: &SpannedError, place: Place, offending: &str) -> SceneProblem {
    let owner = place.owner().map_or_else(|| "the scene".to_owned(), |(_, id)| format!("`{id}`"));
    let found = shorten(offending.split('\n').next().unwrap_or_default().trim_end());
    let (code, sentence, help) = match &error.code {
        ron::Error::NoSuchStructField { expected, found, outer } => {
            let whose = outer.as_ref().map_or(owner, |outer| format!("`{outer}`"));
            (Code::UnknownField, format!("{whose} has no field `{}`", shorten(found)), instead(found, expected))
        }
        ron::Error::NoSuchEnumVariant { expected, found, .. } => {
            (Code::UnknownVariant, format!("`{}` is not possible here", shorten(found)), instead(found, expected))
        }
        ron::Error::MissingStructField { field, .. } => {
            (Code::MissingField, format!("{owner} lacks the field `{field}`"), format!("add `{field}: ...`"))
        }
        ron::Error::DuplicateStructField { field, .. } => {
            (Code::Duplicate, format!("the field `{field}` stands here twice"), "keep one of the two".to_owned())
        }
        ron::Error::Message(message) => {
            let (sentence, help) = message.split_once("; ").unwrap_or((message, "write another value"));
            (Code::BadValue, sentence.to_owned(), help.to_owned())
        }
        ron::Error::InvalidValueForType { expected, found } => {
            (Code::BadValue, format!("{} does not belong here", shorten(found)), format!("write {expected}"))
        }
        ron::Error::ExpectedDifferentLength { expected, found } => {
            (Code::BadValue, format!("there are {found} values here"), format!("write {expected}"))
        }
        ron::Error::IntegerOutOfBounds => {
            (Code::OutOfRange, format!("`{found}` does not fit here"), "write a smaller whole number".to_owned())
        }
        other => (Code::BadValue, lower(&other.to_string()), kindly(other).to_owned()),
    };
    SceneProblem::error(code, place, found).because(sentence).help(help)
}

/// The problem of a text that is no RON at all.
pub(super) fn syntax(error: &SpannedError, offending: &str) -> SceneProblem {
    let help = match &error.code {
        ron::Error::ExceededRecursionLimit => "write fewer brackets inside brackets",
        ron::Error::NoSuchExtension(_) => "remove the line that enables it",
        ron::Error::ExpectedStringEnd => "close the text with a quotation mark",
        _ => "look for a missing bracket, comma or quotation mark just before this place",
    };
    SceneProblem::error(Code::Syntax, Place::scene(), offending).because(lower(&error.code.to_string())).help(help)
}

/// The nearest name, or all that there are.
pub(super) fn instead(found: &str, expected: &[&str]) -> String {
    match nearest(found, expected.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("write one of `{}`", expected.join("`, `")),
    }
}

fn kindly(error: &ron::Error) -> &'static str {
    match error {
        ron::Error::ExpectedString => "put the text between quotation marks",
        ron::Error::ExpectedFloat => "write a number such as 1.5",
        ron::Error::ExpectedInteger | ron::Error::InvalidIntegerDigit { .. } => "write a whole number",
        ron::Error::ExpectedBoolean => "write true or false",
        ron::Error::ExpectedMap => "write { \"id\": (...), ... }",
        ron::Error::ExpectedArray => "write a list: [...]",
        ron::Error::ExpectedStructLike | ron::Error::ExpectedNamedStructLike(_) => {
            "write the fields or values between parentheses"
        }
        ron::Error::ExpectedStructLikeEnd => "write fewer values between the parentheses",
        ron::Error::ExpectedIdentifier => "write a name",
        _ => "write a value as in the reference of the scene format",
    }
}

/// The text with a small first letter and without a full stop, as all our messages are.
fn lower(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
