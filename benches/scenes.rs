//! Defends, on scenes that people run: the shop recorded at 2,000,000 events/s with at least 40 % of rows
//! hops between nodes, a cold seek under 50 ms, five idle days in under 1 s, a million pending timers over
//! 24 h for under 1 us an event, 10,000 nodes loaded in under 1 s, and no scene over 5 % slower on two
//! threads than on one. Writing hops stands beside a bare loop that writes the same columns with the same
//! crate. Each line has the figure, its target and the ratio of the two; the load average says how busy the
//! machine was with other things.
//!
//! `cargo bench --no-default-features --bench scenes -- seek shop` runs those parts alone.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parquet::basic::{Compression, Encoding, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{Int32Type, Int64Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

use eventscape::record::schema::ChunkTables;
use eventscape::record::table::TableWriter;
use eventscape::record::writer::{self, Target};
use eventscape::record::{Chunk, Recording, open};
use eventscape::scene::document::{Link, Node, Scene};
use eventscape::scene::kind::{Function, Kind, Producer, Sink, Traffic};
use eventscape::scene::sample::arbitrary_scene_of;
use eventscape::scene::slug::{LinkId, NodeId};
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::units::{Duration, Latency, Rate, Spread};
use eventscape::scene::{builtin, text};
use eventscape::sim::compile::compile;
use eventscape::sim::effects::Recorded;
use eventscape::sim::row::Delivery;
use eventscape::sim::run::{Options, Simulation};

const SHOP_SECONDS: u64 = 60;
const TIMERS: u32 = 1_000_000;
const NODES: usize = 10_000;
/// Runs of which the fastest counts, where two are compared.
const ROUNDS: usize = 5;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let parts: [(&str, fn()); 7] = [
        ("load", load_many_nodes),
        ("idle", idle_days),
        ("timers", pending_timers),
        ("threads", two_threads),
        ("shop", shop),
        ("seek", seek),
        ("write", write_hops),
    ];
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|other| other == name) {
            println!("{name}: load average {}", load_average());
            part();
        }
    }
}

fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// A figure that should be at most its target.
fn at_most(what: &str, figure: f64, target: f64, unit: &str) {
    println!("  {figure:>12.3} {unit:<10} {what} (at most {target}: {:.2} of it)", figure / target);
}

/// A figure that should be at least its target.
fn at_least(what: &str, figure: f64, target: f64, unit: &str) {
    println!("  {figure:>12.3} {unit:<10} {what} (at least {target}: {:.2} of it)", figure / target);
}

fn node_id(text: &str) -> NodeId {
    NodeId::new(text).expect("a slug")
}

fn scene(nodes: Vec<(&str, Kind)>, links: &[(&str, &str)]) -> Scene {
    let node = |kind| Node::new(kind);
    let link = |from: &str, to: &str| {
        Link::new(node_id(from), node_id(to), Latency { spread: Spread::Constant(Duration::millis(1)), floor: None })
    };
    let link_id = |from: &str, to: &str| LinkId::new(&format!("{from}-{to}")).expect("a slug");
    Scene {
        nodes: nodes.into_iter().map(|(id, kind)| (node_id(id), node(kind))).collect(),
        links: links.iter().map(|(from, to)| (link_id(from, to), link(from, to))).collect(),
        ..Scene::default()
    }
}

fn producer(traffic: Traffic) -> Kind {
    Kind::Producer(Producer { traffic, ..Producer::default() })
}

fn shipped(name: &str) -> Scene {
    let found = builtin::find(name).expect("a scene that comes with the program");
    text::load(found.text, found.name).expect("it loads").scene
}

fn simulation(scene: &Scene, options: Options) -> Simulation {
    Simulation::new(Arc::new(compile(scene).expect("the scene compiles")), options).expect("threads")
}

fn load_many_nodes() {
    let scene = arbitrary_scene_of(1, NODES);
    let saved = text::save(&scene);
    let began = Instant::now();
    let loaded = text::load(&saved, "many.ron").expect("it loads");
    let read = began.elapsed().as_secs_f64();
    let model = compile(&loaded.scene).expect("it compiles");
    let took = began.elapsed().as_secs_f64();
    println!("  {:>12.3} s          of it reading and checking {} MB", read, saved.len() >> 20);
    at_most(&format!("to load {NODES} nodes and {} links", model.links.len()), took, 1.0, "s");
}

fn idle_days() {
    let late = Producer {
        traffic: Traffic::Burst(10, Duration::default()),
        start: Duration::seconds(5 * 86_400 - 60),
        ..Producer::default()
    };
    let early = producer(Traffic::Burst(10, Duration::default()));
    let nodes = vec![("early", early), ("late", Kind::Producer(late)), ("sink", Kind::Sink(Sink::default()))];
    let scene = scene(nodes, &[("early", "sink"), ("late", "sink")]);
    for (partitions, threads) in [(None, 1), (Some(3), 1), (Some(3), 2)] {
        let (sender, _recording, handle) = writer::spawn(scene.clone(), Target::Memory, 1).expect("a recording");
        let mut simulation = simulation(&scene, Options { partitions, threads, ..Options::default() });
        let began = Instant::now();
        let mut deliver = |delivery| sender.send(delivery).expect("the writer listens");
        simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(5 * 86_400), &mut deliver);
        simulation.end(&mut deliver);
        handle.join().expect("it is written");
        let what = format!("for five idle days, {threads} threads, {partitions:?} partitions");
        at_most(&what, began.elapsed().as_secs_f64(), 1.0, "s");
    }
}

/// Seconds an event of steady traffic, and events pending meanwhile, with and without long work.
fn traffic(works: u32) -> (f64, usize) {
    let day = Spread::Uniform(Duration::seconds(100), Duration::seconds(86_400));
    let function = Function {
        duration: day,
        timeout: Duration::seconds(90_000),
        cold_start: Spread::Constant(Duration::default()),
        ..Function::default()
    };
    let nodes = vec![
        ("burst", producer(Traffic::Burst(works, Duration::default()))),
        ("long", Kind::Function(function)),
        ("sink", Kind::Sink(Sink::default())),
        ("steady", producer(Traffic::Poisson(Rate::per_second(20_000.0)))),
    ];
    let scene = scene(nodes, &[("burst", "long"), ("steady", "sink")]);
    let options = Options { threads: 1, partitions: Some(1), recorded: Recorded::No, ..Options::default() };
    let mut simulation = simulation(&scene, options);
    let second = |seconds| SimTime::ZERO + SimSpan::from_seconds(seconds);
    simulation.run_until(second(2), &mut |_| {});
    let (before, pending) = (simulation.figures().events, simulation.pending());
    let began = Instant::now();
    simulation.run_until(second(42), &mut |_| {});
    (began.elapsed().as_secs_f64() / (simulation.figures().events - before) as f64, pending)
}

fn pending_timers() {
    let least = |works| (0..3).map(|_| traffic(works)).fold((f64::MAX, 0), |least, next| (least.0.min(next.0), next.1));
    let ((without, few), (with, many)) = (least(1), least(TIMERS));
    println!(
        "  {:>12.1} ns         an event with {few} pending, {:.1} ns with {many} pending",
        without * 1e9,
        with * 1e9
    );
    assert!(many >= TIMERS as usize, "the timers are pending");
    at_most("added an event by a million timers over 24 h", (with - without) * 1e6, 1.0, "us");
}

/// Seconds of a run without a recording to a disk, as `simulate` has it.
fn run_scene(scene: &Scene, threads: usize, seconds: u64) -> f64 {
    let (sender, _recording, handle) = writer::spawn(scene.clone(), Target::StatisticsOnly, 1).expect("a recording");
    let mut simulation = simulation(scene, Options { threads, ..Options::default() });
    let began = Instant::now();
    let mut deliver = |delivery| sender.send(delivery).expect("the writer listens");
    simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(seconds), &mut deliver);
    simulation.end(&mut deliver);
    handle.join().expect("it is written");
    began.elapsed().as_secs_f64()
}

fn two_threads() {
    for (name, seconds) in [("conference", 300), ("patterns", 3_000), ("shop", 20)] {
        let scene = shipped(name);
        let mut fastest = [f64::MAX; 2];
        for _ in 0..ROUNDS {
            for threads in [1, 2] {
                let took = run_scene(&scene, threads, seconds);
                fastest[threads - 1] = fastest[threads - 1].min(took);
            }
        }
        let [one, two] = fastest;
        println!("  {:>12.3} s          one thread, {two:.3} s two threads, {name} for {seconds} s", one);
        at_most(&format!("two threads / one thread, {name}"), two / one, 1.05, "");
    }
}

/// The shop, fully recorded to a folder.
fn record_shop(folder: &Path, threads: usize) -> (Recording, f64, Simulation) {
    let scene = shipped("shop");
    let spawned = writer::spawn(scene.clone(), Target::Folder(folder.to_path_buf()), 1);
    let (sender, recording, handle) = spawned.expect("a recording");
    let mut simulation = simulation(&scene, Options { threads, ..Options::default() });
    let began = Instant::now();
    let mut deliver = |delivery: Delivery| sender.send(delivery).expect("the writer listens");
    simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(SHOP_SECONDS), &mut deliver);
    simulation.end(&mut deliver);
    handle.join().expect("it is written");
    (recording, began.elapsed().as_secs_f64(), simulation)
}

fn chunks(recording: &Recording) -> impl Iterator<Item = Arc<Chunk>> {
    recording.chunks().into_iter().map(|span| recording.chunk(span.index).expect("a chunk is read"))
}

fn shop() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    for threads in [1, 2] {
        let (recording, took, simulation) = record_shop(&scratch.path().join(format!("run-{threads}")), threads);
        let figures = simulation.figures();
        let events = figures.events as f64;
        let (mut rows, mut hops) = (0, 0);
        for chunk in chunks(&recording) {
            rows += chunk.len();
            hops += chunk.hops.len();
        }
        at_least(
            &format!("shop recorded, {threads} threads, {SHOP_SECONDS} s"),
            events / took / 1e6,
            2.0,
            "M events/s",
        );
        println!(
            "  {events} events, {} windows, {:.0} events a window, {} islands, {} partitions, {:.2} rows an event, {} MB in memory",
            figures.windows,
            if figures.windows > 0 { events / figures.windows as f64 } else { 0.0 },
            figures.islands,
            figures.partitions,
            rows as f64 / events,
            recording.memory() >> 20
        );
        at_least("of rows are hops between nodes", hops as f64 / rows as f64 * 100.0, 40.0, "%");
    }
}

fn seek() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = scratch.path().join("run");
    let chunks = record_shop(&folder, 1).0.chunks().len();
    let mut took: Vec<f64> = (0..chunks)
        .map(|index| {
            let began = Instant::now();
            let recording = open(&folder).expect("it opens");
            black_box(recording.chunk(index).expect("a chunk is read"));
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    let (Some(slowest), Some(half)) = (took.last(), took.get(chunks / 2)) else { return };
    at_most(&format!("a cold seek, p50 of {chunks} chunks, opened anew"), *half, 50.0, "ms");
    at_most("a cold seek, slowest", *slowest, 50.0, "ms");
}

fn write_hops() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let recording = record_shop(&scratch.path().join("run"), 1).0;
    let chunk = chunks(&recording).max_by_key(|chunk| chunk.hops.len()).expect("a chunk");
    let hops = chunk.hops.len() as f64;
    let statistics = Default::default();
    let tables = ChunkTables::new(&chunk, &statistics);
    let (mut ours, mut bare, mut bytes) = (f64::MAX, f64::MAX, [0, 0]);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let columns = tables.columns(0);
        let mut writer = TableWriter::new(Path::new("hops"), &columns, Vec::new()).expect("a table begins");
        writer.write(&columns).expect("a chunk is written");
        bytes[0] = writer.finish().expect("a table ends").len();
        ours = ours.min(began.elapsed().as_nanos() as f64 / hops);
        let began = Instant::now();
        bytes[1] = bare_table(&chunk).len();
        bare = bare.min(began.elapsed().as_nanos() as f64 / hops);
    }
    println!(
        "  {bare:>12.1} ns/hop     bare loop over the crate's column writers, {:.1} B/hop",
        bytes[1] as f64 / hops
    );
    at_most(&format!("written, {:.1} B/hop", bytes[0] as f64 / hops), ours, bare * 4.0, "ns/hop");
    println!("  {:>12.2}            ours / bare loop", ours / bare);
}

/// The columns of hops, written with nothing but the crate.
fn bare_table(chunk: &Chunk) -> Vec<u8> {
    let hops = &chunk.hops;
    let wide = [("depart", &hops.depart), ("arrive", &hops.arrive), ("message", &hops.message)];
    let medium = [("node", &hops.node), ("number", &hops.number), ("link", &hops.link), ("sequence", &hops.sequence)];
    let short = [("attempt", &hops.attempt), ("count", &hops.count)];
    let narrow = [("direction", &hops.direction), ("kind", &hops.kind), ("wire", &hops.wire)];
    let field = |name: &str, physical| {
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED).build();
        Arc::new(field.expect("a field"))
    };
    let mut fields: Vec<_> = wide.iter().map(|(name, _)| field(name, Physical::INT64)).collect();
    let names = medium.iter().map(|column| column.0).chain(short.iter().map(|column| column.0));
    let names = names.chain(narrow.iter().map(|column| column.0));
    fields.extend(names.map(|name| field(name, Physical::INT32)));
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("a level")))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for field in &fields {
        properties = properties.set_column_encoding(ColumnPath::from(field.name()), Encoding::DELTA_BINARY_PACKED);
    }
    let schema = Type::group_type_builder("hops").with_fields(fields).build().expect("a schema");
    let file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build()));
    let mut file = file.expect("a file");
    let mut group = file.next_row_group().expect("a row group");
    let mut write = Vec::new();
    write.extend(medium.iter().map(|(_, values)| values.iter().map(|value| *value as i32).collect::<Vec<i32>>()));
    write.extend(short.iter().map(|(_, values)| values.iter().map(|value| i32::from(*value)).collect()));
    write.extend(narrow.iter().map(|(_, values)| values.iter().map(|value| i32::from(*value)).collect()));
    // Columns are written in the order of the schema: the wide ones first.
    for (_, values) in wide {
        let values: Vec<i64> = values.iter().map(|value| *value as i64).collect();
        let mut column = group.next_column().expect("a column").expect("there is one more");
        column.typed::<Int64Type>().write_batch(&values, None, None).expect("a column is written");
        column.close().expect("a column ends");
    }
    for values in write {
        let mut column = group.next_column().expect("a column").expect("there is one more");
        column.typed::<Int32Type>().write_batch(&values, None, None).expect("a column is written");
        column.close().expect("a column ends");
    }
    group.close().expect("a row group ends");
    file.into_inner().expect("a file ends")
}
