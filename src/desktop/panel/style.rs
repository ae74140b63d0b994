//! The look of panels: fonts, sizes and egui's own colors, set once a theme.
//!
//! Invariant: panels take sizes from [`Sizes`] and colors from `Theme`, so that a theme changes all.

use std::sync::Arc;

use bevy_egui::egui::{
    self, Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, RichText, Shadow, Stroke,
    TextStyle, Vec2,
};

use crate::desktop::theme::{Theme, paint, paint_alpha};

const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.otf");
const MEDIUM: &[u8] = include_bytes!("../../../assets/fonts/Inter-Medium.otf");
const SEMIBOLD: &[u8] = include_bytes!("../../../assets/fonts/Inter-SemiBold.otf");
const MEDIUM_NAME: &str = "medium";
const SEMIBOLD_NAME: &str = "semibold";

/// Sizes of bars and panels in a window of some size.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sizes {
    /// Height of the top bar.
    pub top: f32,
    /// Width of the outliner.
    pub left: f32,
    /// Width of the inspector.
    pub right: f32,
    /// Height of the transport bar.
    pub transport: f32,
    /// Height of the chart strip.
    pub charts: f32,
}

/// Height of the chart strip when it is folded.
pub const CHARTS_FOLDED: f32 = 28.0;
/// Height of the status line.
pub const STATUS: f32 = 22.0;

impl Sizes {
    /// What suits a window of this width, in logical pixels.
    pub fn of(width: f32) -> Sizes {
        match width {
            _ if width < 1_440.0 => Sizes { top: 36.0, left: 152.0, right: 264.0, transport: 48.0, charts: 88.0 },
            _ if width < 1_760.0 => Sizes { top: 40.0, left: 184.0, right: 300.0, transport: 56.0, charts: 118.0 },
            _ => Sizes { top: 40.0, left: 200.0, right: 336.0, transport: 56.0, charts: 140.0 },
        }
    }
}

/// The family of weight 500.
pub fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(MEDIUM_NAME.into()))
}

/// The family of weight 600.
pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(SEMIBOLD_NAME.into()))
}

/// The family of weight 400.
pub fn regular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Letters, figures and signs that nearly every text is made of.
const LETTERS: std::ops::RangeInclusive<char> = ' '..='~';

/// Draws the common letters once in every size that panels use. A letter that is met for the first time
/// reaches the screen a frame later than its text, which a window at rest would show with gaps.
pub fn draw_letters(ctx: &egui::Context) {
    let sizes = |font: fn(f32) -> FontId, sizes: &[f32]| sizes.iter().map(|size| font(*size)).collect::<Vec<_>>();
    let letters: String = LETTERS.collect();
    let mono = |size: f32| FontId::monospace(size);
    let fonts = [
        sizes(regular, &[11.0, 12.0, 13.0, 15.0, crate::desktop::view::label::TEXT]),
        sizes(medium, &[11.0, 12.0, 13.0, 15.0]),
        sizes(semibold, &[13.0, 15.0, 17.0, 18.0, 20.0, 34.0]),
        sizes(mono, &[12.0]),
    ];
    ctx.fonts_mut(|atlas| {
        for font in fonts.into_iter().flatten() {
            atlas.layout_no_wrap(letters.clone(), font, Color32::WHITE);
        }
    });
}

/// Words in a font and a color.
pub fn words(text: impl Into<String>, font: FontId, color: Color32) -> RichText {
    RichText::new(text).font(font).color(color)
}

/// Inter in three weights, Phosphor's icons behind it, egui's own fonts for the rest.
///
/// Dark letters on a bright ground look thinner than bright ones on a dark ground: there, ordinary text
/// is set one weight stronger.
pub fn fonts(theme: &Theme) -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let ordinary = if theme.is_dark() { REGULAR } else { MEDIUM };
    for (name, bytes) in [("inter", ordinary), (MEDIUM_NAME, MEDIUM), (SEMIBOLD_NAME, SEMIBOLD)] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let proportional = fonts.families.entry(FontFamily::Proportional).or_default();
    proportional.insert(0, "inter".to_owned());
    egui_phosphor::add_to_fonts(&mut fonts, egui_phosphor::Variant::Regular);
    let fallbacks: Vec<String> = fonts
        .families
        .get(&FontFamily::Proportional)
        .map(|names| names.iter().skip(1).cloned().collect())
        .unwrap_or_default();
    for name in [MEDIUM_NAME, SEMIBOLD_NAME] {
        let family = std::iter::once(name.to_owned()).chain(fallbacks.iter().cloned()).collect();
        fonts.families.insert(FontFamily::Name(name.into()), family);
    }
    fonts
}

/// Dresses egui in a theme.
pub fn dress(ctx: &egui::Context, theme: &Theme) {
    ctx.set_theme(if theme.is_dark() { egui::Theme::Dark } else { egui::Theme::Light });
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Small, regular(11.0)),
            (TextStyle::Body, regular(13.0)),
            (TextStyle::Button, regular(13.0)),
            (TextStyle::Heading, semibold(18.0)),
            (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
        ]
        .into();
        style.spacing.item_spacing = Vec2::new(8.0, 4.0);
        style.spacing.button_padding = Vec2::new(8.0, 4.0);
        style.spacing.interact_size = Vec2::new(24.0, 25.0);
        style.spacing.menu_margin = Margin::same(6);
        style.spacing.scroll = egui::style::ScrollStyle::thin();
        style.interaction.selectable_labels = false;
        style.interaction.tooltip_delay = 0.4;
        style.animation_time = 0.1;
        style.visuals = visuals(theme);
    });
}

fn visuals(theme: &Theme) -> egui::Visuals {
    let mut visuals = if theme.is_dark() { egui::Visuals::dark() } else { egui::Visuals::light() };
    let (text, second) = (paint(theme.text), paint(theme.text_second));
    let (panel, field, raised, hairline) =
        (paint(theme.panel), paint(theme.field), paint(theme.raised), paint(theme.hairline));
    visuals.panel_fill = panel;
    visuals.window_fill = panel;
    visuals.window_stroke = Stroke::new(1.0, hairline);
    visuals.window_corner_radius = CornerRadius::same(6);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals.window_shadow = shadow(theme);
    visuals.popup_shadow = shadow(theme);
    visuals.extreme_bg_color = field;
    visuals.text_edit_bg_color = Some(field);
    visuals.faint_bg_color = field;
    visuals.code_bg_color = field;
    visuals.error_fg_color = paint(theme.error_text);
    visuals.warn_fg_color = paint(theme.throttled);
    visuals.hyperlink_color = paint(theme.accent);
    visuals.selection.bg_fill = paint_alpha(theme.accent, 0.35);
    visuals.selection.stroke = Stroke::new(1.0, text);
    visuals.weak_text_color = Some(second);
    visuals.text_cursor.blink = false;
    visuals.text_cursor.stroke = Stroke::new(1.5, paint(theme.accent));
    let widgets = &mut visuals.widgets;
    for widget in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        widget.corner_radius = CornerRadius::same(5);
        widget.expansion = 0.0;
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.bg_stroke = Stroke::new(1.0, hairline);
        widget.bg_fill = raised;
        widget.weak_bg_fill = raised;
    }
    widgets.noninteractive.bg_fill = panel;
    widgets.inactive.bg_stroke = Stroke::NONE;
    widgets.hovered.bg_stroke = Stroke::new(1.0, paint_alpha(theme.text, 0.3));
    widgets.active.bg_stroke = Stroke::new(1.0, paint(theme.accent));
    visuals
}

/// The shadow of what floats.
pub fn shadow(theme: &Theme) -> Shadow {
    let alpha = if theme.is_dark() { 110 } else { 40 };
    Shadow { offset: [0, 6], blur: 18, spread: 0, color: Color32::from_black_alpha(alpha) }
}

/// The frame of what floats over the picture.
pub fn floating(theme: &Theme) -> egui::Frame {
    egui::Frame::new()
        .fill(paint(theme.panel))
        .stroke(Stroke::new(1.0, paint(theme.hairline)))
        .corner_radius(CornerRadius::same(6))
        .inner_margin(Margin::same(12))
        .shadow(shadow(theme))
}

/// The frame of a bar or panel at the window's edge.
pub fn edge(theme: &Theme, margin: Margin) -> egui::Frame {
    egui::Frame::new().fill(paint(theme.panel)).inner_margin(margin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::theme::ThemeName;

    #[test]
    fn the_bundled_font_has_figures_of_equal_width_in_every_weight() {
        let ctx = egui::Context::default();
        ctx.set_fonts(fonts(&Theme::named(ThemeName::Dark)));
        dress(&ctx, &Theme::named(ThemeName::Dark));
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            for font in [regular(13.0), medium(13.0), semibold(20.0)] {
                let width =
                    |text: &str| ui.painter().layout_no_wrap(text.to_owned(), font.clone(), Color32::WHITE).size().x;
                assert!((width("1111") - width("8888")).abs() < 0.01, "{font:?}");
                assert!(width("iiii") < width("wwww"), "{font:?}");
            }
        });
        // egui wants its textures taken; this test draws nothing.
        output.textures_delta.clear();
    }

    #[test]
    fn the_picture_keeps_most_of_a_small_window() {
        let sizes = Sizes::of(1_280.0);
        let rest = 1_280.0 - sizes.left - sizes.right;
        assert!(rest > 800.0, "{rest}");
    }
}
