//! Picking: what lies under the pointer, what is selected, and the marks that say so.
//!
//! Reads `Pointer`, `Clicked`, `Geometry`, `Orbit`. Writes `Selection` and `Hovered`; never edits.
//! Invariant: a body is picked by the box around it, a link by its curve's distance on the screen.

use bevy::light::NotShadowCaster;
use bevy::prelude::*;

use super::camera::{Orbit, Stand};
use super::gauge::Veil;
use super::geometry::{Geometry, NodePlace};
use super::material::SharedMaterials;
use super::pointer::{Clicked, Pointer};
use super::{PictureSystems, camera};
use crate::desktop::state::{DesktopSystems, Hovered, OpenScene, Selection, ViewRectangle};
use crate::desktop::theme::Theme;

/// A link is picked within this many pixels.
const LINK_REACH: f32 = 7.0;
/// Points of a link's curve that are tested.
const LINK_STEPS: u32 = 24;

/// Touches bodies and links.
pub struct PickingPlugin;

impl Plugin for PickingPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Selection>()
            .init_resource::<Hovered>()
            .add_systems(Update, (hover, click).chain().in_set(DesktopSystems::Hands))
            .add_systems(Update, (mark_selected, mark_hovered).in_set(PictureSystems::Bodies));
    }
}

/// A row that was hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hit {
    /// Of a node.
    Node(usize),
    /// Of a link.
    Link(usize),
}

/// What lies under a point of the window.
pub fn hit(place: Vec2, stand: &Stand, rectangle: &ViewRectangle, geometry: &Geometry) -> Option<Hit> {
    let size = rectangle.size();
    let ray = stand.ray((place - rectangle.min) / size, size.x / size.y);
    let nodes = geometry.nodes.iter().enumerate();
    let nearest = nodes
        .filter_map(|(row, node)| box_distance(&ray, node).map(|distance| (row, distance)))
        .min_by(|(_, one), (_, other)| one.total_cmp(other));
    if let Some((row, _)) = nearest {
        return Some(Hit::Node(row));
    }
    let lens = Lens::new(stand, rectangle);
    let links = geometry.links.iter().enumerate().filter_map(|(row, curve)| {
        let points = (0..=LINK_STEPS).map(|step| lens.screen(curve.at(step as f32 / LINK_STEPS as f32)));
        let points: Option<Vec<Vec2>> = points.collect();
        let points = points?;
        let distance = points.windows(2).filter_map(|pair| match pair {
            [from, to] => Some(segment_distance(place, *from, *to)),
            _ => None,
        });
        distance.min_by(f32::total_cmp).filter(|distance| *distance < LINK_REACH).map(|distance| (row, distance))
    });
    links.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(row, _)| Hit::Link(row))
}

fn segment_distance(point: Vec2, from: Vec2, to: Vec2) -> f32 {
    let way = to - from;
    let share = ((point - from).dot(way) / way.length_squared().max(1e-6)).clamp(0.0, 1.0);
    point.distance(from + way * share)
}

/// Where the ray enters the box around a body.
fn box_distance(ray: &Ray3d, node: &NodePlace) -> Option<f32> {
    let half = Vec3::new(node.measure.half.x, 0.0, node.measure.half.y);
    let (min, max) = (node.feet - half, node.feet + half + Vec3::Y * node.measure.height);
    let inverse = ray.direction.recip();
    let (one, other) = ((min - ray.origin) * inverse, (max - ray.origin) * inverse);
    let enter = one.min(other).max_element();
    let leave = one.max(other).min_element();
    (enter <= leave && leave > 0.0).then_some(enter)
}

/// Projects points of space to points of the window.
pub struct Lens {
    back: Mat4,
    eye: Vec3,
    half: f32,
    min: Vec2,
    size: Vec2,
}

impl Lens {
    /// For a stand and a picture's place.
    pub fn new(stand: &Stand, rectangle: &ViewRectangle) -> Lens {
        let place = stand.transform();
        Lens {
            back: place.to_matrix().inverse(),
            eye: place.translation,
            half: (camera::FIELD / 2.0).tan(),
            min: rectangle.min,
            size: rectangle.size(),
        }
    }

    /// The point of the window; `None` behind the eye.
    pub fn screen(&self, point: Vec3) -> Option<Vec2> {
        let local = self.back.transform_point3(point);
        if local.z > -0.1 {
            return None;
        }
        let share = Vec2::new(local.x / (self.half * self.size.x / self.size.y), local.y / self.half) / -local.z;
        Some(self.min + (Vec2::new(share.x, -share.y) * 0.5 + 0.5) * self.size)
    }

    /// Pixels that a meter takes at a point.
    pub fn pixels(&self, point: Vec3) -> f32 {
        self.size.y / (2.0 * self.half * -self.back.transform_point3(point).z.min(-0.1))
    }

    /// How far a point is from the eye.
    pub fn distance(&self, point: Vec3) -> f32 {
        self.eye.distance(point)
    }
}

fn hover(
    pointer: Res<Pointer>,
    orbit: Res<Orbit>,
    rectangle: Res<ViewRectangle>,
    geometry: Res<Geometry>,
    open: Res<OpenScene>,
    mut hovered: ResMut<Hovered>,
) {
    if !(pointer.is_changed() || orbit.is_changed() || geometry.is_changed()) {
        return;
    }
    let place = pointer.place.filter(|_| pointer.in_picture && !pointer.dragging);
    let found = place.and_then(|place| hit(place, &orbit.stand, &rectangle, &geometry));
    let next = match found {
        Some(Hit::Node(row)) => open.scene.nodes.keys().nth(row).cloned().map_or(Hovered::None, Hovered::Node),
        Some(Hit::Link(row)) => open.scene.links.keys().nth(row).cloned().map_or(Hovered::None, Hovered::Link),
        None => Hovered::None,
    };
    hovered.set_if_neq(next);
}

fn click(
    mut clicked: MessageReader<Clicked>,
    orbit: Res<Orbit>,
    rectangle: Res<ViewRectangle>,
    geometry: Res<Geometry>,
    open: Res<OpenScene>,
    mut selection: ResMut<Selection>,
) {
    for click in clicked.read() {
        let next = match hit(click.place, &orbit.stand, &rectangle, &geometry) {
            Some(Hit::Node(row)) => open.scene.nodes.keys().nth(row).cloned().map_or(Selection::None, Selection::Node),
            Some(Hit::Link(row)) => open.scene.links.keys().nth(row).cloned().map_or(Selection::None, Selection::Link),
            None => Selection::None,
        };
        selection.set_if_neq(next);
    }
}

/// Which mark.
#[derive(Component, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Selected,
    Hovered,
}

/// Four corners on the ground around a body.
fn brackets(place: &NodePlace, reach: f32, arm: f32, width: f32, color: LinearRgba) -> Mesh {
    let mut veil = Veil::default();
    let half = place.measure.half + Vec2::splat(reach);
    for (x, z) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
        let corner = Vec3::new(x * half.x, 0.03, z * half.y);
        veil.bar(corner - Vec3::X * (x * arm / 2.0), arm, width, color);
        let along = corner - Vec3::Z * (z * arm / 2.0);
        let (w, l) = (width / 2.0, arm / 2.0);
        let at = |sx: f32, sz: f32| along + Vec3::new(sx * w, 0.0, sz * l);
        veil.plain([at(-1.0, 1.0), at(1.0, 1.0), at(1.0, -1.0), at(-1.0, -1.0)], color);
    }
    veil.finish()
}

/// A bright line over a link.
pub(super) fn trace(geometry: &Geometry, row: usize, color: LinearRgba, width: f32) -> Option<Mesh> {
    let curve = geometry.links.get(row)?;
    let mut veil = Veil::default();
    for step in 0..LINK_STEPS {
        let (from, to) = (step as f32 / LINK_STEPS as f32, (step + 1) as f32 / LINK_STEPS as f32);
        let across = |share: f32| curve.direction(share).cross(Vec3::Y).normalize_or(Vec3::X) * width;
        let (a, b) = (curve.at(from), curve.at(to));
        veil.plain([a - across(from), b - across(to), b + across(to), a + across(from)], color);
    }
    Some(veil.finish())
}

type Marks<'w, 's> = Query<'w, 's, (Entity, &'static Mark)>;

fn mark_selected(
    mut commands: Commands,
    selection: Res<Selection>,
    geometry: Res<Geometry>,
    open: Res<OpenScene>,
    theme: Res<Theme>,
    materials: Res<SharedMaterials>,
    mut assets: ResMut<Assets<Mesh>>,
    marks: Marks,
) {
    if !(selection.is_changed() || geometry.is_changed() || theme.is_changed()) {
        return;
    }
    clear(&mut commands, &marks, Mark::Selected);
    let color = LinearRgba::from(theme.accent);
    let mark = match &*selection {
        Selection::None => None,
        Selection::Node(node) => row_of(open.scene.nodes.keys(), node)
            .and_then(|row| geometry.nodes.get(row))
            .map(|place| (brackets(place, 0.55, 0.55, 0.09, color), place.feet)),
        Selection::Link(link) => row_of(open.scene.links.keys(), link)
            .and_then(|row| trace(&geometry, row, color, 0.09))
            .map(|mesh| (mesh, Vec3::Y * 0.01)),
    };
    if let Some((mesh, at)) = mark {
        put(&mut commands, Mark::Selected, assets.add(mesh), at, &materials);
    }
}

fn mark_hovered(
    mut commands: Commands,
    hovered: Res<Hovered>,
    geometry: Res<Geometry>,
    open: Res<OpenScene>,
    theme: Res<Theme>,
    materials: Res<SharedMaterials>,
    mut assets: ResMut<Assets<Mesh>>,
    marks: Marks,
) {
    if !(hovered.is_changed() || geometry.is_changed() || theme.is_changed()) {
        return;
    }
    clear(&mut commands, &marks, Mark::Hovered);
    let color = LinearRgba::from(theme.text).with_alpha(0.6);
    let mark = match &*hovered {
        Hovered::None => None,
        Hovered::Node(node) => row_of(open.scene.nodes.keys(), node)
            .and_then(|row| geometry.nodes.get(row))
            .map(|place| (brackets(place, 0.45, 0.4, 0.05, color), place.feet)),
        Hovered::Link(link) => row_of(open.scene.links.keys(), link)
            .and_then(|row| trace(&geometry, row, color, 0.06))
            .map(|mesh| (mesh, Vec3::Y * 0.01)),
    };
    if let Some((mesh, at)) = mark {
        put(&mut commands, Mark::Hovered, assets.add(mesh), at, &materials);
    }
}

fn row_of<'a, T: PartialEq + 'a>(ids: impl Iterator<Item = &'a T>, wanted: &T) -> Option<usize> {
    ids.zip(0..).find(|(id, _)| *id == wanted).map(|(_, row)| row)
}

fn clear(commands: &mut Commands, marks: &Marks, which: Mark) {
    for (entity, mark) in marks {
        if *mark == which {
            commands.entity(entity).despawn();
        }
    }
}

fn put(commands: &mut Commands, mark: Mark, mesh: Handle<Mesh>, at: Vec3, materials: &SharedMaterials) {
    let material = MeshMaterial3d(materials.veil.clone());
    commands.spawn((mark, Mesh3d(mesh), material, Transform::from_translation(at), NotShadowCaster));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::view::body::Shape;

    fn geometry(feet: Vec3) -> Geometry {
        let place = NodePlace { shape: Shape::Store, feet, measure: Shape::Store.measure() };
        Geometry { nodes: vec![place], ..Geometry::default() }
    }

    #[test]
    fn a_body_is_hit_where_it_is_drawn() {
        let rectangle = ViewRectangle { min: Vec2::new(180.0, 40.0), max: Vec2::new(980.0, 640.0) };
        let stand = Stand::default();
        let feet = Vec3::new(4.0, 0.0, -3.0);
        let lens = Lens::new(&stand, &rectangle);
        let seen = lens.screen(feet + Vec3::Y * 0.5).unwrap();
        assert_eq!(hit(seen, &stand, &rectangle, &geometry(feet)), Some(Hit::Node(0)));
        assert_eq!(hit(seen + Vec2::X * 200.0, &stand, &rectangle, &geometry(feet)), None);
    }

    #[test]
    fn the_middle_of_the_picture_shows_the_focus() {
        let rectangle = ViewRectangle { min: Vec2::new(100.0, 50.0), max: Vec2::new(900.0, 650.0) };
        let stand = Stand { focus: Vec3::new(1.0, 0.0, 2.0), ..Stand::default() };
        let seen = Lens::new(&stand, &rectangle).screen(stand.focus);
        assert!(seen.is_some_and(|seen| seen.distance(Vec2::new(500.0, 350.0)) < 0.1), "{seen:?}");
    }
}
