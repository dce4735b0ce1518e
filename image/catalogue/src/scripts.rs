//! `image/scripts.toml`: what a package's maintainer scripts mean for an image that never runs dpkg.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// Symbolic links, by absolute path; the target is written as it stands.
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
