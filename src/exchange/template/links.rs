//! Links: who sends to whom, from the properties of all resources.
//!
//! Invariant: what the template states comes before what permissions and variables suggest, so that
//! a guess never stands where a statement does.

use crate::exchange::error::ImportError;
use crate::exchange::template::builder::Builder;

pub mod function;
pub mod messaging;
pub mod rules;
pub mod pipe;
pub mod api;
pub mod machine;
pub mod stream;
pub mod supposed;

/// Links the nodes of all resources.
pub fn connect(builder: &mut Builder<'_>) -> Result<(), ImportError> {
    let template = builder.template;
    let is_function = |name: &str| matches!(name, "AWS::Serverless::Function" | "AWS::Lambda::Function");
    // Functions first: what SAM makes of their events and URLs is named by other resources.
    for resource in template.resources.iter().filter(|resource| is_function(&resource.type_name)) {
        function::connect(builder, resource);
    }
    for resource in template.resources.iter().filter(|resource| !is_function(&resource.type_name)) {
        match resource.type_name.as_str() {
            "AWS::Lambda::EventSourceMapping" => function::connect_mapping(builder, resource),
            "AWS::Lambda::EventInvokeConfig" => function::connect_destinations(builder, resource, &resource.properties),
            "AWS::Lambda::Url" => function::connect_url(builder, resource),
            "AWS::SQS::Queue" => messaging::connect_queue(builder, resource),
            "AWS::SNS::Topic" => messaging::connect_topic(builder, resource),
            "AWS::SNS::Subscription" => messaging::connect_subscription(builder, resource),
            "AWS::S3::Bucket" => messaging::connect_bucket(builder, resource),
            "AWS::DynamoDB::Table" => messaging::connect_table(builder, resource),
            "AWS::KinesisFirehose::DeliveryStream" => messaging::connect_delivery_stream(builder, resource),
            "AWS::Events::Rule" => rules::connect_rule(builder, resource),
            "AWS::IoT::TopicRule" => rules::connect_topic_rule(builder, resource),
            "AWS::Scheduler::Schedule" => rules::connect_schedule(builder, resource),
            "AWS::Pipes::Pipe" => pipe::connect(builder, resource),
            "AWS::SES::ReceiptRule" | "AWS::CloudTrail::Trail" => messaging::connect_all(builder, resource),
            "AWS::Logs::SubscriptionFilter" => messaging::connect_log_filter(builder, resource),
            "AWS::Cognito::UserPool" => messaging::connect_user_pool(builder, resource),
            "AWS::CloudFormation::Stack" | "AWS::Serverless::Application" => {
                let note = format!("the nested stack `{}` is one node; import its template by itself", resource.id);
                builder.summary.note(resource.mark, note);
            }
            _ => api::connect(builder, resource)?,
        }
    }
    machine::connect(builder)?;
    stream::split(builder);
    supposed::connect(builder);
    api::complete(builder);
    Ok(())
}
