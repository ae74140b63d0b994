//! What any body may carry: the boom of a throttle, the cross of a failure, ice.

use bevy::prelude::*;

use super::{Entrance, Ink, Look, Posture, Shape, Warmth, scatter};
use crate::desktop::view::sculpt::Sculpt;

/// Radius of the cross that hovers over what fails.
pub const CROSS: f32 = 0.46;

/// Adds them where the look asks.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    let measure = look.shape.measure();
    if look.entrance == Entrance::Barred && look.posture != Posture::Stopped {
        boom(sculpt, -measure.half.x - 0.45, measure.half.y.clamp(0.6, 1.1), ink);
    }
    if look.posture == Posture::Failing {
        let center = Vec3::new(0.0, measure.height + CROSS + 0.15, 0.0);
        // The cross turns towards the usual camera, which looks from the front and above.
        sculpt.turned(center, Quat::from_rotation_y(0.26) * Quat::from_rotation_x(-0.6), |sculpt| {
            sculpt.cross(center, CROSS, ink.broken);
        });
    } else if look.warmth == Warmth::Cold && look.posture == Posture::Sound && look.shape == Shape::Function {
        frost(sculpt, measure.half.x, ink);
    }
}

fn boom(sculpt: &mut Sculpt, x: f32, half: f32, ink: &Ink) {
    sculpt.block(Vec3::new(x, 0.35, half), Vec3::new(0.22, 0.7, 0.22), 0.05, ink.lower);
    sculpt.block(Vec3::new(x, 0.25, -half), Vec3::new(0.18, 0.5, 0.18), 0.05, ink.lower);
    let stripes = 7;
    for stripe in 0..stripes {
        let z = half - (stripe as f32 + 0.5) / stripes as f32 * half * 2.0;
        let paint = if stripe % 2 == 0 { ink.pile } else { ink.recess };
        sculpt.block(Vec3::new(x, 0.62, z), Vec3::new(0.14, 0.16, half * 2.0 / stripes as f32), 0.02, paint);
    }
    for cube in 0..4 {
        let seed = 40 + cube;
        let place = Vec3::new(x - 0.35 - scatter(seed) * 0.5, 0.13, (scatter(seed + 9) - 0.5) * half * 2.0);
        sculpt.turned(place, Quat::from_rotation_y(scatter(seed + 17) * 1.5), |sculpt| {
            sculpt.block(place, Vec3::splat(0.26), 0.03, ink.pile);
        });
    }
}

fn frost(sculpt: &mut Sculpt, radius: f32, ink: &Ink) {
    let spikes = 22;
    for spike in 0..spikes {
        let angle = (spike as f32 + scatter(spike) * 0.6) / spikes as f32 * std::f32::consts::TAU;
        let (sin, cos) = angle.sin_cos();
        let out = Vec3::new(cos, 0.0, sin);
        let foot = out * (radius - 0.08) + Vec3::Y * (0.05 + scatter(spike + 60) * 0.25);
        let tip = out * (radius + 0.12 + scatter(spike + 30) * 0.22) + Vec3::Y * (0.55 + scatter(spike + 90) * 0.65);
        sculpt.spike(foot, tip, 0.1, ink.ice);
    }
}
