//! What the program says where there is no display, no library for the keyboard, no graphics driver.

use std::path::Path;
use std::process::{Command, Output};

use eventscape::desktop::studio::Painter;

use crate::screen::Screen;

/// A scene that runs in a moment.
const SCENE: &str = r#"(
    version: 1,
    title: "Small",
    settings: (duration: "2s"),
    nodes: {
        "orders": (position: (0.0, 0.0, 0.0), kind: Producer(traffic: Poisson("5/s"))),
        "bin": (position: (6.0, 0.0, 0.0), kind: Sink()),
    },
    links: { "way": (from: "orders", to: "bin", latency: (spread: Constant("300ms"))) },
)"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(folder.path().join("small.ron"), SCENE).unwrap_or_else(|error| panic!("{error}"));
    folder
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{error}"))
}

/// The program said `line` once, ran the scene without a window, reported on `title`, and ended well.
#[track_caller]
fn check(output: &Output, line: &str, title: &str) {
    let (said, report) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    let lines: Vec<&str> = said.lines().filter(|said| said.contains("without a window")).collect();
    assert!(matches!(lines[..], [said] if said.contains(line)), "wanted one line with {line:?}: {said}");
    assert!(report.contains(title) && report.lines().count() > 5, "no report of {title}: {report}");
}

/// The small scene on a screen.
fn small(home: &Path, display: &str) -> Command {
    let mut command = super::program(home);
    command.arg("small.ron").env("DISPLAY", display);
    command
}

#[test]
fn without_a_display_the_default_scene_is_run_and_reported_on() {
    let home = folder();
    let output = run(&mut super::program(home.path()));
    let default = eventscape::scene::builtin::DEFAULT;
    let scene =
        eventscape::scene::text::load(default.text, default.name).unwrap_or_else(|problems| panic!("{problems}"));
    check(&output, "No display: neither DISPLAY nor WAYLAND_DISPLAY is set.", &scene.scene.title);
}

#[test]
fn a_display_that_does_not_answer_is_named() {
    let home = folder();
    check(&run(&mut small(home.path(), ":4711")), "The display does not answer: DISPLAY=:4711.", "Small");
}

#[test]
fn a_missing_library_of_the_keyboard_is_named_with_its_package() {
    let Some(screen) = Screen::start() else { return };
    let home = folder();
    // The loader finds these first, and cannot load them.
    for name in ["libxkbcommon-x11.so", "libxkbcommon-x11.so.0"] {
        std::fs::write(home.path().join(name), "no library").unwrap_or_else(|error| panic!("{error}"));
    }
    let output = run(small(home.path(), &screen.display).env("LD_LIBRARY_PATH", home.path()));
    check(&output, "install libxkbcommon-x11-0 (Debian, Ubuntu) or libxkbcommon-x11 (Fedora)", "Small");
}

/// Hides every driver of Vulkan from its loader.
fn without_drivers(command: &mut Command) -> &mut Command {
    command.env("VK_DRIVER_FILES", "/nonexistent.json").env("VK_ICD_FILENAMES", "/nonexistent.json")
}

#[test]
fn a_missing_graphics_driver_is_named_with_its_package() {
    let Some(screen) = Screen::start() else { return };
    let home = folder();
    let output = run(without_drivers(&mut small(home.path(), &screen.display)));
    check(&output, "No graphics driver for Vulkan was found: install mesa-vulkan-drivers", "Small");
}

#[test]
fn a_picture_that_nothing_can_draw_is_refused_in_one_line() {
    let home = folder();
    let mut command = super::program(home.path());
    let output = run(without_drivers(command.args(["screenshot", "small.ron", "-o", "small.png"])));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.lines().count() == 1 && said.contains("mesa-vulkan-drivers"), "{said}");
    assert!(!home.path().join("small.png").exists());
}

#[test]
fn a_picture_needs_no_display() {
    if super::is_missing("a graphics adapter", Painter::Best.is_here()) {
        return;
    }
    let home = folder();
    let mut command = super::program(home.path());
    let output = run(command.args(["screenshot", "small.ron", "--at", "1s", "-o", "small.png", "--size", "320x180"]));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let size = image::image_dimensions(home.path().join("small.png")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(size, (320, 180));
}
