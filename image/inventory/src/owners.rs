//! Whose each file of an image is. Pure.

use std::collections::BTreeMap;

use assemble::record::{self, FileKind};

use crate::error::Error;

/// Package URL and version by owner as the assembler names it: `deb:bash`.
pub type Owners = BTreeMap<String, (String, String)>;

/// A regular file of the image, or another path that is somebody's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// The package URL of its owner.
    pub owner: String,
    /// In hexadecimal; links have none.
    pub sha256: Option<String>,
    /// In hexadecimal; links have none.
    pub sha1: Option<String>,
}

/// Whose each path is. Directories are everybody's who has something in them.
///
/// # Errors
///
/// [`Error`] for a path without an owner, of one who is not in the image, or of two.
pub fn files(layers: &[record::Layer], owners: &Owners) -> Result<BTreeMap<String, File>, Error> {
    let mut files: BTreeMap<String, File> = BTreeMap::new();
    for layer in layers {
        for file in layer.files.iter().filter(|file| file.kind != FileKind::Directory) {
            let owner = file.owner.as_ref().ok_or_else(|| Error::NoOwner {
                path: file.path.clone(),
                layer: layer.name.clone(),
            })?;
            let (purl, _) = owners.get(owner).ok_or_else(|| Error::UnknownOwner {
                path: file.path.clone(),
                layer: layer.name.clone(),
                owner: owner.clone(),
            })?;
            // Another name of an earlier file has that one's bytes.
            let bytes = match (&file.kind, &file.target) {
                (FileKind::HardLink, Some(target)) => files.get(target).cloned(),
                _ => None,
            };
            let entry = File {
                owner: purl.clone(),
                sha256: file
                    .sha256
                    .clone()
                    .or(bytes.as_ref().and_then(|file| file.sha256.clone())),
                sha1: file.sha1.clone().or(bytes.and_then(|file| file.sha1)),
            };
            if let Some(first) = files.insert(file.path.clone(), entry) {
                return Err(Error::TwoOwners {
                    path: file.path.clone(),
                    first: first.owner,
                    second: purl.clone(),
                });
            }
        }
    }
    Ok(files)
}
