//! Revival: a lost graphics device is asked for again, and what lay on it is made anew.
//!
//! Invariant: a lost device costs pictures, never the scene or the run; both go on meanwhile.
//! Invariant: between two tries lies a growing rest, so that a device that is lost again and again
//! neither flickers nor keeps a core busy.
//! Bevy makes its own resources anew in `RenderStartup`; here the rest follows: egui's buffers and
//! pipelines, the fonts, and meshes that live on the device alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy::render::error_handler::{ErrorType, RenderError, RenderErrorHandler, RenderErrorPolicy};
use bevy::render::render_resource::SpecializedRenderPipelines;
use bevy::render::settings::RenderCreation;
use bevy::render::{RenderApp, RenderStartup};
use bevy_egui::render::EguiPipeline;
use bevy_egui::render::systems::{EguiRenderData, EguiTransforms};

use super::notice::Notices;
use super::panel::PanelState;
use super::state::DesktopSystems;
use super::theme::Theme;

/// The first and the longest rest between two tries.
const RESTS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// A device that held this long was a good one: the next loss begins with the shortest rest.
const HELD: Duration = Duration::from_secs(60);

/// Answers errors of the graphics device.
pub struct RevivalPlugin;

impl Plugin for RevivalPlugin {
    fn build(&self, app: &mut App) {
        let starts = Starts::default();
        app.insert_resource(RenderErrorHandler(answer))
            .insert_resource(starts.clone())
            .init_resource::<Tries>()
            .init_resource::<Notices>()
            .init_resource::<PanelState>()
            .init_resource::<Theme>()
            .add_systems(Update, make_anew.in_set(DesktopSystems::Picture));
        let Some(render) = app.get_sub_app_mut(RenderApp) else { return };
        render.insert_resource(starts).add_systems(RenderStartup, (forget_egui, count_start).chain());
    }
}

/// How often a device was begun with, in both worlds.
#[derive(Resource, Clone, Default)]
struct Starts(Arc<AtomicU32>);

/// Tries to get a device back.
#[derive(Resource, Default, Debug)]
struct Tries {
    last: Option<Instant>,
    rest: Duration,
}

impl Tries {
    /// Whether it is time for the next try.
    fn is_due(&mut self, now: Instant) -> bool {
        let since = self.last.map(|last| now.saturating_duration_since(last));
        match since {
            Some(since) if since < self.rest => return false,
            Some(since) if since < HELD => self.rest = (self.rest * 2).clamp(RESTS.0, RESTS.1),
            _ => self.rest = RESTS.0,
        }
        self.last = Some(now);
        true
    }
}

fn answer(error: &RenderError, main: &mut World, _render: &mut World) -> RenderErrorPolicy {
    let due = main.get_resource_or_insert_with(Tries::default).is_due(Instant::now());
    if !due {
        return RenderErrorPolicy::StopRendering;
    }
    eprintln!("eventscape: {} It is asked for again; scene and run go on.", line(error.ty));
    RenderErrorPolicy::Recover(RenderCreation::default())
}

fn line(error: ErrorType) -> &'static str {
    match error {
        ErrorType::DeviceLost => "The graphics device was lost.",
        ErrorType::OutOfMemory => "The graphics device has no memory left.",
        ErrorType::Validation | ErrorType::Internal => "The graphics driver refused a picture.",
    }
}

/// Buffers and pipelines of egui name things of the device that is gone.
fn forget_egui(world: &mut World) {
    if world.contains_resource::<EguiPipeline>() {
        let pipeline = EguiPipeline::from_world(world);
        world.insert_resource(pipeline);
        world.insert_resource(SpecializedRenderPipelines::<EguiPipeline>::default());
        world.insert_resource(EguiTransforms::default());
        world.insert_resource(EguiRenderData::default());
    }
}

fn count_start(starts: Res<Starts>) {
    starts.0.fetch_add(1, Ordering::Release);
}

/// Puts everything up again that was on the device alone: all of it follows a change of the theme.
fn make_anew(
    starts: Res<Starts>,
    mut seen: Local<u32>,
    mut theme: ResMut<Theme>,
    mut panels: ResMut<PanelState>,
    mut notices: ResMut<Notices>,
) {
    let now = starts.0.load(Ordering::Acquire);
    let before = std::mem::replace(&mut *seen, now);
    if before > 0 && now > before {
        theme.set_changed();
        panels.dress_anew();
        notices.say("The graphics device was lost and came back. Scene and run are untouched.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_rest_longer_each_time_until_a_device_holds() {
        let mut tries = Tries::default();
        let begin = Instant::now();
        let after = |millis: u64| begin + Duration::from_millis(millis);
        assert!(tries.is_due(begin));
        assert!(!tries.is_due(after(400)) && tries.is_due(after(600)));
        assert!(!tries.is_due(after(1_500)) && tries.is_due(after(1_700)));
        assert!(tries.is_due(after(200_000)) && tries.is_due(after(200_600)));
    }
}
