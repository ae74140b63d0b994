//! The parameters of each kind of node, from a resource's properties.
//!
//! Invariant: numbers out of range are brought into it, never trusted: a scene that came from here
//! has no zero rates and no times longer than a year.

use crate::exchange::template::resources::{Role, short_name};
use crate::exchange::template::source::{Resource, Template};
use crate::exchange::tree::Tree;
use crate::scene::kind::{
    Bus, Function, FunctionEffect, Gateway, Generic, Kind, Queue, Rule, Service, Sink, StateMachine, Store,
};
use crate::scene::units::{Duration, Rate, Spread};

/// Seconds of a year: no service keeps anything longer.
const YEAR: f64 = 31_536_000.0;
/// Shards are read by one poller each; without a number this many.
const SHARDS: u32 = 4;

/// A template does not say which requests to a store are reads: as many as not.
const READS_SUPPOSED: f64 = 0.5;

/// A pattern that every event matches: a rule without a pattern has to say so.
pub const MATCH_ALL: &str = r#"{"$or":[{"id":[{"exists":true}]},{"id":[{"exists":false}]}]}"#;

/// A rule that takes what `pattern` matches.
pub fn rule(pattern: &str) -> Rule {
    Rule::new(pattern)
}

/// Lognormal with this median and 99th percentile, in milliseconds.
pub fn lognormal(median: u64, tail: u64) -> Spread {
    Spread::Lognormal(Duration::millis(median), Duration::millis(tail))
}

/// The kind of node that a resource is; `None` for wiring and configuration.
pub fn kind(template: &Template, resource: &Resource, role: Role) -> Option<Kind> {
    Some(match role {
        Role::Function => Kind::Function(function(template, resource)),
        Role::Queue => Kind::Queue(queue(template, resource)),
        Role::Stream => Kind::Queue(stream(template, resource)),
        Role::Topic => Kind::Bus(topic()),
        Role::Bus => Kind::Bus(Bus::default()),
        Role::Table => Kind::Store(table(template, resource)),
        Role::Bucket => Kind::Store(bucket()),
        Role::Store => Kind::Store(Store { reads: READS_SUPPOSED, ..Store::default() }),
        Role::Gateway => Kind::Gateway(gateway(template, resource)),
        Role::StateMachine => Kind::StateMachine(StateMachine::default()),
        Role::Service => Kind::Service(service()),
        Role::Passage | Role::Unknown => Kind::Generic(generic(&resource.type_name)),
        Role::Wiring | Role::Configuration => return None,
    })
}

/// A system of somebody else's that answers in about 100 ms.
pub fn service() -> Service {
    Service { servers: 100, duration: lognormal(100, 500), ..Service::default() }
}

/// Something that takes what comes.
pub fn sink() -> Kind {
    Kind::Sink(Sink::default())
}

/// Something that passes messages on, called by its type.
pub fn generic(type_name: &str) -> Generic {
    Generic { resource: short_name(type_name), ..Generic::default() }
}

fn seconds(template: &Template, resource: &Resource, name: &str) -> Option<Duration> {
    template.number(resource, name).map(duration)
}

/// A length of time from a number of seconds.
pub fn duration(seconds: f64) -> Duration {
    Duration::millis((seconds.clamp(0.0, YEAR) * 1_000.0) as u64)
}

/// A whole number of a property, at least `least`.
pub fn whole(template: &Template, tree: &Tree, least: u32) -> Option<u32> {
    let number = template.number_of(tree)?;
    Some((number.clamp(0.0, f64::from(u32::MAX)) as u32).max(least))
}

fn function(template: &Template, resource: &Resource) -> Function {
    let text = |name: &str| template.property(resource, name).and_then(|tree| template.text(tree));
    let memory = template.number(resource, "MemorySize").unwrap_or(128.0).clamp(128.0, 10_240.0);
    let reserved = template.property(resource, "ReservedConcurrentExecutions");
    let provisioned = template
        .property(resource, "ProvisionedConcurrencyConfig")
        .and_then(|tree| template.at(tree, &["ProvisionedConcurrentExecutions"]))
        .and_then(|tree| whole(template, tree, 0));
    let timeout = seconds(template, resource, "Timeout").filter(|timeout| !timeout.span().is_zero());
    let image = text("PackageType").as_deref() == Some("Image");
    let runtime = if image { "image".to_owned() } else { text("Runtime").unwrap_or_default() };
    Function {
        effect: FunctionEffect::Transform,
        concurrency: reserved.and_then(|tree| whole(template, tree, 1)),
        provisioned: provisioned.unwrap_or(0),
        cold_start: cold_start(&runtime, memory),
        timeout: timeout.unwrap_or(Function::default().timeout),
        ..Function::default()
    }
}

/// Compute semantics, section 1.4: 100 ms for the environment, and the runtime's own start, which
/// takes longer where little memory means little processor.
fn cold_start(runtime: &str, memory: f64) -> Spread {
    let slow = (1_769.0 / memory).clamp(1.0, 4.0);
    let (median, tail) = match runtime {
        name if name.starts_with("java") => (500.0 * slow, 1_300.0 * slow),
        name if name.starts_with("dotnet") => (450.0 * slow, 1_100.0 * slow),
        name if name.starts_with("python") => (150.0, 350.0),
        name if name.starts_with("nodejs") => (180.0, 400.0),
        name if name.starts_with("ruby") => (220.0, 450.0),
        name if name.starts_with("provided") => (30.0, 90.0),
        name if name.starts_with("go") => (60.0, 150.0),
        "image" => (300.0, 900.0),
        _ => return Function::default().cold_start,
    };
    lognormal(100 + median as u64, 200 + tail as u64)
}

fn queue(template: &Template, resource: &Resource) -> Queue {
    let standard = Queue::default();
    let receives = template
        .property(resource, "RedrivePolicy")
        .and_then(|tree| template.at(tree, &["maxReceiveCount"]))
        .and_then(|tree| whole(template, tree, 1));
    let retention = seconds(template, resource, "MessageRetentionPeriod").filter(|time| !time.span().is_zero());
    Queue {
        visibility_timeout: seconds(template, resource, "VisibilityTimeout").unwrap_or(standard.visibility_timeout),
        delay: seconds(template, resource, "DelaySeconds").unwrap_or(standard.delay),
        retention: retention.unwrap_or(standard.retention),
        receives_max: receives,
        ..standard
    }
}

/// A stream as a queue: consumers read batches, one reader for each shard.
fn stream(template: &Template, resource: &Resource) -> Queue {
    let shards = template.property(resource, "ShardCount").and_then(|tree| whole(template, tree, 1));
    let hours = template.number(resource, "RetentionPeriodHours").filter(|hours| *hours >= 1.0).unwrap_or(24.0);
    Queue {
        batch_size: 100,
        pollers: Some(shards.unwrap_or(SHARDS)),
        retention: duration(hours * 3_600.0),
        ..Queue::default()
    }
}

/// Messaging semantics, section 7: 20 ms from publishing to the first attempt.
pub fn topic() -> Bus {
    Bus { latency: lognormal(20, 150), ..Bus::default() }
}

fn table(template: &Template, resource: &Resource) -> Store {
    let throughput = template.property(resource, "ProvisionedThroughput");
    let units = |name: &str| throughput.and_then(|tree| template.number_of(tree.get(name)?));
    let capacity = |name: &str| units(name).filter(|units| *units >= 1.0).map(|units| Rate::per_second(units.min(1e6)));
    Store {
        reads: READS_SUPPOSED,
        read_capacity: capacity("ReadCapacityUnits"),
        write_capacity: capacity("WriteCapacityUnits"),
        ..Store::default()
    }
}

fn bucket() -> Store {
    let latency = lognormal(25, 120);
    Store { read_latency: latency.clone(), write_latency: latency, reads: READS_SUPPOSED, ..Store::default() }
}

fn gateway(template: &Template, resource: &Resource) -> Gateway {
    let settings = template.property(resource, "DefaultRouteSettings");
    let number = |name: &str| template.number_of(settings?.get(name)?).filter(|number| *number >= 1.0);
    Gateway {
        rate: number("ThrottlingRateLimit").map(|rate| Rate::per_second(rate.min(1e6))),
        burst: number("ThrottlingBurstLimit").map(|burst| burst.min(1e6) as u32),
        ..Gateway::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::template::resources::role;
    use crate::exchange::tree::read_tree;

    fn kind_of(properties: &str) -> Kind {
        let root = read_tree(properties, "t.yaml").unwrap_or_else(|e| panic!("{e}"));
        let template = Template::read(root, "t.yaml", std::path::Path::new(".")).unwrap_or_else(|e| panic!("{e}"));
        let resource = template.resources.first().unwrap_or_else(|| panic!("no resource"));
        kind(&template, resource, role(&resource.type_name)).unwrap_or_else(|| panic!("no kind"))
    }

    #[test]
    fn a_queue_keeps_its_times() {
        let text = "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {VisibilityTimeout: 90, DelaySeconds: 5,
            MessageRetentionPeriod: 3600, RedrivePolicy: {maxReceiveCount: 4}}}}";
        let expected = Queue {
            visibility_timeout: Duration::seconds(90),
            delay: Duration::seconds(5),
            retention: Duration::seconds(3_600),
            receives_max: Some(4),
            ..Queue::default()
        };
        assert_eq!(kind_of(text), Kind::Queue(expected));
    }

    #[test]
    fn a_function_takes_what_globals_say() {
        let text = "Globals: {Function: {Timeout: 30, MemorySize: 1769, Runtime: java21}}
Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {ReservedConcurrentExecutions: 7}}}";
        let Kind::Function(function) = kind_of(text) else { panic!("no function") };
        assert_eq!((function.timeout, function.concurrency), (Duration::seconds(30), Some(7)));
        assert_eq!(function.cold_start, lognormal(600, 1_500));
    }

    #[test]
    fn absurd_numbers_are_brought_into_range() {
        let text = "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {VisibilityTimeout: 1e300, DelaySeconds: -5,
            MessageRetentionPeriod: 0}}}";
        let Kind::Queue(queue) = kind_of(text) else { panic!("no queue") };
        assert_eq!((queue.delay, queue.retention), (Duration::default(), Queue::default().retention));
        assert_eq!(queue.visibility_timeout, duration(YEAR));
    }

    #[test]
    fn the_pattern_for_everything_matches_everything() {
        let pattern = crate::flow::pattern::compile(MATCH_ALL).unwrap_or_else(|e| panic!("{e}"));
        for event in [serde_json::json!({}), serde_json::json!({"id": 5}), serde_json::json!({"a": {"id": null}})] {
            assert!(pattern.matches(&event), "{event}");
        }
    }
}
