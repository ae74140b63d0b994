//! What an import did: what it knew, what it did not, and what it supposed.
//!
//! Invariant: every resource of the file is counted in exactly one of the three tables or in `left_out`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::exchange::tree::Mark;

/// The result of an import, beside the scene.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The imported file.
    pub file: String,
    /// Nodes of the scene, traffic sources included.
    pub nodes: usize,
    /// Links of the scene.
    pub links: usize,
    /// Resources of the file.
    pub resources: usize,
    /// Resources that became nodes, links or rules, by type.
    pub known: BTreeMap<String, usize>,
    /// Resources that only configure others (roles, permissions, networks), by type.
    pub configuration: BTreeMap<String, usize>,
    /// Resources of types that the import does not know; each became a generic node.
    pub unknown: BTreeMap<String, usize>,
    /// Resources left out because their condition is false with the parameters' defaults.
    pub left_out: usize,
    /// Each unknown resource with its place.
    pub unknown_resources: Vec<UnknownResource>,
    /// What was supposed, simplified or not understood, in the order in which it was met.
    pub notes: Vec<Note>,
}

/// A resource whose type the import does not know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnknownResource {
    /// Its logical id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Where it stands.
    #[serde(flatten)]
    pub mark: Mark,
}

/// A remark on the import.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    /// The place that it is about; zero where it is about the whole.
    #[serde(flatten)]
    pub mark: Mark,
    /// The remark, as one sentence.
    pub text: String,
}

/// Notes at most; a file that gives more has one thing wrong many times.
pub const NOTES_MAX: usize = 500;

impl Summary {
    /// Adds a remark about the place `mark`.
    pub fn note(&mut self, mark: Mark, text: impl Into<String>) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(Note { mark, text: text.into() });
        }
    }

    /// Number of resources whose type is known, configuration included.
    pub fn known_resources(&self) -> usize {
        self.known.values().chain(self.configuration.values()).sum()
    }

    /// The summary as lines for a terminal.
    pub fn lines(&self) -> Vec<String> {
        let flow: usize = self.known.values().sum();
        let configuration: usize = self.configuration.values().sum();
        let mut lines = vec![
            format!("{}: {} nodes, {} links", self.file, self.nodes, self.links),
            format!(
                "{} resources: {flow} in the flow, {configuration} configuration, {} unknown, {} left out",
                self.resources,
                self.unknown_resources.len(),
                self.left_out
            ),
        ];
        for resource in &self.unknown_resources {
            let at = self.at(resource.mark);
            lines.push(format!("{at}: `{}` has the unknown type {}: a generic node", resource.id, resource.type_name));
        }
        lines.extend(self.notes.iter().map(|note| format!("{}: {}", self.at(note.mark), note.text)));
        lines
    }

    fn at(&self, mark: Mark) -> String {
        match mark.line {
            0 => self.file.clone(),
            line => format!("{}:{line}:{}", self.file, mark.column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_the_place_of_what_is_unknown() {
        let mut summary = Summary { file: "t.yaml".to_owned(), ..Summary::default() };
        let mark = Mark { line: 7, column: 3 };
        summary.unknown_resources.push(UnknownResource {
            id: "Robot".to_owned(),
            type_name: "AWS::X::Y".to_owned(),
            mark,
        });
        assert!(
            summary.lines().iter().any(|line| line.starts_with("t.yaml:7:3: `Robot` has the unknown type AWS::X::Y"))
        );
    }

    #[test]
    fn the_json_gives_line_and_column_beside_the_text() {
        let mut summary = Summary::default();
        summary.note(Mark { line: 2, column: 5 }, "supposed");
        let json = serde_json::to_value(&summary).unwrap_or_default();
        assert_eq!(json["notes"][0], serde_json::json!({"line": 2, "column": 5, "text": "supposed"}));
    }
}
