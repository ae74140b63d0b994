//! What is wrong with a scene, where, and what a person can do about it.
//!
//! Invariant: every problem names its place in the scene, the offending text, one reason and one remedy;
//! a problem found in a file also carries file, line and column.

use std::fmt;
use std::ops::Range;

/// Longest offending text that a problem repeats, in characters; more is cut.
const FOUND_CHARS_MAX: usize = 80;

/// One step on the way from the scene to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A field of a struct.
    Field(&'static str),
    /// An entry of a map, by its key.
    Key(String),
    /// An element of a list or tuple, counted from zero.
    Item(usize),
}

/// The way from the scene to a part of it; empty: the scene itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub Vec<Step>);

impl Place {
    /// The scene itself.
    pub fn scene() -> Place {
        Place::default()
    }

    /// A field of what stands here.
    pub fn field(&self, name: &'static str) -> Place {
        self.then(Step::Field(name))
    }

    /// The entry with this key of the map that stands here.
    pub fn key(&self, key: impl fmt::Display) -> Place {
        self.then(Step::Key(key.to_string()))
    }

    /// The element with this number of the list or tuple that stands here.
    pub fn item(&self, index: usize) -> Place {
        self.then(Step::Item(index))
    }

    /// The collection and the id of the node, link or region that this place lies in.
    pub fn owner(&self) -> Option<(&'static str, &str)> {
        match self.0.as_slice() {
            [Step::Field(collection), Step::Key(id), ..] => Some((collection, id)),
            _ => None,
        }
    }

    fn then(&self, step: Step) -> Place {
        let mut steps = self.0.clone();
        steps.push(step);
        Place(steps)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match step {
                Step::Field(name) => write!(f, "{dot}{name}")?,
                Step::Key(key) => write!(f, "{dot}{key}")?,
                Step::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The scene cannot run.
    Error,
    /// The scene runs, but hardly as its author means.
    Warning,
}

/// What sort of problem it is; other programs read the names, so they stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The file or one of its parts is larger than a scene may be.
    TooLarge,
    /// The text is not RON.
    Syntax,
    /// The file's version is newer than this program, or never existed.
    Version,
    /// The file does not say its version.
    NoVersion,
    /// A field that the format does not have.
    UnknownField,
    /// A variant (a kind, a distribution, ...) that the format does not have.
    UnknownVariant,
    /// A field that must be there is not.
    MissingField,
    /// The same id or field twice.
    Duplicate,
    /// A value of the wrong type or in the wrong unit.
    BadValue,
    /// A text that is no id.
    BadId,
    /// Something refers to a node, link or region that does not exist.
    Dangling,
    /// A link names a rule or route that its source does not have.
    UnknownRule,
    /// A rule or route that feeds no link.
    RuleWithoutTarget,
    /// A number outside its range.
    OutOfRange,
    /// A number that is infinite or not a number.
    NotFinite,
    /// A span that ends before it begins, or bounds the wrong way round.
    EmptySpan,
    /// A text that is not the JSON it should be.
    BadJson,
    /// Something that has no effect where it stands.
    NoEffect,
}

impl Code {
    /// The name in reports and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Code::TooLarge => "too-large",
            Code::Syntax => "syntax",
            Code::Version => "version",
            Code::NoVersion => "no-version",
            Code::UnknownField => "unknown-field",
            Code::UnknownVariant => "unknown-variant",
            Code::MissingField => "missing-field",
            Code::Duplicate => "duplicate",
            Code::BadValue => "bad-value",
            Code::BadId => "bad-id",
            Code::Dangling => "dangling",
            Code::UnknownRule => "unknown-rule",
            Code::RuleWithoutTarget => "rule-without-target",
            Code::OutOfRange => "out-of-range",
            Code::NotFinite => "not-finite",
            Code::EmptySpan => "empty-span",
            Code::BadJson => "bad-json",
            Code::NoEffect => "no-effect",
        }
    }
}

/// Where in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file's name as it was given.
    pub file: String,
    /// Line, counted from one.
    pub line: usize,
    /// Column in characters, counted from one.
    pub column: usize,
    /// The offending bytes of the file.
    pub bytes: Range<usize>,
}

/// One thing that is wrong with a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneProblem {
    /// How much it matters.
    pub severity: Severity,
    /// What sort it is.
    pub code: Code,
    /// Which part of the scene.
    pub place: Place,
    /// The offending text.
    pub found: String,
    /// What is wrong, as one sentence.
    pub sentence: String,
    /// What to do, as one sentence.
    pub help: String,
    /// Where in the file; `None` for a scene that comes from no file.
    pub position: Option<Position>,
}

impl SceneProblem {
    /// An error without a position.
    pub fn error(code: Code, place: Place, found: impl fmt::Display) -> SceneProblem {
        SceneProblem {
            severity: Severity::Error,
            code,
            place,
            found: shorten(&found.to_string()),
            sentence: String::new(),
            help: String::new(),
            position: None,
        }
    }

    /// A warning without a position.
    pub fn warning(code: Code, place: Place, found: impl fmt::Display) -> SceneProblem {
        SceneProblem { severity: Severity::Warning, ..SceneProblem::error(code, place, found) }
    }

    /// The same problem with its reason.
    pub fn because(self, sentence: impl Into<String>) -> SceneProblem {
        SceneProblem { sentence: sentence.into(), ..self }
    }

    /// The same problem with its remedy.
    pub fn help(self, help: impl Into<String>) -> SceneProblem {
        SceneProblem { help: help.into(), ..self }
    }
}

impl fmt::Display for SceneProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.position {
            Some(Position { file, line, column, .. }) => write!(f, "{file}:{line}:{column}: ")?,
            None if self.place.0.is_empty() => {}
            None => write!(f, "{}: ", self.place)?,
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        write!(f, "{}; {}", self.sentence, self.help)
    }
}

/// All problems of a file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SceneProblems(pub Vec<SceneProblem>);

/// The text, cut where it is long.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(FOUND_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The candidate that a person most likely meant, if any is near.
pub(crate) fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = shorten(found).to_lowercase();
    let likeness = |candidate: &str| strsim::jaro_winkler(&found, &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_prints_as_place_reason_and_remedy() {
        let place = Place::scene().field("nodes").key("orders").field("kind").item(2);
        let problem = SceneProblem::error(Code::OutOfRange, place.clone(), "-1").because("too low").help("use 0");
        assert_eq!(problem.to_string(), "nodes.orders.kind[2]: too low; use 0");
        assert_eq!(place.owner(), Some(("nodes", "orders")));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shorten(&"ä".repeat(100)), format!("{}…", "ä".repeat(80)));
        assert_eq!(shorten("short"), "short");
    }

    #[test]
    fn a_slip_of_the_pen_finds_the_name_that_was_meant() {
        let fields = ["visibility_timeout", "delay", "retention"];
        assert_eq!(nearest("visibilty_timeout", fields), Some("visibility_timeout"));
        assert_eq!(nearest("Delay", fields), Some("delay"));
        assert_eq!(nearest("zzz", fields), None);
    }
}
