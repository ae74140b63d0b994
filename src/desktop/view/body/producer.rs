//! Producer: an open bowl on a foot with a glowing ball; rings rise from it while it sends.

use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::Sculpt;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.drum(Vec3::ZERO, 0.95, 0.22, 32, ink.body);
    let lean = match look.posture {
        Posture::Failing => Quat::from_rotation_z(-0.55),
        Posture::Sound | Posture::Stopped => Quat::IDENTITY,
    };
    sculpt.turned(Vec3::Y * 0.22, lean, |sculpt| {
        sculpt.lathe(&[(0.36, 0.22), (0.24, 0.42), (0.24, 0.6), (0.34, 0.74)], 20, ink.lower);
        // Outside, rim, inside: the bowl is open.
        let outside = [(0.3, 0.7), (0.56, 0.78), (0.76, 0.95), (0.86, 1.2)];
        sculpt.lathe(&outside, 32, ink.body);
        sculpt.lathe(&[(0.86, 1.2), (0.78, 1.2)], 32, ink.body);
        sculpt.lathe(&[(0.78, 1.2), (0.66, 0.98), (0.46, 0.86), (0.0, 0.82)], 32, ink.lower);
        if look.posture == Posture::Stopped {
            sculpt.ball(Vec3::Y * 1.08, 0.28, ink.lower);
        } else if look.posture == Posture::Sound {
            sculpt.ball(Vec3::Y * 1.12, 0.3, ink.busy);
        }
    });
    if look.fill > 0 && look.posture == Posture::Sound {
        sculpt.ring(Vec3::Y * 1.5, 0.6, 0.025, ink.busy);
        sculpt.ring(Vec3::Y * 1.82, 0.8, 0.022, ink.busy);
    }
}
