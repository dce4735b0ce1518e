//! `cbox lock`: everything is decided in memory; the locks are written at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use catalogue::lock::{Archive, Debian, Package, Script, Waiting};
use catalogue::tools::{Release, Source};
use catalogue::{Architecture, Catalogue, LoadError, load};

use crate::apt::{ARCHIVES, Apt, AptError, List};
use crate::changes::{Changes, Locks};
use crate::claude::{self, ClaudeError};
use crate::cool_down::{self, Terms};
use crate::debs::{self, DebsError};
use crate::index::Candidate;
use crate::resolve::{self, Resolved};
use crate::scripts::{self, Found, ReadError, ScriptsError};
use crate::solver::Unsatisfiable;
use crate::write::{self, WriteError};

/// Where things are.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The project's `image` directory.
    pub image: PathBuf,
    /// A directory for what was fetched; it can be deleted at any time.
    pub cache: PathBuf,
}

impl Paths {
    /// `tools.toml`.
    #[must_use]
    pub fn tools(&self) -> PathBuf {
        self.image.join("tools.toml")
    }

    /// `scripts.toml`.
    #[must_use]
    pub fn scripts(&self) -> PathBuf {
        self.image.join("scripts.toml")
    }

    /// `lock/debian.json`.
    #[must_use]
    pub fn debian(&self) -> PathBuf {
        self.image.join("lock/debian.json")
    }

    /// `lock/claude.json`.
    #[must_use]
    pub fn claude(&self) -> PathBuf {
        self.image.join("lock/claude.json")
    }

    /// `lock/waiting.json`, which is there while a version waits.
    #[must_use]
    pub fn waiting(&self) -> PathBuf {
        self.image.join("lock/waiting.json")
    }

    /// Where [`debs`] keeps its files.
    #[must_use]
    pub fn debs(&self) -> PathBuf {
        self.cache.join("debs")
    }

    /// Where the texts of maintainer scripts are, each under its hash.
    #[must_use]
    pub fn script_texts(&self) -> PathBuf {
        self.cache.join("scripts")
    }
}

/// How to update.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Package lists to do without, because the mirror cannot serve them; the lock says so.
    pub without: BTreeSet<List>,
    /// Take every version at once, however new it is.
    pub now: bool,
}

/// How far an update is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// Debian's package lists are being fetched.
    Lists,
    /// Dependencies are being resolved.
    Resolving,
    /// Packages are being fetched: so many of so many.
    Packages {
        /// Those that are there.
        done: usize,
        /// Those that were not in the cache.
        of: usize,
    },
    /// Maintainer scripts are being read.
    Scripts,
    /// Claude Code is being fetched or looked up.
    Claude,
}

/// An update that failed. Nothing was written, except where the error says so.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the project is not as it should be.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Debian's mirror cannot be read.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// Dependencies cannot be met.
    #[error(transparent)]
    Unsatisfiable(#[from] Unsatisfiable),
    /// Packages cannot be had.
    #[error(transparent)]
    Debs(#[from] DebsError),
    /// A package's scripts cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Maintainer scripts and decisions do not match.
    #[error(transparent)]
    Scripts(#[from] ScriptsError),
    /// Claude Code cannot be had.
    #[error(transparent)]
    Claude(#[from] ClaudeError),
    /// A lock cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Whose turn it is after an error; `cbox` makes an exit code of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// A file of the project, a package or a lock is wrong.
    Data,
    /// A file that must exist does not.
    NoInput,
    /// A program is missing here, or a server cannot be reached or is out of step.
    Unavailable,
    /// The cache or a lock cannot be written.
    CannotCreate,
}

impl Error {
    /// The class of the error.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Load(LoadError::Read { .. }) => Class::NoInput,
            Self::Load(LoadError::Shape { .. } | LoadError::Meaning { .. })
            | Self::Unsatisfiable(_)
            | Self::Scripts(_)
            | Self::Debs(DebsError::Hash { .. })
            | Self::Claude(
                ClaudeError::NoBinary(_)
                | ClaudeError::Young { .. }
                | ClaudeError::Integrity { .. }
                | ClaudeError::Archive { .. },
            )
            | Self::Apt(AptError::Index(_) | AptError::Mismatch { .. })
            | Self::Debs(DebsError::Apt(AptError::Index(_) | AptError::Mismatch { .. })) => Class::Data,
            Self::Apt(AptError::File { .. })
            | Self::Debs(DebsError::Apt(AptError::File { .. }) | DebsError::File { .. })
            | Self::Read(ReadError::File { .. })
            | Self::Claude(ClaudeError::File { .. })
            | Self::Write(_) => Class::CannotCreate,
            Self::Apt(_)
            | Self::Debs(DebsError::Apt(_))
            | Self::Read(ReadError::Command(_))
            | Self::Claude(ClaudeError::Npm { .. } | ClaudeError::Undated(_)) => Class::Unavailable,
        }
    }
}

/// Brings the locks up to date with `tools.toml`, `scripts.toml` and Debian's archive.
///
/// # Errors
///
/// When anything is missing, wrong or undecided; the locks then stay as they are.
pub fn update(paths: &Paths, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Changes, Error> {
    let catalogue = load::catalogue(&paths.tools())?;
    let decisions = load::scripts(&paths.scripts())?;
    let old = (
        existing(&paths.debian(), load::debian)?,
        existing(&paths.claude(), load::claude)?,
    );
    let waiting = existing(&paths.waiting(), load::waiting)?.unwrap_or_default();
    let hours = match options.now {
        true => 0,
        false => u64::from(catalogue.lock.cool_down_hours),
    };
    let terms = Terms {
        now: SystemTime::now(),
        delay: Duration::from_hours(hours),
    };

    progress(Progress::Lists);
    let apt = Apt::open(&paths.cache.join("apt"), &options.without)?;
    apt.update()?;
    let mut offered = BTreeMap::new();
    for architecture in Architecture::ALL {
        offered.insert(architecture, apt.candidates(architecture)?);
    }
    progress(Progress::Resolving);
    let locked = old.0.as_ref().map(|it| &it.packages);
    let (waiting, held) = match locked {
        Some(locked) => cool_down::hold(&mut offered, locked, &waiting, terms),
        None => (Waiting::new(), Vec::new()),
    };
    let resolved = resolve::resolve(&catalogue, &offered)?;
    drop(offered);

    let found = find_scripts(paths, &apt, &resolved, old.0.as_ref(), progress)?;
    let mut decided = scripts::decide(&found, &decisions, &paths.script_texts())?;
    progress(Progress::Claude);
    let old_claude = old.1.unwrap_or_default();
    let claude = claude::lock(&releases(&catalogue), &old_claude, &paths.cache.join("npm"), terms)?;

    let packages: BTreeMap<String, Package> = resolved
        .packages
        .iter()
        .map(|(key, candidate)| (key.clone(), package(candidate, decided.remove(key).unwrap_or_default())))
        .collect();
    let archives = archives(&apt, options, &packages, old.0.as_ref())?;
    let debian = Debian {
        archives,
        packages,
        image: resolved.image,
        build: resolved.build,
        cluster: resolved.cluster,
    };
    let nothing = Debian {
        archives: BTreeMap::new(),
        packages: BTreeMap::new(),
        image: BTreeMap::new(),
        build: BTreeMap::new(),
        cluster: BTreeMap::new(),
    };
    let was = Locks {
        debian: old.0.as_ref().unwrap_or(&nothing),
        claude: &old_claude,
    };
    let is = Locks {
        debian: &debian,
        claude: &claude,
    };
    let mut changes = Changes::between(was, is, &resolved.wanted);
    // What waits but is in no image concerns nobody.
    changes.held = held
        .into_iter()
        .filter(|held| {
            let mut keys = held.architectures.iter().map(|it| format!("{}:{it}", held.package));
            keys.any(|key| debian.packages.contains_key(&key))
        })
        .collect();
    let waiting: Waiting = waiting
        .into_iter()
        .filter(|(key, _)| debian.packages.contains_key(key))
        .collect();
    write::write(&paths.debian(), &debian)?;
    write::write(&paths.claude(), &claude)?;
    match waiting.is_empty() {
        true => write::remove(&paths.waiting())?,
        false => write::write(&paths.waiting(), &waiting)?,
    }
    Ok(changes)
}

/// A lock that is there; before the first update there is none.
fn existing<T>(path: &Path, load: fn(&Path) -> Result<T, LoadError>) -> Result<Option<T>, LoadError> {
    match load(path) {
        Ok(lock) => Ok(Some(lock)),
        Err(LoadError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The scripts of every package of an image. A file that the old lock knows is not opened again.
fn find_scripts(
    paths: &Paths,
    apt: &Apt,
    resolved: &Resolved,
    old: Option<&Debian>,
    progress: &mut dyn FnMut(Progress),
) -> Result<BTreeMap<String, Found>, Error> {
    let keys: BTreeSet<&String> = resolved
        .image
        .values()
        .flatten()
        .flat_map(|layer| &layer.packages)
        .collect();
    let mut found = BTreeMap::new();
    let mut unknown = Vec::new();
    for (key, candidate) in keys.into_iter().filter_map(|key| resolved.packages.get_key_value(key)) {
        let known = old
            .and_then(|lock| in_an_image(lock, key))
            .filter(|it| it.sha256 == candidate.sha256);
        match known {
            Some(package) => {
                let scripts = package
                    .scripts
                    .iter()
                    .map(|(name, script)| (name.clone(), script.sha256.clone()));
                found.insert(
                    key.clone(),
                    Found {
                        package: package.package.clone(),
                        scripts: scripts.collect(),
                    },
                );
            }
            None => unknown.push(candidate),
        }
    }
    debs::fetch(apt, &paths.debs(), &unknown, &mut |done, of| {
        progress(Progress::Packages { done, of })
    })?;
    progress(Progress::Scripts);
    for candidate in unknown {
        let deb = debs::path(&paths.debs(), &candidate.sha256);
        found.insert(
            candidate.key(),
            scripts::read(&candidate.package, &deb, &paths.script_texts())?,
        );
    }
    Ok(found)
}

/// A locked package whose scripts were read: build sets have theirs not.
fn in_an_image<'a>(lock: &'a Debian, key: &str) -> Option<&'a Package> {
    let mut layers = lock.image.values().flatten();
    layers
        .any(|layer| layer.packages.iter().any(|it| it == key))
        .then(|| lock.packages.get(key))
        .flatten()
}

fn releases(catalogue: &Catalogue) -> BTreeMap<Architecture, Release> {
    let sources = catalogue.tools.values().map(|tool| &tool.source);
    let releases = sources.filter_map(|source| match source {
        Source::Claude { releases, .. } => Some(releases.clone()),
        Source::Debian { .. } | Source::Go { .. } | Source::Crate { .. } => None,
    });
    releases.flatten().collect()
}

fn package(candidate: &Candidate, scripts: BTreeMap<String, Script>) -> Package {
    Package {
        package: candidate.package.clone(),
        version: candidate.version.to_string(),
        architecture: candidate.architecture.clone(),
        archive: candidate.archive.clone(),
        path: candidate.path.clone(),
        size: candidate.size,
        sha256: candidate.sha256.clone(),
        scripts,
    }
}

/// The archives' timestamps. One whose packages all stay keeps its own: a newer one would change bytes for nothing.
fn archives(
    apt: &Apt,
    options: &Options,
    packages: &BTreeMap<String, Package>,
    old: Option<&Debian>,
) -> Result<BTreeMap<String, Archive>, AptError> {
    let mut archives = BTreeMap::new();
    for (name, suites) in ARCHIVES {
        let read = |architecture| suites.iter().filter(move |suite| !lacks(options, suite, architecture));
        let suites: Vec<&str> = suites
            .iter()
            .copied()
            .filter(|suite| Architecture::ALL.iter().any(|it| !lacks(options, suite, *it)))
            .collect();
        if suites.is_empty() {
            continue;
        }
        let files = |packages: &BTreeMap<String, Package>| -> BTreeSet<(String, String)> {
            let own = packages.values().filter(|it| it.archive == name);
            own.map(|it| (it.path.clone(), it.sha256.clone())).collect()
        };
        let unchanged = old
            .filter(|old| files(&old.packages) == files(packages))
            .and_then(|old| old.archives.get(name));
        let snapshot = match unchanged {
            Some(archive) => archive.snapshot.clone(),
            None => apt.snapshot(&suites)?,
        };
        let without = Architecture::ALL.into_iter().filter_map(|architecture| {
            let read: Vec<&&str> = read(architecture).collect();
            let missing: Vec<String> = suites
                .iter()
                .filter(|it| !read.contains(it))
                .map(|it| (*it).to_owned())
                .collect();
            (!missing.is_empty()).then_some((architecture, missing))
        });
        let suites_read = suites.iter().map(|it| (*it).to_owned()).collect();
        archives.insert(
            name.to_owned(),
            Archive {
                snapshot,
                suites: suites_read,
                without: without.collect(),
            },
        );
    }
    Ok(archives)
}

fn lacks(options: &Options, suite: &str, architecture: Architecture) -> bool {
    options
        .without
        .iter()
        .any(|list| list.suite == suite && list.architecture == architecture)
}
