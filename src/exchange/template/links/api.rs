//! Ways in: APIs with their integrations, load balancers, distributions, and the agents' gateways.
//!
//! Invariant: every gateway has somewhere to send requests: what an API integrates outside the template
//! is a service.

use crate::exchange::error::ImportError;
use crate::exchange::template::beside::{self, Beside};
use crate::exchange::template::builder::{Builder, service_name};
use crate::exchange::template::draft::Carries;
use crate::exchange::template::kinds;
use crate::exchange::template::source::Resource;
use crate::exchange::tree::{Tree, Value, read_tree};
use crate::scene::kind::Kind;
use crate::scene::slug::NodeId;

/// The key under which an API's definition says who answers.
const INTEGRATION: &str = "x-amazon-apigateway-integration";
/// Parts of a path that lie above each other at most.
const PATH_PARTS_MAX: usize = 32;

/// Links one resource that brings requests in; nothing for others.
pub fn connect(builder: &mut Builder<'_>, resource: &Resource) -> Result<(), ImportError> {
    let properties = &resource.properties;
    match resource.type_name.as_str() {
        "AWS::Serverless::Api" | "AWS::Serverless::HttpApi" | "AWS::ApiGateway::RestApi" | "AWS::ApiGatewayV2::Api" => {
            connect_definition(builder, resource)?;
        }
        "AWS::ApiGateway::Method" => {
            let api = properties.get("RestApiId").and_then(|tree| builder.target(tree));
            if let (Some(api), Some(integration)) = (api, properties.get("Integration")) {
                integrate(builder, &api, integration, &method_route(builder, properties));
            }
        }
        "AWS::ApiGatewayV2::Integration" => {
            if let Some(api) = properties.get("ApiId").and_then(|tree| builder.target(tree)) {
                integrate(builder, &api, properties, &integrated_routes(builder, &resource.id));
            }
        }
        "AWS::AppSync::DataSource" => {
            if let Some(api) = properties.get("ApiId").and_then(|tree| builder.target(tree)) {
                data_source(builder, &api, properties);
            }
        }
        "AWS::Serverless::GraphQLApi" => {
            if let (Some(api), Some(sources)) = (builder.node_of(&resource.id), properties.get("DataSources")) {
                builder.targets(sources).iter().for_each(|target| request(builder, &api, target));
            }
        }
        "AWS::ElasticLoadBalancingV2::Listener" => listener(builder, properties, "LoadBalancerArn", "DefaultActions"),
        "AWS::VpcLattice::Listener" => listener(builder, properties, "ServiceIdentifier", "DefaultAction"),
        "AWS::ElasticLoadBalancingV2::ListenerRule" => {
            let listener_id = properties.get("ListenerArn").and_then(|tree| builder.template.target(tree));
            let owner = listener_id.and_then(|id| builder.template.resource(&id));
            if let Some(address) = owner.and_then(|owner| owner.properties.get("LoadBalancerArn")) {
                forward(builder, address, properties.get("Actions"));
            }
        }
        "AWS::BedrockAgentCore::GatewayTarget" => {
            listener(builder, properties, "GatewayIdentifier", "TargetConfiguration");
        }
        "AWS::CloudFront::Distribution" => {
            let origins = builder.template.at(properties, &["DistributionConfig", "Origins"]);
            if let (Some(front), Some(origins)) = (builder.node_of(&resource.id), origins) {
                builder.targets(origins).iter().for_each(|target| request(builder, &front, target));
            }
        }
        _ => {}
    }
    Ok(())
}

/// A route of a scene's gateway: `GET /orders/{id}`.
pub fn route(method: &str, path: &str) -> String {
    let method = match method.to_uppercase().trim() {
        "" | "*" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => "ANY".to_owned(),
        method => method.to_owned(),
    };
    if path == "$default" { path.to_owned() } else { format!("{method} /{}", path.trim_start_matches('/')) }
}

/// The route of a method, whose path the resources above it spell.
fn method_route(builder: &Builder<'_>, properties: &Tree) -> Vec<String> {
    let template = builder.template;
    let mut path = String::new();
    let mut above = properties.get("ResourceId").and_then(|tree| template.target(tree));
    for _ in 0..PATH_PARTS_MAX {
        let Some(part) = above.and_then(|id| template.resource(&id)) else { break };
        let Some(name) = template.property(part, "PathPart").and_then(|tree| template.text(tree)) else { break };
        path = format!("/{name}{path}");
        above = template.property(part, "ParentId").and_then(|tree| template.target(tree));
    }
    let method = properties.get("HttpMethod").and_then(|tree| template.text(tree)).unwrap_or_default();
    vec![route(&method, &path)]
}

/// The keys of the routes that lead to an integration.
fn integrated_routes(builder: &Builder<'_>, integration: &str) -> Vec<String> {
    let template = builder.template;
    let routes = template.resources.iter().filter(|resource| resource.type_name == "AWS::ApiGatewayV2::Route");
    let leads_here = routes.filter(|route| {
        let target = template.property(route, "Target").and_then(|tree| template.target(tree));
        target.as_deref() == Some(integration)
    });
    leads_here.filter_map(|route| template.text(template.property(route, "RouteKey")?)).collect()
}

fn listener(builder: &mut Builder<'_>, properties: &Tree, owner: &str, actions: &str) {
    if let Some(address) = properties.get(owner) {
        forward(builder, address, properties.get(actions));
    }
}

fn forward(builder: &mut Builder<'_>, address: &Tree, actions: Option<&Tree>) {
    let (Some(front), Some(actions)) = (builder.target(address), actions) else { return };
    builder.targets(actions).iter().for_each(|target| request(builder, &front, target));
}

fn request(builder: &mut Builder<'_>, from: &NodeId, to: &NodeId) {
    builder.draft.link(from, to, Carries::Requests);
}

fn data_source(builder: &mut Builder<'_>, api: &NodeId, properties: &Tree) {
    let template = builder.template;
    let type_name = properties.get("Type").and_then(|tree| template.text(tree)).unwrap_or_default();
    let targets: Vec<NodeId> = builder.targets(properties).into_iter().filter(|target| target != api).collect();
    targets.iter().for_each(|target| request(builder, api, target));
    if !targets.is_empty() || type_name == "NONE" {
        return;
    }
    let outside = match type_name.as_str() {
        "AMAZON_EVENTBRIDGE" => builder.bus(None),
        "HTTP" => builder.outside_service("http-endpoint"),
        name => builder.outside_service(&name.to_lowercase()),
    };
    if let Some(outside) = outside {
        request(builder, api, &outside);
    }
}

/// Reads the integrations in an API's definition, inline or in a file beside the template.
fn connect_definition(builder: &mut Builder<'_>, resource: &Resource) -> Result<(), ImportError> {
    let template = builder.template;
    let Some(api) = builder.node_of(&resource.id) else { return Ok(()) };
    for name in ["DefinitionBody", "Body", "DefinitionUri"] {
        let Some(tree) = template.property(resource, name) else { continue };
        let location = match name {
            "DefinitionUri" => Some(tree),
            _ => template.at(tree, &["Fn::Transform", "Parameters", "Location"]),
        };
        let Some(location) = location else {
            integrations(builder, &api, tree, &Above::default());
            continue;
        };
        let Some(file) = template.text(location) else { continue };
        match beside::read(template, &file, location.mark)? {
            Beside::Text(text) => match read_tree(&text, &file) {
                Ok(tree) => integrations(builder, &api, &tree, &Above::default()),
                Err(error) => builder.summary.note(location.mark, error.to_string()),
            },
            Beside::Absent(reason) => {
                builder.summary.note(location.mark, format!("the definition of `{}`: {reason}", resource.id));
            }
        }
    }
    Ok(())
}

/// The keys of a definition above an integration that say which requests come to it.
#[derive(Clone, Copy, Default)]
struct Above<'t> {
    path: Option<&'t str>,
    method: &'t str,
}

/// Links every integration that stands anywhere in a definition.
fn integrations(builder: &mut Builder<'_>, api: &NodeId, tree: &Tree, above: &Above<'_>) {
    match &tree.value {
        Value::Scalar(..) => {}
        Value::List(items) => items.iter().for_each(|item| integrations(builder, api, item, above)),
        Value::Map(entries) => {
            for (key, value) in entries {
                let inner = match above.path {
                    _ if key.starts_with('/') => Above { path: Some(key), method: "" },
                    Some(_) if above.method.is_empty() => Above { method: key, ..*above },
                    _ => *above,
                };
                match key.as_str() {
                    INTEGRATION => {
                        let routes: Vec<String> =
                            above.path.map(|path| route(above.method, path)).into_iter().collect();
                        integrate(builder, api, value, &routes);
                    }
                    _ => integrations(builder, api, value, &inner),
                }
            }
        }
    }
}

/// Links an API to what an integration names, for these routes; without any for all that no route takes.
fn integrate(builder: &mut Builder<'_>, api: &NodeId, integration: &Tree, routes: &[String]) {
    let answer = |builder: &mut Builder<'_>, target: &NodeId| match routes {
        [] => builder.answer(api, target, None),
        routes => routes.iter().for_each(|route| builder.answer(api, target, Some(route))),
    };
    let template = builder.template;
    let targets: Vec<NodeId> = builder.targets(integration).into_iter().filter(|target| target != api).collect();
    if !targets.is_empty() {
        targets.iter().for_each(|target| answer(builder, target));
        return;
    }
    let text = |names: &[&str]| {
        let tree = names.iter().find_map(|name| integration.get(name))?;
        template.text(tree)
    };
    let type_name = text(&["Type", "type", "IntegrationType"]).unwrap_or_default().to_uppercase();
    let uri = text(&["Uri", "uri", "IntegrationUri"]).unwrap_or_default();
    let subtype = text(&["IntegrationSubtype", "integrationSubtype"]).unwrap_or_default();
    let outside = match (type_name.as_str(), subtype.split_once('-')) {
        ("MOCK", _) => builder.outside_service("mock"),
        (_, Some(("EventBridge", _))) => builder.bus(None),
        (_, Some((service, _))) => builder.outside_service(&service.to_lowercase()),
        _ if uri.contains(":events:action") => builder.bus(None),
        _ if uri.is_empty() => None,
        _ => builder.outside_service(&service_name(&uri)),
    };
    if let Some(outside) = outside {
        answer(builder, &outside);
    }
}

/// Gives every gateway without a target a service that answers.
pub fn complete(builder: &mut Builder<'_>) {
    let idle: Vec<NodeId> = builder
        .draft
        .nodes
        .iter()
        .filter(|(id, node)| matches!(node.kind, Kind::Gateway(_)) && builder.draft.targets(id).next().is_none())
        .map(|(id, _)| id.clone())
        .collect();
    for id in idle {
        let service = Kind::Service(kinds::service());
        if let Some(backend) = builder.node(&format!("{id}-backend"), service, "outside the template") {
            builder.summary.note(Default::default(), format!("`{id}` has no integration that the template knows"));
            request(builder, &id, &backend);
        }
    }
}
