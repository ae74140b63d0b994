//! Scenes of older versions become scenes of this one.
//!
//! Invariant: a step rewrites parts of the text and knows where each came from, so a problem in a migrated
//! scene still points into the file that the person wrote.

use std::ops::Range;

/// One part of the text and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The bytes that go.
    pub range: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

/// From one version to the next: the replacements, in the order of the text and without overlap.
pub type Step = fn(&str) -> Vec<Replacement>;

/// The steps from the first version on; step number `n` leads from version `n + 1` to `n + 2`.
/// Version 1 is the first, so there is none yet.
pub const STEPS: &[Step] = &[];

/// The oldest version that there ever was.
pub const FIRST_VERSION: u32 = 1;

/// A text in the newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The text.
    pub text: String,
    /// What each step replaced, the first step first.
    rounds: Vec<Vec<Replacement>>,
}

impl Migrated {
    /// The byte of the original text that a byte of the migrated one came from.
    pub fn original(&self, byte: usize) -> usize {
        self.rounds.iter().rev().fold(byte, |byte, round| before(byte, round))
    }
}

/// Leads a text of an older version through all further steps.
pub fn migrate(text: &str, version: u32, steps: &[Step]) -> Migrated {
    let mut migrated = Migrated { text: text.to_owned(), rounds: Vec::new() };
    let done = usize::try_from(version.saturating_sub(FIRST_VERSION)).unwrap_or(usize::MAX);
    for step in steps.iter().skip(done) {
        let round = step(&migrated.text);
        migrated.text = replace(&migrated.text, &round);
        migrated.rounds.push(round);
    }
    migrated
}

fn replace(text: &str, round: &[Replacement]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for Replacement { range, text: new } in round {
        result.push_str(text.get(copied..range.start).unwrap_or_default());
        result.push_str(new);
        copied = range.end;
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    result
}

/// Where a byte stood before a round of replacements; inside new text, where the old text began.
fn before(byte: usize, round: &[Replacement]) -> usize {
    let (mut old, mut new) = (0, 0);
    for Replacement { range, text } in round {
        let start = new + (range.start - old);
        if byte < start {
            break;
        }
        if byte < start + text.len() {
            return range.start;
        }
        (old, new) = (range.end, start + text.len());
    }
    old + (byte - new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rename(text: &str, from: &str, to: &str) -> Vec<Replacement> {
        let found = text.match_indices(from);
        found.map(|(at, _)| Replacement { range: at..at + from.len(), text: to.to_owned() }).collect()
    }

    fn hotels_become_places(text: &str) -> Vec<Replacement> {
        rename(text, "hotels", "places")
    }

    fn places_become_regions(text: &str) -> Vec<Replacement> {
        rename(text, "places", "regions")
    }

    const OLD: &str = "(version: 1, hotels: {}, nodes: {}, hotels: {}, links: {})";

    #[test]
    fn a_scene_passes_through_all_steps_from_its_version_on() {
        let steps: &[Step] = &[hotels_become_places, places_become_regions];
        let expected = OLD.replace("hotels", "regions");
        assert_eq!(migrate(OLD, 1, steps).text, expected);
        assert_eq!(migrate(&OLD.replace("hotels", "places"), 2, steps).text, expected);
        assert_eq!(migrate(OLD, 3, steps).text, OLD);
    }

    #[test]
    fn places_in_the_migrated_text_lead_back_to_the_original() {
        let migrated = migrate(OLD, 1, &[hotels_become_places, places_become_regions]);
        for word in ["version", "nodes", "links", "})"] {
            let (new, old) = (migrated.text.find(word), OLD.find(word));
            assert_eq!(new.map(|byte| migrated.original(byte)), old, "{word}");
        }
        let second = migrated.text.rfind("regions").map(|byte| migrated.original(byte));
        assert_eq!(second, OLD.rfind("hotels"));
    }
}
