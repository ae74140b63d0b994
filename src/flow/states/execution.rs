//! What an execution remembers between two outside events, and what it says to its host.
//!
//! Invariant: an execution is plain data: stored and read again, it goes on in the same way.

use std::collections::BTreeMap;
use std::time::Duration;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::StateIndex;
use super::document::Document;

/// What the host does next for an execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A state is entered, or tried again; the real service counts and bills both.
    Transition {
        /// The state.
        state: StateIndex,
        /// Whether it is the first attempt.
        attempt: Attempt,
    },
    /// Do this work and answer with [`Event::TaskDone`], [`Event::TaskFailed`] or [`Event::Timeout`].
    Task {
        /// Names the work in the answer.
        token: Token,
        /// The state.
        state: StateIndex,
        /// Who does it, as the definition names it.
        resource: String,
        /// What it is done with.
        input: Document,
        /// Without an answer by then, send [`Event::Timeout`].
        timeout: Option<Duration>,
        /// Without a sign of life for this long, send [`Event::Timeout`].
        heartbeat: Option<Duration>,
    },
    /// Answer with [`Event::WaitOver`] when this is over.
    Wait {
        /// Names the wait in the answer.
        token: Token,
        /// How long.
        delay: Delay,
    },
    /// The answer to this token is no longer awaited.
    Cancel {
        /// The token of a task or wait.
        token: Token,
    },
    /// The execution ended well. No step follows.
    Done {
        /// Its output.
        output: Document,
    },
    /// The execution failed. No step follows.
    Failed {
        /// The error's name; a Fail state may have none.
        error: Option<String>,
        /// More about it.
        cause: Option<String>,
    },
}

/// Whether a state is entered or tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It is entered.
    First,
    /// It failed, and a retrier lets it try again.
    Again,
}

/// How long a wait lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// This long from now.
    For(Duration),
    /// Until this instant; one in the past does not wait.
    Until(jiff::Timestamp),
    /// Any length up to this, each as likely as any other: a retry with full jitter.
    UpTo(Duration),
}

/// What happened outside. An event with a token that is not awaited is passed over.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A task was done.
    TaskDone {
        /// The task's token.
        token: Token,
        /// Its result.
        output: Document,
    },
    /// A task failed.
    TaskFailed {
        /// The task's token.
        token: Token,
        /// The error's name, such as `States.TaskFailed`.
        error: Option<String>,
        /// More about it.
        cause: Option<String>,
    },
    /// A task gave no answer, or no sign of life, in time.
    Timeout {
        /// The task's token.
        token: Token,
    },
    /// A wait is over.
    WaitOver {
        /// The wait's token.
        token: Token,
    },
}

/// Names a task or a wait of one execution.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Token(pub u64);

/// What an execution is told of itself; the context object `$$` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name of the execution.
    pub name: String,
    /// The name of the machine.
    pub machine: String,
    /// When it started.
    pub start_time: jiff::Timestamp,
    /// Random functions draw from this alone.
    pub seed: u64,
    /// What a missing path means.
    pub missing: Missing,
}

/// What a path that leads nowhere means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// The execution fails, as in the real service.
    #[default]
    Fails,
    /// The value is null: for imported definitions, whose tasks' results nobody knows.
    Null,
}

/// A running execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    pub(super) identity: Identity,
    pub(super) input: Document,
    pub(super) threads: LiteMap<ThreadId, Thread>,
    pub(super) tokens: LiteMap<Token, ThreadId>,
    pub(super) next_thread: u32,
    pub(super) next_token: u64,
    /// Events of the history so far: failures name the event that entered the state (PATH-4).
    pub(super) events: u64,
}

impl Execution {
    /// Whether it ended, well or not.
    pub fn is_over(&self) -> bool {
        self.threads.is_empty()
    }

    /// The states that it is in, nested ones after those that hold them.
    pub fn states(&self) -> impl Iterator<Item = StateIndex> {
        self.threads.iter().map(|(_, thread)| thread.state)
    }
}

/// A thread of control: the machine itself, a branch of a Parallel, or an iteration of a Map.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct ThreadId(pub(super) u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Thread {
    pub(super) parent: Option<Parent>,
    pub(super) state: StateIndex,
    /// The raw input of the state.
    pub(super) input: Document,
    pub(super) variables: BTreeMap<String, Value>,
    /// Attempts of each retrier of the state, since it was entered.
    pub(super) attempts: Vec<u64>,
    /// The event that entered the state.
    pub(super) entered: u64,
    /// The item of the iteration, where it is one.
    pub(super) item: Option<Item>,
    pub(super) activity: Activity,
}

/// The thread that waits for another one, and the place of the result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Parent {
    pub(super) thread: ThreadId,
    pub(super) slot: usize,
}

/// The item of an iteration, as `$$.Map.Item` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) index: usize,
    pub(super) value: Document,
}

/// What a thread waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Activity {
    Ready,
    Task(Token),
    Wait(Token),
    Retry(Token),
    Gather(Gather),
}

/// Branches or iterations under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Gather {
    /// The effective input of the state.
    pub(super) base: Document,
    /// The items of a Map.
    pub(super) items: Vec<Document>,
    pub(super) results: Vec<Option<Document>>,
    /// Branches or iterations begun so far.
    pub(super) begun: usize,
    /// Branches or iterations done so far.
    pub(super) done: usize,
    /// Most of them at one time.
    pub(super) limit: usize,
    /// Iterations that failed.
    pub(super) failed: usize,
    /// Failures with which the state still succeeds, as a number and as a percentage.
    pub(super) tolerated: (Option<f64>, Option<f64>),
}

impl Gather {
    /// Whether so many failures are borne: neither bound may be exceeded, and without one none is borne (MAPD-10).
    pub(super) fn bears_failures(&self) -> bool {
        let failed = self.failed as f64;
        let percentage = failed * 100.0 / self.results.len().max(1) as f64;
        let within = |value: f64, bound: Option<f64>| bound.is_none_or(|bound| value <= bound);
        self.has_tolerance() && within(failed, self.tolerated.0) && within(percentage, self.tolerated.1)
    }

    /// Whether a bound on failures was set.
    pub(super) fn has_tolerance(&self) -> bool {
        self.tolerated != (None, None)
    }
}

/// Why a state failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) error: Option<String>,
    pub(super) cause: Option<String>,
}

impl Fault {
    pub(super) fn named(error: &str, cause: String) -> Fault {
        Fault { error: Some(String::from(error)), cause: Some(cause) }
    }
}
