//! Which resource type is what: a node of a kind, a piece of wiring, or mere configuration.
//!
//! Invariant: a type that is in no table here is unknown, and becomes a generic node.

/// What a resource type is in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Code that runs on arrival.
    Function,
    /// A queue.
    Queue,
    /// A stream of records that consumers read in batches.
    Stream,
    /// A topic: a bus with a rule for each subscription.
    Topic,
    /// An event bus.
    Bus,
    /// A table, whose changes may leave as a stream.
    Table,
    /// A bucket, whose changes may leave as notifications.
    Bucket,
    /// Another store of data.
    Store,
    /// A way in for requests.
    Gateway,
    /// A state machine.
    StateMachine,
    /// A system that answers requests by itself.
    Service,
    /// Something known that passes messages on.
    Passage,
    /// No node of its own: links, rules and the like come of it.
    Wiring,
    /// Neither a node nor a link.
    Configuration,
    /// Nobody knows.
    Unknown,
}

/// The types that have a role in the flow.
const TYPES: &[(&str, Role)] = &[
    ("AWS::Serverless::Function", Role::Function),
    ("AWS::Lambda::Function", Role::Function),
    ("AWS::SQS::Queue", Role::Queue),
    ("AWS::Kinesis::Stream", Role::Stream),
    ("AWS::MSK::Cluster", Role::Stream),
    ("AWS::MSK::ServerlessCluster", Role::Stream),
    ("AWS::AmazonMQ::Broker", Role::Queue),
    ("AWS::SNS::Topic", Role::Topic),
    ("AWS::Events::EventBus", Role::Bus),
    ("AWS::IoT::TopicRule", Role::Bus),
    ("AWS::DynamoDB::Table", Role::Table),
    ("AWS::DynamoDB::GlobalTable", Role::Table),
    ("AWS::Serverless::SimpleTable", Role::Table),
    ("AWS::S3::Bucket", Role::Bucket),
    ("AWS::RDS::DBCluster", Role::Store),
    ("AWS::RDS::DBInstance", Role::Store),
    ("AWS::RDS::DBProxy", Role::Store),
    ("AWS::DSQL::Cluster", Role::Store),
    ("AWS::DocDB::DBCluster", Role::Store),
    ("AWS::Neptune::DBCluster", Role::Store),
    ("AWS::ElastiCache::ServerlessCache", Role::Store),
    ("AWS::ElastiCache::ReplicationGroup", Role::Store),
    ("AWS::ElastiCache::CacheCluster", Role::Store),
    ("AWS::MemoryDB::Cluster", Role::Store),
    ("AWS::OpenSearchServerless::Collection", Role::Store),
    ("AWS::OpenSearchService::Domain", Role::Store),
    ("AWS::Elasticsearch::Domain", Role::Store),
    ("AWS::Redshift::Cluster", Role::Store),
    ("AWS::RedshiftServerless::Workgroup", Role::Store),
    ("AWS::Timestream::Table", Role::Store),
    ("AWS::EFS::FileSystem", Role::Store),
    ("AWS::FSx::FileSystem", Role::Store),
    ("AWS::S3Files::FileSystem", Role::Store),
    ("AWS::Serverless::Api", Role::Gateway),
    ("AWS::Serverless::HttpApi", Role::Gateway),
    ("AWS::Serverless::GraphQLApi", Role::Gateway),
    ("AWS::ApiGateway::RestApi", Role::Gateway),
    ("AWS::ApiGatewayV2::Api", Role::Gateway),
    ("AWS::AppSync::GraphQLApi", Role::Gateway),
    ("AWS::AppSync::Api", Role::Gateway),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", Role::Gateway),
    ("AWS::CloudFront::Distribution", Role::Gateway),
    ("AWS::VpcLattice::Service", Role::Gateway),
    ("AWS::BedrockAgentCore::Gateway", Role::Gateway),
    ("AWS::Serverless::StateMachine", Role::StateMachine),
    ("AWS::StepFunctions::StateMachine", Role::StateMachine),
    ("AWS::ECS::Service", Role::Service),
    ("AWS::ECS::TaskDefinition", Role::Service),
    ("AWS::EC2::Instance", Role::Service),
    ("AWS::AppRunner::Service", Role::Service),
    ("AWS::Batch::JobQueue", Role::Service),
    ("AWS::CodeBuild::Project", Role::Service),
    ("AWS::Cognito::UserPool", Role::Service),
    ("AWS::Events::ApiDestination", Role::Service),
    ("AWS::Glue::Job", Role::Service),
    ("AWS::Glue::Crawler", Role::Service),
    ("AWS::SSM::Document", Role::Service),
    ("AWS::SageMaker::Endpoint", Role::Service),
    ("AWS::Bedrock::Agent", Role::Service),
    ("AWS::Bedrock::KnowledgeBase", Role::Service),
    ("AWS::BedrockAgentCore::Runtime", Role::Service),
    ("AWS::Transfer::Server", Role::Service),
    ("AWS::SES::EmailIdentity", Role::Service),
    ("AWS::KinesisFirehose::DeliveryStream", Role::Passage),
    ("AWS::SES::ReceiptRule", Role::Passage),
    ("AWS::CloudTrail::Trail", Role::Passage),
    ("AWS::OSIS::Pipeline", Role::Passage),
    ("AWS::CloudFormation::Stack", Role::Passage),
    ("AWS::Serverless::Application", Role::Passage),
    ("AWS::Events::Rule", Role::Wiring),
    ("AWS::Pipes::Pipe", Role::Wiring),
    ("AWS::Scheduler::Schedule", Role::Wiring),
    ("AWS::SNS::Subscription", Role::Wiring),
    ("AWS::Lambda::EventSourceMapping", Role::Wiring),
    ("AWS::Lambda::EventInvokeConfig", Role::Wiring),
    ("AWS::Lambda::Url", Role::Wiring),
    ("AWS::Lambda::Alias", Role::Wiring),
    ("AWS::Lambda::Version", Role::Wiring),
    ("AWS::Kinesis::StreamConsumer", Role::Wiring),
    ("AWS::StepFunctions::StateMachineAlias", Role::Wiring),
    ("AWS::StepFunctions::StateMachineVersion", Role::Wiring),
    ("AWS::ApiGateway::Method", Role::Wiring),
    ("AWS::ApiGateway::Resource", Role::Wiring),
    ("AWS::ApiGatewayV2::Integration", Role::Wiring),
    ("AWS::ApiGatewayV2::Route", Role::Wiring),
    ("AWS::AppSync::DataSource", Role::Wiring),
    ("AWS::AppSync::Resolver", Role::Wiring),
    ("AWS::AppSync::FunctionConfiguration", Role::Wiring),
    ("AWS::ElasticLoadBalancingV2::Listener", Role::Wiring),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", Role::Wiring),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", Role::Wiring),
    ("AWS::VpcLattice::Listener", Role::Wiring),
    ("AWS::VpcLattice::TargetGroup", Role::Wiring),
    ("AWS::BedrockAgentCore::GatewayTarget", Role::Wiring),
    ("AWS::Logs::SubscriptionFilter", Role::Wiring),
    ("AWS::RDS::EventSubscription", Role::Wiring),
    ("AWS::CloudFormation::CustomResource", Role::Configuration),
    ("AWS::Serverless::LayerVersion", Role::Configuration),
    ("AWS::Serverless::CapacityProvider", Role::Configuration),
    ("AWS::Serverless::Connector", Role::Wiring),
];

/// Services and families of types that only configure others.
const CONFIGURATION: &[&str] = &[
    "AWS::ACMPCA::",
    "AWS::ApiGateway::",
    "AWS::ApiGatewayV2::",
    "AWS::AppConfig::",
    "AWS::AppSync::",
    "AWS::ApplicationAutoScaling::",
    "AWS::AutoScaling::",
    "AWS::Batch::",
    "AWS::BedrockAgentCore::",
    "AWS::Budgets::",
    "AWS::CertificateManager::",
    "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFront::",
    "AWS::CloudWatch::",
    "AWS::CodeDeploy::",
    "AWS::Cognito::",
    "AWS::Config::",
    "AWS::DocDB::",
    "AWS::EC2::",
    "AWS::ECR::",
    "AWS::ECS::",
    "AWS::EFS::",
    "AWS::ElastiCache::",
    "AWS::ElasticLoadBalancingV2::",
    "AWS::Events::",
    "AWS::EventSchemas::",
    "AWS::Glue::",
    "AWS::IAM::",
    "AWS::IoT::",
    "AWS::KMS::",
    "AWS::Kinesis::",
    "AWS::Lambda::",
    "AWS::Logs::",
    "AWS::MemoryDB::",
    "AWS::MSK::",
    "AWS::OpenSearchServerless::",
    "AWS::Pipes::",
    "AWS::RAM::",
    "AWS::RDS::",
    "AWS::ResourceGroups::",
    "AWS::Route53::",
    "AWS::RUM::",
    "AWS::S3::",
    "AWS::S3Files::",
    "AWS::SES::",
    "AWS::SNS::",
    "AWS::SQS::",
    "AWS::SSM::",
    "AWS::Scheduler::",
    "AWS::SecretsManager::",
    "AWS::ServiceDiscovery::",
    "AWS::StepFunctions::",
    "AWS::Synthetics::",
    "AWS::Timestream::",
    "AWS::Transfer::",
    "AWS::VpcLattice::",
    "AWS::WAF::",
    "AWS::WAFRegional::",
    "AWS::WAFv2::",
    "AWS::XRay::",
    "Custom::",
];

/// The role of a type.
pub fn role(type_name: &str) -> Role {
    if let Some((_, role)) = TYPES.iter().find(|(name, _)| *name == type_name) {
        return *role;
    }
    match CONFIGURATION.iter().any(|prefix| type_name.starts_with(prefix)) {
        true => Role::Configuration,
        false => Role::Unknown,
    }
}

/// A short name for a type, for labels: `AWS::Bedrock::Guardrail` as `Bedrock Guardrail`.
pub fn short_name(type_name: &str) -> String {
    type_name.strip_prefix("AWS::").unwrap_or(type_name).replace("::", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_one_role() {
        for (row, (name, _)) in TYPES.iter().enumerate() {
            assert!(TYPES.iter().skip(row + 1).all(|(other, _)| other != name), "{name} stands twice");
        }
    }

    #[test]
    fn roles_come_from_the_tables() {
        assert_eq!(role("AWS::SQS::Queue"), Role::Queue);
        assert_eq!(role("AWS::SQS::QueuePolicy"), Role::Configuration);
        assert_eq!(role("AWS::IAM::Role"), Role::Configuration);
        assert_eq!(role("AWS::QBusiness::Index"), Role::Unknown);
        assert_eq!(role("Custom::Anything"), Role::Configuration);
    }
}
