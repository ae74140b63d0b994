//! The supply: batches of hops around the playhead, from the chunks of the recording.
//!
//! Reads `OpenRecording`, `Playhead`, `Geometry`. Writes [`Shown`].
//! Invariant: batches together stay under [`BUDGET`]; the least recently used goes first.
//! Invariant: a closed chunk is read and laid out off the main thread, an open one as it grows.

use std::collections::BTreeMap;
use std::sync::Arc;

use bevy::prelude::*;
use bevy::tasks::{AsyncComputeTaskPool, Task, block_on, poll_once};

use super::batch::{Batch, Rows};
use crate::desktop::reading::Promptness;
use crate::desktop::state::{DesktopSystems, DocumentId, OpenRecording, OpenScene, Playhead};
use crate::record::Recording;
use crate::record::chunk::Chunk;
use crate::scene::time::{SimSpan, SimTime};

/// Bytes of batches on the adapter: sixteen million hops.
pub const BUDGET: usize = 256 << 20;
/// Wall time for which an arrived hop stays in the picture, so that fast ones are seen at all.
pub const AFTER_IMAGE: f64 = 0.25;
/// Wall time that a tail covers.
pub const TAIL: f64 = 0.12;
/// Hops that last less than this wall time are drawn as flow: three frames of a usual screen.
pub const FLOW: f64 = 3.0 / 60.0;
/// Pieces of the open chunk before they are laid out anew as one.
const PIECES: usize = 24;
/// Chunks before the playhead's that may still have an after-image.
const BEFORE: usize = 3;

/// Names a batch for good: document, run, chunk, piece.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BatchKey {
    /// The document.
    pub document: DocumentId,
    /// The run.
    pub run: u64,
    /// The chunk.
    pub chunk: u32,
    /// The piece of an open chunk; `u32::MAX` for a whole, closed one.
    pub piece: u32,
}

/// A batch to draw now.
#[derive(Clone, Debug)]
pub struct ShownBatch {
    /// Its name.
    pub key: BatchKey,
    /// The hops.
    pub batch: Arc<Batch>,
    /// Hops that arrive at or after this instant are drawn by a later batch.
    pub arrive_before: Option<SimTime>,
}

/// What the picture shows of the recording at the moment.
#[derive(Resource, Clone, Debug, Default)]
pub struct Shown {
    /// The batches, earliest first.
    pub batches: Vec<ShownBatch>,
    /// The instant.
    pub now: SimTime,
    /// Simulated nanoseconds that an after-image lasts.
    pub after: u64,
    /// Simulated nanoseconds that a tail covers.
    pub tail: u64,
    /// Hops shorter than this are drawn as flow.
    pub flow: u64,
}

impl Shown {
    /// Hops that can be seen at the instant.
    pub fn hops(&self) -> usize {
        let seen = |ShownBatch { batch, .. }: &ShownBatch| {
            batch.visible(batch.tick(self.now), batch.ticks(self.after)).map(|range| range.len()).sum::<usize>()
        };
        self.batches.iter().map(seen).sum()
    }
}

/// All batches that are at hand.
#[derive(Resource, Default)]
struct Store {
    document: DocumentId,
    run: u64,
    links: usize,
    closed: BTreeMap<usize, Kept>,
    tasks: BTreeMap<usize, Task<Option<Batch>>>,
    open: OpenPieces,
    /// The chunk that was open before, until it is laid out as a whole.
    past: OpenPieces,
    uses: u64,
}

struct Kept {
    batch: Arc<Batch>,
    used: u64,
}

/// The open chunk as far as it was read.
#[derive(Default)]
struct OpenPieces {
    chunk: usize,
    hops: usize,
    receipts: usize,
    pieces: Vec<(u32, Arc<Batch>)>,
    named: u32,
}

/// Keeps the supply.
pub struct SupplyPlugin;

impl Plugin for SupplyPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Store>()
            .init_resource::<Shown>()
            .init_resource::<OpenRecording>()
            .init_resource::<Promptness>()
            .add_systems(Update, supply.run_if(resource_exists::<OpenRecording>).in_set(DesktopSystems::Picture));
    }
}

fn supply(
    open: Res<OpenRecording>,
    scene: Res<OpenScene>,
    playhead: Res<Playhead>,
    promptness: Res<Promptness>,
    mut store: ResMut<Store>,
    mut shown: ResMut<Shown>,
) {
    let Some(recording) = &open.recording else {
        if !shown.batches.is_empty() {
            shown.batches.clear();
        }
        return;
    };
    let links = scene.scene.links.len();
    if (store.document, store.run, store.links) != (open.document, open.run, links) {
        *store = Store { document: open.document, run: open.run, links, ..Store::default() };
    }
    let wall = |seconds: f64| SimSpan::from_seconds_f64(seconds * playhead.speed).nanos();
    shown.now = playhead.time;
    (shown.after, shown.tail, shown.flow) = (wall(AFTER_IMAGE), wall(TAIL), wall(FLOW));
    store.uses += 1;
    store.follow_open(recording);
    store.collect();
    shown.batches = store.batches(recording, playhead.time, shown.after);
    if *promptness == Promptness::AtOnce && !store.tasks.is_empty() {
        store.wait();
        shown.batches = store.batches(recording, playhead.time, shown.after);
    }
    store.keep_budget();
}

/// Lays a whole chunk out.
fn whole(chunk: &Chunk, links: usize) -> Batch {
    let mut rows = Rows::default();
    rows.keyframe(&chunk.keyframe.hops);
    rows.hops(&chunk.hops, 0..chunk.hops.len());
    rows.receipts(&chunk.receipts, 0..chunk.receipts.len());
    Batch::new(chunk.start, &rows, links)
}

impl Store {
    /// Reads what the open chunk has gained since the last frame.
    fn follow_open(&mut self, recording: &Recording) {
        let Store { open, past, links, .. } = self;
        recording.with_open(|index, chunk| {
            if open.pieces.is_empty() || open.chunk != index || chunk.hops.len() < open.hops {
                let fresh = OpenPieces { chunk: index, named: open.named, ..OpenPieces::default() };
                *past = std::mem::replace(open, fresh);
            }
            let first = open.pieces.is_empty();
            let mut rows = Rows::default();
            if first {
                rows.keyframe(&chunk.keyframe.hops);
            }
            if open.pieces.len() >= PIECES {
                open.pieces.clear();
                (open.hops, open.receipts) = (0, 0);
                rows.keyframe(&chunk.keyframe.hops);
            }
            rows.hops(&chunk.hops, open.hops..chunk.hops.len());
            rows.receipts(&chunk.receipts, open.receipts..chunk.receipts.len());
            (open.hops, open.receipts) = (chunk.hops.len(), chunk.receipts.len());
            if !rows.is_empty() || first {
                open.named += 1;
                open.pieces.push((open.named, Arc::new(Batch::new(chunk.start, &rows, *links))));
            }
        });
    }

    /// Takes what tasks have finished.
    fn collect(&mut self) {
        let Store { tasks, closed, uses, .. } = self;
        tasks.retain(|index, task| match block_on(poll_once(task)) {
            None => true,
            Some(None) => false,
            Some(Some(batch)) => {
                closed.insert(*index, Kept { batch: Arc::new(batch), used: *uses });
                false
            }
        });
    }

    /// Waits for all tasks: for pictures.
    fn wait(&mut self) {
        for (index, task) in std::mem::take(&mut self.tasks) {
            if let Some(batch) = block_on(task) {
                self.closed.insert(index, Kept { batch: Arc::new(batch), used: self.uses });
            }
        }
    }

    /// The batches that can be seen, earliest first; asks for those that are missing.
    fn batches(&mut self, recording: &Recording, now: SimTime, after: u64) -> Vec<ShownBatch> {
        let Some(current) = recording.chunk_at(now) else { return Vec::new() };
        let spans = recording.chunks();
        let oldest = SimTime::from_nanos(now.nanos().saturating_sub(after));
        let mut found = Vec::new();
        let mut next_start = None;
        for span in spans.iter().take(current + 1).rev().take(BEFORE + 1) {
            if span.index != current && span.end <= oldest {
                break;
            }
            self.find(recording, span.index, span.open, next_start, &mut found);
            next_start = Some(span.start);
        }
        // The chunk that comes next is read before the playhead reaches it.
        if let Some(next) = spans.get(current + 1).filter(|next| !next.open) {
            self.ask(recording, next.index);
        }
        found.reverse();
        found
    }

    fn find(
        &mut self,
        recording: &Recording,
        index: usize,
        is_open: impl Into<Openness>,
        arrive_before: Option<SimTime>,
        found: &mut Vec<ShownBatch>,
    ) {
        let name = |store: &Store, piece: u32| BatchKey {
            document: store.document,
            run: store.run,
            chunk: index as u32,
            piece,
        };
        let uses = self.uses;
        if let Some(kept) = self.closed.get_mut(&index) {
            kept.used = uses;
            let batch = kept.batch.clone();
            found.push(ShownBatch { key: name(self, u32::MAX), batch, arrive_before });
            return;
        }
        for read in [&self.open, &self.past] {
            if read.chunk == index {
                let pieces = read.pieces.iter();
                found.extend(pieces.map(|(piece, batch)| ShownBatch {
                    key: name(self, *piece),
                    batch: batch.clone(),
                    arrive_before,
                }));
                break;
            }
        }
        if is_open.into() == Openness::Closed {
            self.ask(recording, index);
        }
    }

    /// Lays a closed chunk out in the background.
    fn ask(&mut self, recording: &Recording, index: usize) {
        if self.closed.contains_key(&index) || self.tasks.contains_key(&index) {
            return;
        }
        let (recording, links) = (recording.clone(), self.links);
        let task = AsyncComputeTaskPool::get()
            .spawn(async move { recording.chunk(index).ok().map(|chunk| whole(&chunk, links)) });
        self.tasks.insert(index, task);
    }

    fn keep_budget(&mut self) {
        let mut bytes: usize = self.closed.values().map(|kept| kept.batch.bytes()).sum();
        while bytes > BUDGET && self.closed.len() > BEFORE + 1 {
            let oldest = self.closed.iter().min_by_key(|(_, kept)| kept.used).map(|(index, _)| *index);
            let Some(dropped) = oldest.and_then(|oldest| self.closed.remove(&oldest)) else { return };
            bytes -= dropped.batch.bytes();
        }
    }
}

/// Whether a chunk still grows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Openness {
    Open,
    Closed,
}

impl From<bool> for Openness {
    fn from(open: bool) -> Openness {
        if open { Openness::Open } else { Openness::Closed }
    }
}
