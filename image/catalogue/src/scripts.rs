//! `image/scripts.toml`: what a package's maintainer scripts mean for an image that never runs dpkg.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Architecture;

/// The whole file: package name, then script name (`preinst`, `postinst`, `prerm`, `postrm`, `config`), then the decision.
///
/// `prerm`, `postrm` and `config` never matter to an image whose packages are never removed and never ask; only
/// `preinst` and `postinst` are listed.
pub type Scripts = BTreeMap<String, BTreeMap<String, Decision>>;

/// What one script means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Decision {
    /// What the assembler does in the script's place.
    pub rule: Rule,
    /// Why that is right, for people.
    pub why: String,
}

/// What the assembler does in the place of a script.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Rule {
    /// Nothing: the script's effect is of no use in an image, or already there.
    None,
    /// Symbolic links, by absolute path; the target is written as it stands. `{multiarch}` in either is the name of the
    /// architecture's directory of libraries; the lock holds the name itself.
    Links(BTreeMap<String, String>),
    /// Directories that root owns, by absolute path, with their octal mode.
    Directories(BTreeMap<String, String>),
    /// `/etc/passwd`, `/etc/group` (and `/etc/shadow`-less) from base-passwd's masters and the image's own user.
    Accounts,
    /// `/etc/ssl/certs/ca-certificates.crt` out of the package's certificates, in file-name order.
    CaCertificates,
    /// Each of these: a script may do several things.
    All(Vec<Rule>),
    /// `/etc/shells` out of `/usr/share/debianutils/shells.d` and the package's own list.
    Shells(Vec<String>),
}

/// What stands in a rule for [`Architecture::multiarch`].
const MULTIARCH: &str = "{multiarch}";

impl Rule {
    /// The rule as it is for a package of this architecture, by Debian's name. A package of `all` has no directory of
    /// libraries of its own, and keeps the rule as it stands.
    #[must_use]
    pub fn on(&self, architecture: &str) -> Self {
        let Some(architecture) = Architecture::ALL.into_iter().find(|it| it.debian() == architecture) else {
            return self.clone();
        };
        let fill = |text: &String| text.replace(MULTIARCH, architecture.multiarch());
        match self {
            Self::Links(links) => Self::Links(links.iter().map(|(path, target)| (fill(path), fill(target))).collect()),
            Self::All(rules) => Self::All(rules.iter().map(|rule| rule.on(architecture.debian())).collect()),
            Self::None | Self::Directories(_) | Self::Accounts | Self::CaCertificates | Self::Shells(_) => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_the_directory_of_libraries() {
        let links = |path: &str| Rule::Links(BTreeMap::from([(path.to_owned(), "blas/libblas.so.3".to_owned())]));
        let rule = Rule::All(vec![links("/usr/lib/{multiarch}/libblas.so.3")]);
        let on = |path| Rule::All(vec![links(path)]);
        assert_eq!(rule.on("armhf"), on("/usr/lib/arm-linux-gnueabihf/libblas.so.3"));
        assert_eq!(rule.on("all"), rule);
    }
}
