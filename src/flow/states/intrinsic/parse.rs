//! Reads calls of intrinsic functions.
//!
//! Invariant: calls nest no deeper than `DEPTH_MAX`.

use serde_json::Value;

use super::{Argument, Call, FUNCTIONS};
use crate::flow::states::path::Path;

/// Calls in one field, one inside the other (INTR-1).
const DEPTH_MAX: usize = 10;

type Outcome<T> = Result<T, &'static str>;

pub(super) fn parse(text: &str) -> Outcome<Call> {
    let (call, rest) = call(text.trim(), 1)?;
    if rest.trim().is_empty() { Ok(call) } else { Err("nothing may follow the call") }
}

/// A call at the start of the text, and the text after it.
fn call(text: &str, depth: usize) -> Outcome<(Call, &str)> {
    if depth > DEPTH_MAX {
        return Err("at most 10 calls may be nested");
    }
    let (name, mut rest) = text.split_once('(').ok_or("a parenthesis is missing after the function's name")?;
    let name = name.trim();
    let found = FUNCTIONS.into_iter().find(|(known, _)| *known == name);
    let (_, function) = found.ok_or("there is no function of this name")?;
    let mut arguments = Vec::new();
    rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix(')') {
        return Ok((Call { function, arguments, text: written(text, after) }, after));
    }
    loop {
        let (argument, after) = argument(rest.trim_start(), depth)?;
        arguments.push(argument);
        let after = after.trim_start();
        if let Some(end) = after.strip_prefix(')') {
            return Ok((Call { function, arguments, text: written(text, end) }, end));
        }
        rest = after.strip_prefix(',').ok_or("arguments are separated by commas, and end with a parenthesis")?;
    }
}

/// The part of the text before its rest.
fn written(text: &str, rest: &str) -> String {
    text.strip_suffix(rest).map(String::from).unwrap_or_default()
}

fn argument(text: &str, depth: usize) -> Outcome<(Argument, &str)> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let (text, rest) = quote(quoted)?;
        return Ok((Argument::Literal(Value::from(text)), rest));
    }
    if text.starts_with('$') {
        let (path, rest) = text.split_at_checked(path_end(text)).unwrap_or((text, ""));
        return Ok((Argument::Path(Path::parse(path.trim_end())?), rest));
    }
    if text.starts_with("States.") {
        let (call, rest) = call(text, depth + 1)?;
        return Ok((Argument::Call(call), rest));
    }
    let end = text.find([',', ')']).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let value = serde_json::from_str::<Value>(word.trim()).ok().filter(|value| !value.is_string());
    Ok((Argument::Literal(value.ok_or("an argument is a quoted text, a number, a word, a path or a call")?), rest))
}

/// Where a path among arguments ends: at a comma or parenthesis outside its own brackets and quotes.
fn path_end(text: &str) -> usize {
    let (mut brackets, mut parentheses) = (0u32, 0u32);
    let mut open: Option<char> = None;
    for (at, character) in text.char_indices() {
        match (open, character) {
            (Some(quote), _) if quote == character => open = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if brackets > 0 => open = Some(character),
            (None, '[') => brackets += 1,
            (None, ']') => brackets = brackets.saturating_sub(1),
            (None, '(') => parentheses += 1,
            (None, ')') if parentheses > 0 => parentheses -= 1,
            (None, ',' | ')') if brackets == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// A quoted text up to its closing quote (INTR-2), and the text after it.
fn quote(text: &str) -> Outcome<(String, &str)> {
    let mut found = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => return Ok((found, characters.as_str())),
            '\\' => match characters.next().ok_or("a backslash stands at the end")? {
                // Format tells escaped braces from placeholders, so they stay escaped here.
                brace @ ('{' | '}') => found.extend(['\\', brace]),
                escaped @ ('\'' | '\\' | '"') => found.push(escaped),
                other => found.extend(['\\', other]),
            },
            other => found.push(other),
        }
    }
    Err("a quote is not closed")
}
