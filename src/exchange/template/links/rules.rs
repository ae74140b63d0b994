//! Rules of event buses, schedules, and rules of a device message broker.

use crate::exchange::template::builder::Builder;
use crate::exchange::template::draft::Carries;
use crate::exchange::template::kinds;
use crate::exchange::template::schedule;
use crate::exchange::template::source::Resource;
use crate::exchange::tree::{Mark, Tree, Value};
use crate::scene::kind::{Kind, Schedule, Scheduler};
use crate::scene::slug::NodeId;
use crate::scene::units::Duration;

/// The longest flexible window of a schedule (compute semantics, 8.1).
const WINDOW_MINUTES_MAX: f64 = 1_440.0;

/// Links a rule's bus, or its schedule, to the rule's targets.
pub fn connect_rule(builder: &mut Builder<'_>, resource: &Resource) {
    let template = builder.template;
    let list = template.property(resource, "Targets");
    let mut targets = Vec::new();
    for item in list.map(Tree::items).unwrap_or_default() {
        let Some(address) = item.get("Arn") else { continue };
        // A target of a service type may carry the resource in parameters of its own.
        let target = match builder.target(address) {
            Some(target) => Some(target),
            None => match builder.target(item) {
                Some(target) => Some(target),
                None => builder.target_or_outside(address),
            },
        };
        let dead_letters = template.at(item, &["DeadLetterConfig", "Arn"]).and_then(|tree| builder.target(tree));
        targets.extend(target.map(|target| (target, dead_letters)));
    }
    if let Some(pattern) = template.property(resource, "EventPattern") {
        add_rule(builder, resource.properties.get("EventBusName"), &resource.id, pattern, &targets);
        disable(builder, resource);
    }
    if let Some(expression) = template.property(resource, "ScheduleExpression") {
        let targets: Vec<NodeId> = targets.into_iter().map(|(target, _)| target).collect();
        add_schedule(builder, &resource.id, Some(expression), &Tree::empty(), &targets, resource.mark);
    }
}

/// Links an `EventBridgeRule` event of a function or state machine.
pub fn sam_rule(builder: &mut Builder<'_>, target: &NodeId, properties: &Tree, name: &str) {
    let template = builder.template;
    let dead_letters = template.at(properties, &["DeadLetterConfig", "Arn"]).and_then(|tree| builder.target(tree));
    if let Some(pattern) = properties.get("Pattern").or_else(|| properties.get("EventPattern")) {
        add_rule(builder, properties.get("EventBusName"), name, pattern, &[(target.clone(), dead_letters)]);
    }
}

fn add_rule(
    builder: &mut Builder<'_>,
    bus: Option<&Tree>,
    name: &str,
    pattern: &Tree,
    targets: &[(NodeId, Option<NodeId>)],
) {
    if targets.is_empty() {
        return;
    }
    let Some(bus) = builder.bus(bus) else { return };
    let mut json = builder.template.json(pattern);
    if let serde_json::Value::String(text) = &json {
        json = serde_json::from_str(text).unwrap_or_default();
    }
    let Some(rule) = builder.rule(&bus, name, Some(&json), pattern.mark) else { return };
    for (target, dead_letters) in targets {
        builder.draft.link_by_rule(&bus, target, Carries::Events, Some(rule.clone()));
        if let Some(queue) = dead_letters {
            builder.draft.link_by_rule(&bus, queue, Carries::DeadLetters, Some(rule.clone()));
        }
    }
}

fn disable(builder: &mut Builder<'_>, resource: &Resource) {
    let state = builder.template.property(resource, "State").and_then(|tree| builder.template.text(tree));
    if state.as_deref() != Some("DISABLED") {
        return;
    }
    let Some(bus) = builder.bus(resource.properties.get("EventBusName")) else { return };
    if let Some(Kind::Bus(bus)) = builder.draft.nodes.get_mut(&bus).map(|node| &mut node.kind)
        && let Some(rule) = bus.rules.get_mut(&resource.id)
    {
        rule.enabled = false;
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
