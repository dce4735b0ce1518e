//! What the locks know of what an image is made of.

use std::collections::BTreeMap;
use std::path::Path;

use assemble::digest::Digest;
use assemble::input;
use catalogue::{load, lock};
use serde::Deserialize;

use crate::error::Error;
use crate::licence::{self, Licence};
use crate::request;

/// The locks, read.
#[derive(Clone, Debug)]
pub struct Locks {
    /// `debian.json`.
    pub debian: lock::Debian,
    /// `claude.json`.
    pub claude: lock::Claude,
    /// SHA-256 of crates by name and version, in hexadecimal.
    pub crates: BTreeMap<(String, String), String>,
    /// Every file that decides what the image is, by its path in the repository.
    pub files: BTreeMap<String, Digest>,
}

/// A crate that a program of ours is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What its manifest says.
    pub licence: Licence,
}

impl Locks {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`Error`] names the file and what is wrong with it.
    pub fn load(request: &request::Locks) -> Result<Self, Error> {
        let files = request
            .all
            .iter()
            .map(|(name, path)| Ok((name.clone(), Digest::of(&input::bytes(path)?))));
        Ok(Self {
            debian: load::debian(&request.debian)?,
            claude: load::claude(&request.claude)?,
            crates: cargo(&request.cargo)?,
            files: files.collect::<Result<_, Error>>()?,
        })
    }
}

/// The checksums of `Cargo.lock`; crates of ours have none.
fn cargo(path: &Path) -> Result<BTreeMap<(String, String), String>, Error> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(&text(path)?).map_err(|error| Error::form(path, error.to_string()))?;
    let checksum = |package: Package| Some(((package.name, package.version), package.checksum?));
    Ok(lock.package.into_iter().filter_map(checksum).collect())
}

/// The crates of a program: a line each of name, version and licence, with tabs between.
///
/// # Errors
///
/// [`Error::Form`] for a line of another form.
pub fn crates(path: &Path) -> Result<Vec<Crate>, Error> {
    let line = |line: &str| {
        let mut words = line.split('\t');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(name), Some(version), Some(licence), None) => Ok(Crate {
                name: name.to_owned(),
                version: version.to_owned(),
                licence: licence::of_crate(licence),
            }),
            _ => Err(Error::form(path, format!("\"{line}\" is no name, version and licence"))),
        }
    };
    text(path)?.lines().map(line).collect()
}

fn text(path: &Path) -> Result<String, Error> {
    String::from_utf8(input::bytes(path)?).map_err(|_| Error::form(path, "it is not UTF-8"))
}
