//! The scenes that come with the program: they load, are written as the program writes them, keep every
//! message, and obey Little's law.

use std::sync::Arc;

use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::{builtin, text};
use eventscape::sim::compile::compile;
use eventscape::sim::run::{Options, Simulation};

/// Set to write the scenes anew, as the program would.
const BLESS: &str = "EVENTSCAPE_BLESS";

#[test]
fn every_scene_loads_without_a_warning() {
    for scene in builtin::SCENES {
        let loaded = text::load(scene.text, scene.name).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(loaded.warnings.is_empty(), "{}: {:?}", scene.name, loaded.warnings);
        assert!(!loaded.scene.notes.is_empty(), "{} says what to look at", scene.name);
    }
}

#[test]
fn every_scene_is_written_as_the_program_writes_it() {
    for scene in builtin::SCENES {
        let loaded = text::load(scene.text, scene.name).unwrap_or_else(|problems| panic!("{problems}"));
        let written = text::save(&loaded.scene);
        if std::env::var_os(BLESS).is_some() {
            let path = format!("{}/scenes/{}.ron", env!("CARGO_MANIFEST_DIR"), scene.name);
            std::fs::write(path, &written).unwrap_or_else(|error| panic!("{error}"));
            continue;
        }
        assert!(written == scene.text, "{}: run the tests once with {BLESS}=1", scene.name);
    }
}

#[test]
fn every_scene_keeps_every_message() {
    for scene in builtin::SCENES {
        let loaded = text::load(scene.text, scene.name).unwrap_or_else(|problems| panic!("{problems}"));
        let model = compile(&loaded.scene).unwrap_or_else(|errors| panic!("{errors:?}"));
        let options = Options { threads: 1, ..Options::default() };
        let mut simulation = Simulation::new(Arc::new(model), options).unwrap_or_else(|error| panic!("{error}"));
        for second in 1..=60 {
            simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(second), &mut |_| {});
            let balance = simulation.conservation();
            assert!(balance.holds(), "{} at {second} s: {balance:?}", scene.name);
        }
        let balance = simulation.conservation();
        assert!(balance.ended > 100, "{}: messages reach an end: {balance:?}", scene.name);
    }
}
