//! What stands on the bar of time: faults, stops of the tour, commands.
//!
//! Invariant: the gravest mark keeps its label; labels never overlap.

use bevy_egui::egui::{self, Color32, Painter, Rect, Stroke, pos2, vec2};
use egui_phosphor::regular as icon;

use super::Shown;
use super::style::regular;
use crate::desktop::theme::{Theme, paint};
use crate::scene::document::{Fault, Scene};
use crate::scene::time::SimTime;
use crate::sim::command::CommandAction;

/// The longest label that was not made here, in characters.
const LABEL_CHARS: usize = 28;

/// How grave a mark is; the first in order keeps its label.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Gravity {
    /// Something goes wrong.
    Fault,
    /// A place to look at.
    Stop,
    /// A hand has changed something.
    Command,
}

/// Something on the bar.
#[derive(Clone, PartialEq, Debug)]
pub struct Mark {
    /// How grave it is.
    pub gravity: Gravity,
    /// When it begins.
    pub at: SimTime,
    /// Its label.
    pub label: String,
}

/// The spans of time in which something is wrong.
pub fn fault_spans(scene: &Scene, end: SimTime) -> Vec<(SimTime, SimTime)> {
    let instant = |time: crate::scene::units::Duration| SimTime::ZERO + time.span();
    scene.faults.iter().map(|fault| (instant(fault.at), fault.until.map_or(end, instant).min(end))).collect()
}

/// All marks, in the order in which they may claim a place for their label.
pub fn marks(shown: &Shown) -> Vec<Mark> {
    let mut marks = Vec::new();
    for fault in &shown.open.scene.faults {
        let label = fault_label(shown, &fault.fault);
        marks.push(Mark { gravity: Gravity::Fault, at: SimTime::ZERO + fault.at.span(), label });
    }
    for stop in &shown.open.scene.tour {
        let Some(at) = stop.at else { continue };
        let label = stop.caption.lines().next().unwrap_or_default().chars().take(LABEL_CHARS).collect();
        marks.push(Mark { gravity: Gravity::Stop, at: SimTime::ZERO + at.span(), label });
    }
    for (at, text) in &shown.readings.commands {
        marks.push(Mark { gravity: Gravity::Command, at: *at, label: command_label(shown, text) });
    }
    marks.sort_by_key(|one| (one.gravity, one.at));
    marks
}

fn fault_label(shown: &Shown, fault: &Fault) -> String {
    match fault {
        Fault::Stop(node) => format!("{} stops", shown.label(node)),
        Fault::Slow(node, factor) => format!("{} {factor}x slower", shown.label(node)),
        Fault::ErrorRate(node, _) => format!("{} fails", shown.label(node)),
        Fault::Cut(link) => format!("{link} is cut"),
    }
}

/// What a command did, in words; one that cannot be read stands as it is.
fn command_label(shown: &Shown, text: &str) -> String {
    match ron::from_str::<CommandAction>(text) {
        Ok(CommandAction::Stop(node)) => format!("{} stopped", shown.label(&node)),
        Ok(CommandAction::Start(node)) => format!("{} started", shown.label(&node)),
        Ok(CommandAction::Slow(node, factor)) => format!("{} {factor}x slower", shown.label(&node)),
        Ok(CommandAction::ErrorRate(node, share)) => format!("{} fails {:.0} %", shown.label(&node), share * 100.0),
        Ok(CommandAction::Cut(link)) => format!("{link} cut"),
        Ok(CommandAction::Restore(link)) => format!("{link} restored"),
        Ok(CommandAction::Parameters(node, _)) => format!("{} changed", shown.label(&node)),
        Ok(CommandAction::Send(node, count)) => format!("{} sends {count}", shown.label(&node)),
        Err(_) => text.chars().take(LABEL_CHARS).collect(),
    }
}

fn dress(theme: &Theme, gravity: Gravity) -> (&'static str, Color32) {
    match gravity {
        Gravity::Fault => (icon::LIGHTNING, paint(theme.error_text)),
        Gravity::Stop => (icon::BOOKMARK_SIMPLE, paint(theme.text_second)),
        Gravity::Command => (icon::HAND_TAP, paint(theme.accent)),
    }
}

/// Draws the labels above the bar, each at its instant, as far as they find room.
pub fn draw_labels(painter: &Painter, theme: &Theme, row: Rect, marks: &[Mark], place: impl Fn(SimTime) -> f32) {
    let mut taken: Vec<egui::Rangef> = Vec::new();
    for mark in marks {
        let (icon, ink) = dress(theme, mark.gravity);
        let words = if mark.gravity == Gravity::Fault { ink } else { paint(theme.text_second) };
        let text = painter.layout_no_wrap(mark.label.clone(), regular(12.0), words);
        let x = place(mark.at);
        let width = 18.0 + text.size().x;
        let left = (x - 5.0).min(row.right() - width).max(row.left());
        let room = egui::Rangef::new(left - 6.0, left + width + 6.0);
        if taken.iter().any(|other| room.min < other.max && other.min < room.max) {
            continue;
        }
        taken.push(room);
        let middle = row.center().y;
        painter.text(pos2(left, middle), egui::Align2::LEFT_CENTER, icon, regular(13.0), ink);
        painter.galley(pos2(left + 17.0, middle - text.size().y / 2.0), text, words);
    }
}

/// Stripes over a span that is wrong: seen without color too.
pub fn hatch(painter: &Painter, rect: Rect, ground: Color32, stripe: Color32) {
    painter.rect_filled(rect, 2.0, ground);
    let painter = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        let foot = pos2(x, rect.bottom() + 1.0);
        painter.line_segment([foot, foot + vec2(rect.height() + 2.0, -rect.height() - 2.0)], Stroke::new(1.6, stripe));
        x += 5.0;
    }
}
