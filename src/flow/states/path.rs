//! Paths into JSON, in the dialect of the states language (states semantics, JPATH and REF).
//!
//! Invariant: a definite path (names and single indexes) gives one value or says which step is
//! missing; any other path gives a list and never fails for want of data.
//! Invariant: at most `NODES_MAX` values are looked at, so `..` cannot blow up.

mod filter;
mod parse;

use std::cell::Cell;

use serde_json::Value;

use filter::Filter;

/// Values that one path may visit.
const NODES_MAX: usize = 100_000;

/// A path, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::flow) struct Path {
    /// As written, for error texts.
    pub(super) text: String,
    /// What it starts from.
    pub(super) root: Root,
    segments: Vec<Segment>,
}

/// What a path starts from.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::flow) enum Root {
    /// `$`: the document at hand.
    Document,
    /// `$$`: the context object.
    Context,
    /// `$name`: a variable.
    Variable(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Segment {
    Name(String),
    Index(i64),
    Names(Vec<String>),
    Indexes(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    /// `..`: the value itself and all below it.
    Descend,
    Filter(Filter),
    /// `.length()`.
    Length,
}

/// Why a path gave no value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::flow) enum PathFailure {
    /// The last step is not there; the whole path in its canonical form.
    NoResult(String),
    /// An earlier step is not there; the path up to it in its canonical form.
    NoProperty(String),
    /// The path visits more than `NODES_MAX` values.
    TooManyNodes,
}

impl PathFailure {
    /// The reason as the service words it (PATH-1).
    pub(super) fn reason(&self) -> String {
        match self {
            PathFailure::NoResult(path) => format!("No results for path: {path}"),
            PathFailure::NoProperty(path) => format!("Missing property in path {path}"),
            PathFailure::TooManyNodes => format!("The path visits more than {NODES_MAX} values"),
        }
    }
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub(in crate::flow) fn parse(text: &str) -> Result<Path, &'static str> {
        parse::parse(text)
    }

    /// The value in `root` that the path leads to; a list where the path is not definite.
    pub(in crate::flow) fn find(&self, root: &Value) -> Result<Value, PathFailure> {
        if self.is_definite() { self.find_one(root).cloned() } else { self.find_all(root) }
    }

    fn is_definite(&self) -> bool {
        self.segments.iter().all(|segment| matches!(segment, Segment::Name(_) | Segment::Index(_)))
    }

    fn find_one<'a>(&self, root: &'a Value) -> Result<&'a Value, PathFailure> {
        let mut value = root;
        for (position, segment) in self.segments.iter().enumerate() {
            let Some(below) = step(value, segment) else {
                let canonical = self.canonical(position + 1);
                let last = position + 1 == self.segments.len();
                return Err(if last { PathFailure::NoResult(canonical) } else { PathFailure::NoProperty(canonical) });
            };
            value = below;
        }
        Ok(value)
    }

    fn find_all(&self, root: &Value) -> Result<Value, PathFailure> {
        if let Some((Segment::Length, before)) = self.segments.split_last() {
            let path = Path { segments: before.to_vec(), ..self.clone() };
            return Ok(path.find(root)?.as_array().map_or(Value::Null, |items| Value::from(items.len())));
        }
        let budget = Budget(Cell::new(NODES_MAX));
        select(&self.segments, root, root, &budget).map(|nodes| nodes.into_iter().cloned().collect())
    }

    /// The first `count` steps as `$['a'][0]`.
    fn canonical(&self, count: usize) -> String {
        let root = match &self.root {
            Root::Document => String::from("$"),
            Root::Context => String::from("$$"),
            Root::Variable(name) => format!("${name}"),
        };
        self.segments.iter().take(count).fold(root, |text, segment| match segment {
            Segment::Name(name) => format!("{text}['{name}']"),
            Segment::Index(index) => format!("{text}[{index}]"),
            _ => format!("{text}[*]"),
        })
    }

    /// Whether the path can be written to: names and indexes from the start of the document (REF-1).
    pub(super) fn is_reference(&self) -> bool {
        let plain = |segment: &Segment| {
            matches!(segment, Segment::Name(_)) || matches!(segment, Segment::Index(at) if *at >= 0)
        };
        self.root == Root::Document && self.segments.iter().all(plain)
    }

    /// Whether the path has names, single indexes and `*` alone, from the start of the document.
    pub(in crate::flow) fn is_plain(&self) -> bool {
        let plain = |segment: &Segment| match segment {
            Segment::Name(_) | Segment::Wildcard => true,
            Segment::Index(at) => *at >= 0,
            _ => false,
        };
        self.root == Root::Document && self.segments.iter().all(plain)
    }

    /// Puts `value` at the path, making objects on the way; gives `None` where that cannot be done.
    pub(super) fn put(&self, mut document: Value, value: Value) -> Option<Value> {
        let mut place = &mut document;
        for segment in &self.segments {
            place = match (segment, place) {
                (Segment::Name(name), Value::Object(members)) => members.entry(name.clone()).or_insert(Value::Null),
                (Segment::Name(name), created @ Value::Null) => {
                    *created = Value::Object(serde_json::Map::new());
                    created.as_object_mut()?.entry(name.clone()).or_insert(Value::Null)
                }
                (Segment::Index(at), Value::Array(items)) => items.get_mut(usize::try_from(*at).ok()?)?,
                _ => return None,
            };
        }
        *place = value;
        Some(document)
    }
}

fn step<'a>(value: &'a Value, segment: &Segment) -> Option<&'a Value> {
    match segment {
        Segment::Name(name) => value.as_object()?.get(name),
        Segment::Index(at) => {
            let items = value.as_array()?;
            items.get(position(*at, items.len())?)
        }
        _ => None,
    }
}

/// The place that an index means in a list of this length; negative ones count from the end.
fn position(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// How many values a path may still visit, filters in it included.
struct Budget(Cell<usize>);

impl Budget {
    fn spend(&self, visits: usize) -> Result<(), PathFailure> {
        self.0.set(self.0.get().checked_sub(visits).ok_or(PathFailure::TooManyNodes)?);
        Ok(())
    }
}

/// All values that the steps lead to from `start`; filters may look at `root` too.
fn select<'a>(
    segments: &[Segment],
    start: &'a Value,
    root: &'a Value,
    budget: &Budget,
) -> Result<Vec<&'a Value>, PathFailure> {
    let mut nodes = vec![start];
    for segment in segments {
        let mut next = Vec::new();
        for node in nodes {
            let before = next.len();
            select_step(segment, (node, root), budget, &mut next)?;
            budget.spend(next.len() - before + 1)?;
        }
        nodes = next;
    }
    Ok(nodes)
}

fn select_step<'a>(
    segment: &Segment,
    (node, root): (&'a Value, &'a Value),
    budget: &Budget,
    next: &mut Vec<&'a Value>,
) -> Result<(), PathFailure> {
    match segment {
        Segment::Name(_) | Segment::Index(_) => next.extend(step(node, segment)),
        Segment::Names(names) => next.extend(names.iter().filter_map(|name| node.as_object()?.get(name))),
        Segment::Indexes(indexes) => next.extend(indexes.iter().filter_map(|at| step(node, &Segment::Index(*at)))),
        Segment::Slice(from, to) => next.extend(slice(node, *from, *to)),
        Segment::Wildcard => next.extend(children(node)),
        Segment::Descend => descend(node, next),
        Segment::Filter(filter) => {
            for child in children(node) {
                budget.spend(1)?;
                if filter.holds(child, root, budget)? {
                    next.push(child);
                }
            }
        }
        Segment::Length => {}
    }
    Ok(())
}

fn children(node: &Value) -> Vec<&Value> {
    match node {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

fn slice(node: &Value, from: Option<i64>, to: Option<i64>) -> &[Value] {
    let items = node.as_array().map(Vec::as_slice).unwrap_or_default();
    let bound = |index: i64| position(index, items.len()).unwrap_or(0).min(items.len());
    items.get(from.map_or(0, bound)..to.map_or(items.len(), bound)).unwrap_or_default()
}

fn descend<'a>(node: &'a Value, next: &mut Vec<&'a Value>) {
    let mut open = vec![node];
    while let Some(value) = open.pop() {
        next.push(value);
        open.extend(children(value).into_iter().rev());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(path: &str, document: Value, expected: Value) {
        let path = Path::parse(path).unwrap_or_else(|reason| panic!("{path}: {reason}"));
        assert_eq!(path.find(&document), Ok(expected), "{}", path.text);
    }

    #[track_caller]
    fn check_missing(path: &str, document: Value, expected: &str) {
        let found = Path::parse(path).expect(path).find(&document);
        assert_eq!(found.map_err(|failure| failure.reason()), Err(String::from(expected)));
    }

    #[test]
    fn definite_paths_give_one_value() {
        check("$", json!(1), json!(1));
        check("$.a.b", json!({"a": {"b": null}}), json!(null));
        check("$['a b'][1]", json!({"a b": [1, 2]}), json!(2));
        check("$.sub-values[-1]", json!({"sub-values": [1, 2]}), json!(2));
        check_missing("$.a.b", json!({"a": {}}), "No results for path: $['a']['b']");
        check_missing("$.no.such.path", json!({}), "Missing property in path $['no']");
        check_missing("$.a[3]", json!({"a": [1]}), "No results for path: $['a'][3]");
    }

    #[test]
    fn other_paths_give_lists_and_never_fail() {
        for path in ["$[*]", "$.items[*]", "$.items[1:]", "$.item.items[:1]", "$.item.items[1:5].x"] {
            check(path, json!({}), json!([]));
        }
        check("$.a[*].b", json!({"a": [{"b": 1}, {}, {"b": 2}]}), json!([1, 2]));
        check("$.a[0,2]", json!({"a": [1, 2, 3]}), json!([1, 3]));
        check("$.a[-2:]", json!({"a": [1, 2, 3]}), json!([2, 3]));
        check("$.d..a", json!({"d": {"x": {"a": [1, 2]}}}), json!([[1, 2]]));
        check("$.d..a[*]", json!({"d": {"x": {"a": [1, 2]}}}), json!([1, 2]));
        check("$.a.length()", json!({"a": [1, 2]}), json!(2));
    }

    #[test]
    fn filters_choose_elements() {
        let list = json!({"list": [{"keep": true, "n": 1}, {"keep": false, "n": 5}, {"other": 1}]});
        check("$.list[?(@.keep)].keep", list.clone(), json!([true, false]));
        check("$.list[?(@.keep == true)].n", list.clone(), json!([1]));
        check("$.list[?(@.n > 1 && @.keep == false)].n", list.clone(), json!([5]));
        check("$.list[?(!@.keep || @.n >= 5)]", list.clone(), json!([{"keep": false, "n": 5}, {"other": 1}]));
        check("$.list[?(@.n == $.list[0].n)].n", list, json!([1]));
        check("$.l[?(@.s == 'x')].s", json!({"l": [{"s": "x"}, {"s": "y"}]}), json!(["x"]));
    }

    #[test]
    fn values_are_put_where_objects_can_be_made() {
        let put = |path: &str, document: Value| Path::parse(path).ok().and_then(|path| path.put(document, json!(1)));
        assert_eq!(put("$.a.b", json!({"c": 2})), Some(json!({"c": 2, "a": {"b": 1}})));
        assert_eq!(put("$", json!("x")), Some(json!(1)));
        assert_eq!(put("$.a[1]", json!({"a": [0, 0]})), Some(json!({"a": [0, 1]})));
        assert_eq!(put("$.a", json!("text")), None);
        assert_eq!(put("$.a[1]", json!({"a": [0]})), None);
    }

    #[test]
    fn nested_descents_are_cut_off() {
        let mut deep = json!({"a": 1});
        for _ in 0..100 {
            deep = json!({"a": deep, "b": [1, 2, 3, 4, 5, 6, 7, 8, 9]});
        }
        let path = Path::parse("$..*..*..*").expect("a path");
        assert_eq!(path.find(&deep), Err(PathFailure::TooManyNodes));
    }

    #[test]
    fn broken_paths_are_refused() {
        for path in
            ["", "a", "$.", "$[", "$[1", "$.a[?(@.x]", "$['a", "$[a]", "$.a[?(@.x == )]", "$ .a", "$..", "$.a b"]
        {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
