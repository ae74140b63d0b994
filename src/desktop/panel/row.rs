//! Rows of an inspector: a parameter that can be typed, and a figure that can only be read.
//!
//! Invariant: a text that does not fit is neither applied nor lost: it stays in its field with the
//! reason below it, until it fits or the person goes back with Escape.

use std::collections::BTreeMap;

use bevy_egui::egui::{self, Align, Color32, Layout, Margin, Sense, Ui, vec2};

use super::Shown;
use super::field::{Field, Value};
use super::figure::Figure;
use super::style::{regular, semibold, words};
use crate::desktop::theme::paint;

const FIELD_HEIGHT: f32 = 25.0;

/// Texts that are typed and not kept yet, by owner and field. An owner is a node or a link.
#[derive(Clone, Debug, Default)]
pub struct Drafts {
    texts: BTreeMap<(String, String), String>,
}

impl Drafts {
    /// What is typed, where it differs from what is kept.
    pub fn text(&self, owner: &str, field: &str) -> Option<&str> {
        self.texts.get(&(owner.to_owned(), field.to_owned())).map(String::as_str)
    }

    /// Keeps what is typed.
    pub fn put(&mut self, owner: &str, field: &str, text: String) {
        self.texts.insert((owner.to_owned(), field.to_owned()), text);
    }

    /// Forgets what was typed.
    pub fn drop(&mut self, owner: &str, field: &str) {
        self.texts.remove(&(owner.to_owned(), field.to_owned()));
    }

    /// Forgets everything: another document is open.
    pub fn clear(&mut self) {
        self.texts.clear();
    }
}

/// Whether a row changed what it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Kept {
    /// Nothing new.
    #[default]
    No,
    /// A new value.
    Yes,
}

impl Kept {
    /// Either of both.
    pub fn or(self, other: Kept) -> Kept {
        if self == Kept::Yes { Kept::Yes } else { other }
    }

    fn when(condition: bool) -> Kept {
        if condition { Kept::Yes } else { Kept::No }
    }
}

/// Where a draft goes after a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is typed on.
    Stays,
    /// It becomes the value.
    Applied,
    /// The value comes back.
    Dropped,
}

/// What becomes of a typed text: the one rule for all fields.
pub fn fate(ui: &Ui, response: &egui::Response, typed: bool, fits: bool) -> Fate {
    let escape = ui.input(|input| input.key_pressed(egui::Key::Escape));
    // Enter on a text that does not fit leaves the hands where the text is mended.
    if response.lost_focus() && typed && !fits && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
        response.request_focus();
    }
    match (response.lost_focus(), typed) {
        _ if !typed && !response.has_focus() => Fate::Dropped,
        (true, _) if escape => Fate::Dropped,
        (true, true) if fits => Fate::Applied,
        _ => Fate::Stays,
    }
}

/// One row: name, field, and a dot while it is typed.
pub fn field(ui: &mut Ui, shown: &Shown, drafts: &mut Drafts, owner: &str, entry: &mut Field) -> Kept {
    let mut kept = Kept::No;
    let mut refused = None;
    ui.horizontal(|ui| {
        let name = ui.add(egui::Label::new(words(entry.label, regular(13.0), shown.second())).sense(Sense::hover()));
        name.on_hover_text(entry.help);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| match entry.value {
            Value::Shown(_) => {
                let text = words(entry.value.text(), regular(13.0), shown.ink());
                ui.add(egui::Label::new(text).truncate()).on_hover_text(entry.help);
            }
            _ if !entry.value.choices().is_empty() => kept = choice(ui, shown, owner, entry),
            _ => (kept, refused) = typed(ui, shown, drafts, owner, entry),
        });
    });
    if let Some(sentence) = refused {
        complaint(ui, shown, &sentence);
    }
    kept
}

/// Why a text does not fit, below its field.
pub fn complaint(ui: &mut Ui, shown: &Shown, sentence: &str) {
    ui.add(egui::Label::new(words(sentence, regular(12.0), paint(shown.theme.error_text))).wrap());
}

fn choice(ui: &mut Ui, shown: &Shown, owner: &str, entry: &mut Field) -> Kept {
    let current = entry.value.text();
    let mut chosen = None;
    let combo = egui::ComboBox::from_id_salt((owner, entry.label)).width(110.0);
    let combo = combo.selected_text(words(&current, regular(13.0), shown.ink())).truncate();
    let response = combo.show_ui(ui, |ui| {
        for option in entry.value.choices() {
            if ui.selectable_label(option == current, &option).clicked() {
                chosen = Some(option);
            }
        }
    });
    response.response.on_hover_text(entry.help);
    Kept::when(chosen.is_some_and(|option| option != current && entry.value.set(&option).is_ok()))
}

fn typed(ui: &mut Ui, shown: &Shown, drafts: &mut Drafts, owner: &str, entry: &mut Field) -> (Kept, Option<String>) {
    let current = entry.value.text();
    let mut text = drafts.text(owner, entry.label).unwrap_or(&current).to_owned();
    let before = text.clone();
    let width = width(ui, &current, &text);
    let edit = egui::TextEdit::singleline(&mut text)
        .id_salt((owner, entry.label))
        .font(regular(13.0))
        .margin(Margin::symmetric(7, 3))
        .vertical_align(Align::Center)
        .desired_width(width);
    let response = ui.add_sized(vec2(width, FIELD_HEIGHT), edit);
    let is_typed = text != current;
    let verdict = if is_typed { entry.value.set(&text) } else { Ok(()) };
    frame(ui, shown, &response, is_typed, verdict.is_err());
    match fate(ui, &response, is_typed, verdict.is_ok()) {
        Fate::Applied => {
            drafts.drop(owner, entry.label);
            return (Kept::Yes, None);
        }
        Fate::Dropped => drafts.drop(owner, entry.label),
        Fate::Stays if text != before || is_typed => drafts.put(owner, entry.label, text),
        Fate::Stays => {}
    }
    // What is only typed must not reach the scene with another field.
    if is_typed && verdict.is_ok() {
        drop(entry.value.set(&current));
    }
    // What finds no room in its field is read beside what it means.
    let cut = text_width(ui, &current) > response.rect.width();
    response.on_hover_text(if cut { format!("{current}\n{}", entry.help) } else { entry.help.to_owned() });
    (Kept::No, verdict.err())
}

/// Wide enough for its text, and never wider than the panel allows.
fn width(ui: &Ui, current: &str, text: &str) -> f32 {
    let longest = if text.len() > current.len() { text } else { current };
    text_width(ui, longest).max(92.0).min(ui.available_width().max(60.0))
}

/// The width that a text takes with the margins of its field.
fn text_width(ui: &Ui, text: &str) -> f32 {
    ui.painter().layout_no_wrap(text.to_owned(), regular(13.0), Color32::WHITE).size().x + 18.0
}

/// The line around a field: red where its text does not fit, and a dot while it is typed.
pub fn frame(ui: &Ui, shown: &Shown, response: &egui::Response, typed: bool, refused: bool) {
    let stroke = match (refused, response.has_focus()) {
        (true, _) => paint(shown.theme.error),
        (_, true) => paint(shown.theme.accent),
        _ => paint(shown.theme.hairline),
    };
    let painter = ui.painter();
    let stroke = egui::Stroke::new(1.0, stroke);
    painter.rect_stroke(response.rect, egui::CornerRadius::same(4), stroke, egui::StrokeKind::Inside);
    if typed {
        painter.circle_filled(response.rect.left_center() - vec2(8.0, 0.0), 3.0, paint(shown.theme.accent));
    }
}

/// One row: name and figure.
pub fn reading(ui: &mut Ui, shown: &Shown, name: &str, value: &Figure, ink: Color32) {
    ui.horizontal(|ui| {
        ui.label(words(name, regular(13.0), shown.second()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 3.0;
            if !value.unit.is_empty() {
                ui.label(words(value.unit, regular(13.0), shown.second()));
            }
            ui.label(words(&value.number, semibold(13.0), ink));
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_belongs_to_its_owner_and_field() {
        let mut drafts = Drafts::default();
        drafts.put("node a", "Latency", "5m".to_owned());
        assert_eq!(drafts.text("node a", "Latency"), Some("5m"));
        assert_eq!((drafts.text("node b", "Latency"), drafts.text("node a", "Rate")), (None, None));
        drafts.drop("node a", "Latency");
        assert_eq!(drafts.text("node a", "Latency"), None);
    }
}
