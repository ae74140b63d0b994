//! The list of nodes at the left: a way to every body without a pointer, and one line of its state.

use bevy_egui::egui::{self, Align2, Margin, Panel, Sense, Ui, pos2, vec2};
use egui_phosphor::regular as icon;

use super::figure::short;
use super::inspector::{State, state_of};
use super::style::{medium, regular, words};
use super::widget::focus_ring;
use super::{Asked, PanelState, Shown};
use crate::desktop::request::WindowRequest;
use crate::desktop::state::{CameraRequest, NodeShown, Selection};
use crate::desktop::theme::paint;
use crate::scene::document::Node;
use crate::scene::kind::Kind;
use crate::scene::slug::NodeId;

/// The groups of kinds, in the order of a message's way.
const GROUPS: [&str; 4] = ["Sources", "Entry", "Carriers", "Work"];
const ROW: f32 = 27.0;

/// The icon of a kind.
pub fn kind_icon(kind: &Kind) -> &'static str {
    match kind {
        Kind::Producer(_) => icon::BROADCAST,
        Kind::Client(_) => icon::BROWSER,
        Kind::Scheduler(_) => icon::CLOCK,
        Kind::Gateway(_) => icon::DOOR_OPEN,
        Kind::Function(_) => icon::FUNCTION,
        Kind::Queue(_) => icon::TRAY,
        Kind::Router(_) => icon::SIGNPOST,
        Kind::Bus(_) => icon::PATH,
        Kind::Service(_) => icon::BUILDINGS,
        Kind::Store(_) => icon::DATABASE,
        Kind::StateMachine(_) => icon::TREE_STRUCTURE,
        Kind::Sink(_) => icon::FUNNEL,
        Kind::Generic(_) => icon::SHAPES,
    }
}

fn group(kind: &Kind) -> &'static str {
    match kind {
        Kind::Producer(_) | Kind::Client(_) | Kind::Scheduler(_) => "Sources",
        Kind::Gateway(_) => "Entry",
        Kind::Queue(_) | Kind::Router(_) | Kind::Bus(_) => "Carriers",
        _ => "Work",
    }
}

/// Draws the list.
pub fn show(root: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked) {
    let frame = super::style::edge(shown.theme, Margin { left: 8, right: 4, top: 8, bottom: 4 });
    let width = state.widths.outliner.unwrap_or(shown.sizes.left);
    let panel = Panel::left("outliner").default_size(width).size_range(120.0..=360.0).frame(frame);
    let inside = panel.show(root, |ui| {
        filter(ui, shown, state);
        ui.add_space(4.0);
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let mut found = 0;
            for name in GROUPS {
                found += show_group(ui, shown, asked, name, &state.filter);
            }
            if found == 0 {
                ui.add_space(8.0);
                let text = format!("No node is called `{}`. Esc shows all.", state.filter.trim());
                ui.add(egui::Label::new(words(text, regular(13.0), shown.second())).wrap());
            }
        });
    });
    state.widths.outliner = super::Widths::chosen(inside.response.rect.width(), shown.sizes.left);
}

fn filter(ui: &mut Ui, shown: &Shown, state: &mut PanelState) {
    let hint = format!("{} Find a node", icon::MAGNIFYING_GLASS);
    let edit = egui::TextEdit::singleline(&mut state.filter)
        .hint_text(egui::RichText::new(hint).color(shown.second()))
        .desired_width(f32::INFINITY)
        .margin(Margin::symmetric(8, 5));
    let response = ui.add(edit);
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
        state.filter.clear();
    }
    response.on_hover_text("By name or kind; Esc shows all");
}

/// Whether a node is meant by what is typed: by its id, its label or its kind.
fn fits(wanted: &str, id: &NodeId, node: &Node) -> bool {
    let wanted = wanted.trim().to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&wanted);
    holds(id.as_str()) || holds(&node.label) || holds(node.kind.name())
}

/// Draws a group; gives how many of its nodes fit the filter.
fn show_group(ui: &mut Ui, shown: &Shown, asked: &mut Asked, name: &str, filter: &str) -> usize {
    let nodes = shown.open.scene.nodes.iter().enumerate();
    let members: Vec<_> = nodes.filter(|(_, (id, node))| group(&node.kind) == name && fits(filter, id, node)).collect();
    if members.is_empty() {
        return 0;
    }
    let found = members.len();
    ui.add_space(6.0);
    super::widget::head(ui, shown.theme, name);
    ui.add_space(2.0);
    for (row, (id, node)) in members {
        show_row(ui, shown, asked, row, id, node);
    }
    found
}

fn show_row(ui: &mut Ui, shown: &Shown, asked: &mut Asked, row: usize, id: &NodeId, node: &Node) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let selected = matches!(shown.selection, Selection::Node(chosen) if chosen == id);
    response.widget_info(|| egui::WidgetInfo::selected(egui::WidgetType::Button, true, selected, shown.label(id)));
    if selected || response.hovered() {
        let ground = if selected { paint(shown.theme.raised) } else { paint(shown.theme.field) };
        ui.painter().rect_filled(rect, egui::CornerRadius::same(4), ground);
    }
    focus_ring(ui, shown.theme, &response);
    let figures = shown.figures.nodes.get(row).copied().unwrap_or_default();
    let (state, ink) = state_of(shown, &node.kind, &figures);
    let painter = ui.painter().with_clip_rect(rect);
    let middle = rect.center().y;
    let icon_ink = if state == State::Well { shown.second() } else { ink };
    painter.text(pos2(rect.left() + 6.0, middle), Align2::LEFT_CENTER, kind_icon(&node.kind), regular(16.0), icon_ink);
    let figure = painter.layout_no_wrap(row_figure(state, &figures), medium(12.0), ink);
    let figure_left = rect.right() - 6.0 - figure.size().x;
    let left = rect.left() + 29.0;
    let mut name = egui::text::LayoutJob::simple_singleline(shown.label(id).to_owned(), regular(13.0), shown.ink());
    name.wrap = egui::text::TextWrapping::truncate_at_width((figure_left - 6.0 - left).max(0.0));
    let name = ui.painter().layout_job(name);
    painter.galley(pos2(left, middle - name.size().y / 2.0), name, shown.ink());
    painter.galley(pos2(figure_left, middle - figure.size().y / 2.0), figure, ink);
    if response.clicked() {
        asked.window.push(WindowRequest::Select(id.clone()));
    }
    if response.double_clicked() {
        asked.camera.push(CameraRequest::FrameNodes(vec![id.clone()]));
    }
    response.on_hover_text(format!("{}, {}", shown.label(id), node.kind.name()));
}

/// The one figure of a row: what is waiting, or what is wrong.
fn row_figure(state: State, figures: &NodeShown) -> String {
    match state {
        State::Stopped => "stopped".to_owned(),
        State::Failing => "failing".to_owned(),
        _ if figures.depth > 0 => short(f64::from(figures.depth)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::*;

    #[test]
    fn a_node_is_found_by_label_id_and_kind() {
        let node = Node { label: "Badge scans".to_owned(), ..Node::new(Kind::Queue(Queue::default())) };
        let id = NodeId::new("scans-1").unwrap_or_else(|error| panic!("{error}"));
        let found = ["", " badge ", "SCANS-1", "queue", "bus"].map(|wanted| fits(wanted, &id, &node));
        assert_eq!(found, [true, true, true, true, false]);
    }

    #[test]
    fn every_kind_has_a_group_that_is_listed() {
        for kind in [Kind::Producer(Producer::default()), Kind::Bus(Bus::default()), Kind::Sink(Sink::default())] {
            assert!(GROUPS.contains(&group(&kind)));
        }
    }
}
