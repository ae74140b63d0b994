//! `docs/scene-format.md` names every field and choice of the format, nothing else, with true defaults, and its
//! examples load.

use std::collections::BTreeMap;
use std::fmt::Debug;

use ron::extensions::Extensions;
use serde::de::DeserializeOwned;

use eventscape::scene::document::{Fault, FaultSpan, Link, LinkMode, Node, Region, Scene, Settings, TourStop};
use eventscape::scene::kind::{
    Consistency, FunctionEffect, Input, Jitter, Kind, PayloadTemplate, Retry, RouterPolicy, Rule, Schedule, Traffic,
};
use eventscape::scene::text::{load, save};
use eventscape::scene::units::{Latency, Spread};

const REFERENCE: &str = include_str!("../docs/scene-format.md");

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ron::Error> {
    let extensions = Extensions::IMPLICIT_SOME | Extensions::UNWRAP_NEWTYPES | Extensions::UNWRAP_VARIANT_NEWTYPES;
    ron::Options::default().with_default_extension(extensions).from_str(text).map_err(|error| error.code)
}

/// The fields or choices that the code knows, from its answer to one that it does not know.
#[track_caller]
fn names<T: DeserializeOwned + Debug>(wrong: &str) -> Vec<&'static str> {
    match read::<T>(wrong) {
        Err(ron::Error::NoSuchStructField { expected, .. } | ron::Error::NoSuchEnumVariant { expected, .. }) => {
            expected.to_vec()
        }
        other => panic!("`{wrong}` is not refused for its name: {other:?}"),
    }
}

/// The lines below a heading, up to the next one.
#[track_caller]
fn section(name: &str) -> Vec<&'static str> {
    let is_heading = |line: &&str| line.starts_with("## ") || line.starts_with("### ");
    let titled = |line: &&str| is_heading(line) && line.trim_start_matches('#').trim().trim_matches('`') == name;
    let below: Vec<&str> = REFERENCE.lines().skip_while(|line| !titled(line)).skip(1).collect();
    assert!(!below.is_empty(), "the reference has no section `{name}`");
    below.into_iter().take_while(|line| !is_heading(line)).collect()
}

/// Field and default of every row of a section's table.
#[track_caller]
fn rows(name: &str) -> Vec<(&'static str, &'static str)> {
    let cells = |line: &'static str| line.strip_prefix("| `").map(|row| row.split(" | ").collect::<Vec<_>>());
    let row = |cells: Vec<&'static str>| (cells[0].trim_end_matches('`'), cells[2].trim_matches('`'));
    section(name).into_iter().filter_map(cells).map(row).collect()
}

#[track_caller]
fn check_fields<T: DeserializeOwned + Debug>(name: &str) {
    let mut documented: Vec<&str> = rows(name).into_iter().map(|(field, _)| field).collect();
    let mut known = names::<T>("(no_such_field: 0)");
    documented.sort_unstable();
    known.sort_unstable();
    assert_eq!(documented, known, "fields of {name}");
}

/// Fields, and that each default written out gives what leaving it out gives.
#[track_caller]
fn check_defaults<T: DeserializeOwned + Debug + PartialEq>(name: &str, required: &str) {
    check_fields::<T>(name);
    let without = read::<T>(&format!("({required})")).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (field, default) in rows(name).into_iter().filter(|(_, default)| *default != "required") {
        let with = read::<T>(&format!("({required}{field}: {default})"));
        assert_eq!(with.as_ref(), Ok(&without), "{name}.{field}");
    }
}

#[track_caller]
fn check_choices<T: DeserializeOwned + Debug>(name: &str) {
    let mut documented = BTreeMap::new();
    for item in section(name).into_iter().filter_map(|line| line.strip_prefix("- `")) {
        let example = item.split('`').next().unwrap_or_default();
        let choice: String = example.chars().take_while(|letter| letter.is_alphanumeric()).collect();
        let value = read::<T>(example);
        assert!(value.is_ok(), "{name}: `{example}`: {value:?}");
        documented.insert(choice, example);
    }
    let mut known = names::<T>("NoSuchChoice");
    known.sort_unstable();
    assert_eq!(documented.into_keys().collect::<Vec<_>>(), known, "choices of {name}");
}

#[test]
fn every_field_of_the_document_is_in_the_reference_with_its_default() {
    check_fields::<Scene>("Scene");
    check_defaults::<Settings>("Settings", "");
    check_defaults::<Region>("Region", r#"label: "x", center: (0.0, 0.0), size: (1.0, 1.0), "#);
    check_defaults::<Node>("Node", "position: (0.0, 0.0, 0.0), kind: Sink(), ");
    check_defaults::<Link>("Link", r#"from: "a", to: "b", "#);
    check_defaults::<Latency>("Latency", "");
    check_defaults::<FaultSpan>("FaultSpan", r#"at: "1s", fault: Stop("a"), "#);
    check_defaults::<TourStop>("TourStop", r#"caption: "x", "#);
    check_defaults::<PayloadTemplate>("PayloadTemplate", r#"body: "{}", "#);
    check_defaults::<Retry>("Retry", "");
    check_defaults::<Rule>("Rule", r#"pattern: "{}", "#);
}

#[test]
fn every_choice_is_in_the_reference_with_an_example_that_reads() {
    check_choices::<LinkMode>("LinkMode");
    check_choices::<Spread>("Spread");
    check_choices::<Fault>("Fault");
    check_choices::<Traffic>("Traffic");
    check_choices::<Jitter>("Jitter");
    check_choices::<FunctionEffect>("FunctionEffect");
    check_choices::<RouterPolicy>("RouterPolicy");
    check_choices::<Schedule>("Schedule");
    check_choices::<Input>("Input");
    check_choices::<Consistency>("Consistency");
}

#[test]
fn every_kind_is_in_the_reference_with_its_parameters_and_their_defaults() {
    for kind in names::<Kind>("NoSuchKind()") {
        let documented = rows(kind);
        let mut fields: Vec<&str> = documented.iter().map(|(field, _)| *field).collect();
        let mut known = names::<Kind>(&format!("{kind}(no_such_field: 0)"));
        fields.sort_unstable();
        known.sort_unstable();
        assert_eq!(fields, known, "parameters of {kind}");
        let without = read::<Kind>(&format!("{kind}()"));
        for (field, default) in documented {
            assert_eq!(read::<Kind>(&format!("{kind}({field}: {default})")), without, "{kind}.{field}");
        }
    }
}

#[test]
fn every_example_of_the_reference_loads_and_is_saved_as_it_stands() {
    let examples: Vec<&str> = REFERENCE.split("```ron\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        let loaded = load(example, "docs/scene-format.md").unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!((loaded.warnings.as_slice(), save(&loaded.scene).as_str()), (&[][..], example));
    }
}
