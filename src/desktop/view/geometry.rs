//! Where everything is: places of nodes and curves of links, from the scene alone.
//!
//! Invariant: entry `i` belongs to the `i`-th id of the scene's nodes or links, which is also its
//! row in a model, so figures and hops are matched by row and never by name.

use std::collections::{BTreeMap, BTreeSet};

use bevy::prelude::*;

use super::PictureSystems;
use super::body::{Measure, Shape};
use crate::desktop::state::{DesktopSystems, DocumentId, OpenScene, order_frame};
use crate::scene::document::{Link, Node, Scene};
use crate::scene::kind::Kind;
use crate::scene::slug::NodeId;
use crate::scene::units::{Latency, Spread};

/// Positions outside are drawn at this distance: beyond it floats lose their centimeters.
const FAR: f32 = 50_000.0;
/// How high a link arcs for each factor of ten of its latency in milliseconds.
const ARC: f32 = 0.25;

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NodePlace {
    /// What is drawn.
    pub shape: Shape,
    /// Its feet.
    pub feet: Vec3,
    /// The room it takes.
    pub measure: Measure,
}

/// The way of a link: a cubic Bezier curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LinkCurve {
    /// Its four points.
    pub points: [Vec3; 4],
    /// Row of the source.
    pub from: usize,
    /// Row of the target.
    pub to: usize,
    /// Its length in meters.
    pub length: f32,
}

impl LinkCurve {
    /// The point at `share` of the way.
    pub fn at(&self, share: f32) -> Vec3 {
        let [a, b, c, d] = self.points;
        let rest = 1.0 - share;
        a * (rest * rest * rest)
            + b * (3.0 * rest * rest * share)
            + c * (3.0 * rest * share * share)
            + d * (share * share * share)
    }

    /// The direction of travel at `share` of the way, of length 1.
    pub fn direction(&self, share: f32) -> Vec3 {
        let [a, b, c, d] = self.points;
        let rest = 1.0 - share;
        let slope = (b - a) * (rest * rest) + (c - b) * (2.0 * rest * share) + (d - c) * (share * share);
        slope.normalize_or(Vec3::X)
    }

    fn measured(mut self) -> LinkCurve {
        const STEPS: u32 = 16;
        let mut before = self.at(0.0);
        self.length = 0.0;
        for step in 1..=STEPS {
            let here = self.at(step as f32 / STEPS as f32);
            self.length += before.distance(here);
            before = here;
        }
        self
    }
}

/// Places and curves of the open scene. Written here alone.
#[derive(Resource, Clone, Debug, Default)]
pub struct Geometry {
    /// The document that this is the geometry of.
    pub document: DocumentId,
    /// The scene's revision, plus one; 0 before the first scene.
    pub revision: u64,
    /// Nodes in the order of ids.
    pub nodes: Vec<NodePlace>,
    /// Links in the order of ids.
    pub links: Vec<LinkCurve>,
    /// Points between which everything stands, for framing.
    pub corners: Vec<Vec3>,
}

/// Keeps [`Geometry`]. Reads `OpenScene`.
pub struct GeometryPlugin;

impl Plugin for GeometryPlugin {
    fn build(&self, app: &mut App) {
        order_frame(app);
        app.init_resource::<Geometry>().init_resource::<OpenScene>();
        app.configure_sets(
            Update,
            (PictureSystems::Geometry, PictureSystems::Bodies, PictureSystems::Camera)
                .chain()
                .in_set(DesktopSystems::Picture),
        );
        app.add_systems(Update, follow_scene.in_set(PictureSystems::Geometry));
    }
}

fn follow_scene(open: Res<OpenScene>, mut geometry: ResMut<Geometry>) {
    let fresh = geometry.document == open.document && geometry.revision == open.revision.wrapping_add(1);
    if !fresh {
        *geometry = measure(&open.scene, open.document, open.revision);
    }
}

/// The geometry of a scene.
pub fn measure(scene: &Scene, document: DocumentId, revision: u64) -> Geometry {
    let rows: BTreeMap<&NodeId, usize> = scene.nodes.keys().zip(0..).collect();
    let bins: BTreeSet<&NodeId> = scene.links.values().filter(|link| link.dead_letters).map(|link| &link.to).collect();
    let mut routes = vec![0_usize; scene.nodes.len()];
    for link in scene.links.values() {
        if let Some(count) = rows.get(&link.from).and_then(|row| routes.get_mut(*row)) {
            *count += 1;
        }
    }
    let nodes: Vec<NodePlace> = scene
        .nodes
        .iter()
        .zip(&routes)
        .map(|((id, node), routes)| {
            let role = if bins.contains(id) { Role::Bin } else { Role::Ordinary };
            place(node, role, *routes)
        })
        .collect();
    let mut pairs: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    let links = scene.links.values().map(|link| curve(scene, link, &rows, &nodes, &mut pairs)).collect();
    let corners = corners(scene, &nodes);
    Geometry { document, revision: revision.wrapping_add(1), nodes, links, corners }
}

fn meters(position: (f64, f64, f64)) -> Vec3 {
    let clamp = |value: f64| if value.is_finite() { (value as f32).clamp(-FAR, FAR) } else { 0.0 };
    Vec3::new(clamp(position.0), clamp(position.1), clamp(position.2))
}

/// What a queue is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Ordinary,
    Bin,
}

fn place(node: &Node, role: Role, routes: usize) -> NodePlace {
    let shape = shape(&node.kind, role, routes);
    NodePlace { shape, feet: meters(node.position), measure: shape.measure() }
}

fn shape(kind: &Kind, role: Role, routes: usize) -> Shape {
    let count = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    match kind {
        Kind::Producer(_) => Shape::Producer,
        Kind::Client(_) => Shape::Client,
        Kind::Gateway(_) => Shape::Gateway,
        Kind::Function(_) => Shape::Function,
        Kind::Queue(_) if role == Role::Bin => Shape::DeadLetters,
        Kind::Queue(_) => Shape::Queue,
        Kind::Router(router) => Shape::Router { routes: count(router.routes.len().max(routes)) },
        Kind::Bus(bus) => Shape::Bus { rules: count(bus.rules.len().max(1)) },
        Kind::Service(_) => Shape::Service,
        Kind::Store(_) => Shape::Store,
        Kind::Scheduler(_) => Shape::Scheduler,
        Kind::StateMachine(_) => Shape::StateMachine,
        Kind::Sink(_) => Shape::Sink,
        Kind::Generic(_) => Shape::Generic,
    }
}

/// Scenes with more nodes are framed by the box around them.
const CORNERS_MAX: usize = 4_096;

/// The corners of all bodies, with room for their labels in front, and of all plates.
fn corners(scene: &Scene, nodes: &[NodePlace]) -> Vec<Vec3> {
    let mut corners: Vec<Vec3> = Vec::with_capacity(nodes.len() * 6 + scene.regions.len() * 4);
    for NodePlace { feet, measure, .. } in nodes {
        let Vec2 { x, y: z } = measure.half + Vec2::splat(0.3);
        let at = |x: f32, y: f32, z: f32| *feet + Vec3::new(x, y, z);
        corners.extend([at(x, 0.0, -z), at(-x, 0.0, -z), at(x, 0.0, z + 0.8), at(-x, 0.0, z + 0.8)]);
        corners.extend([at(-x, measure.height + 0.6, 0.0), at(x, measure.height + 0.6, 0.0)]);
    }
    for region in scene.regions.values() {
        let half = meters((region.size.0 / 2.0, 0.0, region.size.1 / 2.0));
        let center = meters((region.center.0, 0.0, region.center.1));
        let flip = Vec3::new(half.x, 0.0, -half.z);
        corners.extend([center + half, center - half, center + flip, center - flip]);
    }
    if corners.len() <= CORNERS_MAX {
        return corners;
    }
    let first = corners.first().copied().unwrap_or(Vec3::ZERO);
    let (min, max) = corners.iter().fold((first, first), |(min, max), corner| (min.min(*corner), max.max(*corner)));
    (0..8)
        .map(|corner: u32| {
            let pick = |bit: u32, low: f32, high: f32| if corner & bit == 0 { low } else { high };
            Vec3::new(pick(1, min.x, max.x), pick(2, min.y, max.y), pick(4, min.z, max.z))
        })
        .collect()
}

/// Milliseconds that the way usually takes.
pub fn latency_millis(latency: &Latency) -> f32 {
    let span = match &latency.spread {
        Spread::Constant(typical) | Spread::Exponential(typical) | Spread::Lognormal(typical, _) => {
            typical.span().seconds()
        }
        Spread::Erlang(_, mean) => mean.span().seconds(),
        Spread::Uniform(low, high) => (low.span().seconds() + high.span().seconds()) / 2.0,
        Spread::ShiftedExponential(constant, mean) => constant.span().seconds() + mean.span().seconds(),
    };
    let floor = latency.floor.map_or(0.0, |floor| floor.span().seconds());
    (span.max(floor) * 1e3) as f32
}

fn curve(
    scene: &Scene,
    link: &Link,
    rows: &BTreeMap<&NodeId, usize>,
    nodes: &[NodePlace],
    pairs: &mut BTreeMap<(usize, usize), u32>,
) -> LinkCurve {
    let (Some(&from), Some(&to)) = (rows.get(&link.from), rows.get(&link.to)) else {
        return LinkCurve { points: [Vec3::ZERO; 4], from: 0, to: 0, length: 0.0 };
    };
    let (Some(source), Some(target)) = (nodes.get(from), nodes.get(to)) else {
        return LinkCurve { points: [Vec3::ZERO; 4], from: 0, to: 0, length: 0.0 };
    };
    let beside = pairs.entry((from.min(to), from.max(to))).or_insert(0);
    let side = Vec3::Z * (0.3 * ((*beside as f32 / 2.0).ceil()) * if (*beside).is_multiple_of(2) { 1.0 } else { -1.0 });
    *beside += 1;
    let ((out, out_way), (into, in_way)) = ports(source, target);
    let (mut out, mut out_way) = (out + side, out_way);
    if let Some(card) = card(scene, link, source) {
        (out, out_way) = (card, (Vec3::Y * -0.7 + Vec3::Z * (target.feet.z - source.feet.z).signum()).normalize());
    }
    let into = into + side;
    let reach = (out.distance(into) * 0.42).clamp(0.5, 14.0);
    let lift = Vec3::Y * (ARC * libm::log10f(1.0 + latency_millis(&link.latency)) * 4.0 / 3.0);
    LinkCurve { points: [out, out + out_way * reach + lift, into + in_way * reach + lift, into], from, to, length: 0.0 }
        .measured()
}

/// The card of the rule that feeds the link, where a bus is its source.
fn card(scene: &Scene, link: &Link, source: &NodePlace) -> Option<Vec3> {
    let Kind::Bus(bus) = &scene.nodes.get(&link.from)?.kind else { return None };
    let rule = bus.rules.keys().position(|name| Some(name) == link.rule.as_ref())?;
    let half = source.measure.half.x;
    let along = (rule as f32 + 0.5) / bus.rules.len().max(1) as f32 * (half * 2.0 - 1.2) - half + 0.6;
    Some(source.feet + Vec3::new(along, 1.2, 0.0))
}

/// Where a link leaves and enters, each with the direction away from its body. Along the flow where
/// the target lies to the right; through the sides where it lies before or behind.
fn ports(source: &NodePlace, target: &NodePlace) -> ((Vec3, Vec3), (Vec3, Vec3)) {
    let way = target.feet - source.feet;
    let room = source.measure.half.x + target.measure.half.x;
    let at = |place: &NodePlace, direction: Vec3| {
        let half = Vec3::new(place.measure.half.x, 0.0, place.measure.half.y);
        (place.feet + direction * half + Vec3::Y * place.measure.port, direction)
    };
    if way.x > room * 0.8 {
        return (at(source, Vec3::X), at(target, Vec3::NEG_X));
    }
    if way.z.abs() > source.measure.half.y + target.measure.half.y + 0.3 {
        let toward = Vec3::Z * way.z.signum();
        return (at(source, toward), at(target, -toward));
    }
    // Back along the flow: around the front.
    (at(source, Vec3::Z), at(target, Vec3::Z))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Producer, Queue};

    fn node(kind: Kind, position: (f64, f64, f64)) -> Node {
        Node { position, ..Node::new(kind) }
    }

    fn scene(target: (f64, f64, f64), dead_letters: bool) -> Scene {
        let mut scene = Scene::default();
        let id = |text: &str| NodeId::new(text).unwrap();
        scene.nodes.insert(id("a"), node(Kind::Producer(Producer::default()), (0.0, 0.0, 0.0)));
        scene.nodes.insert(id("b"), node(Kind::Queue(Queue::default()), target));
        let link = Link {
            from: id("a"),
            to: id("b"),
            latency: Latency::default(),
            loss: 0.0,
            mode: None,
            rule: None,
            dead_letters,
        };
        scene.links.insert(crate::scene::slug::LinkId::new("ab").unwrap(), link);
        scene
    }

    #[test]
    fn links_begin_and_end_at_the_bodies_and_arc_between() {
        for target in [(8.0, 0.0, 0.0), (-8.0, 0.0, 0.5), (0.0, 0.0, 9.0), (0.5, 0.0, -9.0)] {
            let geometry = measure(&scene(target, false), DocumentId(0), 0);
            let link = geometry.links[0];
            assert!(link.points[0].distance(geometry.nodes[0].feet) < 2.0, "{target:?}");
            assert!(link.points[3].distance(geometry.nodes[1].feet) < 2.5, "{target:?}");
            assert!(link.at(0.5).y > link.points[0].y.min(link.points[3].y), "{target:?}");
            assert!(link.length > 3.0);
        }
    }

    #[test]
    fn a_queue_that_takes_dead_letters_is_a_bin() {
        let shape = |dead| measure(&scene((8.0, 0.0, 0.0), dead), DocumentId(0), 0).nodes[1].shape;
        assert_eq!((shape(false), shape(true)), (Shape::Queue, Shape::DeadLetters));
    }

    #[test]
    fn positions_that_are_no_numbers_are_drawn_somewhere() {
        let geometry = measure(&scene((f64::NAN, f64::INFINITY, -1e300), false), DocumentId(0), 0);
        assert!(geometry.nodes[1].feet.is_finite());
        assert!(geometry.corners.iter().all(|corner| corner.is_finite()));
    }
}
