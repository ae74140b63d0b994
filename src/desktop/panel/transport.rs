//! The bar of time: run, pause, step, loop, speed, and where in the run we are.

use bevy_egui::egui::{self, Align, Layout, Margin, Panel, Rect, Response, Sense, Stroke, Ui, pos2, vec2};
use egui_phosphor::regular as icon;

use super::chart::{instant, share};
use super::figure::{clock, clock_short, speed};
use super::mark::{draw_labels, fault_spans, hatch, marks};
use super::style::{medium, regular, semibold, words};
use super::widget::{Weight, icon_button};
use super::{Asked, Shown};
use crate::desktop::playhead::{Edge, Looping, SPEEDS};
use crate::desktop::request::TransportRequest;
use crate::desktop::state::Play;
use crate::desktop::theme::{paint, paint_alpha};
use crate::scene::time::SimTime;

/// Draws the bar.
pub fn show(root: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let frame = super::style::edge(shown.theme, Margin::symmetric(12, 0));
    Panel::bottom("transport").exact_size(shown.sizes.transport).resizable(false).frame(frame).show(root, |ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            buttons(ui, shown, asked);
            speeds(ui, shown, asked);
            ui.add_space(12.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                time(ui, shown);
                ui.add_space(12.0);
                bar(ui, shown, asked);
            });
        });
    });
}

fn buttons(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let theme = shown.theme;
    let (run, run_tip) = match shown.playhead.play {
        Play::Playing => (icon::PAUSE, "Pause (Space)"),
        Play::Paused => (icon::PLAY, "Run (Space)"),
    };
    let looping = if shown.track.looping == Looping::Off { Weight::Plain } else { Weight::Lit };
    let row = [
        (icon::SKIP_BACK, 32.0, Weight::Plain, "To the beginning (Home)", TransportRequest::ToStart),
        (icon::CARET_LEFT, 32.0, Weight::Plain, "Event before (Left)", TransportRequest::StepBack),
        (run, 38.0, Weight::Primary, run_tip, TransportRequest::Toggle),
        (icon::CARET_RIGHT, 32.0, Weight::Plain, "Next event (Right)", TransportRequest::StepForward),
        (icon::REPEAT, 32.0, looping, "Loop (L); from here [, to here ]", TransportRequest::ToggleLoop),
    ];
    for (icon, size, weight, tip, request) in row {
        if icon_button(ui, theme, icon, size, weight, tip).clicked() {
            asked.transport.push(request);
        }
    }
}

fn speeds(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let text = words(
        format!("{} {} {}", icon::GAUGE, speed(shown.playhead.speed), icon::CARET_DOWN),
        medium(13.0),
        shown.ink(),
    );
    let button = egui::Button::new(text).min_size(vec2(78.0, 28.0));
    let (response, _) = egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
        ui.set_min_width(84.0);
        ui.spacing_mut().item_spacing.y = 0.0;
        for rung in SPEEDS.into_iter().rev() {
            let chosen = (rung - shown.playhead.speed).abs() < rung * 0.001;
            let ink = if chosen { paint(shown.theme.accent) } else { shown.ink() };
            let line = egui::Button::new(words(speed(rung), regular(13.0), ink)).frame(false);
            if ui.add_sized(vec2(84.0, 22.0), line).clicked() {
                asked.transport.push(TransportRequest::Speed(rung));
                ui.close();
            }
        }
    });
    response.on_hover_text("Speed: simulated seconds a second (+ and -)");
}

fn time(ui: &mut Ui, shown: &Shown) {
    ui.spacing_mut().item_spacing.x = 6.0;
    ui.label(words(format!("/ {}", clock_short(shown.track.end())), regular(13.0), shown.second()));
    ui.label(words(clock(shown.playhead.time), semibold(20.0), shown.ink()));
}

/// The bar itself takes what is left between the buttons and the clock.
fn bar(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), ui.available_height()), Sense::click_and_drag());
    let rail = Rect::from_center_size(pos2(rect.center().x, rect.center().y + 8.0), vec2(rect.width(), 4.0));
    let whole = (SimTime::ZERO, shown.track.end());
    let place = |time: SimTime| rail.left() + rail.width() * share(whole, time);
    draw_rail(ui, shown, rail, place);
    let labels = Rect::from_min_max(pos2(rect.left(), rail.top() - 24.0), pos2(rect.right(), rail.top() - 6.0));
    draw_labels(ui.painter(), shown.theme, labels, &marks(shown), place);
    scrub(ui, shown, asked, &response, rail, whole);
}

fn draw_rail(ui: &Ui, shown: &Shown, rail: Rect, place: impl Fn(SimTime) -> f32) {
    let (theme, painter) = (shown.theme, ui.painter());
    let upto = |x: f32| Rect::from_min_max(rail.min, pos2(x, rail.bottom()));
    painter.rect_filled(rail, 2.0, paint(theme.field));
    painter.rect_filled(upto(place(shown.track.recorded)), 2.0, paint(theme.raised));
    painter.rect_filled(upto(place(shown.playhead.time)), 2.0, paint_alpha(theme.accent, 0.75));
    for (from, to) in fault_spans(&shown.open.scene, shown.track.end()) {
        let span = Rect::from_min_max(pos2(place(from), rail.top() - 2.0), pos2(place(to), rail.bottom() + 2.0));
        hatch(painter, span, paint(theme.panel).lerp_to_gamma(paint(theme.error), 0.35), paint(theme.error));
    }
    for (at, _) in &shown.readings.commands {
        painter.vline(place(*at), rail.y_range().expand(4.0), Stroke::new(1.5, paint(theme.accent)));
    }
    if let Looping::Between(from, to) = shown.track.looping {
        let span = Rect::from_min_max(pos2(place(from), rail.top() - 4.0), pos2(place(to), rail.bottom() + 4.0));
        painter.rect_stroke(span, 2.0, Stroke::new(1.5, paint(theme.accent)), egui::StrokeKind::Outside);
    }
    if shown.track.edge == Edge::Live {
        painter.circle_filled(pos2(place(shown.track.recorded), rail.center().y), 3.5, paint(theme.accent));
    }
    let handle = Rect::from_center_size(pos2(place(shown.playhead.time), rail.center().y), vec2(3.0, 16.0));
    painter.rect_filled(handle, 1.5, shown.ink());
}

fn scrub(ui: &Ui, shown: &Shown, asked: &mut Asked, response: &Response, rail: Rect, whole: (SimTime, SimTime)) {
    let at = |x: f32| instant(whole, (x - rail.left()) / rail.width().max(1.0));
    if (response.clicked() || response.dragged())
        && let Some(pointer) = response.interact_pointer_pos()
    {
        asked.transport.push(TransportRequest::Seek(at(pointer.x)));
    }
    if let Some(pointer) = response.hover_pos() {
        let reached = at(pointer.x) <= shown.track.recorded;
        let note = if reached { "" } else { "  not simulated yet" };
        ui.painter().vline(pointer.x, rail.y_range().expand(6.0), Stroke::new(1.0, paint_alpha(shown.theme.text, 0.5)));
        response.clone().on_hover_text_at_pointer(format!("{}{note}", clock(at(pointer.x))));
    }
}
