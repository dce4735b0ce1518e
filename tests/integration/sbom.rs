//! What the image says that it is made of is what the locks ask for and what its programs say themselves.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use catalogue::tools::Source;
use catalogue::{Architecture, load};
use rstest::rstest;
use serde_json::Value;

use crate::reproducible::built;
use crate::world::{catalogue, root};

fn document(architecture: Architecture, format: &str) -> Value {
    serde_json::from_slice(&printed(architecture, format)).expect("the document is JSON")
}

fn printed(architecture: Architecture, format: &str) -> Vec<u8> {
    let output = Command::new(root().join("cbox"))
        .args(["sbom", "--only", architecture.debian(), "--format", format])
        .output()
        .expect("./cbox starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stderr}", output.status);
    output.stdout
}

/// The packages of a document by their package URLs, those of one type.
fn purls(document: &Value, kind: &str) -> BTreeSet<String> {
    let start = format!("pkg:{kind}/");
    let components = document["components"].as_array().expect("components");
    let purls = components.iter().filter_map(|component| component["purl"].as_str());
    purls
        .filter(|purl| purl.starts_with(&start))
        .map(str::to_owned)
        .collect()
}

/// What the command prints are the bytes that the layout has for whoever asks a registry.
#[test]
pub(crate) fn the_documents_are_printed_as_they_are_attached() {
    let blobs = built("image-documents").join("blobs/sha256");
    for format in ["spdx", "cyclonedx", "provenance"] {
        let printed = printed(Architecture::Amd64, format);
        let size = printed.len() as u64;
        let is_it = |path: &Path| {
            std::fs::metadata(path).is_ok_and(|blob| blob.len() == size)
                && std::fs::read(path).is_ok_and(|blob| blob == printed)
        };
        let mut listed = std::fs::read_dir(&blobs).expect("a layout has blobs");
        let found = listed.any(|entry| is_it(&entry.expect("a directory entry").path()));
        assert!(found, "no blob of the layout is what is printed as {format}");
    }
}

#[rstest]
#[case(Architecture::Amd64)]
#[case(Architecture::Arm64)]
#[case(Architecture::Armhf)]
fn the_packages_are_those_of_the_lock(#[case] architecture: Architecture) {
    let lock = load::debian(&root().join("image/lock/debian.json")).expect("the lock can be read");
    let locked: BTreeSet<(String, String)> = lock.image[&architecture]
        .iter()
        .flat_map(|layer| &layer.packages)
        .map(|key| (lock.packages[key].package.clone(), lock.packages[key].version.clone()))
        .collect();
    let cyclonedx = document(architecture, "cyclonedx");
    let found: BTreeSet<(String, String)> = cyclonedx["components"]
        .as_array()
        .expect("components")
        .iter()
        .filter(|component| {
            component["purl"]
                .as_str()
                .is_some_and(|purl| purl.starts_with("pkg:deb/debian/"))
        })
        .map(|component| {
            let word = |key: &str| component[key].as_str().expect("a word").to_owned();
            (word("name"), word("version"))
        })
        .collect();
    assert_eq!(found, locked);
    assert_eq!(purls(&cyclonedx, "deb").len(), locked.len(), "one package URL each");

    // The other document names the same, and what was fetched is in the provenance by its hash.
    let spdx = document(architecture, "spdx");
    let named: BTreeSet<String> = spdx["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .filter_map(|package| package["externalRefs"][0]["referenceLocator"].as_str())
        .filter(|purl| !purl.starts_with("pkg:oci/"))
        .map(str::to_owned)
        .collect();
    let all: BTreeSet<String> = ["deb", "golang", "npm", "cargo", "generic"]
        .iter()
        .flat_map(|kind| purls(&cyclonedx, kind))
        .collect();
    assert_eq!(named, all);
    let provenance = document(architecture, "provenance");
    let dependencies = &provenance["predicate"]["buildDefinition"]["resolvedDependencies"];
    let hashes: BTreeSet<&str> = dependencies
        .as_array()
        .expect("dependencies")
        .iter()
        .filter_map(|dependency| dependency["digest"]["sha256"].as_str())
        .collect();
    for key in lock.image[&architecture].iter().flat_map(|layer| &layer.packages) {
        assert!(hashes.contains(lock.packages[key].sha256.as_str()), "{key}");
    }
}

/// The modules of Go programs are those that Go's own command reads out of them.
#[rstest]
#[case(Architecture::Amd64)]
#[case(Architecture::Arm64)]
#[case(Architecture::Armhf)]
fn the_go_modules_are_those_of_go_version(#[case] architecture: Architecture) {
    let go = built("go").join("bin/go");
    let mut expected = BTreeSet::new();
    for (name, tool) in catalogue().tools.iter().filter(|(_, tool)| tool.is_on(architecture)) {
        if let Source::Go { group, .. } = &tool.source {
            let programs = built(&format!("go-{group}-{}", architecture.debian()));
            expected.extend(modules(&go, &programs.join("bin").join(name)));
        }
    }
    assert!(expected.len() > 100, "the image has Go programs: {expected:?}");
    let found: BTreeSet<String> = document(architecture, "cyclonedx")["components"]
        .as_array()
        .expect("components")
        .iter()
        .filter(|component| {
            component["purl"]
                .as_str()
                .is_some_and(|purl| purl.starts_with("pkg:golang/"))
        })
        .filter(|component| component["name"] != "stdlib")
        .map(|component| {
            let word = |key: &str| component[key].as_str().expect("a word");
            format!("{} {}", word("name"), word("version"))
        })
        .collect();
    assert_eq!(found, expected);
}

/// The modules of a program by `go version -m`, each as it is really there.
fn modules(go: &Path, program: &Path) -> Vec<String> {
    let output = Command::new(go)
        .args(["version", "-m"])
        .arg(program)
        .env("HOME", "/nonexistent")
        .output()
        .expect("go starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut modules: Vec<String> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            // A main module has a version only where it is built as it was published.
            ["mod", _, "(devel)", ..] => {}
            ["dep" | "mod", path, version, ..] => modules.push(format!("{path} {version}")),
            ["=>", path, version, ..] => *modules.last_mut().expect("what is replaced") = format!("{path} {version}"),
            _ => {}
        }
    }
    modules
}
