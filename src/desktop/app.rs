//! The app: which plugins make the window, in what order a frame goes, and when it is drawn.
//!
//! Invariant: a window that shows something still is not drawn again; one that plays is drawn with
//! every refresh of the screen.
//! Invariant: a lost graphics device costs pictures, never the scene or the run.

use std::process::ExitCode;
use std::time::Duration;

use bevy::camera::visibility::RenderLayers;
use bevy::camera::{CameraOutputMode, ClearColorConfig};
use bevy::diagnostic::FrameCount;
use bevy::input::keyboard::KeyboardInput;
use bevy::input::mouse::{MouseButtonInput, MouseWheel};
use bevy::log::{Level, LogPlugin};
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use bevy::window::{ExitCondition, WindowResolution};
use bevy::winit::{UpdateMode, WinitSettings};
use bevy_egui::{EguiGlobalSettings, EguiPlugin, EguiStartupSet, PrimaryEguiContext};
use wgpu::BlendState;

use super::edit::EditPlugin;
use super::engine::{EnginePlugin, EngineRoom};
use super::files::{Files, FilesPlugin, open_first};
use super::follow::FollowPlugin;
use super::keys::KeysPlugin;
use super::notice::{NoticePlugin, Notices};
use super::opening::Opening;
use super::panel::PanelsPlugin;
use super::playhead::{PlayheadPlugin, Track};
use super::reading::ReadingPlugin;
use super::revival::RevivalPlugin;
use super::settings::SettingsPlugin;
use super::state::{Play, Playhead, Quality, Selection, order_frame};
use super::tell::TellPlugin;
use super::theme::Theme;
use super::view::ViewPlugins;

/// Everything of the window but Bevy itself and what shows it on a screen.
pub struct DesktopPlugins;

impl Plugin for DesktopPlugins {
    fn build(&self, app: &mut App) {
        order_frame(app);
        app.add_plugins(EguiPlugin::default())
            .add_plugins((
                PlayheadPlugin,
                ReadingPlugin,
                FollowPlugin,
                EditPlugin,
                EnginePlugin,
                FilesPlugin,
                KeysPlugin,
                NoticePlugin,
                PanelsPlugin,
                RevivalPlugin,
            ))
            .add_plugins(ViewPlugins)
            .add_systems(PreStartup, choose_quality)
            .add_systems(Update, paint_ground.run_if(resource_changed::<Theme>));
    }
}

/// Opens the window and stays until it is closed.
pub fn run(opening: Opening) -> ExitCode {
    let mut app = App::new();
    let window = Window {
        title: "Eventscape".to_owned(),
        name: Some("eventscape".to_owned()),
        resolution: WindowResolution::new(1440, 860),
        ..Window::default()
    };
    let window = WindowPlugin {
        primary_window: Some(window),
        exit_condition: ExitCondition::OnPrimaryClosed,
        // Unsaved changes are asked about first.
        close_when_requested: false,
        ..WindowPlugin::default()
    };
    app.add_plugins(DefaultPlugins.set(window).set(quiet_log()))
        .add_plugins((DesktopPlugins, TellPlugin, SettingsPlugin))
        .insert_resource(WinitSettings::continuous())
        .init_resource::<Restless>()
        .add_systems(PreStartup, spawn_panel_camera.before(EguiStartupSet::InitContexts))
        .add_systems(Last, pace);
    if let Some(mut settings) = app.world_mut().get_resource_mut::<EguiGlobalSettings>() {
        settings.auto_create_primary_context = false;
    }
    open_first(app.world_mut(), opening);
    match app.run() {
        AppExit::Success => ExitCode::SUCCESS,
        AppExit::Error(code) => ExitCode::from(code.get()),
    }
}

/// Only what a person can do something about reaches the terminal.
pub fn quiet_log() -> LogPlugin {
    LogPlugin {
        level: Level::WARN,
        filter:
            "warn,wgpu_hal=error,wgpu_core=error,bevy_winit=error,bevy_render::renderer=error,bevy_egui::render=error"
                .to_owned(),
        ..LogPlugin::default()
    }
}

fn spawn_panel_camera(mut commands: Commands) {
    commands.spawn(panel_camera());
}

/// The camera of the panels lies over the picture's and draws nothing of the world.
pub fn panel_camera() -> impl Bundle {
    let camera = Camera {
        order: 10,
        output_mode: CameraOutputMode::Write {
            blend_state: Some(BlendState::ALPHA_BLENDING),
            clear_color: ClearColorConfig::None,
        },
        clear_color: ClearColorConfig::Custom(Color::NONE),
        ..Camera::default()
    };
    (PrimaryEguiContext, Camera2d, RenderLayers::none(), Msaa::Off, camera)
}

fn choose_quality(adapter: Option<Res<RenderAdapterInfo>>, mut notices: ResMut<Notices>, mut commands: Commands) {
    let quality = adapter.as_ref().map_or(Quality::FULL, |adapter| Quality::of(adapter));
    if quality == Quality::SOFTWARE {
        notices.say("Drawn in software: shadows, glow and smooth edges are off.");
    }
    commands.insert_resource(quality);
}

fn paint_ground(theme: Res<Theme>, mut clear: ResMut<ClearColor>) {
    clear.0 = Color::Srgba(theme.window);
}

/// How long the window goes on drawing after something moved, in seconds of wall time.
const AFTERGLOW: f64 = 0.8;
/// Frames that are drawn in any case: shaders and fonts come in over the first ones.
const FIRST_FRAMES: u32 = 120;
/// How often a resting window looks whether the engine has news.
const RESTING: Duration = Duration::from_secs(2);

/// Frames that follow the last movement however slow they are: the first of them shows what came of it.
const AFTER_FRAMES: u32 = 4;

/// When something moved last.
#[derive(Resource, Default)]
struct Restless {
    last: f64,
    frame: u32,
}

/// What makes a window move.
#[derive(bevy::ecs::system::SystemParam)]
struct Movements<'w, 's> {
    keys: MessageReader<'w, 's, KeyboardInput>,
    buttons: MessageReader<'w, 's, MouseButtonInput>,
    wheel: MessageReader<'w, 's, MouseWheel>,
    pointer: MessageReader<'w, 's, CursorMoved>,
    playhead: Res<'w, Playhead>,
    track: Res<'w, Track>,
    engine: Res<'w, EngineRoom>,
    files: Res<'w, Files>,
    selection: Res<'w, Selection>,
}

impl Movements<'_, '_> {
    fn any(&mut self) -> bool {
        let hands = self.keys.read().count()
            + self.buttons.read().count()
            + self.wheel.read().count()
            + self.pointer.read().count();
        hands > 0
            || self.playhead.play == Play::Playing
            || self.track.waiting_step.is_some()
            || self.track.catching_up.is_some()
            || self.engine.is_busy()
            || self.files.is_busy()
            || self.selection.is_changed()
    }
}

/// Draws without rest while something moves, and on demand otherwise.
fn pace(
    time: Res<Time<Real>>,
    frames: Res<FrameCount>,
    mut movements: Movements,
    mut restless: ResMut<Restless>,
    mut settings: ResMut<WinitSettings>,
) {
    let now = time.elapsed_secs_f64();
    let starting = frames.0 < FIRST_FRAMES;
    if movements.any() || starting {
        (restless.last, restless.frame) = (now, frames.0);
    }
    let moved = now - restless.last < AFTERGLOW || frames.0.wrapping_sub(restless.frame) < AFTER_FRAMES;
    let mode = if moved { UpdateMode::Continuous } else { UpdateMode::reactive_low_power(RESTING) };
    if settings.focused_mode != mode {
        settings.focused_mode = mode;
        settings.unfocused_mode = mode;
    }
}
