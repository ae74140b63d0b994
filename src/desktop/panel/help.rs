//! The overlay of keys: what can be done without a pointer.
//!
//! Invariant: this table and `keys.rs` say the same; a test holds it.

use bevy_egui::egui::{self, Align2, Ui};

use super::style::{floating, regular, semibold, words};
use super::widget::key;
use super::{Asked, Shown};
use crate::desktop::request::WindowRequest;

/// Keys by group: what to press, and what it does.
pub const KEYS: [(&str, &[(&str, &str)]); 4] = [
    (
        "Time",
        &[
            ("Space", "Run or pause"),
            ("Right", "Next event"),
            ("Left", "Event before"),
            ("Home", "To the beginning"),
            ("End", "To the end, or the live edge"),
            ("+", "Faster"),
            ("-", "Slower"),
            ("L", "Loop"),
            ("[", "Loop from here"),
            ("]", "Loop to here"),
            ("Ctrl+R", "Run again"),
        ],
    ),
    (
        "Picture",
        &[
            ("F", "Show everything, or what is selected"),
            ("2", "From the side or from above"),
            ("Tab", "Hide or show the panels"),
            ("C", "Fold the charts"),
            ("N", "Notes of the scene"),
            ("Ctrl++", "Larger panels"),
            ("Ctrl+-", "Smaller panels"),
        ],
    ),
    (
        "Scene",
        &[
            ("Ctrl+Z", "Undo"),
            ("Ctrl+Shift+Z", "Redo"),
            ("Ctrl+Y", "Redo"),
            ("X", "Stop or start the node, cut or restore the link"),
            ("Esc", "Leave the message, then the selection"),
        ],
    ),
    (
        "Files",
        &[
            ("Ctrl+N", "New scene"),
            ("Ctrl+O", "Open"),
            ("Ctrl+Shift+O", "Open by path"),
            ("Ctrl+S", "Save"),
            ("Ctrl+Shift+S", "Save as"),
            ("Ctrl+Q", "Quit"),
            ("F1", "These keys"),
        ],
    ),
];

/// Draws the overlay over everything.
pub fn show(ctx: &egui::Context, shown: &Shown, asked: &mut Asked) {
    let shade = ctx.layer_painter(egui::LayerId::new(egui::Order::Middle, "help shade".into()));
    shade.rect_filled(ctx.viewport_rect(), 0.0, egui::Color32::from_black_alpha(110));
    let area =
        egui::Area::new("help".into()).order(egui::Order::Foreground).anchor(Align2::CENTER_CENTER, egui::Vec2::ZERO);
    let inside = area.show(ctx, |ui| {
        floating(shown.theme).inner_margin(24).show(ui, |ui| {
            ui.label(words("Keys", semibold(18.0), shown.ink()));
            ui.add_space(8.0);
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 32.0;
                let [time, picture, scene, files] = KEYS;
                column(ui, shown, &[time]);
                column(ui, shown, &[picture, scene]);
                column(ui, shown, &[files]);
            });
            ui.add_space(8.0);
            ui.label(words(
                "Drag to move, drag with the right button to turn, turn the wheel to come closer; click a body or a link to select it, a message to follow it.",
                regular(13.0),
                shown.second(),
            ));
        });
    });
    let outside = ctx.input(|input| input.pointer.any_pressed())
        && ctx.pointer_interact_pos().is_some_and(|pointer| !inside.response.rect.contains(pointer));
    if outside {
        asked.window.push(WindowRequest::ToggleHelp);
    }
}

fn column(ui: &mut Ui, shown: &Shown, groups: &[(&str, &[(&str, &str)])]) {
    ui.vertical(|ui| {
        for (name, keys) in groups {
            super::widget::head(ui, shown.theme, name);
            egui::Grid::new(*name).num_columns(2).spacing([16.0, 6.0]).show(ui, |ui| {
                for (press, does) in *keys {
                    ui.horizontal(|ui| key(ui, shown.theme, press));
                    ui.label(words(*does, regular(13.0), shown.ink()));
                    ui.end_row();
                }
            });
            ui.add_space(12.0);
        }
    });
}
