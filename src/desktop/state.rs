//! What the plugins of the window share: the open scene and recording, the playhead, the selection.
//!
//! Invariant: each resource is written by one plugin, named at the resource, and read by any.
//! Invariant: every scene, recording, body and buffer names the document to which it belongs.

use std::sync::Arc;

use bevy::prelude::*;

use crate::record::Recording;
use crate::scene::document::Scene;
use crate::scene::slug::{LinkId, NodeId};
use crate::scene::time::SimTime;

/// One open file. Bodies, buffers and resources carry it, so that two can stand side by side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct DocumentId(pub u32);

/// The one order of a frame's work, in `Update`; panels follow in egui's pass.
#[derive(SystemSet, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DesktopSystems {
    /// Pointer, keys and what panels asked for become requests.
    Hands,
    /// Requests change the scene or become live commands.
    Edit,
    /// The playhead moves and the figures under it are read.
    Playhead,
    /// Bodies, links, messages, camera and labels follow.
    Picture,
}

/// Puts [`DesktopSystems`] in their order. Adding it twice does no harm.
pub fn order_frame(app: &mut App) {
    app.configure_sets(
        Update,
        (DesktopSystems::Hands, DesktopSystems::Edit, DesktopSystems::Playhead, DesktopSystems::Picture).chain(),
    );
}

/// The scene that is shown. Written by the files plugin.
#[derive(Resource, Clone, Debug, Default)]
pub struct OpenScene {
    /// Its document.
    pub document: DocumentId,
    /// The scene as it is now.
    pub scene: Arc<Scene>,
    /// Grows with every change.
    pub revision: u64,
}

/// The recording that is shown, where there is one. Written by the engine plugin.
#[derive(Resource, Clone, Default)]
pub struct OpenRecording {
    /// Its document.
    pub document: DocumentId,
    /// The recording, finished or being written.
    pub recording: Option<Recording>,
    /// Grows with every new run, so that buffers of an old one are told apart.
    pub run: u64,
}

/// What moves the playhead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Play {
    /// It stands.
    #[default]
    Paused,
    /// It runs with its speed.
    Playing,
}

/// Where in the recording we look. Written by the transport plugin.
#[derive(Resource, Clone, Copy, PartialEq, Debug)]
pub struct Playhead {
    /// The instant that is shown.
    pub time: SimTime,
    /// Simulated seconds a second of wall time.
    pub speed: f64,
    /// Whether it moves.
    pub play: Play,
    /// Wall time in seconds since the window opened; for motion that belongs to the eye alone.
    pub wall: f64,
}

impl Default for Playhead {
    fn default() -> Playhead {
        Playhead { time: SimTime::ZERO, speed: 1.0, play: Play::Paused, wall: 0.0 }
    }
}

/// What is selected. Written by picking, and by panels that select.
#[derive(Resource, Clone, PartialEq, Eq, Debug, Default)]
pub enum Selection {
    /// Nothing.
    #[default]
    None,
    /// A node.
    Node(NodeId),
    /// A link.
    Link(LinkId),
}

/// What lies under the pointer in the picture. Written by picking.
#[derive(Resource, Clone, PartialEq, Eq, Debug, Default)]
pub enum Hovered {
    /// Nothing.
    #[default]
    None,
    /// A node.
    Node(NodeId),
    /// A link.
    Link(LinkId),
}

/// Where the picture is inside the window, in logical pixels from the upper left corner.
/// Written by the panels once they are laid out.
#[derive(Resource, Clone, Copy, PartialEq, Debug)]
pub struct ViewRectangle {
    /// The upper left corner.
    pub min: Vec2,
    /// The lower right corner.
    pub max: Vec2,
}

impl Default for ViewRectangle {
    fn default() -> ViewRectangle {
        ViewRectangle { min: Vec2::ZERO, max: Vec2::new(1280.0, 720.0) }
    }
}

impl ViewRectangle {
    /// Width and height.
    pub fn size(&self) -> Vec2 {
        (self.max - self.min).max(Vec2::ONE)
    }

    /// Whether a point of the window lies in the picture.
    pub fn contains(&self, point: Vec2) -> bool {
        point.cmpge(self.min).all() && point.cmplt(self.max).all()
    }
}

/// How full a node is at the playhead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NodeShown {
    /// Messages waiting.
    pub depth: u32,
    /// Messages handed out and not settled.
    pub in_flight: u32,
    /// Servers or environments at work.
    pub busy: u32,
    /// Bits of `sim::row::Condition`.
    pub condition: u8,
}

/// How full every node is at the playhead, in the order of the scene's node ids; empty before a run.
/// Written by the playhead plugin once a frame.
#[derive(Resource, Clone, PartialEq, Debug, Default)]
pub struct Figures {
    /// One entry a node, in the order of ids.
    pub nodes: Vec<NodeShown>,
}

/// Whether an effect is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Effect {
    /// It is drawn.
    On,
    /// It is left out.
    #[default]
    Off,
}

/// What the graphics adapter is asked for. Written by the app once, from the adapter.
#[derive(Resource, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quality {
    /// Shadows of the sun; without them a dark disc lies under each body.
    pub shadows: Effect,
    /// Glow of what is lit.
    pub bloom: Effect,
    /// Samples a pixel: 1, 2, 4 or 8.
    pub samples: u32,
    /// Tails of messages.
    pub tails: Effect,
}

impl Default for Quality {
    fn default() -> Quality {
        Quality::FULL
    }
}

impl Quality {
    /// Everything that a graphics card draws with ease.
    pub const FULL: Quality = Quality { shadows: Effect::On, bloom: Effect::On, samples: 4, tails: Effect::On };
    /// What a software adapter still draws quickly. Shapes, text and colors never drop.
    pub const SOFTWARE: Quality = Quality { shadows: Effect::Off, bloom: Effect::Off, samples: 1, tails: Effect::On };

    /// What suits an adapter.
    pub fn of(adapter: &wgpu::AdapterInfo) -> Quality {
        match adapter.device_type {
            wgpu::DeviceType::Cpu => Quality::SOFTWARE,
            _ => Quality::FULL,
        }
    }
}

/// A frame or a key that the camera should obey. Written by menus, keys and buttons.
#[derive(Message, Clone, PartialEq, Debug)]
pub enum CameraRequest {
    /// Shows the whole scene.
    FrameAll,
    /// Shows the selected node, or the whole scene where nothing is selected.
    FrameSelected,
    /// Shows these nodes.
    FrameNodes(Vec<NodeId>),
    /// Jumps to the whole scene without a flight: for pictures.
    SnapAll,
}

/// From where the picture is seen. Written by the panels.
#[derive(Resource, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Viewpoint {
    /// From the side, in space.
    #[default]
    Space,
    /// From straight above.
    Flat,
}

impl Viewpoint {
    /// The other one.
    pub fn other(self) -> Viewpoint {
        match self {
            Viewpoint::Space => Viewpoint::Flat,
            Viewpoint::Flat => Viewpoint::Space,
        }
    }
}

/// The camera that draws the picture.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct PictureCamera;
