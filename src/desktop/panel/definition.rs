//! What a node says in a language of its own: rules, routes, payloads, a definition of states.
//!
//! Invariant: a text is applied when it is left or kept with Ctrl+Enter, and only where it fits; a
//! text that does not fit stays in its field, with the place and the reason below it.
//! Invariant: a rule that gets another name keeps its links; all of it is one edit.

use bevy_egui::egui::{self, Align, Layout, Margin, Sense, Ui, vec2};
use egui_phosphor::regular as icon;

use super::field::{Field, Value};
use super::row::{Drafts, Fate, Kept, complaint, fate, field, frame};
use super::style::{medium, regular, words};
use super::widget::{Weight, button, icon_button};
use super::{Asked, PanelState, Shown};
use crate::desktop::edit::EditRequest;
use crate::desktop::theme::paint;
use crate::flow::states::{Class, Definition};
use crate::flow::{pattern, template::Template};
use crate::scene::document::{Link, Node, Scene};
use crate::scene::edit::Edit;
use crate::scene::kind::{Kind, PayloadTemplate, Rule};
use crate::scene::slug::{LinkId, NodeId};

/// Problems of one text that are shown at once.
const COMPLAINTS_MAX: usize = 3;
/// Rows of text that an editor shows at least and at most; the panel scrolls.
const ROWS: std::ops::RangeInclusive<usize> = 2..=16;
/// What a new rule matches, until somebody says better.
const FIRST_PATTERN: &str = "{\n  \"source\": [\"shop\"]\n}";

/// Draws what a node has of them.
pub fn show(ui: &mut Ui, shown: &Shown, state: &mut PanelState, asked: &mut Asked, id: &NodeId, node: &Node) {
    let mut desk = Desk { shown, drafts: &mut state.drafts, owner: super::inspector::owner(id) };
    let change = match &node.kind {
        Kind::Bus(_) | Kind::Router(_) => desk.rules(ui, &node.kind),
        Kind::Producer(it) => desk.payloads(ui, &node.kind, &it.payloads),
        Kind::Client(it) => desk.payloads(ui, &node.kind, &it.payloads),
        Kind::Scheduler(it) => desk.payloads(ui, &node.kind, &it.payloads),
        Kind::StateMachine(it) => desk.definition(ui, &node.kind, &it.definition),
        _ => None,
    };
    if let Some(change) = change {
        asked.edits.push(request(&shown.open.scene, id, change));
    }
}

/// What a person did to a node's texts.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    /// What the node is from now on.
    kind: Kind,
    /// A rule with another name, or without one any more: its links follow.
    renamed: Option<(String, Option<String>)>,
}

impl Change {
    fn to(kind: Kind) -> Option<Change> {
        Some(Change { kind, renamed: None })
    }
}

/// A change as one edit, its links with it.
fn request(scene: &Scene, id: &NodeId, change: Change) -> EditRequest {
    let Change { kind, renamed } = change;
    let kind = Box::new(kind);
    let Some((from, to)) = renamed else { return EditRequest::Parameters { node: id.clone(), kind } };
    let fed = |link: &Link| link.from == *id && link.rule.as_deref() == Some(from.as_str());
    let follows = |(link_id, link): (&LinkId, &Link)| Edit::ReplaceLink {
        id: link_id.clone(),
        link: Box::new(Link { rule: to.clone(), ..link.clone() }),
    };
    let mut edits = vec![Edit::SetKind { id: id.clone(), kind }];
    edits.extend(scene.links.iter().filter(|(_, link)| fed(link)).map(follows));
    EditRequest::Change(Edit::Batch(edits))
}

/// A rule or a route, which differ in one thing: routes cannot be switched off.
#[derive(Clone)]
struct Entry {
    name: String,
    pattern: String,
    enabled: Option<bool>,
    /// Of a rule: what else it says, which is edited in the scene's file.
    rest: Option<Rule>,
}

fn entries(kind: &Kind) -> Vec<Entry> {
    match kind {
        Kind::Bus(bus) => {
            let rule = |(name, rule): (&String, &Rule)| Entry {
                name: name.clone(),
                pattern: rule.pattern.clone(),
                enabled: Some(rule.enabled),
                rest: Some(rule.clone()),
            };
            bus.rules.iter().map(rule).collect()
        }
        Kind::Router(router) => {
            let route = |(name, pattern): (&String, &String)| Entry {
                name: name.clone(),
                pattern: pattern.clone(),
                enabled: None,
                rest: None,
            };
            router.routes.iter().map(route).collect()
        }
        _ => Vec::new(),
    }
}

/// The same kind with these rules or routes.
fn with_entries(kind: &Kind, entries: Vec<Entry>) -> Kind {
    let mut kind = kind.clone();
    match &mut kind {
        Kind::Bus(bus) => {
            let rule = |entry: Entry| {
                let Entry { name, pattern, enabled, rest } = entry;
                let rest = rest.unwrap_or_else(|| Rule::new(String::new()));
                (name, Rule { pattern, enabled: enabled.unwrap_or(true), ..rest })
            };
            bus.rules = entries.into_iter().map(rule).collect();
        }
        Kind::Router(router) => {
            router.routes = entries.into_iter().map(|entry| (entry.name, entry.pattern)).collect();
        }
        _ => {}
    }
    kind
}

/// A name that no entry has yet: `rule-1`, `rule-2`.
fn free_name(stem: &str, entries: &[Entry]) -> String {
    let taken = |name: &String| entries.iter().any(|entry| entry.name == *name);
    (1..=entries.len() + 1).map(|number| format!("{stem}-{number}")).find(|name| !taken(name)).unwrap_or_default()
}

/// The same kind with these payloads.
fn with_payloads(kind: &Kind, payloads: Vec<PayloadTemplate>) -> Kind {
    let mut kind = kind.clone();
    match &mut kind {
        Kind::Producer(it) => it.payloads = payloads,
        Kind::Client(it) => it.payloads = payloads,
        Kind::Scheduler(it) => it.payloads = payloads,
        _ => {}
    }
    kind
}

/// The name of a payload's text among what is typed.
fn body_key(place: usize) -> String {
    format!("payload {place}")
}

fn payload_fields(payload: &mut PayloadTemplate) -> [Field<'_>; 2] {
    [
        Field {
            label: "Weight",
            help: "How often it is drawn, beside the others' weights.",
            value: Value::Count(&mut payload.weight),
        },
        Field {
            label: "Variants",
            help: "How many different payloads it makes.",
            value: Value::Count(&mut payload.variants),
        },
    ]
}

fn check_pattern(text: &str) -> Vec<String> {
    pattern::compile(text).err().map(|error| said(&error, &error.help())).into_iter().collect()
}

fn check_payload(text: &str, variants: u32) -> Vec<String> {
    Template::parse(text, variants).err().map(|error| said(&error, &error.help())).into_iter().collect()
}

fn check_definition(text: &str) -> Vec<String> {
    let problems = Definition::parse(text).err().unwrap_or_default();
    let invalid = problems.iter().filter(|problem| problem.class() == Class::Invalid);
    invalid.take(COMPLAINTS_MAX).map(|problem| said(problem, &problem.help())).collect()
}

fn check_name(text: &str, own: &str, entries: &[Entry]) -> Vec<String> {
    let taken = text != own && entries.iter().any(|entry| entry.name == text);
    match text.trim() {
        "" => vec!["A name is needed, so that links can name it.".to_owned()],
        _ if taken => vec![format!("`{text}` is another one's name.")],
        _ => Vec::new(),
    }
}

/// What is wrong and what helps, as sentences.
fn said(error: &dyn std::fmt::Display, help: &str) -> String {
    let sentence = |text: &str| {
        let text = super::welcome::sentence_case(text.trim());
        if text.ends_with(['.', '?', '!']) { text } else { format!("{text}.") }
    };
    format!("{} {}", sentence(&error.to_string()), sentence(help))
}

/// What drawing the texts of one node needs.
struct Desk<'a, 's> {
    shown: &'a Shown<'s>,
    drafts: &'a mut Drafts,
    owner: String,
}

impl Desk<'_, '_> {
    fn rules(&mut self, ui: &mut Ui, kind: &Kind) -> Option<Change> {
        let (head, stem) = if matches!(kind, Kind::Bus(_)) { ("Rules", "rule") } else { ("Routes", "route") };
        let list = entries(kind);
        self.head(ui, head, list.len());
        let mut change = None;
        for (place, entry) in list.iter().enumerate() {
            change = self.rule(ui, kind, &list, place, entry).or(change);
        }
        let text = format!("Add a {stem}");
        if button(ui, self.shown.theme, icon::PLUS, &text, Weight::Plain).clicked() {
            let mut list = list;
            let enabled = matches!(kind, Kind::Bus(_)).then_some(true);
            list.push(Entry { name: free_name(stem, &list), pattern: FIRST_PATTERN.to_owned(), enabled, rest: None });
            return Change::to(with_entries(kind, list));
        }
        change
    }

    fn rule(&mut self, ui: &mut Ui, kind: &Kind, list: &[Entry], place: usize, entry: &Entry) -> Option<Change> {
        let mut change = None;
        let with = |edited: Option<Entry>| {
            let mut list = entries(kind);
            list.remove(place);
            list.extend(edited);
            with_entries(kind, list)
        };
        let same = || entry.clone();
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, self.shown.theme, icon::TRASH, 24.0, Weight::Plain, "Removes it").clicked() {
                    change = Some(Change { kind: with(None), renamed: Some((entry.name.clone(), None)) });
                }
                if let Some(enabled) = entry.enabled
                    && self.switch(ui, enabled)
                {
                    change = Change::to(with(Some(Entry { enabled: Some(!enabled), ..same() })));
                }
                let key = format!("name {}", entry.name);
                if let Some(name) = self.line(ui, &key, &entry.name, |text| check_name(text, &entry.name, list)) {
                    let renamed = Some((entry.name.clone(), Some(name.clone())));
                    change = Some(Change { kind: with(Some(Entry { name, ..same() })), renamed });
                }
            });
        });
        self.complain(ui, &format!("name {}", entry.name), |text| check_name(text, &entry.name, list));
        let key = format!("pattern {}", entry.name);
        if let Some(pattern) = self.area(ui, &key, &entry.pattern, check_pattern) {
            change = Change::to(with(Some(Entry { pattern, ..same() })));
        }
        ui.add_space(6.0);
        change
    }

    fn payloads(&mut self, ui: &mut Ui, kind: &Kind, list: &[PayloadTemplate]) -> Option<Change> {
        self.head(ui, "Payloads", list.len());
        let mut change = None;
        for (place, payload) in list.iter().enumerate() {
            change = self.payload(ui, kind, list, place, payload).or(change);
        }
        if button(ui, self.shown.theme, icon::PLUS, "Add a payload", Weight::Plain).clicked() {
            let body = "{\n  \"total\": \"$int(1,500)\"\n}".to_owned();
            let mut list = list.to_vec();
            list.push(PayloadTemplate { weight: 1, body, variants: 64 });
            return Change::to(with_payloads(kind, list));
        }
        change
    }

    fn payload(
        &mut self,
        ui: &mut Ui,
        kind: &Kind,
        list: &[PayloadTemplate],
        place: usize,
        payload: &PayloadTemplate,
    ) -> Option<Change> {
        let mut change = None;
        let with = |edited: Option<PayloadTemplate>| {
            let mut list = list.to_vec();
            list.remove(place);
            if let Some(edited) = edited {
                list.insert(place, edited);
            }
            Change::to(with_payloads(kind, list))
        };
        ui.horizontal(|ui| {
            ui.label(words(format!("Payload {}", place + 1), regular(13.0), self.shown.second()));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, self.shown.theme, icon::TRASH, 24.0, Weight::Plain, "Removes it").clicked() {
                    change = with(None);
                }
            });
        });
        if change.is_some() {
            self.close_gap(place, list.len());
            return change;
        }
        let mut edited = payload.clone();
        let mut kept = Kept::No;
        let owner = format!("{} {}", self.owner, body_key(place));
        for mut entry in payload_fields(&mut edited) {
            kept = kept.or(field(ui, self.shown, self.drafts, &owner, &mut entry));
        }
        if kept == Kept::Yes && edited != *payload {
            change = with(Some(edited));
        }
        let check = |text: &str| check_payload(text, payload.variants);
        if let Some(body) = self.area(ui, &body_key(place), &payload.body, check) {
            change = with(Some(PayloadTemplate { body, ..payload.clone() }));
        }
        ui.add_space(6.0);
        change
    }

    /// Texts that are typed move up with their payloads when one is removed.
    fn close_gap(&mut self, removed: usize, count: usize) {
        self.drafts.drop(&self.owner, &body_key(removed));
        for place in removed + 1..count {
            let Some(text) = self.drafts.text(&self.owner, &body_key(place)).map(str::to_owned) else { continue };
            self.drafts.drop(&self.owner, &body_key(place));
            self.drafts.put(&self.owner, &body_key(place - 1), text);
        }
    }

    fn definition(&mut self, ui: &mut Ui, kind: &Kind, text: &str) -> Option<Change> {
        let states = Definition::parse(text).map_or(0, |definition| definition.state_names().count());
        self.head(ui, "States", states);
        let definition = self.area(ui, "definition", text, check_definition)?;
        let mut kind = kind.clone();
        if let Kind::StateMachine(it) = &mut kind {
            it.definition = definition;
        }
        Change::to(kind)
    }

    fn head(&self, ui: &mut Ui, name: &str, count: usize) {
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            ui.label(words(name, medium(13.0), self.shown.ink()));
            ui.label(words(count.to_string(), regular(13.0), self.shown.second()));
        });
    }

    /// On or off; true when it was touched.
    fn switch(&self, ui: &mut Ui, enabled: bool) -> bool {
        let (symbol, weight, tip) = match enabled {
            true => (icon::TOGGLE_RIGHT, Weight::Lit, "On; switched off, it matches nothing"),
            false => (icon::TOGGLE_LEFT, Weight::Plain, "Off: it matches nothing"),
        };
        icon_button(ui, self.shown.theme, symbol, 24.0, weight, tip).clicked()
    }

    /// A field of one line; the new text where one was kept.
    fn line(&mut self, ui: &mut Ui, key: &str, current: &str, check: impl Fn(&str) -> Vec<String>) -> Option<String> {
        let mut text = self.drafts.text(&self.owner, key).unwrap_or(current).to_owned();
        let width = ui.available_width() - 12.0;
        let edit = egui::TextEdit::singleline(&mut text)
            .id_salt((&self.owner, key))
            .font(regular(13.0))
            .margin(Margin::symmetric(7, 3))
            .vertical_align(Align::Center)
            .desired_width(width);
        let response = ui.add_sized(vec2(width, 25.0), edit);
        self.settle(ui, &response, key, current, text, &check)
    }

    /// A field of many lines with what is wrong below it; the new text where one was kept.
    fn area(&mut self, ui: &mut Ui, key: &str, current: &str, check: impl Fn(&str) -> Vec<String>) -> Option<String> {
        let mut text = self.drafts.text(&self.owner, key).unwrap_or(current).to_owned();
        let rows = text.lines().count().clamp(*ROWS.start(), *ROWS.end());
        let id = ui.make_persistent_id((&self.owner, key));
        let command = ui.input(|input| input.modifiers.command && input.key_pressed(egui::Key::Enter));
        let asked = command && ui.memory(|memory| memory.has_focus(id));
        // A text that does not fit keeps the hands, so that it can be mended.
        let keeps = asked && check(&text).is_empty();
        if asked {
            // The key must not become a line of the text.
            ui.input_mut(|input| input.consume_key(egui::Modifiers::COMMAND, egui::Key::Enter));
        }
        if keeps {
            ui.memory_mut(|memory| memory.surrender_focus(id));
        }
        let edit = egui::TextEdit::multiline(&mut text)
            .id(id)
            .code_editor()
            .lock_focus(false)
            .desired_rows(rows)
            .desired_width(f32::INFINITY)
            .margin(Margin::symmetric(7, 5));
        let response = ui.add(edit);
        let kept = self.settle(ui, &response, key, current, text.clone(), &check);
        let kept = kept.or_else(|| (keeps && text != current && check(&text).is_empty()).then_some(text));
        if kept.is_some() {
            self.drafts.drop(&self.owner, key);
        }
        self.complain(ui, key, check);
        if response.has_focus() && self.drafts.text(&self.owner, key).is_some_and(|draft| draft != current) {
            let hint = "Ctrl+Enter keeps it, Esc brings back what was.";
            ui.label(words(hint, regular(12.0), self.shown.second()));
        }
        kept
    }

    /// What becomes of a text after a frame.
    fn settle(
        &mut self,
        ui: &Ui,
        response: &egui::Response,
        key: &str,
        current: &str,
        text: String,
        check: &impl Fn(&str) -> Vec<String>,
    ) -> Option<String> {
        let typed = text != current;
        let fits = !typed || check(&text).is_empty();
        frame(ui, self.shown, response, typed, !fits);
        match fate(ui, response, typed, fits) {
            Fate::Applied => {
                self.drafts.drop(&self.owner, key);
                return Some(text);
            }
            Fate::Dropped => self.drafts.drop(&self.owner, key),
            Fate::Stays if typed => self.drafts.put(&self.owner, key, text),
            Fate::Stays => self.drafts.drop(&self.owner, key),
        }
        None
    }

    /// Everything that is wrong with what is typed.
    fn complain(&self, ui: &mut Ui, key: &str, check: impl Fn(&str) -> Vec<String>) {
        let Some(text) = self.drafts.text(&self.owner, key) else { return };
        for sentence in check(text) {
            if let Some(place) = line_of(&sentence, text) {
                place_line(ui, self.shown, &place);
            }
            complaint(ui, self.shown, &sentence);
        }
    }
}

/// The line of a text that a sentence points at with "line 3 column 8", with its number.
fn line_of(sentence: &str, text: &str) -> Option<(usize, String)> {
    let after = sentence.split("line ").nth(1)?;
    let number: usize = after.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()?;
    let line = text.lines().nth(number.checked_sub(1)?)?;
    Some((number, line.trim().to_owned()))
}

fn place_line(ui: &mut Ui, shown: &Shown, (number, line): &(usize, String)) {
    let text = words(format!("{number} │ {line}"), egui::FontId::monospace(12.0), paint(shown.theme.error_text));
    ui.add(egui::Label::new(text).truncate().sense(Sense::hover()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Bus, Producer, Router};
    use crate::scene::units::Latency;

    fn bus() -> Kind {
        let rule = |pattern: &str| Rule::new(pattern);
        let rules = [("a".to_owned(), rule("{}")), ("b".to_owned(), rule("{\"x\": [1]}"))].into();
        Kind::Bus(Bus { rules, ..Bus::default() })
    }

    #[test]
    fn rules_and_routes_come_back_as_they_were() {
        let router = Kind::Router(Router { routes: [("r".to_owned(), "{}".to_owned())].into(), ..Router::default() });
        for kind in [bus(), router] {
            assert_eq!(with_entries(&kind, entries(&kind)), kind);
        }
        assert_eq!(free_name("rule", &entries(&bus())), "rule-1");
        let payloads = vec![PayloadTemplate { weight: 1, body: "{}".to_owned(), variants: 1 }];
        let producer = Kind::Producer(Producer { payloads: payloads.clone(), ..Producer::default() });
        assert_eq!(with_payloads(&Kind::Producer(Producer::default()), payloads), producer);
    }

    #[test]
    fn links_follow_a_rule_that_gets_another_name() {
        let id = |text: &str| NodeId::new(text).unwrap_or_else(|error| panic!("{error}"));
        let link = |rule: &str| Link {
            from: id("bus"),
            to: id("sink"),
            latency: Latency::default(),
            loss: 0.0,
            mode: None,
            rule: Some(rule.to_owned()),
            dead_letters: false,
        };
        let link_id = |text: &str| LinkId::new(text).unwrap_or_else(|error| panic!("{error}"));
        let links = [(link_id("one"), link("a")), (link_id("two"), link("b"))].into();
        let scene = Scene { links, ..Scene::default() };
        let change = Change { kind: bus(), renamed: Some(("a".to_owned(), Some("c".to_owned()))) };
        let EditRequest::Change(Edit::Batch(edits)) = request(&scene, &id("bus"), change) else { panic!("no batch") };
        let moved = Edit::ReplaceLink { id: link_id("one"), link: Box::new(link("c")) };
        assert_eq!(edits, [Edit::SetKind { id: id("bus"), kind: Box::new(bus()) }, moved]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert!(check_pattern("{\"source\": [\"shop\"]}").is_empty());
        let text = "{\n  \"source\": [shop]\n}";
        let wrong = check_pattern(text);
        let place = wrong.first().and_then(|sentence| line_of(sentence, text));
        assert_eq!(place, Some((2, "\"source\": [shop]".to_owned())), "{wrong:?}");
        assert!(!check_pattern("{\"source\": \"shop\"}").is_empty());
        assert!(!check_payload("{\"total\": \"$sum(1)\"}", 4).is_empty());
        assert!(!check_definition("{}").is_empty());
        assert!(!check_name("b", "a", &entries(&bus())).is_empty());
        assert!(check_name("a", "a", &entries(&bus())).is_empty());
    }
}
