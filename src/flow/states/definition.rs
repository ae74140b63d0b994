//! A definition as the interpreter sees it.
//!
//! Invariant: states of all depths stand in one table; every `StateIndex` in it points into it.

use serde_json::Value;

use super::choice::Choice;
use super::error::DefinitionError;
use super::path::Path;
use super::payload::{Payload, Query};
use super::read;

/// A state's row in its definition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct StateIndex(pub u32);

/// A state machine's definition, read and checked.
///
/// ```
/// use eventscape::flow::states::{Definition, Event, Identity, Step, resume, start};
/// use serde_json::json;
/// let definition = Definition::parse(
///     r#"{"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"payment","End":true}}}"#,
/// ).map_err(|problems| problems[0].to_string())?;
/// let (mut execution, steps) = start(&definition, json!({"total": 5}), Identity::default());
/// let Some(Step::Task { token, resource, .. }) = steps.last() else { return Err("no task".into()) };
/// assert_eq!(resource, "payment");
/// let steps = resume(&definition, &mut execution, Event::TaskDone { token: *token, output: json!(true).into() });
/// assert_eq!(steps.last(), Some(&Step::Done { output: json!(true).into() }));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug)]
pub struct Definition {
    pub(super) states: Vec<State>,
    pub(super) start: StateIndex,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) unsupported: Vec<DefinitionError>,
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// All problems that keep it from running, each with its place.
    pub fn parse(text: &str) -> Result<Definition, Vec<DefinitionError>> {
        read::read(text)
    }

    /// What is passed over when it runs.
    pub fn unsupported(&self) -> &[DefinitionError] {
        &self.unsupported
    }

    /// The name of a state; empty for an index of another definition.
    pub fn state_name(&self, state: StateIndex) -> &str {
        self.state(state).map_or("", |state| state.name.as_str())
    }

    /// The names of all states, nested ones included.
    pub fn state_names(&self) -> impl Iterator<Item = &str> {
        self.states.iter().map(|state| state.name.as_str())
    }

    /// The resources of all tasks, in the order of the text.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.states.iter().filter_map(|state| match &state.work {
            Work::Task { resource, .. } => Some(resource.as_str()),
            _ => None,
        })
    }

    /// Seconds after which the whole execution is given up.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    pub(super) fn state(&self, state: StateIndex) -> Option<&State> {
        self.states.get(usize::try_from(state.0).ok()?)
    }
}

/// One state.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) work: Work,
    pub(super) flow: Flow,
    pub(super) next: Next,
    pub(super) retry: Vec<Retrier>,
    pub(super) catch: Vec<Catcher>,
}

/// What a state does.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Pass { result: Option<Value> },
    Task { resource: String, timeout: Option<Seconds>, heartbeat: Option<Seconds> },
    Choice(Choice),
    Wait(Pause),
    Succeed,
    Fail { error: Option<Text>, cause: Option<Text> },
    Parallel { branches: Vec<StateIndex> },
    Map(Box<Mapping>),
}

/// How long a Wait waits.
#[derive(Clone, Debug)]
pub(super) enum Pause {
    Seconds(u64),
    SecondsPath(Path),
    Until(jiff::Timestamp),
    UntilPath(Path),
}

/// A number of seconds, given or found in the data.
#[derive(Clone, Debug)]
pub(super) enum Seconds {
    Given(u64),
    Found(Path),
}

/// The error or cause of a Fail, given or found in the data.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Given(String),
    Found(Query),
}

/// A Map.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub(super) items: Option<Path>,
    pub(super) selector: Option<Payload>,
    pub(super) start: StateIndex,
    pub(super) concurrency: Concurrency,
    pub(super) batch: Option<Batch>,
    /// What a list is needed for: without it, anything else is one single item.
    pub(super) source: Source,
    pub(super) tolerance: Tolerance,
}

/// Failed iterations of a distributed Map with which it still succeeds; without either, the first failure fails it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tolerance {
    pub(super) count: Option<Bound>,
    pub(super) percentage: Option<Bound>,
}

/// A number that is written, or found in the data.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    Given(f64),
    Found(Path),
}

/// Iterations at one time.
#[derive(Clone, Debug)]
pub(super) enum Concurrency {
    Unlimited,
    Given(u64),
    Found(Path),
}

/// How a distributed Map groups its items.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) size: u64,
    pub(super) input: Option<Payload>,
}

/// Where a Map's items come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The data, as the rules say.
    Data,
    /// Something that is not simulated; what is no list stands for one item.
    Elsewhere,
}

/// Input and output processing (states semantics, FLOW).
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) input: Part,
    pub(super) parameters: Option<Payload>,
    pub(super) selector: Option<Payload>,
    pub(super) result: Place,
    pub(super) output: Part,
    pub(super) assign: Option<Payload>,
}

/// `InputPath` and `OutputPath`.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Whole,
    Nothing,
    Path(Path),
}

/// `ResultPath`.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// The result replaces the input.
    Whole,
    /// The result is dropped.
    Nowhere,
    Path(Path),
}

/// Where a state leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    End,
    State(StateIndex),
}

/// When and how a failed state is tried again.
#[derive(Clone, Debug)]
pub(super) struct Retrier {
    pub(super) errors: Vec<String>,
    pub(super) interval_seconds: u64,
    pub(super) attempts_max: u64,
    pub(super) backoff_rate: f64,
    pub(super) delay_seconds_max: Option<u64>,
    pub(super) jitter: Jitter,
}

/// How a retry's delay is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jitter {
    None,
    Full,
}

/// Where a failed state leads.
#[derive(Clone, Debug)]
pub(super) struct Catcher {
    pub(super) errors: Vec<String>,
    pub(super) next: StateIndex,
    pub(super) result: Place,
    pub(super) assign: Option<Payload>,
}
