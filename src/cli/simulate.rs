//! `simulate`: run a scene without a window.
//!
//! Invariant: the same run as the window's, on the same engine and writer.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::arguments::{ReportFormat, SimulateArguments};
use crate::cli::{Failure, input, render};
use crate::record::Plan;
use crate::record::writer::{self, Target};
use crate::scene::document::Scene;
use crate::scene::time::{SimSpan, SimTime};
use crate::sim::compile::compile;
use crate::sim::effects::Recorded;
use crate::sim::run::{Options, Simulation};

/// Steps of the progress bar.
pub const STEPS: u64 = 1_000;

/// What a run without a window needs to know.
#[derive(Clone, Debug)]
pub struct Headless {
    /// How long to simulate; `None`: the scene's duration.
    pub length: Option<SimSpan>,
    /// How it is carried out.
    pub options: Options,
    /// Where the recording goes.
    pub target: Target,
    /// How the report is printed.
    pub report: ReportFormat,
}

/// Carries out `eventscape simulate`.
pub fn simulate(arguments: &SimulateArguments) -> Result<(), Failure> {
    let scene = input::read_scene(&arguments.scene)?;
    let headless = Headless {
        length: arguments.length.map(|length| length.span()),
        options: Options {
            seed: arguments.seed,
            threads: arguments.threads,
            partitions: arguments.partitions,
            recorded: Recorded::Yes,
            ..Options::default()
        },
        target: arguments.record.clone().map_or(Target::StatisticsOnly, Target::Folder),
        report: arguments.report,
    };
    run(&scene, headless)
}

/// Runs a scene and prints its report.
pub fn run(scene: &Scene, headless: Headless) -> Result<(), Failure> {
    let model = compile(scene).map_err(|errors| {
        errors.iter().for_each(|error| eprintln!("eventscape: {error}"));
        Failure::Unreadable(format!("the scene has {} problems; nothing was run", errors.len()))
    })?;
    let unreadable = |error: crate::record::RecordError| Failure::Unreadable(format!("{error}; {}", error.help()));
    let end = headless.length.map_or(model.duration(), |length| SimTime::ZERO + length);
    let seed = headless.options.seed.unwrap_or(scene.settings.seed);
    let plan = Plan { seed, end: Some(end) };
    let spawned = writer::spawn_planned(scene.clone(), headless.target, plan);
    let (sender, recording, handle) = spawned.map_err(unreadable)?;
    let simulation = Simulation::new(Arc::new(model), headless.options);
    let mut simulation = simulation.map_err(|error| Failure::Unreadable(error.to_string()))?;
    let bar = progress_bar();
    // A writer that failed has dropped its receiver; its error comes with `join`.
    let mut writing = true;
    let mut deliver = |delivery| writing &= sender.send(delivery).is_ok();
    for step in 1..=STEPS {
        let until = (u128::from(end.nanos()) * u128::from(step) / u128::from(STEPS)) as u64;
        simulation.run_until(SimTime::from_nanos(until), &mut deliver);
        bar.set_position(step);
        bar.set_message(format!("{} events", simulation.figures().events));
    }
    simulation.end(&mut deliver);
    drop(sender);
    handle.join().map_err(unreadable)?;
    bar.finish_and_clear();
    say_engine(&simulation, bar.elapsed());
    render::report(&recording, headless.report)
}

/// Runs a scene to just after `at` and keeps the recording in memory.
pub fn record_in_memory(scene: &Scene, at: SimSpan) -> Result<crate::record::Recording, Failure> {
    let unreadable = |error: String| Failure::Unreadable(error);
    let model = compile(scene)
        .map_err(|errors| unreadable(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    let spawned = writer::spawn(scene.clone(), Target::Memory, scene.settings.seed);
    let (sender, recording, handle) = spawned.map_err(|error| unreadable(error.to_string()))?;
    let simulation = Simulation::new(Arc::new(model), Options::default());
    let mut simulation = simulation.map_err(|error| unreadable(error.to_string()))?;
    let mut writing = true;
    let mut deliver = |delivery| writing &= sender.send(delivery).is_ok();
    simulation.run_until(SimTime::ZERO + at.saturating_add(SimSpan::from_nanos(1)), &mut deliver);
    simulation.end(&mut deliver);
    drop(sender);
    handle.join().map_err(|error| unreadable(error.to_string()))?;
    Ok(recording)
}

/// The progress bar of a run.
pub fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {percent}% {msg} {eta}");
    ProgressBar::new(STEPS).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What the engine did, on standard error: it differs from run to run and is no result.
fn say_engine(simulation: &Simulation, elapsed: std::time::Duration) {
    let figures = simulation.figures();
    let split = simulation.split();
    let scene = &simulation.model().scene;
    let limiting = split.limiting.and_then(|link| scene.links.keys().nth(link.row()));
    let seconds = elapsed.as_secs_f64().max(1e-9);
    eprintln!(
        "{} events in {seconds:.2} s ({:.2} M/s), {} islands, {} partitions, windows of {:.3} ms{}",
        figures.events,
        figures.events as f64 / seconds / 1e6,
        split.islands,
        split.partitions(),
        split.lookahead.seconds() * 1e3,
        limiting.map_or(String::new(), |link| format!(" (limited by link {link})")),
    );
}
