//! Named cases of the matcher (messaging semantics, section 1.6.1) and its behavior on broken text.

use super::{PatternWarning, compile};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Match {
    Yes,
    No,
}

#[track_caller]
fn check(event: &str, pattern: &str, expected: Match) {
    let event: Value = serde_json::from_str(event).expect(event);
    let compiled = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let found = if compiled.matches(&event) { Match::Yes } else { Match::No };
    assert_eq!(found, expected, "{pattern} against {event}");
}

#[track_caller]
fn check_error(pattern: &str, expected: &str) {
    let error = compile(pattern).expect_err(pattern);
    assert_eq!(error.to_string(), expected);
    assert!(!error.help().is_empty());
}

#[test]
fn anything_but_needs_a_scalar_and_lets_other_types_pass() {
    check(r#"{"a":null}"#, r#"{"a":[{"anything-but":"x"}]}"#, Match::Yes);
    check(r#"{"a":true}"#, r#"{"a":[{"anything-but":"x"}]}"#, Match::Yes);
    check(r#"{"a":5}"#, r#"{"a":[{"anything-but":{"prefix":"5"}}]}"#, Match::Yes);
    check(r#"{"a":5}"#, r#"{"a":[{"anything-but":{"wildcard":"*"}}]}"#, Match::Yes);
    check(r#"{"a":5.0}"#, r#"{"a":[{"anything-but":5}]}"#, Match::No);
    check(r#"{"b":1}"#, r#"{"a":[{"anything-but":"x"}]}"#, Match::No);
    check(r#"{"a":{"b":1}}"#, r#"{"a":[{"anything-but":"x"}]}"#, Match::No);
    check(r#"{"a":[]}"#, r#"{"a":[{"anything-but":"x"}]}"#, Match::No);
    check(r#"{"a":["x","y"]}"#, r#"{"a":[{"anything-but":"x"}]}"#, Match::Yes);
    check(r#"{"a":["x"]}"#, r#"{"a":[{"anything-but":"x"}]}"#, Match::No);
}

#[test]
fn exists_looks_at_leaves_only() {
    check(r#"{"a":[]}"#, r#"{"a":[{"exists":false}]}"#, Match::Yes);
    check(r#"{"a":{"b":1}}"#, r#"{"a":[{"exists":false}]}"#, Match::Yes);
    check(r#"{"a":null}"#, r#"{"a":[{"exists":true}]}"#, Match::Yes);
    check(r#"{"a":[{"b":1}]}"#, r#"{"a":[{"exists":true}]}"#, Match::No);
    check(r#"{"a":1}"#, r#"{"a":[{"exists":false}, 1]}"#, Match::Yes);
    check(r#"{"a":2}"#, r#"{"a":[{"exists":false}, 1]}"#, Match::No);
    check(r#"{}"#, r#"{"a":[{"exists":false}, 1]}"#, Match::Yes);
}

#[test]
fn numbers_are_compared_by_value() {
    check(r#"{"a":3.0e2}"#, r#"{"a":[300]}"#, Match::Yes);
    check(r#"{"a":"300"}"#, r#"{"a":[300]}"#, Match::No);
    check(r#"{"a":123456789012345678901}"#, r#"{"a":[123456789012345678901]}"#, Match::Yes);
    check(r#"{"a":12345678901234567}"#, r#"{"a":[12345678901234567]}"#, Match::Yes);
    check(r#"{"a":12345678901234567}"#, r#"{"a":[12345678901234568]}"#, Match::No);
    check(r#"{"a":12345678901234567}"#, r#"{"a":[{"numeric":[">",1]}]}"#, Match::No);
    check(r#"{"a":1e10}"#, r#"{"a":[{"numeric":[">",5e9]}]}"#, Match::Yes);
    check(r#"{"a":0.30000000000000004}"#, r#"{"a":[{"numeric":["=",0.3]}]}"#, Match::No);
    check(r#"{"a":5}"#, r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, Match::Yes);
    check(r#"{"a":"5"}"#, r#"{"a":[{"numeric":["=",5]}]}"#, Match::No);
}

#[test]
fn texts_match_by_their_ends_and_wildcards() {
    check(r#"{"a":""}"#, r#"{"a":[{"prefix":""}]}"#, Match::Yes);
    check(r#"{"a":1}"#, r#"{"a":[{"prefix":""}]}"#, Match::No);
    check(r#"{"a":""}"#, r#"{"a":[{"wildcard":"*"}]}"#, Match::Yes);
    check(r#"{"a":1}"#, r#"{"a":[{"wildcard":"*"}]}"#, Match::No);
    check(r#"{"a":"a*b"}"#, r#"{"a":[{"wildcard":"a\\*b"}]}"#, Match::Yes);
    check(r#"{"a":"axb"}"#, r#"{"a":[{"wildcard":"a\\*b"}]}"#, Match::No);
    check(r#"{"a":"aba"}"#, r#"{"a":[{"wildcard":"ab*ba"}]}"#, Match::No);
    check(r#"{"a":"abcbcd"}"#, r#"{"a":[{"wildcard":"a*bc*d"}]}"#, Match::Yes);
    check(r#"{"a":"Übel"}"#, r#"{"a":[{"equals-ignore-case":"üBEL"}]}"#, Match::Yes);
    check(r#"{"a":"report.PNG"}"#, r#"{"a":[{"suffix":{"equals-ignore-case":".png"}}]}"#, Match::Yes);
}

#[test]
fn blocks_hold_addresses_of_their_version() {
    check(r#"{"a":"10.0.0.5"}"#, r#"{"a":[{"cidr":"10.0.0.9/24"}]}"#, Match::Yes);
    check(r#"{"a":"10.0.0.5"}"#, r#"{"a":[{"cidr":"0.0.0.0/0"}]}"#, Match::Yes);
    check(r#"{"a":"10.0.0.256"}"#, r#"{"a":[{"cidr":"10.0.0.0/8"}]}"#, Match::No);
    check(r#"{"a":"::ffff:10.0.0.5"}"#, r#"{"a":[{"cidr":"10.0.0.0/8"}]}"#, Match::No);
    check(r#"{"a":"2001:0db8:0::1"}"#, r#"{"a":["2001:db8::1"]}"#, Match::Yes);
}

#[test]
fn one_element_of_an_array_fulfills_all_fields() {
    let event = r#"{"e":[{"f":"A","l":"S"},{"f":"P","l":"J"}]}"#;
    check(event, r#"{"e":{"f":["A"],"l":["J"]}}"#, Match::No);
    check(event, r#"{"e":{"f":["P"],"l":["J"]}}"#, Match::Yes);
    let event = r#"{"e":[{"f":"A","l":"S"},{"f":"P"}]}"#;
    check(event, r#"{"e":{"f":["P"],"l":[{"exists":false}]}}"#, Match::Yes);
    check(event, r#"{"e":{"l":[{"exists":false}]}}"#, Match::No);
    check(r#"{"e":[[{"f":"A"}],[{"f":"P"}]]}"#, r#"{"e":{"f":["P"]}}"#, Match::Yes);
}

#[test]
fn names_join_with_dots() {
    check(r#"{"a.b":1}"#, r#"{"a":{"b":[1]}}"#, Match::Yes);
    check(r#"{"a":{"b":1}}"#, r#"{"a.b":[1]}"#, Match::Yes);
    check(r#"{"a":{"b":2},"a.b":1}"#, r#"{"a.b":[1]}"#, Match::Yes);
    check(r#"{"a":{"b":2},"a.b":1}"#, r#"{"a.b":[{"exists":false}]}"#, Match::No);
}

#[test]
fn alternatives_join_their_siblings() {
    check(r#"{"c":1,"b":1}"#, r#"{"c":[1],"$or":[{"a":[1]},{"b":[1]}]}"#, Match::Yes);
    check(r#"{"c":2,"b":1}"#, r#"{"c":[1],"$or":[{"a":[1]},{"b":[1]}]}"#, Match::No);
    check(r#"{"a":1,"b":2}"#, r#"{"a":[9],"$or":[{"a":[1]},{"b":[7]}]}"#, Match::Yes);
    check(r#"{"d":{"x":1}}"#, r#"{"d":{"$or":[{"x":[1]},{"y":[1]}]}}"#, Match::Yes);
    check(r#"{"x":1}"#, r#"{"d":{"$or":[{"x":[1]},{"y":[1]}]}}"#, Match::No);
    let compiled = compile(r#"{"a":[9],"$or":[{"a":[1]},{"b":[7]}]}"#).expect("a replaced field is no error");
    assert_eq!(compiled.warnings(), [PatternWarning::Replaced { path: String::from("a") }]);
    assert_eq!(compiled.paths(), ["a", "b"]);
}

#[test]
fn many_alternatives_are_refused_in_bounded_time() {
    let pair = r#"{"$or":[{"a":[1]},{"b":[1]}]}"#;
    let fields = (0..12).map(|n| format!(r#""f{n}":{pair}"#)).collect::<Vec<_>>().join(",");
    check_error(&format!("{{{fields}}}"), "the `$or` alternatives multiply to more than 1000 (at `/f9/$or/1`)");
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    check_error("{}", "the field `` is empty, and would match nothing");
    check_error(r#"{"a":{}}"#, "the field `a` is empty, and would match nothing (at `/a`)");
    check_error(r#"{"a":"x"}"#, "the field `a` must be an object or an array, not `\"x\"` (at `/a`)");
    check_error(
        r#"{"a":[["x"]]}"#,
        "a match value must be a scalar or an operator, not the array `[\"x\"]` (at `/a/0`)",
    );
    check_error(r#"{"a":[{"prefx":"x"}]}"#, "unrecognized match type `prefx` (at `/a/0`)");
    check_error(r#"{"a":[{"wildcard":"a**b"}]}"#, "the wildcard `a**b` has two stars in a row (at `/a/0/wildcard`)");
    check_error(r#"{"$or":[{"a":[1]}]}"#, "unrecognized match type `a` (at `/$or/0`)");
    check_error(
        r#"{"$or":[{"numeric":[1]},{"b":[1]}]}"#,
        "`numeric` cannot read `[1]`: it is no list of one or two comparisons (at `/$or/0/numeric`)",
    );
    check_error(
        r#"{"a":[{"numeric":[">=",5,"<=",5]}]}"#,
        "`numeric` cannot read `[\">=\",5,\"<=\",5]`: the lower bound must be less than the upper one (at `/a/0/numeric`)",
    );
    check_error(
        r#"{"d":{"$or":[{"x":[1]},{"y":2}]}}"#,
        "the field `y` must be an object or an array, not `2` (at `/d/$or/1/y`)",
    );
    check_error(
        r#"{"a":[{"cidr":"10.0.0.5/32"}]}"#,
        "`10.0.0.5/32` is no block of addresses: the number of bits goes up to 31 for version 4 and 127 for version 6 (at `/a/0/cidr`)",
    );
}

#[test]
fn deep_events_are_looked_at_to_a_bounded_depth() {
    let mut event = json!(1);
    for _ in 0..600 {
        event = Value::from(vec![event]);
    }
    let event = Value::from_iter([("a", event)]);
    let pattern = compile(r#"{"a":[1]}"#).expect("a plain pattern");
    assert!(!pattern.matches(&event));
}

const PATTERNS: [&str; 4] = [
    r#"{"a":[{"anything-but":{"prefix":["x","y"]}},{"wildcard":"*a\\*b*"}],"$or":[{"b":[1e3]},{"c":{"d":[null]}}]}"#,
    r#"{"a":[{"numeric":[">",0,"<=",5]}],"b.c":[{"exists":false},{"cidr":"::/7"}]}"#,
    r#"{"d":{"e":[{"suffix":{"equals-ignore-case":"Ü"}},true],"$or":[{"x":["10.0.0.1"]},{"$or":[{"y":[2]},{"z":[3]}]}]}}"#,
    r#"{"a":[{"exactly":"q"},{"equals-ignore-case":"Q"},{"anything-but":[1,2.5]}]}"#,
];

proptest! {
    #[test]
    fn mutated_patterns_never_panic(
        which in 0..PATTERNS.len(),
        at in any::<prop::sample::Index>(),
        cut in 0usize..6,
        insert in r#"[\[\]{},:"*\\$a-z0-9./<=>-]{0,5}"#,
    ) {
        let pattern = PATTERNS[which].chars().collect::<Vec<_>>();
        let at = at.index(pattern.len());
        let rest = pattern.iter().skip(at + cut);
        let mutated = pattern.iter().take(at).copied().chain(insert.chars()).chain(rest.copied()).collect::<String>();
        match compile(&mutated) {
            Ok(compiled) => { compiled.matches(&json!({"a": ["x", 1, {"b": 2}], "b": {"c": null}, "d": [{"e": true}]})); }
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.help().is_empty()),
        }
    }
}
