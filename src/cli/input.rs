//! Input: from a path to a scene, with every problem shown at its place.
//!
//! Invariant: whatever stands in a file, the program says what is wrong and ends orderly.

use std::path::Path;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::cli::Failure;
use crate::exchange::{self, Imported};
use crate::scene::builtin;
use crate::scene::document::Scene;
use crate::scene::problem::{SceneProblem, Severity};
use crate::scene::text;

/// The scene that `path` names: a scene file, a template, or a built-in scene.
pub fn read_scene(path: &Path) -> Result<Scene, Failure> {
    if !path.exists()
        && let Some(scene) = path.to_str().and_then(builtin::find)
    {
        return load(scene.text, &format!("{}.ron", scene.name));
    }
    if is_template(path) {
        return import_template(path).map(|imported| imported.scene);
    }
    load(&read_text(path)?, &path.display().to_string())
}

/// Whether a path's ending is that of templates.
pub fn is_template(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    matches!(ending.as_deref(), Some("yaml" | "yml" | "json" | "template"))
}

/// Imports a template and shows why not.
pub fn import_template(path: &Path) -> Result<Imported, Failure> {
    exchange::import(path).map_err(|error| Failure::Unreadable(format!("{error}; {}", error.help())))
}

/// A file's text.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    if std::fs::metadata(path).is_ok_and(|about| about.len() > text::FILE_BYTES_MAX as u64) {
        let limit = text::FILE_BYTES_MAX;
        return Err(Failure::Unreadable(format!("`{}` has more than {limit} bytes; split the scene", path.display())));
    }
    std::fs::read_to_string(path).map_err(|error| {
        Failure::Unreadable(format!("cannot read `{}`: {error}; check the path and that it is text", path.display()))
    })
}

/// Reads a scene, shows its warnings, or all its errors.
fn load(source: &str, file: &str) -> Result<Scene, Failure> {
    match text::load(source, file) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|problem| show_problem(problem, source));
            Ok(loaded.scene)
        }
        Err(problems) => {
            problems.0.iter().for_each(|problem| show_problem(problem, source));
            let count = problems.0.len();
            Err(Failure::Unreadable(format!("`{file}` has {count} problems; nothing was run")))
        }
    }
}

/// Shows a problem with the text around it.
pub fn show_problem(problem: &SceneProblem, source: &str) {
    let severity = match problem.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let mut shown =
        MietteDiagnostic::new(problem.sentence.clone()).with_help(problem.help.clone()).with_severity(severity);
    let Some(position) = &problem.position else {
        eprintln!("{:?}", Report::new(shown));
        return;
    };
    let range = position.bytes.start.min(source.len())..position.bytes.end.min(source.len());
    let place = format!("{}:{}:{}", position.file, position.line, position.column);
    shown = shown.with_label(LabeledSpan::at(range, problem.found.clone())).with_code(place);
    eprintln!("{:?}", Report::new(shown).with_source_code(NamedSource::new(&position.file, source.to_owned())));
}

/// A problem for other programs.
pub fn problem_json(problem: &SceneProblem) -> serde_json::Value {
    let position = problem.position.as_ref();
    serde_json::json!({
        "severity": match problem.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "code": problem.code.name(),
        "place": problem.place.to_string(),
        "found": problem.found,
        "sentence": problem.sentence,
        "help": problem.help,
        "file": position.map(|position| position.file.clone()),
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
    })
}
