//! The veils of a body: its gauge on the ground, the dark disc in place of a shadow, its glass.
//!
//! Invariant: an arc runs clockwise from twelve o'clock as seen from above; a bar from left to right.

use bevy::asset::RenderAssetUsages;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;

use super::body::{GaugePlace, Shape};
use super::look::{GAUGE_STEPS, GaugeLook, GaugeTone};
use crate::desktop::theme::Theme;

const WIDTH: f32 = 0.08;
const DASHES: u32 = 16;
const DISC_SIDES: u32 = 24;

/// Whether a dark disc stands in for the shadow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Disc {
    /// The sun casts a shadow.
    None,
    /// It does not.
    Dark,
}

/// All of a body that is drawn with an opacity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GroundLook {
    /// The body.
    pub shape: Shape,
    /// Its gauge.
    pub gauge: GaugeLook,
    /// Its shadow's stand-in.
    pub disc: Disc,
}

/// Flat shapes colored and faded by vertex.
#[derive(Default)]
pub struct Veil {
    positions: Vec<[f32; 3]>,
    colors: Vec<[f32; 4]>,
    indices: Vec<u32>,
}

impl Veil {
    /// A quadrilateral with a color for each corner.
    pub fn quad(&mut self, corners: [(Vec3, LinearRgba); 4]) {
        let base = self.positions.len() as u32;
        for (position, color) in corners {
            self.positions.push(position.to_array());
            self.colors.push(color.to_f32_array());
        }
        self.indices.extend([base, base + 1, base + 2, base, base + 2, base + 3]);
    }

    /// A quadrilateral of one color.
    pub fn plain(&mut self, corners: [Vec3; 4], color: LinearRgba) {
        self.quad(corners.map(|corner| (corner, color)));
    }

    /// The mesh.
    pub fn finish(self) -> Mesh {
        let Veil { positions, colors, indices } = self;
        let normals = vec![[0.0, 1.0, 0.0]; positions.len()];
        Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
            .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
            .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, normals)
            .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colors)
            .with_inserted_indices(Indices::U32(indices))
    }

    /// A part of a ring that lies flat, from one turn to another, clockwise from twelve.
    pub fn arc(&mut self, radius: f32, width: f32, from: f32, to: f32, height: f32, color: LinearRgba) {
        let steps = (((to - from) * 64.0).ceil() as u32).clamp(1, 64);
        let at = |turn: f32, radius: f32| {
            let (sin, cos) = (turn * std::f32::consts::TAU).sin_cos();
            Vec3::new(sin * radius, height, -cos * radius)
        };
        for step in 0..steps {
            let a = from + (to - from) * step as f32 / steps as f32;
            let b = from + (to - from) * (step + 1) as f32 / steps as f32;
            let (inner, outer) = (radius - width / 2.0, radius + width / 2.0);
            self.plain([at(a, inner), at(b, inner), at(b, outer), at(a, outer)], color);
        }
    }

    /// A bar along x that lies flat.
    pub fn bar(&mut self, center: Vec3, length: f32, width: f32, color: LinearRgba) {
        let (x, z) = (length / 2.0, width / 2.0);
        let corner = |sx: f32, sz: f32| center + Vec3::new(sx * x, 0.0, sz * z);
        self.plain([corner(-1.0, 1.0), corner(1.0, 1.0), corner(1.0, -1.0), corner(-1.0, -1.0)], color);
    }
}

/// Sculpts gauge and disc.
pub fn sculpt(look: &GroundLook, theme: &Theme) -> Mesh {
    let mut veil = Veil::default();
    let measure = look.shape.measure();
    if look.disc == Disc::Dark {
        disc(&mut veil, measure.half, theme);
    }
    if look.gauge.tone != GaugeTone::Absent {
        glass(&mut veil, look.shape, theme);
    }
    let color = match look.gauge.tone {
        GaugeTone::Busy => theme.normal,
        GaugeTone::Backlog | GaugeTone::Throttled => theme.throttled,
        GaugeTone::Failing => theme.error,
        GaugeTone::Absent => return veil.finish(),
    };
    let color = LinearRgba::from(color);
    let track = LinearRgba::from(theme.normal).with_alpha(0.16);
    let share = f32::from(look.gauge.share.min(GAUGE_STEPS)) / f32::from(GAUGE_STEPS);
    let draw = |veil: &mut Veil, from: f32, to: f32, height: f32, color: LinearRgba| match measure.gauge {
        GaugePlace::Arc(radius) => veil.arc(radius, WIDTH, from, to, height, color),
        GaugePlace::Bar { length, before } => {
            let middle = (from + to - 1.0) / 2.0 * length;
            veil.bar(Vec3::new(middle, height, before), (to - from) * length, WIDTH, color);
        }
    };
    match look.gauge.tone {
        GaugeTone::Throttled => dashes(DASHES, 0.55, |from, to| draw(&mut veil, from, to, 0.004, color)),
        GaugeTone::Failing => dashes(6, 0.72, |from, to| draw(&mut veil, from, to, 0.004, color)),
        GaugeTone::Busy | GaugeTone::Backlog | GaugeTone::Absent => {
            draw(&mut veil, 0.0, 1.0, 0.0, track);
            if share > 0.0 {
                draw(&mut veil, 0.0, share, 0.004, color);
            }
        }
    }
    veil.finish()
}

/// The glass sides of a queue, and the curtain in a gateway.
fn glass(veil: &mut Veil, shape: Shape, theme: &Theme) {
    let pane = LinearRgba::from(theme.rim).with_alpha(0.2);
    match shape {
        Shape::Queue => {
            for z in [0.52, -0.52] {
                let at = |x: f32, y: f32| Vec3::new(x, y, z);
                veil.plain([at(-1.58, 0.1), at(1.58, 0.1), at(1.58, 0.76), at(-1.58, 0.76)], pane);
            }
        }
        Shape::Gateway => {
            let curtain = LinearRgba::from(theme.normal).with_alpha(0.16);
            let at = |z: f32, y: f32| Vec3::new(0.0, y, z);
            veil.plain([at(-0.76, 0.1), at(0.76, 0.1), at(0.76, 1.52), at(-0.76, 1.52)], curtain);
        }
        _ => {}
    }
}

fn dashes(count: u32, ink: f32, mut draw: impl FnMut(f32, f32)) {
    for dash in 0..count {
        let from = dash as f32 / count as f32;
        draw(from, from + ink / count as f32);
    }
}

fn disc(veil: &mut Veil, half: Vec2, theme: &Theme) {
    let strength = if theme.is_dark() { 0.55 } else { 0.22 };
    let dark = LinearRgba::new(0.0, 0.0, 0.0, strength);
    let clear = dark.with_alpha(0.0);
    let at = |side: u32, scale: f32| {
        let (sin, cos) = (side as f32 / DISC_SIDES as f32 * std::f32::consts::TAU).sin_cos();
        // The sun stands at the upper left front: the shadow falls to the right and back.
        Vec3::new(cos * half.x * scale + 0.18, -0.006, sin * half.y * scale - 0.14)
    };
    let center = at(0, 0.0);
    for side in 0..DISC_SIDES {
        let (a, b) = (side + 1, side);
        veil.quad([(center, dark), (center, dark), (at(b, 0.92), dark), (at(a, 0.92), dark)]);
        veil.quad([(at(a, 0.92), dark), (at(b, 0.92), dark), (at(b, 1.3), clear), (at(a, 1.3), clear)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gauge_shows_share_by_length() {
        let theme = Theme::dark();
        let quads = |share: u8| {
            let gauge = GaugeLook { share, tone: GaugeTone::Busy };
            sculpt(&GroundLook { shape: Shape::Store, gauge, disc: Disc::None }, &theme).count_vertices()
        };
        assert!(quads(0) < quads(12));
        assert!(quads(12) < quads(48));
    }
}
