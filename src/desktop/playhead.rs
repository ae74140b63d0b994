//! The playhead: where in the recording we look, and how it moves.
//!
//! Invariant: the playhead never stands past the last recorded instant, so everything that is
//! shown has been recorded; live and replay differ only in whether that instant still moves.
//! Reads `OpenRecording` and `TransportRequest`; writes `Playhead`, `Track` and `Figures`.

use bevy::prelude::*;

use crate::record::{CutShort, Recording};
use crate::scene::time::{SimSpan, SimTime};

use super::request::TransportRequest;
use super::state::{DesktopSystems, OpenRecording, Play, Playhead};

/// Speeds that the keys go through, in simulated seconds a second.
pub const SPEEDS: [f64; 16] =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];

/// How far the engine may run ahead of the playhead, in wall time.
pub const LEAD: std::time::Duration = std::time::Duration::from_millis(250);

/// The longest wall time that one frame may bridge: after a hitch the picture goes on, not jumps.
const FRAME_LONGEST: f64 = 0.1;

/// What happens at the end of the track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Looping {
    /// The playhead stops there.
    #[default]
    Off,
    /// It begins again with the whole run.
    All,
    /// It goes round between two instants.
    Between(SimTime, SimTime),
}

/// Whether more will be recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Edge {
    /// The engine goes on.
    Live,
    /// The recording is finished.
    #[default]
    Final,
}

/// What the playhead moves along.
#[derive(Resource, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Track {
    /// Everything before this instant is recorded.
    pub recorded: SimTime,
    /// Where the run will end.
    pub limit: SimTime,
    /// Whether more will come.
    pub edge: Edge,
    /// What happens at the end.
    pub looping: Looping,
    /// A step forward that waits for the engine to record the next event.
    pub waiting_step: Option<SimTime>,
    /// Where the playhead stands as soon as a new run has come so far.
    pub catching_up: Option<SimTime>,
}

/// The recorded instants at which something happened.
pub trait Instants {
    /// The first one after `time`.
    fn after(&self, time: SimTime) -> Option<SimTime>;
    /// The last one before `time`.
    fn before(&self, time: SimTime) -> Option<SimTime>;
}

impl Track {
    /// The end of what the bar shows.
    pub fn end(&self) -> SimTime {
        self.limit.max(self.recorded)
    }

    /// Whether the playhead stands at the live edge, where commands act.
    pub fn at_edge(&self, playhead: &Playhead) -> bool {
        let margin = lead(playhead.speed).saturating_add(SimSpan::from_millis(20));
        self.edge == Edge::Live && self.recorded.since(playhead.time) <= margin
    }

    /// How far the engine should have come, for this playhead.
    pub fn horizon(&self, playhead: &Playhead) -> SimTime {
        let waiting = self.waiting_step.max(self.catching_up).unwrap_or(SimTime::ZERO);
        (playhead.time + lead(playhead.speed)).max(waiting).min(self.limit)
    }
}

/// The lead in simulated time.
fn lead(speed: f64) -> SimSpan {
    SimSpan::from_seconds_f64(LEAD.as_secs_f64() * speed)
}

/// Moves the playhead by `wall` seconds of wall time.
pub fn advance(playhead: &mut Playhead, track: &Track, wall: f64) {
    playhead.wall += wall;
    if playhead.play == Play::Paused || track.catching_up.is_some() {
        return;
    }
    let step = SimSpan::from_seconds_f64(wall.clamp(0.0, FRAME_LONGEST) * playhead.speed);
    let wanted = playhead.time + step;
    match track.looping {
        Looping::Between(from, to) if wanted >= to => playhead.time = from.min(track.recorded),
        _ if wanted < track.recorded => playhead.time = wanted,
        _ => arrive_at_edge(playhead, track),
    }
}

fn arrive_at_edge(playhead: &mut Playhead, track: &Track) {
    playhead.time = track.recorded;
    if track.edge == Edge::Live {
        return;
    }
    match track.looping {
        Looping::Off => playhead.play = Play::Paused,
        Looping::All => playhead.time = SimTime::ZERO,
        Looping::Between(from, _) => playhead.time = from.min(track.recorded),
    }
}

/// Does what was asked.
pub fn obey(playhead: &mut Playhead, track: &mut Track, instants: &dyn Instants, request: TransportRequest) {
    use TransportRequest::{
        Faster, LoopFrom, LoopTo, Pause, Seek, Slower, Speed, StepBack, StepForward, ToEnd, ToStart, Toggle, ToggleLoop,
    };
    track.waiting_step = None;
    if moves(request) {
        track.catching_up = None;
    }
    match request {
        Toggle if playhead.play == Play::Playing => playhead.play = Play::Paused,
        Toggle | TransportRequest::Play => start(playhead, track),
        Pause => playhead.play = Play::Paused,
        StepForward => step_forward(playhead, track, instants),
        StepBack => {
            playhead.play = Play::Paused;
            playhead.time = instants.before(playhead.time).unwrap_or(SimTime::ZERO);
        }
        ToStart => playhead.time = SimTime::ZERO,
        ToEnd => playhead.time = track.recorded,
        Seek(time) => playhead.time = time.min(track.recorded),
        Faster => playhead.speed = rung_above(playhead.speed),
        Slower => playhead.speed = rung_below(playhead.speed),
        Speed(speed) => playhead.speed = speed.clamp(slowest(), fastest()),
        ToggleLoop if track.looping == Looping::Off => track.looping = Looping::All,
        ToggleLoop => track.looping = Looping::Off,
        LoopFrom => track.looping = between(playhead.time, loop_end(track)),
        LoopTo => track.looping = between(loop_start(track), playhead.time),
    }
}

/// Whether a request takes the playhead elsewhere.
fn moves(request: TransportRequest) -> bool {
    use TransportRequest::{Seek, StepBack, StepForward, ToEnd, ToStart};
    matches!(request, Seek(_) | StepBack | StepForward | ToEnd | ToStart)
}

/// Stands where a new run has come to, until it has come as far as it should.
pub fn catch_up(playhead: &mut Playhead, track: &mut Track) {
    let Some(target) = track.catching_up else { return };
    playhead.time = target.min(track.recorded);
    if track.recorded >= target || track.edge == Edge::Final {
        track.catching_up = None;
    }
}

/// Runs; from the end of a finished run, from its beginning.
fn start(playhead: &mut Playhead, track: &Track) {
    if track.edge == Edge::Final && playhead.time >= track.recorded {
        playhead.time = SimTime::ZERO;
    }
    playhead.play = Play::Playing;
}

fn step_forward(playhead: &mut Playhead, track: &mut Track, instants: &dyn Instants) {
    playhead.play = Play::Paused;
    match instants.after(playhead.time) {
        Some(time) => playhead.time = time.min(track.recorded),
        None if track.edge == Edge::Live => track.waiting_step = Some(further(track)),
        None => playhead.time = track.recorded,
    }
}

/// Twice as far beyond the edge each time, so that an idle day is bridged in a few tries.
fn further(track: &Track) -> SimTime {
    let tried = track.waiting_step.unwrap_or(track.recorded).since(track.recorded);
    let reach = tried.saturating_mul(2).saturating_add(SimSpan::from_millis(100));
    (track.recorded + reach).min(track.limit)
}

/// Goes on with a step that waited for the engine.
pub fn resume_step(playhead: &mut Playhead, track: &mut Track, instants: &dyn Instants) {
    let Some(reach) = track.waiting_step else { return };
    match instants.after(playhead.time) {
        Some(time) if time < track.recorded || track.edge == Edge::Final => {
            playhead.time = time.min(track.recorded);
            track.waiting_step = None;
        }
        _ if track.edge == Edge::Final => {
            playhead.time = track.recorded;
            track.waiting_step = None;
        }
        _ if track.recorded >= reach => track.waiting_step = Some(further(track)),
        _ => {}
    }
}

fn rung_above(speed: f64) -> f64 {
    SPEEDS.into_iter().find(|rung| *rung > speed * 1.001).unwrap_or(fastest())
}

fn rung_below(speed: f64) -> f64 {
    SPEEDS.into_iter().rev().find(|rung| *rung < speed * 0.999).unwrap_or(slowest())
}

/// The slowest speed.
pub fn slowest() -> f64 {
    SPEEDS.first().copied().unwrap_or(1.0)
}

/// The fastest speed.
pub fn fastest() -> f64 {
    SPEEDS.last().copied().unwrap_or(1.0)
}

fn between(from: SimTime, to: SimTime) -> Looping {
    if from < to { Looping::Between(from, to) } else { Looping::Off }
}

fn loop_start(track: &Track) -> SimTime {
    match track.looping {
        Looping::Between(from, _) => from,
        _ => SimTime::ZERO,
    }
}

fn loop_end(track: &Track) -> SimTime {
    match track.looping {
        Looping::Between(_, to) => to,
        _ => track.end(),
    }
}

/// Moves the playhead. Reads `OpenRecording` and `TransportRequest`; writes `Playhead` and `Track`.
pub struct PlayheadPlugin;

impl Plugin for PlayheadPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Playhead>()
            .init_resource::<Track>()
            .init_resource::<OpenRecording>()
            .add_message::<TransportRequest>()
            .add_systems(Update, move_playhead.in_set(DesktopSystems::Playhead));
    }
}

/// Obeys requests, then moves on by the frame's wall time.
pub(super) fn move_playhead(
    time: Res<Time>,
    open: Res<OpenRecording>,
    mut requests: MessageReader<TransportRequest>,
    mut playhead: ResMut<Playhead>,
    mut track: ResMut<Track>,
) {
    let Some(recording) = &open.recording else {
        requests.clear();
        *playhead = Playhead { time: SimTime::ZERO, wall: playhead.wall + time.delta_secs_f64(), ..*playhead };
        return;
    };
    track.recorded = recording.end();
    track.edge = if recording.finished() { Edge::Final } else { Edge::Live };
    // A recording that was cut short keeps the end that its run was to have.
    if track.edge == Edge::Final && recording.cut_short() == CutShort::No {
        track.limit = track.recorded;
    }
    let instants = Recorded(recording);
    for request in requests.read() {
        obey(&mut playhead, &mut track, &instants, *request);
    }
    resume_step(&mut playhead, &mut track, &instants);
    catch_up(&mut playhead, &mut track);
    advance(&mut playhead, &track, time.delta_secs_f64());
}

/// Departures and arrivals of a recording.
struct Recorded<'a>(&'a Recording);

impl Instants for Recorded<'_> {
    fn after(&self, time: SimTime) -> Option<SimTime> {
        let first = self.0.chunk_at(time)?;
        (first..self.0.chunks().len()).find_map(|index| {
            let chunk = self.0.chunk(index).ok()?;
            let first_after = |times: &[u64]| times.get(times.partition_point(|at| *at <= time.nanos())).copied();
            let found = [first_after(&chunk.hops.depart), first_after(&chunk.receipts.time)];
            found.into_iter().flatten().min().map(SimTime::from_nanos)
        })
    }

    fn before(&self, time: SimTime) -> Option<SimTime> {
        let last = self.0.chunk_at(time)?;
        (0..=last).rev().find_map(|index| {
            let chunk = self.0.chunk(index).ok()?;
            let last_before = |times: &[u64]| {
                let end = times.partition_point(|at| *at < time.nanos());
                end.checked_sub(1).and_then(|place| times.get(place)).copied()
            };
            let found = [last_before(&chunk.hops.depart), last_before(&chunk.receipts.time)];
            found.into_iter().flatten().max().map(SimTime::from_nanos)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Listed(Vec<u64>);

    impl Instants for Listed {
        fn after(&self, time: SimTime) -> Option<SimTime> {
            self.0.iter().map(|at| at_second(*at)).find(|at| *at > time)
        }

        fn before(&self, time: SimTime) -> Option<SimTime> {
            self.0.iter().rev().map(|at| at_second(*at)).find(|at| *at < time)
        }
    }

    fn at_second(second: u64) -> SimTime {
        SimTime::ZERO + SimSpan::from_seconds(second)
    }

    fn playing(second: u64, speed: f64) -> Playhead {
        Playhead { time: at_second(second), speed, play: Play::Playing, wall: 0.0 }
    }

    fn track(recorded: u64, limit: u64, edge: Edge) -> Track {
        Track { recorded: at_second(recorded), limit: at_second(limit), edge, ..Track::default() }
    }

    #[test]
    fn the_playhead_runs_at_its_speed() {
        let mut playhead = playing(10, 20.0);
        advance(&mut playhead, &track(60, 60, Edge::Final), 0.05);
        assert_eq!(playhead.time, at_second(11));
    }

    #[test]
    fn it_waits_at_a_live_edge_and_goes_on() {
        let mut playhead = playing(10, 100.0);
        advance(&mut playhead, &track(12, 60, Edge::Live), 0.05);
        assert_eq!((playhead.time, playhead.play), (at_second(12), Play::Playing));
    }

    #[test]
    fn it_stops_at_the_end_of_a_finished_run_and_starts_over() {
        let mut playhead = playing(59, 100.0);
        let mut run = track(60, 60, Edge::Final);
        advance(&mut playhead, &run, 0.05);
        assert_eq!((playhead.time, playhead.play), (at_second(60), Play::Paused));
        obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::Toggle);
        assert_eq!((playhead.time, playhead.play), (at_second(0), Play::Playing));
    }

    #[test]
    fn a_loop_goes_round() {
        let mut playhead = playing(30, 100.0);
        let mut run = track(60, 60, Edge::Final);
        obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::LoopFrom);
        playhead.time = at_second(40);
        obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::LoopTo);
        assert_eq!(run.looping, Looping::Between(at_second(30), at_second(40)));
        playhead.time = at_second(39);
        advance(&mut playhead, &run, 0.05);
        assert_eq!(playhead.time, at_second(30));
    }

    #[test]
    fn steps_go_from_event_to_event_and_back() {
        let mut playhead = playing(10, 1.0);
        let mut run = track(60, 60, Edge::Final);
        let events = Listed(vec![5, 12, 13]);
        obey(&mut playhead, &mut run, &events, TransportRequest::StepForward);
        assert_eq!((playhead.time, playhead.play), (at_second(12), Play::Paused));
        obey(&mut playhead, &mut run, &events, TransportRequest::StepBack);
        assert_eq!(playhead.time, at_second(5));
        obey(&mut playhead, &mut run, &events, TransportRequest::StepBack);
        assert_eq!(playhead.time, SimTime::ZERO);
    }

    #[test]
    fn a_step_at_the_live_edge_makes_the_engine_run_on_until_something_happens() {
        let mut playhead = playing(10, 1.0);
        let mut run = track(10, 60, Edge::Live);
        obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::StepForward);
        let first = run.horizon(&playhead);
        assert!(first > run.recorded);
        run.recorded = first;
        resume_step(&mut playhead, &mut run, &Listed(vec![]));
        assert!(run.waiting_step.is_some_and(|reach| reach > first));
        run.recorded = at_second(20);
        resume_step(&mut playhead, &mut run, &Listed(vec![15]));
        assert_eq!((playhead.time, run.waiting_step), (at_second(15), None));
    }

    #[test]
    fn a_new_run_catches_up_with_the_old_one_before_it_goes_on() {
        let mut playhead = playing(30, 100.0);
        let mut run = Track { catching_up: Some(at_second(30)), ..track(10, 60, Edge::Live) };
        catch_up(&mut playhead, &mut run);
        advance(&mut playhead, &run, 0.05);
        assert_eq!((playhead.time, run.horizon(&playhead)), (at_second(10), at_second(35)));
        run.recorded = at_second(40);
        catch_up(&mut playhead, &mut run);
        advance(&mut playhead, &run, 0.05);
        assert_eq!((playhead.time, run.catching_up), (at_second(35), None));
        run.catching_up = Some(at_second(50));
        obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::Seek(at_second(20)));
        assert_eq!((playhead.time, run.catching_up), (at_second(20), None));
    }

    #[test]
    fn nothing_can_be_sought_that_is_not_recorded() {
        let mut playhead = playing(10, 1.0);
        let mut run = track(20, 60, Edge::Live);
        obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::Seek(at_second(50)));
        assert_eq!(playhead.time, at_second(20));
        assert_eq!(run.horizon(&playhead), at_second(20) + SimSpan::from_millis(250));
    }

    #[test]
    fn speeds_stay_on_their_ladder() {
        let mut playhead = playing(0, 1.0);
        let mut run = track(20, 60, Edge::Live);
        for _ in 0..30 {
            obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::Faster);
        }
        assert_eq!(playhead.speed, 1_000.0);
        for _ in 0..30 {
            obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::Slower);
        }
        assert_eq!(playhead.speed, 0.01);
        obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::Speed(7.0));
        obey(&mut playhead, &mut run, &Listed(vec![]), TransportRequest::Faster);
        assert_eq!(playhead.speed, 10.0);
    }
}
