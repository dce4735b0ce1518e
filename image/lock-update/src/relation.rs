//! Relations between packages as control fields write them: `libc6 (>= 2.38), default-mta | mail-transport-agent`.

use std::cmp::Ordering;
use std::fmt;

use crate::version::{self, Version};

/// A dependency: alternatives of which one must be met.
pub type Clause = Vec<Relation>;

/// A package that is meant by name and perhaps by version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Relation {
    /// The package's name, real or virtual.
    pub package: String,
    /// What follows the colon: `any`, `native` or an architecture.
    pub qualifier: Option<String>,
    /// What the version must be like.
    pub version: Option<(Operator, Version)>,
}

/// How a version compares to the one in a relation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// A relation that is not written as Debian's policy says.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no relation between packages")]
pub struct Malformed(pub String);

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "<<" => Self::Earlier,
            "<=" => Self::EarlierOrEqual,
            "=" => Self::Equal,
            ">=" => Self::LaterOrEqual,
            ">>" => Self::Later,
            _ => return None,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Earlier => order.is_lt(),
            Self::EarlierOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterOrEqual => order.is_ge(),
            Self::Later => order.is_gt(),
        }
    }
}

impl Relation {
    /// Whether a version is meant. A virtual package without a version meets only relations without one.
    #[must_use]
    pub fn accepts(&self, candidate: Option<&Version>) -> bool {
        match (&self.version, candidate) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((operator, wanted)), Some(candidate)) => operator.holds(version::compare(candidate, wanted)),
        }
    }

    /// # Errors
    ///
    /// When the text is no relation.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed(text.trim().to_owned());
        let (name, version) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => {
                let inner = rest.trim_end().strip_suffix(')').ok_or_else(malformed)?.trim();
                let (operator, version) =
                    inner.split_at(inner.bytes().take_while(|byte| b"<=>".contains(byte)).count());
                let operator = Operator::parse(operator).ok_or_else(malformed)?;
                (name, Some((operator, Version::new(version.trim()))))
            }
        };
        let (package, qualifier) = match name.trim().split_once(':') {
            None => (name.trim(), None),
            Some((package, qualifier)) => (package, Some(qualifier.to_owned())),
        };
        if package.is_empty() || package.contains(char::is_whitespace) {
            return Err(malformed());
        }
        Ok(Self {
            package: package.to_owned(),
            qualifier,
            version,
        })
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.package)?;
        if let Some(qualifier) = &self.qualifier {
            write!(formatter, ":{qualifier}")?;
        }
        if let Some((operator, version)) = &self.version {
            write!(formatter, " ({} {version})", operator.as_str())?;
        }
        Ok(())
    }
}

/// Reads `Depends` and its like: clauses of alternatives.
///
/// # Errors
///
/// When a part of the field is no relation.
pub fn parse_clauses(field: &str) -> Result<Vec<Clause>, Malformed> {
    parts(field, ',')
        .map(|clause| parts(clause, '|').map(Relation::parse).collect())
        .collect()
}

/// Reads `Conflicts`, `Provides` and their like: relations without alternatives.
///
/// # Errors
///
/// When a part of the field is no relation.
pub fn parse_relations(field: &str) -> Result<Vec<Relation>, Malformed> {
    parts(field, ',').map(Relation::parse).collect()
}

fn parts(field: &str, separator: char) -> impl Iterator<Item = &str> {
    field.split(separator).map(str::trim).filter(|part| !part.is_empty())
}
