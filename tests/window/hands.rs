//! The window under real hands: pointer and keys come through the X server, as a person's do.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eventscape::desktop::studio::Painter;
use eventscape::desktop::tell::{self, Told};
use eventscape::scene::{builtin, text};

use crate::screen::Screen;

/// How long the window may take for what was asked: in software, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A window with a scene, on a screen of its own.
struct Driven {
    program: Child,
    screen: Screen,
    told: PathBuf,
}

impl Driven {
    fn open(screen: Screen, home: &Path, scene: &Path) -> Driven {
        let told = home.join("told.json");
        let mut command = crate::program(home);
        command.arg(scene).env("DISPLAY", &screen.display).env(tell::VARIABLE, &told);
        let program = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{error}"));
        Driven { program, screen, told }
    }

    /// What the window shows; nothing before its first frame.
    fn look(&self) -> Option<Told> {
        serde_json::from_slice(&std::fs::read(&self.told).ok()?).ok()
    }

    /// Waits until the window shows what is wanted.
    #[track_caller]
    fn wait(&mut self, wanted: &str, is_there: impl Fn(&Told) -> bool) -> Told {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(told) = self.look().filter(&is_there) {
                return told;
            }
            let ended = self.program.try_wait().unwrap_or_else(|error| panic!("{error}"));
            assert!(ended.is_none(), "the program ended: {ended:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{wanted}: not within {PATIENCE:?}; the window shows {:?}", self.look());
    }

    /// Moves, clicks, types.
    #[track_caller]
    fn hand(&self, movements: &[&str]) {
        let mut command = Command::new("xdotool");
        let status = command.args(movements).env("DISPLAY", &self.screen.display).status();
        assert!(status.is_ok_and(|status| status.success()), "xdotool {movements:?} failed");
    }

    fn go(&self, (x, y): (f32, f32)) {
        self.hand(&["mousemove", &x.round().to_string(), &y.round().to_string()]);
        // The window has to see the pointer arrive before a button goes down.
        std::thread::sleep(Duration::from_millis(400));
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        // One that has ended already needs no ending.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn a_person_runs_stops_a_node_scrubs_back_and_saves() {
    let has_hands = Command::new("xdotool").arg("version").stdout(Stdio::null()).status().is_ok();
    if crate::is_missing("xdotool", has_hands) || crate::is_missing("a graphics adapter", Painter::Best.is_here()) {
        return;
    }
    let Some(screen) = Screen::start() else { return };
    let home = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = home.path().join("mine.ron");
    let patterns = builtin::find("patterns").unwrap_or_else(|| panic!("no scene"));
    // Not as the program writes it, so that saving is seen in the file.
    std::fs::write(&path, format!("// mine\n{}", patterns.text)).unwrap_or_else(|error| panic!("{error}"));
    let mut window = Driven::open(screen, home.path(), &path);

    // It runs as soon as it is open; Space halts it and lets it go on.
    window.wait("the run begins", |told| told.is_playing && told.recorded > 0.5 && told.time > 0.5);
    // No window manager is there to give the new window the keyboard.
    window.hand(&["search", "--sync", "--name", "Eventscape", "windowfocus", "--sync"]);
    let picture = window.wait("a picture", |told| told.nodes.len() > 10).picture;
    window.go((picture.0.0 + 30.0, picture.1.1 - 30.0));
    window.hand(&["key", "space"]);
    let halted = window.wait("it halts", |told| !told.is_playing);
    window.hand(&["key", "space"]);
    window.wait("it goes on", |told| told.is_playing && told.time > halted.time + 0.3);

    // A click selects, X stops.
    let told = window.wait("nodes", |told| told.nodes.iter().any(|(id, _)| id == "order-queue"));
    let (_, place) = told.nodes.iter().find(|(id, _)| id == "order-queue").unwrap_or_else(|| panic!("no queue"));
    window.go(*place);
    window.hand(&["click", "1"]);
    window.wait("the queue is selected", |told| told.selected.as_deref() == Some("order-queue"));
    window.hand(&["key", "x"]);
    let told = window.wait("the queue is stopped", |told| told.stopped.contains(&"order-queue".to_owned()));
    assert!(
        told.commands.iter().any(|command| command.contains("Stop") && command.contains("order-queue")),
        "{told:?}"
    );

    // The pointer takes the playhead along the bar, back to where the queue still worked.
    window.hand(&["key", "space"]);
    let halted = window.wait("it halts again", |told| !told.is_playing);
    let bar = told.picture.1.1 + 24.0;
    let left = (told.picture.0.0 + told.picture.1.0) * 0.5;
    window.go((left + 200.0, bar));
    window.hand(&["mousedown", "1"]);
    window.go((left, bar));
    window.go((told.picture.0.0 + 120.0, bar));
    window.wait("the playhead goes back", |told| told.time + 0.5 < halted.time && told.stopped.is_empty());
    window.hand(&["mouseup", "1"]);

    // Ctrl+S writes the file as the program writes it.
    window.hand(&["key", "ctrl+s"]);
    let started = Instant::now();
    let written = || std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
    while written() != patterns.text && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(written() == patterns.text, "the file was not written");
    assert!(text::load(&written(), "mine.ron").is_ok());
    window.wait("it is saved", |told| !told.is_unsaved);
    window.hand(&["key", "ctrl+q"]);
    let status = window.program.wait().unwrap_or_else(|error| panic!("{error}"));
    assert!(status.success(), "the program ended with {status}");
}
