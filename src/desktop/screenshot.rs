//! Pictures without a window: a scene at an instant, drawn offscreen into a file.
//!
//! Invariant: the same scene, recording, instant and size give the same picture on the same
//! adapter: wall time advances by a fixed step, and readings are taken at once.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bevy::app::{AppLabel, SubApps};
use bevy::asset::RenderAssetUsages;
use bevy::camera::RenderTarget;
use bevy::prelude::*;
use bevy::render::pipelined_rendering::PipelinedRenderingPlugin;
use bevy::render::render_resource::{
    Extent3d, PipelineCache, PollType, TextureDimension, TextureFormat, TextureUsages,
};
use bevy::render::renderer::RenderDevice;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use bevy::render::{RenderApp, RenderPlugin};
use bevy::time::TimeUpdateStrategy;
use bevy::window::ExitCondition;
use bevy::winit::WinitPlugin;
use bevy_egui::EguiGlobalSettings;

use crate::record::Recording;
use crate::scene::document::Scene;
use crate::scene::slug::NodeId;
use crate::scene::time::SimTime;

use super::app::{DesktopPlugins, panel_camera, quiet_log};
use super::engine::EngineRoom;
use super::files::Files;
use super::panel::{PanelState, Visible};
use super::playhead::Track;
use super::reading::Promptness;
use super::request::TransportRequest;
use super::state::{CameraRequest, DocumentId, OpenScene, PictureCamera, Play, Playhead, Selection, ViewRectangle};
use super::theme::{Theme, ThemeName};

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
}

impl Default for Shot {
    fn default() -> Shot {
        Shot { size: (1_280, 720), at: SimTime::ZERO, theme: ThemeName::Dark, panels: Visible::Hidden, selected: None }
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

/// Wall time of a frame.
const FRAME: Duration = Duration::from_millis(50);
/// Frames that are waited for shaders at most.
const READY_MAX: u32 = 400;
/// Frames without a waiting shader after which everything is drawn.
const SETTLED: u32 = 8;

/// Draws a scene at an instant of its recording, and writes a PNG to `path`.
pub fn screenshot(
    scene: &Scene,
    recording: Option<&Recording>,
    shot: &Shot,
    path: &Path,
) -> Result<(), ScreenshotError> {
    let picture = picture(scene, recording, shot)?;
    let failed = |error: image::ImageError| ScreenshotError::File {
        file: path.display().to_string(),
        reason: error.to_string(),
    };
    picture.save_with_format(path, image::ImageFormat::Png).map_err(failed)
}

/// Draws a scene at an instant of its recording.
pub fn picture(scene: &Scene, recording: Option<&Recording>, shot: &Shot) -> Result<image::RgbaImage, ScreenshotError> {
    let (width, height) = shot.size;
    if !(16..=8_192).contains(&width) || !(16..=8_192).contains(&height) {
        return Err(ScreenshotError::Size { width, height });
    }
    if super::probe::adapters().is_empty() {
        return Err(ScreenshotError::NoAdapter(super::probe::Probe::NoAdapter.line()));
    }
    let mut studio = Studio::new(scene, recording, shot);
    studio.settle()?;
    studio.take()
}

/// An app that draws into an image.
struct Studio {
    apps: SubApps,
    target: Handle<Image>,
}

impl Studio {
    fn new(scene: &Scene, recording: Option<&Recording>, shot: &Shot) -> Studio {
        let mut app = App::new();
        let window = WindowPlugin { primary_window: None, exit_condition: ExitCondition::DontExit, ..default() };
        let render = RenderPlugin { synchronous_pipeline_compilation: true, ..default() };
        app.add_plugins(
            DefaultPlugins
                .set(window)
                .set(render)
                .set(quiet_log())
                .disable::<WinitPlugin>()
                .disable::<PipelinedRenderingPlugin>(),
        );
        app.insert_resource(TimeUpdateStrategy::ManualDuration(FRAME));
        app.insert_resource(Promptness::AtOnce).insert_resource(Theme::named(shot.theme));
        app.insert_resource(PanelState::with_panels(shot.panels));
        let size = Vec2::new(shot.size.0 as f32, shot.size.1 as f32);
        app.insert_resource(ViewRectangle { min: Vec2::ZERO, max: size });
        app.add_plugins(DesktopPlugins);
        if let Some(mut settings) = app.world_mut().get_resource_mut::<EguiGlobalSettings>() {
            settings.auto_create_primary_context = false;
        }
        let target = app.world_mut().resource_mut::<Assets<Image>>().add(canvas(shot.size));
        let world = app.world_mut();
        world.spawn((PictureCamera, Camera3d::default(), RenderTarget::from(target.clone())));
        world.spawn((panel_camera(), RenderTarget::from(target.clone())));
        app.finish();
        app.cleanup();
        open(app.world_mut(), scene, recording, shot);
        Studio { apps: std::mem::take(app.sub_apps_mut()), target }
    }

    fn update(&mut self) -> Result<(), ScreenshotError> {
        self.apps.update();
        let Some(device) = self.apps.main.world().get_resource::<RenderDevice>() else { return Ok(()) };
        let wait = PollType::Wait { submission_index: None, timeout: None };
        device.wgpu_device().poll(wait).map(drop).map_err(|error| ScreenshotError::NoPicture(error.to_string()))
    }

    /// Draws until every shader is there and nothing changes any more.
    fn settle(&mut self) -> Result<(), ScreenshotError> {
        let mut quiet = 0;
        for _ in 0..READY_MAX {
            self.update()?;
            quiet = if self.is_waiting() { 0 } else { quiet + 1 };
            if quiet >= SETTLED {
                return Ok(());
            }
        }
        Err(ScreenshotError::NotReady { frames: READY_MAX })
    }

    fn is_waiting(&self) -> bool {
        let render = self.apps.sub_apps.get(&RenderApp.intern());
        let cache = render.and_then(|render| render.world().get_resource::<PipelineCache>());
        cache.is_none_or(|cache| cache.waiting_pipelines().next().is_some())
    }

    fn take(&mut self) -> Result<image::RgbaImage, ScreenshotError> {
        const PATIENCE: u32 = 30;
        let caught: Arc<Mutex<Option<Image>>> = Arc::default();
        let keep = Arc::clone(&caught);
        let shot = Screenshot::image(self.target.clone());
        self.apps.main.world_mut().spawn(shot).observe(move |captured: On<ScreenshotCaptured>| {
            *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(captured.image.clone());
        });
        for _ in 0..PATIENCE {
            self.update()?;
            let image = caught.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(image) = image {
                let picture =
                    image.try_into_dynamic().map_err(|error| ScreenshotError::NoPicture(error.to_string()))?;
                return Ok(picture.to_rgba8());
            }
        }
        Err(ScreenshotError::NoPicture(format!("nothing came in {PATIENCE} frames")))
    }
}

/// An image that can be drawn to and read back.
fn canvas((width, height): (u32, u32)) -> Image {
    let size = Extent3d { width, height, depth_or_array_layers: 1 };
    let mut image =
        Image::new_uninit(size, TextureDimension::D2, TextureFormat::Rgba8UnormSrgb, RenderAssetUsages::RENDER_WORLD);
    image.texture_descriptor.usage |= TextureUsages::RENDER_ATTACHMENT;
    image
}

fn open(world: &mut World, scene: &Scene, recording: Option<&Recording>, shot: &Shot) {
    let scene = Arc::new(scene.clone());
    world.resource_mut::<Files>().mark_saved(scene.clone());
    world.insert_resource(OpenScene { document: DocumentId(1), scene: scene.clone(), revision: 1 });
    world.insert_resource(Playhead { time: shot.at, speed: scene.settings.speed, play: Play::Paused, wall: 0.0 });
    world.init_resource::<Track>();
    if let Some(recording) = recording {
        world.resource_mut::<EngineRoom>().show_at(recording.clone(), shot.at);
        world.write_message(TransportRequest::Seek(shot.at));
    }
    if let Some(node) = &shot.selected {
        world.insert_resource(Selection::Node(node.clone()));
    }
    world.write_message(CameraRequest::SnapAll);
}
