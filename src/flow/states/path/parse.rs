//! Reads the text of a path.
//!
//! Invariant: the reader never goes back, and nests no deeper than `DEPTH_MAX`.

use serde_json::Value;

use super::filter::{Comparison, Filter, Operand};
use super::{Path, Root, Segment};

/// Parentheses in a filter, one inside the other.
const DEPTH_MAX: usize = 32;
/// Characters that end a name after a dot.
const NAME_ENDS: &str = ".[]()=!<>&|,'\"?";

type Outcome<T> = Result<T, &'static str>;

pub(super) fn parse(text: &str) -> Outcome<Path> {
    let mut cursor = Cursor { rest: text };
    let root = cursor.root()?;
    let segments = cursor.segments(0)?;
    if !cursor.rest.is_empty() {
        return Err("something follows that is no step of a path");
    }
    Ok(Path { text: String::from(text), root, segments })
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn expect(&mut self, token: &str, reason: &'static str) -> Outcome<()> {
        self.skip_space();
        if self.take(token) { Ok(()) } else { Err(reason) }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !accept(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn root(&mut self) -> Outcome<Root> {
        if self.take("$$") {
            return Ok(Root::Context);
        }
        if !self.take("$") {
            return Err("a path begins with `$`");
        }
        let name = self.take_while(|character| character.is_alphanumeric() || character == '_');
        match name.starts_with(|first: char| first.is_numeric()) {
            true => Err("the name of a variable begins with a letter"),
            false if name.is_empty() => Ok(Root::Document),
            false => Ok(Root::Variable(String::from(name))),
        }
    }

    fn segments(&mut self, depth: usize) -> Outcome<Vec<Segment>> {
        let mut segments = Vec::new();
        loop {
            if self.take("..") {
                segments.push(Segment::Descend);
                match self.rest.starts_with('[') {
                    true => {}
                    false => segments.push(self.name()?),
                }
            } else if self.take(".[") || self.take("[") {
                // People write `$.[0]` too, and the service takes it.
                segments.push(self.bracket(depth)?);
            } else if self.take(".") {
                segments.push(self.name()?);
            } else {
                return Ok(segments);
            }
        }
    }

    fn name(&mut self) -> Outcome<Segment> {
        if self.take("*") {
            return Ok(Segment::Wildcard);
        }
        let name = self.take_while(|character| !character.is_whitespace() && !NAME_ENDS.contains(character));
        match name {
            "" => Err("a name is missing after the dot"),
            "length" if self.take("()") => Ok(Segment::Length),
            _ => Ok(Segment::Name(String::from(name))),
        }
    }

    fn bracket(&mut self, depth: usize) -> Outcome<Segment> {
        self.skip_space();
        let segment = match self.rest.chars().next() {
            Some('*') => {
                self.take("*");
                Segment::Wildcard
            }
            Some('?') => {
                self.take("?");
                self.expect("(", "a filter begins with `?(`")?;
                let filter = self.any(depth + 1)?;
                self.expect(")", "a filter ends with `)`")?;
                Segment::Filter(filter)
            }
            Some('\'' | '"') => self.names()?,
            _ => self.indexes()?,
        };
        self.expect("]", "a bracket is not closed")?;
        Ok(segment)
    }

    fn names(&mut self) -> Outcome<Segment> {
        let first = self.quoted()?;
        let mut names = Vec::new();
        while self.comma() {
            names.push(self.quoted()?);
        }
        match names.is_empty() {
            true => Ok(Segment::Name(first)),
            false => Ok(Segment::Names([vec![first], names].concat())),
        }
    }

    fn comma(&mut self) -> bool {
        self.skip_space();
        let found = self.take(",");
        self.skip_space();
        found
    }

    fn quoted(&mut self) -> Outcome<String> {
        let mut characters = self.rest.chars();
        let quote = characters.next().filter(|quote| ['\'', '"'].contains(quote)).ok_or("a quoted text is missing")?;
        let mut text = String::new();
        while let Some(character) = characters.next() {
            match character {
                '\\' => text.extend(characters.next()),
                end if end == quote => {
                    self.rest = characters.as_str();
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err("a quote is not closed")
    }

    fn integer(&mut self) -> Outcome<Option<i64>> {
        self.skip_space();
        let digits = self.take_while(|character| character.is_ascii_digit() || character == '-');
        self.skip_space();
        match digits {
            "" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| "an index is no whole number"),
        }
    }

    fn indexes(&mut self) -> Outcome<Segment> {
        let first = self.integer()?;
        if self.take(":") {
            return Ok(Segment::Slice(first, self.integer()?));
        }
        let first = first.ok_or("a bracket holds an index, a quoted name, `*`, a slice or a filter")?;
        let mut indexes = Vec::new();
        while self.comma() {
            indexes.push(self.integer()?.ok_or("an index is missing after the comma")?);
        }
        match indexes.is_empty() {
            true => Ok(Segment::Index(first)),
            false => Ok(Segment::Indexes([vec![first], indexes].concat())),
        }
    }

    fn any(&mut self, depth: usize) -> Outcome<Filter> {
        if depth > DEPTH_MAX {
            return Err("a filter is nested too deeply");
        }
        let mut filters = vec![self.all(depth)?];
        while self.operator("||") {
            filters.push(self.all(depth)?);
        }
        Ok(Filter::Any(filters))
    }

    fn all(&mut self, depth: usize) -> Outcome<Filter> {
        let mut filters = vec![self.condition(depth)?];
        while self.operator("&&") {
            filters.push(self.condition(depth)?);
        }
        Ok(Filter::All(filters))
    }

    fn operator(&mut self, token: &str) -> bool {
        self.skip_space();
        self.take(token)
    }

    fn condition(&mut self, depth: usize) -> Outcome<Filter> {
        if self.operator("!") {
            if depth > DEPTH_MAX {
                return Err("a filter is nested too deeply");
            }
            return Ok(Filter::Not(Box::new(self.condition(depth + 1)?)));
        }
        if self.operator("(") {
            let filter = self.any(depth + 1)?;
            self.expect(")", "a parenthesis is not closed")?;
            return Ok(filter);
        }
        let left = self.operand(depth)?;
        self.skip_space();
        let comparisons = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        match comparisons.into_iter().find(|(token, _)| self.take(token)) {
            Some((_, comparison)) => Ok(Filter::Compare(left, comparison, self.operand(depth)?)),
            None => Ok(Filter::Exists(left)),
        }
    }

    fn operand(&mut self, depth: usize) -> Outcome<Operand> {
        self.skip_space();
        if depth > DEPTH_MAX {
            return Err("a filter is nested too deeply");
        }
        if self.take("@") {
            return Ok(Operand::Element(self.segments(depth + 1)?));
        }
        if self.take("$") {
            return Ok(Operand::Document(self.segments(depth + 1)?));
        }
        if self.rest.starts_with(['\'', '"']) {
            return Ok(Operand::Literal(Value::from(self.quoted()?)));
        }
        let word = self.take_while(|character| character.is_alphanumeric() || "+-._".contains(character));
        match serde_json::from_str(word) {
            Ok(value) => Ok(Operand::Literal(value)),
            // A bare word is a text, as in `[?(@.Name==Receipt)]`.
            Err(_) if word.starts_with(char::is_alphabetic) => Ok(Operand::Literal(Value::from(word))),
            Err(_) => Err("a filter compares paths, texts, numbers and words"),
        }
    }
}
