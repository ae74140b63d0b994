//! The program: reads the command line and carries it out.

use std::process::ExitCode;

use clap::Parser;
use eventscape::cli::{self, arguments::Arguments, window::Window};

/// The window of this build.
#[cfg(feature = "desktop")]
const WINDOW: Window = eventscape::desktop::door::WINDOW;
#[cfg(not(feature = "desktop"))]
const WINDOW: Window = cli::window::NONE;

fn main() -> ExitCode {
    // The window is tried out in a child process first, which this flag tells from all others.
    #[cfg(feature = "desktop")]
    if std::env::args_os().nth(1).is_some_and(|argument| argument == eventscape::desktop::probe::FLAG) {
        return eventscape::desktop::probe::run_child();
    }
    cli::run(Arguments::parse(), &WINDOW)
}
