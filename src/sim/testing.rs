//! Testing: small scenes in code, run and looked at.
//!
//! Invariant: every run that passes through here is checked for conservation.

use std::sync::Arc;

use crate::scene::document::{Fault, FaultSpan, Link, LinkMode, Node, Scene};
use crate::scene::kind::{Kind, PayloadTemplate, Producer, Traffic};
use crate::scene::slug::{LinkId, NodeId};
use crate::scene::time::{SimSpan, SimTime};
use crate::scene::units::{Duration, Latency, Rate, Spread};
use crate::sim::command::CommandAction;
use crate::sim::compile::compile;
use crate::sim::id::{LinkIndex, NodeIndex};
use crate::sim::model::Model;
use crate::sim::row::{Delivery, Fate, HopKind, HopRow, Metric, Outcome, Rows};
use crate::sim::run::{Hardship, Options, Simulation, ThroughBytes};

/// A scene under construction. Links take exactly 1 ms unless told otherwise.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Sketch {
    /// What was drawn so far.
    pub scene: Scene,
}

/// A run that is over, with its rows in canonical order.
pub(in crate::sim) struct Ran {
    /// All rows, each table sorted by key.
    pub rows: Rows,
    /// The run itself, for a look at its nodes.
    pub simulation: Simulation,
    model: Arc<Model>,
}

impl Sketch {
    /// Adds a node.
    pub fn node(mut self, id: &str, kind: Kind) -> Sketch {
        let node = Node::new(kind);
        self.scene.nodes.insert(NodeId::new(id).expect("a test's node id"), node);
        self
    }

    /// Adds a link `from>to`, named by its ends with a hyphen between.
    pub fn link(self, from: &str, to: &str) -> Sketch {
        self.link_with(from, to, |_| {})
    }

    /// Adds a link over which the source waits for the answer.
    pub fn request(self, from: &str, to: &str) -> Sketch {
        self.link_with(from, to, |link| link.mode = Some(LinkMode::Request))
    }

    /// Adds a link for dead letters.
    pub fn dead_letters(self, from: &str, to: &str) -> Sketch {
        self.link_with(from, to, |link| link.dead_letters = true)
    }

    /// Adds a link that `change` may alter.
    pub fn link_with(mut self, from: &str, to: &str, change: impl FnOnce(&mut Link)) -> Sketch {
        let mut link = Link::new(
            NodeId::new(from).expect("a test's node id"),
            NodeId::new(to).expect("a test's node id"),
            Latency { spread: Spread::Constant(Duration::millis(1)), floor: None },
        );
        change(&mut link);
        self.scene.links.insert(link_id(from, to), link);
        self
    }

    /// Adds a fault from one millisecond to another.
    pub fn fault(mut self, from: u64, until: u64, fault: Fault) -> Sketch {
        self.scene.faults.push(FaultSpan { at: Duration::millis(from), until: Some(Duration::millis(until)), fault });
        self
    }

    /// Runs for so many milliseconds on one thread and one queue.
    #[track_caller]
    pub fn run(&self, millis: u64) -> Ran {
        self.run_with(millis, Options { threads: 1, partitions: Some(1), ..Options::default() })
    }

    /// Runs with commands that act at their times in milliseconds, which ascend.
    #[track_caller]
    pub fn run_commanded(&self, millis: u64, commands: &[(u64, CommandAction)]) -> Ran {
        let options = Options { threads: 1, partitions: Some(1), ..Options::default() };
        self.run_with_commands(millis, options, commands)
    }

    /// Runs under the given options.
    #[track_caller]
    pub fn run_with(&self, millis: u64, options: Options) -> Ran {
        self.run_with_commands(millis, options, &[])
    }

    #[track_caller]
    fn run_with_commands(&self, millis: u64, options: Options, commands: &[(u64, CommandAction)]) -> Ran {
        let model = Arc::new(compile(&self.scene).expect("a test's scene compiles"));
        let mut simulation = Simulation::new(model.clone(), options).expect("a test's run begins");
        let mut rows = Rows::default();
        let mut keep = |delivery| {
            if let Delivery::Rows { parts, .. } = delivery {
                parts.into_iter().for_each(|part| append(&mut rows, part));
            }
        };
        for (at, action) in commands {
            simulation.run_until(SimTime::ZERO + SimSpan::from_millis(*at), &mut keep);
            simulation.command(action.clone()).expect("a test's command names what exists");
        }
        simulation.run_until(SimTime::ZERO + SimSpan::from_millis(millis), &mut keep);
        sort(&mut rows);
        let conservation = simulation.conservation();
        assert!(conservation.holds(), "{conservation:?}");
        Ran { rows, simulation, model }
    }

    /// Checks that the split shows in no row, and returns the run.
    #[track_caller]
    pub fn run_both(&self, millis: u64) -> Ran {
        self.check_splits(millis);
        self.run(millis)
    }

    /// Checks that the split and its hardships show in no row.
    #[track_caller]
    pub fn check_splits(&self, millis: u64) {
        let alone = self.run(millis).rows;
        let hardship = Hardship { short_windows: Some(5), bytes: ThroughBytes::MailAndPartitions };
        for (partitions, hardship) in [(3, Hardship::default()), (3, hardship)] {
            let options = Options { threads: 1, partitions: Some(partitions), hardship, ..Options::default() };
            let split = self.run_with(millis, options).rows;
            check_same("hops", &alone.hops, &split.hops);
            check_same("receipts", &alone.receipts, &split.receipts);
            check_same("samples", &alone.samples, &split.samples);
            check_same("measures", &alone.measures, &split.measures);
            check_same("ends", &alone.ends, &split.ends);
        }
    }
}

impl Ran {
    /// Hops of a kind over a link, in order of departure.
    #[track_caller]
    pub fn hops(&self, from: &str, to: &str, kind: HopKind) -> Vec<HopRow> {
        let link = self.link_index(from, to);
        self.rows.hops.iter().filter(|hop| hop.link == link && hop.kind == kind).copied().collect()
    }

    /// Arrivals over a link that came to this.
    #[track_caller]
    pub fn receipts(&self, from: &str, to: &str, outcome: Outcome) -> usize {
        let link = self.link_index(from, to);
        self.rows.receipts.iter().filter(|receipt| receipt.link == link && receipt.outcome == outcome).count()
    }

    /// Messages that ended at a node in this way.
    #[track_caller]
    pub fn ends(&self, node: &str, fate: Fate) -> usize {
        let node = self.node_index(node).0;
        self.rows.ends.iter().filter(|end| end.key.node == node && end.fate == fate).count()
    }

    /// What a node measured, in milliseconds, rounded down.
    #[track_caller]
    pub fn measures(&self, node: &str, metric: Metric) -> Vec<u64> {
        let node = self.node_index(node).0;
        let own = self.rows.measures.iter().filter(|row| row.key.node == node && row.metric == metric);
        own.map(|row| row.value.nanos() / 1_000_000).collect()
    }

    #[track_caller]
    fn node_index(&self, node: &str) -> NodeIndex {
        self.model.node_index(&NodeId::new(node).expect("a test's node id")).expect("a node of the test's scene")
    }

    #[track_caller]
    fn link_index(&self, from: &str, to: &str) -> LinkIndex {
        self.model.link_index(&link_id(from, to)).expect("a link of the test's scene")
    }
}

/// A producer of `rate` events a second, evenly, the first at the beginning.
pub(in crate::sim) fn steady(rate: f64) -> Kind {
    producer(Traffic::Constant(Rate::per_second(rate)))
}

/// A producer of `rate` events a second, independent of each other.
pub(in crate::sim) fn poisson(rate: f64) -> Kind {
    producer(Traffic::Poisson(Rate::per_second(rate)))
}

/// A producer of `count` events at the beginning and no more.
pub(in crate::sim) fn volley(count: u32) -> Kind {
    producer(Traffic::Burst(count, Duration::default()))
}

fn producer(traffic: Traffic) -> Kind {
    Kind::Producer(Producer { traffic, ..Producer::default() })
}

/// The same producer, saying `body`.
pub(in crate::sim) fn saying(kind: Kind, body: &str) -> Kind {
    let Kind::Producer(mut producer) = kind else { panic!("only a producer is given words") };
    producer.payloads.push(PayloadTemplate { weight: 1, body: body.to_owned(), variants: 16 });
    Kind::Producer(producer)
}

/// The fault of a stopped node.
pub(in crate::sim) fn stop(node: &str) -> Fault {
    Fault::Stop(NodeId::new(node).expect("a test's node id"))
}

/// When a hop departed, in whole milliseconds.
pub(in crate::sim) fn departure(hop: &HopRow) -> u64 {
    hop.key.time.nanos() / 1_000_000
}

fn link_id(from: &str, to: &str) -> LinkId {
    LinkId::new(&format!("{from}-{to}")).expect("a test's link id")
}

#[track_caller]
fn check_same<T: PartialEq + std::fmt::Debug>(table: &str, alone: &[T], split: &[T]) {
    let differs = alone.iter().zip(split).position(|(alone, split)| alone != split);
    if let Some(at) = differs {
        panic!("{table} differ at row {at}\nalone: {:?}\nsplit: {:?}", alone[at], split[at]);
    }
    assert_eq!(alone.len(), split.len(), "rows of {table}");
}

fn append(all: &mut Rows, part: Rows) {
    let Rows { hops, receipts, samples, measures, ends, commands, logs } = part;
    all.hops.extend(hops);
    all.receipts.extend(receipts);
    all.samples.extend(samples);
    all.measures.extend(measures);
    all.ends.extend(ends);
    all.commands.extend(commands);
    all.logs.extend(logs);
}

fn sort(rows: &mut Rows) {
    rows.hops.sort_by_key(|row| row.key);
    rows.receipts.sort_by_key(|row| row.key);
    rows.samples.sort_by_key(|row| row.key);
    rows.measures.sort_by_key(|row| row.key);
    rows.ends.sort_by_key(|row| row.key);
}
