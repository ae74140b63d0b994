//! Saving a file so that it is either the old one or the new one, whatever happens meanwhile.
//!
//! Invariant: the bytes are written beside the file and are on the disk before they take its name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file was not saved. The old one is untouched.
#[derive(Debug, thiserror::Error)]
#[error("cannot save {}: {reason}", .path.display())]
pub struct SaveError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub reason: io::Error,
}

/// Replaces the file, or makes it. A symbolic link stays one; permissions stay as they are.
pub fn save_atomic(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    replace(path, bytes).map(|_| ()).map_err(|reason| SaveError { path: path.to_owned(), reason })
}

/// Replaces the file and returns it, open for more writing at its end.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = builder(&path)?.tempfile_in(folder)?;
    beside.write_all(bytes)?;
    beside.as_file().sync_all()?;
    let file = beside.persist(&path).map_err(|error| error.error)?;
    sync_folder(folder)?;
    Ok(file)
}

/// With the permissions of the file that is there, or those of any new file.
fn builder(path: &Path) -> io::Result<tempfile::Builder<'static, 'static>> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".eventscape-").suffix(".part");
    match fs::metadata(path) {
        Ok(metadata) => {
            builder.permissions(metadata.permissions());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => permit_as_new(&mut builder),
        Err(error) => return Err(error),
    }
    Ok(builder)
}

#[cfg(unix)]
fn permit_as_new(builder: &mut tempfile::Builder<'static, 'static>) {
    use std::os::unix::fs::PermissionsExt;
    // What `open` gives a new file; the person's umask takes its part off.
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn permit_as_new(_builder: &mut tempfile::Builder<'static, 'static>) {}

/// The new name itself must be on the disk, too. Only Unix can sync a folder.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_file_is_made_and_replaced_and_nothing_is_left_beside_it() {
        let folder = folder();
        let path = folder.path().join("scene.ron");
        for text in ["first", "second, which is longer", "3"] {
            assert!(save_atomic(&path, text.as_bytes()).is_ok());
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some(text));
        }
        assert_eq!(fs::read_dir(folder.path()).map(Iterator::count).ok(), Some(1));
    }

    #[test]
    fn a_file_that_cannot_be_saved_is_named() {
        let folder = folder();
        let path = folder.path().join("absent").join("scene.ron");
        let error = save_atomic(&path, b"text").map_err(|error| error.to_string());
        assert!(error.is_err_and(|message| message.contains("absent")));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        let (path, link) = (folder.path().join("scene.ron"), folder.path().join("link.ron"));
        assert!(fs::write(&path, "old").is_ok());
        assert!(fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).is_ok());
        assert!(std::os::unix::fs::symlink(&path, &link).is_ok());
        assert!(save_atomic(&link, b"new").is_ok());
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("new"));
        assert!(fs::symlink_metadata(&link).is_ok_and(|metadata| metadata.is_symlink()));
        assert_eq!(fs::metadata(&path).map(|metadata| metadata.permissions().mode() & 0o777).ok(), Some(0o640));
    }
}
