//! The interpreter: moves an execution from one outside event to the next.
//!
//! Invariant: threads that can go on do so in the order in which they became ready.
//! Invariant: one call makes at most `TRANSITIONS_MAX` transitions.

mod finish;
mod work;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use litemap::LiteMap;
use serde_json::Value;

use super::definition::{Definition, Next, StateIndex, Work};
use super::document::Document;
use super::execution::{
    Activity, Attempt, Delay, Event, Execution, Fault, Identity, Item, Parent, Step, Thread, ThreadId, Token,
};
use super::scope::Scope;

/// Transitions of one call: a Map over a full list of items stays below, a loop without a wait does not.
const TRANSITIONS_MAX: usize = 10_000;

/// Starts an execution, and says what to do first.
pub fn start(definition: &Definition, input: impl Into<Document>, identity: Identity) -> (Execution, Vec<Step>) {
    let input = input.into();
    let execution = Execution {
        identity,
        input: input.clone(),
        threads: LiteMap::new(),
        tokens: LiteMap::new(),
        next_thread: 0,
        next_token: 0,
        events: 1,
    };
    let mut run = Run { definition, execution, steps: Vec::new(), ready: VecDeque::new() };
    run.begin(None, definition.start, input, None);
    run.drive();
    (run.execution, run.steps)
}

/// Tells an execution what happened, and says what to do next.
pub fn resume(definition: &Definition, execution: &mut Execution, event: Event) -> Vec<Step> {
    let token = match &event {
        Event::TaskDone { token, .. } | Event::TaskFailed { token, .. } => *token,
        Event::Timeout { token } | Event::WaitOver { token } => *token,
    };
    let Some(id) = execution.tokens.get(&token).copied() else { return Vec::new() };
    let expected = match (execution.threads.get(&id).map(|thread| &thread.activity), &event) {
        (Some(Activity::Task(_)), Event::WaitOver { .. }) => false,
        (Some(Activity::Wait(_) | Activity::Retry(_)), Event::WaitOver { .. }) => true,
        (Some(Activity::Task(_)), _) => true,
        _ => false,
    };
    if !expected {
        return Vec::new();
    }
    execution.tokens.remove(&token);
    let owned = std::mem::replace(execution, Execution::nothing());
    let mut run = Run { definition, execution: owned, steps: Vec::new(), ready: VecDeque::new() };
    run.accept(id, event);
    run.drive();
    *execution = run.execution;
    run.steps
}

impl Execution {
    /// Stands in while the real one is worked on.
    fn nothing() -> Execution {
        Execution {
            identity: Identity::default(),
            input: Document::from(Value::Null),
            threads: LiteMap::new(),
            tokens: LiteMap::new(),
            next_thread: 0,
            next_token: 0,
            events: 0,
        }
    }
}

/// One call of the interpreter.
struct Run<'a> {
    definition: &'a Definition,
    execution: Execution,
    steps: Vec<Step>,
    ready: VecDeque<ThreadId>,
}

/// What became of a state's work.
enum Outcome {
    /// It is done with this result; `joined` says what the result is put into.
    Done(Document, Joined),
    /// A token or other threads are awaited.
    Pending,
    /// A Choice chose.
    Chosen(StateIndex, Document),
    /// The state ends its thread with this output.
    Ended(Document),
}

/// What a result is put into by ResultPath.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// The raw input of the state.
    Input,
    /// Nothing: the result is the output itself.
    Itself,
}

impl Run<'_> {
    /// Adds a thread that enters `state` in its turn.
    fn begin(&mut self, parent: Option<Parent>, state: StateIndex, input: Document, item: Option<Item>) {
        let id = ThreadId(self.execution.next_thread);
        self.execution.next_thread = self.execution.next_thread.wrapping_add(1);
        let thread = Thread {
            parent,
            state,
            input,
            variables: BTreeMap::new(),
            attempts: Vec::new(),
            entered: 0,
            item,
            activity: Activity::Ready,
        };
        self.execution.threads.insert(id, thread);
        self.ready.push_back(id);
    }

    fn drive(&mut self) {
        let mut transitions = 0;
        while let Some(id) = self.ready.pop_front() {
            let Some(thread) = self.execution.threads.get(&id) else { continue };
            let attempt = if thread.attempts.is_empty() { Attempt::First } else { Attempt::Again };
            self.steps.push(Step::Transition { state: thread.state, attempt });
            transitions += 1;
            if transitions > TRANSITIONS_MAX {
                let cause = format!("The execution made more than {TRANSITIONS_MAX} transitions without a wait.");
                self.end(Err(Fault::named("States.Runtime", cause)));
                return;
            }
            let outcome = self.work(id);
            self.settle(id, outcome);
        }
    }

    fn accept(&mut self, id: ThreadId, event: Event) {
        let retried = match self.execution.threads.get_mut(&id) {
            Some(thread) => matches!(std::mem::replace(&mut thread.activity, Activity::Ready), Activity::Retry(_)),
            None => return,
        };
        match event {
            Event::WaitOver { .. } if retried => self.ready.push_back(id),
            Event::WaitOver { .. } => {
                let outcome = self.effective_input(id).map(|input| Outcome::Done(input, Joined::Itself));
                self.settle(id, outcome);
            }
            Event::TaskDone { output, .. } => {
                self.execution.events += 1;
                self.settle(id, Ok(Outcome::Done(self.shape(id, output), Joined::Input)));
            }
            Event::TaskFailed { error, cause, .. } => self.settle(id, Err(Fault { error, cause })),
            Event::Timeout { .. } => {
                self.settle(id, Err(Fault { error: Some(String::from("States.Timeout")), cause: None }));
            }
        }
    }

    /// Follows what became of a thread's state, up through the threads that wait for it.
    fn settle(&mut self, id: ThreadId, outcome: Result<Outcome, Fault>) {
        let mut current = (id, outcome);
        loop {
            let (id, outcome) = current;
            let left = match outcome {
                Ok(Outcome::Pending) => return,
                Ok(Outcome::Chosen(state, output)) => Ok((Next::State(state), output)),
                Ok(Outcome::Ended(output)) => Ok((Next::End, output)),
                Ok(Outcome::Done(result, joined)) => self.finish(id, result, joined),
                Err(fault) => Err(fault),
            };
            let ended = match left {
                Ok((Next::State(state), output)) => return self.go_on(id, state, output),
                Ok((Next::End, output)) => {
                    self.execution.events += 1;
                    Ok(output)
                }
                Err(fault) => match self.recover(id, fault) {
                    Ok(()) => return,
                    Err(fault) => Err(fault),
                },
            };
            let parent = self.execution.threads.remove(&id).and_then(|thread| thread.parent);
            current = match (parent, ended) {
                (None, ended) => return self.end(ended),
                (Some(parent), Ok(output)) => (parent.thread, self.gather(parent, Some(output))),
                (Some(parent), Err(fault)) => (parent.thread, self.lose(parent, fault)),
            };
        }
    }

    /// Enters the next state in its turn.
    fn go_on(&mut self, id: ThreadId, state: StateIndex, output: Document) {
        self.execution.events += 1;
        if let Some(thread) = self.execution.threads.get_mut(&id) {
            thread.state = state;
            thread.input = output;
            thread.attempts = Vec::new();
            thread.activity = Activity::Ready;
            self.ready.push_back(id);
        }
    }

    /// Ends the execution.
    fn end(&mut self, ended: Result<Document, Fault>) {
        self.cancel_all();
        self.steps.push(match ended {
            Ok(output) => Step::Done { output },
            Err(Fault { error, cause }) => Step::Failed { error, cause },
        });
    }

    fn cancel_all(&mut self) {
        self.ready.clear();
        self.execution.threads.clear();
        let tokens = std::mem::take(&mut self.execution.tokens);
        self.steps.extend(tokens.into_iter().map(|(token, _)| Step::Cancel { token }));
    }

    /// Removes all threads that a thread waits for, directly or not.
    fn abort_below(&mut self, top: ThreadId) {
        let threads = &self.execution.threads;
        // A thread is younger than its parent, so one pass in the order of age finds them all.
        let mut doomed = vec![top];
        for (id, thread) in threads {
            if thread.parent.is_some_and(|parent| doomed.binary_search(&parent.thread).is_ok()) {
                doomed.push(*id);
            }
        }
        for id in doomed.into_iter().skip(1) {
            let Some(thread) = self.execution.threads.remove(&id) else { continue };
            if let Activity::Task(token) | Activity::Wait(token) | Activity::Retry(token) = thread.activity {
                self.execution.tokens.remove(&token);
                self.steps.push(Step::Cancel { token });
            }
        }
    }

    /// Makes a token that the thread waits for.
    fn token(&mut self, id: ThreadId, activity: impl Fn(Token) -> Activity) -> Token {
        let token = Token(self.execution.next_token);
        self.execution.next_token = self.execution.next_token.wrapping_add(1);
        self.execution.tokens.insert(token, id);
        if let Some(thread) = self.execution.threads.get_mut(&id) {
            thread.activity = activity(token);
        }
        token
    }

    fn wait(&mut self, id: ThreadId, delay: Delay, activity: impl Fn(Token) -> Activity) {
        let token = self.token(id, activity);
        self.steps.push(Step::Wait { token, delay });
    }

    fn scope<'a>(&'a self, id: ThreadId, document: &'a Document) -> Result<Scope<'a>, Fault> {
        // Only a definition that is not the execution's own leads here without a state.
        Scope::new(self.definition, &self.execution, id, document)
            .ok_or_else(|| Fault::named("States.Runtime", String::from("The definition has no such state.")))
    }

    /// The raw input of the thread's state.
    fn raw_input(&self, id: ThreadId) -> Document {
        self.execution.threads.get(&id).map_or_else(|| Document::from(Value::Null), |thread| thread.input.clone())
    }

    /// Whether the thread is in a state whose work is of this sort.
    fn work_of(&self, id: ThreadId) -> Option<&Work> {
        let thread = self.execution.threads.get(&id)?;
        Some(&self.definition.state(thread.state)?.work)
    }
}

fn seconds(seconds: f64) -> Duration {
    // Longer than any simulation; keeps the conversion from overflowing.
    const SECONDS_MAX: f64 = 1e12;
    Duration::try_from_secs_f64(seconds.clamp(0.0, SECONDS_MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
