//! The inspector at the right: the selected node's state, its one big figure, its parameters.
//!
//! Invariant: a field that is typed in changes nothing until its text fits and is kept by Enter or
//! by leaving it; until then a dot stands beside it (`row.rs`).

use bevy_egui::egui::{self, Align, Color32, Layout, Margin, Panel, Sense, Ui, vec2};
use egui_phosphor::regular as icon;

use super::chart::{Ground, Line, draw};
use super::field::fields;
use super::figure::{Figure, clock, clock_short, plain, rate, span};
use super::mark::fault_spans;
use super::outliner::kind_icon;
use super::row::{Fate, Kept, fate, field, reading};
use super::style::{medium, regular, semibold, words};
use super::widget::{Weight, button, chip, figure, hairline};
use super::{Asked, PanelState, Shown};
use crate::desktop::edit::EditRequest;
use crate::desktop::follow::FollowRequest;
use crate::desktop::reading::NodeReadings;
use crate::desktop::request::WindowRequest;
use crate::desktop::state::{NodeShown, Selection};
use crate::desktop::theme::paint;
use crate::scene::document::Node;
use crate::scene::kind::Kind;
use crate::scene::slug::NodeId;
use crate::sim::row::Condition;

/// Links of a node that are listed; a node with more has them found in the picture.
const LINKS_SHOWN: usize = 24;

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

/// Draws the inspector, where a node or a link is selected or a message followed.
pub fn show(root: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked) {
    let scene = &shown.open.scene;
    let there = match shown.selection {
        Selection::None => false,
        Selection::Node(id) => scene.nodes.contains_key(id),
        Selection::Link(id) => scene.links.contains_key(id),
    };
    if !there && shown.followed.message.is_none() {
        return;
    }
    let width = state.widths.inspector.unwrap_or(shown.sizes.right);
    let frame = super::style::edge(shown.theme, Margin { left: 16, right: 8, top: 14, bottom: 8 });
    let panel = Panel::right("inspector").default_size(width).size_range(220.0..=480.0).frame(frame);
    let inside = panel.show(root, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(ui.available_width() - 8.0);
            ui.spacing_mut().item_spacing.y = 6.0;
            if let Some(message) = shown.followed.message {
                super::message::show(ui, shown, asked, message);
                return;
            }
            match shown.selection {
                Selection::Link(id) => super::link::show(ui, shown, state, asked, id),
                _ => show_node(ui, shown, state, asked),
            }
        });
    });
    state.widths.inspector = super::Widths::chosen(inside.response.rect.width(), shown.sizes.right);
}

fn show_node(ui: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked) {
    let Some((row, id)) = shown.selected() else { return };
    let Some(node) = shown.open.scene.nodes.get(id) else { return };
    let figures = shown.figures.nodes.get(row).copied().unwrap_or_default();
    title(ui, shown, id, node, &figures);
    ui.add_space(6.0);
    let readings = shown.readings.node.as_ref().filter(|readings| readings.node == *id);
    big_figure(ui, shown, node, &figures, readings);
    stop_button(ui, shown, asked, id, &figures);
    hairline(ui, shown.theme);
    parameters(ui, shown, state, asked, id, node);
    super::definition::show(ui, shown, state, asked, id, node);
    hairline(ui, shown.theme);
    live(ui, shown, &figures, readings);
    links(ui, shown, asked, id);
    messages(ui, shown, asked, readings);
    note(ui, shown, state, asked, id, node);
}

/// The last messages that came, each a way to follow it.
fn messages(ui: &mut Ui, shown: &Shown, asked: &mut Asked, readings: Option<&NodeReadings>) {
    let Some(readings) = readings.filter(|readings| !readings.messages.is_empty()) else { return };
    ui.add_space(4.0);
    ui.label(words("Last messages", medium(12.0), shown.second()));
    for (at, message) in &readings.messages {
        // Numbers are counted by each creator for itself.
        let creator = shown.open.scene.nodes.keys().nth(message.creator().row());
        let creator = creator.map_or("a hidden node", |id| shown.label(id));
        let text = format!("{} {creator} {}", clock(*at), message.counter() + 1);
        let text = words(text, regular(13.0), paint(shown.theme.accent));
        let label = ui.add(egui::Label::new(text).truncate().sense(Sense::click()));
        let label = label.on_hover_cursor(egui::CursorIcon::PointingHand);
        if label.on_hover_text("Follows the message").clicked() {
            asked.follow.push(FollowRequest::Message(*message));
        }
    }
}

/// The links of a node, each a way to its own inspector.
fn links(ui: &mut Ui, shown: &Shown, asked: &mut Asked, id: &NodeId) {
    let scene = &shown.open.scene;
    let mine = scene.links.iter().filter(|(_, link)| link.from == *id || link.to == *id);
    for (link_id, link) in mine.take(LINKS_SHOWN) {
        let (symbol, other) = match link.to == *id {
            true => (icon::ARROW_LEFT, &link.from),
            false => (icon::ARROW_RIGHT, &link.to),
        };
        let text = words(format!("{symbol} {}", shown.label(other)), regular(13.0), paint(shown.theme.accent));
        let label = ui.add(egui::Label::new(text).truncate().sense(Sense::click()));
        let label = label.on_hover_cursor(egui::CursorIcon::PointingHand);
        if label.on_hover_text(format!("Selects the link {link_id}")).clicked() {
            asked.window.push(WindowRequest::SelectLink(link_id.clone()));
        }
    }
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
    let mut kept = Kept::No;
    let owner = owner(id);
    for mut entry in fields(&mut kind) {
        kept = kept.or(field(ui, shown, &mut state.drafts, &owner, &mut entry));
    }
    if kept == Kept::Yes && kind != node.kind {
        asked.edits.push(EditRequest::Parameters { node: id.clone(), kind: Box::new(kind) });
    }
}

/// Whose drafts they are.
pub fn owner(id: &NodeId) -> String {
    format!("node {id}")
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
        reading(ui, shown, name, &value, color);
    }
}

fn note(ui: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked, id: &NodeId, node: &Node) {
    ui.add_space(4.0);
    ui.label(words("Note", medium(12.0), shown.second()));
    let owner = owner(id);
    let mut text = state.drafts.text(&owner, "Note").unwrap_or(&node.note).to_owned();
    let edit = egui::TextEdit::multiline(&mut text)
        .id_salt((id.as_str(), "note"))
        .hint_text("What should be known about it")
        .desired_rows(2)
        .desired_width(f32::INFINITY)
        .margin(Margin::symmetric(7, 5));
    let response = ui.add(edit);
    match fate(ui, &response, text != node.note, true) {
        Fate::Applied => {
            state.drafts.drop(&owner, "Note");
            asked.edits.push(EditRequest::Note { node: id.clone(), text });
        }
        Fate::Dropped => state.drafts.drop(&owner, "Note"),
        Fate::Stays => state.drafts.put(&owner, "Note", text),
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
