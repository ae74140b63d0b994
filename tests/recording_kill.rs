//! A recording that a kill -9 cut short becomes, by running its tail again, what it would have been; and any
//! recording run again gives its own bytes, also one that a person steered.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventscape::record::digest::digest;
use eventscape::record::manifest::{MANIFEST, Manifest};
use eventscape::record::track::{TRACK, read_track};
use eventscape::record::{CutShort, Recording, Target, open, spawn};
use eventscape::scene::kind::Kind;
use eventscape::scene::slug::{LinkId, NodeId};
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::scene::{builtin, document::Scene, text};
use eventscape::sim::command::CommandAction;
use eventscape::sim::compile::compile;
use eventscape::sim::live;
use eventscape::sim::run::Options;
use eventscape::study::rerun::{RerunError, complete, run_again};

const FOLDER_VARIABLE: &str = "EVENTSCAPE_RECORDING_KILL_FOLDER";
/// A child that takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(300);

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventscape"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn shipped(name: &str) -> Scene {
    let scene = builtin::find(name).unwrap_or_else(|| panic!("no scene `{name}`"));
    text::load(scene.text, scene.name).unwrap_or_else(|problems| panic!("{problems}")).scene
}

fn manifest(folder: &Path) -> Option<Manifest> {
    Manifest::parse(folder, &std::fs::read_to_string(folder.join(MANIFEST)).ok()?).ok()
}

/// All files of a recording but the engine track, which differs from run to run.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap_or_else(|error| panic!("{error}")).path());
    let read = |path: PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        (name, std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    paths.map(read).filter(|(name, _)| name != TRACK).collect()
}

/// Waits until `ready`, then kills -9.
fn kill_when(child: &mut Child, ready: impl Fn() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < PATIENCE, "the child is stuck");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap_or_else(|error| panic!("the child can be killed: {error}"));
    child.wait().unwrap_or_else(|error| panic!("the child ended: {error}"));
}

#[test]
fn a_killed_recording_is_completed_to_the_bytes_of_an_undisturbed_one() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let place = |name: &str| scratch.path().join(name);
    // The first is killed before anything is listed, the second once a group of chunks is.
    for (scene, length, groups) in [("patterns", "300s", 0), ("shop", "36s", 1)] {
        let (whole, killed) = (place(&format!("{scene}-whole")), place(&format!("{scene}-killed")));
        let simulate = |folder: &Path, threads: &str| {
            let folder = folder.display().to_string();
            program(&["simulate", scene, "--for", length, "--threads", threads, "--record", &folder])
        };
        let mut child = simulate(&killed, "2").spawn().unwrap_or_else(|error| panic!("{error}"));
        kill_when(&mut child, || manifest(&killed).is_some_and(|manifest| manifest.groups.len() >= groups));
        let left = manifest(&killed).unwrap_or_else(|| panic!("{scene}: a manifest is there"));
        assert!(!left.finished, "{scene}: the kill came too late to prove anything");
        assert!(left.planned_end.is_some(), "{scene}: where it was to end is known");

        let shown = program(&["replay", &killed.display().to_string()]).output();
        let shown = shown.unwrap_or_else(|error| panic!("{error}"));
        assert!(shown.status.success(), "{scene}: what is listed opens");
        let before = files(&killed);
        let done = program(&["replay", &killed.display().to_string(), "--complete", "--threads", "1"]).status();
        assert!(done.unwrap_or_else(|error| panic!("{error}")).success(), "{scene}: the tail runs again");

        let done = simulate(&whole, "1").status().unwrap_or_else(|error| panic!("{error}"));
        assert!(done.success());
        let (whole, completed) = (files(&whole), files(&killed));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<String>>();
        assert_eq!(names(&whole), names(&completed), "{scene}");
        for (name, bytes) in &whole {
            assert!(completed.get(name) == Some(bytes), "{scene}: `{name}` differs");
        }
        let listed = left.groups.len();
        assert!(listed >= groups && before.len() > 2, "{scene}: {listed} groups were kept");
    }
}

#[test]
fn a_recording_to_a_folder_has_an_engine_track_beside_it() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let folder = scratch.path().join("run");
    let text = folder.display().to_string();
    let arguments = ["simulate", "patterns", "--for", "30s", "--threads", "2", "--partitions", "3", "--record", &text];
    assert!(program(&arguments).status().unwrap_or_else(|error| panic!("{error}")).success());
    let rows = read_track(&folder).unwrap_or_else(|error| panic!("{error}"));
    let rows = rows.unwrap_or_else(|| panic!("a track is there"));
    let partitions: std::collections::BTreeSet<u32> = rows.iter().map(|row| row.partition).collect();
    assert_eq!(partitions.len(), 3, "a row for every partition");
    assert_eq!(rows.iter().map(|row| row.until).max(), Some(SimTime::ZERO + SimSpan::from_seconds(30)));
    let sum = |figure: fn(&eventscape::record::track::TrackRow) -> u64| rows.iter().map(figure).sum::<u64>();
    assert!(sum(|row| row.events) > 1_000 && sum(|row| row.transfers) > 100 && sum(|row| row.wall) > 0);
    assert!(rows.iter().all(|row| row.threads == 2));
    assert!(sum(|row| u64::from(row.windows)) > 0, "partitions ran side by side");
    let listed = std::fs::read_to_string(folder.join(MANIFEST)).unwrap_or_else(|error| panic!("{error}"));
    assert!(!listed.contains("engine"), "the manifest does not list it");
}

fn node(id: &str) -> NodeId {
    NodeId::new(id).unwrap_or_else(|error| panic!("{error}"))
}

/// What a person does to the patterns: every kind of command, with every type that its text can hold.
fn hands(scene: &Scene) -> Vec<CommandAction> {
    let (id, producer) = scene
        .nodes
        .iter()
        .find(|(_, node)| matches!(node.kind, Kind::Producer(_) | Kind::Client(_)))
        .unwrap_or_else(|| panic!("the scene has a source"));
    let link: &LinkId = scene.links.keys().next().unwrap_or_else(|| panic!("the scene has links"));
    vec![
        CommandAction::Slow(node("answering"), 1.0 / 3.0),
        CommandAction::Stop(node("answering")),
        CommandAction::Send(id.clone(), 7),
        CommandAction::Parameters(id.clone(), Box::new(producer.kind.clone())),
        CommandAction::Cut(link.clone()),
        CommandAction::ErrorRate(node("answering"), 0.1),
        CommandAction::Start(node("answering")),
        CommandAction::Restore(link.clone()),
    ]
}

/// A run that a person steers: a command after every two seconds and a bit. `told` hears of each.
fn steer(scene: &Scene, target: Target, rounds: u64, told: &mut dyn FnMut(u64)) -> Recording {
    let model = Arc::new(compile(scene).unwrap_or_else(|errors| panic!("{errors:?}")));
    let spawned = spawn(scene.clone(), target, scene.settings.seed);
    let (sender, recording, writer) = spawned.unwrap_or_else(|error| panic!("{error}"));
    let options = Options { threads: 2, ..Options::default() };
    let engine = live::spawn(model, options, &[], sender).unwrap_or_else(|error| panic!("{error}"));
    let hands = hands(scene);
    for round in 1..=rounds {
        let horizon = SimTime::ZERO + SimSpan::from_millis(round * 2_037);
        engine.set_horizon(horizon);
        while engine.now() < horizon {
            std::thread::sleep(Duration::from_micros(200));
        }
        let action = &hands[(round as usize - 1) % hands.len()];
        engine.command(action.clone());
        told(round);
    }
    engine.stop();
    writer.join().unwrap_or_else(|error| panic!("{error}"));
    recording
}

#[test]
fn a_recording_that_a_person_steered_runs_again_to_its_own_bytes() {
    let scene = shipped("patterns");
    let steered = steer(&scene, Target::Memory, 20, &mut |_| {});
    // Commands of the last round act at the very end, faults come on top.
    assert!(steered.commands().len() > 20, "{} commands and faults", steered.commands().len());
    for (threads, partitions) in [(1, Some(1)), (2, Some(5))] {
        let options = Options { threads, partitions, ..Options::default() };
        let again = run_again(&steered, steered.end(), Target::Memory, options, &mut |_| ControlFlow::Continue(()));
        let again = again.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again.commands(), steered.commands());
        assert_eq!(digest(&again), digest(&steered), "{threads} threads, {partitions:?} partitions");
    }
}

#[test]
fn child_steers_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else { return };
    steer(&shipped("patterns"), Target::Folder(PathBuf::from(folder)), 1_000_000, &mut |round| {
        let line = format!("command {round}\n");
        let written = std::io::stdout().write_all(line.as_bytes()).and_then(|()| std::io::stdout().flush());
        written.unwrap_or_else(|error| panic!("the parent reads: {error}"));
        std::thread::sleep(Duration::from_millis(2));
    });
}

#[test]
fn commands_given_before_a_kill_act_again_at_their_instants() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let folder = scratch.path().join("steered");
    let mut child = Command::new(std::env::current_exe().unwrap_or_else(|error| panic!("{error}")))
        .args(["--exact", "child_steers_until_it_is_killed", "--nocapture", "--test-threads", "1"])
        .env(FOLDER_VARIABLE, &folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut lines = BufReader::new(child.stdout.take().unwrap_or_else(|| panic!("stdout is piped"))).lines();
    let told = lines.by_ref().map_while(Result::ok).filter(|line| line.contains("command ")).take(40).count();
    child.kill().unwrap_or_else(|error| panic!("the child can be killed: {error}"));
    child.wait().unwrap_or_else(|error| panic!("the child ended: {error}"));
    assert_eq!(told, 40);

    let left = open(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((left.cut_short(), left.planned_end()), (CutShort::Yes, None));
    let kept = left.commands();
    assert!(kept.len() >= 20, "of 40 commands {} were kept", kept.len());
    let options = Options { threads: 1, ..Options::default() };
    let cancelled = complete(&folder, options, &mut |_| ControlFlow::Break(()));
    assert!(matches!(cancelled, Err(RerunError::Cancelled)), "cancelled before its end");
    let untouched = open(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((untouched.cut_short(), untouched.end()), (CutShort::Yes, left.end()));
    let beside = std::fs::read_dir(scratch.path()).unwrap_or_else(|error| panic!("{error}")).count();
    assert_eq!(beside, 1, "nothing half run is left beside the recording");
    let completed =
        complete(&folder, options, &mut |_| ControlFlow::Continue(())).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(completed.cut_short(), CutShort::No);
    assert_eq!(completed.commands(), kept, "each command acted again where it had");
    let again = run_again(&completed, completed.end(), Target::Memory, options, &mut |_| ControlFlow::Continue(()));
    assert_eq!(digest(&again.unwrap_or_else(|error| panic!("{error}"))), digest(&completed));
}
