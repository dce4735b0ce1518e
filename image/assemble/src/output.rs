//! Outputs that appear whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A directory that stands beside its place until it is complete.
#[derive(Debug)]
pub struct Directory {
    staged: PathBuf,
    place: PathBuf,
}

impl Directory {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if it cannot be made beside `place`.
    pub fn new(place: &Path) -> Result<Self, Error> {
        let staged = beside(place)?;
        fs::create_dir(&staged).map_err(|error| Error::write(&staged, error))?;
        Ok(Self {
            staged,
            place: place.to_owned(),
        })
    }

    /// A file in it, to write to.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn create(&self, name: &str) -> Result<File, Error> {
        create(&self.staged.join(name))
    }

    /// A file in it, written by `write`.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn file(&self, name: &str, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Error> {
        let mut file = BufWriter::new(self.create(name)?);
        write(&mut file)
            .and_then(|()| file.flush())
            .map_err(|error| Error::write(&self.place.join(name), error))
    }

    /// A directory in it.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn directory(&self, name: &str) -> Result<(), Error> {
        let path = self.staged.join(name);
        fs::create_dir_all(&path).map_err(|error| Error::write(&path, error))
    }

    /// A symbolic link in it. The same link twice is one link.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn link(&self, name: &str, target: &Path) -> Result<(), Error> {
        let path = self.staged.join(name);
        match symlink(target, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result.map_err(|error| Error::write(&path, error)),
        }
    }

    /// Puts it in its place, which must be free or an empty directory.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn commit(self) -> Result<(), Error> {
        make_readable(&self.staged)?;
        fs::rename(&self.staged, &self.place).map_err(|error| Error::write(&self.place, error))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // After a commit there is nothing left; after an error the error is what matters.
        let _ = fs::remove_dir_all(&self.staged);
    }
}

/// Writes a file that appears when it is complete.
///
/// # Errors
///
/// [`Error::Write`], and what `write` returns.
pub fn file(place: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Error>) -> Result<(), Error> {
    /// Removes what was not put in its place.
    struct Staged(PathBuf);
    impl Drop for Staged {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }
    let staged = Staged(beside(place)?);
    let mut file = BufWriter::new(create(&staged.0)?);
    write(&mut file)?;
    file.flush().map_err(|error| Error::write(place, error))?;
    fs::rename(&staged.0, place).map_err(|error| Error::write(place, error))
}

/// A hidden name in the same directory, so that the last step is a rename; the process's number keeps two runs apart.
fn beside(place: &Path) -> Result<PathBuf, Error> {
    let name = place
        .file_name()
        .ok_or_else(|| Error::write(place, io::ErrorKind::InvalidFilename.into()))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".assemble-{}", std::process::id()));
    Ok(place.with_file_name(hidden))
}

fn create(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(|error| Error::write(path, error))?;
    // Whatever the umask.
    file.set_permissions(Permissions::from_mode(0o644))
        .map_err(|error| Error::write(path, error))?;
    Ok(file)
}

/// Directories are 0755 whatever the umask.
fn make_readable(directory: &Path) -> Result<(), Error> {
    fs::set_permissions(directory, Permissions::from_mode(0o755)).map_err(|error| Error::write(directory, error))?;
    for entry in fs::read_dir(directory).map_err(|error| Error::write(directory, error))? {
        let path = entry.map_err(|error| Error::write(directory, error))?.path();
        if path.is_dir() && !path.is_symlink() {
            make_readable(&path)?;
        }
    }
    Ok(())
}
