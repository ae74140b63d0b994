//! The terminal: every command, with its progress and its exit code.
//!
//! Invariant: standard output carries results alone; progress, warnings and errors go to standard error.
//! Exit codes: 0 fine, 1 findings, 2 wrong use or unreadable input.

pub mod arguments;
pub mod input;
pub mod simulate;
pub mod replay;
pub mod render;
pub mod window;

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::arguments::{Arguments, Command};
use crate::cli::window::Window;
use crate::record;
use crate::scene::{check, save, text};

/// Exit code of a run that found something wrong in its input.
const FINDINGS: u8 = 1;
/// Exit code of wrong use, or of input that cannot be read.
const UNREADABLE: u8 = 2;

/// Why a command ended without its result.
pub enum Failure {
    /// The input was read and is wrong; everything has been said.
    Findings,
    /// The input could not be read, or the command was used wrongly.
    Unreadable(String),
}

/// Carries out a command line, with the window that this build has.
pub fn run(arguments: Arguments, window: &Window) -> ExitCode {
    let done = match arguments.command {
        None => return window::open(window, arguments.file.as_deref()),
        Some(Command::Simulate(options)) => simulate::simulate(&options),
        Some(Command::Check { scenes, json }) => check_scenes(&scenes, json),
        Some(Command::Replay(options)) => replay::replay(&options),
        Some(Command::Import { file, output, json }) => import(&file, output.as_deref(), json),
        Some(Command::Pack { folder, output }) => pack(&folder, &output),
        Some(Command::Screenshot(options)) => window::screenshot(window, &options),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Arguments::command(), "eventscape", &mut std::io::stdout());
            Ok(())
        }
        Some(Command::Man) => man(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Findings) => ExitCode::from(FINDINGS),
        Err(Failure::Unreadable(line)) => {
            eprintln!("eventscape: {line}");
            ExitCode::from(UNREADABLE)
        }
    }
}

fn check_scenes(scenes: &[std::path::PathBuf], json: arguments::Json) -> Result<(), Failure> {
    let mut found = Vec::new();
    for path in scenes {
        let scene = input::read_text(path)?;
        let (problems, source) = match text::load(&scene, &path.display().to_string()) {
            Ok(loaded) => (loaded.warnings, scene),
            Err(problems) => (problems.0, scene),
        };
        if json.json {
            found.extend(problems.iter().map(input::problem_json));
        } else {
            problems.iter().for_each(|problem| input::show_problem(problem, &source));
            if problems.is_empty() {
                println!("{}: no problems", path.display());
            }
            found.extend(problems.iter().map(input::problem_json));
        }
    }
    if json.json {
        println!("{}", serde_json::Value::Array(found.clone()));
    }
    if found.is_empty() { Ok(()) } else { Err(Failure::Findings) }
}

fn import(file: &Path, output: Option<&Path>, json: arguments::Json) -> Result<(), Failure> {
    let imported = input::import_template(file)?;
    for problem in check::check(&imported.scene) {
        eprintln!("{problem}");
    }
    if let Some(output) = output {
        let written = text::save(&imported.scene);
        save::save_atomic(output, written.as_bytes()).map_err(|error| Failure::Unreadable(error.to_string()))?;
    }
    if json.json {
        let summary = serde_json::to_string_pretty(&imported.summary);
        println!("{}", summary.map_err(|error| Failure::Unreadable(error.to_string()))?);
        return Ok(());
    }
    let summary = &imported.summary;
    println!("{}: {} nodes, {} links from {} resources", summary.file, summary.nodes, summary.links, summary.resources);
    for unknown in &summary.unknown_resources {
        println!("  unknown: {} ({})", unknown.id, unknown.type_name);
    }
    for note in &summary.notes {
        println!("  note: {}", note.text);
    }
    Ok(())
}

fn pack(folder: &Path, output: &Path) -> Result<(), Failure> {
    record::pack(folder, output).map_err(|error| Failure::Unreadable(format!("{error}; {}", error.help())))
}

fn man() -> Result<(), Failure> {
    let page = clap_mangen::Man::new(Arguments::command());
    page.render(&mut std::io::stdout()).map_err(|error| Failure::Unreadable(error.to_string()))
}
