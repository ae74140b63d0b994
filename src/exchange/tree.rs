//! A YAML or JSON text as a small tree with the place of each value.
//!
//! Invariant: reading takes time and memory bounded by the limits below, whatever the text says.
//! Invariant: the short form of an intrinsic function reads as its long form: `!Sub x` is the map
//! `{"Fn::Sub": x}`, so that nothing behind this file knows that there are two.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::exchange::error::{ImportError, Place};

/// Bytes of a file at most: eight times what the service takes (1 MB), and read in well under a second.
pub const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Levels of maps and lists at most. Published templates have fewer than 30.
pub const DEPTH_MAX: usize = 100;
/// Values in all, those that aliases repeat included. The largest published templates have some 10,000.
pub const NODES_MAX: usize = 400_000;

/// Where a value begins: line and column from 1; zero where the reader did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Mark {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// Whether a scalar stood bare, so that it may be a number, a truth value or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Written without quotation marks.
    Plain,
    /// Text for certain.
    Quoted,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// Where it begins.
    pub mark: Mark,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, a number, a truth value or nothing, as written.
    Scalar(String, Style),
    /// Values in order.
    List(Vec<Tree>),
    /// Keys and values in the order of the file.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// A piece of text that no file said.
    pub fn text(text: &str) -> Tree {
        Tree { mark: Mark::default(), value: Value::Scalar(text.to_owned(), Style::Quoted) }
    }

    /// A map without entries.
    pub fn empty() -> Tree {
        Tree { mark: Mark::default(), value: Value::Map(Vec::new()) }
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(String, Tree)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Tree] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key; where a key is repeated, the last one, as YAML readers do.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entries().iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The value as JSON: bare scalars become numbers, truth values and null as in YAML 1.2.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(text, Style::Quoted) => serde_json::Value::String(text.clone()),
            Value::Scalar(text, Style::Plain) => plain_to_json(text),
            Value::List(items) => items.iter().map(Tree::to_json).collect(),
            Value::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
        }
    }
}

fn plain_to_json(text: &str) -> serde_json::Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return serde_json::Value::Null,
        "true" | "True" | "TRUE" => return serde_json::Value::Bool(true),
        "false" | "False" | "FALSE" => return serde_json::Value::Bool(false),
        _ => {}
    }
    // Only what begins like a number is one: "1e5" is, "infinity" is not.
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
    match text.parse::<serde_json::Number>() {
        Ok(number) if numeric => serde_json::Value::Number(number),
        _ => serde_json::Value::String(text.to_owned()),
    }
}

/// Reads a whole file of at most [`BYTES_MAX`] bytes as text; a longer one is refused unread.
pub fn read_text(path: &Path) -> Result<String, ImportError> {
    let unreadable = |source| ImportError::Unreadable { file: path.display().to_string(), source };
    let too_large = || ImportError::TooLarge { file: path.display().to_string(), bytes_max: BYTES_MAX };
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(unreadable(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    if about.len() > BYTES_MAX {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // A pipe or a growing file says no length in advance, so the reader is held to the limit too.
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(too_large());
    }
    String::from_utf8(bytes).map_err(|_| ImportError::NotText { file: path.display().to_string() })
}

/// Reads a YAML or JSON text. `file` is what errors call it.
pub fn read_tree(text: &str, file: &str) -> Result<Tree, ImportError> {
    let text = text.trim_start_matches('\u{feff}');
    let yaml = read_yaml(text, file);
    match yaml {
        // JSON is nearly YAML; where the YAML reader stumbles (long keys, escaped surrogates), JSON's decides.
        Err(ImportError::Syntax { .. }) if text.trim_start().starts_with(['{', '[']) => read_json(text, file),
        other => other,
    }
}

fn read_json(text: &str, file: &str) -> Result<Tree, ImportError> {
    let mut left = NODES_MAX;
    let mut reader = serde_json::Deserializer::from_str(text);
    let tree = Json { left: &mut left }.deserialize(&mut reader).and_then(|tree| reader.end().map(|()| tree));
    tree.map_err(|error| {
        if left == 0 {
            return ImportError::TooManyValues { file: file.to_owned(), nodes_max: NODES_MAX };
        }
        syntax(Place::of_text(file, text, error.line(), error.column()), error.to_string())
    })
}

/// Both readers have a limit of their own on nesting, which may strike before [`DEPTH_MAX`] does.
fn syntax(place: Place, problem: String) -> ImportError {
    if problem.contains("recursion limit") {
        return ImportError::TooDeep { place, depth_max: DEPTH_MAX };
    }
    ImportError::Syntax { place, problem }
}

/// Reads one JSON value into a tree, counting down what is left of the limit.
struct Json<'a> {
    left: &'a mut usize,
}

impl<'de> DeserializeSeed<'de> for Json<'_> {
    type Value = Tree;
    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Tree, D::Error> {
        reader.deserialize_any(self)
    }
}

impl Json<'_> {
    fn scalar<E: serde::de::Error>(self, text: String, style: Style) -> Result<Tree, E> {
        self.value(Value::Scalar(text, style))
    }

    fn value<E: serde::de::Error>(self, value: Value) -> Result<Tree, E> {
        *self.left = self.left.checked_sub(1).ok_or_else(|| E::custom("too many values"))?;
        Ok(Tree { mark: Mark::default(), value })
    }
}

impl<'de> Visitor<'de> for Json<'_> {
    type Value = Tree;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Tree, E> {
        self.scalar(value.to_string(), Style::Plain)
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Tree, E> {
        self.scalar(value.to_string(), Style::Plain)
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Tree, E> {
        self.scalar(value.to_string(), Style::Plain)
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        self.scalar(value.to_string(), Style::Plain)
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Tree, E> {
        self.scalar(value.to_owned(), Style::Quoted)
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Tree, E> {
        self.scalar(String::new(), Style::Plain)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Json { left: &mut *self.left })? {
            list.push(item);
        }
        self.value(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            map.push((key, entries.next_value_seed(Json { left: &mut *self.left })?));
        }
        self.value(Value::Map(map))
    }
}

/// A map or list whose end has not come yet.
struct Open {
    anchor: usize,
    wrap: Option<String>,
    tree: Tree,
    /// The key whose value comes next, in a map.
    key: Option<String>,
    /// Values inside, itself included: what an alias to it costs.
    nodes: usize,
}

/// The state of the reader of YAML events.
struct Yaml<'a> {
    file: &'a str,
    text: &'a str,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Tree, usize)>,
    nodes: usize,
    root: Option<Tree>,
}

fn read_yaml(text: &str, file: &str) -> Result<Tree, ImportError> {
    let mut yaml = Yaml { file, text, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None };
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let place = Place::of_text(file, text, error.marker().line(), error.marker().col() + 1);
            syntax(place, error.info().to_owned())
        })?;
        yaml.take(event, span)?;
        if yaml.root.is_some() {
            // One document is what a template is; what follows `---` would only cost time.
            break;
        }
    }
    yaml.root.ok_or_else(|| ImportError::Empty { file: file.to_owned() })
}

impl Yaml<'_> {
    fn place(&self, mark: Mark) -> Place {
        Place::of_text(self.file, self.text, mark.line as usize, mark.column as usize)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ImportError> {
        let mark = Mark {
            line: u32::try_from(span.start.line()).unwrap_or(u32::MAX),
            column: u32::try_from(span.start.col()).unwrap_or(u32::MAX).saturating_add(1),
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let declared = tag.as_deref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let style = if style == ScalarStyle::Plain && !declared { Style::Plain } else { Style::Quoted };
                self.count(1)?;
                let tree = Tree { mark, value: Value::Scalar(text.into_owned(), style) };
                self.finish(tree, 1, anchor, long_form(tag.as_deref()))
            }
            Event::SequenceStart(anchor, tag) => self.begin(mark, Value::List(Vec::new()), anchor, tag.as_deref()),
            Event::MappingStart(anchor, tag) => self.begin(mark, Value::Map(Vec::new()), anchor, tag.as_deref()),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.finish(open.tree, open.nodes, open.anchor, open.wrap),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some((tree, nodes)) = self.anchors.get(&anchor) else {
                    return Err(ImportError::AliasCycle { place: self.place(mark) });
                };
                let nodes = *nodes;
                // Counted before it is copied: an anchor bomb is refused while it is still small.
                if self.nodes.saturating_add(nodes) > NODES_MAX {
                    return Err(ImportError::TooManyValues { file: self.file.to_owned(), nodes_max: NODES_MAX });
                }
                let tree = tree.clone();
                self.nodes += nodes;
                self.add(tree, nodes);
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn begin(&mut self, mark: Mark, value: Value, anchor: usize, tag: Option<&Tag>) -> Result<(), ImportError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(ImportError::TooDeep { place: self.place(mark), depth_max: DEPTH_MAX });
        }
        self.count(1)?;
        let tree = Tree { mark, value };
        self.open.push(Open { anchor, wrap: long_form(tag), tree, key: None, nodes: 1 });
        Ok(())
    }

    fn count(&mut self, nodes: usize) -> Result<(), ImportError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > NODES_MAX {
            return Err(ImportError::TooManyValues { file: self.file.to_owned(), nodes_max: NODES_MAX });
        }
        Ok(())
    }

    fn finish(&mut self, tree: Tree, nodes: usize, anchor: usize, wrap: Option<String>) -> Result<(), ImportError> {
        let tree = match wrap {
            Some(name) => Tree { mark: tree.mark, value: Value::Map(vec![(name, tree)]) },
            None => tree,
        };
        if anchor != 0 {
            // The copy that aliases read counts too, or a thousand nested anchors would cost a thousand trees.
            self.count(nodes)?;
            self.anchors.insert(anchor, (tree.clone(), nodes));
        }
        self.add(tree, nodes);
        Ok(())
    }

    fn add(&mut self, tree: Tree, nodes: usize) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(tree);
            return;
        };
        open.nodes = open.nodes.saturating_add(nodes);
        match &mut open.tree.value {
            Value::List(items) => items.push(tree),
            Value::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, tree)),
                None => open.key = Some(key_text(&tree)),
            },
            Value::Scalar(..) => {}
        }
    }
}

/// A key as text; a map or list as a key, which no template has, reads as its JSON.
fn key_text(tree: &Tree) -> String {
    match tree.as_text() {
        Some(text) => text.to_owned(),
        None => tree.to_json().to_string(),
    }
}

/// The long name of an intrinsic function's tag; `None` for YAML's own tags.
fn long_form(tag: Option<&Tag>) -> Option<String> {
    let tag = tag?;
    if tag.is_yaml_core_schema() || tag.suffix.is_empty() {
        return None;
    }
    Some(match tag.suffix.as_str() {
        "Ref" | "Condition" => tag.suffix.clone(),
        name => format!("Fn::{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_json(text: &str, json: &str) {
        let tree = read_tree(text, "t.yaml").unwrap_or_else(|e| panic!("{e}"));
        let expected: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(tree.to_json(), expected);
    }

    #[track_caller]
    fn check_refused(text: &str, part: &str) {
        let started = std::time::Instant::now();
        let error = read_tree(text, "t.yaml").expect_err("the text should be refused").to_string();
        assert!(error.contains(part), "{error}");
        assert!(started.elapsed().as_secs() < 10, "refused after {:?}", started.elapsed());
    }

    #[test]
    fn short_and_long_forms_read_alike() {
        check_json("a: !Ref Queue", r#"{"a": {"Ref": "Queue"}}"#);
        check_json("a: !GetAtt Queue.Arn", r#"{"a": {"Fn::GetAtt": "Queue.Arn"}}"#);
        check_json("a: !If [C, 1, !Sub 'x']", r#"{"a": {"Fn::If": ["C", 1, {"Fn::Sub": "x"}]}}"#);
        check_json("a: {Fn::Sub: x}", r#"{"a": {"Fn::Sub": "x"}}"#);
        check_json("a: !Condition B", r#"{"a": {"Condition": "B"}}"#);
        check_json("a: !!str 5", r#"{"a": "5"}"#);
    }

    #[test]
    fn bare_scalars_have_types_and_quoted_ones_are_text() {
        check_json("[1, -2.5, true, '1', null, ~, abc, 12-3]", r#"[1, -2.5, true, "1", null, null, "abc", "12-3"]"#);
    }

    #[test]
    fn json_with_what_yaml_cannot_read_is_read() {
        let key = "k".repeat(2000);
        check_json(&format!("{{\"{key}\": \"\\ud83d\\ude00\"}}"), &format!("{{\"{key}\": \"😀\"}}"));
    }

    #[test]
    fn aliases_repeat_what_they_name() {
        check_json("a: &x [1, 2]\nb: *x", r#"{"a": [1, 2], "b": [1, 2]}"#);
    }

    #[test]
    fn an_anchor_bomb_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..40 {
            let below = level - 1;
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 9].join(", ")));
        }
        check_refused(&bomb, "more than 400000 values");
    }

    #[test]
    fn an_alias_inside_its_own_anchor_is_refused() {
        check_refused("a: &a [1, *a]", "inside itself");
    }

    #[test]
    fn deep_nesting_is_refused() {
        check_refused(&"[".repeat(10_000), "levels");
        check_refused(&"- ".repeat(10_000), "levels");
        check_refused(&"{\"a\":".repeat(10_000), "levels");
        let mut block = String::new();
        for level in 0..1_000 {
            block.push_str(&format!("{}a:\n", " ".repeat(level)));
        }
        check_refused(&block, "levels");
    }

    #[test]
    fn errors_name_the_place() {
        let error = read_tree("a: 1\nb: [1, 2\nc: 3\n", "t.yaml").expect_err("no YAML").to_string();
        assert!(error.contains("t.yaml:3:"), "{error}");
    }
}
