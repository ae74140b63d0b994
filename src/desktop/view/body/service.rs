//! Service: a tower of five floors with windows between, lit from below: capacity in use.

use bevy::prelude::*;

use super::{Ink, Look, Posture};
use crate::desktop::view::sculpt::{Paint, Sculpt};

const FLOORS: u32 = 5;
const PITCH: f32 = 0.36;
/// Windows on one side of one floor.
const WINDOWS: u32 = 5;

/// Sculpts it.
pub fn sculpt(sculpt: &mut Sculpt, look: &Look, ink: &Ink) {
    sculpt.block(Vec3::new(0.0, 0.05, 0.0), Vec3::new(2.0, 0.1, 2.0), 0.04, ink.lower);
    let lit = look.share() * FLOORS as f32;
    for floor in 0..FLOORS {
        let y = 0.1 + floor as f32 * PITCH;
        let slide = if look.posture == Posture::Failing { floor as f32 } else { 0.0 };
        let turn = Quat::from_rotation_y(slide * 0.07) * Quat::from_rotation_z(slide * -0.035);
        let offset = Vec3::new(slide * slide * 0.035, 0.0, slide * 0.03);
        sculpt.turned(Vec3::Y * y, turn, |sculpt| {
            sculpt.moved(offset, |sculpt| {
                sculpt.plank(Vec3::new(0.0, y + 0.09, 0.0), Vec3::new(1.36, 0.18, 1.36), ink.recess);
                let share = (lit - floor as f32).clamp(0.0, 1.0);
                let paint = match look.posture {
                    Posture::Failing => ink.broken,
                    Posture::Sound | Posture::Stopped => ink.busy,
                };
                let share = if look.posture == Posture::Failing && floor < 2 { 1.0 } else { share };
                windows(sculpt, y + 0.09, (share * WINDOWS as f32).ceil() as u32, paint);
                sculpt.block(Vec3::new(0.0, y + 0.27, 0.0), Vec3::new(1.5, 0.19, 1.5), 0.05, ink.body);
            });
        });
    }
    if look.posture != Posture::Failing {
        let roof = 0.1 + FLOORS as f32 * PITCH;
        sculpt.block(Vec3::new(-0.3, roof + 0.1, -0.25), Vec3::new(0.5, 0.22, 0.45), 0.04, ink.body);
        sculpt.rod(Vec3::new(0.35, roof, 0.2), Vec3::new(0.35, roof + 0.42, 0.2), 0.03, ink.lower);
    }
    let queue = u32::from(look.heap) * 5;
    for person in 0..queue {
        let row = person / 7;
        let x = (person % 7) as f32 * 0.28 - 0.9 + (row % 2) as f32 * 0.12;
        sculpt.ball(Vec3::new(x, 0.14, 1.35 + row as f32 * 0.27), 0.13, ink.pile);
    }
}

fn windows(sculpt: &mut Sculpt, y: f32, count: u32, paint: Paint) {
    for window in 0..count.min(WINDOWS) {
        let along = -0.56 + window as f32 * 0.28;
        for side in [0.69, -0.69] {
            sculpt.plank(Vec3::new(along, y, side), Vec3::new(0.18, 0.1, 0.03), paint);
            sculpt.plank(Vec3::new(side, y, along), Vec3::new(0.03, 0.1, 0.18), paint);
        }
    }
}
