//! An OCI layout that was written: its blobs are what their names say, and none that is named is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::sums;
use crate::failure::{Code, Failure};

/// Where blobs are in a layout.
pub(super) const BLOBS: &str = "blobs/sha256";
/// What a layout begins with.
const INDEX: &str = "index.json";
/// The one algorithm here.
const ALGORITHM: &str = "sha256:";

/// A flavour's directory in a release.
pub(super) fn directory(flavour: &str) -> String {
    format!("image-{flavour}")
}

/// The digest that a registry knows the image of all platforms by.
pub(super) fn digest(layout: &Path) -> Result<String, Failure> {
    let index = json(&layout.join(INDEX))?;
    let digest = index["manifests"][0]["digest"].as_str();
    digest.map(str::to_owned).ok_or_else(|| {
        Failure::new(
            Code::Software,
            format!("{} names no index", layout.join(INDEX).display()),
        )
    })
}

/// What is wrong with a layout, one sentence each.
pub(super) fn check(layout: &Path) -> Result<Vec<String>, Failure> {
    let title = layout.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let blobs = layout.join(BLOBS);
    let mut problems = Vec::new();
    let mut sizes = BTreeMap::new();
    let failed =
        |error: std::io::Error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", blobs.display()));
    for entry in fs::read_dir(&blobs).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if sums::sha256(&entry.path())? != name {
            problems.push(format!("{title}/{BLOBS}/{name} is not what its name says"));
        }
        sizes.insert(name, entry.metadata().map_err(failed)?.len());
    }
    let mut seen = BTreeSet::new();
    let mut documents = vec![layout.join(INDEX)];
    while let Some(path) = documents.pop() {
        let Ok(document) = json(&path) else {
            problems.push(format!("{title}: {} is no JSON", path.display()));
            continue;
        };
        for descriptor in descriptors(&document) {
            let Some(name) = descriptor["digest"].as_str().and_then(|it| it.strip_prefix(ALGORITHM)) else {
                problems.push(format!("{title}: {} names a blob without a digest", path.display()));
                continue;
            };
            match sizes.get(name) {
                None => problems.push(format!(
                    "{title} has no blob {ALGORITHM}{name}, which {} names",
                    path.display()
                )),
                Some(size) if descriptor["size"].as_u64() != Some(*size) => {
                    problems.push(format!("{title}/{BLOBS}/{name} is not of the size that is said of it"));
                }
                Some(_) => {
                    let is_document = descriptor["mediaType"]
                        .as_str()
                        .is_some_and(|it| it.ends_with(".index.v1+json") || it.ends_with(".manifest.v1+json"));
                    if is_document && seen.insert(name.to_owned()) {
                        documents.push(blobs.join(name));
                    }
                }
            }
        }
    }
    Ok(problems)
}

/// What a manifest or an index names: manifests, a configuration, layers.
fn descriptors(document: &Value) -> Vec<&Value> {
    let list = |key: &str| document[key].as_array().into_iter().flatten();
    let config = document.get("config");
    list("manifests").chain(config).chain(list("layers")).collect()
}

fn json(path: &Path) -> Result<Value, Failure> {
    let bytes = fs::read(path)
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display())))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::new(Code::Data, format!("{} is no JSON: {error}", path.display())))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;
    use sha2::{Digest, Sha256};

    const LAYER: &[u8] = b"a layer";

    fn hash(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The name of the layer's blob.
    pub(in super::super) fn layer() -> String {
        hash(LAYER)
    }

    /// Writes a layout of one image with one layer, and these documents attached.
    pub(in super::super) fn write(place: &Path, documents: &[(String, String)]) {
        fs::create_dir_all(place.join(BLOBS)).unwrap();
        let blob = |kind: &str, bytes: &[u8]| {
            fs::write(place.join(BLOBS).join(hash(bytes)), bytes).unwrap();
            json!({ "mediaType": kind, "digest": format!("sha256:{}", hash(bytes)), "size": bytes.len() })
        };
        const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
        let layer = blob("layer", LAYER);
        let config = blob("config", b"{}");
        let manifest = json!({ "config": config, "layers": [layer] }).to_string();
        let index = json!({ "manifests": [blob(MANIFEST, manifest.as_bytes())] }).to_string();
        let mut all = vec![blob("application/vnd.oci.image.index.v1+json", index.as_bytes())];
        for (_, text) in documents {
            let document = blob("document", text.as_bytes());
            let manifest = json!({ "config": config, "layers": [document] }).to_string();
            all.push(blob(MANIFEST, manifest.as_bytes()));
        }
        fs::write(place.join(INDEX), json!({ "manifests": all }).to_string()).unwrap();
    }

    #[test]
    fn a_whole_one_has_nothing_wrong_and_says_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[]);
        assert_eq!(check(folder.path()).unwrap(), [""; 0]);
        assert!(digest(folder.path()).unwrap().starts_with(ALGORITHM));
    }
}
