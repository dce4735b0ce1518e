//! What the documents say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{World, layer};

const DEBIAN: [&str; 2] = [
    "pkg:deb/debian/base-files@13.8%2Bdeb13u8?arch=amd64&distro=debian-13",
    "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13&upstream=glibc",
];
const OTHERS: [&str; 7] = [
    "pkg:cargo/memchr@2.8.0",
    "pkg:generic/box-init@0.1.0",
    "pkg:generic/claude-in-a-box@0.1.0",
    "pkg:golang/github.com/big/x@v1.0.0",
    "pkg:golang/k8s.io/kubectl@v0.35.1",
    "pkg:golang/stdlib@1.26.8",
    "pkg:npm/%40anthropic-ai/claude-code@2.1.1",
];

fn described() -> World {
    let world = World::new(&[("amd64", &[layer("amd64")])]);
    world.describe("amd64").unwrap();
    world
}

fn expected() -> BTreeSet<&'static str> {
    DEBIAN.into_iter().chain(OTHERS).collect()
}

#[test]
fn spdx_names_every_package_and_every_file() {
    let world = described();
    let document = world.load("documents-amd64/spdx.json");
    assert_eq!(
        (&document["spdxVersion"], &document["creationInfo"]["created"]),
        (&json!("SPDX-2.3"), &json!("2026-11-29T00:53:14Z"))
    );
    let packages = document["packages"].as_array().unwrap();
    let purls: BTreeSet<&str> = packages
        .iter()
        .filter_map(|package| package["externalRefs"][0]["referenceLocator"].as_str())
        .filter(|purl| !purl.starts_with("pkg:oci/"))
        .collect();
    assert_eq!(purls, expected());
    let files: BTreeSet<&str> = document["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["fileName"].as_str().unwrap())
        .collect();
    // A link has no bytes; what has the bytes of another file has its sums.
    let named = [
        "etc/motd",
        "etc/debian_version",
        "usr/bin/box-init",
        "usr/bin/kubectl",
        "opt/claude",
        "usr/lib/libc.so.6",
    ];
    assert_eq!(
        files,
        named
            .map(|path| format!("./{path}"))
            .iter()
            .map(String::as_str)
            .collect()
    );
    // Each file is contained in one package.
    for file in document["files"].as_array().unwrap() {
        let owners = document["relationships"].as_array().unwrap().iter();
        let owners = owners.filter(|relationship| relationship["relatedSpdxElement"] == file["SPDXID"]);
        assert_eq!(owners.count(), 1, "{file}");
    }
    let package = |name: &str| packages.iter().find(|package| package["name"] == name).unwrap();
    assert_eq!(package("libc6")["sourceInfo"], "built package from: glibc 2.41-12");
    assert_eq!(
        package("base-files")["licenseDeclared"],
        "GPL-2.0-or-later AND LicenseRef-Old-one"
    );
    assert_eq!(
        document["hasExtractedLicensingInfos"][1]["licenseId"],
        "LicenseRef-Old-one"
    );
    assert_eq!(package("memchr")["licenseDeclared"], "MIT OR Apache-2.0");
    // SHA-1 of the one file's SHA-1.
    let code = &package("libc6")["packageVerificationCode"]["packageVerificationCodeValue"];
    assert_eq!(code, "fa60ce20b1442fcdbaa626556aa6cc2afed028ba");
}

#[test]
fn cyclonedx_names_every_component_and_what_it_holds() {
    let world = described();
    let document = world.load("documents-amd64/cyclonedx.json");
    let components = document["components"].as_array().unwrap();
    let purls: BTreeSet<&str> = components
        .iter()
        .filter_map(|component| component["purl"].as_str())
        .collect();
    assert_eq!(purls, expected());
    let holds = |name: &str| {
        let dependencies = document["dependencies"].as_array().unwrap();
        dependencies
            .iter()
            .find(|dependency| dependency["ref"] == name)
            .unwrap()["dependsOn"]
            .clone()
    };
    assert_eq!(
        holds("pkg:golang/k8s.io/kubectl@v0.35.1"),
        json!(["pkg:golang/github.com/big/x@v1.0.0", "pkg:golang/stdlib@1.26.8"])
    );
    assert_eq!(holds("pkg:generic/box-init@0.1.0"), json!(["pkg:cargo/memchr@2.8.0"]));
    let root = document["metadata"]["component"]["bom-ref"].as_str().unwrap();
    let of_image: BTreeSet<String> = serde_json::from_value(holds(root)).unwrap();
    assert!(
        of_image.contains(DEBIAN[0]) && !of_image.contains("pkg:cargo/memchr@2.8.0"),
        "{of_image:?}"
    );
    let license = &components
        .iter()
        .find(|component| component["name"] == "base-files")
        .unwrap()["licenses"];
    assert_eq!(
        (&license[0]["license"]["id"], &license[1]["license"]["name"]),
        (&json!("GPL-2.0-or-later"), &json!("Old one"))
    );
}

#[test]
fn provenance_names_the_locks_and_what_was_fetched() {
    let world = described();
    let statement = world.load("documents-amd64/provenance.json");
    let record = world.load("image-amd64/record.json");
    let digest = format!(
        "sha256:{}",
        statement["subject"][0]["digest"]["sha256"].as_str().unwrap()
    );
    assert_eq!(record["manifest"]["digest"], digest);
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(
        definition["externalParameters"],
        json!({ "flavour": "full", "architecture": "amd64" })
    );
    let dependencies = definition["resolvedDependencies"].as_array().unwrap();
    assert_eq!(dependencies[0]["name"], "image/lock/debian.json");
    let libc = dependencies
        .iter()
        .find(|dependency| dependency["name"] == "libc6")
        .unwrap();
    assert_eq!(
        libc["downloadLocation"],
        "https://snapshot.debian.org/archive/debian/20261128T140931Z/pool/libc6.deb"
    );
}

#[test]
fn the_same_image_has_the_same_documents() {
    let one = described();
    let other = described();
    for name in ["spdx.json", "cyclonedx.json", "provenance.json"] {
        let read = |world: &World| std::fs::read(world.path("documents-amd64").join(name)).unwrap();
        // The folders differ, and no document says where it was made.
        assert_eq!(
            String::from_utf8(read(&one)).unwrap(),
            String::from_utf8(read(&other)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn nothing_of_a_machine_is_in_a_document() {
    let world = described();
    let folder = world.path("").display().to_string();
    for name in ["spdx.json", "cyclonedx.json", "provenance.json"] {
        let text: Value = world.load(&format!("documents-amd64/{name}"));
        let text = text.to_string();
        assert!(
            !text.contains("/nix/store") && !text.contains(folder.trim_end_matches('/')),
            "{name}"
        );
    }
}
