//! The file dialog inside the window, for where no dialog service answers.
//!
//! Invariant: at most one dialog is open, and it knows what it was opened for.

use std::path::Path;

use bevy::prelude::Resource;
use bevy_egui::egui;
use egui_file_dialog::{DialogState, FileDialog};

use super::Asked;
use crate::desktop::request::FileRequest;

/// What the person is asked for. A recording in a folder is chosen by its manifest.
pub const OPEN_TITLE: &str = "Open a scene, a template or a recording (its manifest.ron)";

/// What the dialog was opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    Open,
    Save,
}

/// The dialog, where one was asked for.
#[derive(Resource, Default)]
pub struct Dialog {
    open: Option<(Purpose, Box<FileDialog>)>,
    /// It comes up with the next frame.
    fresh: bool,
}

impl Dialog {
    /// Asks for a file to open, beginning beside `near`.
    pub fn ask_open(&mut self, near: Option<&Path>) {
        let mut dialog = begin(near).title(OPEN_TITLE);
        dialog.pick_file();
        self.open = Some((Purpose::Open, Box::new(dialog)));
        self.fresh = true;
    }

    /// Asks where to save, beginning beside `near`.
    pub fn ask_save(&mut self, near: Option<&Path>) {
        let name = near
            .and_then(Path::file_name)
            .map_or_else(|| "scene.ron".to_owned(), |name| name.to_string_lossy().into_owned());
        let mut dialog = begin(near).title("Save the scene").default_file_name(&name);
        dialog.save_file();
        self.open = Some((Purpose::Save, Box::new(dialog)));
        self.fresh = true;
    }

    /// Whether it is on show.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Draws it and passes on what was chosen.
    pub fn show(&mut self, ctx: &egui::Context, asked: &mut Asked) {
        let Some((purpose, dialog)) = self.open.as_mut() else { return };
        if std::mem::take(&mut self.fresh) {
            // In a slow frame the key that opened it would be typed into its search.
            let typed = |event: &egui::Event| matches!(event, egui::Event::Text(_) | egui::Event::Key { .. });
            ctx.input_mut(|input| input.events.retain(|event| !typed(event)));
        }
        dialog.update(ctx);
        if let Some(path) = dialog.take_picked() {
            asked.files.push(match purpose {
                Purpose::Open => FileRequest::Open(path),
                Purpose::Save => FileRequest::SaveAs(path),
            });
            self.open = None;
        } else if *dialog.state() != DialogState::Open {
            self.open = None;
        }
    }
}

fn begin(near: Option<&Path>) -> FileDialog {
    let dialog = FileDialog::new().default_size([720.0, 440.0]).anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO);
    match near.and_then(Path::parent).filter(|folder| folder.is_dir()) {
        Some(folder) => dialog.initial_directory(folder.to_owned()),
        None => dialog,
    }
}
