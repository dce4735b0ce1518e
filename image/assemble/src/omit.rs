//! What packages and trees leave out.

use crate::path::ImagePath;

/// Patterns of paths. `*` stands for any part of a name, `**` for any number of names; `/usr/share/man/**` is the
/// directory itself, too.
///
/// `/usr/share/doc/*/copyright` stays whatever the patterns say, and so do the links of `/usr/share/doc` that lead to
/// another package's: Debian's licences ask that it goes with the files.
#[derive(Clone, Debug, Default)]
pub struct Omit {
    patterns: Vec<Vec<String>>,
}

impl Omit {
    /// Patterns as requests hold them.
    ///
    /// # Errors
    ///
    /// The pattern that does not start with a slash.
    pub fn parse(patterns: &[String]) -> Result<Self, String> {
        let names = |pattern: &String| {
            let below = pattern.strip_prefix('/').ok_or_else(|| pattern.clone())?;
            Ok(below.split('/').map(str::to_owned).collect())
        };
        Ok(Self {
            patterns: patterns.iter().map(names).collect::<Result<_, String>>()?,
        })
    }

    /// Whether a path is left out.
    #[must_use]
    pub fn leaves_out(&self, path: &ImagePath, is_link: bool) -> bool {
        let names: Vec<&str> = path.as_str().split('/').collect();
        let stays = match names.as_slice() {
            ["usr", "share", "doc", _, "copyright"] => true,
            ["usr", "share", "doc", _] => is_link,
            _ => false,
        };
        !stays && self.patterns.iter().any(|pattern| path_matches(pattern, &names))
    }
}

fn path_matches(pattern: &[String], names: &[&str]) -> bool {
    match pattern.split_first() {
        None => names.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=names.len()).any(|skipped| path_matches(rest, names.get(skipped..).unwrap_or_default()))
        }
        Some((first, rest)) => names
            .split_first()
            .is_some_and(|(name, names)| name_matches(first, name) && path_matches(rest, names)),
    }
}

fn name_matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            name.char_indices()
                .map(|(at, _)| at)
                .chain([name.len()])
                .any(|at| name.get(at..).is_some_and(|name| name_matches(rest, name)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/usr/share/man/man1/ls.1.gz", false, true)]
    #[case("/usr/share/man", false, true)]
    #[case("/usr/share/manual", false, false)]
    #[case("/usr/share/doc/bash/README", false, true)]
    #[case("/usr/share/doc/bash/copyright", false, false)]
    #[case("/usr/share/doc/bash/old/copyright", false, true)]
    #[case("/usr/share/doc/libgcc-s1", true, false)]
    #[case("/usr/share/doc/libgcc-s1", false, true)]
    #[case("/usr/lib/python3/__pycache__/x.pyc", false, true)]
    #[case("/usr/lib/python3/x.py", false, false)]
    #[case("/usr/lib/python3/test-é.pyc", false, true)]
    #[case("/usr/lib/locale/C.utf8/LC_CTYPE", false, false)]
    fn patterns_match(#[case] path: &str, #[case] is_link: bool, #[case] left_out: bool) {
        let patterns = [
            "/usr/share/man/**",
            "/usr/share/doc/**",
            "/usr/lib/**/__pycache__/*.pyc",
            "/usr/lib/python3/t*-*.pyc",
        ];
        let omit = Omit::parse(&patterns.map(str::to_owned)).unwrap();
        assert_eq!(omit.leaves_out(&ImagePath::absolute(path).unwrap(), is_link), left_out);
    }

    #[test]
    fn a_pattern_starts_at_the_root() {
        assert_eq!(Omit::parse(&["usr/**".to_owned()]).unwrap_err(), "usr/**");
    }
}
