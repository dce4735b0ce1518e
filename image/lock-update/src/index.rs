//! Package lists: from the text of a `Packages` file to the one version of each package that can be installed.

use std::collections::BTreeMap;

use catalogue::Architecture;

use crate::relation::{self, Clause, Malformed, Relation};
use crate::version::{self, Version};

/// A binary package that an archive offers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// The package's name.
    pub package: String,
    /// Its version.
    pub version: Version,
    /// Its own architecture: one of ours, or `all`.
    pub architecture: String,
    /// The archive that holds it, as the lock names it.
    pub archive: String,
    /// The path below the archive's root.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Of the `.deb` file, in hexadecimal.
    pub sha256: String,
    /// Whether `Multi-Arch: allowed` lets a relation with `:any` mean this package.
    pub any_architecture: bool,
    /// `Pre-Depends` and `Depends`.
    pub depends: Vec<Clause>,
    /// `Conflicts` and `Breaks`.
    pub conflicts: Vec<Relation>,
    /// The virtual packages that this one stands for, with the versions it claims.
    pub provides: Vec<(String, Option<Version>)>,
}

impl Candidate {
    /// How the lock names it: `name:architecture`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}", self.package, self.architecture)
    }
}

/// A package list that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IndexError {
    /// A field that every package has is not there.
    #[error("the package list of {archive} has no field `{field}` for {package}")]
    Missing {
        /// The archive's name.
        archive: String,
        /// The package, as far as it is known.
        package: String,
        /// The field's name.
        field: &'static str,
    },
    /// A field says something else than it should.
    #[error("the package list of {archive} is wrong about {package}: {reason}")]
    Malformed {
        /// The archive's name.
        archive: String,
        /// The package's name.
        package: String,
        /// What is wrong.
        reason: Malformed,
    },
}

/// Reads a `Packages` file.
///
/// # Errors
///
/// When a stanza lacks a field or has one that cannot be read.
pub fn parse(archive: &str, text: &str) -> Result<Vec<Candidate>, IndexError> {
    text.split("\n\n")
        .filter(|stanza| !stanza.trim().is_empty())
        .map(|stanza| candidate(archive, stanza))
        .collect()
}

fn candidate(archive: &str, stanza: &str) -> Result<Candidate, IndexError> {
    // Continuation lines belong to fields that no one here reads.
    let fields: BTreeMap<&str, &str> = stanza
        .lines()
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let package = fields.get("Package").copied().unwrap_or("(nameless)");
    let field = |name: &'static str| {
        let missing = || IndexError::Missing {
            archive: archive.to_owned(),
            package: package.to_owned(),
            field: name,
        };
        fields.get(name).map(|value| (*value).to_owned()).ok_or_else(missing)
    };
    let malformed = |reason| IndexError::Malformed {
        archive: archive.to_owned(),
        package: package.to_owned(),
        reason,
    };
    let mut depends = Vec::new();
    for name in ["Pre-Depends", "Depends"] {
        depends.extend(relation::parse_clauses(fields.get(name).unwrap_or(&"")).map_err(malformed)?);
    }
    let mut conflicts = Vec::new();
    for name in ["Conflicts", "Breaks"] {
        conflicts.extend(relation::parse_relations(fields.get(name).unwrap_or(&"")).map_err(malformed)?);
    }
    let provides = relation::parse_relations(fields.get("Provides").unwrap_or(&"")).map_err(malformed)?;
    let size = field("Size")?;
    Ok(Candidate {
        package: field("Package")?,
        version: Version::new(field("Version")?),
        architecture: field("Architecture")?,
        archive: archive.to_owned(),
        path: field("Filename")?,
        size: size.parse().map_err(|_| malformed(Malformed(size)))?,
        sha256: field("SHA256")?,
        any_architecture: fields.get("Multi-Arch") == Some(&"allowed"),
        depends,
        conflicts,
        provides: provides
            .into_iter()
            .map(|it| (it.package, it.version.map(|(_, version)| version)))
            .collect(),
    })
}

/// What can be installed on one architecture: the highest version of each package.
#[derive(Clone, Debug)]
pub struct Universe {
    /// The architecture that packages are installed for.
    pub architecture: Architecture,
    candidates: BTreeMap<String, Candidate>,
    /// The packages that provide a virtual one, sorted by name.
    providers: BTreeMap<String, Vec<String>>,
}

impl Universe {
    /// Takes the highest version of each package that the architecture can install; of two that are equal, the first.
    #[must_use]
    pub fn new(architecture: Architecture, offered: impl IntoIterator<Item = Candidate>) -> Self {
        let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
        for candidate in offered {
            if candidate.architecture != "all" && candidate.architecture != architecture.debian() {
                continue;
            }
            let known = candidates.get(&candidate.package);
            if known.is_none_or(|known| version::compare(&candidate.version, &known.version).is_gt()) {
                candidates.insert(candidate.package.clone(), candidate);
            }
        }
        let mut providers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for candidate in candidates.values() {
            for (name, _) in &candidate.provides {
                let entry = providers.entry(name.clone()).or_default();
                if entry.last() != Some(&candidate.package) {
                    entry.push(candidate.package.clone());
                }
            }
        }
        Self {
            architecture,
            candidates,
            providers,
        }
    }

    /// The one candidate for a package.
    #[must_use]
    pub fn candidate(&self, package: &str) -> Option<&Candidate> {
        self.candidates.get(package)
    }

    /// The candidates that a relation means: the package of that name first, then its providers by name.
    pub fn meant_by<'a>(&'a self, relation: &'a Relation) -> impl Iterator<Item = &'a Candidate> {
        let providers = self.providers.get(&relation.package).into_iter().flatten();
        std::iter::once(&relation.package)
            .chain(providers)
            .filter_map(|name| self.candidates.get(name))
            .filter(move |candidate| self.means(relation, candidate))
    }

    /// Whether a candidate is what a relation means.
    #[must_use]
    pub fn means(&self, relation: &Relation, candidate: &Candidate) -> bool {
        let architecture = match relation.qualifier.as_deref() {
            None | Some("native") => true,
            Some("any") => candidate.any_architecture,
            Some(architecture) => architecture == self.architecture.debian(),
        };
        let by_name = candidate.package == relation.package && relation.accepts(Some(&candidate.version));
        let provided = || {
            let mut provides = candidate.provides.iter();
            provides.any(|(name, version)| *name == relation.package && relation.accepts(version.as_ref()))
        };
        architecture && (by_name || provided())
    }
}
