//! Questions asked of runs.
//!
//! Invariant: answers come from recordings alone, so a finished run answers like a live one.

pub mod report;
pub mod parallelism;
pub mod rerun;
