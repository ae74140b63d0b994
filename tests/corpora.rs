//! Walks the conformance corpora: one JSON case a line, each with a name.
//!
//! The corpora lie where EVENTSCAPE_CORPORA says, or beside the repository. Cases that do not pass
//! stand in `known_failures.txt` with a reason; one that begins to pass has to leave that list.

mod corpus;

use std::collections::BTreeMap;
use std::path::Path;

use eventscape::flow::pattern::compile;
use eventscape::flow::states::{Attempt, Definition, Event, Identity, Step, resume, start};
use serde_json::Value;

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
    let Some(folder) = corpus::folder() else { return };
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

/// Steps that a recorded execution may take before the test gives it up.
const STEPS_MAX: usize = 10_000;

/// What became of an execution on a clock that jumps over every wait.
struct Ran {
    entered: Vec<String>,
    end: Step,
}

fn run(definition: &Definition, input: Value) -> Result<Ran, String> {
    let identity = Identity { name: "execution".into(), machine: "machine".into(), ..Identity::default() };
    // The present of those recordings whose times were made from it.
    let identity = Identity { start_time: "2026-01-01T00:00:00Z".parse().expect("an instant"), ..identity };
    let (mut execution, mut steps) = start(definition, input, identity);
    let mut entered = Vec::new();
    let mut waits = std::collections::VecDeque::new();
    for _ in 0..STEPS_MAX {
        for step in std::mem::take(&mut steps) {
            match step {
                // The history does not enter a state again when it is retried.
                Step::Transition { attempt: Attempt::Again, .. } => {}
                Step::Transition { state, .. } => entered.push(String::from(definition.state_name(state))),
                Step::Wait { token, .. } => waits.push_back(token),
                Step::Cancel { .. } => {}
                Step::Task { resource, .. } => return Err(format!("the task {resource} has nobody to do it")),
                Step::Done { .. } | Step::Failed { .. } => return Ok(Ran { entered, end: step }),
            }
        }
        let token = waits.pop_front().ok_or("nothing is awaited, but the execution goes on")?;
        steps = resume(definition, &mut execution, Event::WaitOver { token });
    }
    Err(String::from("the execution takes too many steps"))
}

fn check_execution(case: &Value) -> Result<(), String> {
    let definition = Definition::parse(&case["definition"].to_string())
        .map_err(|problems| problems.iter().map(|problem| problem.to_string()).collect::<Vec<_>>().join("; "))?;
    let ran = run(&definition, case["input"].clone())?;
    let expect = &case["expect"];
    let shape_only = case["placeholders"] == true;
    let (status, found, expected) = match &ran.end {
        Step::Done { output } => ("SUCCEEDED", output.text().to_owned(), expect["output"].to_string()),
        Step::Failed { error, cause } => {
            let cause = cause.as_deref().map(|cause| serde_json::from_str(cause).unwrap_or(Value::from(cause)));
            let cause = cause.unwrap_or_default();
            let found = if shape_only { Value::Null } else { cause };
            let expected = if shape_only { &Value::Null } else { &expect["cause"] };
            let error = Value::from(error.clone());
            ("FAILED", format!("{error} {found}"), format!("{} {expected}", expect["error"]))
        }
        other => return Err(format!("{other:?} is no end")),
    };
    if expect["status"] != status {
        return Err(format!("{status} {found}, not {} {expected}", expect["status"]));
    }
    if !(same(&found, &expected) || shape_only && status == "SUCCEEDED") {
        return Err(format!("{found}, not {expected}"));
    }
    let mut names = expect["states_entered"].as_array().map(|names| names.iter().map(text).collect::<Vec<_>>());
    // Children of distributed maps are executions of their own, and not in the history.
    let mut children = std::collections::BTreeSet::new();
    distributed(&case["definition"], &mut children);
    let mut entered = ran.entered.into_iter().filter(|name| !children.contains(name)).collect::<Vec<_>>();
    if case["order_free"] == true {
        names.iter_mut().for_each(|names| names.sort());
        entered.sort();
    }
    match names {
        Some(names) if names != entered => Err(format!("entered {entered:?}, not {names:?}")),
        _ => Ok(()),
    }
}

/// The names of all states inside distributed maps.
fn distributed(value: &Value, names: &mut std::collections::BTreeSet<String>) {
    let children = value.as_object().map(|members| members.values().collect::<Vec<_>>());
    for child in children.or_else(|| value.as_array().map(|items| items.iter().collect())).unwrap_or_default() {
        if child["ProcessorConfig"]["Mode"] == "DISTRIBUTED" {
            state_names(child, names);
        }
        distributed(child, names);
    }
}

fn state_names(value: &Value, names: &mut std::collections::BTreeSet<String>) {
    for (name, child) in value.as_object().into_iter().flatten() {
        if let (Some(states), "States") = (child.as_object(), name.as_str()) {
            names.extend(states.keys().cloned());
        }
        state_names(child, names);
    }
}

/// Equality of two JSON texts with the order of members left aside.
fn same(one: &str, another: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(text);
    one == another || matches!((parse(one), parse(another)), (Ok(one), Ok(another)) if one == another)
}

#[test]
fn executions_end_as_recorded() {
    let Some(folder) = corpus::folder() else { return };
    walk("states", &cases(&folder.join("states/cases.jsonl")), check_execution);
}

#[test]
fn wrong_definitions_are_refused() {
    let Some(folder) = corpus::folder() else { return };
    walk("states-invalid", &cases(&folder.join("states/invalid.jsonl")), |case| {
        match Definition::parse(&text(&case["definition"])) {
            Ok(_) => Err(String::from("the definition is accepted")),
            Err(_) => Ok(()),
        }
    });
    walk("states-valid", &cases(&folder.join("states/valid.jsonl")), |case| {
        Definition::parse(&text(&case["definition"])).map(|_| ()).map_err(|problems| format!("{problems:?}"))
    });
}

#[test]
fn workflows_written_by_people_are_read_without_a_panic() {
    let Some(folder) = corpus::folder() else { return };
    let files = std::fs::read_dir(folder.join("states/workflows")).expect("the folder can be read");
    let mut files = files.map(|file| file.expect("an entry can be read").path()).collect::<Vec<_>>();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let (mut refused, mut partly) = (0, 0);
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match Definition::parse(&std::fs::read_to_string(file).expect("the file can be read")) {
            Ok(definition) => {
                partly += usize::from(!definition.unsupported().is_empty());
                let _ = run(&definition, serde_json::json!({}));
            }
            Err(problems) => {
                refused += 1;
                println!("{name}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
            }
        }
    }
    println!("workflows: {} read, {refused} refused, {partly} with parts that are passed over", files.len() - refused);
    assert!(files.len() > 50 && refused * 10 < files.len(), "most workflows can be simulated");
}
