//! Regions: plates with walls of glass, their name on the floor, and a rim that warms with trouble.
//!
//! Reads `OpenScene`, `Geometry`, `Figures`, `Theme`. Writes entities only.

use std::collections::BTreeMap;

use bevy::camera::visibility::NoFrustumCulling;
use bevy::light::NotShadowCaster;
use bevy::prelude::*;

use super::PictureSystems;
use super::floor_text;
use super::gauge::Veil;
use super::geometry::Geometry;
use super::look;
use super::material::SharedMaterials;
use super::sculpt::{Paint, Sculpt};
use crate::desktop::state::{Figures, OpenScene};
use crate::desktop::theme::Theme;
use crate::scene::document::{Region, Scene};
use crate::scene::slug::RegionId;
use crate::sim::row::Condition;

const THICK: f32 = 0.16;
const CORNER: f32 = 0.7;
const CORNER_STEPS: u32 = 6;
const WALL: f32 = 1.1;
/// Height of the name's capitals on the floor.
const NAME: f32 = 0.66;
/// Steps of heat that can be told apart.
const HEAT_STEPS: u8 = 20;

/// What belongs to a region's picture, with the heat that it was drawn for.
#[derive(Component)]
struct RegionPart {
    region: RegionId,
    heat: u8,
    heated: Heated,
}

/// Which parts follow the heat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heated {
    Plate,
    Rim,
    Never,
}

/// Where names lie on the floor, so that labels keep clear of them. Written here alone.
#[derive(Resource, Clone, Debug, Default)]
pub struct FloorNames {
    /// The corners of each name.
    pub corners: Vec<[Vec3; 4]>,
}

/// Draws regions.
pub struct RegionPlugin;

impl Plugin for RegionPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<FloorNames>().add_systems(
            Update,
            (
                put_up.run_if(resource_changed::<Geometry>.or_else(resource_changed::<Theme>)),
                warm.run_if(
                    resource_changed::<Figures>
                        .or_else(resource_changed::<Geometry>)
                        .or_else(resource_changed::<Theme>),
                ),
            )
                .chain()
                .in_set(PictureSystems::Bodies),
        );
    }
}

/// The outline of a plate, counter-clockwise as seen from above, moved inwards by `inset`.
fn outline(region: &Region, inset: f32) -> Vec<Vec3> {
    let clamp = |value: f64| if value.is_finite() { (value as f32).clamp(-50_000.0, 50_000.0) } else { 0.0 };
    let center = Vec3::new(clamp(region.center.0), 0.0, clamp(region.center.1));
    let half = Vec2::new(clamp(region.size.0).abs() / 2.0, clamp(region.size.1).abs() / 2.0).max(Vec2::splat(0.5));
    let corner = CORNER.min(half.min_element() * 0.9);
    let turns = [(1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)];
    let mut points = Vec::new();
    for (quarter, (x, z)) in turns.into_iter().enumerate() {
        let middle = center + Vec3::new(x * (half.x - corner), 0.0, z * (half.y - corner));
        for step in 0..=CORNER_STEPS {
            let turn = (quarter as f32 + step as f32 / CORNER_STEPS as f32) * std::f32::consts::FRAC_PI_2;
            let (sin, cos) = turn.sin_cos();
            points.push(middle + Vec3::new(cos, 0.0, -sin) * (corner - inset).max(0.02));
        }
    }
    points
}

/// Neighboring points of a closed outline.
fn edges(points: &[Vec3]) -> impl Iterator<Item = (Vec3, Vec3)> {
    points.iter().copied().zip(points.iter().copied().cycle().skip(1))
}

fn plate(region: &Region, paint: Paint) -> Mesh {
    let mut sculpt = Sculpt::new();
    let (rim, top) = (outline(region, 0.0), outline(region, 0.05));
    let center = top.iter().sum::<Vec3>() / top.len().max(1) as f32;
    for ((a, b), (inner_a, inner_b)) in edges(&rim).zip(edges(&top)) {
        sculpt.quad([a - Vec3::Y * THICK, b - Vec3::Y * THICK, b - Vec3::Y * 0.04, a - Vec3::Y * 0.04], paint);
        sculpt.quad([a - Vec3::Y * 0.04, b - Vec3::Y * 0.04, inner_b, inner_a], paint);
        sculpt.quad([inner_a, inner_b, center, center], paint);
    }
    sculpt.finish()
}

/// Glass: denser at the foot, and a line along its upper edge.
fn walls(region: &Region, theme: &Theme) -> Mesh {
    let mut veil = Veil::default();
    let color = LinearRgba::from(theme.rim);
    let (foot, top) = (color.with_alpha(0.15), color.with_alpha(0.02));
    let line = color.with_alpha(0.32);
    let rim = outline(region, 0.06);
    for (a, b) in edges(&rim) {
        let up = Vec3::Y * WALL;
        veil.quad([(a, foot), (b, foot), (b + up, top), (a + up, top)]);
        let edge = Vec3::Y * 0.03;
        veil.plain([a + up, b + up, b + up + edge, a + up + edge], line);
    }
    veil.finish()
}

/// Segments of a corner post; as many are lit as the region is hot.
const SEGMENTS: u8 = 5;

/// How many segments of a corner post a share of heat fills.
fn segments_lit(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * f32::from(SEGMENTS)).ceil() as u8
}

/// A post at each corner that fills from below, so that heat reads without color.
fn posts(sculpt: &mut Sculpt, region: &Region, share: f32, empty: Paint, full: Paint) {
    let points = outline(region, 0.06);
    let lit = segments_lit(share);
    let height = WALL / f32::from(SEGMENTS);
    let around = CORNER_STEPS as usize + 1;
    for corner in points.chunks(around).filter_map(|quarter| quarter.get(around / 2)) {
        for segment in 0..SEGMENTS {
            let middle = *corner + Vec3::Y * (height * (f32::from(segment) + 0.5));
            let paint = if segment < lit { full } else { empty };
            sculpt.plank(middle, Vec3::new(0.14, height * 0.72, 0.14), paint);
        }
    }
}

/// The bright line around the plate.
fn rim(region: &Region, share: f32, paint: Paint, empty: Paint) -> Mesh {
    let mut sculpt = Sculpt::new();
    posts(&mut sculpt, region, share, empty, paint);
    let (outer, inner) = (outline(region, 0.04), outline(region, 0.13));
    let up = Vec3::Y * 0.03;
    for ((a, b), (inner_a, inner_b)) in edges(&outer).zip(edges(&inner)) {
        sculpt.quad([a + up, b + up, inner_b + up, inner_a + up], paint);
        sculpt.quad([a, b, b + up, a + up], paint);
    }
    sculpt.finish()
}

#[expect(clippy::too_many_arguments, reason = "a system asks for what it reads")]
fn put_up(
    mut commands: Commands,
    open: Res<OpenScene>,
    theme: Res<Theme>,
    materials: Res<SharedMaterials>,
    mut assets: ResMut<Assets<Mesh>>,
    mut plain: ResMut<Assets<StandardMaterial>>,
    mut images: ResMut<Assets<Image>>,
    mut names: ResMut<FloorNames>,
    parts: Query<Entity, With<RegionPart>>,
) {
    names.corners.clear();
    for part in &parts {
        commands.entity(part).despawn();
    }
    for (id, region) in &open.scene.regions {
        let part = |heated: Heated| RegionPart { region: id.clone(), heat: u8::MAX, heated };
        let body = MeshMaterial3d(materials.body.clone());
        commands.spawn((
            part(Heated::Plate),
            MeshMaterial3d(materials.ground.clone()),
            Transform::default(),
            NotShadowCaster,
        ));
        commands.spawn((part(Heated::Rim), body, Transform::default(), NotShadowCaster));
        commands.spawn((
            part(Heated::Never),
            Mesh3d(assets.add(walls(region, &theme))),
            MeshMaterial3d(materials.veil.clone()),
            Transform::default(),
            NotShadowCaster,
            NoFrustumCulling,
        ));
        let Some(text) = floor_text::draw(if region.label.is_empty() { id.as_str() } else { &region.label }) else {
            continue;
        };
        let (center, size) = name_place(region, text.width as f32 / text.height as f32);
        let corner = |x: f32, z: f32| center + Vec3::new(x * size.x / 2.0, 0.0, z * size.y / 2.0);
        names.corners.push([corner(1.0, 0.6), corner(-1.0, 0.6), corner(1.0, -0.6), corner(-1.0, -0.6)]);
        let mesh = Plane3d::new(Vec3::Y, size / 2.0).mesh().build();
        let place = Transform::from_translation(center);
        let material = StandardMaterial {
            base_color: theme.text_second.with_alpha(0.75).into(),
            base_color_texture: Some(images.add(text.image())),
            unlit: true,
            alpha_mode: AlphaMode::Blend,
            ..default()
        };
        let name = (Mesh3d(assets.add(mesh)), MeshMaterial3d(plain.add(material)), place);
        commands.spawn((part(Heated::Never), NotShadowCaster, name));
    }
}

/// The name lies along the front edge, to the left, and never leaves the plate.
fn name_place(region: &Region, aspect: f32) -> (Vec3, Vec2) {
    let points = outline(region, 0.0);
    let first = points.first().copied().unwrap_or_default();
    let (min, max) = points.iter().fold((first, first), |(min, max), point| (min.min(*point), max.max(*point)));
    let room = (max.x - min.x - 1.2).max(0.5);
    let height = (NAME * 1.4).min(room / aspect.max(0.1));
    let size = Vec2::new(height * aspect, height);
    let center = Vec3::new(min.x + 0.6 + size.x / 2.0, 0.012, max.z - 0.35 - size.y / 2.0);
    (center, size)
}

/// How warm each region is, in [`HEAT_STEPS`] steps: its worst node decides.
fn heats<'a>(scene: &'a Scene, geometry: &Geometry, figures: &Figures) -> BTreeMap<&'a RegionId, u8> {
    let mut heats = BTreeMap::new();
    for ((node, place), shown) in scene.nodes.values().zip(&geometry.nodes).zip(&figures.nodes) {
        let Some(region) = &node.region else { continue };
        let target = look::target(place.shape, look::capacity(&node.kind, place.shape), shown);
        let heat = match (shown.condition & Condition::FAILING != 0, target.look.heap) {
            (true, _) => 1.0,
            (false, 0) => target.share * 0.4,
            (false, layers) => 0.55 + f32::from(layers) * 0.05,
        };
        let steps = (heat.min(1.0) * f32::from(HEAT_STEPS)) as u8;
        let worst = heats.entry(region).or_insert(0);
        *worst = steps.max(*worst);
    }
    heats
}

/// The color of heat between 0 and 1.
fn heat_color(theme: &Theme, heat: f32) -> Srgba {
    let [cool, mild, warm, hot] = theme.heat;
    match heat {
        heat if heat < 0.35 => cool.mix(&mild, heat / 0.35),
        heat if heat < 0.65 => mild.mix(&warm, (heat - 0.35) / 0.3),
        heat => warm.mix(&hot, ((heat - 0.65) / 0.35).min(1.0)),
    }
}

fn warm(
    mut commands: Commands,
    open: Res<OpenScene>,
    geometry: Res<Geometry>,
    figures: Res<Figures>,
    theme: Res<Theme>,
    mut assets: ResMut<Assets<Mesh>>,
    mut parts: Query<(Entity, &mut RegionPart)>,
) {
    let heats = heats(&open.scene, &geometry, &figures);
    for (entity, mut part) in &mut parts {
        let Some(region) = open.scene.regions.get(&part.region) else { continue };
        let heat = heats.get(&part.region).copied().unwrap_or(0);
        if part.heat == heat {
            continue;
        }
        part.heat = heat;
        let share = f32::from(heat) / f32::from(HEAT_STEPS);
        let color = heat_color(&theme, share);
        let mesh = match part.heated {
            Heated::Plate => plate(region, Paint::matte(theme.plate.mix(&color, 0.02 + 0.1 * share))),
            Heated::Rim => {
                let warmed = Paint::matte(theme.rim.mix(&color, (share * 1.6).min(1.0)));
                rim(
                    region,
                    share,
                    Paint { glow: 0.35 + 0.6 * share, ..warmed },
                    Paint::matte(theme.rim.mix(&theme.plate, 0.6)),
                )
            }
            Heated::Never => continue,
        };
        commands.entity(entity).insert(Mesh3d(assets.add(mesh)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corner_post_fills_with_the_heat() {
        assert_eq!([0.0, 0.01, 0.4, 0.41, 1.0, 7.0].map(segments_lit), [0, 1, 2, 3, 5, 5]);
        let region = Region { label: "Core".into(), center: (3.0, -2.0), size: (10.0, 6.0), note: String::new() };
        let count = |share: f32| {
            let mut sculpt = Sculpt::new();
            posts(&mut sculpt, &region, share, Paint::matte(Srgba::BLACK), Paint::matte(Srgba::WHITE));
            sculpt.finish().count_vertices()
        };
        let planks = 4 * usize::from(SEGMENTS);
        assert!(count(0.5) >= planks * 24 && count(0.0) == count(1.0), "{}", count(0.5));
    }

    #[test]
    fn plates_face_upwards_and_keep_to_their_size() {
        let region = Region { label: "Core".into(), center: (3.0, -2.0), size: (10.0, 6.0), note: String::new() };
        let points = outline(&region, 0.0);
        for point in &points {
            assert!((point.x - 3.0).abs() <= 5.001 && (point.z + 2.0).abs() <= 3.001, "{point}");
        }
        let area: f32 = edges(&points).map(|(a, b)| a.z * b.x - a.x * b.z).sum::<f32>() / 2.0;
        assert!((55.0..60.0).contains(&area), "{area}");
    }
}
