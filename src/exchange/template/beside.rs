//! Files that a template names: read only where they lie in the template's folder.
//!
//! Invariant: nothing is fetched, and no path leads out of the folder, not by `..`, not by an absolute
//! path, not by a symbolic link.

use std::path::{Component, Path};

use crate::exchange::error::ImportError;
use crate::exchange::template::source::Template;
use crate::exchange::tree::{Mark, read_text};

/// What became of a named file.
#[derive(Debug)]
pub enum Beside {
    /// Its text.
    Text(String),
    /// It is not read, for this reason.
    Absent(String),
}

/// Reads the file that the template names at `mark`.
pub fn read(template: &Template, name: &str, mark: Mark) -> Result<Beside, ImportError> {
    let name = name.trim();
    if name.contains("://") {
        return Ok(Beside::Absent(format!("`{name}` is not fetched")));
    }
    let outside = || ImportError::OutsideFolder { place: template.place(mark, name) };
    let path = Path::new(name);
    let stays = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    // A backslash parts names on Windows only; elsewhere it would hide a way out from the test above.
    if name.is_empty() || name.contains('\\') || !path.components().all(stays) {
        return Err(outside());
    }
    let full = template.folder.join(path);
    let (Ok(folder), Ok(full)) = (template.folder.canonicalize(), full.canonicalize()) else {
        return Ok(Beside::Absent(format!("`{name}` is not there")));
    };
    if !full.starts_with(&folder) {
        return Err(outside());
    }
    if full.is_dir() {
        return Ok(Beside::Absent(format!("`{name}` is a folder")));
    }
    read_text(&full).map(Beside::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::tree::read_tree;

    fn template(folder: &Path) -> Template {
        let root = read_tree("Resources: {}", "t.yaml").unwrap_or_else(|e| panic!("{e}"));
        Template::read(root, "t.yaml", folder).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn a_way_out_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap_or_else(|e| panic!("{e}"));
        std::fs::write(folder.path().join("secret"), "s").unwrap_or_else(|e| panic!("{e}"));
        std::fs::write(inside.join("near"), "n").unwrap_or_else(|e| panic!("{e}"));
        let template = template(&inside);
        for name in ["../secret", "a/../../secret", "/etc/passwd", "..\\secret", "", "./.."] {
            let result = read(&template, name, Mark { line: 3, column: 1 });
            let text = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(text.starts_with("t.yaml:3:1: ") && text.contains("leaves the folder"), "{name}: {text}");
        }
        assert!(matches!(read(&template, "./near", Mark::default()), Ok(Beside::Text(text)) if text == "n"));
        assert!(matches!(read(&template, "s3://bucket/near", Mark::default()), Ok(Beside::Absent(_))));
        assert!(matches!(read(&template, "missing", Mark::default()), Ok(Beside::Absent(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_out_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap_or_else(|e| panic!("{e}"));
        std::fs::write(folder.path().join("secret"), "s").unwrap_or_else(|e| panic!("{e}"));
        std::os::unix::fs::symlink("../secret", inside.join("near")).unwrap_or_else(|e| panic!("{e}"));
        let result = read(&template(&inside), "near", Mark::default());
        assert!(matches!(result, Err(ImportError::OutsideFolder { .. })), "{result:?}");
    }
}
