//! Eventscape: sketch an event-driven architecture, simulate its traffic, replay what happened.
//!
//! A scene is compiled into a model; running the model writes a recording; everything a person
//! sees is a recording at a time `t`. See `docs/architecture.md`.

// Nothing that a person or a file says may end the program; tests may end themselves.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod scene;
pub mod flow;
pub mod sim;
pub mod record;
pub mod study;
pub mod exchange;
pub mod cli;
#[cfg(feature = "desktop")]
pub mod desktop;

/// Executions of state machines and the writer live from many small values; the systems' own allocators
/// take up to twice as long for them, and differ from system to system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
