//! The control file of a binary package: deb-control(5).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::version;

/// A package's control file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Control {
    /// The file as it stands, ending in one newline.
    pub text: String,
    /// `Package`.
    pub package: String,
    /// `Version`.
    pub version: String,
    /// `Architecture`.
    pub architecture: String,
    /// The source package and its version, which are the package's own where the file does not say otherwise.
    pub source: (String, String),
    /// `Homepage`.
    pub homepage: Option<String>,
    /// `Replaces`.
    pub replaces: Vec<Relation>,
}

/// One package of a relation field, with the version it is held against.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Relation {
    package: String,
    constraint: Option<(Operator, String)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Earlier,
    EarlierOrEqual,
    Equal,
    LaterOrEqual,
    Later,
}

/// What is wrong with a control file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// It is not text.
    #[error("holds a control file that is not UTF-8")]
    Encoding,
    /// A line is neither a field nor the continuation of one.
    #[error("holds the control line \"{0}\", which is no field")]
    Line(String),
    /// A field stands twice.
    #[error("holds the control field {0} twice")]
    Twice(String),
    /// A field is missing.
    #[error("holds no control field {0}")]
    Missing(&'static str),
    /// The package's name is no name: deb-control(5).
    #[error("says in its control file that its name is \"{0}\", which is no package name")]
    Name(String),
    /// A relation cannot be read.
    #[error("replaces \"{0}\", which is no relation between packages")]
    Relation(String),
}

impl Control {
    /// Reads a control file.
    ///
    /// # Errors
    ///
    /// [`Error`] says which line is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Error::Encoding)?
            .trim_matches('\n');
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut last = None;
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                let value = last
                    .as_ref()
                    .and_then(|name| fields.get_mut(name))
                    .ok_or_else(|| Error::Line(line.into()))?;
                value.push('\n');
                value.push_str(line.trim());
            } else {
                let (name, value) = line.split_once(':').ok_or_else(|| Error::Line(line.into()))?;
                // Field names are the same in capitals and small letters.
                let key = name.to_ascii_lowercase();
                if fields.insert(key.clone(), value.trim().to_owned()).is_some() {
                    return Err(Error::Twice(name.into()));
                }
                last = Some(key);
            }
        }
        let field = |name: &'static str| {
            fields
                .get(&name.to_ascii_lowercase())
                .cloned()
                .ok_or(Error::Missing(name))
        };
        let package = field("Package")?;
        let is_name = |name: &str| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
        };
        if !is_name(&package) || !package.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return Err(Error::Name(package));
        }
        let version = field("Version")?;
        Ok(Self {
            text: format!("{text}\n"),
            source: source(fields.get("source"), &package, &version),
            homepage: fields.get("homepage").cloned(),
            package,
            version,
            architecture: field("Architecture")?,
            replaces: fields
                .get("replaces")
                .map_or(Ok(Vec::new()), |value| relations(value))?,
        })
    }

    /// Whether this package's files take the place of the other's.
    #[must_use]
    pub fn replaces(&self, package: &str, version: &str) -> bool {
        self.replaces
            .iter()
            .any(|relation| relation.holds_for(package, version))
    }
}

/// `glibc (2.41-12)`, or the name alone.
fn source(field: Option<&String>, package: &str, version: &str) -> (String, String) {
    let Some(field) = field else {
        return (package.to_owned(), version.to_owned());
    };
    let (name, rest) = field.split_once('(').unwrap_or((field, version));
    (name.trim().to_owned(), rest.trim_end_matches(')').trim().to_owned())
}

impl Relation {
    fn parse(text: &str) -> Option<Self> {
        let (name, constraint) = match text.split_once('(') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(')')?.trim())),
            None => (text, None),
        };
        let constraint = match constraint {
            None => None,
            Some(constraint) => {
                let (operator, version) = constraint.split_at(constraint.find(|letter| !"<=>".contains(letter))?);
                let operator = match operator {
                    "<<" => Operator::Earlier,
                    "<=" => Operator::EarlierOrEqual,
                    "=" => Operator::Equal,
                    ">=" => Operator::LaterOrEqual,
                    ">>" => Operator::Later,
                    _ => return None,
                };
                Some((operator, version.trim().to_owned()))
            }
        };
        let name = name.trim();
        let package = name.split_once(':').map_or(name, |(package, _architecture)| package);
        (!package.is_empty() && !package.contains([' ', '|'])).then(|| Self {
            package: package.to_owned(),
            constraint,
        })
    }

    fn holds_for(&self, package: &str, version: &str) -> bool {
        self.package == package
            && self.constraint.as_ref().is_none_or(|(operator, wanted)| {
                let order = version::compare(version, wanted);
                match operator {
                    Operator::Earlier => order == Ordering::Less,
                    Operator::EarlierOrEqual => order != Ordering::Greater,
                    Operator::Equal => order == Ordering::Equal,
                    Operator::LaterOrEqual => order != Ordering::Less,
                    Operator::Later => order == Ordering::Greater,
                }
            })
    }
}

fn relations(value: &str) -> Result<Vec<Relation>, Error> {
    let relations = value.split(',').map(str::trim).filter(|relation| !relation.is_empty());
    relations
        .map(|relation| Relation::parse(relation).ok_or_else(|| Error::Relation(relation.into())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const BASH: &str = "Package: bash\nVersion: 5.2\nArchitecture: amd64\nReplaces: bash-completion (<< 20060301-0),\n bash-doc (<= 2.05-1)\nDescription: shell\n a shell\n .\n the end\n";

    #[test]
    fn fields_are_read_and_the_text_is_kept() {
        let control = Control::parse(BASH.as_bytes()).unwrap();
        assert_eq!(
            (
                control.package.as_str(),
                control.version.as_str(),
                control.architecture.as_str()
            ),
            ("bash", "5.2", "amd64")
        );
        assert_eq!(control.text, BASH);
    }

    #[test]
    fn the_text_ends_in_one_newline() {
        assert_eq!(Control::parse(BASH.trim_end().as_bytes()).unwrap().text, BASH);
        assert_eq!(Control::parse(format!("{BASH}\n").as_bytes()).unwrap().text, BASH);
    }

    #[rstest]
    #[case("", ("bash", "5.2"))]
    #[case("Source: shells\n", ("shells", "5.2"))]
    #[case("Source: shells (1:5.1-2)\n", ("shells", "1:5.1-2"))]
    fn a_package_has_a_source(#[case] field: &str, #[case] expected: (&str, &str)) {
        let (name, version) = Control::parse(format!("{field}{BASH}").as_bytes()).unwrap().source;
        assert_eq!((name.as_str(), version.as_str()), expected);
    }

    #[rstest]
    #[case("bash-completion", "20060300-1", true)]
    #[case("bash-completion", "20060301-0", false)]
    #[case("bash-doc", "2.05-1", true)]
    #[case("bash-doc", "2.05-2", false)]
    #[case("dash", "1", false)]
    fn replaces_minds_versions(#[case] package: &str, #[case] version: &str, #[case] replaces: bool) {
        assert_eq!(
            Control::parse(BASH.as_bytes()).unwrap().replaces(package, version),
            replaces
        );
    }

    #[rstest]
    #[case("Package: x\nVersion: 1\n", Error::Missing("Architecture"))]
    #[case("Package: x\nPACKAGE: y\n", Error::Twice("PACKAGE".into()))]
    #[case("Package: ../x\nVersion: 1\nArchitecture: all\n", Error::Name("../x".into()))]
    #[case(" x\n", Error::Line(" x".into()))]
    #[case("Package x\n", Error::Line("Package x".into()))]
    #[case("Package: x\n\nPackage: y\n", Error::Line("".into()))]
    #[case("Package: x\nVersion: 1\nArchitecture: all\nReplaces: a | b\n", Error::Relation("a | b".into()))]
    #[case("Package: x\nVersion: 1\nArchitecture: all\nReplaces: a (< 1)\n", Error::Relation("a (< 1)".into()))]
    fn mistakes_are_named(#[case] text: &str, #[case] error: Error) {
        assert_eq!(Control::parse(text.as_bytes()), Err(error));
    }
}
