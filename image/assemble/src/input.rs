//! Reading this machine's files, with errors that name them.

use std::fs::{self, File, Metadata};
use std::path::Path;

use crate::error::Error;

/// All of a file.
///
/// # Errors
///
/// [`Error::Read`].
pub fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::read(path, error))
}

/// A file to read from.
///
/// # Errors
///
/// [`Error::Read`].
pub fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|error| Error::read(path, error))
}

/// What a path is; a link is a link.
///
/// # Errors
///
/// [`Error::Read`].
pub fn metadata(path: &Path) -> Result<Metadata, Error> {
    fs::symlink_metadata(path).map_err(|error| Error::read(path, error))
}
