//! Reads the rules of a Choice.
//!
//! Invariant: a rule has exactly one operator.

use serde_json::Value;

use super::super::choice::{Branch, Choice, Operand, Relation, Rule, Test, Type, parse_wildcard};
use super::super::error::DefinitionProblem;
use super::super::path::Path;
use super::{Language, Members, Names, Place, Reader};

/// Fields of a rule that are no operator.
const PLAIN: [&str; 6] = ["Variable", "Next", "Comment", "Assign", "Output", "Condition"];
const TYPES: [(&str, Type); 4] =
    [("String", Type::String), ("Numeric", Type::Numeric), ("Boolean", Type::Boolean), ("Timestamp", Type::Timestamp)];
const RELATIONS: [(&str, Relation); 5] = [
    ("Equals", Relation::Equal),
    ("LessThan", Relation::Less),
    ("LessThanEquals", Relation::LessOrEqual),
    ("GreaterThan", Relation::Greater),
    ("GreaterThanEquals", Relation::GreaterOrEqual),
];

impl Reader {
    /// `Choices` and `Default`.
    pub(super) fn choice(&mut self, place: &Place, members: &Members, names: &Names, language: Language) -> Choice {
        let choices = self.list(place, members, "Choices");
        if choices.is_empty() {
            self.problem(place, DefinitionProblem::Missing { field: "Choices" });
        }
        let mut rules = Vec::new();
        for (here, members) in choices {
            let next = self.required_target(&here, members, names);
            let (rule, assign) = match language {
                Language::Path => (self.rule(&here, members), self.payload(&here, members, "Assign")),
                Language::Jsonata => {
                    let instead = "the rule never holds, so the Choice takes its Default";
                    self.unsupported(&here.below("Condition"), "a JSONata condition", instead);
                    (Some(Rule::Never), None)
                }
            };
            if let (Some(rule), Some(next)) = (rule, next) {
                rules.push((rule, Branch { next, assign }));
            }
        }
        let default = members.get("Default").and_then(|name| self.target(&place.below("Default"), name, names));
        // Without a way out, the first rule of a language that is not simulated is taken.
        if language == Language::Jsonata && default.is_none() {
            return Choice { default: rules.first().map(|(_, branch)| branch.next), rules };
        }
        Choice { rules, default }
    }

    fn rule(&mut self, place: &Place, members: &Members) -> Option<Rule> {
        let mut operators = members.iter().filter(|(name, _)| !PLAIN.contains(&name.as_str()));
        let (Some((operator, operand)), None) = (operators.next(), operators.next()) else {
            self.problem(place, DefinitionProblem::OneOf { fields: "the comparison operators, And, Or and Not" });
            return None;
        };
        let here = place.below(operator);
        match operator.as_str() {
            "And" | "Or" => {
                let nested = self.list(place, members, operator);
                if nested.is_empty() {
                    self.wrong(&here, operator, "a list with at least one rule", operand);
                }
                let rules = nested.into_iter().map(|(here, members)| self.rule(&here, members));
                let rules = rules.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
                Some(if operator == "And" { Rule::And(rules) } else { Rule::Or(rules) })
            }
            "Not" => match operand {
                Value::Object(members) => self.rule(&here, members).map(|rule| Rule::Not(Box::new(rule))),
                other => {
                    self.wrong(&here, "Not", "a rule", other);
                    None
                }
            },
            _ => {
                if !members.contains_key("Variable") {
                    self.problem(place, DefinitionProblem::Missing { field: "Variable" });
                }
                let variable = self.path(place, members, "Variable");
                let test = self.test(&here, operator, operand);
                Some(Rule::Compare(variable?, test?))
            }
        }
    }

    fn test(&mut self, place: &Place, operator: &str, operand: &Value) -> Option<Test> {
        let kind = match operator {
            "IsNull" => Some(Type::Null),
            "IsBoolean" => Some(Type::Boolean),
            "IsNumeric" => Some(Type::Numeric),
            "IsString" => Some(Type::String),
            "IsTimestamp" => Some(Type::Timestamp),
            _ => None,
        };
        match (operator, kind, operand) {
            ("IsPresent", _, Value::Bool(expected)) => Some(Test::IsPresent(*expected)),
            (_, Some(kind), Value::Bool(expected)) => Some(Test::Is(kind, *expected)),
            ("IsPresent", _, other) | (_, Some(_), other) => {
                self.wrong(place, operator, "true or false", other);
                None
            }
            ("StringMatches", ..) => {
                let parts = operand.as_str().and_then(parse_wildcard);
                if parts.is_none() {
                    self.wrong(
                        place,
                        operator,
                        "a text in which a backslash stands only before a star or a backslash",
                        operand,
                    );
                }
                parts.map(Test::Matches)
            }
            _ => self.comparison(place, operator, operand),
        }
    }

    fn comparison(&mut self, place: &Place, operator: &str, operand: &Value) -> Option<Test> {
        let (plain, is_path) = match operator.strip_suffix("Path") {
            Some(plain) => (plain, true),
            None => (operator, false),
        };
        let kind = TYPES.into_iter().find_map(|(name, kind)| Some((kind, plain.strip_prefix(name)?)));
        let relation = kind.and_then(|(kind, rest)| {
            let (_, relation) = RELATIONS.into_iter().find(|(name, _)| *name == rest)?;
            (kind != Type::Boolean || relation == Relation::Equal).then_some((kind, relation))
        });
        let Some((kind, relation)) = relation else {
            let problem = DefinitionProblem::Value {
                field: String::from("the comparison"),
                expected: "an operator such as StringEquals, NumericLessThan or IsPresent",
                found: super::excerpt(&Value::from(operator)),
            };
            self.problem(place, problem);
            return None;
        };
        if is_path {
            return match operand.as_str().map(Path::parse) {
                Some(Ok(path)) => Some(Test::Order(kind, relation, Operand::Found(path))),
                Some(Err(reason)) => {
                    self.problem(place, DefinitionProblem::Path { found: super::excerpt(operand), reason });
                    None
                }
                None => {
                    self.wrong(place, operator, "a path", operand);
                    None
                }
            };
        }
        let (fits, expected) = match kind {
            Type::Numeric => (operand.is_number(), "a number"),
            Type::Boolean => (operand.is_boolean(), "true or false"),
            _ => (operand.is_string(), "a text"),
        };
        if !fits {
            self.wrong(place, operator, expected, operand);
            return None;
        }
        Some(Test::Order(kind, relation, Operand::Given(operand.clone())))
    }
}
