//! What happened: the writer, the reader with seek, statistics, files.
//!
//! Invariant: a recording is a function of the rows alone. How rows were split in parts and
//! deliveries, which threads wrote them and how fast the disk was cannot be read off it.
//! Invariant: nothing here knows what a node does; a row is a fact and never changes.

pub mod columns;
pub mod order;
pub mod chunk;
pub mod histogram;
pub mod link_cells;
pub mod statistics;
pub mod window;
pub mod series;
pub mod digest;
pub mod recording;
pub mod writer;
pub mod filer;
pub mod table;
pub mod schema;
pub mod manifest;
pub mod folder;
pub mod shelf;
pub mod pack;
pub mod track;
pub mod memory;
pub mod error;
#[cfg(test)]
mod sketch;

pub use chunk::{Chunk, ChunkSpan, Keyframe};
pub use columns::{CommandColumns, HopColumns, LogColumns, ReceiptColumns, SampleColumns};
pub use digest::digest;
pub use error::RecordError;
pub use pack::{open, pack};
pub use recording::{CutShort, NodeFigures, Plan, Quantity, Recording};
pub use window::WindowStatistics;
pub use writer::{Target, WriterHandle, spawn, spawn_planned};
