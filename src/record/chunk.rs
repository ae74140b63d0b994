//! Chunks: the parts of a recording, each enough to show its own span of time.
//!
//! Invariant: a chunk holds every row whose time lies in its span, in all tables, and its keyframe
//! says how things stood at its start; so a seek reads one chunk.
//! Invariant: where a chunk ends is decided by the rows alone: at the first instant of the grid at
//! which enough rows are there.

use crate::record::columns::{CommandColumns, HopColumns, LogColumns, ReceiptColumns, SampleColumns, range};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::row::{HopRow, Rows, SampleRow};

/// Chunks are cut only at multiples of this.
pub const CHUNK_GRID: SimSpan = SimSpan::from_millis(100);
/// A chunk holds at least this many rows, except the last: 2 ms to read back, a few megabytes.
pub const CHUNK_ROWS: usize = 1 << 18;
/// And at least this many times the rows of its keyframe, so that keyframes stay a small share.
pub const CHUNK_ROWS_PER_KEYFRAME_ROW: usize = 4;

/// How things stood as a chunk began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keyframe {
    /// The last sample of every node that has one, in the order of nodes.
    pub samples: Vec<SampleRow>,
    /// The hops that departed before and had not arrived, in canonical order.
    pub hops: Vec<HopRow>,
}

/// A span of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// First instant.
    pub start: SimTime,
    /// The instant after the last; of an open chunk, everything before it is there.
    pub end: SimTime,
    /// How things stood at `start`.
    pub keyframe: Keyframe,
    /// Departures.
    pub hops: HopColumns,
    /// Arrivals.
    pub receipts: ReceiptColumns,
    /// How full nodes were.
    pub samples: SampleColumns,
    /// Commands and faults.
    pub commands: CommandColumns,
    /// Lines.
    pub logs: LogColumns,
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSpan {
    /// Its number, from zero.
    pub index: usize,
    /// First instant.
    pub start: SimTime,
    /// The instant after the last.
    pub end: SimTime,
    /// Whether rows still come.
    pub open: bool,
    /// Hops that depart in it.
    pub hops: usize,
}

impl Keyframe {
    /// Rows over both tables.
    pub fn len(&self) -> usize {
        self.samples.len() + self.hops.len()
    }

    /// Whether nothing was there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Chunk {
    /// Rows over all tables, without the keyframe.
    pub fn len(&self) -> usize {
        self.hops.len() + self.receipts.len() + self.samples.len() + self.commands.len() + self.logs.len()
    }

    /// Whether no row is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it takes in memory, near enough for a budget.
    pub fn bytes(&self) -> usize {
        let texts = |texts: &[String]| texts.iter().map(|text| text.len() + TEXT_ROW_BYTES).sum::<usize>();
        self.hops.len() * HopColumns::ROW_BYTES
            + self.receipts.len() * ReceiptColumns::ROW_BYTES
            + self.samples.len() * SampleColumns::ROW_BYTES
            + texts(&self.commands.text)
            + texts(&self.logs.text)
            + self.keyframe.hops.len() * size_of::<HopRow>()
            + self.keyframe.samples.len() * size_of::<SampleRow>()
    }

    /// Makes room for as many rows as another chunk has: neighbors are much alike, and growing copies.
    pub fn make_room_like(&mut self, other: &Chunk) {
        self.hops.reserve(other.hops.len());
        self.receipts.reserve(other.receipts.len());
    }

    /// Gives memory back that growing left over; rows no longer come.
    pub fn shrink(&mut self) {
        self.hops.shrink();
        self.receipts.shrink();
        self.samples.shrink();
    }

    /// Adds rows that are in canonical order and later than all that are here.
    pub fn append(&mut self, rows: &mut Rows) {
        self.hops.extend(&rows.hops);
        self.receipts.extend(&rows.receipts);
        rows.samples.iter().for_each(|sample| self.samples.push(sample));
        rows.commands.drain(..).for_each(|command| self.commands.push(command));
        rows.logs.drain(..).for_each(|log| self.logs.push(log));
    }

    /// The grid's first instant, up to `until`, at which this chunk closes; `None` while rows are
    /// missing. Everything before `until` must be here.
    pub fn cut_at(&self, until: SimTime) -> Option<SimTime> {
        let needed = CHUNK_ROWS.max(self.keyframe.len() * CHUNK_ROWS_PER_KEYFRAME_ROW);
        let grid = CHUNK_GRID.nanos();
        let mut low = self.start.nanos() / grid + 1;
        let mut high = until.nanos() / grid;
        if low > high || self.rows_before(SimTime::from_nanos(high * grid)) < needed {
            return None;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.rows_before(SimTime::from_nanos(middle * grid)) < needed {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(SimTime::from_nanos(low * grid))
    }

    fn rows_before(&self, until: SimTime) -> usize {
        let before = |times: &[u64]| range(times, SimTime::ZERO, until).end;
        before(&self.hops.depart)
            + before(&self.receipts.time)
            + before(&self.samples.time)
            + before(&self.commands.time)
            + before(&self.logs.time)
    }

    /// Ends this chunk at `cut` and gives the one that begins there, with the rows from then on.
    pub fn split(&mut self, cut: SimTime) -> Chunk {
        let before = |times: &[u64]| range(times, SimTime::ZERO, cut).end;
        let mut next = Chunk {
            start: cut,
            end: self.end.max(cut),
            keyframe: Keyframe::default(),
            hops: self.hops.split_off(before(&self.hops.depart)),
            receipts: self.receipts.split_off(before(&self.receipts.time)),
            samples: self.samples.split_off(before(&self.samples.time)),
            commands: self.commands.split_off(before(&self.commands.time)),
            logs: self.logs.split_off(before(&self.logs.time)),
        };
        self.end = cut;
        next.keyframe = self.keyframe_at_end();
        next
    }

    /// How things stand at this chunk's end.
    pub fn keyframe_at_end(&self) -> Keyframe {
        let under_way = |hop: &HopRow| hop.arrive >= self.end;
        let mut hops: Vec<HopRow> = self.keyframe.hops.iter().copied().filter(under_way).collect();
        let late = self.hops.arrive.iter().enumerate().filter(|(_, arrive)| **arrive >= self.end.nanos());
        hops.extend(late.filter_map(|(at, _)| self.hops.row(at)));
        Keyframe { samples: self.samples_at(self.end), hops }
    }

    /// The last sample up to and with `at` of every node that has one, in the order of nodes.
    pub fn samples_at(&self, at: SimTime) -> Vec<SampleRow> {
        let seen = range(&self.samples.time, SimTime::ZERO, at.saturating_add(SimSpan::from_nanos(1))).end;
        let mut last: Vec<Option<SampleRow>> = Vec::new();
        let mut put = |sample: SampleRow| {
            let node = sample.key.node as usize;
            if last.len() <= node {
                last.resize(node + 1, None);
            }
            if let Some(place) = last.get_mut(node) {
                *place = Some(sample);
            }
        };
        self.keyframe.samples.iter().copied().for_each(&mut put);
        (0..seen).filter_map(|row| self.samples.row(row)).for_each(&mut put);
        last.into_iter().flatten().collect()
    }
}

/// Bytes of a row of text besides the text: its key and the string's own three words.
const TEXT_ROW_BYTES: usize = 40;
