//! `cbox release`: a tag's release as files, and whether the files of one are what they were.
//!
//! ```text
//! tag + chart + CHANGELOG -> Version   images, documents -> image-FLAVOUR/, sbom/
//!                                      manifests/chart    -> claude-in-a-box-VERSION.tgz
//!                                      advisories         -> vex.openvex.json
//!                                      CHANGELOG          -> NOTES.md            all of them -> SHA256SUMS
//! ```
//!
//! Everything is made in a directory beside the one that was asked for and takes its place at the end, so that a release that
//! fails, or is killed, leaves none. Nothing is pushed and nothing is signed.

mod chart;
mod layout;
mod stage;
mod sums;
mod version;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use catalogue::Architecture;

use crate::arguments;
use crate::build;
use crate::failure::{Code, Failure};
use crate::lock;
use crate::nix;
use crate::prefill;
use crate::process;
use crate::project::Project;
use crate::scan;
use stage::Stage;
use version::Version;

/// The flavours of an image.
const FLAVOURS: [&str; 2] = ["core", "full"];
/// What an image says that it is made of, as `cbox sbom` prints it.
const DOCUMENTS: [&str; 3] = ["spdx", "cyclonedx", "provenance"];
/// Where these are in a release.
const SBOM: &str = "sbom";
/// What is known of advisories that concern the images.
const VEX: &str = "vex.openvex.json";
/// What is said of a release.
const NOTES: &str = "NOTES.md";

/// Makes a release, or looks one through.
pub(crate) fn command(project: &Project, options: &arguments::Release) -> Result<ExitCode, Failure> {
    if let Some(directory) = &options.verify {
        return verify(directory);
    }
    let Some(directory) = &options.to else {
        return Err(Failure::new(
            Code::Usage,
            "--to says where the release is to be written",
        ));
    };
    let version = Version::of(&project.root)?;
    if !options.with_claude_code {
        return Err(Failure::new(
            Code::Usage,
            "every image that is built has Claude Code inside, and its licence forbids publishing it: \
             --with-claude-code makes a release for a registry of your own",
        ));
    }
    let stage = Stage::beside(directory)?;
    let flavours: Vec<&str> = FLAVOURS
        .into_iter()
        .filter(|flavour| options.flavour.is_empty() || options.flavour.iter().any(|it| it == flavour))
        .collect();
    let mut digests = Vec::new();
    for flavour in &flavours {
        digests.push((*flavour, images(project, flavour, &stage)?));
    }
    eprintln!("cbox: packing the chart");
    let archive = chart::archive(&project.root)?;
    stage.write(&version.archive(), &archive)?;
    let products: Vec<String> = digests
        .iter()
        .map(|(flavour, digest)| {
            format!(
                "{}@{}?tag={}-{flavour}",
                scan::vex::IMAGE,
                digest.replace(':', "%3A"),
                version.number
            )
        })
        .collect();
    stage.write(VEX, scan::statements(project, &products)?.as_bytes())?;
    stage.write(NOTES, notes(&version, &digests).as_bytes())?;
    let sums = sums::of(stage.path())?;
    stage.write(sums::FILE, sums.as_bytes())?;
    stage.commit()?;
    for (flavour, digest) in &digests {
        println!("{flavour} {digest}");
    }
    println!("{}", directory.display());
    Ok(ExitCode::SUCCESS)
}

/// Puts a flavour's layout and its documents into the release; returns the index's digest.
fn images(project: &Project, flavour: &str, stage: &Stage) -> Result<String, Failure> {
    lock::must_agree(project)?;
    prefill::missing(project, false)?;
    let prefix = if flavour == "core" {
        "documents-core"
    } else {
        "documents"
    };
    let documents = Architecture::ALL.map(|architecture| format!("{prefix}-{}", architecture.debian()));
    let image = build::with_documents(flavour);
    let mut outputs = vec![image.as_str(), "assemble"];
    outputs.extend(documents.iter().map(String::as_str));
    let built = nix::build(project, &outputs, &format!("the images of flavour {flavour}"))?;
    let [layout, assemble, documents @ ..] = built.paths.as_slice() else {
        return Err(Failure::new(
            Code::Software,
            format!("nix built {:?} where {outputs:?} were asked for", built.paths),
        ));
    };
    let place = stage.path().join(layout::directory(flavour));
    eprintln!("cbox: copying {}", layout.display());
    let mut copy = Command::new(assemble.join("bin/assemble"));
    copy.arg("copy").arg(layout).arg(&place);
    process::read(&mut copy)?;
    for (architecture, documents) in Architecture::ALL.iter().zip(documents) {
        for kind in DOCUMENTS {
            let path = documents.join(format!("{kind}.json"));
            let bytes = fs::read(&path)
                .map_err(|error| Failure::new(Code::Software, format!("cannot read {}: {error}", path.display())))?;
            stage.write(&format!("{SBOM}/{flavour}-{architecture}.{kind}.json"), &bytes)?;
        }
    }
    layout::digest(&place)
}

/// What is new, as CHANGELOG.md has it, and by what the images are known.
fn notes(version: &Version, digests: &[(&str, String)]) -> String {
    let mut text = format!(
        "# Claude in a Box {}\n\n{}\n\n## Images\n\n",
        version.number, version.changes
    );
    for (flavour, digest) in digests {
        text.push_str(&format!("- `{flavour}`: `{digest}` ({})\n", layout::directory(flavour)));
    }
    text.push_str("\nThe images have Claude Code inside and may not be published. Nothing here is signed: build the tag and compare the digests.\n");
    text
}

/// Says what of a release is not what it was.
fn verify(directory: &Path) -> Result<ExitCode, Failure> {
    let mut problems = sums::check(directory)?;
    let mut attached = Vec::new();
    for flavour in FLAVOURS {
        let place = directory.join(layout::directory(flavour));
        if place.is_dir() {
            problems.extend(layout::check(&place)?);
            attached.push((flavour, place));
        }
    }
    if attached.is_empty() {
        problems.push(format!("{} has no image", directory.display()));
    }
    problems.extend(unattached(directory, &attached)?);
    if problems.is_empty() {
        println!("{} is as it was written", directory.display());
        return Ok(ExitCode::SUCCESS);
    }
    for problem in &problems {
        println!("{problem}");
    }
    Err(Failure::new(
        Code::Failed,
        format!(
            "{} is not as it was written ({} findings above): do not use it",
            directory.display(),
            problems.len()
        ),
    ))
}

/// Documents that are not the ones attached to an image: whoever changed the sums too is found out by that.
fn unattached(directory: &Path, layouts: &[(&str, PathBuf)]) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for (flavour, place) in layouts {
        for architecture in Architecture::ALL {
            for kind in DOCUMENTS {
                let name = format!("{SBOM}/{flavour}-{architecture}.{kind}.json");
                let path = directory.join(&name);
                let is_attached = path.is_file() && place.join(layout::BLOBS).join(sums::sha256(&path)?).is_file();
                if !is_attached {
                    problems.push(format!("{name} is not what is attached to the image"));
                }
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release of one flavour, as the command writes it, of an image of one small layer.
    fn release() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("release");
        let stage = Stage::beside(&directory).unwrap();
        let place = stage.path().join(layout::directory("core"));
        layout::tests::write(&place, &documents());
        for (name, text) in documents() {
            stage.write(&format!("{SBOM}/{name}"), text.as_bytes()).unwrap();
        }
        stage.write("claude-in-a-box-1.2.3.tgz", b"chart").unwrap();
        stage.write(NOTES, b"notes").unwrap();
        let sums = sums::of(stage.path()).unwrap();
        stage.write(sums::FILE, sums.as_bytes()).unwrap();
        stage.commit().unwrap();
        folder
    }

    fn documents() -> Vec<(String, String)> {
        let mut all = Vec::new();
        for architecture in Architecture::ALL {
            for kind in DOCUMENTS {
                all.push((
                    format!("core-{architecture}.{kind}.json"),
                    format!("{{\"{architecture}\": \"{kind}\"}}"),
                ));
            }
        }
        all
    }

    /// What is said after a change; the sums are written anew if that is wished, as somebody would who wants not to be found.
    fn said(change: impl Fn(&Path), renews_sums: bool) -> Vec<String> {
        let folder = release();
        let directory = folder.path().join("release");
        assert!(verify(&directory).is_ok());
        change(&directory);
        if renews_sums {
            fs::remove_file(directory.join(sums::FILE)).unwrap();
            fs::write(directory.join(sums::FILE), sums::of(&directory).unwrap()).unwrap();
        }
        let failure = verify(&directory).unwrap_err();
        assert_eq!(failure.code, Code::Failed);
        let mut problems = sums::check(&directory).unwrap();
        problems.extend(layout::check(&directory.join("image-core")).unwrap());
        problems.extend(unattached(&directory, &[("core", directory.join("image-core"))]).unwrap());
        problems
    }

    fn append(path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        bytes.push(b'\n');
        fs::write(path, bytes).unwrap();
    }

    fn a_blob(directory: &Path) -> PathBuf {
        let layer = layout::tests::layer();
        directory.join("image-core").join(layout::BLOBS).join(layer)
    }

    #[test]
    fn a_chart_that_was_changed_is_named() {
        let problems = said(|directory| append(&directory.join("claude-in-a-box-1.2.3.tgz")), false);
        assert_eq!(problems, ["claude-in-a-box-1.2.3.tgz is not what SHA256SUMS says"]);
    }

    #[test]
    fn a_blob_that_was_changed_is_named_whatever_the_sums_say() {
        for renews_sums in [false, true] {
            let problems = said(|directory| append(&a_blob(directory)), renews_sums);
            let blob = format!("{}/{} is not what its name says", layout::BLOBS, layout::tests::layer());
            assert!(
                problems.iter().any(|it| it == &format!("image-core/{blob}")),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn a_document_that_was_changed_is_named_whatever_the_sums_say() {
        for renews_sums in [false, true] {
            let problems = said(
                |directory| append(&directory.join("sbom/core-arm64.spdx.json")),
                renews_sums,
            );
            let expected = "sbom/core-arm64.spdx.json is not what is attached to the image".to_owned();
            assert!(problems.contains(&expected), "{problems:?}");
        }
    }

    #[test]
    fn a_file_that_is_gone_or_came_along_is_named() {
        let problems = said(
            |directory| {
                fs::remove_file(directory.join(NOTES)).unwrap();
                fs::write(directory.join("install.sh"), "").unwrap();
            },
            false,
        );
        assert_eq!(
            problems,
            ["NOTES.md is missing", "install.sh is in no line of SHA256SUMS"]
        );
    }

    #[test]
    fn a_blob_that_is_gone_is_missed() {
        let problems = said(|directory| fs::remove_file(a_blob(directory)).unwrap(), true);
        let missing = format!("image-core has no blob sha256:{}", layout::tests::layer());
        assert!(problems[0].starts_with(&missing), "{problems:?}");
    }

    #[test]
    fn what_is_no_release_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let failure = verify(folder.path()).unwrap_err();
        assert_eq!(failure.code, Code::NoInput);
        assert!(failure.to_string().contains("SHA256SUMS"), "{failure}");
    }
}
