//! Light: one sun, light from all around, the table under everything.
//!
//! Reads `Theme` and `Quality`.

use bevy::camera::visibility::NoFrustumCulling;
use bevy::light::{CascadeShadowConfigBuilder, DirectionalLightShadowMap, NotShadowCaster};
use bevy::prelude::*;

use super::PictureSystems;
use super::material::SharedMaterials;
use super::sculpt::{Paint, Sculpt};
use crate::desktop::state::{Effect, Quality};
use crate::desktop::theme::Theme;

/// Lux of the sun under which a white surface that faces it shows 0.8 of white with the default
/// exposure of a camera.
const SUN: f32 = 2_500.0;
/// The table's radius; the fog ends before.
const TABLE: f32 = 4_000.0;

/// The sun.
#[derive(Component)]
pub struct Sun;

/// The table.
#[derive(Component)]
struct Table;

/// Puts up sun and table.
pub struct LightPlugin;

impl Plugin for LightPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Theme>()
            .init_resource::<Quality>()
            .insert_resource(DirectionalLightShadowMap { size: 2048 })
            .insert_resource(GlobalAmbientLight::NONE)
            .add_systems(Startup, put_up)
            .add_systems(
                Update,
                paint_table
                    .run_if(resource_changed::<Theme>.or_else(resource_changed::<Quality>))
                    .in_set(PictureSystems::Bodies),
            );
    }
}

fn put_up(mut commands: Commands, materials: Res<SharedMaterials>) {
    // From the upper left front, 55 degrees high.
    let from = Vec3::new(-0.55, 1.05, 0.48);
    commands.spawn((
        Sun,
        DirectionalLight { illuminance: SUN, ..default() },
        CascadeShadowConfigBuilder {
            num_cascades: 2,
            minimum_distance: 1.0,
            first_cascade_far_bound: 40.0,
            maximum_distance: 140.0,
            ..default()
        }
        .build(),
        Transform::from_translation(from).looking_at(Vec3::ZERO, Vec3::Y),
    ));
    commands.spawn((
        Table,
        MeshMaterial3d(materials.ground.clone()),
        Transform::from_xyz(0.0, -0.2, 0.0),
        NotShadowCaster,
        NoFrustumCulling,
    ));
}

fn paint_table(
    mut commands: Commands,
    theme: Res<Theme>,
    quality: Res<Quality>,
    mut meshes: ResMut<Assets<Mesh>>,
    table: Single<Entity, With<Table>>,
    mut sun: Single<&mut DirectionalLight, With<Sun>>,
) {
    let paint = Paint::matte(theme.ground);
    let mut sculpt = Sculpt::new();
    sculpt.lathe(&[(TABLE, 0.0), (200.0, 0.0), (0.0, 0.0)], 48, paint);
    commands.entity(*table).insert(Mesh3d(meshes.add(sculpt.finish())));
    sun.shadow_maps_enabled = quality.shadows == Effect::On;
    // Warm white on the dark table, neutral on the bright ones.
    sun.color = if theme.is_dark() { Color::srgb(1.0, 0.965, 0.91) } else { Color::WHITE };
}
