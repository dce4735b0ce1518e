//! What an update changes, for people who review it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use catalogue::Architecture;
use catalogue::lock::{Claude, Debian, Package};

/// The difference between two locks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// One entry a package and kind of change; the architectures with the same change share it.
    pub packages: Vec<Change>,
    /// Claude Code, by architecture: the old release, if there was one, and the new one.
    pub claude: BTreeMap<Architecture, (Option<String>, String)>,
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
    /// Compares what was locked with what is locked now.
    #[must_use]
    pub fn between(old: (&Debian, &Claude), new: (&Debian, &Claude)) -> Self {
        let mut kinds: BTreeMap<(String, Kind), BTreeSet<String>> = BTreeMap::new();
        let mut note = |key: &str, kind: Kind| {
            let (package, architecture) = key.split_once(':').unwrap_or((key, "all"));
            kinds
                .entry((package.to_owned(), kind))
                .or_default()
                .insert(architecture.to_owned());
        };
        let keys: BTreeSet<&String> = old.0.packages.keys().chain(new.0.packages.keys()).collect();
        for key in keys {
            for kind in package_changes(old.0.packages.get(key), new.0.packages.get(key)) {
                note(key, kind);
            }
        }
        let was = placements(old.0);
        for (place, to) in placements(new.0) {
            if let Some(from) = was.get(&place).filter(|from| **from != to) {
                note(
                    place.1,
                    Kind::Moved {
                        from: (*from).to_owned(),
                        to: to.to_owned(),
                    },
                );
            }
        }
        let packages = kinds
            .into_iter()
            .map(|((package, kind), architectures)| Change {
                package,
                kind,
                architectures,
            })
            .collect();
        let claude = new.1.iter().filter_map(|(architecture, release)| {
            let before = old.1.get(architecture).map(|it| it.version().to_owned());
            let after = release.version().to_owned();
            (before.as_ref() != Some(&after)).then_some((*architecture, (before, after)))
        });
        let unread = new.0.archives.values().flat_map(|archive| &archive.without);
        let unread =
            unread.flat_map(|(architecture, suites)| suites.iter().map(move |it| format!("{it}:{architecture}")));
        Self {
            packages,
            claude: claude.collect(),
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
            writeln!(
                formatter,
                "{} [{}]: {}",
                change.package,
                architectures.join(" "),
                change.kind
            )?;
        }
        for (architecture, (from, to)) in &self.claude {
            match from {
                Some(from) => writeln!(formatter, "Claude Code [{architecture}]: {from} -> {to}")?,
                None => writeln!(formatter, "Claude Code [{architecture}]: added {to}")?,
            }
        }
        if self.is_empty() {
            writeln!(formatter, "nothing changed")?;
        }
        for list in &self.unread {
            writeln!(formatter, "{list} was not read: updates that only it holds are missing")?;
        }
        Ok(())
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
