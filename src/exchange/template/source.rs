//! A template as read: parameters, conditions, mappings, globals and resources.
//!
//! Invariant: a resource whose condition is false with the parameters' defaults is not in `resources`.
//! Invariant: conditions have been evaluated once, here; nothing later recurses over them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::exchange::error::{ImportError, Place};
use crate::exchange::template::intrinsics::condition;
use crate::exchange::tree::{DEPTH_MAX, Mark, Tree, Value};

/// Resources of a template at most; the service takes 500.
pub const RESOURCES_MAX: usize = 5_000;

/// A template and what its names stand for.
pub struct Template {
    /// What errors and notes call the file.
    pub file: String,
    /// The folder beyond which no file is read.
    pub folder: PathBuf,
    /// The whole text.
    pub root: Tree,
    /// Values of the parameters that have one.
    pub parameters: BTreeMap<String, String>,
    /// Conditions by name; `None`: it depends on what only a deployment knows.
    pub conditions: BTreeMap<String, Option<bool>>,
    /// Resources in the order of the file.
    pub resources: Vec<Resource>,
    /// Resources left out because their condition is false.
    pub left_out: Vec<Resource>,
    index: BTreeMap<String, usize>,
    names: BTreeMap<String, String>,
}

/// One resource of a template.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its logical id.
    pub id: String,
    /// Its type, `AWS::SQS::Queue` for example.
    pub type_name: String,
    /// Where it begins.
    pub mark: Mark,
    /// Its properties, an empty map where it has none.
    pub properties: Tree,
}

/// Properties that give a resource a name of its own, by which texts may refer to it.
const NAME_PROPERTIES: [&str; 9] = [
    "QueueName",
    "TopicName",
    "FunctionName",
    "TableName",
    "BucketName",
    "StreamName",
    "StateMachineName",
    "DeliveryStreamName",
    "Name",
];

impl Template {
    /// Checks that `root` is a template and indexes it. `folder` is where it lies.
    pub fn read(root: Tree, file: &str, folder: &Path) -> Result<Template, ImportError> {
        let problem = |mark, found: &str, problem: &str| ImportError::NotATemplate {
            place: Place::with_found(file, mark, found),
            problem: problem.to_owned(),
        };
        let Some(resources) = root.get("Resources") else {
            return Err(problem(root.mark, first_words(&root), "it has no `Resources`"));
        };
        // A skeleton whose resources are still to be written is a template without any.
        let blank = resources.to_json().is_null();
        if !blank && !matches!(resources.value, Value::Map(_)) {
            return Err(problem(resources.mark, first_words(resources), "`Resources` is no map"));
        }
        if resources.entries().len() > RESOURCES_MAX {
            return Err(ImportError::TooManyResources { file: file.to_owned(), resources_max: RESOURCES_MAX });
        }
        let mut template = Template {
            file: file.to_owned(),
            folder: folder.to_owned(),
            parameters: parameters(&root),
            conditions: BTreeMap::new(),
            resources: Vec::new(),
            left_out: Vec::new(),
            index: BTreeMap::new(),
            names: BTreeMap::new(),
            root,
        };
        template.evaluate_conditions()?;
        template.index_resources()?;
        Ok(template)
    }

    fn evaluate_conditions(&mut self) -> Result<(), ImportError> {
        let conditions: BTreeMap<&str, &Tree> = match self.root.get("Conditions") {
            Some(tree) => tree.entries().iter().map(|(name, tree)| (name.as_str(), tree)).collect(),
            None => BTreeMap::new(),
        };
        let mut values = BTreeMap::new();
        for name in conditions.keys() {
            let mut path = Vec::new();
            condition::evaluate_named(self, &conditions, name, &mut values, &mut path)?;
        }
        self.conditions = values;
        Ok(())
    }

    fn index_resources(&mut self) -> Result<(), ImportError> {
        let entries = self.root.get("Resources").map(Tree::entries).unwrap_or_default();
        let mut kept = Vec::new();
        let mut left_out = Vec::new();
        for (id, tree) in entries {
            // `Fn::ForEach::Name` and `Fn::Transform` stand among the resources without being one.
            if id.starts_with("Fn::") {
                continue;
            }
            let Some(type_name) = tree.get("Type").and_then(Tree::as_text) else {
                return Err(ImportError::NotATemplate {
                    place: Place::with_found(&self.file, tree.mark, id),
                    problem: format!("the resource `{id}` has no `Type`"),
                });
            };
            let properties = tree.get("Properties").filter(|tree| matches!(tree.value, Value::Map(_)));
            let resource = Resource {
                id: id.clone(),
                type_name: type_name.to_owned(),
                mark: tree.mark,
                properties: properties.cloned().unwrap_or_else(Tree::empty),
            };
            let condition = tree.get("Condition").and_then(Tree::as_text);
            match condition.and_then(|name| self.conditions.get(name).copied().flatten()) {
                Some(false) => left_out.push(resource),
                _ => kept.push(resource),
            }
        }
        self.index = kept.iter().enumerate().map(|(row, resource)| (resource.id.clone(), row)).collect();
        self.names = kept.iter().filter_map(|resource| Some((self.own_name(resource)?, resource.id.clone()))).collect();
        self.resources = kept;
        self.left_out = left_out;
        Ok(())
    }

    fn own_name(&self, resource: &Resource) -> Option<String> {
        let tree = NAME_PROPERTIES.iter().find_map(|name| resource.properties.get(name))?;
        let name = self.text(tree)?;
        // Shorter names would be found by accident in unrelated texts.
        (name.len() >= 3).then_some(name)
    }

    /// The resource with this logical id.
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.get(*self.index.get(id)?)
    }

    /// Whether a resource has this logical id, those included that SAM makes: the APIs of events that
    /// name none, and the URL of a function.
    pub fn is_resource(&self, id: &str) -> bool {
        if self.index.contains_key(id) || matches!(id, "ServerlessRestApi" | "ServerlessHttpApi") {
            return true;
        }
        let function = id.strip_suffix("Url").and_then(|name| self.resource(name));
        function.is_some_and(|function| self.property(function, "FunctionUrlConfig").is_some())
    }

    /// The logical id of the resource that has this physical name.
    pub fn named(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    /// A property of a resource, from `Globals` where the resource itself does not say; an `If` is followed.
    pub fn property<'t>(&'t self, resource: &'t Resource, name: &str) -> Option<&'t Tree> {
        let own = resource.properties.get(name).and_then(|tree| self.follow(tree));
        own.or_else(|| {
            let section = resource.type_name.strip_prefix("AWS::Serverless::")?;
            self.follow(self.root.at(&["Globals", section, name])?)
        })
    }

    /// A number that a property gives.
    pub fn number(&self, resource: &Resource, name: &str) -> Option<f64> {
        self.number_of(self.property(resource, name)?)
    }

    /// A value as a number.
    pub fn number_of(&self, tree: &Tree) -> Option<f64> {
        self.text(tree)?.trim().parse::<f64>().ok().filter(|number| number.is_finite())
    }

    /// The value at the end of a path of keys, an `If` on the way followed.
    pub fn at<'t>(&'t self, tree: &'t Tree, path: &[&str]) -> Option<&'t Tree> {
        path.iter().try_fold(tree, |tree, key| self.follow(tree.get(key)?))
    }

    /// The place of a value, for an error.
    pub fn place(&self, mark: Mark, found: &str) -> Place {
        Place::with_found(&self.file, mark, found)
    }
}

fn parameters(root: &Tree) -> BTreeMap<String, String> {
    let entries = root.get("Parameters").map(Tree::entries).unwrap_or_default();
    let value = |tree: &Tree| tree.get("Default").and_then(Tree::as_text).map(str::to_owned);
    entries.iter().filter_map(|(name, tree)| Some((name.clone(), value(tree)?))).collect()
}

/// What an error shows of a value that has no text of its own.
fn first_words(tree: &Tree) -> &str {
    match &tree.value {
        Value::Scalar(text, _) => text,
        Value::List(_) => "a list",
        Value::Map(entries) => entries.first().map_or("an empty map", |(key, _)| key),
    }
}

const _: () = assert!(DEPTH_MAX < 1_000, "the functions over trees recurse as deep as trees are");
