//! Function: a hexagonal tray of nineteen pistons; each stands for a share of its slots.
//!
//! A piston that works stands up and is lit; between two quarters of `fill` it is on its way.

use bevy::prelude::*;

use super::{FILL_FULL, Ink, Look, Posture, Warmth, scatter};
use crate::desktop::view::sculpt::{Paint, Sculpt};

/// Pistons in the tray.
pub const PISTONS: u32 = 19;
/// Steps that a piston takes on its way up.
pub const STEPS: u32 = 4;
const RISE: f32 = 0.8;
const RADIUS: f32 = 0.19;

const _: () = assert!(PISTONS * STEPS == FILL_FULL as u32);

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.prism(Vec3::ZERO, 1.25, 0.12, 6, ink.lower);
    if look.posture == Posture::Stopped {
        sculpt.prism(Vec3::Y * 0.1, 1.25, 0.3, 6, ink.body);
        return;
    }
    rim(sculpt, ink);
    for (order, place) in places().into_iter().enumerate() {
        let order = order as u32;
        let step = u32::from(look.fill).saturating_sub(order * STEPS).min(STEPS);
        piston(sculpt, look, order, place, step as f32 / STEPS as f32, ink);
    }
    if look.posture == Posture::Failing {
        sculpt.plank(Vec3::new(0.15, 0.2, 0.25), Vec3::new(1.2, 0.05, 0.14), ink.broken);
    }
}

/// The tray's wall: a prism without a lid, dark inside.
fn rim(sculpt: &mut Sculpt, ink: &Ink) {
    let corner = |side: u32, radius: f32, y: f32| {
        let (sin, cos) = (side as f32 / 6.0 * std::f32::consts::TAU).sin_cos();
        Vec3::new(cos * radius, y, sin * radius)
    };
    for side in 0..6 {
        let (a, b) = (side, side + 1);
        sculpt
            .quad([corner(b, 1.25, 0.0), corner(a, 1.25, 0.0), corner(a, 1.25, 0.31), corner(b, 1.25, 0.31)], ink.body);
        sculpt.quad(
            [corner(b, 1.25, 0.31), corner(a, 1.25, 0.31), corner(a, 1.22, 0.34), corner(b, 1.22, 0.34)],
            ink.body,
        );
        sculpt.quad(
            [corner(b, 1.22, 0.34), corner(a, 1.22, 0.34), corner(a, 1.12, 0.34), corner(b, 1.12, 0.34)],
            ink.body,
        );
        sculpt.quad(
            [corner(b, 1.12, 0.34), corner(a, 1.12, 0.34), corner(a, 1.12, 0.14), corner(b, 1.12, 0.14)],
            ink.lower,
        );
        let floor = [Vec3::Y * 0.14, corner(b, 1.12, 0.14), corner(a, 1.12, 0.14), Vec3::Y * 0.14];
        sculpt.quad([floor[0], floor[1], floor[2], floor[3]], ink.recess);
    }
}

/// Pistons from the middle outwards: one, a ring of six, a ring of twelve.
fn places() -> Vec<Vec3> {
    let ring = |count: u32, radius: f32, turn: f32| {
        (0..count).map(move |place| {
            let (sin, cos) = ((place as f32 + turn) / count as f32 * std::f32::consts::TAU).sin_cos();
            Vec3::new(cos * radius, 0.0, sin * radius)
        })
    };
    std::iter::once(Vec3::ZERO).chain(ring(6, 0.44, 0.5)).chain(ring(12, 0.87, 0.0)).collect()
}

fn piston(sculpt: &mut Sculpt, look: &Look, order: u32, place: Vec3, up: f32, ink: &Ink) {
    let height = 0.26 + up * RISE * (0.75 + 0.35 * scatter(order + 3));
    let foot = place + Vec3::Y * 0.14;
    if look.posture == Posture::Failing {
        let lean = Quat::from_rotation_z((scatter(order) - 0.5) * 1.3)
            * Quat::from_rotation_x((scatter(order + 50) - 0.5) * 1.3);
        let paint = if order.is_multiple_of(3) { ink.lower } else { ink.body };
        sculpt.turned(foot, lean, |sculpt| sculpt.drum(foot, RADIUS, 0.45 + 0.3 * scatter(order + 7), 14, paint));
        return;
    }
    let shaft = if look.warmth == Warmth::Cold { ink.ice } else { ink.body };
    sculpt.drum(foot, RADIUS, height, 14, shaft);
    if up > 0.0 {
        let cap = if look.warmth == Warmth::Cold { ink.ice } else { ink.busy };
        let pale = Paint { glow: cap.glow, ..cap };
        sculpt.drum(foot + Vec3::Y * (height - 0.1), RADIUS + 0.006, 0.125, 14, pale);
        sculpt.drum(foot + Vec3::Y * (height - 0.26), RADIUS + 0.006, 0.07, 14, cap);
    }
}
