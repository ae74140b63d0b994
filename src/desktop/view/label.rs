//! Labels: names and one figure beside the bodies, as real text.
//!
//! Reads `OpenScene`, `Geometry`, `Figures`, `Orbit`, `Selection`, `Hovered`, `Theme`. Draws with egui.
//! Invariant: where there is no room a label loses its figure first and then gives way. Order of rights:
//! selected, failing, backlogged, hovered, then nearest. [`label_room`](super::label_room) says where there is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_egui::egui::{self, FontFamily, FontId, Galley, Rect, pos2, vec2};
use bevy_egui::{EguiContexts, EguiPrimaryContextPass};

use super::body::{LAYER, Look, Posture, Shape};
use super::camera::Orbit;
use super::geometry::{Geometry, NodePlace};
use super::label_room::{self, Found, Room};
use super::look::{self, GaugeTone};
use super::picking::Lens;
use super::region::FloorNames;
use crate::desktop::reading::Promptness;
use crate::desktop::state::{Figures, Hovered, NodeShown, OpenScene, Selection, ViewRectangle};
use crate::desktop::theme::{Theme, paint, paint_alpha};
use crate::scene::slug::NodeId;

/// Size of the text: its capitals are 14 pixels high, readable from the back of a room.
pub const TEXT: f32 = 19.5;
const PADDING: egui::Vec2 = vec2(7.0, 2.0);
/// The share of a label that may cover bodies and names before it loses its figure, then gives way.
const COVERS_MAX: f32 = 0.12;
/// And of a label with a figure that someone has to see.
const COVERS_TROUBLED: f32 = 0.3;
/// Pieces in which a name on the floor is kept clear: it lies aslant, and a box around all of it would
/// be mostly empty.
const PIECES: u16 = 8;
/// Bodies that are smaller on the screen keep a label only where something is wrong.
const SMALL: f32 = 30.0;
/// Bodies that are smaller yet have none.
const TINY: f32 = 15.0;
/// No more labels are tried in a frame; the nearest come first.
const LABELS_MAX: usize = 200;

/// A label that was drawn: for tests, and for what must not cover it.
#[derive(Clone, PartialEq, Debug)]
pub struct PlacedLabel {
    /// The node.
    pub node: NodeId,
    /// Where it lies, in logical pixels.
    pub rectangle: Rect,
}

/// The labels of the last frame.
#[derive(Resource, Clone, Default, Debug)]
pub struct PlacedLabels {
    /// In the order of their rights.
    pub labels: Vec<PlacedLabel>,
}

/// Draws labels.
pub struct LabelPlugin;

impl Plugin for LabelPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<PlacedLabels>()
            .init_resource::<FloorNames>()
            .init_resource::<Promptness>()
            .add_systems(EguiPrimaryContextPass, draw);
    }
}

/// Rights of a label; the greater one is placed first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Right {
    Near,
    Hovered,
    Backlogged,
    Failing,
    Selected,
}

struct Wanted<'a> {
    right: Right,
    distance: f32,
    node: &'a NodeId,
    name: &'a str,
    figure: String,
    tone: Tone,
    /// The middle of the upper edge of its first place.
    anchor: Vec2,
    /// The body on the screen.
    body: Rect,
}

/// The color of a figure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tone {
    Backlog,
    Error,
    Second,
}

/// Lays a text out. egui keeps what it laid out in the last frame, and lays out anew where its fonts
/// or its atlas changed, which a cache of our own would miss.
fn lay_out(context: &egui::Context, text: &str, color: egui::Color32) -> Arc<Galley> {
    let font = FontId::new(TEXT, FontFamily::Proportional);
    context.fonts_mut(|fonts| fonts.layout_no_wrap(text.to_owned(), font, color))
}

#[expect(clippy::too_many_arguments, reason = "a system asks for what it reads")]
fn draw(
    mut contexts: EguiContexts,
    open: Res<OpenScene>,
    geometry: Res<Geometry>,
    figures: Res<Figures>,
    orbit: Res<Orbit>,
    rectangle: Res<ViewRectangle>,
    selection: Res<Selection>,
    hovered: Res<Hovered>,
    theme: Res<Theme>,
    names: Res<FloorNames>,
    promptness: Res<Promptness>,
    mut placed: ResMut<PlacedLabels>,
    mut kept: Local<BTreeMap<NodeId, usize>>,
) -> Result {
    let context = contexts.ctx_mut()?;
    let lens = Lens::new(&orbit.stand, &rectangle);
    let mut wanted = wanted(&open, &geometry, &figures, &lens, &selection, &hovered);
    wanted.sort_by(|one, other| {
        (Reverse(one.right), one.distance)
            .partial_cmp(&(Reverse(other.right), other.distance))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    wanted.truncate(LABELS_MAX);
    let bounds = Rect::from_min_max(pos2(rectangle.min.x, rectangle.min.y), pos2(rectangle.max.x, rectangle.max.y));
    let painter = context.layer_painter(egui::LayerId::background()).with_clip_rect(bounds);
    let mut kept_clear: Vec<Rect> = wanted.iter().map(|label| label.body).collect();
    kept_clear.extend(names.corners.iter().flat_map(|corners| name_on_screen(corners, &lens)));
    let ways = ways_on_screen(&geometry, &lens);
    let mut spots = BTreeMap::new();
    let mut taken: Vec<Rect> = Vec::new();
    placed.labels.clear();
    for label in &wanted {
        let name = lay_out(context, label.name, paint(theme.text));
        let figure = (!label.figure.is_empty()).then(|| lay_out(context, &label.figure, ink(label.tone, &theme)));
        let room = Room { bounds, taken: &taken, kept_clear: &kept_clear, ways: &ways, own: label.body };
        let before = if *promptness == Promptness::Later { kept.get(label.node).copied() } else { None };
        let find = |size: egui::Vec2| label_room::find(label.anchor, size + PADDING * 2.0, &room, before);
        let full = figure.as_ref().map(|figure| name.size() + vec2(8.0 + figure.size().x, 0.0));
        let bearable = if label.right > Right::Hovered { COVERS_TROUBLED } else { COVERS_MAX };
        let whole = full.and_then(find).filter(|found| found.covers <= bearable);
        let figure = figure.filter(|_| whole.is_some());
        let shortened = || find(name.size()).filter(|found| found.covers <= COVERS_MAX || label.right > Right::Hovered);
        let Some(Found { place, spot, .. }) = whole.or_else(shortened) else { continue };
        painter.rect_filled(place, 4.0, paint_alpha(theme.panel, 0.86));
        painter.galley(place.min + PADDING, name.clone(), paint(theme.text));
        if let Some(figure) = figure {
            painter.galley(place.min + PADDING + vec2(name.size().x + 8.0, 0.0), figure, paint(theme.text));
        }
        taken.push(place);
        spots.insert(label.node.clone(), spot);
        placed.labels.push(PlacedLabel { node: label.node.clone(), rectangle: place });
    }
    *kept = spots;
    Ok(())
}

/// Points along the links. Scenes with very many are seen from so far that no label keeps clear of all.
fn ways_on_screen(geometry: &Geometry, lens: &Lens) -> Vec<egui::Pos2> {
    const LINKS_MAX: usize = 100;
    const STEPS: u16 = 12;
    let links = geometry.links.iter().take(if geometry.links.len() > LINKS_MAX { 0 } else { LINKS_MAX });
    let along = links.flat_map(|link| (0..=STEPS).map(move |step| link.at(f32::from(step) / f32::from(STEPS))));
    along.filter_map(|point| lens.screen(point).map(|at| pos2(at.x, at.y))).collect()
}

/// A name on the floor in pieces from its beginning to its end.
fn name_on_screen(corners: &[Vec3; 4], lens: &Lens) -> impl Iterator<Item = Rect> {
    let [near_end, near_start, far_end, far_start] = *corners;
    (0..PIECES).filter_map(move |piece| {
        let at = |piece: u16| f32::from(piece) / f32::from(PIECES);
        let (from, to) = (at(piece), at(piece + 1));
        let ends = [from, to].map(|share| [far_start.lerp(far_end, share), near_start.lerp(near_end, share)]);
        around(ends.into_iter().flatten(), lens)
    })
}

fn ink(tone: Tone, theme: &Theme) -> egui::Color32 {
    paint(match tone {
        Tone::Backlog => theme.throttled,
        Tone::Error => theme.error_text,
        Tone::Second => theme.text_second,
    })
}

/// The rectangle of the screen around points of space; `None` where one lies behind the eye.
fn around(points: impl IntoIterator<Item = Vec3>, lens: &Lens) -> Option<Rect> {
    let points: Option<Vec<egui::Pos2>> =
        points.into_iter().map(|point| lens.screen(point).map(|at| pos2(at.x, at.y))).collect();
    points.map(|points| Rect::from_points(&points))
}

/// The rectangle of the screen around a body, with the cross or the heap above it.
fn body_on_screen(place: &NodePlace, look: &Look, lens: &Lens) -> Option<Rect> {
    let Vec2 { x, y: z } = place.measure.half;
    let at = |x: f32, y: f32, z: f32| place.feet + Vec3::new(x, y, z);
    let crown = match look.posture {
        Posture::Stopped => -place.measure.height * 0.4,
        Posture::Failing => 1.0,
        Posture::Sound => f32::from(look.heap) * LAYER,
    };
    let top = place.measure.height + crown;
    around([at(x, 0.0, z), at(-x, 0.0, z), at(x, 0.0, -z), at(-x, 0.0, -z), at(x, top, 0.0), at(-x, top, 0.0)], lens)
}

fn wanted<'a>(
    open: &'a OpenScene,
    geometry: &Geometry,
    figures: &Figures,
    lens: &Lens,
    selection: &Selection,
    hovered: &Hovered,
) -> Vec<Wanted<'a>> {
    let nodes = open.scene.nodes.iter().zip(&geometry.nodes).enumerate();
    nodes
        .filter_map(|(row, ((id, node), place))| {
            let shown = figures.nodes.get(row);
            let idle = NodeShown::default();
            let target = look::target(place.shape, look::capacity(&node.kind, place.shape), shown.unwrap_or(&idle));
            // People who queue at a tower's door stand where the label would.
            let people = if place.shape == Shape::Service { f32::from(target.look.heap) * 0.2 } else { 0.0 };
            let edge = place.feet + Vec3::new(0.0, 0.0, place.measure.half.y + 0.3 + people);
            let anchor = lens.screen(edge)? + Vec2::Y * 4.0;
            let right = if *selection == Selection::Node(id.clone()) {
                Right::Selected
            } else if target.look.posture != Posture::Sound {
                Right::Failing
            } else if matches!(target.gauge.tone, GaugeTone::Backlog | GaugeTone::Throttled) {
                Right::Backlogged
            } else if *hovered == Hovered::Node(id.clone()) {
                Right::Hovered
            } else {
                Right::Near
            };
            let body = body_on_screen(place, &target.look, lens)?;
            let width = body.width().max(body.height());
            if width < TINY && right != Right::Selected || width < SMALL && right == Right::Near {
                return None;
            }
            let name = if node.label.is_empty() { id.as_str() } else { &node.label };
            let (figure, tone) =
                shown.map(|shown| figure(place.shape, shown, &target)).unwrap_or((String::new(), Tone::Second));
            Some(Wanted { right, distance: lens.distance(place.feet), node: id, name, figure, tone, anchor, body })
        })
        .collect()
}

/// The one figure of a node.
fn figure(shape: Shape, shown: &NodeShown, target: &look::Target) -> (String, Tone) {
    let NodeShown { depth, in_flight, busy, condition: _ } = *shown;
    match target.look.posture {
        Posture::Stopped => return ("stopped".to_owned(), Tone::Error),
        Posture::Failing => return ("failing".to_owned(), Tone::Error),
        Posture::Sound => {}
    }
    let tone = match target.gauge.tone {
        GaugeTone::Backlog => Tone::Backlog,
        GaugeTone::Busy | GaugeTone::Throttled | GaugeTone::Failing | GaugeTone::Absent => Tone::Second,
    };
    if target.gauge.tone == GaugeTone::Throttled {
        return ("throttled".to_owned(), Tone::Backlog);
    }
    let text = match shape {
        Shape::Queue if depth > 0 => format!("{} waiting", count(depth)),
        Shape::DeadLetters if depth > 0 => count(depth),
        Shape::Function | Shape::Service if depth > 0 => format!("{} waiting", count(depth)),
        Shape::Function | Shape::Service | Shape::StateMachine if busy > 0 => format!("{} busy", count(busy)),
        Shape::Client if in_flight > 0 => format!("{} asking", count(in_flight)),
        Shape::Bus { .. } if depth > 0 => format!("{} waiting", count(depth)),
        _ => String::new(),
    };
    (text, tone)
}

/// A number with its thousands apart.
fn count(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::theme::{ThemeName, contrast};

    #[test]
    fn capitals_are_fourteen_pixels_high() {
        // Inter's capitals are 0.727 of its size.
        const { assert!(TEXT * 0.727 >= 14.0) }
    }

    #[test]
    fn labels_are_readable_in_every_theme() {
        for name in [ThemeName::Dark, ThemeName::Light, ThemeName::Projector] {
            let theme = Theme::named(name);
            for ink in [theme.text, theme.text_second, theme.error_text] {
                assert!(contrast(ink, theme.panel.with_alpha(1.0)) >= 4.5, "{name:?}");
            }
        }
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            (count(7), count(1_778), count(4_294_967_295)),
            ("7".into(), "1,778".into(), "4,294,967,295".into())
        );
    }
}
