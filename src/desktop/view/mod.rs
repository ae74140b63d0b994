//! The picture: a scene and the moment under the playhead, drawn in space.
//!
//! Invariant: nothing here changes a scene or a recording; whatever is drawn follows from the
//! shared resources of `desktop/state.rs` and may be dropped and made again at any time.
//!
//! `geometry` says where everything is, `sculpt` and `body` what bodies look like, `stage` puts
//! them up and keeps them at the playhead; `region`, `link` and `message` draw the rest; `camera`,
//! `picking` and `label` are the eye, the finger and the words.

pub mod geometry;
pub mod sculpt;
pub mod body;
pub mod material;
pub mod light;
pub mod look;
pub mod gauge;
pub mod stage;
pub mod region;
pub mod floor_text;
pub mod message;
pub mod link;
pub mod pointer;
pub mod picking;
pub mod label_room;
pub mod trail;
pub mod label;
pub mod camera;
#[cfg(test)]
mod picture;

use bevy::app::PluginGroupBuilder;
use bevy::prelude::*;

/// All plugins of the picture.
pub struct ViewPlugins;

impl PluginGroup for ViewPlugins {
    fn build(self) -> PluginGroupBuilder {
        PluginGroupBuilder::start::<ViewPlugins>()
            .add(geometry::GeometryPlugin)
            .add(material::MaterialPlugin)
            .add(light::LightPlugin)
            .add(stage::StagePlugin)
            .add(region::RegionPlugin)
            .add(link::LinkPlugin)
            .add(message::MessagePlugin)
            .add(pointer::PointerPlugin)
            .add(camera::CameraPlugin)
            .add(picking::PickingPlugin)
            .add(trail::TrailPlugin)
            .add(label::LabelPlugin)
    }
}

/// The order inside [`super::state::DesktopSystems::Picture`].
#[derive(SystemSet, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PictureSystems {
    /// Where everything is follows the scene.
    Geometry,
    /// Bodies, regions and links follow geometry and playhead.
    Bodies,
    /// The camera follows hands and requests.
    Camera,
}
