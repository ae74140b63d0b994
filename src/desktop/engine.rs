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

use crate::record::{self, RecordError, Recording, Target, WriterHandle};
use crate::scene::document::Scene;
use crate::scene::edit::{Edit, apply};
use crate::scene::time::SimTime;
use crate::sim::command::{Command, CommandAction};
use crate::sim::compile::{compile, faults};
use crate::sim::live::{self, Engine};
use crate::sim::run::Options;
use crate::study::rerun::without_faults;

use super::edit::EditRequest;
use super::lost_tail::LostTail;
use super::notice::{Card, Notices, Offer, Status, Work};
use super::panel::figure::clock_short;
use super::panel::welcome::sentence_case;
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
    /// A new run that has not yet come to where the playhead was.
    catching_up: Option<Work>,
    /// What is known to have gone wrong with what is shown.
    failure: Option<RecordError>,
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
            (pick_up, push_horizon, watch_catching_up, watch_failure)
                .chain()
                .in_set(DesktopSystems::Edit)
                .after(super::edit::drain),
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
        let scene = self.shown.as_ref().map_or(scene, |recording| Arc::new(recording.scene().clone()));
        self.start_beside_old(scene, at, commands);
    }

    /// Runs a changed scene again up to `at`, with every command so far that still names something.
    /// `edit` was made to the open scene, of which `scene` is the new state.
    pub fn run_changed(&mut self, scene: Arc<Scene>, edit: &Edit, at: SimTime) {
        let mut commands = self.commands_before(at);
        let scene = match self.shown.as_ref().map(|recording| changed(recording.scene(), edit)) {
            Some(Some(scene)) => Arc::new(scene),
            _ => scene,
        };
        commands.retain(|command| names_something(&scene, &command.action));
        self.start_beside_old(scene, at, commands);
    }

    fn start_beside_old(&mut self, scene: Arc<Scene>, at: SimTime, commands: Vec<Command>) {
        // A run that has not shown itself yet must not push the one that a person knows away.
        if self.starting.is_none() {
            self.old = self.shown.clone();
        }
        self.start(scene, at, commands);
    }

    /// Commands and faults that acted before an instant.
    fn commands_before(&self, at: SimTime) -> Vec<Command> {
        let Some(recording) = &self.shown else { return Vec::new() };
        let rows = recording.commands().into_iter().filter(|row| row.key.time < at);
        let all = rows.filter_map(|row| Some(Command { at: row.key.time, action: ron::from_str(&row.text).ok()? }));
        without(all.collect(), faults(recording.scene()))
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

    /// Whether a command would act.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Whether a recording is kept beside the one on show.
    pub fn has_old(&self) -> bool {
        self.old.is_some()
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

/// The scene of a recording with a change made to it; `None` where the change does not fit it.
fn changed(scene: &Scene, edit: &Edit) -> Option<Scene> {
    let mut scene = scene.clone();
    let inverse = apply(&mut scene, edit.clone());
    inverse.is_ok().then_some(scene)
}

/// Whether the node or link of a command is in the scene.
fn names_something(scene: &Scene, action: &CommandAction) -> bool {
    match action {
        CommandAction::Stop(node)
        | CommandAction::Start(node)
        | CommandAction::Slow(node, _)
        | CommandAction::ErrorRate(node, _)
        | CommandAction::Parameters(node, _)
        | CommandAction::Send(node, _) => scene.nodes.contains_key(node),
        CommandAction::Cut(link) | CommandAction::Restore(link) => scene.links.contains_key(link),
    }
}

/// All commands but those that stand in `others`, each of which takes one away.
fn without(commands: Vec<Command>, mut others: Vec<Command>) -> Vec<Command> {
    let own = |command: &Command| match others.iter().position(|other| other == command) {
        Some(place) => {
            others.swap_remove(place);
            false
        }
        None => true,
    };
    commands.into_iter().filter(own).collect()
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
pub(super) fn threads() -> usize {
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
    // What a crash cut off stands on the bar as time that was not recorded.
    let limit = limit.or(room.shown.as_ref().map(planned_end)).unwrap_or_default();
    let looping = if track.looping == Looping::All { Looping::All } else { Looping::Off };
    *track = Track { limit, looping, ..Track::default() };
    room.catching_up = None;
    if let Some(at) = room.jump.take() {
        playhead.time = at;
        let behind = room.shown.as_ref().is_some_and(|recording| !recording.finished() && recording.end() < at);
        if behind {
            track.catching_up = Some(at);
            room.catching_up = Some(Work::new(format!("Running up to {}", clock_short(at))));
        }
    }
}

/// Where a recording ends, or was to end before a crash cut it short.
fn planned_end(recording: &Recording) -> SimTime {
    LostTail::of(recording).map_or(recording.end(), |lost| lost.end)
}

/// Says how far a new run has caught up, and lets a person look at it before it has.
fn watch_catching_up(mut room: ResMut<EngineRoom>, mut track: ResMut<Track>, mut notices: ResMut<Notices>) {
    let Some(work) = room.catching_up.clone() else { return };
    match track.catching_up {
        Some(_) if work.is_cancelled() => track.catching_up = None,
        Some(target) => {
            work.advance((track.recorded.seconds() / target.seconds().max(1e-9)) as f32);
            notices.work = Some(work);
            return;
        }
        None => {}
    }
    room.catching_up = None;
    notices.work = None;
}

/// Says what goes wrong with the recording on show, as long as it is on show. A run that cannot be
/// recorded any more ends: nothing of it could be seen.
fn watch_failure(mut room: ResMut<EngineRoom>, mut notices: ResMut<Notices>) {
    let failure = room.shown.as_ref().and_then(Recording::failure);
    if failure == room.failure {
        return;
    }
    notices.trouble = failure.as_ref().zip(room.shown.as_ref()).map(|(error, recording)| {
        let live = room.live.as_ref().filter(|_| recording.finished());
        trouble(error, live.map(|_| recording.end()))
    });
    if room.shown.as_ref().is_some_and(Recording::finished) {
        room.end_run();
    }
    room.failure = failure;
}

/// The line about a failed recording; `stopped` where its run ended with it.
fn trouble(error: &RecordError, stopped: Option<SimTime>) -> Status {
    let (what, offers) = match stopped {
        Some(at) => (
            format!("The run ended at {} because it could not be recorded", clock_short(at)),
            vec![Offer::edit("Run again", EditRequest::RunAgain)],
        ),
        None => ("Parts of this recording cannot be read and are left out".to_owned(), Vec::new()),
    };
    Status { text: format!("{what}: {error}. {}.", sentence_case(error.help())), offers }
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
    use crate::scene::slug::NodeId;

    fn at(second: u64, action: CommandAction) -> Command {
        Command { at: SimTime::ZERO + crate::scene::time::SimSpan::from_seconds(second), action }
    }

    #[test]
    fn a_branch_is_given_commands_of_hands_and_not_the_faults_of_its_scene() {
        let node = || NodeId::new("a").unwrap_or_else(|error| panic!("{error}"));
        let (stop, start) = (at(5, CommandAction::Stop(node())), at(9, CommandAction::Start(node())));
        let recorded = vec![stop.clone(), stop.clone(), start.clone()];
        assert_eq!(without(recorded, vec![start, stop.clone()]), std::slice::from_ref(&stop));
        assert!(!names_something(&Scene::default(), &stop.action));
    }

    #[test]
    fn a_recording_that_cannot_be_read_or_written_is_said_until_another_one_is_shown() -> std::io::Result<()> {
        let mut app = App::new();
        app.init_resource::<EngineRoom>().init_resource::<Notices>().add_systems(Update, watch_failure);
        let folder = tempfile::tempdir()?;
        let recording = failing(folder.path());
        app.world_mut().resource_mut::<EngineRoom>().shown = Some(recording);
        app.update();
        let said = app.world().resource::<Notices>().trouble.clone().map(|status| status.text).unwrap_or_default();
        assert!(said.contains("cannot be read") && said.contains("writable and has room"), "{said}");
        app.world_mut().resource_mut::<EngineRoom>().shown = None;
        app.update();
        assert_eq!(app.world().resource::<Notices>().trouble, None);

        let error = RecordError::WriterEnded;
        let stopped = trouble(&error, Some(SimTime::ZERO + crate::scene::time::SimSpan::from_seconds(83)));
        assert!(stopped.text.starts_with("The run ended at 01:23 because"), "{}", stopped.text);
        assert_eq!(stopped.offers, [Offer::edit("Run again", EditRequest::RunAgain)]);
        Ok(())
    }

    /// A recording whose folder went away while it was written.
    fn failing(folder: &std::path::Path) -> Recording {
        let place = folder.join("recording");
        let spawned = record::spawn(Scene::default(), Target::Folder(place.clone()), 0);
        let (sender, recording, writer) = spawned.unwrap_or_else(|error| panic!("{error}"));
        std::fs::remove_dir_all(place).unwrap_or_else(|error| panic!("{error}"));
        drop(sender);
        assert!(writer.join().is_err(), "nothing can be written any more");
        recording
    }

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
