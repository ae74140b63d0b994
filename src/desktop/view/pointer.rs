//! The pointer over the picture: the one answer to "does this touch belong to the scene?".
//!
//! Reads the window's cursor, `ViewRectangle` and egui. Writes [`Pointer`].
//! Invariant: a pointer over a panel, a popup or a window of egui is never in the picture.

use bevy::prelude::*;
use bevy::window::PrimaryWindow;
use bevy_egui::{EguiContexts, egui};

use crate::desktop::state::{DesktopSystems, ViewRectangle};

/// A press that moved less than this many pixels is a click.
const CLICK: f32 = 4.0;

/// Where the pointer is.
#[derive(Resource, Clone, Copy, PartialEq, Debug, Default)]
pub struct Pointer {
    /// Its place in the window, in logical pixels.
    pub place: Option<Vec2>,
    /// How far it moved since the last frame.
    pub moved: Vec2,
    /// Whether it touches the scene.
    pub in_picture: bool,
    /// Whether the press moved too far for a click.
    pub dragging: bool,
    pressed_at: Option<Vec2>,
}

/// What a released press was.
#[derive(Message, Clone, Copy, PartialEq, Debug)]
pub struct Clicked {
    /// Where, in logical pixels of the window.
    pub place: Vec2,
}

/// Follows the pointer.
pub struct PointerPlugin;

impl Plugin for PointerPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Pointer>()
            .init_resource::<ButtonInput<MouseButton>>()
            .init_resource::<ButtonInput<KeyCode>>()
            .add_message::<Clicked>()
            .add_systems(PreUpdate, follow)
            .configure_sets(Update, DesktopSystems::Hands);
    }
}

fn follow(
    window: Option<Single<&Window, With<PrimaryWindow>>>,
    rectangle: Res<ViewRectangle>,
    buttons: Res<ButtonInput<MouseButton>>,
    mut contexts: EguiContexts,
    mut pointer: ResMut<Pointer>,
    mut clicked: MessageWriter<Clicked>,
) {
    let place = window.and_then(|window| window.cursor_position());
    let free = contexts.ctx_mut().map_or(true, |context| place.is_none_or(|place| is_free(context, place)));
    let mut next = *pointer;
    next.moved = place.zip(pointer.place).map_or(Vec2::ZERO, |(now, before)| now - before);
    next.place = place;
    next.in_picture = free && place.is_some_and(|place| rectangle.contains(place));
    if buttons.just_pressed(MouseButton::Left) {
        next.pressed_at = place.filter(|_| next.in_picture);
        next.dragging = false;
    }
    if let (Some(from), Some(place)) = (next.pressed_at, place) {
        next.dragging |= from.distance(place) > CLICK;
        if buttons.just_released(MouseButton::Left) {
            if !next.dragging && next.in_picture {
                clicked.write(Clicked { place });
            }
            next.pressed_at = None;
        }
    }
    pointer.set_if_neq(next);
}

/// Whether nothing of egui lies at the place and egui holds no press.
fn is_free(context: &egui::Context, place: Vec2) -> bool {
    let place = place / context.zoom_factor();
    let over = context.layer_id_at(egui::pos2(place.x, place.y));
    let background = over.is_none_or(|layer| layer.order == egui::Order::Background);
    background && !context.egui_is_using_pointer()
}
