//! A partition: the unit of parallel work. It owns nodes, their state, an event queue and an outbox.
//!
//! Invariant: plain serialisable data without shared memory; it sees other partitions through mail alone.

use serde::{Deserialize, Serialize};

use crate::scene::time::SimTime;
use crate::sim::border::{Border, Mail};
use crate::sim::command::{Command, CommandAction};
use crate::sim::effects::{Effects, Recorded};
use crate::sim::event::{Class, SimEvent};
use crate::sim::id::LinkIndex;
use crate::sim::model::Model;
use crate::sim::node::{self, Node, Occasion, Parameters, Templates};
use crate::sim::row::{CommandRow, Condition, Direction, SAMPLE_GRID};
use crate::sim::split::Split;

/// Events for which memory is read ahead.
const WARMED: usize = 16;

/// A partition's whole state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Partition {
    /// Its nodes, by local row.
    pub nodes: Vec<Node>,
    /// What its nodes share, what goes out and what is written.
    pub border: Border,
}

/// What stays the same while partitions run.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The model.
    pub model: &'a Model,
    /// Who owns which node.
    pub split: &'a Split,
    /// All commands so far, which command events refer to.
    pub commands: &'a [Command],
}

impl Partition {
    /// Takes in the mail of the last window and handles all events before `until`, which lie in `cell`.
    pub fn window<'m>(&mut self, setting: Setting, mail: impl Iterator<Item = &'m Mail>, cell: u64, until: SimTime) {
        for bag in &mut self.border.outbox {
            bag.events.clear();
            bag.batches.clear();
            bag.texts.clear();
        }
        self.border.mail_first = None;
        mail.for_each(|bag| {
            self.border.taken_over += bag.events.len() as u64;
            self.border.unpack(bag);
        });
        self.border.agenda.open(cell);
        'window: loop {
            self.warm(setting);
            for _ in 0..WARMED {
                let Some(event) = self.border.agenda.pop_open(until) else { break 'window };
                self.execute(setting, &event);
            }
        }
        self.flush_samples(until);
    }

    /// Reads what the next few events will read, for one after the other, so that the memory's answers
    /// arrive side by side: events are handled in turn, and each would wait for its own.
    fn warm(&self, setting: Setting) {
        let Setting { model, split, .. } = setting;
        let targets = self.border.agenda.upcoming(WARMED);
        let mut read = 0;
        let mut ports = [[LinkIndex(0); 4]; WARMED];
        for target in targets.clone() {
            read ^= self.nodes[split.local(target) as usize].touch();
        }
        for (target, sent) in targets.zip(&mut ports) {
            let events = &model.nodes[target.row()].ports.events;
            // Ways of neighbors share a line of the cache.
            for (link, kept) in events.iter().step_by(4).zip(sent) {
                *kept = *link;
            }
        }
        for link in ports.iter().flatten() {
            read ^= model.ways.touch(*link);
        }
        std::hint::black_box(read);
    }

    /// Handles events one after the other, all before `until`, until at least `rows` rows are written
    /// and the present instant is complete. Returns the instant before which all is done.
    pub fn run(&mut self, setting: Setting, until: SimTime, rows: usize) -> SimTime {
        let mut instant = SimTime::ZERO;
        loop {
            if self.border.handled & 1023 == 0 && self.border.rows.len() >= rows {
                let complete = instant.saturating_add(crate::scene::time::SimSpan::from_nanos(1)).min(until);
                while let Some(event) = self.border.agenda.pop(complete) {
                    self.execute(setting, &event);
                }
                self.flush_samples(complete);
                return complete;
            }
            let Some(event) = self.border.agenda.pop(until) else { break };
            instant = event.time;
            self.execute(setting, &event);
        }
        self.flush_samples(until);
        until
    }

    #[inline]
    fn execute(&mut self, setting: Setting, event: &SimEvent) {
        if event.time >= self.border.boundary {
            self.close_cell(event.time);
        }
        self.border.handled += 1;
        let local = setting.split.local(event.target);
        let Node { common, parameters, state } = &mut self.nodes[local as usize];
        let Setting { model, split, commands } = setting;
        let mut effects = Effects { model, now: event.time, common, split, border: &mut self.border, local };
        if event.class == Class::Command {
            let command = &commands[event.token as usize];
            return obey(parameters, state, &command.action, &mut effects);
        }
        node::handle(parameters, state, event, &mut effects);
    }

    /// Tells every node that the run begins.
    pub fn begin(&mut self, setting: Setting) {
        let Setting { model, split, .. } = setting;
        for (local, node) in (0u32..).zip(&mut self.nodes) {
            let Node { common, parameters, state } = node;
            let mut effects = Effects { model, now: SimTime::ZERO, common, split, border: &mut self.border, local };
            node::occasion(parameters, state, Occasion::Begin, &mut effects);
        }
    }

    /// Writes the samples of the cell that ended, if `until` is past its end.
    pub(in crate::sim) fn flush_samples(&mut self, until: SimTime) {
        if until > self.border.boundary {
            self.close_cell(until);
        }
    }

    /// Writes the samples of the open cell and opens that of `now`.
    fn close_cell(&mut self, now: SimTime) {
        let end = self.border.boundary;
        for local in std::mem::take(&mut self.border.dirty) {
            let sample = self.nodes[local as usize].common.flush_sample(end);
            self.border.rows.samples.extend(sample);
        }
        let cells = now.nanos() / SAMPLE_GRID.nanos();
        self.border.boundary = SimTime::from_nanos((cells + 1).saturating_mul(SAMPLE_GRID.nanos()));
    }
}

/// Carries out a command on the node that it reached.
fn obey(parameters: &mut Parameters, state: &mut node::State, action: &CommandAction, effects: &mut Effects) {
    let mut writes = true;
    match action {
        CommandAction::Stop(_) => {
            if effects.common.power == crate::sim::effects::Power::On {
                node::occasion(parameters, state, Occasion::Stopped, effects);
            }
        }
        CommandAction::Start(_) => {
            if effects.common.power == crate::sim::effects::Power::Stopped {
                node::occasion(parameters, state, Occasion::Started, effects);
            }
        }
        CommandAction::Slow(_, factor) => {
            effects.common.slow = if factor.is_finite() { factor.max(0.0) } else { 1.0 };
            show_condition(Condition::SLOW, *factor > 1.0, effects);
        }
        CommandAction::ErrorRate(_, rate) => {
            effects.common.failing = if rate.is_finite() { rate.clamp(0.0, 1.0) } else { 0.0 };
            show_condition(Condition::FAILING, *rate > 0.0, effects);
        }
        CommandAction::Cut(id) | CommandAction::Restore(id) => {
            writes = switch_link(id, matches!(action, CommandAction::Cut(_)), effects);
        }
        CommandAction::Parameters(_, kind) => {
            let first = effects.model.nodes[effects.node().row()].templates.first;
            let told = Parameters::new(kind, Templates { first });
            if told.same_kind(parameters) {
                *parameters = told;
                node::occasion(parameters, state, Occasion::Reconfigured, effects);
            }
        }
        CommandAction::Send(_, count) => node::occasion(parameters, state, Occasion::Send(*count), effects),
    }
    if writes && effects.border.recorded == Recorded::Yes {
        let key = effects.row_key();
        let text = ron::to_string(action).unwrap_or_default();
        effects.border.rows.commands.push(CommandRow { key, text });
    }
}

fn show_condition(bit: u8, on: bool, effects: &mut Effects) {
    if on { effects.set_condition(bit) } else { effects.clear_condition(bit) }
}

/// Cuts or restores the direction in which the reached node sends. True at the link's source.
fn switch_link(id: &crate::scene::slug::LinkId, cut: bool, effects: &mut Effects) -> bool {
    let Some(link) = effects.model.link_index(id) else { return false };
    let at_source = effects.model.links[link.row()].source == effects.node();
    let direction = if at_source { Direction::Forward } else { Direction::Backward };
    if cut {
        effects.border.cut.insert((link.0, direction));
    } else {
        effects.border.cut.remove(&(link.0, direction));
    }
    at_source
}
