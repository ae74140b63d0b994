//! What floats over the picture's edges: the scene's notes, what went wrong, and the status line.

use bevy_egui::egui::{self, Align, Align2, Layout, Margin, Panel, Rect, Stroke, Ui, vec2};
use egui_phosphor::regular as icon;

use super::style::{STATUS, floating, medium, regular, semibold, words};
use super::widget::{Weight, button, icon_button};
use super::{Asked, PanelState, Shown, Visible};
use crate::desktop::notice::{Card, Status};
use crate::desktop::theme::{paint, paint_alpha};

const CARD_WIDTH: f32 = 520.0;
const NOTES_WIDTH: f32 = 300.0;
/// What work that takes long needs at the right of the status line.
const WORK_WIDTH: f32 = 420.0;
/// What the button that closes the status line needs.
const CLOSE_WIDTH: f32 = 40.0;

/// The line at the lower edge: status, what is offered, long work.
pub fn status_line(root: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let frame = super::style::edge(shown.theme, Margin::symmetric(12, 0));
    let line = shown.notices.status.as_ref().or(shown.notices.trouble.as_ref());
    let height = if line.is_some_and(|status| !status.offers.is_empty()) { 34.0 } else { STATUS };
    Panel::bottom("status").exact_size(height).resizable(false).frame(frame).show(root, |ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            // What is long makes way for what is offered and for work, and is read in full as a tooltip.
            match line {
                Some(status) => said(ui, shown, asked, status),
                None => drop(ui.label(words(resting(shown), regular(12.0), shown.second()))),
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| work(ui, shown));
        });
    });
}

/// One line with its buttons. What goes wrong as long as it lasts cannot be closed.
fn said(ui: &mut Ui, shown: &Shown, asked: &mut Asked, status: &Status) {
    let lasts = shown.notices.status.is_none();
    let ink = if lasts { paint(shown.theme.error_text) } else { shown.ink() };
    let text = words(&status.text, regular(12.0), ink);
    let buttons: f32 = status.offers.iter().map(|offer| offer_width(ui, &offer.label)).sum();
    let room = ui.available_width() - buttons - if shown.notices.work.is_some() { WORK_WIDTH } else { CLOSE_WIDTH };
    ui.scope(|ui| {
        ui.set_max_width(room.max(120.0));
        ui.add(egui::Label::new(text).truncate());
    });
    for (place, offer) in status.offers.iter().enumerate() {
        let weight = if place == 0 { Weight::Primary } else { Weight::Plain };
        if button(ui, shown.theme, "", &offer.label, weight).clicked() {
            asked.offer(ui.ctx(), &offer.action);
            asked.closed_status = true;
        }
    }
    if !lasts && icon_button(ui, shown.theme, icon::X, 20.0, Weight::Plain, "Close this line").clicked() {
        asked.closed_status = true;
    }
}

/// The width that a button of the line takes.
fn offer_width(ui: &Ui, label: &str) -> f32 {
    ui.painter().layout_no_wrap(label.to_owned(), medium(13.0), egui::Color32::WHITE).size().x + 32.0
}

/// What the line says when there is nothing to say.
fn resting(shown: &Shown) -> String {
    let scene = &shown.open.scene;
    match scene.nodes.len() {
        0 => "Nothing is open.".to_owned(),
        nodes => format!("{nodes} nodes, {} links. F1 shows the keys.", scene.links.len()),
    }
}

fn work(ui: &mut Ui, shown: &Shown) {
    let Some(work) = &shown.notices.work else { return };
    if icon_button(ui, shown.theme, icon::X_CIRCLE, 20.0, Weight::Plain, "Cancel").clicked() {
        work.cancel();
    }
    let (rect, _) = ui.allocate_exact_size(vec2(140.0, 6.0), egui::Sense::hover());
    let share = work.share();
    ui.painter().rect_filled(rect, 3.0, paint(shown.theme.raised));
    let filled = if share > 0.0 {
        Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()))
    } else {
        // Nobody knows how far it is: a piece goes to and fro.
        let phase = (ui.input(|input| input.time) * 0.8).sin() * 0.5 + 0.5;
        ui.ctx().request_repaint();
        Rect::from_min_size(
            rect.min + vec2(rect.width() * 0.7 * phase as f32, 0.0),
            vec2(rect.width() * 0.3, rect.height()),
        )
    };
    ui.painter().rect_filled(filled, 3.0, paint(shown.theme.accent));
    ui.label(words(&work.label, regular(12.0), shown.second()));
}

/// The scene's notes at the lower right of the picture, until they are dismissed: seen aslant from the
/// left, a scene leaves that corner free. They make way for cards of what went wrong.
pub fn notes(ctx: &egui::Context, picture: Rect, shown: &Shown, state: &mut PanelState) {
    let notes = &shown.open.scene.notes;
    let is_dismissed = state.notes == Visible::Hidden || state.dismissed == *notes;
    if notes.is_empty() || is_dismissed || !shown.notices.cards.is_empty() {
        return;
    }
    let offset = picture.max - ctx.viewport_rect().max - vec2(12.0, 12.0);
    let area = egui::Area::new("notes".into()).anchor(Align2::RIGHT_BOTTOM, offset).order(egui::Order::Middle);
    area.show(ctx, |ui| {
        let frame = floating(shown.theme).fill(paint_alpha(shown.theme.panel, 0.94));
        frame.show(ui, |ui| {
            ui.set_width(NOTES_WIDTH.min(picture.width() * 0.4));
            ui.horizontal(|ui| {
                ui.label(words(shown.files.name(&shown.open.scene), semibold(15.0), shown.ink()));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if icon_button(ui, shown.theme, icon::X, 22.0, Weight::Plain, "Close the notes").clicked() {
                        state.dismissed = notes.clone();
                    }
                });
            });
            let first = first_sentence(notes);
            let folded = state.unfolded != *notes && first.len() < notes.len();
            if folded {
                ui.label(words(first, regular(13.0), shown.second()));
                if ui.link(words("Read on", medium(13.0), paint(shown.theme.accent))).clicked() {
                    state.unfolded = notes.clone();
                }
            } else {
                let height = picture.height() * 0.5;
                let scroll = egui::ScrollArea::vertical().min_scrolled_height(height).max_height(height);
                scroll.show(ui, |ui| ui.label(words(notes, regular(13.0), shown.second())));
            }
        });
    });
}

/// What is shown of notes until the person reads on: they must not cover the scene that they explain.
fn first_sentence(notes: &str) -> &str {
    let end = notes.char_indices().find(|(place, letter)| {
        let after = notes.get(place + letter.len_utf8()..).unwrap_or_default();
        *letter == '\n' || (*letter == '.' && after.starts_with(char::is_whitespace))
    });
    end.map_or(notes, |(place, letter)| notes.get(..place + letter.len_utf8()).unwrap_or(notes).trim_end())
}

/// Cards of what went wrong, at the lower right of the picture.
pub fn cards(ctx: &egui::Context, picture: Rect, shown: &Shown, asked: &mut Asked) {
    if shown.notices.cards.is_empty() {
        return;
    }
    let offset = picture.max - ctx.viewport_rect().max - vec2(16.0, 16.0);
    let area = egui::Area::new("cards".into()).anchor(Align2::RIGHT_BOTTOM, offset).order(egui::Order::Foreground);
    area.show(ctx, |ui| {
        ui.set_width(CARD_WIDTH.min(picture.width() - 32.0).max(240.0));
        for (index, card) in shown.notices.cards.iter().enumerate() {
            show_card(ui, shown, asked, index, card);
            ui.add_space(8.0);
        }
    });
}

fn show_card(ui: &mut Ui, shown: &Shown, asked: &mut Asked, index: usize, card: &Card) {
    let frame = floating(shown.theme).stroke(Stroke::new(1.0, paint(shown.theme.error))).inner_margin(14);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.label(words(icon::FILE_X, regular(20.0), paint(shown.theme.error_text)));
            ui.label(words(&card.title, semibold(15.0), shown.ink()));
            if let Some((line, column)) = card.place {
                ui.label(words(format!("line {line}, column {column}"), regular(12.0), shown.second()));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, shown.theme, icon::X, 22.0, Weight::Plain, "Close").clicked() {
                    asked.closed_cards.push(index);
                }
            });
        });
        ui.add(egui::Label::new(words(&card.sentence, regular(13.0), shown.second())).wrap());
        if !card.remedy.is_empty() {
            ui.add(egui::Label::new(words(&card.remedy, medium(13.0), shown.ink())).wrap());
        }
        excerpt(ui, shown, card);
        ui.add_space(4.0);
        offers(ui, shown, asked, index, card);
    });
}

fn excerpt(ui: &mut Ui, shown: &Shown, card: &Card) {
    if card.excerpt.is_empty() {
        return;
    }
    let frame = egui::Frame::new().fill(paint(shown.theme.window)).corner_radius(4).inner_margin(8);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 2.0;
        for (number, text) in &card.excerpt {
            let here = card.place.is_some_and(|(line, _)| line == *number);
            let ink = if here { paint(shown.theme.error_text) } else { shown.second() };
            let line: String = format!("{number:>4} │ {text}").chars().take(96).collect();
            ui.label(words(line, egui::FontId::monospace(12.0), ink));
        }
    });
}

fn offers(ui: &mut Ui, shown: &Shown, asked: &mut Asked, index: usize, card: &Card) {
    ui.horizontal(|ui| {
        for (place, offer) in card.offers.iter().enumerate() {
            let weight = if place == 0 { Weight::Primary } else { Weight::Plain };
            if button(ui, shown.theme, "", &offer.label, weight).clicked() {
                asked.offer(ui.ctx(), &offer.action);
                asked.closed_cards.push(index);
            }
        }
        if button(ui, shown.theme, icon::COPY, "Copy the message", Weight::Plain).clicked() {
            ui.ctx().copy_text(card.text());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_folded_after_their_first_sentence() {
        assert_eq!(first_sentence("One load. Four ways."), "One load.");
        assert_eq!(first_sentence("Links take 0.3 s\nand more"), "Links take 0.3 s");
        assert_eq!(first_sentence("Ü. b"), "Ü.");
        assert_eq!(first_sentence("no end"), "no end");
    }
}
