//! Router: a turntable with an arrow on it and a pin on the rim for each route.

use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::{Paint, Sculpt};

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, routes: u8, ink: &Ink) {
    sculpt.lathe(&[(1.15, 0.0), (1.15, 0.26), (1.08, 0.32), (0.96, 0.32), (0.96, 0.24)], 40, ink.body);
    sculpt.lathe(&[(0.96, 0.24), (0.0, 0.24)], 40, ink.recess);
    let broken = look.posture == Posture::Failing;
    let tilt = if broken { Quat::from_rotation_y(1.1) * Quat::from_rotation_x(0.35) } else { Quat::IDENTITY };
    sculpt.turned(Vec3::Y * 0.3, tilt, |sculpt| arrow(sculpt, ink.body));
    if look.posture == Posture::Sound && look.fill > 0 {
        sculpt.ball(Vec3::new(-0.1, 0.62, 0.0), 0.18, ink.busy);
    }
    if broken {
        sculpt.plank(Vec3::new(0.0, 0.26, 0.0), Vec3::new(0.2, 0.04, 1.5), ink.broken);
    }
    let pins = u32::from(routes).min(40);
    for pin in 0..pins {
        // Pins stand on the exit side first; many of them close around the rim like a hedgehog's.
        let angle = (pin as f32 - (pins as f32 - 1.0) / 2.0) * (std::f32::consts::TAU / pins.max(14) as f32);
        let (sin, cos) = angle.sin_cos();
        let foot = Vec3::new(cos * 1.05, 0.3, sin * 1.05);
        let lit = look.posture == Posture::Sound && look.fill > 0 && pin == pins / 2;
        sculpt.plank(foot + Vec3::Y * 0.16, Vec3::new(0.09, 0.34, 0.09), if lit { ink.busy } else { ink.lower });
    }
}

fn arrow(sculpt: &mut Sculpt, paint: Paint) {
    sculpt.block(Vec3::new(-0.18, 0.36, 0.0), Vec3::new(0.86, 0.24, 0.42), 0.05, paint);
    let (low, high) = (0.25, 0.47);
    let head = [Vec2::new(0.2, 0.48), Vec2::new(0.8, 0.0), Vec2::new(0.2, -0.48)];
    let [a, b, c] = head;
    let at = |point: Vec2, y: f32| Vec3::new(point.x, y, point.y);
    sculpt.quad([at(a, high), at(b, high), at(c, high), at(c, high)], paint);
    for (from, to) in [(a, b), (b, c), (c, a)] {
        sculpt.quad([at(from, low), at(to, low), at(to, high), at(from, high)], paint);
    }
}
