//! The intrinsic functions themselves.
//!
//! Invariant: every list and text that a function makes is bounded by its arguments or by a limit here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_128;

use super::Function;
use crate::flow::states::scope::Scope;

/// Elements of ArrayRange.
const RANGE_MAX: usize = 1_000;
/// Characters that are encoded or decoded.
const TEXT_MAX: usize = 10_000;

type Outcome = Result<Value, &'static str>;

pub(super) fn apply(function: Function, arguments: &[Value], scope: &Scope) -> Outcome {
    match (function, arguments) {
        (Function::Format, [Value::String(template), values @ ..]) => format(template, values),
        (Function::StringToJson, [Value::String(text)]) if text.trim().is_empty() => Ok(Value::Null),
        (Function::StringToJson, [Value::String(text)]) => parse_json(text),
        (Function::JsonToString, [value]) => Ok(Value::from(value.to_string())),
        (Function::Array, values) => Ok(Value::from(values)),
        (Function::ArrayPartition, [Value::Array(items), size]) => partition(items, size),
        (Function::ArrayContains, [Value::Array(items), value]) => {
            Ok(items.iter().any(|item| same(item, value)).into())
        }
        (Function::ArrayRange, [first, last, step]) => range(first, last, step),
        (Function::ArrayGetItem, [Value::Array(items), index]) => {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            index.and_then(|index| items.get(index)).cloned().ok_or("the index is out of range")
        }
        (Function::ArrayLength, [Value::Array(items)]) => Ok(items.len().into()),
        (Function::ArrayUnique, [Value::Array(items)]) => Ok(unique(items)),
        (Function::Base64Encode, [Value::String(text)]) => Ok(STANDARD.encode(short(text)?).into()),
        (Function::Base64Decode, [Value::String(text)]) => {
            let bytes = STANDARD.decode(short(text)?).map_err(|_| "the text is not base 64")?;
            String::from_utf8(bytes).map(Value::from).map_err(|_| "the bytes are no text")
        }
        (Function::Hash, [value, Value::String(algorithm)]) => hash(value, algorithm),
        (Function::JsonMerge, [Value::Object(one), Value::Object(another), Value::Bool(false)]) => {
            Ok(Value::Object(one.clone().into_iter().chain(another.clone()).collect::<Map<_, _>>()))
        }
        (Function::MathRandom, [start, end]) => random(start, end, draw(scope, arguments)),
        (Function::MathRandom, [start, end, seed]) => random(start, end, xxh3_128(seed.to_string().as_bytes())),
        (Function::MathAdd, [one, another]) => Ok(Value::from(rounded(one)? + rounded(another)?)),
        (Function::StringSplit, [Value::String(text), Value::String(ends)]) => {
            Ok(text.split(|character| ends.contains(character)).filter(|piece| !piece.is_empty()).collect())
        }
        (Function::Uuid, []) => Ok(Value::from(uuid(draw(scope, arguments)))),
        _ => Err("the number or the types of the arguments are wrong"),
    }
}

/// Random bits of this call: of the seed, the state, its attempt and the arguments.
fn draw(scope: &Scope, arguments: &[Value]) -> u128 {
    let attempts = scope.thread.attempts.iter().sum::<u64>();
    let seed = scope.execution.identity.seed;
    let key = format!("{seed}/{}/{attempts}/{}", scope.thread.entered, Value::from(arguments));
    xxh3_128(key.as_bytes())
}

fn format(template: &str, values: &[Value]) -> Outcome {
    let mut text = String::new();
    let mut values = values.iter();
    let mut characters = template.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some('{' | '}' | '\'' | '\\')) => text.extend(characters.next()),
            ('{', Some('}')) => {
                characters.next();
                text.push_str(&shown(values.next().ok_or("there are more placeholders than values")?));
            }
            (other, _) => text.push(other),
        }
    }
    if values.next().is_some() { Err("there are more values than placeholders") } else { Ok(Value::from(text)) }
}

/// A value inside Format: texts as they are, objects and lists as the service's own language shows them.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}={}", shown(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

fn parse_json(text: &str) -> Outcome {
    match text.trim() {
        // The service's own reader has no negative zero.
        "-0" => Ok(Value::from(0)),
        text => serde_json::from_str(text).map_err(|_| "the text is not JSON"),
    }
}

/// Whole numbers as the functions round them: half up (states semantics, MathAdd).
fn rounded(value: &Value) -> Result<i64, &'static str> {
    let number = value.as_f64().ok_or("an argument is not a number")?;
    let whole = (number + 0.5).floor();
    let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&whole);
    if fits { Ok(whole as i64) } else { Err("a number is out of range") }
}

fn partition(items: &[Value], size: &Value) -> Outcome {
    let size = usize::try_from(rounded(size)?).ok().filter(|size| *size > 0).ok_or("the size is not positive")?;
    Ok(items.chunks(size).map(Value::from).collect())
}

fn range(first: &Value, last: &Value, step: &Value) -> Outcome {
    let (first, last, step) = (rounded(first)?, rounded(last)?, rounded(step)?);
    if step == 0 {
        return Err("the step is zero");
    }
    let inside = |number: &i64| if step > 0 { *number <= last } else { *number >= last };
    let numbers = std::iter::successors(Some(first), |number| number.checked_add(step));
    let numbers = numbers.take_while(inside).take(RANGE_MAX + 1).collect::<Vec<_>>();
    if numbers.len() > RANGE_MAX { Err("the list is longer than 1,000") } else { Ok(Value::from(numbers)) }
}

/// Equality of values, numbers by value.
fn same(one: &Value, another: &Value) -> bool {
    one == another || one.as_f64().is_some_and(|number| another.as_f64() == Some(number))
}

fn unique(items: &[Value]) -> Value {
    let mut seen = std::collections::BTreeSet::new();
    items.iter().filter(|item| seen.insert(item.to_string())).cloned().collect()
}

fn short(text: &str) -> Result<&str, &'static str> {
    if text.chars().count() > TEXT_MAX { Err("the text is longer than 10,000 characters") } else { Ok(text) }
}

fn hash(value: &Value, algorithm: &str) -> Outcome {
    use sha2::Digest;
    let text = value.as_str().map_or_else(|| value.to_string(), String::from);
    let bytes = short(&text)?.as_bytes();
    let digest = match algorithm {
        "MD5" => md5::Md5::digest(bytes).to_vec(),
        "SHA-1" => sha1::Sha1::digest(bytes).to_vec(),
        "SHA-256" => sha2::Sha256::digest(bytes).to_vec(),
        "SHA-384" => sha2::Sha384::digest(bytes).to_vec(),
        "SHA-512" => sha2::Sha512::digest(bytes).to_vec(),
        _ => return Err("there is no such algorithm"),
    };
    Ok(Value::from(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn random(start: &Value, end: &Value, bits: u128) -> Outcome {
    let (start, end) = (rounded(start)?, rounded(end)?);
    let span = u128::from(end.abs_diff(start));
    if start >= end {
        return Err("the start is not less than the end");
    }
    // Both ends lie in 32 bits, so the remainder does too.
    Ok(Value::from(start + i64::try_from(bits % span).unwrap_or(0)))
}

/// Random bits as a UUID of version 4.
fn uuid(bits: u128) -> String {
    let bits = (bits & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let text = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| text.get(range).unwrap_or_default());
    parts.join("-")
}
