//! State machines: their definitions, and an interpreter that moves from one outside event to the next.
//!
//! Invariant: the interpreter has no clock; it says what to do and how long to wait ([`Step`]), and is
//! told when that is over ([`Event`]). The same events in the same order give the same steps.
//! Invariant: one call makes a bounded number of transitions, and no value grows beyond the limits of
//! the real service, so no definition can hang or exhaust the engine.
//! Rules: states semantics; JSONata and the readers and writers of distributed maps are passed over.

mod definition;
mod document;
mod error;
mod read;
pub(in crate::flow) mod path;
mod payload;
mod intrinsic;
mod choice;
mod execution;
mod scope;
mod run;

pub use definition::{Definition, StateIndex};
pub use document::Document;
pub use error::{Class, DefinitionError, DefinitionProblem};
pub use execution::{Attempt, Delay, Event, Execution, Identity, Missing, Step, Token};
pub use run::{resume, start};
