//! The directory of a control plane: for its owner alone, and named after the process that made it.
//!
//! It goes with that process, however that ends: a shell waits for the end of a pipe that the process holds, and removes
//! the directory. Should the shell be killed as well, the next start removes it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::ControlPlaneError;
use crate::docker::{lives, owner};

const PREFIX: &str = "cbox-control-plane-";

/// How much of a log an error shows.
const LOG_LINES_MAX: usize = 12;

/// Twice: a process that is being killed may still write for a moment.
const BROOM: &str = r#"cat >/dev/null; rm -rf -- "$0" || { sleep 1; rm -rf -- "$0"; }"#;

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) kubeconfig: PathBuf,
    broom: Child,
}

impl Directory {
    pub(super) fn create() -> Result<Self, ControlPlaneError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{PREFIX}{}.{number}", owner()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|source| ControlPlaneError::Io {
                doing: format!("cannot create {}", path.display()),
                source,
            })?;
        let broom = Command::new("sh")
            .args(["-c", BROOM])
            .arg(&path)
            // Ctrl-C is for us, not for what tidies up after us.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|source| ControlPlaneError::Io {
                doing: "cannot start sh".to_owned(),
                source,
            })?;
        Ok(Self {
            kubeconfig: path.join("kubeconfig"),
            path,
            broom,
        })
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn log(&self, program: &str) -> PathBuf {
        self.file(&format!("{program}.log"))
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), ControlPlaneError> {
        let path = self.file(name);
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|source| ControlPlaneError::Io {
                doing: format!("cannot write {}", path.display()),
                source,
            })
    }

    pub(super) fn end_of_log(&self, program: &str) -> String {
        let bytes = fs::read(self.log(program)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // The end of its input is its signal. What cannot be removed now is swept up by the next start.
        drop(self.broom.stdin.take());
        let _ = self.broom.wait();
    }
}

/// Removes the directories of this user's whose process is no more. Only disk space is at stake, so what cannot be
/// removed stays.
pub(super) fn sweep() {
    let folder = std::env::temp_dir();
    let Ok(user) = fs::metadata("/proc/self").map(|found| found.uid()) else {
        return;
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry
            .metadata()
            .is_ok_and(|found| found.is_dir() && found.uid() == user)
            && is_abandoned(&entry.path())
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_abandoned(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.strip_prefix(PREFIX))
        .and_then(|rest| rest.rsplit_once('.'))
        .is_some_and(|(owner, _)| !lives(owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_abandoned_when_its_process_is_gone() {
        let path = |owner: &str| PathBuf::from(format!("/tmp/{PREFIX}{owner}.0"));
        assert!(!is_abandoned(&path(&owner())));
        assert!(is_abandoned(&path("1-1-1-00000000")));
        assert!(!is_abandoned(Path::new("/tmp/somebody's")));
    }
}
