//! The engine's track: what each partition did from one delivery to the next.
//!
//! Invariant: counts alone, no clock; who receives them says when. They differ from run to run and are
//! no part of a recording.

use crate::scene::time::SimTime;

/// What all partitions did since the step before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineStep {
    /// Simulated time at its end.
    pub until: SimTime,
    /// Windows that partitions ran side by side; none while one queue holds everything.
    pub windows: u64,
    /// Threads that work at partitions.
    pub threads: u32,
    /// One entry a partition.
    pub loads: Vec<Load>,
}

/// How much a partition did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Events that it worked off.
    pub events: u64,
    /// Events that it took over from other partitions.
    pub transfers: u64,
}

impl Load {
    /// What came on top of `earlier`.
    pub fn since(self, earlier: Load) -> Load {
        let Load { events, transfers } = earlier;
        Load { events: self.events.saturating_sub(events), transfers: self.transfers.saturating_sub(transfers) }
    }
}
