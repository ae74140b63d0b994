//! What messages say, as handles of eight bytes.
//!
//! Invariant: a handle means the same in every partition: a template's payload is its template and
//! variant, a text's is a hash of the text. Duplicates share it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::flow::states::Document;

/// A payload's handle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Payload(u64);

/// The mark of texts: templates number fewer than 2^31.
const TEXT: u64 = 1 << 63;

impl Payload {
    /// The `variant`-th payload of a template.
    pub const fn of_template(template: u32, variant: u32) -> Payload {
        Payload(((template as u64) << 32 | variant as u64) & !TEXT)
    }

    /// The payload that says `text`.
    pub fn of_text(text: &str) -> Payload {
        Payload(xxhash_rust::xxh3::xxh3_64(text.as_bytes()) | TEXT)
    }

    /// Template and variant, where it has them.
    pub const fn template(self) -> Option<(u32, u32)> {
        if self.0 & TEXT != 0 {
            return None;
        }
        Some(((self.0 >> 32) as u32, self.0 as u32))
    }

    /// Whether its content is a text that must travel beside it.
    pub const fn is_text(self) -> bool {
        self.0 & TEXT != 0
    }
}

/// Values that were read last, so that a payload that is read again, or was just written, is not parsed.
///
/// Invariant: derived and droppable: a lost one costs time, never a result.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    by_payload: BTreeMap<Payload, Document>,
}

/// Values kept at one time; with so many different ones, remembering wins little.
const DOCUMENTS_MAX: usize = 4_096;

impl Documents {
    /// What a payload says, where it is known.
    pub fn get(&self, payload: Payload) -> Option<&Document> {
        self.by_payload.get(&payload)
    }

    /// Keeps what a payload says.
    pub fn insert(&mut self, payload: Payload, document: Document) {
        if self.by_payload.len() >= DOCUMENTS_MAX {
            self.by_payload.clear();
        }
        self.by_payload.insert(payload, document);
    }
}

/// The texts that a partition has met. Grows with different texts, not with messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Texts {
    by_payload: BTreeMap<Payload, String>,
}

impl Texts {
    /// Keeps `text` and returns its handle.
    pub fn intern(&mut self, text: &str) -> Payload {
        let payload = Payload::of_text(text);
        self.by_payload.entry(payload).or_insert_with(|| text.to_owned());
        payload
    }

    /// The text of a handle.
    pub fn get(&self, payload: Payload) -> Option<&str> {
        self.by_payload.get(&payload).map(String::as_str)
    }

    /// Takes over all texts of another partition.
    pub fn absorb(&mut self, other: &Texts) {
        for (payload, text) in &other.by_payload {
            self.by_payload.entry(*payload).or_insert_with(|| text.clone());
        }
    }
}
