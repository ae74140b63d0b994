//! The engine's room: starts runs, gives them their horizon, hands them commands.
//!
//! Invariant: nothing here waits. Compiling, starting and stopping happen on threads of their own,
//! and what they give back is picked up in a later frame.
//! Invariant: while a run is being started, the recording before it stays on show.
//! Invariant: a run that branches off gets every command so far with its instant, so it is the old
//! run up to the branch.
//! Reads `Playhead`; writes `OpenRecording` and `Track`.

use std::sync::Arc;

use bevy::prelude::*;
use crossbeam_channel::Receiver;

use crate::record::{self, Recording, Target, WriterHandle};
use crate::scene::document::Scene;
use crate::scene::time::SimTime;
use crate::sim::command::{Command, CommandAction};
use crate::sim::compile::compile;
use crate::sim::live::{self, Engine};
use crate::sim::run::Options;
use crate::study::rerun::without_faults;

use super::notice::{Card, Notices, Work};
use super::playhead::{Looping, Track};
use super::state::{DesktopSystems, OpenRecording, OpenScene, Playhead};

/// Owns the run that goes on.
#[derive(Resource, Default)]
pub struct EngineRoom {
    live: Option<Live>,
    starting: Option<Start>,
    /// The recording that a branch took the place of.
    old: Option<Recording>,
    shown: Option<Recording>,
    /// What is shown has changed since the last frame.
    changed: bool,
    /// Where the playhead goes with that change.
    jump: Option<SimTime>,
}

/// A run that goes on.
struct Live {
    engine: Engine,
    limit: SimTime,
    horizon: SimTime,
}

/// A run that is being started.
struct Start {
    given: Receiver<Result<Started, Vec<String>>>,
    work: Work,
    /// Where the playhead goes once it runs.
    at: SimTime,
}

struct Started {
    engine: Engine,
    recording: Recording,
    writer: WriterHandle,
    limit: SimTime,
}

/// Keeps the engine going.
pub struct EnginePlugin;

impl Plugin for EnginePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<EngineRoom>().init_resource::<OpenRecording>().add_systems(
            Update,
            (pick_up, push_horizon).chain().in_set(DesktopSystems::Edit).after(super::edit::drain),
        );
    }
}

impl EngineRoom {
    /// Whether something is or was run.
    pub fn has_run(&self) -> bool {
        self.shown.is_some()
    }

    /// Whether the window has to keep looking here.
    pub fn is_busy(&self) -> bool {
        self.starting.is_some() || self.changed
    }

    /// Runs `scene` from the beginning, in the place of what runs now.
    pub fn run_again(&mut self, scene: Arc<Scene>) {
        self.start(scene, SimTime::ZERO, Vec::new());
    }

    /// Runs `scene` again with every command so far up to `at`, where `action` acts.
    pub fn branch(&mut self, scene: Arc<Scene>, at: SimTime, action: CommandAction) {
        let mut commands = self.commands_before(at);
        commands.push(Command { at, action });
        self.old = self.shown.clone();
        let scene = self.shown.as_ref().map_or(scene, |recording| Arc::new(recording.scene().clone()));
        self.start(scene, at, commands);
    }

    /// Commands and faults that acted before an instant.
    fn commands_before(&self, at: SimTime) -> Vec<Command> {
        let rows = self.shown.as_ref().map(Recording::commands).unwrap_or_default();
        let given = rows.into_iter().filter(|row| row.key.time < at);
        given.filter_map(|row| Some(Command { at: row.key.time, action: ron::from_str(&row.text).ok()? })).collect()
    }

    fn start(&mut self, scene: Arc<Scene>, at: SimTime, commands: Vec<Command>) {
        if let Some(start) = self.starting.take() {
            start.work.cancel();
        }
        let work = Work::new("Starting the run");
        let (giver, given) = crossbeam_channel::bounded(1);
        let seen = work.clone();
        let thread = std::thread::Builder::new().name("start of a run".to_owned());
        let spawned = thread.spawn(move || {
            let started = start_run(&scene, &commands);
            if seen.is_cancelled() {
                stop(started);
            } else {
                // Where nobody waits any more, the window is closing.
                let _ = giver.send(started);
            }
        });
        if spawned.is_ok() {
            self.starting = Some(Start { given, work, at });
        }
    }

    /// Shows a recording that is there already.
    pub fn show(&mut self, recording: Recording) {
        self.show_at(recording, SimTime::ZERO);
    }

    /// Shows a recording that is there already, at an instant.
    pub fn show_at(&mut self, recording: Recording, at: SimTime) {
        self.end_run();
        self.starting = None;
        self.shown = Some(recording);
        self.jump = Some(at);
        self.changed = true;
    }

    /// Ends what runs and shows nothing.
    pub fn clear(&mut self) {
        self.end_run();
        self.shown = None;
        self.old = None;
        self.changed = true;
    }

    /// Does something to the run at its live edge.
    pub fn command(&mut self, action: CommandAction) {
        if let Some(live) = &self.live {
            live.engine.command(action);
        }
    }

    /// Shows the recording before the last branch; the branch takes its place.
    pub fn show_old(&mut self) {
        if let Some(old) = self.old.take() {
            self.old = self.shown.replace(old);
            self.changed = true;
        }
    }

    /// Forgets the recording before the last branch.
    pub fn dismiss_old(&mut self) {
        self.old = None;
    }

    fn end_run(&mut self) {
        if let Some(live) = self.live.take() {
            // Stopping waits for the window that is being simulated.
            let thread = std::thread::Builder::new().name("end of a run".to_owned());
            let ended = thread.spawn(move || live.engine.stop());
            drop(ended);
        }
    }
}

fn start_run(scene: &Scene, commands: &[Command]) -> Result<Started, Vec<String>> {
    let model = compile(scene).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let one = |error: &dyn std::fmt::Display| vec![error.to_string()];
    let (sender, recording, writer) =
        record::spawn(scene.clone(), Target::Memory, scene.settings.seed).map_err(|error| one(&error))?;
    let options = Options { threads: threads(), partitions: scene.settings.partitions, ..Options::default() };
    let given = without_faults(commands.to_vec(), &model);
    let engine = live::spawn(Arc::new(model), options, &given, sender).map_err(|error| one(&error))?;
    Ok(Started { engine, recording, writer, limit: SimTime::ZERO + scene.settings.duration.span() })
}

/// All cores but one, which is the window's.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

fn stop(started: Result<Started, Vec<String>>) {
    if let Ok(started) = started {
        started.engine.stop();
        // Nobody looks at this recording, so nobody needs to know that it failed.
        let _ = started.writer.join();
    }
}

/// Takes over a run that has started, and shows what is to be shown.
fn pick_up(
    mut room: ResMut<EngineRoom>,
    open: Res<OpenScene>,
    mut recording: ResMut<OpenRecording>,
    mut track: ResMut<Track>,
    mut playhead: ResMut<Playhead>,
    mut notices: ResMut<Notices>,
) {
    if let Some(start) = &room.starting {
        notices.work = Some(start.work.clone());
        match start.given.try_recv() {
            Ok(started) => {
                let at = start.at;
                room.starting = None;
                notices.work = None;
                take_over(&mut room, started, at, &mut notices);
            }
            Err(_) if start.work.is_cancelled() => {
                room.starting = None;
                notices.work = None;
                notices.say("The run was not started.");
            }
            Err(_) => {}
        }
    }
    if !std::mem::take(&mut room.changed) {
        return;
    }
    *recording = OpenRecording { document: open.document, recording: room.shown.clone(), run: recording.run + 1 };
    let limit = room.live.as_ref().map(|live| live.limit);
    let limit = limit.or(room.shown.as_ref().map(Recording::end)).unwrap_or_default();
    let looping = if track.looping == Looping::All { Looping::All } else { Looping::Off };
    *track = Track { limit, looping, ..Track::default() };
    if let Some(at) = room.jump.take() {
        playhead.time = at;
    }
}

fn take_over(room: &mut EngineRoom, started: Result<Started, Vec<String>>, at: SimTime, notices: &mut Notices) {
    match started {
        Ok(Started { engine, recording, writer, limit }) => {
            room.end_run();
            room.live = Some(Live { engine, limit, horizon: SimTime::ZERO });
            room.shown = Some(recording);
            room.jump = Some(at);
            room.changed = true;
            // The writer ends by itself with the run; its failure shows in the recording.
            drop(writer);
        }
        Err(sentences) => {
            let sentence = format!("{}. The recording before it is untouched.", sentences.join("; "));
            notices.warn(Card::new("The scene could not be run", sentence));
        }
    }
}

/// Lets the engine run as far ahead of the playhead as it may.
fn push_horizon(mut room: ResMut<EngineRoom>, playhead: Res<Playhead>, track: Res<Track>) {
    let Some(live) = room.live.as_mut() else { return };
    let wanted = match track.limit {
        SimTime::ZERO => SimTime::ZERO,
        _ => track.horizon(&playhead).min(live.limit),
    };
    if wanted > live.horizon {
        live.horizon = wanted;
        live.engine.set_horizon(wanted);
    }
    if live.engine.now() >= live.limit {
        room.end_run();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_without_a_run_takes_commands_and_does_nothing() {
        let mut room = EngineRoom::default();
        room.command(CommandAction::Start(
            crate::scene::slug::NodeId::new("a").unwrap_or_else(|error| panic!("{error}")),
        ));
        room.show_old();
        assert!(!room.has_run() && !room.is_busy());
    }
}
