//! AWS SAM and CloudFormation templates, in YAML or JSON.
//!
//! Invariant: the same template gives the same scene, byte for byte.
//! Invariant: what a template says that has no counterpart in a scene is a line in the summary.

pub mod source;
pub mod intrinsics;
pub mod resources;
pub mod kinds;
pub mod schedule;
pub mod beside;
pub mod draft;
pub mod builder;
pub mod links;
pub mod traffic;

use std::path::Path;

use crate::exchange::error::ImportError;
use crate::exchange::summary::Summary;
use crate::exchange::template::builder::Builder;
use crate::exchange::template::source::Template;
use crate::exchange::tree::Tree;
use crate::scene::document::Scene;

/// Makes a scene of a template. `file` is what errors call it, `folder` where it lies.
pub fn import(root: Tree, file: &str, folder: &Path) -> Result<(Scene, Summary), ImportError> {
    let template = Template::read(root, file, folder)?;
    let mut builder = Builder::begin(&template);
    links::connect(&mut builder)?;
    traffic::add(&mut builder);
    let Builder { draft, mut summary, .. } = builder;
    let description = template.root.get("Description").and_then(Tree::as_text).unwrap_or_default();
    let notes = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or(file);
    let title = match folder.file_name().and_then(|name| name.to_str()) {
        Some(folder) if title == "template" => folder,
        _ => title,
    };
    summary.nodes = draft.nodes.len();
    summary.links = draft.links.len();
    Ok((draft.into_scene(title, notes), summary))
}
