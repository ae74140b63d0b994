//! Small slips in YAML that other readers let pass, or that a person would read over.
//!
//! Invariant: a text is changed only where the reader stopped, at most `MENDS_MAX` times, and each
//! change is reported with its place. Lines keep their numbers.

use crate::exchange::error::{ImportError, Place};
use crate::exchange::tree::{Mark, Tree, read_tree};

/// Changes to one text at most: more slips than these are no slips.
const MENDS_MAX: usize = 32;
/// Longer texts are not mended, since each change costs a reading: the service takes 1 MB.
const BYTES_MAX: usize = 1 << 20;
/// Deeper than any published template is indented.
const INDENT: &str = "                                        ";

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// Where.
    pub mark: Mark,
    /// What was wrong and what was done, as one sentence.
    pub text: String,
}

/// Reads a text, mending what can be mended.
///
/// # Errors
/// The first error of the text as it was given, where mending does not lead to a tree.
pub fn read_mended(text: &str, file: &str) -> Result<(Tree, Vec<Mend>), ImportError> {
    let first = match read_tree(text, file) {
        Ok(tree) => return Ok((tree, Vec::new())),
        Err(error) => error,
    };
    let mut mends = Vec::new();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut error = match &first {
        ImportError::Syntax { place, problem } if text.len() <= BYTES_MAX => (place.clone(), problem.clone()),
        _ => return Err(first),
    };
    while mends.len() < MENDS_MAX {
        let Some(mend) = mend(&mut lines, &error.0, &error.1) else { return Err(first) };
        mends.push(mend);
        match read_tree(&lines.join("\n"), file) {
            Ok(tree) => return Ok((tree, mends)),
            Err(ImportError::Syntax { place, problem }) => error = (place, problem),
            Err(_) => return Err(first),
        }
    }
    Err(first)
}

fn mend(lines: &mut [String], place: &Place, problem: &str) -> Option<Mend> {
    let row = place.line.checked_sub(1)?;
    match problem {
        _ if problem.starts_with("invalid indentation") => {
            let line = lines.get_mut(row)?;
            line.insert_str(0, INDENT);
            Some(said(place.line, "is indented too little inside brackets; read as if it were indented more"))
        }
        _ if problem.starts_with("invalid trailing content after") => {
            let line = lines.get_mut(row)?;
            let at = line.char_indices().nth(place.column.checked_sub(1)?)?.0;
            line.insert_str(at, " # ");
            Some(said(place.line, "goes on after the closing quotation mark; the rest is read as a remark"))
        }
        "simple key expect ':'" => {
            let row = row.checked_sub(1)?;
            let line = lines.get_mut(row)?;
            let (key, rest) = line.trim_start().split_once(':')?;
            let is_key = !key.is_empty() && key.chars().all(char::is_alphanumeric);
            if !is_key || rest.is_empty() || rest.starts_with([' ', '#']) {
                return None;
            }
            let at = line.find(':')? + 1;
            line.insert_str(at, " # ");
            Some(said(row + 1, "has text right behind the colon of a key; it is read as a remark"))
        }
        _ => None,
    }
}

fn said(line: usize, what: &str) -> Mend {
    let mark = Mark { line: u32::try_from(line).unwrap_or(u32::MAX), column: 1 };
    Mend { mark, text: format!("the line {what}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_mended(text: &str, json: &str, lines: &[u32]) {
        let (tree, mends) = read_mended(text, "t.yaml").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(tree.to_json().to_string(), json);
        assert_eq!(mends.iter().map(|mend| mend.mark.line).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn what_stands_in_brackets_may_be_indented_too_little() {
        check_mended("a:\n  b: [1,\n  2\n  ]\nc: 3\n", r#"{"a":{"b":[1,2]},"c":3}"#, &[3]);
    }

    #[test]
    fn text_behind_a_quoted_text_or_a_key_is_a_remark() {
        check_mended("a: 'x' (y)\nb: 1\n", r#"{"a":"x","b":1}"#, &[1]);
        check_mended("a:\n  x: 1\n  Key:typo\n    b: 1\n", r#"{"a":{"x":1,"Key":{"b":1}}}"#, &[3]);
    }

    #[test]
    fn what_is_right_is_not_changed_and_what_is_beyond_mending_is_refused() {
        check_mended("a: [1, 2]", r#"{"a":[1,2]}"#, &[]);
        let error = read_mended("a: [1, 2\nb: }", "t.yaml").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.starts_with("t.yaml:2:"), "{error}");
    }
}
