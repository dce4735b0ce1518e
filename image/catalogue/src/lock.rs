//! `image/lock/`: what `tools.toml` resolves to. Written by `cbox lock`, read by Nix; people only review it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tools::Flavour;
use crate::{Architecture, scripts::Rule};

/// `lock/debian.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Debian {
    /// The archives by name (`debian`, `debian-security`).
    pub archives: BTreeMap<String, Archive>,
    /// Every package, keyed `name:architecture` with the package's own architecture (`all` among them).
    #[serde(deserialize_with = "crate::unique::map")]
    pub packages: BTreeMap<String, Package>,
    /// The layers of each architecture's image from the bottom up; a package stands in one layer.
    pub image: BTreeMap<Architecture, Vec<Layer>>,
    /// Keys of `packages` by build set.
    pub build: BTreeMap<String, Vec<String>>,
    /// Keys of `packages` by set of the test cluster.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cluster: BTreeMap<String, Vec<String>>,
}

/// One archive as Debian's snapshot service names it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Archive {
    /// `YYYYMMDDThhmmssZ`: the newest `Date` of the archive's `Release` files.
    pub snapshot: String,
    /// The suites that were read.
    pub suites: Vec<String>,
    /// The suites that could not be read for an architecture, whose packages may therefore lack updates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub without: BTreeMap<Architecture, Vec<String>>,
}

/// One binary package.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Package {
    /// The binary package's name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its own architecture: `amd64`, `arm64`, `armhf` or `all`.
    pub architecture: String,
    /// A key of `archives`.
    pub archive: String,
    /// The path below the archive's root: `pool/main/…`.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Of the `.deb` file, in hexadecimal.
    pub sha256: String,
    /// `preinst` and `postinst` by name, for packages of an image; others run nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scripts: BTreeMap<String, Script>,
}

/// A maintainer script that the lock knows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Script {
    /// Of the script as the package holds it, in hexadecimal.
    pub sha256: String,
    /// What stands in its place.
    pub rule: Rule,
}

/// The packages of one layer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Layer {
    /// As `tools.toml` names it.
    pub name: String,
    /// The smallest flavour that holds it.
    pub flavour: Flavour,
    /// Keys of `packages`, sorted.
    pub packages: Vec<String>,
}

/// `lock/waiting.json`: the versions that are not taken yet, keyed like [`Debian::packages`]. Nothing is built from it.
pub type Waiting = BTreeMap<String, Wait>;

/// A version that waits until it has been on offer for long enough.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wait {
    /// The version.
    pub version: String,
    /// When `cbox lock` saw it first, as RFC 3339 writes it, in UTC.
    pub first_seen: String,
}

/// `lock/claude.json`: Claude Code on each architecture.
pub type Claude = BTreeMap<Architecture, ClaudeRelease>;

/// One release of Claude Code for one architecture.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum ClaudeRelease {
    /// Anthropic's own binary.
    Native {
        /// The release.
        version: String,
        /// Where Anthropic publishes the binary.
        url: String,
        /// The npm package that holds the same binary as `package/claude`.
        npm: String,
        /// Of the binary, in hexadecimal.
        sha256: String,
        /// Of the binary, in bytes.
        size: u64,
    },
    /// A release that runs on Node.js.
    Javascript {
        /// The release.
        version: String,
        /// The npm package.
        npm: String,
        /// Of the package's archive, as npm writes it: `sha512-` and base64.
        integrity: String,
        /// Of the package's archive, in hexadecimal.
        sha256: String,
        /// Of the package's archive, in bytes.
        size: u64,
    },
}

impl ClaudeRelease {
    /// The release's version.
    #[must_use]
    pub fn version(&self) -> &str {
        match self {
            Self::Native { version, .. } | Self::Javascript { version, .. } => version,
        }
    }
}
