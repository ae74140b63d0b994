//! The same scene, seed and commands give the same recording, whatever carried them out.
//!
//! One seed makes scene, faults, commands and hardships; a failure prints it, and `EVENTSCAPE_SEED=17` runs
//! that one alone.

use std::collections::HashSet;
use std::sync::Arc;

use eventscape::record::digest::digest;
use eventscape::record::writer::{self, Target};
use eventscape::scene::document::Scene;
use eventscape::scene::sample::{arbitrary_scene, arbitrary_scene_of};
use eventscape::scene::slug::{LinkId, NodeId};
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::sim::command::{Command, CommandAction};
use eventscape::sim::compile::compile;
use eventscape::sim::row::{Delivery, Rows};
use eventscape::sim::run::{Hardship, Options, Simulation, ThroughBytes};

/// Simulated time of a run: long enough for faults, retries and time-outs.
const LENGTH: SimSpan = SimSpan::from_seconds(6);
/// Commands act at multiples of this, which every window on a lattice of 1 to 5 ms ends with.
const COMMAND_GRID: SimSpan = SimSpan::from_millis(60);
/// Nodes of the scenes that have to fall apart into 64 partitions.
const WIDE: usize = 150;

struct Ran {
    digest: u128,
    partitions: u32,
    islands: u32,
    hops: u64,
    crossing: u64,
    edges: Edges,
}

/// How much happened exactly at the edge of a window.
#[derive(Clone, Copy, Default, Debug)]
struct Edges {
    faults: usize,
    commands: usize,
    /// Departures at nodes at which nothing arrived then: timers and completions of work.
    timers: usize,
    /// Hops and receipts at instants that other nodes share.
    ties: usize,
}

fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("EVENTSCAPE_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (0..count).collect(),
    }
}

/// What a person does to a scene, in order of time.
fn commands(scene: &Scene, seed: u64) -> Vec<Command> {
    let mut random = fastrand::Rng::with_seed(seed);
    let nodes: Vec<&NodeId> = scene.nodes.keys().collect();
    let links: Vec<&LinkId> = scene.links.keys().collect();
    let mut instants: Vec<u64> = (0..random.usize(3..9)).map(|_| random.u64(0..60)).collect();
    instants.sort_unstable();
    let mut action = || -> Option<CommandAction> {
        let node = random.choice(&nodes).map(|node| (*node).clone())?;
        Some(match random.u8(..8) {
            0 => CommandAction::Stop(node),
            1 => CommandAction::Start(node),
            2 => CommandAction::Slow(node, f64::from(random.u32(1..5))),
            3 => CommandAction::ErrorRate(node, f64::from(random.u32(0..4)) / 4.0),
            4 => CommandAction::Send(node, random.u32(1..20)),
            5 => CommandAction::Parameters(node.clone(), Box::new(scene.nodes[&node].kind.clone())),
            6 => CommandAction::Cut(random.choice(&links).map(|link| (*link).clone())?),
            _ => CommandAction::Restore(random.choice(&links).map(|link| (*link).clone())?),
        })
    };
    let at = |instant: u64| SimTime::ZERO + COMMAND_GRID.saturating_mul(instant);
    instants.into_iter().filter_map(|instant| Some(Command { at: at(instant), action: action()? })).collect()
}

fn run(scene: &Scene, seed: u64, options: Options) -> Ran {
    let model = Arc::new(compile(scene).unwrap_or_else(|errors| panic!("seed {seed}: {errors:?}")));
    let spawned = writer::spawn(scene.clone(), Target::Memory, seed);
    let (sender, recording, handle) = spawned.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let options = Options { seed: Some(seed), ..options };
    let mut simulation = Simulation::new(model, options).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let (mut all, mut delivered) = (Rows::default(), SimTime::ZERO);
    let mut deliver = |delivery| {
        note(&mut all, &mut delivered, &delivery);
        sender.send(delivery).unwrap_or_else(|_| panic!("seed {seed}: the writer ended"));
    };
    let commands = commands(scene, seed);
    for command in &commands {
        // Stops on the way must not show, and at each of them every message is somewhere.
        simulation.run_until(command.at, &mut deliver);
        let balance = simulation.conservation();
        assert!(balance.holds(), "seed {seed}, {options:?}, at {} s: {balance:?}", command.at.seconds());
        let acts = simulation.command(command.action.clone());
        assert_eq!(acts.unwrap_or_else(|error| panic!("seed {seed}: {error}")), command.at);
    }
    simulation.run_until(SimTime::ZERO + LENGTH, &mut deliver);
    let balance = simulation.conservation();
    assert!(balance.holds(), "seed {seed}, {options:?}: {balance:?}");
    simulation.end(&mut deliver);
    drop(sender);
    handle.join().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let split = simulation.split();
    let (mut hops, mut crossing) = (0, 0);
    let window = recording.window(SimTime::ZERO, recording.end());
    for (link, said) in simulation.model().links.iter().zip(&window.links) {
        let count: u64 = said.hops.iter().flatten().sum();
        hops += count;
        crossing += if split.partition(link.source) == split.partition(link.target) { 0 } else { count };
    }
    let edges = edges(&simulation, &commands, &all);
    let digest = digest(&recording).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    Ran { digest, partitions: split.partitions(), islands: split.islands, hops, crossing, edges }
}

/// Keeps what was delivered, and checks that it is what lies between the last delivery and this one.
fn note(all: &mut Rows, delivered: &mut SimTime, delivery: &Delivery) {
    let Delivery::Rows { parts, until } = delivery else { return };
    let span = std::mem::replace(delivered, *until)..*until;
    for part in parts {
        let Rows { hops, receipts, samples, commands, .. } = part;
        let keys = hops.iter().map(|row| row.key).chain(receipts.iter().map(|row| row.key));
        let keys = keys.chain(samples.iter().map(|row| row.key)).chain(commands.iter().map(|row| row.key));
        keys.for_each(|key| assert!(span.contains(&key.time), "{key:?} is delivered with {span:?}"));
        all.hops.extend(&part.hops);
        all.receipts.extend(&part.receipts);
    }
}

fn edges(simulation: &Simulation, commands: &[Command], rows: &Rows) -> Edges {
    let width = simulation.split().lookahead.nanos().max(1);
    let on_edge = |time: SimTime| time.nanos().is_multiple_of(width);
    let arrivals: HashSet<(u64, u32)> =
        rows.receipts.iter().map(|receipt| (receipt.key.time.nanos(), receipt.key.node)).collect();
    let alone = |time: SimTime, node: u32| !arrivals.contains(&(time.nanos(), node));
    let timers = rows.hops.iter().filter(|hop| on_edge(hop.key.time) && alone(hop.key.time, hop.key.node));
    let mut instants: Vec<(u64, u32)> = arrivals.iter().copied().collect();
    instants.sort_unstable();
    Edges {
        faults: simulation.model().faults.iter().filter(|fault| on_edge(fault.at)).count(),
        commands: commands.iter().filter(|command| on_edge(command.at)).count(),
        timers: timers.count(),
        ties: instants.windows(2).filter(|pair| pair[0].0 == pair[1].0).count(),
    }
}

/// Every number of threads with every number of partitions; the last has most of both.
const ALL_SPLITS: [(usize, u32); 9] = [(1, 1), (2, 1), (7, 1), (1, 3), (2, 3), (7, 3), (1, 64), (2, 64), (7, 64)];
/// Each number once: partitions that pass through bytes in every window take their time.
const FEW_SPLITS: [(usize, u32); 3] = [(1, 1), (2, 3), (7, 64)];

/// Checks that one scene gives one recording for all of `splits`, and gives the run of the last.
fn check_splits(scene: &Scene, seed: u64, splits: &[(usize, u32)], hardship: Hardship) -> Ran {
    let alone = run(scene, seed, Options { threads: 1, partitions: Some(1), ..Options::default() });
    let mut widest = None;
    for &(threads, partitions) in splits {
        let options = Options { threads, partitions: Some(partitions), hardship, ..Options::default() };
        let other = run(scene, seed, options);
        assert_eq!(alone.digest, other.digest, "seed {seed}, {threads} threads, {partitions} partitions");
        assert_eq!(other.partitions, partitions.min(other.islands), "seed {seed}: the partitions asked for");
        widest = Some(other);
    }
    widest.unwrap_or(alone)
}

#[test]
fn any_split_gives_the_same_recording() {
    let (mut hops, mut crossing, mut all) = (0, 0, Edges::default());
    for seed in seeds(10) {
        let scene = if seed % 2 == 0 { arbitrary_scene(seed) } else { arbitrary_scene_of(seed, WIDE) };
        let widest = check_splits(&scene, seed, &ALL_SPLITS, Hardship::default());
        assert!(seed % 2 == 0 || widest.partitions == 64, "seed {seed}: {} partitions", widest.partitions);
        hops += widest.hops;
        crossing += widest.crossing;
        let Edges { faults, commands, timers, ties } = widest.edges;
        all.faults += faults;
        all.commands += commands;
        all.timers += timers;
        all.ties += ties;
    }
    println!("{crossing} of {hops} hops cross, {all:?}");
    assert!(crossing * 10 >= hops * 3, "at least 30 % of hops cross partitions: {crossing} of {hops}");
    if std::env::var_os("EVENTSCAPE_SEED").is_none() {
        assert!(all.faults > 5 && all.commands > 20 && all.timers > 100 && all.ties > 1_000, "{all:?}");
    }
}

#[test]
fn short_windows_and_a_way_through_bytes_do_not_show() {
    for seed in seeds(4) {
        let hardship = Hardship { short_windows: Some(seed), bytes: ThroughBytes::MailAndPartitions };
        check_splits(&arbitrary_scene(seed), seed, &FEW_SPLITS, hardship);
    }
}

#[test]
fn the_split_that_the_latencies_suggest_does_not_show() {
    for seed in seeds(12) {
        let scene = arbitrary_scene(seed);
        let alone = run(&scene, seed, Options { threads: 1, partitions: Some(1), ..Options::default() });
        let free = run(&scene, seed, Options { threads: 2, partitions: None, ..Options::default() });
        assert_eq!(alone.digest, free.digest, "seed {seed}");
    }
}
