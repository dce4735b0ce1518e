//! Files that are there whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Replaces a file: readers see the old content or the new, and so does the next start if the machine stops now.
///
/// # Errors
///
/// When the file cannot be written; then the old one is still there.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = PathBuf::from(format!("{}.new", path.display()));
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    written().inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

/// Makes a directory, with those above it, for this user alone.
///
/// # Errors
///
/// When it is not there and cannot be made.
pub fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The content, or nothing if there is no such file.
///
/// # Errors
///
/// When there is one that cannot be read.
pub fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_or_left_alone() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("file");
        assert_eq!(read_if_there(&path).expect("nothing is there"), None);
        for content in ["old", "new"] {
            replace(&path, content.as_bytes()).expect("a file can be written");
        }
        assert_eq!(read_if_there(&path).expect("it is there"), Some(b"new".to_vec()));
        replace(&directory.path().join("no/file"), b"x").expect_err("there is no such directory");
        assert_eq!(fs::read_dir(directory.path()).expect("it is there").count(), 1);
    }
}
