//! Gateway: an arch with eight lamps, the tokens left in its bucket.

use bevy::prelude::*;

use super::{Entrance, Ink, Look, Posture};
use crate::desktop::view::sculpt::Sculpt;

/// Lamps on the lintel.
pub const LAMPS: u32 = 8;

/// Sculpts it. The arch stands across the flow.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.block(Vec3::new(0.0, 0.05, 0.0), Vec3::new(1.2, 0.1, 2.7), 0.04, ink.lower);
    for side in [1.0, -1.0] {
        sculpt.block(Vec3::new(0.0, 0.8, side * 1.0), Vec3::new(0.5, 1.5, 0.5), 0.07, ink.body);
    }
    let lean = if look.posture == Posture::Failing { Quat::from_rotation_x(0.32) } else { Quat::IDENTITY };
    sculpt.turned(Vec3::new(0.0, 1.55, -1.0), lean, |sculpt| {
        sculpt.block(Vec3::new(0.0, 1.78, 0.0), Vec3::new(0.56, 0.46, 2.56), 0.07, ink.body);
        let dark = look.posture != Posture::Sound || look.entrance == Entrance::Barred;
        let lit = if dark { 0 } else { LAMPS - (look.share() * 0.99 * LAMPS as f32) as u32 };
        for lamp in 0..LAMPS {
            let z = 1.05 - lamp as f32 * 0.3;
            let paint = if lamp < lit { ink.busy } else { ink.recess };
            for side in [1.0, -1.0] {
                sculpt.plank(Vec3::new(side * 0.275, 1.78, z), Vec3::new(0.03, 0.2, 0.17), paint);
            }
            sculpt.plank(Vec3::new(0.0, 2.005, z), Vec3::new(0.2, 0.03, 0.17), paint);
        }
    });
    if look.posture == Posture::Failing {
        sculpt.plank(Vec3::new(0.0, 1.5, 0.98), Vec3::new(0.52, 0.08, 0.46), ink.broken);
    }
}
