//! Sculpting: meshes of bodies from a few primitives, colored by vertex.
//!
//! Invariant: every vertex has position, normal and color; the color's alpha says how much the
//! vertex is lit by others: 1 is matte, 0 shines by itself. One material draws all of them.

use bevy::asset::RenderAssetUsages;
use bevy::math::Affine3A;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;

/// What a surface looks like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Paint {
    /// Its color.
    pub color: LinearRgba,
    /// 0: matte; 1: shines with its full color.
    pub glow: f32,
}

impl Paint {
    /// A surface that only reflects.
    pub fn matte(color: Srgba) -> Paint {
        Paint { color: color.into(), glow: 0.0 }
    }

    /// A surface that shines.
    pub fn lit(color: Srgba) -> Paint {
        Paint { color: color.into(), glow: 0.85 }
    }

    /// A surface of a pile: a little light of its own, or the pile flattens.
    pub fn pile(color: Srgba) -> Paint {
        Paint { color: color.into(), glow: 0.4 }
    }

    fn rgba(self) -> [f32; 4] {
        [self.color.red, self.color.green, self.color.blue, 1.0 - self.glow]
    }
}

/// A point of a curve with the directions right and up across it.
pub type Place = (Vec3, (Vec3, Vec3));

/// A mesh in the making.
#[derive(Default)]
pub struct Sculpt {
    positions: Vec<[f32; 3]>,
    normals: Vec<[f32; 3]>,
    colors: Vec<[f32; 4]>,
    indices: Vec<u32>,
    placement: Affine3A,
}

impl Sculpt {
    /// Nothing yet.
    pub fn new() -> Sculpt {
        Sculpt { placement: Affine3A::IDENTITY, ..Sculpt::default() }
    }

    /// Sculpts `part` moved, turned or scaled by `placement`.
    pub fn placed(&mut self, placement: Affine3A, part: impl FnOnce(&mut Sculpt)) {
        let outer = self.placement;
        self.placement = outer * placement;
        part(self);
        self.placement = outer;
    }

    /// Sculpts `part` moved.
    pub fn moved(&mut self, by: Vec3, part: impl FnOnce(&mut Sculpt)) {
        self.placed(Affine3A::from_translation(by), part);
    }

    /// Sculpts `part` turned about a point.
    pub fn turned(&mut self, about: Vec3, by: Quat, part: impl FnOnce(&mut Sculpt)) {
        self.placed(Affine3A::from_rotation_translation(by, about), |sculpt| sculpt.moved(-about, part));
    }

    fn vertex(&mut self, position: Vec3, normal: Vec3, paint: Paint) -> u32 {
        let index = self.positions.len() as u32;
        self.positions.push(self.placement.transform_point3(position).to_array());
        let normal = self.placement.matrix3.mul_vec3(normal).normalize_or(Vec3::Y);
        self.normals.push(normal.to_array());
        self.colors.push(paint.rgba());
        index
    }

    fn triangle(&mut self, a: u32, b: u32, c: u32) {
        self.indices.extend([a, b, c]);
    }

    /// A flat quadrilateral, corners counter-clockwise as seen from the front.
    pub fn quad(&mut self, corners: [Vec3; 4], paint: Paint) {
        let [a, b, c, d] = corners;
        let normal = (b - a).cross(d - a).normalize_or(Vec3::Y);
        let [a, b, c, d] = [a, b, c, d].map(|corner| self.vertex(corner, normal, paint));
        self.triangle(a, b, c);
        self.triangle(a, c, d);
    }

    /// A box with sharp edges.
    pub fn plank(&mut self, center: Vec3, size: Vec3, paint: Paint) {
        let half = size / 2.0;
        for axis in [Vec3::X, Vec3::Y, Vec3::Z] {
            for side in [1.0, -1.0] {
                let normal = axis * side;
                let right = Vec3::new(axis.z, axis.x, axis.y) * side;
                let up = normal.cross(right);
                let corner = |x: f32, y: f32| center + (normal + right * x + up * y) * half;
                self.quad([corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)], paint);
            }
        }
    }

    /// A box whose edges are rounded with radius `edge`.
    pub fn block(&mut self, center: Vec3, size: Vec3, edge: f32, paint: Paint) {
        let half = size / 2.0;
        let edge = edge.min(half.min_element() * 0.98);
        let inner = half - Vec3::splat(edge);
        for axis in [Vec3::X, Vec3::Y, Vec3::Z] {
            for side in [1.0, -1.0] {
                self.block_face(center, inner, edge, axis * side, paint);
            }
        }
    }

    fn block_face(&mut self, center: Vec3, inner: Vec3, edge: f32, normal: Vec3, paint: Paint) {
        let right = Vec3::new(normal.z, normal.x, normal.y);
        let up = normal.cross(right);
        // Directions from the nearest inner corner, so that the edge is a quarter circle in two parts.
        let steps = [(-1.0, -0.577), (-1.0, 0.0), (1.0, 0.0), (1.0, 0.577)];
        let mut grid = [[0u32; 4]; 4];
        for (row, (side_y, lean_y)) in steps.into_iter().enumerate() {
            for (column, (side_x, lean_x)) in steps.into_iter().enumerate() {
                let out = (normal + right * (lean_x * 1.732) + up * (lean_y * 1.732)).normalize();
                let corner = (normal + right * side_x + up * side_y) * inner;
                grid[row][column] = self.vertex(center + corner + out * edge, out, paint);
            }
        }
        for row in 0..3 {
            for column in 0..3 {
                let [a, b] = [grid[row][column], grid[row][column + 1]];
                let [d, c] = [grid[row + 1][column], grid[row + 1][column + 1]];
                self.triangle(a, b, c);
                self.triangle(a, c, d);
            }
        }
    }

    /// A surface turned about the y axis: `profile` gives (radius, height) from the bottom outwards
    /// and up; neighbors that are equal make a sharp edge.
    pub fn lathe(&mut self, profile: &[(f32, f32)], sides: u32, paint: Paint) {
        for pair in profile.windows(2) {
            let &[(r0, y0), (r1, y1)] = pair else { continue };
            let slope = Vec2::new(y1 - y0, r0 - r1).normalize_or(Vec2::X);
            let base = self.positions.len() as u32;
            for side in 0..=sides {
                let (sin, cos) = (side as f32 / sides as f32 * std::f32::consts::TAU).sin_cos();
                let normal = Vec3::new(cos * slope.x, slope.y, sin * slope.x);
                self.vertex(Vec3::new(cos * r0, y0, sin * r0), normal, paint);
                self.vertex(Vec3::new(cos * r1, y1, sin * r1), normal, paint);
            }
            for side in 0..sides {
                let a = base + side * 2;
                self.triangle(a, a + 1, a + 3);
                self.triangle(a, a + 3, a + 2);
            }
        }
    }

    /// A drum that stands on `foot`, with a small bevel at its upper rim.
    pub fn drum(&mut self, foot: Vec3, radius: f32, height: f32, sides: u32, paint: Paint) {
        let bevel = (radius * 0.25).min(height * 0.3).min(0.06);
        self.moved(foot, |sculpt| {
            let profile = [(radius, 0.0), (radius, height - bevel), (radius - bevel, height), (0.0, height)];
            sculpt.lathe(&profile, sides, paint);
        });
    }

    /// A bar with a round section from one point to another.
    pub fn rod(&mut self, from: Vec3, to: Vec3, radius: f32, paint: Paint) {
        let along = to - from;
        let turn = Quat::from_rotation_arc(Vec3::Y, along.normalize_or(Vec3::Y));
        self.placed(Affine3A::from_rotation_translation(turn, from), |sculpt| {
            sculpt.lathe(&[(0.0, 0.0), (radius, 0.0), (radius, along.length()), (0.0, along.length())], 8, paint);
        });
    }

    /// A part of a tube between two places, each with its directions across: right and up.
    pub fn sleeve(&mut self, from: Place, to: Place, radius: f32, sides: u32, paint: Paint) {
        let base = self.positions.len() as u32;
        for side in 0..=sides {
            let (sin, cos) = (side as f32 / sides as f32 * std::f32::consts::TAU).sin_cos();
            for (center, (right, up)) in [from, to] {
                let out = right * cos + up * sin;
                self.vertex(center + out * radius, out, paint);
            }
        }
        for side in 0..sides {
            let a = base + side * 2;
            self.triangle(a, a + 1, a + 3);
            self.triangle(a, a + 3, a + 2);
        }
    }

    /// A prism with flat sides that stands on `foot`.
    pub fn prism(&mut self, foot: Vec3, radius: f32, height: f32, sides: u32, paint: Paint) {
        let bevel = 0.05_f32.min(height * 0.3);
        let corner = |side: u32, r: f32, y: f32| {
            let (sin, cos) = (side as f32 / sides as f32 * std::f32::consts::TAU).sin_cos();
            foot + Vec3::new(cos * r, y, sin * r)
        };
        let rings = [(radius, 0.0), (radius, height - bevel), (radius - bevel, height)];
        for pair in rings.windows(2) {
            let &[(r0, y0), (r1, y1)] = pair else { continue };
            for side in 0..sides {
                let quad =
                    [corner(side + 1, r0, y0), corner(side, r0, y0), corner(side, r1, y1), corner(side + 1, r1, y1)];
                self.quad(quad, paint);
            }
        }
        let center = self.vertex(foot + Vec3::Y * height, Vec3::Y, paint);
        let rim: Vec<u32> =
            (0..=sides).map(|side| self.vertex(corner(side, radius - bevel, height), Vec3::Y, paint)).collect();
        for pair in rim.windows(2) {
            if let &[a, b] = pair {
                self.triangle(center, b, a);
            }
        }
    }

    /// A torus that lies flat around `center`.
    pub fn ring(&mut self, center: Vec3, radius: f32, tube: f32, paint: Paint) {
        const AROUND: u32 = 36;
        const SECTION: u32 = 8;
        let base = self.positions.len() as u32;
        for step in 0..=AROUND {
            let (sin, cos) = (step as f32 / AROUND as f32 * std::f32::consts::TAU).sin_cos();
            let out = Vec3::new(cos, 0.0, sin);
            for part in 0..=SECTION {
                let (lift, reach) = (part as f32 / SECTION as f32 * std::f32::consts::TAU).sin_cos();
                let normal = out * reach + Vec3::Y * lift;
                self.vertex(center + out * radius + normal * tube, normal, paint);
            }
        }
        for step in 0..AROUND {
            for part in 0..SECTION {
                let a = base + step * (SECTION + 1) + part;
                let b = a + SECTION + 1;
                self.triangle(a, a + 1, b + 1);
                self.triangle(a, b + 1, b);
            }
        }
    }

    /// A ball.
    pub fn ball(&mut self, center: Vec3, radius: f32, paint: Paint) {
        const RINGS: u32 = 8;
        const SECTORS: u32 = 14;
        let base = self.positions.len() as u32;
        for ring in 0..=RINGS {
            let (reach, height) = (ring as f32 / RINGS as f32 * std::f32::consts::PI).sin_cos();
            for sector in 0..=SECTORS {
                let (sin, cos) = (sector as f32 / SECTORS as f32 * std::f32::consts::TAU).sin_cos();
                let normal = Vec3::new(cos * reach, -height, sin * reach);
                self.vertex(center + normal * radius, normal, paint);
            }
        }
        for ring in 0..RINGS {
            for sector in 0..SECTORS {
                let a = base + ring * (SECTORS + 1) + sector;
                let b = a + SECTORS + 1;
                self.triangle(a, b, b + 1);
                self.triangle(a, b + 1, a + 1);
            }
        }
    }

    /// An octahedron.
    pub fn octahedron(&mut self, center: Vec3, radius: f32, paint: Paint) {
        for (x, y, z) in
            [(1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1), (-1, 1, 1), (-1, 1, -1), (-1, -1, 1), (-1, -1, -1)]
        {
            let [a, b, c] = [Vec3::X * x as f32, Vec3::Y * y as f32, Vec3::Z * z as f32];
            let normal = (a + b + c).normalize();
            let [a, b, c] = [a, b, c].map(|corner| self.vertex(center + corner * radius, normal, paint));
            if x * y * z > 0 { self.triangle(a, b, c) } else { self.triangle(a, c, b) }
        }
    }

    /// A pyramid with four sides and its point at `tip`.
    pub fn spike(&mut self, foot: Vec3, tip: Vec3, width: f32, paint: Paint) {
        let along = (tip - foot).normalize_or(Vec3::Y);
        let right = along.any_orthonormal_vector() * width;
        let up = along.cross(right);
        let corners = [foot + right, foot + up, foot - right, foot - up];
        for side in 0..4 {
            let (a, b) = (corners[side], corners[(side + 1) % 4]);
            let normal = (b - a).cross(tip - a).normalize_or(Vec3::Y);
            let [a, b, c] = [a, b, tip].map(|corner| self.vertex(corner, normal, paint));
            self.triangle(a, b, c);
        }
    }

    /// An upright cross that faces +z and -z.
    pub fn cross(&mut self, center: Vec3, radius: f32, paint: Paint) {
        for angle in [1.0, -1.0] {
            self.turned(center, Quat::from_rotation_z(angle * std::f32::consts::FRAC_PI_4), |sculpt| {
                sculpt.block(center, Vec3::new(radius * 2.0, radius * 0.48, radius * 0.44), radius * 0.1, paint);
            });
        }
    }

    /// The mesh, and the box around it.
    pub fn finish(self) -> Mesh {
        let Sculpt { positions, normals, colors, indices, placement: _ } = self;
        Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
            .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
            .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, normals)
            .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colors)
            .with_inserted_indices(Indices::U32(indices))
    }

    /// Number of vertices so far.
    pub fn vertices(&self) -> usize {
        self.positions.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every triangle of a closed convex body must face away from its middle.
    #[track_caller]
    fn check_faces_outwards(part: impl FnOnce(&mut Sculpt)) {
        let mut sculpt = Sculpt::new();
        part(&mut sculpt);
        assert!(!sculpt.indices.is_empty());
        for triangle in sculpt.indices.chunks(3) {
            let [a, b, c] = [0, 1, 2].map(|corner| Vec3::from(sculpt.positions[triangle[corner] as usize]));
            let normal = (b - a).cross(c - a);
            if normal.length() < 1e-6 {
                continue; // a triangle that shrank to a line at a pole
            }
            assert!(normal.dot(a + b + c) > 0.0, "{a} {b} {c} faces inwards");
            let shaded = Vec3::from(sculpt.normals[triangle[0] as usize]);
            assert!(shaded.dot(normal) > 0.0, "normal {shaded} of {a} {b} {c} points inwards");
        }
    }

    #[test]
    fn bodies_face_outwards() {
        let paint = Paint::matte(Srgba::WHITE);
        check_faces_outwards(|sculpt| sculpt.plank(Vec3::ZERO, Vec3::ONE, paint));
        check_faces_outwards(|sculpt| sculpt.block(Vec3::ZERO, Vec3::ONE, 0.1, paint));
        check_faces_outwards(|sculpt| sculpt.ball(Vec3::ZERO, 1.0, paint));
        check_faces_outwards(|sculpt| sculpt.octahedron(Vec3::ZERO, 1.0, paint));
        check_faces_outwards(|sculpt| sculpt.prism(Vec3::Y * -0.5, 1.0, 1.0, 6, paint));
        check_faces_outwards(|sculpt| sculpt.drum(Vec3::Y * -0.5, 1.0, 1.0, 12, paint));
        check_faces_outwards(|sculpt| sculpt.rod(Vec3::X * -0.5, Vec3::X * 0.5, 0.2, paint));
        let across = (Vec3::Z, Vec3::Y);
        check_faces_outwards(|sculpt| sculpt.sleeve((Vec3::NEG_X, across), (Vec3::X, across), 0.3, 8, paint));
        check_faces_outwards(|sculpt| sculpt.spike(Vec3::Y * -0.1, Vec3::Y, 0.2, paint));
    }
}
