//! The trail: the way of the message that is followed, and a ring round its glyph.
//!
//! Reads `Followed`, `Playhead`, `Geometry`, `Theme`, `Clicked`. Writes entities, the camera's goal
//! and `FollowRequest`.
//! Invariant: the bright line is the way so far; what comes later is not shown before it happens.

use bevy::light::NotShadowCaster;
use bevy::prelude::*;

use super::PictureSystems;
use super::camera::Orbit;
use super::gauge::Veil;
use super::geometry::{Geometry, LinkCurve};
use super::material::SharedMaterials;
use super::picking::{Hit, Lens, hit, trace};
use super::pointer::Clicked;
use super::sculpt::{Paint, Sculpt};
use crate::desktop::follow::{Along, FollowRequest, Followed, UnderWay, Whereabouts, under_way};
use crate::desktop::state::{DesktopSystems, OpenRecording, Play, Playhead, ViewRectangle};
use crate::desktop::theme::Theme;
use crate::sim::row::Direction;

/// A message is picked within this many pixels of its glyph's middle.
const REACH: f32 = 12.0;
/// Meters between a tube and the replies on it; `message.wgsl` says the same.
const BESIDE: f32 = 0.24;
/// Half the width of the bright line, in meters.
const WIDTH: f32 = 0.08;
/// Radius and width of the ring, in meters.
const RING: (f32, f32) = (0.42, 0.07);
/// The profile of the ball at the message's place.
const BALL: [(f32, f32); 5] = [(0.0, -0.19), (0.135, -0.135), (0.19, 0.0), (0.135, 0.135), (0.0, 0.19)];

/// Draws the trail and lets messages be picked.
pub struct TrailPlugin;

impl Plugin for TrailPlugin {
    fn build(&self, app: &mut App) {
        // A picture without the window has nobody who follows.
        app.init_resource::<Followed>()
            .add_message::<FollowRequest>()
            .add_systems(Update, pick.in_set(DesktopSystems::Hands))
            .add_systems(Update, (draw_way, move_ring).chain().in_set(PictureSystems::Bodies))
            .add_systems(Update, go_along.in_set(PictureSystems::Bodies).after(move_ring));
    }
}

/// The bright line of one leg.
#[derive(Component)]
struct Way;

/// The ring round the glyph.
#[derive(Component)]
struct Ring;

/// A click on a glyph follows its message; bodies come first.
fn pick(
    mut clicked: MessageReader<Clicked>,
    open: Res<OpenRecording>,
    playhead: Res<Playhead>,
    orbit: Res<Orbit>,
    rectangle: Res<ViewRectangle>,
    geometry: Res<Geometry>,
    mut requests: MessageWriter<FollowRequest>,
) {
    for click in clicked.read() {
        let Some(recording) = &open.recording else { continue };
        if let Some(Hit::Node(_)) = hit(click.place, &orbit.stand, &rectangle, &geometry) {
            continue;
        }
        let Some(index) = recording.chunk_at(playhead.time) else { continue };
        let now = playhead.time;
        let seen = recording.with_open(|open, chunk| (open == index).then(|| under_way(chunk, now))).flatten();
        let Some(seen) = seen.or_else(|| recording.chunk(index).ok().map(|chunk| under_way(&chunk, now))) else {
            continue;
        };
        let lens = Lens::new(&orbit.stand, &rectangle);
        if let Some(nearest) = nearest(&seen, &geometry, &lens, click.place) {
            requests.write(FollowRequest::Message(nearest.message));
        }
    }
}

fn nearest<'a>(seen: &'a [UnderWay], geometry: &Geometry, lens: &Lens, place: Vec2) -> Option<&'a UnderWay> {
    let distance = |hop: &UnderWay| {
        let point = lens.screen(glyph(geometry.links.get(hop.link)?, hop.share, hop.direction))?;
        Some(point.distance(place)).filter(|distance| *distance < REACH)
    };
    let near = seen.iter().filter_map(|hop| distance(hop).map(|distance| (hop, distance)));
    near.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(hop, _)| hop)
}

/// Legs of the way that lie behind the message.
fn gone(followed: &Followed, playhead: &Playhead) -> usize {
    match followed.at(playhead.time) {
        Whereabouts::Before => 0,
        Whereabouts::Under(leg, _) => leg + 1,
        Whereabouts::After(leg) => leg + 1,
    }
}

fn draw_way(
    mut commands: Commands,
    followed: Res<Followed>,
    playhead: Res<Playhead>,
    geometry: Res<Geometry>,
    theme: Res<Theme>,
    materials: Res<SharedMaterials>,
    mut assets: ResMut<Assets<Mesh>>,
    drawn: Query<Entity, With<Way>>,
    mut shown: Local<usize>,
) {
    let wanted = gone(&followed, &playhead);
    if wanted == *shown && !(followed.is_changed() || geometry.is_changed() || theme.is_changed()) {
        return;
    }
    *shown = wanted;
    drawn.iter().for_each(|entity| commands.entity(entity).despawn());
    let color = LinearRgba::from(theme.text).with_alpha(0.9);
    let mut links: Vec<usize> = followed.legs.iter().take(wanted).map(|leg| leg.link).collect();
    links.sort_unstable();
    links.dedup();
    for mesh in links.into_iter().filter_map(|link| trace(&geometry, link, color, WIDTH)) {
        let material = MeshMaterial3d(materials.veil.clone());
        commands.spawn((Way, Mesh3d(assets.add(mesh)), material, Transform::from_xyz(0.0, 0.02, 0.0), NotShadowCaster));
    }
}

/// Where the followed message is in space.
fn place(followed: &Followed, playhead: &Playhead, geometry: &Geometry) -> Option<Vec3> {
    let (leg, share) = match followed.at(playhead.time) {
        Whereabouts::Before => return None,
        Whereabouts::Under(leg, share) => (leg, share),
        Whereabouts::After(leg) => (leg, followed.legs.get(leg)?.share(playhead.time)),
    };
    let leg = followed.legs.get(leg)?;
    geometry.links.get(leg.link).map(|curve| glyph(curve, share, leg.direction))
}

/// The middle of a glyph, as the shader places it: replies ride beside the tube.
fn glyph(curve: &LinkCurve, share: f32, direction: Direction) -> Vec3 {
    let beside = match direction {
        Direction::Forward => Vec3::ZERO,
        Direction::Backward => curve.direction(share).cross(Vec3::Y).normalize_or_zero() * -BESIDE,
    };
    curve.at(share) + beside
}

fn move_ring(
    mut commands: Commands,
    followed: Res<Followed>,
    playhead: Res<Playhead>,
    geometry: Res<Geometry>,
    theme: Res<Theme>,
    materials: Res<SharedMaterials>,
    mut assets: ResMut<Assets<Mesh>>,
    mut rings: Query<(Entity, &mut Transform), With<Ring>>,
) {
    let at = place(&followed, &playhead, &geometry);
    match (at, rings.iter_mut().next()) {
        (Some(at), Some((_, mut ring))) if !theme.is_changed() => {
            ring.set_if_neq(Transform::from_translation(at));
        }
        (at, old) => {
            if let Some((entity, _)) = old {
                commands.entity(entity).despawn();
            }
            let Some(at) = at else { return };
            let mut veil = Veil::default();
            veil.arc(RING.0, RING.1, 0.0, 1.0, 0.0, LinearRgba::from(theme.text));
            let ring = (Mesh3d(assets.add(veil.finish())), MeshMaterial3d(materials.veil.clone()), NotShadowCaster);
            // All glyphs step back, so the one that is followed gets a body of its own.
            let mut ball = Sculpt::new();
            ball.lathe(&BALL, 12, Paint { glow: 1.0, ..Paint::matte(theme.normal) });
            let ball = (Mesh3d(assets.add(ball.finish())), MeshMaterial3d(materials.body.clone()), NotShadowCaster);
            let marked = commands.spawn((Ring, Transform::from_translation(at), Visibility::default(), ring)).id();
            commands.spawn((ball, ChildOf(marked)));
        }
    }
}

/// The camera looks at the message while time goes on; standing still, hands may look elsewhere.
fn go_along(
    followed: Res<Followed>,
    playhead: Res<Playhead>,
    geometry: Res<Geometry>,
    mut orbit: ResMut<Orbit>,
    mut last: Local<Option<Vec3>>,
) {
    let at = place(&followed, &playhead, &geometry).filter(|_| followed.along == Along::Yes);
    let moved = at != *last;
    *last = at;
    if let Some(at) = at.filter(|_| moved && (playhead.play == Play::Playing || followed.is_changed())) {
        orbit.goal.focus = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::view::camera::Stand;
    use crate::sim::id::MessageId;

    #[test]
    fn the_message_under_the_pointer_is_the_nearest_one() {
        let points = [0.0, 1.0, 2.0, 3.0].map(|step| Vec3::new(step * 2.0, 1.0, 0.0));
        let geometry =
            Geometry { links: vec![LinkCurve { points, from: 0, to: 1, length: 6.0 }], ..Geometry::default() };
        let lens = Lens::new(&Stand::default(), &ViewRectangle::default());
        let hop = |message: u64, share: f32| UnderWay {
            message: MessageId(message),
            link: 0,
            direction: Direction::Forward,
            share,
        };
        let seen = [hop(1, 0.2), hop(2, 0.25), hop(3, 0.9)];
        let place = lens.screen(geometry.links[0].at(0.24)).unwrap();
        assert_eq!(nearest(&seen, &geometry, &lens, place).map(|hop| hop.message.0), Some(2));
        assert_eq!(nearest(&seen, &geometry, &lens, place + Vec2::Y * 80.0), None);
    }
}
