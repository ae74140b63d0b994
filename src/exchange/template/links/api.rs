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
                integrate(builder, &api, integration);
            }
        }
        "AWS::ApiGatewayV2::Integration" => {
            if let Some(api) = properties.get("ApiId").and_then(|tree| builder.target(tree)) {
                integrate(builder, &api, properties);
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
            integrations(builder, &api, tree);
            continue;
        };
        let Some(file) = template.text(location) else { continue };
        match beside::read(template, &file, location.mark)? {
            Beside::Text(text) => match read_tree(&text, &file) {
                Ok(tree) => integrations(builder, &api, &tree),
                Err(error) => builder.summary.note(location.mark, error.to_string()),
            },
            Beside::Absent(reason) => {
                builder.summary.note(location.mark, format!("the definition of `{}`: {reason}", resource.id));
            }
        }
    }
    Ok(())
}

/// Links every integration that stands anywhere in a definition.
fn integrations(builder: &mut Builder<'_>, api: &NodeId, tree: &Tree) {
    match &tree.value {
        Value::Scalar(..) => {}
        Value::List(items) => items.iter().for_each(|item| integrations(builder, api, item)),
        Value::Map(entries) => {
            for (key, value) in entries {
                match key.as_str() {
                    INTEGRATION => integrate(builder, api, value),
                    _ => integrations(builder, api, value),
                }
            }
        }
    }
}

/// Links an API to what an integration names.
fn integrate(builder: &mut Builder<'_>, api: &NodeId, integration: &Tree) {
    let template = builder.template;
    let targets: Vec<NodeId> = builder.targets(integration).into_iter().filter(|target| target != api).collect();
    if !targets.is_empty() {
        targets.iter().for_each(|target| request(builder, api, target));
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
        request(builder, api, &outside);
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
