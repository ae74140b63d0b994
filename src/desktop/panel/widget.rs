//! Small parts that several panels are built from.

use bevy_egui::egui::{self, Align2, Color32, CornerRadius, Response, Sense, Stroke, StrokeKind, Ui, Vec2, vec2};

use super::figure::Figure;
use super::style::{medium, regular, semibold, words};
use crate::desktop::theme::{Theme, paint, paint_alpha};

/// How much weight a button has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// Text on nothing; a ground only under the pointer.
    Plain,
    /// Something is switched on.
    Lit,
    /// The one that is meant.
    Primary,
}

/// A square button with an icon, a tooltip and the key that does the same.
pub fn icon_button(ui: &mut Ui, theme: &Theme, icon: &str, size: f32, weight: Weight, tip: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), Sense::click());
    let response = response.on_hover_text(tip);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, tip));
    let ground = match weight {
        Weight::Primary => Some(paint(theme.text)),
        _ if response.hovered() || response.has_focus() => Some(paint(theme.raised)),
        _ => None,
    };
    if let Some(ground) = ground {
        ui.painter().rect_filled(rect, CornerRadius::same(5), ground);
    }
    let ink = match weight {
        Weight::Plain => paint(theme.text),
        Weight::Lit => paint(theme.accent),
        Weight::Primary => paint(theme.panel),
    };
    let icon_size = if size > 34.0 { 22.0 } else { 18.0 };
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, icon, regular(icon_size), ink);
    focus_ring(ui, theme, &response);
    response
}

/// A ring round what the keyboard holds.
pub fn focus_ring(ui: &Ui, theme: &Theme, response: &Response) {
    if response.has_focus() {
        let stroke = Stroke::new(1.5, paint(theme.accent));
        ui.painter().rect_stroke(response.rect, CornerRadius::same(5), stroke, StrokeKind::Inside);
    }
}

/// A button with words, and an icon before them where there is one.
pub fn button(ui: &mut Ui, theme: &Theme, icon: &str, label: &str, weight: Weight) -> Response {
    let text = if icon.is_empty() { label.to_owned() } else { format!("{icon}  {label}") };
    let (fill, ink) = match weight {
        Weight::Plain => (paint(theme.raised), paint(theme.text)),
        Weight::Lit => (paint_alpha(theme.accent, 0.2), paint(theme.text)),
        Weight::Primary => (paint(theme.accent), on_accent(theme)),
    };
    ui.add(egui::Button::new(words(text, medium(13.0), ink)).fill(fill).min_size(vec2(0.0, 28.0)))
}

/// Ink on the accent color.
pub fn on_accent(theme: &Theme) -> Color32 {
    if theme.is_dark() { paint(theme.window) } else { Color32::WHITE }
}

/// A figure and its unit, the unit in the second color.
pub fn figure(ui: &mut Ui, theme: &Theme, figure: &Figure, size: f32, ink: Color32) {
    ui.spacing_mut().item_spacing.x = 3.0;
    ui.label(words(&figure.number, semibold(size), ink));
    if !figure.unit.is_empty() {
        let unit_size = if size > 20.0 { size * 0.55 } else { 13.0 };
        ui.label(words(figure.unit, regular(unit_size), paint(theme.text_second)));
    }
}

/// A pill with a word in it.
pub fn chip(ui: &mut Ui, icon: &str, text: &str, ink: Color32) {
    let text = if icon.is_empty() { text.to_owned() } else { format!("{icon} {text}") };
    egui::Frame::new()
        .fill(ink.gamma_multiply(0.18))
        .corner_radius(CornerRadius::same(4))
        .inner_margin(egui::Margin::symmetric(7, 3))
        .show(ui, |ui| ui.label(words(text, medium(12.0), ink)));
}

/// A key as it stands at the right of a menu or in the overlay.
pub fn key(ui: &mut Ui, theme: &Theme, text: &str) {
    egui::Frame::new()
        .fill(paint(theme.raised))
        .corner_radius(CornerRadius::same(4))
        .inner_margin(egui::Margin::symmetric(5, 1))
        .show(ui, |ui| ui.label(words(text, medium(11.0), paint(theme.text_second))));
}

/// A line across.
pub fn hairline(ui: &mut Ui, theme: &Theme) {
    let width = ui.available_width();
    let (rect, _) = ui.allocate_exact_size(vec2(width, 1.0), Sense::hover());
    ui.painter().rect_filled(rect, CornerRadius::ZERO, paint(theme.hairline));
}

/// A faint head over a group.
pub fn head(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.label(words(text, medium(12.0), paint(theme.text_faint)));
}
