//! Streams with several consumers, and consumers that filter.
//!
//! Invariant: each consumer of a stream gets each record once. A queue gives a message to one consumer,
//! so a stream that several read becomes a bus with a queue for each of them.

use std::collections::BTreeMap;

use crate::exchange::template::builder::Builder;
use crate::exchange::template::draft::Carries;
use crate::exchange::template::kinds;
use crate::exchange::template::links::function::any_of;
use crate::exchange::template::resources::{Role, role};
use crate::exchange::tree::Mark;
use crate::scene::document::LinkMode;
use crate::scene::kind::{Bus, Kind, Queue, Router};
use crate::scene::slug::NodeId;

/// Splits the streams that need it, and puts filters where they belong.
pub fn split(builder: &mut Builder<'_>) {
    let streams: Vec<NodeId> = builder
        .template
        .resources
        .iter()
        .filter(|resource| role(&resource.type_name) == Role::Stream)
        .filter_map(|resource| builder.node_of(&resource.id))
        .collect();
    for stream in streams {
        let consumers = builder.draft.unlink(&stream, Carries::Batches);
        let filtered = consumers.iter().any(|other| builder.filters.contains_key(&(stream.clone(), other.clone())));
        if consumers.len() < 2 && !filtered {
            consumers.iter().for_each(|consumer| builder.link(&stream, consumer));
            continue;
        }
        split_stream(builder, &stream, &consumers);
    }
    let filters = std::mem::take(&mut builder.filters);
    for ((source, consumer), patterns) in filters {
        filter(builder, &source, &consumer, &patterns);
    }
}

fn split_stream(builder: &mut Builder<'_>, stream: &NodeId, consumers: &[NodeId]) {
    let Some(node) = builder.draft.nodes.get_mut(stream) else { return };
    let Kind::Queue(queue) = &node.kind else { return };
    let queue: Queue = queue.clone();
    node.kind = Kind::Bus(Bus { latency: kinds::lognormal(20, 80), ..Bus::default() });
    for consumer in consumers {
        let name = format!("{stream}-for-{consumer}");
        let Some(reader) = builder.node(&name, Kind::Queue(queue.clone()), "a consumer's place in the stream") else {
            continue;
        };
        let patterns = builder.filters.remove(&(stream.clone(), consumer.clone()));
        let pattern = patterns.and_then(|patterns| serde_json::from_str(&any_of(&patterns).pattern).ok());
        let rule = builder.rule(stream, consumer.as_str(), pattern.as_ref(), Mark::default());
        builder.draft.link_by_rule(stream, &reader, Carries::Events, rule);
        builder.link(&reader, consumer);
    }
}

/// Puts a router with the filter between a table's changes and their consumer. What a function takes from a
/// queue is the function's own filter, unless it takes from several queues, which may filter differently.
fn filter(builder: &mut Builder<'_>, source: &NodeId, consumer: &NodeId, patterns: &[String]) {
    let pattern = any_of(patterns).pattern;
    let polled = builder.draft.links.values().filter(|link| link.to == *consumer && link.mode == Some(LinkMode::Poll));
    if polled.count() == 1
        && matches!(builder.draft.nodes.get(source).map(|node| &node.kind), Some(Kind::Queue(_)))
        && let Some(Kind::Function(function)) = builder.draft.nodes.get_mut(consumer).map(|node| &mut node.kind)
    {
        function.filters = patterns.to_vec();
        return;
    }
    if !matches!(builder.draft.nodes.get(source).map(|node| &node.kind), Some(Kind::Store(_))) {
        builder.draft.remark(consumer, &format!("takes from {source} only what matches {pattern}"));
        builder.summary.note(
            Mark::default(),
            format!("`{consumer}` filters what it takes from `{source}`; in the scene it takes everything"),
        );
        return;
    }
    let routes = BTreeMap::from([("pass".to_owned(), pattern)]);
    let router = Kind::Router(Router { routes, ..Router::default() });
    let Some(id) = builder.node(&format!("{consumer}-filter"), router, "filter of the event source mapping") else {
        return;
    };
    if builder.draft.unlink_one(source, consumer) {
        builder.link(source, &id);
        builder.draft.link_by_rule(&id, consumer, Carries::Events, Some("pass".to_owned()));
    }
}
