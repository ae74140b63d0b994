//! Statistics of a span of time: what a report and a panel show.
//!
//! Invariant: made of integers by addition alone; floats appear only in what is asked of them.

use crate::record::histogram::Histogram;
use crate::record::statistics::CELL;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::id::NodeIndex;
use crate::sim::row::{Direction, Fate, HopKind, Metric, Outcome};

/// What happened from `from` up to but without `to`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowStatistics {
    /// First instant: the asked one, rounded down to the grid of statistics.
    pub from: SimTime,
    /// The instant after the last: the asked one rounded up, or the recording's end.
    pub to: SimTime,
    /// One entry a node, by its row; at least as many as the scene has nodes.
    pub nodes: Vec<NodeStatistics>,
    /// One entry a link, by its row; at least as many as the scene has links.
    pub links: Vec<LinkStatistics>,
    /// Flows by origin, then end.
    pub flows: Vec<FlowStatistics>,
}

/// What happened at a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStatistics {
    /// Messages that came forward over links, by [`Outcome`]; batches count their messages.
    pub arrivals: [u64; 6],
    /// Messages that it sent forward over links; batches count their messages.
    pub departures: u64,
    /// Messages that ended here, by [`Fate`].
    pub ends: [u64; 7],
    /// Messages waiting, times nanoseconds.
    pub depth_integral: u128,
    /// Most messages waiting.
    pub depth_max: u32,
    /// Servers at work, times nanoseconds.
    pub busy_integral: u128,
    /// Most servers at work.
    pub busy_max: u32,
    /// Messages handed out and not settled, times nanoseconds.
    pub in_flight_integral: u128,
    /// Nanoseconds of waiting.
    pub wait: Histogram,
    /// Nanoseconds of work.
    pub service: Histogram,
    /// Nanoseconds until an answer came.
    pub response: Histogram,
}

/// What went over a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStatistics {
    /// Hops by [`Direction`] and [`HopKind`].
    pub hops: [[u64; 10]; 2],
    /// Receipts by [`Direction`] and [`Outcome`].
    pub outcomes: [[u64; 6]; 2],
    /// Hops lost on the way, by [`Direction`].
    pub lost: [u64; 2],
}

/// How long messages took from an origin to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStatistics {
    /// Where they began.
    pub origin: NodeIndex,
    /// Where they ended.
    pub end: NodeIndex,
    /// Nanoseconds from origin to end.
    pub latency: Histogram,
}

impl WindowStatistics {
    /// An empty window from `from` to `to`, widened to the grid and ending at `end` at the latest.
    pub(crate) fn spanning(from: SimTime, to: SimTime, end: SimTime) -> WindowStatistics {
        let grid = CELL.nanos();
        let from = from.nanos() / grid * grid;
        let to = to.nanos().div_ceil(grid).saturating_mul(grid).min(end.nanos());
        WindowStatistics {
            from: SimTime::from_nanos(from),
            to: SimTime::from_nanos(to.max(from)),
            ..WindowStatistics::default()
        }
    }

    /// The empty window whose cells begin from `from` up to but without `to`, ending at `end`.
    pub(crate) fn beginning_in(from: SimTime, to: SimTime, end: SimTime) -> WindowStatistics {
        let grid = CELL.nanos();
        let up = |time: SimTime| time.nanos().div_ceil(grid).saturating_mul(grid).min(end.nanos());
        WindowStatistics {
            from: SimTime::from_nanos(up(from)),
            to: SimTime::from_nanos(up(to)),
            ..WindowStatistics::default()
        }
    }

    /// Its length.
    pub fn length(&self) -> SimSpan {
        self.to.since(self.from)
    }
}

impl NodeStatistics {
    /// Messages that came, whatever became of them.
    pub fn arrived(&self) -> u64 {
        self.arrivals.iter().sum()
    }

    /// Messages of one outcome.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.arrivals.get(outcome as usize).copied().unwrap_or(0)
    }

    /// Messages of one fate.
    pub fn ended(&self, fate: Fate) -> u64 {
        self.ends.get(fate as usize).copied().unwrap_or(0)
    }

    /// The histogram of a metric of the node; `None` for end-to-end, which belongs to flows.
    pub fn histogram(&self, metric: Metric) -> Option<&Histogram> {
        match metric {
            Metric::Wait => Some(&self.wait),
            Metric::Service => Some(&self.service),
            Metric::Response => Some(&self.response),
            Metric::EndToEnd => None,
        }
    }

    /// Mean number of messages waiting over `length`.
    pub fn depth_mean(&self, length: SimSpan) -> f64 {
        mean(self.depth_integral, length)
    }

    /// Mean number of servers at work over `length`.
    pub fn busy_mean(&self, length: SimSpan) -> f64 {
        mean(self.busy_integral, length)
    }

    /// Mean number of messages handed out over `length`.
    pub fn in_flight_mean(&self, length: SimSpan) -> f64 {
        mean(self.in_flight_integral, length)
    }
}

impl LinkStatistics {
    /// Hops of a kind in one direction.
    pub fn count(&self, direction: Direction, kind: HopKind) -> u64 {
        self.hops.get(direction as usize).and_then(|kinds| kinds.get(kind as usize)).copied().unwrap_or(0)
    }

    /// All hops in one direction.
    pub fn total(&self, direction: Direction) -> u64 {
        self.hops.get(direction as usize).map_or(0, |kinds| kinds.iter().sum())
    }
}

fn mean(integral: u128, length: SimSpan) -> f64 {
    if length.is_zero() { 0.0 } else { integral as f64 / length.nanos() as f64 }
}
