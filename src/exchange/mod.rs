//! In and out: other tools' formats, each a file or a folder.
//!
//! Invariant: nothing is fetched, and no file outside the folder of the imported one is read.
//! Invariant: what an importer does not know is a line in its summary, never a failure.

pub mod error;
pub mod tree;
pub mod template;
