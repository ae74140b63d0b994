//! The strip of charts: throughput, in flight, backlog, latency, errors and dead letters.

use bevy_egui::egui::{self, Align2, Color32, Margin, Panel, Rect, Sense, Ui, pos2, vec2};

use super::chart::{Ground, Line, draw, instant};
use super::figure::{Figure, plain, rate, span};
use super::mark::fault_spans;
use super::style::{CHARTS_FOLDED, medium, regular, semibold};
use super::{Asked, PanelState, Shown, Visible};
use crate::desktop::reading::value_at;
use crate::desktop::request::TransportRequest;
use crate::desktop::theme::paint;

/// One chart of the strip.
struct Cell<'a> {
    title: &'static str,
    lines: Vec<Line<'a>>,
    figure: Figure,
    ink: Color32,
    /// Figures beside the title, with their names.
    beside: Vec<(&'static str, Figure)>,
    /// Its share of the width, beside the others'.
    width: f32,
}

/// Draws the strip.
pub fn show(root: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked) {
    let height = if state.charts == Visible::Shown { shown.sizes.charts } else { CHARTS_FOLDED };
    let frame = super::style::edge(shown.theme, Margin::ZERO);
    Panel::bottom("charts").exact_size(height).resizable(false).frame(frame).show(root, |ui| {
        let rect = ui.max_rect();
        let cells = cells(shown);
        let whole: f32 = cells.iter().map(|cell| cell.width).sum();
        let mut left = rect.left();
        for cell in &cells {
            let width = rect.width() * cell.width / whole;
            let place = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
            show_cell(ui, shown, asked, cell, place, state.charts);
            left += width;
            ui.painter().vline(left, rect.y_range(), egui::Stroke::new(1.0, paint(shown.theme.hairline)));
        }
    });
}

fn cells<'a>(shown: &'a Shown) -> Vec<Cell<'a>> {
    let (readings, theme) = (shown.readings, shown.theme);
    let now = |values: &[f32]| f64::from(value_at(values, readings.span, shown.playhead.time));
    let (normal, orange, red) = (paint(theme.normal), paint(theme.throttled), paint(theme.error));
    let cell = |title, values: &'a [f32], figure, ink| Cell {
        title,
        lines: vec![Line { values, ink }],
        figure,
        ink: shown.ink(),
        beside: Vec::new(),
        width: 1.0,
    };
    let [p50, p95, p99] = &readings.latency;
    let latency = Cell {
        title: "Latency",
        lines: vec![
            Line { values: p99, ink: orange },
            Line { values: p95, ink: paint(theme.retry) },
            Line { values: p50, ink: normal },
        ],
        figure: span(now(p99)),
        ink: shown.ink(),
        beside: vec![("p50", span(now(p50))), ("p95", span(now(p95)))],
        width: 1.5,
    };
    let troubles = now(&readings.errors) + now(&readings.dead_letters);
    let errors = Cell {
        title: "Errors and dead letters",
        lines: vec![
            Line { values: &readings.errors, ink: red },
            Line { values: &readings.dead_letters, ink: paint(theme.dead_letter) },
        ],
        figure: rate(troubles),
        ink: if troubles > 0.0 { paint(theme.error_text) } else { shown.ink() },
        beside: Vec::new(),
        width: 1.3,
    };
    vec![
        cell("Throughput", &readings.throughput, rate(now(&readings.throughput)), normal),
        cell("In flight", &readings.in_flight, plain(now(&readings.in_flight)), normal),
        cell("Backlog", &readings.backlog, plain(now(&readings.backlog)), orange),
        latency,
        errors,
    ]
}

fn show_cell(ui: &mut Ui, shown: &Shown, asked: &mut Asked, cell: &Cell, place: Rect, charts: Visible) {
    let inner = place.shrink2(vec2(12.0, 0.0));
    let painter = ui.painter().with_clip_rect(place);
    let middle = place.top() + 15.0;
    head(&painter, shown, cell, inner, middle);
    if charts == Visible::Hidden {
        return;
    }
    let chart = Rect::from_min_max(pos2(inner.left(), place.top() + 30.0), pos2(inner.right(), place.bottom() - 8.0));
    let faults = fault_spans(&shown.open.scene, shown.readings.span.1);
    let ground = Ground { span: shown.readings.span, faults: &faults, cursor: shown.playhead.time };
    draw(&painter, chart, shown.theme, &ground, &cell.lines);
    let response = ui.interact(chart, ui.id().with(cell.title), Sense::click_and_drag());
    if (response.clicked() || response.dragged())
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let across = (pointer.x - chart.left()) / chart.width().max(1.0);
        asked.transport.push(TransportRequest::Seek(instant(shown.readings.span, across)));
    }
}

fn head(painter: &egui::Painter, shown: &Shown, cell: &Cell, inner: Rect, middle: f32) {
    let unit = match (cell.title, cell.figure.unit) {
        ("Latency", unit) => format!("{unit} p99"),
        (_, unit) => unit.to_owned(),
    };
    let mut right = inner.right();
    if !unit.is_empty() {
        let rect = painter.text(pos2(right, middle + 1.0), Align2::RIGHT_CENTER, unit, regular(12.0), shown.second());
        right = rect.left() - 3.0;
    }
    let rect = painter.text(pos2(right, middle), Align2::RIGHT_CENTER, &cell.figure.number, semibold(17.0), cell.ink);
    right = rect.left() - 8.0;
    let title =
        painter.text(pos2(inner.left(), middle), Align2::LEFT_CENTER, cell.title, regular(13.0), shown.second());
    let mut left = title.right() + 10.0;
    for (name, figure) in &cell.beside {
        let text = format!("{name} {} {}", figure.number, figure.unit);
        let galley = painter.layout_no_wrap(text, medium(12.0), shown.second());
        // A figure that finds no room gives way to the title and the value.
        if left + galley.size().x > right {
            break;
        }
        let width = galley.size().x;
        painter.galley(pos2(left, middle - galley.size().y / 2.0), galley, shown.second());
        left += width + 10.0;
    }
}
