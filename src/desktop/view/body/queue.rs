//! Queue: a long tray with glass sides; letters stand in file from the exit backwards and heap up
//! over the rim once the tray is full.

use bevy::math::Affine3A;
use bevy::prelude::*;

use super::{Ink, LAYER, Look, Posture, scatter};
use crate::desktop::view::sculpt::Sculpt;

/// Letters that the tray holds.
pub const CAPACITY: u32 = 24;
const PITCH: f32 = 3.0 / CAPACITY as f32;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    let failing = look.posture == Posture::Failing;
    sculpt.block(Vec3::new(0.0, 0.06, 0.0), Vec3::new(3.3, 0.12, 1.1), 0.04, ink.lower);
    sculpt.plank(Vec3::new(0.0, 0.125, 0.0), Vec3::new(3.1, 0.02, 0.95), ink.recess);
    end_plate(sculpt, -1.66, ink);
    if failing {
        let foot = Vec3::new(1.72, 0.08, 0.0);
        sculpt.turned(foot, Quat::from_rotation_z(-1.25), |sculpt| end_plate(sculpt, 1.66, ink));
        sculpt.plank(Vec3::new(1.62, 0.5, 0.0), Vec3::new(0.06, 0.72, 0.8), ink.broken);
    } else {
        end_plate(sculpt, 1.66, ink);
    }
    let rail_end = if failing { 0.55 } else { 1.6 };
    for z in [0.53, -0.53] {
        sculpt.rod(Vec3::new(-1.6, 0.78, z), Vec3::new(rail_end, 0.78, z), 0.035, ink.body);
    }
    letters(sculpt, look, ink);
    if look.posture == Posture::Stopped {
        sculpt.block(Vec3::new(0.0, 1.0, 0.0), Vec3::new(3.2, 0.1, 1.16), 0.04, ink.body);
        return;
    }
    heap(sculpt, look, ink);
}

fn end_plate(sculpt: &mut Sculpt, x: f32, ink: &Ink) {
    sculpt.block(Vec3::new(x, 0.57, 0.0), Vec3::new(0.18, 1.14, 1.2), 0.06, ink.body);
}

fn letters(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    let held = (look.share() * CAPACITY as f32).round() as u32;
    for letter in 0..held {
        let x = 1.5 - (letter as f32 + 0.3) * PITCH;
        let center = Vec3::new(x, 0.5, 0.0);
        let lean = if look.posture == Posture::Failing { 0.25 } else { 0.0 };
        sculpt.turned(center, Quat::from_rotation_z(lean), |sculpt| {
            sculpt.plank(center, Vec3::new(0.066, 0.72, 0.86), ink.busy);
        });
    }
}

/// Letters in disorder above the tray, a layer for each doubling, and some spilt on the plate.
fn heap(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    let mut seed = 100;
    for layer in 0..u32::from(look.heap) {
        let narrow = 1.0 - layer as f32 * 0.06;
        for place in 0..11 {
            seed += 7;
            let along = (place as f32 + scatter(seed) - 5.5) / 5.5;
            let center = Vec3::new(
                along * 1.36 * narrow,
                0.93 + layer as f32 * LAYER + scatter(seed + 1) * 0.05,
                (scatter(seed + 2) - 0.5) * 0.75 * narrow,
            );
            let turn = Quat::from_rotation_y(scatter(seed + 3) * 3.1)
                * Quat::from_rotation_x((scatter(seed + 4) - 0.5) * 0.7)
                * Quat::from_rotation_z((scatter(seed + 5) - 0.5) * 0.5);
            letter(sculpt, center, turn, ink);
        }
    }
    let spilt = u32::from(look.heap).saturating_sub(3).min(5);
    for place in 0..spilt {
        let side = if place % 3 == 2 { -1.0 } else { 1.0 };
        let center = Vec3::new((scatter(place + 900) - 0.5) * 2.6, 0.05, side * (0.95 + scatter(place + 950) * 0.35));
        letter(sculpt, center, Quat::from_rotation_y(scatter(place + 970) * 3.0), ink);
    }
}

fn letter(sculpt: &mut Sculpt, center: Vec3, turn: Quat, ink: &Ink) {
    sculpt.placed(Affine3A::from_rotation_translation(turn, center), |sculpt| {
        sculpt.plank(Vec3::ZERO, Vec3::new(0.62, 0.06, 0.44), ink.pile);
    });
}
