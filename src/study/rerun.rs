//! Running a recording again: its scene, seed and commands give its bytes, however far it got.
//!
//! Invariant: what was recorded stays as it is. A lost tail is added only after the run of its chunks
//! before it gave exactly the files that are listed, and the longer manifest comes last.

use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::record::manifest::{MANIFEST, Manifest};
use crate::record::{self, CutShort, Plan, RecordError, Recording, Target};
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::command::Command;
use crate::sim::compile::{CompileError, compile};
use crate::sim::model::Model;
use crate::sim::row::CommandRow;
use crate::sim::run::{Options, RunError, Simulation};

/// Steps after which a run says how far it is.
const STEPS: u64 = 1_000;

/// Why a recording could not be run again.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    /// It could not be read, or the new one not written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its scene does not compile.
    #[error("the scene of the recording does not compile: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Scene(Vec<CompileError>),
    /// The run does not begin, or a command names nothing.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A command is unreadable.
    #[error("command `{text}` of the recording is unreadable: {reason}")]
    Command {
        /// What stands there.
        text: String,
        /// What the reader said.
        reason: String,
    },
    /// The recording is one packed file, which is never added to.
    #[error("`{}` is a packed recording", .0.display())]
    Packed(PathBuf),
    /// Another version of the program recorded it.
    #[error("running it again gives other files from group {group} on")]
    Differs {
        /// The first group of chunks that differs.
        group: usize,
    },
    /// Who watched it had enough.
    #[error("running it again was cancelled")]
    Cancelled,
}

/// Who watches a run: is told the instant up to which it got, and may end it early.
pub type Progress<'a> = dyn FnMut(SimTime) -> ControlFlow<()> + 'a;

impl RerunError {
    /// What the person can do, as one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            RerunError::Record(error) => error.help(),
            RerunError::Scene(_) | RerunError::Command { .. } | RerunError::Run(_) => {
                "use the version of this program that recorded it"
            }
            RerunError::Packed(_) => "complete the folder that it was packed from, and pack that again",
            RerunError::Differs { .. } => "use the version of this program that recorded it; nothing was changed",
            RerunError::Cancelled => "run it again whenever you like; nothing was changed",
        }
    }
}

/// The commands that a person gave to a run; faults come with the scene and are left out.
pub fn given_commands(recording: &Recording, model: &Model) -> Result<Vec<Command>, RerunError> {
    let read = |row: CommandRow| match ron::from_str(&row.text) {
        Ok(action) => Ok(Command { at: row.key.time, action }),
        Err(error) => Err(RerunError::Command { text: row.text, reason: error.to_string() }),
    };
    let all = recording.commands().into_iter().map(read).collect::<Result<Vec<Command>, RerunError>>()?;
    Ok(without_faults(all, model))
}

/// Takes the faults of the scene out of recorded commands, each once: a run brings them along.
pub fn without_faults(mut commands: Vec<Command>, model: &Model) -> Vec<Command> {
    let mut faults: Vec<&Command> = model.faults.iter().collect();
    commands.retain(|command| match faults.iter().position(|fault| *fault == command) {
        Some(at) => {
            faults.remove(at);
            false
        }
        None => true,
    });
    commands
}

/// Where the lost tail of a recording ends: where its run was to end, or with its last command.
pub fn lost_end(recording: &Recording) -> SimTime {
    let commanded = recording.commands().last().map(|row| row.key.time + SimSpan::from_nanos(1));
    recording.planned_end().or(commanded).unwrap_or_default().max(recording.end())
}

/// Runs a recording's scene with its seed and commands up to `end`, and records it anew. `progress` is
/// told how far it is after each step.
pub fn run_again(
    recording: &Recording,
    end: SimTime,
    target: Target,
    options: Options,
    progress: &mut Progress,
) -> Result<Recording, RerunError> {
    let model = Arc::new(compile(recording.scene()).map_err(RerunError::Scene)?);
    let commands = given_commands(recording, &model)?;
    let seed = recording.seed();
    let plan = Plan { seed, end: Some(end) };
    let (sender, again, writer) = record::spawn_planned(recording.scene().clone(), target, plan)?;
    let mut simulation = Simulation::new(model, Options { seed: Some(seed), ..options })?;
    for command in commands {
        simulation.schedule(command)?;
    }
    // A writer that failed has dropped its receiver; its error comes with `join`.
    let mut writing = true;
    let mut deliver = |delivery| writing &= sender.send(delivery).is_ok();
    for step in 1..=STEPS {
        let until = (u128::from(end.nanos()) * u128::from(step) / u128::from(STEPS)) as u64;
        simulation.run_until(SimTime::from_nanos(until), &mut deliver);
        if progress(simulation.now()).is_break() {
            drop(sender);
            // Whoever removes what was written so far must not meet the writer at work.
            writer.join()?;
            return Err(RerunError::Cancelled);
        }
    }
    simulation.end(&mut deliver);
    drop(sender);
    writer.join()?;
    Ok(again)
}

/// Runs the lost tail of a recording that a crash cut short, and adds it to the folder. One that is
/// whole is left alone.
pub fn complete(folder: &Path, options: Options, progress: &mut Progress) -> Result<Recording, RerunError> {
    let recording = record::open(folder)?;
    if recording.cut_short() == CutShort::No {
        return Ok(recording);
    }
    if !folder.is_dir() {
        return Err(RerunError::Packed(folder.to_path_buf()));
    }
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let refused = |doing, path: &Path| {
        let path = path.to_path_buf();
        move |error: std::io::Error| RecordError::File { doing, path, reason: error.to_string() }
    };
    let scratch = tempfile::Builder::new().prefix("eventscape-rerun-").tempdir_in(beside);
    let scratch = scratch.map_err(refused("make a folder in", beside))?;
    run_again(&recording, lost_end(&recording), Target::Folder(scratch.path().to_path_buf()), options, progress)?;
    compare(&manifest(folder)?, &manifest(scratch.path())?)?;
    take_over(scratch.path(), folder)?;
    Ok(record::open(folder)?)
}

fn manifest(folder: &Path) -> Result<Manifest, RecordError> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|error| RecordError::File { doing: "read", path, reason: error.to_string() })?;
    Manifest::parse(folder, &text)
}

/// What was listed must be the beginning of what was run again, byte for byte.
fn compare(listed: &Manifest, again: &Manifest) -> Result<(), RerunError> {
    let differs = |(group, listed)| again.groups.get(group) != Some(listed);
    match listed.groups.iter().enumerate().find(|entry| differs(*entry)) {
        Some((group, _)) => Err(RerunError::Differs { group }),
        None => Ok(()),
    }
}

/// Moves the files over; the manifest last, since from then on they are listed.
fn take_over(from: &Path, to: &Path) -> Result<(), RecordError> {
    let names = |folder: &Path| -> Result<Vec<OsString>, RecordError> {
        let refused = |error: std::io::Error| RecordError::File {
            doing: "read the folder",
            path: folder.to_path_buf(),
            reason: error.to_string(),
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(refused)? {
            names.push(entry.map_err(refused)?.file_name());
        }
        names.sort_by_key(|name| name == MANIFEST);
        Ok(names)
    };
    for name in names(from)? {
        let path = to.join(&name);
        let moved = fs::rename(from.join(&name), &path);
        moved.map_err(|error| RecordError::File { doing: "rename to", path, reason: error.to_string() })?;
    }
    // What the crash left half written is named nowhere.
    for name in names(to)?.iter().filter(|name| name.to_string_lossy().ends_with(".part")) {
        let path = to.join(name);
        let removed = fs::remove_file(&path);
        removed.map_err(|error| RecordError::File { doing: "remove", path, reason: error.to_string() })?;
    }
    Ok(())
}
