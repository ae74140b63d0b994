//! Values that states hand on to each other without copying them.
//!
//! Invariant: a document never changes; what changes a value makes a new document.
//! Invariant: stored and read again it is the same, though it may be shared less.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON value with its compact text, shared by all states, threads and steps that it passes through.
///
/// ```
/// use eventscape::flow::states::Document;
/// let document = Document::from(serde_json::json!({"total": 3}));
/// assert_eq!(document["total"], 3);
/// assert_eq!(document.text(), r#"{"total":3}"#);
/// ```
#[derive(Clone, Debug)]
pub struct Document(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    value: Value,
    /// Made when it is first asked for: many documents only pass through.
    text: OnceLock<String>,
}

impl Document {
    /// The compact text: what its size is counted by (ERR-4), and what it is written as.
    pub fn text(&self) -> &str {
        self.0.text.get_or_init(|| self.0.value.to_string())
    }

    /// The value itself, without a copy where nobody else holds it.
    pub fn into_value(self) -> Value {
        Arc::try_unwrap(self.0).map_or_else(|kept| kept.value.clone(), |kept| kept.value)
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Document {
        Document(Arc::new(Kept { value, text: OnceLock::new() }))
    }
}

impl Deref for Document {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.0.value
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Document) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Document, D::Error> {
        Value::deserialize(deserializer).map(Document::from)
    }
}
