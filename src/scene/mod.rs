//! The document: what people draw, how it is written to a file, and how it is changed.
//!
//! Invariant: this room does not know what a node does, nor that a window exists.

pub mod document;
pub mod kind;
pub mod units;
pub mod slug;
pub mod time;
pub mod problem;
pub mod check;
pub mod text;
pub mod migrate;
pub mod edit;
pub mod history;
pub mod diff;
pub mod save;
pub mod journal;
pub mod sample;
pub mod builtin;
