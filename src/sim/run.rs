//! A run: partitions advance side by side in windows no longer than the lookahead, or as one from one queue.
//!
//! Invariant: the rows that a run writes, put in canonical order, are the same for every number of
//! threads and partitions, and for windows of any length.

use std::sync::Arc;

use rayon::prelude::*;

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::border::{Border, Mail, pack};
use crate::sim::command::{Command, CommandAction};
use crate::sim::draw::node_key;
use crate::sim::effects::{Balance, Common, Recorded};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{MessageId, NodeIndex};
use crate::sim::model::Model;
use crate::sim::node::Node;
use crate::sim::partition::{Partition, Setting};
use crate::sim::payload::Payload;
use crate::sim::row::{Delivery, Direction, HopKind, Rows, SAMPLE_GRID};
use crate::sim::split::Split;
use crate::sim::track::{EngineStep, Load};

/// Rows that are handed to the recording at once.
const DELIVERY_ROWS: usize = 1 << 16;
/// Events that a window must hold on average for two threads to win over one queue (measured: about 500).
const WINDOW_EVENTS_LEAST: u64 = 500;
/// Windows and events over which that average is taken.
const WINDOWS_WATCHED: u64 = 64;
const EVENTS_WATCHED: u64 = 1 << 15;

/// How a run is carried out. None of it shows in the recording but the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Seed of all draws; `None`: the scene's.
    pub seed: Option<u64>,
    /// Threads; 0: one a core.
    pub threads: usize,
    /// Partitions; `None`: found from the latencies, and used only where windows are full enough.
    pub partitions: Option<u32>,
    /// Whether rows are written.
    pub recorded: Recorded,
    /// Obstacles that must not show in the result, for tests.
    pub hardship: Hardship,
}

impl Default for Options {
    fn default() -> Options {
        Options { seed: None, threads: 0, partitions: None, recorded: Recorded::Yes, hardship: Hardship::default() }
    }
}

/// Obstacles that must not show in the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardship {
    /// Windows are cut short at random, by this seed.
    pub short_windows: Option<u64>,
    /// Mail and, now and then, whole partitions pass through bytes.
    pub bytes: ThroughBytes,
}

/// What passes through bytes between windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThroughBytes {
    /// Nothing.
    #[default]
    Nothing,
    /// All mail in every window, and every partition in every 16th.
    MailAndPartitions,
}

/// What a run is doing, for the engine track and the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineFigures {
    /// Events handled.
    pub events: u64,
    /// Windows run side by side.
    pub windows: u64,
    /// Partitions now.
    pub partitions: u32,
    /// Islands of the scene.
    pub islands: u32,
}

/// A run in progress.
pub struct Simulation {
    model: Arc<Model>,
    options: Options,
    seed: u64,
    split: Split,
    wide: Option<Split>,
    partitions: Vec<Partition>,
    /// Mail of the last window: by sender, then by receiver.
    inbox: Vec<Vec<Mail>>,
    mail_first: Option<SimTime>,
    commands: Vec<Command>,
    now: SimTime,
    pool: Option<rayon::ThreadPool>,
    parts: Vec<Rows>,
    figures: EngineFigures,
    watch: Watch,
    /// Events handled by partitions that a change of split dissolved.
    handled_before: u64,
    track: Track,
}

/// What the engine track was told last, and what it has not been told yet.
#[derive(Default)]
struct Track {
    loads: Vec<Load>,
    windows: u64,
    untold: Vec<EngineStep>,
}

#[derive(Clone, Copy, Default)]
struct Watch {
    windows: u64,
    events: u64,
    since: SimTime,
}

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The operating system gave no threads.
    #[error("could not start {threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
    /// A command names something that the scene does not have.
    #[error("the scene has no {what} `{id}`")]
    NoSuch {
        /// Node or link.
        what: &'static str,
        /// The id.
        id: String,
    },
}

impl Simulation {
    /// A run of `model` that stands at its beginning.
    pub fn new(model: Arc<Model>, options: Options) -> Result<Simulation, RunError> {
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        };
        let pool = match threads {
            1 => None,
            _ => {
                let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                Some(built.map_err(|error| RunError::Threads { threads, reason: error.to_string() })?)
            }
        };
        let seed = options.seed.unwrap_or(model.scene.settings.seed);
        let wanted = options.partitions.or(model.scene.settings.partitions);
        let (split, wide) = match wanted {
            Some(wanted) => (Split::into(&model, wanted), None),
            None => {
                let wide = Split::from_latencies(&model, threads);
                (Split::whole(&model), Some(wide).filter(|wide| wide.partitions() > 1))
            }
        };
        let mut simulation = Simulation {
            partitions: Vec::new(),
            inbox: Vec::new(),
            mail_first: None,
            commands: Vec::new(),
            now: SimTime::ZERO,
            parts: Vec::new(),
            figures: EngineFigures { islands: split.islands, ..EngineFigures::default() },
            watch: Watch::default(),
            handled_before: 0,
            track: Track::default(),
            model,
            options,
            seed,
            split,
            wide,
            pool,
        };
        simulation.begin();
        for command in simulation.model.faults.clone() {
            // A fault on something missing was refused when the scene was checked.
            simulation.schedule(command)?;
        }
        Ok(simulation)
    }

    fn begin(&mut self) {
        let nodes = (0u32..).zip(&self.model.nodes).map(|(row, node)| Node {
            common: Common::new(NodeIndex(row), node_key(self.seed, node.hash)),
            parameters: node.parameters.clone(),
            state: node.parameters.state(),
        });
        let nodes: Vec<Node> = nodes.collect();
        self.lay_out(nodes);
        let setting = Setting { model: &self.model, split: &self.split, commands: &[] };
        for partition in &mut self.partitions {
            partition.begin(setting);
        }
        self.collect_mail();
    }

    /// Puts nodes into the partitions of the present split.
    fn lay_out(&mut self, nodes: Vec<Node>) {
        let count = self.split.partitions();
        let width = self.split.lookahead.max(SimSpan::from_nanos(1));
        let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
        self.partitions = (0u32..)
            .zip(self.split.members())
            .map(|(partition, members)| Partition {
                nodes: members.iter().filter_map(|node| nodes[node.row()].take()).collect(),
                border: Border::new(partition, count, width, self.options.recorded),
            })
            .collect();
        self.inbox = vec![vec![Mail::default(); count as usize]; count as usize];
        self.mail_first = None;
        self.figures.partitions = count;
        self.track.loads = vec![Load::default(); count as usize];
    }

    /// The instant before which everything has happened.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// The model that runs.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// What the run is doing.
    pub fn figures(&self) -> EngineFigures {
        let handled: u64 = self.partitions.iter().map(|partition| partition.border.handled).sum();
        EngineFigures { events: handled + self.handled_before, ..self.figures.clone() }
    }

    /// The split of the run: the wide one where the run may use it.
    pub fn split(&self) -> &Split {
        self.wide.as_ref().unwrap_or(&self.split)
    }

    /// Lets a command act now, at the live edge. Returns the instant at which it acts.
    pub fn command(&mut self, action: CommandAction) -> Result<SimTime, RunError> {
        let at = self.now;
        self.schedule(Command { at, action })?;
        Ok(at)
    }

    /// Lets a command act at its instant, or now where that is past.
    pub fn schedule(&mut self, command: Command) -> Result<(), RunError> {
        let at = command.at.max(self.now);
        let token = self.commands.len() as u32;
        for target in self.reached(&command.action)? {
            let event = command_event(at, target, token);
            let partition = self.split.partition(target);
            self.partitions[partition as usize].border.agenda.push(event);
        }
        self.commands.push(Command { at, ..command });
        Ok(())
    }

    /// All commands so far with the instants at which they act, faults of the scene included.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    fn reached(&self, action: &CommandAction) -> Result<Vec<NodeIndex>, RunError> {
        match action {
            CommandAction::Stop(id)
            | CommandAction::Start(id)
            | CommandAction::Slow(id, _)
            | CommandAction::ErrorRate(id, _)
            | CommandAction::Parameters(id, _)
            | CommandAction::Send(id, _) => {
                let node = self.model.node_index(id);
                Ok(vec![node.ok_or_else(|| RunError::NoSuch { what: "node", id: id.to_string() })?])
            }
            CommandAction::Cut(id) | CommandAction::Restore(id) => {
                let link = self.model.link_index(id);
                let link = link.ok_or_else(|| RunError::NoSuch { what: "link", id: id.to_string() })?;
                let link = &self.model.links[link.row()];
                let mut ends = vec![link.source, link.target];
                ends.dedup();
                Ok(ends)
            }
        }
    }

    /// Runs to `until`: every event before it acts. Rows go to `deliver`.
    pub fn run_until(&mut self, until: SimTime, deliver: &mut dyn FnMut(Delivery)) {
        while self.now < until {
            if self.split.partitions() == 1 {
                self.run_as_one(until, deliver);
            } else {
                self.run_side_by_side(until, deliver);
            }
        }
        self.deliver(deliver);
    }

    /// Ends the recording exactly here.
    pub fn end(&mut self, deliver: &mut dyn FnMut(Delivery)) {
        self.deliver(deliver);
        deliver(Delivery::End { at: self.now });
    }

    fn run_as_one(&mut self, until: SimTime, deliver: &mut dyn FnMut(Delivery)) {
        let until = self.shortened(until);
        let setting = Setting { model: &self.model, split: &self.split, commands: &self.commands };
        let Some(partition) = self.partitions.first_mut() else {
            self.now = until;
            return;
        };
        // Without rows to count, slices end by time so that density can be watched.
        let slice = match (self.wide.as_ref(), self.options.recorded) {
            (Some(_), Recorded::No) => until.min(self.now + self.split.lookahead.saturating_mul(4_096)),
            _ => until,
        };
        let before = partition.border.handled;
        self.now = partition.run(setting, slice, DELIVERY_ROWS);
        self.watch.events += partition.border.handled - before;
        self.deliver(deliver);
        self.consider_wide();
    }

    /// Changes to many partitions where windows of the wide split would be full enough.
    fn consider_wide(&mut self) {
        let Some(wide) = &self.wide else { return };
        if self.watch.events < EVENTS_WATCHED {
            return;
        }
        let windows = self.now.since(self.watch.since).nanos() / wide.lookahead.nanos().max(1);
        let full = self.watch.events >= WINDOW_EVENTS_LEAST.saturating_mul(windows.max(1));
        self.watch = Watch { since: self.now, ..Watch::default() };
        if full && let Some(wide) = self.wide.take() {
            let whole = std::mem::replace(&mut self.split, wide);
            self.repartition();
            self.wide = Some(whole);
        }
    }

    fn run_side_by_side(&mut self, until: SimTime, deliver: &mut dyn FnMut(Delivery)) {
        let width = self.split.lookahead.nanos().max(1);
        let waiting = self.partitions.iter().filter_map(|partition| partition.border.agenda.next_cell()).min();
        let mailed = self.mail_first.map(|first| first.nanos() / width);
        let Some(cell) = [waiting, mailed].into_iter().flatten().min() else {
            return self.idle_until(until);
        };
        // An event that was born late may lie before the present cell of its partition, never before now.
        let cell = cell.max(self.now.nanos() / width);
        let begins = SimTime::from_nanos(cell.saturating_mul(width));
        if begins >= until {
            return self.idle_until(until);
        }
        let ends = SimTime::from_nanos((cell + 1).saturating_mul(width)).min(until);
        let ends = self.shortened(ends).max(begins.max(self.now) + SimSpan::from_nanos(1)).min(ends);
        self.window(cell, ends);
        self.now = ends;
        self.collect_rows(deliver);
        self.consider_whole();
    }

    /// Nothing happens before `until`; samples of before are due all the same.
    fn idle_until(&mut self, until: SimTime) {
        for partition in &mut self.partitions {
            partition.flush_samples(until);
        }
        self.now = until;
    }

    /// Changes to one queue where windows hold too few events.
    fn consider_whole(&mut self) {
        self.watch.windows += 1;
        if self.wide.is_none() || self.watch.windows < WINDOWS_WATCHED {
            return;
        }
        let handled: u64 = self.partitions.iter().map(|partition| partition.border.handled).sum();
        let sparse = handled - self.watch.events < WINDOW_EVENTS_LEAST / 2 * self.watch.windows;
        self.watch = Watch { events: handled, ..Watch::default() };
        if sparse && let Some(whole) = self.wide.take() {
            let wide = std::mem::replace(&mut self.split, whole);
            self.repartition();
            self.wide = Some(wide);
            self.watch = Watch { since: self.now, ..Watch::default() };
        }
    }

    fn window(&mut self, cell: u64, until: SimTime) {
        self.figures.windows += 1;
        let setting = Setting { model: &self.model, split: &self.split, commands: &self.commands };
        let inbox = &self.inbox;
        let advance = |(row, partition): (usize, &mut Partition)| {
            partition.window(setting, inbox.iter().filter_map(|bags| bags.get(row)), cell, until);
        };
        match &self.pool {
            Some(pool) => pool.install(|| self.partitions.par_iter_mut().enumerate().for_each(advance)),
            None => self.partitions.iter_mut().enumerate().for_each(advance),
        }
        self.collect_mail();
        if self.options.hardship.bytes == ThroughBytes::MailAndPartitions {
            self.pass_through_bytes();
        }
    }

    fn collect_mail(&mut self) {
        self.mail_first = None;
        for (partition, bags) in self.partitions.iter_mut().zip(&mut self.inbox) {
            std::mem::swap(bags, &mut partition.border.outbox);
            let firsts = [self.mail_first, partition.border.mail_first];
            self.mail_first = firsts.into_iter().flatten().min();
        }
    }

    fn pass_through_bytes(&mut self) {
        for bags in &mut self.inbox {
            for bag in bags {
                *bag = through_bytes(bag);
            }
        }
        if !self.figures.windows.is_multiple_of(16) {
            return;
        }
        for partition in &mut self.partitions {
            let mut moved = through_bytes(partition);
            // Rows and mail bags are the border's scratch, not its state.
            std::mem::swap(&mut moved.border.rows, &mut partition.border.rows);
            std::mem::swap(&mut moved.border.outbox, &mut partition.border.outbox);
            *partition = moved;
        }
    }

    /// An earlier end of a window, where tests ask for one.
    fn shortened(&self, ends: SimTime) -> SimTime {
        let Some(seed) = self.options.hardship.short_windows else { return ends };
        let bits = node_key(seed, self.now.nanos());
        if bits & 1 == 0 {
            return ends;
        }
        let length = ends.since(self.now).nanos();
        let part = ((u128::from(bits) * u128::from(length)) >> 64) as u64;
        self.now + SimSpan::from_nanos(part.max(1).min(length.max(1)))
    }

    fn collect_rows(&mut self, deliver: &mut dyn FnMut(Delivery)) {
        let rows: usize = self.partitions.iter().map(|partition| partition.border.rows.len()).sum();
        if rows >= DELIVERY_ROWS {
            self.deliver(deliver);
        }
    }

    fn deliver(&mut self, deliver: &mut dyn FnMut(Delivery)) {
        // What nodes write as they begin stands at the first instant, which is over once time moves on.
        if self.now == SimTime::ZERO {
            return;
        }
        let written = self.partitions.iter_mut().map(|partition| partition.border.rows.take());
        self.parts.extend(written.filter(|rows| !rows.is_empty()));
        if self.options.recorded == Recorded::Yes {
            deliver(Delivery::Rows { parts: std::mem::take(&mut self.parts), until: self.now });
            self.note_step();
            self.track.untold.drain(..).for_each(|step| deliver(Delivery::Step(step)));
        }
    }

    /// Notes what partitions did since the last note.
    fn note_step(&mut self) {
        let borders = self.partitions.iter().map(|partition| &partition.border);
        let loads = borders.map(|border| Load { events: border.handled, transfers: border.taken_over });
        let loads: Vec<Load> = loads.collect();
        let since = loads.iter().zip(&self.track.loads).map(|(now, earlier)| now.since(*earlier));
        self.track.untold.push(EngineStep {
            until: self.now,
            windows: self.figures.windows - self.track.windows,
            threads: self.pool.as_ref().map_or(1, |pool| pool.current_num_threads() as u32),
            loads: since.collect(),
        });
        self.track.loads = loads;
        self.track.windows = self.figures.windows;
    }

    /// Moves everything into the partitions of `self.split`, which has just been replaced.
    fn repartition(&mut self) {
        if self.options.recorded == Recorded::Yes {
            self.note_step();
        }
        let mut old = std::mem::take(&mut self.partitions);
        for (row, partition) in old.iter_mut().enumerate() {
            for bags in &self.inbox {
                if let Some(bag) = bags.get(row) {
                    partition.border.unpack(bag);
                }
            }
        }
        self.handled_before += old.iter().map(|partition| partition.border.handled).sum::<u64>();
        self.parts.extend(old.iter_mut().map(|p| std::mem::take(&mut p.border.rows)).filter(|rows| !rows.is_empty()));
        let open = old.iter().filter(|partition| !partition.border.dirty.is_empty());
        let boundary = open.map(|partition| partition.border.boundary).max();
        let cells = self.now.nanos() / SAMPLE_GRID.nanos() + 1;
        let boundary = boundary.unwrap_or(SimTime::from_nanos(cells.saturating_mul(SAMPLE_GRID.nanos())));
        let mut nodes = Vec::new();
        let mut borders = Vec::new();
        for Partition { nodes: owned, border } in old {
            nodes.extend(owned);
            borders.push(border);
        }
        nodes.sort_by_key(|node| node.common.index);
        self.lay_out(nodes);
        for mut border in borders {
            self.adopt(&mut border);
        }
        for partition in &mut self.partitions {
            partition.border.boundary = boundary;
            let open = (0u32..).zip(&partition.nodes).filter(|(_, node)| node.common.is_sample_open());
            partition.border.dirty = open.map(|(local, _)| local).collect();
        }
    }

    /// Gives a dissolved partition's events, cuts and texts to those that own them now.
    fn adopt(&mut self, border: &mut Border) {
        let mut bags = vec![Mail::default(); self.partitions.len()];
        for event in border.agenda.drain() {
            let owner = self.split.partition(event.target) as usize;
            pack(event, &mut bags[owner], &mut border.batches, &border.texts);
        }
        for (partition, bag) in self.partitions.iter_mut().zip(&bags) {
            partition.border.texts.absorb(&border.texts);
            partition.border.unpack(bag);
        }
        for &(link, direction) in &border.cut {
            let way = &self.model.links[link as usize];
            let sender = if direction == Direction::Forward { way.source } else { way.target };
            let owner = self.split.partition(sender) as usize;
            self.partitions[owner].border.cut.insert((link, direction));
        }
    }

    /// The balance of all nodes, with what they hold and what is on the way.
    pub fn conservation(&self) -> Conservation {
        let mut sum = Conservation::default();
        for node in self.partitions.iter().flat_map(|partition| &partition.nodes) {
            let Balance { produced, copied, ended, launched, landed } = node.common.balance;
            sum.produced += produced;
            sum.copied += copied;
            sum.ended += ended.iter().sum::<u64>();
            sum.held += node.state.held();
            sum.launched += launched;
            sum.landed += landed;
        }
        sum
    }

    /// The nodes with their state, by row.
    pub fn nodes(&self) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = self.partitions.iter().flat_map(|partition| &partition.nodes).collect();
        nodes.sort_by_key(|node| node.common.index);
        nodes
    }

    /// Events that wait, mail included.
    pub fn pending(&self) -> usize {
        let mail: usize = self.inbox.iter().flatten().map(|bag| bag.events.len()).sum();
        mail + self.partitions.iter().map(|partition| partition.border.agenda.len()).sum::<usize>()
    }
}

/// Both sides of conservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conservation {
    /// Messages that began.
    pub produced: u64,
    /// Copies made.
    pub copied: u64,
    /// Messages that ended.
    pub ended: u64,
    /// Messages in some node's custody.
    pub held: u64,
    /// Custodies that left a node.
    pub launched: u64,
    /// Custodies that arrived.
    pub landed: u64,
}

impl Conservation {
    /// Messages under way.
    pub fn in_flight(&self) -> u64 {
        self.launched.saturating_sub(self.landed)
    }

    /// Whether every message is somewhere, exactly once.
    pub fn holds(&self) -> bool {
        self.produced + self.copied == self.ended + self.held + self.in_flight()
    }
}

fn through_bytes<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let bytes = postcard::to_allocvec(value).unwrap_or_else(|error| panic!("plain data always has bytes: {error}"));
    postcard::from_bytes(&bytes).unwrap_or_else(|error| panic!("what was written is read back: {error}"))
}

fn command_event(time: SimTime, target: NodeIndex, token: u32) -> SimEvent {
    SimEvent {
        time,
        target,
        source: target,
        sequence: token,
        via: 0,
        class: Class::Command,
        kind: HopKind::Event,
        direction: Direction::Forward,
        custody: Custody::Stays,
        hop: 0,
        count: 0,
        token,
        origin: target,
        message: MessageId::NONE,
        payload: Payload::default(),
        born: time,
    }
}
