//! The rows that a run writes: what left, what became of it, how full things were.
//!
//! Invariant: a row's key is (time, writing node, that node's row number); sorting by it gives the
//! one canonical order, whatever threads and partitions wrote the rows.
//! Invariant: rows never change once written.

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::id::{LinkIndex, MessageId, NodeIndex};
use crate::sim::track::EngineStep;

/// The canonical key of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct RowKey {
    /// When it was written.
    pub time: SimTime,
    /// The row of the node that wrote it.
    pub node: u32,
    /// The how-manieth row of that node this is, over all tables, wrapping.
    pub number: u32,
}

/// Which way over a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Direction {
    /// From the link's source to its target.
    Forward = 0,
    /// From its target back to its source.
    Backward = 1,
}

/// What a hop carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum HopKind {
    /// A message that is sent and not waited for.
    Event = 0,
    /// A message whose sender waits for the reply.
    Request = 1,
    /// A good reply.
    Reply = 2,
    /// A message sent again after a failed attempt.
    Retry = 3,
    /// A reply that reports an error.
    Error = 4,
    /// A reply that refuses for want of capacity.
    Throttled = 5,
    /// A message on its way to a dead-letter queue.
    DeadLetter = 6,
    /// Messages handed out by a queue to a consumer.
    Batch = 7,
    /// A consumer's question for messages; carries none.
    Poll = 8,
    /// A consumer's word on what it received; carries none.
    Acknowledgement = 9,
}

/// What the wire did with a hop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum WireFate {
    /// It arrives.
    Carried = 0,
    /// It is lost on the way.
    Lost = 1,
}

/// What became of a hop where it arrived.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Outcome {
    /// The target took it.
    Accepted = 0,
    /// The target turned it away for want of capacity.
    Throttled = 1,
    /// The target failed, or is stopped.
    Failed = 2,
    /// The target had no use for it: no rule matched, a filter dropped it.
    Filtered = 3,
    /// It came too late to matter.
    Late = 4,
    /// The target keeps it as a dead letter.
    DeadLettered = 5,
}

/// How a message ended, for the balance of conservation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Fate {
    /// Its last receiver is done with it.
    Delivered = 0,
    /// A filter, or a bus without a matching rule, let it go.
    Filtered = 1,
    /// Refused for want of capacity, and nobody tries again.
    Throttled = 2,
    /// Failed, and nobody tries again.
    Failed = 3,
    /// Older than its keeper's retention.
    Expired = 4,
    /// Lost on a wire.
    Lost = 5,
    /// Its requester stopped waiting.
    TimedOut = 6,
}

/// A message's way over one link in one direction, written by its sender as it departs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HopRow {
    /// `time` is the departure.
    pub key: RowKey,
    /// When it arrives; for a lost one, when it would have.
    pub arrive: SimTime,
    /// What travels; `MessageId::NONE` for control.
    pub message: MessageId,
    /// The way.
    pub link: LinkIndex,
    /// The sender's sequence number: with link and direction it names the hop.
    pub sequence: u32,
    /// How many hops the message had made before this one, wrapping.
    pub attempt: u16,
    /// Messages that it carries: 0 for control, more than 1 for batches.
    pub count: u16,
    /// Which way.
    pub direction: Direction,
    /// What it carries.
    pub kind: HopKind,
    /// What the wire does with it.
    pub wire: WireFate,
}

/// What became of a hop, written by its target as it arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceiptRow {
    /// `time` is the arrival.
    pub key: RowKey,
    /// The message of the hop.
    pub message: MessageId,
    /// The way of the hop.
    pub link: LinkIndex,
    /// The sender's sequence number of the hop.
    pub sequence: u32,
    /// Which way it came.
    pub direction: Direction,
    /// What became of it.
    pub outcome: Outcome,
}

/// How full a node was over one cell of the sample grid, written at the cell's end where it changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SampleRow {
    /// `time` is the end of the cell.
    pub key: RowKey,
    /// Messages waiting, at the end.
    pub depth: u32,
    /// Least waiting in the cell.
    pub depth_min: u32,
    /// Most waiting in the cell.
    pub depth_max: u32,
    /// Messages handed out and not settled, at the end.
    pub in_flight: u32,
    /// Servers or environments at work, at the end.
    pub busy: u32,
    /// Most at work in the cell.
    pub busy_max: u32,
    /// The node's condition at the end, as bits of [`Condition`].
    pub condition: u8,
}

/// Bits of a node's condition.
pub struct Condition;

impl Condition {
    /// Stopped by a fault or a command.
    pub const STOPPED: u8 = 1;
    /// Works slower than it should.
    pub const SLOW: u8 = 2;
    /// Part of its work fails by a fault or a command.
    pub const FAILING: u8 = 4;
    /// At least one environment is in a cold start.
    pub const COLD: u8 = 8;
    /// Turned something away since the last sample.
    pub const THROTTLING: u8 = 16;
}

/// A quantity that is folded into histograms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Metric {
    /// Nanoseconds between arrival and start of work, or from visible to handed out.
    Wait = 0,
    /// Nanoseconds of work: the node's own service time.
    Service = 1,
    /// Nanoseconds from a request's first attempt to its answer, at the requester.
    Response = 2,
    /// Nanoseconds from a message's origin to its end here.
    EndToEnd = 3,
}

/// One value of a metric at a node. For [`Metric::EndToEnd`], `origin` is the node where it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MeasureRow {
    /// When it was measured, and by whom.
    pub key: RowKey,
    /// What was measured.
    pub metric: Metric,
    /// The node where the flow began, or the measuring node itself.
    pub origin: NodeIndex,
    /// Its value.
    pub value: SimSpan,
}

/// A message that ended, for counts by fate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndRow {
    /// When and where it ended.
    pub key: RowKey,
    /// The message.
    pub message: MessageId,
    /// How.
    pub fate: Fate,
}

/// A command or fault that acted.
#[derive(Clone, PartialEq, Debug)]
pub struct CommandRow {
    /// When it acted, and on which node.
    pub key: RowKey,
    /// The command in RON, as it would stand in a scene or be given live.
    pub text: String,
}

/// A line that a node wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRow {
    /// When and by whom.
    pub key: RowKey,
    /// The line.
    pub text: String,
}

/// Rows of all tables, as one partition wrote them in one or more windows.
///
/// Invariant: each table is sorted by key, except that rows of equal time may need sorting.
#[derive(Clone, Default, Debug)]
pub struct Rows {
    /// Departures.
    pub hops: Vec<HopRow>,
    /// Arrivals.
    pub receipts: Vec<ReceiptRow>,
    /// How full nodes were.
    pub samples: Vec<SampleRow>,
    /// Values for histograms.
    pub measures: Vec<MeasureRow>,
    /// Ends of messages.
    pub ends: Vec<EndRow>,
    /// Commands and faults.
    pub commands: Vec<CommandRow>,
    /// Lines.
    pub logs: Vec<LogRow>,
}

impl Rows {
    /// Rows over all tables.
    pub fn len(&self) -> usize {
        let Rows { hops, receipts, samples, measures, ends, commands, logs } = self;
        hops.len() + receipts.len() + samples.len() + measures.len() + ends.len() + commands.len() + logs.len()
    }

    /// Takes all rows; room for as many is left, since as many are likely to follow.
    pub fn take(&mut self) -> Rows {
        let room = Rows {
            hops: Vec::with_capacity(self.hops.len()),
            receipts: Vec::with_capacity(self.receipts.len()),
            samples: Vec::with_capacity(self.samples.len()),
            measures: Vec::with_capacity(self.measures.len()),
            ends: Vec::with_capacity(self.ends.len()),
            commands: Vec::new(),
            logs: Vec::new(),
        };
        std::mem::replace(self, room)
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the engine hands to the writer of the recording, in order of time.
#[derive(Debug)]
pub enum Delivery {
    /// Rows of partitions; every row's time is before `until`, and at or after the last `until`.
    Rows {
        /// One entry a partition that wrote something.
        parts: Vec<Rows>,
        /// No later delivery holds an earlier row.
        until: SimTime,
    },
    /// How partitions fared; no part of the recording.
    Step(EngineStep),
    /// The run is over; the recording ends exactly here.
    End {
        /// The last instant.
        at: SimTime,
    },
}

/// The grid of samples.
pub const SAMPLE_GRID: SimSpan = SimSpan::from_millis(10);
