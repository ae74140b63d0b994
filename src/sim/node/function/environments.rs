//! Environments: where a function's code runs, one invocation in each.
//!
//! Invariant: environments in use never exceed the function's concurrency (FN-3).
//! Invariant: the most recently used idle one is taken first, so surplus ones grow old (FN-13).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::bucket::{Bucket, BucketLevel};

/// New environments that a function may add at once, and in ten seconds (FN-8, FN-9).
const SCALING_BURST: u32 = 1_000;
/// New environments a second after that.
const SCALING_HERTZ: f64 = 100.0;

/// How many environments there may be, and for how long.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Capacity {
    /// In use at most at one time.
    pub concurrency: u32,
    /// Always warm.
    pub provisioned: u32,
    /// An idle one is removed after this.
    pub keep_warm: SimSpan,
    /// How fast new ones may come.
    pub scaling: Bucket,
}

/// The environments of one function.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Environments {
    /// Since when each idle one is idle, oldest first.
    idle: VecDeque<SimTime>,
    /// Places in use, those whose environment is still to be found included.
    reserved: u32,
    provisioned_busy: u32,
    scaling: BucketLevel,
}

/// What an invocation runs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Environment {
    /// One of those that are always warm.
    Provisioned,
    /// One that was made for an invocation and serves further ones.
    OnDemand,
}

/// How an invocation finds its environment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// Ready to run.
    Warm(Environment),
    /// To be made first.
    Cold,
}

/// What an invocation leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// An environment that serves again (FN-18).
    Reusable,
    /// An environment that was reset: the next invocation is cold (FN-17).
    Reset,
}

impl Capacity {
    /// The scaling rate that holds for every function.
    pub(super) fn scaling() -> Bucket {
        Bucket::new(SCALING_HERTZ, SCALING_BURST)
    }
}

impl Environments {
    /// Takes a place, if one is free (FN-10 b).
    pub(super) fn reserve(&mut self, capacity: &Capacity) -> bool {
        let free = self.reserved < capacity.concurrency;
        self.reserved += u32::from(free);
        free
    }

    /// Whether one of the environments that are always warm is free.
    pub(super) fn has_provisioned(&self, capacity: &Capacity) -> bool {
        self.provisioned_busy < capacity.provisioned
    }

    /// Finds an environment for a reserved place; none where the scaling rate forbids a new one (FN-10 c).
    pub(super) fn find(&mut self, capacity: &Capacity, now: SimTime) -> Option<Found> {
        if self.has_provisioned(capacity) {
            self.provisioned_busy += 1;
            return Some(Found::Warm(Environment::Provisioned));
        }
        while self.idle.front().is_some_and(|since| *since + capacity.keep_warm <= now) {
            self.idle.pop_front();
        }
        if self.idle.pop_back().is_some() {
            return Some(Found::Warm(Environment::OnDemand));
        }
        self.scaling.take(&capacity.scaling, now).then_some(Found::Cold)
    }

    /// Gives up a place without an environment.
    pub(super) fn release_place(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Gives up a place, and the environment that stood in it.
    pub(super) fn release(&mut self, environment: Environment, left: Left, now: SimTime) {
        self.release_place();
        match (environment, left) {
            (Environment::Provisioned, _) => self.provisioned_busy = self.provisioned_busy.saturating_sub(1),
            (Environment::OnDemand, Left::Reusable) => self.idle.push_back(now),
            (Environment::OnDemand, Left::Reset) => {}
        }
    }

    /// Loses all environments, as a stopped function does.
    pub(super) fn clear(&mut self) {
        self.idle.clear();
        self.reserved = 0;
        self.provisioned_busy = 0;
    }
}
