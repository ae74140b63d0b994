//! A scene as text: RON that people read and write.
//!
//! Invariant: `load(save(scene))` is the scene; the same scene gives the same bytes; whatever the text,
//! loading ends in bounded time without a panic.

mod diagnosis;
mod salvage;
mod remedy;
mod outline;

use ron::extensions::Extensions;
use ron::ser::PrettyConfig;

use crate::scene::check;
use crate::scene::document::{SCENE_VERSION, Scene};
use crate::scene::problem::{Code, Place, Position, SceneProblem, SceneProblems, Severity};
use crate::scene::text::diagnosis::Diagnosis;

/// Largest file that is read, in bytes: sixteen times a scene of 10,000 nodes.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// Deepest nesting that is read; the format itself needs 12.
const DEPTH_MAX: usize = 64;

/// Lists and structs deeper than this stay on one line: a rule, a payload, a point of a profile.
const LINE_DEPTH: usize = 5;

/// A scene that can run, and what its author should know nevertheless.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The scene.
    pub scene: Scene,
    /// Problems that do not keep it from running.
    pub warnings: Vec<SceneProblem>,
}

/// Reads a scene; `file` is the name that problems carry.
///
/// The error holds everything that was found, warnings included, in the order of the file.
pub fn load(text: &str, file: &str) -> Result<Loaded, SceneProblems> {
    if text.len() > FILE_BYTES_MAX {
        return Err(SceneProblems(vec![too_large(text.len(), file)]));
    }
    if let Ok(scene) = options().from_str::<Scene>(text)
        && scene.version == SCENE_VERSION
    {
        let warnings = diagnosis::placed(check::check(&scene), text, file);
        return finish(scene, warnings);
    }
    let Diagnosis { scene, problems } = diagnosis::diagnose(text, file);
    match scene {
        Some(scene) => finish(scene, problems),
        None => Err(SceneProblems(problems)),
    }
}

fn finish(scene: Scene, problems: Vec<SceneProblem>) -> Result<Loaded, SceneProblems> {
    let runs = problems.iter().all(|problem| problem.severity == Severity::Warning);
    if runs { Ok(Loaded { scene, warnings: problems }) } else { Err(SceneProblems(problems)) }
}

/// Writes a scene.
pub fn save(scene: &Scene) -> String {
    let layout = PrettyConfig::new().new_line("\n").indentor("  ").depth_limit(LINE_DEPTH).escape_strings(false);
    let mut text = options()
        .to_string_pretty(scene, layout)
        .unwrap_or_else(|error| unreachable!("a scene is flat data with text keys, which RON can write: {error}"));
    text.push('\n');
    text
}

/// How scenes are written in RON: `concurrency: 4` for `Some(4)`, `Queue(delay: "1s")` for `Queue((delay: "1s"))`.
pub(crate) fn options() -> ron::Options {
    ron::Options::default()
        .with_default_extension(
            Extensions::IMPLICIT_SOME | Extensions::UNWRAP_NEWTYPES | Extensions::UNWRAP_VARIANT_NEWTYPES,
        )
        .with_recursion_limit(DEPTH_MAX)
}

fn too_large(bytes: usize, file: &str) -> SceneProblem {
    let start = Position { file: file.to_owned(), line: 1, column: 1, bytes: 0..0 };
    let problem = SceneProblem::error(Code::TooLarge, Place::scene(), format!("{bytes} bytes"))
        .because(format!("the file has {bytes} bytes, but a scene has at most {FILE_BYTES_MAX}"))
        .help("split it into several scenes");
    SceneProblem { position: Some(start), ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = r##"(
  version: 1,
  title: "Orders",
  nodes: {
    "orders": (
      position: (4.0, 0.0, 0.0),
      kind: Queue(
        visibility_timeout: "45s",
        receives_max: 3,
      ),
    ),
    "shop": (
      position: (0.0, 0.0, 0.0),
      kind: Producer(
        traffic: Poisson("40/s"),
        payloads: [
          (body: r#"{"source": "shop"}"#),
        ],
      ),
    ),
  },
  links: {
    "shop-orders": (
      from: "shop",
      to: "orders",
      latency: (
        spread: Constant("500ms"),
      ),
    ),
  },
)
"##;

    #[test]
    fn a_scene_is_written_as_it_was_read() {
        let loaded = load(ORDERS, "orders.ron").unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(save(&loaded.scene), ORDERS);
    }

    /// A change of a text at random: what people and broken disks do.
    fn mutate(text: &str, rng: &mut fastrand::Rng) -> String {
        let tokens = [
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "\"",
            "r#\"",
            "'",
            "0",
            "-",
            "1e999",
            "NaN",
            "Some(",
            "None",
            "/*",
            "*/",
            "//",
            "\n",
            "ä",
            "\u{0}",
            "Queue(",
            "kind: ",
            "version: 2",
            "\\",
            "#![enable(unwrap_newtypes)]",
        ];
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(..=letters.len());
            let end = (at + rng.usize(..12)).min(letters.len());
            let token = rng.choice(tokens).unwrap_or_default();
            match rng.u8(..4) {
                0 => drop(letters.drain(at..end)),
                1 => drop(letters.splice(at..at, token.chars())),
                2 => drop(letters.splice(at..end, token.chars())),
                _ => {
                    let part: Vec<char> = letters[at..end].to_vec();
                    letters.splice(at..at, part);
                }
            }
        }
        letters.into_iter().collect()
    }

    proptest::proptest! {
        #[test]
        fn no_mutated_file_panics_and_every_refusal_has_a_place(scene in 0..200_u64, seed in 0..u64::MAX) {
            let text = mutate(&save(&crate::scene::sample::arbitrary_scene(scene)), &mut fastrand::Rng::with_seed(seed));
            let problems = match load(&text, "mutated.ron") {
                Ok(loaded) => {
                    proptest::prop_assert_eq!(load(&save(&loaded.scene), "again.ron").map(|again| again.scene), Ok(loaded.scene));
                    loaded.warnings
                }
                Err(SceneProblems(problems)) => {
                    proptest::prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
                    problems
                }
            };
            for problem in problems {
                let inside = problem.position.as_ref().is_some_and(|position| text.get(position.bytes.clone()).is_some());
                proptest::prop_assert!(inside && !problem.sentence.is_empty() && !problem.help.is_empty(), "{:?}", problem);
            }
        }

        #[test]
        fn any_text_survives_the_file(title in ".*", notes in "[\\PC\n\r\t\"\\\\#]*") {
            let scene = Scene { title, notes, ..Scene::default() };
            proptest::prop_assert_eq!(load(&save(&scene), "text.ron").map(|loaded| loaded.scene), Ok(scene));
        }
    }

    #[test]
    fn a_one_line_change_of_the_scene_is_a_one_line_change_of_the_file() {
        let before = save(&crate::scene::sample::arbitrary_scene(9));
        let mut scene = crate::scene::sample::arbitrary_scene(9);
        scene.nodes.values_mut().take(1).for_each(|node| node.position.0 += 1.0);
        scene
            .links
            .values_mut()
            .take(1)
            .for_each(|link| link.latency.floor = Some(crate::scene::units::Duration::millis(1)));
        let after = save(&scene);
        let added = after.lines().filter(|line| !before.lines().any(|other| other == *line)).count();
        assert_eq!(added, 2, "{after}");
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_unread() {
        let text = " ".repeat(FILE_BYTES_MAX + 1);
        assert!(load(&text, "huge.ron").is_err_and(|problems| problems.0[0].code == Code::TooLarge));
    }
}
