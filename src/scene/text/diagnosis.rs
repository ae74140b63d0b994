//! Everything that is wrong with a text that does not load at once, or loads with warnings.
//!
//! Invariant: each node, link, region, fault and stop is read on its own, so a broken one does not hide the
//! next, and what refers to a broken one is not called dangling.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::scene::check;
use crate::scene::document::{SCENE_VERSION, Scene};
use crate::scene::migrate::{self, FIRST_VERSION, Migrated, STEPS, migrate};
use crate::scene::problem::{Code, Place, Position, SceneProblem, Severity, Step};
use crate::scene::text::options;
use crate::scene::text::outline::{self, Lines, Member, Parent, Places};
use crate::scene::text::remedy;
use crate::scene::text::salvage::{self, Entry, Placed, TRIAL_BYTES};

/// Problems reported of one file; a person mends some and looks again.
const PROBLEMS_MAX: usize = 1_000;

const FIELDS: [&str; 9] = ["version", "title", "notes", "settings", "regions", "nodes", "links", "faults", "tour"];

/// What could be read of a text, and what is wrong with it.
pub(super) struct Diagnosis {
    /// The scene without its broken parts; `None` where the text cannot be read at all.
    pub(super) scene: Option<Scene>,
    /// In the order of the file.
    pub(super) problems: Vec<SceneProblem>,
}

/// The problems of a scene that was read whole, each with its position in the text.
pub(super) fn placed(problems: Vec<SceneProblem>, text: &str, file: &str) -> Vec<SceneProblem> {
    if problems.is_empty() {
        return problems;
    }
    let source = Source { file, lines: Lines::new(text), text, migrated: None };
    let mut index = Index::new();
    for field in outline::root(text) {
        for (number, member) in outline::members(text, &field.value).into_iter().enumerate() {
            let key = if member.parent == Parent::List { number.to_string() } else { member.name };
            index.insert((field.name.clone(), key), member.value);
        }
        index.insert((field.name, String::new()), field.value);
    }
    source.sorted(located(problems, text, &index))
}

/// The problems with their places; where there are too many, errors before warnings.
fn located(mut problems: Vec<SceneProblem>, text: &str, index: &Index) -> Vec<Placed> {
    problems.sort_by_key(|problem| problem.severity);
    problems.truncate(PROBLEMS_MAX);
    let mut places = Places::new(text);
    let place = |problem: SceneProblem| {
        let bytes = locate(&mut places, index, &problem.place);
        (problem, bytes)
    };
    problems.into_iter().map(place).collect()
}

/// Which versions there are.
struct Format<'a> {
    newest: u32,
    steps: &'a [migrate::Step],
}

/// Reads what can be read and finds all problems.
pub(super) fn diagnose(text: &str, file: &str) -> Diagnosis {
    diagnose_as(text, file, &Format { newest: SCENE_VERSION, steps: STEPS })
}

fn diagnose_as(text: &str, file: &str, format: &Format<'_>) -> Diagnosis {
    let source = Source { file, lines: Lines::new(text), text, migrated: None };
    if let Err(error) = options().from_str::<IgnoredAny>(text) {
        let at = source.lines.byte_at(error.span.end.line, error.span.end.col);
        let offending = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let problem = remedy::syntax(&error, offending);
        return Diagnosis { scene: None, problems: vec![source.place(problem, at..at + offending.len())] };
    }
    let root = outline::root(text);
    let (version, placed) = version(text, &root, format.newest);
    if let Some((problem, bytes)) = placed {
        let stop = problem.severity == Severity::Error;
        let problem = source.place(problem, bytes);
        if stop {
            return Diagnosis { scene: None, problems: vec![problem] };
        }
        let mut diagnosis = parts(&source, text, &root);
        diagnosis.problems.insert(0, problem);
        return diagnosis;
    }
    if version == format.newest {
        return parts(&source, text, &root);
    }
    let migrated = migrate(text, version, format.steps);
    let source = Source { migrated: Some(&migrated), ..source };
    parts(&source, &migrated.text, &outline::root(&migrated.text))
}

/// The version of a text, and what is wrong with it.
fn version(text: &str, root: &[Member], newest: u32) -> (u32, Option<Placed>) {
    let place = Place::scene().field("version");
    let Some(member) = root.iter().find(|member| member.name == "version") else {
        let problem = SceneProblem::warning(Code::NoVersion, Place::scene(), "")
            .because("the file does not say its version, so it is read as the newest")
            .help(format!("add `version: {newest},` as the first field"));
        return (newest, Some((problem, 0..0)));
    };
    let found = text.get(member.value.clone()).unwrap_or_default();
    match options().from_str::<u32>(found) {
        Ok(version) if (FIRST_VERSION..=newest).contains(&version) => (version, None),
        Ok(version) => {
            let problem = SceneProblem::error(Code::Version, place, version);
            let problem = if version > newest {
                problem
                    .because(format!("the file has version {version}, but this program reads at most {newest}"))
                    .help("open it with a newer Eventscape")
            } else {
                problem.because(format!("version {version} never existed")).help(format!("write `version: {newest}`"))
            };
            (version, Some((problem, member.value.clone())))
        }
        Err(error) => (0, Some((remedy::problem(&error, place, found), member.value.clone()))),
    }
}

/// Reads all parts of a text in the newest version.
fn parts(source: &Source<'_>, text: &str, root: &[Member]) -> Diagnosis {
    let mut reading = Reading {
        text,
        scene: Scene::default(),
        found: Vec::new(),
        broken: BTreeSet::new(),
        index: BTreeMap::new(),
        budget: TRIAL_BYTES,
    };
    let mut seen = BTreeSet::new();
    for member in root {
        if seen.insert(member.name.clone()) {
            reading.field(member);
        } else {
            reading.found.push((twice(Place::scene(), &member.name), member.key.clone()));
        }
    }
    let Reading { scene, mut found, broken, index, .. } = reading;
    let mut problems = check::check(&scene);
    problems.retain(|problem| match problem.code {
        Code::Dangling => !broken.contains(&problem.found),
        Code::RuleWithoutTarget => broken.is_empty(),
        _ => true,
    });
    found.extend(located(problems, text, &index));
    Diagnosis { scene: Some(scene), problems: source.sorted(found) }
}

/// The text of a file as the person wrote it.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
    lines: Lines<'a>,
    migrated: Option<&'a Migrated>,
}

impl Source<'_> {
    /// The problems in the order of the file; where there are too many, errors before warnings.
    fn sorted(&self, mut found: Vec<Placed>) -> Vec<SceneProblem> {
        found.sort_by_key(|(problem, bytes)| (problem.severity, bytes.start));
        found.truncate(PROBLEMS_MAX);
        found.sort_by_key(|(_, bytes)| bytes.start);
        found.into_iter().map(|(problem, bytes)| self.place(problem, bytes)).collect()
    }

    /// The problem with its position; only the first line of what offends is marked.
    fn place(&self, problem: SceneProblem, bytes: Range<usize>) -> SceneProblem {
        let original = |byte| self.migrated.map_or(byte, |migrated| migrated.original(byte));
        let (start, end) = (original(bytes.start), original(bytes.end));
        let offending = self.text.get(start..end.max(start)).unwrap_or_default();
        let end = start + offending.split('\n').next().unwrap_or_default().trim_end().len();
        let (line, column) = self.lines.line_and_column(start);
        SceneProblem {
            position: Some(Position { file: self.file.to_owned(), line, column, bytes: start..end }),
            ..problem
        }
    }
}

/// Where the fields and the entries of the collections stand: (field, key or number).
type Index = BTreeMap<(String, String), Range<usize>>;

struct Reading<'a> {
    text: &'a str,
    scene: Scene,
    found: Vec<Placed>,
    /// Ids of parts that could not be read.
    broken: BTreeSet<String>,
    index: Index,
    budget: usize,
}

impl Reading<'_> {
    fn field(&mut self, member: &Member) {
        self.index.insert((member.name.clone(), String::new()), member.value.clone());
        match member.name.as_str() {
            "version" => {}
            "title" => self.scene.title = self.single("title", member).unwrap_or_default(),
            "notes" => self.scene.notes = self.single("notes", member).unwrap_or_default(),
            "settings" => self.scene.settings = self.single("settings", member).unwrap_or_default(),
            "regions" => self.scene.regions = self.entries("regions", member, &["label", "center", "size"]),
            "nodes" => self.scene.nodes = self.entries("nodes", member, &["position", "kind"]),
            "links" => self.scene.links = self.entries("links", member, &["from", "to"]),
            "faults" => self.scene.faults = self.items("faults", member, &["at", "fault"]),
            "tour" => self.scene.tour = self.items("tour", member, &["caption"]),
            unknown => {
                let problem = SceneProblem::error(Code::UnknownField, Place::scene(), unknown)
                    .because(format!("a scene has no field `{unknown}`"))
                    .help(remedy::instead(unknown, &FIELDS));
                self.found.push((problem, member.key.clone()));
            }
        }
    }

    fn single<T: DeserializeOwned>(&mut self, name: &'static str, member: &Member) -> Option<T> {
        self.read(Place::scene().field(name), member, &[])
    }

    fn read<T: DeserializeOwned>(
        &mut self,
        place: Place,
        member: &Member,
        required: &'static [&'static str],
    ) -> Option<T> {
        let entry = Entry { text: self.text, range: member.value.clone(), place, required };
        salvage::read(&entry, &mut self.budget, &mut self.found)
    }

    fn entries<K, V>(
        &mut self,
        name: &'static str,
        member: &Member,
        required: &'static [&'static str],
    ) -> BTreeMap<K, V>
    where
        K: TryFrom<String, Error: std::fmt::Display> + Ord,
        V: DeserializeOwned,
    {
        let mut entries = BTreeMap::new();
        if !self.is::<BTreeMap<String, IgnoredAny>>(name, member) {
            return entries;
        }
        let mut seen = BTreeSet::new();
        for member in outline::members(self.text, &member.value) {
            let place = Place::scene().field(name).key(&member.name);
            let value: Option<V> = self.read(place.clone(), &member, required);
            if !seen.insert(member.name.clone()) {
                self.found.push((twice(place, &member.name), member.key));
                continue;
            }
            self.index.insert((name.to_owned(), member.name.clone()), member.value.clone());
            match (K::try_from(member.name.clone()), value) {
                (Ok(key), Some(value)) => {
                    entries.insert(key, value);
                }
                (Ok(_), None) => {
                    self.broken.insert(member.name);
                }
                (Err(error), _) => {
                    let message = error.to_string();
                    let (sentence, help) = message.split_once("; ").unwrap_or((&message, "write another id"));
                    let problem = SceneProblem::error(Code::BadId, place, &member.name).because(sentence).help(help);
                    self.found.push((problem, member.key));
                    self.broken.insert(member.name);
                }
            }
        }
        entries
    }

    fn items<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        member: &Member,
        required: &'static [&'static str],
    ) -> Vec<T> {
        if !self.is::<Vec<IgnoredAny>>(name, member) {
            return Vec::new();
        }
        let mut items = Vec::new();
        for (number, member) in outline::members(self.text, &member.value).into_iter().enumerate() {
            let item: Option<T> = self.read(Place::scene().field(name).item(number), &member, required);
            if let Some(item) = item {
                // By the number among those that were read, which is the one that checks know.
                self.index.insert((name.to_owned(), items.len().to_string()), member.value);
                items.push(item);
            }
        }
        items
    }

    /// Whether a collection is a map, or a list, at all.
    fn is<T: DeserializeOwned>(&mut self, name: &'static str, member: &Member) -> bool {
        let part = self.text.get(member.value.clone()).unwrap_or_default();
        match options().from_str::<T>(part) {
            Ok(_) => true,
            Err(error) => {
                let problem = remedy::problem(&error, Place::scene().field(name), part);
                self.found.push((problem, member.value.clone()));
                false
            }
        }
    }
}

fn twice(place: Place, name: &str) -> SceneProblem {
    SceneProblem::error(Code::Duplicate, place, name)
        .because(format!("`{name}` stands here twice"))
        .help("keep one of the two, or rename it")
}

/// The bytes of a place, or of the nearest part around it that is written down.
fn locate(places: &mut Places<'_>, index: &Index, place: &Place) -> Range<usize> {
    let (field, entry) = match place.0.as_slice() {
        [Step::Field(field), Step::Key(key), ..] => (*field, key.clone()),
        [Step::Field(field), Step::Item(number), ..] => (*field, number.to_string()),
        [Step::Field(field), ..] => (*field, String::new()),
        _ => return 0..0,
    };
    if let Some(range) = index.get(&(field.to_owned(), entry)) {
        return places.find(range.clone(), place.0.get(2..).unwrap_or_default());
    }
    match index.get(&(field.to_owned(), String::new())) {
        Some(range) => places.find(range.clone(), place.0.get(1..).unwrap_or_default()),
        None => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scene with this text in the place of `@`, and its problems as `line:column code (offending): message`.
    #[track_caller]
    fn check(body: &str, expected: &[&str]) {
        let text = format!("(\n  version: 1,\n{body}\n)\n");
        let problems = diagnose(&text, "s.ron").problems;
        let lines: Vec<String> = problems.iter().map(|problem| shown(problem, &text)).collect();
        assert_eq!(lines, expected, "{text}");
    }

    fn shown(problem: &SceneProblem, text: &str) -> String {
        let Some(Position { line, column, bytes, .. }) = &problem.position else { return problem.to_string() };
        let marked = text.get(bytes.clone()).unwrap_or("?");
        let code = problem.code.name();
        format!("{line}:{column} {code} [{marked}] {}; {}", problem.sentence, problem.help)
    }

    /// A node at the origin, on one line.
    #[track_caller]
    fn check_kind(kind: &str, expected: &[&str]) {
        check(&format!("  nodes: {{\n    \"a\": (position: (0.0, 0.0, 0.0),\n{kind}),\n  }},"), expected);
    }

    #[test]
    fn unknown_fields_are_told_with_the_nearest_name_all_of_them() {
        check_kind(
            r#"kind: Queue(visibilty_timeout: "30s", dellay: "1s", batch_size: 3), notee: "x""#,
            &[
                "5:13 unknown-field [visibilty_timeout] `Queue` has no field `visibilty_timeout`; did you mean `visibility_timeout`?",
                "5:39 unknown-field [dellay] `Queue` has no field `dellay`; did you mean `delay`?",
                "5:69 unknown-field [notee] `Node` has no field `notee`; did you mean `note`?",
            ],
        );
        check(
            "  nodez: {},\n  settings: (sped: 2.0, seed: 2),",
            &[
                "3:3 unknown-field [nodez] a scene has no field `nodez`; did you mean `nodes`?",
                "4:14 unknown-field [sped] `Settings` has no field `sped`; did you mean `speed`?",
            ],
        );
    }

    #[test]
    fn one_broken_node_does_not_hide_the_next_nor_make_its_links_dangle() {
        check(
            r#"  nodes: {
    "a": (kind: Queue()),
    "b": (position: (0.0, 0.0, 0.0), kind: Queeu()),
    "c": (position: (0.0, 0.0), kind: Sink(refuses: 3)),
    "d": (position: (0.0, 0.0, 0.0), kind: Sink()),
  },
  links: {
    "a-b": (from: "a", to: "b"),
    "a-e": (from: "a", to: "dd"),
  },"#,
            &[
                "4:10 missing-field [(kind: Queue())] `a` lacks the field `position`; add `position: ...`",
                "5:44 unknown-variant [Queeu] `Queeu` is not possible here; did you mean `Queue`?",
                "6:21 bad-value [(0.0, 0.0)] there are 2 values here; write a tuple of size 3",
                "6:53 bad-value [3] expected boolean; write true or false",
                "11:28 dangling [\"dd\"] there is no node `dd`; did you mean `d`?",
            ],
        );
    }

    #[test]
    fn duplicates_are_found_wherever_they_stand() {
        check(
            r#"  nodes: {
    "a": (position: (0.0, 0.0, 0.0), position: (0.0, 0.0, 0.0), kind: Sink()),
    "a": (position: (0.0, 0.0, 0.0), kind: Sink()),
    "b": (position: (0.0, 0.0, 0.0), kind: Router(routes: {"r": "{}", "r": "{}"}, policy: Random)),
  },
  links: { "b-a": (from: "b", to: "a", rule: "r") },
  title: "one", title: "two","#,
            &[
                "4:38 duplicate [position] the field `position` stands here twice; keep one of the two",
                "5:5 duplicate [\"a\"] `a` stands here twice; keep one of the two, or rename it",
                "6:71 duplicate [\"r\"] `r` stands here twice; keep one of the two, or rename it",
                "9:17 duplicate [title] `title` stands here twice; keep one of the two, or rename it",
            ],
        );
    }

    #[test]
    fn values_out_of_range_are_told_where_they_stand() {
        check_kind(
            r#"kind: Function(error_rate: 1.5, duration: Lognormal("2s", "1s"), timeout: "0s", sends: -1.0)"#,
            &[
                "5:28 out-of-range [1.5] `1.5` is out of range; write a number between 0 and 1",
                "5:59 empty-span [\"1s\"] the 99th percentile `1s` is below the median `2s`; write the median first, then the 99th percentile",
                "5:75 out-of-range [\"0s\"] no time at all is not possible here; write a time above zero",
                "5:88 out-of-range [-1.0] `-1` is out of range; write a number between 0 and 1000",
            ],
        );
        check_kind(
            r#"kind: Producer(traffic: Poisson("-3/s"), payloads: [(body: "{", weight: 0)], start: "2s", end: "1s")"#,
            &[
                "5:33 out-of-range [\"-3/s\"] `-3/s` is negative; write a rate above zero",
                "5:60 bad-json [\"{\"] it is not JSON: EOF while parsing an object at line 1 column 1; write JSON, for example r#\"{\"source\": \"shop\"}\"#",
                "5:73 out-of-range [0] `0` is out of range; write a whole number between 1 and 10000000",
                "5:96 empty-span [\"1s\"] it ends at `1s`, but begins only at `2s`; let the end come after the beginning",
            ],
        );
        check_kind(
            r#"kind: Service(servers: 99999999999, duration: Uniform("2s", "1s"), rate_limit: "0/s")"#,
            &[
                "5:24 out-of-range [99999999999] `99999999999` does not fit here; write a smaller whole number",
                "5:55 empty-span [\"2s\"] the lower bound `2s` is above the upper bound `1s`; exchange the two bounds",
                "5:80 out-of-range [\"0/s\"] a rate of `0/s` never lets anything happen; write a rate above zero",
            ],
        );
        check(
            r#"  nodes: {"a": (position: (0.0, NaN, 2e9), kind: Sink(), region: "north")},"#,
            &[
                "3:33 not-finite [NaN] `NaN` is no finite number; write an ordinary number",
                "3:38 out-of-range [2e9] `2000000000` is out of range; write a number between -1000000 and 1000000",
                "3:66 dangling [\"north\"] there is no region `north`; add a region `north`, or name another",
            ],
        );
    }

    #[test]
    fn units_that_are_none_are_told_one_by_one() {
        check_kind(
            r#"kind: Queue(delay: "5 parsecs", wait_time: "200000d", retention: "x")"#,
            &[
                "5:20 bad-value [\"5 parsecs\"] `5 parsecs` is no length of time; write for example \"250ms\", \"1h30m\" or \"4d\"",
                "5:44 bad-value [\"200000d\"] `200000d` is longer than 100 years; write a shorter time",
                "5:66 bad-value [\"x\"] `x` is no length of time; write for example \"250ms\", \"1h30m\" or \"4d\"",
            ],
        );
    }

    #[test]
    fn rules_and_links_that_do_not_meet_are_told() {
        check(
            r#"  nodes: {
    "bus": (position: (0.0, 0.0, 0.0), kind: Bus(rules: {"orders": (pattern: "{}"), "gone": (pattern: "[1]"), "bare": ()})),
    "end": (position: (0.0, 0.0, 0.0), kind: Sink()),
  },
  links: {
    "a": (from: "bus", to: "end", rule: "order"),
    "b": (from: "end", to: "bus", rule: "orders", loss: 2.0),
    "c": (from: "bus", to: "end"),
  },"#,
            &[
                "4:68 rule-without-target [(pattern: \"{}\")] rule `orders` of `bus` feeds no link; add a link from `bus` with rule: \"orders\", or remove the rule",
                "4:93 rule-without-target [(pattern: \"[1]\")] rule `gone` of `bus` feeds no link; add a link from `bus` with rule: \"gone\", or remove the rule",
                "4:103 bad-json [\"[1]\"] it is JSON, but no object; write a JSON object, for example r#\"{\"source\": [\"shop\"]}\"#",
                "4:119 missing-field [()] `bus` lacks the field `pattern`; add `pattern: ...`",
                "8:41 unknown-rule [\"order\"] `order` is not among the rules of `bus`; did you mean `orders`?",
                "9:41 unknown-rule [\"orders\"] the link names rule `orders`, but `end` is a Sink; leave `rule` out, or begin the link at a bus, router or gateway",
                "9:57 out-of-range [2.0] `2` is out of range; write a number between 0 and 1",
                "10:10 no-effect [(from: \"bus\", to: \"end\")] the link leaves bus `bus` but names no rule, so every event travels on it; name the rule that feeds it in `rule`",
            ],
        );
    }

    #[test]
    fn faults_tours_and_ids_are_checked_too() {
        check(
            r#"  nodes: {"a b": (position: (0.0, 0.0, 0.0), kind: Sink()), "b": (position: (0.0, 0.0, 0.0), kind: Sink())},
  faults: [
    (at: "2s", until: "1s", fault: Stop("c")),
    (at: "x", fault: Stop("b")),
    (at: "2s", fault: Slow("b", 0.0)),
    (at: "2s", fault: Cut("b")),
  ],
  tour: [(caption: "x", nodes: ["b", "nobody"])],
  links: [],"#,
            &[
                "3:11 bad-id [\"a b\"] `a b` is no id; use 1 to 64 letters, digits, `-`, `_`, `.` or `/`",
                "5:23 empty-span [\"1s\"] it ends at `1s`, but begins only at `2s`; let the end come after the beginning",
                "5:41 dangling [\"c\"] there is no node `c`; add a node `c`, or name another",
                "6:10 bad-value [\"x\"] `x` is no length of time; write for example \"250ms\", \"1h30m\" or \"4d\"",
                "7:33 out-of-range [0.0] `0` is out of range; write a number above 0 and at most 1000000",
                "8:27 dangling [\"b\"] there is no link `b`; add a link `b`, or name another",
                "10:38 dangling [\"nobody\"] there is no node `nobody`; add a node `nobody`, or name another",
                "11:10 bad-value [[]] expected opening `{`; write { \"id\": (...), ... }",
            ],
        );
    }

    #[test]
    fn versions_are_checked_before_anything_else() {
        let of = |text: &str| diagnose(text, "s.ron").problems.iter().map(|p| shown(p, text)).collect::<Vec<_>>();
        assert_eq!(
            of("(version: 7, oops: 1)"),
            [
                "1:11 version [7] the file has version 7, but this program reads at most 1; open it with a newer Eventscape"
            ]
        );
        assert_eq!(of("(version: 0)"), ["1:11 version [0] version 0 never existed; write `version: 1`"]);
        assert_eq!(
            of("(title: \"x\")"),
            [
                "1:1 no-version [] the file does not say its version, so it is read as the newest; add `version: 1,` as the first field"
            ]
        );
        assert_eq!(of("(version: \"x\")"), ["1:11 bad-value [\"x\"] expected integer; write a whole number"]);
    }

    #[test]
    fn an_older_file_migrates_and_its_problems_point_into_what_the_person_wrote() {
        fn hotels_become_regions(text: &str) -> Vec<migrate::Replacement> {
            let at = text.find("hotels");
            at.map(|at| migrate::Replacement { range: at..at + 6, text: "regions".to_owned() }).into_iter().collect()
        }
        let format = Format { newest: 2, steps: &[hotels_become_regions] };
        let text = r#"(version: 1, hotels: {"h": (label: "H", center: (0.0, 0.0), size: (1.0, 0.0))}, titel: "x")"#;
        let Diagnosis { scene, problems } = diagnose_as(text, "s.ron", &format);
        assert_eq!(scene.map(|scene| (scene.version, scene.regions.len())), Some((SCENE_VERSION, 1)));
        let lines: Vec<String> = problems.iter().map(|problem| shown(problem, text)).collect();
        let expected = [
            "1:73 out-of-range [0.0] `0` is out of range; write a number above 0 and at most 1000000",
            "1:81 unknown-field [titel] a scene has no field `titel`; did you mean `title`?",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_is_no_ron_is_told_with_its_place() {
        let of = |text: &str| diagnose(text, "s.ron").problems.iter().map(|p| shown(p, text)).collect::<Vec<_>>();
        let help = "look for a missing bracket, comma or quotation mark just before this place";
        assert_eq!(
            of("(\n  version: 1\n  title: \"x\",\n)"),
            [format!("3:3 syntax [title: \"x\",] expected comma; {help}")]
        );
        let deep = "[".repeat(10_000);
        assert_eq!(of(&deep).len(), 1);
        assert_eq!(of("").len(), 1);
    }

    #[test]
    fn many_warnings_do_not_push_an_error_out() {
        let rules: String = (0..1_200).map(|number| format!("\"r{number}\": (pattern: \"{{}}\"),\n")).collect();
        let bus = format!("\"a\": (position: (0.0, 0.0, 0.0), kind: Bus(rules: {{{rules}}}))");
        let text = format!("(version: 1, nodes: {{{bus}, \"b\": (position: (0.0, 0.0, 2e9), kind: Sink())}})");
        let Err(problems) = crate::scene::text::load(&text, "s.ron") else { panic!("it loads") };
        assert_eq!((problems.0.len(), problems.0.last().map(|last| last.code)), (1_000, Some(Code::OutOfRange)));
    }

    #[test]
    fn a_large_broken_entry_is_told_in_bounded_time() {
        let payload = "(body: \"{}\", wieght: 1),\n".repeat(3_000);
        let text = format!(
            "(version: 1, nodes: {{\"a\": (position: (0.0, 0.0, 0.0), kind: Producer(payloads: [{payload}]))}})"
        );
        let begin = std::time::Instant::now();
        let problems = diagnose(&text, "s.ron").problems;
        assert!(problems.len() > 5, "{problems:?}");
        assert!(begin.elapsed().as_secs() < 120, "{:?}", begin.elapsed());
    }
}
