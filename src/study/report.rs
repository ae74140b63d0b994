//! The report: what a run came to, node by node and flow by flow.
//!
//! Invariant: field names and units are read by other programs: they stay as they are.
//! Durations are in seconds, rates in messages a second, shares from 0 to 1.

use serde::Serialize;

use crate::record::histogram::Histogram;
use crate::record::recording::Quantity;
use crate::record::window::{FlowStatistics, NodeStatistics};
use crate::record::{RecordError, Recording};
use crate::scene::document::{Node, Scene};
use crate::scene::kind::Kind;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::id::NodeIndex;
use crate::sim::row::{Fate, Outcome};
use crate::study::parallelism::{Parallelism, parallelism};

/// Points of a curve in the report.
const CURVE_POINTS: usize = 240;
/// Curves in the report: the nodes with the deepest backlogs.
const CURVES_MAX: usize = 12;
/// Flows in the report, the busiest first.
const FLOWS_MAX: usize = 50;

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The scene's title.
    pub title: String,
    /// Seed of all draws.
    pub seed: u64,
    /// Simulated seconds.
    pub duration_s: f64,
    /// Messages whose flow ended well.
    pub delivered: u64,
    /// Messages that ended otherwise: failed, throttled, expired, lost, timed out.
    pub not_delivered: u64,
    /// Nodes in the order of their ids.
    pub nodes: Vec<NodeReport>,
    /// Flows, the busiest first.
    pub flows: Vec<FlowReport>,
    /// Backlog over time of the nodes with the deepest ones.
    pub curves: Vec<Curve>,
    /// What limits how many threads can work at the scene; `null` where it does not compile.
    pub parallelism: Option<Parallelism>,
}

/// What happened at a node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Its id in the scene.
    pub id: String,
    /// Its label, or its id.
    pub label: String,
    /// Its kind.
    pub kind: &'static str,
    /// Messages that arrived.
    pub arrivals: u64,
    /// Messages that it sent.
    pub departures: u64,
    /// Arrivals a second.
    pub arrival_rate: f64,
    /// Departures a second.
    pub throughput: f64,
    /// Servers or environments at work on average.
    pub busy_mean: f64,
    /// Share of its servers or environments at work; `null` without a limit.
    pub utilisation: Option<f64>,
    /// Messages waiting on average.
    pub queue_mean: f64,
    /// Most messages waiting.
    pub queue_max: u32,
    /// Messages turned away for want of capacity.
    pub throttled: u64,
    /// Messages that failed on arrival, or ended here by an error.
    pub errors: u64,
    /// Dead letters taken in.
    pub dead_letters: u64,
    /// Messages that ended here well.
    pub delivered: u64,
    /// Time between arrival and start of work.
    pub wait: Percentiles,
    /// Time of work.
    pub service: Percentiles,
    /// Time until an answer came, at a requester.
    pub response: Percentiles,
}

/// How long messages took from one node to another.
#[derive(Clone, Debug, Serialize)]
pub struct FlowReport {
    /// Where they began.
    pub origin: String,
    /// Where they ended.
    pub end: String,
    /// From origin to end.
    pub latency: Percentiles,
}

/// A distribution of durations, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Percentiles {
    /// Values.
    pub count: u64,
    /// Mean; zero without values.
    pub mean_s: f64,
    /// Median.
    pub p50_s: f64,
    /// 95th percentile.
    pub p95_s: f64,
    /// 99th percentile.
    pub p99_s: f64,
    /// Largest.
    pub max_s: f64,
}

/// Messages waiting at a node over time.
#[derive(Clone, Debug, Serialize)]
pub struct Curve {
    /// The node's label.
    pub node: String,
    /// Seconds between two points.
    pub step_s: f64,
    /// Mean number waiting in each step.
    pub depth: Vec<f32>,
}

/// The report of all that `recording` holds; an error where part of it cannot be read.
pub fn report(recording: &Recording) -> Result<Report, RecordError> {
    let scene = recording.scene();
    let end = recording.end();
    let window = recording.window(SimTime::ZERO, end);
    if let Some(error) = recording.failure() {
        return Err(error);
    }
    let length = end.since(SimTime::ZERO);
    let nodes: Vec<NodeReport> = scene
        .nodes
        .iter()
        .zip(&window.nodes)
        .map(|((id, node), said)| node_report(id.as_str(), node, said, length))
        .collect();
    let total = |fate: Fate| window.nodes.iter().map(|node| node.ended(fate)).sum::<u64>();
    let lost = [Fate::Failed, Fate::Throttled, Fate::Expired, Fate::Lost, Fate::TimedOut];
    let mut flows: Vec<FlowReport> = window.flows.iter().filter_map(|flow| flow_report(scene, flow)).collect();
    flows.sort_by(|a, b| {
        b.latency.count.cmp(&a.latency.count).then_with(|| (&a.origin, &a.end).cmp(&(&b.origin, &b.end)))
    });
    flows.truncate(FLOWS_MAX);
    Ok(Report {
        title: scene.title.clone(),
        seed: recording.seed(),
        duration_s: length.seconds(),
        delivered: total(Fate::Delivered),
        not_delivered: lost.into_iter().map(total).sum(),
        curves: curves(recording, &nodes, end)?,
        nodes,
        flows,
        parallelism: parallelism(scene),
    })
}

fn node_report(id: &str, node: &Node, said: &NodeStatistics, length: SimSpan) -> NodeReport {
    let seconds = length.seconds().max(1e-9);
    let busy_mean = said.busy_mean(length);
    NodeReport {
        id: id.to_owned(),
        label: if node.label.is_empty() { id.to_owned() } else { node.label.clone() },
        kind: node.kind.name(),
        arrivals: said.arrived(),
        departures: said.departures,
        arrival_rate: said.arrived() as f64 / seconds,
        throughput: said.departures as f64 / seconds,
        busy_mean,
        utilisation: capacity(&node.kind).map(|capacity| busy_mean / f64::from(capacity.max(1))),
        queue_mean: said.depth_mean(length),
        queue_max: said.depth_max,
        throttled: said.outcome(Outcome::Throttled),
        errors: said.outcome(Outcome::Failed) + said.ended(Fate::Failed),
        dead_letters: said.outcome(Outcome::DeadLettered),
        delivered: said.ended(Fate::Delivered),
        wait: Percentiles::of(&said.wait),
        service: Percentiles::of(&said.service),
        response: Percentiles::of(&said.response),
    }
}

/// Servers or environments that a kind has at most.
fn capacity(kind: &Kind) -> Option<u32> {
    match kind {
        Kind::Function(function) => function.concurrency,
        Kind::Service(service) => Some(service.servers),
        _ => None,
    }
}

fn flow_report(scene: &Scene, flow: &FlowStatistics) -> Option<FlowReport> {
    let id = |node: NodeIndex| scene.nodes.keys().nth(node.row()).map(ToString::to_string);
    Some(FlowReport { origin: id(flow.origin)?, end: id(flow.end)?, latency: Percentiles::of(&flow.latency) })
}

fn curves(recording: &Recording, nodes: &[NodeReport], end: SimTime) -> Result<Vec<Curve>, RecordError> {
    let mut deepest: Vec<(usize, &NodeReport)> =
        nodes.iter().enumerate().filter(|(_, node)| node.queue_max > 1).collect();
    deepest.sort_by(|a, b| b.1.queue_max.cmp(&a.1.queue_max).then(a.0.cmp(&b.0)));
    deepest.truncate(CURVES_MAX);
    let step_s = end.seconds() / CURVE_POINTS as f64;
    let curve = |(row, node): (usize, &NodeReport)| {
        let node_index = NodeIndex(row as u32);
        let depth = recording.series(node_index, Quantity::Depth, SimTime::ZERO, end, CURVE_POINTS)?;
        Ok(Curve { node: node.label.clone(), step_s, depth })
    };
    deepest.into_iter().map(curve).collect()
}

impl Percentiles {
    /// The percentiles of a histogram of nanoseconds.
    pub fn of(histogram: &Histogram) -> Percentiles {
        let seconds = |nanos: Option<u64>| nanos.map_or(0.0, |nanos| nanos as f64 / 1e9);
        Percentiles {
            count: histogram.count(),
            mean_s: histogram.mean().unwrap_or(0.0) / 1e9,
            p50_s: seconds(histogram.quantile(0.50)),
            p95_s: seconds(histogram.quantile(0.95)),
            p99_s: seconds(histogram.quantile(0.99)),
            max_s: seconds(histogram.max()),
        }
    }
}
