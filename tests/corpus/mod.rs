//! Where the corpora lie: where EVENTSCAPE_CORPORA says, or beside the repository.

use std::path::{Path, PathBuf};

/// The folder of the corpora, or a line that says that they are absent.
pub fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    let folder = std::env::var_os("EVENTSCAPE_CORPORA").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: no corpora at {} (set EVENTSCAPE_CORPORA)", folder.display());
        return None;
    }
    Some(folder)
}
