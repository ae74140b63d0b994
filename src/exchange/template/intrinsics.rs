//! The intrinsic functions: what text a value stands for, and which resources it points at.
//!
//! Invariant: nothing here recurses over resources; only over values, which are at most
//! [`crate::exchange::tree::DEPTH_MAX`] deep, and a rendered text is at most [`TEXT_MAX`] bytes long.

use std::collections::BTreeSet;

use crate::exchange::template::source::Template;
use crate::exchange::tree::{Tree, Value};

pub mod condition;

/// Bytes of a rendered text at most: the longest state machine definition that the service takes is 1 MB.
pub const TEXT_MAX: usize = 1 << 20;

/// What the pseudo parameters stand for in an import.
const PSEUDO: [(&str, &str); 7] = [
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "us-east-1"),
    ("AWS::StackName", "stack"),
    ("AWS::StackId", "stack-id"),
    ("AWS::URLSuffix", "amazonaws.com"),
    ("AWS::NotificationARNs", ""),
];

/// A text and whether a deployment would give the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text; names of resources and of parameters without a default stand for themselves.
    pub text: String,
    /// Whether it holds nothing but what the template says.
    pub certainty: Certainty,
}

/// Whether a text is known before a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The template says it all.
    Known,
    /// A part of it is a name that only a deployment gives.
    Supposed,
}

/// The intrinsic function that a value is, with its argument.
pub fn intrinsic(tree: &Tree) -> Option<(&str, &Tree)> {
    match tree.entries() {
        [(name, argument)] if name == "Ref" || name == "Condition" => Some((name, argument)),
        [(name, argument)] => name.strip_prefix("Fn::").map(|name| (name, argument)),
        _ => None,
    }
}

impl Template {
    /// The value itself, or the branch of an `If` and the entry of a `FindInMap` that stand in its place;
    /// `None` where it is `AWS::NoValue`. Of a condition that nobody knows, the first branch is taken.
    pub fn follow<'t>(&'t self, tree: &'t Tree) -> Option<&'t Tree> {
        match intrinsic(tree) {
            Some(("If", argument)) => match argument.items() {
                [name, yes, no] => match self.condition_value(name) {
                    Some(false) => self.follow(no),
                    _ => self.follow(yes),
                },
                _ => Some(tree),
            },
            Some(("Ref", argument)) if argument.as_text() == Some("AWS::NoValue") => None,
            Some(("FindInMap", argument)) => Some(self.find_in_map(argument).unwrap_or(tree)),
            _ => Some(tree),
        }
    }

    fn condition_value(&self, name: &Tree) -> Option<bool> {
        self.conditions.get(name.as_text()?).copied().flatten()
    }

    fn find_in_map(&self, argument: &Tree) -> Option<&Tree> {
        let [map, first, second, ..] = argument.items() else { return None };
        let [map, first, second] = [self.text(map)?, self.text(first)?, self.text(second)?];
        self.root.at(&["Mappings", &map, &first, &second])
    }

    /// The text that a value stands for; `None` for maps and lists that are no intrinsic function.
    pub fn text(&self, tree: &Tree) -> Option<String> {
        self.render(tree).map(|rendered| rendered.text)
    }

    /// The text that a value stands for, and whether it is certain.
    pub fn render(&self, tree: &Tree) -> Option<Rendered> {
        let mut out = Rendered { text: String::new(), certainty: Certainty::Known };
        self.render_into(tree, &mut out)?;
        Some(out)
    }

    fn render_into(&self, tree: &Tree, out: &mut Rendered) -> Option<()> {
        if let Value::Scalar(text, _) = &tree.value {
            push(out, text);
            return Some(());
        }
        let (name, argument) = intrinsic(tree)?;
        match name {
            "Ref" => self.render_name(argument.as_text()?, out),
            "GetAtt" => self.render_name(&attribute_owner(argument)?, out),
            "Sub" => {
                let (text, locals) = sub_parts(argument)?;
                self.render_sub(text, locals, out)
            }
            "Join" => {
                let [separator, list] = argument.items() else { return None };
                let texts = self.list(list)?;
                push(out, &join(&texts, separator.as_text().unwrap_or_default()));
            }
            "Select" => {
                let [index, list] = argument.items() else { return None };
                let index = self.number_of(index)? as usize;
                push(out, self.list(list)?.get(index)?);
            }
            "If" | "FindInMap" => {
                let followed = self.follow(tree)?;
                if std::ptr::eq(followed, tree) {
                    out.certainty = Certainty::Supposed;
                    return None;
                }
                self.render_into(followed, out)?;
            }
            "Base64" | "ImportValue" | "ToJsonString" => {
                out.certainty = Certainty::Supposed;
                self.render_into(argument, out)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// The value of a parameter or pseudo parameter; a resource stands for itself.
    fn render_name(&self, name: &str, out: &mut Rendered) {
        if let Some((_, value)) = PSEUDO.iter().find(|(pseudo, _)| *pseudo == name) {
            return push(out, value);
        }
        match self.parameters.get(name) {
            Some(value) => push(out, value),
            None => {
                out.certainty = Certainty::Supposed;
                push(out, name);
            }
        }
    }

    fn render_sub(&self, text: &str, locals: &[(String, Tree)], out: &mut Rendered) {
        for piece in sub_pieces(text) {
            match piece {
                Piece::Literal(text) => push(out, text),
                Piece::Variable(name) => match locals.iter().find(|(local, _)| local == name) {
                    Some((_, tree)) => {
                        if self.render_into(tree, out).is_none() {
                            out.certainty = Certainty::Supposed;
                        }
                    }
                    None => self.render_name(name.split('.').next().unwrap_or(name), out),
                },
            }
        }
    }

    /// A list of texts: a list, a split text, a parameter with commas, or the zones of a region.
    pub fn list(&self, tree: &Tree) -> Option<Vec<String>> {
        if let Value::List(items) = &tree.value {
            return Some(items.iter().map(|item| self.text(item).unwrap_or_default()).collect());
        }
        match intrinsic(tree) {
            Some(("Split", argument)) => {
                let [separator, text] = argument.items() else { return None };
                let separator = separator.as_text().filter(|separator| !separator.is_empty())?;
                Some(self.text(text)?.split(separator).map(str::to_owned).collect())
            }
            Some(("GetAZs", _)) => Some(["a", "b", "c"].iter().map(|zone| format!("us-east-1{zone}")).collect()),
            Some(("Cidr", _)) => Some(vec!["10.0.0.0/24".to_owned()]),
            Some(("If" | "FindInMap", _)) => {
                let followed = self.follow(tree)?;
                if std::ptr::eq(followed, tree) { None } else { self.list(followed) }
            }
            _ => Some(self.text(tree)?.split(',').map(|part| part.trim().to_owned()).collect()),
        }
    }

    /// The value as JSON, each intrinsic function replaced by its text.
    pub fn json(&self, tree: &Tree) -> serde_json::Value {
        let Some(tree) = self.follow(tree) else { return serde_json::Value::Null };
        if let Some((name, _)) = intrinsic(tree)
            && let Some(text) = self.text(tree)
        {
            let numeric = name == "Ref" && text.parse::<f64>().is_ok();
            return if numeric { serde_json::from_str(&text).unwrap_or_default() } else { text.into() };
        }
        match &tree.value {
            Value::Scalar(..) => tree.to_json(),
            Value::List(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), self.json(value))).collect(),
        }
    }

    /// The logical ids of the resources that a value points at, in the order in which it names them.
    pub fn targets(&self, tree: &Tree) -> Vec<String> {
        let mut found = Found { order: Vec::new(), seen: BTreeSet::new() };
        self.collect(tree, &mut found);
        found.order
    }

    /// The first resource that a value points at.
    pub fn target(&self, tree: &Tree) -> Option<String> {
        self.targets(tree).into_iter().next()
    }

    fn collect(&self, tree: &Tree, found: &mut Found) {
        let Some(tree) = self.follow(tree) else { return };
        match (&tree.value, intrinsic(tree)) {
            (Value::Scalar(text, _), _) => self.collect_text(text, found),
            (_, Some(("Ref", argument))) => match argument.as_text() {
                Some(name) if self.is_resource(name) => found.push(name),
                Some(name) => {
                    if let Some(value) = self.parameters.get(name) {
                        self.collect_text(value, found);
                    }
                }
                None => {}
            },
            (_, Some(("GetAtt", argument))) => {
                if let Some(owner) = attribute_owner(argument) {
                    self.collect_name(&owner, found);
                }
            }
            (_, Some(("Sub", argument))) => {
                if let Some((text, locals)) = sub_parts(argument) {
                    self.collect_sub(text, locals, found);
                    if let Some(text) = self.text(tree) {
                        self.collect_text(&text, found);
                    }
                }
            }
            (_, Some(("Join", argument))) => {
                argument.items().iter().skip(1).for_each(|item| self.collect(item, found));
                if let Some(text) = self.text(tree) {
                    self.collect_text(&text, found);
                }
            }
            (Value::List(items), _) => items.iter().for_each(|item| self.collect(item, found)),
            (Value::Map(entries), _) => entries.iter().for_each(|(_, value)| self.collect(value, found)),
        }
    }

    fn collect_name(&self, name: &str, found: &mut Found) {
        if self.is_resource(name) {
            found.push(name);
        }
    }

    fn collect_sub(&self, text: &str, locals: &[(String, Tree)], found: &mut Found) {
        for piece in sub_pieces(text) {
            if let Piece::Variable(name) = piece {
                match locals.iter().find(|(local, _)| local == name) {
                    Some((_, tree)) => self.collect(tree, found),
                    None => self.collect_name(name.split('.').next().unwrap_or(name), found),
                }
            }
        }
    }

    /// A name, or the name at the end of an address such as `arn:aws:sqs:us-east-1:123456789012:orders`.
    fn collect_text(&self, text: &str, found: &mut Found) {
        let last = text.rsplit([':', '/']).next().unwrap_or(text);
        if let Some(id) = self.named(text).or_else(|| self.named(last)) {
            found.push(id);
        }
    }
}

struct Found {
    order: Vec<String>,
    seen: BTreeSet<String>,
}

impl Found {
    fn push(&mut self, id: &str) {
        if self.seen.insert(id.to_owned()) {
            self.order.push(id.to_owned());
        }
    }
}

fn push(out: &mut Rendered, text: &str) {
    let room = TEXT_MAX.saturating_sub(out.text.len());
    match text.get(..room.min(text.len())) {
        Some(part) if part.len() == text.len() => out.text.push_str(part),
        _ => out.certainty = Certainty::Supposed,
    }
}

fn join(texts: &[String], separator: &str) -> String {
    let mut joined = String::new();
    for (row, text) in texts.iter().enumerate() {
        if joined.len() + text.len() + separator.len() > TEXT_MAX {
            break;
        }
        if row > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    joined
}

/// The resource of `Resource.Attribute`, or of the list of the two.
fn attribute_owner(argument: &Tree) -> Option<String> {
    let text = match &argument.value {
        Value::Scalar(text, _) => text,
        Value::List(items) => items.first()?.as_text()?,
        Value::Map(_) => return None,
    };
    Some(text.split('.').next().unwrap_or(text).to_owned())
}

/// The text of a `Sub` and the variables of its own.
fn sub_parts(argument: &Tree) -> Option<(&str, &[(String, Tree)])> {
    match &argument.value {
        Value::Scalar(text, _) => Some((text, &[])),
        Value::List(items) => match items.as_slice() {
            [text, locals] => Some((text.as_text()?, locals.entries())),
            [text] => Some((text.as_text()?, &[])),
            _ => None,
        },
        Value::Map(_) => None,
    }
}

enum Piece<'t> {
    Literal(&'t str),
    Variable(&'t str),
}

/// Takes `${Name}` apart from the text around it; `${!Name}` is the text `${Name}`.
fn sub_pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        pieces.push(Piece::Literal(before));
        let Some((name, behind)) = after.split_once('}') else {
            pieces.push(Piece::Literal(after));
            return pieces;
        };
        match name.strip_prefix('!') {
            Some(literal) => {
                pieces.push(Piece::Literal("${"));
                pieces.push(Piece::Literal(literal));
                pieces.push(Piece::Literal("}"));
            }
            None => pieces.push(Piece::Variable(name.trim())),
        }
        rest = behind;
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::tree::read_tree;

    const TEMPLATE: &str = "
Parameters:
  Stage: {Type: String, Default: dev}
  Zones: {Type: CommaDelimitedList, Default: 'a, b'}
  Open: {Type: String}
Mappings: {Sizes: {dev: {memory: 128}}}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsBig: !And [!Not [!Condition IsDev], !Equals [!Ref Open, x]]
  Unknown: !Equals [!Ref Open, x]
Resources:
  Queue: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Sub 'orders-${Stage}'}}
  Topic: {Type: 'AWS::SNS::Topic'}
  Big: {Type: 'AWS::SNS::Topic', Condition: IsBig}
";

    fn template() -> Template {
        let root = read_tree(TEMPLATE, "t.yaml").unwrap_or_else(|e| panic!("{e}"));
        Template::read(root, "t.yaml", std::path::Path::new(".")).unwrap_or_else(|e| panic!("{e}"))
    }

    #[track_caller]
    fn check_text(value: &str, text: &str) {
        let tree = read_tree(value, "v.yaml").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(template().text(&tree).as_deref(), Some(text));
    }

    #[track_caller]
    fn check_targets(value: &str, targets: &[&str]) {
        let tree = read_tree(value, "v.yaml").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(template().targets(&tree), targets);
    }

    #[test]
    fn each_function_gives_its_text() {
        check_text("!Ref Stage", "dev");
        check_text("!Ref Queue", "Queue");
        check_text("!Sub 'a-${Stage}-${!Literal}-${AWS::Region}-${Queue.Arn}'", "a-dev-${Literal}-us-east-1-Queue");
        check_text("!Sub ['${x}/${Stage}', {x: !Ref Stage}]", "dev/dev");
        check_text("!Join ['-', [a, !Ref Stage, c]]", "a-dev-c");
        check_text("!Select [1, !Split ['|', 'a|b|c']]", "b");
        check_text("!Select [1, !Ref Zones]", "b");
        check_text("!Select [0, !GetAZs '']", "us-east-1a");
        check_text("!FindInMap [Sizes, !Ref Stage, memory]", "128");
        check_text("!If [IsDev, yes, no]", "yes");
        check_text("!If [IsBig, yes, no]", "no");
        check_text("Fn::Base64: !Ref Stage", "dev");
        check_text("!ImportValue shared", "shared");
    }

    #[test]
    fn each_function_points_at_its_resources() {
        check_targets("!Ref Queue", &["Queue"]);
        check_targets("Fn::GetAtt: [Queue, Arn]", &["Queue"]);
        check_targets("!Sub '${Topic}/${Queue.Arn}/${Stage}'", &["Topic", "Queue"]);
        check_targets("!Join ['', ['x', !GetAtt Queue.Arn, !Ref Topic]]", &["Queue", "Topic"]);
        check_targets("!If [Unknown, !Ref Queue, !Ref Topic]", &["Queue"]);
        check_targets("!If [IsBig, !Ref Queue, !Ref Topic]", &["Topic"]);
        check_targets("arn:aws:sqs:us-east-1:123456789012:orders-dev", &["Queue"]);
        check_targets("!Sub 'arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:orders-${Stage}'", &["Queue"]);
        check_targets("!Ref AWS::NoValue", &[]);
        check_targets("nothing", &[]);
    }

    #[test]
    fn a_resource_whose_condition_is_false_is_left_out() {
        let template = template();
        assert!(template.resource("Big").is_none());
        assert_eq!(template.left_out.len(), 1);
        assert_eq!(template.conditions.get("Unknown"), Some(&None));
    }

    #[test]
    fn a_text_that_multiplies_stays_within_its_limit() {
        let mut text = String::from("Parameters: {P: {Type: String, Default: ");
        text.push_str(&"x".repeat(100_000));
        text.push_str("}}\nResources: {}\n");
        let root = read_tree(&text, "t.yaml").unwrap_or_else(|e| panic!("{e}"));
        let template = Template::read(root, "t.yaml", std::path::Path::new(".")).unwrap_or_else(|e| panic!("{e}"));
        let tree = read_tree(&format!("!Sub '{}'", "${P}".repeat(10_000)), "v.yaml").unwrap_or_else(|e| panic!("{e}"));
        assert!(template.text(&tree).is_some_and(|text| text.len() <= TEXT_MAX));
    }
}
