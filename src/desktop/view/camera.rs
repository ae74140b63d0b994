//! The eye: nearly a drawing, still a space. Orbit, pan, zoom to the pointer, frame.
//!
//! Reads `ViewRectangle`, `Geometry`, `Selection`, `CameraRequest`, pointer and keys. Writes
//! [`Orbit`] and the camera's own components.
//! Invariant: the pointer moves the eye only where it went down inside the picture.

use std::f32::consts::FRAC_PI_2;

use bevy::camera::{Exposure, Hdr, Viewport};
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::input::mouse::{MouseScrollUnit, MouseWheel};
use bevy::light::EnvironmentMapLight;
use bevy::post_process::bloom::{Bloom, BloomCompositeMode, BloomPrefilter};
use bevy::prelude::*;

use super::PictureSystems;
use super::geometry::Geometry;
use super::pointer::Pointer;
use crate::desktop::state::{
    CameraRequest, DesktopSystems, Effect, OpenScene, PictureCamera, Quality, Selection, ViewRectangle, Viewpoint,
};
use crate::desktop::theme::Theme;
use crate::scene::slug::NodeId;

/// Vertical field of view.
pub const FIELD: f32 = 24.0 * std::f32::consts::PI / 180.0;
const ELEVATION: f32 = 40.0 * std::f32::consts::PI / 180.0;
const YAW: f32 = 15.0 * std::f32::consts::PI / 180.0;
const ELEVATION_MIN: f32 = 0.12;
const DISTANCE: std::ops::RangeInclusive<f32> = 4.0..=3_000.0;
/// Seconds of a flight to another view.
const FLIGHT: f32 = 0.45;
/// How quickly the eye catches up with the hands; 63 % in this many seconds.
const CATCH_UP: f32 = 0.06;

/// Where the eye stands: around a point on the ground.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stand {
    /// The point that it looks at.
    pub focus: Vec3,
    /// How far away.
    pub distance: f32,
    /// Turned to the right by this much.
    pub yaw: f32,
    /// Above the ground by this much.
    pub elevation: f32,
}

impl Default for Stand {
    fn default() -> Stand {
        Stand { focus: Vec3::ZERO, distance: 40.0, yaw: YAW, elevation: ELEVATION }
    }
}

impl Stand {
    /// The camera's place.
    pub fn transform(&self) -> Transform {
        let turn = Quat::from_euler(EulerRot::YXZ, -self.yaw, -self.elevation, 0.0);
        Transform { translation: self.focus + turn * (Vec3::Z * self.distance), rotation: turn, scale: Vec3::ONE }
    }

    fn mix(&self, other: &Stand, share: f32) -> Stand {
        Stand {
            focus: self.focus.lerp(other.focus, share),
            // Distances are mixed as factors, so that zooming feels even.
            distance: self.distance * (other.distance / self.distance).powf(share),
            yaw: self.yaw + (other.yaw - self.yaw) * share,
            elevation: self.elevation + (other.elevation - self.elevation) * share,
        }
    }

    /// The ray through a point of the picture: `share` is 0 to 1 from the upper left corner.
    pub fn ray(&self, share: Vec2, aspect: f32) -> Ray3d {
        let place = self.transform();
        let half = (FIELD / 2.0).tan();
        let local = Vec3::new((share.x * 2.0 - 1.0) * half * aspect, (1.0 - share.y * 2.0) * half, -1.0);
        let direction = Dir3::new(place.rotation * local).unwrap_or(Dir3::NEG_Z);
        Ray3d { origin: place.translation, direction }
    }

    /// Where a point of the picture meets the ground.
    pub fn ground(&self, share: Vec2, aspect: f32) -> Option<Vec3> {
        let ray = self.ray(share, aspect);
        let down = ray.direction.y;
        if down > -1e-3 {
            return None;
        }
        Some(ray.origin + ray.direction * (-ray.origin.y / down))
    }
}

/// The eye now, and where it is going.
#[derive(Resource, Clone, Copy, PartialEq, Debug, Default)]
pub struct Orbit {
    /// Where it stands.
    pub stand: Stand,
    /// Where the hands want it.
    pub goal: Stand,
    flight: Option<Flight>,
    framed: Option<u64>,
    whole: Option<Whole>,
}

/// The view of the whole scene, as it was framed last.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Whole {
    goal: Stand,
    size: Vec2,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Flight {
    from: Stand,
    seconds: f32,
}

/// The eye.
pub struct CameraPlugin;

impl Plugin for CameraPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Orbit>()
            .init_resource::<ViewRectangle>()
            .init_resource::<Viewpoint>()
            .init_resource::<Selection>()
            .add_message::<CameraRequest>()
            .add_systems(PostStartup, put_up)
            .add_systems(Update, (turn_and_pan, zoom).in_set(DesktopSystems::Hands))
            .add_systems(Update, (frame, travel, fit, weather).chain().in_set(PictureSystems::Camera));
    }
}

/// Gives the picture's camera its lens. A camera that stands there already (offscreen, with a target
/// of its own) is used; otherwise one is made for the window.
fn put_up(mut commands: Commands, cameras: Query<Entity, With<PictureCamera>>, mut images: ResMut<Assets<Image>>) {
    let light = EnvironmentMapLight {
        intensity: 330.0,
        ..EnvironmentMapLight::hemispherical_gradient(
            &mut images,
            Color::srgb(0.86, 0.9, 1.0),
            Color::srgb(0.62, 0.68, 0.78),
            Color::srgb(0.3, 0.33, 0.4),
        )
    };
    let camera = match cameras.iter().next() {
        Some(camera) => camera,
        None => commands.spawn(PictureCamera).id(),
    };
    commands.entity(camera).insert((
        Camera3d::default(),
        Projection::Perspective(PerspectiveProjection { fov: FIELD, near: 0.5, ..default() }),
        // Colors are chosen so that nothing is brighter than white; a curve would darken the dark
        // theme (the neutral one takes 4 % off every channel) and hex values would not survive.
        Tonemapping::None,
        Exposure::default(),
        Hdr,
        light,
    ));
}

/// What hands may do while they hold the pointer.
fn turn_and_pan(
    pointer: Res<Pointer>,
    buttons: Res<ButtonInput<MouseButton>>,
    keys: Res<ButtonInput<KeyCode>>,
    rectangle: Res<ViewRectangle>,
    mut orbit: ResMut<Orbit>,
    mut held: Local<Option<Grip>>,
) {
    let shift = keys.any_pressed([KeyCode::ShiftLeft, KeyCode::ShiftRight]);
    if held.is_none() && pointer.in_picture {
        *held = if buttons.just_pressed(MouseButton::Right) || buttons.just_pressed(MouseButton::Middle) {
            Some(if shift { Grip::Pan } else { Grip::Orbit })
        } else if buttons.just_pressed(MouseButton::Left) {
            Some(Grip::Pan)
        } else {
            None
        };
    }
    if !buttons.any_pressed([MouseButton::Left, MouseButton::Right, MouseButton::Middle]) {
        *held = None;
    }
    let (Some(grip), false) = (*held, pointer.moved == Vec2::ZERO) else { return };
    if grip == Grip::Pan && buttons.pressed(MouseButton::Left) && !pointer.dragging {
        return;
    }
    orbit.flight = None;
    let mut goal = orbit.goal;
    match grip {
        Grip::Orbit => {
            goal.yaw += pointer.moved.x * 0.006;
            goal.elevation = (goal.elevation + pointer.moved.y * 0.006).clamp(ELEVATION_MIN, FRAC_PI_2 - 0.001);
        }
        Grip::Pan => {
            let size = rectangle.size();
            let meters = 2.0 * goal.distance * (FIELD / 2.0).tan() / size.y;
            let turn = Quat::from_rotation_y(-goal.yaw);
            let deep = pointer.moved.y / goal.elevation.sin().max(0.25);
            goal.focus -= turn * (Vec3::new(pointer.moved.x, 0.0, deep) * meters);
        }
    }
    orbit.goal = goal;
}

/// What a pressed button does to the eye.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grip {
    Orbit,
    Pan,
}

/// The wheel moves the eye so that the point of the ground under the pointer stays there.
fn zoom(
    mut wheel: MessageReader<MouseWheel>,
    pointer: Res<Pointer>,
    rectangle: Res<ViewRectangle>,
    mut orbit: ResMut<Orbit>,
) {
    let lines: f32 = wheel
        .read()
        .map(|turn| match turn.unit {
            MouseScrollUnit::Line => turn.y,
            MouseScrollUnit::Pixel => turn.y / 40.0,
        })
        .sum();
    let Some(place) = pointer.place.filter(|_| pointer.in_picture && lines != 0.0) else { return };
    let size = rectangle.size();
    let (share, aspect) = ((place - rectangle.min) / size, size.x / size.y);
    let mut goal = orbit.goal;
    let before = goal.ground(share, aspect);
    goal.distance = (goal.distance * 0.86_f32.powf(lines)).clamp(*DISTANCE.start(), *DISTANCE.end());
    if let (Some(before), Some(after)) = (before, goal.ground(share, aspect)) {
        goal.focus += before - after;
    }
    orbit.flight = None;
    orbit.goal = goal;
}

/// The stand from which a box of space fills the picture.
fn framing(stand: Stand, corners: &[Vec3], aspect: f32) -> Stand {
    let turn = stand.transform().rotation;
    let back = turn.inverse();
    let half = Vec2::new((FIELD / 2.0).tan() * aspect, (FIELD / 2.0).tan()) * 0.95;
    let Some(first) = corners.first() else { return stand };
    let (min, max) = corners.iter().fold((*first, *first), |(min, max), corner| (min.min(*corner), max.max(*corner)));
    let mut goal = Stand { focus: (min + max) / 2.0, ..stand };
    // Twice: perspective moves the middle of what is seen away from the middle of the box.
    for _ in 0..3 {
        let local: Vec<Vec3> = corners.iter().map(|corner| back * (*corner - goal.focus)).collect();
        let need = |point: &Vec3| point.z + (point.x.abs() / half.x).max(point.y.abs() / half.y);
        goal.distance = local.iter().map(need).fold(0.0, f32::max).clamp(*DISTANCE.start(), *DISTANCE.end());
        let screen = |point: &Vec3| Vec2::new(point.x, point.y) / (goal.distance - point.z).max(0.1);
        let start = local.first().map(screen).unwrap_or_default();
        let (low, high) = local.iter().map(screen).fold((start, start), |(low, high), at| (low.min(at), high.max(at)));
        let shift = (low + high) / 2.0 * goal.distance;
        goal.focus += turn * Vec3::new(shift.x, shift.y, 0.0);
    }
    // The focus belongs on the ground: slide it along the line of sight.
    let sight = turn * Vec3::NEG_Z;
    if sight.y < -0.05 {
        let slide = -goal.focus.y / sight.y;
        goal.focus += sight * slide;
        goal.distance = (goal.distance + slide).clamp(*DISTANCE.start(), *DISTANCE.end());
    }
    goal
}

fn corners(min: Vec3, max: Vec3) -> impl Iterator<Item = Vec3> {
    (0..8).map(move |corner: u32| {
        let pick = |bit: u32, low: f32, high: f32| if corner & bit == 0 { low } else { high };
        Vec3::new(pick(1, min.x, max.x), pick(2, min.y, max.y), pick(4, min.z, max.z))
    })
}

fn corners_of(geometry: &Geometry, open: &OpenScene, nodes: &[NodeId]) -> Vec<Vec3> {
    let rows = open.scene.nodes.keys().zip(&geometry.nodes).filter(|(id, _)| nodes.contains(id));
    rows.flat_map(|(_, place)| {
        let reach = Vec3::new(place.measure.half.x + 2.5, 0.0, place.measure.half.y + 2.5);
        corners(place.feet - reach, place.feet + reach + Vec3::Y * (place.measure.height + 0.5))
    })
    .collect()
}

/// Obeys requests, and shows all of a scene that was just opened.
fn frame(
    mut requests: MessageReader<CameraRequest>,
    open: Res<OpenScene>,
    geometry: Res<Geometry>,
    selection: Res<Selection>,
    rectangle: Res<ViewRectangle>,
    viewpoint: Res<Viewpoint>,
    mut orbit: ResMut<Orbit>,
) {
    let size = rectangle.size();
    let aspect = size.x / size.y;
    let all = |orbit: &Orbit| {
        let stand = seen_from(*viewpoint, orbit.goal);
        framing(stand, &geometry.corners, aspect)
    };
    let document = u64::from(open.document.0);
    if geometry.revision > 0 && !geometry.nodes.is_empty() && orbit.framed != Some(document) {
        orbit.framed = Some(document);
        let stand = all(&orbit);
        (orbit.stand, orbit.goal, orbit.flight) = (stand, stand, None);
        orbit.whole = Some(Whole { goal: stand, size });
    }
    // Who looks at everything goes on doing so while panels come and go.
    if orbit.whole.is_some_and(|whole| whole.goal == orbit.goal && whole.size != size) {
        orbit.goal = all(&orbit);
        orbit.flight = Some(Flight { from: orbit.stand, seconds: 0.0 });
        orbit.whole = Some(Whole { goal: orbit.goal, size });
    }
    for request in requests.read() {
        let nodes = match (request, &*selection) {
            (CameraRequest::FrameNodes(nodes), _) => nodes.clone(),
            (CameraRequest::FrameSelected, Selection::Node(node)) => vec![node.clone()],
            (CameraRequest::FrameSelected, Selection::Link(link)) => {
                open.scene.links.get(link).map(|link| vec![link.from.clone(), link.to.clone()]).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let corners = corners_of(&geometry, &open, &nodes);
        let goal = if corners.is_empty() { all(&orbit) } else { framing(orbit.goal, &corners, aspect) };
        orbit.goal = goal;
        orbit.whole = corners.is_empty().then_some(Whole { goal, size });
        orbit.flight = Some(Flight { from: orbit.stand, seconds: 0.0 });
        if *request == CameraRequest::SnapAll {
            (orbit.stand, orbit.flight) = (goal, None);
        }
    }
}

/// The usual angles of a viewpoint.
fn seen_from(viewpoint: Viewpoint, stand: Stand) -> Stand {
    match viewpoint {
        Viewpoint::Space => Stand { yaw: YAW, elevation: ELEVATION, ..stand },
        // A hair less than straight down, where turning would lose its axis.
        Viewpoint::Flat => Stand { yaw: 0.0, elevation: FRAC_PI_2 - 0.002, ..stand },
    }
}

/// Moves the eye towards its goal.
fn travel(time: Res<Time>, mut orbit: ResMut<Orbit>, mut camera: Single<&mut Transform, With<PictureCamera>>) {
    let seconds = time.delta_secs();
    let next = match orbit.flight {
        Some(Flight { from, seconds: flown }) => {
            let flown = flown + seconds;
            let share = (flown / FLIGHT).min(1.0);
            let flight = (share < 1.0).then_some(Flight { from, seconds: flown });
            if orbit.flight != flight {
                orbit.flight = flight;
            }
            from.mix(&orbit.goal, ease(share))
        }
        None if orbit.stand == orbit.goal => orbit.goal,
        None => {
            let next = orbit.stand.mix(&orbit.goal, 1.0 - (-seconds / CATCH_UP).exp());
            let near =
                next.focus.distance(orbit.goal.focus) < 1e-3 && (next.distance - orbit.goal.distance).abs() < 1e-3;
            let turned = (next.yaw - orbit.goal.yaw).abs() + (next.elevation - orbit.goal.elevation).abs();
            if near && turned < 1e-4 { orbit.goal } else { next }
        }
    };
    if next != orbit.stand {
        orbit.stand = next;
    }
    let place = next.transform();
    if **camera != place {
        **camera = place;
    }
}

/// Cubic, slow at both ends.
fn ease(share: f32) -> f32 {
    if share < 0.5 { 4.0 * share.powi(3) } else { 1.0 - (2.0 - 2.0 * share).powi(3) / 2.0 }
}

/// The camera draws exactly into the picture's rectangle.
fn fit(rectangle: Res<ViewRectangle>, mut camera: Single<&mut Camera, With<PictureCamera>>) {
    let (Some(limit), Some(scale)) = (camera.physical_target_size(), camera.target_scaling_factor()) else { return };
    let corner =
        |point: Vec2| UVec2::new((point.x * scale).round().max(0.0) as u32, (point.y * scale).round().max(0.0) as u32);
    let min = corner(rectangle.min).min(limit.saturating_sub(UVec2::ONE));
    let max = corner(rectangle.max).min(limit);
    let size = max.saturating_sub(min);
    let is_active = size.x > 1 && size.y > 1;
    if camera.is_active != is_active {
        camera.is_active = is_active;
    }
    if !is_active {
        return;
    }
    let fits = camera.viewport.as_ref().is_some_and(|port| port.physical_position == min && port.physical_size == size);
    if !fits {
        camera.viewport = Some(Viewport { physical_position: min, physical_size: size, ..default() });
    }
}

/// Fog, glow and smoothing follow distance, theme and adapter.
fn weather(
    mut commands: Commands,
    orbit: Res<Orbit>,
    theme: Res<Theme>,
    quality: Res<Quality>,
    camera: Single<(Entity, &mut Camera), With<PictureCamera>>,
) {
    let (entity, mut camera) = camera.into_inner();
    if orbit.is_changed() || theme.is_changed() {
        let falloff = FogFalloff::Linear { start: orbit.stand.distance * 1.12, end: orbit.stand.distance * 2.2 };
        commands.entity(entity).insert(DistanceFog { color: theme.window.into(), falloff, ..default() });
    }
    if theme.is_changed() || quality.is_changed() {
        camera.clear_color = ClearColorConfig::Custom(theme.window.into());
        let samples = match quality.samples {
            0 | 1 => Msaa::Off,
            2 | 3 => Msaa::Sample2,
            4..=7 => Msaa::Sample4,
            _ => Msaa::Sample8,
        };
        let mut camera = commands.entity(entity);
        camera.insert(samples);
        if quality.bloom == Effect::On && theme.is_dark() {
            camera.insert(Bloom {
                intensity: 0.3,
                composite_mode: BloomCompositeMode::Additive,
                prefilter: BloomPrefilter { threshold: 0.72, threshold_softness: 0.3 },
                ..Bloom::NATURAL
            });
        } else {
            camera.remove::<Bloom>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_shows_every_corner_and_fills_the_picture() {
        let (min, max) = (Vec3::new(-20.0, 0.0, -9.0), Vec3::new(31.0, 2.5, 14.0));
        let corners: Vec<Vec3> = corners(min, max).collect();
        for aspect in [0.7, 16.0 / 9.0, 3.0] {
            let stand = framing(Stand::default(), &corners, aspect);
            let back = stand.transform().compute_affine().inverse();
            let half = (FIELD / 2.0).tan();
            let mut widest = 0.0_f32;
            for corner in &corners {
                let local = back.transform_point3(*corner);
                let place = Vec2::new(local.x / half / aspect, local.y / half) / -local.z;
                assert!(place.abs().max_element() <= 1.0, "{corner} lies outside at {place}");
                widest = widest.max(place.abs().max_element());
            }
            assert!(widest > 0.75, "only {widest} of the picture is used");
        }
    }

    #[test]
    fn the_whole_scene_stays_in_view_while_panels_come_and_the_hands_view_is_left_alone() {
        let place = crate::desktop::view::body::Shape::Store;
        let node =
            |x: f32| super::super::geometry::NodePlace { shape: place, feet: Vec3::X * x, measure: place.measure() };
        let corners = corners(Vec3::new(-20.0, 0.0, -2.0), Vec3::new(20.0, 2.0, 2.0)).collect();
        let geometry = Geometry { nodes: vec![node(-18.0), node(18.0)], corners, revision: 1, ..Geometry::default() };
        let mut app = App::new();
        app.insert_resource(geometry)
            .init_resource::<OpenScene>()
            .init_resource::<Selection>()
            .init_resource::<Viewpoint>()
            .init_resource::<Orbit>()
            .init_resource::<ViewRectangle>()
            .add_message::<CameraRequest>()
            .add_systems(Update, frame);
        app.update();
        let wide = app.world().resource::<Orbit>().goal;
        let narrow = ViewRectangle { min: Vec2::ZERO, max: Vec2::new(800.0, 720.0) };
        app.insert_resource(narrow);
        app.update();
        let nearer = app.world().resource::<Orbit>().goal;
        assert!(nearer.distance > wide.distance * 1.2, "{nearer:?} after {wide:?}");
        let own = Stand { distance: 12.0, ..nearer };
        app.world_mut().resource_mut::<Orbit>().goal = own;
        app.insert_resource(ViewRectangle::default());
        app.update();
        assert_eq!(app.world().resource::<Orbit>().goal, own);
    }

    #[test]
    fn the_ray_through_the_middle_meets_the_focus() {
        let stand = Stand { focus: Vec3::new(3.0, 0.0, -7.0), ..Stand::default() };
        let hit = stand.ground(Vec2::splat(0.5), 1.5);
        assert!(hit.is_some_and(|hit| hit.distance(stand.focus) < 1e-2), "{hit:?}");
    }
}
