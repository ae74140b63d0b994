//! Tests that look at pictures of hand-made scenes, drawn offscreen with the plugins of the picture alone.
//!
//! Where no graphics adapter is found the tests say so and pass; `EVENTSCAPE_NEEDS_ADAPTER` turns
//! that into a failure. `EVENTSCAPE_PICTURES` names a folder that keeps the pictures.

use std::path::PathBuf;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_egui::EguiPlugin;

use super::ViewPlugins;
use crate::desktop::reading::Promptness;
use crate::desktop::screenshot::ScreenshotError;
use crate::desktop::state::{Figures, NodeShown, OpenRecording, OpenScene, Playhead, Quality};
use crate::desktop::studio::{Painter, Studio};
use crate::desktop::theme::{Theme, ThemeName};
use crate::desktop::view::message::supply::Shown;
use crate::scene::document::{Link, Node, Region, Scene};
use crate::scene::kind::*;
use crate::scene::slug::{LinkId, NodeId, RegionId};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::row::Condition;

/// A studio with the plugins of the picture; `None` where nothing can draw.
fn studio(theme: ThemeName, quality: Quality) -> Option<Studio> {
    let made = Studio::new(size(), Painter::Best, |app| {
        app.add_plugins(EguiPlugin::default());
        app.insert_resource(Theme::named(theme)).insert_resource(quality).insert_resource(Promptness::AtOnce);
        app.add_plugins(ViewPlugins);
    });
    match made {
        Ok(studio) => Some(studio),
        Err(ScreenshotError::NoAdapter(line)) => {
            assert!(std::env::var_os("EVENTSCAPE_NEEDS_ADAPTER").is_none(), "{line}");
            println!("skipped: {line}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Opens a scene with the figures of a moment.
fn open(studio: &mut Studio, scene: Scene, figures: Figures) {
    let world = studio.world();
    let revision = world.resource::<OpenScene>().revision + 1;
    world.insert_resource(OpenScene { scene: Arc::new(scene), revision, ..default() });
    world.insert_resource(figures);
}

fn settle(studio: &mut Studio) {
    studio.settle().unwrap_or_else(|error| panic!("{error}"));
}

/// Takes the picture, and keeps it where `EVENTSCAPE_PICTURES` says.
fn picture(studio: &mut Studio, name: &str) -> image::RgbaImage {
    let picture = studio.take().unwrap_or_else(|error| panic!("{error}"));
    if let Some(folder) = std::env::var_os("EVENTSCAPE_PICTURES").map(PathBuf::from) {
        picture.save(folder.join(format!("{name}.png"))).expect("the folder is there");
    }
    picture
}

/// Small where the pictures are only tested, full where they are kept to be looked at.
fn size() -> UVec2 {
    if std::env::var_os("EVENTSCAPE_PICTURES").is_some() { UVec2::new(1280, 720) } else { UVec2::new(480, 270) }
}

fn kinds() -> Vec<Kind> {
    let rule = || Rule::new("{}");
    let rules = [("a".to_owned(), rule()), ("b".to_owned(), rule()), ("c".to_owned(), rule())];
    vec![
        Kind::Producer(Producer::default()),
        Kind::Client(Client::default()),
        Kind::Scheduler(Scheduler::default()),
        Kind::Gateway(Gateway::default()),
        Kind::Function(Function { concurrency: Some(19), ..Function::default() }),
        Kind::Queue(Queue::default()),
        Kind::Queue(Queue::default()),
        Kind::Router(Router::default()),
        Kind::Bus(Bus { rules: rules.into_iter().collect(), ..Bus::default() }),
        Kind::StateMachine(StateMachine::default()),
        Kind::Service(Service { servers: 10, ..Service::default() }),
        Kind::Store(Store::default()),
        Kind::Sink(Sink::default()),
        Kind::Generic(Generic::default()),
    ]
}

/// Every kind in a grid; one row a state where `states` has several.
fn gallery(states: &[NodeShown], across: usize, kinds: &[Kind]) -> (Scene, Figures) {
    let mut scene = Scene::default();
    let mut figures = Figures::default();
    for (state, shown) in states.iter().enumerate() {
        for (index, kind) in kinds.iter().enumerate() {
            let (row, column) = if states.len() > 1 { (index, state) } else { (index / across, index % across) };
            let (x, z) = (column as f64 * 6.4, row as f64 * 5.2);
            let id = format!("n{state:02}{index:02}");
            let region = RegionId::new(&format!("r{id}")).unwrap();
            scene.regions.insert(
                region.clone(),
                Region { label: kind.name().into(), center: (x, z), size: (5.8, 4.6), note: String::new() },
            );
            let node = Node {
                label: kind.name().into(),
                position: (x, 0.0, z),
                region: Some(region),
                kind: kind.clone(),
                note: String::new(),
            };
            scene.nodes.insert(NodeId::new(&id).unwrap(), node);
            figures.nodes.push(*shown);
        }
    }
    if states.len() == 1 && kinds.len() > 6 {
        let link = Link {
            from: NodeId::new("n0004").unwrap(),
            to: NodeId::new("n0006").unwrap(),
            latency: Default::default(),
            loss: 0.0,
            mode: None,
            rule: None,
            dead_letters: true,
        };
        scene.links.insert(LinkId::new("dead").unwrap(), link);
    }
    (scene, figures)
}

/// A picture that shows bodies has many different pixels.
fn colors(picture: &image::RgbaImage) -> usize {
    let mut seen: Vec<u32> = picture.pixels().map(|pixel| u32::from_be_bytes(pixel.0) >> 12).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

#[test]
fn every_kind_has_a_body() {
    let Some(mut studio) = studio(ThemeName::Dark, Quality::SOFTWARE) else { return };
    let busy = NodeShown { depth: 9, in_flight: 3, busy: 6, condition: 0 };
    let (scene, figures) = gallery(&[busy], 5, &kinds());
    open(&mut studio, scene, figures);
    settle(&mut studio);
    let picture = picture(&mut studio, "bodies");
    assert!(colors(&picture) > 60, "{}", colors(&picture));
}

#[test]
fn states_differ_by_shape() {
    let Some(mut studio) = studio(ThemeName::Dark, Quality::SOFTWARE) else { return };
    let state = |depth, busy, condition| NodeShown { depth, in_flight: 0, busy, condition };
    let states = [
        state(0, 0, 0),
        state(12, 6, 0),
        state(1_900, 19, Condition::COLD),
        state(14, 10, Condition::THROTTLING),
        state(14, 10, Condition::FAILING),
        state(9, 0, Condition::STOPPED),
    ];
    let kinds: Vec<Kind> =
        kinds().into_iter().enumerate().filter(|(at, _)| [4, 5, 8, 10].contains(at)).map(|(_, kind)| kind).collect();
    let (scene, figures) = gallery(&states, 6, &kinds);
    open(&mut studio, scene, figures);
    settle(&mut studio);
    let picture = picture(&mut studio, "states");
    assert!(colors(&picture) > 60, "{}", colors(&picture));
}

/// A shipped scene at an instant of its run.
fn moment(text: &str, seconds: u64, theme: ThemeName, quality: Quality) -> Option<Studio> {
    let mut studio = studio(theme, quality)?;
    let scene = crate::scene::text::load(text, "scene.ron").expect("a shipped scene loads").scene;
    let at = SimSpan::from_seconds(seconds);
    let recording =
        crate::cli::simulate::record_in_memory(&scene, at).unwrap_or_else(|_| panic!("a shipped scene runs"));
    let time = SimTime::ZERO + at.saturating_sub(SimSpan::from_millis(100));
    let nodes = recording.nodes_at(time).into_iter().map(|node| NodeShown {
        depth: node.depth,
        in_flight: node.in_flight,
        busy: node.busy,
        condition: node.condition,
    });
    open(&mut studio, scene, Figures { nodes: nodes.collect() });
    let world = studio.world();
    world.insert_resource(OpenRecording { recording: Some(recording), run: 1, ..default() });
    world.insert_resource(Playhead { time, speed: 1.0, ..default() });
    Some(studio)
}

#[test]
fn messages_are_seen_on_their_way() {
    let text = include_str!("../../../scenes/patterns.ron");
    let Some(mut studio) = moment(text, 30, ThemeName::Dark, Quality::SOFTWARE) else { return };
    settle(&mut studio);
    let with = picture(&mut studio, "patterns");
    let seen: usize = studio.world().resource::<Shown>().batches.len();
    assert!(seen > 0, "no batch is shown");
    studio.world().insert_resource(OpenRecording::default());
    settle(&mut studio);
    let without = picture(&mut studio, "patterns-without-messages");
    let changed = with.pixels().zip(without.pixels()).filter(|(one, other)| one.0 != other.0).count();
    assert!(changed > 100, "messages changed {changed} pixels");
}

#[test]
fn the_bright_theme_draws_with_everything_on() {
    let text = include_str!("../../../scenes/shop.ron");
    let Some(mut studio) = moment(text, 20, ThemeName::Light, Quality { samples: 4, ..Quality::FULL }) else {
        return;
    };
    settle(&mut studio);
    assert!(colors(&picture(&mut studio, "shop-light")) > 60);
}

#[test]
fn a_conference_is_drawn_with_everything_on() {
    let text = include_str!("../../../scenes/conference.ron");
    let Some(mut studio) = moment(text, 60, ThemeName::Dark, Quality::FULL) else { return };
    settle(&mut studio);
    assert!(colors(&picture(&mut studio, "conference")) > 60);
}
