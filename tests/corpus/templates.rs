//! The corpus of published templates.

use std::path::{Path, PathBuf};

/// The templates of the corpora in `folder`, in the order of their paths; fails where some are missing.
pub fn templates(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    collect(&folder.join("sam"), &mut paths);
    paths.sort();
    assert!(paths.len() >= 295, "only {} templates in the corpus", paths.len());
    paths
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            collect(&path, found);
        } else if matches!(extension, Some("yaml" | "yml")) {
            found.push(path);
        }
    }
}
