//! `replay`: the report of a recording, and the tail that a crash cut off.
//!
//! Invariant: a recording is changed only where `--complete` asks for it, and then only by what is missing.

use std::ops::ControlFlow;

use crate::cli::arguments::ReplayArguments;
use crate::cli::simulate::{STEPS, progress_bar};
use crate::cli::{Failure, render};
use crate::record::{self, CutShort, Recording};
use crate::scene::time::SimTime;
use crate::sim::run::Options;
use crate::study::rerun::{complete, lost_end};

/// Carries out `eventscape replay`.
pub fn replay(arguments: &ReplayArguments) -> Result<(), Failure> {
    let path = &arguments.recording;
    let recording = record::open(path).map_err(|error| Failure::Unreadable(format!("{error}; {}", error.help())))?;
    if recording.cut_short() == CutShort::No {
        return render::report(&recording, arguments.report);
    }
    if arguments.complete {
        return render::report(&run_tail(arguments, &recording)?, arguments.report);
    }
    let (end, lost) = (recording.end().since(SimTime::ZERO), lost_end(&recording).since(SimTime::ZERO));
    eprintln!(
        "`{}` was cut short at {:.3} s; its tail up to {:.3} s can be run again: eventscape replay {} --complete",
        path.display(),
        end.seconds(),
        lost.seconds(),
        path.display()
    );
    render::report(&recording, arguments.report)
}

fn run_tail(arguments: &ReplayArguments, recording: &Recording) -> Result<Recording, Failure> {
    let end = lost_end(recording).nanos().max(1);
    let bar = progress_bar();
    let mut progress = |now: SimTime| {
        bar.set_position((u128::from(now.nanos()) * u128::from(STEPS) / u128::from(end)) as u64);
        bar.set_message("running the lost tail");
        ControlFlow::Continue(())
    };
    let options = Options { threads: arguments.threads, ..Options::default() };
    let completed = complete(&arguments.recording, options, &mut progress);
    bar.finish_and_clear();
    completed.map_err(|error| Failure::Unreadable(format!("{error}; {}", error.help())))
}
