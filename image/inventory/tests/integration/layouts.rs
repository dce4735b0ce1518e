//! What is attached to what.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assemble::digest::Digest;
use serde_json::{Value, json};

use crate::world::{World, layer, load};

const TYPES: [&str; 3] = [
    "application/spdx+json",
    "application/vnd.cyclonedx+json",
    "application/vnd.in-toto+json",
];

fn attached() -> World {
    let world = World::new(&[("amd64", &[layer("amd64")]), ("armhf", &[layer("armhf")])]);
    world.describe("amd64").unwrap();
    world.describe("armhf").unwrap();
    world.attach(&["amd64", "armhf"]).unwrap();
    world
}

/// A blob, held against its descriptor.
fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let name = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let bytes = fs::read(layout.join("blobs/sha256").join(name)).unwrap();
    assert_eq!(
        (json!(Digest::of(&bytes)), json!(bytes.len())),
        (descriptor["digest"].clone(), descriptor["size"].clone())
    );
    bytes
}

fn document(layout: &Path, descriptor: &Value) -> Value {
    serde_json::from_slice(&blob(layout, descriptor)).unwrap()
}

#[test]
fn the_index_and_the_images_are_what_they_were() {
    let world = attached();
    let out = world.path("out");
    let outer = load(&out.join("index.json"));
    let index = &outer["manifests"][0];
    assert_eq!(index["annotations"]["org.opencontainers.image.ref.name"], "0.1.0");
    assert_eq!(blob(&out, index), fs::read(world.path("layout/index.json")).unwrap());
    for manifest in document(&out, index)["manifests"].as_array().unwrap() {
        blob(&out, manifest);
    }
    assert_eq!(
        fs::read_to_string(out.join("oci-layout")).unwrap(),
        r#"{"imageLayoutVersion":"1.0.0"}"#
    );
}

#[test]
fn every_subject_has_three_documents() {
    let world = attached();
    let out = world.path("out");
    let outer = load(&out.join("index.json"));
    let manifests = outer["manifests"].as_array().unwrap();
    let index = document(&out, &manifests[0]);
    let mut subjects: Vec<Value> = index["manifests"].as_array().unwrap().clone();
    subjects.push(manifests[0].clone());
    for subject in &subjects {
        // By what they refer to, as a registry answers; and by the tag of the digest.
        let tag = subject["digest"].as_str().unwrap().replace(':', "-");
        let list = manifests
            .iter()
            .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == tag.as_str());
        let list = document(&out, list.unwrap_or_else(|| panic!("no {tag}")))["manifests"].clone();
        let mut referrers = Vec::new();
        for entry in manifests.iter().filter(|entry| !entry["artifactType"].is_null()) {
            let manifest = document(&out, entry);
            if manifest["subject"]["digest"] == subject["digest"] {
                assert_eq!(manifest["artifactType"], entry["artifactType"]);
                assert_eq!(manifest["subject"]["size"], subject["size"]);
                assert!(manifest["subject"]["platform"].is_null());
                assert_eq!(blob(&out, &manifest["config"]), b"{}");
                blob(&out, &manifest["layers"][0]);
                referrers.push(entry.clone());
            }
        }
        let types: Vec<_> = referrers
            .iter()
            .map(|entry| entry["artifactType"].as_str().unwrap())
            .collect();
        assert_eq!(types, TYPES, "{subject}");
        assert_eq!(list, json!(referrers));
    }
    assert_eq!(manifests.len(), 1 + 3 * 3 + 3);
}

#[test]
fn the_documents_of_the_index_name_those_of_the_images() {
    let world = attached();
    let out = world.path("out");
    let outer = load(&out.join("index.json"));
    let index = &outer["manifests"][0];
    let documents: BTreeMap<String, Value> = outer["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| !entry["artifactType"].is_null())
        .map(|entry| {
            (
                entry["artifactType"].as_str().unwrap().to_owned(),
                document(&out, entry),
            )
        })
        .filter(|(_, manifest)| manifest["subject"]["digest"] == index["digest"])
        .map(|(kind, manifest)| (kind, document(&out, &manifest["layers"][0])))
        .collect();
    let sum = |name: &str| Digest::of(&fs::read(world.path(name)).unwrap()).hex();
    let bom = &documents[TYPES[1]]["components"][1]["externalReferences"][0];
    assert_eq!(bom["hashes"][0]["content"], sum("documents-armhf/cyclonedx.json"));
    assert_eq!(bom["url"], world.load("documents-armhf/cyclonedx.json")["serialNumber"]);
    let comment = documents[TYPES[0]]["packages"][1]["comment"].as_str().unwrap();
    assert!(comment.contains(&sum("documents-amd64/spdx.json")), "{comment}");
    assert_eq!(
        documents[TYPES[2]]["subject"][0]["digest"]["sha256"],
        index["digest"].as_str().unwrap().replace("sha256:", "")
    );
}

#[test]
fn every_blob_has_its_name() {
    let world = attached();
    let names: Vec<PathBuf> = fs::read_dir(world.path("out/blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // Two images, the index, nine documents with a manifest each, three lists, one empty configuration.
    assert_eq!(names.len(), 2 + 1 + 18 + 3 + 1);
    for path in names {
        assert_eq!(
            Digest::of(&fs::read(&path).unwrap()).hex(),
            path.file_name().unwrap().to_str().unwrap()
        );
    }
}

#[test]
fn documents_of_another_image_are_refused() {
    let world = World::new(&[("amd64", &[layer("amd64")])]);
    world.describe("amd64").unwrap();
    world.write(
        "layout/index.json",
        &json!({ "schemaVersion": 2, "mediaType": "x", "manifests": [] }).to_string(),
    );
    let sentence = world.attach(&["amd64"]).unwrap_err();
    assert!(
        sentence.contains("which the index does not list: describe the images of this index"),
        "{sentence}"
    );
}
