//! Sink: a shallow dish with a dark hole; ripples run inwards while messages end here.

use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::Sculpt;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    let dish = [(1.1, 0.0), (1.18, 0.1), (1.18, 0.2), (1.08, 0.3), (0.98, 0.3), (0.7, 0.2), (0.42, 0.14)];
    sculpt.lathe(&dish, 40, ink.body);
    sculpt.lathe(&[(0.42, 0.14), (0.36, 0.04), (0.0, 0.04)], 32, ink.recess);
    match look.posture {
        Posture::Failing => sculpt.plank(Vec3::new(0.0, 0.22, 0.0), Vec3::new(2.0, 0.06, 0.2), ink.broken),
        Posture::Stopped => sculpt.drum(Vec3::Y * 0.12, 0.95, 0.16, 36, ink.body),
        Posture::Sound if look.fill > 0 => {
            for (radius, height) in [(0.56, 0.19), (0.74, 0.24), (0.92, 0.3)] {
                sculpt.ring(Vec3::Y * height, radius, 0.02, ink.busy);
            }
        }
        Posture::Sound => {}
    }
}
