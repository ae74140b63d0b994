//! Conditions: `Equals`, `And`, `Or`, `Not` over the parameters' defaults.
//!
//! Invariant: a condition that depends on itself is an error, and a chain of conditions is followed no
//! deeper than `CHAIN_MAX`.

use std::collections::BTreeMap;

use crate::exchange::error::ImportError;
use crate::exchange::template::intrinsics::{Certainty, intrinsic};
use crate::exchange::template::source::Template;
use crate::exchange::tree::Tree;

/// Conditions that depend on each other in a row, at most; beyond it a condition counts as unknown.
const CHAIN_MAX: usize = 60;

/// Evaluates the condition `name` into `values`. `path` holds those under way.
pub fn evaluate_named<'t>(
    template: &Template,
    conditions: &BTreeMap<&'t str, &'t Tree>,
    name: &'t str,
    values: &mut BTreeMap<String, Option<bool>>,
    path: &mut Vec<&'t str>,
) -> Result<Option<bool>, ImportError> {
    if let Some(value) = values.get(name) {
        return Ok(*value);
    }
    let Some(tree) = conditions.get(name) else { return Ok(None) };
    if path.contains(&name) {
        return Err(ImportError::ConditionCycle { place: template.place(tree.mark, name) });
    }
    if path.len() >= CHAIN_MAX {
        return Ok(None);
    }
    path.push(name);
    let value = Evaluation { template, conditions, values, path }.evaluate(tree)?;
    path.pop();
    values.insert(name.to_owned(), value);
    Ok(value)
}

struct Evaluation<'a, 't> {
    template: &'a Template,
    conditions: &'a BTreeMap<&'t str, &'t Tree>,
    values: &'a mut BTreeMap<String, Option<bool>>,
    path: &'a mut Vec<&'t str>,
}

impl<'t> Evaluation<'_, 't> {
    fn evaluate(&mut self, tree: &'t Tree) -> Result<Option<bool>, ImportError> {
        let Some((name, argument)) = intrinsic(tree) else { return Ok(None) };
        match name {
            "Condition" => match argument.as_text() {
                Some(name) => evaluate_named(self.template, self.conditions, name, self.values, self.path),
                None => Ok(None),
            },
            "Not" => Ok(argument.items().first().map(|item| self.evaluate(item)).transpose()?.flatten().map(|v| !v)),
            "And" => self.all(argument, true),
            "Or" => self.all(argument, false),
            "Equals" => Ok(self.equals(argument)),
            _ => Ok(None),
        }
    }

    /// All values equal `neutral`, or one is known to differ, or nobody knows.
    fn all(&mut self, argument: &'t Tree, neutral: bool) -> Result<Option<bool>, ImportError> {
        let mut result = Some(neutral);
        for item in argument.items() {
            match self.evaluate(item)? {
                Some(value) if value != neutral => return Ok(Some(!neutral)),
                Some(_) => {}
                None => result = None,
            }
        }
        Ok(result)
    }

    fn equals(&self, argument: &Tree) -> Option<bool> {
        let [left, right] = argument.items() else { return None };
        let [left, right] = [self.template.render(left)?, self.template.render(right)?];
        let certain = left.certainty == Certainty::Known && right.certainty == Certainty::Known;
        certain.then_some(left.text == right.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::tree::read_tree;

    fn read(text: &str) -> Result<Template, ImportError> {
        let root = read_tree(text, "t.yaml")?;
        Template::read(root, "t.yaml", std::path::Path::new("."))
    }

    #[test]
    fn a_condition_that_depends_on_itself_is_refused() {
        let text = "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\nResources: {}\n";
        let error = read(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with("t.yaml:2:") && error.contains("depends on itself"), "{error}");
    }

    #[test]
    fn a_long_chain_of_conditions_ends() {
        let mut text = String::from("Conditions:\n  C0: !Equals [a, a]\n");
        for row in (1..20_000).rev() {
            text.push_str(&format!("  C{row}: !Not [!Condition C{}]\n", row - 1));
        }
        text.push_str("Resources: {}\n");
        assert!(read(&text).is_ok());
    }
}
