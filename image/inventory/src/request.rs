//! What is asked of the program: JSON files that Nix writes. Each holds `"version": 1` and no field that is not listed
//! here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// `inventory image`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// 1.
    pub version: u32,
    /// `core` or `full`.
    pub flavour: String,
    /// What `assemble image` wrote.
    pub image: PathBuf,
    /// The locks.
    pub locks: Locks,
    /// For each program of ours in the image, the crates in it: `name version licence` a line, as cargo knows them.
    pub crates: BTreeMap<String, PathBuf>,
}

/// The files that say what an image is made of, by what they are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locks {
    /// `image/lock/debian.json`.
    pub debian: PathBuf,
    /// `image/lock/claude.json`.
    pub claude: PathBuf,
    /// `Cargo.lock`.
    pub cargo: PathBuf,
    /// Every file that decides what the image is, these three among them, by its path in the repository.
    pub all: BTreeMap<String, PathBuf>,
}

/// `inventory layout`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// 1.
    pub version: u32,
    /// `core` or `full`.
    pub flavour: String,
    /// What `assemble index` wrote.
    pub layout: PathBuf,
    /// What `inventory image` wrote of each image of the index.
    pub images: Vec<PathBuf>,
    /// As of `inventory image`.
    pub locks: Locks,
}

/// `inventory advisories`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisories {
    /// 1.
    pub version: u32,
    /// What `assemble image` wrote, for each image.
    pub images: Vec<PathBuf>,
    /// A directory of advisories in OSV's form, a file each.
    pub advisories: PathBuf,
    /// `image/advisories.toml`.
    pub exceptions: PathBuf,
}
