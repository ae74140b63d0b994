//! Row numbers of a model, and the ids of messages.
//!
//! Invariant: an index means something only beside the model that it belongs to.

/// A node's row in its model. Scene nodes come first, in the order of their ids; hidden nodes follow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct NodeIndex(pub u32);

/// A link's row in its model. Scene links come first, in the order of their ids; hidden links follow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct LinkIndex(pub u32);

/// One custody of a payload: the node that created it and that node's counter.
///
/// The node stands in the upper 24 bits, the counter in the lower 40.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct MessageId(pub u64);

impl MessageId {
    /// No message: hops that carry none (polls, acknowledgements) have this.
    pub const NONE: MessageId = MessageId(u64::MAX);
    const COUNTER_BITS: u32 = 40;

    /// The `counter`-th message that `node` created.
    pub const fn new(node: NodeIndex, counter: u64) -> MessageId {
        MessageId(((node.0 as u64) << Self::COUNTER_BITS) | (counter & ((1 << Self::COUNTER_BITS) - 1)))
    }

    /// The node that created it.
    pub const fn creator(self) -> NodeIndex {
        NodeIndex((self.0 >> Self::COUNTER_BITS) as u32)
    }

    /// The creating node's counter.
    pub const fn counter(self) -> u64 {
        self.0 & ((1 << Self::COUNTER_BITS) - 1)
    }
}

impl NodeIndex {
    /// The row as an index into a model's columns.
    pub const fn row(self) -> usize {
        self.0 as usize
    }
}

impl LinkIndex {
    /// The row as an index into a model's columns.
    pub const fn row(self) -> usize {
        self.0 as usize
    }
}
