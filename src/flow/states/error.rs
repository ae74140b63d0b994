//! What can be wrong with a definition of a state machine, and what a person can do about it.
//!
//! Invariant: every problem has a place (a JSON pointer), a class and a remedy.

/// A problem of a definition.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{problem}{}", place(.pointer))]
pub struct DefinitionError {
    /// JSON pointer of the offending value; empty where it is the whole text.
    pub pointer: String,
    /// What is wrong there.
    pub problem: DefinitionProblem,
}

fn place(pointer: &str) -> String {
    match pointer.is_empty() {
        true => String::new(),
        false => format!(" (at `{pointer}`)"),
    }
}

/// How serious a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The definition cannot run.
    Invalid,
    /// It runs, but this part of it is passed over.
    Unsupported,
}

impl DefinitionError {
    /// How serious it is.
    pub fn class(&self) -> Class {
        match self.problem {
            DefinitionProblem::Unsupported { .. } | DefinitionProblem::UnknownField { .. } => Class::Unsupported,
            _ => Class::Invalid,
        }
    }

    /// What the person can do, as one sentence.
    pub fn help(&self) -> String {
        self.problem.help()
    }
}

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DefinitionProblem {
    /// The text cannot be read as JSON.
    #[error("the definition is not JSON: {reason}")]
    NotJson {
        /// What the reader of JSON said, with line and column.
        reason: String,
    },
    /// The text is longer than any definition may be.
    #[error("the definition has {found} bytes, more than {limit}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The most that is read.
        limit: usize,
    },
    /// A field that has to be there is not.
    #[error("the field `{field}` is required")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field has a value of the wrong type or range.
    #[error("`{field}` must be {expected}, not `{found}`")]
    Value {
        /// The field.
        field: String,
        /// What it must be.
        expected: &'static str,
        /// The offending text.
        found: String,
    },
    /// Two fields that exclude each other, or none of several.
    #[error("exactly one of {fields} is needed")]
    OneOf {
        /// The fields.
        fields: &'static str,
    },
    /// No type of state has this name.
    #[error("there is no type of state `{found}`")]
    UnknownType {
        /// The offending name.
        found: String,
        /// The type whose name is most alike.
        nearest: Option<&'static str>,
    },
    /// A transition leads nowhere.
    #[error("the state `{found}` does not exist in the same `States`")]
    MissingTarget {
        /// The offending name.
        found: String,
        /// The state whose name is most alike.
        nearest: Option<String>,
    },
    /// A name is used twice.
    #[error("there are two states `{name}`")]
    DuplicateState {
        /// The name.
        name: String,
    },
    /// No way leads to a state.
    #[error("the state `{name}` is not reachable")]
    Unreachable {
        /// The name.
        name: String,
    },
    /// The machine has no end.
    #[error("the workflow has no terminal state")]
    NoEnd,
    /// A path cannot be read.
    #[error("`{found}` is no path: {reason}")]
    Path {
        /// The offending text.
        found: String,
        /// Why.
        reason: &'static str,
    },
    /// A call of an intrinsic function cannot be read.
    #[error("`{found}` is no call of an intrinsic function: {reason}")]
    Call {
        /// The offending text.
        found: String,
        /// Why.
        reason: &'static str,
    },
    /// A state that speaks JSONPath in a machine that speaks JSONata.
    #[error("a state of a JSONata machine cannot go back to JSONPath")]
    Downgrade,
    /// A field that a state of this type does not have.
    #[error("the field `{field}` is not known here, and is ignored")]
    UnknownField {
        /// The field.
        field: String,
    },
    /// A construct that is not simulated.
    #[error("{what} is not simulated: {instead}")]
    Unsupported {
        /// The construct.
        what: String,
        /// What happens instead.
        instead: &'static str,
    },
}

impl DefinitionProblem {
    fn help(&self) -> String {
        let help = match self {
            DefinitionProblem::NotJson { .. } => "write the definition as one JSON object",
            DefinitionProblem::TooLong { .. } => "split the machine: start one execution from another",
            DefinitionProblem::Missing { field } => return format!("add `{field}`"),
            DefinitionProblem::Value { field, expected, .. } => return format!("give `{field}` {expected}"),
            DefinitionProblem::OneOf { fields } => return format!("keep exactly one of {fields}"),
            DefinitionProblem::UnknownType { nearest: Some(nearest), .. } => {
                return format!("did you mean `{nearest}`?");
            }
            DefinitionProblem::UnknownType { nearest: None, .. } => {
                "use Task, Wait, Pass, Succeed, Fail, Choice, Parallel or Map"
            }
            DefinitionProblem::MissingTarget { nearest: Some(nearest), .. } => {
                return format!("did you mean `{nearest}`?");
            }
            DefinitionProblem::MissingTarget { nearest: None, .. } => "name a state of the same `States`, or add it",
            DefinitionProblem::DuplicateState { .. } => "rename one: names are unique over the whole machine",
            DefinitionProblem::Unreachable { .. } => "lead a transition to it, or remove it",
            DefinitionProblem::NoEnd => "write \"End\": true in a last state, or add a Succeed or Fail state",
            DefinitionProblem::Path { .. } => "write a path such as $.order.items[0]",
            DefinitionProblem::Call { .. } => "write a call such as States.Format('Hello {}', $.name)",
            DefinitionProblem::Downgrade => "let the machine speak JSONPath, and single states JSONata",
            DefinitionProblem::UnknownField { .. } => "check the spelling, or remove it",
            DefinitionProblem::Unsupported { .. } => "nothing to do: the simulation goes on without it",
        };
        String::from(help)
    }
}
