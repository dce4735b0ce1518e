//! Maintainer scripts: what packages bring, and whether `scripts.toml` has decided on all of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use catalogue::lock::Script;
use catalogue::scripts::Scripts;

use crate::command::{self, CommandError};
use crate::hash;

/// The scripts that run when a package is installed.
pub const NAMES: [&str; 2] = ["preinst", "postinst"];

/// The scripts of one package.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The package's name, which is what decisions go by.
    pub package: String,
    /// Each script's hash, by the script's name.
    pub scripts: BTreeMap<String, String>,
}

/// A script that nobody has decided on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Undecided {
    /// The package's name.
    pub package: String,
    /// `preinst` or `postinst`.
    pub script: String,
    /// Of the script's text, in hexadecimal; architectures may have different texts.
    pub sha256: String,
    /// The packages' own architectures that have this text.
    pub architectures: Vec<String>,
    /// Where the text can be read.
    pub text: PathBuf,
}

impl fmt::Display for Undecided {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            package,
            script,
            sha256,
            architectures,
            text,
        } = self;
        write!(
            formatter,
            "{package}.{script} [{}] (sha256 {sha256}): {}",
            architectures.join(" "),
            text.display()
        )
    }
}

/// `scripts.toml` and the packages do not go together.
#[derive(Clone, Debug, Default, Eq, PartialEq, thiserror::Error)]
pub struct ScriptsError {
    /// Scripts without a decision.
    pub undecided: Vec<Undecided>,
    /// Decisions without a script, as `package.script`.
    pub stale: Vec<String>,
}

impl fmt::Display for ScriptsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        if !self.undecided.is_empty() {
            lines.push(
                "image/scripts.toml must decide on these scripts; read each and add its `rule` and `why`:".to_owned(),
            );
            lines.extend(self.undecided.iter().map(|it| format!("  {it}")));
        }
        if !self.stale.is_empty() {
            let stale = self.stale.join(", ");
            lines.push(format!(
                "image/scripts.toml decides on scripts that no package has; take them out: {stale}"
            ));
        }
        formatter.write_str(&lines.join("\n"))
    }
}

/// Joins scripts, by the key of their package, with the decisions on them.
///
/// # Errors
///
/// When a script has no decision, or a decision no script: all of them at once. `texts` is where people find the
/// scripts, as [`read`] puts them.
pub fn decide(
    found: &BTreeMap<String, Found>,
    decisions: &Scripts,
    texts: &Path,
) -> Result<BTreeMap<String, BTreeMap<String, Script>>, ScriptsError> {
    let mut decided = BTreeMap::new();
    let mut undecided: BTreeMap<(&str, &str, &str), Vec<String>> = BTreeMap::new();
    let mut error = ScriptsError::default();
    for (key, package) in found {
        let mut scripts = BTreeMap::new();
        let architecture = key.split_once(':').map_or("", |it| it.1);
        for (script, sha256) in &package.scripts {
            match decisions.get(&package.package).and_then(|it| it.get(script)) {
                Some(decision) => {
                    scripts.insert(
                        script.clone(),
                        Script {
                            sha256: sha256.clone(),
                            rule: decision.rule.on(architecture),
                        },
                    );
                }
                None => {
                    undecided
                        .entry((&package.package, script, sha256))
                        .or_default()
                        .push(architecture.to_owned());
                }
            }
        }
        decided.insert(key.clone(), scripts);
    }
    for ((package, script, sha256), architectures) in undecided {
        error.undecided.push(Undecided {
            package: package.to_owned(),
            script: script.to_owned(),
            sha256: sha256.to_owned(),
            architectures,
            text: text_path(texts, sha256),
        });
    }
    for (package, scripts) in decisions {
        let known = |script: &String| {
            found
                .values()
                .any(|it| it.package == *package && it.scripts.contains_key(script))
        };
        error.stale.extend(
            scripts
                .keys()
                .filter(|script| !known(script))
                .map(|script| format!("{package}.{script}")),
        );
    }
    match error.undecided.is_empty() && error.stale.is_empty() {
        true => Ok(decided),
        false => Err(error),
    }
}

/// The scripts of a package's file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// dpkg-deb does not take the file.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file that belongs to the work cannot be read or written.
    #[error("cannot read or write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Reads the scripts out of a `.deb` file and saves each under `texts`, where people find it.
///
/// # Errors
///
/// When the file is no package or the texts cannot be written.
pub fn read(package: &str, deb: &Path, texts: &Path) -> Result<Found, ReadError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| ReadError::File { path, source }
    };
    let directory = tempfile::tempdir().map_err(file(&std::env::temp_dir()))?;
    command::output(Command::new("dpkg-deb").arg("--control").arg(deb).arg(directory.path()))?;
    let mut scripts = BTreeMap::new();
    for name in NAMES {
        let path = directory.path().join(name);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(file(&path)(error)),
        };
        let sha256 = hash::sha256(&text);
        let target = text_path(texts, &sha256);
        fs::create_dir_all(texts).map_err(file(texts))?;
        fs::write(&target, text).map_err(file(&target))?;
        scripts.insert(name.to_owned(), sha256);
    }
    Ok(Found {
        package: package.to_owned(),
        scripts,
    })
}

fn text_path(texts: &Path, sha256: &str) -> PathBuf {
    texts.join(sha256)
}
