//! Why a request cannot be met, in one sentence that names everyone concerned.

use std::fmt;

use crate::relation::{Clause, Relation};

/// A request that cannot be met.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unsatisfiable {
    /// A dependency that nothing meets.
    #[error("{package} needs {}, but {}; {package} is {wanted}", alternatives(.needs), holds(.offers))]
    Dependency {
        /// The package whose dependency it is, with its architecture.
        package: String,
        /// The dependency.
        needs: Clause,
        /// What there is for each alternative.
        offers: Vec<Offer>,
        /// What asks for the package.
        wanted: Chain,
    },
    /// A package that is asked for by name and not there.
    #[error("{wanted_by} asks for {package}, but {offer}")]
    Root {
        /// The package, with the architecture.
        package: String,
        /// What asks for it.
        wanted_by: String,
        /// What there is instead.
        offer: Offer,
    },
    /// Two packages that exclude each other.
    #[error("{0}")]
    Conflict(Box<Conflict>),
}

/// Two packages that exclude each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// The package that declares the conflict, with its architecture.
    pub package: String,
    /// What it declares.
    pub relation: Relation,
    /// What asks for it.
    pub wanted: Chain,
    /// The other package, with its architecture.
    pub other: String,
    /// What asks for that.
    pub other_wanted: Chain,
}

impl fmt::Display for Conflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            package,
            relation,
            wanted,
            other,
            other_wanted,
        } = self;
        write!(
            formatter,
            "{package} excludes {relation}, which {other} is; {package} is {wanted}; {other} is {other_wanted}"
        )
    }
}

/// What an archive has where something else is needed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Offer {
    /// A package of the name, at another version.
    Version(String, String),
    /// Nothing of the name.
    Nothing(String),
    /// A package that cannot be installed itself or is not for this architecture.
    Unusable(String),
}

/// Who asks for a package: from the package's own dependent up to the name in `tools.toml`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain {
    /// Packages, the nearest first.
    pub through: Vec<String>,
    /// What asks for the last of them.
    pub wanted_by: String,
}

impl fmt::Display for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for package in &self.through {
            write!(formatter, "needed by {package}, ")?;
        }
        write!(formatter, "asked for by {}", self.wanted_by)
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(package, version) => write!(formatter, "Debian holds {package} {version}"),
            Self::Nothing(package) => write!(formatter, "Debian holds no {package}"),
            Self::Unusable(package) => write!(formatter, "{package} cannot be installed"),
        }
    }
}

fn alternatives(clause: &Clause) -> String {
    clause.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn holds(offers: &[Offer]) -> String {
    offers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}
