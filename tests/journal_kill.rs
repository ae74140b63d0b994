//! A kill -9 at any moment loses at most the last second of edits.
//!
//! The test runs itself again as a child that edits and journals, kills it, and recovers.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eventscape::scene::document::Scene;
use eventscape::scene::edit::{Edit, apply};
use eventscape::scene::journal::{Journal, is_left_behind, recover};
use eventscape::scene::sample::{arbitrary_edit, arbitrary_scene};

const PATH_VARIABLE: &str = "EVENTSCAPE_JOURNAL_KILL_PATH";
const SCENE_SEED: u64 = 11;

/// The same edits in both processes: the n-th one that applies.
fn next_edit(scene: &mut Scene, seed: &mut u64) -> Edit {
    loop {
        let edit = arbitrary_edit(scene, *seed);
        *seed += 1;
        if apply(scene, edit.clone()).is_ok() {
            return edit;
        }
    }
}

#[test]
fn child_edits_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH_VARIABLE) else { return };
    let mut scene = arbitrary_scene(SCENE_SEED);
    let journal = Journal::begin(PathBuf::from(path), None, &scene).expect("the journal begins");
    let (begin, mut seed) = (Instant::now(), 0);
    for number in 1_u64.. {
        let edit = next_edit(&mut scene, &mut seed);
        journal.record(&edit).expect("the edit is recorded");
        let line = format!("edit {number} {}\n", begin.elapsed().as_millis());
        std::io::stdout()
            .write_all(line.as_bytes())
            .and_then(|()| std::io::stdout().flush())
            .expect("the parent reads");
        if number.is_multiple_of(8) {
            std::thread::sleep(Duration::from_millis(3));
        }
    }
}

fn spawn_child(journal: &Path) -> Child {
    Command::new(std::env::current_exe().expect("the test has a path"))
        .args(["--exact", "child_edits_until_it_is_killed", "--nocapture", "--test-threads", "1"])
        .env(PATH_VARIABLE, journal)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts")
}

/// (number, milliseconds) of every edit that the child told of before it was killed.
fn edits_told(child: &mut Child, kill_after: Duration) -> Vec<(usize, u64)> {
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut told = Vec::new();
    let mut begin = None;
    while let Some(Ok(line)) = lines.next() {
        let mut words = line.split(' ').skip_while(|word| *word != "edit").skip(1);
        let (number, millis) = (words.next().and_then(|w| w.parse().ok()), words.next().and_then(|w| w.parse().ok()));
        told.extend(number.zip(millis));
        let since_first = begin.get_or_insert_with(Instant::now).elapsed();
        if !told.is_empty() && since_first >= kill_after {
            child.kill().expect("the child can be killed");
        }
    }
    child.wait().expect("the child ended");
    told
}

#[test]
fn a_kill_at_any_moment_loses_at_most_the_last_second_of_edits() {
    for (round, millis) in [20, 180, 700, 1_300].into_iter().enumerate() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("killed.journal");
        let mut child = spawn_child(&path);
        let told = edits_told(&mut child, Duration::from_millis(millis));
        let last = told.last().map_or(0, |(_, millis)| *millis);
        if !path.exists() {
            assert!(last < 1_000, "round {round}: no journal after {last} ms");
            continue;
        }
        assert!(is_left_behind(&path), "round {round}: the dead child holds no lock");
        let recovered = recover(&path).expect("the journal can be recovered");
        let kept_at_least = told.iter().filter(|(_, millis)| millis + 1_000 <= last).map(|(number, _)| *number).max();
        assert!(
            Some(recovered.edits) >= kept_at_least,
            "round {round}: {} edits of {kept_at_least:?}",
            recovered.edits
        );
        assert!(millis < 1_200 || kept_at_least > Some(0), "round {round}: the child was too slow to prove anything");
        let (mut scene, mut seed) = (arbitrary_scene(SCENE_SEED), 0);
        for _ in 0..recovered.edits {
            next_edit(&mut scene, &mut seed);
        }
        assert_eq!(recovered.scene, scene, "round {round}: {} edits", recovered.edits);
    }
}
