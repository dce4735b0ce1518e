//! What Claude keeps between starts: checked to be writable, and seeded so that a person gets the prompt and no questionnaire.
//!
//! The seed is merged into what is there. A file that is not JSON is kept aside under another name, because Claude would otherwise ask
//! about it; nothing that a user wrote is ever lost.

use crate::environment::Environment;
use crate::error::Error;
use crate::file;
use rustix::fs::{Access, Mode};
use serde_json::{Map, Value};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Claude's file for what it remembers; in its configuration directory if the environment names one, as it does here.
pub const MEMORY_FILE: &str = ".claude.json";

/// The directories that Claude writes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Places {
    /// `HOME`.
    pub home: PathBuf,
    /// `CLAUDE_CONFIG_DIR`.
    pub config: PathBuf,
    /// For temporary files.
    pub temporary: PathBuf,
    /// The working directory, which Claude is told to trust.
    pub workspace: PathBuf,
}

impl Places {
    /// Where the environment says they are.
    pub fn from_environment(environment: &Environment) -> Result<Self, Error> {
        let home = PathBuf::from(environment.get("HOME").ok_or(Error::NoHome)?);
        let config = environment
            .get("CLAUDE_CONFIG_DIR")
            .map_or_else(|| home.join(".claude"), PathBuf::from);
        let temporary = environment
            .get("TMPDIR")
            .map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let workspace = std::env::current_dir().map_err(|source| Error::NoWorkingDirectory { source })?;
        Ok(Self {
            home,
            config,
            temporary,
            workspace,
        })
    }
}

impl Places {
    /// Claude's own directory for temporary files, in the one that others may write to as well.
    pub fn private(&self) -> PathBuf {
        self.temporary
            .join(format!("box-{}", rustix::process::getuid().as_raw()))
    }
}

/// Makes sure that Claude can write what it must, and seeds what it remembers.
pub fn prepare(places: &Places) -> Result<(), Error> {
    require_writable(&places.home)?;
    require_writable(&places.temporary)?;
    make_private(&places.private())?;
    file::make_directory(&places.config).map_err(|source| not_writable(&places.config, source))?;
    require_writable(&places.config)?;
    let path = places.config.join(MEMORY_FILE);
    seed_file(&path, &places.workspace).map_err(|source| not_writable(&path, source))
}

/// Makes sure that Claude can still write what it must, without writing anything.
pub fn require_room(places: &Places) -> Result<(), Error> {
    for directory in [&places.home, &places.temporary, &places.config] {
        require_writable(directory)?;
        let found = rustix::fs::statvfs(directory).map_err(|errno| not_writable(directory, errno.into()))?;
        // A file system that counts nothing has no limit.
        let is_full = (found.f_blocks > 0 && found.f_bavail == 0) || (found.f_files > 0 && found.f_favail == 0);
        if is_full {
            return Err(Error::StateFull {
                path: directory.clone(),
            });
        }
    }
    Ok(())
}

/// Makes the directory for this user alone. What is there already under its name, a link or somebody else's directory, is not used:
/// whoever put it there could read or change what Claude writes.
fn make_private(directory: &Path) -> Result<(), Error> {
    let failed = |errno: rustix::io::Errno| not_writable(directory, errno.into());
    match rustix::fs::mkdir(directory, Mode::RWXU) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::EXIST) => {}
        Err(errno) => return Err(failed(errno)),
    }
    let found = fs::symlink_metadata(directory).map_err(|source| not_writable(directory, source))?;
    let (owner, mode, user) = (found.uid(), found.mode() & 0o777, rustix::process::getuid().as_raw());
    if found.is_dir() && owner == user && mode == 0o700 {
        return Ok(());
    }
    Err(Error::TemporaryNotPrivate {
        path: directory.into(),
        owner,
        mode,
        user,
    })
}

/// Makes sure that this user may write to the directory.
pub fn require_writable(directory: &Path) -> Result<(), Error> {
    rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|errno| not_writable(directory, errno.into()))
}

/// The error for a place that does not take what must be kept.
pub fn not_writable(path: &Path, source: io::Error) -> Error {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, StorageFull};
    let user = rustix::process::getuid().as_raw();
    let path = path.to_owned();
    match source.kind() {
        StorageFull | QuotaExceeded => Error::StateFull {
            path: path
                .ancestors()
                .find(|above| above.is_dir())
                .unwrap_or(&path)
                .to_owned(),
        },
        PermissionDenied => match fs::metadata(&path).map(|found| found.uid()) {
            Ok(owner) if owner != user => Error::StateNotOurs {
                path,
                source,
                user,
                owner,
            },
            _ => Error::StateNotWritable { path, source, user },
        },
        _ => Error::StateNotWritable { path, source, user },
    }
}

/// Merges the seed into the file, or leaves it alone if nothing is missing.
fn seed_file(path: &Path, workspace: &Path) -> io::Result<()> {
    let path = &match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        path => path?,
    };
    let memory = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
        bytes => match serde_json::from_slice(&bytes?) {
            Ok(Value::Object(memory)) => memory,
            _ => {
                keep_aside(path)?;
                Map::new()
            }
        },
    };
    let seeded = seed(memory.clone(), &workspace.to_string_lossy());
    if seeded == memory {
        Ok(())
    } else {
        file::replace(path, Value::Object(seeded).to_string().as_bytes())
    }
}

/// What Claude would ask a person at the first start, answered.
fn seed(mut memory: Map<String, Value>, workspace: &str) -> Map<String, Value> {
    memory.insert("hasCompletedOnboarding".into(), true.into());
    memory.entry("theme").or_insert_with(|| "dark".into());
    // Asked when a person starts Claude with all permissions, which the box is made for.
    memory
        .entry("bypassPermissionsModeAccepted")
        .or_insert_with(|| true.into());
    let mut projects = take_object(&mut memory, "projects");
    let mut project = take_object(&mut projects, workspace);
    project.insert("hasTrustDialogAccepted".into(), true.into());
    projects.insert(workspace.into(), project.into());
    memory.insert("projects".into(), projects.into());
    memory
}

/// What is there under this name if it is an object, or an empty one.
fn take_object(map: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match map.remove(name) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn keep_aside(path: &Path) -> io::Result<()> {
    let aside = (1..)
        .map(|number| PathBuf::from(format!("{}.damaged-{number}", path.display())))
        .find(|aside| !aside.exists())
        .unwrap_or_default();
    fs::rename(path, &aside)?;
    eprintln!(
        "box-entrypoint: {} is not JSON; kept as {}, and started anew",
        path.display(),
        aside.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::os::unix::fs::PermissionsExt;

    const SEED: &str = r#"{"bypassPermissionsModeAccepted":true,"hasCompletedOnboarding":true,"projects":{"/workspace":{"hasTrustDialogAccepted":true}},"theme":"dark"}"#;

    /// What the file held before and after.
    #[rstest]
    #[case(None, SEED)]
    #[case(Some("{}"), SEED)]
    #[case(Some(SEED), SEED)]
    #[case(Some(r#"{"projects":7}"#), SEED)]
    #[case(
        Some(r#"{"theme":"light","hasCompletedOnboarding":false,"mine":[1],"projects":{"/a":{},"/workspace":{"x":1}}}"#),
        r#"{"bypassPermissionsModeAccepted":true,"hasCompletedOnboarding":true,"mine":[1],"projects":{"/a":{},"/workspace":{"hasTrustDialogAccepted":true,"x":1}},"theme":"light"}"#
    )]
    fn seeding(#[case] before: Option<&str>, #[case] after: &str) {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join(MEMORY_FILE);
        if let Some(before) = before {
            fs::write(&path, before).expect("a file can be written");
        }
        seed_file(&path, Path::new("/workspace")).expect("the directory is writable");
        assert_eq!(fs::read_to_string(&path).expect("the file is there"), after);
        assert_eq!(names(directory.path()), [MEMORY_FILE]);
    }

    #[rstest]
    #[case("")]
    #[case("{\"theme\":")]
    #[case("[]")]
    fn a_damaged_file_is_kept_aside(#[case] damaged: &str) {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join(MEMORY_FILE);
        for _ in 0..2 {
            fs::write(&path, damaged).expect("a file can be written");
            seed_file(&path, Path::new("/workspace")).expect("the directory is writable");
            assert_eq!(fs::read_to_string(&path).expect("the file is there"), SEED);
        }
        assert_eq!(
            names(directory.path()),
            [".claude.json", ".claude.json.damaged-1", ".claude.json.damaged-2"]
        );
        assert_eq!(
            fs::read_to_string(directory.path().join(".claude.json.damaged-1")).expect("the file is there"),
            damaged
        );
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join(MEMORY_FILE);
        fs::write(directory.path().join("real"), "{}").expect("a file can be written");
        std::os::unix::fs::symlink("real", &path).expect("a link can be made");
        seed_file(&path, Path::new("/workspace")).expect("the directory is writable");
        assert!(path.is_symlink());
        assert_eq!(
            fs::read_to_string(directory.path().join("real")).expect("the file is there"),
            SEED
        );
    }

    #[test]
    fn a_place_that_does_not_exist_is_not_writable() {
        let places = Places {
            home: "/no/home".into(),
            config: "/no/home/.claude".into(),
            temporary: "/tmp".into(),
            workspace: "/".into(),
        };
        let error = prepare(&places).expect_err("there is no such directory");
        let user = rustix::process::getuid().as_raw();
        assert_eq!(
            (error.to_string(), error.exit_code()),
            (
                format!(
                    "/no/home cannot be written by user {user}: No such file or directory (os error 2); mount a volume or a tmpfs there that this user may write"
                ),
                73
            )
        );
    }

    /// What is there before, and whether Claude may have it.
    #[test]
    fn temporary_files_are_this_users_alone() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let private = directory.path().join("private");
        for _ in 0..2 {
            make_private(&private).expect("it is ours");
        }
        fs::set_permissions(&private, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
        let error = make_private(&private).expect_err("others may read it");
        let user = rustix::process::getuid().as_raw();
        assert_eq!(
            (error.to_string(), error.exit_code()),
            (
                format!(
                    "the directory for temporary files {} belongs to user {user} with mode 755, and has to be this user's ({user}) alone; remove it, or set TMPDIR to another place",
                    private.display()
                ),
                73
            )
        );
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&private, &link).expect("a link can be made");
        make_private(&link).expect_err("it is a link");
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .expect("it is a directory")
            .map(|entry| {
                entry
                    .expect("it is readable")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}
