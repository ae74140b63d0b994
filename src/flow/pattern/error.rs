//! What can be wrong with an event pattern, and what a person can do about it.
//!
//! Invariant: every problem has a place and a remedy.

/// Why a text is no event pattern.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{problem}{}", place(.pointer))]
pub struct PatternError {
    /// JSON pointer of the offending value; empty where it is the whole text.
    pub pointer: String,
    /// What is wrong there.
    pub problem: PatternProblem,
}

fn place(pointer: &str) -> String {
    match pointer.is_empty() {
        true => String::new(),
        false => format!(" (at `{pointer}`)"),
    }
}

impl PatternError {
    /// What the person can do, as one sentence.
    pub fn help(&self) -> String {
        self.problem.help()
    }
}

/// What is wrong with an event pattern.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatternProblem {
    /// The text cannot be read as JSON.
    #[error("the pattern is not JSON: {reason}")]
    NotJson {
        /// What the reader of JSON said, with line and column.
        reason: String,
    },
    /// The text is longer than any pattern may be.
    #[error("the pattern has {found} bytes, more than {limit}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The most that is read.
        limit: usize,
    },
    /// The top is not an object.
    #[error("the pattern is not an object: `{found}`")]
    NotAnObject {
        /// The offending text.
        found: String,
    },
    /// A field is neither an object nor an array.
    #[error("the field `{field}` must be an object or an array, not `{found}`")]
    BareValue {
        /// The field's name.
        field: String,
        /// The offending text.
        found: String,
    },
    /// An object or array says nothing.
    #[error("the field `{field}` is empty, and would match nothing")]
    Empty {
        /// The field's name.
        field: String,
    },
    /// An array stands among the match values.
    #[error("a match value must be a scalar or an operator, not the array `{found}`")]
    NestedArray {
        /// The offending text.
        found: String,
    },
    /// An operator object has no key, or more than one.
    #[error("only one operator is allowed in `{found}`")]
    NotOneOperator {
        /// The offending text.
        found: String,
    },
    /// No operator has this name.
    #[error("unrecognized match type `{found}`")]
    UnknownOperator {
        /// The offending name.
        found: String,
        /// The operator whose name is most alike.
        nearest: Option<&'static str>,
    },
    /// An operator's operand is of the wrong type.
    #[error("`{operator}` takes {expected}, not `{found}`")]
    Operand {
        /// The operator.
        operator: String,
        /// What it takes.
        expected: &'static str,
        /// The offending text.
        found: String,
    },
    /// Two stars in a row.
    #[error("the wildcard `{found}` has two stars in a row")]
    ConsecutiveStars {
        /// The offending wildcard.
        found: String,
    },
    /// A backslash before something else than a star or a backslash.
    #[error("the wildcard `{found}` has a backslash before something else than `*` or a backslash")]
    Escape {
        /// The offending wildcard.
        found: String,
    },
    /// A `numeric` that is no comparison and no range.
    #[error("`numeric` cannot read `{found}`: {reason}")]
    Numeric {
        /// The offending text.
        found: String,
        /// Why.
        reason: &'static str,
    },
    /// A `cidr` that is no block of addresses.
    #[error("`{found}` is no block of addresses: {reason}")]
    Cidr {
        /// The offending text.
        found: String,
        /// Why.
        reason: &'static str,
    },
    /// The alternatives of all `$or` multiply to too many.
    #[error("the `$or` alternatives multiply to more than {limit}")]
    TooManyAlternatives {
        /// The most that are allowed.
        limit: usize,
    },
}

impl PatternProblem {
    fn help(&self) -> String {
        let help = match self {
            PatternProblem::NotJson { .. } => "write the pattern as one JSON object",
            PatternProblem::TooLong { .. } => "split the pattern over several rules",
            PatternProblem::NotAnObject { .. } => "begin with an object, as in {\"source\": [\"order\"]}",
            PatternProblem::BareValue { field, found } => return format!("write \"{field}\": [{found}]"),
            PatternProblem::Empty { .. } => "list what may match, or remove the field",
            PatternProblem::NestedArray { .. } => "remove the inner brackets: the values of one array are alternatives",
            PatternProblem::NotOneOperator { .. } => {
                "write each operator as an object of its own: alternatives side by side"
            }
            PatternProblem::UnknownOperator { nearest: Some(nearest), .. } => {
                return format!("did you mean `{nearest}`?");
            }
            PatternProblem::UnknownOperator { nearest: None, .. } => {
                "use a plain value or one of prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr, exists"
            }
            PatternProblem::Operand { operator, expected, .. } => return format!("give `{operator}` {expected}"),
            PatternProblem::ConsecutiveStars { .. } => "one star already stands for any number of characters",
            PatternProblem::Escape { .. } => "escape only stars and backslashes; in JSON, double each backslash",
            PatternProblem::Numeric { .. } => {
                "write [\"=\", 5], [\"<\", 5] or, with the lower bound first, [\">\", 0, \"<=\", 5]"
            }
            PatternProblem::Cidr { .. } => "write an address, a slash and the number of fixed bits, as in 10.0.0.0/24",
            PatternProblem::TooManyAlternatives { .. } => "split the pattern over several rules",
        };
        String::from(help)
    }
}

/// What is valid in a pattern but probably not meant.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatternWarning {
    /// A name holds a dot, so it also means nested fields.
    #[error("`{name}` also means nested fields: names are joined by dots")]
    DottedName {
        /// The name.
        name: String,
    },
    /// A field beside `$or` is said again inside it.
    #[error("`{path}` stands beside a `$or` and inside it: the later value replaces the earlier one")]
    Replaced {
        /// The field.
        path: String,
    },
    /// Longer than the quota that the real service starts with.
    #[error("the pattern has {found} characters; the service's quota is {quota}")]
    Long {
        /// Its length in characters.
        found: usize,
        /// The service's quota, which can be raised.
        quota: usize,
    },
}
