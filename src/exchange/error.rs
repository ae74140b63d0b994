//! Why a file from elsewhere is not imported.
//!
//! Invariant: an error names the file, the place where there is one, the offending text, and what to do.

/// A place in a file, with the text that stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file as the person named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// The offending text, at most [`OFFENDING_MAX`] characters of it.
    pub found: String,
}

/// Characters of offending text that an error repeats: about one line of a terminal.
pub const OFFENDING_MAX: usize = 80;

impl Place {
    /// The place at `line` and `column` of `text`, with what stands from there to the end of the line.
    pub fn of_text(file: &str, text: &str, line: usize, column: usize) -> Place {
        let row = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let rest: String = row.chars().skip(column.saturating_sub(1)).take(OFFENDING_MAX).collect();
        let found = if rest.trim().is_empty() { row.trim().chars().take(OFFENDING_MAX).collect() } else { rest };
        Place { file: file.to_owned(), line, column, found }
    }

    /// A place at which `found` is the offending text.
    pub fn with_found(file: &str, mark: crate::exchange::tree::Mark, found: &str) -> Place {
        Place {
            file: file.to_owned(),
            line: mark.line as usize,
            column: mark.column as usize,
            found: found.chars().take(OFFENDING_MAX).collect(),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            _ => write!(f, "{}:{}:{}", self.file, self.line, self.column),
        }
    }
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be opened or read.
    #[error("{file}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is longer than any template.
    #[error("{file}: is longer than {bytes_max} bytes")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit.
        bytes_max: u64,
    },
    /// The file is not UTF-8.
    #[error("{file}: is no UTF-8 text")]
    NotText {
        /// The file.
        file: String,
    },
    /// The file has no content.
    #[error("{file}: is empty")]
    Empty {
        /// The file.
        file: String,
    },
    /// The text is neither YAML nor JSON.
    #[error("{place}: {problem}, at `{}`", place.found)]
    Syntax {
        /// Where.
        place: Place,
        /// What the reader said.
        problem: String,
    },
    /// Maps and lists are nested too deeply.
    #[error("{place}: is nested more than {depth_max} levels deep, at `{}`", place.found)]
    TooDeep {
        /// Where.
        place: Place,
        /// The limit.
        depth_max: usize,
    },
    /// The file has, or its aliases make, too many values.
    #[error("{file}: holds more than {nodes_max} values, those that aliases repeat included")]
    TooManyValues {
        /// The file.
        file: String,
        /// The limit.
        nodes_max: usize,
    },
    /// An alias repeats the value in which it stands.
    #[error("{place}: the alias `{}` stands inside itself", place.found)]
    AliasCycle {
        /// Where.
        place: Place,
    },
    /// The file is YAML or JSON but no template.
    #[error("{place}: is no template: {problem}")]
    NotATemplate {
        /// Where.
        place: Place,
        /// What is missing or wrong.
        problem: String,
    },
    /// The template has more resources than an import takes.
    #[error("{file}: has more than {resources_max} resources")]
    TooManyResources {
        /// The file.
        file: String,
        /// The limit.
        resources_max: usize,
    },
    /// Conditions refer to each other in a circle.
    #[error("{place}: the condition `{}` depends on itself", place.found)]
    ConditionCycle {
        /// Where.
        place: Place,
    },
    /// A file that the template names lies outside the template's folder.
    #[error("{place}: `{}` leaves the folder of the template", place.found)]
    OutsideFolder {
        /// Where.
        place: Place,
    },
}

impl ImportError {
    /// What the person can do, as one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            ImportError::Unreadable { .. } => "check the path and that you may read the file",
            ImportError::TooLarge { .. } => "split the template, or give the file that was meant",
            ImportError::NotText { .. } => "save the template as UTF-8",
            ImportError::Empty { .. } => "give a SAM or CloudFormation template in YAML or JSON",
            ImportError::Syntax { .. } => "mend the YAML or JSON at this place",
            ImportError::TooDeep { .. } => "flatten the value; templates are seldom more than 30 levels deep",
            ImportError::TooManyValues { .. } => "split the template, or write fewer aliases",
            ImportError::AliasCycle { .. } => "move the anchor so that it does not hold its own alias",
            ImportError::NotATemplate { .. } => "a template is a map with `Resources`, each with a `Type`",
            ImportError::TooManyResources { .. } => "split the template into stacks; the service takes 500 resources",
            ImportError::ConditionCycle { .. } => "let the condition depend on parameters or earlier conditions",
            ImportError::OutsideFolder { .. } => "copy the file beside the template and name it by a relative path",
        }
    }

    /// The place of the error, where it has one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            ImportError::Syntax { place, .. }
            | ImportError::TooDeep { place, .. }
            | ImportError::AliasCycle { place }
            | ImportError::NotATemplate { place, .. }
            | ImportError::ConditionCycle { place }
            | ImportError::OutsideFolder { place } => Some(place),
            ImportError::Unreadable { .. }
            | ImportError::TooLarge { .. }
            | ImportError::NotText { .. }
            | ImportError::Empty { .. }
            | ImportError::TooManyValues { .. }
            | ImportError::TooManyResources { .. } => None,
        }
    }
}
