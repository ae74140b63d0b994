// Messages: a glyph for each hop at its place between departure and arrival, and its tail.

#import bevy_render::view::View

struct Curve {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

struct Moment {
    // Ticks: the instant, how long an arrived hop stays, how long tails are, hops shorter than this are flow.
    now: i32,
    after: i32,
    tail: i32,
    flow: i32,
    // Hops that arrive at or after this tick belong to a later batch.
    arrive_before: i32,
    // Least size of a glyph in pixels, from its middle.
    least: f32,
    // Light of glyphs, and of tails.
    light: f32,
    tails: f32,
    // How far the pattern of flow has moved, in meters.
    phase: f32,
    // By glyph.
    colors: array<vec4<f32>, 8>,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var<uniform> moment: Moment;
@group(0) @binding(2) var<storage, read> curves: array<Curve>;

const SHAPE: u32 = 15u;
const BACKWARD: u32 = 16u;
const LOST: u32 = 32u;
const FLASH: u32 = 64u;
const CONTROL: u32 = 128u;
const BATCH: u32 = 256u;

const SPHERE: u32 = 0u;
const DART: u32 = 1u;
const RING: u32 = 2u;
const CROSS: u32 = 3u;
const CUBE: u32 = 4u;
const OCTAHEDRON: u32 = 5u;

struct Hop {
    @location(0) depart: i32,
    @location(1) duration: u32,
    @location(2) link: u32,
    @location(3) bits: u32,
}

struct Out {
    @builtin(position) position: vec4<f32>,
    @location(0) local: vec2<f32>,
    @location(1) color: vec4<f32>,
    @location(2) @interpolate(flat) shape: u32,
}

fn along(curve: Curve, t: f32) -> vec3<f32> {
    let s = 1.0 - t;
    return curve.a.xyz * (s * s * s) + curve.b.xyz * (3.0 * s * s * t) + curve.c.xyz * (3.0 * s * t * t) + curve.d.xyz * (t * t * t);
}

fn slope(curve: Curve, t: f32) -> vec3<f32> {
    let s = 1.0 - t;
    let way = (curve.b.xyz - curve.a.xyz) * (s * s) + (curve.c.xyz - curve.b.xyz) * (2.0 * s * t) + (curve.d.xyz - curve.c.xyz) * (t * t);
    let long = length(way);
    return select(vec3<f32>(1.0, 0.0, 0.0), way / long, long > 1e-5);
}

// A point of the way: replies ride beside the tube, each on the right of its own direction.
fn place(curve: Curve, share: f32, back: bool) -> vec3<f32> {
    let t = select(share, 1.0 - share, back);
    let point = along(curve, t);
    if !back {
        return point;
    }
    let way = slope(curve, t);
    let side = cross(way, vec3<f32>(0.0, 1.0, 0.0));
    let long = length(side);
    return point + select(vec3<f32>(0.0), side / long * -0.24, long > 1e-4);
}

// How far the hop has come, its age after the arrival as a share of the after-image, and whether it is seen.
struct Progress {
    share: f32,
    faded: f32,
    seen: bool,
}

fn progress(hop: Hop) -> Progress {
    var out: Progress;
    let age = moment.now - hop.depart;
    let duration = i32(hop.duration);
    out.share = clamp(f32(age) / f32(max(duration, 1)), 0.0, 1.0);
    out.faded = clamp(f32(age - duration) / f32(max(moment.after, 1)), 0.0, 1.0);
    let flash = (hop.bits & FLASH) != 0u;
    if flash {
        out.share = 1.0;
    }
    // Subtracted as integers, so that nothing is lost far from the batch's start.
    out.seen = age >= 0 && age - duration <= moment.after && hop.depart + duration < moment.arrive_before;
    if !flash && duration < moment.flow {
        out.seen = false;
    }
    return out;
}

fn pixels_per_meter(clip: vec4<f32>) -> f32 {
    return view.viewport.w * 0.5 * view.clip_from_view[1][1] / max(clip.w, 0.01);
}

fn hidden() -> Out {
    var out: Out;
    out.position = vec4<f32>(0.0, 0.0, -1.0, 1.0);
    out.local = vec2<f32>(0.0);
    out.color = vec4<f32>(0.0);
    out.shape = 0u;
    return out;
}

fn corner_of(index: u32) -> vec2<f32> {
    let corners = array<vec2<f32>, 6>(
        vec2<f32>(-1.0, -1.0), vec2<f32>(1.0, -1.0), vec2<f32>(1.0, 1.0),
        vec2<f32>(-1.0, -1.0), vec2<f32>(1.0, 1.0), vec2<f32>(-1.0, 1.0),
    );
    return corners[index % 6u];
}

@vertex
fn glyph(hop: Hop, @builtin(vertex_index) index: u32) -> Out {
    let way = progress(hop);
    if !way.seen {
        return hidden();
    }
    let back = (hop.bits & BACKWARD) != 0u;
    let flash = (hop.bits & FLASH) != 0u;
    let control = (hop.bits & CONTROL) != 0u;
    let shape = hop.bits & SHAPE;
    let curve = curves[hop.link];
    var share = way.share;
    var alpha = 1.0;
    var radius = 0.16;
    if shape == DART || shape == RING || shape == CROSS {
        radius = 0.21;
    }
    if (hop.bits & BATCH) != 0u {
        radius = 0.21;
    }
    if control {
        radius = 0.07;
        alpha = 0.75;
    }
    var point = place(curve, share, back);
    let direction = slope(curve, select(share, 1.0 - share, back)) * select(1.0, -1.0, back);
    if flash {
        // A flash grows and fades where the hop arrived; what is turned away bounces back a little.
        let bounce = select(0.25, 0.9, shape == CUBE) * way.faded;
        point = point - direction * bounce + vec3<f32>(0.0, 0.35, 0.0);
        radius = 0.24 + 0.12 * way.faded;
        alpha = 1.0 - way.faded * way.faded;
    } else if way.faded > 0.0 {
        alpha = alpha * (1.0 - way.faded) * (1.0 - way.faded);
        radius = radius * (1.0 - 0.3 * way.faded);
    }
    if (hop.bits & LOST) != 0u {
        // A lost one falls from the middle of the way and fades on the ground.
        let fall = clamp((share - 0.5) * 2.5, 0.0, 1.0);
        point = place(curve, min(share, 0.5 + fall * 0.08), back);
        point.y = mix(point.y, 0.12, fall * fall);
        alpha = alpha * (1.0 - clamp((share - 0.8) * 5.0, 0.0, 1.0));
        if way.faded > 0.0 {
            return hidden();
        }
    }
    let clip = view.clip_from_world * vec4<f32>(point, 1.0);
    let scale = pixels_per_meter(clip);
    // Shapes that must be told apart stay larger than plain dots.
    let told = select(1.0, 1.45, shape != SPHERE && shape <= OCTAHEDRON);
    let least = moment.least * select(told, 0.5, control);
    radius = max(radius, least / scale);
    let right = view.world_from_view[0].xyz;
    let up = view.world_from_view[1].xyz;
    let toward = view.world_from_view[2].xyz;
    let corner = corner_of(index) * 1.15;
    var out: Out;
    out.position = view.clip_from_world * vec4<f32>(point + (right * corner.x + up * corner.y) * radius + toward * radius * 0.7, 1.0);
    out.local = corner;
    if shape == DART {
        let seen = vec2<f32>(dot(direction, right), dot(direction, up));
        let long = max(length(seen), 1e-4);
        let turn = seen / long;
        out.local = vec2<f32>(corner.x * turn.x + corner.y * turn.y, corner.y * turn.x - corner.x * turn.y);
    }
    let color = moment.colors[shape].rgb;
    out.color = vec4<f32>(color, alpha * moment.colors[shape].a);
    out.shape = shape;
    return out;
}

@vertex
fn tail(hop: Hop, @builtin(vertex_index) index: u32) -> Out {
    let way = progress(hop);
    if !way.seen || (hop.bits & (FLASH | CONTROL | LOST)) != 0u {
        return hidden();
    }
    let back = (hop.bits & BACKWARD) != 0u;
    let curve = curves[hop.link];
    let covered = f32(moment.tail) / f32(max(i32(hop.duration), 1));
    // After the arrival the tail catches up with the head.
    let end = clamp(f32(moment.now - hop.depart - moment.tail) / f32(max(i32(hop.duration), 1)), 0.0, 1.0);
    let segments = 4u;
    let segment = index / 6u;
    let corner = corner_of(index);
    let step = (f32(segment) + corner.x * 0.5 + 0.5) / f32(segments);
    let share = mix(end, way.share, step);
    let point = place(curve, share, back);
    let clip = view.clip_from_world * vec4<f32>(point, 1.0);
    let direction = slope(curve, select(share, 1.0 - share, back));
    let toward = view.world_position - point;
    let across = normalize(cross(direction, toward) + vec3<f32>(0.0, 1e-6, 0.0));
    let width = max(0.13, moment.least * 0.8 / pixels_per_meter(clip)) * step;
    var out: Out;
    out.position = view.clip_from_world * vec4<f32>(point + across * corner.y * width, 1.0);
    out.local = vec2<f32>(step, corner.y);
    let color = moment.colors[hop.bits & SHAPE].rgb;
    out.color = vec4<f32>(color, moment.tails * step * (1.0 - way.faded) * moment.colors[hop.bits & SHAPE].a);
    out.shape = 0u;
    return out;
}

struct FlowRow {
    @location(0) link: u32,
    @location(1) bits: u32,
    @location(2) level: f32,
    @location(3) wrong: f32,
}

// A ribbon along a whole link; dashes on it move with the traffic.
@vertex
fn flow(row: FlowRow, @builtin(vertex_index) index: u32) -> Out {
    let back = (row.bits & BACKWARD) != 0u;
    let curve = curves[row.link];
    let corner = corner_of(index);
    let share = (f32(index / 6u) + corner.x * 0.5 + 0.5) / 16.0;
    let point = place(curve, share, back);
    let clip = view.clip_from_world * vec4<f32>(point, 1.0);
    let direction = slope(curve, select(share, 1.0 - share, back));
    let toward = view.world_position - point;
    let across = normalize(cross(direction, toward) + vec3<f32>(0.0, 1e-6, 0.0));
    let width = max(0.07 + 0.12 * row.level, 1.6 / pixels_per_meter(clip));
    let long = distance(curve.a.xyz, curve.d.xyz);
    var out: Out;
    out.position = view.clip_from_world * vec4<f32>(point + across * corner.y * width, 1.0);
    out.local = vec2<f32>(share * long - moment.phase, corner.y);
    let color = moment.colors[row.bits & SHAPE];
    out.color = vec4<f32>(color.rgb, (0.35 + 0.55 * row.level) * color.a);
    out.shape = 0u;
    return out;
}

@fragment
fn draw_flow(in: Out) -> @location(0) vec4<f32> {
    // Chevrons that point the way.
    let dash = fract((in.local.x + abs(in.local.y) * 0.28) / 0.9);
    let lit = smoothstep(0.0, 0.12, dash) * (1.0 - smoothstep(0.5, 0.75, dash));
    // Where several samples are taken of a pixel, its middle may lie outside of the shape.
    let edge = max(1.0 - in.local.y * in.local.y, 0.0);
    return vec4<f32>(in.color.rgb * moment.light, saturate(in.color.a) * edge * (0.3 + 0.7 * lit));
}

@fragment
fn draw_glyph(in: Out) -> @location(0) vec4<f32> {
    let p = in.local;
    let pixel = max(length(fwidth(p)) * 0.7, 1e-4);
    var distance = length(p) - 1.0;
    var color = in.color.rgb;
    switch in.shape {
        case 1u: {
            // Dart: points along +x, with a notch behind.
            let side = abs(p.y) * 0.89 - (1.0 - p.x) * 0.40;
            let notch = -0.85 + (0.85 - abs(p.y)) * 0.38 - p.x;
            distance = max(side, notch);
            color = color * select(0.86, 1.05, p.y > 0.0);
        }
        case 2u: {
            distance = abs(length(p) - 0.68) - 0.28;
        }
        case 3u: {
            let q = abs(vec2<f32>(p.x + p.y, p.x - p.y) * 0.7071);
            distance = min(max(q.x - 1.0, q.y - 0.27), max(q.y - 1.0, q.x - 0.27));
        }
        case 4u: {
            // Cube: seen from a corner, three faces.
            let q = abs(p);
            distance = max(q.x, q.x * 0.5 + q.y * 0.866) - 0.86;
            let top = p.y > abs(p.x) * 0.577;
            color = color * select(select(0.72, 0.92, p.x < 0.0), 1.12, top);
        }
        case 5u: {
            let q = abs(p);
            distance = (q.x * 1.25 + q.y - 1.0) * 0.62;
            color = color * select(select(0.66, 0.84, p.x < 0.0), select(0.94, 1.18, p.x < 0.0), p.y > 0.0);
        }
        default: {
            let depth = sqrt(max(1.0 - dot(p, p), 0.0));
            let light = dot(vec3<f32>(p, depth), vec3<f32>(-0.41, 0.62, 0.67));
            color = color * (0.8 + 0.3 * light);
        }
    }
    let alpha = in.color.a * (1.0 - smoothstep(-pixel, pixel * 0.6, distance));
    if alpha < 0.04 {
        discard;
    }
    return vec4<f32>(color * moment.light, alpha);
}

@fragment
fn draw_tail(in: Out) -> @location(0) vec4<f32> {
    // Less than nothing would brighten what lies behind without end.
    let edge = max(1.0 - in.local.y * in.local.y, 0.0);
    return vec4<f32>(in.color.rgb, saturate(in.color.a) * edge);
}
