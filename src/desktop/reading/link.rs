//! What the panels show of one link, and which links are cut when.
//!
//! Invariant: rates come from the recording's statistics; what is under way and how long it takes
//! comes from the rows of the chunk under the playhead, the only ones that are at hand.

use crate::record::Recording;
use crate::record::chunk::Chunk;
use crate::record::columns::{HopColumns, range};
use crate::record::window::{LinkStatistics, WindowStatistics};
use crate::scene::slug::LinkId;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::command::CommandAction;
use crate::sim::id::LinkIndex;
use crate::sim::row::{CommandRow, Direction, HopKind, Outcome, WireFate};

/// Hops of a link whose times are looked at; more change a quantile by nothing that is seen.
const TIMES_MAX: usize = 100_000;

/// What was read of one link.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkReadings {
    /// Which one.
    pub link: LinkId,
    /// Hops a second, both ways together, over the whole run.
    pub series: Vec<f32>,
    /// Hops a second: forward and back.
    pub rate: [f64; 2],
    /// Replies that report an error, a second.
    pub errors: f64,
    /// Replies that refuse for want of capacity, a second.
    pub refusals: f64,
    /// Hops that the target turned away or failed on, a second.
    pub turned_away: f64,
    /// Hops lost on the way, a second.
    pub lost: f64,
    /// Hops under way at the playhead: forward and back.
    pub under_way: [usize; 2],
    /// Time of the way in seconds: p50, p95, p99.
    pub latency: [Option<f64>; 3],
}

/// A link was cut, or restored.
#[derive(Clone, Debug, PartialEq)]
pub struct Severing {
    /// When.
    pub at: SimTime,
    /// Which link.
    pub link: LinkId,
    /// How it is from then on.
    pub passage: Passage,
}

/// Whether a link takes departures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Passage {
    /// It does.
    #[default]
    Free,
    /// It does not.
    Cut,
}

/// Every cut of a recording, by hand or by fault, in the order of time.
pub fn severings(commands: &[CommandRow]) -> Vec<Severing> {
    let one = |row: &CommandRow| {
        let (link, passage) = match ron::from_str(&row.text).ok()? {
            CommandAction::Cut(link) => (link, Passage::Cut),
            CommandAction::Restore(link) => (link, Passage::Free),
            _ => return None,
        };
        Some(Severing { at: row.key.time, link, passage })
    };
    commands.iter().filter_map(one).collect()
}

/// How a link is at an instant.
pub fn passage_at(severings: &[Severing], link: &LinkId, at: SimTime) -> Passage {
    let before = severings.iter().take_while(|severing| severing.at <= at);
    before.filter(|severing| severing.link == *link).last().map_or(Passage::Free, |severing| severing.passage)
}

/// Hops a second of a link in one bucket.
pub fn bucket(window: &WindowStatistics, row: LinkIndex) -> f32 {
    let seconds = window.length().seconds();
    let hops = window.links.get(row.row()).map_or(0, both);
    if seconds > 0.0 { (hops as f64 / seconds) as f32 } else { 0.0 }
}

fn both(link: &LinkStatistics) -> u64 {
    link.total(Direction::Forward) + link.total(Direction::Backward)
}

/// Reads a link at an instant, with rates over `recent` before it.
pub fn read(
    recording: &Recording,
    (link, row): &(LinkId, LinkIndex),
    at: SimTime,
    recent: SimSpan,
    series: Vec<f32>,
) -> LinkReadings {
    let from = SimTime::from_nanos(at.nanos().saturating_sub(recent.nanos()));
    let window = recording.window(from, at);
    let seconds = window.length().seconds();
    let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    let nothing = LinkStatistics::default();
    let counts = window.links.get(row.row()).unwrap_or(&nothing);
    let kind = |kind: HopKind| counts.count(Direction::Forward, kind) + counts.count(Direction::Backward, kind);
    let outcome = |outcome: Outcome| counts.outcomes.iter().filter_map(|way| way.get(outcome as usize)).sum::<u64>();
    let (under_way, latency) = ways(recording, *row, from, at);
    LinkReadings {
        link: link.clone(),
        series,
        rate: [rate(counts.total(Direction::Forward)), rate(counts.total(Direction::Backward))],
        errors: rate(kind(HopKind::Error)),
        refusals: rate(kind(HopKind::Throttled)),
        turned_away: rate(outcome(Outcome::Throttled) + outcome(Outcome::Failed)),
        lost: rate(counts.lost.iter().sum()),
        under_way,
        latency,
    }
}

/// What is under way at `at`, and the quantiles of the times of hops that departed since `from`.
fn ways(recording: &Recording, row: LinkIndex, from: SimTime, at: SimTime) -> ([usize; 2], [Option<f64>; 3]) {
    let Some(index) = recording.chunk_at(at) else { return Default::default() };
    let look = |chunk: &Chunk| (under_way(chunk, row, at), times(&chunk.hops, row, from, at));
    let seen = recording.with_open(|open, chunk| (open == index).then(|| look(chunk))).flatten();
    let Some((under_way, mut times)) = seen.or_else(|| recording.chunk(index).ok().map(|chunk| look(&chunk))) else {
        return Default::default();
    };
    times.sort_unstable();
    let quantile = |share: f64| {
        let place = (times.len().saturating_sub(1) as f64 * share).round() as usize;
        times.get(place).map(|nanos| *nanos as f64 / 1e9)
    };
    (under_way, [0.5, 0.95, 0.99].map(quantile))
}

fn under_way(chunk: &Chunk, row: LinkIndex, at: SimTime) -> [usize; 2] {
    let mut counts = [0, 0];
    let mut add = |direction: u8| {
        if let Some(count) = counts.get_mut(usize::from(direction)) {
            *count += 1;
        }
    };
    let kept = chunk.keyframe.hops.iter().filter(|hop| hop.link == row && hop.arrive > at);
    kept.for_each(|hop| add(hop.direction as u8));
    let departed = range(&chunk.hops.depart, SimTime::ZERO, at).end;
    let columns = chunk.hops.link.iter().zip(&chunk.hops.arrive).zip(&chunk.hops.direction).take(departed);
    columns
        .filter(|((link, arrive), _)| **link == row.0 && **arrive > at.nanos())
        .for_each(|(_, direction)| add(*direction));
    counts
}

/// Nanoseconds that hops of a link took which departed from `from` up to `at` and were not lost.
fn times(hops: &HopColumns, row: LinkIndex, from: SimTime, at: SimTime) -> Vec<u64> {
    let span = range(&hops.depart, from, at);
    let mine = span.rev().filter(|place| hops.link.get(*place) == Some(&row.0));
    let took = mine.filter_map(|place| {
        let carried = *hops.wire.get(place)? == WireFate::Carried as u8;
        carried.then_some(hops.arrive.get(place)?.saturating_sub(*hops.depart.get(place)?))
    });
    took.take(TIMES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::id::MessageId;
    use crate::sim::row::{HopRow, RowKey};

    fn id(text: &str) -> LinkId {
        LinkId::new(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + SimSpan::from_millis(millis)
    }

    fn command(millis: u64, action: CommandAction) -> CommandRow {
        let text = ron::to_string(&action).unwrap_or_else(|error| panic!("{error}"));
        CommandRow { key: RowKey { time: at(millis), node: 0, number: 0 }, text }
    }

    #[test]
    fn a_link_is_cut_from_its_cut_to_its_restoring() {
        let commands = [
            command(10, CommandAction::Cut(id("a"))),
            command(15, CommandAction::Cut(id("b"))),
            command(20, CommandAction::Restore(id("a"))),
        ];
        let found = severings(&commands);
        let passages = [9, 10, 19, 20].map(|millis| passage_at(&found, &id("a"), at(millis)));
        assert_eq!(passages, [Passage::Free, Passage::Cut, Passage::Cut, Passage::Free]);
        assert_eq!(passage_at(&found, &id("b"), at(99)), Passage::Cut);
    }

    #[test]
    fn what_departed_and_has_not_arrived_is_under_way() {
        let hop = |depart: u64, arrive: u64, direction| HopRow {
            key: RowKey { time: at(depart), node: 0, number: 0 },
            arrive: at(arrive),
            message: MessageId::NONE,
            link: LinkIndex(3),
            sequence: 0,
            attempt: 0,
            count: 1,
            direction,
            kind: HopKind::Event,
            wire: WireFate::Carried,
        };
        let mut chunk = Chunk::default();
        chunk.keyframe.hops.push(hop(0, 30, Direction::Backward));
        chunk.hops.push(&hop(10, 20, Direction::Forward));
        chunk.hops.push(&hop(10, 40, Direction::Forward));
        chunk.hops.push(&hop(26, 40, Direction::Forward));
        assert_eq!(under_way(&chunk, LinkIndex(3), at(25)), [1, 1]);
        assert_eq!(under_way(&chunk, LinkIndex(4), at(25)), [0, 0]);
        let took = |millis| SimSpan::from_millis(millis).nanos();
        assert_eq!(times(&chunk.hops, LinkIndex(3), at(0), at(25)), [took(30), took(10)]);
    }
}
