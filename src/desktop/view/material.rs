//! The one material of bodies: colored by vertex, lit parts shine by themselves.
//!
//! Invariant: all bodies, plates and links share one material per document, so that equal meshes
//! are drawn together.

use bevy::asset::embedded_asset;
use bevy::pbr::{ExtendedMaterial, MaterialExtension};
use bevy::prelude::*;
use bevy::render::render_resource::AsBindGroup;
use bevy::shader::ShaderRef;

/// Reads the glow of a surface from its vertex color's alpha.
#[derive(Asset, AsBindGroup, Reflect, Debug, Clone, Default)]
pub struct Glow {
    /// How strongly lit parts shine; 1 keeps their color.
    #[uniform(100)]
    pub strength: Vec4,
}

impl MaterialExtension for Glow {
    fn fragment_shader() -> ShaderRef {
        "embedded://eventscape/desktop/view/glow.wgsl".into()
    }
}

/// The material of bodies.
pub type BodyMaterial = ExtendedMaterial<StandardMaterial, Glow>;

/// The materials that the picture shares.
#[derive(Resource, Clone, Debug)]
pub struct SharedMaterials {
    /// Bodies, plates and links.
    pub body: Handle<BodyMaterial>,
    /// The table: duller, and without gloss.
    pub ground: Handle<BodyMaterial>,
    /// Glass, gauges and shadows on the ground: color and opacity by vertex, not lit.
    pub veil: Handle<StandardMaterial>,
}

/// Makes the shared materials.
pub struct MaterialPlugin;

impl Plugin for MaterialPlugin {
    fn build(&self, app: &mut App) {
        embedded_asset!(app, "glow.wgsl");
        app.add_plugins(bevy::pbr::MaterialPlugin::<BodyMaterial>::default());
        app.add_systems(PreStartup, make_materials);
    }
}

fn make_materials(
    mut commands: Commands,
    mut bodies: ResMut<Assets<BodyMaterial>>,
    mut plain: ResMut<Assets<StandardMaterial>>,
) {
    let matte = |roughness: f32, reflectance: f32| BodyMaterial {
        base: StandardMaterial { perceptual_roughness: roughness, metallic: 0.0, reflectance, ..default() },
        extension: Glow { strength: Vec4::ONE },
    };
    let veil = StandardMaterial {
        unlit: true,
        alpha_mode: AlphaMode::Blend,
        cull_mode: None,
        double_sided: true,
        ..default()
    };
    commands.insert_resource(SharedMaterials {
        body: bodies.add(matte(0.6, 0.35)),
        ground: bodies.add(matte(0.95, 0.1)),
        veil: plain.add(veil),
    });
}
