//! Settings: what the window keeps from one start to the next.
//!
//! Invariant: a missing file gives the defaults, a broken one the defaults and a card; it is never a
//! reason not to start, and a broken one is overwritten only once something was set anew.
//! Invariant: the file is written beside and renamed, on a thread of its own.
//! Reads and writes `Theme`, `PanelState` and `Files`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

use crate::scene::save::save_atomic;

use super::files::Files;
use super::notice::{Card, Notices};
use super::panel::{PanelState, Visible, Widths};
use super::state::DesktopSystems;
use super::theme::{Theme, ThemeName};

/// The longest file that is read; a person's settings take a few hundred bytes.
const BYTES_MAX: u64 = 1 << 20;
/// How long settings rest before they are written, so that a drag writes once.
const REST: Duration = Duration::from_millis(800);

/// What is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Colors.
    pub theme: ThemeName,
    /// Larger or smaller panels.
    pub zoom: f32,
    /// The charts, unfolded or folded.
    pub charts: Visible,
    /// How wide the panels at the sides are.
    pub widths: Widths,
    /// Files that were open before, the newest first.
    pub recent: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            theme: ThemeName::Dark,
            zoom: 1.0,
            charts: Visible::Shown,
            widths: Widths::default(),
            recent: Vec::new(),
        }
    }
}

/// Why settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is there and cannot be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// The file is longer than settings are.
    #[error("the file has more than {BYTES_MAX} bytes")]
    TooLong,
    /// The text is not what was written.
    #[error("{0}")]
    Broken(#[from] ron::error::SpannedError),
}

/// Where the settings of this person lie; `None` where the system has no such place.
pub fn place() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "eventscape")?;
    Some(folders.config_dir().join("settings.ron"))
}

/// Reads settings; those of a first start where there is no file.
pub fn read(path: &Path) -> Result<Settings, SettingsError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Settings::default()),
        Err(error) => return Err(error.into()),
        Ok(about) if about.len() > BYTES_MAX => return Err(SettingsError::TooLong),
        Ok(_) => {}
    }
    Ok(ron::from_str::<Settings>(&std::fs::read_to_string(path)?)?.sound())
}

/// Writes settings, with the folder where it is missing.
pub fn write(path: &Path, settings: &Settings) -> Result<(), String> {
    let text = ron::ser::to_string_pretty(settings, ron::ser::PrettyConfig::default());
    let text = text.map_err(|error| error.to_string())? + "\n";
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    save_atomic(path, text.as_bytes()).map_err(|error| error.to_string())
}

impl Settings {
    /// The same settings, with numbers that a hand wrote brought back to what panels can be.
    fn sound(mut self) -> Settings {
        self.zoom = if self.zoom.is_finite() { self.zoom.clamp(0.6, 2.5) } else { 1.0 };
        let sound = |width: Option<f32>| width.filter(|width| width.is_finite()).map(|width| width.clamp(120.0, 480.0));
        self.widths = Widths { outliner: sound(self.widths.outliner), inspector: sound(self.widths.inspector) };
        self
    }
}

/// Keeps settings. Left out where pictures are made, which must not depend on a person.
pub struct SettingsPlugin;

impl Plugin for SettingsPlugin {
    fn build(&self, app: &mut App) {
        let Some(path) = place() else { return };
        app.insert_resource(Keeper { path, ..Keeper::default() })
            .add_systems(PreStartup, take_up)
            .add_systems(Update, keep.in_set(DesktopSystems::Picture));
    }
}

/// What was written last, and since when something else is wanted.
#[derive(Resource, Default)]
struct Keeper {
    path: PathBuf,
    written: Settings,
    wanted: Option<(Settings, Duration)>,
    writing: Option<std::thread::JoinHandle<Result<(), String>>>,
    complained: bool,
}

/// Puts on what was kept.
fn take_up(
    mut keeper: ResMut<Keeper>,
    mut theme: ResMut<Theme>,
    mut panels: ResMut<PanelState>,
    mut files: ResMut<Files>,
    mut notices: ResMut<Notices>,
) {
    let settings = match read(&keeper.path) {
        Ok(settings) => settings,
        Err(error) => {
            let sentence = format!("{error}. Everything looks as at a first start; the file is untouched until then.");
            notices.warn(Card::new(format!("The settings in {} could not be read", keeper.path.display()), sentence));
            Settings::default()
        }
    };
    *theme = Theme::named(settings.theme);
    (panels.zoom, panels.charts, panels.widths) = (settings.zoom, settings.charts, settings.widths);
    files.recent.clone_from(&settings.recent);
    keeper.written = settings;
}

/// Writes what is set, once it has rested; and at once when the window closes.
fn keep(
    time: Res<Time<Real>>,
    theme: Res<Theme>,
    panels: Res<PanelState>,
    files: Res<Files>,
    mut leaving: MessageReader<AppExit>,
    mut keeper: ResMut<Keeper>,
    mut notices: ResMut<Notices>,
) {
    let now = Settings {
        theme: theme.name,
        zoom: panels.zoom,
        charts: panels.charts,
        widths: panels.widths,
        recent: files.recent.clone(),
    };
    let keeper = &mut *keeper;
    finish_writing(keeper, &mut notices);
    if now == keeper.written {
        keeper.wanted = None;
        return;
    }
    if leaving.read().count() > 0 {
        // Nobody is there any more who could be told of a failure.
        drop(write(&keeper.path, &now));
        keeper.written = now;
        return;
    }
    let since = match &keeper.wanted {
        Some((wanted, since)) if *wanted == now => *since,
        _ => time.elapsed(),
    };
    keeper.wanted = Some((now.clone(), since));
    if time.elapsed().saturating_sub(since) >= REST && keeper.writing.is_none() {
        let (path, settings) = (keeper.path.clone(), now.clone());
        let thread = std::thread::Builder::new().name("settings".to_owned());
        keeper.writing = thread.spawn(move || write(&path, &settings)).ok();
        keeper.written = now;
    }
}

fn finish_writing(keeper: &mut Keeper, notices: &mut Notices) {
    let Some(writing) = keeper.writing.take_if(|writing| writing.is_finished()) else { return };
    if let Ok(Err(reason)) = writing.join()
        && !std::mem::replace(&mut keeper.complained, true)
    {
        let title = format!("The settings could not be written to {}", keeper.path.display());
        notices.warn(Card::new(title, format!("{reason}. They hold until the window is closed.")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were_written() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deep").join("settings.ron");
        let settings = Settings {
            theme: ThemeName::Light,
            zoom: 1.1,
            charts: Visible::Hidden,
            widths: Widths { outliner: Some(210.0), inspector: None },
            recent: vec!["/a/b.ron".into()],
        };
        assert_eq!(write(&path, &settings), Ok(()));
        assert_eq!(read(&path).ok(), Some(settings));
        Ok(())
    }

    #[test]
    fn a_missing_file_is_a_first_start_and_a_broken_one_an_error() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("settings.ron");
        assert_eq!(read(&path).ok(), Some(Settings::default()));
        std::fs::write(&path, "(theme: Puce)")?;
        assert!(matches!(read(&path), Err(SettingsError::Broken(_))));
        std::fs::write(&path, "(zoom: 900.0, widths: (outliner: Some(-3.0)))")?;
        let settings = read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((settings.zoom, settings.widths.outliner), (2.5, Some(120.0)));
        Ok(())
    }
}
