//! Files: opening, saving, dropping, and what a crash left behind.
//!
//! Invariant: reading and writing happen on threads of their own; the window only sees what is done.
//! Invariant: a file that cannot be read leaves the open scene as it is, and says so.
//! Reads `FileRequest` and dropped files; writes `OpenScene`, `Files` and `EngineRoom`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bevy::prelude::*;
use bevy::window::{FileDragAndDrop, PrimaryWindow, WindowCloseRequested};
use crossbeam_channel::{Receiver, Sender};

use crate::record::Recording;
use crate::scene::document::Scene;
use crate::scene::save::save_atomic;
use crate::scene::time::SimTime;
use crate::study::rerun::RerunError;

use super::edit::Undoing;
use super::engine::EngineRoom;
use super::lost_tail::{self, LostTail};
use super::notice::{Card, Notices, Offer, Work};
use super::opening::{Opened, Opening, meant, read};
use super::panel::dialog::Dialog;
use super::panel::figure::clock_short;
use super::playhead::{fastest, slowest};
use super::recovery::Recovery;
use super::request::FileRequest;
use super::state::{CameraRequest, DesktopSystems, DocumentId, OpenScene, Play, Playhead, Selection};

/// Which file is open.
#[derive(Resource, Default)]
pub struct Files {
    /// Where the scene was read from or written to last.
    pub path: Option<PathBuf>,
    /// Files that were open before, the newest first.
    pub recent: Vec<PathBuf>,
    /// The scene as it stands in its file.
    saved: Option<Arc<Scene>>,
    /// What the open recording has lost.
    lost_tail: Option<LostTail>,
    /// The lost tail that is being run.
    completing: Option<Work>,
    jobs: Jobs,
    quitting: Quitting,
}

/// Whether the person was asked about unsaved changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Quitting {
    #[default]
    No,
    Asked,
}

/// What a dialog was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    Open,
    Save,
}

/// What threads of files report.
enum Done {
    /// The person chose a file to open.
    Chosen(PathBuf),
    /// The person chose where to save.
    ChosenForSave(PathBuf),
    /// The person closed the dialog.
    GaveUp,
    /// No dialog service answered.
    NoDialog(Purpose),
    /// A file was read.
    Read(PathBuf, Box<Result<Opened, Vec<Card>>>),
    /// The lost tail of a recording was run.
    Completed(PathBuf, Box<Result<Recording, RerunError>>),
    /// The scene was written.
    Written(PathBuf, Arc<Scene>, Result<(), String>),
}

struct Jobs {
    sender: Sender<Done>,
    receiver: Receiver<Done>,
    running: usize,
}

impl Default for Jobs {
    fn default() -> Jobs {
        let (sender, receiver) = crossbeam_channel::unbounded();
        Jobs { sender, receiver, running: 0 }
    }
}

/// Opens and saves.
pub struct FilesPlugin;

impl Plugin for FilesPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Files>()
            .init_resource::<OpenScene>()
            .init_resource::<First>()
            .add_message::<FileRequest>()
            .add_systems(
                Update,
                (place_first, take_drops, serve, finish)
                    .chain()
                    .in_set(DesktopSystems::Edit)
                    .before(super::edit::drain),
            )
            .add_systems(Update, name_window.in_set(DesktopSystems::Picture));
    }
}

impl Files {
    /// What stands in the title: the scene's own title, the file's name, or "untitled".
    pub fn name(&self, scene: &Scene) -> String {
        if !scene.title.is_empty() {
            return scene.title.clone();
        }
        let stem = self.path.as_ref().and_then(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
        stem.unwrap_or_else(|| "untitled".to_owned())
    }

    /// Whether the scene differs from its file.
    pub fn is_unsaved(&self, open: &OpenScene) -> bool {
        let empty = open.scene.nodes.is_empty() && self.path.is_none();
        match &self.saved {
            Some(saved) => !Arc::ptr_eq(saved, &open.scene) && **saved != *open.scene,
            None => !empty,
        }
    }

    /// The scene as it stands is in its file, or needs none.
    pub fn mark_saved(&mut self, scene: Arc<Scene>) {
        self.saved = Some(scene);
    }

    /// What the open recording has lost and can be run again.
    pub fn lost_tail(&self) -> Option<LostTail> {
        self.lost_tail.filter(|_| self.completing.is_none() && self.path.as_ref().is_some_and(|path| path.is_dir()))
    }

    /// Whether a thread of files is at work.
    pub fn is_busy(&self) -> bool {
        self.jobs.running > 0
    }

    fn spawn(&mut self, name: &str, job: impl FnOnce() -> Done + Send + 'static) {
        let sender = self.jobs.sender.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        // The window may be gone when a job is done; then nobody needs its report.
        let spawned = thread.spawn(move || drop(sender.send(job())));
        if spawned.is_ok() {
            self.jobs.running += 1;
        }
    }

    /// Ends the run of a lost tail, and waits a moment until it has cleared up behind itself.
    fn end_completing(&mut self) {
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
        let Some(work) = self.completing.take() else { return };
        work.cancel();
        let until = std::time::Instant::now() + PATIENCE;
        while let Ok(done) = self.jobs.receiver.recv_deadline(until) {
            if matches!(done, Done::Completed(..)) {
                return;
            }
        }
    }

    fn remember(&mut self, path: &Path) {
        const RECENT_MAX: usize = 8;
        // The program may be started elsewhere next time.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.recent.retain(|known| *known != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT_MAX);
    }
}

/// Files dropped on the window, and the wish to close it.
fn take_drops(
    mut drops: MessageReader<FileDragAndDrop>,
    mut closing: MessageReader<WindowCloseRequested>,
    mut requests: MessageWriter<FileRequest>,
) {
    if closing.read().count() > 0 {
        requests.write(FileRequest::Quit);
    }
    for drop in drops.read() {
        if let FileDragAndDrop::DroppedFile { path_buf, .. } = drop {
            requests.write(FileRequest::Open(path_buf.clone()));
        }
    }
}

fn serve(
    mut requests: MessageReader<FileRequest>,
    mut files: ResMut<Files>,
    mut shelf: Shelf,
    mut dialog: ResMut<Dialog>,
    mut exit: MessageWriter<AppExit>,
) {
    for request in requests.read() {
        let quitting = std::mem::take(&mut files.quitting);
        match request {
            FileRequest::New => shelf.place(&mut files, None, Arc::new(Scene::default()), None),
            FileRequest::Builtin(name) => open_builtin(&mut files, &mut shelf, name),
            FileRequest::OpenDialog => files.spawn("open dialog", choose_open),
            FileRequest::OpenInside => dialog.ask_open(files.path.as_deref()),
            FileRequest::Open(path) => open_file(&mut files, &mut shelf.notices, path.clone()),
            FileRequest::Save => save(&mut files, &shelf, &mut dialog),
            FileRequest::SaveDialog => choose_save_place(&mut files, &shelf.open.scene),
            FileRequest::SaveAs(path) => write(&mut files, path.clone(), shelf.open.scene.clone()),
            FileRequest::Complete => complete(&mut files, &mut shelf.notices),
            FileRequest::Recover => recover(&mut files, &mut shelf),
            FileRequest::Forget => {
                shelf.recovery.forget();
                let scene = shelf.open.scene.clone();
                shelf.recovery.write(files.path.as_deref(), &scene, &mut shelf.notices);
            }
            FileRequest::Quit if files.is_unsaved(&shelf.open) && quitting == Quitting::No => {
                ask_before_quitting(&mut files, &mut shelf.notices)
            }
            FileRequest::Quit => {
                files.end_completing();
                shelf.recovery.end_now();
                exit.write(AppExit::Success);
            }
        }
    }
}

/// What opening a file changes.
#[derive(bevy::ecs::system::SystemParam)]
pub(super) struct Shelf<'w> {
    open: ResMut<'w, OpenScene>,
    undoing: ResMut<'w, Undoing>,
    engine: ResMut<'w, EngineRoom>,
    selection: ResMut<'w, Selection>,
    playhead: ResMut<'w, Playhead>,
    notices: ResMut<'w, Notices>,
    recovery: ResMut<'w, Recovery>,
    camera: MessageWriter<'w, CameraRequest>,
}

impl Shelf<'_> {
    /// Puts a scene in the place of the open one, and begins its journal.
    fn place(&mut self, files: &mut Files, path: Option<PathBuf>, scene: Arc<Scene>, recording: Option<Recording>) {
        self.put(files, path.clone(), scene.clone(), recording);
        self.recovery.begin(path.as_deref(), &scene, &mut self.notices);
    }

    /// Puts a scene in the place of the open one, with its recording where it has one.
    fn put(&mut self, files: &mut Files, path: Option<PathBuf>, scene: Arc<Scene>, recording: Option<Recording>) {
        *self.open = OpenScene {
            document: DocumentId(self.open.document.0 + 1),
            scene: scene.clone(),
            revision: self.open.revision + 1,
        };
        *self.undoing = Undoing::default();
        *self.selection = Selection::None;
        *self.playhead = Playhead {
            time: SimTime::ZERO,
            speed: scene.settings.speed.clamp(slowest(), fastest()),
            play: if scene.nodes.is_empty() { Play::Paused } else { Play::Playing },
            wall: self.playhead.wall,
        };
        if self.notices.status.as_ref().is_some_and(|status| !status.offers.is_empty()) {
            self.notices.status = None;
        }
        files.saved = path.is_some().then(|| scene.clone());
        files.lost_tail = recording.as_ref().and_then(LostTail::of);
        files.path = path;
        match recording {
            Some(recording) => self.engine.show(recording),
            None if scene.nodes.is_empty() => self.engine.clear(),
            None => self.engine.run_again(scene),
        }
        self.camera.write(CameraRequest::SnapAll);
    }
}

fn open_file(files: &mut Files, notices: &mut Notices, path: PathBuf) {
    let path = meant(&path);
    notices.work = Some(Work::new(format!("Opening {}", path.display())));
    files.spawn("open", move || {
        let read = read(&path);
        Done::Read(path, Box::new(read))
    });
}

/// Opens a scene that comes with the program. Those are small, and tests load each.
fn open_builtin(files: &mut Files, shelf: &mut Shelf, name: &str) {
    let Some(builtin) = crate::scene::builtin::find(name) else { return };
    match crate::scene::text::load(builtin.text, builtin.name) {
        Ok(loaded) => {
            let scene = Arc::new(loaded.scene);
            shelf.place(files, None, scene.clone(), None);
            files.mark_saved(scene);
        }
        Err(problems) => shelf.notices.warn(Card::new(format!("{name} could not be opened"), problems.to_string())),
    }
}

fn save(files: &mut Files, shelf: &Shelf, dialog: &mut Dialog) {
    match files.path.clone() {
        Some(path) if path.extension().is_some_and(|extension| extension == "ron") => {
            write(files, path, shelf.open.scene.clone());
        }
        _ if files.is_busy() => {}
        _ if dialog.is_open() => {}
        _ => choose_save_place(files, &shelf.open.scene),
    }
}

fn write(files: &mut Files, path: PathBuf, scene: Arc<Scene>) {
    files.spawn("save", move || {
        let bytes = crate::scene::text::save(&scene);
        let written = save_atomic(&path, bytes.as_bytes()).map_err(|error| error.to_string());
        Done::Written(path, scene, written)
    });
}

/// The shortest time in which a person can have closed a dialog; sooner means that none came up.
const HUMAN: std::time::Duration = std::time::Duration::from_millis(400);

/// Whether anything can answer a wish for a dialog: the desktop's portal, or zenity.
#[cfg(target_os = "linux")]
fn has_dialogs() -> bool {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
        || runtime.is_some_and(|folder| folder.join("bus").exists());
    let folders = std::env::var_os("PATH").unwrap_or_default();
    bus || std::env::split_paths(&folders).any(|folder| folder.join("zenity").is_file())
}

/// Elsewhere dialogs are part of the operating system.
#[cfg(not(target_os = "linux"))]
fn has_dialogs() -> bool {
    true
}

fn choose_open() -> Done {
    if !has_dialogs() {
        return Done::NoDialog(Purpose::Open);
    }
    let dialog = rfd::FileDialog::new()
        .set_title(super::panel::dialog::OPEN_TITLE)
        .add_filter("Scenes and templates", &["ron", "yaml", "yml", "json"])
        .add_filter("Everything", &["*"]);
    let asked = std::time::Instant::now();
    match dialog.pick_file() {
        Some(path) => Done::Chosen(path),
        None if asked.elapsed() < HUMAN => Done::NoDialog(Purpose::Open),
        None => Done::GaveUp,
    }
}

fn choose_save_place(files: &mut Files, scene: &Scene) {
    let name = format!("{}.ron", files.name(scene).replace(['/', '\\'], "-"));
    files.spawn("save dialog", move || {
        if !has_dialogs() {
            return Done::NoDialog(Purpose::Save);
        }
        let dialog =
            rfd::FileDialog::new().set_title("Save the scene").set_file_name(name).add_filter("Scene", &["ron"]);
        let asked = std::time::Instant::now();
        match dialog.save_file() {
            Some(path) => Done::ChosenForSave(path),
            None if asked.elapsed() < HUMAN => Done::NoDialog(Purpose::Save),
            None => Done::GaveUp,
        }
    });
}

fn ask_before_quitting(files: &mut Files, notices: &mut Notices) {
    files.quitting = Quitting::Asked;
    let offers = vec![Offer::file("Save", FileRequest::Save), Offer::file("Quit without saving", FileRequest::Quit)];
    notices.offer("There are unsaved changes.", offers);
}

/// Takes over what an earlier run of the program could not save.
fn recover(files: &mut Files, shelf: &mut Shelf) {
    match shelf.recovery.take() {
        Some(Ok(recovered)) => {
            let path = recovered.file.clone();
            let said = match recovered.edits {
                1 => "One change was taken over. It is not saved yet.".to_owned(),
                edits => format!("{edits} changes were taken over. They are not saved yet."),
            };
            let scene = Arc::new(recovered.scene);
            shelf.put(files, path.clone(), scene.clone(), None);
            shelf.recovery.write(path.as_deref(), &scene, &mut shelf.notices);
            files.saved = None;
            shelf.notices.say(said);
        }
        Some(Err(error)) => {
            shelf.notices.warn(Card::new(
                "The changes could not be taken over",
                format!("{error}. The open scene is untouched."),
            ));
        }
        None => {}
    }
}

/// Takes up what threads of files have done.
fn finish(mut files: ResMut<Files>, mut shelf: Shelf, mut dialog: ResMut<Dialog>) {
    while let Ok(done) = files.jobs.receiver.try_recv() {
        files.jobs.running = files.jobs.running.saturating_sub(1);
        match done {
            Done::Chosen(path) => open_file(&mut files, &mut shelf.notices, path),
            Done::ChosenForSave(path) => write(&mut files, path, shelf.open.scene.clone()),
            Done::GaveUp => {}
            Done::NoDialog(Purpose::Open) => dialog.ask_open(files.path.as_deref()),
            Done::NoDialog(Purpose::Save) => dialog.ask_save(files.path.as_deref()),
            Done::Read(path, read) => take_read(&mut files, &mut shelf, path, *read),
            Done::Completed(path, completed) => take_completed(&mut files, &mut shelf, &path, *completed),
            Done::Written(path, scene, written) => take_written(&mut files, &mut shelf, path, scene, written),
        }
    }
}

fn take_read(files: &mut Files, shelf: &mut Shelf, path: PathBuf, read: Result<Opened, Vec<Card>>) {
    if shelf.notices.work.take().is_some_and(|work| work.is_cancelled()) {
        shelf.notices.say("Opening was cancelled. The open scene is untouched.");
        return;
    }
    match read {
        Ok(Opened::Scene(scene, warnings)) => {
            files.remember(&path);
            shelf.notices.cards.clear();
            shelf.place(files, Some(path), Arc::new(*scene), None);
            warnings.into_iter().for_each(|card| shelf.notices.warn(card));
        }
        Ok(Opened::Template(scene, remarks)) => {
            files.remember(&path);
            shelf.notices.cards.clear();
            shelf.place(files, None, Arc::new(*scene), None);
            remarks.into_iter().for_each(|card| shelf.notices.warn(card));
        }
        Ok(Opened::Recording(recording)) => {
            files.remember(&path);
            shelf.notices.cards.clear();
            let scene = Arc::new(recording.scene().clone());
            let lost = LostTail::of(&recording).map(|lost| lost.status(&path));
            shelf.place(files, Some(path), scene, Some(recording));
            // What an earlier crash left of the scene is asked about first; the menu completes later.
            shelf.notices.status = shelf.notices.status.take().filter(|status| !status.offers.is_empty()).or(lost);
        }
        Err(cards) => cards.into_iter().for_each(|card| shelf.notices.warn(card)),
    }
}

/// Runs the lost tail of the open recording.
fn complete(files: &mut Files, notices: &mut Notices) {
    let (Some(lost), Some(folder)) = (files.lost_tail(), files.path.clone()) else { return };
    let work = Work::new("Running the lost tail");
    files.completing = Some(work.clone());
    notices.work = Some(work.clone());
    files.spawn("lost tail", move || {
        let completed = lost.run(&folder, &work);
        Done::Completed(folder, Box::new(completed))
    });
}

fn take_completed(files: &mut Files, shelf: &mut Shelf, folder: &Path, completed: Result<Recording, RerunError>) {
    files.completing = None;
    shelf.notices.work = None;
    let is_open = files.path.as_deref() == Some(folder);
    match completed {
        // A run that goes on by now keeps the window.
        Ok(recording) if is_open && !shelf.engine.is_live() => {
            files.lost_tail = None;
            shelf.notices.say(format!("The recording is complete, up to {}.", clock_short(recording.end())));
            let at = shelf.playhead.time;
            shelf.engine.show_at(recording, at);
        }
        Ok(_) => shelf.notices.say(format!("{} is complete.", folder.display())),
        Err(RerunError::Cancelled) => {
            let text = "The lost tail was not run. The recording is as it was.".to_owned();
            let again = files.lost_tail().and_then(|lost| lost.status(folder).offers.into_iter().next());
            shelf.notices.offer(text, again.into_iter().filter(|_| is_open).collect());
        }
        Err(error) => shelf.notices.warn(lost_tail::card(&error)),
    }
}

fn take_written(files: &mut Files, shelf: &mut Shelf, path: PathBuf, scene: Arc<Scene>, written: Result<(), String>) {
    match written {
        Ok(()) => {
            shelf.notices.say(format!("Saved to {}.", path.display()));
            files.remember(&path);
            shelf.recovery.saved(&path, &scene, &mut shelf.notices);
            files.path = Some(path);
            files.saved = Some(scene);
        }
        Err(reason) => {
            let sentence = format!("{reason}. The file is as it was, and the scene is still unsaved.");
            let mut card = Card::new(format!("{} could not be written", path.display()), sentence);
            card.offers.push(Offer::file("Save elsewhere", FileRequest::SaveDialog));
            shelf.notices.warn(card);
        }
    }
}

/// The window's title: the name, and a dot where something is unsaved.
fn name_window(files: Res<Files>, open: Res<OpenScene>, mut windows: Query<&mut Window, With<PrimaryWindow>>) {
    if !files.is_changed() && !open.is_changed() {
        return;
    }
    let dot = if files.is_unsaved(&open) { " •" } else { "" };
    let title = format!("{}{dot} - Eventscape", files.name(&open.scene));
    for mut window in &mut windows {
        if window.title != title {
            window.title.clone_from(&title);
        }
    }
}

/// Opens what the program was started with.
pub fn open_first(world: &mut World, opening: Opening) {
    match opening {
        Opening::Empty => {}
        Opening::Path(path) => {
            world.write_message(FileRequest::Open(path));
        }
        Opening::Scene(scene) => {
            world.insert_resource(First(Some(scene)));
        }
    }
}

/// A scene without a file that is placed in the first frame.
#[derive(Resource, Default)]
struct First(Option<Box<Scene>>);

fn place_first(mut first: ResMut<First>, mut files: ResMut<Files>, mut shelf: Shelf) {
    let Some(scene) = first.0.take() else { return };
    let scene = Arc::new(*scene);
    shelf.place(&mut files, None, scene.clone(), None);
    files.mark_saved(scene);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_remembered_by_their_whole_path_and_once() {
        let mut files = Files::default();
        files.remember(Path::new("shop.ron"));
        files.remember(Path::new("stall.ron"));
        files.remember(Path::new("shop.ron"));
        let names: Vec<_> = files.recent.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["shop.ron", "stall.ron"]);
        assert!(files.recent.iter().all(|path| path.is_absolute()), "{:?}", files.recent);
    }

    #[test]
    fn a_scene_is_unsaved_once_it_differs_from_its_file() {
        let scene = Arc::new(Scene { title: "Shop".to_owned(), ..Scene::default() });
        let files = Files { saved: Some(scene.clone()), path: Some("shop.ron".into()), ..Files::default() };
        let mut open = OpenScene { scene, ..OpenScene::default() };
        assert!(!files.is_unsaved(&open));
        open.scene = Arc::new(Scene { title: "Stall".to_owned(), ..Scene::default() });
        assert!(files.is_unsaved(&open));
        assert!(!Files::default().is_unsaved(&OpenScene::default()));
    }
}
