//! The credential on its way into the box: a copy of the user's that only the box sees, and that nothing leaves behind.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use verify::docker;

use crate::failure::{Code, Failure};

/// What a directory of credentials is called, before its owner's name.
const PREFIX: &str = "cbox-credentials-";

/// What the directory of a box that lives on is called, before the box's name, a dot, and the process that made it.
const PREFIX_KEPT: &str = "cbox-box-";

/// A credential's file name in the box, and the variable that people keep it in.
const CREDENTIALS: [(&str, &str); 3] = [
    ("oauth-token", "CLAUDE_CODE_OAUTH_TOKEN"),
    ("api-key", "ANTHROPIC_API_KEY"),
    ("auth-token", "ANTHROPIC_AUTH_TOKEN"),
];

/// Credential files in a directory that only this user and the box can look into; gone when dropped.
///
/// They are kept in memory where that is possible, under the name of the process that owns them, by which the next run
/// finds what a killed one left.
pub(crate) struct Credentials {
    parent: PathBuf,
    /// It belongs to a box that lives on.
    is_kept: bool,
}

impl Credentials {
    /// A copy of the user's: the files of a directory, else what the environment holds.
    pub(crate) fn of_user(directory: Option<&Path>) -> Result<Self, Failure> {
        let credentials = Self::empty()?;
        for (file, variable) in CREDENTIALS {
            let secret = match directory {
                Some(directory) => read_if_present(&directory.join(file))?,
                None => env::var(variable)
                    .ok()
                    .filter(|secret| !secret.trim().is_empty())
                    .map(String::into_bytes),
            };
            if let Some(secret) = secret {
                credentials.write(file, &secret)?;
                return Ok(credentials);
            }
        }
        Err(Failure::new(
            Code::NoInput,
            match directory {
                Some(directory) => format!(
                    "{} holds none of oauth-token, api-key and auth-token: put the credential into one of them",
                    directory.display()
                ),
                None => "no credential: set CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY, or name a directory with --credentials; \
                         ./cbox demo needs none"
                    .to_owned(),
            },
        ))
    }

    /// One credential of that file name.
    pub(crate) fn of(file: &str, secret: &[u8]) -> Result<Self, Failure> {
        let credentials = Self::empty()?;
        credentials.write(file, secret)?;
        Ok(credentials)
    }

    /// The same as those of a box that lives on; those that it had stay until [`Self::leave`].
    pub(crate) fn kept(mut self, name: &str) -> Result<Self, Failure> {
        let parent = self
            .parent
            .with_file_name(format!("{PREFIX_KEPT}{name}.{}", docker::owner()));
        if parent != self.parent {
            fs::rename(&self.parent, &parent).map_err(cannot_keep)?;
        }
        // What this value would remove has moved; dropping the new one removes it there.
        self.is_kept = true;
        Ok(Self { parent, is_kept: false })
    }

    /// Those of a box that lives on.
    pub(crate) fn find_kept(name: &str) -> Option<Self> {
        let parent = kept_directories(name).pop()?;
        Some(Self { parent, is_kept: true })
    }

    /// Removes those of a box that lived on.
    pub(crate) fn forget_kept(name: &str) -> Result<(), Failure> {
        kept_directories(name)
            .iter()
            .try_for_each(|directory| remove(directory))
    }

    /// Leaves them to the box of that name, which they are mounted in and which lives on after this process; those that it
    /// had before go.
    pub(crate) fn leave(mut self, name: &str) -> Result<(), Failure> {
        self.is_kept = true;
        kept_directories(name)
            .iter()
            .filter(|directory| **directory != self.parent)
            .try_for_each(|directory| remove(directory))
    }

    /// The files' names and what they hold.
    pub(crate) fn files(&self) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut files = Vec::new();
        for (file, _) in CREDENTIALS {
            if let Some(secret) = read_if_present(&self.directory().join(file))? {
                files.push((file.to_owned(), secret));
            }
        }
        Ok(files)
    }

    /// The directory to mount.
    pub(crate) fn directory(&self) -> PathBuf {
        self.parent.join("anthropic")
    }

    // The box's uid is not this user's, so the file must be readable by all; the directory above it is not.
    fn empty() -> Result<Self, Failure> {
        let credentials = Self {
            parent: private_directory(&name())?,
            is_kept: false,
        };
        fs::create_dir(credentials.directory()).map_err(cannot_keep)?;
        fs::set_permissions(credentials.directory(), fs::Permissions::from_mode(0o755)).map_err(cannot_keep)?;
        Ok(credentials)
    }

    fn write(&self, file: &str, secret: &[u8]) -> Result<(), Failure> {
        let path = self.directory().join(file);
        fs::write(&path, secret).map_err(cannot_keep)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).map_err(cannot_keep)
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is swept up by the next run.
            let _ = fs::remove_dir_all(&self.parent);
        }
    }
}

/// Removes the credentials whose owner is a process that is no more.
pub(crate) fn sweep() -> Result<(), Failure> {
    for folder in folders() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            if owner.is_some_and(|owner| !docker::lives(owner)) {
                remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// Removes the credentials of this process.
pub(crate) fn remove_own() -> Result<(), Failure> {
    folders().iter().try_for_each(|folder| remove(&folder.join(name())))
}

fn name() -> String {
    format!("{PREFIX}{}", docker::owner())
}

/// Where credentials are kept, the best place first: the user's own tmpfs, any tmpfs, the disk.
fn folders() -> Vec<PathBuf> {
    let own = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    own.into_iter()
        .chain([PathBuf::from("/dev/shm"), env::temp_dir()])
        .filter(|folder| folder.is_absolute() && verify::container::is_mountable(folder))
        .collect()
}

/// The directories of a box that lives on. Only those that this user made and nobody else can look into: the folders are
/// open to all.
fn kept_directories(name: &str) -> Vec<PathBuf> {
    let prefix = format!("{PREFIX_KEPT}{name}.");
    let entries = folders()
        .into_iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten();
    let mut directories: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)))
        .filter(|entry| {
            let Ok(found) = entry.path().symlink_metadata() else {
                return false;
            };
            found.is_dir() && found.uid() == own_uid() && found.mode() & 0o077 == 0
        })
        .map(|entry| entry.path())
        .collect();
    directories.sort();
    directories.dedup();
    directories
}

/// This process's effective user: the owner of what `/proc/self` shows.
fn own_uid() -> u32 {
    fs::metadata("/proc/self").map_or(u32::MAX, |process| process.uid())
}

/// A new directory that is this user's alone, in the first folder that takes it.
fn private_directory(name: &str) -> Result<PathBuf, Failure> {
    let mut refused = std::io::Error::from(std::io::ErrorKind::NotFound);
    for folder in folders() {
        let path = folder.join(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) => refused = error,
        }
    }
    Err(cannot_keep(refused))
}

/// Another user's is left to that user.
fn remove(directory: &Path) -> Result<(), Failure> {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    match fs::remove_dir_all(directory) {
        Err(error) if ![NotFound, PermissionDenied].contains(&error.kind()) => Err(Failure::new(
            Code::CannotCreate,
            format!("cannot remove the credential in {}: {error}", directory.display()),
        )),
        _ => Ok(()),
    }
}

fn cannot_keep(error: std::io::Error) -> Failure {
    Failure::new(
        Code::CannotCreate,
        format!("cannot keep the credential in a temporary directory: {error}"),
    )
}

fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(path) {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(
            Code::NoPermission,
            format!("cannot read the credential {}: {error}", path.display()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_private_and_go_with_their_owner() {
        let credentials = Credentials::of("api-key", b"secret").unwrap();
        let parent = credentials.parent.clone();
        assert_eq!(fs::metadata(&parent).unwrap().permissions().mode() & 0o777, 0o700);
        let dead = parent.with_file_name(format!("{PREFIX}1-1-1-00000000"));
        fs::create_dir(&dead).unwrap();
        sweep().unwrap();
        assert!(!dead.exists());
        assert!(credentials.directory().join("api-key").exists());
        drop(credentials);
        assert!(!parent.exists());
    }

    #[test]
    fn credentials_of_a_box_outlive_the_command_until_they_are_forgotten() {
        let name = format!("test-{}", std::process::id());
        let kept = Credentials::of("api-key", b"secret").unwrap().kept(&name).unwrap();
        assert_eq!(kept.files().unwrap(), [("api-key".to_owned(), b"secret".to_vec())]);
        kept.leave(&name).unwrap();
        let found = Credentials::find_kept(&name).unwrap();
        let parent = found.parent.clone();
        drop(found);
        assert!(parent.exists());
        // Somebody else's directory of the same name is not taken for the box's.
        fs::set_permissions(&parent, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Credentials::find_kept(&name).is_none());
        fs::set_permissions(&parent, fs::Permissions::from_mode(0o700)).unwrap();
        Credentials::forget_kept(&name).unwrap();
        assert!(!parent.exists() && Credentials::find_kept(&name).is_none());
    }
}
