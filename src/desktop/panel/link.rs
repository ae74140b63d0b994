//! The inspector of a link: what goes over it, what is lost, how long it takes, and its parameters.

use bevy_egui::egui::{self, Align, Color32, Layout, Sense, Ui, vec2};
use egui_phosphor::regular as icon;

use super::chart::{Ground, Line, draw};
use super::field::link_fields;
use super::figure::{Figure, clock_short, plain, rate, short, span};
use super::mark::fault_spans;
use super::row::{Kept, field, reading};
use super::style::{regular, semibold, words};
use super::widget::{Weight, button, chip, figure, hairline};
use super::{Asked, PanelState, Shown};
use crate::desktop::edit::EditRequest;
use crate::desktop::reading::link::{LinkReadings, Passage, passage_at};
use crate::desktop::request::WindowRequest;
use crate::desktop::state::CameraRequest;
use crate::desktop::theme::paint;
use crate::scene::document::Link;
use crate::scene::edit::Edit;
use crate::scene::kind::Kind;
use crate::scene::slug::{LinkId, NodeId};

/// Draws what is known of a link.
pub fn show(ui: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked, id: &LinkId) {
    let Some(link) = shown.open.scene.links.get(id) else { return };
    let readings = shown.readings.link.as_ref().filter(|readings| readings.link == *id);
    let passage = passage_at(&shown.readings.severings, id, shown.playhead.time);
    title(ui, shown, id, link, passage, readings);
    ends(ui, shown, asked, link);
    ui.add_space(6.0);
    big_figure(ui, shown, readings);
    buttons(ui, shown, asked, id, link, passage);
    hairline(ui, shown.theme);
    parameters(ui, shown, state, asked, id, link);
    hairline(ui, shown.theme);
    live(ui, shown, readings);
}

fn title(ui: &mut Ui, shown: &Shown, id: &LinkId, link: &Link, passage: Passage, readings: Option<&LinkReadings>) {
    let theme = shown.theme;
    let busy = readings.is_some_and(|readings| readings.rate.iter().any(|rate| *rate > 0.0));
    let (symbol, text, ink) = match passage {
        Passage::Cut => (icon::SCISSORS, "Cut", paint(theme.error_text)),
        Passage::Free if link.loss > 0.0 => (icon::WARNING, "Loses", paint(theme.throttled)),
        Passage::Free if busy => (icon::PULSE, "Busy", paint(theme.normal)),
        Passage::Free => (icon::CHECK_CIRCLE, "Idle", shown.second()),
    };
    // Names of links are long: theirs is the whole row.
    ui.horizontal(|ui| {
        ui.label(words(icon::ARROW_RIGHT, regular(18.0), paint(theme.normal)));
        ui.add(egui::Label::new(words(id.as_str(), semibold(15.0), shown.ink())).truncate());
    });
    ui.horizontal(|ui| {
        ui.label(words("Link", regular(13.0), shown.second()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| chip(ui, symbol, text, ink));
    });
}

/// From where to where, each a way to the node.
fn ends(ui: &mut Ui, shown: &Shown, asked: &mut Asked, link: &Link) {
    for (name, node) in [("From", &link.from), ("To", &link.to)] {
        ui.horizontal(|ui| {
            ui.label(words(name, regular(13.0), shown.second()));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| end(ui, shown, asked, node));
        });
    }
}

fn end(ui: &mut Ui, shown: &Shown, asked: &mut Asked, node: &NodeId) {
    let text = words(shown.label(node), regular(13.0), paint(shown.theme.accent));
    let label = ui.add(egui::Label::new(text).truncate().sense(Sense::click()));
    if label.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text("Selects the node").clicked() {
        asked.window.push(WindowRequest::Select(node.clone()));
    }
}

fn big_figure(ui: &mut Ui, shown: &Shown, readings: Option<&LinkReadings>) {
    let both = readings.map_or(0.0, |readings| readings.rate.iter().sum());
    ui.label(words("Both ways", regular(13.0), shown.second()));
    ui.horizontal(|ui| figure(ui, shown.theme, &rate(both), 34.0, shown.ink()));
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 62.0), Sense::hover());
    let Some(readings) = readings else { return };
    let faults = fault_spans(&shown.open.scene, shown.readings.span.1);
    let ground = Ground { span: shown.readings.span, faults: &faults, cursor: shown.playhead.time };
    let line = Line { values: &readings.series, ink: paint(shown.theme.normal) };
    draw(ui.painter(), rect, shown.theme, &ground, &[line]);
    ui.horizontal(|ui| {
        ui.label(words(clock_short(shown.readings.span.0), regular(12.0), shown.second()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(words(clock_short(shown.readings.span.1), regular(12.0), shown.second()));
        });
    });
}

fn buttons(ui: &mut Ui, shown: &Shown, asked: &mut Asked, id: &LinkId, link: &Link, passage: Passage) {
    let (symbol, label, tip, weight, request) = match passage {
        Passage::Free => {
            let tip = "The link takes no departures from now on (X)";
            (icon::SCISSORS, "Cut", tip, Weight::Plain, EditRequest::Cut(id.clone()))
        }
        Passage::Cut => {
            let tip = "The link takes departures again (X)";
            (icon::LINK, "Restore", tip, Weight::Primary, EditRequest::Restore(id.clone()))
        }
    };
    ui.horizontal(|ui| {
        if button(ui, shown.theme, symbol, label, weight).on_hover_text(tip).clicked() {
            asked.edits.push(request);
        }
        let show = button(ui, shown.theme, icon::FRAME_CORNERS, "Show", Weight::Plain);
        if show.on_hover_text("Brings both ends close (F)").clicked() {
            asked.camera.push(CameraRequest::FrameNodes(vec![link.from.clone(), link.to.clone()]));
        }
    });
}

fn parameters(ui: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked, id: &LinkId, link: &Link) {
    let rules = shown.open.scene.nodes.get(&link.from).and_then(|source| match &source.kind {
        Kind::Bus(bus) => Some(bus.rules.keys().cloned().collect()),
        Kind::Router(router) => Some(router.routes.keys().cloned().collect()),
        _ => None,
    });
    let mut edited = link.clone();
    let mut kept = Kept::No;
    let owner = format!("link {id}");
    for mut entry in link_fields(&mut edited, rules) {
        kept = kept.or(field(ui, shown, &mut state.drafts, &owner, &mut entry));
    }
    if kept == Kept::Yes && edited != *link {
        asked.edits.push(EditRequest::Change(Edit::ReplaceLink { id: id.clone(), link: Box::new(edited) }));
    }
}

fn live(ui: &mut Ui, shown: &Shown, readings: Option<&LinkReadings>) {
    let Some(readings) = readings else {
        ui.label(words("Nothing has gone over it yet.", regular(13.0), shown.second()));
        return;
    };
    let (ink, theme) = (shown.ink(), shown.theme);
    let [forward, back] = readings.rate;
    let [out, home] = readings.under_way;
    let under_way = Figure { number: format!("{} / {}", short(out as f64), short(home as f64)), unit: "" };
    let mut rows: Vec<(&str, Figure, Color32)> =
        vec![("Forward", rate(forward), ink), ("Back", rate(back), ink), ("Under way, there / back", under_way, ink)];
    for (name, value, color) in [
        ("Lost", readings.lost, paint(theme.throttled)),
        ("Turned away", readings.turned_away, paint(theme.throttled)),
        ("Refusals", readings.refusals, paint(theme.throttled)),
        ("Errors", readings.errors, paint(theme.error_text)),
    ] {
        if value > 0.0 {
            rows.push((name, rate(value), color));
        }
    }
    for (name, quantile) in ["Way p50", "p95", "p99"].into_iter().zip(readings.latency) {
        rows.push((name, quantile.map_or_else(|| plain(f64::NAN), span), ink));
    }
    for (name, value, color) in rows {
        reading(ui, shown, name, &value, color);
    }
}
