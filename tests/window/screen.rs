//! A virtual screen, for as long as a test lasts.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// An X server that draws into memory.
pub struct Screen {
    server: Child,
    /// What `DISPLAY` is set to.
    pub display: String,
}

impl Screen {
    /// Starts one on a free number; `None` where there is no such server, which is said.
    pub fn start() -> Option<Screen> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp"]);
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        if crate::is_missing("Xvfb", started.is_ok()) {
            return None;
        }
        let mut server = started.unwrap_or_else(|error| panic!("{error}"));
        let mut line = String::new();
        let pipe = server.stdout.as_mut().unwrap_or_else(|| panic!("the pipe was asked for"));
        // The server writes its number once it answers.
        BufReader::new(pipe).read_line(&mut line).unwrap_or_else(|error| panic!("{error}"));
        let number: u32 = line.trim().parse().unwrap_or_else(|_| panic!("Xvfb said {line:?} instead of a number"));
        Some(Screen { server, display: format!(":{number}") })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // One that has ended already needs no ending.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
