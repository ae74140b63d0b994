//! The languages of the components, as pure functions without a clock.
//!
//! Invariant: nothing here knows of nodes, links or simulated time passing; text and values come in,
//! answers go out, and the same input gives the same answer on every platform.

pub mod pattern;
pub mod input;
pub mod route;
pub mod template;
pub mod states;
pub mod schedule;
