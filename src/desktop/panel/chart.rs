//! Charts: a line and its area, two guides, the faults behind it and the shared cursor.
//!
//! Invariant: all charts of a frame share one span of time, so one cursor runs through them.

use bevy_egui::egui::{self, Color32, Painter, Pos2, Rect, Shape, Stroke, pos2};

use crate::desktop::theme::{Theme, paint, paint_alpha};
use crate::scene::time::SimTime;

/// One line of a chart.
pub struct Line<'a> {
    /// Its values, evenly over the span.
    pub values: &'a [f32],
    /// Its color.
    pub ink: Color32,
}

/// The span of time that a chart covers, and what stands in it.
pub struct Ground<'a> {
    /// The first and the last instant.
    pub span: (SimTime, SimTime),
    /// Faults, as spans of time.
    pub faults: &'a [(SimTime, SimTime)],
    /// Where the playhead stands.
    pub cursor: SimTime,
}

impl Ground<'_> {
    /// Where an instant stands across, 0 to 1.
    pub fn share(&self, time: SimTime) -> f32 {
        share(self.span, time)
    }
}

/// Where an instant stands in a span, 0 to 1.
pub fn share(span: (SimTime, SimTime), time: SimTime) -> f32 {
    let whole = span.1.since(span.0).seconds();
    if whole <= 0.0 { 0.0 } else { (time.since(span.0).seconds() / whole).clamp(0.0, 1.0) as f32 }
}

/// The instant at a place across a span.
pub fn instant(span: (SimTime, SimTime), share: f32) -> SimTime {
    let whole = span.1.since(span.0).seconds();
    span.0 + crate::scene::time::SimSpan::from_seconds_f64(whole * f64::from(share.clamp(0.0, 1.0)))
}

/// Draws lines that share one scale from zero upwards.
pub fn draw(painter: &Painter, rect: Rect, theme: &Theme, ground: &Ground, lines: &[Line]) {
    for (from, to) in ground.faults {
        let left = rect.left() + rect.width() * ground.share(*from);
        let right = rect.left() + rect.width() * ground.share(*to);
        if right > left {
            let tint = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
            painter.rect_filled(tint, 0.0, paint_alpha(theme.error, 0.10));
        }
    }
    for part in [0.5, 1.0] {
        let y = rect.bottom() - rect.height() * part;
        let dashes = Shape::dashed_line(
            &[pos2(rect.left(), y), pos2(rect.right(), y)],
            Stroke::new(1.0, paint(theme.hairline)),
            2.0,
            4.0,
        );
        painter.extend(dashes);
    }
    let top = lines.iter().flat_map(|line| line.values).copied().filter(|value| value.is_finite()).fold(0.0, f32::max);
    for line in lines {
        draw_line(painter, rect, line, top);
    }
    let x = rect.left() + rect.width() * ground.share(ground.cursor);
    painter.vline(x, rect.y_range(), Stroke::new(1.0, paint_alpha(theme.text, 0.55)));
}

fn draw_line(painter: &Painter, rect: Rect, line: &Line, top: f32) {
    let points = points(rect, line.values, top);
    if points.len() < 2 {
        return;
    }
    let area = line.ink.gamma_multiply(0.14);
    let mut mesh = egui::Mesh::default();
    for point in &points {
        let index = mesh.vertices.len() as u32;
        mesh.colored_vertex(*point, area);
        mesh.colored_vertex(pos2(point.x, rect.bottom()), area);
        if index > 0 {
            mesh.add_triangle(index - 2, index - 1, index);
            mesh.add_triangle(index - 1, index, index + 1);
        }
    }
    painter.add(Shape::mesh(mesh));
    painter.add(Shape::line(points, Stroke::new(1.6, line.ink)));
}

fn points(rect: Rect, values: &[f32], top: f32) -> Vec<Pos2> {
    let scale = if top > 0.0 { (rect.height() - 2.0) / top } else { 0.0 };
    let step = rect.width() / (values.len().max(2) - 1) as f32;
    let place = |(index, value): (usize, &f32)| {
        let value = if value.is_finite() { value.max(0.0) } else { 0.0 };
        pos2(rect.left() + step * index as f32, rect.bottom() - 1.0 - value * scale)
    };
    values.iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::time::SimSpan;

    fn span() -> (SimTime, SimTime) {
        (SimTime::ZERO, SimTime::ZERO + SimSpan::from_seconds(80))
    }

    #[test]
    fn an_instant_and_its_place_belong_together() {
        let at = SimTime::ZERO + SimSpan::from_seconds(20);
        assert_eq!(share(span(), at), 0.25);
        assert_eq!(instant(span(), 0.25), at);
        assert_eq!(share((at, at), at), 0.0);
    }

    #[test]
    fn the_highest_value_reaches_the_top_and_nonsense_stays_on_the_floor() {
        let rect = Rect::from_min_max(pos2(0.0, 0.0), pos2(100.0, 50.0));
        let points = points(rect, &[0.0, 10.0, f32::NAN], 10.0);
        let heights: Vec<f32> = points.iter().map(|point| point.y).collect();
        assert_eq!(heights, [49.0, 1.0, 49.0]);
        assert_eq!(points.last().map(|point| point.x), Some(100.0));
    }
}
