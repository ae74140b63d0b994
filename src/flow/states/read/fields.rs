//! Reads single fields of a definition.
//!
//! Invariant: a field that cannot be read is reported, and then taken as absent.

use serde_json::Value;

use super::super::definition::{Catcher, Flow, Jitter, Part, Place as ResultPlace, Retrier, Seconds, StateIndex, Text};
use super::super::error::DefinitionProblem;
use super::super::path::Path;
use super::super::payload::{Payload, Query, Unreadable};
use super::{Language, Members, Names, Place, Reader, excerpt};

/// The most seconds or attempts that the service takes.
const WHOLE_MAX: u64 = 99_999_999;

impl Reader {
    /// A whole number of the range that the service takes.
    pub(super) fn whole(&mut self, place: &Place, members: &Members, field: &str) -> Option<u64> {
        let value = members.get(field)?;
        let whole = value.as_u64().filter(|whole| *whole <= WHOLE_MAX);
        if whole.is_none() {
            self.wrong(&place.below(field), field, "a whole number from 0 to 99999999", value);
        }
        whole
    }

    pub(super) fn text(&mut self, place: &Place, members: &Members, field: &str) -> Option<String> {
        let value = members.get(field)?;
        if !value.is_string() {
            self.wrong(&place.below(field), field, "a text", value);
        }
        value.as_str().map(String::from)
    }

    pub(super) fn path(&mut self, place: &Place, members: &Members, field: &str) -> Option<Path> {
        let text = self.text(place, members, field)?;
        let path = Path::parse(&text);
        if let Err(reason) = path {
            self.problem(&place.below(field), DefinitionProblem::Path { found: text, reason });
        }
        path.ok()
    }

    /// A field that stands for itself or, with `Path` after its name, for a value in the data.
    pub(super) fn seconds(&mut self, place: &Place, members: &Members, field: &'static str) -> Option<Seconds> {
        let variant = format!("{field}Path");
        match (members.contains_key(field), members.contains_key(&variant)) {
            (true, true) => {
                self.problem(place, DefinitionProblem::OneOf { fields: both(field) });
                None
            }
            (true, false) => self.whole(place, members, field).map(Seconds::Given),
            (false, true) => self.path(place, members, &variant).map(Seconds::Found),
            (false, false) => None,
        }
    }

    /// The error or cause of a Fail.
    pub(super) fn fail_text(&mut self, place: &Place, members: &Members, field: &'static str) -> Option<Text> {
        let variant = format!("{field}Path");
        match (members.contains_key(field), members.contains_key(&variant)) {
            (true, true) => {
                self.problem(place, DefinitionProblem::OneOf { fields: both(field) });
                None
            }
            (true, false) => self.text(place, members, field).map(Text::Given),
            (false, true) => {
                let text = self.text(place, members, &variant)?;
                match Query::parse(&text) {
                    Ok(query) => Some(Text::Found(query)),
                    Err(problem) => {
                        self.unreadable(&place.below(&variant), problem);
                        None
                    }
                }
            }
            (false, false) => None,
        }
    }

    pub(super) fn unreadable(&mut self, place: &Place, problem: Unreadable) {
        let problem = match problem {
            Unreadable::Path(found, reason) => DefinitionProblem::Path { found, reason },
            Unreadable::Call(found, reason) => DefinitionProblem::Call { found, reason },
            Unreadable::NoText(field) => DefinitionProblem::Value {
                field,
                expected: "a path or a call of a function, as text",
                found: String::from("no text"),
            },
        };
        self.problem(place, problem);
    }

    /// A payload template.
    pub(super) fn payload(&mut self, place: &Place, members: &Members, field: &str) -> Option<Payload> {
        match Payload::parse(members.get(field)?) {
            Ok(payload) => Some(payload),
            Err(problem) => {
                self.unreadable(&place.below(field), problem);
                None
            }
        }
    }

    /// The fields of input and output processing.
    pub(super) fn flow(&mut self, place: &Place, members: &Members, language: Language) -> Flow {
        if language == Language::Jsonata {
            self.pass_over_expressions(place, members);
            return Flow {
                input: Part::Whole,
                parameters: None,
                selector: None,
                result: ResultPlace::Whole,
                output: Part::Whole,
                assign: None,
            };
        }
        Flow {
            input: self.part(place, members, "InputPath"),
            parameters: self.payload(place, members, "Parameters"),
            selector: self.payload(place, members, "ResultSelector"),
            result: self.result(place, members),
            output: self.part(place, members, "OutputPath"),
            assign: self.payload(place, members, "Assign"),
        }
    }

    fn pass_over_expressions(&mut self, place: &Place, members: &Members) {
        for field in ["Arguments", "Output", "Assign", "Items", "ItemSelector"] {
            if members.contains_key(field) {
                let what = format!("the JSONata field `{field}`");
                self.unsupported(&place.below(field), &what, "the state passes its data on unchanged");
            }
        }
    }

    fn part(&mut self, place: &Place, members: &Members, field: &str) -> Part {
        match members.get(field) {
            None => Part::Whole,
            Some(Value::Null) => Part::Nothing,
            Some(_) => self.path(place, members, field).map_or(Part::Whole, Part::Path),
        }
    }

    fn result(&mut self, place: &Place, members: &Members) -> ResultPlace {
        match members.get("ResultPath") {
            None => ResultPlace::Whole,
            Some(Value::Null) => ResultPlace::Nowhere,
            Some(found) => match self.path(place, members, "ResultPath") {
                Some(path) if path.is_reference() => ResultPlace::Path(path),
                Some(_) => {
                    let reason = "a result goes to names and indexes only";
                    self.problem(&place.below("ResultPath"), DefinitionProblem::Path { found: excerpt(found), reason });
                    ResultPlace::Whole
                }
                None => ResultPlace::Whole,
            },
        }
    }

    pub(super) fn retriers(&mut self, place: &Place, members: &Members) -> Vec<Retrier> {
        let known = [
            "Comment",
            "ErrorEquals",
            "IntervalSeconds",
            "MaxAttempts",
            "BackoffRate",
            "MaxDelaySeconds",
            "JitterStrategy",
        ];
        let mut retriers = Vec::new();
        for (here, retrier) in self.list(place, members, "Retry") {
            self.check_fields(&here, retrier, &known);
            let Some(errors) = self.errors(&here, retrier) else { continue };
            let interval_seconds = self.whole(&here, retrier, "IntervalSeconds").unwrap_or(1);
            let attempts_max = self.whole(&here, retrier, "MaxAttempts").unwrap_or(3);
            let backoff_rate = self.backoff(&here, retrier);
            let delay_seconds_max = self.whole(&here, retrier, "MaxDelaySeconds");
            let jitter = match retrier.get("JitterStrategy").map(|value| (value.as_str(), value)) {
                None | Some((Some("NONE"), _)) => Jitter::None,
                Some((Some("FULL"), _)) => Jitter::Full,
                Some((_, found)) => {
                    self.wrong(&here.below("JitterStrategy"), "JitterStrategy", "NONE or FULL", found);
                    Jitter::None
                }
            };
            retriers.push(Retrier { errors, interval_seconds, attempts_max, backoff_rate, delay_seconds_max, jitter });
        }
        self.check_all_is_last(place, "Retry", retriers.iter().map(|retrier| retrier.errors.as_slice()).collect());
        retriers
    }

    fn backoff(&mut self, place: &Place, retrier: &Members) -> f64 {
        let Some(value) = retrier.get("BackoffRate") else { return 2.0 };
        let rate = value.as_f64().filter(|rate| *rate >= 1.0);
        if rate.is_none() {
            self.wrong(&place.below("BackoffRate"), "BackoffRate", "a number of at least 1.0", value);
        }
        rate.unwrap_or(2.0)
    }

    pub(super) fn catchers(
        &mut self,
        place: &Place,
        members: &Members,
        names: &Names,
        language: Language,
    ) -> Vec<Catcher> {
        let known = ["Comment", "ErrorEquals", "Next", "ResultPath", "Assign", "Output"];
        let mut catchers = Vec::new();
        for (here, catcher) in self.list(place, members, "Catch") {
            self.check_fields(&here, catcher, &known);
            let errors = self.errors(&here, catcher);
            let next = self.required_target(&here, catcher, names);
            let flow = self.flow(&here, catcher, language);
            if let (Some(errors), Some(next)) = (errors, next) {
                catchers.push(Catcher { errors, next, result: flow.result, assign: flow.assign });
            }
        }
        self.check_all_is_last(place, "Catch", catchers.iter().map(|catcher| catcher.errors.as_slice()).collect());
        catchers
    }

    /// `States.ALL` stands alone, and in the last place (VAL-22).
    fn check_all_is_last(&mut self, place: &Place, field: &str, lists: Vec<&[String]>) {
        let all = |errors: &&[String]| errors.iter().any(|error| error == "States.ALL");
        let early = lists.iter().rev().skip(1).any(all);
        let mixed = lists.iter().any(|errors| errors.len() > 1 && all(errors));
        if early || mixed {
            let expected = "with States.ALL alone in its list, and in the last one";
            let found = Value::from(lists.concat());
            self.wrong(&place.below(field), field, expected, &found);
        }
    }

    fn errors(&mut self, place: &Place, members: &Members) -> Option<Vec<String>> {
        let Some(value) = members.get("ErrorEquals") else {
            self.problem(place, DefinitionProblem::Missing { field: "ErrorEquals" });
            return None;
        };
        let names = value.as_array().filter(|names| !names.is_empty());
        let names = names.and_then(|names| names.iter().map(|name| name.as_str().map(String::from)).collect());
        if names.is_none() {
            self.wrong(&place.below("ErrorEquals"), "ErrorEquals", "a list of names with at least one", value);
        }
        names
    }

    pub(super) fn required_target(&mut self, place: &Place, members: &Members, names: &Names) -> Option<StateIndex> {
        let Some(name) = members.get("Next") else {
            self.problem(place, DefinitionProblem::Missing { field: "Next" });
            return None;
        };
        self.target(&place.below("Next"), name, names)
    }

    /// The objects of a list, with their places.
    pub(super) fn list<'a>(&mut self, place: &Place, members: &'a Members, field: &str) -> Vec<(Place, &'a Members)> {
        let here = place.below(field);
        let items = match members.get(field) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.wrong(&here, field, "a list of objects", other);
                return Vec::new();
            }
        };
        let mut objects = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::Object(object) => objects.push((here.item(index), object)),
                other => self.wrong(&here.item(index), field, "a list of objects", other),
            }
        }
        objects
    }
}

fn both(field: &str) -> &'static str {
    match field {
        "TimeoutSeconds" => "TimeoutSeconds and TimeoutSecondsPath",
        "HeartbeatSeconds" => "HeartbeatSeconds and HeartbeatSecondsPath",
        "Error" => "Error and ErrorPath",
        _ => "Cause and CausePath",
    }
}
