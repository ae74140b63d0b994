//! Keys: one table from a key to what it asks for.
//!
//! Invariant: single keys rest while text is typed or a menu is open; keys with Ctrl work always.
//! Reads the keyboard and `Selection`; writes requests.

use bevy::ecs::system::SystemParam;
use bevy::input::ButtonState;
use bevy::input::keyboard::{Key, KeyboardFocusLost, KeyboardInput};
use bevy::prelude::*;
use bevy_egui::EguiContexts;

use crate::scene::slug::{LinkId, NodeId};
use crate::sim::row::Condition;

use super::edit::EditRequest;
use super::reading::Readings;
use super::reading::link::{Passage, passage_at};
use super::request::{FileRequest, TransportRequest, WindowRequest};
use super::state::{CameraRequest, DesktopSystems, Figures, OpenScene, Playhead, Selection};

/// Turns keys into requests.
pub struct KeysPlugin;

impl Plugin for KeysPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, press.in_set(DesktopSystems::Hands));
    }
}

/// What a key asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum Press {
    /// Something of the transport.
    Transport(TransportRequest),
    /// Something of the files.
    File(FileRequest),
    /// Something of the scene.
    Edit(EditRequest),
    /// Something of the window.
    Window(WindowRequest),
    /// Something of the camera.
    Camera(CameraRequest),
    /// Stops or starts the selected node, cuts or restores the selected link.
    StopOrStart,
}

/// Which keys are held beside another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// Ctrl, or Cmd.
    pub command: bool,
    /// Shift.
    pub shift: bool,
}

impl Held {
    /// Follows the keys one by one: in a slow frame, all of a chord may be pressed and released.
    fn follow(&mut self, input: &KeyboardInput) {
        let pressed = input.state == ButtonState::Pressed;
        match input.logical_key {
            Key::Control | Key::Super => self.command = pressed,
            Key::Shift => self.shift = pressed,
            _ => {}
        }
    }
}

/// What a key asks for, with what is held beside it.
pub fn meaning(key: &Key, held: Held) -> Option<Press> {
    if held.command { with_command(key, held) } else { single(key) }
}

fn with_command(key: &Key, held: Held) -> Option<Press> {
    let Key::Character(text) = key else { return None };
    Some(match (text.to_lowercase().as_str(), held.shift) {
        ("n", _) => Press::File(FileRequest::New),
        ("o", false) => Press::File(FileRequest::OpenDialog),
        ("o", true) => Press::File(FileRequest::OpenInside),
        ("s", false) => Press::File(FileRequest::Save),
        ("s", true) => Press::File(FileRequest::SaveDialog),
        ("q", _) => Press::File(FileRequest::Quit),
        ("z", false) => Press::Edit(EditRequest::Undo),
        ("z", true) | ("y", _) => Press::Edit(EditRequest::Redo),
        ("r", _) => Press::Edit(EditRequest::RunAgain),
        ("+" | "=", _) => Press::Window(WindowRequest::Zoom(1.1)),
        ("-", _) => Press::Window(WindowRequest::Zoom(1.0 / 1.1)),
        _ => return None,
    })
}

fn single(key: &Key) -> Option<Press> {
    use TransportRequest::*;
    Some(match key {
        Key::Space => Press::Transport(Toggle),
        Key::ArrowRight => Press::Transport(StepForward),
        Key::ArrowLeft => Press::Transport(StepBack),
        Key::Home => Press::Transport(ToStart),
        Key::End => Press::Transport(ToEnd),
        Key::Tab => Press::Window(WindowRequest::TogglePanels),
        Key::Escape => Press::Window(WindowRequest::Escape),
        Key::F1 => Press::Window(WindowRequest::ToggleHelp),
        Key::Character(text) => match text.to_lowercase().as_str() {
            "+" | "=" => Press::Transport(Faster),
            "-" => Press::Transport(Slower),
            "l" => Press::Transport(ToggleLoop),
            "[" => Press::Transport(LoopFrom),
            "]" => Press::Transport(LoopTo),
            "f" => Press::Camera(CameraRequest::FrameSelected),
            "2" => Press::Window(WindowRequest::ToggleFlat),
            "c" => Press::Window(WindowRequest::ToggleCharts),
            "n" => Press::Window(WindowRequest::ToggleNotes),
            "?" => Press::Window(WindowRequest::ToggleHelp),
            "x" => Press::StopOrStart,
            _ => return None,
        },
        _ => return None,
    })
}

#[derive(SystemParam)]
struct Outlets<'w> {
    transport: MessageWriter<'w, TransportRequest>,
    files: MessageWriter<'w, FileRequest>,
    edits: MessageWriter<'w, EditRequest>,
    window: MessageWriter<'w, WindowRequest>,
    camera: MessageWriter<'w, CameraRequest>,
}

fn press(
    mut contexts: EguiContexts,
    mut keyboard: MessageReader<KeyboardInput>,
    mut held: Local<Held>,
    mut leaving: MessageReader<KeyboardFocusLost>,
    selection: Res<Selection>,
    open: Res<OpenScene>,
    figures: Res<Figures>,
    readings: Res<Readings>,
    playhead: Res<Playhead>,
    mut outlets: Outlets,
) {
    let ctx = contexts.ctx_mut().ok();
    // An open menu takes Escape for itself.
    let resting = ctx.is_some_and(|ctx| ctx.text_edit_focused() || ctx.any_popup_open());
    // Keys that are released elsewhere are not heard of.
    if leaving.read().count() > 0 {
        *held = Held::default();
    }
    for input in keyboard.read() {
        held.follow(input);
        if input.state != ButtonState::Pressed || (resting && !held.command) {
            continue;
        }
        let repeats = matches!(input.logical_key, Key::ArrowLeft | Key::ArrowRight);
        if input.repeat && !repeats {
            continue;
        }
        match meaning(&input.logical_key, *held) {
            Some(Press::Transport(request)) => drop(outlets.transport.write(request)),
            Some(Press::File(request)) => drop(outlets.files.write(request)),
            Some(Press::Edit(request)) => drop(outlets.edits.write(request)),
            Some(Press::Window(request)) => drop(outlets.window.write(request)),
            Some(Press::Camera(request)) => drop(outlets.camera.write(request)),
            Some(Press::StopOrStart) => {
                let request = match &*selection {
                    Selection::None => None,
                    Selection::Node(node) => stop_or_start(node, &open, &figures),
                    Selection::Link(link) => Some(cut_or_restore(link, &readings, &playhead)),
                };
                outlets.edits.write_batch(request);
            }
            None => {}
        }
    }
}

fn cut_or_restore(link: &LinkId, readings: &Readings, playhead: &Playhead) -> EditRequest {
    match passage_at(&readings.severings, link, playhead.time) {
        Passage::Free => EditRequest::Cut(link.clone()),
        Passage::Cut => EditRequest::Restore(link.clone()),
    }
}

fn stop_or_start(id: &NodeId, open: &OpenScene, figures: &Figures) -> Option<EditRequest> {
    let row = open.scene.nodes.keys().position(|node| node == id)?;
    let stopped = figures.nodes.get(row).is_some_and(|node| node.condition & Condition::STOPPED != 0);
    Some(if stopped { EditRequest::Start(id.clone()) } else { EditRequest::Stop(id.clone()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::panel::help::KEYS;

    /// A key as the overlay names it.
    fn parse(name: &str) -> (Key, Held) {
        let mut held = Held::default();
        let mut rest = name;
        while let Some(tail) = rest.strip_prefix("Ctrl+") {
            held.command = true;
            rest = tail;
        }
        while let Some(tail) = rest.strip_prefix("Shift+") {
            held.shift = true;
            rest = tail;
        }
        let key = match rest {
            "Space" => Key::Space,
            "Right" => Key::ArrowRight,
            "Left" => Key::ArrowLeft,
            "Home" => Key::Home,
            "End" => Key::End,
            "Tab" => Key::Tab,
            "Esc" => Key::Escape,
            "F1" => Key::F1,
            text => Key::Character(text.into()),
        };
        (key, held)
    }

    #[test]
    fn every_key_of_the_overlay_does_something() {
        for (press, does) in KEYS.iter().flat_map(|(_, keys)| *keys) {
            let (key, held) = parse(press);
            assert!(meaning(&key, held).is_some(), "{press}: {does}");
        }
    }

    #[test]
    fn a_chord_is_read_even_when_it_is_released_in_the_same_frame() {
        let key = |logical_key: Key, state| KeyboardInput {
            key_code: KeyCode::KeyO,
            logical_key,
            state,
            text: None,
            repeat: false,
            window: Entity::PLACEHOLDER,
        };
        let mut held = Held::default();
        held.follow(&key(Key::Control, ButtonState::Pressed));
        held.follow(&key(Key::Shift, ButtonState::Pressed));
        assert_eq!(held, Held { command: true, shift: true });
        held.follow(&key(Key::Control, ButtonState::Released));
        assert_eq!(held, Held { command: false, shift: true });
    }

    #[test]
    fn letters_mean_the_same_in_capitals() {
        let held = Held { command: true, shift: true };
        assert_eq!(meaning(&Key::Character("Z".into()), held), Some(Press::Edit(EditRequest::Redo)));
        assert_eq!(
            meaning(&Key::Character("F".into()), Held::default()),
            Some(Press::Camera(CameraRequest::FrameSelected))
        );
    }
}
