//! Where the parts of a RON text stand.
//!
//! Invariant: every range lies inside the text and on character borders.
//! The parsing is RON's own: a raw value borrows its part of the text, so its address is its place.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use ron::value::RawValue;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::scene::problem::Step;
use crate::scene::text::options;

/// A field, map entry or element, with its place in the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// The field's name or the entry's key; empty for an element.
    pub(super) name: String,
    /// Where the name or key stands; for an element, its value.
    pub(super) key: Range<usize>,
    /// Where the value stands.
    pub(super) value: Range<usize>,
    /// All of it, with comments and the comma behind: what to blank so that the rest stays RON.
    pub(super) whole: Range<usize>,
    /// What it is part of.
    pub(super) parent: Parent,
}

/// What a member is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// `( name: value )`
    Struct,
    /// `{ key: value }`
    Map,
    /// `[ value ]`
    List,
    /// `( value, value )`
    Tuple,
}

/// The members of the value that stands at `range` of `text`; none for a text, number or name.
pub(super) fn members(text: &str, range: &Range<usize>) -> Vec<Member> {
    let Some(part) = text.get(range.clone()) else { return Vec::new() };
    let parent = match part.find(['(', '[', '{', '"', '\'']).and_then(|at| part.get(at..)?.chars().next()) {
        Some('{') => Parent::Map,
        Some('[') => Parent::List,
        Some('(') => Parent::Struct,
        _ => return Vec::new(),
    };
    let found = match parent {
        Parent::Map => options().from_str::<Entries>(part).map(|entries| entries.0).unwrap_or_default(),
        _ => options().from_str::<Fields>(part).map(|fields| fields.0).unwrap_or_default(),
    };
    found.into_iter().filter_map(|raw| member(text, parent, raw)).collect()
}

/// The fields of the scene itself, whatever comments and attributes stand before it.
pub(super) fn root(text: &str) -> Vec<Member> {
    let found = options().from_str::<Fields>(text).map(|fields| fields.0).unwrap_or_default();
    found.into_iter().filter_map(|raw| member(text, Parent::Struct, raw)).collect()
}

fn member(text: &str, parent: Parent, raw: RawMember<'_>) -> Option<Member> {
    let untrimmed = range_in(text, raw.value.get_ron())?;
    // RON has taken the spaces off; only comments are worth another pass.
    let has_comment = raw.value.get_ron().contains("//") || raw.value.get_ron().contains("/*");
    let value = if has_comment { range_in(text, raw.value.trim().get_ron())? } else { untrimmed.clone() };
    let (name, key) = match raw.key {
        Key::Name(name) => (name.to_owned(), range_in(text, name)?),
        Key::Value(key) => {
            let key = key.trim().get_ron();
            let name = options().from_str::<String>(key).unwrap_or_else(|_| key.to_owned());
            (name, range_in(text, key)?)
        }
        Key::None => (String::new(), value.clone()),
    };
    let start = key.start.min(untrimmed.start);
    let behind = text.get(untrimmed.end..)?;
    let spaces = behind.len() - behind.trim_start().len();
    let comma = if behind.trim_start().starts_with(',') { spaces + 1 } else { 0 };
    let parent = if name.is_empty() && parent == Parent::Struct { Parent::Tuple } else { parent };
    Some(Member { name, key, value, whole: start..untrimmed.end + comma, parent })
}

/// The place of a part that borrows from `text`.
fn range_in(text: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    text.get(start..end).map(|_| start..end)
}

/// The same text with spaces in place of a range; every other byte keeps its place.
pub(super) fn blank(text: &str, range: &Range<usize>) -> String {
    let (before, part, after) = (text.get(..range.start), text.get(range.clone()), text.get(range.end..));
    let (Some(before), Some(part), Some(after)) = (before, part, after) else { return text.to_owned() };
    let mut blanked = String::with_capacity(text.len());
    blanked.push_str(before);
    blanked.extend(part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
    blanked.push_str(after);
    blanked
}

/// Looks up places in a text, and parses no part of it twice.
pub(super) struct Places<'t> {
    text: &'t str,
    /// The members of every value that was looked into, by where it stands.
    known: BTreeMap<(usize, usize), Vec<Member>>,
}

impl<'t> Places<'t> {
    /// Knows nothing of the text yet.
    pub(super) fn new(text: &'t str) -> Places<'t> {
        Places { text, known: BTreeMap::new() }
    }

    /// Where a place inside `root` stands, or the nearest part around it that is written down.
    pub(super) fn find(&mut self, root: Range<usize>, place: &[Step]) -> Range<usize> {
        let mut here = root;
        for step in place {
            let parsed = || members(self.text, &here);
            let mut inside = self.known.entry((here.start, here.end)).or_insert_with(parsed).iter();
            let next = match step {
                Step::Field(name) => inside.find(|member| member.name == *name),
                Step::Key(key) => inside.find(|member| member.name == *key),
                Step::Item(index) => inside.nth(*index),
            };
            match next {
                Some(member) => here = member.value.clone(),
                None => break,
            }
        }
        here
    }
}

/// The beginnings of a text's lines.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Finds the lines of a text.
    pub(super) fn new(text: &'t str) -> Lines<'t> {
        let behind_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(behind_breaks).collect() }
    }

    /// Line and column, both counted from one, of a byte.
    pub(super) fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= byte).max(1);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or(0);
        let before = self.text.get(start..byte).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The byte at a line and column, both counted from one.
    pub(super) fn byte_at(&self, line: usize, column: usize) -> usize {
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied();
        let rest = start.and_then(|start| self.text.get(start..)).unwrap_or_default();
        let column = rest.char_indices().nth(column.saturating_sub(1)).map(|(offset, _)| offset);
        start.zip(column).map_or(self.text.len(), |(start, offset)| start + offset)
    }
}

struct RawMember<'de> {
    key: Key<'de>,
    value: &'de RawValue,
}

enum Key<'de> {
    Name(&'de str),
    Value(&'de RawValue),
    None,
}

/// The name of a struct's field.
struct Name<'de>(&'de str);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name<'de>, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(name))
            }
        }
        deserializer.deserialize_identifier(NameVisitor)
    }
}

/// The members of a struct, tuple or list.
struct Fields<'de>(Vec<RawMember<'de>>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields<'de>, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fields or elements")
            }
            fn visit_unit<E>(self) -> Result<Fields<'de>, E> {
                Ok(Fields(Vec::new()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push(RawMember { key: Key::Name(name), value: map.next_value()? });
                }
                Ok(Fields(members))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Fields<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(value) = seq.next_element()? {
                    members.push(RawMember { key: Key::None, value });
                }
                Ok(Fields(members))
            }
        }
        deserializer.deserialize_any(FieldsVisitor)
    }
}

/// The entries of a map.
struct Entries<'de>(Vec<RawMember<'de>>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries<'de>, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key()? {
                    members.push(RawMember { key: Key::Value(key), value: map.next_value()? });
                }
                Ok(Entries(members))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"(
  nodes: {
    "a": (kind: /* why */ Queue(delay: "1s", batch_size: 3)), // note
    "b": (position: (1.0, 2.0, 3.0)),
  },
  tags: ["x", "y"],
)"#;

    fn texts(range: &Range<usize>) -> Vec<(String, &'static str)> {
        let part = |member: Member| (member.name, TEXT.get(member.value).unwrap_or_default());
        members(TEXT, range).into_iter().map(part).collect()
    }

    #[track_caller]
    fn check(place: &[Step], expected: &str) {
        assert_eq!(TEXT.get(Places::new(TEXT).find(0..TEXT.len(), place)), Some(expected));
    }

    #[test]
    fn every_part_is_found_where_it_stands() {
        let delay = Step::Field("delay");
        let a = [Step::Field("nodes"), Step::Key("a".to_owned()), Step::Field("kind"), delay];
        check(&a, "\"1s\"");
        check(&a[..3], "Queue(delay: \"1s\", batch_size: 3)");
        let b = [Step::Field("nodes"), Step::Key("b".to_owned()), Step::Field("position"), Step::Item(1)];
        check(&b, "2.0");
        check(&[Step::Field("tags"), Step::Item(1)], "\"y\"");
        check(&[Step::Field("tags"), Step::Field("absent")], "[\"x\", \"y\"]");
        assert_eq!(texts(&(0..TEXT.len())).len(), 2);
    }

    #[test]
    fn without_any_member_the_rest_is_still_ron() {
        for member in members(TEXT, &(0..TEXT.len())) {
            let blanked = blank(TEXT, &member.whole);
            assert_eq!(blanked.len(), TEXT.len());
            assert_eq!(members(&blanked, &(0..TEXT.len())).len(), 1, "{blanked}");
            for inner in members(TEXT, &member.value) {
                assert_eq!(members(&blank(TEXT, &inner.whole), &member.value).len(), 1);
            }
        }
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let lines = Lines::new("ab\ncäd");
        assert_eq!((lines.line_and_column(6), lines.line_and_column(2), lines.byte_at(2, 3)), ((2, 3), (1, 3), 6));
        assert_eq!((lines.line_and_column(3), lines.byte_at(7, 7)), ((2, 1), 7));
        assert_eq!(Lines::new("").line_and_column(0), (1, 1));
    }
}
