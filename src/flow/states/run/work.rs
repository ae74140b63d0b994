//! What each type of state does when it is entered.
//!
//! Invariant: work is worked out from the raw input alone, so a retry does it again in the same way.

use serde_json::{Value, json};

use super::super::definition::{
    Bound, Concurrency, Mapping, Next, Part, Pause, Seconds, Source, StateIndex, Text, Tolerance, Work,
};
use super::super::document::Document;
use super::super::execution::{Activity, Delay, Fault, Gather, Item, Parent, Step, ThreadId};
use super::super::path::Path;
use super::super::payload::Payload;
use super::super::scope::Scope;
use super::{Joined, Outcome, Run, seconds};

/// Iterations of an inline Map at one time (MAPI-1).
const ITERATIONS_MAX: u64 = 40;
/// The longest wait that the service takes, in seconds.
const WAIT_SECONDS_MAX: u64 = 99_999_999;

impl Run<'_> {
    /// Enters the state that a thread stands before, and begins its work.
    pub(super) fn work(&mut self, id: ThreadId) -> Result<Outcome, Fault> {
        let definition = self.definition;
        self.execution.events += 1;
        let events = self.execution.events;
        let state = match self.execution.threads.get_mut(&id) {
            Some(thread) => {
                thread.entered = if thread.attempts.is_empty() { events } else { thread.entered };
                definition.state(thread.state)
            }
            None => None,
        };
        let Some(state) = state else { return Ok(Outcome::Pending) };
        let input = self.effective_input(id)?;
        match &state.work {
            Work::Pass { result: Some(result) } => Ok(Outcome::Done(Document::from(result.clone()), Joined::Input)),
            Work::Pass { result: None } => {
                Ok(Outcome::Done(self.parameters(id, &state.flow.parameters, input)?, Joined::Input))
            }
            Work::Task { resource, timeout, heartbeat } => {
                self.task(id, (resource, timeout.as_ref(), heartbeat.as_ref()), input)
            }
            Work::Choice(_) => self.choose(id, input),
            Work::Wait(pause) => self.pause(id, pause, &input),
            Work::Succeed => Ok(Outcome::Ended(self.output_part(id, input)?)),
            Work::Fail { error, cause } => Err(self.failure(id, error.as_ref(), cause.as_ref(), &input)),
            Work::Parallel { branches } => {
                let base = self.parameters(id, &state.flow.parameters, input)?;
                Ok(self.fork(id, branches, base))
            }
            Work::Map(mapping) => self.map(id, mapping, input),
        }
    }

    /// The raw input after InputPath.
    pub(super) fn effective_input(&self, id: ThreadId) -> Result<Document, Fault> {
        let raw = self.raw_input(id);
        let scope = self.scope(id, &raw)?;
        part(&scope, &scope.state.flow.input, &raw)
    }

    /// A value after OutputPath.
    pub(super) fn output_part(&self, id: ThreadId, value: Document) -> Result<Document, Fault> {
        let scope = self.scope(id, &value)?;
        part(&scope, &scope.state.flow.output, &value)
    }

    fn parameters(&self, id: ThreadId, payload: &Option<Payload>, input: Document) -> Result<Document, Fault> {
        match payload {
            Some(payload) => payload.evaluate(&self.scope(id, &input)?).map(Document::from),
            None => Ok(input),
        }
    }

    fn task(
        &mut self,
        id: ThreadId,
        (resource, timeout, heartbeat): (&str, Option<&Seconds>, Option<&Seconds>),
        input: Document,
    ) -> Result<Outcome, Fault> {
        let scope = self.scope(id, &input)?;
        let parameters = match &scope.state.flow.parameters {
            Some(payload) => Document::from(payload.evaluate(&scope)?),
            None => input.clone(),
        };
        let timeout = timeout.map(|timeout| duration(&scope, timeout)).transpose()?;
        let heartbeat = heartbeat.map(|heartbeat| duration(&scope, heartbeat)).transpose()?;
        let state = scope.thread.state;
        let token = self.token(id, Activity::Task);
        // Scheduled and started.
        self.execution.events += 2;
        let resource = String::from(resource);
        self.steps.push(Step::Task { token, state, resource, input: parameters, timeout, heartbeat });
        Ok(Outcome::Pending)
    }

    fn choose(&mut self, id: ThreadId, input: Document) -> Result<Outcome, Fault> {
        let scope = self.scope(id, &input)?;
        let Work::Choice(choice) = &scope.state.work else { return Ok(Outcome::Pending) };
        let mut chosen = None;
        for (rule, branch) in &choice.rules {
            if rule.holds(&scope)? {
                chosen = Some((branch.next, branch.assign.as_ref()));
                break;
            }
        }
        let chosen = chosen.or_else(|| choice.default.map(|next| (next, scope.state.flow.assign.as_ref())));
        let Some((next, assign)) = chosen else {
            let text = "Failed to transition out of the state. The state does not point to a next state.";
            return Err(Fault { error: Some(String::from("States.NoChoiceMatched")), ..scope.fault(text) });
        };
        let assigned = assign.map(|payload| payload.evaluate(&scope)).transpose()?;
        let output = self.output_part(id, input)?;
        self.assign(id, assigned);
        Ok(Outcome::Chosen(next, output))
    }

    fn pause(&mut self, id: ThreadId, pause: &Pause, input: &Document) -> Result<Outcome, Fault> {
        let scope = self.scope(id, input)?;
        let delay = match pause {
            Pause::Seconds(whole) => Delay::For(seconds(*whole as f64)),
            Pause::SecondsPath(path) => Delay::For(seconds(found_seconds(&scope, path)? as f64)),
            Pause::Until(instant) => Delay::Until(*instant),
            Pause::UntilPath(path) => Delay::Until(found_instant(&scope, path)?),
        };
        // The service counts from the present, which is not far from the start beside such a length (WAIT-4).
        let started = self.execution.identity.start_time;
        if let Delay::Until(instant) = delay
            && instant.as_second().saturating_sub(started.as_second()) > i64::from(i32::MAX)
        {
            return Err(scope.fault("Wait state delay is too long."));
        }
        self.wait(id, delay, Activity::Wait);
        Ok(Outcome::Pending)
    }

    fn failure(&self, id: ThreadId, error: Option<&Text>, cause: Option<&Text>, input: &Document) -> Fault {
        let scope = match self.scope(id, input) {
            Ok(scope) => scope,
            Err(fault) => return fault,
        };
        let text = |text: Option<&Text>, field| match text {
            None => Ok(None),
            Some(Text::Given(text)) => Ok(Some(text.clone())),
            Some(Text::Found(query)) => query
                .evaluate(&scope, field)
                .map(|value| Some(value.as_str().map_or_else(|| value.to_string(), String::from))),
        };
        match (text(error, "ErrorPath"), text(cause, "CausePath")) {
            (Ok(error), Ok(cause)) => Fault { error, cause },
            (Err(fault), _) | (_, Err(fault)) => fault,
        }
    }

    fn fork(&mut self, id: ThreadId, branches: &[StateIndex], base: Document) -> Outcome {
        self.execution.events += 1;
        for (slot, branch) in branches.iter().enumerate() {
            self.begin(Some(Parent { thread: id, slot }), *branch, base.clone(), None);
        }
        let count = branches.len();
        let gather = Gather {
            base,
            items: Vec::new(),
            results: vec![None; count],
            begun: count,
            done: 0,
            limit: count,
            failed: 0,
            tolerated: (None, None),
        };
        self.set_activity(id, Activity::Gather(gather));
        Outcome::Pending
    }

    fn map(&mut self, id: ThreadId, mapping: &Mapping, input: Document) -> Result<Outcome, Fault> {
        let scope = self.scope(id, &input)?;
        let items = items(&scope, mapping)?;
        let limit = match &mapping.concurrency {
            Concurrency::Unlimited => ITERATIONS_MAX,
            Concurrency::Given(limit) => (*limit).min(ITERATIONS_MAX),
            Concurrency::Found(path) => found_limit(&scope, path)?.min(ITERATIONS_MAX),
        };
        let limit = if limit == 0 { ITERATIONS_MAX } else { limit };
        let tolerated = tolerated(&scope, &mapping.tolerance)?;
        let items = match &mapping.batch {
            Some(batch) => {
                let shared = batch.input.as_ref().map(|payload| payload.evaluate(&scope)).transpose()?;
                batches(items, batch.size, shared)
            }
            None => items,
        };
        let items: Vec<Document> = items.into_iter().map(Document::from).collect();
        self.execution.events += 1;
        let gather = Gather {
            base: input,
            results: vec![None; items.len()],
            items,
            begun: 0,
            done: 0,
            limit: usize::try_from(limit).unwrap_or(1),
            failed: 0,
            tolerated,
        };
        let empty = gather.items.is_empty();
        self.set_activity(id, Activity::Gather(gather));
        if empty {
            self.set_activity(id, Activity::Ready);
            return Ok(Outcome::Done(Document::from(json!([])), Joined::Input));
        }
        self.begin_iterations(id)?;
        Ok(Outcome::Pending)
    }

    fn set_activity(&mut self, id: ThreadId, activity: Activity) {
        if let Some(thread) = self.execution.threads.get_mut(&id) {
            thread.activity = activity;
        }
    }

    /// Begins as many iterations as there is room for.
    fn begin_iterations(&mut self, id: ThreadId) -> Result<(), Fault> {
        loop {
            let Some(Activity::Gather(gather)) = self.execution.threads.get(&id).map(|thread| &thread.activity) else {
                return Ok(());
            };
            let index = gather.begun;
            if index >= gather.items.len() || gather.begun - gather.done >= gather.limit {
                return Ok(());
            }
            let value = gather.items.get(index).cloned().unwrap_or_else(|| Document::from(Value::Null));
            let item = Item { index, value };
            let scope = Scope { item: Some(&item), ..self.scope(id, &gather.base)? };
            let Work::Map(mapping) = &scope.state.work else { return Ok(()) };
            let input = match &mapping.selector {
                Some(selector) => Document::from(selector.evaluate(&scope)?),
                None => item.value.clone(),
            };
            let start = mapping.start;
            self.execution.events += 1;
            if let Some(Activity::Gather(gather)) =
                self.execution.threads.get_mut(&id).map(|thread| &mut thread.activity)
            {
                gather.begun += 1;
            }
            self.begin(Some(Parent { thread: id, slot: index }), start, input, Some(item));
        }
    }

    /// Takes note of a branch or iteration that failed: the state fails with it, or bears it (MAPD-10).
    pub(super) fn lose(&mut self, parent: Parent, fault: Fault) -> Result<Outcome, Fault> {
        let id = parent.thread;
        if let Some(Activity::Gather(gather)) = self.execution.threads.get_mut(&id).map(|thread| &mut thread.activity) {
            gather.failed += 1;
            if gather.bears_failures() {
                return self.gather(parent, None);
            }
            let has_tolerance = gather.has_tolerance();
            self.abort_below(id);
            if has_tolerance {
                let cause = String::from("The specified tolerated failure threshold was exceeded");
                return Err(Fault::named("States.ExceedToleratedFailureThreshold", cause));
            }
            return Err(fault);
        }
        self.abort_below(id);
        Err(fault)
    }

    /// Takes the output of a branch or iteration, if it has one; the state is done with the last one.
    pub(super) fn gather(&mut self, parent: Parent, output: Option<Document>) -> Result<Outcome, Fault> {
        let id = parent.thread;
        let Some(Activity::Gather(gather)) = self.execution.threads.get_mut(&id).map(|thread| &mut thread.activity)
        else {
            return Ok(Outcome::Pending);
        };
        if let Some(result) = gather.results.get_mut(parent.slot) {
            *result = output;
        }
        gather.done += 1;
        if gather.done < gather.results.len() {
            return match self.begin_iterations(id) {
                Ok(()) => Ok(Outcome::Pending),
                Err(fault) => {
                    self.abort_below(id);
                    Err(fault)
                }
            };
        }
        let results = std::mem::take(&mut gather.results);
        self.execution.events += 1;
        self.set_activity(id, Activity::Ready);
        let results: Value = results.into_iter().flatten().map(Document::into_value).collect();
        Ok(Outcome::Done(Document::from(results), Joined::Input))
    }
}

/// InputPath or OutputPath of a value.
fn part(scope: &Scope, part: &Part, value: &Document) -> Result<Document, Fault> {
    match part {
        Part::Whole => Ok(value.clone()),
        Part::Nothing => Ok(Document::from(json!({}))),
        Part::Path(path) => scope.find(path).map(Document::from).map_err(|failure| scope.invalid(path, &failure)),
    }
}

fn duration(scope: &Scope, given: &Seconds) -> Result<std::time::Duration, Fault> {
    match given {
        Seconds::Given(whole) => Ok(seconds(*whole as f64)),
        Seconds::Found(path) => {
            let value = scope.find(path).map_err(|failure| scope.invalid(path, &failure))?;
            let whole = value.as_u64().filter(|whole| (1..=WAIT_SECONDS_MAX).contains(whole));
            let refuse = || {
                scope.fault(&format!(
                    "Invalid path '{}' : it leads to {value}, which is no number of seconds",
                    path.text
                ))
            };
            whole.map(|whole| seconds(whole as f64)).ok_or_else(refuse)
        }
    }
}

/// The seconds of a Wait (WAIT-2).
fn found_seconds(scope: &Scope, path: &Path) -> Result<u64, Fault> {
    let text = &path.text;
    let value = scope
        .find(path)
        .map_err(|_| scope.fault(&format!("The SecondsPath parameter does not reference an input value: {text}")))?;
    match (value.as_u64(), value.as_i64()) {
        (Some(whole), _) => Ok(whole),
        (None, Some(_)) => {
            Err(scope.fault(&format!("The SecondsPath parameter references a negative value: {text} == {value}")))
        }
        (None, None) => {
            let shown = value.as_str().map_or_else(|| value.to_string(), String::from);
            Err(scope.fault(&format!("The SecondsPath parameter cannot be parsed as a long value: {text} == {shown}")))
        }
    }
}

/// The instant of a Wait (WAIT-3).
fn found_instant(scope: &Scope, path: &Path) -> Result<jiff::Timestamp, Fault> {
    let text = &path.text;
    let value = scope
        .find(path)
        .map_err(|_| scope.fault(&format!("The TimestampPath parameter does not reference an input value: {text}")))?;
    let shown = value.as_str().map_or_else(|| value.to_string(), String::from);
    super::super::choice::parse_timestamp(&shown).ok_or_else(|| {
        scope.fault(&format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {text} == {shown}"
        ))
    })
}

/// MaxConcurrencyPath: a whole number, or a text of one (MAP-6).
fn found_limit(scope: &Scope, path: &Path) -> Result<u64, Fault> {
    let value = scope.find(path).map_err(|failure| scope.invalid(path, &failure))?;
    let shown = value.as_str().map_or_else(|| value.to_string(), String::from);
    shown.parse().map_err(|_| {
        let path = &path.text;
        scope.fault(&format!(
            "The MaxConcurrencyPath field refers to value \"{shown}\" which is not a valid integer: {path}"
        ))
    })
}

/// The bounds on failures (MAP-6, MAP-7).
fn tolerated(scope: &Scope, tolerance: &Tolerance) -> Result<(Option<f64>, Option<f64>), Fault> {
    let whole = |text: &str| text.parse::<i64>().ok().map(|count| count as f64);
    let count = tolerance
        .count
        .as_ref()
        .map(|bound| found_bound(scope, bound, ("ToleratedFailureCountPath", "integer"), whole));
    let count = count.transpose()?;
    if count.is_some_and(|count| count < 0.0) {
        return Err(scope.fault("ToleratedFailureCount cannot be negative."));
    }
    let float = |text: &str| text.parse::<f64>().ok();
    let share = tolerance
        .percentage
        .as_ref()
        .map(|bound| found_bound(scope, bound, ("ToleratedFailurePercentagePath", "float"), float));
    let share = share.transpose()?;
    if share.is_some_and(|share| !(0.0..=100.0).contains(&share)) {
        return Err(scope.fault("ToleratedFailurePercentage must be between 0 and 100."));
    }
    Ok((count, share))
}

fn found_bound(
    scope: &Scope,
    bound: &Bound,
    (field, kind): (&str, &str),
    parse: impl Fn(&str) -> Option<f64>,
) -> Result<f64, Fault> {
    let path = match bound {
        Bound::Given(number) => return Ok(*number),
        Bound::Found(path) => path,
    };
    let value = scope.find(path).map_err(|failure| scope.invalid(path, &failure))?;
    let shown = value.as_str().map_or_else(|| value.to_string(), String::from);
    parse(&shown).ok_or_else(|| {
        let path = &path.text;
        scope.fault(&format!("The {field} field refers to value \"{shown}\" which is not a valid {kind}: {path}"))
    })
}

fn items(scope: &Scope, mapping: &Mapping) -> Result<Vec<Value>, Fault> {
    let (value, text) = match &mapping.items {
        Some(path) => (scope.find(path).map_err(|failure| scope.invalid(path, &failure))?, path.text.as_str()),
        None => (Value::clone(scope.document), "$"),
    };
    match (value, mapping.source) {
        (Value::Array(items), _) => Ok(items),
        (other, Source::Elsewhere) => Ok(vec![other]),
        (_, Source::Data) => Err(scope.fault(&format!("Reference path \"{text}\" must point to array."))),
    }
}

/// Groups items as a distributed Map hands them out (MAPD-8).
fn batches(items: Vec<Value>, size: u64, shared: Option<Value>) -> Vec<Value> {
    let size = usize::try_from(size.max(1)).unwrap_or(usize::MAX);
    let batch = |items: &[Value]| match &shared {
        Some(shared) => json!({"BatchInput": shared, "Items": items}),
        None => json!({"Items": items}),
    };
    items.chunks(size).map(batch).collect()
}

impl Run<'_> {
    /// Where the thread's state leads after its work.
    pub(super) fn next(&self, id: ThreadId) -> Next {
        let thread = self.execution.threads.get(&id);
        thread.and_then(|thread| self.definition.state(thread.state)).map_or(Next::End, |state| state.next)
    }
}
