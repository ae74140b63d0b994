//! Border: what the nodes of a partition share, what goes out to other partitions and what comes in.
//!
//! Invariant: batches and texts live with their custodian's partition and move by value in the mail.
//! Invariant: outbox and rows are scratch that others take away; everything else is state.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::agenda::Agenda;
use crate::sim::effects::{BatchItem, Recorded};
use crate::sim::event::{Class, SimEvent};
use crate::sim::id::MessageId;
use crate::sim::matching::MatchCache;
use crate::sim::payload::{Documents, Texts};
use crate::sim::row::{Direction, HopKind, Rows, SAMPLE_GRID};

/// A partition's border: what its nodes share, what goes out and what is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Border {
    /// Which partition this is.
    pub partition: u32,
    /// Its event queue.
    pub agenda: Agenda,
    /// Mail for the other partitions, one bag each.
    #[serde(skip)]
    pub outbox: Vec<Mail>,
    /// Rows written since they were last taken.
    #[serde(skip)]
    pub rows: Rows,
    /// Whether rows are written.
    pub recorded: Recorded,
    /// Texts that its payloads say.
    pub texts: Texts,
    /// Batches on their way to nodes of this partition.
    pub batches: BTreeMap<u64, Vec<BatchItem>>,
    pub(in crate::sim) batches_made: u64,
    /// Links that take no departures, with the direction.
    pub cut: BTreeSet<(u32, Direction)>,
    /// Nodes with an open sample, as local rows.
    pub(in crate::sim) dirty: Vec<u32>,
    /// The end of the sample cell in which the partition stands.
    pub(in crate::sim) boundary: SimTime,
    #[serde(skip)]
    pub(in crate::sim) cache: MatchCache,
    #[serde(skip)]
    pub(in crate::sim) documents: Documents,
    /// Events handled.
    pub handled: u64,
    /// Events taken over from other partitions.
    pub taken_over: u64,
    /// The earliest arrival among the mail in `outbox`.
    #[serde(skip)]
    pub(in crate::sim) mail_first: Option<SimTime>,
}

/// Events for another partition, and what they refer to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Mail {
    /// The events.
    pub events: Vec<SimEvent>,
    /// Contents of the batches among them: row in `events`, items.
    pub batches: Vec<(u32, Vec<BatchItem>)>,
    /// Texts that their payloads say.
    pub texts: Vec<String>,
}

/// Puts an event into a bag of mail with the batch and the texts that it refers to.
pub(in crate::sim) fn pack(
    event: SimEvent,
    mail: &mut Mail,
    batches: &mut BTreeMap<u64, Vec<BatchItem>>,
    texts: &Texts,
) {
    let row = mail.events.len() as u32;
    mail.events.push(event);
    let carries_batch =
        event.class == Class::Arrival && matches!(event.kind, HopKind::Batch | HopKind::Acknowledgement);
    if carries_batch && let Some(items) = batches.remove(&event.message.0) {
        let said = items.iter().filter_map(|item| texts.get(item.envelope.payload));
        mail.texts.extend(said.map(str::to_owned));
        mail.batches.push((row, items));
    }
    if event.payload.is_text()
        && let Some(text) = texts.get(event.payload)
    {
        mail.texts.push(text.to_owned());
    }
}

impl Border {
    /// A border without events.
    pub fn new(partition: u32, partitions: u32, width: SimSpan, recorded: Recorded) -> Border {
        Border {
            partition,
            agenda: Agenda::new(width),
            outbox: vec![Mail::default(); partitions as usize],
            rows: Rows::default(),
            recorded,
            texts: Texts::default(),
            batches: BTreeMap::new(),
            batches_made: 0,
            cut: BTreeSet::new(),
            dirty: Vec::new(),
            boundary: SimTime::ZERO + SAMPLE_GRID,
            cache: MatchCache::default(),
            documents: Documents::default(),
            handled: 0,
            taken_over: 0,
            mail_first: None,
        }
    }

    /// Takes in mail from another partition.
    pub fn unpack(&mut self, mail: &Mail) {
        for text in &mail.texts {
            self.texts.intern(text);
        }
        let mut batches = mail.batches.iter().peekable();
        for (row, event) in (0u32..).zip(&mail.events) {
            let mut event = *event;
            if let Some((_, items)) = batches.next_if(|(at, _)| *at == row) {
                let handle = self.batches_made << 32 | u64::from(self.partition);
                self.batches_made += 1;
                event.message = MessageId(handle);
                self.batches.insert(handle, items.clone());
            }
            self.agenda.push(event);
        }
    }
}
