//! The inspector at the right: the selected node's state, its one big figure, its parameters.
//!
//! Invariant: a field that is typed in changes nothing until its text fits and is kept by Enter or
//! by leaving it; until then a dot stands beside it.

use std::collections::BTreeMap;

use bevy_egui::egui::{self, Align, Color32, Layout, Margin, Panel, Sense, Ui, vec2};
use egui_phosphor::regular as icon;

use super::chart::{Ground, Line, draw};
use super::field::{Field, Value, fields};
use super::figure::{Figure, clock_short, plain, rate, span};
use super::mark::fault_spans;
use super::outliner::kind_icon;
use super::style::{medium, regular, semibold, words};
use super::widget::{Weight, button, chip, figure, hairline};
use super::{Asked, PanelState, Shown};
use crate::desktop::edit::EditRequest;
use crate::desktop::reading::NodeReadings;
use crate::desktop::state::NodeShown;
use crate::desktop::theme::paint;
use crate::scene::document::Node;
use crate::scene::kind::Kind;
use crate::scene::slug::NodeId;
use crate::sim::row::Condition;

/// Texts of fields while they are typed, by node and label.
pub type Drafts = BTreeMap<(NodeId, &'static str), String>;

const FIELD_HEIGHT: f32 = 25.0;

/// How a node fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing to remark.
    Well,
    /// It works.
    Busy,
    /// More waits than it takes.
    Backlog,
    /// It turns messages away.
    Throttled,
    /// A cold start is going on.
    Cold,
    /// It works slower than it should.
    Slow,
    /// Its work fails.
    Failing,
    /// It does nothing.
    Stopped,
}

/// How a node fares, and the color of that.
pub fn state_of(shown: &Shown, kind: &Kind, figures: &NodeShown) -> (State, Color32) {
    let has = |bit: u8| figures.condition & bit != 0;
    let state = match figures {
        _ if has(Condition::STOPPED) => State::Stopped,
        _ if has(Condition::FAILING) => State::Failing,
        _ if has(Condition::THROTTLING) => State::Throttled,
        _ if has(Condition::SLOW) => State::Slow,
        NodeShown { depth, .. } if *depth > backlog_from(kind) => State::Backlog,
        _ if has(Condition::COLD) => State::Cold,
        NodeShown { busy, .. } if *busy > 0 => State::Busy,
        _ => State::Well,
    };
    let theme = shown.theme;
    let ink = match state {
        State::Well => theme.text_second,
        State::Busy => theme.normal,
        State::Backlog | State::Throttled | State::Slow => theme.throttled,
        State::Cold => theme.cold,
        State::Failing | State::Stopped => theme.error_text,
    };
    (state, paint(ink))
}

/// Waiting messages from which a node counts as backlogged.
fn backlog_from(kind: &Kind) -> u32 {
    match kind {
        Kind::Queue(queue) => queue.batch_size.saturating_mul(10).max(50),
        Kind::Service(service) => service.servers.saturating_mul(4).max(8),
        _ => 20,
    }
}

fn state_words(state: State) -> (&'static str, &'static str) {
    match state {
        State::Well => (icon::CHECK_CIRCLE, "Idle"),
        State::Busy => (icon::PULSE, "Busy"),
        State::Backlog => (icon::WARNING, "Backlog"),
        State::Throttled => (icon::BARRICADE, "Throttled"),
        State::Cold => (icon::SNOWFLAKE, "Cold start"),
        State::Slow => (icon::HOURGLASS, "Slow"),
        State::Failing => (icon::X_CIRCLE, "Failing"),
        State::Stopped => (icon::STOP_CIRCLE, "Stopped"),
    }
}

/// Draws the inspector, where a node is selected.
pub fn show(root: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked) {
    let Some((row, id)) = shown.selected() else {
        state.drafts.clear();
        return;
    };
    let Some(node) = shown.open.scene.nodes.get(id) else { return };
    state.drafts.retain(|(owner, _), _| owner == id);
    let frame = super::style::edge(shown.theme, Margin { left: 16, right: 8, top: 14, bottom: 8 });
    let panel = Panel::right("inspector").default_size(shown.sizes.right).size_range(220.0..=480.0).frame(frame);
    panel.show(root, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(ui.available_width() - 8.0);
            ui.spacing_mut().item_spacing.y = 6.0;
            let figures = shown.figures.nodes.get(row).copied().unwrap_or_default();
            title(ui, shown, id, node, &figures);
            ui.add_space(6.0);
            let readings = shown.readings.node.as_ref().filter(|readings| readings.node == *id);
            big_figure(ui, shown, node, &figures, readings);
            stop_button(ui, shown, asked, id, &figures);
            hairline(ui, shown.theme);
            parameters(ui, shown, state, asked, id, node);
            hairline(ui, shown.theme);
            live(ui, shown, &figures, readings);
            note(ui, shown, state, asked, id, node);
        });
    });
}

fn title(ui: &mut Ui, shown: &Shown, id: &NodeId, node: &Node, figures: &NodeShown) {
    let (state, ink) = state_of(shown, &node.kind, figures);
    ui.horizontal(|ui| {
        ui.label(words(kind_icon(&node.kind), regular(18.0), paint(shown.theme.normal)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let (icon, text) = state_words(state);
            chip(ui, icon, text, ink);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(words(shown.label(id), semibold(18.0), shown.ink())).truncate());
            });
        });
    });
    let region = node.region.as_ref().and_then(|region| shown.open.scene.regions.get(region));
    let place = region.map_or_else(String::new, |region| format!(" in {}", region.label));
    ui.label(words(format!("{}{place}", node.kind.name()), regular(13.0), shown.second()));
}

/// The figure that says most about a kind, with its history.
fn big_figure(ui: &mut Ui, shown: &Shown, node: &Node, figures: &NodeShown, readings: Option<&NodeReadings>) {
    let (name, value, limit) = headline(node, figures, readings);
    let (state, ink) = state_of(shown, &node.kind, figures);
    ui.label(words(name, regular(13.0), shown.second()));
    ui.horizontal(|ui| {
        figure(ui, shown.theme, &value, 34.0, shown.ink());
        if !limit.is_empty() {
            ui.label(words(limit, regular(15.0), shown.second()));
        }
    });
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 62.0), Sense::hover());
    let Some(readings) = readings else { return };
    let line_ink = if state == State::Well { paint(shown.theme.normal) } else { ink };
    let faults = fault_spans(&shown.open.scene, shown.readings.span.1);
    let ground = Ground { span: shown.readings.span, faults: &faults, cursor: shown.playhead.time };
    draw(ui.painter(), rect, shown.theme, &ground, &[Line { values: &readings.series, ink: line_ink }]);
    ui.horizontal(|ui| {
        ui.label(words(clock_short(shown.readings.span.0), regular(12.0), shown.second()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(words(clock_short(shown.readings.span.1), regular(12.0), shown.second()));
        });
    });
}

fn headline(node: &Node, figures: &NodeShown, readings: Option<&NodeReadings>) -> (&'static str, Figure, String) {
    let whole = |value: u32| plain(f64::from(value));
    let none = String::new();
    let read = |value: fn(&NodeReadings) -> f64| rate(readings.map_or(0.0, value));
    match &node.kind {
        Kind::Queue(_) => ("Waiting", whole(figures.depth), none),
        Kind::Function(function) => {
            let limit = function.concurrency.map_or(none, |limit| format!("of {limit}"));
            ("Environments at work", whole(figures.busy), limit)
        }
        Kind::Service(service) => ("Servers at work", whole(figures.busy), format!("of {}", service.servers)),
        Kind::StateMachine(_) => ("Running", whole(figures.busy), none),
        Kind::Client(_) => ("Requests under way", whole(figures.in_flight.max(figures.busy)), none),
        Kind::Producer(_) | Kind::Scheduler(_) => ("Sent", read(|readings| readings.departures), none),
        _ => ("Handled", read(|readings| readings.arrivals), none),
    }
}

fn stop_button(ui: &mut Ui, shown: &Shown, asked: &mut Asked, id: &NodeId, figures: &NodeShown) {
    let stopped = figures.condition & Condition::STOPPED != 0;
    let (icon, label, tip) = match stopped {
        true => (icon::PLAY_CIRCLE, "Start", "Lets the node work again (X)"),
        false => (icon::STOP_CIRCLE, "Stop", "The node does nothing from now on (X)"),
    };
    ui.horizontal(|ui| {
        if button(ui, shown.theme, icon, label, if stopped { Weight::Primary } else { Weight::Plain })
            .on_hover_text(tip)
            .clicked()
        {
            asked.edits.push(if stopped { EditRequest::Start(id.clone()) } else { EditRequest::Stop(id.clone()) });
        }
        if button(ui, shown.theme, icon::FRAME_CORNERS, "Show", Weight::Plain)
            .on_hover_text("Brings it close (F)")
            .clicked()
        {
            asked.camera.push(crate::desktop::state::CameraRequest::FrameSelected);
        }
    });
}

fn parameters(ui: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked, id: &NodeId, node: &Node) {
    let mut kind = node.kind.clone();
    let mut kept = false;
    for mut entry in fields(&mut kind) {
        kept |= show_field(ui, shown, &mut state.drafts, id, &mut entry);
    }
    if kept && kind != node.kind {
        asked.edits.push(EditRequest::Parameters { node: id.clone(), kind: Box::new(kind) });
    }
}

/// One row: name, field, and a dot while it is typed. True when a new value was kept.
fn show_field(ui: &mut Ui, shown: &Shown, drafts: &mut Drafts, id: &NodeId, entry: &mut Field) -> bool {
    let mut kept = false;
    ui.horizontal(|ui| {
        let name = ui.add(egui::Label::new(words(entry.label, regular(13.0), shown.second())).sense(Sense::hover()));
        name.on_hover_text(entry.help);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            kept = match entry.value {
                Value::Shown(_) => shown_value(ui, shown, entry),
                _ if !entry.value.choices().is_empty() => choice(ui, shown, id, entry),
                _ => text_field(ui, shown, drafts, id, entry),
            };
        });
    });
    kept
}

fn shown_value(ui: &mut Ui, shown: &Shown, entry: &Field) -> bool {
    ui.label(words(entry.value.text(), regular(13.0), shown.ink())).on_hover_text(entry.help);
    false
}

fn choice(ui: &mut Ui, shown: &Shown, id: &NodeId, entry: &mut Field) -> bool {
    let current = entry.value.text();
    let mut chosen = None;
    let combo = egui::ComboBox::from_id_salt((id.as_str(), entry.label)).width(110.0);
    combo.selected_text(words(&current, regular(13.0), shown.ink())).show_ui(ui, |ui| {
        for option in entry.value.choices() {
            if ui.selectable_label(option == current, option).clicked() {
                chosen = Some(option);
            }
        }
    });
    chosen.is_some_and(|option| entry.value.set(option).is_ok())
}

fn text_field(ui: &mut Ui, shown: &Shown, drafts: &mut Drafts, id: &NodeId, entry: &mut Field) -> bool {
    let key = (id.clone(), entry.label);
    let current = entry.value.text();
    let mut text = drafts.get(&key).cloned().unwrap_or_else(|| current.clone());
    let typed = text != current;
    let verdict = if typed { entry.value.set(&text) } else { Ok(()) };
    let ink = if verdict.is_err() { paint(shown.theme.error_text) } else { shown.ink() };
    let width = field_width(ui, &current, &text);
    let edit = egui::TextEdit::singleline(&mut text)
        .id_salt((id.as_str(), entry.label))
        .font(regular(13.0))
        .text_color(ink)
        .margin(Margin::symmetric(7, 3))
        .vertical_align(Align::Center)
        .desired_width(width);
    let response = ui.add_sized(vec2(width, FIELD_HEIGHT), edit);
    let gone = response.lost_focus();
    let abandoned = ui.input(|input| input.key_pressed(egui::Key::Escape));
    frame_field(ui, shown, &response, typed, verdict.is_err());
    if let Err(sentence) = &verdict {
        response.clone().on_hover_text(sentence);
        response.show_tooltip_text(sentence);
    } else {
        response.clone().on_hover_text(entry.help);
    }
    if gone || (!response.has_focus() && !response.changed()) {
        drafts.remove(&key);
    } else {
        drafts.insert(key, text);
    }
    gone && typed && verdict.is_ok() && !abandoned
}

/// Wide enough for its text, and never wider than the panel allows.
fn field_width(ui: &Ui, current: &str, text: &str) -> f32 {
    let longest = if text.len() > current.len() { text } else { current };
    let galley = ui.painter().layout_no_wrap(longest.to_owned(), regular(13.0), Color32::WHITE);
    (galley.size().x + 18.0).max(92.0).min(ui.available_width().max(60.0))
}

fn frame_field(ui: &Ui, shown: &Shown, response: &egui::Response, typed: bool, refused: bool) {
    let stroke = match (refused, response.has_focus()) {
        (true, _) => paint(shown.theme.error),
        (_, true) => paint(shown.theme.accent),
        _ => paint(shown.theme.hairline),
    };
    let painter = ui.painter();
    painter.rect_stroke(
        response.rect,
        egui::CornerRadius::same(4),
        egui::Stroke::new(1.0, stroke),
        egui::StrokeKind::Inside,
    );
    if typed {
        painter.circle_filled(response.rect.left_center() - vec2(8.0, 0.0), 3.0, paint(shown.theme.accent));
    }
}

fn live(ui: &mut Ui, shown: &Shown, figures: &NodeShown, readings: Option<&NodeReadings>) {
    let mut rows: Vec<(&str, Figure, Color32)> = Vec::new();
    let ink = shown.ink();
    if figures.depth > 0 {
        rows.push(("Waiting", plain(f64::from(figures.depth)), ink));
    }
    if figures.in_flight > 0 {
        rows.push(("In hand", plain(f64::from(figures.in_flight)), ink));
    }
    if let Some(readings) = readings {
        rows.push(("Arrivals", rate(readings.arrivals), ink));
        rows.push(("Sent on", rate(readings.departures), ink));
        rows.push(("At work, mean", plain(readings.busy), ink));
        for (name, value, color) in [
            ("Turned away", readings.throttled, paint(shown.theme.throttled)),
            ("Failed", readings.failed, paint(shown.theme.error_text)),
            ("Dead letters", readings.dead_letters, paint(shown.theme.error_text)),
        ] {
            if value > 0.0 {
                rows.push((name, rate(value), color));
            }
        }
        for (name, quantile) in ["Latency p50", "p95", "p99"].into_iter().zip(readings.latency) {
            if let Some(seconds) = quantile {
                rows.push((name, span(seconds), ink));
            }
        }
    }
    for (name, value, color) in rows {
        row(ui, shown, name, &value, color);
    }
}

fn row(ui: &mut Ui, shown: &Shown, name: &str, value: &Figure, ink: Color32) {
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

fn note(ui: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked, id: &NodeId, node: &Node) {
    ui.add_space(4.0);
    ui.label(words("Note", medium(12.0), shown.second()));
    let key = (id.clone(), "Note");
    let mut text = state.drafts.get(&key).cloned().unwrap_or_else(|| node.note.clone());
    let edit = egui::TextEdit::multiline(&mut text)
        .id_salt((id.as_str(), "note"))
        .hint_text("What should be known about it")
        .desired_rows(2)
        .desired_width(f32::INFINITY)
        .margin(Margin::symmetric(7, 5));
    let response = ui.add(edit);
    if response.lost_focus() {
        state.drafts.remove(&key);
        if text != node.note {
            asked.edits.push(EditRequest::Note { node: id.clone(), text });
        }
    } else if response.has_focus() {
        state.drafts.insert(key, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::Queue;

    #[test]
    fn a_queue_is_backlogged_by_many_batches_not_by_one() {
        let queue = Kind::Queue(Queue { batch_size: 10, ..Queue::default() });
        assert_eq!(backlog_from(&queue), 100);
    }
}
