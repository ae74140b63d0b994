//! Commands: what a person, or a fault of the scene, does to a run.
//!
//! Invariant: a command is stamped with the instant at which it acts and is recorded; running it
//! again at that instant gives the same recording.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Kind;
use crate::scene::slug::{LinkId, NodeId};
use crate::scene::time::SimTime;

/// Something done to a run at an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// When it acts.
    pub at: SimTime,
    /// What it does.
    pub action: CommandAction,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CommandAction {
    /// The node does nothing and refuses what arrives.
    Stop(NodeId),
    /// The node works again.
    Start(NodeId),
    /// The node's work takes this many times as long; 1 is as usual.
    Slow(NodeId, f64),
    /// This share of the node's work fails besides what its parameters say; 0 is as usual.
    ErrorRate(NodeId, f64),
    /// The link takes no departures.
    Cut(LinkId),
    /// The link takes departures again.
    Restore(LinkId),
    /// The node is told other parameters of its kind.
    Parameters(NodeId, Box<Kind>),
    /// A producer, client or scheduler sends this many at once; a bus replays this many of its
    /// archive, oldest first.
    Send(NodeId, u32),
}
