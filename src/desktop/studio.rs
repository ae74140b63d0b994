//! The studio: an app without a window that draws into an image.
//!
//! Invariant: wall time advances by a fixed step a frame, and a picture is taken only once every shader
//! is ready, so the same world gives the same picture on the same adapter.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bevy::app::{AppLabel, SubApps};
use bevy::asset::RenderAssetUsages;
use bevy::camera::RenderTarget;
use bevy::prelude::*;
use bevy::render::pipelined_rendering::PipelinedRenderingPlugin;
use bevy::render::render_resource::{
    Extent3d, PipelineCache, PollType, TextureDimension, TextureFormat, TextureUsages,
};
use bevy::render::renderer::{RenderAdapterInfo, RenderDevice, RenderGraph, RenderGraphSystems};
use bevy::render::settings::{RenderCreation, WgpuSettings};
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use bevy::render::{RenderApp, RenderPlugin};
use bevy::time::TimeUpdateStrategy;
use bevy::window::ExitCondition;
use bevy::winit::WinitPlugin;
use bevy_egui::EguiGlobalSettings;

use super::app::{panel_camera, quiet_log};
use super::probe::{Probe, adapters};
use super::screenshot::ScreenshotError;
use super::state::{PictureCamera, ViewRectangle};

/// What draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Painter {
    /// The best adapter that is found; software where there is no other.
    #[default]
    Best,
    /// Software, also where there is a graphics card: the same picture nearly everywhere.
    Software,
}

impl Painter {
    /// Whether one is found here.
    pub fn is_here(self) -> bool {
        let found = adapters();
        match self {
            Painter::Best => !found.is_empty(),
            Painter::Software => found.iter().any(|adapter| adapter.device_type == wgpu::DeviceType::Cpu),
        }
    }
}

/// Wall time of a frame.
const FRAME: Duration = Duration::from_millis(50);
/// Frames that are waited for shaders at most.
const READY_MAX: u32 = 400;
/// Frames without a waiting shader after which everything is drawn.
const SETTLED: u32 = 8;

/// When the last frame was handed to the adapter.
#[derive(Resource)]
struct Submission(Instant);

fn mark_submission(mut commands: Commands) {
    commands.insert_resource(Submission(Instant::now()));
}

/// An app that draws into an image.
pub struct Studio {
    apps: SubApps,
    target: Handle<Image>,
}

impl Studio {
    /// A studio for pictures of `size` pixels; `furnish` adds the plugins that draw.
    pub fn new(size: UVec2, painter: Painter, furnish: impl FnOnce(&mut App)) -> Result<Studio, ScreenshotError> {
        if !painter.is_here() {
            return Err(ScreenshotError::NoAdapter(Probe::NoAdapter.line()));
        }
        let mut app = App::new();
        let window = WindowPlugin { primary_window: None, exit_condition: ExitCondition::DontExit, ..default() };
        let settings = WgpuSettings { force_fallback_adapter: painter == Painter::Software, ..default() };
        let render = RenderPlugin {
            synchronous_pipeline_compilation: true,
            render_creation: RenderCreation::Automatic(Box::new(settings)),
            ..default()
        };
        app.add_plugins(
            DefaultPlugins
                .set(window)
                .set(render)
                .set(quiet_log())
                .disable::<WinitPlugin>()
                .disable::<PipelinedRenderingPlugin>(),
        );
        app.insert_resource(TimeUpdateStrategy::ManualDuration(FRAME));
        app.insert_resource(ViewRectangle { min: Vec2::ZERO, max: size.as_vec2() });
        furnish(&mut app);
        if let Some(mut settings) = app.world_mut().get_resource_mut::<EguiGlobalSettings>() {
            settings.auto_create_primary_context = false;
        }
        let target = app.world_mut().resource_mut::<Assets<Image>>().add(canvas(size));
        let world = app.world_mut();
        world.spawn((PictureCamera, Camera3d::default(), RenderTarget::from(target.clone())));
        world.spawn((panel_camera(), RenderTarget::from(target.clone())));
        if let Some(render) = app.get_sub_app_mut(RenderApp) {
            let between = mark_submission.after(RenderGraphSystems::Render).before(RenderGraphSystems::Submit);
            render.add_systems(RenderGraph, between);
        }
        app.finish();
        app.cleanup();
        Ok(Studio { apps: std::mem::take(app.sub_apps_mut()), target })
    }

    /// The world that is drawn.
    pub fn world(&mut self) -> &mut World {
        self.apps.main.world_mut()
    }

    /// Draws one frame, and waits for it. Gives how long it took up to the submission, which is what the
    /// processor does: how fast the adapter draws is its own affair, and a software adapter draws on the
    /// same processor.
    pub fn update(&mut self) -> Result<Duration, ScreenshotError> {
        let began = Instant::now();
        self.apps.update();
        let render = self.apps.sub_apps.get(&RenderApp.intern());
        let submitted = render.and_then(|render| render.world().get_resource::<Submission>());
        let took = submitted.map_or_else(|| began.elapsed(), |Submission(at)| at.saturating_duration_since(began));
        let Some(device) = self.apps.main.world().get_resource::<RenderDevice>() else { return Ok(took) };
        let wait = PollType::Wait { submission_index: None, timeout: None };
        let waited = device.wgpu_device().poll(wait);
        waited.map(|_| took).map_err(|error| ScreenshotError::NoPicture(error.to_string()))
    }

    /// The adapter that draws.
    pub fn adapter(&self) -> String {
        let adapter = self.apps.main.world().get_resource::<RenderAdapterInfo>();
        adapter.map_or_else(String::new, |adapter| format!("{}, {}", adapter.name, adapter.driver_info))
    }

    /// Draws until every shader is there and nothing changes any more.
    pub fn settle(&mut self) -> Result<(), ScreenshotError> {
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

    /// Takes the picture.
    pub fn take(&mut self) -> Result<image::RgbaImage, ScreenshotError> {
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
fn canvas(size: UVec2) -> Image {
    let size = Extent3d { width: size.x, height: size.y, depth_or_array_layers: 1 };
    let mut image =
        Image::new_uninit(size, TextureDimension::D2, TextureFormat::Rgba8UnormSrgb, RenderAssetUsages::RENDER_WORLD);
    image.texture_descriptor.usage |= TextureUsages::RENDER_ATTACHMENT;
    image
}
