//! Client: a tilted screen on a foot that fills from below while an answer is due.

use bevy::math::Affine3A;
use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::Sculpt;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.block(Vec3::new(0.1, 0.09, 0.1), Vec3::new(1.5, 0.18, 1.1), 0.06, ink.body);
    let fallen = if look.posture == Posture::Failing { -0.75 } else { 0.0 };
    let turn = Quat::from_rotation_y(0.7) * Quat::from_rotation_x(-0.42 + fallen);
    let stand = Affine3A::from_rotation_translation(turn, Vec3::new(-0.05, 0.16, -0.1));
    sculpt.placed(stand, |sculpt| {
        sculpt.block(Vec3::new(0.0, 0.68, 0.0), Vec3::new(1.45, 1.25, 0.13), 0.05, ink.body);
        sculpt.block(Vec3::new(0.0, 0.7, 0.062), Vec3::new(1.25, 1.02, 0.03), 0.01, ink.recess);
        let fill = match look.posture {
            Posture::Sound => look.share(),
            Posture::Failing => 1.0,
            Posture::Stopped => 0.0,
        };
        if fill > 0.0 {
            let height = 1.0 * fill.max(0.12);
            let paint = if look.posture == Posture::Failing { ink.broken } else { ink.busy };
            sculpt.plank(Vec3::new(0.0, 0.2 + height / 2.0, 0.085), Vec3::new(1.22, height, 0.03), paint);
        }
    });
}
