//! State machines: their definition, inline or in a file, with tasks that name nodes of the scene.
//!
//! Invariant: a definition that is missing or not supported is replaced by one that calls each linked
//! node once and succeeds, with a line in the summary.

use serde_json::{Value as Json, json};

use crate::exchange::error::ImportError;
use crate::exchange::template::beside::{self, Beside};
use crate::exchange::template::builder::{Builder, service_name};
use crate::exchange::template::draft::Carries;
use crate::exchange::template::intrinsics::TEXT_MAX;
use crate::exchange::template::links::function;
use crate::exchange::template::resources::{Role, role};
use crate::exchange::template::source::Resource;
use crate::exchange::tree::{Tree, read_tree};
use crate::flow::states::Definition;
use crate::scene::kind::Kind;
use crate::scene::slug::NodeId;

/// How a resource ends whose task goes on until somebody calls back.
const CALLED_BACK: &str = ".waitForTaskToken";

/// Links all state machines.
pub fn connect(builder: &mut Builder<'_>) -> Result<(), ImportError> {
    let template = builder.template;
    for resource in template.resources.iter().filter(|resource| role(&resource.type_name) == Role::StateMachine) {
        let Some(machine) = builder.node_of(&resource.id) else { continue };
        if let Some(events) = template.property(resource, "Events") {
            for (name, event) in events.entries() {
                function::connect_event(builder, &machine, resource, name, event);
            }
        }
        let written = match definition(builder, resource) {
            Err(error @ (ImportError::OutsideFolder { .. } | ImportError::TooLarge { .. })) => return Err(error),
            Err(error) => Err(error.to_string()),
            Ok(written) => written,
        };
        let text = written.and_then(|mut definition| {
            rewrite_states(builder, &machine, &mut definition);
            let text = definition.to_string();
            supported(&text).map(|()| text)
        });
        let text = match text {
            Ok(text) => text,
            Err(reason) => {
                let note = format!("the definition of `{}` is replaced by a simple one: {reason}", resource.id);
                builder.summary.note(resource.mark, note);
                simple(&builder.draft.targets(&machine).cloned().collect::<Vec<_>>()).to_string()
            }
        };
        if let Some(Kind::StateMachine(machine)) = builder.draft.nodes.get_mut(&machine).map(|node| &mut node.kind) {
            machine.definition = text;
        }
    }
    Ok(())
}

/// Whether the simulator takes a definition, and if not, why.
fn supported(text: &str) -> Result<(), String> {
    match Definition::parse(text) {
        Ok(definition) => match definition.unsupported().first() {
            Some(part) => Err(part.to_string()),
            None => Ok(()),
        },
        Err(problems) => Err(problems.first().map(|problem| problem.to_string()).unwrap_or_default()),
    }
}

/// The definition as JSON, its substitutions made; the inner error says why there is none.
fn definition(builder: &mut Builder<'_>, resource: &Resource) -> Result<Result<Json, String>, ImportError> {
    let template = builder.template;
    if let Some(tree) = template.property(resource, "Definition") {
        let text = template.json(tree).to_string();
        return Ok(parse(&substituted(builder, resource, &text)));
    }
    if let Some(tree) = template.property(resource, "DefinitionString") {
        let text = match template.text(tree) {
            Some(text) => text,
            None => template.json(tree).to_string(),
        };
        return Ok(parse(&substituted(builder, resource, &text)));
    }
    let Some(tree) = template.property(resource, "DefinitionUri") else {
        return Ok(Err("the template holds none".to_owned()));
    };
    let Some(name) = template.text(tree) else {
        return Ok(Err("it lies in a bucket and is not fetched".to_owned()));
    };
    Ok(match beside::read(template, &name, tree.mark)? {
        Beside::Text(text) => {
            let text = substituted(builder, resource, &text);
            parse(&text).or_else(|problem| match name.ends_with(".json") {
                true => Err(problem),
                false => read_tree(&text, &name).map(|tree| tree.to_json()).map_err(|error| error.to_string()),
            })
        }
        Beside::Absent(reason) => Err(reason),
    })
}

fn parse(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Puts the values of `DefinitionSubstitutions` in place of `${Name}`. A resource stands for itself.
fn substituted(builder: &Builder<'_>, resource: &Resource, text: &str) -> String {
    let template = builder.template;
    let substitutions = template.property(resource, "DefinitionSubstitutions").map(Tree::entries).unwrap_or_default();
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        result.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            result.push_str("${");
            rest = after;
            continue;
        };
        let value = substitutions.iter().find(|(key, _)| key == name.trim()).and_then(|(_, tree)| {
            // The resource's id rather than its address: tasks are found by it.
            template.target(tree).or_else(|| template.text(tree))
        });
        match value {
            Some(value) => result.push_str(&value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")),
            None => result.push_str(name),
        }
        rest = behind;
        if result.len() > TEXT_MAX {
            break;
        }
    }
    result.push_str(rest);
    result
}

/// Points the tasks of all states, also those inside of others, at nodes of the scene.
fn rewrite_states(builder: &mut Builder<'_>, machine: &NodeId, value: &mut Json) {
    match value {
        Json::Object(object) => {
            if object.get("Type").and_then(Json::as_str) == Some("Task")
                && let Some(resource) = object.get("Resource").and_then(Json::as_str).map(str::to_owned)
                && let Some(target) = task_target(builder, &resource, object)
            {
                builder.draft.link(machine, &target, Carries::Requests);
                // What waits to be called back goes by its heartbeat.
                let called_back = if resource.ends_with(CALLED_BACK) { CALLED_BACK } else { "" };
                object.insert("Resource".to_owned(), Json::String(format!("{target}{called_back}")));
            }
            object.values_mut().for_each(|inner| rewrite_states(builder, machine, inner));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| rewrite_states(builder, machine, item)),
        _ => {}
    }
}

/// The node that a task calls: the one that `Resource` names, the one that its arguments name, or the
/// service of the integration.
fn task_target(builder: &mut Builder<'_>, resource: &str, task: &serde_json::Map<String, Json>) -> Option<NodeId> {
    if let Some(id) = named(builder, resource) {
        return Some(id);
    }
    for arguments in ["Parameters", "Arguments"] {
        if let Some(id) = task.get(arguments).and_then(|value| named_inside(builder, value)) {
            return Some(id);
        }
    }
    if resource.contains(":events:putEvents") {
        return builder.bus(None);
    }
    let name = service_name(resource);
    builder.outside_service(&name)
}

fn named(builder: &Builder<'_>, text: &str) -> Option<NodeId> {
    let last = text.rsplit([':', '/']).next().unwrap_or(text);
    let known = |name: &str| builder.node_of(name);
    known(text).or_else(|| known(last)).or_else(|| builder.target(&Tree::text(text)))
}

fn named_inside(builder: &Builder<'_>, value: &Json) -> Option<NodeId> {
    match value {
        Json::String(text) => named(builder, text),
        Json::Array(items) => items.iter().find_map(|item| named_inside(builder, item)),
        Json::Object(object) => object.values().find_map(|inner| named_inside(builder, inner)),
        _ => None,
    }
}

/// A definition that calls each target once, one after the other.
fn simple(targets: &[NodeId]) -> Json {
    let mut states = serde_json::Map::new();
    for (row, target) in targets.iter().enumerate() {
        let next = match row + 1 < targets.len() {
            true => format!("Call {}", row + 2),
            false => "Done".to_owned(),
        };
        states
            .insert(format!("Call {}", row + 1), json!({"Type": "Task", "Resource": target.to_string(), "Next": next}));
    }
    states.insert("Done".to_owned(), json!({"Type": "Succeed"}));
    let start = if targets.is_empty() { "Done" } else { "Call 1" };
    json!({"StartAt": start, "States": states})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simple_definition_is_supported() {
        let ids: Vec<NodeId> = ["a", "b"].iter().filter_map(|id| NodeId::new(id).ok()).collect();
        for count in 0..=2 {
            assert_eq!(supported(&simple(&ids[..count]).to_string()), Ok(()));
        }
    }
}
