//! Named cases of what is wrong with definitions, and of broken text.

use proptest::prelude::*;

use super::super::{Class, Definition, Event, Identity, Step, resume, start};

#[track_caller]
fn check(definition: &str, expected: &[&str]) {
    let problems = match Definition::parse(definition) {
        Ok(definition) => definition.unsupported().to_vec(),
        Err(problems) => problems,
    };
    assert!(problems.iter().all(|problem| !problem.help().is_empty()));
    assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}

#[test]
fn all_problems_are_reported_with_their_places() {
    check("{", &["the definition is not JSON: EOF while parsing an object at line 1 column 1"]);
    check("{}", &["the field `States` is required", "the field `StartAt` is required"]);
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pas","End":true},"B":{"Type":"Wait","Next":"Bee"}}}"#,
        &[
            "there is no type of state `Pas` (at `/States/A/Type`)",
            "the state `Bee` does not exist in the same `States` (at `/States/B/Next`)",
            "exactly one of Seconds, Timestamp, SecondsPath and TimestampPath is needed (at `/States/B`)",
        ],
    );
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}"#,
        &["the workflow has no terminal state (at `/States`)"],
    );
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true},"B":{"Type":"Succeed"}}}"#,
        &["the state `B` is not reachable (at `/States/B`)"],
    );
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","ResultPath":"$.a[*]","Parameters":{"x.$":"y"},"End":true}}}"#,
        &[
            "`y` is no call of an intrinsic function: a parenthesis is missing after the function's name (at `/States/A/Parameters`)",
            "`$.a[*]` is no path: a result goes to names and indexes only (at `/States/A/ResultPath`)",
        ],
    );
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.x","NumericEqual":1,"Next":"B"}]},"B":{"Type":"Succeed"}}}"#,
        &[
            "`the comparison` must be an operator such as StringEquals, NumericLessThan or IsPresent, not `NumericEqual` (at `/States/A/Choices/0/NumericEqual`)",
            "the state `B` is not reachable (at `/States/B`)",
        ],
    );
}

#[test]
fn what_is_not_simulated_is_reported_and_runs() {
    let definition = r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Output":"{% 1 %}","Next":"B"},
        "B":{"Type":"Task","Resource":"r","Colour":"red","End":true}}}"#;
    check(
        definition,
        &[
            "the JSONata field `Output` is not simulated: the state passes its data on unchanged (at `/States/A/Output`)",
            "the field `Colour` is not known here, and is ignored (at `/States/B/Colour`)",
        ],
    );
    let parsed = Definition::parse(definition).expect("it runs");
    assert!(parsed.unsupported().iter().all(|problem| problem.class() == Class::Unsupported));
    let (_, steps) = start(&parsed, serde_json::json!({"x": 1}), Identity::default());
    assert!(matches!(steps.last(), Some(Step::Task { input, .. }) if input["x"] == 1));
}

const DEFINITIONS: [&str; 3] = [
    r#"{"StartAt":"A","States":{"A":{"Type":"Map","ItemsPath":"$.a[*].b","ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"States.Format('{}-{}', $.a[0], $x)"},"MaxConcurrency":2,"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","Assign":{"x.$":"States.MathAdd($, 1)"},"End":true}}},"Retry":[{"ErrorEquals":["States.ALL"],"BackoffRate":1.5}],"End":true}}}"#,
    r#"{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"And":[{"Variable":"$.a","IsPresent":true},{"Not":{"Variable":"$.a","StringMatches":"x*\\*y"}}],"Next":"W"},{"Variable":"$.t","TimestampLessThanPath":"$.u","Next":"F"}],"Default":"W"},"W":{"Type":"Wait","SecondsPath":"$.a[?(@.b > 1 && !@.c)]","Next":"P"},"P":{"Type":"Parallel","Branches":[{"StartAt":"S","States":{"S":{"Type":"Succeed","OutputPath":"$..a[1:-1]"}}}],"Catch":[{"ErrorEquals":["E"],"Next":"F","ResultPath":"$.e"}],"End":true},"F":{"Type":"Fail","CausePath":"States.JsonToString($)","Error":"E"}}}"#,
    r#"{"StartAt":"T","TimeoutSeconds":60,"States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"Payload":{"in.$":"$"}},"ResultSelector":{"r.$":"$.Payload"},"ResultPath":"$.r.s","OutputPath":"$.r","TimeoutSeconds":5,"Retry":[{"ErrorEquals":["A","B"],"MaxAttempts":0},{"ErrorEquals":["States.ALL"],"JitterStrategy":"FULL"}],"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"D"}],"Next":"D"},"D":{"Type":"Succeed"}}}"#,
];

/// Runs an execution for a while, answering every task and wait.
fn exercise(definition: &Definition) {
    let input = serde_json::json!({"a": [{"b": 1}, {"b": 2, "c": null}], "t": "2020-01-01T00:00:00Z", "u": "x"});
    let (mut execution, mut steps) = start(definition, input, Identity::default());
    for round in 0..20u64 {
        let awaited = steps.iter().rev().find_map(|step| match step {
            Step::Task { token, .. } if round % 3 == 0 => {
                Some(Event::TaskFailed { token: *token, error: Some(String::from("A")), cause: None })
            }
            Step::Task { token, .. } => Some(Event::TaskDone { token: *token, output: serde_json::json!([1]).into() }),
            Step::Wait { token, .. } => Some(Event::WaitOver { token: *token }),
            _ => None,
        });
        let Some(event) = awaited else { return };
        steps = resume(definition, &mut execution, event);
    }
}

proptest! {
    #[test]
    fn mutated_definitions_never_panic(
        which in 0..DEFINITIONS.len(),
        at in any::<prop::sample::Index>(),
        cut in 0usize..8,
        insert in r#"[\[\]{},:"*\\$@a-zA-Z0-9.()'=<>?!-]{0,6}"#,
    ) {
        let text = DEFINITIONS[which].chars().collect::<Vec<_>>();
        let at = at.index(text.len());
        let rest = text.iter().skip(at + cut);
        let mutated = text.iter().take(at).copied().chain(insert.chars()).chain(rest.copied()).collect::<String>();
        match Definition::parse(&mutated) {
            Ok(definition) => exercise(&definition),
            Err(problems) => prop_assert!(problems.iter().any(|problem| problem.class() == Class::Invalid)),
        }
    }
}
