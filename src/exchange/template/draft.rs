//! The scene while it is being built.
//!
//! Invariant: ids are unique slugs, a link's ends exist, and no link is there twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::template::schedule;
use crate::scene::document::{Link, LinkMode, Node, Scene, Settings};
use crate::scene::kind::Kind;
use crate::scene::slug::{LinkId, NodeId};
use crate::scene::units::{Duration, Latency, Spread};

/// Characters of an id at most; leaves room for a number within the 64 that an id may have.
const ID_CHARS_MAX: usize = 56;

/// A scene without places yet.
#[derive(Default)]
pub struct Draft {
    /// Nodes so far.
    pub nodes: BTreeMap<NodeId, Node>,
    /// Links so far.
    pub links: BTreeMap<LinkId, Link>,
    ends: BTreeSet<(NodeId, NodeId, Option<String>, Carries)>,
    outgoing: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

/// What a link carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carries {
    /// Events, sent and forgotten.
    Events,
    /// Requests, each waiting for its reply.
    Requests,
    /// Batches that the target polls.
    Batches,
    /// Dead letters.
    DeadLetters,
}

impl Draft {
    /// Adds a node whose id is made from `name`.
    pub fn node(&mut self, name: &str, label: &str, kind: Kind) -> Option<NodeId> {
        let id = unique(&slug(name), |id| NodeId::new(id).ok().filter(|id| !self.nodes.contains_key(id)))?;
        let label = if label == id.as_str() { String::new() } else { label.chars().take(80).collect() };
        let node = Node { label, ..Node::new(kind) };
        self.nodes.insert(id.clone(), node);
        Some(id)
    }

    /// Adds a link unless it is there already.
    pub fn link(&mut self, from: &NodeId, to: &NodeId, carries: Carries) -> Option<LinkId> {
        self.link_by_rule(from, to, carries, None)
    }

    /// Adds a link that a rule or route feeds, unless it is there already.
    pub fn link_by_rule(
        &mut self,
        from: &NodeId,
        to: &NodeId,
        carries: Carries,
        rule: Option<String>,
    ) -> Option<LinkId> {
        let (Some(source), Some(target)) = (self.nodes.get(from), self.nodes.get(to)) else { return None };
        if from == to || !self.ends.insert((from.clone(), to.clone(), rule.clone(), carries)) {
            return None;
        }
        let link = Link {
            from: from.clone(),
            to: to.clone(),
            latency: latency(&source.kind, &target.kind, carries),
            loss: 0.0,
            mode: match carries {
                Carries::Events | Carries::DeadLetters => Some(LinkMode::Event),
                Carries::Requests => Some(LinkMode::Request),
                Carries::Batches => Some(LinkMode::Poll),
            },
            rule,
            dead_letters: carries == Carries::DeadLetters,
        };
        let name = format!("{}/{}", shortened(from.as_str()), shortened(to.as_str()));
        let id = unique(&name, |id| LinkId::new(id).ok().filter(|id| !self.links.contains_key(id)))?;
        self.links.insert(id.clone(), link);
        self.outgoing.entry(from.clone()).or_default().insert(to.clone());
        Some(id)
    }

    /// Takes away the links that leave `from` and carry this, and returns their targets.
    pub fn unlink(&mut self, from: &NodeId, carries: Carries) -> Vec<NodeId> {
        let gone: Vec<_> = self.ends.iter().filter(|(a, _, _, c)| a == from && *c == carries).cloned().collect();
        gone.into_iter().filter(|end| self.unlink_end(end)).map(|(_, to, _, _)| to).collect()
    }

    /// Takes away the first link from `from` to `to`; whether there was one.
    pub fn unlink_one(&mut self, from: &NodeId, to: &NodeId) -> bool {
        let gone = self.ends.iter().find(|(a, b, _, _)| a == from && b == to).cloned();
        gone.is_some_and(|end| self.unlink_end(&end))
    }

    fn unlink_end(&mut self, end: &(NodeId, NodeId, Option<String>, Carries)) -> bool {
        let (from, to, rule, carries) = end;
        self.ends.remove(end);
        let same =
            |link: &Link| link.from == *from && link.to == *to && link.rule == *rule && carried(link) == Some(*carries);
        let id = self.links.iter().find(|(_, link)| same(link)).map(|(id, _)| id.clone());
        let taken = id.and_then(|id| self.links.remove(&id)).is_some();
        let still = self.ends.iter().any(|(a, b, _, _)| a == from && b == to);
        if let (false, Some(targets)) = (still, self.outgoing.get_mut(from)) {
            targets.remove(to);
        }
        taken
    }

    /// Adds a line to a node's note.
    pub fn remark(&mut self, id: &NodeId, text: &str) {
        if let Some(node) = self.nodes.get_mut(id) {
            let separator = if node.note.is_empty() { "" } else { "\n" };
            node.note.push_str(separator);
            node.note.push_str(text);
        }
    }

    /// Whether messages that leave `from` may come to `to`.
    pub fn reaches(&self, from: &NodeId, to: &NodeId) -> bool {
        self.reached_from([from.clone()]).contains(to)
    }

    /// Everything that messages leaving `starts` may come to, the starts included.
    pub fn reached_from(&self, starts: impl IntoIterator<Item = NodeId>) -> BTreeSet<NodeId> {
        let mut open: Vec<NodeId> = starts.into_iter().collect();
        let mut reached: BTreeSet<NodeId> = open.iter().cloned().collect();
        while let Some(id) = open.pop() {
            for next in self.outgoing.get(&id).into_iter().flatten() {
                if reached.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        reached
    }

    /// Whether a link leads from `from` to `to`.
    pub fn linked(&self, from: &NodeId, to: &NodeId) -> bool {
        self.outgoing.get(from).is_some_and(|targets| targets.contains(to))
    }

    /// The nodes to which links lead from `id`.
    pub fn targets(&self, id: &NodeId) -> impl Iterator<Item = &NodeId> {
        self.outgoing.get(id).into_iter().flatten()
    }

    /// The nodes with at least one incoming link.
    pub fn fed(&self) -> BTreeSet<NodeId> {
        self.links.values().map(|link| link.to.clone()).collect()
    }

    /// The finished scene, laid out.
    pub fn into_scene(self, title: &str, notes: String) -> Scene {
        let rows: BTreeMap<&NodeId, usize> = self.nodes.keys().enumerate().map(|(row, id)| (id, row)).collect();
        let edges: Vec<(usize, usize)> =
            self.links.values().filter_map(|link| Some((*rows.get(&link.from)?, *rows.get(&link.to)?))).collect();
        let places = crate::exchange::layout::layered(self.nodes.len(), &edges);
        let mut nodes = self.nodes;
        for (node, (x, z)) in nodes.values_mut().zip(places) {
            node.position = (x, 0.0, z);
        }
        let settings = Settings { begins: schedule::begins(nodes.values()), ..Settings::default() };
        Scene { title: title.to_owned(), notes, settings, nodes, links: self.links, ..Scene::default() }
    }
}

/// What a link carries, read back from its mode.
fn carried(link: &Link) -> Option<Carries> {
    match (link.dead_letters, link.mode?) {
        (true, _) => Some(Carries::DeadLetters),
        (false, LinkMode::Event) => Some(Carries::Events),
        (false, LinkMode::Request) => Some(Carries::Requests),
        (false, LinkMode::Poll) => Some(Carries::Batches),
    }
}

/// Latencies of the hand-offs (messaging semantics, section 7).
fn latency(source: &Kind, target: &Kind, carries: Carries) -> Latency {
    let (median, tail) = match (carries, source, target) {
        (Carries::Batches, _, _) => (10, 60),
        (_, Kind::Bus(_), _) => (8, 40),
        (_, _, Kind::Bus(_)) => (15, 80),
        (_, _, Kind::Queue(_)) => (8, 40),
        (Carries::Requests, Kind::Client(_), _) => (20, 90),
        (Carries::Requests, _, _) => (5, 25),
        _ => (15, 80),
    };
    Latency { spread: Spread::Lognormal(Duration::millis(median), Duration::millis(tail)), floor: None }
}

/// `OrderCreatedQueue` as `order-created-queue`.
pub fn slug(name: &str) -> String {
    let mut text = String::new();
    let mut before = ' ';
    let mut characters = name.chars().peekable();
    while let Some(c) = characters.next() {
        let word_ends = before.is_lowercase() || before.is_numeric();
        let next_is_small = characters.peek().is_some_and(|next| next.is_lowercase());
        let begins_word = c.is_uppercase() && (word_ends || (before.is_uppercase() && next_is_small));
        if (begins_word || !c.is_alphanumeric()) && !text.is_empty() && !text.ends_with('-') {
            text.push('-');
        }
        if c.is_alphanumeric() {
            text.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
        }
        before = c;
        if text.chars().count() >= ID_CHARS_MAX {
            break;
        }
    }
    let text = text.trim_matches('-');
    if text.is_empty() { "node".to_owned() } else { text.to_owned() }
}

fn shortened(id: &str) -> String {
    id.chars().take(ID_CHARS_MAX / 2).collect()
}

/// The first of `name`, `name-2`, `name-3`, … that `free` takes.
fn unique<T>(name: &str, free: impl Fn(&str) -> Option<T>) -> Option<T> {
    free(name).or_else(|| (2_u32..u32::MAX).find_map(|number| free(&format!("{name}-{number}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Queue, Sink};

    #[test]
    fn ids_are_made_from_names() {
        for (name, id) in [
            ("OrderCreatedQueue", "order-created-queue"),
            ("MyDLQ", "my-dlq"),
            ("SQSQueue2Target", "sqs-queue2-target"),
            ("a b_c", "a-b-c"),
            ("", "node"),
            ("--", "node"),
        ] {
            assert_eq!(slug(name), id);
        }
        assert!(NodeId::new(&slug(&"VeryLong".repeat(40))).is_ok());
    }

    #[test]
    fn equal_names_get_numbers_and_equal_links_are_one() {
        let mut draft = Draft::default();
        let first = draft.node("Queue", "Queue", Kind::Queue(Queue::default())).map(|id| id.to_string());
        let second = draft.node("queue", "Queue", Kind::Sink(Sink::default())).map(|id| id.to_string());
        assert_eq!((first.as_deref(), second.as_deref()), (Some("queue"), Some("queue-2")));
        let ids: Vec<NodeId> = draft.nodes.keys().cloned().collect();
        assert!(draft.link(&ids[0], &ids[1], Carries::Events).is_some());
        assert!(draft.link(&ids[0], &ids[1], Carries::Events).is_none());
        assert!(draft.link(&ids[0], &ids[0], Carries::Events).is_none());
        assert_eq!((draft.reaches(&ids[0], &ids[1]), draft.reaches(&ids[1], &ids[0])), (true, false));
    }
}
