//! The scenes that come with the program: they load, and are written as the program writes them.

use eventscape::scene::{builtin, text};

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
