//! Work in hand: what a node took on and will answer for.
//!
//! Invariant: a task ends exactly once, by `succeed` or `fail`; its caller or its queue hears of it then.
//! Invariant: a pulled message stays in its queue's custody until the acknowledgement; the next poll
//! leaves when every message of the batch is done with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scene::time::SimSpan;
use crate::sim::consume;
use crate::sim::effects::{BatchItem, Effects, Envelope, Parcel};
use crate::sim::event::{Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId};
use crate::sim::row::{Direction, Fate, HopKind};

/// One piece of work.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Task {
    /// It was sent here: who sent it may wait for the answer.
    Sent(SimEvent),
    /// It was pulled from a queue, in this batch.
    Pulled(BatchItem, u32),
}

/// Where a message goes that was worked on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Onward {
    /// Over all outgoing event links; it ends here where there is none.
    Events,
    /// It ends here.
    Nowhere,
}

/// The batches of which some messages are still in hand.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Batches {
    open: BTreeMap<u32, OpenBatch>,
    received: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct OpenBatch {
    link: LinkIndex,
    in_hand: usize,
    done: Vec<BatchItem>,
}

impl Task {
    /// The message.
    pub fn envelope(&self) -> Envelope {
        match self {
            Task::Sent(event) => event.envelope(),
            // Each hand-out has luck of its own.
            Task::Pulled(item, _) => {
                Envelope { hop: item.envelope.hop.wrapping_add(item.receives as u16), ..item.envelope }
            }
        }
    }

    /// Messages in this node's custody: one, or none for a pulled one.
    pub fn held(&self) -> u64 {
        match self {
            Task::Sent(event) => event.custody as u64,
            Task::Pulled(..) => 0,
        }
    }
}

impl Batches {
    /// The tasks in a batch that arrived; an empty batch is asked for again at once.
    pub fn receive(&mut self, event: &SimEvent, effects: &mut Effects) -> Vec<Task> {
        let Some(items) = consume::receive(event, effects) else { return Vec::new() };
        if items.is_empty() {
            consume::poll(event.link(), effects);
            return Vec::new();
        }
        let number = self.received;
        self.received = number.wrapping_add(1);
        self.open.insert(number, OpenBatch { link: event.link(), in_hand: items.len(), done: Vec::new() });
        items.into_iter().map(|item| Task::Pulled(item, number)).collect()
    }

    /// Forgets all: their messages come back after their visibility timeout.
    pub fn forget(&mut self) {
        self.open.clear();
    }

    fn settle(&mut self, number: u32, done: Option<BatchItem>, effects: &mut Effects) {
        let Some(batch) = self.open.get_mut(&number) else { return };
        batch.done.extend(done);
        batch.in_hand = batch.in_hand.saturating_sub(1);
        if batch.in_hand > 0 {
            return;
        }
        if let Some(OpenBatch { link, done, .. }) = self.open.remove(&number) {
            consume::acknowledge(link, done, effects);
            consume::poll(link, effects);
        }
    }
}

/// Ends a task well: who waits gets a reply, and the message goes on or ends.
pub fn succeed(task: &Task, batches: &mut Batches, onward: Onward, effects: &mut Effects) {
    let envelope = task.envelope();
    match task {
        Task::Sent(event) => {
            effects.reply(event, HopKind::Reply, envelope, Custody::Stays);
            let goes_on = onward == Onward::Events && event.kind != HopKind::Request;
            if onward == Onward::Events && !goes_on {
                send_copies(&envelope, effects);
            }
            match event.custody {
                Custody::Moves if goes_on => pass_on(envelope, effects),
                Custody::Moves => effects.end(&envelope, Fate::Delivered),
                Custody::Stays => {}
            }
        }
        Task::Pulled(item, number) => {
            if onward == Onward::Events {
                send_copies(&envelope, effects);
            }
            batches.settle(*number, Some(*item), effects);
        }
    }
}

/// Ends a task badly: a requester gets an error, a sender that retries gets its message back, and
/// a queue hands the message out again.
pub fn fail(task: &Task, batches: &mut Batches, effects: &mut Effects) {
    match task {
        Task::Sent(event) => {
            let envelope = event.envelope();
            let returns = event.custody == Custody::Moves && event.token != 0 && event.kind != HopKind::Request;
            if event.custody == Custody::Moves && !returns {
                effects.end(&envelope, Fate::Failed);
            }
            let custody = if returns { Custody::Moves } else { Custody::Stays };
            effects.reply(event, HopKind::Error, envelope, custody);
        }
        Task::Pulled(_, number) => batches.settle(*number, None, effects),
    }
}

/// Sends a message on: itself over the first event link, a copy over each other. Without any it ends.
pub fn pass_on(envelope: Envelope, effects: &mut Effects) {
    let Some((first, others)) = effects.ports().events.split_first() else {
        return effects.end(&envelope, Fate::Delivered);
    };
    send_event(*first, envelope, effects);
    for link in others {
        let copy = effects.copy(&envelope, envelope.payload);
        send_event(*link, copy, effects);
    }
}

/// Sends a copy of a message over each event link.
pub fn send_copies(of: &Envelope, effects: &mut Effects) {
    for link in &effects.ports().events {
        let copy = effects.copy(of, of.payload);
        send_event(*link, copy, effects);
    }
}

/// Sends a message that nobody waits for.
pub fn send_event(link: LinkIndex, envelope: Envelope, effects: &mut Effects) {
    let parcel = Parcel { kind: HopKind::Event, envelope, custody: Custody::Moves, token: 0, count: 1 };
    effects.send(link, Direction::Forward, parcel);
}

/// The slot of the timers that a [`Desk`] sets.
pub const DESK_DONE: u32 = 0;

/// Tasks that are all worked on at once, each for its own time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Desk {
    tasks: BTreeMap<u64, Task>,
    taken: u64,
    /// The batches of which some are on the desk.
    pub batches: Batches,
}

impl Desk {
    /// Takes a task on; its timer comes back after `span`.
    pub fn take_on(&mut self, task: Task, span: SimSpan, effects: &mut Effects) {
        let number = self.taken;
        self.taken += 1;
        self.tasks.insert(number, task);
        effects.timer(DESK_DONE, effects.now + span, effects.common.epoch, MessageId(number));
        self.show(effects);
    }

    /// The task that a timer is for, off the desk. `None` for one of before a stop.
    pub fn finish(&mut self, timer: &SimEvent, effects: &mut Effects) -> Option<Task> {
        if timer.via != DESK_DONE || timer.token != effects.common.epoch {
            return None;
        }
        let task = self.tasks.remove(&timer.message.0)?;
        self.show(effects);
        Some(task)
    }

    /// A stop loses all that is on the desk, and says so to who waits.
    pub fn lose_all(&mut self, effects: &mut Effects) {
        self.batches.forget();
        for task in std::mem::take(&mut self.tasks).into_values() {
            fail(&task, &mut self.batches, effects);
        }
        self.show(effects);
    }

    /// Messages on the desk that are in the node's custody.
    pub fn held(&self) -> u64 {
        self.tasks.values().map(Task::held).sum()
    }

    fn show(&self, effects: &mut Effects) {
        effects.sample(0, self.tasks.len(), self.tasks.len());
    }
}
