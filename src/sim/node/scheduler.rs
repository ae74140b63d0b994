//! Scheduler: sends at set times.
//!
//! Invariant: the k-th firing of a rate is at start + k x step, whatever happened between (SC-14).
//! Invariant: a cron expression fires by the clock of its zone, the calendar beginning where the scene says (SC-10).
//! Invariant: what a target refused waits here until it is tried again, or goes to the dead letters.
//! Rules: compute semantics, section 8 (SC-10 to SC-18, SC-20, SC-23, SC-24). Firings during a stop are lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::flow::schedule as calendar;
use crate::scene::kind::{Jitter, Retry, Schedule, Scheduler};
use crate::scene::time::{SimSpan, SimTime};
use crate::scene::units::Duration;
use crate::sim::consume;
use crate::sim::draw::Purpose;
use crate::sim::effects::{Effects, Envelope, Parcel, Power};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::node::traffic::PayloadChoice;
use crate::sim::node::{Occasion, Templates};
use crate::sim::retry::Backoff;
use crate::sim::row::{Direction, Fate, HopKind, Outcome};

/// The slot of the timer at which a firing is due.
const FIRE: u32 = 0;
/// The slot of the timers of firings that are late within their window.
const LATE: u32 = 1;
/// The slot of the timers of next attempts; their token is the attempt's.
const AGAIN: u32 = 2;

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a scheduler is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchedulerParameters {
    when: When,
    window: SimSpan,
    retry: Backoff,
    age_max: SimSpan,
    payloads: PayloadChoice,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum When {
    /// From the first time on; without a step once.
    Elapsed { first: SimTime, step: Option<SimSpan>, last: SimTime },
    /// By the clock of a zone.
    Clock { expression: Expression, first: SimTime, last: SimTime },
}

/// An expression beside its text and zone, which stand for it in files and comparisons.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
struct Expression {
    text: String,
    zone: String,
    /// `None` for one that cannot be read: it never fires.
    read: Option<calendar::Schedule>,
}

impl From<(String, String)> for Expression {
    fn from((text, zone): (String, String)) -> Expression {
        Expression { read: calendar::Schedule::parse(&text, &zone).ok(), text, zone }
    }
}

impl From<Expression> for (String, String) {
    fn from(expression: Expression) -> (String, String) {
        (expression.text, expression.zone)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        (&self.text, &self.zone) == (&other.text, &other.zone)
    }
}

/// Makes a scene's scheduler ready to run.
pub fn compile(scheduler: &Scheduler, templates: Templates) -> SchedulerParameters {
    let time = |span: SimSpan| SimTime::ZERO + span;
    let (start, last) = (time(scheduler.start.span()), scheduler.end.map_or(SimTime::MAX, |end| time(end.span())));
    let clock = || Expression::from((scheduler.schedule.expression().unwrap_or_default(), scheduler.zone.clone()));
    // Start and end are ignored for a single time (SC-16).
    let when = match &scheduler.schedule {
        Schedule::At(at) => When::Elapsed { first: time(at.span()), step: None, last: SimTime::MAX },
        Schedule::Rate(step) => {
            When::Elapsed { first: start, step: Some(step.span()).filter(|step| !step.is_zero()), last }
        }
        Schedule::Cron(_) => When::Clock { expression: clock(), first: start, last },
        Schedule::Date(_) => When::Clock { expression: clock(), first: SimTime::ZERO, last: SimTime::MAX },
    };
    let payloads = PayloadChoice::new(&scheduler.payloads, templates);
    // Full jitter from 1 s up to 15 minutes (SC-20).
    let retry = Backoff::new(&Retry {
        attempts: scheduler.retries.saturating_add(1),
        base: Duration::seconds(1),
        cap: Duration::seconds(900),
        jitter: Jitter::Full,
    });
    let (window, age_max) = (scheduler.window.span(), scheduler.age_max.span());
    SchedulerParameters { when, window, retry, age_max, payloads }
}

// --- State: everything that changes; nothing about a scheduler lives elsewhere ---

/// What a scheduler remembers: which of its timers counts, and what its targets have not taken yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SchedulerState {
    generation: u32,
    /// Attempts under way or waiting, by token.
    attempts: BTreeMap<u32, Attempt>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Attempt {
    link: LinkIndex,
    number: u32,
    fired: SimTime,
    /// The message, while it is here and waits.
    waiting: Option<Envelope>,
}

/// Messages in the scheduler's custody.
pub fn held(state: &SchedulerState) -> u64 {
    state.attempts.values().filter(|attempt| attempt.waiting.is_some()).count() as u64
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &SchedulerParameters, state: &mut SchedulerState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.via) {
        (Class::Timer, FIRE) if event.token == state.generation => {
            fire(parameters, state, effects);
            let after = effects.now + SimSpan::from_nanos(1);
            arm(parameters, state, after, effects);
        }
        (Class::Timer, LATE) if event.token == state.generation => send(parameters, state, effects),
        (Class::Timer, AGAIN) => again(state, event.token, effects),
        (Class::Arrival, _) if state.attempts.contains_key(&event.token) => answered(parameters, state, event, effects),
        (Class::Arrival, _) => consume::answered(event, effects),
        (Class::Timer | Class::Command, _) => {}
    }
    show(state, effects);
}

/// Handles what happens to the scheduler itself.
pub fn occasion(
    parameters: &SchedulerParameters,
    state: &mut SchedulerState,
    occasion: Occasion,
    effects: &mut Effects,
) {
    match occasion {
        Occasion::Begin | Occasion::Started | Occasion::Reconfigured | Occasion::Stopped => {
            state.generation = state.generation.wrapping_add(1);
            arm(parameters, state, effects.now, effects);
        }
        Occasion::Send(count) => (0..count).for_each(|_| send(parameters, state, effects)),
    }
    match occasion {
        // Nobody hears the answers to what is on its way.
        Occasion::Stopped => state.attempts.retain(|_, attempt| attempt.waiting.is_some()),
        Occasion::Started => {
            let tokens: Vec<u32> = state.attempts.keys().copied().collect();
            tokens.into_iter().for_each(|token| again(state, token, effects));
        }
        Occasion::Begin | Occasion::Reconfigured | Occasion::Send(_) => {}
    }
    show(state, effects);
}

fn show(state: &SchedulerState, effects: &mut Effects) {
    let waiting = held(state) as usize;
    effects.sample(waiting, state.attempts.len() - waiting, 0);
}

/// The first firing at or after `from`, if there is one. At its end a schedule still fires (SC-16).
fn next_firing(parameters: &SchedulerParameters, from: SimTime, effects: &Effects) -> Option<SimTime> {
    match &parameters.when {
        When::Elapsed { first, step, last } => next_step(*first, *step, from).filter(|at| at <= last),
        When::Clock { expression, first, last } => {
            let begins = effects.model.scene.settings.begins;
            let from = from.max(*first).since(SimTime::ZERO);
            let instant = expression.read.as_ref()?.next(begins.0, begins.after(from))?;
            Some(SimTime::ZERO + begins.until(instant)?).filter(|at| at <= last)
        }
    }
}

fn next_step(first: SimTime, step: Option<SimSpan>, from: SimTime) -> Option<SimTime> {
    if from <= first {
        return Some(first);
    }
    let step = step?;
    let steps = from.since(first).nanos().div_ceil(step.nanos());
    first.checked_add(SimSpan::from_nanos(step.nanos().checked_mul(steps)?))
}

fn arm(parameters: &SchedulerParameters, state: &SchedulerState, from: SimTime, effects: &mut Effects) {
    if effects.common.power == Power::On
        && let Some(at) = next_firing(parameters, from, effects)
    {
        effects.timer(FIRE, at, state.generation, MessageId::NONE);
    }
}

/// A firing is due: it happens now, or anywhere in its window (SC-18).
fn fire(parameters: &SchedulerParameters, state: &mut SchedulerState, effects: &mut Effects) {
    if parameters.window.is_zero() {
        return send(parameters, state, effects);
    }
    let bits = effects.draw(Purpose::Interval, MessageId(effects.now.nanos()), 0, 0).bits();
    let part = (u128::from(bits) * u128::from(parameters.window.nanos())) >> 64;
    effects.timer(LATE, effects.now + SimSpan::from_nanos(part as u64), state.generation, MessageId::NONE);
}

/// One message, a copy of it over each further link.
fn send(parameters: &SchedulerParameters, state: &mut SchedulerState, effects: &mut Effects) {
    let payload = parameters.payloads.draw(effects, effects.next_message());
    let message = effects.produce(payload);
    let Some((first, others)) = effects.ports().events.split_first() else {
        return effects.end(&message, Fate::Filtered);
    };
    for link in others {
        let copy = effects.copy(&message, payload);
        attempt(state, *link, copy, effects);
    }
    attempt(state, *first, message, effects);
}

fn attempt(state: &mut SchedulerState, link: LinkIndex, envelope: Envelope, effects: &mut Effects) {
    let token = effects.fresh_token();
    state.attempts.insert(token, Attempt { link, number: 1, fired: effects.now, waiting: None });
    let parcel = Parcel { kind: HopKind::Event, envelope, custody: Custody::Moves, token, count: 1 };
    effects.send(link, Direction::Forward, parcel);
}

/// A target took the message, or sent it back: then it is tried again after a while (SC-20).
fn answered(parameters: &SchedulerParameters, state: &mut SchedulerState, event: &SimEvent, effects: &mut Effects) {
    effects.receipt(event, Outcome::Accepted);
    let Some(attempt) = state.attempts.get_mut(&event.token).filter(|_| event.custody == Custody::Moves) else {
        state.attempts.remove(&event.token);
        return;
    };
    let envelope = event.envelope();
    let mut draw = effects.draw(Purpose::Backoff, envelope.message, envelope.hop, 0);
    let due = effects.now + parameters.retry.wait(attempt.number, &mut draw);
    if attempt.number >= parameters.retry.attempts || due >= attempt.fired + parameters.age_max {
        state.attempts.remove(&event.token);
        return effects.give_up(&envelope);
    }
    attempt.number += 1;
    attempt.waiting = Some(envelope);
    effects.timer(AGAIN, due, event.token, MessageId::NONE);
}

fn again(state: &mut SchedulerState, token: u32, effects: &mut Effects) {
    let on = effects.common.power == Power::On;
    let Some(attempt) = state.attempts.get_mut(&token).filter(|_| on) else { return };
    let Some(envelope) = attempt.waiting.take() else { return };
    let parcel = Parcel { kind: HopKind::Retry, envelope, custody: Custody::Moves, token, count: 1 };
    effects.send(attempt.link, Direction::Forward, parcel);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Kind, Sink};
    use crate::scene::units::Duration;
    use crate::sim::row::HopKind;
    use crate::sim::testing::{Sketch, departure, stop};

    fn fired(scheduler: Scheduler, sketch: Sketch, millis: u64) -> Vec<u64> {
        let sketch = sketch
            .node("clock", Kind::Scheduler(scheduler))
            .node("sink", Kind::Sink(Sink::default()))
            .link("clock", "sink");
        sketch.run_both(millis).hops("clock", "sink", HopKind::Event).iter().map(departure).collect()
    }

    fn rate(step: u64, start: u64, end: Option<u64>) -> Scheduler {
        let schedule = Schedule::Rate(Duration::millis(step));
        let (start, end) = (Duration::millis(start), end.map(Duration::millis));
        Scheduler { schedule, start, end, ..Scheduler::default() }
    }

    #[test]
    fn a_rate_fires_at_its_start_and_then_in_fixed_steps() {
        // SC-14.
        assert_eq!(fired(rate(300, 100, None), Sketch::default(), 1_200), [100, 400, 700, 1_000]);
    }

    #[test]
    fn a_firing_at_the_end_happens_and_none_after_it() {
        // SC-16.
        assert_eq!(fired(rate(300, 100, Some(700)), Sketch::default(), 5_000), [100, 400, 700]);
        assert_eq!(fired(rate(300, 100, Some(699)), Sketch::default(), 5_000), [100, 400]);
    }

    #[test]
    fn a_single_time_fires_once() {
        // SC-17.
        let once = Scheduler { schedule: Schedule::At(Duration::millis(250)), ..rate(1, 900, Some(0)) };
        assert_eq!(fired(once, Sketch::default(), 5_000), [250]);
    }

    #[test]
    fn a_cron_expression_fires_by_the_clock_of_its_zone() {
        // SC-10, SC-11: `cron(0/30 1-3 29 3 ? 2026)` in Berlin; 02:00 and 02:30 do not exist that night.
        let mut sketch = Sketch::default();
        sketch.scene.settings.begins = "2026-03-29T00:59:00+01:00".parse().unwrap_or_else(|error| panic!("{error}"));
        let schedule = Schedule::Cron("0/30 1-3 29 3 ? 2026".to_owned());
        let berlin = Scheduler { schedule, zone: "Europe/Berlin".to_owned(), ..Scheduler::default() };
        let minutes = |millis: Vec<u64>| millis.iter().map(|at| at / 60_000).collect::<Vec<_>>();
        assert_eq!(minutes(fired(berlin.clone(), sketch.clone(), 14_400_000)), [1, 31, 61, 91]);
        // SC-16: the first occurrence at or after the start counts.
        let later = Scheduler { start: Duration::seconds(31 * 60), end: Some(Duration::seconds(61 * 60)), ..berlin };
        assert_eq!(minutes(fired(later, sketch, 14_400_000)), [31, 61]);
    }

    #[test]
    fn a_date_fires_once_by_the_clock_of_its_zone() {
        // SC-15: a time in a gap moves forward by the gap.
        let mut sketch = Sketch::default();
        sketch.scene.settings.begins = "2026-03-29T00:00:00Z".parse().unwrap_or_else(|error| panic!("{error}"));
        let schedule = Schedule::Date("2026-03-29T02:30:00".to_owned());
        let date = Scheduler { schedule, zone: "Europe/Berlin".to_owned(), ..Scheduler::default() };
        assert_eq!(fired(date, sketch, 7_200_000), [5_400_000]);
    }

    #[test]
    fn a_firing_comes_anywhere_in_its_window_and_shifts_no_other() {
        // SC-18.
        let times = fired(Scheduler { window: Duration::millis(200), ..rate(300, 0, None) }, Sketch::default(), 30_000);
        let late: Vec<u64> = times.iter().map(|at| at % 300).collect();
        assert!(late.iter().all(|late| *late <= 200) && late.iter().max() > Some(&150), "{late:?}");
        assert!((99..=100).contains(&times.len()), "{}", times.len());
    }

    #[test]
    fn a_stop_loses_firings_and_shifts_none() {
        let stopped = Sketch::default().fault(350, 850, stop("clock"));
        assert_eq!(fired(rate(300, 100, None), stopped, 1_500), [100, 1_000, 1_300]);
    }

    #[test]
    fn what_a_target_refuses_is_tried_again_until_its_retries_are_used_up() {
        // SC-20.
        let refused = |retries: u32, age_max: u64| {
            let schedule = Schedule::At(Duration::millis(100));
            let age_max = Duration::seconds(age_max);
            let ran = Sketch::default()
                .node("clock", Kind::Scheduler(Scheduler { schedule, retries, age_max, ..Scheduler::default() }))
                .node("sink", Kind::Sink(Sink { refuses: true }))
                .node("dead", Kind::Sink(Sink::default()))
                .link("clock", "sink")
                .dead_letters("clock", "dead")
                .run_both(200_000);
            (ran.hops("clock", "sink", HopKind::Retry).len(), ran.ends("dead", Fate::Delivered))
        };
        assert_eq!(refused(3, 86_400), (3, 1));
        assert_eq!(refused(0, 86_400), (0, 1));
        let (retries, dead) = refused(185, 20);
        assert!((2..15).contains(&retries) && dead == 1, "{retries}: the age ends them");
    }

    #[test]
    fn a_firing_outlives_the_stop_of_its_target_and_of_the_scheduler() {
        let sketch = Sketch::default()
            .node("clock", Kind::Scheduler(Scheduler { end: Some(Duration::millis(900)), ..rate(100, 0, None) }))
            .node("sink", Kind::Sink(Sink::default()))
            .link("clock", "sink")
            .fault(50, 2_000, stop("sink"))
            .fault(950, 1_500, stop("clock"));
        assert_eq!(sketch.run_both(60_000).ends("sink", Fate::Delivered), 10);
    }

    #[test]
    fn a_step_of_no_time_fires_once() {
        assert_eq!(fired(rate(0, 100, None), Sketch::default(), 1_000), [100]);
    }
}
