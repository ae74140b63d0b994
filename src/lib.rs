//! Eventscape: sketch an event-driven architecture, simulate its traffic, replay what happened.
//!
//! A scene is compiled into a model; running the model writes a recording; everything a person
//! sees is a recording at a time `t`. See `docs/architecture.md`.

pub mod scene;
pub mod flow;
pub mod sim;
pub mod record;
pub mod study;
pub mod exchange;
pub mod cli;
#[cfg(feature = "desktop")]
pub mod desktop;
