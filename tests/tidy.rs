//! Reads the sources: what the architecture page says is absent must be absent.

use std::path::{Path, PathBuf};

/// Rooms, each with the rooms that it may use besides itself.
const ARROWS: [(&str, &[&str]); 8] = [
    ("scene", &[]),
    ("flow", &["scene"]),
    ("sim", &["scene", "flow"]),
    ("record", &["scene", "sim"]),
    ("study", &["scene", "sim", "record"]),
    ("exchange", &["scene", "flow", "record"]),
    ("cli", &["scene", "flow", "sim", "record", "study", "exchange"]),
    ("desktop", &["scene", "flow", "sim", "record", "study", "exchange", "cli"]),
];
/// Lines of a file at most: past it a file is more than one thought.
const LINES_MAX: usize = 800;
/// Sections of a node kind's file, in the order in which a newcomer reads it.
const SECTIONS: [&str; 3] = ["// --- Parameters:", "// --- State:", "// --- Behaviour:"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// All source files as (path below src, text), by path.
fn all() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.strip_prefix(&root).unwrap_or(path).display().to_string().replace('\\', "/");
        (name, text)
    };
    paths.iter().map(read).collect()
}

#[test]
fn arrows_between_rooms_point_down() {
    for (name, text) in all() {
        let room = name.split('/').next().unwrap_or_default();
        let Some((_, may)) = ARROWS.iter().find(|(known, _)| *known == room) else { continue };
        for (other, _) in ARROWS {
            let used = text.contains(&format!("crate::{other}::"));
            assert!(!used || other == room || may.contains(&other), "{name} uses {other}");
        }
    }
}

#[test]
fn only_the_window_knows_bevy_and_egui() {
    for (name, text) in all() {
        let knows = text.contains("bevy::") || text.contains("egui::") || text.contains("bevy_egui");
        assert!(!knows || name.starts_with("desktop/"), "{name}");
    }
}

#[test]
fn every_kind_of_node_reads_in_the_same_order() {
    let kinds: Vec<_> = all().into_iter().filter(|(name, _)| is_kind(name)).collect();
    assert!(kinds.len() >= 14, "{} kinds", kinds.len());
    for (name, text) in kinds {
        let places: Vec<Option<usize>> = SECTIONS.iter().map(|section| text.find(section)).collect();
        assert!(places.iter().all(Option::is_some), "{name} has all of {SECTIONS:?}");
        assert!(places.is_sorted(), "{name} has its sections in order");
    }
}

fn is_kind(name: &str) -> bool {
    let file = name.strip_prefix("sim/node/").unwrap_or("/");
    !file.contains('/') && file != "mod.rs" && file != "traffic.rs"
}

#[test]
fn files_are_short_and_finished() {
    for (name, text) in all() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{name} has {lines} lines");
        for word in ["todo!(", "unimplemented!(", "dbg!("] {
            assert!(!text.contains(word), "{name} has {word}");
        }
    }
}
