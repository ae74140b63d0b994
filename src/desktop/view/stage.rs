//! The stage: puts up a body for each node and keeps it at the playhead.
//!
//! Reads `OpenScene`, `Geometry`, `Figures`, `Theme`, `Quality`, `Playhead`. Writes entities only.
//! Invariant: `Bodies::rows[i]` is the body of the scene's `i`-th node.

use bevy::camera::primitives::Aabb;
use bevy::camera::visibility::NoAutoAabb;
use bevy::light::NotShadowCaster;
use bevy::platform::collections::HashMap;
use bevy::prelude::*;

use super::PictureSystems;
use super::body::{self, Look, Posture, Shape};
use super::gauge::{self, GroundLook};
use super::geometry::Geometry;
use super::look::{self, GaugeLook, GaugeTone};
use super::material::SharedMaterials;
use crate::desktop::state::{DocumentId, Effect, Figures, NodeShown, OpenScene, Play, Playhead, Quality};
use crate::desktop::theme::Theme;
use crate::scene::slug::NodeId;

/// Scenes with more nodes are drawn without gauges and glass: a body is one entity then.
pub const DETAIL_NODES: usize = 2_000;
/// Meshes that are kept for looks that nobody shows at the moment.
const KEPT_MESHES: usize = 4_096;
/// A stopped body sinks to this share of its height.
const SUNK: f32 = 0.62;
/// Seconds of wall time in which a fill rises from nothing to full, and sinks back.
const RISE_SECONDS: f32 = 0.35;
const SINK_SECONDS: f32 = 0.6;

/// The body of a node.
#[derive(Component, Clone, Debug)]
#[component(immutable)]
#[require(Transform, Visibility)]
pub struct NodeBody {
    /// The document it belongs to.
    pub document: DocumentId,
    /// The node it stands for.
    pub node: NodeId,
    /// The node's row.
    pub row: usize,
}

/// What a body shows at the moment.
#[derive(Component, Clone, Copy, PartialEq, Debug)]
pub struct Shown {
    look: Look,
    gauge: GaugeLook,
    share: f32,
    sunk: f32,
}

impl Shown {
    /// The look that is drawn.
    pub fn look(&self) -> Look {
        self.look
    }
}

/// Gauge and shadow on the ground under a body.
#[derive(Component, Clone, Copy)]
struct Ground;

/// The bodies by row.
#[derive(Resource, Default)]
pub struct Bodies {
    /// The geometry that they were put up for.
    revision: u64,
    document: DocumentId,
    /// Body and ground of each node.
    rows: Vec<(Entity, Option<Entity>)>,
    /// What each node holds before it is full.
    capacities: Vec<u32>,
}

/// Meshes by look.
#[derive(Resource, Default)]
struct LookMeshes {
    bodies: HashMap<Look, Handle<Mesh>>,
    grounds: HashMap<GroundLook, Handle<Mesh>>,
}

/// Puts up bodies and keeps them at the playhead.
pub struct StagePlugin;

impl Plugin for StagePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Bodies>()
            .init_resource::<LookMeshes>()
            .init_resource::<Figures>()
            .init_resource::<Playhead>()
            .add_systems(Update, (forget_paint, put_up, show).chain().in_set(PictureSystems::Bodies));
    }
}

/// A new theme paints all meshes anew.
fn forget_paint(theme: Res<Theme>, quality: Res<Quality>, mut meshes: ResMut<LookMeshes>, mut bodies: ResMut<Bodies>) {
    if theme.is_changed() || quality.is_changed() {
        meshes.bodies.clear();
        meshes.grounds.clear();
        bodies.revision = 0;
    }
}

fn put_up(
    mut commands: Commands,
    open: Res<OpenScene>,
    geometry: Res<Geometry>,
    materials: Res<SharedMaterials>,
    mut bodies: ResMut<Bodies>,
) {
    if bodies.revision == geometry.revision && bodies.document == geometry.document {
        return;
    }
    for (body, ground) in bodies.rows.drain(..) {
        commands.entity(body).try_despawn();
        if let Some(ground) = ground {
            commands.entity(ground).try_despawn();
        }
    }
    let detailed = geometry.nodes.len() <= DETAIL_NODES;
    for (row, ((id, _), place)) in open.scene.nodes.iter().zip(&geometry.nodes).enumerate() {
        let half = Vec3::new(place.measure.half.x + 0.8, place.measure.height, place.measure.half.y + 0.8);
        let body = commands.spawn((
            NodeBody { document: open.document, node: id.clone(), row },
            MeshMaterial3d(materials.body.clone()),
            Transform::from_translation(place.feet),
            Aabb { center: Vec3::new(0.0, half.y * 0.7, 0.0).into(), half_extents: half.into() },
            NoAutoAabb,
        ));
        let body = body.id();
        let ground = detailed.then(|| {
            let at = Transform::from_translation(place.feet + Vec3::Y * 0.02);
            commands.spawn((Ground, MeshMaterial3d(materials.veil.clone()), at, NotShadowCaster)).id()
        });
        bodies.rows.push((body, ground));
    }
    let nodes = open.scene.nodes.values().zip(&geometry.nodes);
    bodies.capacities = nodes.map(|(node, place)| look::capacity(&node.kind, place.shape)).collect();
    (bodies.revision, bodies.document) = (geometry.revision, geometry.document);
}

/// Gives every body the mesh of its look.
#[expect(clippy::too_many_arguments, reason = "a system asks for what it reads")]
fn show(
    mut commands: Commands,
    time: Res<Time>,
    figures: Res<Figures>,
    playhead: Res<Playhead>,
    geometry: Res<Geometry>,
    theme: Res<Theme>,
    quality: Res<Quality>,
    bodies: Res<Bodies>,
    mut meshes: ResMut<LookMeshes>,
    mut assets: ResMut<Assets<Mesh>>,
    mut shown: Query<(&mut Shown, &mut Transform)>,
) {
    let motion = match playhead.play {
        Play::Playing => time.delta_secs(),
        Play::Paused => f32::INFINITY,
    };
    if meshes.bodies.len() > KEPT_MESHES {
        meshes.bodies.clear();
    }
    for (row, ((place, capacity), (body, ground))) in
        geometry.nodes.iter().zip(&bodies.capacities).zip(&bodies.rows).enumerate()
    {
        let running = figures.nodes.get(row);
        let before = shown.get_mut(*body).ok();
        let previous = before.as_ref().map(|(shown, _)| **shown);
        let next = step(place.shape, *capacity, running, previous, motion);
        if previous == Some(next) {
            continue;
        }
        let height = 1.0 - (1.0 - SUNK) * next.sunk;
        match before {
            Some((mut shown, mut transform)) => {
                *shown = next;
                transform.scale.y = height;
            }
            None => {
                commands.entity(*body).insert(next);
            }
        }
        if previous.map(|shown| shown.look) != Some(next.look) {
            let mesh = meshes.bodies.entry(next.look);
            let mesh = mesh.or_insert_with(|| assets.add(body::sculpt(&next.look, &theme).finish()));
            commands.entity(*body).insert(Mesh3d(mesh.clone()));
        }
        if let Some(ground) = ground
            && previous.map(|shown| (shown.gauge, shown.look.posture)) != Some((next.gauge, next.look.posture))
        {
            let look = GroundLook { shape: place.shape, gauge: next.gauge, disc: disc(&quality) };
            let mesh = meshes.grounds.entry(look);
            let mesh = mesh.or_insert_with(|| assets.add(gauge::sculpt(&look, &theme)));
            commands.entity(*ground).insert(Mesh3d(mesh.clone()));
        }
    }
}

fn disc(quality: &Quality) -> gauge::Disc {
    match quality.shadows {
        Effect::On => gauge::Disc::None,
        Effect::Off => gauge::Disc::Dark,
    }
}

/// What a body shows next: fill and sinking follow their targets smoothly, everything else at once.
fn step(shape: Shape, capacity: u32, figures: Option<&NodeShown>, before: Option<Shown>, seconds: f32) -> Shown {
    let idle = NodeShown::default();
    let mut target = look::target(shape, capacity, figures.unwrap_or(&idle));
    if figures.is_some() && shape == Shape::Producer && target.look.posture == Posture::Sound {
        target.share = 1.0;
    }
    if figures.is_none() {
        target.gauge.tone = GaugeTone::Busy;
    }
    let sunk = if target.look.posture == Posture::Stopped { 1.0 } else { 0.0 };
    let (share, sunk) = match before {
        Some(before) => (
            approach(before.share, target.share, seconds / RISE_SECONDS, seconds / SINK_SECONDS),
            approach(before.sunk, sunk, seconds / 0.4, seconds / 0.4),
        ),
        None => (target.share, sunk),
    };
    Shown { look: Look { fill: look::fill(share), ..target.look }, gauge: target.gauge, share, sunk }
}

fn approach(from: f32, to: f32, rise: f32, sink: f32) -> f32 {
    if to > from { (from + rise).min(to) } else { (from - sink).max(to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_rises_over_several_frames_and_jumps_when_paused() {
        let figures = NodeShown { busy: 19, ..NodeShown::default() };
        let idle = step(Shape::Function, 19, None, None, 0.0);
        let rising = step(Shape::Function, 19, Some(&figures), Some(idle), 1.0 / 60.0);
        assert!(rising.look.fill > 0 && rising.look.fill < 20, "{rising:?}");
        let jumped = step(Shape::Function, 19, Some(&figures), Some(idle), f32::INFINITY);
        assert_eq!(jumped.look.fill, body::FILL_FULL);
    }
}
