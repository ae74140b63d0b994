//! What stands where nothing is open: three words and the ways in.

use bevy_egui::egui::{self, Rect, Ui, vec2};
use egui_phosphor::regular as icon;

use super::style::{medium, regular, semibold, words};
use super::widget::{key, on_accent};
use super::{Asked, Shown};
use crate::desktop::request::FileRequest;
use crate::desktop::theme::paint;

/// Draws the ways in over the empty picture.
pub fn show(ctx: &egui::Context, picture: Rect, shown: &Shown, asked: &mut Asked) {
    let corner = picture.min + vec2((picture.width() * 0.06).max(24.0), (picture.height() * 0.08).max(24.0));
    egui::Area::new("welcome".into()).fixed_pos(corner).order(egui::Order::Middle).show(ctx, |ui| {
        ui.set_width(250.0);
        ui.spacing_mut().item_spacing.y = 2.0;
        for line in ["Sketch it.", "Run it.", "Break it."] {
            ui.label(words(line, semibold(34.0), shown.ink()));
        }
        ui.add_space(20.0);
        ui.spacing_mut().item_spacing.y = 6.0;
        if way(ui, shown, icon::FOLDER_OPEN, "Open", "Ctrl+O", Rank::First) {
            asked.files.push(FileRequest::OpenDialog);
        }
        if way(ui, shown, icon::LIST_MAGNIFYING_GLASS, "Open by path", "Ctrl+Shift+O", Rank::Other) {
            asked.files.push(FileRequest::OpenInside);
        }
        ui.add_space(12.0);
        super::widget::head(ui, shown.theme, "Scenes that come along");
        for scene in crate::scene::builtin::SCENES {
            if way(ui, shown, icon::CUBE, &sentence_case(scene.name), "", Rank::Other) {
                asked.files.push(FileRequest::Builtin(scene.name));
            }
        }
        ui.add_space(12.0);
        ui.label(words("Scenes, templates and recordings can be dropped here too.", regular(13.0), shown.second()));
        recent(ui, shown, asked);
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            key(ui, shown.theme, "F1");
            ui.label(words("shows the keys", regular(12.0), shown.second()));
        });
    });
}

/// Which way in is the likeliest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    First,
    Other,
}

fn way(ui: &mut Ui, shown: &Shown, icon: &str, label: &str, press: &str, rank: Rank) -> bool {
    let (fill, ink) = match rank {
        Rank::First => (paint(shown.theme.accent), on_accent(shown.theme)),
        Rank::Other => (paint(shown.theme.raised), shown.ink()),
    };
    let (rect, response) = ui.allocate_exact_size(vec2(250.0, 38.0), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, label));
    let fill = if response.hovered() { fill.gamma_multiply(0.9) } else { fill };
    let painter = ui.painter();
    painter.rect_filled(rect, egui::CornerRadius::same(5), fill);
    let middle = rect.center().y;
    painter.text(egui::pos2(rect.left() + 12.0, middle), egui::Align2::LEFT_CENTER, icon, regular(18.0), ink);
    painter.text(egui::pos2(rect.left() + 40.0, middle), egui::Align2::LEFT_CENTER, label, medium(15.0), ink);
    painter.text(egui::pos2(rect.right() - 12.0, middle), egui::Align2::RIGHT_CENTER, press, medium(11.0), ink);
    response.clicked()
}

/// A name with a capital first letter.
pub fn sentence_case(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn recent(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    if shown.files.recent.is_empty() {
        return;
    }
    ui.add_space(20.0);
    super::widget::head(ui, shown.theme, "Recent");
    for path in shown.files.recent.iter().take(6) {
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        let line = egui::Button::new(words(name, regular(13.0), shown.ink())).frame(false);
        if ui.add(line).on_hover_text(path.display().to_string()).clicked() {
            asked.files.push(FileRequest::Open(path.clone()));
        }
    }
}
