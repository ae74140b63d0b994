//! Pictures without a window: a scene at an instant, drawn offscreen into a file.
//!
//! Invariant: the same scene, recording, instant and size give the same picture on the same
//! adapter: wall time advances by a fixed step, and readings are taken at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};

use crate::record::Recording;
use crate::scene::document::Scene;
use crate::scene::slug::NodeId;
use crate::scene::time::SimTime;

use super::app::DesktopPlugins;
use super::engine::EngineRoom;
use super::files::Files;
use super::notice::Notices;
use super::panel::{PanelState, Visible};
use super::playhead::Track;
use super::reading::Promptness;
use super::request::TransportRequest;
use super::state::{CameraRequest, DocumentId, OpenScene, Play, Playhead, Quality, Selection};
use super::studio::{Painter, Studio};
use super::theme::{Theme, ThemeName};
use super::view::label::{PlacedLabel, PlacedLabels};
use super::view::message::supply::Shown;

/// What a picture shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The instant under the playhead.
    pub at: SimTime,
    /// Colors.
    pub theme: ThemeName,
    /// Whether the panels stand around the picture.
    pub panels: Visible,
    /// A node that is selected.
    pub selected: Option<NodeId>,
    /// What draws.
    pub painter: Painter,
    /// Whether shadows and glow are drawn.
    pub effects: Effects,
}

/// How much is drawn beside what carries meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Effects {
    /// What the adapter draws quickly.
    #[default]
    Fitting,
    /// Shadows, glow and smooth edges, however long they take.
    All,
}

/// A picture, and where its labels are.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The pixels.
    pub image: image::RgbaImage,
    /// The labels in it, in pixels.
    pub labels: Vec<PlacedLabel>,
}

impl Default for Shot {
    fn default() -> Shot {
        Shot {
            size: (1_280, 720),
            at: SimTime::ZERO,
            theme: ThemeName::Dark,
            panels: Visible::Hidden,
            selected: None,
            painter: Painter::Best,
            effects: Effects::Fitting,
        }
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    /// Nothing can draw here.
    #[error("{0}")]
    NoAdapter(String),
    /// A size that cannot be drawn.
    #[error("a picture of {width} x {height} cannot be drawn; take 16 to 8192 pixels each way")]
    Size {
        /// The asked width.
        width: u32,
        /// The asked height.
        height: u32,
    },
    /// The shaders were not ready in time.
    #[error("the graphics driver did not get ready in {frames} frames")]
    NotReady {
        /// Frames that were waited.
        frames: u32,
    },
    /// The graphics driver gave nothing back.
    #[error("the graphics driver gave no picture back: {0}")]
    NoPicture(String),
    /// The file could not be written.
    #[error("{file} could not be written: {reason}")]
    File {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
}

/// Draws a scene at an instant of its recording, and writes a PNG to `path`.
pub fn screenshot(
    scene: &Scene,
    recording: Option<&Recording>,
    shot: &Shot,
    path: &Path,
) -> Result<(), ScreenshotError> {
    let picture = picture(scene, recording, shot)?;
    let failed = |error: &dyn std::fmt::Display| ScreenshotError::File {
        file: path.display().to_string(),
        reason: error.to_string(),
    };
    let file = std::fs::File::create(path).map_err(|error| failed(&error))?;
    // Pictures are kept in repositories and sent around: small counts more than quickly written.
    let writer = std::io::BufWriter::new(file);
    let encoder = PngEncoder::new_with_quality(writer, CompressionType::Best, FilterType::Adaptive);
    let opaque = image::DynamicImage::ImageRgba8(picture.image).to_rgb8();
    opaque.write_with_encoder(encoder).map_err(|error| failed(&error))
}

/// Draws a scene at an instant of its recording.
pub fn picture(scene: &Scene, recording: Option<&Recording>, shot: &Shot) -> Result<Picture, ScreenshotError> {
    Gallery::new(shot)?.picture(scene, recording, shot.at)
}

/// Draws one picture after another, with the same shaders.
pub struct Gallery {
    studio: Studio,
    shot: Shot,
    drawn: u32,
}

impl Gallery {
    /// A gallery for pictures like `shot`.
    pub fn new(shot: &Shot) -> Result<Gallery, ScreenshotError> {
        let (width, height) = shot.size;
        if !(16..=8_192).contains(&width) || !(16..=8_192).contains(&height) {
            return Err(ScreenshotError::Size { width, height });
        }
        let mut studio = Studio::new(UVec2::new(width, height), shot.painter, |app| {
            app.insert_resource(Promptness::AtOnce).insert_resource(Theme::named(shot.theme));
            app.insert_resource(PanelState::with_panels(shot.panels));
            app.add_plugins(DesktopPlugins);
        })?;
        if shot.effects == Effects::All {
            // What suits the adapter is chosen in the first frame.
            studio.settle()?;
            studio.world().insert_resource(Quality::FULL);
        }
        Ok(Gallery { studio, shot: shot.clone(), drawn: 0 })
    }

    /// Draws a scene at an instant of its recording.
    pub fn picture(
        &mut self,
        scene: &Scene,
        recording: Option<&Recording>,
        at: SimTime,
    ) -> Result<Picture, ScreenshotError> {
        self.drawn += 1;
        let shot = Shot { at, ..self.shot.clone() };
        open(self.studio.world(), scene, recording, &shot, DocumentId(self.drawn));
        self.studio.settle()?;
        // What is said once to a person at the window does not belong into a picture.
        self.studio.world().resource_mut::<Notices>().status = None;
        // Panels have found their places by now, and left a smaller picture over.
        self.studio.world().write_message(CameraRequest::SnapAll);
        self.studio.settle()?;
        let image = self.studio.take()?;
        let labels = self.studio.world().resource::<PlacedLabels>().labels.clone();
        Ok(Picture { image, labels })
    }
}

/// A recording that is played as the window plays it: readings are taken beside the frames.
pub struct Film {
    studio: Studio,
}

impl Film {
    /// Opens a scene at an instant of its recording, and lets it run at the scene's own speed.
    pub fn new(scene: &Scene, recording: &Recording, shot: &Shot) -> Result<Film, ScreenshotError> {
        let mut gallery = Gallery::new(shot)?;
        gallery.picture(scene, Some(recording), shot.at)?;
        let mut studio = gallery.studio;
        studio.world().insert_resource(Promptness::default());
        studio.world().resource_mut::<Playhead>().play = Play::Playing;
        Ok(Film { studio })
    }

    /// Draws the next frame; gives the time from the start of its update to its submission.
    pub fn frame(&mut self) -> Result<Duration, ScreenshotError> {
        self.studio.update()
    }

    /// The instant under the playhead.
    pub fn at(&mut self) -> SimTime {
        self.studio.world().resource::<Playhead>().time
    }

    /// Hops in the range that the last frame drew.
    pub fn drawn(&mut self) -> usize {
        self.studio.world().resource::<Shown>().hops()
    }

    /// The adapter that draws.
    pub fn adapter(&self) -> String {
        self.studio.adapter()
    }
}

fn open(world: &mut World, scene: &Scene, recording: Option<&Recording>, shot: &Shot, document: DocumentId) {
    let scene = Arc::new(scene.clone());
    world.resource_mut::<Files>().mark_saved(scene.clone());
    world.insert_resource(OpenScene { document, scene: scene.clone(), revision: u64::from(document.0) });
    world.insert_resource(Playhead { time: shot.at, speed: scene.settings.speed, play: Play::Paused, wall: 0.0 });
    world.init_resource::<Track>();
    world.resource_mut::<EngineRoom>().clear();
    if let Some(recording) = recording {
        world.resource_mut::<EngineRoom>().show_at(recording.clone(), shot.at);
        world.write_message(TransportRequest::Seek(shot.at));
    }
    if let Some(node) = &shot.selected {
        world.insert_resource(Selection::Node(node.clone()));
    }
    world.write_message(CameraRequest::SnapAll);
}
