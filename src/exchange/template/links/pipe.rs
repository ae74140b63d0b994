//! Pipes: a source, perhaps a filter, perhaps an enrichment, and a target.

use std::collections::BTreeMap;

use crate::exchange::template::builder::Builder;
use crate::exchange::template::draft::Carries;
use crate::exchange::template::kinds;
use crate::exchange::template::links::function::{any_of, batch, filters};
use crate::exchange::template::source::Resource;
use crate::exchange::tree::Tree;
use crate::scene::kind::{Function, FunctionEffect, Generic, Kind, Queue, Router};
use crate::scene::slug::NodeId;
use crate::scene::units::{Duration, Spread};

/// The route of a pipe's router that lets pass what the filter takes; the rest ends there.
const PASS: &str = "pass";

/// Puts the pipe between its source and its target.
pub fn connect(builder: &mut Builder<'_>, resource: &Resource) {
    let template = builder.template;
    let empty = Tree::empty();
    let parameters = template.property(resource, "SourceParameters").unwrap_or(&empty);
    let Some(source) = source(builder, resource) else { return };
    for (_, group) in parameters.entries() {
        batch(builder, &source, group);
    }
    let filters = filters(builder, parameters);
    let enrichment = template.property(resource, "Enrichment").and_then(|tree| builder.target_or_outside(tree));
    let mut ends: Option<(NodeId, NodeId, Option<String>)> = None;
    if !filters.is_empty() {
        let routes = BTreeMap::from([(PASS.to_owned(), any_of(&filters).pattern)]);
        let router = Kind::Router(Router { routes, ..Router::default() });
        let Some(id) = builder.node(&resource.id, router, &resource.type_name) else { return };
        ends = Some((id.clone(), id, Some(PASS.to_owned())));
    }
    if let Some(enrichment) = enrichment {
        let name = if ends.is_some() { format!("{}Enrich", resource.id) } else { resource.id.clone() };
        let Some(id) = builder.node(&name, Kind::Function(step()), &resource.type_name) else { return };
        builder.draft.link(&id, &enrichment, Carries::Requests);
        ends = Some(match ends {
            Some((first, last, rule)) => {
                builder.draft.link_by_rule(&last, &id, Carries::Events, rule);
                (first, id, None)
            }
            None => (id.clone(), id, None),
        });
    }
    let (first, last, rule) = match ends {
        Some(ends) => ends,
        None => {
            // Messaging semantics, section 7: a pipe takes 15 ms (99 %: 100 ms) for each stage.
            let generic = Generic { resource: "Pipe".to_owned(), latency: kinds::lognormal(15, 100) };
            let Some(id) = builder.node(&resource.id, Kind::Generic(generic), &resource.type_name) else { return };
            (id.clone(), id, None)
        }
    };
    builder.set_node(&resource.id, first.clone());
    builder.link(&source, &first);
    let target = template.property(resource, "Target").and_then(|tree| builder.target_or_outside(tree));
    if let Some(target) = target {
        builder.draft.link_by_rule(&last, &target, Carries::Events, rule);
    }
    let failed = parameters.entries().iter().find_map(|(_, group)| template.at(group, &["DeadLetterConfig", "Arn"]));
    if let Some(queue) = failed.and_then(|tree| builder.target(tree)) {
        builder.dead_letters(&first, &queue);
    }
}

fn source(builder: &mut Builder<'_>, resource: &Resource) -> Option<NodeId> {
    let template = builder.template;
    let address = template.property(resource, "Source")?;
    if let Some(source) = builder.target(address) {
        return Some(source);
    }
    let text = template.text(address).unwrap_or_default();
    let name = text.rsplit([':', '/']).next().filter(|name| !name.is_empty()).unwrap_or("source").to_owned();
    builder.outside(&name, Kind::Queue(Queue::default()))
}

/// The pipe's own work around an enrichment: no cold start, and as long as the enrichment takes.
fn step() -> Function {
    Function {
        effect: FunctionEffect::Enrich,
        concurrency: None,
        duration: kinds::lognormal(15, 100),
        cold_start: Spread::Constant(Duration::default()),
        timeout: Duration::seconds(300),
        ..Function::default()
    }
}
