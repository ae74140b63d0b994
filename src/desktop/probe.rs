//! Whether a window can be opened here, found out before anything is at stake.
//!
//! Invariant: the probe runs in a child process, because missing libraries and broken drivers end
//! the process that meets them; its parent only reads how the child ended.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The hidden flag with which the program probes instead of running.
pub const FLAG: &str = "--probe";

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probe {
    /// A window can be opened.
    Fine,
    /// No variable names a display.
    NoDisplay,
    /// A variable names a display that does not answer.
    DisplayUnreachable {
        /// The variable with its value.
        display: String,
    },
    /// A library that is loaded at run time is missing.
    MissingLibrary {
        /// The library, or what the child said about it.
        library: String,
    },
    /// There is a display, and no graphics driver.
    NoAdapter,
}

const CODE_FINE: u8 = 0;
const CODE_DISPLAY: u8 = 40;
const CODE_ADAPTER: u8 = 41;
const PATIENCE: Duration = Duration::from_secs(20);

/// Libraries that are loaded at run time, with the packages that bring them on Debian and Fedora.
const LIBRARIES: [(&str, &str, &str); 7] = [
    ("libxkbcommon-x11", "libxkbcommon-x11-0", "libxkbcommon-x11"),
    ("libxkbcommon", "libxkbcommon0", "libxkbcommon"),
    ("libX11-xcb", "libx11-xcb1", "libX11-xcb"),
    ("libX11", "libx11-6", "libX11"),
    ("libXcursor", "libxcursor1", "libXcursor"),
    ("libXi", "libxi6", "libXi"),
    ("libwayland-client", "libwayland-client0", "libwayland-client"),
];

impl Probe {
    /// One line for the terminal: what is missing, and what to install.
    pub fn line(&self) -> String {
        match self {
            Probe::Fine => "A window can be opened.".to_owned(),
            Probe::NoDisplay => "No display: neither DISPLAY nor WAYLAND_DISPLAY is set.".to_owned(),
            Probe::DisplayUnreachable { display } => format!("The display does not answer: {display}."),
            Probe::MissingLibrary { library } => missing_line(library),
            Probe::NoAdapter => "No graphics driver for Vulkan was found: install mesa-vulkan-drivers \
                                 (Debian, Ubuntu, Fedora), or the driver of your graphics card."
                .to_owned(),
        }
    }
}

fn missing_line(library: &str) -> String {
    match LIBRARIES.into_iter().find(|(name, _, _)| library.contains(name)) {
        Some((name, debian, fedora)) => {
            format!("The library {name} is missing: install {debian} (Debian, Ubuntu) or {fedora} (Fedora).")
        }
        None => format!("A library of the window system is missing: {library}"),
    }
}

/// Looks whether a window can be opened, without risking this process.
pub fn probe() -> Probe {
    if !names_display() {
        return Probe::NoDisplay;
    }
    let Ok(program) = std::env::current_exe() else { return Probe::Fine };
    let mut command = Command::new(program);
    command.arg(FLAG).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).env("RUST_BACKTRACE", "0");
    match command.spawn() {
        Ok(child) => judge(child),
        // Where no child can be started, only trying tells.
        Err(_) => Probe::Fine,
    }
}

/// Whether a display can be meant at all; other systems than Linux always have one.
fn names_display() -> bool {
    cfg!(not(target_os = "linux")) || !displays().is_empty()
}

fn displays() -> Vec<String> {
    ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"]
        .into_iter()
        .filter_map(|name| {
            std::env::var(name).ok().filter(|value| !value.is_empty()).map(|value| format!("{name}={value}"))
        })
        .collect()
}

fn judge(mut child: std::process::Child) -> Probe {
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Probe::DisplayUnreachable { display: displays().join(", ") };
            }
        }
    };
    let mut said = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        let _ = std::io::Read::read_to_string(&mut pipe, &mut said);
    }
    verdict(status.code(), &said)
}

/// What a child's end means.
fn verdict(code: Option<i32>, said: &str) -> Probe {
    match code {
        Some(code) if code == i32::from(CODE_FINE) => Probe::Fine,
        Some(code) if code == i32::from(CODE_ADAPTER) => Probe::NoAdapter,
        _ if names_library(said) => Probe::MissingLibrary { library: library_in(said) },
        Some(code) if code == i32::from(CODE_DISPLAY) => Probe::DisplayUnreachable { display: displays().join(", ") },
        // A driver that takes the process down is as good as none.
        _ => Probe::NoAdapter,
    }
}

fn names_library(said: &str) -> bool {
    said.contains("could not be loaded")
        || said.contains("NoWaylandLib")
        || LIBRARIES.iter().any(|(name, _, _)| said.contains(name))
}

fn library_in(said: &str) -> String {
    let known = LIBRARIES.into_iter().find(|(name, _, _)| said.contains(name)).map(|(name, _, _)| name.to_owned());
    known.unwrap_or_else(|| said.lines().last().unwrap_or_default().trim().to_owned())
}

/// The child's part: makes an event loop, then looks for a graphics adapter.
pub fn run_child() -> ExitCode {
    if let Err(reason) = make_event_loop() {
        eprintln!("{reason}");
        return ExitCode::from(CODE_DISPLAY);
    }
    match adapters().len() {
        0 => ExitCode::from(CODE_ADAPTER),
        _ => ExitCode::from(CODE_FINE),
    }
}

/// An event loop needs the display and the libraries of the window system.
#[cfg(target_os = "linux")]
fn make_event_loop() -> Result<(), String> {
    winit::event_loop::EventLoop::new().map(drop).map_err(|error| error.to_string())
}

/// Elsewhere the window system is part of the operating system.
#[cfg(not(target_os = "linux"))]
fn make_event_loop() -> Result<(), String> {
    Ok(())
}

/// The adapters that can draw here, software included.
pub fn adapters() -> Vec<wgpu::AdapterInfo> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let found = bevy::tasks::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    found.iter().map(wgpu::Adapter::get_info).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: Option<i32>, said: &str, expected: &str) {
        let probe = verdict(code, said);
        let line = probe.line();
        assert!(line.contains(expected), "{probe:?}: {line}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn every_end_of_the_child_gives_one_line_that_helps() {
        check(Some(0), "", "can be opened");
        check(Some(40), "os error: XOpenDisplay failed", "does not answer");
        check(Some(41), "", "mesa-vulkan-drivers");
        check(Some(101), "Library libxkbcommon-x11.so could not be loaded.", "libxkbcommon-x11-0");
        check(Some(101), "Library libxkbcommon.so could not be loaded.", "libxkbcommon0");
        check(Some(40), "libXcursor.so.1: cannot open shared object file", "libxcursor1");
        check(None, "", "mesa-vulkan-drivers");
    }

    #[test]
    fn a_machine_without_display_gets_one_line() {
        assert_eq!(Probe::NoDisplay.line().lines().count(), 1);
    }
}
