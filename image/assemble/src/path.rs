//! Paths of an image.

use serde::{Deserialize, Deserializer, de};

/// The top-level names that a merged `/usr` turns into links, as Debian's `base-files` ships them.
const MERGED: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"];

/// A path below the image's root in its one spelling: no leading or trailing slash, no `.`, no `..`, merged `/usr`
/// (`bin/sh` is `usr/bin/sh`). Paths sort by their bytes, so a directory comes before what it holds.
///
/// In requests it is a string that starts with a slash.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ImagePath(String);

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathError {
    /// It starts with a slash where it must not.
    #[error("is absolute")]
    Absolute,
    /// It does not start with a slash where it must.
    #[error("does not start with a slash")]
    Relative,
    /// It climbs.
    #[error("holds \"..\"")]
    Climbs,
    /// It is the root itself.
    #[error("is the root")]
    Root,
    /// It holds a byte below space, or DEL: no such file name belongs in an image, and the lists of files are made of
    /// lines.
    #[error("holds a control character")]
    Control,
}

impl ImagePath {
    /// Reads an absolute path, as requests hold them.
    ///
    /// # Errors
    ///
    /// [`PathError`] says what is wrong with it.
    pub fn absolute(text: &str) -> Result<Self, PathError> {
        Self::member(text.strip_prefix('/').ok_or(PathError::Relative)?)
    }

    /// Reads the name of an archive's member: `./usr/bin/` is `usr/bin`.
    ///
    /// # Errors
    ///
    /// [`PathError`] says what is wrong with it; [`PathError::Root`] is `./`, which is no mistake in an archive.
    pub fn member(text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.chars().any(char::is_control) {
            return Err(PathError::Control);
        }
        let parts: Vec<&str> = text
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        if parts.contains(&"..") {
            return Err(PathError::Climbs);
        }
        match parts.as_slice() {
            [] => Err(PathError::Root),
            [top, _, ..] if MERGED.contains(top) => Ok(Self(format!("usr/{}", parts.join("/")))),
            _ => Ok(Self(parts.join("/"))),
        }
    }

    /// The path as an archive has it: `usr/bin/sh`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directories above, the highest first.
    pub fn parents(&self) -> impl Iterator<Item = Self> + '_ {
        self.0
            .match_indices('/')
            .filter_map(|(end, _)| self.0.get(..end))
            .map(|parent| Self(parent.to_owned()))
    }

    /// Where a directory of this name stands in a merged `/usr`: `usr/bin` for `bin`. Nothing for other paths.
    #[must_use]
    pub fn merged(&self) -> Option<Self> {
        MERGED.contains(&self.as_str()).then(|| Self(format!("usr/{}", self.0)))
    }

    /// A path below this one.
    ///
    /// # Errors
    ///
    /// As [`ImagePath::member`].
    pub fn join(&self, below: &str) -> Result<Self, PathError> {
        Self::member(&format!("{}/{below}", self.0))
    }
}

impl std::fmt::Display for ImagePath {
    /// With a leading slash, for people.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "/{}", self.0)
    }
}

impl<'de> Deserialize<'de> for ImagePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::absolute(&text).map_err(|error| de::Error::custom(format!("the path \"{text}\" {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("./usr/bin/bash", "usr/bin/bash")]
    #[case("usr//bin/./", "usr/bin")]
    #[case("./bin/sh", "usr/bin/sh")]
    #[case("lib64/ld-linux-x86-64.so.2", "usr/lib64/ld-linux-x86-64.so.2")]
    #[case("./bin", "bin")]
    #[case("./binary/x", "binary/x")]
    #[case("opt/bin/x", "opt/bin/x")]
    #[case(
        "usr/share/ca-certificates/mozilla/Főtanúsítvány.crt",
        "usr/share/ca-certificates/mozilla/Főtanúsítvány.crt"
    )]
    fn has_one_spelling(#[case] text: &str, #[case] path: &str) {
        assert_eq!(ImagePath::member(text).unwrap().as_str(), path);
    }

    #[rstest]
    #[case("/etc/passwd", PathError::Absolute)]
    #[case("./usr/../etc", PathError::Climbs)]
    #[case("..", PathError::Climbs)]
    #[case("./", PathError::Root)]
    #[case("", PathError::Root)]
    #[case("etc/a\nb", PathError::Control)]
    #[case("etc/a\u{0}b", PathError::Control)]
    fn hostile_names_are_refused(#[case] text: &str, #[case] error: PathError) {
        assert_eq!(ImagePath::member(text), Err(error));
    }

    #[test]
    fn parents_come_from_the_top() {
        let path = ImagePath::absolute("/usr/share/doc").unwrap();
        let parents: Vec<String> = path.parents().map(|parent| parent.to_string()).collect();
        assert_eq!(parents, ["/usr", "/usr/share"]);
    }
}
