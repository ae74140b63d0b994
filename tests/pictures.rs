//! Pictures of the scenes that come along, drawn in software and compared with those in `tests/pictures/`.
//!
//! The metric is ΔE OK, the distance of two colors in OKLab. A pixel is strange where no pixel within one
//! step in the other picture is nearer than `RESEMBLANCE`, so that edges may move by a pixel between
//! versions of a driver. Two pictures differ where a tile of `TILE` pixels a side holds more than `STRANGE`
//! strange ones: a change of a few pixels in one place counts, and a few pixels everywhere do not.
//!
//! Where no software adapter is found the tests say so and pass; `EVENTSCAPE_NEEDS_ADAPTER` turns that into
//! a failure. `EVENTSCAPE_BLESS` writes the pictures anew: look at them before you keep them.
#![cfg(feature = "desktop")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bevy::color::{Oklaba, Srgba};
use eventscape::desktop::screenshot::{Gallery, Picture, Shot};
use eventscape::desktop::studio::Painter;
use eventscape::record::Recording;
use eventscape::record::writer::{self, Target};
use eventscape::scene::document::{Fault, FaultSpan, Scene};
use eventscape::scene::slug::NodeId;
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::units::Duration;
use eventscape::scene::{builtin, text};
use eventscape::sim::compile::compile;
use eventscape::sim::row::{Delivery, HopKind, HopRow};
use eventscape::sim::run::{Options, Simulation};
use image::RgbaImage;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};

/// Colors that are nearer to each other than this are taken for the same.
const RESEMBLANCE: f32 = 0.06;
/// Side of a tile in pixels; tiles overlap by half, so that no change hides on their borders.
const TILE: u32 = 12;
/// Strange pixels that a tile may hold.
const STRANGE: u32 = 6;
/// Bytes that a kept picture may take.
const KEPT_MAX: u64 = 150_000;

/// The kept pictures: scene, and second of its run.
const KEPT: [(&str, u64); 3] = [("conference", 60), ("patterns", 30), ("shop", 20)];

fn scene(name: &str) -> Scene {
    let builtin = builtin::find(name).unwrap_or_else(|| panic!("no scene {name}"));
    text::load(builtin.text, name).unwrap_or_else(|problems| panic!("{problems}")).scene
}

fn second(second: u64) -> SimTime {
    SimTime::ZERO + SimSpan::from_seconds(second)
}

/// Whether pictures can be drawn here.
fn can_draw() -> bool {
    let found = Painter::Software.is_here();
    assert!(found || std::env::var_os("EVENTSCAPE_NEEDS_ADAPTER").is_none(), "no software adapter is found");
    if !found {
        println!("skipped: no software adapter is found");
    }
    found
}

/// Runs a scene to just after `at`, and records the hops that `keep` lets through.
fn record(scene: &Scene, at: SimTime, mut keep: impl FnMut(&HopRow) -> bool) -> Recording {
    let model = compile(scene).unwrap_or_else(|errors| panic!("{errors:?}"));
    let spawned = writer::spawn(scene.clone(), Target::Memory, scene.settings.seed);
    let (sender, recording, handle) = spawned.unwrap_or_else(|error| panic!("{error}"));
    let simulation = Simulation::new(Arc::new(model), Options::default());
    let mut simulation = simulation.unwrap_or_else(|error| panic!("{error}"));
    let mut deliver = |mut delivery: Delivery| {
        if let Delivery::Rows { parts, .. } = &mut delivery {
            parts.iter_mut().for_each(|rows| rows.hops.retain(&mut keep));
        }
        sender.send(delivery).unwrap_or_else(|error| panic!("{error}"));
    };
    simulation.run_until(at + SimSpan::from_nanos(1), &mut deliver);
    simulation.end(&mut deliver);
    drop(sender);
    handle.join().unwrap_or_else(|error| panic!("{error}"));
    recording
}

/// Draws pictures in software; `None` where that cannot be, which is said.
fn gallery() -> Option<Gallery> {
    if !can_draw() {
        return None;
    }
    let shot = Shot { painter: Painter::Software, ..Shot::default() };
    Some(Gallery::new(&shot).unwrap_or_else(|error| panic!("{error}")))
}

fn draw(gallery: &mut Gallery, scene: &Scene, recording: &Recording, at: SimTime) -> Picture {
    gallery.picture(scene, Some(recording), at).unwrap_or_else(|error| panic!("{error}"))
}

/// A picture of half the size: four pixels become their mean. Pictures are kept and compared so.
fn halved(picture: &RgbaImage) -> RgbaImage {
    let (width, height) = (picture.width() / 2, picture.height() / 2);
    image::imageops::thumbnail(picture, width, height)
}

fn kept(name: &str, second: u64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/pictures/{name}-{second}s.png"))
}

fn load(path: &Path) -> RgbaImage {
    image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgba8()
}

/// Writes a picture as small as may be.
fn keep(picture: &RgbaImage, path: &Path) {
    let file = std::fs::File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let encoder = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive);
    let picture = image::DynamicImage::ImageRgba8(picture.clone()).to_rgb8();
    picture.write_with_encoder(encoder).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A picture's pixels in OKLab.
fn in_oklab(picture: &RgbaImage) -> Vec<[f32; 3]> {
    let color = |pixel: &image::Rgba<u8>| {
        let [red, green, blue, _] = pixel.0;
        let Oklaba { lightness, a, b, .. } = Oklaba::from(Srgba::rgb_u8(red, green, blue));
        [lightness, a, b]
    };
    picture.pixels().map(color).collect()
}

/// The pixels of `one` that nothing near them in `other` resembles.
fn strange(one: &RgbaImage, other: &RgbaImage) -> Vec<bool> {
    let (width, height) = one.dimensions();
    let (ours, theirs) = (in_oklab(one), in_oklab(other));
    let resembles = |ours: [f32; 3], x: u32, y: u32| {
        let theirs = theirs[(y * width + x) as usize];
        let apart: f32 = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).powi(2)).sum();
        apart < RESEMBLANCE * RESEMBLANCE
    };
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let is_strange = |((x, y), color): ((u32, u32), &[f32; 3])| {
        let near = |place: u32, end: u32| place.saturating_sub(1)..=(place + 1).min(end - 1);
        !resembles(*color, x, y) && !near(y, height).any(|y| near(x, width).any(|x| resembles(*color, x, y)))
    };
    places.zip(&ours).map(is_strange).collect()
}

/// The tile with the most strange pixels: how many, and its upper left corner.
fn worst_tile(one: &RgbaImage, other: &RgbaImage) -> (u32, (u32, u32)) {
    assert_eq!(one.dimensions(), other.dimensions(), "pictures of different sizes");
    let (width, height) = one.dimensions();
    let (here, there) = (strange(one, other), strange(other, one));
    let is_strange = |x: u32, y: u32| {
        let place = (y * width + x) as usize;
        here[place] || there[place]
    };
    let corners =
        (0..height).step_by(TILE as usize / 2).flat_map(|y| (0..width).step_by(TILE as usize / 2).map(move |x| (x, y)));
    let count = |(x, y): (u32, u32)| {
        let rows = y..(y + TILE).min(height);
        let strange = rows.map(|y| (x..(x + TILE).min(width)).filter(|x| is_strange(*x, y)).count() as u32);
        (strange.sum(), (x, y))
    };
    corners.map(count).max_by_key(|(strange, _)| *strange).unwrap_or_default()
}

#[track_caller]
fn assert_alike(picture: &RgbaImage, kept: &Path) {
    let (strange, (x, y)) = worst_tile(picture, &load(kept));
    if strange > STRANGE {
        let drawn = Path::new(env!("CARGO_TARGET_TMPDIR")).join(kept.file_name().unwrap_or_default());
        keep(picture, &drawn);
        panic!("{strange} pixels around {x}, {y} differ; compare {} with {}", drawn.display(), kept.display());
    }
    println!("{}: {strange} strange pixels in the worst tile", kept.display());
}

#[track_caller]
fn assert_differ(what: &str, one: &RgbaImage, other: &RgbaImage) {
    let (strange, (x, y)) = worst_tile(one, other);
    println!("{what}: {strange} strange pixels around {x}, {y}");
    assert!(strange > STRANGE, "{what} is not seen: only {strange} pixels around {x}, {y} differ");
}

/// Every node has its label, none covers another, and none is cut.
#[track_caller]
fn assert_labels_are_readable(name: &str, scene: &Scene, drawn: &Picture) {
    let Picture { image, labels } = drawn;
    let named: Vec<&NodeId> = labels.iter().map(|label| &label.node).collect();
    let missing: Vec<&NodeId> = scene.nodes.keys().filter(|node| !named.contains(node)).collect();
    assert!(missing.is_empty(), "{name}: no label for {missing:?}");
    for (place, label) in labels.iter().enumerate() {
        let (rectangle, size) = (label.rectangle, image.dimensions());
        let inside = rectangle.min.x >= 0.0 && rectangle.min.y >= 0.0;
        let inside = inside && rectangle.max.x <= size.0 as f32 && rectangle.max.y <= size.1 as f32;
        assert!(inside, "{name}: the label of {} is cut", label.node);
        let over = labels.iter().take(place).find(|other| other.rectangle.intersects(rectangle));
        assert!(over.is_none(), "{name}: the label of {} covers another", label.node);
    }
}

#[test]
fn every_scene_looks_as_it_did() {
    let Some(mut gallery) = gallery() else { return };
    for (name, at) in KEPT {
        let (scene, path) = (scene(name), kept(name, at));
        let drawn = draw(&mut gallery, &scene, &record(&scene, second(at), |_| true), second(at));
        assert_labels_are_readable(name, &scene, &drawn);
        let drawn = halved(&drawn.image);
        if std::env::var_os("EVENTSCAPE_BLESS").is_some() {
            keep(&drawn, &path);
        }
        assert_alike(&drawn, &path);
        let size = std::fs::metadata(&path).map_or(0, |data| data.len());
        assert!(size <= KEPT_MAX, "{} takes {size} bytes", path.display());
    }
}

/// The four patterns in the middle of their failure. Shaders take most of the time that a picture takes, so one
/// gallery draws all of them.
#[test]
fn what_changes_in_a_scene_is_seen() {
    let Some(mut gallery) = gallery() else { return };
    let (name, at) = KEPT[1];
    let (scene, at, path) = (scene(name), second(at), kept(name, at));
    let recording = record(&scene, at, |_| true);
    let drawn = draw(&mut gallery, &scene, &recording, at);
    if std::env::var_os("EVENTSCAPE_BLESS").is_some() {
        return;
    }
    assert_alike(&halved(&drawn.image), &path);
    let kept = load(&path);

    let again = draw(&mut gallery, &scene, &recording, at);
    assert!(drawn.image == again.image, "a picture is no function of scene and time");

    let stopped = with_a_stopped_node(&scene, at);
    let stopped = draw(&mut gallery, &scene, &record(&stopped, at, |_| true), at);
    assert_differ("a node that is stopped", &halved(&stopped.image), &kept);

    let moved = with_a_moved_label(&drawn);
    assert_differ("a label that has moved", &halved(&moved), &kept);

    let hidden = lonely_message(&scene, at);
    let without = draw(&mut gallery, &scene, &record(&scene, at, |hop| hop.key != hidden.key), at);
    assert_differ("a message that is hidden", &halved(&without.image), &kept);
}

/// A node that works stops a moment before `at`: what is on its way stays as it was.
fn with_a_stopped_node(scene: &Scene, at: SimTime) -> Scene {
    let node = NodeId::new("food-r").unwrap_or_else(|error| panic!("{error}"));
    let moment = at.since(SimTime::ZERO).saturating_sub(SimSpan::from_millis(20));
    let mut scene = scene.clone();
    scene.faults.push(FaultSpan { at: Duration(moment), until: None, fault: Fault::Stop(node) });
    scene
}

/// The label of the highest right lies a few pixels lower.
fn with_a_moved_label(drawn: &Picture) -> RgbaImage {
    const MOVED: u32 = 8;
    let label = drawn.labels.first().unwrap_or_else(|| panic!("no label is drawn")).rectangle;
    let (left, top) = (label.min.x as u32, label.min.y as u32);
    let (width, height) = (label.width() as u32, label.height() as u32);
    let piece = |top, height| image::imageops::crop_imm(&drawn.image, left, top, width, height).to_image();
    // What lay under the label is not known: the rows above it stand in.
    let (words, above) = (piece(top, height), piece(top - MOVED, MOVED));
    let mut moved = drawn.image.clone();
    image::imageops::replace(&mut moved, &above, i64::from(left), i64::from(top));
    image::imageops::replace(&mut moved, &words, i64::from(left), i64::from(top + MOVED));
    moved
}

/// The message that is farthest from all others on its link and from both ends.
fn lonely_message(scene: &Scene, at: SimTime) -> HopRow {
    let mut flying: Vec<HopRow> = Vec::new();
    record(scene, at, |hop| {
        if hop.kind == HopKind::Event && hop.key.time <= at && hop.arrive > at {
            flying.push(*hop);
        }
        true
    });
    let share = |hop: &HopRow| at.since(hop.key.time).seconds() / hop.arrive.since(hop.key.time).seconds();
    let room = |hop: &HopRow| {
        let others = flying.iter().filter(|other| other.link == hop.link && other.key != hop.key);
        let apart = others.map(|other| (share(other) - share(hop)).abs());
        apart.fold(share(hop).min(1.0 - share(hop)), f64::min)
    };
    let lonely = flying.iter().max_by(|one, other| room(one).total_cmp(&room(other)));
    *lonely.unwrap_or_else(|| panic!("nothing is on its way"))
}
