//! The engine's event: small, plain, moved by value.
//!
//! Invariant: the execution key (time, target, class, source, sequence) is unique, so simultaneous
//! events have one order whatever carried them.

use serde::{Deserialize, Serialize};

use crate::scene::time::SimTime;
use crate::sim::id::{LinkIndex, MessageId, NodeIndex};
use crate::sim::payload::Payload;
use crate::sim::row::{Direction, HopKind};

/// What an event is to its target, in the order in which simultaneous ones act.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Class {
    /// A person's command, or a fault of the scene. `token` is its row in the command list.
    Command = 0,
    /// The node's own timer. `slot` says which, `token` is its generation.
    Timer = 1,
    /// A hop arrives.
    Arrival = 2,
}

/// An entry of the event queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SimEvent {
    /// When it acts.
    pub time: SimTime,
    /// On whom.
    pub target: NodeIndex,
    /// Who caused it.
    pub source: NodeIndex,
    /// The causing node's counter.
    pub sequence: u32,
    /// Of an arrival: the link. Of a timer: its slot.
    pub via: u32,
    /// What it is.
    pub class: Class,
    /// Of an arrival: what the hop carries.
    pub kind: HopKind,
    /// Of an arrival: which way over the link.
    pub direction: Direction,
    /// Of an arrival: whether the message's custody travels with it.
    pub custody: Custody,
    /// Hops that the message made before this one, wrapping: part of the key of its draws.
    pub hop: u16,
    /// Of a batch or acknowledgement: how many messages. Of a poll: how many are asked for.
    pub count: u16,
    /// Of a request: the requester's; it comes back with the reply. Zero: no answer is wanted.
    pub token: u32,
    /// Node where the flow began.
    pub origin: NodeIndex,
    /// The message; of a batch: its handle.
    pub message: MessageId,
    /// What it says.
    pub payload: Payload,
    /// When the flow began.
    pub born: SimTime,
}

/// Whether an arriving hop brings a message that its target must account for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Custody {
    /// It stays with the sender, or there is none: control, leases, good replies.
    Stays = 0,
    /// It moves to the target.
    Moves = 1,
}

const _: () = assert!(size_of::<SimEvent>() <= 72, "the hot loop moves events by value");

impl SimEvent {
    /// The link of an arrival.
    #[inline]
    pub fn link(&self) -> LinkIndex {
        LinkIndex(self.via)
    }

    /// The execution key.
    #[inline]
    pub fn key(&self) -> (SimTime, NodeIndex, Class, NodeIndex, u32) {
        (self.time, self.target, self.class, self.source, self.sequence)
    }
}

impl PartialOrd for SimEvent {
    #[inline]
    fn partial_cmp(&self, other: &SimEvent) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SimEvent {
    #[inline]
    fn cmp(&self, other: &SimEvent) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
