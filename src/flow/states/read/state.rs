//! Reads one state.
//!
//! Invariant: fields are checked against the type of the state; unknown ones are reported and ignored.

use serde_json::Value;

use super::super::choice::parse_timestamp;
use super::super::definition::{
    Batch, Bound, Concurrency, Mapping, Next, Pause, Source, State, StateIndex, Tolerance, Work,
};
use super::super::error::DefinitionProblem;
use super::{Language, Members, Names, Place, Reader};

const TYPES: [&str; 8] = ["Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map"];
/// A label of a distributed Map (MAPD-11).
const LABEL_CHARACTERS_MAX: usize = 40;
const LABEL_FORBIDDEN: &str = "?*<>{}[]\"#%\\^|~$&,;:/`";

/// Fields by type (states semantics, section 1), without those that every state has.
fn fields(kind: &str) -> Vec<&'static str> {
    let data = ["InputPath", "OutputPath", "Output"];
    let work = ["Parameters", "ResultPath", "Assign", "Next", "End"];
    let tried = ["ResultSelector", "Arguments", "Retry", "Catch"];
    let own: &[&'static str] = match kind {
        "Task" => &[
            "Resource",
            "TimeoutSeconds",
            "HeartbeatSeconds",
            "Credentials",
            "TimeoutSecondsPath",
            "HeartbeatSecondsPath",
        ],
        "Pass" => &["Result"],
        "Wait" => &["Seconds", "Timestamp", "SecondsPath", "TimestampPath", "Assign", "Next", "End"],
        "Choice" => &["Choices", "Default", "Assign"],
        "Fail" => &["Error", "Cause", "ErrorPath", "CausePath"],
        "Parallel" => &["Branches"],
        "Map" => &[
            "ItemProcessor",
            "Iterator",
            "ItemSelector",
            "MaxConcurrency",
            "MaxConcurrencyPath",
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "Label",
            "ToleratedFailureCount",
            "ToleratedFailurePercentage",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentagePath",
            "ItemsPath",
            "Items",
        ],
        _ => &[],
    };
    let shared: &[&[&'static str]] = match kind {
        "Task" | "Parallel" | "Map" => &[&data, &work, &tried],
        "Pass" => &[&data, &work],
        "Fail" => &[],
        _ => &[&data],
    };
    [&["Type", "Comment", "QueryLanguage"], own, &shared.concat()].concat()
}

impl Reader {
    pub(super) fn state(&mut self, place: &Place, (name, members): (&str, &Members), names: &Names) -> Option<State> {
        let before = self.problems.len();
        let language = self.language(place, members);
        let kind = self.kind(place, members)?;
        self.check_fields(place, members, &fields(kind));
        let mut flow = self.flow(place, members, language);
        if kind == "Map" {
            // Parameters of a Map are its ItemSelector under an older name.
            flow.parameters = None;
        }
        let next = match kind {
            "Choice" | "Succeed" | "Fail" => Some(Next::End),
            _ => self.next(place, members, names),
        };
        let work = self.work(place, (kind, members), names, language);
        let retry = self.retriers(place, members);
        let catch = self.catchers(place, members, names, language);
        debug_assert!(
            (next.is_some() && work.is_some()) || self.problems.len() > before,
            "a state that cannot be read has a problem"
        );
        Some(State { name: String::from(name), work: work?, flow, next: next?, retry, catch })
    }

    fn kind(&mut self, place: &Place, members: &Members) -> Option<&'static str> {
        let Some(value) = members.get("Type") else {
            self.problem(place, DefinitionProblem::Missing { field: "Type" });
            return None;
        };
        let found = value.as_str().unwrap_or_default();
        let kind = TYPES.into_iter().find(|kind| *kind == found);
        if kind.is_none() {
            let alike = |kind: &&str| strsim::damerau_levenshtein(&found.to_lowercase(), &kind.to_lowercase()) <= 2;
            let nearest = TYPES.into_iter().filter(|_| found.len() < super::EXCERPT_CHARACTERS).find(alike);
            let problem = DefinitionProblem::UnknownType { found: super::excerpt(value), nearest };
            self.problem(&place.below("Type"), problem);
        }
        kind
    }

    fn next(&mut self, place: &Place, members: &Members, names: &Names) -> Option<Next> {
        match (members.get("Next"), members.get("End")) {
            (Some(name), None | Some(Value::Bool(false))) => {
                self.target(&place.below("Next"), name, names).map(Next::State)
            }
            (None, Some(Value::Bool(true))) => Some(Next::End),
            (None, Some(other)) if !other.is_boolean() => {
                self.wrong(&place.below("End"), "End", "true", other);
                None
            }
            _ => {
                self.problem(place, DefinitionProblem::OneOf { fields: "Next and End" });
                None
            }
        }
    }

    fn work(
        &mut self,
        place: &Place,
        (kind, members): (&str, &Members),
        names: &Names,
        language: Language,
    ) -> Option<Work> {
        match kind {
            "Task" => self.task(place, members, language),
            "Wait" => self.wait(place, members, language).map(Work::Wait),
            "Pass" => Some(Work::Pass { result: members.get("Result").cloned() }),
            "Succeed" => Some(Work::Succeed),
            "Fail" => Some(Work::Fail {
                error: self.fail_text(place, members, "Error"),
                cause: self.fail_text(place, members, "Cause"),
            }),
            "Choice" => Some(Work::Choice(self.choice(place, members, names, language))),
            "Parallel" => self.parallel(place, members),
            _ => self.map(place, members, language),
        }
    }

    fn task(&mut self, place: &Place, members: &Members, language: Language) -> Option<Work> {
        if !members.contains_key("Resource") {
            self.problem(place, DefinitionProblem::Missing { field: "Resource" });
        }
        let literal = |field: &str| language == Language::Path || !members.get(field).is_some_and(Value::is_string);
        let timeout = if literal("TimeoutSeconds") { self.seconds(place, members, "TimeoutSeconds") } else { None };
        let heartbeat =
            if literal("HeartbeatSeconds") { self.seconds(place, members, "HeartbeatSeconds") } else { None };
        Some(Work::Task { resource: self.text(place, members, "Resource")?, timeout, heartbeat })
    }

    fn wait(&mut self, place: &Place, members: &Members, language: Language) -> Option<Pause> {
        let known = ["Seconds", "Timestamp", "SecondsPath", "TimestampPath"];
        let given = known.into_iter().filter(|field| members.contains_key(*field)).collect::<Vec<_>>();
        let [field] = given.as_slice() else {
            self.problem(
                place,
                DefinitionProblem::OneOf { fields: "Seconds, Timestamp, SecondsPath and TimestampPath" },
            );
            return None;
        };
        let text = members.get(*field).and_then(Value::as_str).unwrap_or_default();
        if language == Language::Jsonata && text.starts_with("{%") {
            self.unsupported(&place.below(field), "a JSONata expression", "the state does not wait");
            return Some(Pause::Seconds(0));
        }
        match *field {
            "Seconds" => self.whole(place, members, "Seconds").map(Pause::Seconds),
            "SecondsPath" => self.path(place, members, "SecondsPath").map(Pause::SecondsPath),
            "TimestampPath" => self.path(place, members, "TimestampPath").map(Pause::UntilPath),
            _ => {
                let instant = parse_timestamp(&self.text(place, members, "Timestamp")?);
                if instant.is_none() {
                    let expected = "a timestamp such as 2030-01-31T12:00:00Z";
                    self.wrong(&place.below("Timestamp"), "Timestamp", expected, &Value::from(text));
                }
                instant.map(Pause::Until)
            }
        }
    }

    fn parallel(&mut self, place: &Place, members: &Members) -> Option<Work> {
        let list = self.list(place, members, "Branches");
        if list.is_empty() {
            self.problem(place, DefinitionProblem::Missing { field: "Branches" });
        }
        let branches = list.into_iter().map(|(here, branch)| {
            self.check_fields(&here, branch, &["Comment", "StartAt", "States", "QueryLanguage"]);
            self.machine(&here, branch)
        });
        let branches = branches.collect::<Vec<_>>().into_iter().collect::<Option<Vec<StateIndex>>>()?;
        (!branches.is_empty()).then_some(Work::Parallel { branches })
    }

    fn map(&mut self, place: &Place, members: &Members, language: Language) -> Option<Work> {
        let (field, processor) = match (members.get("ItemProcessor"), members.get("Iterator")) {
            (Some(processor), None) => ("ItemProcessor", processor),
            (None, Some(iterator)) => ("Iterator", iterator),
            _ => {
                self.problem(place, DefinitionProblem::OneOf { fields: "ItemProcessor and Iterator" });
                return None;
            }
        };
        let here = place.below(field);
        let Value::Object(processor) = processor else {
            self.wrong(&here, field, "an object", processor);
            return None;
        };
        self.check_fields(&here, processor, &["Comment", "StartAt", "States", "ProcessorConfig", "QueryLanguage"]);
        self.check_label(place, members);
        let source = self.source(place, members, language);
        if members.contains_key("Parameters") && members.contains_key("ItemSelector") {
            self.problem(place, DefinitionProblem::OneOf { fields: "Parameters and ItemSelector" });
        }
        let selector = if members.contains_key("ItemSelector") { "ItemSelector" } else { "Parameters" };
        let selector = if language == Language::Path { self.payload(place, members, selector) } else { None };
        let items = if language == Language::Path { self.path(place, members, "ItemsPath") } else { None };
        let concurrency = self.concurrency(place, members);
        let batch = self.batch(place, members);
        let mode = processor.get("ProcessorConfig").and_then(|config| config.get("Mode")).and_then(Value::as_str);
        let tolerance = match mode {
            Some("DISTRIBUTED") => Tolerance {
                count: self.bound(place, members, ("ToleratedFailureCount", "ToleratedFailureCountPath")),
                percentage: self.bound(
                    place,
                    members,
                    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
                ),
            },
            _ => {
                self.pass_over_tolerance(place, members);
                Tolerance::default()
            }
        };
        let start = self.machine(&here, processor)?;
        Some(Work::Map(Box::new(Mapping { items, selector, start, concurrency, batch, source, tolerance })))
    }

    /// A bound on failures (MAPD-10).
    fn bound(&mut self, place: &Place, members: &Members, (field, found): (&str, &'static str)) -> Option<Bound> {
        if members.contains_key(found) {
            return self.path(place, members, found).map(Bound::Found);
        }
        match members.get(field)? {
            Value::String(_) => {
                self.unsupported(&place.below(field), "a JSONata expression", "the first failure fails the state");
                None
            }
            value => value.as_f64().map(Bound::Given),
        }
    }

    /// A Map inside of the execution has the fields and does not go by them (MAP-13).
    fn pass_over_tolerance(&mut self, place: &Place, members: &Members) {
        if let Some(field) = members.keys().find(|field| field.starts_with("Tolerated")) {
            self.unsupported(&place.below(field), "tolerance of failures", "the first failure fails the state");
        }
    }

    /// Where items come from; reports what of a distributed Map is passed over.
    fn source(&mut self, place: &Place, members: &Members, language: Language) -> Source {
        if members.contains_key("ResultWriter") {
            self.unsupported(
                &place.below("ResultWriter"),
                "a writer of results",
                "the state's result is the list itself",
            );
        }
        let reader = members.contains_key("ItemReader");
        if reader {
            let instead = "the state's input is the list, or its only item";
            self.unsupported(&place.below("ItemReader"), "a reader of items", instead);
        }
        if reader || language == Language::Jsonata { Source::Elsewhere } else { Source::Data }
    }

    fn check_label(&mut self, place: &Place, members: &Members) {
        let Some(value) = members.get("Label") else { return };
        let forbidden = |character: char| {
            character.is_whitespace() || character.is_control() || LABEL_FORBIDDEN.contains(character)
        };
        let label = value.as_str().unwrap_or_default();
        let count = label.chars().count();
        if count == 0 || count > LABEL_CHARACTERS_MAX || label.contains(forbidden) {
            self.wrong(&place.below("Label"), "Label", "1 to 40 characters without spaces and signs", value);
        }
    }

    fn concurrency(&mut self, place: &Place, members: &Members) -> Concurrency {
        if members.contains_key("MaxConcurrencyPath") {
            return self.path(place, members, "MaxConcurrencyPath").map_or(Concurrency::Unlimited, Concurrency::Found);
        }
        match members.get("MaxConcurrency") {
            Some(Value::String(text)) if text.starts_with("{%") => {
                self.unsupported(&place.below("MaxConcurrency"), "a JSONata expression", "there is no limit");
                Concurrency::Unlimited
            }
            Some(_) => self.whole(place, members, "MaxConcurrency").map_or(Concurrency::Unlimited, Concurrency::Given),
            None => Concurrency::Unlimited,
        }
    }

    fn batch(&mut self, place: &Place, members: &Members) -> Option<Batch> {
        let Value::Object(batcher) = members.get("ItemBatcher")? else { return None };
        let here = place.below("ItemBatcher");
        if batcher.keys().any(|field| field.ends_with("Path") || field.starts_with("MaxInputBytes")) {
            self.unsupported(
                &here,
                "a batch size in bytes or in the data",
                "batches hold MaxItemsPerBatch items, or 1",
            );
        }
        let size = self.whole(&here, batcher, "MaxItemsPerBatch").unwrap_or(1);
        Some(Batch { size, input: self.payload(&here, batcher, "BatchInput") })
    }
}
