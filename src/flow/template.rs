//! Payload templates: a JSON text of which some strings are draws.
//!
//! Invariant: a draw depends on the template's text, the draw's place in it and the variant alone,
//! in integer arithmetic or correctly rounded doubles: every platform renders the same payloads.
//!
//! The draws are `"$int(1,500)"`, `"$float(0,1)"`, `"$choice(book,toy,food)"` and `"$bool(0.1)"`;
//! `"$$int(1,500)"` is the text `$int(1,500)`. Everything else is taken as it stands.

use serde_json::{Map, Value};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// A template is at most this long: the largest event that a bus takes.
const BYTES_MAX: usize = 1_048_576;
/// Offending text is cut after this many characters in errors.
const EXCERPT_CHARACTERS: usize = 80;
const DRAWS: [&str; 4] = ["int", "float", "choice", "bool"];

/// A payload template, read and checked.
///
/// ```
/// use eventscape::flow::template::Template;
/// let template = Template::parse(r#"{"type": "order", "total": "$int(1,500)"}"#, 64)?;
/// let payload = template.render(7);
/// assert!(payload["total"].as_i64().is_some_and(|total| (1..=500).contains(&total)));
/// assert_eq!(payload, template.render(7));
/// # Ok::<(), eventscape::flow::template::TemplateError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    root: Part,
    text_hash: u64,
    variants: u32,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Value),
    Draw { index: u32, draw: Draw },
    Array(Vec<Part>),
    Object(Vec<(String, Part)>),
}

/// A value that differs from variant to variant; each is as likely as any other, save `Bool`.
#[derive(Clone, Debug, PartialEq)]
enum Draw {
    /// From the first to the second, both included.
    Int(i64, i64),
    /// From the first up to the second.
    Float(f64, f64),
    /// One of these.
    Choice(Vec<String>),
    /// True with this probability.
    Bool(f64),
}

/// Why a text is no payload template.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// The text cannot be read as JSON.
    #[error("the payload is not JSON: {reason}")]
    NotJson {
        /// What the reader of JSON said, with line and column.
        reason: String,
    },
    /// The text is longer than any payload may be.
    #[error("the payload has {found} bytes, more than {limit}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The most that is read.
        limit: usize,
    },
    /// A template that makes no payload at all.
    #[error("the template has 0 variants")]
    NoVariants,
    /// No draw has this name.
    #[error("unknown draw `{found}`")]
    UnknownDraw {
        /// The offending text.
        found: String,
        /// The draw whose name is most alike.
        nearest: Option<&'static str>,
    },
    /// A draw with the wrong arguments.
    #[error("`{found}` needs {expected}")]
    Arguments {
        /// The offending text.
        found: String,
        /// What it needs.
        expected: &'static str,
    },
}

impl TemplateError {
    /// What the person can do, as one sentence.
    pub fn help(&self) -> String {
        let help = match self {
            TemplateError::NotJson { .. } => {
                "write the payload as one JSON value, draws as strings: {\"total\": \"$int(1,500)\"}"
            }
            TemplateError::TooLong { .. } => "shorten the payload, or send a reference to it",
            TemplateError::NoVariants => "write variants: 1 or more",
            TemplateError::UnknownDraw { nearest: Some(nearest), .. } => {
                return format!("did you mean `${nearest}(…)`?");
            }
            TemplateError::UnknownDraw { nearest: None, .. } => {
                "use $int, $float, $choice or $bool, or write $$ for a text that begins with $"
            }
            TemplateError::Arguments { .. } => "see $int(1,500), $float(0,1), $choice(book,toy,food), $bool(0.1)",
        };
        String::from(help)
    }
}

impl Template {
    /// Reads a template that makes `variants` different payloads.
    ///
    /// # Errors
    /// The first problem, with the offending text.
    pub fn parse(body: &str, variants: u32) -> Result<Template, TemplateError> {
        if body.len() > BYTES_MAX {
            return Err(TemplateError::TooLong { found: body.len(), limit: BYTES_MAX });
        }
        if variants == 0 {
            return Err(TemplateError::NoVariants);
        }
        let value = serde_json::from_str::<Value>(body)
            .map_err(|error| TemplateError::NotJson { reason: error.to_string() })?;
        let mut draws = 0;
        let root = read_part(value, &mut draws)?;
        Ok(Template { root, text_hash: xxh3_64(body.as_bytes()), variants: if draws == 0 { 1 } else { variants } })
    }

    /// How many variants there are: one where nothing is drawn.
    pub fn variants(&self) -> u32 {
        self.variants
    }

    /// The payload of a variant; variants repeat after [`Template::variants`].
    pub fn render(&self, variant: u32) -> Value {
        // `variants` is never zero; the fallback only spares the reader a proof.
        let variant = variant.checked_rem(self.variants).unwrap_or(0);
        self.render_part(&self.root, variant)
    }

    /// The payload's stable identity: equal for equal content, whatever template made it.
    pub fn id(&self, variant: u32) -> u128 {
        content_id(&self.render(variant))
    }

    fn render_part(&self, part: &Part, variant: u32) -> Value {
        match part {
            Part::Literal(value) => value.clone(),
            Part::Draw { index, draw } => draw.value(self.random(*index, variant)),
            Part::Array(parts) => parts.iter().map(|part| self.render_part(part, variant)).collect(),
            Part::Object(members) => {
                members.iter().map(|(name, part)| (name.clone(), self.render_part(part, variant))).collect()
            }
        }
    }

    /// 64 random bits for one draw of one variant.
    fn random(&self, index: u32, variant: u32) -> u64 {
        let key = (u128::from(self.text_hash) << 64) | (u128::from(index) << 32) | u128::from(variant);
        xxh3_64(&key.to_le_bytes())
    }
}

/// The stable 128-bit hash of a JSON value: of its compact text with the names of objects sorted.
pub fn content_id(value: &Value) -> u128 {
    xxh3_128(sorted(value).to_string().as_bytes())
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut members = members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect::<Vec<_>>();
            members.sort_by(|(one, _), (another, _)| one.cmp(another));
            Value::Object(members.into_iter().collect::<Map<_, _>>())
        }
        scalar => scalar.clone(),
    }
}

fn read_part(value: Value, draws: &mut u32) -> Result<Part, TemplateError> {
    match value {
        Value::Array(items) => {
            items.into_iter().map(|item| read_part(item, draws)).collect::<Result<_, _>>().map(Part::Array)
        }
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| Ok((name, read_part(value, draws)?)))
            .collect::<Result<_, _>>()
            .map(Part::Object),
        Value::String(text) => read_text(text, draws),
        scalar => Ok(Part::Literal(scalar)),
    }
}

fn read_text(text: String, draws: &mut u32) -> Result<Part, TemplateError> {
    match call(&text) {
        Some(("$", _)) => Ok(Part::Literal(Value::from(text.get(1..).unwrap_or_default()))),
        Some((name, arguments)) => {
            let part = Part::Draw { index: *draws, draw: Draw::read(&text, name, arguments)? };
            *draws += 1;
            Ok(part)
        }
        None => Ok(Part::Literal(Value::from(text))),
    }
}

/// Takes `$name(arguments)` apart; the name is `$` where the text is escaped.
fn call(text: &str) -> Option<(&str, &str)> {
    let (name, arguments) = text.strip_prefix('$')?.strip_suffix(')')?.split_once('(')?;
    let escaped = name.starts_with('$');
    let name = if escaped { name.get(..1)? } else { name };
    let is_name = !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric());
    (escaped || is_name).then_some((name, arguments))
}

impl Draw {
    fn read(text: &str, name: &str, arguments: &str) -> Result<Draw, TemplateError> {
        let found = || text.chars().take(EXCERPT_CHARACTERS).collect::<String>();
        let arguments = arguments.split(',').map(str::trim).collect::<Vec<_>>();
        let (draw, expected) = match name {
            "int" => (Draw::int(&arguments), "two whole numbers, the smaller first"),
            "float" => (Draw::float(&arguments), "two numbers, the smaller first"),
            "choice" => (Draw::choice(&arguments), "at least one text, none of them empty"),
            "bool" => (Draw::bool(&arguments), "a probability from 0 to 1"),
            _ => {
                let nearest = DRAWS.into_iter().find(|draw| strsim::damerau_levenshtein(name, draw) <= 2);
                return Err(TemplateError::UnknownDraw { found: found(), nearest });
            }
        };
        draw.ok_or_else(|| TemplateError::Arguments { found: found(), expected })
    }

    fn int(arguments: &[&str]) -> Option<Draw> {
        let [low, high] = arguments else { return None };
        let (low, high) = (low.parse().ok()?, high.parse().ok()?);
        (low <= high).then_some(Draw::Int(low, high))
    }

    fn float(arguments: &[&str]) -> Option<Draw> {
        let [low, high] = arguments else { return None };
        let (low, high) = (low.parse::<f64>().ok()?, high.parse::<f64>().ok()?);
        (low.is_finite() && high.is_finite() && low <= high).then_some(Draw::Float(low, high))
    }

    fn choice(arguments: &[&str]) -> Option<Draw> {
        let full = arguments.iter().all(|argument| !argument.is_empty());
        full.then(|| Draw::Choice(arguments.iter().copied().map(String::from).collect()))
    }

    fn bool(arguments: &[&str]) -> Option<Draw> {
        let [probability] = arguments else { return None };
        probability.parse().ok().filter(|probability| (0.0..=1.0).contains(probability)).map(Draw::Bool)
    }

    fn value(&self, random: u64) -> Value {
        match self {
            Draw::Int(low, high) => {
                let span = (i128::from(*high) - i128::from(*low) + 1).unsigned_abs();
                let offset = scale(random, span);
                Value::from((i128::from(*low) + i128::from(offset)) as i64)
            }
            Draw::Float(low, high) => {
                let share = unit(random);
                Value::from(low * (1.0 - share) + high * share)
            }
            Draw::Choice(texts) => {
                let chosen = usize::try_from(scale(random, texts.len() as u128)).ok().and_then(|at| texts.get(at));
                chosen.map_or(Value::Null, |text| Value::from(text.as_str()))
            }
            Draw::Bool(probability) => Value::Bool(unit(random) < *probability),
        }
    }
}

/// A number below `span`, which is at most 2^64, each as likely as any other.
fn scale(random: u64, span: u128) -> u64 {
    (u128::from(random).saturating_mul(span) >> 64) as u64
}

/// A double from zero up to one, of the upper 53 bits.
fn unit(random: u64) -> f64 {
    (random >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[track_caller]
    fn check_error(body: &str, expected: &str) {
        let error = Template::parse(body, 4).expect_err(body);
        assert_eq!(error.to_string(), expected);
        assert!(!error.help().is_empty());
    }

    fn template(body: &str) -> Template {
        Template::parse(body, 64).expect(body)
    }

    #[test]
    fn draws_stay_in_their_ranges_and_reach_their_ends() {
        let body = r#"{"n":"$int(-1,1)","f":"$float(2,3)","c":"$choice(a, b)","b":"$bool(0.5)"}"#;
        let payloads = (0..64).map(|variant| template(body).render(variant)).collect::<Vec<_>>();
        let seen = |value: Value, name: &str| payloads.iter().any(|payload| payload[name] == value);
        for (name, value) in [("n", json!(-1)), ("n", json!(0)), ("n", json!(1)), ("c", json!("a")), ("c", json!("b"))]
        {
            assert!(seen(value.clone(), name), "{name} was never {value}");
        }
        assert!(seen(json!(true), "b") && seen(json!(false), "b"));
        assert!(payloads.iter().all(|payload| payload["f"].as_f64().is_some_and(|f| (2.0..3.0).contains(&f))));
    }

    #[test]
    fn whole_range_of_integers_can_be_drawn() {
        let template = template(r#"["$int(-9223372036854775808,9223372036854775807)"]"#);
        assert!((0..64).any(|variant| template.render(variant)[0].as_i64().is_some_and(|n| n < -(1 << 62))));
        assert!((0..64).any(|variant| template.render(variant)[0].as_i64().is_some_and(|n| n > 1 << 62)));
    }

    #[test]
    fn rendering_is_the_same_on_every_platform() {
        let template = template(r#"{"a":"$int(1,1000000)","b":["$float(0,1)","$choice(x,y,z)"],"c":"$bool(0.5)"}"#);
        insta::assert_snapshot!(template.render(3), @r#"{"a":623363,"b":[0.6463718069149788,"z"],"c":false}"#);
        insta::assert_snapshot!(format!("{:032x}", template.id(3)), @"383e9a32773495b1612f487f96a06b82");
    }

    #[test]
    fn what_is_no_draw_stands_as_it_is() {
        let body = r#"{"price":"$5","path":"$.a","call":"$$int(1,2)","n":1.50,"nested":[{"x":null}]}"#;
        let payload = json!({"price": "$5", "path": "$.a", "call": "$int(1,2)", "n": 1.5, "nested": [{"x": null}]});
        assert_eq!(template(body).render(0), payload);
        assert_eq!(template(r#"{"x":1}"#).variants(), 1, "nothing is drawn, so all variants are one");
    }

    #[test]
    fn identity_depends_on_content_alone() {
        let one = template(r#"{"a":1,"b":{"c":2,"d":3}}"#);
        let another = template(r#"{ "b": {"d": 3, "c": 2}, "a": 1 }"#);
        assert_eq!(one.id(0), another.id(0));
        assert_ne!(one.id(0), template(r#"{"a":1,"b":{"c":2,"d":4}}"#).id(0));
    }

    #[test]
    fn errors_name_the_offending_text() {
        check_error("{", "the payload is not JSON: EOF while parsing an object at line 1 column 1");
        check_error(r#"["$itn(1,2)"]"#, "unknown draw `$itn(1,2)`");
        check_error(r#"["$int(5,1)"]"#, "`$int(5,1)` needs two whole numbers, the smaller first");
        check_error(r#"["$bool(2)"]"#, "`$bool(2)` needs a probability from 0 to 1");
        check_error(r#"["$choice()"]"#, "`$choice()` needs at least one text, none of them empty");
        check_error(r#"["$float(0,inf)"]"#, "`$float(0,inf)` needs two numbers, the smaller first");
        assert_eq!(Template::parse("{}", 0), Err(TemplateError::NoVariants));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(call in r#"\$?\$?[a-z]{0,6}\(?[-0-9a-z.,e ]{0,12}\)?"#, variant: u32) {
            let body = Value::from(vec![call]).to_string();
            if let Ok(template) = Template::parse(&body, 9) {
                prop_assert_eq!(template.render(variant), template.render(variant % template.variants()));
            }
        }
    }
}
