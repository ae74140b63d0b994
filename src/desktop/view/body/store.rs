//! Store: three drums with a vertical gauge in front and a ring on top.

use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::Sculpt;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    for drum in 0..3 {
        let y = drum as f32 * 0.53;
        let slid = if look.posture == Posture::Failing { drum as f32 * 0.22 } else { 0.0 };
        let tilt = Quat::from_rotation_z(slid * -0.35);
        sculpt.turned(Vec3::Y * y, tilt, |sculpt| {
            sculpt.moved(Vec3::new(slid, y, slid * 0.4), |sculpt| {
                let profile = [(0.88, 0.0), (1.0, 0.06), (1.0, 0.4), (0.93, 0.46), (0.0, 0.46)];
                sculpt.lathe(&profile, 36, ink.body);
                sculpt.lathe(&[(0.9, 0.44), (0.9, 0.54)], 36, ink.recess);
                if drum == 2 {
                    sculpt.moved(Vec3::Y * 0.465, |sculpt| sculpt.lathe(&[(0.78, 0.0), (0.0, 0.0)], 36, ink.recess));
                    let lit = look.posture == Posture::Sound && look.fill > 0;
                    sculpt.ring(Vec3::Y * 0.5, 0.52, 0.055, if lit { ink.busy } else { ink.lower });
                }
            });
        });
    }
    if look.posture == Posture::Failing {
        sculpt.drum(Vec3::Y * 0.47, 0.86, 0.08, 30, ink.broken);
        return;
    }
    let turn = Quat::from_rotation_y(0.5);
    sculpt.turned(Vec3::ZERO, turn, |sculpt| {
        sculpt.block(Vec3::new(0.0, 0.74, 1.0), Vec3::new(0.32, 1.1, 0.08), 0.03, ink.recess);
        let height = 1.0 * look.share();
        if height > 0.02 {
            sculpt.plank(Vec3::new(0.0, 0.24 + height / 2.0, 1.04), Vec3::new(0.2, height, 0.04), ink.busy);
        }
    });
}
