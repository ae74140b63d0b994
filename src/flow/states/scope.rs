//! What the fields of a state can see: the document at hand, the context object and the variables.
//!
//! Invariant: looking changes nothing.

use serde_json::{Value, json};

use super::definition::{Definition, State};
use super::document::Document;
use super::execution::{Execution, Fault, Item, Missing, Thread, ThreadId};
use super::path::{Path, PathFailure, Root};

/// Threads that one variable may be looked for in: deeper nesting cannot be read as JSON.
const NESTING_MAX: usize = 128;

/// What a field of a state can see.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) execution: &'a Execution,
    pub(super) thread: &'a Thread,
    pub(super) state: &'a State,
    /// What `$` stands for.
    pub(super) document: &'a Document,
    /// The item that an ItemSelector is evaluated for.
    pub(super) item: Option<&'a Item>,
}

impl<'a> Scope<'a> {
    /// The scope of the state that a thread is in; `document` stands for `$`.
    pub(super) fn new(
        definition: &'a Definition,
        execution: &'a Execution,
        id: ThreadId,
        document: &'a Document,
    ) -> Option<Scope<'a>> {
        let thread = execution.threads.get(&id)?;
        Some(Scope { execution, thread, state: definition.state(thread.state)?, document, item: None })
    }

    /// The value that a path leads to, or what its absence means here.
    pub(super) fn find(&self, path: &Path) -> Result<Value, PathFailure> {
        match (self.look(path), self.execution.identity.missing) {
            (Err(_), Missing::Null) => Ok(Value::Null),
            (found, _) => found,
        }
    }

    /// The value that a path leads to.
    pub(super) fn look(&self, path: &Path) -> Result<Value, PathFailure> {
        match &path.root {
            Root::Document => path.find(self.document),
            Root::Context => path.find(&self.context()),
            Root::Variable(name) => match self.variable(name) {
                Some(value) => path.find(value),
                None => Err(PathFailure::NoResult(format!("${name}"))),
            },
        }
    }

    /// This thread and those that wait for it, inner ones first.
    fn threads(&self) -> impl Iterator<Item = &'a Thread> {
        let parent = |thread: &&'a Thread| thread.parent.and_then(|parent| self.execution.threads.get(&parent.thread));
        std::iter::successors(Some(self.thread), parent).take(NESTING_MAX)
    }

    fn variable(&self, name: &str) -> Option<&'a Value> {
        self.threads().find_map(|thread| thread.variables.get(name))
    }

    /// The context object (CTX-1).
    fn context(&self) -> Value {
        let identity = &self.execution.identity;
        let started = identity.start_time.to_string();
        let retries = self.thread.attempts.iter().sum::<u64>();
        let mut context = json!({
            "Execution": {
                "Id": format!("arn:aws:states:us-east-1:000000000000:execution:{}:{}", identity.machine, identity.name),
                "Input": self.execution.input,
                "Name": identity.name,
                "RoleArn": "arn:aws:iam::000000000000:role/eventscape",
                "StartTime": started,
                "RedriveCount": 0,
            },
            "State": {"EnteredTime": started, "Name": self.state.name, "RetryCount": retries},
            "StateMachine": {
                "Id": format!("arn:aws:states:us-east-1:000000000000:stateMachine:{}", identity.machine),
                "Name": identity.machine,
            },
            "Task": {"Token": format!("{:016x}", self.execution.next_token)},
        });
        let item = self.item.or_else(|| self.threads().find_map(|thread| thread.item.as_ref()));
        if let (Some(item), Some(members)) = (item, context.as_object_mut()) {
            members.insert(String::from("Map"), json!({"Item": {"Index": item.index, "Value": item.value}}));
        }
        context
    }

    /// A fault of data or definition, worded as the failed execution words it (PATH-4).
    pub(super) fn fault(&self, text: &str) -> Fault {
        let (state, event) = (&self.state.name, self.thread.entered);
        let cause =
            format!("An error occurred while executing the state '{state}' (entered at the event id #{event}). {text}");
        Fault::named("States.Runtime", cause)
    }

    /// A template's path that leads nowhere (PATH-2).
    pub(super) fn missing(&self, path: &str, field: &str) -> Fault {
        let input = self.document.text();
        self.fault(&format!(
            "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{input}'"
        ))
    }

    /// A path of a field that leads nowhere (PATH-1).
    pub(super) fn invalid(&self, path: &Path, failure: &PathFailure) -> Fault {
        self.fault(&format!("Invalid path '{}' : {}", path.text, failure.reason()))
    }

    /// A path of a Choice that leads nowhere (PATH-6).
    pub(super) fn dangling(&self, path: &str) -> Fault {
        self.fault(&format!("Invalid path '{path}': The choice state's condition path references an invalid value."))
    }

    /// A value larger than may leave a state (ERR-3).
    pub(super) fn too_large(&self) -> Fault {
        let name = self.state.service();
        let cause = format!(
            "The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Fault::named("States.DataLimitExceeded", cause)
    }
}

/// The size of a value: bytes of its compact text (ERR-4).
pub(super) fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) if !text.contains(['"', '\\']) && !text.contains(char::is_control) => text.len() + 2,
        other => other.to_string().len(),
    }
}
