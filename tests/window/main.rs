//! The program where there is a screen, and where something of it is missing. Each test starts the
//! program itself; those that need a screen start a virtual one.
//!
//! Where the virtual screen, its hands (`xdotool`) or a graphics adapter is missing the tests say so and
//! pass; `EVENTSCAPE_NEEDS_ADAPTER` turns that into a failure.
#![cfg(all(feature = "desktop", target_os = "linux"))]

mod screen;
mod missing;
mod hands;

use std::path::Path;
use std::process::Command;

/// Whether a test must be skipped because `what` is missing; fails where nothing may be.
fn is_missing(what: &str, found: bool) -> bool {
    assert!(found || std::env::var_os("EVENTSCAPE_NEEDS_ADAPTER").is_none(), "{what} is missing");
    if !found {
        println!("skipped: {what} is missing");
    }
    !found
}

/// The program in an environment without a screen, and with its journals in `home`.
fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventscape"));
    command.current_dir(home).env("HOME", home);
    for variable in
        ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"]
    {
        command.env_remove(variable);
    }
    command
}
