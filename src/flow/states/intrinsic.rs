//! Intrinsic functions: `States.Format('Hello {}', $.name)` (states semantics, section 5).
//!
//! Invariant: a function's result depends on its arguments and the execution's seed alone.

mod functions;
mod parse;

use serde_json::Value;

use super::execution::Fault;
use super::path::Path;
use super::scope::Scope;

/// A call, read and checked.
#[derive(Clone, Debug)]
pub(super) struct Call {
    function: Function,
    arguments: Vec<Argument>,
    text: String,
}

#[derive(Clone, Debug)]
enum Argument {
    Literal(Value),
    Path(Path),
    Call(Call),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
}

const FUNCTIONS: [(&str, Function); 18] = [
    ("States.Format", Function::Format),
    ("States.StringToJson", Function::StringToJson),
    ("States.JsonToString", Function::JsonToString),
    ("States.Array", Function::Array),
    ("States.ArrayPartition", Function::ArrayPartition),
    ("States.ArrayContains", Function::ArrayContains),
    ("States.ArrayRange", Function::ArrayRange),
    ("States.ArrayGetItem", Function::ArrayGetItem),
    ("States.ArrayLength", Function::ArrayLength),
    ("States.ArrayUnique", Function::ArrayUnique),
    ("States.Base64Encode", Function::Base64Encode),
    ("States.Base64Decode", Function::Base64Decode),
    ("States.Hash", Function::Hash),
    ("States.JsonMerge", Function::JsonMerge),
    ("States.MathRandom", Function::MathRandom),
    ("States.MathAdd", Function::MathAdd),
    ("States.StringSplit", Function::StringSplit),
    ("States.UUID", Function::Uuid),
];

impl Call {
    /// Reads a call.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub(super) fn parse(text: &str) -> Result<Call, &'static str> {
        parse::parse(text)
    }
}

/// Works out a call; `field` is named where a path leads nowhere.
pub(super) fn evaluate(call: &Call, scope: &Scope, field: &str) -> Result<Value, Fault> {
    let mut arguments = Vec::with_capacity(call.arguments.len());
    for argument in &call.arguments {
        arguments.push(match argument {
            Argument::Literal(value) => value.clone(),
            Argument::Path(path) => scope.find(path).map_err(|_| scope.missing(&path.text, field))?,
            Argument::Call(call) => evaluate(call, scope, field)?,
        });
    }
    functions::apply(call.function, &arguments, scope).map_err(|reason| {
        let fault = scope.fault(&format!("The function '{}' had the following error: {reason}", call.text));
        Fault { error: Some(String::from("States.IntrinsicFailure")), ..fault }
    })
}
