//! Links that permissions and environment variables suggest.
//!
//! Invariant: a function is linked to what it may write to or is told the name of, never back to what
//! its messages come from.

use std::collections::BTreeMap;

use crate::exchange::template::builder::Builder;
use crate::exchange::template::source::{Resource, Template};
use crate::exchange::tree::{Tree, Value};
use crate::scene::kind::Kind;
use crate::scene::slug::NodeId;

/// Policy templates of SAM that let a function consume, not send.
const CONSUMING: [&str; 4] =
    ["SQSPollerPolicy", "KinesisStreamReadPolicy", "DynamoDBStreamReadPolicy", "SNSCrudPolicy"];

/// Links each function to what it seems to send to.
pub fn connect(builder: &mut Builder<'_>) {
    let template = builder.template;
    let roles = role_policies(template);
    for resource in &template.resources {
        if !resource.type_name.ends_with("::Function") {
            continue;
        }
        let Some(function) = builder.node_of(&resource.id) else { continue };
        let mut wishes = Vec::new();
        if let Some(policies) = template.property(resource, "Policies") {
            sam_policies(builder, policies, &mut wishes);
        }
        let role = template.property(resource, "Role").and_then(|tree| template.target(tree));
        for statement in role.iter().filter_map(|role| roles.get(role)).flatten() {
            allowed(builder, statement, &mut wishes);
        }
        for variables in variables(template, resource) {
            wishes.extend(builder.targets(variables));
        }
        for target in wishes {
            if is_receiver(builder, &target) {
                builder.suppose(&function, &target, resource.mark);
            }
        }
    }
    machine_schedules(builder);
}

/// Kinds that somebody sends to on purpose. A gateway that a function knows is mostly its own.
fn is_receiver(builder: &Builder<'_>, id: &NodeId) -> bool {
    let kind = builder.draft.nodes.get(id).map(|node| &node.kind);
    matches!(
        kind,
        Some(
            Kind::Queue(_)
                | Kind::Bus(_)
                | Kind::Store(_)
                | Kind::StateMachine(_)
                | Kind::Function(_)
                | Kind::Service(_)
                | Kind::Generic(_)
        )
    )
}

/// The variables of a function and those of `Globals`.
fn variables<'t>(template: &'t Template, resource: &'t Resource) -> Vec<&'t Tree> {
    let own = resource.properties.at(&["Environment", "Variables"]);
    let section = resource.type_name.strip_prefix("AWS::Serverless::");
    let shared = section.and_then(|section| template.root.at(&["Globals", section, "Environment", "Variables"]));
    own.into_iter().chain(shared).collect()
}

fn sam_policies(builder: &mut Builder<'_>, policies: &Tree, wishes: &mut Vec<NodeId>) {
    let single = std::slice::from_ref(policies);
    let list = if matches!(policies.value, Value::List(_)) { policies.items() } else { single };
    for policy in list {
        for (name, value) in policy.entries() {
            match name.as_str() {
                "Statement" => statements(policy).for_each(|statement| allowed(builder, statement, wishes)),
                "EventBridgePutEventsPolicy" => wishes.extend(builder.bus(value.get("EventBusName"))),
                name if name.ends_with("Policy") && !CONSUMING.contains(&name) => wishes.extend(builder.targets(value)),
                _ => {}
            }
        }
    }
}

fn statements(document: &Tree) -> impl Iterator<Item = &Tree> {
    let statement = document.get("Statement");
    let list = statement.map(Tree::items).unwrap_or_default();
    let single = statement.filter(|tree| matches!(tree.value, Value::Map(_)));
    list.iter().chain(single)
}

/// The statements that each role is given, by the role's logical id.
fn role_policies(template: &Template) -> BTreeMap<String, Vec<&Tree>> {
    let mut roles: BTreeMap<String, Vec<&Tree>> = BTreeMap::new();
    for resource in &template.resources {
        let documents: Vec<&Tree> = match resource.type_name.as_str() {
            "AWS::IAM::Role" => {
                let policies = resource.properties.get("Policies").map(Tree::items).unwrap_or_default();
                policies.iter().filter_map(|policy| policy.get("PolicyDocument")).collect()
            }
            "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => {
                resource.properties.get("PolicyDocument").into_iter().collect()
            }
            _ => continue,
        };
        let owners = match resource.type_name.as_str() {
            "AWS::IAM::Role" => vec![resource.id.clone()],
            _ => resource.properties.get("Roles").map(|tree| template.targets(tree)).unwrap_or_default(),
        };
        for owner in owners {
            roles.entry(owner).or_default().extend(documents.iter().flat_map(|document| statements(document)));
        }
    }
    roles
}

/// The receivers that a statement allows to send to.
fn allowed(builder: &mut Builder<'_>, statement: &Tree, wishes: &mut Vec<NodeId>) {
    let template = builder.template;
    let effect = statement.get("Effect").and_then(|tree| template.text(tree));
    let (Some("Allow"), Some(resources)) = (effect.as_deref(), statement.get("Resource")) else { return };
    let actions = match statement.get("Action") {
        Some(tree) => template.list(tree).unwrap_or_default(),
        None => return,
    };
    for target in builder.targets(resources) {
        let kind = builder.draft.nodes.get(&target).map(|node| &node.kind);
        if kind.is_some_and(|kind| actions.iter().any(|action| sends(action, kind))) {
            wishes.push(target);
        }
    }
}

/// Whether an action sends something to a node of this kind.
fn sends(action: &str, kind: &Kind) -> bool {
    let Some((_, verb)) = action.split_once(':') else { return action == "*" };
    let any = |verbs: &[&str]| verb == "*" || verbs.iter().any(|prefix| verb.starts_with(prefix));
    match kind {
        Kind::Queue(_) => any(&["Send", "Put"]),
        Kind::Bus(_) => any(&["Publish", "Put"]),
        Kind::StateMachine(_) => any(&["Start"]),
        Kind::Function(_) => any(&["Invoke"]),
        Kind::Store(_) => any(&["Get", "Put", "Update", "Delete", "Query", "Scan", "Batch", "List", "Execute"]),
        Kind::Service(_) | Kind::Generic(_) => true,
        _ => false,
    }
}

/// A schedule whose target the template only knows by a permission stays without a target: it is noted.
fn machine_schedules(builder: &mut Builder<'_>) {
    let idle: Vec<NodeId> = builder
        .draft
        .nodes
        .iter()
        .filter(|(id, node)| matches!(node.kind, Kind::Scheduler(_)) && builder.draft.targets(id).next().is_none())
        .map(|(id, _)| id.clone())
        .collect();
    for id in idle {
        builder.summary.note(Default::default(), format!("the schedule `{id}` has no target that the template knows"));
    }
}
