//! Traffic: every way in that nobody feeds gets a source, with payloads that the rules behind it match.
//!
//! Invariant: when this is done, every node that a link touches is reached from a source.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::exchange::template::builder::Builder;
use crate::exchange::template::draft::Carries;
use crate::flow::route::Route;
use crate::flow::{pattern, template};
use crate::scene::kind::{Client, Kind, PayloadTemplate, Producer, Traffic};
use crate::scene::slug::NodeId;
use crate::scene::units::{Duration, Rate};

/// Different payloads of one source at most.
const PAYLOADS_MAX: usize = 16;
/// Patterns that are looked at for one source.
const PATTERNS_MAX: usize = 64;

/// Adds the sources.
pub fn add(builder: &mut Builder<'_>) {
    let fed = builder.draft.fed();
    let ends: Vec<NodeId> = builder.draft.nodes.keys().filter(|id| !fed.contains(*id)).cloned().collect();
    for id in ends {
        feed(builder, &id);
    }
    // What is still not reached lies in a circle: one source for each, where it most likely begins.
    let mut reached = builder.draft.reached_from(sources(builder));
    let mut rest: Vec<(u8, NodeId)> =
        builder.draft.nodes.iter().map(|(id, node)| (rank(&node.kind), id.clone())).collect();
    rest.sort();
    for (_, id) in rest {
        if !reached.contains(&id) && feed(builder, &id) {
            reached.extend(builder.draft.reached_from([id]));
        }
    }
}

fn sources(builder: &Builder<'_>) -> Vec<NodeId> {
    let is_source = |kind: &Kind| matches!(kind, Kind::Client(_) | Kind::Producer(_) | Kind::Scheduler(_));
    builder.draft.nodes.iter().filter(|(_, node)| is_source(&node.kind)).map(|(id, _)| id.clone()).collect()
}

/// Where traffic more likely begins comes first.
fn rank(kind: &Kind) -> u8 {
    match kind {
        Kind::Gateway(_) => 0,
        Kind::Bus(_) => 1,
        Kind::Store(_) => 2,
        Kind::Queue(_) => 3,
        Kind::StateMachine(_) => 4,
        Kind::Function(_) => 5,
        _ => 6,
    }
}

/// Puts a source before a node, where its kind takes one; whether it did.
fn feed(builder: &mut Builder<'_>, id: &NodeId) -> bool {
    let Some(node) = builder.draft.nodes.get(id) else { return false };
    let busy = builder.draft.targets(id).next().is_some();
    let (rate, carries) = match &node.kind {
        Kind::Gateway(_) => (5.0, Carries::Requests),
        Kind::Bus(_) | Kind::Queue(_) => (5.0, Carries::Events),
        Kind::Store(store) if store.stream && busy => (2.0, Carries::Requests),
        Kind::StateMachine(_) => (1.0, Carries::Events),
        Kind::Function(_) => (1.0, Carries::Requests),
        Kind::Generic(_) | Kind::Router(_) if busy => (2.0, Carries::Events),
        Kind::Service(_) if busy => (1.0, Carries::Requests),
        _ => return false,
    };
    let payloads = payloads(builder, id);
    let traffic = Traffic::Poisson(Rate::per_second(rate));
    let (name, kind) = match carries {
        Carries::Requests => {
            // As long as a gateway waits at most, so that the client does not give up before.
            let client = Client { traffic, payloads, timeout: Duration::seconds(30), ..Client::default() };
            (format!("{id}-clients"), Kind::Client(client))
        }
        _ => (format!("{id}-source"), Kind::Producer(Producer { traffic, payloads, ..Producer::default() })),
    };
    let Some(source) = builder.node(&name, kind, "supposed traffic") else { return false };
    builder.draft.link(&source, id, carries);
    true
}

/// A payload for each pattern that something behind `id` waits for.
fn payloads(builder: &Builder<'_>, id: &NodeId) -> Vec<PayloadTemplate> {
    let mut bodies: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for text in patterns_behind(builder, id) {
        if bodies.len() >= PAYLOADS_MAX {
            break;
        }
        if let Some(body) = matching_body(&text)
            && seen.insert(body.clone())
        {
            bodies.push(body);
        }
    }
    if bodies.is_empty() {
        bodies.push(r#"{"id":"$int(1,1000)"}"#.to_owned());
    }
    let requests = requests(builder, id);
    if !requests.is_empty() {
        let count = requests.len().max(bodies.len()).min(PAYLOADS_MAX);
        let both = requests.iter().cycle().zip(bodies.iter().cycle()).take(count);
        bodies = both.map(|(request, body)| addressed(request, body)).collect();
    }
    bodies.into_iter().map(|body| PayloadTemplate { weight: 1, body, variants: 64 }).collect()
}

/// A method and path for each route of a gateway.
fn requests(builder: &Builder<'_>, id: &NodeId) -> Vec<(&'static str, String)> {
    let Some(Kind::Gateway(gateway)) = builder.draft.nodes.get(id).map(|node| &node.kind) else { return Vec::new() };
    let routes = gateway.routes.values().flatten().filter_map(|text| Route::parse(text).ok());
    routes.map(|route| route.example()).collect()
}

/// A body with the method and path of a request.
fn addressed((method, path): &(&'static str, String), body: &str) -> String {
    let mut value: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.insert("method".to_owned(), json!(method));
        members.insert("path".to_owned(), json!(path));
    }
    value.to_string()
}

fn patterns_behind(builder: &Builder<'_>, id: &NodeId) -> Vec<String> {
    let mut patterns = Vec::new();
    for reached in builder.draft.reached_from([id.clone()]) {
        match builder.draft.nodes.get(&reached).map(|node| &node.kind) {
            Some(Kind::Bus(bus)) => patterns.extend(bus.rules.values().map(|rule| rule.pattern.clone())),
            Some(Kind::Router(router)) => patterns.extend(router.routes.values().cloned()),
            Some(Kind::Function(function)) => patterns.extend(function.filters.iter().cloned()),
            _ => {}
        }
        if patterns.len() > PATTERNS_MAX {
            break;
        }
    }
    patterns
}

/// The text of an event that a pattern matches, where one is found.
fn matching_body(text: &str) -> Option<String> {
    let compiled = pattern::compile(text).ok()?;
    let written: Value = serde_json::from_str(text).ok()?;
    let mut event = Map::new();
    fulfill(written.as_object()?, &mut event);
    event.entry("id").or_insert_with(|| json!("$int(1,1000)"));
    let body = Value::Object(event).to_string();
    let template = template::Template::parse(&body, 64).ok()?;
    compiled.matches(&template.render(0)).then_some(body)
}

/// Writes into `event` what the fields of a pattern ask for.
fn fulfill(pattern: &Map<String, Value>, event: &mut Map<String, Value>) {
    for (name, wanted) in pattern {
        match wanted {
            Value::Array(options) if name == "$or" => {
                if let Some(first) = options.first().and_then(Value::as_object) {
                    fulfill(first, event);
                }
            }
            Value::Array(options) => {
                if let Some(value) = options.iter().find_map(example) {
                    event.insert(name.clone(), value);
                }
            }
            Value::Object(inner) => {
                let entry = event.entry(name.clone()).or_insert_with(|| json!({}));
                if let Value::Object(object) = entry {
                    fulfill(inner, object);
                }
            }
            _ => {}
        }
    }
}

/// A value that one entry of a pattern's list takes; `None` where it asks for nothing to be there.
fn example(option: &Value) -> Option<Value> {
    let Value::Object(operator) = option else { return Some(option.clone()) };
    let (name, operand) = operator.iter().next()?;
    let text = || match operand {
        Value::String(text) => Some(text.clone()),
        Value::Object(inner) => inner.values().next()?.as_str().map(str::to_owned),
        _ => None,
    };
    match name.as_str() {
        "prefix" => Some(json!(format!("{}x", text()?))),
        "suffix" => Some(json!(format!("x{}", text()?))),
        "equals-ignore-case" => Some(json!(text()?)),
        "wildcard" => Some(json!(text()?.replace('*', "x"))),
        "exists" => operand.as_bool().filter(|exists| *exists).map(|_| json!("x")),
        "anything-but" => Some(json!("something-else")),
        "cidr" => Some(json!(text()?.split('/').next()?)),
        "numeric" => numeric(operand.as_array()?),
        _ => None,
    }
}

/// A number between the bounds of a numeric test.
fn numeric(tests: &[Value]) -> Option<Value> {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for test in tests.chunks(2) {
        let [operator, bound] = test else { return None };
        let bound_value = bound.as_f64()?;
        match operator.as_str()? {
            "=" => return Some(bound.clone()),
            ">" | ">=" => low = bound_value,
            "<" | "<=" => high = bound_value,
            _ => return None,
        }
    }
    let number = match (low.is_finite(), high.is_finite()) {
        (true, true) => (low + high) / 2.0,
        (true, false) => low + 1.0,
        (false, true) => high - 1.0,
        (false, false) => 0.0,
    };
    Some(if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_body(pattern: &str) {
        assert!(matching_body(pattern).is_some(), "{pattern}");
    }

    #[test]
    fn an_event_is_found_for_each_operator() {
        for pattern in [
            r#"{"source": ["order"], "detail": {"total": [{"numeric": [">", 10, "<=", 20]}]}}"#,
            r#"{"a": [{"prefix": "x"}], "b": [{"suffix": ".png"}], "c": [{"exists": true}], "d": [{"exists": false}]}"#,
            r#"{"a": [{"anything-but": ["b"]}], "c": [{"wildcard": "a*b*c"}], "d": [{"equals-ignore-case": "Abc"}]}"#,
            r#"{"$or": [{"a": [1]}, {"b": [2]}], "c": [{"cidr": "10.0.0.0/24"}], "d": [null, true]}"#,
            super::super::kinds::MATCH_ALL,
        ] {
            check_body(pattern);
        }
    }
}
