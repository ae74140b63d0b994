//! Polling: how a node takes messages from a queue.
//!
//! Invariant: a consumer keeps a fixed number of polls under way; each is answered by a batch (empty
//! when the wait is over) or by an error, and only then asks again.
//! Invariant: polls carry the consumer's epoch: answers to polls of before a stop are dropped, and
//! the messages in them come back after their visibility timeout.

use crate::scene::time::SimSpan;
use crate::sim::effects::{BatchItem, Effects, Envelope, Parcel};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::row::{Direction, HopKind, Outcome};

/// The slot of the timer after which a failed poll is sent again. Kinds use lower slots.
pub const POLL_AGAIN: u32 = u32::MAX;

/// The wait before a failed poll is sent again.
const POLL_RETRY: SimSpan = SimSpan::from_seconds(1);

/// How a consumer takes from a queue over one link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Polling {
    /// Polls under way at one time.
    pub pollers: u32,
    /// Messages asked for.
    pub batch_size: u16,
}

/// Sends the first polls over all incoming poll links: at the beginning, and after a stop.
pub fn begin(effects: &mut Effects) {
    for &link in &effects.ports().sources {
        for _ in 0..effects.model.links[link.row()].polling.pollers {
            poll(link, effects);
        }
    }
}

/// Sends one poll.
pub fn poll(link: LinkIndex, effects: &mut Effects) {
    let count = effects.model.links[link.row()].polling.batch_size;
    let envelope = Envelope::control(effects.node(), effects.now);
    let token = effects.common.epoch;
    let parcel = Parcel { kind: HopKind::Poll, envelope, custody: Custody::Stays, token, count };
    effects.send(link, Direction::Backward, parcel);
}

/// The items of a batch, or `None` for an answer to a poll of before a stop.
pub fn receive(event: &SimEvent, effects: &mut Effects) -> Option<Vec<BatchItem>> {
    let items = effects.take_batch(event);
    if event.token != effects.common.epoch {
        return None;
    }
    receipt(event, &items, Outcome::Accepted, effects);
    Some(items)
}

/// Says what became of a batch that arrived, in the name of its first message: its handle names a
/// partition, which no row may show. An empty batch leaves no row.
pub fn receipt(event: &SimEvent, items: &[BatchItem], outcome: Outcome, effects: &mut Effects) {
    if let Some(first) = items.first() {
        effects.receipt(&SimEvent { message: first.envelope.message, ..*event }, outcome);
    }
}

/// Tells the queue which messages are done; they are deleted there.
pub fn acknowledge(link: LinkIndex, items: Vec<BatchItem>, effects: &mut Effects) {
    if !items.is_empty() {
        effects.send_batch(link, Direction::Backward, HopKind::Acknowledgement, 0, items);
    }
}

/// Takes a whole batch at once: each message goes to `take` as a copy, all are acknowledged, and the
/// next poll leaves.
pub fn take_all(event: &SimEvent, effects: &mut Effects, mut take: impl FnMut(Envelope, &mut Effects)) {
    let Some(items) = receive(event, effects) else { return };
    for item in &items {
        let envelope = effects.copy(&item.envelope, item.envelope.payload);
        take(envelope, effects);
    }
    acknowledge(event.link(), items, effects);
    poll(event.link(), effects);
}

/// Handles what a consumer hears besides batches: a poll that failed is sent again after a while,
/// and a message that comes back to a node that does not try again ends.
pub fn answered(event: &SimEvent, effects: &mut Effects) {
    match event.class {
        Class::Timer if event.via == POLL_AGAIN && event.token == effects.common.epoch => {
            poll(LinkIndex(event.message.0 as u32), effects);
        }
        Class::Arrival if is_failed_poll(event) => {
            let at = effects.now + POLL_RETRY;
            effects.timer(POLL_AGAIN, at, event.token, MessageId(u64::from(event.via)));
        }
        Class::Arrival => {
            effects.receipt(event, Outcome::Accepted);
            if event.custody == Custody::Moves {
                effects.end(&event.envelope(), crate::sim::row::Fate::Failed);
            }
        }
        Class::Timer | Class::Command => {}
    }
}

/// Whether an arrival says that a poll failed.
fn is_failed_poll(event: &SimEvent) -> bool {
    event.kind == HopKind::Error && event.direction == Direction::Forward && event.message == MessageId::NONE
}
