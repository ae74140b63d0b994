//! From figures to looks: what a node's body shows for how full the node is.
//!
//! Invariant: a look is a function of the scene's node and its figures, nothing else.

use super::body::{Entrance, FILL_FULL, Look, Posture, Shape, Warmth, bus, dead_letters, function, heap_layers, queue};
use crate::desktop::state::NodeShown;
use crate::scene::kind::Kind;
use crate::sim::row::Condition;

/// A function without a limit of its own is drawn against this many environments.
const UNLIMITED_SLOTS: u32 = 100;
/// A state machine without a limit is drawn against this many executions.
const UNLIMITED_EXECUTIONS: u32 = 20;
/// People at a service's door or balls at a bus's inlet before it counts as a backlog.
const DOOR: u32 = 6;
/// A gauge has this many steps.
pub const GAUGE_STEPS: u8 = 48;

/// How the gauge on the ground speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum GaugeTone {
    /// The share in use.
    #[default]
    Busy,
    /// Past the rim.
    Backlog,
    /// Turning away.
    Throttled,
    /// Broken.
    Failing,
    /// No gauge at all.
    Absent,
}

/// What the gauge on the ground shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct GaugeLook {
    /// Share in use, 0 to [`GAUGE_STEPS`].
    pub share: u8,
    /// Its color and pattern.
    pub tone: GaugeTone,
}

/// Things that a node works on or holds before it is full.
pub fn capacity(kind: &Kind, shape: Shape) -> u32 {
    match kind {
        Kind::Function(function) => function.concurrency.unwrap_or(UNLIMITED_SLOTS),
        Kind::Service(service) => service.servers,
        Kind::StateMachine(machine) => machine.executions_max.unwrap_or(UNLIMITED_EXECUTIONS),
        Kind::Queue(_) if shape == Shape::DeadLetters => dead_letters::CAPACITY,
        Kind::Queue(_) => queue::CAPACITY,
        Kind::Bus(_) => bus::RIDERS,
        Kind::Store(store) => store.write_capacity.map_or(DOOR, |rate| (rate.hertz() as u32).max(1)),
        Kind::Client(client) => client.users.max(1),
        Kind::Producer(_)
        | Kind::Gateway(_)
        | Kind::Router(_)
        | Kind::Scheduler(_)
        | Kind::Sink(_)
        | Kind::Generic(_) => DOOR,
    }
    .max(1)
}

/// What a body should show.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Target {
    /// The look, with `fill` still to come.
    pub look: Look,
    /// Share in use, 0 to 1.
    pub share: f32,
    /// The gauge.
    pub gauge: GaugeLook,
}

/// The target for a node's figures.
pub fn target(shape: Shape, capacity: u32, figures: &NodeShown) -> Target {
    let has = |bit: u8| figures.condition & bit != 0;
    let posture = if has(Condition::STOPPED) {
        Posture::Stopped
    } else if has(Condition::FAILING) {
        Posture::Failing
    } else {
        Posture::Sound
    };
    let warmth = if has(Condition::COLD) { Warmth::Cold } else { Warmth::Warm };
    let entrance = if has(Condition::THROTTLING) { Entrance::Barred } else { Entrance::Open };
    let (used, heap) = usage(shape, capacity, figures);
    let share = (used as f32 / capacity as f32).clamp(0.0, 1.0);
    let tone = match (posture, entrance) {
        (Posture::Stopped, _) => GaugeTone::Absent,
        (Posture::Failing, _) => GaugeTone::Failing,
        (Posture::Sound, Entrance::Barred) => GaugeTone::Throttled,
        (Posture::Sound, Entrance::Open) if heap > 0 => GaugeTone::Backlog,
        (Posture::Sound, Entrance::Open) => GaugeTone::Busy,
    };
    let gauge = GaugeLook { share: (share * f32::from(GAUGE_STEPS)).ceil() as u8, tone };
    let look = Look { heap, posture, warmth, entrance, ..Look::idle(shape) };
    Target { look, share: drawn_share(shape, capacity, used, share), gauge }
}

/// Things in use, and layers of the heap.
fn usage(shape: Shape, capacity: u32, figures: &NodeShown) -> (u32, u8) {
    let NodeShown { depth, in_flight, busy, condition: _ } = *figures;
    match shape {
        Shape::Queue | Shape::DeadLetters => (depth, heap_layers(depth, capacity)),
        Shape::Bus { .. } => {
            let riding = depth.max(busy).max(in_flight);
            (riding, heap_layers(riding, capacity * 2))
        }
        Shape::Service => (busy, heap_layers(depth, DOOR)),
        Shape::Function | Shape::StateMachine => (busy, 0),
        Shape::Client => (in_flight.max(busy).max(depth), 0),
        Shape::Producer
        | Shape::Scheduler
        | Shape::Gateway
        | Shape::Router { .. }
        | Shape::Store
        | Shape::Sink
        | Shape::Generic => (busy.max(in_flight).max(depth), 0),
    }
}

/// The share that the body draws: a function's pistons stand for one slot each up to nineteen.
fn drawn_share(shape: Shape, capacity: u32, used: u32, share: f32) -> f32 {
    match shape {
        Shape::Function if capacity <= function::PISTONS => used.min(capacity) as f32 / function::PISTONS as f32,
        _ => share,
    }
}

/// The `fill` of a share.
pub fn fill(share: f32) -> u8 {
    let steps = share.clamp(0.0, 1.0) * f32::from(FILL_FULL);
    // Something is never drawn as nothing.
    if share > 0.0 { (steps.round() as u8).max(1) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(depth: u32, busy: u32, condition: u8) -> NodeShown {
        NodeShown { depth, in_flight: 0, busy, condition }
    }

    #[test]
    fn ten_environments_raise_ten_pistons_of_nineteen() {
        let full = target(Shape::Function, 10, &figures(0, 10, 0));
        assert_eq!(u32::from(fill(full.share)), 10 * function::STEPS);
        assert_eq!(full.gauge.share, GAUGE_STEPS);
        let large = target(Shape::Function, 1_000, &figures(0, 500, 0));
        assert_eq!(fill(large.share), FILL_FULL / 2);
    }

    #[test]
    fn stopped_hides_failing_and_failing_hides_throttled() {
        let all = Condition::STOPPED | Condition::FAILING | Condition::THROTTLING;
        let tone = |condition| target(Shape::Service, 4, &figures(0, 1, condition)).gauge.tone;
        assert_eq!(tone(all), GaugeTone::Absent);
        assert_eq!(tone(all & !Condition::STOPPED), GaugeTone::Failing);
        assert_eq!(tone(Condition::THROTTLING), GaugeTone::Throttled);
        assert_eq!(tone(0), GaugeTone::Busy);
    }

    #[test]
    fn a_failing_queue_still_shows_its_letters() {
        let failing = target(Shape::Queue, queue::CAPACITY, &figures(600, 0, Condition::FAILING));
        assert_eq!(failing.share, 1.0);
        assert!(failing.look.heap > 2);
    }

    #[test]
    fn one_of_many_is_never_drawn_as_nothing() {
        assert!(fill(1.0 / 10_000.0) > 0);
        assert_eq!(fill(0.0), 0);
    }
}
