//! Everything that is wrong with a text that does not load at once, or loads with warnings.
//!
//! Invariant: each node, link, region, fault and stop is read on its own, so a broken one does not hide the
//! next, and what refers to a broken one is not called dangling.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::scene::check;
use crate::scene::document::{SCENE_VERSION, Scene};
use crate::scene::migrate::{FIRST_VERSION, Migrated, STEPS, migrate};
use crate::scene::problem::{Code, Place, Position, SceneProblem, Severity, Step};
use crate::scene::text::options;
use crate::scene::text::outline::{self, Lines, Member};
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

/// Reads what can be read and finds all problems.
pub(super) fn diagnose(text: &str, file: &str) -> Diagnosis {
    let source = Source { file, lines: Lines::new(text), text, migrated: None };
    if let Err(error) = options().from_str::<IgnoredAny>(text) {
        let at = source.lines.byte_at(error.span.end.line, error.span.end.col);
        let offending = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let problem = remedy::syntax(&error, offending);
        return Diagnosis { scene: None, problems: vec![source.place(problem, at..at + offending.len())] };
    }
    let (version, placed) = version(text);
    if let Some((problem, bytes)) = placed {
        let stop = problem.severity == Severity::Error;
        let problem = source.place(problem, bytes);
        if stop {
            return Diagnosis { scene: None, problems: vec![problem] };
        }
        let mut diagnosis = parts(&source, text);
        diagnosis.problems.insert(0, problem);
        return diagnosis;
    }
    if version == SCENE_VERSION {
        return parts(&source, text);
    }
    let migrated = migrate(text, version, STEPS);
    let source = Source { migrated: Some(&migrated), ..source };
    parts(&source, &migrated.text)
}

/// The version of a text, and what is wrong with it.
fn version(text: &str) -> (u32, Option<Placed>) {
    let place = Place::scene().field("version");
    let Some(member) = outline::root(text).into_iter().find(|member| member.name == "version") else {
        let problem = SceneProblem::warning(Code::NoVersion, Place::scene(), "")
            .because("the file does not say its version, so it is read as the newest")
            .help(format!("add `version: {SCENE_VERSION},` as the first field"));
        return (SCENE_VERSION, Some((problem, 0..0)));
    };
    let found = text.get(member.value.clone()).unwrap_or_default();
    match options().from_str::<u32>(found) {
        Ok(version) if (FIRST_VERSION..=SCENE_VERSION).contains(&version) => (version, None),
        Ok(version) => {
            let problem = SceneProblem::error(Code::Version, place, version);
            let problem = if version > SCENE_VERSION {
                problem
                    .because(format!("the file has version {version}, but this program reads at most {SCENE_VERSION}"))
                    .help("open it with a newer Eventscape")
            } else {
                problem
                    .because(format!("version {version} never existed"))
                    .help(format!("write `version: {SCENE_VERSION}`"))
            };
            (version, Some((problem, member.value)))
        }
        Err(error) => (0, Some((remedy::problem(&error, place, found), member.value))),
    }
}

/// Reads all parts of a text in the newest version.
fn parts(source: &Source<'_>, text: &str) -> Diagnosis {
    let mut reading = Reading {
        text,
        scene: Scene::default(),
        found: Vec::new(),
        broken: BTreeSet::new(),
        index: BTreeMap::new(),
        budget: TRIAL_BYTES,
    };
    let mut seen = BTreeSet::new();
    for member in outline::root(text) {
        if seen.insert(member.name.clone()) {
            reading.field(&member);
        } else {
            reading.found.push((twice(Place::scene(), &member.name), member.key));
        }
    }
    let Reading { scene, mut found, broken, index, .. } = reading;
    for problem in check::check(&scene) {
        let follows = matches!(problem.code, Code::Dangling | Code::RuleWithoutTarget);
        let is_consequence = match problem.code {
            Code::Dangling => broken.contains(&problem.found),
            _ => follows && !broken.is_empty(),
        };
        if !is_consequence {
            let bytes = locate(text, &index, &problem.place);
            found.push((problem, bytes));
        }
    }
    found.sort_by_key(|(_, bytes)| bytes.start);
    found.truncate(PROBLEMS_MAX);
    let problems = found.into_iter().map(|(problem, bytes)| source.place(problem, bytes)).collect();
    Diagnosis { scene: Some(scene), problems }
}

/// The text of a file as the person wrote it.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
    lines: Lines<'a>,
    migrated: Option<&'a Migrated>,
}

impl Source<'_> {
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
fn locate(text: &str, index: &Index, place: &Place) -> Range<usize> {
    let (field, entry) = match place.0.as_slice() {
        [Step::Field(field), Step::Key(key), ..] => (*field, key.clone()),
        [Step::Field(field), Step::Item(number), ..] => (*field, number.to_string()),
        [Step::Field(field), ..] => (*field, String::new()),
        _ => return 0..0,
    };
    if let Some(range) = index.get(&(field.to_owned(), entry)) {
        return outline::find(text, range.clone(), place.0.get(2..).unwrap_or_default());
    }
    match index.get(&(field.to_owned(), String::new())) {
        Some(range) => outline::find(text, range.clone(), place.0.get(1..).unwrap_or_default()),
        None => 0..0,
    }
}
