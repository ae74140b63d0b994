//! Every published template of the corpus imports into a scene that is right, and that stays what it is
//! when it is saved and loaded.

mod corpus;
#[path = "corpus/templates.rs"]
mod templates;

use std::collections::BTreeMap;

use eventscape::exchange::{Imported, import};
use eventscape::scene::check::check;
use eventscape::scene::document::Scene;
use eventscape::scene::text::{load, save};
use eventscape::sim::compile::compile;
use templates::templates;

fn overlap(scene: &Scene) -> Option<(String, String)> {
    let nodes: Vec<_> = scene.nodes.iter().collect();
    for (row, (id, node)) in nodes.iter().enumerate() {
        for (other_id, other) in &nodes[row + 1..] {
            let along = (node.position.0 - other.position.0).abs();
            let across = (node.position.2 - other.position.2).abs();
            if along < 6.5 && across < 4.5 {
                return Some((id.to_string(), other_id.to_string()));
            }
        }
    }
    None
}

/// What is wrong with an imported scene, as lines.
fn problems(scene: &Scene) -> Vec<String> {
    let mut problems: Vec<String> = check(scene).iter().map(|problem| problem.to_string()).collect();
    let text = save(scene);
    match load(&text, "scene.ron") {
        Ok(loaded) => {
            if loaded.scene != *scene || save(&loaded.scene) != text {
                problems.push("loading what was saved gives another scene".to_owned());
            }
        }
        Err(error) => problems.push(format!("what was saved does not load: {error:?}")),
    }
    if let Err(errors) = compile(scene) {
        problems.extend(errors.iter().map(|error| format!("does not compile: {error}")));
    }
    problems.extend(overlap(scene).map(|(a, b)| format!("`{a}` and `{b}` overlap")));
    problems
}

#[test]
fn every_template_of_the_corpus_imports() {
    let Some(corpora) = corpus::folder() else { return };
    let paths = templates(&corpora);
    let mut failures = Vec::new();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    let mut known_types: BTreeMap<String, usize> = BTreeMap::new();
    let (mut nodes, mut links, mut resources, mut notes) = (0, 0, 0, 0);
    for path in &paths {
        match import(path) {
            Ok(Imported { scene, summary }) => {
                failures.extend(problems(&scene).into_iter().map(|line| format!("{}: {line}", path.display())));
                nodes += summary.nodes;
                links += summary.links;
                resources += summary.resources;
                notes += summary.notes.len();
                for (name, count) in &summary.unknown {
                    *unknown.entry(name.clone()).or_default() += count;
                }
                for (name, count) in summary.known.iter().chain(&summary.configuration) {
                    *known_types.entry(name.clone()).or_default() += count;
                }
                if std::env::var_os("EVENTSCAPE_IMPORT_LINES").is_some() {
                    summary.lines().iter().for_each(|line| println!("{line}"));
                }
            }
            Err(error) => failures.push(format!("{}: {error}", path.display())),
        }
    }
    println!(
        "{} templates, {resources} resources, {nodes} nodes, {links} links, {notes} notes; {} known types, {} unknown: {unknown:?}",
        paths.len(),
        known_types.len(),
        unknown.len(),
    );
    assert!(failures.is_empty(), "{} problems:\n{}", failures.len(), failures.join("\n"));
}
