//! Colors: one table for bodies, messages, panels and labels.
//!
//! Invariant: no other file of this room writes a color down.

use bevy::prelude::*;
use bevy_egui::egui;

/// Which table is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum ThemeName {
    /// A lit model on a dark table.
    #[default]
    Dark,
    /// For bright rooms and paper.
    Light,
    /// High contrast for a projector in a lit room.
    Projector,
}

/// The colors of everything.
#[derive(Resource, Clone, Debug, PartialEq)]
pub struct Theme {
    /// Which table this is.
    pub name: ThemeName,
    /// Normal traffic, busy slots.
    pub normal: Srgba,
    /// A good reply.
    pub response: Srgba,
    /// Sent again.
    pub retry: Srgba,
    /// Throttled, backlogged.
    pub throttled: Srgba,
    /// Errors and failing nodes.
    pub error: Srgba,
    /// The error color for words.
    pub error_text: Srgba,
    /// Dead letters.
    pub dead_letter: Srgba,
    /// Cold starts.
    pub cold: Srgba,
    /// Selection and the primary button.
    pub accent: Srgba,
    /// The window behind everything, and the fog.
    pub window: Srgba,
    /// The table.
    pub ground: Srgba,
    /// Lines on the table.
    pub grid: Srgba,
    /// Plates of regions.
    pub plate: Srgba,
    /// Upper parts of bodies.
    pub body: Srgba,
    /// Lower parts of bodies.
    pub body_lower: Srgba,
    /// Openings in bodies.
    pub recess: Srgba,
    /// Links at rest.
    pub link: Srgba,
    /// Rims and glass of regions.
    pub rim: Srgba,
    /// Panels.
    pub panel: Srgba,
    /// Fields in panels.
    pub field: Srgba,
    /// Raised parts of panels.
    pub raised: Srgba,
    /// Lines in panels.
    pub hairline: Srgba,
    /// Text.
    pub text: Srgba,
    /// Second text.
    pub text_second: Srgba,
    /// Faint heads of 12 px.
    pub text_faint: Srgba,
    /// Load of a partition: at 0, 0.35, 0.65 and 1.
    pub heat: [Srgba; 4],
}

impl Default for Theme {
    fn default() -> Theme {
        Theme::dark()
    }
}

/// The color of a number as it stands in a style sheet.
const fn rgb(hex: u32) -> Srgba {
    Srgba::new(((hex >> 16) & 255) as f32 / 255.0, ((hex >> 8) & 255) as f32 / 255.0, (hex & 255) as f32 / 255.0, 1.0)
}

impl Theme {
    /// The table of that name.
    pub fn named(name: ThemeName) -> Theme {
        match name {
            ThemeName::Dark => Theme::dark(),
            ThemeName::Light => Theme::light(),
            ThemeName::Projector => Theme::projector(),
        }
    }

    /// The dark table.
    pub fn dark() -> Theme {
        Theme {
            name: ThemeName::Dark,
            normal: rgb(0x46b8f7),
            response: rgb(0xc8fbf0),
            retry: rgb(0xf2e08a),
            throttled: rgb(0xf38f1d),
            error: rgb(0xec3455),
            error_text: rgb(0xff7188),
            dead_letter: rgb(0xbb45fa),
            cold: rgb(0xdcf1ff),
            accent: rgb(0x7c9cff),
            window: rgb(0x0b0e13),
            ground: rgb(0x11161e),
            grid: rgb(0x1e2631),
            plate: rgb(0x1f2733),
            body: rgb(0xa1abba),
            body_lower: rgb(0x4d596b),
            recess: rgb(0x0d1117),
            link: rgb(0x5a6778),
            rim: rgb(0x6b87a8),
            panel: rgb(0x14181f),
            field: rgb(0x1b212a),
            raised: rgb(0x232b36),
            hairline: rgb(0x272f3b),
            text: rgb(0xe8edf4),
            text_second: rgb(0x98a4b5),
            text_faint: rgb(0x667386),
            heat: [rgb(0x2a3a52), rgb(0x3f6fa8), rgb(0xe0a83a), rgb(0xff6a2a)],
        }
    }

    /// The light table.
    pub fn light() -> Theme {
        Theme {
            name: ThemeName::Light,
            normal: rgb(0x0081e6),
            response: rgb(0x04705f),
            retry: rgb(0xd49a00),
            throttled: rgb(0xc25200),
            error: rgb(0x9c0520),
            error_text: rgb(0x9c0520),
            dead_letter: rgb(0x5e0a7a),
            cold: rgb(0x7fb9e6),
            accent: rgb(0x3b5bdb),
            window: rgb(0xe9edf2),
            ground: rgb(0xe6eaf0),
            grid: rgb(0xd3dae3),
            plate: rgb(0xf6f8fb),
            body: rgb(0xa9b5c4),
            body_lower: rgb(0x66748a),
            recess: rgb(0x323d4d),
            link: rgb(0x8693a5),
            rim: rgb(0x8fa3bb),
            panel: rgb(0xfbfcfd),
            field: rgb(0xf1f4f7),
            raised: rgb(0xe6ebf1),
            hairline: rgb(0xd6dde5),
            text: rgb(0x18202b),
            text_second: rgb(0x566273),
            text_faint: rgb(0x8792a2),
            heat: [rgb(0xb7c6d8), rgb(0x6fa0d8), rgb(0xe0a030), rgb(0xe0500a)],
        }
    }

    /// The projector's table.
    pub fn projector() -> Theme {
        Theme {
            name: ThemeName::Projector,
            normal: rgb(0x1280e0),
            response: rgb(0x066c5f),
            retry: rgb(0xe8a200),
            throttled: rgb(0xc06008),
            error: rgb(0xa30015),
            error_text: rgb(0xa30015),
            dead_letter: rgb(0x640a8a),
            cold: rgb(0x5aa9e6),
            accent: rgb(0x0047b3),
            window: rgb(0xf4f5f7),
            ground: rgb(0xf1f3f6),
            grid: rgb(0xdfe4ea),
            plate: rgb(0xffffff),
            body: rgb(0x6f7d90),
            body_lower: rgb(0x3f4b5c),
            recess: rgb(0x141a22),
            link: rgb(0x4a5666),
            rim: rgb(0x6f7d90),
            panel: rgb(0xffffff),
            field: rgb(0xf1f3f6),
            raised: rgb(0xe3e8ee),
            hairline: rgb(0x9aa6b5),
            text: rgb(0x0a0e14),
            text_second: rgb(0x3a4555),
            text_faint: rgb(0x5b6778),
            heat: [rgb(0xb7c6d8), rgb(0x6fa0d8), rgb(0xe0a030), rgb(0xe0500a)],
        }
    }

    /// Whether light things stand on a dark ground here.
    pub fn is_dark(&self) -> bool {
        self.name == ThemeName::Dark
    }
}

/// The color for egui, at full opacity where it has it.
pub fn paint(color: Srgba) -> egui::Color32 {
    let [red, green, blue, alpha] = color.to_u8_array();
    egui::Color32::from_rgba_unmultiplied(red, green, blue, alpha)
}

/// The color for egui with its opacity replaced.
pub fn paint_alpha(color: Srgba, alpha: f32) -> egui::Color32 {
    paint(color.with_alpha(alpha))
}

/// Contrast of two colors after WCAG, 1 to 21.
pub fn contrast(one: Srgba, other: Srgba) -> f32 {
    let luminance = |color: Srgba| {
        let linear = LinearRgba::from(color);
        0.2126 * linear.red + 0.7152 * linear.green + 0.0722 * linear.blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_readable_on_panels_in_every_theme() {
        for name in [ThemeName::Dark, ThemeName::Light, ThemeName::Projector] {
            let theme = Theme::named(name);
            for ink in [theme.text, theme.text_second, theme.error_text] {
                assert!(contrast(ink, theme.panel) >= 4.5, "{name:?}: {ink:?}");
            }
        }
    }

    #[test]
    fn outcomes_stand_out_from_the_plate() {
        for name in [ThemeName::Dark, ThemeName::Light, ThemeName::Projector] {
            let theme = Theme::named(name);
            // Retry leans on its ring and a dark rim in the bright themes.
            let inks = [theme.normal, theme.response, theme.throttled, theme.error, theme.dead_letter];
            for ink in inks {
                assert!(contrast(ink, theme.plate) >= 3.0, "{name:?}: {ink:?}");
            }
        }
    }
}
