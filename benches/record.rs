//! What a recording costs: nanoseconds and bytes a hop written, nanoseconds a hop read, a cold seek.
//!
//! Defends: canonical order under 40 ns a row on two threads, a cold seek under 50 ms. The bare loop
//! pushes the same hops into plain columns in the same run, for scale.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use eventscape::record::table::{Table, TableWriter};
use eventscape::record::{Chunk, HopColumns, Target, open, order, schema, spawn};
use eventscape::scene::document::Scene;
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::sim::id::{LinkIndex, MessageId, NodeIndex};
use eventscape::sim::row::{
    Delivery, Direction, HopKind, HopRow, MeasureRow, Metric, Outcome, ReceiptRow, RowKey, Rows, SampleRow, WireFate,
};

const NODES: u32 = 4_096;
const PARTS: usize = 64;
/// Hops of a window of a millisecond, as PHOLD with 65,536 messages has them.
const HOPS_A_WINDOW: usize = 6_554;
const WINDOWS: usize = 600;

fn main() {
    let mut random = Random(1);
    let windows: Vec<Vec<Rows>> = (0..WINDOWS).map(|window| rows_of(&mut random, window)).collect();
    let hops: Vec<HopRow> = windows.iter().flatten().flat_map(|part| part.hops.iter().copied()).collect();
    let rows: usize = windows.iter().flatten().map(Rows::len).sum();
    println!("{} hops, {rows} rows over all tables, {PARTS} parts a window", hops.len());
    bare_columns(&hops);
    canonical_order(&windows, rows);
    one_table(&hops);
    whole(&windows, rows, hops.len());
}

fn bare_columns(hops: &[HopRow]) {
    let begin = Instant::now();
    let mut columns = Bare::default();
    hops.iter().for_each(|hop| columns.push(hop));
    report("bare loop: hops pushed in plain columns", begin, hops.len(), "hop");
    black_box(columns);
}

fn canonical_order(windows: &[Vec<Rows>], rows: usize) {
    for (name, batch) in [("one window", 1), ("twenty windows", 20)] {
        let batches: Vec<Vec<Rows>> =
            windows.chunks(batch).map(|windows| windows.iter().flatten().cloned().collect()).collect();
        let begin = Instant::now();
        batches.into_iter().for_each(|parts| {
            black_box(order::canonical(parts));
        });
        report(&format!("canonical order, batches of {name}"), begin, rows, "row");
    }
}

fn one_table(hops: &[HopRow]) {
    const CHUNK: usize = 1 << 18;
    let mut sorted = hops[..CHUNK].to_vec();
    sorted.sort_by_key(|hop| hop.key);
    let mut chunk = Chunk::default();
    sorted.iter().for_each(|hop| chunk.hops.push(hop));
    let statistics = Default::default();
    let tables = schema::ChunkTables::new(&chunk, &statistics);
    let columns = tables.columns(0);
    let path = Path::new("hops");
    let begin = Instant::now();
    let mut writer = TableWriter::new(path, &columns, Vec::new()).expect("a table begins");
    writer.write(&columns).expect("a chunk is written");
    let bytes = writer.finish().expect("a table ends");
    report("262,144 hops written as one row group", begin, CHUNK, "hop");
    println!("{:>10.1} B/hop on disk, {} in memory", bytes.len() as f64 / CHUNK as f64, HopColumns::ROW_BYTES);
    let begin = Instant::now();
    let table = Table::read(path, bytes.into(), 0, CHUNK).expect("a table is read");
    let depart = table.wide("depart").expect("a column is there");
    report("and read back", begin, CHUNK, "hop");
    black_box(depart);
}

fn whole(windows: &[Vec<Rows>], rows: usize, hops: usize) {
    for (name, target) in [("statistics only", Target::StatisticsOnly), ("in memory", Target::Memory)] {
        record(name, target, windows, rows);
    }
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = scratch.path().join("run");
    record("to a folder", Target::Folder(folder.clone()), windows, rows);
    let bytes: u64 = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .filter_map(|entry| entry.and_then(|entry| entry.metadata()).ok())
        .map(|metadata| metadata.len())
        .sum();
    println!("{:>10.1} B/row, {:.1} B/hop in the folder", bytes as f64 / rows as f64, bytes as f64 / hops as f64);
    seek(&folder);
}

fn record(name: &str, target: Target, windows: &[Vec<Rows>], rows: usize) {
    let deliveries: Vec<Delivery> = windows.iter().enumerate().map(|(at, parts)| delivery(at, parts)).collect();
    let begin = Instant::now();
    let (sender, recording, writer) = spawn(Scene::default(), target, 1).expect("a recording begins");
    deliveries.into_iter().for_each(|delivery| sender.send(delivery).expect("the writer listens"));
    sender.send(Delivery::End { at: window_start(windows.len()) }).expect("the writer listens");
    writer.join().expect("the recording is written");
    report(&format!("recorded {name}"), begin, rows, "row");
    println!("{:>10} chunks, {} MB in memory", recording.chunks().len(), recording.memory() >> 20);
}

fn delivery(at: usize, parts: &[Rows]) -> Delivery {
    Delivery::Rows { parts: parts.to_vec(), until: window_start(at + 1) }
}

fn seek(folder: &Path) {
    let mut slowest = 0.0f64;
    let mut total = 0.0;
    let chunks = open(folder).expect("the recording opens").chunks().len();
    for index in 0..chunks {
        let begin = Instant::now();
        let recording = open(folder).expect("the recording opens");
        let chunk = recording.chunk(index).expect("a chunk is read");
        black_box(chunk);
        let took = begin.elapsed().as_secs_f64() * 1e3;
        slowest = slowest.max(took);
        total += took;
    }
    println!(
        "{:>10.1} ms a cold seek (opened anew, files cached by the system), slowest {slowest:.1} ms",
        total / chunks as f64
    );
}

fn report(what: &str, begin: Instant, count: usize, unit: &str) {
    println!("{:>10.1} ns/{unit}  {what}", begin.elapsed().as_nanos() as f64 / count as f64);
}

fn window_start(window: usize) -> SimTime {
    SimTime::ZERO + SimSpan::from_millis(window as u64)
}

/// Rows of one window, split in parts by node, each part in the order of its time.
fn rows_of(random: &mut Random, window: usize) -> Vec<Rows> {
    let mut parts = vec![Rows::default(); PARTS];
    let start = window_start(window).nanos();
    for hop in 0..HOPS_A_WINDOW {
        let node = random.below(u64::from(NODES)) as u32;
        let time = start + random.below(1_000_000);
        let key = RowKey { time: SimTime::from_nanos(time), node, number: (window * HOPS_A_WINDOW + hop) as u32 };
        let message = MessageId::new(NodeIndex(node), u64::from(key.number));
        let link = LinkIndex(node * 16 + random.below(16) as u32);
        let part = &mut parts[node as usize * PARTS / NODES as usize];
        part.hops.push(HopRow {
            key,
            arrive: SimTime::from_nanos(time + 1_000_000 + random.below(16_000_000)),
            message,
            link,
            sequence: key.number,
            attempt: 0,
            count: 1,
            direction: Direction::Forward,
            kind: HopKind::Event,
            wire: WireFate::Carried,
        });
        let outcome = Outcome::Accepted;
        let sequence = key.number;
        part.receipts.push(ReceiptRow { key, message, link, sequence, direction: Direction::Forward, outcome });
        let value = SimSpan::from_nanos(random.below(20_000_000));
        part.measures.push(MeasureRow { key, metric: Metric::Service, origin: NodeIndex(node), value });
        if hop.is_multiple_of(4) {
            part.samples.push(SampleRow {
                key,
                depth: 3,
                depth_min: 1,
                depth_max: 5,
                in_flight: 0,
                busy: 1,
                busy_max: 1,
                condition: 0,
            });
        }
    }
    for part in &mut parts {
        part.hops.sort_by_key(|row| row.key.time);
        part.receipts.sort_by_key(|row| row.key.time);
        part.samples.sort_by_key(|row| row.key.time);
        part.measures.sort_by_key(|row| row.key.time);
    }
    parts
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Plain columns: what any recording has to do at least.
#[derive(Default)]
struct Bare {
    depart: Vec<u64>,
    arrive: Vec<u64>,
    message: Vec<u64>,
    node: Vec<u32>,
    number: Vec<u32>,
    link: Vec<u32>,
    sequence: Vec<u32>,
    attempt: Vec<u16>,
    count: Vec<u16>,
    kinds: Vec<[u8; 3]>,
}

impl Bare {
    fn push(&mut self, hop: &HopRow) {
        self.depart.push(hop.key.time.nanos());
        self.arrive.push(hop.arrive.nanos());
        self.message.push(hop.message.0);
        self.node.push(hop.key.node);
        self.number.push(hop.key.number);
        self.link.push(hop.link.0);
        self.sequence.push(hop.sequence);
        self.attempt.push(hop.attempt);
        self.count.push(hop.count);
        self.kinds.push([hop.direction as u8, hop.kind as u8, hop.wire as u8]);
    }
}
