//! Ids that people read and files keep: short slugs, unique in their scene.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no id; use 1 to 64 letters, digits, `-`, `_`, `.` or `/`")]
pub struct SlugError {
    /// The offending text.
    pub found: String,
}

fn check(text: &str) -> Result<(), SlugError> {
    let fits = !text.is_empty() && text.chars().count() <= 64;
    if fits && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')) {
        return Ok(());
    }
    Err(SlugError { found: text.chars().take(80).collect() })
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and keeps `text`.
            pub fn new(text: &str) -> Result<$name, SlugError> {
                check(text)?;
                Ok($name(Arc::from(text)))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = SlugError;
            fn try_from(text: String) -> Result<$name, SlugError> {
                $name::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug!(
    /// The id of a node.
    NodeId
);
slug!(
    /// The id of a link.
    LinkId
);
slug!(
    /// The id of a region.
    RegionId
);
