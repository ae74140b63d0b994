//! The same scene, seed and commands give the same recording, whatever carried them out.
//!
//! One seed makes scene, faults and hardships; a failure prints it, and `EVENTSCAPE_SEED=17` runs that
//! one alone.

use std::sync::Arc;

use eventscape::record::digest::digest;
use eventscape::record::writer::{self, Target};
use eventscape::scene::document::Scene;
use eventscape::scene::sample::arbitrary_scene;
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::sim::compile::compile;
use eventscape::sim::run::{Hardship, Options, Simulation, ThroughBytes};

/// Simulated time of a run: long enough for faults, retries and time-outs.
const LENGTH: SimSpan = SimSpan::from_seconds(8);

struct Ran {
    digest: u128,
    partitions: u32,
    islands: u32,
    hops: u64,
    crossing: u64,
}

fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("EVENTSCAPE_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (0..count).collect(),
    }
}

fn run(scene: &Scene, seed: u64, options: Options) -> Ran {
    let model = Arc::new(compile(scene).unwrap_or_else(|errors| panic!("seed {seed}: {errors:?}")));
    let spawned = writer::spawn(scene.clone(), Target::Memory, seed);
    let (sender, recording, handle) = spawned.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let options = Options { seed: Some(seed), ..options };
    let mut simulation = Simulation::new(model, options).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let mut deliver = |delivery| sender.send(delivery).unwrap_or_else(|_| panic!("seed {seed}: the writer ended"));
    // Stops on the way must not show either, and at each of them every message is somewhere.
    for third in 1..=3 {
        let until = SimTime::from_nanos(LENGTH.nanos() * third / 3);
        simulation.run_until(until, &mut deliver);
        let balance = simulation.conservation();
        assert!(balance.holds(), "seed {seed}, {options:?}: {balance:?}");
    }
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
    let digest = digest(&recording).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    Ran { digest, partitions: split.partitions(), islands: split.islands, hops, crossing }
}

#[test]
fn any_split_gives_the_same_recording() {
    let (mut hops, mut crossing) = (0, 0);
    for seed in seeds(16) {
        let scene = arbitrary_scene(seed);
        let alone = run(&scene, seed, Options { threads: 1, partitions: Some(1), ..Options::default() });
        for (threads, partitions) in [(1, 3), (2, 3), (7, 64), (2, 64)] {
            let options = Options { threads, partitions: Some(partitions), ..Options::default() };
            let other = run(&scene, seed, options);
            assert_eq!(alone.digest, other.digest, "seed {seed}, {threads} threads, {partitions} partitions");
            assert_eq!(other.partitions, partitions.min(other.islands), "seed {seed}: the partitions asked for");
            hops += other.hops;
            crossing += other.crossing;
        }
    }
    assert!(crossing * 10 >= hops * 3, "at least 30 % of hops cross partitions: {crossing} of {hops}");
}

#[test]
fn short_windows_and_a_way_through_bytes_do_not_show() {
    for seed in seeds(4) {
        let scene = arbitrary_scene(seed);
        let alone = run(&scene, seed, Options { threads: 1, partitions: Some(1), ..Options::default() });
        let hardship = Hardship { short_windows: Some(seed), bytes: ThroughBytes::MailAndPartitions };
        for partitions in [1, 5, 64] {
            let options = Options { threads: 2, partitions: Some(partitions), hardship, ..Options::default() };
            assert_eq!(alone.digest, run(&scene, seed, options).digest, "seed {seed}, {partitions} partitions");
        }
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
