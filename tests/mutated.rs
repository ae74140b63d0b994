//! Whatever a file holds, checking and importing it end with a result or with errors, never with a panic; and
//! whatever a person does and undoes, undoing all of it restores the bytes.
//!
//! Templates of the corpus are mutated bytewise and in their structure; without the corpus, one of our own is.

mod corpus;
#[path = "corpus/templates.rs"]
mod templates;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use eventscape::exchange::tree::{Mark, Style, Tree, Value};
use eventscape::exchange::{import, mend, template};
use eventscape::scene::check::check;
use eventscape::scene::document::Scene;
use eventscape::scene::edit::apply;
use eventscape::scene::history::History;
use eventscape::scene::problem::SceneProblems;
use eventscape::scene::sample::{arbitrary_edit, arbitrary_scene};
use eventscape::scene::text::{load, save};
use eventscape::sim::compile::compile;
use fastrand::Rng;
use proptest::prelude::*;
use templates::templates;

/// Mutations of each template, bytewise and in its structure.
const MUTATIONS: u64 = 3;

/// A template with every part that an importer looks at.
const OWN: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: { Type: String, Default: dev }
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
Globals:
  Function: { Timeout: 20, MemorySize: 256 }
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }
  Dead: { Type: AWS::SQS::Queue }
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: !Sub "${Stage}-bus" } }
  Rule:
    Type: AWS::Events::Rule
    Condition: IsDev
    Properties:
      EventBusName: !Ref Bus
      EventPattern: { source: [orders], detail: { price: [{ numeric: [">", 5] }] } }
      Targets: [{ Id: a, Arn: !GetAtt Orders.Arn }, { Id: b, Arn: !GetAtt Topic.TopicArn }]
  Topic: { Type: AWS::SNS::Topic }
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Environment: { Variables: { TABLE: !Ref Table, QUEUE: !Ref Orders } }
      Policies: [{ DynamoDBCrudPolicy: { TableName: !Ref Table } }]
      Events:
        Queue: { Type: SQS, Properties: { Queue: !GetAtt Orders.Arn, BatchSize: 10 } }
        Api: { Type: Api, Properties: { Path: /orders, Method: post } }
        Timer: { Type: Schedule, Properties: { Schedule: rate(5 minutes) } }
        Notice: { Type: SNS, Properties: { Topic: !Ref Topic } }
  Table:
    Type: AWS::DynamoDB::Table
    Properties: { StreamSpecification: { StreamViewType: NEW_IMAGE } }
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        StartAt: Work
        States:
          Work: { Type: Task, Resource: !GetAtt Worker.Arn, Next: Rest }
          Rest: { Type: Wait, Seconds: 3, End: true }
  Odd: { Type: Custom::Thing, DependsOn: [Worker] }
Outputs:
  Url: { Value: !Join ["", ["https://", !Ref Stage]] }
"#;

/// Names and texts of templates: our own, and the corpus where it is.
fn own_and_published() -> Vec<(String, String)> {
    let paths = corpus::folder().map(|folder| templates(&folder)).unwrap_or_default();
    let read = |path: PathBuf| Some((path.display().to_string(), std::fs::read_to_string(&path).ok()?));
    // Our own once for every hundred others, so that it alone is enough.
    let own = (0..20).map(|number| (format!("own {number}"), OWN.to_owned()));
    own.chain(paths.into_iter().filter_map(read)).collect()
}

/// Changes some bytes, as a disk, an editor or an enemy would.
fn mutate_text(text: &str, rng: &mut Rng) -> String {
    const TOKENS: [&str; 22] = [
        "{", "}", "[", "]", ":", ": ", "- ", "\n", "\n  ", "  ", "\t", "\"", "'", "!Ref ", "!Sub ", "!GetAtt ", "&a ",
        "*a", "<<: ", "Fn::", "\u{0}", "ä",
    ];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.usize(1..6) {
        let (at, other) = (rng.usize(..=bytes.len()), rng.usize(..=bytes.len()));
        let (from, to) = (at.min(other), at.max(other).min(at.min(other) + 400));
        match rng.u8(..6) {
            0 => drop(bytes.drain(from..to)),
            1 => drop(bytes.splice(at..at, bytes[from..to].to_vec())),
            2 => bytes.truncate(at),
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            _ => drop(bytes.splice(at..at, rng.choice(TOKENS).unwrap_or_default().bytes())),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The `number`-th value of a tree, counted from its root down.
fn value_at<'tree>(tree: &'tree mut Tree, number: &mut usize) -> Option<&'tree mut Tree> {
    if *number == 0 {
        return Some(tree);
    }
    *number -= 1;
    match &mut tree.value {
        Value::Map(entries) => entries.iter_mut().find_map(|(_, value)| value_at(value, number)),
        Value::List(items) => items.iter_mut().find_map(|value| value_at(value, number)),
        _ => None,
    }
}

fn size(tree: &Tree) -> usize {
    1 + tree.entries().iter().map(|(_, value)| size(value)).sum::<usize>()
        + tree.items().iter().map(size).sum::<usize>()
}

/// Puts values where others are expected: another kind of value, one from elsewhere, none, two.
fn mutate_tree(root: &mut Tree, rng: &mut Rng) {
    const SCALARS: [&str; 12] = [
        "",
        "null",
        "-1",
        "1e999",
        "NaN",
        "Ref",
        "${",
        "${AWS::Region}",
        "rate(0 minutes)",
        "cron(",
        "arn:::::",
        "true",
    ];
    for _ in 0..rng.usize(1..5) {
        let all = size(root);
        let elsewhere = value_at(root, &mut rng.usize(..all)).map(|tree| tree.clone());
        let Some(place) = value_at(root, &mut rng.usize(..all)) else { continue };
        let plain = |text: &str| Tree { mark: Mark::default(), value: Value::Scalar(text.to_owned(), Style::Plain) };
        let scalar = plain(rng.choice(SCALARS).unwrap_or_default());
        match rng.u8(..7) {
            0 => *place = scalar,
            1 => *place = Tree::empty(),
            2 => *place = Tree { value: Value::List(vec![place.clone(), place.clone()]), ..place.clone() },
            3 => *place = Tree { value: Value::Map(vec![("Ref".to_owned(), scalar)]), ..place.clone() },
            4 => elsewhere.into_iter().for_each(|other| *place = other),
            _ => match &mut place.value {
                Value::Map(entries) if !entries.is_empty() => {
                    let at = rng.usize(..entries.len());
                    match rng.u8(..3) {
                        0 => drop(entries.remove(at)),
                        1 => entries[at].0 = "Properties".to_owned(),
                        _ => entries.push(entries[at].clone()),
                    }
                }
                Value::List(items) if !items.is_empty() => drop(items.remove(rng.usize(..items.len()))),
                _ => *place = scalar,
            },
        }
    }
}

/// A scene that came out of a mutated file is a scene like any other.
fn look_at(scene: &Scene) {
    let problems = check(scene);
    let text = save(scene);
    if let Ok(loaded) = load(&text, "mutated.ron") {
        assert_eq!(save(&loaded.scene), text, "what was saved is what is loaded");
    }
    // A scene with problems need not compile, but says so.
    let compiled = compile(scene);
    assert!(compiled.is_ok() || !problems.is_empty(), "a scene without problems compiles: {:?}", compiled.err());
}

#[test]
fn no_mutated_template_panics() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = folder.path().join("template.yaml");
    let (mut imported, mut refused, mut panicked) = (0, 0, Vec::new());
    for (name, text) in own_and_published() {
        for seed in 0..MUTATIONS {
            let mut rng = Rng::with_seed(seed ^ name.len() as u64);
            let bytewise = catch_unwind(AssertUnwindSafe(|| {
                std::fs::write(&path, mutate_text(&text, &mut rng)).unwrap_or_else(|error| panic!("{error}"));
                import(&path).map(|imported| look_at(&imported.scene)).is_ok()
            }));
            let structural = catch_unwind(AssertUnwindSafe(|| {
                let Ok((mut root, _)) = mend::read_mended(&text, "template.yaml") else { return false };
                mutate_tree(&mut root, &mut rng);
                template::import(root, "template.yaml", folder.path()).map(|(scene, _)| look_at(&scene)).is_ok()
            }));
            for (how, result) in [("bytewise", bytewise), ("structural", structural)] {
                match result {
                    Ok(true) => imported += 1,
                    Ok(false) => refused += 1,
                    Err(_) => panicked.push(format!("{name}, {how}, seed {seed}")),
                }
            }
        }
    }
    println!("{imported} imported, {refused} refused");
    assert!(panicked.is_empty(), "panics:\n{}", panicked.join("\n"));
    assert!(imported > 50 && refused > 10, "mutations leave some templates whole and spoil others");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn undoing_any_sequence_of_doing_undoing_and_redoing_restores_the_bytes(
        seed in any::<u64>(), steps in prop::collection::vec(0u8..8, 1..60),
    ) {
        let mut scene = arbitrary_scene(seed % 1_000);
        let (before, mut history) = (save(&scene), History::default());
        for (number, step) in (0u64..).zip(steps) {
            match step {
                0 | 1 => drop(history.undo(&mut scene)),
                2 => drop(history.redo(&mut scene)),
                _ => {
                    let edit = arbitrary_edit(&scene, seed.wrapping_add(number));
                    drop(history.perform(&mut scene, edit, None));
                }
            }
            let text = save(&scene);
            let loaded = load(&text, "edited.ron").map(|loaded| save(&loaded.scene));
            let refused = |problems: &SceneProblems| problems.to_string();
            prop_assert_eq!(loaded.as_ref().map_err(refused), Ok(&text));
        }
        while history.undo(&mut scene).is_ok_and(|undone| undone.is_some()) {}
        prop_assert_eq!(save(&scene), before);
    }

    /// Edits are applied here without the check that people's edits pass, so that scenes go wrong.
    #[test]
    fn a_scene_spoilt_by_any_edits_is_checked_and_compiled_without_a_panic(seed in any::<u64>(), edits in 1u64..40) {
        let mut scene = arbitrary_scene(seed % 1_000);
        for number in 0..edits {
            let edit = arbitrary_edit(&scene, seed.wrapping_mul(31).wrapping_add(number));
            drop(apply(&mut scene, edit));
        }
        look_at(&scene);
    }
}
