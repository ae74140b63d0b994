//! In and out: other tools' formats, each a file or a folder.
//!
//! Invariant: nothing is fetched, and no file outside the folder of the imported one is read.
//! Invariant: what an importer does not know is a line in its summary, never a failure.

pub mod template;
pub mod summary;
pub mod layout;
pub mod tree;
pub mod error;

use std::path::Path;

use crate::exchange::error::ImportError;
use crate::exchange::summary::Summary;
use crate::scene::document::Scene;

/// A scene made of somebody else's file, and what is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The scene, laid out, with traffic.
    pub scene: Scene,
    /// What was known, unknown and supposed.
    pub summary: Summary,
}

/// Imports the template at `path`: AWS SAM or CloudFormation, YAML or JSON.
///
/// # Errors
/// A file that cannot be read, is no template, or passes one of the limits of [`tree`] or
/// [`template::source`], and a template that names a file outside its folder.
pub fn import(path: &Path) -> Result<Imported, ImportError> {
    let text = tree::read_text(path)?;
    let file = path.display().to_string();
    let root = tree::read_tree(&text, &file)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (scene, summary) = template::import(root, &file, folder)?;
    Ok(Imported { scene, summary })
}
