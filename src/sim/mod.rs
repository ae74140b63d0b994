//! The engine: turns a scene into a model and runs it.
//!
//! Invariant: no clock but `SimTime`; no thread, partition or hash order reaches a recording.
//! Invariant: partitions share no memory; one sees the others only through its mail.
//! Start at `run.rs`, `Simulation::run_until`.

pub mod compile;
pub mod model;
pub mod id;
pub mod track;
pub mod run;
pub mod live;
pub mod split;
pub mod partition;
pub mod agenda;
pub mod event;
pub mod effects;
pub mod border;
pub mod way;
pub mod payload;
pub mod matching;
pub mod draw;
pub mod retry;
pub mod bucket;
pub mod command;
pub mod consume;
pub mod work;
pub mod node;
pub mod row;
#[cfg(test)]
pub(in crate::sim) mod testing;
#[cfg(test)]
mod interface_tests;
