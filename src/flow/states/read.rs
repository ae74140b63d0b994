//! Reads definitions, and finds what is wrong with them.
//!
//! Invariant: all problems are reported, each once; a definition without problems of class Invalid has
//! only transitions that lead somewhere.

mod fields;
mod rules;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::definition::{Definition, Next, State, StateIndex, Work};
use super::error::{Class, DefinitionError, DefinitionProblem};

/// A definition's text (TOP-2).
const BYTES_MAX: usize = 1_048_576;
/// Offending text is cut after this many characters in errors.
const EXCERPT_CHARACTERS: usize = 80;

type Members = Map<String, Value>;

/// Which language a state's fields are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Path,
    /// Not simulated: expressions are passed over.
    Jsonata,
}

/// Reads a definition from its text.
pub(super) fn read(text: &str) -> Result<Definition, Vec<DefinitionError>> {
    let refuse = |problem| Err(vec![DefinitionError { pointer: String::new(), problem }]);
    if text.len() > BYTES_MAX {
        return refuse(DefinitionProblem::TooLong { found: text.len(), limit: BYTES_MAX });
    }
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(error) => return refuse(DefinitionProblem::NotJson { reason: error.to_string() }),
    };
    let mut reader =
        Reader { states: Vec::new(), names: BTreeSet::new(), problems: Vec::new(), language: Language::Path };
    let top = Place::top();
    let Value::Object(machine) = &value else {
        reader.wrong(&top, "the definition", "an object", &value);
        return Err(reader.problems);
    };
    reader.check_fields(&top, machine, &["Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"]);
    reader.language = reader.language(&top, machine);
    let timeout_seconds = reader.whole(&top, machine, "TimeoutSeconds");
    let start = reader.machine(&top, machine);
    let states = reader.states.into_iter().collect::<Option<Vec<_>>>();
    let (invalid, unsupported): (Vec<_>, Vec<_>) =
        reader.problems.into_iter().partition(|problem| problem.class() == Class::Invalid);
    match (start, states) {
        (Some(start), Some(states)) if invalid.is_empty() => {
            Ok(Definition { states, start, timeout_seconds, unsupported })
        }
        _ => Err(invalid.into_iter().chain(unsupported).collect()),
    }
}

/// Where the reader stands, as a JSON pointer.
#[derive(Clone, Debug)]
struct Place(String);

impl Place {
    fn top() -> Place {
        Place(String::new())
    }

    fn below(&self, name: &str) -> Place {
        Place(format!("{}/{}", self.0, name.replace('~', "~0").replace('/', "~1")))
    }

    fn item(&self, index: usize) -> Place {
        Place(format!("{}/{index}", self.0))
    }
}

/// Names of one `States` object.
type Names<'a> = BTreeMap<&'a str, StateIndex>;

struct Reader {
    /// `None` where a state could not be read; then there is a problem as well.
    states: Vec<Option<State>>,
    names: BTreeSet<String>,
    problems: Vec<DefinitionError>,
    /// The language of states that do not name theirs.
    language: Language,
}

fn excerpt(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), String::from);
    match text.char_indices().nth(EXCERPT_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl Reader {
    fn problem(&mut self, place: &Place, problem: DefinitionProblem) {
        self.problems.push(DefinitionError { pointer: place.0.clone(), problem });
    }

    fn wrong(&mut self, place: &Place, field: &str, expected: &'static str, found: &Value) {
        let problem = DefinitionProblem::Value { field: String::from(field), expected, found: excerpt(found) };
        self.problem(place, problem);
    }

    fn unsupported(&mut self, place: &Place, what: &str, instead: &'static str) {
        self.problem(place, DefinitionProblem::Unsupported { what: String::from(what), instead });
    }

    fn check_fields(&mut self, place: &Place, members: &Members, known: &[&str]) {
        for field in members.keys().filter(|field| !known.contains(&field.as_str())) {
            self.problem(&place.below(field), DefinitionProblem::UnknownField { field: field.clone() });
        }
    }

    fn language(&mut self, place: &Place, members: &Members) -> Language {
        match members.get("QueryLanguage").map(|value| (value.as_str(), value)) {
            None => self.language,
            Some((Some("JSONata"), _)) => Language::Jsonata,
            Some((Some("JSONPath"), _)) if self.language == Language::Jsonata => {
                self.problem(place, DefinitionProblem::Downgrade);
                Language::Path
            }
            Some((Some("JSONPath"), _)) => Language::Path,
            Some((_, found)) => {
                self.wrong(&place.below("QueryLanguage"), "QueryLanguage", "JSONPath or JSONata", found);
                self.language
            }
        }
    }

    /// Reads `StartAt` and `States` of the machine, a branch or an iteration.
    fn machine(&mut self, place: &Place, members: &Members) -> Option<StateIndex> {
        let states = match members.get("States") {
            Some(Value::Object(states)) if !states.is_empty() => Some(states),
            Some(found) => {
                self.wrong(&place.below("States"), "States", "an object with at least one state", found);
                None
            }
            None => {
                self.problem(place, DefinitionProblem::Missing { field: "States" });
                None
            }
        };
        if !members.contains_key("StartAt") {
            self.problem(place, DefinitionProblem::Missing { field: "StartAt" });
        }
        let states = states?;
        let inside = place.below("States");
        let first = self.states.len();
        let names = self.reserve(&inside, states);
        for (name, value) in states {
            let here = inside.below(name);
            let state = match value {
                Value::Object(members) => self.state(&here, (name, members), &names),
                other => {
                    self.wrong(&here, name, "an object", other);
                    None
                }
            };
            let row = names.get(name.as_str()).and_then(|index| usize::try_from(index.0).ok());
            if let Some(slot) = row.and_then(|row| self.states.get_mut(row)) {
                *slot = state;
            }
        }
        let start = members.get("StartAt").and_then(|name| self.target(&place.below("StartAt"), name, &names))?;
        self.check_ways(&inside, first, &names, start);
        Some(start)
    }

    /// Gives each state of one `States` object its row.
    fn reserve<'a>(&mut self, place: &Place, states: &'a Members) -> Names<'a> {
        let mut names = Names::new();
        for name in states.keys() {
            if !self.names.insert(name.clone()) {
                self.problem(&place.below(name), DefinitionProblem::DuplicateState { name: name.clone() });
            }
            names.insert(name, StateIndex(u32::try_from(self.states.len()).unwrap_or(u32::MAX)));
            self.states.push(None);
        }
        names
    }

    /// The state that a transition names.
    fn target(&mut self, place: &Place, name: &Value, names: &Names) -> Option<StateIndex> {
        let Some(text) = name.as_str() else {
            self.wrong(place, "the name of a state", "a text", name);
            return None;
        };
        let found = names.get(text).copied();
        if found.is_none() {
            let nearest = names.keys().find(|known| strsim::damerau_levenshtein(text, known) <= 2);
            let nearest = nearest.map(|known| String::from(*known));
            self.problem(place, DefinitionProblem::MissingTarget { found: excerpt(name), nearest });
        }
        found
    }

    /// Finds states that nothing leads to, and machines without an end (VAL-7, VAL-8).
    fn check_ways(&mut self, place: &Place, first: usize, names: &Names, start: StateIndex) {
        let rows = names.values().copied().collect::<BTreeSet<_>>();
        let state = |index: &StateIndex| self.states.get(usize::try_from(index.0).ok()?)?.as_ref();
        // A state that could not be read may lead anywhere.
        if rows.iter().any(|row| state(row).is_none()) {
            return;
        }
        let ends = |state: &State| {
            matches!(state.work, Work::Succeed | Work::Fail { .. })
                || (state.next == Next::End && !matches!(state.work, Work::Choice(_)))
        };
        if !rows.iter().filter_map(state).any(ends) {
            self.problem(place, DefinitionProblem::NoEnd);
            return;
        }
        let mut reached = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(index) = open.pop() {
            for target in state(&index).map(ways).unwrap_or_default() {
                if reached.insert(target) {
                    open.push(target);
                }
            }
        }
        debug_assert!(
            rows.iter().all(|row| row.0 as usize >= first),
            "a machine's own states come after its outer ones"
        );
        let lost = names.iter().filter(|(_, index)| !reached.contains(index));
        let lost = lost.map(|(name, _)| String::from(*name)).collect::<Vec<_>>();
        for name in lost {
            self.problem(&place.below(&name), DefinitionProblem::Unreachable { name });
        }
    }
}

/// The states that a state may lead to.
fn ways(state: &State) -> Vec<StateIndex> {
    let mut ways = state.catch.iter().map(|catcher| catcher.next).collect::<Vec<_>>();
    if let Next::State(next) = state.next {
        ways.push(next);
    }
    if let Work::Choice(choice) = &state.work {
        ways.extend(choice.rules.iter().map(|(_, branch)| branch.next));
        ways.extend(choice.default);
    }
    ways
}

#[cfg(test)]
mod tests;
