//! Reads the text of an event pattern.
//!
//! Invariant: time and memory are bounded by the length of the text and the limits below.

use std::net::IpAddr;
use std::ops::Bound;

use serde_json::{Map, Value};

use super::error::{PatternError, PatternProblem, PatternWarning};
use super::test::{Block, Numeral, Test, Wildcard, fold};
use super::{Absence, Alternative, Leaf, Pattern};

/// The service's quota is 2,048 characters and can be raised; this only bounds the work.
const BYTES_MAX: usize = 64 * 1024;
/// The service's quota (EB-32).
const CHARACTERS_QUOTA: usize = 2_048;
/// `$or` alternatives of one pattern (EB-76).
const ALTERNATIVES_MAX: usize = 1_000;
/// Fields over all alternatives: bounds the memory of a pattern with many of both.
const ALTERNATIVE_FIELDS_MAX: usize = 200_000;
/// Offending text is cut after this many characters in errors.
const EXCERPT_CHARACTERS: usize = 80;

const OPERATORS: [&str; 9] =
    ["prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists", "exactly"];
/// Further names that make an array under `$or` an ordinary leaf (EB-75).
const RESERVED: [&str; 15] = [
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

type Outcome<T> = Result<T, PatternError>;

/// Where the reader stands: the JSON pointer for errors and the field's path.
#[derive(Clone, Default)]
struct Place {
    pointer: String,
    path: String,
}

impl Place {
    fn below(&self, name: &str) -> Place {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Place { pointer: format!("{}/{escaped}", self.pointer), path: self.path.clone() }
    }

    fn field(&self, name: &str) -> Place {
        let path = if self.pointer.is_empty() { String::from(name) } else { format!("{}.{name}", self.path) };
        Place { path, ..self.below(name) }
    }

    fn error<T>(&self, problem: PatternProblem) -> Outcome<T> {
        Err(PatternError { pointer: self.pointer.clone(), problem })
    }
}

fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(EXCERPT_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Reads a pattern from its text.
pub(super) fn read(text: &str) -> Outcome<Pattern> {
    let top = Place::default();
    if text.len() > BYTES_MAX {
        return top.error(PatternProblem::TooLong { found: text.len(), limit: BYTES_MAX });
    }
    let value = serde_json::from_str::<Value>(text)
        .or_else(|error| top.error(PatternProblem::NotJson { reason: error.to_string() }))?;
    let Value::Object(object) = &value else {
        return top.error(PatternProblem::NotAnObject { found: excerpt(&value) });
    };
    let mut pattern =
        Pattern { paths: Vec::new(), leaves: Vec::new(), alternatives: vec![Alternative::new()], warnings: Vec::new() };
    let found = text.chars().count();
    if found > CHARACTERS_QUOTA {
        pattern.warnings.push(PatternWarning::Long { found, quota: CHARACTERS_QUOTA });
    }
    let alternatives = std::mem::take(&mut pattern.alternatives);
    pattern.alternatives = read_object(&mut pattern, &top, object, alternatives)?;
    Ok(pattern)
}

/// Adds the fields of one object to every alternative; a `$or` in it multiplies the alternatives.
fn read_object(
    pattern: &mut Pattern,
    place: &Place,
    object: &Map<String, Value>,
    mut alternatives: Vec<Alternative>,
) -> Outcome<Vec<Alternative>> {
    if object.is_empty() {
        return place.error(PatternProblem::Empty { field: place.path.clone() });
    }
    for (name, value) in object {
        alternatives = match (value, branches(name, value)) {
            (_, Some(branches)) => read_branches(pattern, &place.below(name), (place, &branches), alternatives)?,
            (Value::Object(inner), None) => {
                note_dots(pattern, name);
                read_object(pattern, &place.field(name), inner, alternatives)?
            }
            (Value::Array(values), None) => {
                note_dots(pattern, name);
                let place = place.field(name);
                let leaf = read_leaf(&place, values)?;
                add_field(pattern, &place, leaf, alternatives)?
            }
            (bare, None) => {
                let problem = PatternProblem::BareValue { field: name.clone(), found: excerpt(bare) };
                return place.below(name).error(problem);
            }
        };
    }
    Ok(alternatives)
}

fn note_dots(pattern: &mut Pattern, name: &str) {
    if name.contains('.') {
        pattern.warnings.push(PatternWarning::DottedName { name: String::from(name) });
    }
}

/// The branches of a `$or`, where name and value make one (EB-75).
fn branches<'a>(name: &str, value: &'a Value) -> Option<Vec<&'a Map<String, Value>>> {
    let values = value.as_array().filter(|values| name == "$or" && values.len() >= 2)?;
    let branches = values.iter().map(Value::as_object).collect::<Option<Vec<_>>>()?;
    let reserved = |name: &String| OPERATORS.contains(&name.as_str()) || RESERVED.contains(&name.as_str());
    let ordinary = branches.iter().all(|branch| !branch.keys().any(reserved));
    ordinary.then_some(branches)
}

fn read_branches(
    pattern: &mut Pattern,
    place: &Place,
    (parent, branches): (&Place, &[&Map<String, Value>]),
    alternatives: Vec<Alternative>,
) -> Outcome<Vec<Alternative>> {
    let mut all = Vec::new();
    for (index, branch) in branches.iter().enumerate() {
        let here = Place { pointer: place.below(&index.to_string()).pointer, path: parent.path.clone() };
        check_size(&here, alternatives.len().saturating_add(all.len()), &alternatives)?;
        // A branch's fields belong to the object that holds the `$or`; only pointers go deeper.
        all.extend(read_branch(pattern, (parent, &here), branch, alternatives.clone())?);
        check_size(&here, all.len(), &all)?;
    }
    Ok(all)
}

fn read_branch(
    pattern: &mut Pattern,
    (parent, here): (&Place, &Place),
    branch: &Map<String, Value>,
    alternatives: Vec<Alternative>,
) -> Outcome<Vec<Alternative>> {
    read_object(pattern, parent, branch, alternatives).map_err(|error| {
        let below = error.pointer.strip_prefix(&parent.pointer).unwrap_or(&error.pointer);
        PatternError { pointer: format!("{}{below}", here.pointer), problem: error.problem }
    })
}

fn check_size(place: &Place, count: usize, alternatives: &[Alternative]) -> Outcome<()> {
    let fields = alternatives.iter().map(Alternative::len).sum::<usize>();
    match count > ALTERNATIVES_MAX || fields > ALTERNATIVE_FIELDS_MAX {
        true => place.error(PatternProblem::TooManyAlternatives { limit: ALTERNATIVES_MAX }),
        false => Ok(()),
    }
}

fn add_field(
    pattern: &mut Pattern,
    place: &Place,
    leaf: Leaf,
    mut alternatives: Vec<Alternative>,
) -> Outcome<Vec<Alternative>> {
    check_size(place, alternatives.len(), &alternatives)?;
    let path = pattern.paths.iter().position(|path| *path == place.path).unwrap_or_else(|| {
        pattern.paths.push(place.path.clone());
        pattern.paths.len() - 1
    });
    pattern.leaves.push(leaf);
    let mut replaced = 0;
    for alternative in &mut alternatives {
        // A later value replaces an earlier one (EB-25).
        replaced += usize::from(alternative.insert(path, pattern.leaves.len() - 1).is_some());
    }
    if replaced > 0 {
        pattern.warnings.push(PatternWarning::Replaced { path: place.path.clone() });
    }
    Ok(alternatives)
}

fn read_leaf(place: &Place, values: &[Value]) -> Outcome<Leaf> {
    if values.is_empty() {
        return place.error(PatternProblem::Empty { field: place.path.clone() });
    }
    let mut leaf = Leaf::default();
    for (index, value) in values.iter().enumerate() {
        let place = place.below(&index.to_string());
        match value {
            Value::Array(_) => return place.error(PatternProblem::NestedArray { found: excerpt(value) }),
            Value::Object(object) => match read_operator(&place, object)? {
                Operator::Absent => leaf.absence = Absence::Accepted,
                Operator::Test(test) => leaf.tests.push(test),
            },
            scalar => leaf.tests.extend(read_scalar(scalar)),
        }
    }
    Ok(leaf)
}

fn read_scalar(scalar: &Value) -> Vec<Test> {
    match scalar {
        Value::Null => vec![Test::Null],
        Value::Bool(flag) => vec![Test::Bool(*flag)],
        Value::String(text) => {
            std::iter::once(Test::Text(text.clone())).chain(text.parse().ok().map(Test::Address)).collect()
        }
        number => Numeral::of(number).map(Test::Number).into_iter().collect(),
    }
}

enum Operator {
    /// `{"exists": false}`.
    Absent,
    Test(Test),
}

/// The only member of an operator object.
fn only<'a>(place: &Place, object: &'a Map<String, Value>) -> Outcome<(&'a str, &'a Value)> {
    let mut members = object.iter();
    match (members.next(), members.next()) {
        (Some((name, operand)), None) => Ok((name, operand)),
        _ => place.error(PatternProblem::NotOneOperator { found: excerpt(&Value::Object(object.clone())) }),
    }
}

fn read_operator(place: &Place, object: &Map<String, Value>) -> Outcome<Operator> {
    let first = object.keys().next().filter(|name| !OPERATORS.contains(&name.as_str()));
    if let Some(name) = first {
        return place.error(unknown(name));
    }
    let (name, operand) = only(place, object)?;
    let place = &place.below(name);
    let test = match name {
        "prefix" | "suffix" => read_end(place, name, operand)?,
        "equals-ignore-case" => Test::Folded(fold(&string(place, name, operand)?)),
        "wildcard" => Test::Wildcard(read_wildcard(place, &string(place, name, operand)?)?),
        "anything-but" => Test::AnythingBut(read_excluded(place, operand)?),
        "numeric" => read_numeric(place, operand)?,
        "cidr" => Test::Block(read_block(place, &string(place, name, operand)?)?),
        "exactly" => Test::Text(string(place, name, operand)?),
        _ => match operand {
            Value::Bool(true) => Test::Exists,
            Value::Bool(false) => return Ok(Operator::Absent),
            _ => return place.error(wrong_operand(name, "true or false", operand)),
        },
    };
    Ok(Operator::Test(test))
}

fn unknown(name: &str) -> PatternProblem {
    let alike = |operator: &&&str| strsim::damerau_levenshtein(&name.to_lowercase(), operator) <= 2;
    PatternProblem::UnknownOperator {
        found: name.chars().take(EXCERPT_CHARACTERS).collect(),
        nearest: OPERATORS.iter().filter(|_| name.len() < EXCERPT_CHARACTERS).find(alike).copied(),
    }
}

fn wrong_operand(operator: &str, expected: &'static str, found: &Value) -> PatternProblem {
    PatternProblem::Operand { operator: String::from(operator), expected, found: excerpt(found) }
}

fn string(place: &Place, operator: &str, operand: &Value) -> Outcome<String> {
    match operand {
        Value::String(text) => Ok(text.clone()),
        _ => place.error(wrong_operand(operator, "a string", operand)),
    }
}

/// `prefix` and `suffix`: a string, or `equals-ignore-case` with one (EB-41).
fn read_end(place: &Place, name: &str, operand: &Value) -> Outcome<Test> {
    let Value::Object(object) = operand else {
        let text = string(place, name, operand)?;
        return Ok(if name == "prefix" { Test::Prefix(text) } else { Test::Suffix(text) });
    };
    let (inner, operand) = only(place, object)?;
    if inner != "equals-ignore-case" {
        return place.error(wrong_operand(name, "a string, or equals-ignore-case with one", &Value::from(inner)));
    }
    let text = fold(&string(&place.below(inner), inner, operand)?);
    Ok(if name == "prefix" { Test::FoldedPrefix(text) } else { Test::FoldedSuffix(text) })
}

fn read_wildcard(place: &Place, text: &str) -> Outcome<Wildcard> {
    let found = || text.chars().take(EXCERPT_CHARACTERS).collect();
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('*', Some('*')) => return place.error(PatternProblem::ConsecutiveStars { found: found() }),
            ('*', _) => parts.push(std::mem::take(&mut part)),
            ('\\', Some('*' | '\\')) => part.extend(characters.next()),
            ('\\', _) => return place.error(PatternProblem::Escape { found: found() }),
            (literal, _) => part.push(literal),
        }
    }
    parts.push(part);
    Ok(Wildcard { parts })
}

/// The operand of `anything-but` (EB-50 to EB-55).
fn read_excluded(place: &Place, operand: &Value) -> Outcome<Vec<Test>> {
    if let Value::Object(object) = operand {
        let (name, operand) = only(place, object)?;
        return read_excluded_operator(&place.below(name), name, operand);
    }
    let values = operand.as_array().map_or(std::slice::from_ref(operand), Vec::as_slice);
    let alike = values.iter().all(Value::is_string) || values.iter().all(Value::is_number);
    if values.is_empty() || !alike {
        let expected = "a string, a number, a list of only strings or only numbers, or one of prefix, suffix, equals-ignore-case and wildcard";
        return place.error(wrong_operand("anything-but", expected, operand));
    }
    Ok(values.iter().flat_map(read_scalar).collect())
}

fn read_excluded_operator(place: &Place, name: &str, operand: &Value) -> Outcome<Vec<Test>> {
    if !["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&name) {
        let expected = "only prefix, suffix, equals-ignore-case or wildcard inside";
        return place.error(wrong_operand("anything-but", expected, &Value::from(name)));
    }
    let values = operand.as_array().map_or(std::slice::from_ref(operand), Vec::as_slice);
    if values.is_empty() {
        return place.error(wrong_operand(name, "a string or a list of strings", operand));
    }
    values
        .iter()
        .map(|value| match (name, string(place, name, value)?) {
            ("prefix" | "suffix", text) if text.is_empty() => {
                place.error(wrong_operand(name, "a string that is not empty", value))
            }
            ("prefix", text) => Ok(Test::Prefix(text)),
            ("suffix", text) => Ok(Test::Suffix(text)),
            ("wildcard", text) => read_wildcard(place, &text).map(Test::Wildcard),
            (_, text) => Ok(Test::Folded(fold(&text))),
        })
        .collect()
}

/// A comparison, or a range with the lower bound first (EB-60).
fn read_numeric(place: &Place, operand: &Value) -> Outcome<Test> {
    let refuse = |reason| place.error(PatternProblem::Numeric { found: excerpt(operand), reason });
    let items = operand.as_array().map(Vec::as_slice).unwrap_or_default();
    let bound = |sign: &Value, number: &Value| {
        let sign = sign.as_str().map(String::from);
        sign.zip(Numeral::of(number).and_then(Numeral::exact))
    };
    let (first, second) = match items {
        [sign, number] => (bound(sign, number), None),
        [sign, number, second_sign, second_number] => match bound(second_sign, second_number) {
            None => return refuse("the second bound is no comparison sign with an exact number"),
            second => (bound(sign, number), second),
        },
        _ => return refuse("it is no list of one or two comparisons"),
    };
    let Some((sign, number)) = first else {
        return refuse("the first bound is no comparison sign with an exact number");
    };
    let low = match sign.as_str() {
        ">" => Bound::Excluded(number),
        ">=" => Bound::Included(number),
        "<" if second.is_none() => return Ok(Test::Range(Bound::Unbounded, Bound::Excluded(number))),
        "<=" if second.is_none() => return Ok(Test::Range(Bound::Unbounded, Bound::Included(number))),
        "=" if second.is_none() => return Ok(Test::Range(Bound::Included(number), Bound::Included(number))),
        "<" | "<=" | "=" => return refuse("a range begins with its lower bound, > or >="),
        _ => return refuse("the comparison signs are =, <, <=, > and >="),
    };
    match second {
        None => Ok(Test::Range(low, Bound::Unbounded)),
        Some((_, top)) if top <= number => refuse("the lower bound must be less than the upper one"),
        Some((sign, top)) if sign == "<" => Ok(Test::Range(low, Bound::Excluded(top))),
        Some((sign, top)) if sign == "<=" => Ok(Test::Range(low, Bound::Included(top))),
        Some(_) => refuse("a range ends with its upper bound, < or <="),
    }
}

/// An address and the number of its fixed bits (EB-65).
fn read_block(place: &Place, text: &str) -> Outcome<Block> {
    let refuse =
        |reason| place.error(PatternProblem::Cidr { found: text.chars().take(EXCERPT_CHARACTERS).collect(), reason });
    let Some((address, bits)) = text.split_once('/').filter(|(_, bits)| !bits.contains('/')) else {
        return refuse("it needs exactly one slash");
    };
    let Ok(bits) = bits.parse::<u32>() else { return refuse("the number of bits is not a whole number") };
    let block = match address.parse() {
        Ok(IpAddr::V4(address)) => Block::four(address, bits),
        Ok(IpAddr::V6(address)) => Block::six(address, bits),
        Err(_) => return refuse("the part before the slash is no literal address"),
    };
    match block {
        Some(block) => Ok(block),
        None => refuse("the number of bits goes up to 31 for version 4 and 127 for version 6"),
    }
}
