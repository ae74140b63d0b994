//! Words on the floor: a line of capitals as a picture with an alpha channel.
//!
//! Invariant: a picture's mip levels are made here, since words on the floor are always seen smaller
//! than they are.

use ab_glyph::{Font, FontRef, ScaleFont};
use bevy::asset::RenderAssetUsages;
use bevy::image::{ImageSampler, ImageSamplerDescriptor};
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};

/// Height of the picture in pixels; capitals fill about 0.7 of it.
const HEIGHT: u32 = 64;
/// Longer names are cut: a picture stays under 2,048 pixels wide.
const WIDTH_MAX: u32 = 2_048;
/// Space between capitals, as a share of the picture's height.
const TRACKING: f32 = 0.07;
const FONT: &[u8] = include_bytes!("../../../assets/fonts/Inter-SemiBold.otf");

/// One line of text: coverage by pixel.
pub struct FloorText {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    coverage: Vec<u8>,
}

/// Draws `text` in capitals; `None` where nothing of it can be drawn.
pub fn draw(text: &str) -> Option<FloorText> {
    let font = FontRef::try_from_slice(FONT).ok()?;
    let font = font.as_scaled(HEIGHT as f32 * 1.15);
    let mut pen = 2.0_f32;
    let mut glyphs = Vec::new();
    for letter in text.to_uppercase().chars() {
        let glyph = font.scaled_glyph(letter);
        let advance = font.h_advance(glyph.id) + HEIGHT as f32 * TRACKING;
        if pen + advance > WIDTH_MAX as f32 {
            break;
        }
        let mut placed = glyph;
        placed.position = ab_glyph::point(pen, HEIGHT as f32 * 0.86);
        glyphs.push(placed);
        pen += advance;
    }
    let width = (pen.ceil() as u32 + 2).next_multiple_of(8).min(WIDTH_MAX);
    let mut coverage = vec![0_u8; (width * HEIGHT) as usize];
    for glyph in glyphs {
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let bounds = outline.px_bounds();
        outline.draw(|x, y, share| {
            let x = x as i64 + bounds.min.x as i64;
            let y = y as i64 + bounds.min.y as i64;
            if x < 0 || y < 0 || x >= i64::from(width) || y >= i64::from(HEIGHT) {
                return;
            }
            if let Some(pixel) = coverage.get_mut((y * i64::from(width) + x) as usize) {
                *pixel = (*pixel).max((share.clamp(0.0, 1.0) * 255.0) as u8);
            }
        });
    }
    coverage.iter().any(|pixel| *pixel > 0).then_some(FloorText { width, height: HEIGHT, coverage })
}

impl FloorText {
    /// The picture: white, with the words in its alpha.
    pub fn image(self) -> Image {
        let FloorText { width, height, coverage } = self;
        let mut levels = Vec::new();
        let (mut level, mut level_width, mut level_height) = (coverage, width, height);
        let mut count = 0;
        while level_width >= 1 && level_height >= 1 && count < 4 {
            levels.extend(level.iter().flat_map(|alpha| [255, 255, 255, *alpha]));
            count += 1;
            level = half(&level, level_width, level_height);
            (level_width, level_height) = (level_width / 2, level_height / 2);
        }
        let size = Extent3d { width, height, depth_or_array_layers: 1 };
        let mut image = Image::new_uninit(
            size,
            TextureDimension::D2,
            TextureFormat::Rgba8UnormSrgb,
            RenderAssetUsages::RENDER_WORLD,
        );
        image.texture_descriptor.mip_level_count = count;
        image.data = Some(levels);
        image.sampler = ImageSampler::Descriptor(ImageSamplerDescriptor {
            anisotropy_clamp: 4,
            ..ImageSamplerDescriptor::linear()
        });
        image
    }
}

fn half(level: &[u8], width: u32, height: u32) -> Vec<u8> {
    let at = |x: u32, y: u32| u16::from(level.get((y * width + x) as usize).copied().unwrap_or(0));
    let mut smaller = Vec::with_capacity((width / 2 * height / 2) as usize);
    for y in 0..height / 2 {
        for x in 0..width / 2 {
            let sum = at(x * 2, y * 2) + at(x * 2 + 1, y * 2) + at(x * 2, y * 2 + 1) + at(x * 2 + 1, y * 2 + 1);
            smaller.push((sum / 4) as u8);
        }
    }
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_names_are_wider_and_end_within_the_limit() {
        let width = |text: &str| draw(text).map_or(0, |text| text.width);
        assert!(width("Hotel") < width("Hotel Bellevue"));
        assert!(width(&"Hotel ".repeat(500)) <= WIDTH_MAX);
        assert_eq!(width(""), 0);
    }
}
