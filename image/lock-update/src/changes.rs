//! What an update changes, for people who review it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use catalogue::Architecture;
use catalogue::lock::{Claude, Debian, Package};

use crate::cool_down::Held;

/// The difference between two locks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// One entry a package and kind of change; the architectures with the same change share it.
    pub packages: Vec<Change>,
    /// Claude Code, by architecture: the old release, if there was one, and the new one.
    pub claude: BTreeMap<Architecture, (Option<String>, String)>,
    /// All packages' files, in bytes: before and now.
    pub total: (u64, u64),
    /// Versions that wait, because they are on offer for too short a time.
    pub held: Vec<Held>,
    /// Lists that could not be read, as `suite:architecture`: their packages may lack updates.
    pub unread: Vec<String>,
}

/// What happened to a package.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Change {
    /// The package's name.
    pub package: String,
    /// What is different.
    pub kind: Kind,
    /// Where: the package's own architectures, `all` among them.
    pub architectures: BTreeSet<String>,
    /// Why, where that is known: what asks for a new package, or that a version is a security update.
    pub why: Option<String>,
    /// How much larger the packages' files became, in bytes, over these architectures.
    pub growth: i64,
}

/// What is one line for people: package, kind and reason, with the architectures and their growth together.
type Grouped = BTreeMap<(String, Kind, Option<String>), (BTreeSet<String>, i64)>;

/// What was locked, or is to be.
#[derive(Clone, Copy, Debug)]
pub struct Locks<'a> {
    /// `lock/debian.json`.
    pub debian: &'a Debian,
    /// `lock/claude.json`.
    pub claude: &'a Claude,
}

/// A kind of change.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// It is new.
    Added {
        /// At this version.
        version: String,
    },
    /// It is gone.
    Removed {
        /// It was there at this version.
        version: String,
    },
    /// It has another version.
    Replaced {
        /// The old one.
        from: String,
        /// The new one.
        to: String,
    },
    /// It has the same version, but another file.
    Rebuilt {
        /// At this version.
        version: String,
    },
    /// A maintainer script reads differently than when it was decided on.
    Script {
        /// `preinst` or `postinst`.
        script: String,
    },
    /// It stands in another layer of an image.
    Moved {
        /// The old layer.
        from: String,
        /// The new one.
        to: String,
    },
}

impl Changes {
    /// Compares what was locked with what is locked now. `wanted` says what asks for a package, by its key.
    #[must_use]
    pub fn between(old: Locks<'_>, new: Locks<'_>, wanted: &BTreeMap<String, String>) -> Self {
        let mut kinds = Grouped::new();
        let mut note = |key: &str, kind: Kind, why: Option<String>, growth: i64| {
            let (package, architecture) = key.split_once(':').unwrap_or((key, "all"));
            let (architectures, sum) = kinds.entry((package.to_owned(), kind, why)).or_default();
            architectures.insert(architecture.to_owned());
            *sum += growth;
        };
        let (was, now) = (&old.debian.packages, &new.debian.packages);
        let keys: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
        for key in keys {
            let (before, after) = (was.get(key), now.get(key));
            for kind in package_changes(before, after) {
                let why = match &kind {
                    Kind::Added { .. } => wanted.get(key).map(|it| format!("for {it}")),
                    Kind::Replaced { .. } | Kind::Rebuilt { .. } => after
                        .filter(|it| it.archive == SECURITY)
                        .map(|_| "a security update".to_owned()),
                    Kind::Removed { .. } | Kind::Script { .. } | Kind::Moved { .. } => None,
                };
                let growth = match kind {
                    Kind::Script { .. } | Kind::Moved { .. } => 0,
                    _ => difference(before.map_or(0, |it| it.size), after.map_or(0, |it| it.size)),
                };
                note(key, kind, why, growth);
            }
        }
        let places = placements(old.debian);
        for (place, to) in placements(new.debian) {
            if let Some(from) = places.get(&place).filter(|from| **from != to) {
                let kind = Kind::Moved {
                    from: (*from).to_owned(),
                    to: to.to_owned(),
                };
                note(place.1, kind, None, 0);
            }
        }
        let packages = kinds
            .into_iter()
            .map(|((package, kind, why), (architectures, growth))| Change {
                package,
                kind,
                architectures,
                why,
                growth,
            })
            .collect();
        let claude = new.claude.iter().filter_map(|(architecture, release)| {
            let before = old.claude.get(architecture).map(|it| it.version().to_owned());
            let after = release.version().to_owned();
            (before.as_ref() != Some(&after)).then_some((*architecture, (before, after)))
        });
        let unread = new.debian.archives.values().flat_map(|archive| &archive.without);
        let unread =
            unread.flat_map(|(architecture, suites)| suites.iter().map(move |it| format!("{it}:{architecture}")));
        let total = |packages: &BTreeMap<String, Package>| packages.values().map(|it| it.size).sum();
        Self {
            packages,
            claude: claude.collect(),
            total: (total(was), total(now)),
            held: Vec::new(),
            unread: unread.collect(),
        }
    }

    /// Whether both locks name the same packages and releases.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.claude.is_empty()
    }
}

fn package_changes(old: Option<&Package>, new: Option<&Package>) -> Vec<Kind> {
    let (old, new) = match (old, new) {
        (None, None) => return Vec::new(),
        (None, Some(new)) => {
            return vec![Kind::Added {
                version: new.version.clone(),
            }];
        }
        (Some(old), None) => {
            return vec![Kind::Removed {
                version: old.version.clone(),
            }];
        }
        (Some(old), Some(new)) => (old, new),
    };
    let mut kinds = Vec::new();
    if old.version != new.version {
        kinds.push(Kind::Replaced {
            from: old.version.clone(),
            to: new.version.clone(),
        });
    } else if old.sha256 != new.sha256 {
        kinds.push(Kind::Rebuilt {
            version: new.version.clone(),
        });
    }
    for (name, script) in &new.scripts {
        if old.scripts.get(name).is_none_or(|known| known.sha256 != script.sha256) {
            kinds.push(Kind::Script { script: name.clone() });
        }
    }
    kinds
}

/// The layer of each package in each image.
fn placements(lock: &Debian) -> BTreeMap<(Architecture, &str), &str> {
    let layers = lock
        .image
        .iter()
        .flat_map(|(architecture, layers)| layers.iter().map(move |it| (*architecture, it)));
    layers
        .flat_map(|(architecture, layer)| {
            layer
                .packages
                .iter()
                .map(move |key| ((architecture, key.as_str()), layer.name.as_str()))
        })
        .collect()
}

impl fmt::Display for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.packages {
            let architectures: Vec<&str> = change.architectures.iter().map(String::as_str).collect();
            write!(
                formatter,
                "{} [{}]: {}",
                change.package,
                architectures.join(" "),
                change.kind
            )?;
            if let Some(why) = &change.why {
                write!(formatter, ", {why}")?;
            }
            match change.growth {
                0 => writeln!(formatter)?,
                growth => writeln!(formatter, " ({:+})", Bytes(growth))?,
            }
        }
        for (architecture, (from, to)) in &self.claude {
            match from {
                Some(from) => writeln!(formatter, "Claude Code [{architecture}]: {from} -> {to}")?,
                None => writeln!(formatter, "Claude Code [{architecture}]: added {to}")?,
            }
        }
        let (before, after) = self.total;
        if self.is_empty() {
            writeln!(formatter, "nothing changed")?;
        }
        if before != after {
            writeln!(
                formatter,
                "Debian packages, all architectures: {} ({:+})",
                Bytes(i64::try_from(after).unwrap_or(i64::MAX)),
                Bytes(difference(before, after))
            )?;
        }
        for held in &self.held {
            writeln!(formatter, "{held}")?;
        }
        for list in &self.unread {
            writeln!(formatter, "{list} was not read: updates that only it holds are missing")?;
        }
        Ok(())
    }
}

/// The archive whose packages never wait.
pub(crate) const SECURITY: &str = "debian-security";

fn difference(before: u64, after: u64) -> i64 {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    signed(after) - signed(before)
}

/// A number of bytes as people read it, in decimal units; with `{:+}` it has a sign.
struct Bytes(i64);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match (self.0 < 0, formatter.sign_plus()) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let bytes = self.0.unsigned_abs();
        let tenths = |unit: u64| (bytes / unit, bytes % unit * 10 / unit);
        match bytes {
            0..1_000 => write!(formatter, "{sign}{bytes} B"),
            1_000..1_000_000 => write!(formatter, "{sign}{} kB", bytes / 1_000),
            1_000_000.. => {
                let (whole, tenth) = tenths(1_000_000);
                write!(formatter, "{sign}{whole}.{tenth} MB")
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { version } => write!(formatter, "added {version}"),
            Self::Removed { version } => write!(formatter, "removed {version}"),
            Self::Replaced { from, to } => write!(formatter, "{from} -> {to}"),
            Self::Rebuilt { version } => write!(formatter, "{version} is another file than before"),
            Self::Script { script } => {
                write!(
                    formatter,
                    "{script} changed: review the decision on it in image/scripts.toml"
                )
            }
            Self::Moved { from, to } => write!(formatter, "from layer {from} to layer {to}"),
        }
    }
}
