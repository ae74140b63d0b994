//! What keys, menus and panels ask for, as data.
//!
//! Invariant: a request changes nothing by itself; one system drains each kind, in its set of the
//! frame, and a panel never writes a shared resource.

use std::path::PathBuf;

use bevy::prelude::*;

use crate::scene::slug::{LinkId, NodeId};
use crate::scene::time::SimTime;

use super::theme::ThemeName;

/// What the transport is asked for. Drained by the playhead plugin.
#[derive(Message, Clone, Copy, PartialEq, Debug)]
pub enum TransportRequest {
    /// Runs where it stands, stands where it runs.
    Toggle,
    /// Stands.
    Pause,
    /// Runs.
    Play,
    /// On to the next recorded event.
    StepForward,
    /// Back to the recorded event before.
    StepBack,
    /// To the beginning.
    ToStart,
    /// To the last recorded instant.
    ToEnd,
    /// To this instant.
    Seek(SimTime),
    /// One rung up the ladder of speeds.
    Faster,
    /// One rung down.
    Slower,
    /// To this speed, in simulated seconds a second.
    Speed(f64),
    /// Loops over the whole run, or no longer.
    ToggleLoop,
    /// The loop begins here.
    LoopFrom,
    /// The loop ends here.
    LoopTo,
}

/// What the files plugin is asked for.
#[derive(Message, Clone, PartialEq, Debug)]
pub enum FileRequest {
    /// An empty scene.
    New,
    /// Asks the person for a file and opens it.
    OpenDialog,
    /// The fallback dialog inside the window.
    OpenInside,
    /// Opens this scene, template or recording.
    Open(PathBuf),
    /// Opens a scene that comes with the program, by its name.
    Builtin(&'static str),
    /// Writes the scene where it came from.
    Save,
    /// Asks where, and writes it there.
    SaveDialog,
    /// Writes it to this path.
    SaveAs(PathBuf),
    /// Takes over what the journal kept.
    Recover,
    /// Throws away what the journal kept.
    Forget,
    /// Runs what a crash cut off the open recording, and adds it.
    Complete,
    /// Closes the window, unless something is unsaved and this is the first time of asking.
    Quit,
}

/// What the window's own state is asked for. Drained by the panels plugin.
#[derive(Message, Clone, PartialEq, Debug)]
pub enum WindowRequest {
    /// Hides all panels, or brings them back.
    TogglePanels,
    /// Shows or hides the keys.
    ToggleHelp,
    /// Puts colors on.
    Theme(ThemeName),
    /// Selects a node.
    Select(NodeId),
    /// Selects a link.
    SelectLink(LinkId),
    /// Selects nothing; closes what is open first.
    Escape,
    /// Looks straight down, or from the side.
    ToggleFlat,
    /// Shows or hides the scene's notes.
    ToggleNotes,
    /// Folds the charts to their heads, or unfolds them.
    ToggleCharts,
    /// Larger or smaller panels, by this factor.
    Zoom(f32),
}
