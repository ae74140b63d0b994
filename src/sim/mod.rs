//! The engine: turns a scene into a model and runs it.
//!
//! Invariant: no clock but `SimTime`; no thread, partition or hash order reaches a recording.
//! Invariant: partitions share no memory; one sees the others only through its mail.

pub mod id;
pub mod row;
