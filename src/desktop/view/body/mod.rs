//! Bodies: what each kind of node looks like, in every state.
//!
//! Invariant: a body's mesh depends on its [`Look`] and the theme alone, so equal looks share a mesh.
//! Invariant: silhouette says what it is, fill says how much, posture says how it fares; color only
//! confirms. Feet stand at y = 0, messages come in at -x and leave at +x.

pub mod producer;
pub mod client;
pub mod scheduler;
pub mod gateway;
pub mod function;
pub mod queue;
pub mod dead_letters;
pub mod router;
pub mod bus;
pub mod state_machine;
pub mod service;
pub mod store;
pub mod sink;
pub mod generic;
pub mod extra;

use bevy::prelude::*;

use crate::desktop::theme::Theme;
use crate::desktop::view::sculpt::{Paint, Sculpt};

/// What stands there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Shape {
    /// A bowl on a foot.
    Producer,
    /// A tilted screen.
    Client,
    /// An upright clock.
    Scheduler,
    /// An arch with lamps.
    Gateway,
    /// A tray of pistons, one a slot.
    Function,
    /// A long tray of letters.
    Queue,
    /// A barred bin.
    DeadLetters,
    /// A turntable with an arrow.
    Router {
        /// Pins on its rim.
        routes: u8,
    },
    /// A rail on pylons.
    Bus {
        /// Cards that hang from it.
        rules: u8,
    },
    /// A platform with states in miniature.
    StateMachine,
    /// A tower with windows.
    Service,
    /// Drums with a gauge.
    Store,
    /// A dish with a hole.
    Sink,
    /// A plain crate.
    Generic,
}

/// How it fares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Posture {
    /// Whole.
    #[default]
    Sound,
    /// Broken, with a cross above.
    Failing,
    /// Dark and shut.
    Stopped,
}

/// Whether it is starting cold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Warmth {
    /// As usual.
    #[default]
    Warm,
    /// Frosted.
    Cold,
}

/// Whether its entrance is barred.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Entrance {
    /// Open.
    #[default]
    Open,
    /// Barred by the boom.
    Barred,
}

/// All that a body shows. Equal looks are drawn by one mesh.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Look {
    /// What it is.
    pub shape: Shape,
    /// How much is in use, 0 to [`FILL_FULL`].
    pub fill: u8,
    /// Layers of the heap above the rim.
    pub heap: u8,
    /// How it fares.
    pub posture: Posture,
    /// Cold start or not.
    pub warmth: Warmth,
    /// Boom up or down.
    pub entrance: Entrance,
}

/// `fill` of a body that is full.
pub const FILL_FULL: u8 = 76;
/// A heap grows no higher: at 0.12 m a layer it would leave the picture.
pub const HEAP_MAX: u8 = 12;
/// Height of a layer of a heap, in meters.
pub const LAYER: f32 = 0.12;

impl Look {
    /// A sound body with nothing in it.
    pub fn idle(shape: Shape) -> Look {
        Look { shape, fill: 0, heap: 0, posture: Posture::Sound, warmth: Warmth::Warm, entrance: Entrance::Open }
    }

    /// Share in use, 0 to 1.
    pub fn share(&self) -> f32 {
        f32::from(self.fill) / f32::from(FILL_FULL)
    }
}

/// Layers of a heap for `depth` things before a tray that holds `capacity`: each doubling one layer,
/// so that ten times the backlog is seen without ten times the height.
pub fn heap_layers(depth: u32, capacity: u32) -> u8 {
    let ratio = f64::from(depth) / f64::from(capacity.max(1));
    if ratio <= 1.0 {
        return 0;
    }
    (libm::floor(libm::log2(ratio)) as u8).saturating_add(1).min(HEAP_MAX)
}

/// The paints of one look.
pub struct Ink {
    /// Upper parts.
    pub body: Paint,
    /// Lower parts.
    pub lower: Paint,
    /// Openings.
    pub recess: Paint,
    /// What is at work or held.
    pub busy: Paint,
    /// What piles up.
    pub pile: Paint,
    /// What is broken.
    pub broken: Paint,
    /// Dead letters.
    pub dead: Paint,
    /// Ice.
    pub ice: Paint,
}

impl Ink {
    /// The paints for a posture.
    pub fn new(theme: &Theme, posture: Posture) -> Ink {
        let shade = |color: Srgba| Paint::matte(color);
        if posture == Posture::Stopped {
            let [dark, darker] = [theme.body_lower, theme.recess].map(|color| theme.plate.mix(&color, 0.7));
            let (dark, darker) = (shade(dark), shade(darker));
            return Ink {
                body: dark,
                lower: dark,
                recess: darker,
                busy: dark,
                pile: dark,
                broken: dark,
                dead: dark,
                ice: dark,
            };
        }
        Ink {
            body: shade(theme.body),
            lower: shade(theme.body_lower),
            recess: shade(theme.recess),
            busy: Paint::lit(theme.normal),
            pile: Paint::pile(theme.throttled),
            broken: Paint::lit(theme.error),
            dead: Paint { glow: 0.6, ..Paint::lit(theme.dead_letter) },
            ice: Paint { glow: 0.25, ..Paint::matte(theme.cold) },
        }
    }
}

/// Where the gauge lies on the ground.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum GaugePlace {
    /// Around the body, with this radius.
    Arc(f32),
    /// A bar of this length, this far before the middle.
    Bar {
        /// Length along x.
        length: f32,
        /// Distance along z.
        before: f32,
    },
}

/// The room that a body takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measure {
    /// Half its extent along x and z.
    pub half: Vec2,
    /// Its height.
    pub height: f32,
    /// Height at which links enter and leave.
    pub port: f32,
    /// Its gauge.
    pub gauge: GaugePlace,
}

const fn round(radius: f32, height: f32, port: f32) -> Measure {
    Measure { half: Vec2::splat(radius), height, port, gauge: GaugePlace::Arc(radius + 0.3) }
}

const fn long(half_x: f32, half_z: f32, height: f32, port: f32) -> Measure {
    let gauge = GaugePlace::Bar { length: half_x * 1.7, before: half_z + 0.32 };
    Measure { half: Vec2::new(half_x, half_z), height, port, gauge }
}

impl Shape {
    /// The room that it takes.
    pub fn measure(self) -> Measure {
        match self {
            Shape::Producer => round(0.95, 2.0, 0.9),
            Shape::Client => round(0.95, 1.75, 0.75),
            Shape::Scheduler => round(1.05, 2.3, 1.0),
            Shape::Gateway => long(0.62, 1.3, 2.3, 0.85),
            Shape::Function => round(1.25, 1.3, 0.4),
            Shape::Queue => long(1.75, 0.62, 1.15, 0.6),
            Shape::DeadLetters => round(1.1, 0.85, 0.6),
            Shape::Router { routes: _ } => round(1.15, 0.75, 0.45),
            Shape::Bus { rules } => long(bus::half_length(rules), 0.4, 2.5, 2.3),
            Shape::StateMachine => long(2.1, 1.2, 0.75, 0.4),
            Shape::Service => round(1.05, 2.2, 0.7),
            Shape::Store => round(1.0, 1.65, 0.7),
            Shape::Sink => round(1.18, 0.4, 0.35),
            Shape::Generic => round(0.85, 1.2, 0.6),
        }
    }

    /// Where links leave and enter, beside the body's feet.
    pub fn ports(self) -> (Vec3, Vec3) {
        let Measure { half, port, .. } = self.measure();
        (Vec3::new(half.x, port, 0.0), Vec3::new(-half.x, port, 0.0))
    }
}

/// Sculpts a body in its look.
pub fn sculpt(look: &Look, theme: &Theme) -> Sculpt {
    let mut sculpt = Sculpt::new();
    let ink = Ink::new(theme, look.posture);
    let body = &mut sculpt;
    match look.shape {
        Shape::Producer => producer::sculpt(body, look, &ink),
        Shape::Client => client::sculpt(body, look, &ink),
        Shape::Scheduler => scheduler::sculpt(body, look, &ink),
        Shape::Gateway => gateway::sculpt(body, look, &ink),
        Shape::Function => function::sculpt(body, look, &ink),
        Shape::Queue => queue::sculpt(body, look, &ink),
        Shape::DeadLetters => dead_letters::sculpt(body, look, &ink),
        Shape::Router { routes } => router::sculpt(body, look, routes, &ink),
        Shape::Bus { rules } => bus::sculpt(body, look, rules, &ink),
        Shape::StateMachine => state_machine::sculpt(body, look, &ink),
        Shape::Service => service::sculpt(body, look, &ink),
        Shape::Store => store::sculpt(body, look, &ink),
        Shape::Sink => sink::sculpt(body, look, &ink),
        Shape::Generic => generic::sculpt(body, look, &ink),
    }
    extra::sculpt(body, look, &ink);
    sculpt
}

/// A number between 0 and 1 that looks random and is always the same for `seed`.
pub fn scatter(seed: u32) -> f32 {
    let mut bits = seed.wrapping_mul(0x9E37_79B9) ^ 0x85EB_CA6B;
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x2C1B_3C6D);
    bits = (bits ^ (bits >> 12)).wrapping_mul(0x297A_2D39);
    ((bits ^ (bits >> 15)) >> 8) as f32 / 16_777_216.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [Shape; 14] = [
        Shape::Producer,
        Shape::Client,
        Shape::Scheduler,
        Shape::Gateway,
        Shape::Function,
        Shape::Queue,
        Shape::DeadLetters,
        Shape::Router { routes: 5 },
        Shape::Bus { rules: 4 },
        Shape::StateMachine,
        Shape::Service,
        Shape::Store,
        Shape::Sink,
        Shape::Generic,
    ];

    #[test]
    fn a_backlog_ten_times_as_long_is_about_three_layers_higher() {
        assert_eq!(heap_layers(24, 24), 0);
        assert_eq!(heap_layers(25, 24), 1);
        assert_eq!(heap_layers(240, 24), 4);
        assert_eq!(heap_layers(2_400, 24), 7);
        assert_eq!(heap_layers(u32::MAX, 1), HEAP_MAX);
    }

    #[test]
    fn every_body_is_small_enough_to_be_drawn_by_the_thousand() {
        let theme = Theme::dark();
        for shape in SHAPES {
            let look = Look { fill: FILL_FULL, heap: 7, ..Look::idle(shape) };
            let vertices = sculpt(&look, &theme).vertices();
            assert!((40..9_000).contains(&vertices), "{shape:?} has {vertices} vertices");
        }
    }

    #[test]
    fn every_state_changes_the_shape_and_not_only_the_color() {
        let theme = Theme::dark();
        for shape in SHAPES {
            let idle = sculpt(&Look::idle(shape), &theme).vertices();
            let failing = Look { posture: Posture::Failing, ..Look::idle(shape) };
            let barred = Look { entrance: Entrance::Barred, ..Look::idle(shape) };
            for look in [failing, barred] {
                assert_ne!(sculpt(&look, &theme).vertices(), idle, "{look:?}");
            }
        }
    }
}
