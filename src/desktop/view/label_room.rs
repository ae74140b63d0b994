//! Where a label finds room: of a few spots around its body, the one that covers least.
//!
//! Invariant: a label never covers another one, and none is cut by the picture's edge.

use bevy::math::Vec2;
use bevy_egui::egui::{self, Pos2, Rect, pos2};

/// How far a label may move from its place below the body's front edge.
const SHIFTS: [f32; 4] = [0.0, 14.0, 27.0, 40.0];
/// Pixels between a body and a label beside or above it.
const GAP: f32 = 6.0;
/// How far the picture's edge may push a label sideways.
const PUSHED_MAX: f32 = 60.0;
/// What a spot loses against the one before it, as a share of the label that is covered.
const LATER: f32 = 0.015;
/// What a spot loses for each point of a way that it covers.
const WAY: f32 = 0.04;
/// How much worse its spot may become before a label leaves it: it should not jump about.
const LOYALTY: f32 = 0.1;

/// What is around a label. All in logical pixels.
pub struct Room<'a> {
    /// The picture.
    pub bounds: Rect,
    /// Labels that lie there already.
    pub taken: &'a [Rect],
    /// What should stay visible: bodies, and names on the floor.
    pub kept_clear: &'a [Rect],
    /// Points along the ways of messages: covered where there is no better spot.
    pub ways: &'a [Pos2],
    /// The label's own body.
    pub own: Rect,
}

/// Where a label goes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Found {
    /// Its place.
    pub place: Rect,
    /// Which of the spots this is.
    pub spot: usize,
    /// The share of it that covers what should stay visible.
    pub covers: f32,
}

/// The spots for a label of `size`, the best first where nothing is covered. `anchor` is the middle of
/// its upper edge in the first one.
fn spots(anchor: Vec2, size: egui::Vec2, own: Rect) -> impl Iterator<Item = Pos2> {
    let below = SHIFTS.map(|shift| pos2(anchor.x - size.x / 2.0, anchor.y + shift));
    let aside = [own.min.x.max(anchor.x - 12.0), own.max.x.min(anchor.x + 12.0) - size.x];
    let aside = aside.map(|left| pos2(left, anchor.y));
    let (right, left) = (own.max.x + GAP, own.min.x - GAP - size.x);
    // Links come and go at half height: beside a body, its lower half comes first.
    let heights = [own.max.y - size.y, own.center().y - size.y / 2.0, own.min.y];
    let beside = heights.into_iter().flat_map(move |top| [pos2(right, top), pos2(left, top)]);
    let above = [GAP, GAP + 14.0].map(|gap| pos2(own.center().x - size.x / 2.0, own.min.y - size.y - gap));
    below.into_iter().chain(aside).chain(beside).chain(above)
}

/// The spot that covers least; `None` where every spot is taken or cut. `before` is the spot that the
/// label had.
pub fn find(anchor: Vec2, size: egui::Vec2, room: &Room, before: Option<usize>) -> Option<Found> {
    let Room { bounds, taken, kept_clear, ways, own } = room;
    if size.x > bounds.width() - 8.0 {
        return None;
    }
    let mut best: Option<(f32, Found)> = None;
    for (spot, corner) in spots(anchor, size, *own).enumerate() {
        let left = corner.x.clamp(bounds.min.x + 4.0, bounds.max.x - 4.0 - size.x);
        let place = Rect::from_min_size(pos2(left.round(), corner.y.round()), size);
        let is_free = taken.iter().all(|other| !other.expand(2.0).intersects(place));
        if !is_free || !bounds.shrink(2.0).contains_rect(place) || (left - corner.x).abs() > PUSHED_MAX {
            continue;
        }
        let others = kept_clear.iter().filter(|other| *other != own);
        let covers = (others.map(|other| covered(place, *other)).sum::<f32>() + covered(place, own.shrink(4.0)))
            / place.area().max(1.0);
        let loyalty = if before == Some(spot) { LOYALTY } else { 0.0 };
        let crossed = ways.iter().filter(|point| place.contains(**point)).count();
        let cost = covers + spot as f32 * LATER + crossed as f32 * WAY - loyalty;
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, Found { place, spot, covers }));
        }
    }
    best.map(|(_, found)| found)
}

fn covered(one: Rect, other: Rect) -> f32 {
    let both = one.intersect(other);
    if both.is_positive() { both.area() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_egui::egui::vec2;

    #[test]
    fn labels_keep_apart_and_inside() {
        let bounds = Rect::from_min_max(pos2(0.0, 0.0), pos2(400.0, 300.0));
        let size = vec2(120.0, 26.0);
        let mut taken: Vec<Rect> = Vec::new();
        for _ in 0..20 {
            let own = Rect::from_min_max(pos2(370.0, 160.0), pos2(390.0, 195.0));
            let room = Room { bounds, taken: &taken, kept_clear: &[], ways: &[], own };
            if let Some(found) = find(Vec2::new(380.0, 200.0), size, &room, None) {
                assert!(bounds.contains_rect(found.place), "{found:?}");
                assert!(taken.iter().all(|other| !other.intersects(found.place)), "{found:?}");
                taken.push(found.place);
            }
        }
        assert!((2..=6).contains(&taken.len()), "{taken:?}");
    }

    #[test]
    fn a_label_goes_beside_its_body_rather_than_over_another() {
        let bounds = Rect::from_min_max(pos2(0.0, 0.0), pos2(600.0, 400.0));
        let own = Rect::from_min_max(pos2(250.0, 100.0), pos2(300.0, 150.0));
        let below = Rect::from_min_max(pos2(100.0, 155.0), pos2(450.0, 260.0));
        let room = Room { bounds, taken: &[], kept_clear: &[own, below], ways: &[], own };
        let found = find(Vec2::new(275.0, 154.0), vec2(90.0, 26.0), &room, None);
        assert!(found.is_some_and(|found| !found.place.intersects(below) && found.covers == 0.0), "{found:?}");
    }

    #[test]
    fn a_label_stays_where_it_was_until_another_spot_is_clearly_better() {
        let bounds = Rect::from_min_max(pos2(0.0, 0.0), pos2(600.0, 400.0));
        let own = Rect::from_min_max(pos2(250.0, 100.0), pos2(300.0, 150.0));
        let place = |clear: &[Rect], before| {
            let room = Room { bounds, taken: &[], kept_clear: clear, ways: &[], own };
            find(Vec2::new(275.0, 154.0), vec2(90.0, 26.0), &room, before).map(|found| found.spot)
        };
        assert_eq!(place(&[], None), Some(0));
        assert_eq!(place(&[], Some(2)), Some(2));
        let in_the_way = [Rect::from_min_max(pos2(200.0, 170.0), pos2(350.0, 230.0))];
        assert_ne!(place(&in_the_way, Some(2)), Some(2));
    }
}
