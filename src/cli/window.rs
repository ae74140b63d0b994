//! What the terminal asks of the window, and what it does where there is none.
//!
//! Invariant: without a display or without the window's feature, a scene still runs and reports.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::arguments::{ReportFormat, ScreenshotArguments};
use crate::cli::simulate::{self, Headless};
use crate::cli::{Failure, input};
use crate::record::writer::Target;
use crate::scene::builtin;
use crate::sim::run::Options;

/// Opens the window on a file or on the default scene; where none can be opened, says why in one line
/// and runs the scene without it.
pub fn open(file: Option<&Path>) -> ExitCode {
    match trouble() {
        None => show(file),
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
        return crate::cli::render::print(&crate::study::report::report(&recording), ReportFormat::Text);
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

#[cfg(feature = "desktop")]
fn trouble() -> Option<String> {
    use crate::desktop::probe::{Probe, probe};
    match probe() {
        Probe::Fine => None,
        trouble => Some(trouble.line()),
    }
}

#[cfg(not(feature = "desktop"))]
fn trouble() -> Option<String> {
    Some("This build has no window: it was made without the feature `desktop`.".to_owned())
}

#[cfg(feature = "desktop")]
fn show(file: Option<&Path>) -> ExitCode {
    use crate::desktop::{app, opening::Opening};
    let builtin = match file {
        None => Some(builtin::DEFAULT),
        Some(path) if path.exists() => None,
        Some(path) => path.to_str().and_then(builtin::find),
    };
    let opening = match (builtin, file) {
        (Some(scene), _) => match crate::scene::text::load(scene.text, scene.name) {
            Ok(loaded) => Opening::Scene(Box::new(loaded.scene)),
            Err(problems) => {
                eprintln!("eventscape: {problems}");
                return ExitCode::from(2);
            }
        },
        (None, Some(path)) => Opening::Path(path.to_owned()),
        (None, None) => Opening::Empty,
    };
    app::run(opening)
}

#[cfg(not(feature = "desktop"))]
fn show(_: Option<&Path>) -> ExitCode {
    ExitCode::from(2)
}

/// Draws a scene at a moment of its run into a PNG, without a display.
#[cfg(feature = "desktop")]
pub fn screenshot(arguments: &ScreenshotArguments) -> Result<(), Failure> {
    use crate::desktop::panel::Visible;
    use crate::desktop::screenshot::{Shot, screenshot};
    use crate::scene::slug::NodeId;
    let scene = input::read_scene(&arguments.scene)?;
    let unreadable = |error: &dyn std::fmt::Display| Failure::Unreadable(error.to_string());
    let selected = arguments.select.as_deref().map(NodeId::new).transpose().map_err(|error| unreadable(&error))?;
    let recording = simulate::record_in_memory(&scene, arguments.at.span())?;
    let shot = Shot {
        size: arguments.size,
        at: crate::scene::time::SimTime::ZERO + arguments.at.span(),
        theme: theme(arguments.theme),
        panels: if arguments.panels { Visible::Shown } else { Visible::Hidden },
        selected,
    };
    screenshot(&scene, Some(&recording), &shot, &arguments.output).map_err(|error| unreadable(&error))
}

#[cfg(feature = "desktop")]
fn theme(choice: crate::cli::arguments::ThemeChoice) -> crate::desktop::theme::ThemeName {
    use crate::cli::arguments::ThemeChoice;
    use crate::desktop::theme::ThemeName;
    match choice {
        ThemeChoice::Dark => ThemeName::Dark,
        ThemeChoice::Light => ThemeName::Light,
        ThemeChoice::Projector => ThemeName::Projector,
    }
}

/// Says that this build draws nothing.
#[cfg(not(feature = "desktop"))]
pub fn screenshot(_: &ScreenshotArguments) -> Result<(), Failure> {
    Err(Failure::Unreadable("this build draws nothing without a window".to_owned()))
}
