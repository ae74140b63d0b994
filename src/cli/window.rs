//! What the terminal asks of the window, and what it does where there is none.
//!
//! Invariant: the terminal knows the window only as a table of functions, which `main` hands over.
//! Invariant: without a display or without the window's feature, a scene still runs and reports.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::arguments::{ReportFormat, ScreenshotArguments};
use crate::cli::simulate::{self, Headless};
use crate::cli::{Failure, input};
use crate::record::Recording;
use crate::record::writer::Target;
use crate::scene::builtin;
use crate::scene::document::Scene;
use crate::sim::run::Options;

/// What a build with a window can do besides the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Why no window can be opened here, as one line; `None` where one can.
    pub trouble: fn() -> Option<String>,
    /// Opens the window and stays until it is closed.
    pub open: fn(First) -> ExitCode,
    /// Draws a recording of a scene into a PNG without a display, or says in a sentence why not.
    pub screenshot: fn(&Scene, &Recording, &ScreenshotArguments) -> Result<(), String>,
}

/// What a window opens with.
#[derive(Clone, Debug)]
pub enum First {
    /// A scene that has no file.
    Scene(Box<Scene>),
    /// A file with a scene, a template or a recording.
    Path(PathBuf),
}

/// The table of a build that has no window.
pub const NONE: Window = Window {
    trouble: || Some("This build has no window: it was made without the feature `desktop`.".to_owned()),
    open: |_| ExitCode::from(2),
    screenshot: |_, _, _| Err("this build draws nothing: it was made without the feature `desktop`".to_owned()),
};

/// Opens the window on a file or on the default scene; where none can be opened, says why in one line
/// and runs the scene without it.
pub fn open(window: &Window, file: Option<&Path>) -> ExitCode {
    match (window.trouble)() {
        None => show(window, file),
        Some(line) => {
            eprintln!("{line} Running the scene without a window.");
            match run_without(file) {
                Ok(()) => ExitCode::SUCCESS,
                Err(Failure::Findings) => ExitCode::from(1),
                Err(Failure::Unreadable(line)) => {
                    eprintln!("eventscape: {line}");
                    ExitCode::from(2)
                }
            }
        }
    }
}

fn run_without(file: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = file.filter(|path| path.exists() && !input::is_template(path))
        && let Ok(recording) = crate::record::open(path)
    {
        return crate::cli::render::report(&recording, ReportFormat::Text);
    }
    let scene = input::read_scene(file.unwrap_or(Path::new(builtin::DEFAULT.name)))?;
    let headless = Headless {
        length: None,
        options: Options::default(),
        target: Target::StatisticsOnly,
        report: ReportFormat::Text,
    };
    simulate::run(&scene, headless)
}

fn show(window: &Window, file: Option<&Path>) -> ExitCode {
    match first(file) {
        Ok(first) => (window.open)(first),
        Err(line) => {
            eprintln!("eventscape: {line}");
            ExitCode::from(2)
        }
    }
}

/// A path that exists, else the scene of that name that comes along, else the path and its failure.
fn first(file: Option<&Path>) -> Result<First, String> {
    let builtin = match file {
        None => Some(builtin::DEFAULT),
        Some(path) if path.exists() => None,
        Some(path) => path.to_str().and_then(builtin::find),
    };
    match (builtin, file) {
        (Some(scene), _) => match crate::scene::text::load(scene.text, scene.name) {
            Ok(loaded) => Ok(First::Scene(Box::new(loaded.scene))),
            Err(problems) => Err(problems.to_string()),
        },
        (None, Some(path)) => Ok(First::Path(path.to_owned())),
        (None, None) => Ok(First::Scene(Box::default())),
    }
}

/// Draws a scene at a moment of its run into a PNG, without a display.
pub fn screenshot(window: &Window, arguments: &ScreenshotArguments) -> Result<(), Failure> {
    let scene = input::read_scene(&arguments.scene)?;
    let recording = simulate::record_in_memory(&scene, arguments.at.span())?;
    (window.screenshot)(&scene, &recording, arguments).map_err(Failure::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_path_opens_the_scene_that_comes_along() {
        assert!(matches!(first(Some(Path::new("shop"))), Ok(First::Scene(scene)) if !scene.nodes.is_empty()));
        assert!(matches!(first(None), Ok(First::Scene(scene)) if !scene.nodes.is_empty()));
        assert!(matches!(first(Some(Path::new("no/such.ron"))), Ok(First::Path(_))));
    }

    #[test]
    fn a_build_without_a_window_says_so() {
        assert!((NONE.trouble)().is_some_and(|line| line.contains("desktop")));
    }
}
