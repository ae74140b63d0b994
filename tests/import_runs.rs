//! Every published template of the corpus runs for a minute without losing a message.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventscape::exchange::import;
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::sim::compile::compile;
use eventscape::sim::effects::Recorded;
use eventscape::sim::run::{Options, Simulation};

fn corpora() -> Option<PathBuf> {
    let named = std::env::var_os("EVENTSCAPE_CORPORA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

fn templates(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            templates(&path, found);
        } else if matches!(path.extension().and_then(|ending| ending.to_str()), Some("yaml" | "yml")) {
            found.push(path);
        }
    }
}

#[test]
fn every_imported_template_runs_for_a_minute() {
    let Some(corpora) = corpora() else {
        println!("skipped: no corpora (set EVENTSCAPE_CORPORA)");
        return;
    };
    let mut paths = Vec::new();
    templates(&corpora.join("sam"), &mut paths);
    paths.sort();
    assert!(paths.len() >= 295, "only {} templates in the corpus", paths.len());
    let (mut events, mut ended) = (0, 0);
    for path in &paths {
        let imported = import(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let model = compile(&imported.scene).unwrap_or_else(|errors| panic!("{}: {errors:?}", path.display()));
        let options = Options { threads: 1, recorded: Recorded::No, ..Options::default() };
        let simulation = Simulation::new(Arc::new(model), options);
        let mut simulation = simulation.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for second in [1, 7, 20, 60] {
            simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(second), &mut |_| {});
            let balance = simulation.conservation();
            assert!(balance.holds(), "{} at {second} s: {balance:?}", path.display());
        }
        events += simulation.figures().events;
        ended += simulation.conservation().ended;
    }
    println!("{} templates, {events} events, {ended} messages ended", paths.len());
    assert!(ended > 10_000, "messages reach an end");
}
