//! Pictures of hand-made scenes, drawn offscreen, for looking at and for tests.
//!
//! Where no graphics adapter is found the tests say so and pass; `EVENTSCAPE_NEEDS_ADAPTER` turns
//! that into a failure. `EVENTSCAPE_PICTURES` names a folder that keeps the pictures.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bevy::app::SubApps;
use bevy::camera::RenderTarget;
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::render::render_resource::{PipelineCache, PollType, TextureFormat};
use bevy::render::renderer::RenderDevice;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use bevy::time::TimeUpdateStrategy;
use bevy::window::ExitCondition;
use bevy::winit::WinitPlugin;
use bevy_egui::{EguiGlobalSettings, EguiPlugin, PrimaryEguiContext};

use super::ViewPlugins;
use crate::desktop::state::{Figures, OpenScene, PictureCamera, Quality, ViewRectangle};
use crate::desktop::theme::{Theme, ThemeName};
use crate::scene::document::Scene;

/// An app without a window that draws into an image.
pub struct Studio {
    apps: SubApps,
    target: Handle<Image>,
}

/// Whether an adapter is there; software counts.
fn has_adapter() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| {
        let instance = wgpu::Instance::default();
        !bevy::tasks::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN)).is_empty()
    });
    let needed = std::env::var_os("EVENTSCAPE_NEEDS_ADAPTER").is_some();
    assert!(found || !needed, "no graphics adapter is found");
    if !found {
        println!("skipped: no graphics adapter is found");
    }
    found
}

impl Studio {
    /// A studio for pictures of that size; `None` where nothing can draw.
    pub fn new(size: UVec2, theme: ThemeName, quality: Quality) -> Option<Studio> {
        if !has_adapter() {
            return None;
        }
        let mut app = App::new();
        let window = WindowPlugin { primary_window: None, exit_condition: ExitCondition::DontExit, ..default() };
        let render = RenderPlugin { synchronous_pipeline_compilation: true, ..default() };
        app.add_plugins(
            DefaultPlugins
                .set(window)
                .set(render)
                .disable::<WinitPlugin>()
                .disable::<bevy::log::LogPlugin>()
                .disable::<bevy::render::pipelined_rendering::PipelinedRenderingPlugin>(),
        );
        app.add_plugins(EguiPlugin::default());
        app.world_mut().resource_mut::<EguiGlobalSettings>().auto_create_primary_context = false;
        app.insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_millis(50)));
        app.insert_resource(Theme::named(theme)).insert_resource(quality);
        app.insert_resource(ViewRectangle { min: Vec2::ZERO, max: size.as_vec2() });
        app.add_plugins(ViewPlugins);
        let image = Image::new_target_texture(size.x, size.y, TextureFormat::Rgba8UnormSrgb, None);
        let target = app.world_mut().resource_mut::<Assets<Image>>().add(image);
        app.world_mut().spawn((
            PictureCamera,
            Camera3d::default(),
            RenderTarget::from(target.clone()),
            PrimaryEguiContext,
        ));
        app.finish();
        app.cleanup();
        Some(Studio { apps: std::mem::take(app.sub_apps_mut()), target })
    }

    /// The world of the picture.
    pub fn world(&mut self) -> &mut World {
        self.apps.main.world_mut()
    }

    /// Opens a scene with the figures of a moment.
    pub fn open(&mut self, scene: Scene, figures: Figures) {
        let world = self.world();
        let revision = world.resource::<OpenScene>().revision + 1;
        world.insert_resource(OpenScene { scene: Arc::new(scene), revision, ..default() });
        world.insert_resource(figures);
    }

    /// Draws one frame.
    pub fn update(&mut self) {
        self.apps.update();
        self.wait();
    }

    /// Waits for the adapter.
    fn wait(&self) {
        let device = self.apps.main.world().resource::<RenderDevice>().wgpu_device().clone();
        device.poll(PollType::Wait { submission_index: None, timeout: None }).expect("the device answers");
    }

    fn is_waiting(&self) -> bool {
        use bevy::app::AppLabel;
        let render = self.apps.sub_apps.get(&bevy::render::RenderApp.intern());
        render.is_none_or(|render| render.world().resource::<PipelineCache>().waiting_pipelines().next().is_some())
    }

    /// Draws until all shaders are ready, and `frames` more.
    pub fn settle(&mut self, frames: u32) {
        let mut quiet = 0;
        for _ in 0..400 {
            self.update();
            quiet = if self.is_waiting() { 0 } else { quiet + 1 };
            if quiet > frames.max(3) {
                return;
            }
        }
        panic!("shaders were not ready after 400 frames");
    }

    /// Takes the picture, and keeps it where `EVENTSCAPE_PICTURES` says.
    pub fn picture(&mut self, name: &str) -> image::RgbaImage {
        let caught: Arc<Mutex<Option<Image>>> = Arc::default();
        let keep = caught.clone();
        let screenshot = Screenshot::image(self.target.clone());
        self.world().spawn(screenshot).observe(move |captured: On<ScreenshotCaptured>| {
            *keep.lock().expect("no other frame failed") = Some(captured.image.clone());
        });
        for _ in 0..20 {
            self.update();
            if let Some(image) = caught.lock().expect("no other frame failed").take() {
                let picture = image.try_into_dynamic().expect("the target is a plain picture").to_rgba8();
                if let Some(folder) = std::env::var_os("EVENTSCAPE_PICTURES").map(PathBuf::from) {
                    picture.save(folder.join(format!("{name}.png"))).expect("the folder is there");
                }
                return picture;
            }
        }
        panic!("no picture came back after 20 frames");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::state::{NodeShown, OpenRecording, Playhead};
    use crate::desktop::view::message::supply::Shown;
    use crate::scene::document::{Link, Node, Region};
    use crate::scene::kind::*;
    use crate::scene::slug::{LinkId, NodeId, RegionId};
    use crate::scene::time::{SimSpan, SimTime};
    use crate::sim::row::Condition;

    /// Small where the pictures are only tested, full where they are kept to be looked at.
    fn size() -> UVec2 {
        if std::env::var_os("EVENTSCAPE_PICTURES").is_some() { UVec2::new(1280, 720) } else { UVec2::new(480, 270) }
    }

    fn kinds() -> Vec<Kind> {
        let rule = || Rule { pattern: "{}".into(), enabled: true };
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
        let Some(mut studio) = Studio::new(size(), ThemeName::Dark, Quality::SOFTWARE) else { return };
        let busy = NodeShown { depth: 9, in_flight: 3, busy: 6, condition: 0 };
        let (scene, figures) = gallery(&[busy], 5, &kinds());
        studio.open(scene, figures);
        studio.settle(3);
        let picture = studio.picture("bodies");
        assert!(colors(&picture) > 60, "{}", colors(&picture));
    }

    #[test]
    fn states_differ_by_shape() {
        let Some(mut studio) = Studio::new(size(), ThemeName::Dark, Quality::SOFTWARE) else { return };
        let state = |depth, busy, condition| NodeShown { depth, in_flight: 0, busy, condition };
        let states = [
            state(0, 0, 0),
            state(12, 6, 0),
            state(1_900, 19, Condition::COLD),
            state(14, 10, Condition::THROTTLING),
            state(14, 10, Condition::FAILING),
            state(9, 0, Condition::STOPPED),
        ];
        let kinds: Vec<Kind> = kinds()
            .into_iter()
            .enumerate()
            .filter(|(at, _)| [4, 5, 8, 10].contains(at))
            .map(|(_, kind)| kind)
            .collect();
        let (scene, figures) = gallery(&states, 6, &kinds);
        studio.open(scene, figures);
        studio.settle(3);
        let picture = studio.picture("states");
        assert!(colors(&picture) > 60, "{}", colors(&picture));
    }

    /// A shipped scene at an instant of its run.
    fn moment(text: &str, seconds: u64, theme: ThemeName, quality: Quality) -> Option<Studio> {
        let mut studio = Studio::new(size(), theme, quality)?;
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
        studio.open(scene, Figures { nodes: nodes.collect() });
        let world = studio.world();
        world.insert_resource(OpenRecording { recording: Some(recording), run: 1, ..default() });
        world.insert_resource(Playhead { time, speed: 1.0, ..default() });
        Some(studio)
    }

    #[test]
    fn messages_are_seen_on_their_way() {
        let text = include_str!("../../../scenes/patterns.ron");
        let Some(mut studio) = moment(text, 30, ThemeName::Dark, Quality::SOFTWARE) else { return };
        studio.settle(6);
        let with = studio.picture("patterns");
        let seen: usize = studio.world().resource::<Shown>().batches.len();
        assert!(seen > 0, "no batch is shown");
        studio.world().insert_resource(OpenRecording::default());
        studio.settle(2);
        let without = studio.picture("patterns-without-messages");
        let changed = with.pixels().zip(without.pixels()).filter(|(one, other)| one.0 != other.0).count();
        assert!(changed > 100, "messages changed {changed} pixels");
    }

    #[test]
    fn the_bright_theme_draws_with_everything_on() {
        let text = include_str!("../../../scenes/shop.ron");
        let Some(mut studio) = moment(text, 20, ThemeName::Light, Quality { samples: 4, ..Quality::FULL }) else {
            return;
        };
        studio.settle(4);
        assert!(colors(&studio.picture("shop-light")) > 60);
    }

    #[test]
    fn a_conference_is_drawn_with_everything_on() {
        let text = include_str!("../../../scenes/conference.ron");
        let Some(mut studio) = moment(text, 60, ThemeName::Dark, Quality::FULL) else { return };
        studio.settle(4);
        assert!(colors(&studio.picture("conference")) > 60);
    }
}
