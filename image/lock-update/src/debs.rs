//! A cache of `.deb` files, each under its hash.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::apt::{Apt, AptError, Download};
use crate::hash;
use crate::index::Candidate;

/// A package that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DebsError {
    /// The mirror does not give it.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// It is not what the package list promises.
    #[error(
        "{package} has the hash {found}, but the package list says {wanted}; the mirror is out of step or tampered with"
    )]
    Hash {
        /// The package, with its architecture.
        package: String,
        /// What the list says.
        wanted: String,
        /// What came.
        found: String,
    },
    /// The cache cannot be read or written.
    #[error("cannot read or write {}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Where a package's file is.
#[must_use]
pub fn path(cache: &Path, sha256: &str) -> PathBuf {
    cache.join(format!("{sha256}.deb"))
}

/// Gets the packages that are not in the cache, and says after each batch how many of those are there.
///
/// # Errors
///
/// When a package cannot be had or is not what it should be. A wrong file does not enter the cache.
pub fn fetch(
    apt: &Apt,
    cache: &Path,
    wanted: &[&Candidate],
    done: &mut dyn FnMut(usize, usize),
) -> Result<(), DebsError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| DebsError::File { path, source }
    };
    let incoming = cache.join("incoming");
    fs::create_dir_all(&incoming).map_err(file(&incoming))?;
    let missing: Vec<&Candidate> = wanted
        .iter()
        .copied()
        .filter(|it| !path(cache, &it.sha256).exists())
        .collect();
    let downloads: Vec<Download> = missing
        .iter()
        .map(|it| Download {
            archive: it.archive.clone(),
            path: it.path.clone(),
            sha256: it.sha256.clone(),
            target: path(&incoming, &it.sha256),
        })
        .collect();
    apt.download(&downloads, |count| done(count, downloads.len()))?;
    for candidate in missing {
        let arrived = path(&incoming, &candidate.sha256);
        admit(
            &candidate.key(),
            &candidate.sha256,
            &arrived,
            &path(cache, &candidate.sha256),
        )?;
    }
    Ok(())
}

/// Lets a file into the cache if it is the right one.
fn admit(package: &str, wanted: &str, arrived: &Path, target: &Path) -> Result<(), DebsError> {
    let file = |source| DebsError::File {
        path: arrived.to_owned(),
        source,
    };
    let found = hash::file(arrived).map_err(file)?.sha256;
    if found != wanted {
        return Err(DebsError::Hash {
            package: package.to_owned(),
            wanted: wanted.to_owned(),
            found,
        });
    }
    fs::rename(arrived, target).map_err(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_hash_stays_outside() {
        let cache = tempfile::tempdir().expect("there must be room");
        let (arrived, target) = (cache.path().join("arrived"), cache.path().join("target"));
        fs::write(&arrived, "abc").expect("the file must be writable");
        let error = admit("jq:amd64", "00", &arrived, &target).expect_err("the file must be refused");
        assert_eq!(
            error.to_string(),
            "jq:amd64 has the hash ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad, but the package \
             list says 00; the mirror is out of step or tampered with"
        );
        assert!(!target.exists());
        let right = hash::sha256(b"abc");
        admit("jq:amd64", &right, &arrived, &target).expect("the right file must be let in");
        assert!(target.exists());
    }
}
