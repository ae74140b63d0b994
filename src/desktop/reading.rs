//! Readings: the series, rates and quantiles that panels show, read off the recording.
//!
//! Invariant: reading never holds up a frame; it happens on the task pool, one at a time, and the
//! panels show the last finished one. In pictures of tests it happens at once.
//! Reads `OpenRecording`, `Playhead`, `Track` and `Selection`; writes `Readings` and `Figures`.

pub mod link;

use bevy::prelude::*;
use bevy::tasks::futures::check_ready;
use bevy::tasks::{AsyncComputeTaskPool, Task};

use crate::record::chunk::Chunk;
use crate::record::columns::range;
use crate::record::histogram::Histogram;
use crate::record::statistics::CELL;
use crate::record::window::{NodeStatistics, WindowStatistics};
use crate::record::{Quantity, Recording};
use crate::scene::kind::Kind;
use crate::scene::slug::{LinkId, NodeId};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::id::{LinkIndex, MessageId, NodeIndex};
use crate::sim::row::Outcome;

use self::link::{LinkReadings, Severing, severings};
use super::playhead::Track;
use super::state::{DesktopSystems, Figures, NodeShown, OpenRecording, Playhead, Selection};

/// Buckets of a chart.
const BUCKETS: usize = 120;
/// Wall time between two readings while nothing but the end of the recording moves.
const PAUSE: f64 = 0.25;

/// Messages of a node that are listed.
const MESSAGES_SHOWN: usize = 6;

/// What was read last.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// The first and the last instant of all series.
    pub span: (SimTime, SimTime),
    /// Messages that arrived and were taken, a second.
    pub throughput: Vec<f32>,
    /// Messages that are worked on.
    pub in_flight: Vec<f32>,
    /// Messages that wait.
    pub backlog: Vec<f32>,
    /// From origin to end in seconds: p50, p95, p99.
    pub latency: [Vec<f32>; 3],
    /// Messages turned away or failed, a second.
    pub errors: Vec<f32>,
    /// Messages that became dead letters, a second.
    pub dead_letters: Vec<f32>,
    /// Commands and faults that acted, with what they say.
    pub commands: Vec<(SimTime, String)>,
    /// Cuts of links among them.
    pub severings: Vec<Severing>,
    /// The selected node.
    pub node: Option<NodeReadings>,
    /// The selected link.
    pub link: Option<LinkReadings>,
}

/// What was read of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeReadings {
    /// Which one.
    pub node: NodeId,
    /// The history of its big figure.
    pub series: Vec<f32>,
    /// Messages that came, a second.
    pub arrivals: f64,
    /// Messages that it sent, a second.
    pub departures: f64,
    /// Messages turned away, a second.
    pub throttled: f64,
    /// Messages that failed on arrival, a second.
    pub failed: f64,
    /// Messages kept as dead letters, a second.
    pub dead_letters: f64,
    /// Servers at work, on average.
    pub busy: f64,
    /// Response or service time in seconds: p50, p95, p99.
    pub latency: [Option<f64>; 3],
    /// The last messages that came up to the playhead, the newest first, with their arrivals.
    pub messages: Vec<(SimTime, MessageId)>,
}

/// What is asked of a recording.
#[derive(Clone, Debug, PartialEq)]
struct Ask {
    /// The last instant of the series.
    end: SimTime,
    /// Where the playhead stands.
    at: SimTime,
    /// The span before the playhead over which rates are taken.
    recent: SimSpan,
    /// The selected node, its row and the quantity of its big figure.
    node: Option<(NodeId, NodeIndex, Quantity)>,
    /// The selected link and its row.
    link: Option<(LinkId, LinkIndex)>,
}

impl Ask {
    /// Whether both ask about the same node or link.
    fn same_subject(&self, other: &Ask) -> bool {
        self.node == other.node && self.link == other.link
    }
}

/// Whether readings may lag behind the playhead.
#[derive(Resource, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Promptness {
    /// They may: frames are not held up.
    #[default]
    Later,
    /// They may not: the same picture every time.
    AtOnce,
}

/// What goes on in the background.
#[derive(Resource, Default)]
struct Desk {
    readings: Option<Task<Readings>>,
    figures: Option<Task<(u64, Vec<NodeShown>)>>,
    last: Option<Ask>,
    last_wall: f64,
    shown: Option<(u64, SimTime)>,
}

/// Reads figures and series off the recording.
pub struct ReadingPlugin;

impl Plugin for ReadingPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Readings>()
            .init_resource::<Figures>()
            .init_resource::<Promptness>()
            .init_resource::<Desk>()
            .add_systems(
                Update,
                (read_figures, read_series)
                    .chain()
                    .in_set(DesktopSystems::Playhead)
                    .after(super::playhead::move_playhead),
            );
    }
}

/// How full every node is at the playhead: a frame later, or at once in pictures.
fn read_figures(
    open: Res<OpenRecording>,
    playhead: Res<Playhead>,
    promptness: Res<Promptness>,
    mut desk: ResMut<Desk>,
    mut figures: ResMut<Figures>,
) {
    let Some(recording) = open.recording.clone() else {
        figures.set_if_neq(Figures::default());
        return;
    };
    if let Some(task) = desk.figures.as_mut() {
        let Some((run, nodes)) = check_ready(task) else { return };
        desk.figures = None;
        if run == open.run {
            figures.set_if_neq(Figures { nodes });
        }
    }
    let (run, at) = (open.run, playhead.time);
    if desk.shown == Some((run, at)) && *promptness == Promptness::Later && !recording_moves(&recording, at) {
        return;
    }
    desk.shown = Some((run, at));
    if *promptness == Promptness::AtOnce {
        figures.set_if_neq(Figures { nodes: nodes_at(&recording, at) });
        return;
    }
    desk.figures = Some(AsyncComputeTaskPool::get().spawn(async move { (run, nodes_at(&recording, at)) }));
}

/// Whether what is recorded at an instant can still grow.
fn recording_moves(recording: &Recording, at: SimTime) -> bool {
    !recording.finished() && recording.end() <= at
}

fn nodes_at(recording: &Recording, at: SimTime) -> Vec<NodeShown> {
    let shown = |node: crate::record::NodeFigures| NodeShown {
        depth: node.depth,
        in_flight: node.in_flight,
        busy: node.busy,
        condition: node.condition,
    };
    recording.nodes_at(at).into_iter().map(shown).collect()
}

/// Series and rates, a few times a second.
fn read_series(
    open: Res<OpenRecording>,
    playhead: Res<Playhead>,
    track: Res<Track>,
    selection: Res<Selection>,
    promptness: Res<Promptness>,
    mut desk: ResMut<Desk>,
    mut readings: ResMut<Readings>,
) {
    let Some(recording) = open.recording.clone() else {
        readings.set_if_neq(Readings::default());
        return;
    };
    if let Some(task) = desk.readings.as_mut() {
        let Some(fresh) = check_ready(task) else { return };
        desk.readings = None;
        readings.set_if_neq(fresh);
    }
    let ask = Ask {
        end: track.recorded,
        at: playhead.time,
        recent: recent(playhead.speed),
        node: selected(&recording, &selection),
        link: selected_link(&recording, &selection),
    };
    let same = desk.last.as_ref().is_some_and(|last| last.same_subject(&ask));
    let rested = playhead.wall - desk.last_wall >= PAUSE;
    if desk.last.as_ref() == Some(&ask) || (same && !rested && *promptness == Promptness::Later) {
        return;
    }
    desk.last = Some(ask.clone());
    desk.last_wall = playhead.wall;
    if *promptness == Promptness::AtOnce {
        readings.set_if_neq(collect(&recording, &ask));
        return;
    }
    desk.readings = Some(AsyncComputeTaskPool::get().spawn(async move { collect(&recording, &ask) }));
}

/// Two seconds of what a person sees, and never less than one of what happens.
fn recent(speed: f64) -> SimSpan {
    SimSpan::from_seconds_f64((speed * 2.0).max(1.0))
}

fn selected(recording: &Recording, selection: &Selection) -> Option<(NodeId, NodeIndex, Quantity)> {
    let Selection::Node(id) = selection else { return None };
    let (row, (_, node)) = recording.scene().nodes.iter().enumerate().find(|(_, (known, _))| *known == id)?;
    let quantity = match node.kind {
        Kind::Queue(_) => Quantity::Depth,
        Kind::Function(_) | Kind::Service(_) | Kind::StateMachine(_) => Quantity::Busy,
        Kind::Client(_) => Quantity::InFlight,
        Kind::Producer(_) | Kind::Scheduler(_) => Quantity::Departures,
        _ => Quantity::Arrivals,
    };
    Some((id.clone(), NodeIndex(u32::try_from(row).ok()?), quantity))
}

fn selected_link(recording: &Recording, selection: &Selection) -> Option<(LinkId, LinkIndex)> {
    let Selection::Link(id) = selection else { return None };
    let row = recording.scene().links.keys().position(|known| known == id)?;
    Some((id.clone(), LinkIndex(u32::try_from(row).ok()?)))
}

fn collect(recording: &Recording, ask: &Ask) -> Readings {
    let mut readings = Readings { span: (SimTime::ZERO, ask.end), ..Readings::default() };
    let buckets = buckets(ask.end);
    let windows =
        (0..buckets).map(|bucket| recording.window(edge(ask.end, bucket, buckets), edge(ask.end, bucket + 1, buckets)));
    let mut along = Vec::new();
    for window in windows {
        fold(&mut readings, &window);
        along.extend(ask.link.as_ref().map(|(_, row)| link::bucket(&window, *row)));
    }
    let commands = recording.commands();
    readings.severings = severings(&commands);
    readings.commands = commands.into_iter().map(|row| (row.key.time, row.text)).collect();
    readings.link = ask.link.as_ref().map(|link| link::read(recording, link, ask.at, ask.recent, along));
    readings.node = ask.node.as_ref().map(|(id, row, quantity)| node_readings(recording, ask, id, *row, *quantity));
    readings
}

/// As many as a chart shows, and none narrower than the recording's own cells.
fn buckets(end: SimTime) -> usize {
    let cells = end.nanos() / CELL.nanos().max(1);
    usize::try_from(cells).unwrap_or(BUCKETS).clamp(2, BUCKETS)
}

fn edge(end: SimTime, bucket: usize, buckets: usize) -> SimTime {
    SimTime::from_nanos((u128::from(end.nanos()) * bucket as u128 / buckets as u128) as u64)
}

/// Adds one bucket to every series.
fn fold(readings: &mut Readings, window: &WindowStatistics) {
    let length = window.length();
    let seconds = length.seconds();
    let rate = |count: u64| if seconds > 0.0 { (count as f64 / seconds) as f32 } else { 0.0 };
    let sum = |outcome: Outcome| window.nodes.iter().map(|node| node.outcome(outcome)).sum::<u64>();
    readings.throughput.push(rate(sum(Outcome::Accepted)));
    readings.errors.push(rate(sum(Outcome::Throttled) + sum(Outcome::Failed)));
    readings.dead_letters.push(rate(sum(Outcome::DeadLettered)));
    readings.backlog.push(window.nodes.iter().map(|node| node.depth_mean(length)).sum::<f64>() as f32);
    readings.in_flight.push(window.nodes.iter().map(|node| node.busy_mean(length)).sum::<f64>() as f32);
    let latency = quantiles(&whole_latency(window));
    for (series, value) in readings.latency.iter_mut().zip(latency) {
        // Where nothing ended, the line stays where it was.
        let last = series.last().copied().unwrap_or(0.0);
        series.push(value.map_or(last, |value| value as f32));
    }
}

/// From origin to end where flows end, else until the answer.
fn whole_latency(window: &WindowStatistics) -> Histogram {
    let mut whole = Histogram::default();
    for flow in window.flows.iter().filter(|flow| flow.origin != flow.end) {
        whole.merge(&flow.latency);
    }
    if whole.count() == 0 {
        window.nodes.iter().for_each(|node| whole.merge(&node.response));
    }
    whole
}

fn quantiles(histogram: &Histogram) -> [Option<f64>; 3] {
    [0.5, 0.95, 0.99].map(|share| histogram.quantile(share).map(|nanos| nanos as f64 / 1e9))
}

fn node_readings(recording: &Recording, ask: &Ask, id: &NodeId, row: NodeIndex, quantity: Quantity) -> NodeReadings {
    let from = SimTime::from_nanos(ask.at.nanos().saturating_sub(ask.recent.nanos()));
    let window = recording.window(from, ask.at);
    let length = window.length();
    let seconds = length.seconds();
    let nothing = NodeStatistics::default();
    let node = window.nodes.get(row.row()).unwrap_or(&nothing);
    let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    let latency = if node.response.count() > 0 {
        &node.response
    } else if node.service.count() > 0 {
        &node.service
    } else {
        &node.wait
    };
    NodeReadings {
        node: id.clone(),
        // What could not be read is noted as the failure of the recording.
        series: recording.series(row, quantity, SimTime::ZERO, ask.end, buckets(ask.end)).unwrap_or_default(),
        arrivals: rate(node.arrived()),
        departures: rate(node.departures),
        throttled: rate(node.outcome(Outcome::Throttled)),
        failed: rate(node.outcome(Outcome::Failed)),
        dead_letters: rate(node.outcome(Outcome::DeadLettered)),
        busy: node.busy_mean(length),
        latency: quantiles(latency),
        messages: last_messages(recording, row, ask.at),
    }
}

/// The last messages that arrived at a node, as far as the chunk under the playhead goes back.
fn last_messages(recording: &Recording, row: NodeIndex, at: SimTime) -> Vec<(SimTime, MessageId)> {
    let Some(index) = recording.chunk_at(at) else { return Vec::new() };
    let look = |chunk: &Chunk| -> Vec<(SimTime, MessageId)> {
        let came = range(&chunk.receipts.time, SimTime::ZERO, at).rev();
        let mine = came.filter(|place| chunk.receipts.node.get(*place) == Some(&row.0));
        let rows = mine.filter_map(|place| chunk.receipts.row(place));
        rows.filter(|row| row.message != MessageId::NONE)
            .map(|row| (row.key.time, row.message))
            .take(MESSAGES_SHOWN)
            .collect()
    };
    let seen = recording.with_open(|open, chunk| (open == index).then(|| look(chunk))).flatten();
    seen.or_else(|| recording.chunk(index).ok().map(|chunk| look(&chunk))).unwrap_or_default()
}

/// The value of a series at an instant; zero outside.
pub fn value_at(values: &[f32], span: (SimTime, SimTime), time: SimTime) -> f32 {
    let whole = span.1.since(span.0).seconds();
    if values.is_empty() || whole <= 0.0 {
        return 0.0;
    }
    let place = (time.since(span.0).seconds() / whole * values.len() as f64) as usize;
    // The last bucket is still filling while the run goes on.
    values.get(place.min(values.len() - 1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_read_where_the_playhead_stands() {
        let span = (SimTime::ZERO, SimTime::ZERO + SimSpan::from_seconds(4));
        let at = |seconds: u64| SimTime::ZERO + SimSpan::from_seconds(seconds);
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(value_at(&values, span, at(2)), 3.0);
        assert_eq!(value_at(&values, span, at(4)), 4.0);
        assert_eq!(value_at(&[], span, at(2)), 0.0);
    }

    #[test]
    fn buckets_cover_the_run_without_gaps() {
        let end = SimTime::from_nanos(1_000_003);
        assert_eq!((edge(end, 0, 7), edge(end, 7, 7)), (SimTime::ZERO, end));
        assert_eq!((buckets(end), buckets(SimTime::MAX)), (2, BUCKETS));
    }

    #[test]
    fn counts_become_rates_of_their_bucket() {
        let mut readings = Readings::default();
        let mut node = NodeStatistics::default();
        node.arrivals[Outcome::Accepted as usize] = 40;
        node.arrivals[Outcome::Failed as usize] = 10;
        let to = SimTime::ZERO + SimSpan::from_seconds(2);
        fold(&mut readings, &WindowStatistics { to, nodes: vec![node], ..WindowStatistics::default() });
        assert_eq!((readings.throughput, readings.errors), (vec![20.0], vec![5.0]));
    }
}
