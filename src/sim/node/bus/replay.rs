//! Archive and replay: a bus keeps its events, and sends them again.
//!
//! Invariant: a replayed event is a copy that says it is one; it is matched as any other and not archived again (EB-121).
//! Invariant: a replay goes minute by minute, the oldest first; inside a minute any order is right (EB-124).

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BusParameters, BusState, REPLAY, ingest};
use crate::flow::states::Document;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::effects::{Effects, Envelope};
use crate::sim::id::MessageId;
use crate::sim::payload::Payload;
use crate::sim::row::Fate;

/// Events that an archive keeps; the oldest leave first. A bound on memory, not a rule of the service.
const ARCHIVE_MAX: usize = 100_000;
/// A replay takes the events of so much time together (EB-124).
const INTERVAL: SimSpan = SimSpan::from_seconds(60);
/// The field that a replayed event gains (EB-125).
const NAME: &str = "replay-name";

/// What a bus keeps of its events, and the replays under way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Replays {
    /// When each event was accepted, and a copy of it.
    archive: VecDeque<(SimTime, Envelope)>,
    /// What each replay has still to send, by its number.
    under_way: BTreeMap<u32, VecDeque<(SimTime, Envelope)>>,
    begun: u32,
}

impl Replays {
    /// Copies in the archive.
    pub(super) fn kept(&self) -> usize {
        self.archive.len()
    }

    /// Puts a copy of an event into the archive.
    pub(super) fn keep(&mut self, envelope: &Envelope, effects: &mut Effects) {
        if self.archive.len() >= ARCHIVE_MAX
            && let Some((_, oldest)) = self.archive.pop_front()
        {
            effects.end(&oldest, Fate::Expired);
        }
        let copy = effects.copy(envelope, envelope.payload);
        self.archive.push_back((effects.now, copy));
    }

    /// Takes the events of the next minute of a replay.
    fn next_minute(&mut self, number: u32) -> Vec<Envelope> {
        let Some(events) = self.under_way.get_mut(&number) else { return Vec::new() };
        let minute = |at: &SimTime| at.nanos() / INTERVAL.nanos();
        let first = events.front().map(|(at, _)| minute(at));
        let count = events.iter().take_while(|(at, _)| Some(minute(at)) == first).count();
        let taken = events.drain(..count).map(|(_, envelope)| envelope).collect();
        if events.is_empty() {
            self.under_way.remove(&number);
        }
        taken
    }
}

/// A replay of the oldest `count` archived events begins.
pub(super) fn begin(parameters: &BusParameters, state: &mut BusState, count: u32, effects: &mut Effects) {
    let replays = &mut state.replays;
    replays.begun += 1;
    let number = replays.begun;
    let events: VecDeque<_> = replays.archive.iter().take(count as usize).copied().collect();
    if !events.is_empty() {
        replays.under_way.insert(number, events);
        go_on(parameters, state, number, effects);
    }
}

/// The next minute of a replay is put on the bus; the one after it follows when this one is matched.
pub(super) fn go_on(parameters: &BusParameters, state: &mut BusState, number: u32, effects: &mut Effects) {
    let mut over = effects.now;
    for kept in state.replays.next_minute(number) {
        let payload = named(number, kept.payload, effects);
        let copy = effects.copy(&kept, payload);
        over = over.max(ingest(parameters, state, copy, effects));
    }
    if state.replays.under_way.contains_key(&number) {
        effects.timer(REPLAY, over, effects.common.epoch, MessageId(u64::from(number)));
    }
}

/// After a stop, the replays go on where they were.
pub(super) fn resume(parameters: &BusParameters, state: &mut BusState, effects: &mut Effects) {
    let numbers: Vec<u32> = state.replays.under_way.keys().copied().collect();
    for number in numbers {
        go_on(parameters, state, number, effects);
    }
}

/// What an event says, with the name of its replay. Only an object can say so.
fn named(number: u32, payload: Payload, effects: &mut Effects) -> Payload {
    let mut value = effects.read(payload).into_value();
    let Some(members) = value.as_object_mut() else { return payload };
    members.insert(NAME.to_owned(), Value::from(format!("replay-{number}")));
    effects.write(&Document::from(value))
}
