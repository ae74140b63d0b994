//! Effects: all that a node can do while it handles an event.
//!
//! Invariant: a behaviour changes its own state and calls these functions, nothing else, so that
//! what it does depends on its event alone.
//! Invariant: custody balances: produced + copied = ended + held + in flight (see `Balance`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flow::states::Document;

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::border::{Border, pack};
use crate::sim::draw::{Draw, Purpose, Sampler};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::{LinkIndex, MessageId, NodeIndex};
use crate::sim::model::{Model, Ports, Visibility};
use crate::sim::payload::Payload;
use crate::sim::row::{
    Condition, Direction, EndRow, Fate, HopKind, HopRow, LogRow, MeasureRow, Metric, Outcome, ReceiptRow, RowKey,
    SampleRow, WireFate,
};
use crate::sim::split::Split;

/// A message in somebody's hands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Which message.
    pub message: MessageId,
    /// What it says.
    pub payload: Payload,
    /// When its flow began.
    pub born: SimTime,
    /// Where its flow began.
    pub origin: NodeIndex,
    /// Hops that it made, wrapping: part of the key of its draws.
    pub hop: u16,
}

/// A message in a batch, with the lease under which it was handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BatchItem {
    /// The message.
    pub envelope: Envelope,
    /// The lease: the queue's number for this hand-out.
    pub lease: u64,
    /// How often it was handed out, this time included.
    pub receives: u32,
}

/// Counts that must balance: produced + copied = ended + held + in flight.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Balance {
    /// Messages that left here with their custody.
    pub launched: u64,
    /// Messages that arrived here with their custody.
    pub landed: u64,
    /// Messages that began here.
    pub produced: u64,
    /// Copies made here.
    pub copied: u64,
    /// Messages that ended here, by fate.
    pub ended: [u64; 7],
}

/// What every node has, whatever its kind.
///
/// The order of the fields is that of the memory: what every event reads lies in one line of the cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[repr(C)]
pub struct Common {
    /// Key of its draws.
    pub key: u64,
    /// Its row in the model.
    pub index: NodeIndex,
    sequence: u32,
    row: u32,
    /// Grows with every stop, so that answers to what was asked before it are known; never zero.
    pub epoch: u32,
    /// Whether it works.
    pub power: Power,
    created: u64,
    /// Counts for conservation.
    pub balance: Balance,
    sample: Sample,
    /// Its work takes this many times as long.
    pub slow: f64,
    /// This share of its work fails besides what its parameters say.
    pub failing: f64,
}

/// Whether a node works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Power {
    /// It works.
    On,
    /// A fault or a person stopped it.
    Stopped,
}

#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sample {
    depth: u32,
    depth_min: u32,
    depth_max: u32,
    in_flight: u32,
    busy: u32,
    busy_max: u32,
    condition: u8,
    dirty: Dirty,
}

#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Dirty {
    #[default]
    No,
    Yes,
}

impl Common {
    /// A node that has done nothing yet.
    pub fn new(index: NodeIndex, key: u64) -> Common {
        Common {
            index,
            key,
            balance: Balance::default(),
            power: Power::On,
            slow: 1.0,
            failing: 0.0,
            epoch: 1,
            sequence: 0,
            row: 0,
            created: 0,
            sample: Sample::default(),
        }
    }

    fn row_key(&mut self, time: SimTime) -> RowKey {
        let number = self.row;
        self.row = number.wrapping_add(1);
        RowKey { time, node: self.index.0, number }
    }

    /// Reads what every event reads, for nothing but to have it near.
    #[inline]
    pub(in crate::sim) fn touch(&self) -> u32 {
        self.sequence ^ self.sample.depth
    }

    /// Whether something changed since the last sample.
    pub(in crate::sim) fn is_sample_open(&self) -> bool {
        self.sample.dirty == Dirty::Yes
    }

    /// The sample row of the cell that ends at `end`, if anything changed in it.
    pub(in crate::sim) fn flush_sample(&mut self, end: SimTime) -> Option<SampleRow> {
        if self.sample.dirty == Dirty::No {
            return None;
        }
        let key = self.row_key(end);
        let Sample { depth, depth_min, depth_max, in_flight, busy, busy_max, condition, .. } = self.sample;
        self.sample = Sample {
            depth_min: depth,
            depth_max: depth,
            busy_max: busy,
            condition: condition & !Condition::THROTTLING,
            dirty: Dirty::No,
            ..self.sample
        };
        Some(SampleRow { key, depth, depth_min, depth_max, in_flight, busy, busy_max, condition })
    }
}

/// Whether rows are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Recorded {
    /// Every table.
    Yes,
    /// Nothing at all.
    No,
}

/// What a hop carries, as its sender says it.
#[derive(Clone, Copy, Debug)]
pub struct Parcel {
    /// What it is.
    pub kind: HopKind,
    /// The message, or [`Envelope::control`].
    pub envelope: Envelope,
    /// Whether its custody goes along.
    pub custody: Custody,
    /// The requester's token; zero: no answer is wanted.
    pub token: u32,
    /// Messages asked for or carried.
    pub count: u16,
}

impl Envelope {
    /// The envelope of a hop that carries no message.
    pub fn control(node: NodeIndex, now: SimTime) -> Envelope {
        Envelope { message: MessageId::NONE, payload: Payload::default(), born: now, origin: node, hop: 0 }
    }
}

impl SimEvent {
    /// The message that arrived.
    #[inline]
    pub fn envelope(&self) -> Envelope {
        Envelope {
            message: self.message,
            payload: self.payload,
            born: self.born,
            origin: self.origin,
            hop: self.hop.wrapping_add(1),
        }
    }
}

/// What a node can do, while it handles one event.
pub struct Effects<'a> {
    /// The model that runs.
    pub model: &'a Model,
    /// The present.
    pub now: SimTime,
    /// What every node has.
    pub common: &'a mut Common,
    pub(in crate::sim) split: &'a Split,
    pub(in crate::sim) border: &'a mut Border,
    /// The node's row inside its partition.
    pub(in crate::sim) local: u32,
}

impl<'a> Effects<'a> {
    /// The node that handles the event.
    pub fn node(&self) -> NodeIndex {
        self.common.index
    }

    /// The node's links.
    pub fn ports(&self) -> &'a Ports {
        &self.model.nodes[self.common.index.row()].ports
    }

    /// The key of the next row of this node.
    pub(in crate::sim) fn row_key(&mut self) -> RowKey {
        self.common.row_key(self.now)
    }

    /// A draw for a message.
    #[inline]
    pub fn draw(&self, purpose: Purpose, message: MessageId, hop: u16, salt: u32) -> Draw {
        Draw::new(self.common.key, purpose, message.0, hop, salt)
    }

    /// How long this node's work on a message takes, as slow as the node is.
    pub fn work_span(&self, sampler: &Sampler, purpose: Purpose, envelope: &Envelope) -> SimSpan {
        self.slowed(sampler.sample(&mut self.draw(purpose, envelope.message, envelope.hop, 0)))
    }

    /// A span of work, stretched as slow as the node is.
    pub fn slowed(&self, span: SimSpan) -> SimSpan {
        if self.common.slow == 1.0 {
            return span;
        }
        SimSpan::from_nanos((span.nanos() as f64 * self.common.slow) as u64)
    }

    /// Whether this node's work on a message fails, by `rate` or by a fault.
    pub fn work_fails(&self, rate: f64, envelope: &Envelope) -> bool {
        let rate = 1.0 - (1.0 - rate) * (1.0 - self.common.failing);
        rate > 0.0 && self.draw(Purpose::Failure, envelope.message, envelope.hop, 0).happens(rate)
    }

    /// A number that this node has not given before; never zero.
    pub fn fresh_token(&mut self) -> u32 {
        self.common.created += 1;
        (self.common.created as u32).max(1)
    }

    fn fresh_message(&mut self) -> MessageId {
        let counter = self.common.created;
        self.common.created += 1;
        MessageId::new(self.common.index, counter)
    }

    /// Creates a message: its flow begins here and now.
    pub fn produce(&mut self, payload: Payload) -> Envelope {
        self.common.balance.produced += 1;
        Envelope { message: self.fresh_message(), payload, born: self.now, origin: self.common.index, hop: 0 }
    }

    /// The id that the next produced or copied message will have; draws for it may be keyed by it.
    pub fn next_message(&self) -> MessageId {
        MessageId::new(self.common.index, self.common.created)
    }

    /// Makes a message from another, in the same flow.
    pub fn copy(&mut self, of: &Envelope, payload: Payload) -> Envelope {
        self.common.balance.copied += 1;
        Envelope { message: self.fresh_message(), payload, hop: 0, ..*of }
    }

    /// Ends a message.
    pub fn end(&mut self, envelope: &Envelope, fate: Fate) {
        self.common.balance.ended[fate as usize] += 1;
        if self.border.recorded == Recorded::No {
            return;
        }
        let key = self.common.row_key(self.now);
        self.border.rows.ends.push(EndRow { key, message: envelope.message, fate });
        if fate == Fate::Delivered {
            self.measure_flow(envelope);
        }
    }

    fn measure_flow(&mut self, envelope: &Envelope) {
        let key = self.common.row_key(self.now);
        let value = self.now.since(envelope.born);
        self.border.rows.measures.push(MeasureRow { key, metric: Metric::EndToEnd, origin: envelope.origin, value });
    }

    /// Adds a value to a histogram of this node.
    pub fn measure(&mut self, metric: Metric, value: SimSpan) {
        if self.border.recorded == Recorded::Yes {
            let key = self.common.row_key(self.now);
            self.border.rows.measures.push(MeasureRow { key, metric, origin: self.common.index, value });
        }
    }

    /// Writes a line to the log.
    pub fn log(&mut self, text: &str) {
        if self.border.recorded == Recorded::Yes {
            let key = self.common.row_key(self.now);
            self.border.rows.logs.push(LogRow { key, text: text.to_owned() });
        }
    }

    /// Says what became of a hop that arrived.
    #[inline]
    pub fn receipt(&mut self, event: &SimEvent, outcome: Outcome) {
        if outcome == Outcome::Throttled {
            self.set_condition(Condition::THROTTLING);
        }
        if self.border.recorded == Recorded::No || self.is_hidden(event.link()) {
            return;
        }
        let key = self.common.row_key(self.now);
        self.border.rows.receipts.push(ReceiptRow {
            key,
            message: event.message,
            link: event.link(),
            sequence: event.sequence,
            direction: event.direction,
            outcome,
        });
    }

    #[inline]
    fn is_hidden(&self, link: LinkIndex) -> bool {
        self.model.ways.way(link).visibility() == Visibility::Hidden
    }

    /// Sends over a link of this node.
    #[inline]
    pub fn send(&mut self, link: LinkIndex, direction: Direction, parcel: Parcel) {
        self.send_after(link, direction, parcel, SimSpan::ZERO);
    }

    /// Sends over a link after this node's own `overhead`, which is added to the way.
    #[inline]
    pub fn send_after(&mut self, link: LinkIndex, direction: Direction, parcel: Parcel, overhead: SimSpan) {
        if !self.border.cut.is_empty() && self.border.cut.contains(&(link.0, direction)) {
            return self.refuse_departure(link, direction, &parcel);
        }
        let way = self.model.ways.way(link);
        let wire = self.model.ways.wire(way);
        let Envelope { message, hop, .. } = parcel.envelope;
        // Control hops carry no message: the sender's counter keys their luck instead.
        let keyed = if message == MessageId::NONE { MessageId(u64::from(self.common.sequence)) } else { message };
        let mut draw = self.draw(Purpose::Latency, keyed, hop, way.salt(direction));
        let latency = wire.latency.sample(&mut draw).max(wire.floor);
        let arrive = self.now + overhead.saturating_add(latency);
        let fate = match wire.loss > 0.0 && draw.happens(wire.loss) {
            true => WireFate::Lost,
            false => WireFate::Carried,
        };
        let event = self.arrival(link, way.end(direction), direction, &parcel, arrive);
        if self.border.recorded == Recorded::Yes && way.visibility() == Visibility::Scene {
            let key = self.common.row_key(self.now);
            self.border.rows.hops.push(hop_row(key, &event, fate));
        }
        match fate {
            WireFate::Carried => {
                self.common.balance.launched += parcel.custody as u64;
                self.post(event);
            }
            WireFate::Lost if parcel.custody == Custody::Moves => self.end(&parcel.envelope, Fate::Lost),
            WireFate::Lost => {}
        }
    }

    #[inline]
    fn arrival(
        &mut self,
        link: LinkIndex,
        target: NodeIndex,
        direction: Direction,
        parcel: &Parcel,
        time: SimTime,
    ) -> SimEvent {
        let Parcel { kind, envelope, custody, token, count } = *parcel;
        let Envelope { message, payload, born, origin, hop } = envelope;
        let sequence = self.next_sequence();
        SimEvent {
            time,
            target,
            source: self.common.index,
            sequence,
            via: link.0,
            class: Class::Arrival,
            kind,
            direction,
            custody,
            hop,
            count,
            token,
            origin,
            message,
            payload,
            born,
        }
    }

    fn next_sequence(&mut self) -> u32 {
        let sequence = self.common.sequence;
        self.common.sequence = sequence.wrapping_add(1);
        sequence
    }

    /// A cut link lets nothing depart: who wants an answer gets an error, after the link's floor.
    fn refuse_departure(&mut self, link: LinkIndex, direction: Direction, parcel: &Parcel) {
        let wants_answer = parcel.token != 0 && direction == Direction::Forward || parcel.kind == HopKind::Poll;
        if !wants_answer {
            if parcel.custody == Custody::Moves {
                self.end(&parcel.envelope, Fate::Lost);
            }
            return;
        }
        let back = match direction {
            Direction::Forward => Direction::Backward,
            Direction::Backward => Direction::Forward,
        };
        let floor = self.model.links[link.row()].floor.max(SimSpan::from_micros(100));
        let answer = Parcel { kind: HopKind::Error, ..*parcel };
        let event = self.arrival(link, self.common.index, back, &answer, self.now + floor);
        self.common.balance.launched += parcel.custody as u64;
        self.post(event);
    }

    /// Answers a hop that wanted an answer; does nothing for one that did not.
    pub fn reply(&mut self, event: &SimEvent, kind: HopKind, envelope: Envelope, custody: Custody) {
        self.reply_after(event, kind, envelope, custody, SimSpan::ZERO);
    }

    /// Answers after this node's own `overhead`.
    pub fn reply_after(
        &mut self,
        to: &SimEvent,
        kind: HopKind,
        envelope: Envelope,
        custody: Custody,
        overhead: SimSpan,
    ) {
        if to.token == 0 {
            return;
        }
        let back = match to.direction {
            Direction::Forward => Direction::Backward,
            Direction::Backward => Direction::Forward,
        };
        self.send_after(to.link(), back, Parcel { kind, envelope, custody, token: to.token, count: 0 }, overhead);
    }

    /// Turns an arrival away: who waits is told and gets the message back; otherwise it ends.
    pub fn refuse(&mut self, event: &SimEvent, outcome: Outcome) {
        self.receipt(event, outcome);
        let (kind, fate) = match outcome {
            Outcome::Throttled => (HopKind::Throttled, Fate::Throttled),
            _ => (HopKind::Error, Fate::Failed),
        };
        let envelope = event.envelope();
        let returns = event.custody == Custody::Moves && event.token != 0 && event.kind != HopKind::Request;
        if returns {
            return self.reply(event, kind, envelope, Custody::Moves);
        }
        if event.custody == Custody::Moves {
            self.end(&envelope, fate);
        }
        self.reply(event, kind, envelope, Custody::Stays);
    }

    /// Gives a message up: to the node's dead letters, or it fails here where there are none.
    pub fn give_up(&mut self, envelope: &Envelope) {
        match self.ports().dead_letters {
            Some(link) => {
                let (kind, custody) = (HopKind::DeadLetter, Custody::Moves);
                self.send(link, Direction::Forward, Parcel { kind, envelope: *envelope, custody, token: 0, count: 1 });
            }
            None => self.end(envelope, Fate::Failed),
        }
    }

    /// Sets a timer of this node. A generation that no longer fits is ignored by its handler.
    pub fn timer(&mut self, slot: u32, at: SimTime, generation: u32, message: MessageId) {
        let sequence = self.next_sequence();
        let envelope = Envelope::control(self.common.index, self.now);
        self.post(SimEvent {
            time: at.max(self.now),
            target: self.common.index,
            source: self.common.index,
            sequence,
            via: slot,
            class: Class::Timer,
            kind: HopKind::Event,
            direction: Direction::Forward,
            custody: Custody::Stays,
            hop: 0,
            count: 0,
            token: generation,
            origin: envelope.origin,
            message,
            payload: envelope.payload,
            born: envelope.born,
        });
    }

    /// Sends a batch of messages, or of leases, over a link.
    pub fn send_batch(
        &mut self,
        link: LinkIndex,
        direction: Direction,
        kind: HopKind,
        token: u32,
        items: Vec<BatchItem>,
    ) {
        let mut envelope = Envelope::control(self.common.index, self.now);
        let handle = self.border.batches_made << 32 | u64::from(self.border.partition);
        self.border.batches_made += 1;
        envelope.message = MessageId(handle);
        let count = u16::try_from(items.len()).unwrap_or(u16::MAX);
        // The handle must not key luck: it names a partition. The sender's counter does.
        envelope.hop = 0;
        self.border.batches.insert(handle, items);
        self.send_keyed_by_sequence(link, direction, Parcel { kind, envelope, custody: Custody::Stays, token, count });
    }

    fn send_keyed_by_sequence(&mut self, link: LinkIndex, direction: Direction, parcel: Parcel) {
        let handle = parcel.envelope.message;
        if self.border.cut.contains(&(link.0, direction)) {
            self.border.batches.remove(&handle.0);
            return;
        }
        let way = self.model.ways.way(link);
        let wire = self.model.ways.wire(way);
        let keyed = MessageId(u64::from(self.common.sequence));
        let mut draw = self.draw(Purpose::Latency, keyed, 1, way.salt(direction));
        let arrive = self.now + wire.latency.sample(&mut draw).max(wire.floor);
        let lost = wire.loss > 0.0 && draw.happens(wire.loss);
        let event = self.arrival(link, way.end(direction), direction, &parcel, arrive);
        if self.border.recorded == Recorded::Yes && way.visibility() == Visibility::Scene {
            let key = self.common.row_key(self.now);
            // A batch of one shows its message; a larger one shows its first.
            let first = self.border.batches.get(&handle.0).and_then(|items| items.first());
            let message = first.map_or(MessageId::NONE, |item| item.envelope.message);
            let fate = if lost { WireFate::Lost } else { WireFate::Carried };
            self.border.rows.hops.push(hop_row(key, &SimEvent { message, ..event }, fate));
        }
        if lost {
            self.border.batches.remove(&handle.0);
            return;
        }
        self.post(event);
    }

    /// Takes the items of a batch that arrived.
    pub fn take_batch(&mut self, event: &SimEvent) -> Vec<BatchItem> {
        self.border.batches.remove(&event.message.0).unwrap_or_default()
    }

    #[inline]
    fn post(&mut self, event: SimEvent) {
        let partition = self.split.partition(event.target);
        if partition == self.border.partition {
            self.border.agenda.push(event);
            return;
        }
        self.post_abroad(event, partition);
    }

    #[inline]
    fn post_abroad(&mut self, event: SimEvent, partition: u32) {
        let first = self.border.mail_first.map_or(event.time, |first| first.min(event.time));
        self.border.mail_first = Some(first);
        let mail = &mut self.border.outbox[partition as usize];
        pack(event, mail, &mut self.border.batches, &self.border.texts);
    }

    /// How full this node is: waiting, handed out, at work.
    #[inline]
    pub fn sample(&mut self, depth: usize, in_flight: usize, busy: usize) {
        if self.border.recorded == Recorded::No {
            return;
        }
        let clip = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let (depth, in_flight, busy) = (clip(depth), clip(in_flight), clip(busy));
        let sample = &mut self.common.sample;
        if (sample.depth, sample.in_flight, sample.busy) == (depth, in_flight, busy) {
            return;
        }
        sample.depth_min = sample.depth_min.min(depth);
        sample.depth_max = sample.depth_max.max(depth);
        sample.busy_max = sample.busy_max.max(busy);
        (sample.depth, sample.in_flight, sample.busy) = (depth, in_flight, busy);
        self.mark_dirty();
    }

    /// Sets a bit of the node's condition.
    pub fn set_condition(&mut self, bit: u8) {
        if self.common.sample.condition & bit == 0 {
            self.common.sample.condition |= bit;
            self.mark_dirty();
        }
    }

    /// Clears a bit of the node's condition.
    pub fn clear_condition(&mut self, bit: u8) {
        if self.common.sample.condition & bit != 0 {
            self.common.sample.condition &= !bit;
            self.mark_dirty();
        }
    }

    fn mark_dirty(&mut self) {
        if self.common.sample.dirty == Dirty::No && self.border.recorded == Recorded::Yes {
            self.common.sample.dirty = Dirty::Yes;
            self.border.dirty.push(self.local);
        }
    }

    /// What a payload says.
    pub fn read(&mut self, payload: Payload) -> Document {
        if let Some(document) = self.border.documents.get(payload) {
            return document.clone();
        }
        let value = match payload.template() {
            Some((template, variant)) => {
                self.model.templates.get(template as usize).map_or(Value::Null, |template| template.render(variant))
            }
            None => {
                let Some(text) = self.border.texts.get(payload) else { return Document::from(Value::Null) };
                serde_json::from_str(text).unwrap_or(Value::Null)
            }
        };
        let document = Document::from(value);
        self.border.documents.insert(payload, document.clone());
        document
    }

    /// A payload that says what `document` says.
    pub fn write(&mut self, document: &Document) -> Payload {
        let payload = Payload::of_text(document.text());
        if self.border.documents.get(payload).is_none() {
            self.border.texts.intern(document.text());
            self.border.documents.insert(payload, document.clone());
        }
        payload
    }

    /// The rows of [`Ports::routes`] that match a payload, in their order. Cached by payload.
    pub fn matches(&mut self, payload: Payload) -> MatchedRoutes {
        let node = self.common.index;
        if let Some(set) = self.border.cache.get(node, payload) {
            return MatchedRoutes(set);
        }
        let value = self.read(payload);
        let routes = &self.ports().routes;
        let rows =
            (0u32..).zip(routes).filter(|(_, route)| route.pattern.matches(&value)).map(|(row, _)| row).collect();
        MatchedRoutes(self.border.cache.insert(node, payload, rows))
    }

    /// The `at`-th matching route of a set.
    pub fn matched(&self, set: MatchedRoutes, at: usize) -> Option<usize> {
        self.border.cache.row(self.common.index, set.0, at).map(|row| row as usize)
    }
}

/// A set of matching routes, good while the event is handled.
#[derive(Clone, Copy, Debug)]
pub struct MatchedRoutes(u32);

fn hop_row(key: RowKey, event: &SimEvent, wire: WireFate) -> HopRow {
    let count = match event.kind {
        HopKind::Batch => event.count,
        HopKind::Poll | HopKind::Acknowledgement => 0,
        _ => 1,
    };
    HopRow {
        key,
        arrive: event.time,
        message: event.message,
        link: event.link(),
        sequence: event.sequence,
        attempt: event.hop,
        count,
        direction: event.direction,
        kind: event.kind,
        wire,
    }
}
