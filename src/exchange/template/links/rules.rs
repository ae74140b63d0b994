//! Rules of event buses, schedules, and rules of a device message broker.

use crate::exchange::template::builder::Builder;
use crate::exchange::template::draft::Carries;
use crate::exchange::template::kinds;
use crate::exchange::template::schedule;
use crate::exchange::template::source::Resource;
use crate::exchange::tree::{Mark, Tree, Value};
use crate::flow::input;
use crate::scene::kind::{Input, Kind, Schedule, Scheduler};
use crate::scene::slug::NodeId;
use crate::scene::units::Duration;

/// The longest flexible window of a schedule (compute semantics, 8.1).
const WINDOW_MINUTES_MAX: f64 = 1_440.0;
/// Retries of a target at most (messaging semantics, 1.1).
const RETRIES_MAX: f64 = 185.0;

/// A target of a rule, with what is its own.
struct Target {
    node: NodeId,
    dead_letters: Option<NodeId>,
    input: Input,
    retries: Option<u32>,
    age_max: Option<Duration>,
}

impl Target {
    /// Whether it goes by what the bus says, and may share a scene's rule with others.
    fn is_plain(&self) -> bool {
        self.dead_letters.is_none() && self.input == Input::Event && self.retries.is_none() && self.age_max.is_none()
    }
}

/// What a target says of itself: its input, its retries, its dead letters.
fn target(builder: &mut Builder<'_>, node: NodeId, item: &Tree) -> Target {
    let template = builder.template;
    let dead_letters = template.at(item, &["DeadLetterConfig", "Arn"]).and_then(|tree| builder.target(tree));
    let policy = |name: &str| template.at(item, &["RetryPolicy", name]).and_then(|tree| template.number_of(tree));
    let retries = policy("MaximumRetryAttempts").map(|most| most.clamp(0.0, RETRIES_MAX) as u32);
    let age_max = policy("MaximumEventAgeInSeconds").filter(|age| *age > 0.0).map(kinds::duration);
    Target { node, dead_letters, input: input(builder, item), retries, age_max }
}

/// What a target receives (messaging semantics, EB-84); the event where the bus would refuse what is written.
fn input(builder: &mut Builder<'_>, item: &Tree) -> Input {
    let template = builder.template;
    let text = |tree: Option<&Tree>| tree.and_then(|tree| template.text(tree));
    let transformer = item.get("InputTransformer");
    let (input, read) = if let Some(path) = text(item.get("InputPath")) {
        let read = input::Input::part(&path);
        (Input::Path(path), read)
    } else if let Some(constant) = text(item.get("Input")) {
        let read = input::Input::constant(&constant);
        (Input::Constant(constant), read)
    } else if let Some(written) = text(transformer.and_then(|tree| tree.get("InputTemplate"))) {
        let map = transformer.and_then(|tree| tree.get("InputPathsMap")).map(Tree::entries).unwrap_or_default();
        let paths = map.iter().filter_map(|(name, tree)| Some((name.clone(), template.text(tree)?))).collect();
        let read = input::Input::template(&paths, &written);
        (Input::Transformer(paths, written), read)
    } else {
        return Input::Event;
    };
    match read {
        Ok(_) => input,
        Err(error) => {
            builder.summary.note(item.mark, format!("a target receives the whole event instead: {error}"));
            Input::Event
        }
    }
}

/// Links a rule's bus, or its schedule, to the rule's targets.
pub fn connect_rule(builder: &mut Builder<'_>, resource: &Resource) {
    let template = builder.template;
    let list = template.property(resource, "Targets");
    let mut targets = Vec::new();
    for item in list.map(Tree::items).unwrap_or_default() {
        let Some(address) = item.get("Arn") else { continue };
        // A target of a service type may carry the resource in parameters of its own.
        let node = match builder.target(address) {
            Some(node) => Some(node),
            None => match builder.target(item) {
                Some(node) => Some(node),
                None => builder.target_or_outside(address),
            },
        };
        targets.extend(node.map(|node| target(builder, node, item)));
    }
    if let Some(pattern) = template.property(resource, "EventPattern") {
        let state = template.property(resource, "State").and_then(|tree| template.text(tree));
        let enabled = state.as_deref() != Some("DISABLED");
        let written = Written { bus: resource.properties.get("EventBusName"), name: &resource.id, pattern, enabled };
        add_rule(builder, &written, &targets);
    }
    if let Some(expression) = template.property(resource, "ScheduleExpression") {
        let targets: Vec<NodeId> = targets.into_iter().map(|target| target.node).collect();
        add_schedule(builder, &resource.id, Some(expression), &Tree::empty(), &targets, resource.mark);
    }
}

/// Links an `EventBridgeRule` event of a function or state machine.
pub fn sam_rule(builder: &mut Builder<'_>, node: &NodeId, properties: &Tree, name: &str) {
    let target = target(builder, node.clone(), properties);
    if let Some(pattern) = properties.get("Pattern").or_else(|| properties.get("EventPattern")) {
        let written = Written { bus: properties.get("EventBusName"), name, pattern, enabled: true };
        add_rule(builder, &written, &[target]);
    }
}

/// A rule as a template writes it.
struct Written<'t> {
    bus: Option<&'t Tree>,
    name: &'t str,
    pattern: &'t Tree,
    enabled: bool,
}

/// Adds a rule to its bus: one for the targets that go by what the bus says, one for each other.
fn add_rule(builder: &mut Builder<'_>, written: &Written<'_>, targets: &[Target]) {
    let Written { bus, name, pattern, enabled } = written;
    if targets.is_empty() {
        return;
    }
    let Some(bus) = builder.bus(*bus) else { return };
    let mut json = builder.template.json(pattern);
    if let serde_json::Value::String(text) = &json {
        json = serde_json::from_str(text).unwrap_or_default();
    }
    let mut plain: Option<String> = None;
    for target in targets {
        let shared = plain.clone().filter(|_| target.is_plain());
        let Some(rule) = shared.or_else(|| builder.rule(&bus, name, Some(&json), pattern.mark)) else { return };
        if target.is_plain() {
            plain = Some(rule.clone());
        }
        let Target { node, dead_letters, input, retries, age_max } = target;
        if let Some(Kind::Bus(bus)) = builder.draft.nodes.get_mut(&bus).map(|node| &mut node.kind)
            && let Some(rule) = bus.rules.get_mut(&rule)
        {
            (rule.enabled, rule.input) = (*enabled, input.clone());
            (rule.retries, rule.age_max) = (*retries, *age_max);
        }
        builder.draft.link_by_rule(&bus, node, Carries::Events, Some(rule.clone()));
        if let Some(queue) = dead_letters {
            builder.draft.link_by_rule(&bus, queue, Carries::DeadLetters, Some(rule));
        }
    }
}

/// Adds a scheduler that fires to `targets`; `settings` may name a zone and a flexible window.
pub fn add_schedule(
    builder: &mut Builder<'_>,
    name: &str,
    expression: Option<&Tree>,
    settings: &Tree,
    targets: &[NodeId],
    mark: Mark,
) {
    let template = builder.template;
    let text = expression.and_then(|tree| template.text(tree)).unwrap_or_default();
    let zone = settings.get("ScheduleExpressionTimezone").and_then(|tree| template.text(tree));
    let zone = zone.unwrap_or_else(|| Scheduler::default().zone);
    let window = template.at(settings, &["FlexibleTimeWindow", "MaximumWindowInMinutes"]);
    let window = window.and_then(|tree| template.number_of(tree)).unwrap_or(0.0);
    let schedule = match schedule::read(&text, &zone) {
        Ok(schedule) => schedule,
        Err(reason) => {
            let note = format!("the schedule `{text}` of `{name}` is not understood, once a minute instead: {reason}");
            builder.summary.note(mark, note);
            Schedule::Rate(Duration::MINUTE)
        }
    };
    let zone = match schedule {
        Schedule::Cron(_) | Schedule::Date(_) => zone,
        Schedule::Rate(_) | Schedule::At(_) => Scheduler::default().zone,
    };
    let window = kinds::duration(window.clamp(0.0, WINDOW_MINUTES_MAX) * 60.0);
    let scheduler = Scheduler { schedule, zone, window, ..Scheduler::default() };
    let Some(id) = builder.node(name, Kind::Scheduler(scheduler), &text) else { return };
    targets.iter().for_each(|target| builder.link(&id, target));
}

/// Links a schedule that is a resource of its own.
pub fn connect_schedule(builder: &mut Builder<'_>, resource: &Resource) {
    let template = builder.template;
    let address = template.property(resource, "Target").and_then(|tree| template.at(tree, &["Arn"]));
    let target = address.and_then(|tree| builder.target_or_outside(tree));
    let targets: Vec<NodeId> = target.into_iter().collect();
    let expression = template.property(resource, "ScheduleExpression");
    add_schedule(builder, &resource.id, expression, &resource.properties, &targets, resource.mark);
}

/// Links a rule of a device message broker to its actions; the rule itself is the bus.
pub fn connect_topic_rule(builder: &mut Builder<'_>, resource: &Resource) {
    let template = builder.template;
    let Some(broker) = builder.node_of(&resource.id) else { return };
    let Some(payload) = template.property(resource, "TopicRulePayload") else { return };
    if let Some(sql) = payload.get("Sql").and_then(|tree| template.text(tree)) {
        builder.draft.remark(&broker, &sql);
    }
    let Some(actions) = payload.get("Actions").filter(|tree| matches!(tree.value, Value::List(_))) else { return };
    for action in actions.items() {
        let target = match builder.target(action) {
            Some(target) => Some(target),
            None => action.entries().first().and_then(|(name, _)| builder.outside_service(name)),
        };
        if let Some(target) = target {
            builder.link(&broker, &target);
        }
    }
}
