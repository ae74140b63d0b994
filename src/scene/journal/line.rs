//! One line of a journal: a checksum, a space, and an entry in RON without line breaks.
//!
//! Invariant: a line that was cut or changed is not read.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::scene::edit::Edit;
use crate::scene::text::options;

/// The version of the journal's format.
pub(super) const VERSION: u32 = 1;

/// Hexadecimal digits of the checksum.
const SUM_DIGITS: usize = 16;

/// What a journal begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Format version.
    pub(super) version: u32,
    /// The scene's own file.
    pub(super) file: Option<String>,
    /// The scene before the first edit, as the text of a scene's file.
    pub(super) base: String,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// The first line.
    Begin(Header),
    /// Every other line.
    Edit(Box<Edit>),
}

/// The line of an entry, with its line break.
pub(super) fn write(entry: &Entry) -> Result<String, ron::Error> {
    let text = options().to_string(entry)?;
    Ok(format!("{:016x} {text}\n", xxh3_64(text.as_bytes())))
}

/// The entry of a line and the line's length, unless the line is torn or damaged.
pub(super) fn read(line: &[u8]) -> Option<(Entry, usize)> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, text) = (text.get(..SUM_DIGITS)?, text.get(SUM_DIGITS..)?.strip_prefix(' ')?);
    if u64::from_str_radix(sum, 16).ok()? != xxh3_64(text.as_bytes()) {
        return None;
    }
    let entry = options().from_str(text).ok()?;
    Some((entry, line.len()))
}
