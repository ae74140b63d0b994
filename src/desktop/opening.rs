//! Opening: what a path holds, read on a thread of its own.
//!
//! Invariant: whatever stands in a file, reading it ends with a scene, a recording or cards that say
//! why not; it never ends the program.

use std::path::{Path, PathBuf};

use crate::record::Recording;
use crate::record::manifest::MANIFEST;
use crate::scene::document::Scene;
use crate::scene::problem::{SceneProblem, SceneProblems};
use crate::scene::text;

use super::notice::Card;
use super::panel::welcome::sentence_case;

/// What the program opens with.
#[derive(Clone, Debug, Default)]
pub enum Opening {
    /// Nothing: the ways in are shown.
    #[default]
    Empty,
    /// A scene that has no file.
    Scene(Box<Scene>),
    /// A scene, template or recording.
    Path(PathBuf),
}

/// What a file held.
pub enum Opened {
    /// A scene, and what its author should know.
    Scene(Box<Scene>, Vec<Card>),
    /// A scene made of a template; it has no file of its own yet.
    Template(Box<Scene>, Vec<Card>),
    /// A recording with the scene that was run.
    Recording(Recording),
}

/// Lines of the file shown around a place.
const LINES_AROUND: usize = 1;
/// Characters of a line that are shown.
const LINE_SHOWN: usize = 56;
/// Problems of a file that are shown at once; more would cover the picture.
const CARDS_MAX: usize = 3;

/// Reads what `path` holds: a folder or packed file of a recording, a template, else a scene.
pub fn read(path: &Path) -> Result<Opened, Vec<Card>> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        _ if path.is_dir() => read_recording(path),
        Some("yaml" | "yml" | "json" | "template") => read_template(path),
        Some("ron") | None => read_scene(path),
        Some(_) => read_recording(path),
    }
}

/// What is meant by a chosen file: dialogs choose files alone, so a manifest stands for its recording.
pub fn meant(path: &Path) -> PathBuf {
    let is_manifest = path.file_name().is_some_and(|name| name == MANIFEST) && path.is_file();
    let folder = path.parent().filter(|folder| is_manifest && !folder.as_os_str().is_empty());
    folder.unwrap_or(path).to_owned()
}

fn read_scene(path: &Path) -> Result<Opened, Vec<Card>> {
    let name = name_of(path);
    let text = std::fs::read_to_string(path).map_err(|error| vec![refused(path, &error, "")])?;
    match text::load(&text, &path.display().to_string()) {
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().take(CARDS_MAX);
            let warnings = warnings.map(|problem| card(&name, problem, &text, "has a weak spot"));
            Ok(Opened::Scene(Box::new(loaded.scene), warnings.collect()))
        }
        Err(SceneProblems(problems)) => {
            let shown = problems.iter().take(CARDS_MAX);
            Err(shown.map(|problem| card(&name, problem, &text, "could not be opened")).collect())
        }
    }
}

fn read_template(path: &Path) -> Result<Opened, Vec<Card>> {
    let imported = crate::exchange::import(path).map_err(|error| {
        let mut card = refused(path, &error, error.help());
        if let Some(place) = error.place() {
            card.place = Some((place.line, place.column));
            let text = std::fs::read_to_string(path).unwrap_or_default();
            card.excerpt = excerpt(&text, place.line, place.column);
        }
        vec![card]
    })?;
    let unknown = imported.summary.unknown_resources.len();
    let mut cards = Vec::new();
    if unknown > 0 {
        let names = imported.summary.unknown_resources.iter().take(4).map(|resource| resource.type_name.as_str());
        let names: Vec<&str> = names.collect();
        let sentence = format!("{unknown} resources became generic nodes, of types such as {}.", names.join(", "));
        cards.push(Card::new(format!("{} holds types that are not known", name_of(path)), sentence));
    }
    Ok(Opened::Template(Box::new(imported.scene), cards))
}

fn read_recording(path: &Path) -> Result<Opened, Vec<Card>> {
    crate::record::open(path).map(Opened::Recording).map_err(|error| {
        vec![refused(path, &error, "Recordings are folders with a manifest, or what `eventscape pack` wrote.")]
    })
}

fn refused(path: &Path, error: &dyn std::fmt::Display, remedy: &str) -> Card {
    let sentence = format!("{}. The open scene is untouched.", error.to_string().trim_end_matches('.'));
    let remedy = sentence_case(remedy);
    Card { remedy, ..Card::new(format!("{} could not be opened", name_of(path)), sentence) }
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A problem as a card, with the lines around its place.
fn card(name: &str, problem: &SceneProblem, text: &str, what: &str) -> Card {
    let place = problem.position.as_ref().map(|position| (position.line, position.column));
    Card {
        title: format!("{name} {what}"),
        place,
        sentence: format!("{}. The open scene is untouched.", sentence_case(problem.sentence.trim_end_matches('.'))),
        remedy: sentence_case(&problem.help),
        excerpt: place.map_or_else(Vec::new, |(line, column)| excerpt(text, line, column)),
        offers: Vec::new(),
    }
}

/// The lines around `line`, with their numbers from one; long ones from a little before `column`.
fn excerpt(text: &str, line: usize, column: usize) -> Vec<(usize, String)> {
    let first = line.saturating_sub(LINES_AROUND).max(1);
    let skipped = if column > LINE_SHOWN { column - LINE_SHOWN / 2 } else { 0 };
    let shorten = |text: &str| -> String { text.chars().skip(skipped).take(LINE_SHOWN).collect() };
    let lines = text.lines().enumerate().map(|(index, text)| (index + 1, shorten(text)));
    lines.skip_while(|(number, _)| *number < first).take_while(|(number, _)| *number <= line + LINES_AROUND).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_becomes_a_card_with_its_place() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("broken.ron");
        std::fs::write(&path, "(version: 1,\n  nodes: {\n    \"a\": 5,\n  },\n)\n")?;
        let Err(cards) = read(&path) else { panic!("a broken scene was opened") };
        let card = cards.first().unwrap_or_else(|| panic!("no card"));
        assert!(card.title.starts_with("broken.ron could not be opened"), "{card:?}");
        assert!(card.sentence.contains("untouched"), "{card:?}");
        assert!(card.sentence.starts_with(|first: char| !first.is_lowercase()), "{card:?}");
        Ok(())
    }

    #[test]
    fn a_manifest_stands_for_its_recording() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let manifest = folder.path().join(MANIFEST);
        assert_eq!(meant(&manifest), manifest);
        std::fs::write(&manifest, "()")?;
        assert_eq!(meant(&manifest), folder.path());
        assert_eq!(meant(Path::new("shop.ron")), Path::new("shop.ron"));
        Ok(())
    }

    #[test]
    fn a_missing_file_and_a_folder_become_cards() {
        assert!(read(Path::new("/no/such/file.ron")).is_err());
        assert!(read(Path::new("/")).is_err());
    }

    #[test]
    fn an_excerpt_stays_inside_the_file() {
        assert_eq!(excerpt("a\nb\nc", 1, 1), [(1, "a".to_owned()), (2, "b".to_owned())]);
        assert_eq!(excerpt("a\nb\nc", 3, 1), [(2, "b".to_owned()), (3, "c".to_owned())]);
        assert_eq!(excerpt("", 9, 1), []);
        let long = "x".repeat(100) + "here";
        assert!(excerpt(&long, 1, 101).iter().all(|(_, text)| text.contains("here")));
    }
}
