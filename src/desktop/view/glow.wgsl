// Bodies: lit as usual, and shining where the vertex color's alpha is below one.

#import bevy_pbr::{
    pbr_fragment::pbr_input_from_standard_material,
    pbr_functions::{apply_pbr_lighting, main_pass_post_lighting_processing},
    forward_io::{VertexOutput, FragmentOutput},
}

@group(#{MATERIAL_BIND_GROUP}) @binding(100) var<uniform> strength: vec4<f32>;

@fragment
fn fragment(in: VertexOutput, @builtin(front_facing) is_front: bool) -> FragmentOutput {
    var pbr_input = pbr_input_from_standard_material(in, is_front);
#ifdef VERTEX_COLORS
    let glow = 1.0 - in.color.a;
    pbr_input.material.base_color = vec4<f32>(in.color.rgb * (1.0 - 0.6 * glow), 1.0);
    // The last number is the weight of the camera's exposure: lit parts ignore it.
    pbr_input.material.emissive = vec4<f32>(in.color.rgb * glow * strength.x, 0.0);
#endif
    var out: FragmentOutput;
    out.color = apply_pbr_lighting(pbr_input);
    out.color = main_pass_post_lighting_processing(pbr_input, out.color);
    return out;
}
