//! Links: tubes from port to port with cones that say which way they go.
//!
//! Reads `OpenScene`, `Geometry`, `Figures`, `Playhead`, `Readings`, `Theme`. Writes entities only.
//! Invariant: entry `i` of [`Tubes`] is the tube of the scene's `i`-th link.

use bevy::camera::primitives::Aabb;
use bevy::camera::visibility::NoAutoAabb;
use bevy::light::NotShadowCaster;
use bevy::math::Affine3A;
use bevy::prelude::*;

use super::PictureSystems;
use super::geometry::{Geometry, LinkCurve};
use super::material::SharedMaterials;
use super::sculpt::{Paint, Sculpt};
use crate::desktop::reading::Readings;
use crate::desktop::reading::link::{Passage, passage_at};
use crate::desktop::state::{DocumentId, Figures, OpenScene, Playhead};
use crate::desktop::theme::{Theme, ThemeName};
use crate::scene::document::Link;
use crate::scene::slug::LinkId;
use crate::sim::row::Condition;

const RADIUS: f32 = 0.035;
const RADIUS_PROJECTOR: f32 = 0.056;
/// Meters between two cones.
const CONES: f32 = 1.5;
/// Scenes with more links are drawn with fewer segments and no cones.
const DETAIL_LINKS: usize = 2_000;

/// The tube of a link.
#[derive(Component, Clone, Debug)]
#[component(immutable)]
#[require(Transform, Visibility)]
pub struct LinkTube {
    /// The document it belongs to.
    pub document: DocumentId,
    /// The link it stands for.
    pub link: LinkId,
    /// The link's row.
    pub row: usize,
}

/// How a link fares.
#[derive(Component, Clone, Copy, PartialEq, Eq, Debug)]
enum Wire {
    Whole,
    /// What arrives fails.
    Failing,
    /// It takes no departures.
    Cut,
}

/// Tubes by row.
#[derive(Resource, Default)]
struct Tubes {
    revision: u64,
    document: DocumentId,
    rows: Vec<(Entity, Option<Wire>)>,
}

/// Draws links.
pub struct LinkPlugin;

impl Plugin for LinkPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Tubes>()
            .init_resource::<Readings>()
            .add_systems(Update, (put_up, paint).chain().in_set(PictureSystems::Bodies));
    }
}

fn put_up(
    mut commands: Commands,
    open: Res<OpenScene>,
    geometry: Res<Geometry>,
    theme: Res<Theme>,
    materials: Res<SharedMaterials>,
    mut tubes: ResMut<Tubes>,
) {
    let fresh = tubes.revision == geometry.revision && tubes.document == geometry.document;
    if fresh && !theme.is_changed() {
        return;
    }
    for (tube, _) in tubes.rows.drain(..) {
        commands.entity(tube).try_despawn();
    }
    for (row, (id, curve)) in open.scene.links.keys().zip(&geometry.links).enumerate() {
        let points = curve.points;
        let (min, max) =
            points.iter().fold((points[0], points[0]), |(min, max), point| (min.min(*point), max.max(*point)));
        let tube = commands.spawn((
            LinkTube { document: open.document, link: id.clone(), row },
            MeshMaterial3d(materials.body.clone()),
            Aabb::from_min_max(min - Vec3::splat(0.3), max + Vec3::splat(0.3)),
            NoAutoAabb,
            NotShadowCaster,
        ));
        tubes.rows.push((tube.id(), None));
    }
    (tubes.revision, tubes.document) = (geometry.revision, geometry.document);
}

fn wire(passage: Passage, link: &Link, curve: &LinkCurve, figures: &Figures) -> Wire {
    let broken = figures.nodes.get(curve.to).is_some_and(|node| node.condition & Condition::FAILING != 0);
    match passage {
        Passage::Cut => Wire::Cut,
        Passage::Free if broken && !link.dead_letters => Wire::Failing,
        Passage::Free => Wire::Whole,
    }
}

#[expect(clippy::too_many_arguments, reason = "a system asks for what it reads")]
fn paint(
    mut commands: Commands,
    open: Res<OpenScene>,
    geometry: Res<Geometry>,
    figures: Res<Figures>,
    playhead: Res<Playhead>,
    readings: Res<Readings>,
    theme: Res<Theme>,
    mut tubes: ResMut<Tubes>,
    mut assets: ResMut<Assets<Mesh>>,
) {
    let detail = if geometry.links.len() > DETAIL_LINKS { Detail::Few } else { Detail::Full };
    let rows = open.scene.links.iter().zip(&geometry.links).zip(&mut tubes.bypass_change_detection().rows);
    for (((id, link), curve), (tube, shown)) in rows {
        let passage = passage_at(&readings.severings, id, playhead.time);
        let now = wire(passage, link, curve, &figures);
        if *shown == Some(now) {
            continue;
        }
        *shown = Some(now);
        let mesh = sculpt(curve, link, now, detail, &theme).finish();
        commands.entity(*tube).insert(Mesh3d(assets.add(mesh)));
    }
}

/// How finely tubes are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Full,
    Few,
}

fn sculpt(curve: &LinkCurve, link: &Link, wire: Wire, detail: Detail, theme: &Theme) -> Sculpt {
    let mut sculpt = Sculpt::new();
    let radius = if theme.name == ThemeName::Projector { RADIUS_PROJECTOR } else { RADIUS };
    let paint = match wire {
        Wire::Whole | Wire::Cut => Paint { glow: 0.12, ..Paint::matte(theme.link) },
        Wire::Failing => Paint { glow: 0.8, ..Paint::matte(theme.error) },
    };
    let loose = Paint { glow: 0.8, ..Paint::matte(theme.error) };
    let (segments, sides) = match detail {
        Detail::Full => (((curve.length * 2.5) as u32).clamp(12, 64), 7),
        Detail::Few => (10, 4),
    };
    // Loss shows as gaps: of eight parts, the share that is lost is left out.
    let gaps = if link.loss > 0.0 { (link.loss as f32).clamp(0.15, 0.5) } else { 0.0 };
    for segment in 0..segments {
        let (from, to) = (segment as f32 / segments as f32, (segment + 1) as f32 / segments as f32);
        let middle = (from + to) / 2.0;
        let cut = wire == Wire::Cut && (0.42..0.58).contains(&middle);
        let gap = gaps > 0.0 && (middle * curve.length * 0.8).fract() < gaps;
        if !cut && !gap {
            let end = wire == Wire::Cut && (0.36..0.64).contains(&middle);
            tube(&mut sculpt, curve, from, to, radius, sides, if end { loose } else { paint });
        }
    }
    if detail == Detail::Full {
        cones(&mut sculpt, curve, radius, wire, paint);
    }
    sculpt
}

fn tube(sculpt: &mut Sculpt, curve: &LinkCurve, from: f32, to: f32, radius: f32, sides: u32, paint: Paint) {
    let (start, end) = (curve.at(from), curve.at(to));
    let (along, next) = (frame(curve.direction(from)), frame(curve.direction(to)));
    sculpt.sleeve((start, along), (end, next), radius, sides, paint);
}

/// Two directions across a direction of travel, the second upwards.
fn frame(direction: Vec3) -> (Vec3, Vec3) {
    let right = direction.cross(Vec3::Y).normalize_or(Vec3::X);
    (right, right.cross(direction).normalize_or(Vec3::Y))
}

fn cones(sculpt: &mut Sculpt, curve: &LinkCurve, radius: f32, wire: Wire, paint: Paint) {
    let count = (curve.length / CONES).floor().min(60.0) as u32;
    for cone in 0..count {
        let share = (cone as f32 + 0.5) / count as f32;
        if wire == Wire::Cut && (0.4..0.6).contains(&share) {
            continue;
        }
        let turn = Quat::from_rotation_arc(Vec3::Y, curve.direction(share));
        sculpt.placed(Affine3A::from_rotation_translation(turn, curve.at(share)), |sculpt| {
            sculpt.lathe(&[(0.0, -0.1), (radius * 2.6, -0.1), (0.0, 0.16)], 8, paint);
        });
    }
}
