//! PHOLD between bare counters: the same hops, draws, windows and mail, without scene, kinds or effects.
//!
//! What a loop written for nothing but this can do on the machine; the engine is measured against it.

use std::sync::Arc;
use std::thread::JoinHandle;

use arrow::array::{ArrayRef, RecordBatch, UInt8Array, UInt16Array, UInt32Array, UInt64Array};
use crossbeam_channel::Sender;
use eventscape::scene::time::SimSpan;
use eventscape::sim::draw::{Draw, Purpose, Sampler, node_key};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rayon::prelude::*;

/// Cells of a window each that a partition looks ahead; the longest hop fits.
const CELLS: usize = 1 << 9;
/// The window: the shortest hop.
const WINDOW: u64 = 1_000_000;

/// Hops that are put in order and written together.
const CHUNK: usize = 1 << 18;

/// What becomes of hops that left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// They are forgotten.
    Nothing,
    /// They are put in order and written to files by a thread besides, with what became of them.
    Files,
}

/// A hop on its way.
#[derive(Clone, Copy)]
pub struct Hop {
    /// When it arrives.
    pub time: u64,
    /// At which node.
    pub target: u32,
    /// From which.
    pub source: u32,
    /// The source's count.
    pub sequence: u32,
    /// Which message.
    pub message: u32,
    /// When it left.
    pub left: u64,
    /// Over which link.
    pub link: u32,
    /// The how-manieth hop of its message this is.
    pub attempt: u16,
}

/// A hop that arrived.
#[derive(Clone, Copy)]
struct Receipt {
    time: u64,
    node: u32,
    number: u32,
    message: u32,
    link: u32,
    sequence: u32,
}

/// What is put in order and written together: the tables of a recording.
#[derive(Default)]
struct Tables {
    hops: Vec<Hop>,
    receipts: Vec<Receipt>,
}

#[derive(Clone, Copy)]
struct Counter {
    key: u64,
    sent: u32,
    landed: u32,
}

/// A part of the counters with its own cells.
pub struct Part {
    first: u32,
    counters: Vec<Counter>,
    cells: Vec<Vec<Hop>>,
    spare: Vec<Vec<Hop>>,
    order: Vec<(u64, u32, u32)>,
    outbox: Vec<Vec<Hop>>,
    /// Hops that left in the last windows, where they are kept.
    left: Vec<Hop>,
    /// Hops that arrived in the last windows, where they are kept.
    arrived: Vec<Receipt>,
    events: u64,
}

/// Counters joined at random.
pub struct Bare {
    /// The parts.
    parts: Vec<Part>,
    inbox: Vec<Vec<Vec<Hop>>>,
    links: Vec<u32>,
    fan: usize,
    pool: rayon::ThreadPool,
    now: u64,
    kept: Kept,
    file: Option<(Sender<Tables>, JoinHandle<()>)>,
}

impl Bare {
    /// `nodes` counters in `parts` parts, each with `fan` links of `links`, and `messages` messages.
    pub fn new(links: Vec<u32>, fan: usize, messages: u32, parts: usize, threads: usize, kept: Kept) -> Bare {
        let nodes = links.len() / fan;
        let each = nodes / parts;
        let part = |row: usize| {
            let counters = (0..each).map(|node| (row * each + node) as u64);
            let counters = counters.map(|node| Counter { key: node_key(7, node), sent: 0, landed: 0 });
            Part {
                first: (row * each) as u32,
                counters: counters.collect(),
                cells: vec![Vec::new(); CELLS],
                spare: Vec::new(),
                order: Vec::new(),
                outbox: vec![Vec::new(); parts],
                left: Vec::new(),
                arrived: Vec::new(),
                events: 0,
            }
        };
        let mut bare = Bare {
            parts: (0..parts).map(part).collect(),
            inbox: vec![vec![Vec::new(); parts]; parts],
            links,
            fan,
            pool: rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads"),
            now: 0,
            kept,
            file: (kept == Kept::Files).then(file),
        };
        for message in 0..messages {
            let target = message % nodes as u32;
            let hop =
                Hop { time: WINDOW, target, source: target, sequence: message, message, left: 0, link: 0, attempt: 0 };
            bare.parts[target as usize / each].cells[1].push(hop);
        }
        bare
    }

    /// Runs this many windows.
    pub fn run(&mut self, windows: u64) {
        for _ in 0..windows {
            let cell = self.now + 1;
            let Bare { parts, inbox, links, fan, kept, .. } = self;
            let (inbox, links, fan, keep) = (&*inbox, &*links, *fan, *kept == Kept::Files);
            let advance = |(row, part): (usize, &mut Part)| {
                part.window(cell, inbox.iter().map(|bags| &bags[row]), links, fan, keep);
            };
            self.pool.install(|| parts.par_iter_mut().enumerate().for_each(advance));
            for (part, bags) in self.parts.iter_mut().zip(&mut self.inbox) {
                std::mem::swap(&mut part.outbox, bags);
            }
            self.now = cell;
            self.write();
        }
    }

    /// Hands what left to the file, in order, where it is enough for a chunk.
    fn write(&mut self) {
        let Some((sender, _)) = &self.file else { return };
        if self.parts.iter().map(|part| part.left.len()).sum::<usize>() < CHUNK {
            return;
        }
        let mut tables = Tables::default();
        for part in &mut self.parts {
            tables.hops.append(&mut part.left);
            tables.receipts.append(&mut part.arrived);
        }
        let Tables { hops, receipts } = &mut tables;
        let by_hop = |hop: &Hop| (hop.left, hop.source, hop.sequence);
        let by_receipt = |receipt: &Receipt| (receipt.time, receipt.node, receipt.number);
        self.pool.install(|| rayon::join(|| hops.sort_by_key(by_hop), || receipts.sort_by_key(by_receipt)));
        sender.send(tables).expect("a file");
    }

    /// Waits for the file.
    pub fn finish(self) {
        if let Some((sender, thread)) = self.file {
            drop(sender);
            thread.join().expect("a file");
        }
    }

    /// Hops that arrived.
    pub fn events(&self) -> u64 {
        self.parts.iter().map(|part| part.events).sum()
    }
}

/// A thread that writes tables to files, with the columns that a recording has: delta encoding, zstd 1, a row
/// group a chunk.
fn file() -> (Sender<Tables>, JoinHandle<()>) {
    let (sender, receiver) = crossbeam_channel::bounded::<Tables>(2);
    let thread = std::thread::spawn(move || {
        let mut files = [None, None];
        for tables in receiver {
            for (file, batch) in files.iter_mut().zip([hop_table(&tables.hops), receipt_table(&tables.receipts)]) {
                let writer = file.get_or_insert_with(|| table_file(&batch));
                writer.write(&batch).and_then(|()| writer.flush()).expect("a disk");
            }
        }
        for writer in files.into_iter().flatten() {
            writer.close().expect("a disk");
        }
    });
    (sender, thread)
}

fn table_file(batch: &RecordBatch) -> ArrowWriter<std::fs::File> {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BINARY_PACKED)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("a level")))
        .build();
    let file = tempfile::tempfile().expect("a file");
    ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a table")
}

fn longs<R>(rows: &[R], of: fn(&R) -> u64) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(rows.iter().map(of)))
}

fn ints<R>(rows: &[R], of: fn(&R) -> u32) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(rows.iter().map(of)))
}

fn shorts<R>(rows: &[R], of: fn(&R) -> u16) -> ArrayRef {
    Arc::new(UInt16Array::from_iter_values(rows.iter().map(of)))
}

fn bytes<R>(rows: &[R], of: fn(&R) -> u8) -> ArrayRef {
    Arc::new(UInt8Array::from_iter_values(rows.iter().map(of)))
}

fn hop_table(hops: &[Hop]) -> RecordBatch {
    let columns = [
        ("depart", longs(hops, |hop| hop.left)),
        ("node", ints(hops, |hop| hop.source)),
        ("number", ints(hops, |hop| hop.sequence)),
        ("arrive", longs(hops, |hop| hop.time)),
        ("message", longs(hops, |hop| u64::from(hop.message))),
        ("link", ints(hops, |hop| hop.link)),
        ("sequence", ints(hops, |hop| hop.sequence)),
        ("attempt", shorts(hops, |hop| hop.attempt)),
        ("count", shorts(hops, |_| 1)),
        ("direction", bytes(hops, |_| 0)),
        ("kind", bytes(hops, |_| 0)),
        ("wire", bytes(hops, |_| 0)),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn receipt_table(receipts: &[Receipt]) -> RecordBatch {
    let columns = [
        ("time", longs(receipts, |receipt| receipt.time)),
        ("node", ints(receipts, |receipt| receipt.node)),
        ("number", ints(receipts, |receipt| receipt.number)),
        ("message", longs(receipts, |receipt| u64::from(receipt.message))),
        ("link", ints(receipts, |receipt| receipt.link)),
        ("sequence", ints(receipts, |receipt| receipt.sequence)),
        ("direction", bytes(receipts, |_| 0)),
        ("outcome", bytes(receipts, |_| 0)),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

impl Part {
    fn window<'m>(
        &mut self,
        cell: u64,
        mail: impl Iterator<Item = &'m Vec<Hop>>,
        links: &[u32],
        fan: usize,
        keep: bool,
    ) {
        self.outbox.iter_mut().for_each(Vec::clear);
        for hop in mail.flatten() {
            let list = &mut self.cells[(hop.time / WINDOW) as usize % CELLS];
            if list.capacity() == 0 {
                *list = self.spare.pop().unwrap_or_default();
            }
            list.push(*hop);
        }
        let mut hops = std::mem::take(&mut self.cells[cell as usize % CELLS]);
        self.order.clear();
        self.order.extend((0u32..).zip(&hops).map(|(row, hop)| (hop.time, hop.target, row)));
        self.order.sort_unstable();
        let latency = Sampler::Exponential(SimSpan::from_nanos(WINDOW), 8e6);
        let each = self.counters.len();
        for (time, target, row) in &self.order {
            let hop = hops[*row as usize];
            let counter = &mut self.counters[(*target - self.first) as usize];
            counter.landed += 1;
            let attempt = counter.landed as u16;
            let pick = Draw::new(counter.key, Purpose::Route, u64::from(hop.message), attempt, 0).below(fan as u32);
            let link = *target as usize * fan + pick as usize;
            let mut draw = Draw::new(counter.key, Purpose::Latency, u64::from(hop.message), attempt, link as u32);
            let sent = Hop {
                time: time + latency.sample(&mut draw).nanos(),
                target: links[link],
                source: *target,
                sequence: counter.sent,
                message: hop.message,
                left: *time,
                link: link as u32,
                attempt,
            };
            counter.sent += 1;
            if keep {
                let Hop { message, link, sequence, .. } = hop;
                self.arrived.push(Receipt {
                    time: *time,
                    node: *target,
                    number: counter.landed,
                    message,
                    link,
                    sequence,
                });
                self.left.push(sent);
            }
            self.outbox[links[link] as usize / each].push(sent);
        }
        self.events += hops.len() as u64;
        hops.clear();
        self.spare.push(hops);
    }
}
