//! Queues, topics, buckets, tables and other stores: where their messages and changes go.

use crate::exchange::template::builder::Builder;
use crate::exchange::template::draft::Carries;
use crate::exchange::template::kinds;
use crate::exchange::template::links::function::{batch, from_logs};
use crate::exchange::template::source::Resource;
use crate::exchange::tree::{Tree, Value};
use crate::scene::kind::{Kind, Queue};
use crate::scene::slug::NodeId;

/// Links a queue to its dead-letter queue.
pub fn connect_queue(builder: &mut Builder<'_>, resource: &Resource) {
    let template = builder.template;
    let target = template
        .property(resource, "RedrivePolicy")
        .and_then(|tree| template.at(tree, &["deadLetterTargetArn"]))
        .and_then(|tree| builder.target(tree));
    if let (Some(queue), Some(target)) = (builder.node_of(&resource.id), target) {
        builder.dead_letters(&queue, &target);
    }
}

/// Links a topic to the subscriptions that it lists itself.
pub fn connect_topic(builder: &mut Builder<'_>, resource: &Resource) {
    let Some(topic) = builder.node_of(&resource.id) else { return };
    let Some(list) = builder.template.property(resource, "Subscription") else { return };
    for (row, item) in list.items().iter().enumerate() {
        subscribe(builder, &topic, item, &format!("{}-{}", resource.id, row + 1));
    }
}

/// Links a topic to a subscription that is a resource of its own.
pub fn connect_subscription(builder: &mut Builder<'_>, resource: &Resource) {
    let Some(address) = resource.properties.get("TopicArn") else { return };
    let topic = match builder.target(address) {
        Some(topic) => Some(topic),
        None => {
            let text = builder.template.text(address).unwrap_or_default();
            let name = text.rsplit(':').next().unwrap_or("topic").to_owned();
            builder.outside(&name, Kind::Bus(kinds::topic()))
        }
    };
    if let Some(topic) = topic {
        subscribe(builder, &topic, &resource.properties, &resource.id);
    }
}

fn subscribe(builder: &mut Builder<'_>, topic: &NodeId, subscription: &Tree, name: &str) {
    let template = builder.template;
    let Some(endpoint) = subscription.get("Endpoint") else { return };
    let protocol = subscription.get("Protocol").and_then(|tree| template.text(tree)).unwrap_or_default();
    let target = match (builder.target(endpoint), protocol.as_str()) {
        (Some(target), _) => Some(target),
        (None, "email" | "email-json" | "sms" | "application") => builder.outside(&protocol, kinds::sink()),
        (None, "http" | "https") => builder.outside_service("http-endpoint"),
        (None, _) => builder.target_or_outside(endpoint),
    };
    let Some(target) = target else { return };
    let Some(rule) = subscription_rule(builder, topic, subscription, name) else { return };
    builder.draft.link_by_rule(topic, &target, Carries::Events, Some(rule.clone()));
    let dead_letters = template.at(subscription, &["RedrivePolicy", "deadLetterTargetArn"]);
    if let Some(target) = dead_letters.and_then(|tree| builder.target(tree)) {
        builder.draft.link_by_rule(topic, &target, Carries::DeadLetters, Some(rule));
    }
}

fn subscription_rule(builder: &mut Builder<'_>, topic: &NodeId, subscription: &Tree, name: &str) -> Option<String> {
    let policy = subscription.get("FilterPolicy");
    let mut pattern = policy.map(|tree| builder.template.json(tree));
    if let Some(serde_json::Value::String(text)) = &pattern {
        pattern = serde_json::from_str(text).ok();
    }
    let mark = policy.map(|tree| tree.mark).unwrap_or_default();
    builder.rule(topic, name, pattern.as_ref(), mark)
}

/// Links a function's `SNS` event, through a queue where SAM is asked to make one.
pub fn sam_subscription(builder: &mut Builder<'_>, target: &NodeId, properties: &Tree, name: &str) {
    let template = builder.template;
    let Some(address) = properties.get("Topic") else { return };
    let topic = match builder.target(address) {
        Some(topic) => topic,
        None => {
            let text = template.text(address).unwrap_or_default();
            let outside = text.rsplit(':').next().unwrap_or("topic").to_owned();
            let Some(topic) = builder.outside(&outside, Kind::Bus(kinds::topic())) else { return };
            topic
        }
    };
    let Some(rule) = subscription_rule(builder, &topic, properties, name) else { return };
    let through = properties.get("SqsSubscription").filter(|tree| tree.as_text() != Some("false"));
    let Some(through) = through else {
        builder.draft.link_by_rule(&topic, target, Carries::Events, Some(rule));
        return;
    };
    let own = through.get("QueueArn").and_then(|tree| builder.target(tree));
    let queue = match own {
        Some(queue) => Some(queue),
        None => builder.node(&format!("{name}Queue"), Kind::Queue(Queue::default()), "made by SAM"),
    };
    if let Some(queue) = queue {
        batch(builder, &queue, through);
        builder.draft.link_by_rule(&topic, &queue, Carries::Events, Some(rule));
        builder.link(&queue, target);
    }
}

/// Links a bucket to what it notifies.
pub fn connect_bucket(builder: &mut Builder<'_>, resource: &Resource) {
    let template = builder.template;
    let Some(bucket) = builder.node_of(&resource.id) else { return };
    let Some(configuration) = template.property(resource, "NotificationConfiguration") else { return };
    for (list, field) in
        [("LambdaConfigurations", "Function"), ("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")]
    {
        for item in configuration.get(list).map(Tree::items).unwrap_or_default() {
            if let Some(target) = item.get(field).and_then(|tree| builder.target(tree)) {
                builder.link(&bucket, &target);
            }
        }
    }
    let bridge = configuration.get("EventBridgeConfiguration");
    let enabled = bridge.and_then(|tree| tree.get("EventBridgeEnabled")).and_then(|tree| template.text(tree));
    if bridge.is_some()
        && enabled.as_deref() != Some("false")
        && let Some(bus) = builder.bus(None)
    {
        builder.link(&bucket, &bus);
    }
}

/// Links a table to the stream that its changes go to.
pub fn connect_table(builder: &mut Builder<'_>, resource: &Resource) {
    let template = builder.template;
    let stream = template
        .property(resource, "KinesisStreamSpecification")
        .and_then(|tree| builder.target(template.at(tree, &["StreamArn"])?));
    if let (Some(table), Some(stream)) = (builder.node_of(&resource.id), stream) {
        builder.link(&table, &stream);
    }
}

/// Links a delivery stream to its source, its transforming function and its destination.
pub fn connect_delivery_stream(builder: &mut Builder<'_>, resource: &Resource) {
    let Some(delivery) = builder.node_of(&resource.id) else { return };
    for (name, tree) in resource.properties.entries() {
        let targets = builder.targets(tree);
        for target in targets.into_iter().filter(|target| *target != delivery) {
            match name.as_str() {
                "KinesisStreamSourceConfiguration" | "MSKSourceConfiguration" => builder.link(&target, &delivery),
                _ if name.ends_with("DestinationConfiguration") => builder.link(&delivery, &target),
                _ => {}
            }
        }
        if name == "HttpEndpointDestinationConfiguration"
            && let Some(endpoint) = builder.outside_service("http-endpoint")
        {
            builder.link(&delivery, &endpoint);
        }
    }
}

/// Links a resource to everything that it names, its own role aside.
pub fn connect_all(builder: &mut Builder<'_>, resource: &Resource) {
    let Some(source) = builder.node_of(&resource.id) else { return };
    for target in builder.targets(&resource.properties) {
        if target != source {
            builder.link(&source, &target);
        }
    }
}

/// Links the log events that a filter selects to their destination.
pub fn connect_log_filter(builder: &mut Builder<'_>, resource: &Resource) {
    let target = resource.properties.get("DestinationArn").and_then(|tree| builder.target(tree));
    if let Some(target) = target {
        from_logs(builder, &target);
    }
}

/// Links a user pool to the functions that it calls.
pub fn connect_user_pool(builder: &mut Builder<'_>, resource: &Resource) {
    let (Some(pool), Some(triggers)) = (builder.node_of(&resource.id), resource.properties.get("LambdaConfig")) else {
        return;
    };
    if !matches!(triggers.value, Value::Map(_)) {
        return;
    }
    for function in builder.targets(triggers) {
        builder.draft.link(&pool, &function, Carries::Requests);
    }
}
