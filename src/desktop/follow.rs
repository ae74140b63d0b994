//! Following one message: every hop that it made, and where it is at the playhead.
//!
//! Reads `OpenRecording`, `Playhead`, `Track` and `FollowRequest`; writes [`Followed`].
//! Invariant: what is followed is read from the recording, on the task pool, and read again while
//! the run goes on; another run or another document ends it.
//! Invariant: a message's place is that of its glyph: on the link's curve, by departure and arrival.

use bevy::prelude::*;
use bevy::tasks::futures::check_ready;
use bevy::tasks::{AsyncComputeTaskPool, Task};

use crate::record::Recording;
use crate::record::chunk::Chunk;
use crate::record::columns::range;
use crate::scene::time::SimTime;
use crate::sim::id::MessageId;
use crate::sim::row::{Direction, HopKind, HopRow, Outcome, WireFate};

use super::playhead::Track;
use super::state::{DesktopSystems, DocumentId, OpenRecording, Playhead};

/// Chunks that are read on each side of the playhead: a message that lives longer is shown in part.
const CHUNKS_MAX: usize = 64;
/// Hops of one message that are kept; a message that goes round for ever is shown in part.
const LEGS_MAX: usize = 1_000;
/// Wall seconds between two readings while the run goes on.
const PAUSE: f64 = 0.4;

/// What a panel or the pointer asks for.
#[derive(Message, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FollowRequest {
    /// Follows this message.
    Message(MessageId),
    /// Follows nothing.
    Nothing,
    /// Moves the camera along, or no longer.
    ToggleCamera,
}

/// Whether the camera goes along.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Along {
    /// It does.
    #[default]
    Yes,
    /// It stays where it is.
    No,
}

/// The message that is followed, and what it did. Written here alone.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct Followed {
    /// Which one.
    pub message: Option<MessageId>,
    /// Its hops, earliest first.
    pub legs: Vec<Leg>,
    /// Whether the camera goes along.
    pub along: Along,
}

/// One hop of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Row of the link.
    pub link: usize,
    /// Which way.
    pub direction: Direction,
    /// When it left.
    pub depart: SimTime,
    /// When it arrives, or would have.
    pub arrive: SimTime,
    /// What it was.
    pub kind: HopKind,
    /// Whether it was lost.
    pub wire: WireFate,
    /// What became of it, once it has arrived.
    pub outcome: Option<Outcome>,
    sequence: u32,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Whereabouts {
    /// It has not left its origin yet, or nothing is known of it.
    Before,
    /// On this leg, at this share of the way.
    Under(usize, f32),
    /// At the end of this leg.
    After(usize),
}

impl Followed {
    /// Where the message is at an instant.
    pub fn at(&self, now: SimTime) -> Whereabouts {
        let begun = self.legs.partition_point(|leg| leg.depart <= now);
        let under = (0..begun).rev().find(|place| self.legs.get(*place).is_some_and(|leg| leg.arrive > now));
        match (under.and_then(|place| self.legs.get(place).map(|leg| (place, leg))), begun.checked_sub(1)) {
            (Some((place, leg)), _) => Whereabouts::Under(place, leg.share(now)),
            (None, Some(last)) => Whereabouts::After(last),
            (None, None) => Whereabouts::Before,
        }
    }
}

impl Leg {
    /// The share of the link's curve, from its source, at which the hop is at an instant.
    pub fn share(&self, now: SimTime) -> f32 {
        let whole = self.arrive.since(self.depart).seconds();
        let gone = if whole > 0.0 { (now.since(self.depart).seconds() / whole).clamp(0.0, 1.0) as f32 } else { 1.0 };
        match self.direction {
            Direction::Forward => gone,
            Direction::Backward => 1.0 - gone,
        }
    }

    fn of(hop: &HopRow) -> Leg {
        Leg {
            link: hop.link.row(),
            direction: hop.direction,
            depart: hop.key.time,
            arrive: hop.arrive,
            kind: hop.kind,
            wire: hop.wire,
            outcome: None,
            sequence: hop.sequence,
        }
    }
}

/// Keeps [`Followed`].
pub struct FollowPlugin;

impl Plugin for FollowPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Followed>()
            .init_resource::<Reader>()
            .add_message::<FollowRequest>()
            .add_systems(Update, (obey, read_on).chain().in_set(DesktopSystems::Playhead));
    }
}

#[derive(Resource, Default)]
struct Reader {
    task: Option<Task<(MessageId, Vec<Leg>)>>,
    of: (DocumentId, u64),
    read_to: Option<SimTime>,
    wall: f64,
}

fn obey(
    mut requests: MessageReader<FollowRequest>,
    open: Res<OpenRecording>,
    mut followed: ResMut<Followed>,
    mut reader: ResMut<Reader>,
) {
    let of = (open.document, open.run);
    if reader.of != of {
        *reader = Reader { of, ..Reader::default() };
        followed.set_if_neq(Followed { along: followed.along, ..Followed::default() });
    }
    for request in requests.read() {
        match request {
            FollowRequest::Message(message) => {
                *followed = Followed { message: Some(*message), legs: Vec::new(), along: followed.along };
                *reader = Reader { of, ..Reader::default() };
            }
            FollowRequest::Nothing => {
                followed.set_if_neq(Followed { along: followed.along, ..Followed::default() });
            }
            FollowRequest::ToggleCamera => {
                followed.along = if followed.along == Along::Yes { Along::No } else { Along::Yes };
            }
        }
    }
}

fn read_on(
    open: Res<OpenRecording>,
    playhead: Res<Playhead>,
    track: Res<Track>,
    mut followed: ResMut<Followed>,
    mut reader: ResMut<Reader>,
) {
    let (Some(recording), Some(message)) = (&open.recording, followed.message) else { return };
    if let Some(task) = reader.task.as_mut() {
        let Some((of, legs)) = check_ready(task) else { return };
        reader.task = None;
        if of == message && followed.legs != legs {
            followed.legs = legs;
        }
    }
    let rested = playhead.wall - reader.wall >= PAUSE;
    if reader.read_to == Some(track.recorded) || (reader.read_to.is_some() && !rested) {
        return;
    }
    (reader.read_to, reader.wall) = (Some(track.recorded), playhead.wall);
    let (recording, now) = (recording.clone(), playhead.time);
    reader.task = Some(AsyncComputeTaskPool::get().spawn(async move { (message, legs(&recording, message, now)) }));
}

/// Every hop of a message in the chunks around an instant.
fn legs(recording: &Recording, message: MessageId, now: SimTime) -> Vec<Leg> {
    let Some(middle) = recording.chunk_at(now) else { return Vec::new() };
    let chunks = recording.chunks().len();
    let span = middle.saturating_sub(CHUNKS_MAX)..chunks.min(middle + CHUNKS_MAX);
    let mut legs = Vec::new();
    for index in span {
        let mut looked = |chunk: &Chunk| add(&mut legs, chunk, message);
        if recording.with_open(|open, chunk| (open == index).then(|| looked(chunk))).flatten().is_none()
            && let Ok(chunk) = recording.chunk(index)
        {
            add(&mut legs, &chunk, message);
        }
        if legs.len() >= LEGS_MAX {
            break;
        }
    }
    legs.sort_by_key(|leg| (leg.depart, leg.arrive));
    legs
}

fn add(legs: &mut Vec<Leg>, chunk: &Chunk, message: MessageId) {
    if legs.is_empty() {
        legs.extend(chunk.keyframe.hops.iter().filter(|hop| hop.message == message).map(Leg::of));
    }
    let hops = chunk.hops.message.iter().enumerate().filter(|(_, found)| **found == message.0);
    legs.extend(hops.filter_map(|(place, _)| chunk.hops.row(place)).map(|hop| Leg::of(&hop)));
    let receipts = chunk.receipts.message.iter().enumerate().filter(|(_, found)| **found == message.0);
    for receipt in receipts.filter_map(|(place, _)| chunk.receipts.row(place)) {
        let same = |leg: &&mut Leg| {
            leg.link == receipt.link.row() && leg.sequence == receipt.sequence && leg.direction == receipt.direction
        };
        if let Some(leg) = legs.iter_mut().rev().find(same) {
            leg.outcome = Some(receipt.outcome);
        }
    }
}

/// A hop that is under way, for the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnderWay {
    /// Its message.
    pub message: MessageId,
    /// Row of its link.
    pub link: usize,
    /// Which way.
    pub direction: Direction,
    /// Where on the curve, from the link's source.
    pub share: f32,
}

/// Every message under way at an instant.
pub fn under_way(chunk: &Chunk, now: SimTime) -> Vec<UnderWay> {
    let kept = chunk.keyframe.hops.iter().copied();
    let departed = range(&chunk.hops.depart, SimTime::ZERO, now).end;
    let later = (0..departed).filter(|place| chunk.hops.arrive.get(*place).is_some_and(|at| *at > now.nanos()));
    let hops = kept.chain(later.filter_map(|place| chunk.hops.row(place)));
    let carries = hops.filter(|hop| hop.arrive > now && hop.message != MessageId::NONE);
    carries
        .map(|hop| {
            let share = Leg::of(&hop).share(now);
            UnderWay { message: hop.message, link: hop.link.row(), direction: hop.direction, share }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::time::SimSpan;
    use crate::sim::id::LinkIndex;
    use crate::sim::row::{ReceiptRow, RowKey};

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + SimSpan::from_millis(millis)
    }

    fn hop(message: u64, link: u32, depart: u64, arrive: u64, direction: Direction) -> HopRow {
        HopRow {
            key: RowKey { time: at(depart), node: 0, number: 0 },
            arrive: at(arrive),
            message: MessageId(message),
            link: LinkIndex(link),
            sequence: link,
            attempt: 0,
            count: 1,
            direction,
            kind: HopKind::Event,
            wire: WireFate::Carried,
        }
    }

    fn chunk() -> Chunk {
        let mut chunk = Chunk::default();
        chunk.hops.push(&hop(7, 0, 0, 100, Direction::Forward));
        chunk.hops.push(&hop(8, 0, 10, 100, Direction::Forward));
        chunk.hops.push(&hop(7, 1, 200, 300, Direction::Backward));
        chunk.receipts.push(&ReceiptRow {
            key: RowKey { time: at(100), node: 1, number: 0 },
            message: MessageId(7),
            link: LinkIndex(0),
            sequence: 0,
            direction: Direction::Forward,
            outcome: Outcome::Accepted,
        });
        chunk
    }

    #[test]
    fn a_message_is_where_its_hops_say() {
        let mut legs = Vec::new();
        add(&mut legs, &chunk(), MessageId(7));
        assert_eq!(legs.iter().map(|leg| leg.outcome).collect::<Vec<_>>(), [Some(Outcome::Accepted), None]);
        let followed = Followed { message: Some(MessageId(7)), legs, along: Along::Yes };
        assert_eq!(followed.at(at(50)), Whereabouts::Under(0, 0.5));
        assert_eq!(followed.at(at(150)), Whereabouts::After(0));
        assert_eq!(followed.at(at(225)), Whereabouts::Under(1, 0.75));
        assert_eq!(Followed::default().at(at(5)), Whereabouts::Before);
    }

    #[test]
    fn what_is_under_way_can_be_touched() {
        let seen: Vec<u64> = under_way(&chunk(), at(50)).iter().map(|hop| hop.message.0).collect();
        assert_eq!(seen, [7, 8]);
        assert!(under_way(&chunk(), at(150)).is_empty());
    }
}
