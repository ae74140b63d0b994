//! The scenes that come with the program, run for a minute with their faults: no message is lost or doubled
//! at any chunk edge, every queue obeys Little's law, and the recordings are those that they always were.
//!
//! `digests.txt` holds a digest of each recording, and of some generated scenes. A change of results shows
//! here; where it is meant, `EVENTSCAPE_BLESS=1` writes the file anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use eventscape::record::chunk::CHUNK_GRID;
use eventscape::record::digest::digest;
use eventscape::record::writer::{self, Target};
use eventscape::record::{ChunkSpan, Recording};
use eventscape::scene::document::{LinkMode, Scene};
use eventscape::scene::kind::Kind;
use eventscape::scene::sample::arbitrary_scene;
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::{builtin, text};
use eventscape::sim::compile::compile;
use eventscape::sim::model::Model;
use eventscape::sim::row::{Delivery, Direction, HopKind, HopRow, Metric, SAMPLE_GRID, WireFate};
use eventscape::sim::run::{Conservation, Options, Simulation};

/// Set to write the digests anew.
const BLESS: &str = "EVENTSCAPE_BLESS";
const DIGESTS: &str = "tests/digests.txt";
/// Long enough for every fault of a shipped scene to begin and most to end.
const SHIPPED_LENGTH: SimSpan = SimSpan::from_seconds(60);
const GENERATED_LENGTH: SimSpan = SimSpan::from_seconds(8);
const GENERATED_SEEDS: [u64; 6] = [1, 2, 3, 5, 8, 13];

struct Ran {
    name: String,
    model: Arc<Model>,
    recording: Recording,
    /// Both sides of conservation at every instant at which a chunk could end.
    balances: BTreeMap<SimTime, Conservation>,
    /// Spans of waiting that ended, by node: since when, until when.
    waits: BTreeMap<u32, Vec<(SimTime, SimTime)>>,
    /// Messages that a node gave away as dead letters.
    dead_letters: BTreeMap<u32, u64>,
}

fn run(name: &str, scene: &Scene, length: SimSpan) -> Ran {
    let model = Arc::new(compile(scene).unwrap_or_else(|errors| panic!("{name}: {errors:?}")));
    let spawned = writer::spawn(scene.clone(), Target::Memory, scene.settings.seed);
    let (sender, recording, handle) = spawned.unwrap_or_else(|error| panic!("{name}: {error}"));
    let options = Options { threads: 1, ..Options::default() };
    let mut simulation = Simulation::new(model.clone(), options).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut ran = Ran {
        name: name.to_owned(),
        model,
        recording,
        balances: BTreeMap::new(),
        waits: BTreeMap::new(),
        dead_letters: BTreeMap::new(),
    };
    let (mut now, end) = (SimTime::ZERO, SimTime::ZERO + length);
    while now < end {
        now = (now + CHUNK_GRID).min(end);
        simulation.run_until(now, &mut |delivery| {
            ran.note(&delivery);
            sender.send(delivery).unwrap_or_else(|_| panic!("{name}: the writer ended"));
        });
        ran.balances.insert(now, simulation.conservation());
    }
    simulation.end(&mut |delivery| sender.send(delivery).unwrap_or_else(|_| panic!("{name}: the writer ended")));
    drop(sender);
    handle.join().unwrap_or_else(|error| panic!("{name}: {error}"));
    ran
}

impl Ran {
    fn note(&mut self, delivery: &Delivery) {
        let Delivery::Rows { parts, .. } = delivery else { return };
        for part in parts {
            for row in part.measures.iter().filter(|row| row.metric == Metric::Wait) {
                let since = SimTime::from_nanos(row.key.time.nanos() - row.value.nanos());
                self.waits.entry(row.key.node).or_default().push((since, row.key.time));
            }
            for hop in part.hops.iter().filter(|hop| hop.kind == HopKind::DeadLetter) {
                *self.dead_letters.entry(hop.key.node).or_default() += 1;
            }
        }
    }

    /// Messages under way by the recording's hops: those that a keyframe at the chunk's end would hold.
    fn in_flight(&self, span: &ChunkSpan) -> u64 {
        let chunk = self.recording.chunk(span.index).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        chunk.keyframe_at_end().hops.iter().filter(|hop| self.moves_custody(hop)).count() as u64
    }

    /// A message goes along with what is sent, and comes back where an event was turned away.
    fn moves_custody(&self, hop: &HopRow) -> bool {
        let sent = matches!(hop.kind, HopKind::Event | HopKind::Request | HopKind::Retry | HopKind::DeadLetter);
        let turned_away = matches!(hop.kind, HopKind::Error | HopKind::Throttled);
        let mode = self.model.links[hop.link.row()].mode;
        let moves = match hop.direction {
            Direction::Forward => sent && hop.count > 0,
            Direction::Backward => turned_away && mode == LinkMode::Event,
        };
        moves && hop.wire == WireFate::Carried
    }

    /// Messages that ended before `at`, by the recording's statistics.
    fn ended(&self, at: SimTime) -> u64 {
        let chunks = self.recording.chunks();
        let before = chunks.iter().filter(|span| span.end <= at);
        let statistics = before.map(|span| self.recording.statistics(span.index).unwrap_or_else(|e| panic!("{e}")));
        statistics
            .flat_map(|s| s.cells.iter().flat_map(|cell| &cell.nodes).flat_map(|n| n.ends).collect::<Vec<_>>())
            .sum()
    }
}

fn shipped() -> &'static [Ran] {
    static RAN: OnceLock<Vec<Ran>> = OnceLock::new();
    RAN.get_or_init(|| {
        let load = |scene: &builtin::BuiltinScene| {
            let loaded = text::load(scene.text, scene.name).unwrap_or_else(|problems| panic!("{problems}"));
            run(scene.name, &loaded.scene, SHIPPED_LENGTH)
        };
        builtin::SCENES.iter().map(load).collect()
    })
}

fn generated() -> &'static [Ran] {
    static RAN: OnceLock<Vec<Ran>> = OnceLock::new();
    RAN.get_or_init(|| {
        let make = |seed: &u64| run(&format!("generated-{seed}"), &arbitrary_scene(*seed), GENERATED_LENGTH);
        GENERATED_SEEDS.iter().map(make).collect()
    })
}

#[test]
fn every_message_is_somewhere_exactly_once_wherever_a_chunk_could_end() {
    for ran in shipped().iter().chain(generated()) {
        let name = &ran.name;
        for (at, balance) in &ran.balances {
            assert!(balance.holds(), "{name} at {} s: {balance:?}", at.seconds());
        }
    }
    for ran in shipped() {
        let last = ran.balances.values().last().unwrap_or_else(|| panic!("{}: it ran", ran.name));
        assert!(last.ended > 100, "{}: messages reach an end: {last:?}", ran.name);
    }
}

#[test]
fn the_recording_agrees_with_the_balance_at_every_chunk_edge() {
    let mut edges = 0;
    for ran in shipped().iter().chain(generated()) {
        for span in ran.recording.chunks() {
            let balance = ran.balances[&span.end];
            let place = format!("{} at {} s", ran.name, span.end.seconds());
            assert_eq!(ran.ended(span.end), balance.ended, "{place}: ended");
            assert_eq!(ran.in_flight(&span), balance.in_flight(), "{place}: in flight");
            edges += 1;
        }
    }
    assert!(edges > shipped().len() + generated().len(), "some recordings have several chunks: {edges}");
}

/// Mean depth is arrival rate times mean wait: over a whole run, the integral of the depth is the sum of all
/// waits. The recording's depth steps at the ends of sample cells, so each wait counts from the end of the
/// cell in which it began to the end of the cell in which it ended; then the two are equal as integers, but
/// for messages that still wait at the end, and those that left as dead letters, whose waits nobody measured.
#[test]
fn every_queue_obeys_littles_law() {
    let mut queues = 0;
    for ran in shipped() {
        let (scene, end) = (ran.recording.scene(), ran.recording.end());
        let window = ran.recording.window(SimTime::ZERO, end);
        let levels = ran.recording.nodes_at(end);
        for (row, (id, node)) in (0u32..).zip(&scene.nodes) {
            let Kind::Queue(queue) = &node.kind else { continue };
            let place = format!("{}, {id}", ran.name);
            assert!(queue.delay.span().is_zero(), "{place}: what is delayed is not measured as waiting");
            let said = &window.nodes[row as usize];
            let waits = ran.waits.get(&row).map_or(&[][..], Vec::as_slice);
            let counted = |time: SimTime| cell_end(time).min(end);
            let waited =
                |(since, until): &(SimTime, SimTime)| u128::from(counted(*until).since(counted(*since)).nanos());
            let sum: u128 = waits.iter().map(waited).sum();
            // First in, first out: what still waits began to wait after what was handed out last.
            let began = waits.iter().map(|(since, _)| *since).max().unwrap_or_default();
            let depth = u128::from(levels[row as usize].depth);
            let longest = waits.iter().map(|(since, until)| until.since(*since).nanos()).max().unwrap_or(0);
            let dead = u128::from(ran.dead_letters.get(&row).copied().unwrap_or(0));
            let edge = depth * u128::from(end.since(began).nanos());
            let unmeasured = dead * u128::from(longest.saturating_add(SAMPLE_GRID.nanos()));
            println!(
                "{place}: L {:.4}, rate x wait {:.4}, {} waits, {depth} at the end, {dead} dead letters",
                said.depth_integral as f64 / end.nanos() as f64,
                said.wait.sum() as f64 / end.nanos() as f64,
                waits.len()
            );
            assert!(said.depth_integral >= sum, "{place}: {} < {sum}", said.depth_integral);
            let most = sum + edge + unmeasured;
            assert!(said.depth_integral <= most, "{place}: {} > {most}", said.depth_integral);
            assert_eq!(said.wait.count(), waits.len() as u64, "{place}: every wait is in the histogram");
            queues += 1;
        }
    }
    assert!(queues >= 7, "only {queues} queues were looked at");
}

/// The end of the sample cell that holds `time`, from which on a change counts.
fn cell_end(time: SimTime) -> SimTime {
    SimTime::from_nanos((time.nanos() / SAMPLE_GRID.nanos() + 1) * SAMPLE_GRID.nanos())
}

#[test]
fn recordings_are_those_that_they_always_were() {
    let mut found = String::new();
    for ran in shipped().iter().chain(generated()) {
        let digest = digest(&ran.recording).unwrap_or_else(|error| panic!("{}: {error}", ran.name));
        writeln!(found, "{} {digest:032x}", ran.name).unwrap_or_else(|error| panic!("{error}"));
    }
    let path = format!("{}/{DIGESTS}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(path, found).unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, found, "results changed; where that is meant, run this once with {BLESS}=1");
}
