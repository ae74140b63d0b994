//! Told: what the window shows, in a file that another program reads. For tests that drive the window.
//!
//! Invariant: nothing is told unless [`VARIABLE`] names a file, and telling changes nothing in the window.
//! Reads all shared resources; writes the file alone.

use std::path::PathBuf;

use bevy::prelude::*;

use super::files::Files;
use super::playhead::Track;
use super::state::{Figures, OpenRecording, OpenScene, Play, Playhead, Selection, ViewRectangle};
use super::view::camera::Orbit;
use super::view::geometry::Geometry;
use super::view::picking::Lens;
use crate::sim::row::Condition;

/// The variable of the environment that names the file.
pub const VARIABLE: &str = "EVENTSCAPE_TELL";
/// Seconds of wall time between two tellings.
const PAUSE: f64 = 0.1;

/// What the window shows.
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Told {
    /// Where the playhead stands, in seconds.
    pub time: f64,
    /// Up to where it is recorded, in seconds.
    pub recorded: f64,
    /// Whether the playhead runs.
    pub is_playing: bool,
    /// Whether the scene has changes that its file has not.
    pub is_unsaved: bool,
    /// The selected node.
    pub selected: Option<String>,
    /// Commands and faults that have acted, as they are recorded.
    pub commands: Vec<String>,
    /// Nodes that stand stopped under the playhead.
    pub stopped: Vec<String>,
    /// Every node with the middle of its body, in logical pixels of the window.
    pub nodes: Vec<(String, (f32, f32))>,
    /// The corners of the picture in the window, in logical pixels.
    pub picture: ((f32, f32), (f32, f32)),
}

/// Tells.
pub struct TellPlugin;

impl Plugin for TellPlugin {
    fn build(&self, app: &mut App) {
        if let Some(path) = std::env::var_os(VARIABLE) {
            app.insert_resource(Listener { path: path.into(), last: f64::NEG_INFINITY }).add_systems(Last, tell);
        }
    }
}

/// Who listens.
#[derive(Resource)]
struct Listener {
    path: PathBuf,
    last: f64,
}

#[expect(clippy::too_many_arguments, reason = "a system asks for what it reads")]
fn tell(
    time: Res<Time<Real>>,
    mut listener: ResMut<Listener>,
    open: Res<OpenScene>,
    recording: Res<OpenRecording>,
    playhead: Res<Playhead>,
    track: Res<Track>,
    selection: Res<Selection>,
    files: Res<Files>,
    figures: Res<Figures>,
    geometry: Res<Geometry>,
    orbit: Res<Orbit>,
    rectangle: Res<ViewRectangle>,
) -> Result {
    if time.elapsed_secs_f64() - listener.last < PAUSE {
        return Ok(());
    }
    listener.last = time.elapsed_secs_f64();
    let lens = Lens::new(&orbit.stand, &rectangle);
    let ids = open.scene.nodes.keys();
    let nodes = ids.clone().zip(&geometry.nodes).filter_map(|(id, place)| {
        let middle = lens.screen(place.feet + Vec3::Y * (place.measure.height / 2.0))?;
        Some((id.to_string(), middle.into()))
    });
    let stopped = ids.zip(&figures.nodes).filter(|(_, shown)| shown.condition & Condition::STOPPED != 0);
    let commands = recording.recording.as_ref().map(|recording| recording.commands()).unwrap_or_default();
    let told = Told {
        time: playhead.time.since(default()).seconds(),
        recorded: track.recorded.since(default()).seconds(),
        is_playing: playhead.play == Play::Playing,
        is_unsaved: files.is_unsaved(&open),
        selected: match &*selection {
            Selection::Node(node) => Some(node.to_string()),
            Selection::None | Selection::Link(_) => None,
        },
        commands: commands.into_iter().map(|row| row.text).collect(),
        stopped: stopped.map(|(id, _)| id.to_string()).collect(),
        nodes: nodes.collect(),
        picture: (rectangle.min.into(), rectangle.max.into()),
    };
    // Written aside and renamed: who listens never reads half of it.
    let aside = listener.path.with_extension("part");
    std::fs::write(&aside, serde_json::to_vec(&told)?)?;
    std::fs::rename(&aside, &listener.path)?;
    Ok(())
}
