//! Licences: Debian's short names as SPDX's identifiers. Pure.

/// What a component's licence is known as.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Licence {
    /// Nobody says.
    Unknown,
    /// An SPDX expression.
    Expression(String),
    /// Names that are no SPDX identifiers, each of some or other of its files: Debian's copyright file has them.
    Names(Vec<String>),
}

/// Debian's short names that SPDX knows under another one; "Machine-readable debian/copyright file", "License
/// specification". A `+` is SPDX's `-or-later`.
const SPDX: [(&str, &str); 23] = [
    ("Apache-2", "Apache-2.0"),
    ("Apache-2.0", "Apache-2.0"),
    ("Artistic", "Artistic-1.0-Perl"),
    ("BSD-2-clause", "BSD-2-Clause"),
    ("BSD-3-clause", "BSD-3-Clause"),
    ("BSD-4-clause", "BSD-4-Clause"),
    ("BSL-1.0", "BSL-1.0"),
    ("CC0-1.0", "CC0-1.0"),
    ("Expat", "MIT"),
    ("GFDL-1.3", "GFDL-1.3-only"),
    ("GFDL-1.3+", "GFDL-1.3-or-later"),
    ("GPL-1+", "GPL-1.0-or-later"),
    ("GPL-2", "GPL-2.0-only"),
    ("GPL-2+", "GPL-2.0-or-later"),
    ("GPL-3", "GPL-3.0-only"),
    ("GPL-3+", "GPL-3.0-or-later"),
    ("ISC", "ISC"),
    ("LGPL-2+", "LGPL-2.0-or-later"),
    ("LGPL-2.1", "LGPL-2.1-only"),
    ("LGPL-2.1+", "LGPL-2.1-or-later"),
    ("LGPL-3+", "LGPL-3.0-or-later"),
    ("MPL-2.0", "MPL-2.0"),
    ("Zlib", "Zlib"),
];

/// SPDX's identifier for one of Debian's short names.
#[must_use]
pub fn identifier(name: &str) -> Option<&'static str> {
    SPDX.iter()
        .find(|(debian, _)| debian.eq_ignore_ascii_case(name))
        .map(|(_, spdx)| *spdx)
}

/// The identifier of a licence that SPDX does not list, for one document: SPDX 2.3, 10.1.
#[must_use]
pub fn reference(name: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || letter == '.' {
            letter
        } else {
            '-'
        }
    };
    format!(
        "LicenseRef-{}",
        name.replace('+', "plus").chars().map(plain).collect::<String>()
    )
}

/// An expression for all of Debian's names of a package, and the names in it that SPDX does not list.
#[must_use]
pub fn expression(names: &[String]) -> (String, Vec<String>) {
    let mut unlisted = Vec::new();
    let mut part = |name: &String| {
        let alternatives: Vec<&str> = name.split(" or ").map(str::trim).collect();
        let known: Option<Vec<&str>> = alternatives.iter().map(|name| identifier(name)).collect();
        match known.as_deref() {
            Some([one]) => (*one).to_owned(),
            Some(several) => format!("({})", several.join(" OR ")),
            None => {
                unlisted.push(name.clone());
                reference(name)
            }
        }
    };
    let parts: Vec<String> = names.iter().map(&mut part).collect();
    (parts.join(" AND "), unlisted)
}

/// An expression as Cargo's manifests may still have it: `MIT/Apache-2.0` is `MIT OR Apache-2.0`.
#[must_use]
pub fn of_crate(text: &str) -> Licence {
    if text.is_empty() {
        Licence::Unknown
    } else {
        Licence::Expression(text.replace('/', " OR "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(&["Expat"], "MIT", &[])]
    #[case(&["GPL-2+", "expat"], "GPL-2.0-or-later AND MIT", &[])]
    #[case(&["GPL-1+ or Artistic"], "(GPL-1.0-or-later OR Artistic-1.0-Perl)", &[])]
    #[case(&["Expat", "other (old)+"], "MIT AND LicenseRef-other--old-plus", &["other (old)+"])]
    fn names_become_an_expression(#[case] names: &[&str], #[case] expected: &str, #[case] unlisted: &[&str]) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (expression, found) = expression(&names);
        assert_eq!(
            (expression.as_str(), found),
            (expected, unlisted.iter().map(|name| (*name).to_owned()).collect())
        );
    }

    #[test]
    fn a_slash_is_a_choice() {
        assert_eq!(
            of_crate("MIT/Apache-2.0"),
            Licence::Expression("MIT OR Apache-2.0".into())
        );
        assert_eq!(of_crate(""), Licence::Unknown);
    }
}
