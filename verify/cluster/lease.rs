//! Who a cluster belongs to. KIND labels its containers with the cluster's name and nothing of ours, so each cluster has
//! a file beside its kubeconfig: who made it, whether it was finished, and what it was made from.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::ClusterError;
use super::name::Name;

/// What is written down about a cluster.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Of this file's format.
    pub version: u32,
    /// The process that the cluster ends with, in the form of [`crate::docker::owner`]; none: a person ends it.
    pub owner: Option<String>,
    /// The process that makes or made it.
    pub maker: String,
    /// It was ready once: all that `up` does was done.
    pub finished: bool,
    /// NetworkPolicies were seen to be enforced.
    pub policies_enforced: bool,
    /// The identity in Docker of the image that its nodes were made from.
    pub image: String,
    /// How many workers it was made with.
    pub workers: u32,
    /// When it was made, in seconds since 1970.
    pub made_at_seconds: u64,
}

impl Lease {
    /// The format that this module writes.
    pub const VERSION: u32 = 1;

    /// Is the cluster nobody's any more? Either the process that it belongs to is gone, or the one that was making it
    /// went before it was ready.
    #[must_use]
    pub fn is_abandoned(&self, lives: impl Fn(&str) -> bool) -> bool {
        let owner_is_gone = self.owner.as_deref().is_some_and(|owner| !lives(owner));
        owner_is_gone || (!self.finished && !lives(&self.maker))
    }
}

/// The directory with a folder for each cluster: `<name>/lease.json`, `<name>/kubeconfig`.
#[derive(Clone, Debug)]
pub struct Leases {
    directory: PathBuf,
}

/// Held by whoever changes a cluster; the kernel lets go of it for a process that is killed.
#[derive(Debug)]
pub struct Lock {
    _file: fs::File,
}

impl Leases {
    /// The leases below a directory, which need not exist.
    #[must_use]
    pub fn below(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// A cluster's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self, name: &Name) -> PathBuf {
        self.folder(name).join("kubeconfig")
    }

    /// Waits until nobody else changes this cluster; `waiting` is told once if somebody does.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or locked.
    pub fn lock(&self, name: &Name, waiting: impl FnOnce()) -> Result<Lock, ClusterError> {
        self.create(&self.directory)?;
        let path = self.lock_file(name);
        let failed = |source| cannot("lock", &path, source);
        let mut waiting = Some(waiting);
        loop {
            let file = open(&path).map_err(failed)?;
            if file.try_lock().is_err() {
                if let Some(waiting) = waiting.take() {
                    waiting();
                }
                file.lock().map_err(failed)?;
            }
            if is_at(&file, &path) {
                return Ok(Lock { _file: file });
            }
        }
    }

    /// A lock for those who would rather leave a cluster alone than wait; none when somebody has it.
    pub(super) fn try_lock(&self, name: &Name) -> Option<Lock> {
        let path = self.lock_file(name);
        let file = open(&path).ok()?;
        file.try_lock().ok()?;
        is_at(&file, &path).then_some(Lock { _file: file })
    }

    /// Gives a lock back for good: the cluster is gone, and nothing of it stays.
    pub(super) fn forget(&self, name: &Name, lock: Lock) {
        // Still locked: whoever waits for this file sees that it is gone, and takes a new one. An empty file may stay.
        let _ = fs::remove_file(self.lock_file(name));
        drop(lock);
    }

    fn lock_file(&self, name: &Name) -> PathBuf {
        self.directory.join(format!("{name}.lock"))
    }

    /// A cluster's lease; none when it has none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or was written by a newer or broken version of this module.
    pub fn read(&self, name: &Name) -> Result<Option<Lease>, ClusterError> {
        let path = self.folder(name).join("lease.json");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(|source| cannot("read", &path, source))?,
        };
        let lease: Lease = serde_json::from_slice(&bytes).map_err(|error| cannot("read", &path, error.into()))?;
        if lease.version != Lease::VERSION {
            let source = io::Error::other(format!("its version is {}, not {}", lease.version, Lease::VERSION));
            return Err(cannot("read", &path, source));
        }
        Ok(Some(lease))
    }

    /// Writes a cluster's lease, whole or not at all.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, name: &Name, lease: &Lease) -> Result<(), ClusterError> {
        let folder = self.folder(name);
        self.create(&folder)?;
        let path = folder.join("lease.json");
        let failed = |source| cannot("write", &path, source);
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
        let json = serde_json::to_vec_pretty(lease).map_err(|error| failed(error.into()))?;
        file.write_all(&json).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Forgets a cluster: its lease and its kubeconfig.
    ///
    /// # Errors
    ///
    /// When they cannot be removed.
    pub fn remove(&self, name: &Name) -> Result<(), ClusterError> {
        let folder = self.folder(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.map_err(|source| cannot("remove", &folder, source)),
        }
    }

    /// The names of the clusters that have a folder.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn names(&self) -> Result<Vec<Name>, ClusterError> {
        let failed = |source| cannot("read", &self.directory, source);
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            result => result.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(name) = name.filter(|_| entry.path().is_dir()) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn folder(&self, name: &Name) -> PathBuf {
        self.directory.join(name.as_str())
    }

    /// For this user alone: a kubeconfig is a key.
    fn create(&self, folder: &Path) -> Result<(), ClusterError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| cannot("create", folder, source))
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn open(path: &Path) -> io::Result<fs::File> {
    fs::File::options().create(true).append(true).open(path)
}

/// Is this still the file of that path? Somebody may have removed it between our opening and our locking it.
fn is_at(file: &fs::File, path: &Path) -> bool {
    let (Ok(one), Ok(other)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn cannot(verb: &'static str, path: &Path, source: io::Error) -> ClusterError {
    ClusterError::File {
        verb,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(owner: Option<&str>, finished: bool) -> Lease {
        Lease {
            version: Lease::VERSION,
            owner: owner.map(str::to_owned),
            maker: "maker".to_owned(),
            finished,
            policies_enforced: finished,
            image: "sha256:0".to_owned(),
            workers: 2,
            made_at_seconds: 0,
        }
    }

    #[test]
    fn a_cluster_is_abandoned_when_its_owner_is_gone_or_its_maker_went_too_early() {
        let check = |owner, finished, living: &[&str], expected| {
            let abandoned = lease(owner, finished).is_abandoned(|one| living.contains(&one));
            assert_eq!(abandoned, expected, "{owner:?} {finished} {living:?}");
        };
        // A person's stays for ever once it is ready.
        check(None, true, &[], false);
        check(None, false, &["maker"], false);
        check(None, false, &[], true);
        // A test run's goes with the run, whoever made it.
        check(Some("run"), true, &["run"], false);
        check(Some("run"), true, &["maker"], true);
        check(Some("run"), false, &["run"], true);
    }

    #[test]
    fn a_lease_is_kept_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::below(&folder.path().join("clusters"));
        let name: Name = "one".parse().unwrap();
        assert_eq!(leases.names().unwrap(), []);
        assert_eq!(leases.read(&name).unwrap(), None);
        leases.write(&name, &lease(None, true)).unwrap();
        assert_eq!(leases.read(&name).unwrap(), Some(lease(None, true)));
        let lock = leases.lock(&name, || panic!("nobody else has it")).unwrap();
        assert!(leases.try_lock(&name).is_none());
        leases.forget(&name, lock);
        assert!(!folder.path().join("clusters/one.lock").exists());
        let _lock = leases.lock(&name, || panic!("nobody else has it")).unwrap();
        assert_eq!(leases.names().unwrap(), std::slice::from_ref(&name));
        leases.remove(&name).unwrap();
        leases.remove(&name).unwrap();
        assert_eq!(leases.names().unwrap(), []);
    }

    #[test]
    fn a_lease_of_another_version_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::below(folder.path());
        let name: Name = "one".parse().unwrap();
        let newer = Lease {
            version: 2,
            ..lease(None, true)
        };
        leases.write(&name, &newer).unwrap();
        let error = leases.read(&name).unwrap_err().to_string();
        assert!(
            error.contains("one/lease.json") && error.contains("version is 2"),
            "{error}"
        );
    }
}
