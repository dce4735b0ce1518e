//! Claude Code: hashes of the releases that `tools.toml` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;
use std::{fs, io};

use catalogue::Architecture;
use catalogue::lock::{Claude, ClaudeRelease};
use catalogue::tools::Release;

use crate::command::{self, CommandError};
use crate::cool_down::Terms;
use crate::hash;

/// Where Anthropic's installer gets the binaries from.
const RELEASES: &str = "https://downloads.claude.ai/claude-code-releases";

/// The npm package of the releases that run on Node.js; those of the binaries add the platform.
const NPM: &str = "@anthropic-ai/claude-code";

/// The binary's path in an npm package.
const BINARY: &str = "package/claude";

/// A release that cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum ClaudeError {
    /// Anthropic builds no binary for the architecture.
    #[error(
        "image/tools.toml: tools.claude.source.claude.releases.{0}: there is no native release for {0}; name a `javascript` one"
    )]
    NoBinary(Architecture),
    /// npm cannot get it.
    #[error("cannot get {package}: {source}")]
    Npm {
        /// The package with its version.
        package: String,
        /// What npm says.
        source: CommandError,
    },
    /// It came damaged.
    #[error("{package} has the integrity {found}, but npm promises {wanted}; fetch it again")]
    Integrity {
        /// The package with its version.
        package: String,
        /// What npm's registry says.
        wanted: String,
        /// What came.
        found: String,
    },
    /// npm's registry does not say when it was published.
    #[error(
        "npm does not say when {0} was published, so it cannot be known for how long it is out; `cbox lock --now` takes \
         it all the same"
    )]
    Undated(String),
    /// It is out for too short a time.
    #[error(
        "image/tools.toml: tools.claude.source.claude.releases: {package} is out since {published}, and versions wait \
         for {hours} hours (lock.cool-down-hours); name an older one, wait, or run `cbox lock --now`"
    )]
    Young {
        /// The package with its version.
        package: String,
        /// When it was published, as RFC 3339 writes it.
        published: String,
        /// How long a version waits.
        hours: u64,
    },
    /// It does not hold what it should.
    #[error("cannot read {member} of {}: {reason}", archive.display())]
    Archive {
        /// The npm package's file.
        archive: PathBuf,
        /// What should be in it.
        member: &'static str,
        /// Why it cannot be read.
        reason: String,
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

/// Locks the releases. A release never changes once it is out, so what the old lock knows is taken from there.
///
/// # Errors
///
/// When a release cannot be had, is not what npm promises, or is too young.
pub fn lock(
    releases: &BTreeMap<Architecture, Release>,
    old: &Claude,
    cache: &Path,
    terms: Terms,
) -> Result<Claude, ClaudeError> {
    let mut locked = Claude::new();
    for (&architecture, release) in releases {
        let known = old.get(&architecture).filter(|it| describes(it, release));
        let entry = match (known, release) {
            (Some(known), _) => known.clone(),
            (None, Release::Native(version)) => native(architecture, version, cache, terms)?,
            (None, Release::Javascript(version)) => javascript(version, cache, terms)?,
        };
        locked.insert(architecture, entry);
    }
    Ok(locked)
}

/// Whether a lock's entry is for a release.
pub(crate) fn describes(entry: &ClaudeRelease, release: &Release) -> bool {
    match (entry, release) {
        (ClaudeRelease::Native { version, .. }, Release::Native(wanted)) => version == wanted,
        (ClaudeRelease::Javascript { version, .. }, Release::Javascript(wanted)) => version == wanted,
        (ClaudeRelease::Native { .. }, Release::Javascript(_))
        | (ClaudeRelease::Javascript { .. }, Release::Native(_)) => false,
    }
}

/// Anthropic's name of a platform.
const fn platform(architecture: Architecture) -> Option<&'static str> {
    match architecture {
        Architecture::Amd64 => Some("linux-x64"),
        Architecture::Arm64 => Some("linux-arm64"),
        Architecture::Armhf => None,
    }
}

fn native(architecture: Architecture, version: &str, cache: &Path, terms: Terms) -> Result<ClaudeRelease, ClaudeError> {
    let platform = platform(architecture).ok_or(ClaudeError::NoBinary(architecture))?;
    let npm = format!("{NPM}-{platform}");
    old_enough(&npm, version, terms)?;
    let archive = pack(&npm, version, cache)?;
    let broken = |reason: String| ClaudeError::Archive {
        archive: archive.path.clone(),
        member: BINARY,
        reason,
    };
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--gzip", "--to-stdout", "--file"])
        .arg(&archive.path)
        .arg(BINARY);
    let mut child = tar
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| broken(error.to_string()))?;
    let hashes = match child.stdout.take() {
        Some(stdout) => hash::stream(stdout).map_err(|error| broken(error.to_string()))?,
        None => return Err(broken("tar has no output".to_owned())),
    };
    let status = child.wait().map_err(|error| broken(error.to_string()))?;
    if !status.success() {
        return Err(broken(format!("tar ended with {status}")));
    }
    Ok(ClaudeRelease::Native {
        version: version.to_owned(),
        url: format!("{RELEASES}/{version}/{platform}/claude"),
        npm,
        sha256: hashes.sha256,
        size: hashes.size,
    })
}

fn javascript(version: &str, cache: &Path, terms: Terms) -> Result<ClaudeRelease, ClaudeError> {
    old_enough(NPM, version, terms)?;
    let Archive { hashes, .. } = pack(NPM, version, cache)?;
    Ok(ClaudeRelease::Javascript {
        version: version.to_owned(),
        npm: NPM.to_owned(),
        integrity: hashes.integrity,
        sha256: hashes.sha256,
        size: hashes.size,
    })
}

/// Whether a release is out for long enough, by the time that npm's registry noted.
fn old_enough(npm: &str, version: &str, terms: Terms) -> Result<(), ClaudeError> {
    if terms.delay.is_zero() {
        return Ok(());
    }
    let package = format!("{npm}@{version}");
    let mut view = Command::new("npm");
    let times = command::output(view.args(["view", "--json", npm, "time"])).map_err(|source| ClaudeError::Npm {
        package: package.clone(),
        source,
    })?;
    let published = published(&times, version).ok_or_else(|| ClaudeError::Undated(package.clone()))?;
    waited(package, published, terms)
}

/// Refuses what was published too short a time ago.
fn waited(package: String, published: SystemTime, terms: Terms) -> Result<(), ClaudeError> {
    match published + terms.delay <= terms.now {
        true => Ok(()),
        false => Err(ClaudeError::Young {
            package,
            published: humantime::format_rfc3339_seconds(published).to_string(),
            hours: terms.delay.as_secs() / 3600,
        }),
    }
}

/// The time of a version in what `npm view PACKAGE time --json` prints.
fn published(times: &[u8], version: &str) -> Option<SystemTime> {
    let times: BTreeMap<String, String> = serde_json::from_slice(times).ok()?;
    humantime::parse_rfc3339(times.get(version)?).ok()
}

/// An npm package's file.
struct Archive {
    path: PathBuf,
    hashes: hash::Hashes,
}

/// Gets an npm package with npm itself and compares it with what the registry promises.
fn pack(npm: &str, version: &str, cache: &Path) -> Result<Archive, ClaudeError> {
    let package = format!("{npm}@{version}");
    let failed = |source| ClaudeError::Npm {
        package: package.clone(),
        source,
    };
    fs::create_dir_all(cache).map_err(|source| ClaudeError::File {
        path: cache.to_owned(),
        source,
    })?;
    // npm's name for the file: `@scope/name` becomes `scope-name`.
    let path = cache.join(format!(
        "{}-{version}.tgz",
        npm.trim_start_matches('@').replace('/', "-")
    ));
    if !path.exists() {
        let mut pack = Command::new("npm");
        pack.args(["pack", "--silent", "--pack-destination"])
            .arg(cache)
            .arg(&package);
        command::output(&mut pack).map_err(failed)?;
    }
    let mut view = Command::new("npm");
    let wanted = command::output(view.args(["view", "--silent", &package, "dist.integrity"])).map_err(failed)?;
    let wanted = String::from_utf8_lossy(&wanted).trim().to_owned();
    let hashes = hash::file(&path).map_err(|source| ClaudeError::File {
        path: path.clone(),
        source,
    })?;
    if hashes.integrity != wanted {
        // The next try gets another one.
        fs::remove_file(&path).map_err(|source| ClaudeError::File {
            path: path.clone(),
            source,
        })?;
        return Err(ClaudeError::Integrity {
            package,
            wanted,
            found: hashes.integrity,
        });
    }
    Ok(Archive { path, hashes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_waits_and_the_way_out_is_told() {
        let time = |text: &str| humantime::parse_rfc3339(text).unwrap();
        let terms = Terms {
            now: time("2026-12-03T12:00:00Z"),
            delay: std::time::Duration::from_hours(48),
        };
        let waited = |published: &str| waited("claude@2.1.1".to_owned(), time(published), terms);
        assert!(waited("2026-12-01T12:00:00Z").is_ok());
        let sentence = waited("2026-12-01T12:00:01Z").unwrap_err().to_string();
        assert!(
            sentence.contains("claude@2.1.1 is out since 2026-12-01T12:00:01Z") && sentence.contains("cbox lock --now"),
            "{sentence}"
        );
    }

    #[test]
    fn the_time_of_a_release_is_the_registrys() {
        let times = br#"{"created":"2025-02-24T17:35:55.000Z","2.1.1":"2026-11-27T10:00:00.123Z"}"#;
        let time = published(times, "2.1.1").map(|it| humantime::format_rfc3339_seconds(it).to_string());
        assert_eq!(time.as_deref(), Some("2026-11-27T10:00:00Z"));
        assert_eq!(published(times, "2.1.2"), None);
        assert_eq!(published(b"not found", "2.1.1"), None);
    }
}
