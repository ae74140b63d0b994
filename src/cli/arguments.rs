//! The command line: what people may type.
//!
//! Invariant: every command has an example in its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::scene::units::Duration;

/// Sketch an event-driven architecture, simulate its traffic, replay what happened.
#[derive(Parser, Debug)]
#[command(
    name = "eventscape",
    version,
    after_help = "Examples:\n  eventscape                         open the conference scene\n  eventscape scenes/patterns.ron     open a scene, a template or a recording\n  eventscape simulate shop --for 1m  run a scene without a window\n\nExit codes: 0 fine, 1 findings, 2 wrong use or unreadable input.",
    args_conflicts_with_subcommands = true
)]
pub struct Arguments {
    /// A scene, a template or a recording to open; a name of a built-in scene: conference, patterns, shop.
    pub file: Option<PathBuf>,
    /// What to do instead of opening the window.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of opening the window.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run a scene and print a report.
    Simulate(SimulateArguments),
    /// Say all that is wrong with scenes.
    #[command(after_help = "Example: eventscape check scenes/*.ron\n\nExit code 1 where something was found.")]
    Check {
        /// Scene files.
        #[arg(required = true)]
        scenes: Vec<PathBuf>,
        /// How to print.
        #[command(flatten)]
        json: Json,
    },
    /// Print the report of a recording without running it again.
    Replay(ReplayArguments),
    /// Turn a SAM or CloudFormation template into a scene.
    #[command(after_help = "Example: eventscape import template.yaml -o shop.ron")]
    Import {
        /// The template, YAML or JSON.
        file: PathBuf,
        /// The scene to write.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// How to print.
        #[command(flatten)]
        json: Json,
    },
    /// Make one file of a recording's folder.
    #[command(after_help = "Example: eventscape pack shop.recording shop.eventscape")]
    Pack {
        /// The recording's folder.
        folder: PathBuf,
        /// The file to write.
        output: PathBuf,
    },
    /// Draw a scene at a moment of its run into a PNG, without a display.
    Screenshot(ScreenshotArguments),
    /// Print completions for a shell.
    #[command(after_help = "Example: eventscape completions bash > /etc/bash_completion.d/eventscape")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(after_help = "Example: eventscape man | man -l -")]
    Man,
}

/// Whether to print JSON.
#[derive(Args, Clone, Copy, Debug)]
pub struct Json {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How a report is printed.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportFormat {
    /// Tables for people.
    #[default]
    Text,
    /// For other programs; see docs/report.md.
    Json,
    /// One page with plots that stands alone.
    Html,
}

/// Arguments of `simulate`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  eventscape simulate scenes/shop.ron --for 10m --report html > shop.html\n  eventscape simulate patterns --record patterns.recording"
)]
pub struct SimulateArguments {
    /// A scene file, a template, or a name of a built-in scene.
    pub scene: PathBuf,
    /// How long to simulate: 90s, 10m, 5d. The scene's own duration where left out.
    #[arg(long = "for", value_parser = parse_duration)]
    pub length: Option<Duration>,
    /// Seed of all draws; the scene's where left out.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads; 0: one a core. Results do not depend on it.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Partitions; found from the latencies where left out. Results do not depend on it.
    #[arg(long)]
    pub partitions: Option<u32>,
    /// Write the recording to this folder.
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t)]
    pub report: ReportFormat,
}

/// Arguments of `replay`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  eventscape replay shop.recording --report html > shop.html\n  eventscape replay shop.recording --complete   run the tail again that a crash cut off"
)]
pub struct ReplayArguments {
    /// A recording's folder, or its packed file.
    pub recording: PathBuf,
    /// Run the lost tail of a recording again that was cut short, and add it to the folder.
    #[arg(long)]
    pub complete: bool,
    /// Threads for that; 0: one a core. Results do not depend on it.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t)]
    pub report: ReportFormat,
}

/// Arguments of `screenshot`.
#[derive(Args, Debug)]
#[command(after_help = "Example: eventscape screenshot scenes/patterns.ron --at 30s -o patterns.png --size 1280x720")]
pub struct ScreenshotArguments {
    /// A scene file, a template, or a name of a built-in scene.
    pub scene: PathBuf,
    /// The moment to draw.
    #[arg(long, value_parser = parse_duration, default_value = "0s")]
    pub at: Duration,
    /// The PNG to write.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Width and height in pixels.
    #[arg(long, value_parser = parse_size, default_value = "1280x720")]
    pub size: (u32, u32),
    /// Colors.
    #[arg(long, value_enum, default_value_t)]
    pub theme: ThemeChoice,
    /// Draws the panels around the picture.
    #[arg(long)]
    pub panels: bool,
    /// Draws shadows, glow and smooth edges also where only software draws; that takes longer.
    #[arg(long)]
    pub effects: bool,
    /// A node that is selected, by its id.
    #[arg(long)]
    pub select: Option<String>,
}

/// Colors of a picture.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    /// A lit model on a dark table.
    #[default]
    Dark,
    /// For bright rooms and paper.
    Light,
    /// High contrast for a projector in a lit room.
    Projector,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse().map_err(|error: crate::scene::units::UnitError| error.to_string())
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (16..=8_192).contains(side));
    let sides = text.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?)));
    sides.ok_or_else(|| format!("`{text}` is no size; write for example 1280x720, each side from 16 to 8192"))
}
