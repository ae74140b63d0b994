//! Event bus: a rail on pylons with a light channel; a card hangs from it for each rule, and events
//! ride on top.

use bevy::prelude::*;

use super::{Ink, Look, Posture, scatter};
use crate::desktop::view::sculpt::Sculpt;

/// Events that ride on the rail when it is full.
pub const RIDERS: u32 = 12;
const TOP: f32 = 2.05;

/// Half the rail's length: it grows with its rules.
pub fn half_length(rules: u8) -> f32 {
    (1.6 + 0.42 * f32::from(rules.saturating_sub(3))).min(6.0)
}

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, rules: u8, ink: &Ink) {
    let half = half_length(rules);
    let spans = (half * 2.0 / 3.0).ceil().max(1.0) as u32;
    for pylon in 0..=spans {
        let x = (-half + 0.35) + (half * 2.0 - 0.7) * pylon as f32 / spans as f32;
        sculpt.block(Vec3::new(x, 0.06, 0.0), Vec3::new(0.7, 0.12, 0.7), 0.05, ink.body);
        sculpt.block(Vec3::new(x, 1.0, 0.0), Vec3::new(0.26, 1.9, 0.26), 0.06, ink.body);
    }
    if look.posture == Posture::Failing {
        for side in [1.0, -1.0] {
            let end = Vec3::new(side * half * 0.85, TOP, 0.0);
            sculpt.turned(end, Quat::from_rotation_z(side * 0.16), |sculpt| {
                rail(sculpt, side * half * 0.56, half * 0.86, look, ink)
            });
        }
        sculpt.block(Vec3::new(0.0, TOP - 0.25, 0.0), Vec3::new(0.2, 0.45, 0.3), 0.05, ink.broken);
    } else {
        rail(sculpt, 0.0, half * 2.0, look, ink);
    }
    cards(sculpt, look, rules, half, ink);
    riders(sculpt, look, half, ink);
}

fn rail(sculpt: &mut Sculpt, x: f32, length: f32, look: &Look, ink: &Ink) {
    sculpt.block(Vec3::new(x, TOP + 0.1, 0.0), Vec3::new(length, 0.42, 0.5), 0.08, ink.body);
    let lit = look.posture == Posture::Sound && look.fill > 0;
    let channel = if lit { ink.busy } else { ink.recess };
    for side in [1.0, -1.0] {
        sculpt.plank(Vec3::new(x, TOP + 0.1, side * 0.25), Vec3::new(length - 0.3, 0.07, 0.03), channel);
    }
}

fn cards(sculpt: &mut Sculpt, look: &Look, rules: u8, half: f32, ink: &Ink) {
    let count = u32::from(rules).clamp(1, 28);
    for card in 0..count {
        let x = (card as f32 + 0.5) / count as f32 * (half * 2.0 - 1.2) - half + 0.6;
        for string in [0.2, -0.2] {
            sculpt.rod(Vec3::new(x + string, 1.62, 0.0), Vec3::new(x + string, TOP - 0.1, 0.0), 0.012, ink.lower);
        }
        let lean =
            if look.posture == Posture::Failing { Quat::from_rotation_z(scatter(card) - 0.5) } else { Quat::IDENTITY };
        let center = Vec3::new(x, 1.42, 0.0);
        sculpt.turned(center, lean * Quat::from_rotation_x(-0.25), |sculpt| {
            let width = 0.62_f32.min((half * 2.0 - 1.2) / count as f32 * 0.86);
            sculpt.block(center, Vec3::new(width, 0.44, 0.07), 0.03, ink.body);
            let busy = look.posture == Posture::Sound && look.fill > 0;
            let stroke = if busy { ink.busy } else { ink.recess };
            for (line, length) in [(0.1, 0.72), (0.0, 0.5), (-0.1, 0.62)] {
                let left = center + Vec3::new(-width * 0.4 + width * length * 0.5, line, 0.042);
                sculpt.plank(left, Vec3::new(width * length, 0.05, 0.02), stroke);
            }
        });
    }
}

/// Events on the rail; past the rim they bank up at the inlet.
fn riders(sculpt: &mut Sculpt, look: &Look, half: f32, ink: &Ink) {
    if look.posture == Posture::Failing {
        return;
    }
    let count = (look.share() * RIDERS as f32).round() as u32;
    for rider in 0..count {
        let x = half - 0.3 - rider as f32 * (half * 2.0 - 0.6) / RIDERS as f32;
        sculpt.ball(Vec3::new(x, TOP + 0.44, 0.0), 0.16, ink.busy);
    }
    let heaped = u32::from(look.heap) * 4;
    for ball in 0..heaped {
        let row = ball / 6;
        let x = -half + 0.25 + (ball % 6) as f32 * 0.29 + (row % 2) as f32 * 0.14;
        let z = if row % 2 == 0 { 0.12 } else { -0.12 };
        sculpt.ball(Vec3::new(x, TOP + 0.44 + row as f32 * 0.17, z), 0.16, ink.pile);
    }
}
