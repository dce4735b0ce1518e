//! `cbox fetch`: what a build takes from outside, got with this machine's own clients.
//!
//! The flake says which files it wants, under which store path, and how to get each ([`Source`]). The clients follow
//! this machine's configuration (mirrors, proxies, private CAs); every file is checked against its hash and added to
//! the store under the very path that the flake's own fetch would produce, so Nix never asks a server for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lock_update::apt::{Apt, AptError, Download};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::nix;
use crate::process;
use crate::project::Project;

/// How many store paths one command line names.
const PATHS_AT_ONCE: usize = 500;

/// One file that a build wants.
#[derive(Clone, Debug, Deserialize)]
struct Source {
    /// Where it belongs in the store.
    path: PathBuf,
    /// It is stored with its executable bit, under a recursive hash.
    #[serde(default)]
    executable: bool,
    /// Of the file, in hexadecimal; a recursive hash is checked by the store path alone.
    sha256: Option<String>,
    /// Who gets it.
    #[serde(flatten)]
    client: Client,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "client", rename_all = "lowercase")]
enum Client {
    /// A file of a Debian archive.
    Apt {
        /// As the lock names it.
        archive: String,
        /// Below the archive's root.
        file: String,
    },
    /// An npm package's archive, or one member of it.
    Npm {
        /// The package.
        npm: String,
        /// Its version.
        version: String,
        /// A path below the archive's `package/`.
        member: Option<String>,
    },
}

/// Fetches everything, the trees that Nix fetches by itself included: afterwards a build needs no network.
pub(crate) fn command(project: &Project, options: &arguments::Fetch) -> Result<ExitCode, Failure> {
    missing(project, options.amd64)?;
    let mut sources = vec![if options.amd64 { "sources-amd64" } else { "sources" }];
    if options.cluster {
        missing_for_cluster(project)?;
        sources.push("sources-cluster");
    }
    nix::build(project, &sources, "the sources")?;
    println!("everything that a build takes from outside is in the Nix store");
    Ok(ExitCode::SUCCESS)
}

/// Puts into the store what the image takes and is missing there.
pub(crate) fn missing(project: &Project, amd64: bool) -> Result<(), Failure> {
    fill(project, if amd64 { "lib.prefill.amd64" } else { "lib.prefill.all" })
}

/// Puts into the store what the test cluster's node takes and is missing there.
pub(crate) fn missing_for_cluster(project: &Project) -> Result<(), Failure> {
    fill(project, "lib.prefill.cluster")
}

fn fill(project: &Project, list: &str) -> Result<(), Failure> {
    let wanted: Vec<Source> = nix::value(project, list)?;
    let (present, mut missing): (Vec<Source>, Vec<Source>) =
        wanted.into_iter().partition(|source| source.path.exists());
    let invalid = invalid(&present)?;
    missing.extend(present.into_iter().filter(|source| invalid.contains(&source.path)));
    if missing.is_empty() {
        return Ok(());
    }
    let scratch = project.cache.join("fetch");
    fs::create_dir_all(&scratch).map_err(|error| cannot_write(&scratch, &error))?;
    let scratch = tempfile::tempdir_in(&scratch).map_err(|error| cannot_write(&scratch, &error))?;
    debian(project, &missing, scratch.path())?;
    npm(project, &missing, scratch.path())
}

/// Files that are there but not in the store: a client that was killed while it added them left them.
fn invalid(present: &[Source]) -> Result<BTreeSet<PathBuf>, Failure> {
    let mut invalid = BTreeSet::new();
    for some in present.chunks(PATHS_AT_ONCE) {
        let mut check = Command::new("nix-store");
        check
            .args(["--check-validity", "--print-invalid"])
            .args(some.iter().map(|source| &source.path));
        invalid.extend(process::read(&mut check)?.lines().map(PathBuf::from));
    }
    Ok(invalid)
}

/// Debian packages; a machine without apt leaves them to Nix, which asks Debian's snapshot service.
fn debian(project: &Project, missing: &[Source], scratch: &Path) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    for source in missing {
        if let (Client::Apt { archive, file }, Some(sha256)) = (&source.client, &source.sha256) {
            let target = scratch.join(store_name(&source.path));
            wanted.push((
                source,
                Download {
                    archive: archive.clone(),
                    path: file.clone(),
                    sha256: sha256.clone(),
                    target,
                },
            ));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        eprintln!(
            "cbox: {} Debian packages come from Debian's snapshot service: this machine has no apt",
            wanted.len()
        );
        return Ok(());
    }
    eprintln!("cbox: fetching {} Debian packages with apt", wanted.len());
    let apt = Apt::open(&project.cache.join("apt"), &BTreeSet::new()).map_err(|error| from_apt(&error))?;
    let downloads: Vec<Download> = wanted.iter().map(|(_, download)| download.clone()).collect();
    apt.download(&downloads, |_| {}).map_err(|error| from_apt(&error))?;
    for (source, download) in &wanted {
        add(source, &download.target)?;
    }
    Ok(())
}

/// npm packages; `npm` itself is installed by the launcher when it is missing.
fn npm(project: &Project, missing: &[Source], scratch: &Path) -> Result<(), Failure> {
    let mut packages: BTreeMap<String, Vec<(&Source, Option<&str>)>> = BTreeMap::new();
    for source in missing {
        if let Client::Npm { npm, version, member } = &source.client {
            packages
                .entry(format!("{npm}@{version}"))
                .or_default()
                .push((source, member.as_deref()));
        }
    }
    if packages.is_empty() {
        return Ok(());
    }
    let mut install = Command::new(project.root.join("cbox"));
    install.args(["--install", "npm"]);
    // The launcher says itself what it installs, and why it cannot.
    let status = install
        .status()
        .map_err(|error| process::not_started(&install, &error))?;
    if !status.success() {
        return Err(Failure::new(
            Code::Unavailable,
            format!(
                "npm is needed for {}",
                packages.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    for (package, files) in packages {
        eprintln!("cbox: fetching {package} with npm");
        let mut pack = Command::new("npm");
        pack.args(["pack", "--silent", "--pack-destination"])
            .arg(scratch)
            .arg(&package);
        let printed = process::read(&mut pack)?;
        let archive = scratch.join(printed.lines().last().unwrap_or_default());
        for (source, member) in files {
            match member {
                None => add(source, &archive)?,
                Some(member) => {
                    let member = format!("package/{member}");
                    process::read(
                        Command::new("tar")
                            .arg("-xzf")
                            .arg(&archive)
                            .arg("-C")
                            .arg(scratch)
                            .arg(&member),
                    )?;
                    add(source, &scratch.join(member))?;
                }
            }
        }
    }
    Ok(())
}

/// Checks a file and adds it to the store as the path that the flake wants.
fn add(source: &Source, file: &Path) -> Result<(), Failure> {
    if let Some(expected) = &source.sha256 {
        let got = sha256(file)?;
        if got != *expected {
            return Err(Failure::new(
                Code::Data,
                format!(
                    "{} has sha256 {got}, but image/lock/ pins {expected}: run ./cbox lock if the pin is stale, else do not \
                     trust where it came from",
                    store_name(&source.path)
                ),
            ));
        }
    }
    // The store takes a file's name as it is.
    let named = file.with_file_name(store_name(&source.path));
    if named != file {
        fs::rename(file, &named).map_err(|error| cannot_write(&named, &error))?;
    }
    let mode = if source.executable { 0o755 } else { 0o644 };
    fs::set_permissions(&named, fs::Permissions::from_mode(mode)).map_err(|error| cannot_write(&named, &error))?;
    let mut store = Command::new("nix-store");
    store.arg("--add-fixed");
    if source.executable {
        store.arg("--recursive");
    }
    let added = process::read(store.arg("sha256").arg(&named))?;
    fs::remove_file(&named).map_err(|error| cannot_write(&named, &error))?;
    if Path::new(&added) != source.path {
        return Err(Failure::new(
            Code::Data,
            format!(
                "{} is not the file that image/lock/ pins: it would be {added} in the store, not {}",
                store_name(&source.path),
                source.path.display()
            ),
        ));
    }
    Ok(())
}

fn sha256(file: &Path) -> Result<String, Failure> {
    let cannot_read =
        |error: std::io::Error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", file.display()));
    let mut reader = fs::File::open(file).map_err(cannot_read)?;
    let mut hash = Sha256::new();
    std::io::copy(&mut reader, &mut HashWriter(&mut hash)).map_err(cannot_read)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `/nix/store/<hash>-bash_amd64.deb` -> `bash_amd64.deb`.
fn store_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    file.split_once('-')
        .map_or_else(|| file.to_string(), |(_, name)| name.to_owned())
}

fn from_apt(error: &AptError) -> Failure {
    let code = match error {
        AptError::Mismatch { .. } => Code::Data,
        _ => Code::Unavailable,
    };
    Failure::new(code, error.to_string())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::CannotCreate, format!("cannot write {}: {error}", path.display()))
}
