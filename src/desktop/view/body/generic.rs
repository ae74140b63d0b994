//! Something that an importer did not know: a plain crate with a band.

use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::Sculpt;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.block(Vec3::new(0.0, 0.08, 0.0), Vec3::new(1.7, 0.16, 1.7), 0.05, ink.lower);
    let lean = if look.posture == Posture::Failing { Quat::from_rotation_z(-0.3) } else { Quat::IDENTITY };
    sculpt.turned(Vec3::new(0.65, 0.16, 0.0), lean, |sculpt| {
        sculpt.block(Vec3::new(0.0, 0.66, 0.0), Vec3::new(1.3, 1.0, 1.3), 0.09, ink.body);
        let paint = match look.posture {
            Posture::Failing => ink.broken,
            Posture::Sound if look.fill > 0 => ink.busy,
            Posture::Sound | Posture::Stopped => ink.recess,
        };
        sculpt.plank(Vec3::new(0.0, 0.62, 0.0), Vec3::new(1.32, 0.12, 1.32), paint);
    });
}
