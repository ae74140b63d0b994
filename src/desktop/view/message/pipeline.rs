//! The pipeline of messages: uploads batches once, and draws the ranges that can be seen.
//!
//! Reads `Shown`, `Geometry`, `Theme`, `Quality`. Draws after everything transparent.
//! Invariant: a batch is uploaded once and never written again; after a lost device it is uploaded anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use bevy::asset::embedded_asset;
use bevy::camera::visibility::NoFrustumCulling;
use bevy::core_pipeline::core_3d::{CORE_3D_DEPTH_FORMAT, Transparent3d, TransparentSortingInfo3d};
use bevy::ecs::query::ROQueryItem;
use bevy::ecs::system::SystemParamItem;
use bevy::ecs::system::lifetimeless::{Read, SRes};
use bevy::mesh::VertexBufferLayout;
use bevy::prelude::*;
use bevy::render::render_phase::{
    AddRenderCommand, DrawFunctions, PhaseItem, PhaseItemExtraIndex, RenderCommand, RenderCommandResult,
    TrackedRenderPass, ViewSortedRenderPhases,
};
use bevy::render::render_resource::binding_types::{storage_buffer_read_only, uniform_buffer};
use bevy::render::render_resource::{
    BindGroup, BindGroupEntries, BindGroupLayoutDescriptor, BindGroupLayoutEntries, BlendState, Buffer,
    BufferInitDescriptor, BufferUsages, CachedRenderPipelineId, ColorTargetState, ColorWrites, CompareFunction,
    DepthStencilState, DynamicUniformBuffer, FragmentState, MultisampleState, PipelineCache, PrimitiveState,
    RenderPipelineDescriptor, ShaderStages, ShaderType, SpecializedRenderPipeline, SpecializedRenderPipelines,
    StorageBuffer, TextureFormat, VertexAttribute, VertexFormat, VertexState, VertexStepMode,
};
use bevy::render::renderer::{RenderDevice, RenderQueue};
use bevy::render::sync_world::{MainEntity, RenderEntity, SyncToRenderWorld};
use bevy::render::view::{ExtractedView, ViewUniform, ViewUniformOffset, ViewUniforms};
use bevy::render::{Extract, ExtractSchedule, Render, RenderApp, RenderStartup, RenderSystems};
use bevy::shader::Shader;

use super::batch::{Batch, HopInstance};
use super::flow::{Flow, FlowInstance};
use super::supply::{BatchKey, Shown};
use crate::desktop::follow::Followed;
use crate::desktop::state::{Effect, Quality};
use crate::desktop::theme::Theme;
use crate::desktop::view::geometry::Geometry;

/// With more hops in the picture tails would be a blur that costs four times the glyphs.
const TAILS_MAX: u32 = 100_000;
/// Half the least size of a glyph, in pixels.
const LEAST: f32 = 5.0;
/// Vertices of a glyph and of a tail of four segments.
const _: () = assert!(size_of::<HopInstance>() == size_of::<FlowInstance>());
const GLYPH_VERTICES: u32 = 6;
const TAIL_VERTICES: u32 = 24;
/// Vertices of a link's flow: sixteen segments.
const FLOW_VERTICES: u32 = 96;

/// Draws [`Shown`].
pub struct MessagePipelinePlugin;

impl Plugin for MessagePipelinePlugin {
    fn build(&self, app: &mut App) {
        embedded_asset!(app, "message.wgsl");
        app.add_systems(Startup, |mut commands: Commands| {
            commands.spawn((MessageCloud, Transform::default(), NoFrustumCulling, SyncToRenderWorld));
        });
        let Some(render) = app.get_sub_app_mut(RenderApp) else { return };
        render
            .init_resource::<SpecializedRenderPipelines<MessagePipeline>>()
            .init_resource::<Cloud>()
            .init_resource::<GpuBatches>()
            .add_render_command::<Transparent3d, DrawMessages>()
            .add_systems(RenderStartup, start)
            .add_systems(ExtractSchedule, extract)
            .add_systems(
                Render,
                (
                    queue.in_set(RenderSystems::Queue),
                    upload.in_set(RenderSystems::PrepareResources),
                    bind.in_set(RenderSystems::PrepareBindGroups),
                ),
            );
    }
}

/// The one entity that stands for all messages.
#[derive(Component)]
struct MessageCloud;

#[derive(Clone, Copy, ShaderType)]
struct Moment {
    now: i32,
    after: i32,
    tail: i32,
    flow: i32,
    arrive_before: i32,
    least: f32,
    light: f32,
    tails: f32,
    phase: f32,
    colors: [Vec4; 8],
}

#[derive(Clone, Copy, ShaderType)]
struct Curve {
    points: [Vec4; 4],
}

/// What was extracted for this frame.
#[derive(Resource, Default)]
struct Cloud {
    entity: Option<(Entity, MainEntity)>,
    batches: Vec<CloudBatch>,
    curves: Option<Vec<Curve>>,
    geometry_revision: u64,
    tails: Effect,
    flow_revision: u64,
    flow: Option<Vec<FlowInstance>>,
    flow_moment: Option<Moment>,
    flow_offset: u32,
}

struct CloudBatch {
    key: BatchKey,
    batch: Arc<Batch>,
    ranges: Vec<std::ops::Range<u32>>,
    moment: Moment,
    offset: u32,
}

/// What lies on the adapter.
#[derive(Resource, Default)]
struct GpuBatches {
    batches: BTreeMap<BatchKey, Buffer>,
    curves: StorageBuffer<Vec<Curve>>,
    moments: DynamicUniformBuffer<Moment>,
    flow: Option<(Buffer, u32)>,
    group: Option<BindGroup>,
}

fn start(mut commands: Commands, server: Res<AssetServer>) {
    let layout = BindGroupLayoutDescriptor::new(
        "messages",
        &BindGroupLayoutEntries::sequential(
            ShaderStages::VERTEX_FRAGMENT,
            (
                uniform_buffer::<ViewUniform>(true),
                uniform_buffer::<Moment>(true),
                storage_buffer_read_only::<Vec<Curve>>(false),
            ),
        ),
    );
    let shader = server.load("embedded://eventscape/desktop/view/message/message.wgsl");
    commands.insert_resource(MessagePipeline { layout, shader });
    // After a lost device nothing is on the adapter.
    commands.insert_resource(GpuBatches::default());
    commands.insert_resource(Cloud::default());
    commands.insert_resource(SpecializedRenderPipelines::<MessagePipeline>::default());
}

fn extract(
    mut cloud: ResMut<Cloud>,
    entity: Extract<Option<Single<(RenderEntity, Entity), With<MessageCloud>>>>,
    shown: Extract<Res<Shown>>,
    geometry: Extract<Res<Geometry>>,
    theme: Extract<Res<Theme>>,
    quality: Extract<Res<Quality>>,
    flow: Extract<Res<Flow>>,
    followed: Extract<Option<Res<Followed>>>,
) {
    cloud.entity = entity.as_ref().map(|entity| (entity.0, MainEntity::from(entity.1)));
    if cloud.geometry_revision != geometry.revision {
        cloud.geometry_revision = geometry.revision;
        let curves = geometry.links.iter().map(|link| Curve { points: link.points.map(|point| point.extend(0.0)) });
        let mut curves: Vec<Curve> = curves.collect();
        if curves.is_empty() {
            curves.push(Curve { points: [Vec4::ZERO; 4] });
        }
        cloud.curves = Some(curves);
    }
    // Following one message, all others step back.
    let following = followed.as_ref().is_some_and(|followed| followed.message.is_some());
    let presence = if following { 0.25 } else { 1.0 };
    let still = Moment {
        now: 0,
        after: 0,
        tail: 0,
        flow: 0,
        arrive_before: i32::MAX,
        least: LEAST,
        light: if theme.is_dark() { 1.12 } else { 1.0 },
        tails: if theme.is_dark() { 0.55 } else { 0.4 },
        phase: flow.phase,
        colors: colors(&theme, presence),
    };
    if cloud.flow_revision != flow.revision {
        cloud.flow_revision = flow.revision;
        cloud.flow = Some(flow.instances.clone());
    }
    cloud.flow_moment = Some(still);
    cloud.batches = shown
        .batches
        .iter()
        .filter_map(|shown_batch| {
            let batch = &shown_batch.batch;
            let (now, after) = (batch.tick(shown.now), batch.ticks(shown.after));
            let ranges: Vec<_> = batch.visible(now, after).collect();
            let clamp = |ticks: i64| ticks.clamp(-(1 << 30), 1 << 30) as i32;
            let moment = Moment {
                now: clamp(now),
                after: clamp(after),
                tail: clamp(batch.ticks(shown.tail)),
                flow: clamp(batch.ticks(shown.flow)),
                arrive_before: shown_batch.arrive_before.map_or(i32::MAX, |before| clamp(batch.tick(before))),
                ..still
            };
            let batch = batch.clone();
            (!ranges.is_empty()).then_some(CloudBatch { key: shown_batch.key, batch, ranges, moment, offset: 0 })
        })
        .collect();
    let drawn: u32 = cloud.batches.iter().flat_map(|batch| &batch.ranges).map(|range| range.end - range.start).sum();
    cloud.tails = if drawn > TAILS_MAX { Effect::Off } else { quality.tails };
}

/// Colors by glyph.
/// The colors of shapes; `presence` is their opacity.
fn colors(theme: &Theme, presence: f32) -> [Vec4; 8] {
    let Theme { normal, response, retry, error, throttled, dead_letter, text_second, .. } = theme;
    [*normal, *response, *retry, *error, *throttled, *dead_letter, *text_second, *text_second]
        .map(|color| LinearRgba::from(color).with_alpha(presence).to_vec4())
}

fn upload(mut cloud: ResMut<Cloud>, mut gpu: ResMut<GpuBatches>, device: Res<RenderDevice>, queue: Res<RenderQueue>) {
    let GpuBatches { batches, curves, moments, flow, group: _ } = &mut *gpu;
    if let Some(rows) = cloud.flow.take() {
        let buffer = || {
            device.create_buffer_with_data(&BufferInitDescriptor {
                label: Some("flow"),
                contents: bytemuck::cast_slice(&rows),
                usage: BufferUsages::VERTEX,
            })
        };
        *flow = (!rows.is_empty()).then(|| (buffer(), rows.len() as u32));
    }
    if let Some(fresh) = cloud.curves.take() {
        curves.set(fresh);
        curves.write_buffer(&device, &queue);
    }
    batches.retain(|key, _| cloud.batches.iter().any(|batch| batch.key == *key));
    moments.clear();
    for CloudBatch { key, batch, moment, offset, .. } in &mut cloud.batches {
        batches.entry(*key).or_insert_with(|| {
            device.create_buffer_with_data(&BufferInitDescriptor {
                label: Some("hops"),
                contents: bytemuck::cast_slice(&batch.instances),
                usage: BufferUsages::VERTEX,
            })
        });
        *offset = moments.push(moment);
    }
    if let Some(moment) = cloud.flow_moment {
        cloud.flow_offset = moments.push(&moment);
    }
    moments.write_buffer(&device, &queue);
}

fn bind(
    mut gpu: ResMut<GpuBatches>,
    pipeline: Res<MessagePipeline>,
    cache: Res<PipelineCache>,
    views: Res<ViewUniforms>,
    device: Res<RenderDevice>,
) {
    let (Some(view), Some(moment), Some(curves)) =
        (views.uniforms.binding(), gpu.moments.binding(), gpu.curves.binding())
    else {
        gpu.group = None;
        return;
    };
    let layout = cache.get_bind_group_layout(&pipeline.layout);
    gpu.group =
        Some(device.create_bind_group("messages", &layout, &BindGroupEntries::sequential((view, moment, curves))));
}

/// How messages are drawn.
#[derive(Resource)]
struct MessagePipeline {
    layout: BindGroupLayoutDescriptor,
    shader: Handle<Shader>,
}

/// Which part of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Part {
    Glyph,
    Tail,
    Flow,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct PipelineKey {
    part: Part,
    format: TextureFormat,
    samples: u32,
}

impl SpecializedRenderPipeline for MessagePipeline {
    type Key = PipelineKey;

    fn specialize(&self, key: PipelineKey) -> RenderPipelineDescriptor {
        let (vertex, fragment, writes_depth) = match key.part {
            Part::Glyph => ("glyph", "draw_glyph", true),
            Part::Tail => ("tail", "draw_tail", false),
            Part::Flow => ("flow", "draw_flow", false),
        };
        let formats = match key.part {
            Part::Glyph | Part::Tail => {
                [VertexFormat::Sint32, VertexFormat::Uint32, VertexFormat::Uint32, VertexFormat::Uint32]
            }
            Part::Flow => [VertexFormat::Uint32, VertexFormat::Uint32, VertexFormat::Float32, VertexFormat::Float32],
        };
        let attribute = |location: u32, format: VertexFormat| VertexAttribute {
            format,
            offset: u64::from(location) * 4,
            shader_location: location,
        };
        RenderPipelineDescriptor {
            label: Some("messages".into()),
            layout: vec![self.layout.clone()],
            vertex: VertexState {
                shader: self.shader.clone(),
                entry_point: Some(vertex.into()),
                buffers: vec![VertexBufferLayout {
                    array_stride: size_of::<HopInstance>() as u64,
                    step_mode: VertexStepMode::Instance,
                    attributes: (0..).zip(formats).map(|(at, format)| attribute(at, format)).collect(),
                }],
                ..default()
            },
            fragment: Some(FragmentState {
                shader: self.shader.clone(),
                entry_point: Some(fragment.into()),
                targets: vec![Some(ColorTargetState {
                    format: key.format,
                    blend: Some(BlendState::ALPHA_BLENDING),
                    write_mask: ColorWrites::ALL,
                })],
                ..default()
            }),
            primitive: PrimitiveState::default(),
            depth_stencil: Some(DepthStencilState {
                format: CORE_3D_DEPTH_FORMAT,
                depth_write_enabled: Some(writes_depth),
                // Bevy's depth is reversed: near is one.
                depth_compare: Some(CompareFunction::GreaterEqual),
                stencil: default(),
                bias: default(),
            }),
            multisample: MultisampleState { count: key.samples, ..default() },
            ..default()
        }
    }
}

/// The pipelines for a view.
#[derive(Component, Clone, Copy)]
struct ViewPipelines {
    glyph: CachedRenderPipelineId,
    tail: Option<CachedRenderPipelineId>,
    flow: CachedRenderPipelineId,
}

#[expect(clippy::too_many_arguments, reason = "a system asks for what it reads")]
fn queue(
    mut commands: Commands,
    cloud: Res<Cloud>,
    cache: Res<PipelineCache>,
    pipeline: Res<MessagePipeline>,
    mut specialized: ResMut<SpecializedRenderPipelines<MessagePipeline>>,
    functions: Res<DrawFunctions<Transparent3d>>,
    mut phases: ResMut<ViewSortedRenderPhases<Transparent3d>>,
    views: Query<(Entity, &ExtractedView, &Msaa)>,
) {
    let Some(entity) = cloud.entity else { return };
    let draw_function = functions.read().id::<DrawMessages>();
    for (view_entity, view, msaa) in &views {
        let Some(phase) = phases.get_mut(&view.retained_view_entity) else { continue };
        let mut id = |part: Part| {
            let key = PipelineKey { part, format: view.target_format, samples: msaa.samples() };
            specialized.specialize(&cache, &pipeline, key)
        };
        let glyph = id(Part::Glyph);
        let tail = (cloud.tails == Effect::On).then(|| id(Part::Tail));
        let flow = id(Part::Flow);
        commands.entity(view_entity).insert(ViewPipelines { glyph, tail, flow });
        phase.add_transient(Transparent3d {
            sorting_info: TransparentSortingInfo3d::AlwaysOnTop,
            distance: 0.0,
            pipeline: glyph,
            entity,
            draw_function,
            batch_range: 0..1,
            extra_index: PhaseItemExtraIndex::None,
            indexed: false,
        });
    }
}

/// Draws all batches of a view: tails first, glyphs over them.
struct DrawMessages;

impl<P: PhaseItem> RenderCommand<P> for DrawMessages {
    type Param = (SRes<Cloud>, SRes<GpuBatches>, SRes<PipelineCache>);
    type ViewQuery = (Read<ViewUniformOffset>, Read<ViewPipelines>);
    type ItemQuery = ();

    fn render<'w>(
        _item: &P,
        (view, pipelines): ROQueryItem<'w, '_, Self::ViewQuery>,
        _entity: Option<()>,
        (cloud, gpu, cache): SystemParamItem<'w, '_, Self::Param>,
        pass: &mut TrackedRenderPass<'w>,
    ) -> RenderCommandResult {
        let (cloud, gpu, cache) = (cloud.into_inner(), gpu.into_inner(), cache.into_inner());
        let Some(group) = &gpu.group else { return RenderCommandResult::Skip };
        if let (Some((buffer, rows)), Some(pipeline)) = (&gpu.flow, cache.get_render_pipeline(pipelines.flow)) {
            pass.set_render_pipeline(pipeline);
            pass.set_bind_group(0, group, &[view.offset, cloud.flow_offset]);
            pass.set_vertex_buffer(0, buffer.slice(..));
            pass.draw(0..FLOW_VERTICES, 0..*rows);
        }
        let parts = [(pipelines.tail, TAIL_VERTICES), (Some(pipelines.glyph), GLYPH_VERTICES)];
        for (id, vertices) in parts {
            let Some(pipeline) = id.and_then(|id| cache.get_render_pipeline(id)) else { continue };
            pass.set_render_pipeline(pipeline);
            for batch in &cloud.batches {
                let Some(buffer) = gpu.batches.get(&batch.key) else { continue };
                pass.set_bind_group(0, group, &[view.offset, batch.offset]);
                pass.set_vertex_buffer(0, buffer.slice(..));
                for range in &batch.ranges {
                    pass.draw(0..vertices, range.clone());
                }
            }
        }
        RenderCommandResult::Success
    }
}
