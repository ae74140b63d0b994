//! The inspector of the message that is followed: where it is, and every hop that it made.

use bevy_egui::egui::{self, Align, Color32, Label, Layout, Sense, Ui};
use egui_phosphor::regular as icon;

use super::figure::{clock, span};
use super::style::{medium, regular, semibold, words};
use super::widget::{Weight, button, chip, hairline};
use super::{Asked, Shown};
use crate::desktop::follow::{Along, FollowRequest, Leg, Whereabouts};
use crate::desktop::request::TransportRequest;
use crate::desktop::theme::paint;
use crate::scene::slug::NodeId;
use crate::sim::id::MessageId;
use crate::sim::row::{Direction, HopKind, Outcome, WireFate};

/// Draws what is known of a message.
pub fn show(ui: &mut Ui, shown: &Shown, asked: &mut Asked, message: MessageId) {
    let now = shown.followed.at(shown.playhead.time);
    ui.horizontal(|ui| {
        ui.label(words(icon::ENVELOPE_SIMPLE, regular(18.0), paint(shown.theme.normal)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let (text, ink) = match now {
                Whereabouts::Before => ("Not yet sent", shown.second()),
                Whereabouts::Under(..) => ("Under way", paint(shown.theme.normal)),
                Whereabouts::After(_) => ("Arrived", shown.second()),
            };
            chip(ui, "", text, ink);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let name = words(format!("Message {}", message.counter() + 1), semibold(18.0), shown.ink());
                ui.add(Label::new(name).truncate());
            });
        });
    });
    let creator = shown.open.scene.nodes.keys().nth(message.creator().row());
    let from = creator.map_or("a hidden node", |id| shown.label(id));
    ui.label(words(format!("of {from}"), regular(13.0), shown.second()));
    buttons(ui, shown, asked);
    hairline(ui, shown.theme);
    ui.label(words("Its way", medium(13.0), shown.ink()));
    if shown.followed.legs.is_empty() {
        ui.label(words("Nothing of it is recorded around this moment.", regular(13.0), shown.second()));
    }
    for (place, leg) in shown.followed.legs.iter().enumerate() {
        show_leg(ui, shown, asked, leg, matches!(now, Whereabouts::Under(at, _) if at == place));
    }
}

fn buttons(ui: &mut Ui, shown: &Shown, asked: &mut Asked) {
    ui.horizontal(|ui| {
        let weight = if shown.followed.along == Along::Yes { Weight::Lit } else { Weight::Plain };
        let camera = button(ui, shown.theme, icon::VIDEO_CAMERA, "Go along", weight);
        if camera.on_hover_text("The camera looks at the message while time goes on").clicked() {
            asked.follow.push(FollowRequest::ToggleCamera);
        }
        let leave = button(ui, shown.theme, icon::X, "Leave it", Weight::Plain);
        if leave.on_hover_text("Follows it no longer (Esc)").clicked() {
            asked.follow.push(FollowRequest::Nothing);
        }
    });
}

/// One hop; a click goes to the instant at which it left.
fn show_leg(ui: &mut Ui, shown: &Shown, asked: &mut Asked, leg: &Leg, here: bool) {
    let (from, to) = ends(shown, leg);
    let (what, ink) = what(shown, leg);
    let name_ink = if leg.depart > shown.playhead.time { shown.second() } else { shown.ink() };
    ui.horizontal(|ui| {
        let at = words(clock(leg.depart), regular(12.0), paint(shown.theme.accent));
        let label = ui.add(Label::new(at).sense(Sense::click())).on_hover_cursor(egui::CursorIcon::PointingHand);
        if label.on_hover_text("Goes to this moment").clicked() {
            asked.transport.push(TransportRequest::Seek(leg.depart));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let took = span(leg.arrive.since(leg.depart).seconds());
            ui.label(words(format!("{} {}", took.number, took.unit), regular(12.0), shown.second()));
            ui.label(words(what, medium(12.0), ink));
        });
    });
    let arrow = if here { icon::ARROW_FAT_RIGHT } else { icon::ARROW_RIGHT };
    ui.add(Label::new(words(format!("{from} {arrow} {to}"), regular(13.0), name_ink)).truncate());
    ui.add_space(2.0);
}

fn ends<'s>(shown: &'s Shown, leg: &Leg) -> (&'s str, &'s str) {
    let link = shown.open.scene.links.values().nth(leg.link);
    let name = |id: Option<&'s NodeId>| id.map_or("somewhere", |id| shown.label(id));
    let (from, to) = (name(link.map(|link| &link.from)), name(link.map(|link| &link.to)));
    match leg.direction {
        Direction::Forward => (from, to),
        Direction::Backward => (to, from),
    }
}

/// What a hop was, or what became of it, in a word and its color.
fn what(shown: &Shown, leg: &Leg) -> (&'static str, Color32) {
    let theme = shown.theme;
    let arrived = leg.arrive <= shown.playhead.time;
    match (leg.wire, leg.outcome.filter(|_| arrived), leg.kind) {
        (WireFate::Lost, _, _) if arrived => ("lost", paint(theme.throttled)),
        (_, Some(Outcome::Throttled), _) => ("turned away", paint(theme.throttled)),
        (_, Some(Outcome::Failed), _) => ("failed", paint(theme.error_text)),
        (_, Some(Outcome::Filtered), _) => ("filtered", shown.second()),
        (_, Some(Outcome::Late), _) => ("too late", paint(theme.throttled)),
        (_, Some(Outcome::DeadLettered), _) => ("dead letter", paint(theme.error_text)),
        (_, _, HopKind::Event) => ("event", paint(theme.normal)),
        (_, _, HopKind::Request) => ("request", paint(theme.normal)),
        (_, _, HopKind::Reply) => ("reply", paint(theme.normal)),
        (_, _, HopKind::Retry) => ("retry", paint(theme.throttled)),
        (_, _, HopKind::Error) => ("error", paint(theme.error_text)),
        (_, _, HopKind::Throttled) => ("refusal", paint(theme.throttled)),
        (_, _, HopKind::DeadLetter) => ("dead letter", paint(theme.error_text)),
        (_, _, HopKind::Batch) => ("batch", paint(theme.normal)),
        (_, _, HopKind::Poll) => ("poll", shown.second()),
        (_, _, HopKind::Acknowledgement) => ("receipt", shown.second()),
    }
}
