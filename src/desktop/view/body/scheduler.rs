//! Scheduler: an upright clock.

use bevy::math::Affine3A;
use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::Sculpt;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.block(Vec3::new(0.0, 0.12, 0.0), Vec3::new(1.2, 0.24, 0.8), 0.08, ink.body);
    let lean = if look.posture == Posture::Failing { Quat::from_rotation_z(0.5) } else { Quat::IDENTITY };
    let center = Vec3::new(0.0, 1.22, 0.0);
    let face = Quat::from_rotation_x(std::f32::consts::FRAC_PI_2 - 0.2);
    sculpt.placed(Affine3A::from_rotation_translation(lean * face, center), |sculpt| {
        // Lying flat here: y points to the viewer, -z is twelve o'clock.
        sculpt.lathe(&[(0.0, -0.13), (0.98, -0.13), (0.98, 0.1)], 40, ink.body);
        sculpt.ring(Vec3::Y * 0.1, 0.94, 0.09, ink.body);
        sculpt.lathe(&[(0.9, 0.1), (0.0, 0.1)], 40, ink.recess);
        for mark in 0..12 {
            let turn = Quat::from_rotation_y(mark as f32 / 12.0 * std::f32::consts::TAU);
            sculpt.turned(Vec3::ZERO, turn, |sculpt| {
                let next = mark == 10 && look.posture == Posture::Sound;
                let paint = if next { ink.busy } else { ink.body };
                sculpt.plank(Vec3::new(0.0, 0.115, -0.74), Vec3::new(0.05, 0.03, 0.15), paint);
            });
        }
        hand(sculpt, 5.2, 0.42, 0.08, ink.body);
        let minute = if look.posture == Posture::Sound { ink.busy } else { ink.body };
        hand(sculpt, -1.05, 0.66, 0.055, minute);
        sculpt.drum(Vec3::Y * 0.1, 0.08, 0.08, 12, ink.body);
    });
}

fn hand(sculpt: &mut Sculpt, angle: f32, length: f32, width: f32, paint: crate::desktop::view::sculpt::Paint) {
    sculpt.turned(Vec3::ZERO, Quat::from_rotation_y(angle), |sculpt| {
        sculpt.plank(Vec3::new(0.0, 0.14, -length / 2.0 + 0.05), Vec3::new(width, 0.03, length), paint);
    });
}
