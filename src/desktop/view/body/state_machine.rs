//! State machine: a platform in two steps with its states in miniature and tokens on the paths.

use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::Sculpt;

const STOPS: [Vec3; 6] = [
    Vec3::new(-1.55, 0.0, 0.1),
    Vec3::new(-0.85, 0.0, 0.1),
    Vec3::new(-0.1, 0.0, -0.4),
    Vec3::new(-0.1, 0.0, 0.5),
    Vec3::new(0.75, 0.0, 0.0),
    Vec3::new(1.5, 0.0, 0.0),
];
const PATHS: [(usize, usize); 6] = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5)];

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.block(Vec3::new(0.0, 0.1, 0.0), Vec3::new(4.2, 0.2, 2.4), 0.06, ink.lower);
    sculpt.block(Vec3::new(0.0, 0.27, 0.0), Vec3::new(3.9, 0.16, 2.1), 0.05, ink.body);
    sculpt.plank(Vec3::new(0.0, 0.35, 0.0), Vec3::new(3.6, 0.02, 1.8), ink.recess);
    let at = |stop: usize| STOPS.get(stop).copied().unwrap_or_default() + Vec3::Y * 0.4;
    for (from, to) in PATHS {
        sculpt.rod(at(from), at(to), 0.025, ink.lower);
    }
    sculpt.drum(at(0) - Vec3::Y * 0.05, 0.16, 0.2, 16, ink.body);
    let busy = |stop: u8| look.posture == Posture::Sound && look.fill > stop.saturating_mul(18);
    let place = |sculpt: &mut Sculpt, stop: usize, lit: bool| {
        let center = at(stop) + Vec3::Y * 0.12;
        let lean = if look.posture == Posture::Failing { 0.6 + stop as f32 * 0.3 } else { 0.0 };
        let turn = Quat::from_rotation_z(lean) * if stop == 1 { Quat::from_rotation_y(0.785) } else { Quat::IDENTITY };
        sculpt.turned(center, turn, |sculpt| {
            sculpt.block(center, Vec3::new(0.46, 0.32, 0.4), 0.04, ink.body);
            if lit {
                sculpt.plank(center + Vec3::Y * 0.165, Vec3::new(0.34, 0.02, 0.28), ink.busy);
                sculpt.plank(center + Vec3::Z * 0.205, Vec3::new(0.34, 0.18, 0.02), ink.busy);
            }
        });
    };
    place(sculpt, 1, false);
    place(sculpt, 2, busy(0));
    place(sculpt, 3, busy(1));
    place(sculpt, 4, busy(2));
    sculpt.ring(at(5), 0.17, 0.05, ink.body);
    if look.posture == Posture::Failing {
        sculpt.block(Vec3::new(0.35, 0.42, 0.0), Vec3::new(0.12, 0.12, 1.8), 0.03, ink.broken);
        return;
    }
    let tokens = (look.share() * 6.0).ceil() as usize;
    for (from, to) in PATHS.into_iter().take(tokens) {
        sculpt.ball(at(from).lerp(at(to), 0.55) + Vec3::Y * 0.06, 0.1, ink.busy);
    }
}
