//! The program: opens the window, with the file that it was given.

use std::process::ExitCode;

#[cfg(feature = "desktop")]
fn main() -> ExitCode {
    use eventscape::desktop::{app, opening::Opening, probe};
    let argument = std::env::args_os().nth(1);
    if argument.as_ref().is_some_and(|argument| argument == probe::FLAG) {
        return probe::run_child();
    }
    match probe::probe() {
        probe::Probe::Fine => app::run(argument.map_or(Opening::Empty, |path| Opening::Path(path.into()))),
        trouble => {
            eprintln!("{}", trouble.line());
            ExitCode::from(2)
        }
    }
}

#[cfg(not(feature = "desktop"))]
fn main() -> ExitCode {
    eprintln!("This build of Eventscape has no window.");
    ExitCode::from(2)
}
