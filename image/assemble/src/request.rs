//! What is asked of the program: JSON files that Nix writes. Each holds `"version": 1` and no field that is not listed
//! here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use catalogue::Architecture;
use catalogue::lock::Script;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::mode::Mode;
use crate::path::{ImagePath, PathError};

/// The version of every request and record.
pub const VERSION: u32 = 1;

/// `assemble layer`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// [`VERSION`].
    pub version: u32,
    /// A short noun; the image's history names the layer by it.
    pub name: String,
    /// The architecture of every package.
    pub architecture: Architecture,
    /// The packages. Their order is of no consequence.
    #[serde(default)]
    pub packages: Vec<Package>,
    /// The image's own users, for the rule `accounts`.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// What comes from elsewhere than packages.
    #[serde(default)]
    pub items: Vec<Item>,
    /// Patterns of paths that packages and trees leave out.
    #[serde(default)]
    pub omit: Vec<String>,
}

/// One Debian package.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name, as its control file has it.
    pub package: String,
    /// Its version, as its control file has it.
    pub version: String,
    /// The layer's architecture or `all`, as its control file has it.
    pub architecture: String,
    /// The file.
    pub deb: PathBuf,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    /// `preinst` and `postinst` by name, as the lock knows them.
    #[serde(default)]
    pub scripts: BTreeMap<String, Script>,
}

/// A user of the image with a group of the same name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The name of user and group.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The home directory. It is not made.
    pub home: String,
    /// The login shell.
    pub shell: String,
}

/// Entries that one owner brings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Who.
    pub owner: ItemOwner,
    /// What.
    pub entries: Vec<Entry>,
}

/// An owner that is no Debian package.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct ItemOwner {
    /// Its world.
    pub kind: ItemKind,
    /// Its name in that world.
    pub name: String,
    /// Its version in that world.
    pub version: String,
}

/// The worlds that files come from, besides Debian.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// A Go module.
    Go,
    /// An npm package.
    Npm,
    /// A Rust crate.
    Crate,
    /// Claude Code.
    Anthropic,
    /// This project.
    Ours,
    /// A Debian package that is unpacked and no more, where no package database is wanted.
    Debian,
}

impl ItemKind {
    /// As requests spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Npm => "npm",
            Self::Crate => "crate",
            Self::Anthropic => "anthropic",
            Self::Ours => "ours",
            Self::Debian => "debian",
        }
    }
}

/// One entry of an item.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Entry {
    /// A file that root owns.
    File {
        /// Where its bytes are on this machine; a link there is followed.
        source: PathBuf,
        /// Where it goes.
        path: ImagePath,
        /// In octal.
        mode: Mode,
    },
    /// A directory with all that is in it. Root owns it; directories and executables are 0755, other files 0644; links
    /// are kept as they are.
    Tree {
        /// Where it is on this machine.
        source: PathBuf,
        /// Where it goes; nothing is the root, `/`.
        #[serde(deserialize_with = "path_or_root")]
        path: Option<ImagePath>,
    },
    /// A directory whose mode and owner are settled, whatever packages say of it.
    Directory {
        /// Where it goes.
        path: ImagePath,
        /// In octal.
        mode: Mode,
        /// The owner's number.
        #[serde(default)]
        uid: u32,
        /// The group's number.
        #[serde(default)]
        gid: u32,
    },
    /// A symbolic link.
    Link {
        /// Where it goes.
        path: ImagePath,
        /// As it stands.
        target: String,
    },
}

fn path_or_root<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ImagePath>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match ImagePath::absolute(&text) {
        Err(PathError::Root) => Ok(None),
        Err(error) => Err(de::Error::custom(format!("the path \"{text}\" {error}"))),
        Ok(path) => Ok(Some(path)),
    }
}

/// `assemble loader-cache`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderCache {
    /// [`VERSION`].
    pub version: u32,
    /// As in [`Layer`].
    pub name: String,
    /// The architecture of every layer.
    pub architecture: Architecture,
    /// Who the cache belongs to.
    pub owner: ItemOwner,
    /// What `assemble layer` wrote, every layer of the image.
    pub layers: Vec<PathBuf>,
}

/// `assemble image`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// [`VERSION`].
    pub version: u32,
    /// The architecture of every layer.
    pub architecture: Architecture,
    /// The image's date, RFC 3339. No file's time follows it.
    pub created: String,
    /// What `assemble layer` wrote, from the bottom up.
    pub layers: Vec<PathBuf>,
    /// The object `config` of the OCI image configuration.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// Of the manifest.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// `assemble index`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// [`VERSION`].
    pub version: u32,
    /// What `assemble image` wrote, in the order of the index.
    pub images: Vec<PathBuf>,
    /// Of the index.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// `assemble archive`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// [`VERSION`].
    pub version: u32,
    /// The images, whose common layers are in the archive once.
    pub images: Vec<Tagged>,
}

/// An image with its names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tagged {
    /// What `assemble image` wrote.
    pub image: PathBuf,
    /// Names that `docker load` gives the image: `claude-in-a-box:core`.
    pub tags: Vec<String>,
}

/// Reads a request or a record.
///
/// # Errors
///
/// [`Error::Read`], [`Error::Json`] and, for a version that this program does not know, [`Error::Version`].
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    /// The version is looked at first: the fields of another version would only be unknown fields.
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let json = |source| Error::Json {
        path: path.to_owned(),
        source,
    };
    let bytes = crate::input::bytes(path)?;
    let Versioned { version } = serde_json::from_slice(&bytes).map_err(json)?;
    if version != VERSION {
        return Err(Error::Version {
            path: path.to_owned(),
            version,
        });
    }
    serde_json::from_slice(&bytes).map_err(json)
}
