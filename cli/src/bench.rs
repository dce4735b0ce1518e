//! `cbox bench`: how long a build takes, beside mmdebstrap in the same run. [`agent`], [`cluster`] and [`init`] measure theirs.
//!
//! Method: all inputs are in the store. Each measurement is a whole process from start to end, the two of a ratio in
//! turn (A B A B …), and the median is reported with the smallest and the largest.
//!
//! - *cold assembly*: every layer, image and layout of three architectures is deleted from the store, then
//!   `nix build .#image` makes them again;
//! - *mmdebstrap*: `mmdebstrap --variant=minbase` makes one root file system of one architecture, with its packages from
//!   this machine's mirror, and throws it away;
//! - *one layer's bump*: a copy of the checkout with one changed file of the image's top layer is built;
//! - *no-op*: `nix build .#image` with nothing to do.

mod agent;
mod cluster;
mod init;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lock_update::apt::Apt;
use serde::Serialize;

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::nix;
use crate::prefill;
use crate::process;
use crate::project::Project;

pub(crate) use init::is_root;

/// The counted runs of one measurement, in the unit that is told beside it.
#[derive(Debug, Serialize)]
struct Measurement {
    name: &'static str,
    minimum: f64,
    median: f64,
    maximum: f64,
}

impl Measurement {
    fn of(name: &'static str, mut measured: Vec<f64>) -> Self {
        measured.sort_by(f64::total_cmp);
        let at = |index: usize| measured.get(index).copied().unwrap_or_default();
        Self {
            name,
            minimum: at(0),
            median: at(measured.len() / 2),
            maximum: at(measured.len().saturating_sub(1)),
        }
    }
}

/// Measures and prints a table.
pub(crate) fn command(project: &Project, options: &arguments::Bench) -> Result<ExitCode, Failure> {
    match &options.what {
        None => build(project, &options.measure),
        Some(arguments::BenchWhat::Agent(options)) => agent::command(project, options),
        Some(arguments::BenchWhat::Cluster(options)) => cluster::command(project, options),
        Some(arguments::BenchWhat::Init(options)) => init::command(project, options),
        Some(arguments::BenchWhat::Reaper { program }) => init::reap(program),
    }
}

/// The build, beside mmdebstrap.
fn build(project: &Project, options: &arguments::Measure) -> Result<ExitCode, Failure> {
    prefill::missing(project, false)?;
    nix::build(project, &["image"], "the image")?;
    let measured = measure(project, options);
    // Other flavours hold the same layers, so they went too.
    nix::build(project, &crate::build::LAYOUTS, "the images again")?;
    measured.map(|()| ExitCode::SUCCESS)
}

fn measure(project: &Project, options: &arguments::Measure) -> Result<(), Failure> {
    let sources = sources_list(project)?;
    let assembled: Vec<PathBuf> = nix::value(project, "lib.assembled")?;
    let image = project.output("image");

    let mut cold = Vec::new();
    let mut mmdebstrap = Vec::new();
    for _ in 0..options.runs {
        delete(&assembled)?;
        cold.push(seconds(nix::nix().args(["build", "--no-link", &image]))?);
        mmdebstrap.push(seconds(
            Command::new("mmdebstrap")
                .args(["--quiet", "--variant=minbase", lock_update::apt::RELEASE, "/dev/null"])
                .arg(sources.path()),
        )?);
    }
    let before = blobs(project, &image)?;
    let mut bump = Vec::new();
    let mut new_blobs = 0;
    for _ in 0..options.runs {
        let copy = copied(project, |copy| {
            let changed = copy.join("image/rootfs/etc/box-bench");
            fs::write(&changed, nonce()).map_err(|error| cannot_copy(&changed, &error))
        })?;
        let image = format!("path:{}#image", copy.path().display());
        bump.push(seconds(nix::nix().args(["build", "--no-link", &image]))?);
        new_blobs = blobs(project, &image)?.difference(&before).count();
    }
    let mut nothing = Vec::new();
    for _ in 0..options.runs {
        nothing.push(seconds(nix::nix().args(["build", "--no-link", &image]))?);
    }

    let measurements = [
        Measurement::of("cold assembly of three architectures", cold),
        Measurement::of("mmdebstrap --variant=minbase, one architecture", mmdebstrap),
        Measurement::of("one layer's bump", bump),
        Measurement::of("no-op", nothing),
    ];
    let ratio = measurements[0].median / measurements[1].median;
    if options.json {
        println!(
            "{}",
            serde_json::json!({ "seconds": measurements, "cold_to_mmdebstrap": ratio, "new_blobs": new_blobs })
        );
    } else {
        println!(
            "{:<48} {:>8} {:>8} {:>8}  seconds, {} runs",
            "", "min", "median", "max", options.runs
        );
        for it in &measurements {
            println!(
                "{:<48} {:>8.2} {:>8.2} {:>8.2}",
                it.name, it.minimum, it.median, it.maximum
            );
        }
        println!(
            "cold assembly takes {ratio:.2} of mmdebstrap's time; a bump adds {new_blobs} blobs to the layout, documents among them"
        );
    }
    Ok(())
}

/// Takes what was assembled out of the store, with all that refers to it: other flavours' images, links of results.
fn delete(assembled: &[PathBuf]) -> Result<(), Failure> {
    let present: Vec<&PathBuf> = assembled.iter().filter(|path| path.exists()).collect();
    if present.is_empty() {
        return Ok(());
    }
    let referrers = process::read(
        Command::new("nix-store")
            .args(["--query", "--referrers-closure"])
            .args(present),
    )?;
    // A derivation in the store would keep what it makes.
    let forget = [
        "--option",
        "keep-derivations",
        "false",
        "--option",
        "keep-outputs",
        "false",
    ];
    process::read(
        Command::new("nix-store")
            .args(["--delete", "--ignore-liveness"])
            .args(forget)
            .args(referrers.lines()),
    )?;
    Ok(())
}

/// The wall time of a command that must succeed.
fn seconds(command: &mut Command) -> Result<f64, Failure> {
    let started = Instant::now();
    process::read(command)?;
    Ok(started.elapsed().as_secs_f64())
}

/// This machine's mirror with the image's release and this machine's architecture, as a `sources.list`.
fn sources_list(project: &Project) -> Result<tempfile::NamedTempFile, Failure> {
    let root = project.cache.join("apt");
    Apt::open(&root, &BTreeSet::new()).map_err(|error| Failure::new(Code::Unavailable, error.to_string()))?;
    let path = root.join("sources.list");
    let all = fs::read_to_string(&path)
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display())))?;
    // The first line is the release itself; its updates change nothing about how long mmdebstrap takes.
    let release = all
        .lines()
        .next()
        .unwrap_or_default()
        .replace("arch=amd64,arm64,armhf", "arch=amd64");
    let file = tempfile::NamedTempFile::new()
        .map_err(|error| Failure::new(Code::CannotCreate, format!("cannot create a temporary file: {error}")))?;
    fs::write(file.path(), release + "\n").map_err(|error| cannot_copy(file.path(), &error))?;
    Ok(file)
}

/// The blobs of a layout, by digest.
fn blobs(project: &Project, image: &str) -> Result<BTreeSet<String>, Failure> {
    let link = project.cache.join("roots/bench");
    process::read(nix::nix().args(["build", "--out-link"]).arg(&link).arg(image))?;
    let folder = link.join("blobs/sha256");
    let names = fs::read_dir(&folder)
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", folder.display())))?;
    Ok(names
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect())
}

/// A copy of what git tracks, changed.
fn copied(project: &Project, change: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<tempfile::TempDir, Failure> {
    let copy = tempfile::tempdir().map_err(|error| {
        Failure::new(
            Code::CannotCreate,
            format!("cannot create a temporary directory: {error}"),
        )
    })?;
    let tracked = process::read(
        Command::new("git")
            .arg("-C")
            .arg(&project.root)
            .args(["ls-files", "-z"]),
    )?;
    for name in tracked.split('\0').filter(|name| !name.is_empty()) {
        let target = copy.path().join(name);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(|error| cannot_copy(folder, &error))?;
        }
        // Links stay links: the seed is one.
        copy_entry(&project.root.join(name), &target)?;
    }
    change(copy.path())?;
    Ok(copy)
}

/// A text that was never there, or the store would have what is made of it already.
fn nonce() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("process {} at {}", std::process::id(), now.as_nanos())
}

fn copy_entry(source: &Path, target: &Path) -> Result<(), Failure> {
    let link = fs::symlink_metadata(source).is_ok_and(|metadata| metadata.is_symlink());
    if link {
        fs::read_link(source)
            .and_then(|to| std::os::unix::fs::symlink(to, target))
            .map_err(|error| cannot_copy(target, &error))
    } else {
        fs::copy(source, target)
            .map(|_| ())
            .map_err(|error| cannot_copy(target, &error))
    }
}

fn cannot_copy(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::CannotCreate, format!("cannot copy {}: {error}", path.display()))
}
