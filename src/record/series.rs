//! Series: a node's quantity over time, as a panel's plot shows it.
//!
//! Invariant: values are for pictures only; nothing is computed from them.
//! Invariant: a chunk that cannot be read is an error, never a gap that looks like silence.

use std::ops::Range;

use crate::record::error::RecordError;
use crate::record::recording::{Quantity, Recording};
use crate::record::statistics::CELL;
use crate::record::window::{NodeStatistics, WindowStatistics};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::id::NodeIndex;
use crate::sim::row::Outcome;

/// Buckets that a series has at most: more than any screen has columns.
const BUCKETS_MAX: usize = 8192;

/// `buckets` values of `quantity` at `node`, evenly from `from` to `to`.
pub fn series(
    recording: &Recording,
    node: NodeIndex,
    quantity: Quantity,
    from: SimTime,
    to: SimTime,
    buckets: usize,
) -> Result<Vec<f32>, RecordError> {
    let buckets = buckets.min(BUCKETS_MAX);
    let length = to.since(from).nanos();
    if buckets == 0 || length == 0 {
        return Ok(vec![0.0; buckets]);
    }
    let edge = |at: usize| from + SimSpan::from_nanos((u128::from(length) * at as u128 / buckets as u128) as u64);
    let edges: Vec<SimTime> = (0..=buckets).map(edge).collect();
    if length / buckets as u64 >= CELL.nanos() {
        return from_cells(recording, node, quantity, &edges);
    }
    match quantity {
        Quantity::Depth | Quantity::InFlight | Quantity::Busy => levels(recording, node, quantity, &edges),
        Quantity::Arrivals | Quantity::Departures | Quantity::Errors => rates(recording, node, quantity, &edges),
    }
}

fn from_cells(
    recording: &Recording,
    node: NodeIndex,
    quantity: Quantity,
    edges: &[SimTime],
) -> Result<Vec<f32>, RecordError> {
    let end = recording.end();
    let mut windows: Vec<WindowStatistics> =
        edges.windows(2).map(|pair| WindowStatistics::beginning_in(pair[0], pair[1], end)).collect();
    for span in recording.chunks() {
        let over = |window: &WindowStatistics| span.start < window.to && span.end > window.from;
        if !windows.iter().any(over) {
            continue;
        }
        let statistics = recording.statistics(span.index)?;
        for window in windows.iter_mut().filter(|window| over(window)) {
            statistics.fold_node(node.0, window);
        }
    }
    let value =
        |window: &WindowStatistics| window.nodes.first().map_or(0.0, |node| value_of(node, quantity, window.length()));
    Ok(windows.iter().map(value).collect())
}

fn value_of(node: &NodeStatistics, quantity: Quantity, length: SimSpan) -> f32 {
    let rate = |count: u64| if length.is_zero() { 0.0 } else { (count as f64 / length.seconds()) as f32 };
    let errors = [Outcome::Throttled, Outcome::Failed, Outcome::DeadLettered];
    match quantity {
        Quantity::Depth => node.depth_mean(length) as f32,
        Quantity::InFlight => node.in_flight_mean(length) as f32,
        Quantity::Busy => node.busy_mean(length) as f32,
        Quantity::Arrivals => rate(node.arrived()),
        Quantity::Departures => rate(node.departures),
        Quantity::Errors => rate(errors.iter().map(|outcome| node.outcome(*outcome)).sum()),
    }
}

/// Chunks with rows in the span of `edges`.
fn chunks_over(recording: &Recording, edges: &[SimTime]) -> Range<usize> {
    let (Some(from), Some(to)) = (edges.first(), edges.last()) else { return 0..0 };
    let end = recording.end();
    match (recording.chunk_at((*from).min(end)), recording.chunk_at((*to).min(end))) {
        (Some(first), Some(last)) => first..last + 1,
        _ => 0..0,
    }
}

fn levels(
    recording: &Recording,
    node: NodeIndex,
    quantity: Quantity,
    edges: &[SimTime],
) -> Result<Vec<f32>, RecordError> {
    let mut values = vec![0.0f32; edges.len().saturating_sub(1)];
    let mut level = 0.0f32;
    let mut filled = 0;
    for index in chunks_over(recording, edges) {
        let chunk = recording.chunk(index)?;
        let opening = chunk.keyframe.samples.iter().copied().filter(|sample| sample.key.node == node.0);
        let rows = (0..chunk.samples.len()).filter(|row| chunk.samples.node.get(*row) == Some(&node.0));
        for sample in opening.chain(rows.filter_map(|row| chunk.samples.row(row))) {
            while filled < values.len() && edges[filled + 1] < sample.key.time {
                values[filled] = level;
                filled += 1;
            }
            level = match quantity {
                Quantity::InFlight => sample.in_flight as f32,
                Quantity::Busy => sample.busy as f32,
                _ => sample.depth as f32,
            };
        }
    }
    let end = recording.end();
    while filled < values.len() && edges[filled] < end {
        values[filled] = level;
        filled += 1;
    }
    Ok(values)
}

fn rates(
    recording: &Recording,
    node: NodeIndex,
    quantity: Quantity,
    edges: &[SimTime],
) -> Result<Vec<f32>, RecordError> {
    let mut counts = vec![0u64; edges.len().saturating_sub(1)];
    let mut count = |time: u64, more: u64| {
        let after = edges.partition_point(|edge| edge.nanos() <= time);
        if let Some(place) = after.checked_sub(1).and_then(|bucket| counts.get_mut(bucket)) {
            *place += more;
        }
    };
    for index in chunks_over(recording, edges) {
        let chunk = recording.chunk(index)?;
        if quantity == Quantity::Departures {
            let hops = chunk.hops.depart.iter().zip(&chunk.hops.node).zip(&chunk.hops.direction).zip(&chunk.hops.count);
            let ours = hops.filter(|(((_, row), direction), _)| **row == node.0 && **direction == 0);
            ours.for_each(|(((time, _), _), carried)| count(*time, u64::from(*carried)));
            continue;
        }
        let receipts = chunk.receipts.time.iter().zip(&chunk.receipts.node);
        let receipts =
            receipts.zip(&chunk.receipts.direction).zip(&chunk.receipts.message).zip(&chunk.receipts.outcome);
        for ((((time, row), direction), message), outcome) in receipts {
            let wanted = quantity == Quantity::Arrivals || [1, 2, 5].contains(outcome);
            if *row == node.0 && *direction == 0 && *message != u64::MAX && wanted {
                count(*time, 1);
            }
        }
    }
    let spans = edges.windows(2).map(|pair| pair[1].since(pair[0]).seconds());
    let rate = |(count, span): (&u64, f64)| if span > 0.0 { (*count as f64 / span) as f32 } else { 0.0 };
    Ok(counts.iter().zip(spans).map(rate).collect())
}
