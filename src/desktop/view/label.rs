//! Labels: names and one figure beside the bodies, as real text.
//!
//! Reads `OpenScene`, `Geometry`, `Figures`, `Orbit`, `Selection`, `Hovered`, `Theme`. Draws with egui.
//! Invariant: no label covers another, and none is cut by the picture's edge; where there is no room
//! a label loses its figure first and then gives way. Order of rights: selected, failing, backlogged,
//! hovered, then nearest.

use std::cmp::Reverse;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_egui::egui::{self, FontFamily, FontId, Galley, Rect, pos2, vec2};
use bevy_egui::{EguiContexts, EguiPrimaryContextPass};

use super::body::{Posture, Shape};
use super::camera::Orbit;
use super::geometry::{Geometry, NodePlace};
use super::look::{self, GaugeTone};
use super::picking::Lens;
use super::region::FloorNames;
use crate::desktop::state::{Figures, Hovered, NodeShown, OpenScene, Selection, ViewRectangle};
use crate::desktop::theme::{Theme, paint, paint_alpha};
use crate::scene::slug::NodeId;

/// Size of the text: its capitals are 14 pixels high, readable from the back of a room.
pub const TEXT: f32 = 19.5;
const PADDING: egui::Vec2 = vec2(7.0, 2.0);
/// How far a label may move from its place below the body's front edge.
const SHIFTS: [f32; 4] = [0.0, 14.0, 27.0, 40.0];
/// Bodies that are smaller on the screen keep a label only where something is wrong.
const SMALL: f32 = 40.0;
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
        app.init_resource::<PlacedLabels>().init_resource::<FloorNames>().add_systems(EguiPrimaryContextPass, draw);
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
    mut placed: ResMut<PlacedLabels>,
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
    let names = names.corners.iter().filter_map(|corners| around(corners.iter().copied(), &lens));
    let bodies: Vec<Rect> = wanted.iter().map(|label| label.body).chain(names).collect();
    let mut taken: Vec<Rect> = Vec::new();
    placed.labels.clear();
    for label in &wanted {
        let name = lay_out(context, label.name, paint(theme.text));
        let figure = (!label.figure.is_empty()).then(|| lay_out(context, &label.figure, ink(label.tone, &theme)));
        let full = figure.as_ref().map(|figure| name.size() + vec2(8.0 + figure.size().x, 0.0));
        let candidates = [full, Some(name.size())];
        let found = candidates.into_iter().enumerate().find_map(|(shortened, size)| {
            let room = Room { bounds: &bounds, taken: &taken, bodies: &bodies, own: label.body };
            free_place(label.anchor, size? + PADDING * 2.0, &room).map(|place| (shortened, place))
        });
        let Some((shortened, place)) = found else { continue };
        painter.rect_filled(place, 4.0, paint_alpha(theme.panel, 0.86));
        painter.galley(place.min + PADDING, name.clone(), paint(theme.text));
        if let Some(figure) = figure.filter(|_| shortened == 0) {
            painter.galley(place.min + PADDING + vec2(name.size().x + 8.0, 0.0), figure, paint(theme.text));
        }
        taken.push(place);
        placed.labels.push(PlacedLabel { node: label.node.clone(), rectangle: place });
    }
    Ok(())
}

fn ink(tone: Tone, theme: &Theme) -> egui::Color32 {
    paint(match tone {
        Tone::Backlog => theme.throttled,
        Tone::Error => theme.error_text,
        Tone::Second => theme.text_second,
    })
}

/// What a label must keep clear of.
struct Room<'a> {
    bounds: &'a Rect,
    taken: &'a [Rect],
    /// Bodies, and names on the floor: avoided where any place allows.
    bodies: &'a [Rect],
    own: Rect,
}

/// The first free place for a label: below its body, beside it, above it; first without covering
/// another body, then anyhow. Never over another label, never cut by the picture's edge.
fn free_place(anchor: Vec2, size: egui::Vec2, room: &Room) -> Option<Rect> {
    let Room { bounds, taken, bodies, own } = room;
    if size.x > bounds.width() - 8.0 {
        return None;
    }
    let below = SHIFTS.map(|shift| pos2(anchor.x - size.x / 2.0, anchor.y + shift));
    let middle = own.center().y - size.y / 2.0;
    let beside = [pos2(own.max.x + 6.0, middle), pos2(own.min.x - 6.0 - size.x, middle)];
    let above = [pos2(own.center().x - size.x / 2.0, own.min.y - size.y - 4.0)];
    let places: Vec<Rect> = below
        .into_iter()
        .chain(beside)
        .chain(above)
        .map(|corner| {
            let left = corner.x.clamp(bounds.min.x + 4.0, bounds.max.x - 4.0 - size.x);
            (Rect::from_min_size(pos2(left.round(), corner.y.round()), size), (left - corner.x).abs())
        })
        .filter(|(place, pushed)| {
            let inside = bounds.shrink(2.0).contains_rect(*place);
            inside && *pushed < 60.0 && taken.iter().all(|other| !other.expand(2.0).intersects(*place))
        })
        .map(|(place, _)| place)
        .collect();
    let covers = |place: &&Rect| bodies.iter().any(|body| *body != *own && body.shrink(4.0).intersects(**place));
    places.iter().find(|place| !covers(place)).or(places.first()).copied()
}

/// The rectangle of the screen around points of space; `None` where one lies behind the eye.
fn around(points: impl IntoIterator<Item = Vec3>, lens: &Lens) -> Option<Rect> {
    let points: Option<Vec<egui::Pos2>> =
        points.into_iter().map(|point| lens.screen(point).map(|at| pos2(at.x, at.y))).collect();
    points.map(|points| Rect::from_points(&points))
}

/// The rectangle of the screen around a body.
fn body_on_screen(place: &NodePlace, lens: &Lens) -> Option<Rect> {
    let Vec2 { x, y: z } = place.measure.half;
    let at = |x: f32, y: f32, z: f32| place.feet + Vec3::new(x, y, z);
    let top = place.measure.height;
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
            let width = lens.pixels(place.feet) * place.measure.half.max_element() * 2.0;
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
            if width < TINY && right != Right::Selected || width < SMALL && right == Right::Near {
                return None;
            }
            let name = if node.label.is_empty() { id.as_str() } else { &node.label };
            let (figure, tone) =
                shown.map(|shown| figure(place.shape, shown, &target)).unwrap_or((String::new(), Tone::Second));
            let body = body_on_screen(place, lens)?;
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
    fn labels_keep_apart_and_inside() {
        let bounds = Rect::from_min_max(pos2(0.0, 0.0), pos2(400.0, 300.0));
        let size = vec2(120.0, 26.0);
        let mut taken: Vec<Rect> = Vec::new();
        for _ in 0..12 {
            let own = Rect::from_min_max(pos2(370.0, 160.0), pos2(390.0, 195.0));
            let room = Room { bounds: &bounds, taken: &taken, bodies: &[], own };
            if let Some(place) = free_place(Vec2::new(380.0, 200.0), size, &room) {
                assert!(bounds.contains_rect(place), "{place:?}");
                assert!(taken.iter().all(|other| !other.intersects(place)), "{place:?}");
                taken.push(place);
            }
        }
        assert!((2..=5).contains(&taken.len()), "{taken:?}");
    }

    #[test]
    fn a_label_goes_beside_its_body_rather_than_over_another() {
        let bounds = Rect::from_min_max(pos2(0.0, 0.0), pos2(600.0, 400.0));
        let own = Rect::from_min_max(pos2(250.0, 100.0), pos2(300.0, 150.0));
        let below = Rect::from_min_max(pos2(200.0, 155.0), pos2(350.0, 260.0));
        let room = Room { bounds: &bounds, taken: &[], bodies: &[own, below], own };
        let place = free_place(Vec2::new(275.0, 154.0), vec2(90.0, 26.0), &room);
        assert!(place.is_some_and(|place| !place.intersects(below)), "{place:?}");
    }

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
