//! Locks on disk: the same value is the same bytes, and a reader sees the old file or the new one.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A lock that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Writes a lock as indented JSON, if it differs from what is there.
///
/// # Errors
///
/// When the directory cannot be written.
pub fn write(path: &Path, lock: &impl Serialize) -> Result<(), WriteError> {
    replace(path, lock).map_err(|source| WriteError {
        path: path.to_owned(),
        source,
    })
}

/// Removes a file, if it is there.
///
/// # Errors
///
/// When the directory cannot be written.
pub(crate) fn remove(path: &Path) -> Result<(), WriteError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(WriteError {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

fn replace(path: &Path, lock: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(lock)?;
    bytes.push(b'\n');
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new().permissions(mode()).tempfile_in(directory)?;
    file.write_all(&bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Temporary files are private; a lock is for everyone.
fn mode() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o644)
}
