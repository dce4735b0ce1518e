//! A directory in the making, beside the one that it becomes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::{Code, Failure};

/// What is written so far. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Stage {
    /// Where it is to be.
    target: PathBuf,
    /// Where it is made: one place for each target, so that the next release finds what a killed one left.
    path: PathBuf,
    /// Held while it is made; the kernel lets it go with a killed process.
    lock: PathBuf,
    _held: File,
}

impl Stage {
    /// Begins a directory that is to be at `target`, where nothing may be.
    ///
    /// # Errors
    ///
    /// When there is something, when another process is at it, and when it cannot be written.
    pub(super) fn beside(target: &Path) -> Result<Self, Failure> {
        if target.symlink_metadata().is_ok() {
            return Err(Failure::new(
                Code::CannotCreate,
                format!(
                    "{} is there already: remove it, or name another directory",
                    target.display()
                ),
            ));
        }
        let name = target.file_name().ok_or_else(|| {
            Failure::new(
                Code::Usage,
                format!(
                    "{} has no name of its own: name a directory that is to be made",
                    target.display()
                ),
            )
        })?;
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let beside = |ending: &str| parent.join(format!(".{}.{ending}", name.to_string_lossy()));
        let (path, lock) = (beside("new"), beside("lock"));
        fs::create_dir_all(&parent).map_err(|error| cannot("create", &parent, &error))?;
        let held = File::create(&lock).map_err(|error| cannot("write", &lock, &error))?;
        if held.try_lock().is_err() {
            return Err(Failure::new(
                Code::CannotCreate,
                format!(
                    "another release to {} is being made: wait for it, or name another directory",
                    target.display()
                ),
            ));
        }
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("remove", &path, &error)),
            _ => {}
        }
        fs::create_dir(&path).map_err(|error| cannot("create", &path, &error))?;
        Ok(Self {
            target: target.to_owned(),
            path,
            lock,
            _held: held,
        })
    }

    /// Where it is made.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of it.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
        }
        fs::write(&path, bytes).map_err(|error| cannot("write", &path, &error))
    }

    /// Puts it into its place, whole.
    pub(super) fn commit(self) -> Result<(), Failure> {
        fs::rename(&self.path, &self.target).map_err(|error| cannot("make", &self.target, &error))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // After a commit there is nothing left; what cannot be removed now, the next release removes.
        let _ = fs::remove_dir_all(&self.path);
        let _ = fs::remove_file(&self.lock);
    }
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::CannotCreate, format!("cannot {verb} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn one_that_fails_leaves_nothing_and_one_that_does_not_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("release");
        let stage = Stage::beside(&target).unwrap();
        stage.write("sbom/a", b"a").unwrap();
        assert!(!target.exists());
        drop(stage);
        assert_eq!(entries(folder.path()), [""; 0]);

        let stage = Stage::beside(&target).unwrap();
        stage.write("b", b"b").unwrap();
        stage.commit().unwrap();
        assert_eq!(entries(folder.path()), ["release"]);
        assert_eq!(entries(&target), ["b"]);
    }

    #[test]
    fn what_a_killed_one_left_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".release.new")).unwrap();
        fs::write(folder.path().join(".release.new/old"), "").unwrap();
        fs::write(folder.path().join(".release.lock"), "").unwrap();
        let target = folder.path().join("release");
        let stage = Stage::beside(&target).unwrap();
        stage.commit().unwrap();
        assert_eq!(entries(&target), [""; 0]);
    }

    #[test]
    fn one_at_a_time_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("release");
        let stage = Stage::beside(&target).unwrap();
        let failure = Stage::beside(&target).unwrap_err();
        assert!(failure.to_string().contains("is being made"), "{failure}");
        stage.write("a", b"").unwrap();
        stage.commit().unwrap();
        let failure = Stage::beside(&target).unwrap_err();
        assert!(failure.to_string().contains("is there already"), "{failure}");
        assert_eq!(entries(&target), ["a"]);
    }
}
