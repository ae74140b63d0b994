//! What follows a state's work: its output, its variables, its retries and its catchers.
//!
//! Invariant: values leave a state only below the size that the service allows (ERR-4).

use serde_json::{Map, Value, json};
use std::time::Duration;

use super::super::definition::{Jitter, Next, Place, Retrier, State, Work};
use super::super::document::Document;
use super::super::execution::{Activity, Delay, Fault, ThreadId};
use super::super::scope::Scope;
use super::{Joined, Run, seconds};

/// The most bytes that may leave a state (QUOTA-1).
const OUTPUT_BYTES_MAX: usize = 262_144;

impl Run<'_> {
    /// Makes the output of a state from the result of its work, and sets its variables.
    pub(super) fn finish(&mut self, id: ThreadId, result: Document, joined: Joined) -> Result<(Next, Document), Fault> {
        let raw = self.raw_input(id);
        let scope = self.scope(id, &result)?;
        if result.text().len() >= OUTPUT_BYTES_MAX {
            return Err(scope.too_large());
        }
        let flow = &scope.state.flow;
        let assigned = flow.assign.as_ref().map(|payload| payload.evaluate(&scope)).transpose()?;
        let selected = flow.selector.as_ref().map(|payload| payload.evaluate(&scope)).transpose()?;
        let selected = selected.map_or_else(|| result.clone(), Document::from);
        let whole = match joined {
            Joined::Input => join(&scope, &flow.result, raw, selected)?,
            Joined::Itself => selected,
        };
        let output = self.output_part(id, whole)?;
        if output.text().len() >= OUTPUT_BYTES_MAX {
            return Err(scope.too_large());
        }
        self.assign(id, assigned);
        Ok((self.next(id), output))
    }

    /// Sets variables of the thread that has them, or of this one.
    pub(super) fn assign(&mut self, id: ThreadId, assigned: Option<Value>) {
        if let (Some(Value::Object(members)), Some(thread)) = (assigned, self.execution.threads.get_mut(&id)) {
            thread.variables.extend(members);
        }
    }

    /// Tries a failed state again or leads it to a catcher; gives the fault back where neither is meant.
    pub(super) fn recover(&mut self, id: ThreadId, fault: Fault) -> Result<(), Fault> {
        let Some(state) = self.execution.threads.get(&id).and_then(|thread| self.definition.state(thread.state)) else {
            return Err(fault);
        };
        // A fault of data or definition is never handled (ERR-2).
        if fault.error.as_deref() == Some("States.Runtime") {
            return Err(fault);
        }
        if let Some(delay) = self.retry(id, state, &fault) {
            self.execution.events += 1;
            self.wait(id, delay, Activity::Retry);
            return Ok(());
        }
        self.catch(id, state, fault)
    }

    /// The delay of the next attempt, where the first retrier that matches has one left (RETRY-3).
    fn retry(&mut self, id: ThreadId, state: &State, fault: &Fault) -> Option<Delay> {
        let at = state.retry.iter().position(|retrier| matches(&retrier.errors, fault, state))?;
        let retrier = state.retry.get(at)?;
        let thread = self.execution.threads.get_mut(&id)?;
        thread.attempts.resize(state.retry.len(), 0);
        let attempts = thread.attempts.get_mut(at)?;
        if *attempts >= retrier.attempts_max {
            return None;
        }
        *attempts += 1;
        let delay = delay(retrier, *attempts);
        Some(if retrier.jitter == Jitter::Full { Delay::UpTo(delay) } else { Delay::For(delay) })
    }

    fn catch(&mut self, id: ThreadId, state: &State, fault: Fault) -> Result<(), Fault> {
        let Some(catcher) = state.catch.iter().find(|catcher| matches(&catcher.errors, &fault, state)) else {
            return Err(fault);
        };
        let mut error = Map::new();
        error.insert(String::from("Error"), fault.error.clone().map_or(Value::Null, Value::from));
        let silent = fault.error.is_some().then(|| Value::from(""));
        let cause = fault.cause.clone().map(Value::from).or(silent).unwrap_or(Value::Null);
        error.insert(String::from("Cause"), cause);
        let error = Document::from(Value::Object(error));
        let scope = self.scope(id, &error)?;
        let assigned = catcher.assign.as_ref().map(|payload| payload.evaluate(&scope)).transpose()?;
        let output = join(&scope, &catcher.result, self.raw_input(id), error.clone())?;
        self.assign(id, assigned);
        self.go_on(id, catcher.next, output);
        Ok(())
    }

    /// The result of a task as its integration wraps it (states semantics, result shapes).
    pub(super) fn shape(&self, id: ThreadId, output: Document) -> Document {
        match self.work_of(id) {
            Some(Work::Task { resource, .. })
                if resource.ends_with(":lambda:invoke") && output.get("Payload").is_none() =>
            {
                Document::from(json!({"ExecutedVersion": "$LATEST", "Payload": output, "StatusCode": 200}))
            }
            _ => output,
        }
    }
}

/// Puts a result into the raw input (FLOW-11 to FLOW-13).
fn join(scope: &Scope, place: &Place, raw: Document, result: Document) -> Result<Document, Fault> {
    match place {
        Place::Whole => Ok(result),
        Place::Nowhere => Ok(raw),
        Place::Path(path) => {
            let put = path.put(Value::clone(&raw), result.into_value());
            put.map(Document::from).ok_or_else(|| {
                let text = format!("Unable to apply ReferencePath {} to input {}", path.text, raw.text());
                Fault { error: Some(String::from("States.ResultPathMatchFailure")), ..scope.fault(&text) }
            })
        }
    }
}

/// Whether one of the names stands for the fault.
fn matches(names: &[String], fault: &Fault, state: &State) -> bool {
    let error = fault.error.as_deref();
    names.iter().any(|name| match name.as_str() {
        "States.ALL" => true,
        "States.TaskFailed" => error != Some("States.Timeout"),
        "States.HeartbeatTimeout" => error == Some("States.Timeout") || error == Some("States.HeartbeatTimeout"),
        "States.BranchFailed" => matches!(state.work, Work::Parallel { .. }),
        name => error == Some(name),
    })
}

/// The delay before the `attempt`-th retry, counted from one (RETRY-2).
fn delay(retrier: &Retrier, attempt: u64) -> Duration {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    // `powi` of the standard library is not the same on every platform.
    let factor = libm::pow(retrier.backoff_rate, f64::from(exponent));
    let cap = retrier.delay_seconds_max.map_or(f64::MAX, |cap| cap as f64);
    seconds((retrier.interval_seconds as f64 * factor).min(cap))
}

impl State {
    /// What an error about the size of its result calls it (ERR-3).
    pub(in super::super) fn service(&self) -> &str {
        match &self.work {
            Work::Task { resource, .. } => match resource.strip_prefix("arn:aws:states:::") {
                Some(integration) => integration.split(':').next().unwrap_or(integration),
                None => resource,
            },
            _ => &self.name,
        }
    }
}
