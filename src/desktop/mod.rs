//! The window: a recording at a time, drawn, and the hands that change the scene.
//!
//! Invariant: no other room knows that this one exists, nor Bevy, nor egui.
//! Each frame runs [`state::DesktopSystems`] in their order; panels run after them, and what a
//! panel asks for is done in the next frame.

#![allow(
    clippy::too_many_arguments,
    clippy::type_complexity,
    reason = "a system takes what it reads and writes as arguments"
)]

pub mod state;
pub mod theme;
pub mod request;
pub mod app;
pub mod door;
pub mod opening;
pub mod files;
pub mod lost_tail;
pub mod settings;
pub mod recovery;
pub mod revival;
pub mod engine;
pub mod playhead;
pub mod reading;
pub mod follow;
pub mod edit;
pub mod keys;
pub mod notice;
pub mod panel;
pub mod probe;
pub mod tell;
pub mod studio;
pub mod screenshot;
pub mod view;
