//! Functions: event sources, mappings, function URLs, destinations and dead letters.

use crate::exchange::template::builder::Builder;
use crate::exchange::template::draft::Carries;
use crate::exchange::template::kinds;
use crate::exchange::template::links::{api, messaging, rules};
use crate::exchange::template::source::Resource;
use crate::exchange::tree::Tree;
use crate::scene::kind::{Client, Gateway, Kind, Producer, Queue, Rule, Traffic};
use crate::scene::slug::NodeId;
use crate::scene::units::Rate;

/// Links what feeds a function, and where its failures and results go.
pub fn connect(builder: &mut Builder<'_>, resource: &Resource) {
    let Some(function) = builder.node_of(&resource.id) else { return };
    let template = builder.template;
    if let Some(events) = template.property(resource, "Events") {
        for (name, event) in events.entries() {
            connect_event(builder, &function, resource, name, event);
        }
    }
    if let Some(url) = template.property(resource, "FunctionUrlConfig") {
        add_url(builder, &format!("{}Url", resource.id), &function, url);
    }
    let dead_letters = template
        .property(resource, "DeadLetterQueue")
        .or_else(|| template.property(resource, "DeadLetterConfig"))
        .and_then(|tree| template.at(tree, &["TargetArn"]));
    if let Some(target) = dead_letters.and_then(|tree| builder.target(tree)) {
        builder.dead_letters(&function, &target);
    }
    if let Some(config) = template.property(resource, "EventInvokeConfig") {
        destinations(builder, &function, config);
    }
}

/// Links the destinations of a resource of their own.
pub fn connect_destinations(builder: &mut Builder<'_>, resource: &Resource, config: &Tree) {
    let function = resource.properties.get("FunctionName").and_then(|tree| builder.target(tree));
    if let Some(function) = function {
        destinations(builder, &function, config);
    }
}

fn destinations(builder: &mut Builder<'_>, function: &NodeId, config: &Tree) {
    let template = builder.template;
    for (outcome, carries) in [("OnFailure", Carries::DeadLetters), ("OnSuccess", Carries::Events)] {
        let Some(tree) = template.at(config, &["DestinationConfig", outcome]) else { continue };
        let target = match template.at(tree, &["Destination"]) {
            Some(destination) => builder.target(destination),
            // Without an address, SAM makes a queue or topic for the destination.
            None => match tree.get("Type").and_then(Tree::as_text) {
                Some("SNS") => builder.node(&format!("{function}-{outcome}"), Kind::Bus(kinds::topic()), "made by SAM"),
                _ => builder.node(&format!("{function}-{outcome}"), Kind::Queue(Queue::default()), "made by SAM"),
            },
        };
        if let Some(target) = target {
            builder.draft.link(function, &target, carries);
        }
    }
}

/// Links a function URL that is a resource of its own.
pub fn connect_url(builder: &mut Builder<'_>, resource: &Resource) {
    let function = resource.properties.get("TargetFunctionArn").and_then(|tree| builder.target(tree));
    if let Some(function) = function {
        add_url(builder, &resource.id, &function, &resource.properties);
    }
}

fn add_url(builder: &mut Builder<'_>, name: &str, function: &NodeId, config: &Tree) {
    // Compute semantics, section 4: a function URL adds less than an API.
    let gateway = Gateway { latency: kinds::lognormal(3, 15), ..Gateway::default() };
    let auth = config.get("AuthType").and_then(|tree| builder.template.text(tree)).unwrap_or_default();
    let remark = format!("function URL, authorization {auth}");
    if let Some(url) = builder.node(name, Kind::Gateway(gateway), remark.trim_end_matches(", authorization ")) {
        builder.set_node(name, url.clone());
        builder.draft.link(&url, function, Carries::Requests);
    }
}

/// Links one entry of `Events` of a function or state machine to `target`.
pub fn connect_event(builder: &mut Builder<'_>, target: &NodeId, owner: &Resource, name: &str, event: &Tree) {
    let template = builder.template;
    let empty = Tree::empty();
    let properties = event.get("Properties").and_then(|tree| template.follow(tree)).unwrap_or(&empty);
    let rule = format!("{}{name}", owner.id);
    let type_name = event.get("Type").and_then(Tree::as_text).unwrap_or_default();
    match type_name {
        "SQS" => source(builder, target, properties, "Queue", &rule),
        "Kinesis" | "DynamoDB" | "MSK" | "SelfManagedKafka" => source(builder, target, properties, "Stream", &rule),
        "MQ" => source(builder, target, properties, "Broker", &rule),
        "DocumentDB" => source(builder, target, properties, "Cluster", &rule),
        "SNS" => messaging::sam_subscription(builder, target, properties, &rule),
        "S3" => {
            if let Some(bucket) = properties.get("Bucket").and_then(|tree| builder.target(tree)) {
                builder.link(&bucket, target);
            }
        }
        "Api" => from_api(builder, target, properties, ("RestApiId", "ServerlessRestApi")),
        "HttpApi" => from_api(builder, target, properties, ("ApiId", "ServerlessHttpApi")),
        "Schedule" | "ScheduleV2" => {
            let expression = properties.get("Schedule").or_else(|| properties.get("ScheduleExpression"));
            let targets = std::slice::from_ref(target);
            rules::add_schedule(builder, &rule, expression, properties, targets, event.mark);
        }
        "EventBridgeRule" | "CloudWatchEvent" => rules::sam_rule(builder, target, properties, &rule),
        "CloudWatchLogs" => from_logs(builder, target),
        "IoTRule" => from_producer(builder, target, "device-messages", "IoT messages"),
        "AlexaSkill" => from_client(builder, target, "alexa"),
        "Cognito" => {
            if let Some(pool) = properties.get("UserPool").and_then(|tree| builder.target(tree)) {
                builder.draft.link(&pool, target, Carries::Requests);
            }
        }
        _ => builder.summary.note(event.mark, format!("the event source `{name}` of type `{type_name}` is unknown")),
    }
}

fn from_api(builder: &mut Builder<'_>, target: &NodeId, properties: &Tree, (field, implicit): (&str, &str)) {
    let template = builder.template;
    let text = |name: &str| properties.get(name).and_then(|tree| template.text(tree));
    // Without a path, an event of a function takes what no other one takes.
    let route = text("Path").map(|path| api::route(&text("Method").unwrap_or_default(), &path));
    let gateway = match properties.get(field).and_then(|tree| builder.target(tree)) {
        Some(api) => Some(api),
        None => builder.outside(implicit, Kind::Gateway(Gateway::default())),
    };
    if let Some(gateway) = gateway {
        builder.set_node(implicit, gateway.clone());
        builder.answer(&gateway, target, route.as_deref());
    }
}

fn from_producer(builder: &mut Builder<'_>, target: &NodeId, name: &str, remark: &str) {
    let producer = Producer { traffic: Traffic::Poisson(Rate::per_second(5.0)), ..Producer::default() };
    if let Some(source) = builder.outside(name, Kind::Producer(producer)) {
        builder.draft.remark(&source, remark);
        builder.draft.link(&source, target, Carries::Events);
    }
}

fn from_client(builder: &mut Builder<'_>, target: &NodeId, name: &str) {
    let client = Client { traffic: Traffic::Poisson(Rate::per_second(1.0)), ..Client::default() };
    if let Some(source) = builder.outside(name, Kind::Client(client)) {
        builder.draft.link(&source, target, Carries::Requests);
    }
}

/// Links an event source mapping that is a resource of its own.
pub fn connect_mapping(builder: &mut Builder<'_>, resource: &Resource) {
    let function = resource.properties.get("FunctionName").and_then(|tree| builder.target(tree));
    if let Some(function) = function {
        let has_address = resource.properties.get("EventSourceArn").is_some();
        let name = if has_address { "EventSourceArn" } else { "SelfManagedEventSource" };
        source(builder, &function, &resource.properties, name, &resource.id);
    }
}

/// Links the source that a mapping polls to its function, with the mapping's batch sizes and filters.
fn source(builder: &mut Builder<'_>, function: &NodeId, mapping: &Tree, field: &str, name: &str) {
    let template = builder.template;
    let address = mapping.get(field);
    let source = match address.and_then(|tree| builder.target(tree)) {
        Some(source) => source,
        None => {
            let text = address.and_then(|tree| template.text(tree)).unwrap_or_else(|| format!("{name}Source"));
            let name = text.rsplit([':', '/']).next().unwrap_or(&text).to_owned();
            let Some(id) = builder.outside(&name, Kind::Queue(Queue::default())) else { return };
            id
        }
    };
    batch(builder, &source, mapping);
    let filters = filters(builder, mapping);
    if !filters.is_empty() {
        builder.filters.insert((source.clone(), function.clone()), filters);
    }
    builder.link(&source, function);
    let failed = template.at(mapping, &["DestinationConfig", "OnFailure", "Destination"]);
    if let Some(target) = failed.and_then(|tree| builder.target(tree)) {
        builder.dead_letters(function, &target);
    }
}

/// Batch size, batch window and number of pollers are the queue's in a scene.
pub fn batch(builder: &mut Builder<'_>, source: &NodeId, mapping: &Tree) {
    let template = builder.template;
    let value = |path: &[&str]| template.at(mapping, path);
    let size = value(&["BatchSize"]).and_then(|tree| kinds::whole(template, tree, 1));
    let window = value(&["MaximumBatchingWindowInSeconds"]).and_then(|tree| template.number_of(tree));
    let pollers = value(&["ScalingConfig", "MaximumConcurrency"]).and_then(|tree| kinds::whole(template, tree, 1));
    let factor = value(&["ParallelizationFactor"]).and_then(|tree| kinds::whole(template, tree, 1));
    if let Some(Kind::Queue(queue)) = builder.draft.nodes.get_mut(source).map(|node| &mut node.kind) {
        queue.batch_size = size.unwrap_or(queue.batch_size).min(10_000);
        queue.batch_window = window.map_or(queue.batch_window, |window| kinds::duration(window.min(300.0)));
        queue.pollers = pollers.map(|pollers| pollers.min(1_000)).or(queue.pollers);
        if let Some(factor) = factor {
            queue.pollers = queue.pollers.map(|pollers| pollers.saturating_mul(factor.min(10)).min(1_000));
        }
    }
}

/// The patterns of a mapping's or pipe's filter, without the envelope around a message's own text.
pub fn filters(builder: &mut Builder<'_>, mapping: &Tree) -> Vec<String> {
    let template = builder.template;
    let Some(list) = template.at(mapping, &["FilterCriteria", "Filters"]) else { return Vec::new() };
    let mut patterns = Vec::new();
    for item in list.items() {
        let Some(tree) = item.get("Pattern") else { continue };
        let written = template.text(tree).and_then(|text| serde_json::from_str(&text).ok());
        let pattern: serde_json::Value = written.unwrap_or_else(|| template.json(tree));
        let inner = pattern.get("body").or_else(|| pattern.get("data")).filter(|inner| inner.is_object());
        let pattern = inner.cloned().unwrap_or(pattern);
        patterns.push(builder.checked_pattern(Some(&pattern), tree.mark));
    }
    patterns
}

/// A rule that takes what any of a filter's patterns matches.
pub fn any_of(patterns: &[String]) -> Rule {
    match patterns {
        [] => kinds::rule(kinds::MATCH_ALL),
        [pattern] => kinds::rule(pattern),
        patterns => {
            let text = format!("{{\"$or\":[{}]}}", patterns.join(","));
            let compiles = crate::flow::pattern::compile(&text).is_ok();
            kinds::rule(if compiles { &text } else { kinds::MATCH_ALL })
        }
    }
}

/// Links the account's log events to `target`.
pub fn from_logs(builder: &mut Builder<'_>, target: &NodeId) {
    from_producer(builder, target, "log-events", "CloudWatch Logs");
}
