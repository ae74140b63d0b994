//! The door from the terminal: what the window does for it, as a table of functions.
//!
//! Invariant: the terminal learns of the window through this table alone.

use std::process::ExitCode;

use crate::cli::arguments::{ScreenshotArguments, ThemeChoice};
use crate::cli::window::{First, Window};
use crate::record::Recording;
use crate::scene::document::Scene;
use crate::scene::slug::NodeId;
use crate::scene::time::SimTime;

use super::app;
use super::opening::Opening;
use super::panel::Visible;
use super::probe::{Probe, probe};
use super::screenshot::{Effects, Shot, screenshot};
use super::theme::ThemeName;

/// What `main` hands to the terminal.
pub const WINDOW: Window = Window { trouble, open, screenshot: draw };

fn trouble() -> Option<String> {
    match probe() {
        Probe::Fine => None,
        trouble => Some(trouble.line()),
    }
}

fn open(first: First) -> ExitCode {
    app::run(match first {
        First::Scene(scene) => Opening::Scene(scene),
        First::Path(path) => Opening::Path(path),
    })
}

fn draw(scene: &Scene, recording: &Recording, arguments: &ScreenshotArguments) -> Result<(), String> {
    let selected = arguments.select.as_deref().map(NodeId::new).transpose().map_err(|error| error.to_string())?;
    let shot = Shot {
        size: arguments.size,
        at: SimTime::ZERO + arguments.at.span(),
        theme: theme(arguments.theme),
        panels: if arguments.panels { Visible::Shown } else { Visible::Hidden },
        selected,
        effects: if arguments.effects { Effects::All } else { Effects::Fitting },
        ..Shot::default()
    };
    screenshot(scene, Some(recording), &shot, &arguments.output).map_err(|error| error.to_string())
}

fn theme(choice: ThemeChoice) -> ThemeName {
    match choice {
        ThemeChoice::Dark => ThemeName::Dark,
        ThemeChoice::Light => ThemeName::Light,
        ThemeChoice::Projector => ThemeName::Projector,
    }
}
