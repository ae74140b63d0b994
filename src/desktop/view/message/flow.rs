//! Flow: links whose hops are too fast for the eye show rate, direction and outcome instead of points.
//!
//! Reads `OpenRecording`, `Playhead`, `OpenScene`. Writes [`Flow`].
//! Invariant: nothing flows where no hop left within the window before the playhead, and flow stands
//! still while the playhead does.

use bevy::prelude::*;
use bevy::tasks::{AsyncComputeTaskPool, Task, block_on, poll_once};
use bytemuck::{Pod, Zeroable};

use super::batch::{Glyph, mark};
use super::supply::FLOW;
use crate::desktop::reading::Promptness;
use crate::desktop::state::{DesktopSystems, OpenRecording, OpenScene, Play, Playhead};
use crate::desktop::view::geometry::latency_millis;
use crate::record::window::{LinkStatistics, WindowStatistics};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::row::{HopKind, Outcome};

/// Wall time that the rates are averaged over.
const WINDOW: f64 = 0.4;
/// And no less than this: the grid of statistics is not finer.
const WINDOW_LEAST: SimSpan = SimSpan::from_millis(200);
/// Wall time between two readings.
const PAUSE: f64 = 0.15;
/// Hops a second of wall time at which a link shines fully.
const FULL: f64 = 2_000.0;

/// A direction of a link that flows.
#[derive(Clone, Copy, Pod, Zeroable, PartialEq, Debug)]
#[repr(C)]
pub struct FlowInstance {
    /// Row of the link.
    pub link: u32,
    /// The glyph whose color it has, and [`mark::BACKWARD`].
    pub mark: u32,
    /// Strength, 0 to 1.
    pub level: f32,
    /// How much of it went wrong, 0 to 1.
    pub wrong: f32,
}

/// What flows at the moment.
#[derive(Resource, Clone, Debug, Default)]
pub struct Flow {
    /// A direction of a link each.
    pub instances: Vec<FlowInstance>,
    /// How far the pattern has moved, in meters.
    pub phase: f32,
    /// Grows with every change of `instances`.
    pub revision: u64,
}

#[derive(Default)]
struct Reading {
    task: Option<Task<WindowStatistics>>,
    asked_wall: f64,
    asked: Option<(u64, SimTime, SimTime)>,
}

/// Reads flow.
pub struct FlowPlugin;

impl Plugin for FlowPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Flow>()
            .init_resource::<Promptness>()
            .add_systems(Update, follow.run_if(resource_exists::<OpenRecording>).in_set(DesktopSystems::Picture));
    }
}

fn follow(
    time: Res<Time>,
    open: Res<OpenRecording>,
    scene: Res<OpenScene>,
    playhead: Res<Playhead>,
    promptness: Res<Promptness>,
    mut flow: ResMut<Flow>,
    mut reading: Local<Reading>,
) {
    if playhead.play == Play::Playing {
        flow.phase = (flow.phase + time.delta_secs() * 4.0) % 1_000.0;
    }
    let finished = match *promptness {
        Promptness::Later => reading.task.as_mut().and_then(|task| block_on(poll_once(task))),
        Promptness::AtOnce => reading.task.as_mut().map(block_on),
    };
    if let Some(window) = finished {
        reading.task = None;
        let instances = instances(&window, &scene, playhead.speed);
        if instances != flow.instances {
            flow.instances = instances;
            flow.revision += 1;
        }
    }
    let Some(recording) = &open.recording else {
        if !flow.instances.is_empty() {
            flow.instances.clear();
            flow.revision += 1;
        }
        return;
    };
    let span = SimSpan::from_seconds_f64(WINDOW * playhead.speed).max(WINDOW_LEAST);
    let from = SimTime::from_nanos(playhead.time.nanos().saturating_sub(span.nanos()));
    let asked = (open.run, from, playhead.time);
    let rested = (playhead.wall - reading.asked_wall).abs() >= PAUSE || playhead.play == Play::Paused;
    if reading.task.is_none() && rested && reading.asked != Some(asked) {
        let recording = recording.clone();
        let to = playhead.time;
        reading.asked = Some(asked);
        reading.asked_wall = playhead.wall;
        reading.task = Some(AsyncComputeTaskPool::get().spawn(async move { recording.window(from, to) }));
    }
}

/// The directions that flow in a window, for a speed.
fn instances(window: &WindowStatistics, scene: &OpenScene, speed: f64) -> Vec<FlowInstance> {
    let wall = (window.length().seconds() / speed.max(1e-6)).max(1e-3);
    let links = scene.scene.links.values().zip(&window.links).enumerate();
    links
        .filter(|(_, (link, _))| f64::from(latency_millis(&link.latency)) / 1e3 < FLOW * speed)
        .flat_map(|(row, (_, statistics))| {
            [0, 1].into_iter().filter_map(move |direction| {
                let (count, glyph, wrong) = direction_flow(statistics, direction)?;
                let rate = count as f64 / wall;
                let level = (libm::log(1.0 + rate) / libm::log(1.0 + FULL)).clamp(0.08, 1.0) as f32;
                let back = if direction == 1 { mark::BACKWARD } else { 0 };
                Some(FlowInstance { link: row as u32, mark: glyph as u32 | back, level, wrong })
            })
        })
        .collect()
}

/// Hops with messages, the glyph that stands for most of them, and the share that went wrong.
fn direction_flow(statistics: &LinkStatistics, direction: usize) -> Option<(u64, Glyph, f32)> {
    let (hops, outcomes) = (statistics.hops.get(direction)?, statistics.outcomes.get(direction)?);
    let of = |kind: HopKind| hops.get(kind as usize).copied().unwrap_or(0);
    let ended = |outcome: Outcome| outcomes.get(outcome as usize).copied().unwrap_or(0);
    let count: u64 = hops.iter().sum::<u64>() - of(HopKind::Poll) - of(HopKind::Acknowledgement);
    if count == 0 {
        return None;
    }
    let failed = of(HopKind::Error) + ended(Outcome::Failed);
    let throttled = of(HopKind::Throttled) + ended(Outcome::Throttled);
    let groups = [
        (failed, Glyph::Cross),
        (throttled, Glyph::Cube),
        (of(HopKind::DeadLetter), Glyph::Octahedron),
        (of(HopKind::Retry), Glyph::Ring),
        (of(HopKind::Reply), Glyph::Dart),
    ];
    // Trouble shows from a tenth of the traffic on.
    let glyph = groups.into_iter().find(|(group, _)| *group * 10 >= count).map_or(Glyph::Sphere, |(_, glyph)| glyph);
    Some((count, glyph, ((failed + throttled) as f32 / count as f32).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_colors_a_flow_from_a_tenth_on() {
        let mut statistics = LinkStatistics::default();
        statistics.hops[0][HopKind::Event as usize] = 100;
        statistics.outcomes[0][Outcome::Failed as usize] = 5;
        assert_eq!(direction_flow(&statistics, 0).map(|(_, glyph, _)| glyph), Some(Glyph::Sphere));
        statistics.outcomes[0][Outcome::Failed as usize] = 10;
        assert_eq!(direction_flow(&statistics, 0).map(|(_, glyph, _)| glyph), Some(Glyph::Cross));
    }

    #[test]
    fn polls_alone_are_no_flow() {
        let mut statistics = LinkStatistics::default();
        statistics.hops[0][HopKind::Poll as usize] = 100;
        assert_eq!(direction_flow(&statistics, 0), None);
    }
}
