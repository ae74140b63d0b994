//! Walks the conformance corpora: one JSON case a line, each with a name.
//!
//! The corpora lie where EVENTSCAPE_CORPORA says, or beside the repository. Cases that do not pass
//! stand in `known_failures.txt` with a reason; one that begins to pass has to leave that list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use eventscape::flow::pattern::compile;
use serde_json::Value;

/// The folder of the corpora, or a line that says that they are absent.
fn corpora() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    let folder = std::env::var_os("EVENTSCAPE_CORPORA").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: no corpora at {}", folder.display());
        return None;
    }
    Some(folder)
}

fn cases(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("the corpus can be read");
    text.lines().map(|line| serde_json::from_str(line).expect("a case is one JSON value a line")).collect()
}

/// The names that are known to fail in one corpus, with the reason of each.
fn known_failures(corpus: &str) -> BTreeMap<String, String> {
    let prefix = format!("{corpus}: ");
    let mut reason = String::new();
    let mut known = BTreeMap::new();
    for line in include_str!("known_failures.txt").lines() {
        match (line.strip_prefix("# "), line.strip_prefix(prefix.as_str())) {
            (Some(text), _) => reason = String::from(text),
            (None, Some(name)) => {
                assert!(known.insert(String::from(name), reason.clone()).is_none(), "`{name}` is listed twice");
            }
            (None, None) => {}
        }
    }
    known
}

/// Fails where a case fails that is not listed, or a listed one passes or is gone.
fn walk(corpus: &str, cases: &[Value], check: impl Fn(&Value) -> Result<(), String>) {
    let mut known = known_failures(corpus);
    let (mut passed, mut listed, mut problems) = (0, 0, Vec::new());
    for case in cases {
        let name = case["name"].as_str().expect("a case has a name");
        match (check(case), known.remove(name)) {
            (Ok(()), None) => passed += 1,
            (Err(_), Some(_)) => listed += 1,
            (Err(found), None) => problems.push(format!("{corpus}: {name}\n    {found}")),
            (Ok(()), Some(_)) => problems.push(format!("{corpus}: {name}\n    passes now: take it off the list")),
        }
    }
    problems.extend(known.keys().map(|name| format!("{corpus}: {name}\n    is listed, but there is no such case")));
    println!("{corpus}: {passed} of {} pass, {listed} are listed as failing", cases.len());
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

/// The text of a value that the corpus gives as JSON, or as text where it is a string.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

#[test]
fn event_patterns_answer_as_recorded() {
    let Some(folder) = corpora() else { return };
    walk("event-patterns", &cases(&folder.join("event-patterns/cases.jsonl")), |case| {
        let found = match compile(&text(&case["pattern"])) {
            Err(error) => format!("invalid: {error}"),
            Ok(pattern) => {
                let event = serde_json::from_str(&text(&case["event"])).map_err(|error| error.to_string())?;
                String::from(if pattern.matches(&event) { "match" } else { "no_match" })
            }
        };
        let expected = case["expect"].as_str().unwrap_or_default();
        if found.starts_with(expected) { Ok(()) } else { Err(format!("{found}, not {expected}")) }
    });
}
