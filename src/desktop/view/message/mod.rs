//! Messages: every hop in flight, drawn by one instanced pipeline.
//!
//! Invariant: a hop's place is computed on the graphics adapter from (link, depart, arrive, t);
//! the processor only searches the range of hops that can be seen at `t`.
//! Invariant: hops are uploaded once; scrubbing and playing move one number.
//!
//! `batch` lays hops out by duration and finds ranges, `supply` turns chunks of the recording into
//! batches within a budget, `pipeline` draws them, `flow` shows links whose hops are too fast.

pub mod batch;
pub mod supply;
pub mod flow;
pub mod pipeline;

use bevy::prelude::*;

/// Draws messages.
pub struct MessagePlugin;

impl Plugin for MessagePlugin {
    fn build(&self, app: &mut App) {
        app.add_plugins((supply::SupplyPlugin, flow::FlowPlugin, pipeline::MessagePipelinePlugin));
    }
}
