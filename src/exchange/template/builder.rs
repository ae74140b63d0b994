//! What the readers of the single properties share: the draft, the summary, and who stands for whom.
//!
//! Invariant: a resource has at most one node; aliases, versions and the like stand for another resource.

use std::collections::BTreeMap;

use crate::exchange::summary::{Summary, UnknownResource};
use crate::exchange::template::draft::{Carries, Draft};
use crate::exchange::template::kinds;
use crate::exchange::template::resources::{Role, role, short_name};
use crate::exchange::template::source::{Resource, Template};
use crate::exchange::tree::{Mark, Tree};
use crate::flow::pattern;
use crate::flow::route::Route;
use crate::scene::kind::{Bus, Kind};
use crate::scene::slug::NodeId;

/// Resources that stand for others in a row, at most: an alias of a version of a function.
const STAND_INS_MAX: usize = 4;

/// An import under way.
pub struct Builder<'t> {
    /// The template.
    pub template: &'t Template,
    /// The scene so far.
    pub draft: Draft,
    /// What is to be said about the import.
    pub summary: Summary,
    /// Patterns of consumers that filter what they take from a stream: by stream and consumer.
    pub filters: BTreeMap<(NodeId, NodeId), Vec<String>>,
    nodes: BTreeMap<String, NodeId>,
    stand_ins: BTreeMap<String, String>,
    outside: BTreeMap<String, NodeId>,
    buses: BTreeMap<String, NodeId>,
}

impl<'t> Builder<'t> {
    /// Makes a node of each resource that is one, and counts the others.
    pub fn begin(template: &'t Template) -> Builder<'t> {
        let mut builder = Builder {
            template,
            draft: Draft::default(),
            summary: Summary { file: template.file.clone(), ..Summary::default() },
            filters: BTreeMap::new(),
            nodes: BTreeMap::new(),
            stand_ins: stand_ins(template),
            outside: BTreeMap::new(),
            buses: BTreeMap::new(),
        };
        builder.summary.resources = template.resources.len() + template.left_out.len();
        builder.summary.left_out = template.left_out.len();
        for resource in &template.left_out {
            builder.summary.note(resource.mark, format!("`{}` is left out: its condition is false", resource.id));
        }
        template.resources.iter().for_each(|resource| builder.add(resource));
        builder
    }

    fn add(&mut self, resource: &Resource) {
        let role = role(&resource.type_name);
        let table = match role {
            Role::Unknown => &mut self.summary.unknown,
            Role::Configuration => &mut self.summary.configuration,
            _ => &mut self.summary.known,
        };
        *table.entry(resource.type_name.clone()).or_default() += 1;
        if role == Role::Unknown {
            self.summary.unknown_resources.push(UnknownResource {
                id: resource.id.clone(),
                type_name: resource.type_name.clone(),
                mark: resource.mark,
            });
        }
        if self.stand_ins.contains_key(&resource.id) {
            return;
        }
        if let Some(kind) = kinds::kind(self.template, resource, role)
            && let Some(id) = self.draft.node(&resource.id, &resource.id, kind)
        {
            self.draft.remark(&id, &resource.type_name);
            self.nodes.insert(resource.id.clone(), id);
        }
    }

    /// The node of a resource, or of the one that it stands for.
    pub fn node_of(&self, resource: &str) -> Option<NodeId> {
        let mut name = resource;
        for _ in 0..STAND_INS_MAX {
            if let Some(id) = self.nodes.get(name) {
                return Some(id.clone());
            }
            name = self.stand_ins.get(name)?;
        }
        None
    }

    /// Makes `id` the node of `resource`, which has none of its own.
    pub fn set_node(&mut self, resource: &str, id: NodeId) {
        self.nodes.insert(resource.to_owned(), id);
    }

    /// Adds a node that is named after a resource, with a remark on what it is.
    pub fn node(&mut self, name: &str, kind: Kind, remark: &str) -> Option<NodeId> {
        let id = self.draft.node(name, name, kind)?;
        self.draft.remark(&id, remark);
        Some(id)
    }

    /// The first node that a value points at.
    pub fn target(&self, tree: &Tree) -> Option<NodeId> {
        self.targets(tree).into_iter().next()
    }

    /// The nodes that a value points at.
    pub fn targets(&self, tree: &Tree) -> Vec<NodeId> {
        self.template.targets(tree).iter().filter_map(|name| self.node_of(name)).collect()
    }

    /// The node that a value points at. A resource that is configuration elsewhere (a log group) becomes a
    /// sink here, and an address outside the template becomes a service named after it.
    pub fn target_or_outside(&mut self, tree: &Tree) -> Option<NodeId> {
        if let Some(id) = self.target(tree) {
            return Some(id);
        }
        if let Some(resource) = self.template.target(tree).and_then(|name| self.template.resource(&name)) {
            let (name, type_name) = (resource.id.clone(), resource.type_name.clone());
            let id = self.node(&name, kinds::sink(), &type_name)?;
            self.nodes.insert(name, id.clone());
            return Some(id);
        }
        let text = self.template.text(tree)?;
        self.outside_service(&service_name(&text))
    }

    /// A service that the template does not hold; one node for each name.
    pub fn outside_service(&mut self, name: &str) -> Option<NodeId> {
        self.outside(name, Kind::Service(kinds::service()))
    }

    /// A node that the template does not hold; one for each name.
    pub fn outside(&mut self, name: &str, kind: Kind) -> Option<NodeId> {
        if let Some(id) = self.outside.get(name) {
            return Some(id.clone());
        }
        let id = self.node(name, kind, "outside the template")?;
        self.outside.insert(name.to_owned(), id.clone());
        Some(id)
    }

    /// The bus that `tree` names; without one, the account's default bus.
    pub fn bus(&mut self, tree: Option<&Tree>) -> Option<NodeId> {
        if let Some(id) = tree.and_then(|tree| self.target(tree)) {
            return Some(id);
        }
        let text = tree.and_then(|tree| self.template.text(tree)).unwrap_or_default();
        let name = match text.rsplit('/').next().unwrap_or_default() {
            "" | "default" => "default-bus".to_owned(),
            name => name.to_owned(),
        };
        if let Some(id) = self.buses.get(&name) {
            return Some(id.clone());
        }
        let id = self.node(&name, Kind::Bus(Bus::default()), "AWS::Events::EventBus outside the template")?;
        self.buses.insert(name, id.clone());
        Some(id)
    }

    /// Adds a rule to a bus and returns its name. A pattern that no bus takes becomes one for everything.
    pub fn rule(
        &mut self,
        bus: &NodeId,
        name: &str,
        pattern: Option<&serde_json::Value>,
        mark: Mark,
    ) -> Option<String> {
        let text = self.checked_pattern(pattern, mark);
        let Some(Kind::Bus(bus)) = self.draft.nodes.get_mut(bus).map(|node| &mut node.kind) else { return None };
        let mut unique = name.to_owned();
        let mut number = 2_u32;
        while bus.rules.contains_key(&unique) {
            unique = format!("{name}-{number}");
            number += 1;
        }
        bus.rules.insert(unique.clone(), kinds::rule(&text));
        Some(unique)
    }

    /// The text of a pattern that compiles: the one given, or the one for everything with a note.
    pub fn checked_pattern(&mut self, pattern: Option<&serde_json::Value>, mark: Mark) -> String {
        let Some(pattern) = pattern else { return kinds::MATCH_ALL.to_owned() };
        if pattern.as_object().is_some_and(serde_json::Map::is_empty) {
            return kinds::MATCH_ALL.to_owned();
        }
        let text = pattern.to_string();
        match pattern::compile(&text) {
            Ok(_) => text,
            Err(error) => {
                self.summary.note(mark, format!("the pattern is replaced by one for everything: {error}"));
                kinds::MATCH_ALL.to_owned()
            }
        }
    }

    /// Links `from` to `to` as their kinds suggest.
    pub fn link(&mut self, from: &NodeId, to: &NodeId) {
        let kind = |id: &NodeId| self.draft.nodes.get(id).map(|node| &node.kind);
        let carries = match (kind(from), kind(to)) {
            (Some(Kind::Queue(_)), _) => Carries::Batches,
            (Some(Kind::Gateway(_) | Kind::Client(_) | Kind::StateMachine(_)), _) => Carries::Requests,
            (
                Some(Kind::Function(_)),
                Some(Kind::Function(_) | Kind::Store(_) | Kind::Service(_) | Kind::Gateway(_)),
            ) => Carries::Requests,
            _ => Carries::Events,
        };
        // A store's changes and a stream's records leave only where somebody listens.
        if let Some(Kind::Store(store)) = self.draft.nodes.get_mut(from).map(|node| &mut node.kind) {
            store.stream = true;
        }
        let rule = match self.draft.nodes.get(from).map(|node| &node.kind) {
            Some(Kind::Bus(_)) => self.rule(from, to.clone().as_str(), None, Mark::default()),
            _ => None,
        };
        self.draft.link_by_rule(from, to, carries, rule);
    }

    /// Links a gateway to what answers its requests: those of a route, or all that no route takes.
    pub fn answer(&mut self, gateway: &NodeId, to: &NodeId, route: Option<&str>) {
        let routes = match self.draft.nodes.get_mut(gateway).map(|node| &mut node.kind) {
            Some(Kind::Gateway(gateway)) => Some(&mut gateway.routes),
            _ => None,
        };
        let known = route.map(str::trim).filter(|text| Route::parse(text).is_ok());
        let rule = match (routes, known) {
            (Some(routes), Some(text)) => {
                let texts = routes.entry(to.to_string()).or_default();
                if !texts.iter().any(|known| known == text) {
                    texts.push(text.to_owned());
                }
                Some(to.to_string())
            }
            _ => None,
        };
        self.draft.link_by_rule(gateway, to, Carries::Requests, rule);
    }

    /// Links the dead letters of `from` to `to`.
    pub fn dead_letters(&mut self, from: &NodeId, to: &NodeId) {
        self.draft.link(from, to, Carries::DeadLetters);
    }

    /// Links `from` to `to` where that is only a guess from permissions or variables: not where messages
    /// would come back to where they were, which would multiply them for ever.
    pub fn suppose(&mut self, from: &NodeId, to: &NodeId, mark: Mark) {
        if from == to || self.draft.linked(from, to) {
            return;
        }
        if self.draft.reaches(to, from) {
            // A consumer's permission to read what feeds it is no way back, and says nothing new.
            if !self.draft.linked(to, from) {
                self.summary.note(mark, format!("no link from `{from}` to `{to}`: it would close a circle"));
            }
            return;
        }
        self.link(from, to);
    }
}

/// Which resources stand for another one.
fn stand_ins(template: &Template) -> BTreeMap<String, String> {
    let mut stand_ins = BTreeMap::new();
    for resource in &template.resources {
        let first = |name: &str| template.target(template.property(resource, name)?);
        let mut stands_for = |name: &str, other: Option<String>| {
            if let Some(other) = other.filter(|other| other != name) {
                stand_ins.insert(name.to_owned(), other);
            }
        };
        match resource.type_name.as_str() {
            "AWS::Lambda::Alias" | "AWS::Lambda::Version" => stands_for(&resource.id, first("FunctionName")),
            "AWS::Kinesis::StreamConsumer" => stands_for(&resource.id, first("StreamARN")),
            "AWS::StepFunctions::StateMachineVersion" => stands_for(&resource.id, first("StateMachineArn")),
            "AWS::StepFunctions::StateMachineAlias" => stands_for(&resource.id, first("RoutingConfiguration")),
            "AWS::RDS::DBInstance" => stands_for(&resource.id, first("DBClusterIdentifier")),
            "AWS::ElasticLoadBalancingV2::TargetGroup" | "AWS::VpcLattice::TargetGroup" => {
                stands_for(&resource.id, first("Targets"));
            }
            "AWS::ECS::Service" => {
                if let Some(task) = first("TaskDefinition") {
                    stands_for(&task, Some(resource.id.clone()));
                }
                let balancers = template.property(resource, "LoadBalancers").map(|tree| template.targets(tree));
                for group in balancers.unwrap_or_default() {
                    let is_group =
                        template.resource(&group).is_some_and(|other| other.type_name.ends_with("::TargetGroup"));
                    if is_group {
                        stands_for(&group, Some(resource.id.clone()));
                    }
                }
            }
            _ => {}
        }
    }
    stand_ins
}

/// The service of an address: `arn:aws:scheduler:::aws-sdk:ssm:startAutomation` as `ssm`.
pub fn service_name(address: &str) -> String {
    let parts: Vec<&str> = address.split(':').collect();
    let name = match parts.as_slice() {
        ["arn", _, _, _, _, "aws-sdk", service, ..] => service,
        ["arn", _, "states" | "scheduler", "", "", service, ..] => service,
        ["arn", _, "apigateway", _, service, ..] => service.rsplit('.').next().unwrap_or(service),
        ["arn", _, service, ..] => service,
        _ if address.starts_with("http") => "http-endpoint",
        _ => address.rsplit(['/', '.']).next().unwrap_or(address),
    };
    if name.is_empty() { "outside".to_owned() } else { short_name(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_service() {
        for (address, name) in [
            ("arn:aws:scheduler:::aws-sdk:ssm:startAutomationExecution", "ssm"),
            ("arn:aws:states:::dynamodb:putItem", "dynamodb"),
            ("arn:aws:apigateway:us-east-1:ses:action/SendEmail", "ses"),
            ("arn:aws:ssm:us-east-1:123456789012:automation-definition/x", "ssm"),
            ("https://example.com/x", "http-endpoint"),
            ("", "outside"),
        ] {
            assert_eq!(service_name(address), name);
        }
    }
}
