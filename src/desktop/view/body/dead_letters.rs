//! Dead-letter queue: a square bin with four bars across; octahedra lie inside.

use bevy::prelude::*;

use super::{Ink, LAYER, Look, Posture, scatter};
use crate::desktop::view::sculpt::Sculpt;

/// Dead letters that the bin holds before they heap up.
pub const CAPACITY: u32 = 20;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.plank(Vec3::new(0.0, 0.04, 0.0), Vec3::new(2.0, 0.08, 2.0), ink.recess);
    for side in [1.0, -1.0] {
        sculpt.block(Vec3::new(side * 1.0, 0.39, 0.0), Vec3::new(0.2, 0.78, 2.2), 0.06, ink.body);
        sculpt.block(Vec3::new(0.0, 0.39, side * 1.0), Vec3::new(2.2, 0.78, 0.2), 0.06, ink.body);
    }
    let held = (look.share() * CAPACITY as f32).round() as u32;
    for letter in 0..held {
        let level = letter / 8;
        let place = Vec3::new(
            (scatter(letter * 5 + 1) - 0.5) * 1.4,
            0.22 + level as f32 * 0.2,
            (scatter(letter * 5 + 2) - 0.5) * 1.4,
        );
        octahedron(sculpt, place, letter, ink);
    }
    for letter in 0..u32::from(look.heap) * 5 {
        let layer = letter / 5;
        let narrow = 1.0 - layer as f32 * 0.06;
        let place = Vec3::new(
            (scatter(letter * 7 + 401) - 0.5) * 1.5 * narrow,
            0.85 + layer as f32 * LAYER,
            (scatter(letter * 7 + 402) - 0.5) * 1.5 * narrow,
        );
        octahedron(sculpt, place, letter, ink);
    }
    for bar in 0..4 {
        let x = -0.6 + bar as f32 * 0.4;
        let drop = if look.posture == Posture::Failing && bar > 1 { 0.5 } else { 0.0 };
        sculpt.rod(Vec3::new(x, 0.8, -1.0), Vec3::new(x, 0.8 - drop, 1.0), 0.05, ink.lower);
    }
}

fn octahedron(sculpt: &mut Sculpt, place: Vec3, seed: u32, ink: &Ink) {
    let turn = Quat::from_rotation_y(scatter(seed + 700) * 3.0) * Quat::from_rotation_x(scatter(seed + 800));
    sculpt.turned(place, turn, |sculpt| sculpt.octahedron(place, 0.26, ink.dead));
}
