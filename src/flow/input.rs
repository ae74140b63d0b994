//! Inputs: what a target of a bus receives of an event.
//!
//! Invariant: what was read renders in bounded time; the same event and context give the same input.
//! Rules: messaging semantics, EB-84 and EB-90 to EB-97.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::flow::states::path::Path;

/// Variables of one template at most (EB-91).
const VARIABLES_MAX: usize = 100;
/// Characters of a template at most.
const TEMPLATE_MAX: usize = 8_192;
/// How the names that a bus keeps for itself begin (EB-91).
const RESERVED: &str = "aws.events.";
/// The part of an event that `aws.events.event` leaves out (EB-92).
const DETAIL: &str = "detail";

/// What a target receives, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Input(Form);

#[derive(Clone, Debug, PartialEq)]
enum Form {
    Part(Path),
    Constant(Value),
    Template { paths: BTreeMap<String, Path>, pieces: Vec<Piece> },
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// A placeholder by itself, where a JSON value stands.
    Value(Source),
    /// A placeholder inside of a text.
    Inside(Source),
}

#[derive(Clone, Debug, PartialEq)]
enum Source {
    Variable(String),
    RuleArn,
    RuleName,
    IngestionTime,
    /// The event without its detail.
    Event,
    /// The whole event.
    EventJson,
}

/// What the bus knows besides the event (EB-92).
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The bus's name.
    pub bus: &'a str,
    /// The rule's name.
    pub rule: &'a str,
    /// When the bus accepted the event, as text of RFC 3339.
    pub ingested: &'a str,
}

/// Why a text is no input.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InputError {
    /// A path that a bus does not take.
    #[error("`{path}` is no path of a bus: {reason}")]
    Path {
        /// As written.
        path: String,
        /// Why.
        reason: String,
    },
    /// A constant that is not JSON.
    #[error("the constant input is not JSON: {reason}")]
    Constant {
        /// What the reader of JSON said.
        reason: String,
    },
    /// A template that is too long or has too many variables.
    #[error("the template has {found} {what}, more than {limit}")]
    TooLarge {
        /// Variables, or characters.
        what: &'static str,
        /// How many.
        found: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// A variable with a name that a bus keeps for itself.
    #[error("`{name}` begins like the names that the bus keeps for itself")]
    Reserved {
        /// The name.
        name: String,
    },
    /// A placeholder without a variable (EB-91).
    #[error("the template names `<{name}>`, which is no variable")]
    UnknownPlaceholder {
        /// The name.
        name: String,
    },
    /// An event inside of a text (EB-92).
    #[error("`<{name}>` is JSON and cannot stand inside of a text")]
    InsideText {
        /// The name.
        name: String,
    },
}

/// An event of which a template makes no JSON: the target cannot be called with it (EB-95).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the input made for the target is not JSON")]
pub struct InvalidInput;

fn path(text: &str) -> Result<Path, InputError> {
    let refuse = |reason: String| InputError::Path { path: text.chars().take(80).collect(), reason };
    let path = Path::parse(text).map_err(|reason| refuse(reason.to_owned()))?;
    match path.is_plain() {
        true => Ok(path),
        false => Err(refuse("only names, indexes and * are taken".to_owned())),
    }
}

impl Input {
    /// The part of the event at a path.
    ///
    /// # Errors
    /// A path with filters, slices, recursion or functions (EB-90).
    pub fn part(text: &str) -> Result<Input, InputError> {
        path(text).map(|path| Input(Form::Part(path)))
    }

    /// The same JSON for every event.
    ///
    /// # Errors
    /// A text that is not JSON.
    pub fn constant(text: &str) -> Result<Input, InputError> {
        let value = serde_json::from_str(text).map_err(|error| InputError::Constant { reason: error.to_string() })?;
        Ok(Input(Form::Constant(value)))
    }

    /// A template with the paths of its variables.
    ///
    /// # Errors
    /// The first problem (EB-90 to EB-92).
    pub fn template(paths: &BTreeMap<String, String>, text: &str) -> Result<Input, InputError> {
        let limits = [("variables", paths.len(), VARIABLES_MAX), ("characters", text.chars().count(), TEMPLATE_MAX)];
        if let Some((what, found, limit)) = limits.into_iter().find(|(_, found, limit)| found > limit) {
            return Err(InputError::TooLarge { what, found, limit });
        }
        if let Some(name) = paths.keys().find(|name| name.starts_with(RESERVED)) {
            return Err(InputError::Reserved { name: name.clone() });
        }
        let read = paths.iter().map(|(name, text)| Ok((name.clone(), path(text)?)));
        let paths: BTreeMap<String, Path> = read.collect::<Result<_, InputError>>()?;
        let pieces = pieces(text, &paths)?;
        Ok(Input(Form::Template { paths, pieces }))
    }

    /// Whether two equal events may give different inputs.
    pub fn depends_on_time(&self) -> bool {
        let Form::Template { pieces, .. } = &self.0 else { return false };
        let time =
            |piece: &Piece| matches!(piece, Piece::Value(from) | Piece::Inside(from) if *from == Source::IngestionTime);
        pieces.iter().any(time)
    }

    /// What the target receives.
    ///
    /// # Errors
    /// A template whose values do not make JSON of it (EB-95, EB-96).
    pub fn render(&self, event: &Value, context: Context<'_>) -> Result<Value, InvalidInput> {
        match &self.0 {
            Form::Part(path) => path.find(event).map_err(|_| InvalidInput),
            Form::Constant(value) => Ok(value.clone()),
            Form::Template { paths, pieces } => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(part) => text.push_str(part),
                        // A hole where nothing is found makes no JSON (EB-96).
                        Piece::Value(source) => {
                            text.extend(source.value(paths, event, context).map(|value| value.to_string()));
                        }
                        Piece::Inside(source) => text.extend(source.value(paths, event, context).map(bare)),
                    }
                }
                serde_json::from_str(&text).map_err(|_| InvalidInput)
            }
        }
    }
}

/// A value as text; nothing in it is escaped (EB-94, EB-95).
fn bare(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

impl Source {
    fn read(name: &str, paths: &BTreeMap<String, Path>) -> Option<Source> {
        Some(match name.strip_prefix(RESERVED) {
            Some("rule-arn") => Source::RuleArn,
            Some("rule-name") => Source::RuleName,
            Some("event.ingestion-time") => Source::IngestionTime,
            Some("event") => Source::Event,
            Some("event.json") => Source::EventJson,
            Some(_) => return None,
            None => Source::Variable(paths.get_key_value(name)?.0.clone()),
        })
    }

    /// The value that stands for a placeholder; `None` where a path leads nowhere.
    fn value(&self, paths: &BTreeMap<String, Path>, event: &Value, context: Context<'_>) -> Option<Value> {
        let Context { bus, rule, ingested } = context;
        Some(match self {
            Source::Variable(name) => paths.get(name)?.find(event).ok()?,
            Source::RuleArn => Value::from(format!("arn:aws:events:us-east-1:000000000000:rule/{bus}/{rule}")),
            Source::RuleName => Value::from(rule),
            Source::IngestionTime => Value::from(ingested),
            Source::Event => {
                let mut event = event.clone();
                event.as_object_mut().map(|members| members.remove(DETAIL));
                event
            }
            Source::EventJson => event.clone(),
        })
    }
}

/// Takes a template apart at its placeholders, and sees which of them stand inside of a text.
fn pieces(text: &str, paths: &BTreeMap<String, Path>) -> Result<Vec<Piece>, InputError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let (mut inside, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some((name, after)) = placeholder(rest) {
            let unknown = || InputError::UnknownPlaceholder { name: name.to_owned() };
            let source = Source::read(name, paths).ok_or_else(unknown)?;
            if inside && matches!(source, Source::Event | Source::EventJson) {
                return Err(InputError::InsideText { name: name.to_owned() });
            }
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
            pieces.push(if inside { Piece::Inside(source) } else { Piece::Value(source) });
            rest = after;
            continue;
        }
        inside ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        literal.push(character);
        rest = rest.strip_prefix(character).unwrap_or_default();
    }
    pieces.push(Piece::Text(literal));
    Ok(pieces)
}

/// The name between `<` and `>` at the beginning of a text, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('<')?.split_once('>')?;
    let is_name = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    (!name.is_empty() && name.chars().all(is_name)).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({"source": "shop", "detail": {"id": 7, "who": "Anna", "items": [{"n": 1}, {"n": 2}], "odd": "a\"b"}})
    }

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect()
    }

    #[track_caller]
    fn check(pairs: &[(&str, &str)], template: &str, expected: Result<Value, InvalidInput>) {
        let input = Input::template(&variables(pairs), template).unwrap_or_else(|error| panic!("{error}"));
        let context = Context { bus: "orders", rule: "big", ingested: "2026-01-01T00:00:00Z" };
        assert_eq!(input.render(&event(), context), expected, "{template}");
    }

    #[test]
    fn a_path_takes_a_part_and_a_constant_says_the_same_for_all() {
        // EB-84, EB-90: `*` gives an array in document order.
        let part = |path| Input::part(path).map(|input| input.render(&event(), Context::default()));
        assert_eq!(part("$.detail.who"), Ok(Ok(json!("Anna"))));
        assert_eq!(part("$.detail.items[*].n"), Ok(Ok(json!([1, 2]))));
        assert_eq!(part("$['source']"), Ok(Ok(json!("shop"))));
        assert_eq!(part("$.nowhere.to"), Ok(Err(InvalidInput)));
        for refused in ["$..n", "$.detail.items[?(@.n==1)]", "$.detail.items[0:1]", "$$.x", "detail"] {
            assert!(matches!(part(refused), Err(InputError::Path { .. })), "{refused}");
        }
        let constant = Input::constant(r#"{"ping": true}"#).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(constant.render(&event(), Context::default()), Ok(json!({"ping": true})));
        assert!(matches!(Input::constant("ping"), Err(InputError::Constant { .. })));
    }

    #[test]
    fn placeholders_are_values_by_themselves_and_bare_text_inside_of_a_text() {
        // EB-93, EB-94.
        let pairs = [("id", "$.detail.id"), ("who", "$.detail.who"), ("items", "$.detail.items")];
        check(
            &pairs,
            r#"{"order": <id>, "buyer": <who>, "list": <items>}"#,
            Ok(json!({"order": 7, "buyer": "Anna", "list": [{"n": 1}, {"n": 2}]})),
        );
        check(
            &pairs,
            r#"{"order": "<id>", "say": "for <who> < you"}"#,
            Ok(json!({"order": "7", "say": "for Anna < you"})),
        );
        check(&pairs, r#""order <id> of <who>""#, Ok(json!("order 7 of Anna")));
    }

    #[test]
    fn what_the_bus_knows_has_names_of_its_own() {
        // EB-92.
        check(
            &[],
            r#"{"rule": <aws.events.rule-name>, "at": "<aws.events.event.ingestion-time>", "event": <aws.events.event>}"#,
            Ok(json!({"rule": "big", "at": "2026-01-01T00:00:00Z", "event": {"source": "shop"}})),
        );
        check(&[], r#"{"all": <aws.events.event.json>}"#, Ok(json!({"all": event()})));
        let inside = Input::template(&BTreeMap::new(), r#"{"all": "<aws.events.event.json>"}"#);
        assert!(matches!(inside, Err(InputError::InsideText { .. })));
    }

    #[test]
    fn values_that_break_the_json_and_holes_make_no_input() {
        // EB-95, EB-96: nothing is escaped; an absent value is an empty text inside quotes, and a hole outside.
        check(&[("odd", "$.detail.odd")], r#"{"said": "<odd>"}"#, Err(InvalidInput));
        check(&[("gone", "$.detail.gone")], r#"{"said": "<gone>"}"#, Ok(json!({"said": ""})));
        check(&[("gone", "$.detail.gone")], r#"{"said": <gone>}"#, Err(InvalidInput));
    }

    #[test]
    fn templates_that_no_bus_saves_are_refused() {
        // EB-91.
        let refused = |pairs, template| Input::template(&variables(pairs), template).err();
        let unknown = refused(&[], r#"{"a": <who>}"#);
        assert!(matches!(unknown, Some(InputError::UnknownPlaceholder { .. })), "{unknown:?}");
        assert!(matches!(refused(&[("aws.events.x", "$.a")], "{}"), Some(InputError::Reserved { .. })));
        let many: BTreeMap<String, String> = (0..101).map(|at| (format!("v{at}"), "$.a".to_owned())).collect();
        assert!(matches!(Input::template(&many, "{}"), Err(InputError::TooLarge { what: "variables", .. })));
        let long = format!("\"{}\"", "x".repeat(TEMPLATE_MAX));
        assert!(matches!(refused(&[], &long), Some(InputError::TooLarge { what: "characters", .. })));
    }

    #[test]
    fn only_the_time_of_ingestion_differs_between_equal_events() {
        let depends = |template| Input::template(&BTreeMap::new(), template).map(|input| input.depends_on_time());
        assert_eq!(depends(r#"{"a": <aws.events.event.ingestion-time>}"#), Ok(true));
        assert_eq!(depends(r#"{"a": <aws.events.rule-name>}"#), Ok(false));
    }
}
