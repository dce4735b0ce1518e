//! CycloneDX 1.6 in JSON. Pure.

use assemble::digest::Digest;
use catalogue::Architecture;
use serde_json::{Value, json};

use crate::components::{Component, Inventory, Kind};
use crate::document::{Subject, TOOL};
use crate::licence::{self, Licence};
use crate::spdx::oci_architecture;
use crate::{purl, uuid};

/// What one image is made of.
#[must_use]
pub fn image(subject: &Subject, inventory: &Inventory) -> Value {
    let container = container(subject, subject.digest, Some(inventory.architecture));
    let root = container["bom-ref"].clone();
    let mut components: Vec<Value> = inventory
        .components
        .iter()
        .map(|(purl, of)| component(purl, of))
        .collect();
    let mut dependencies = vec![json!({ "ref": root, "dependsOn": roots(inventory) })];
    if let Some((_, release)) = &inventory.release {
        components.push(json!({
            "type": "operating-system", "bom-ref": "debian", "name": "debian", "version": release,
        }));
        dependencies.push(json!({ "ref": "debian" }));
    }
    dependencies.extend(inventory.components.iter().map(|(purl, component)| {
        if component.holds.is_empty() {
            json!({ "ref": purl })
        } else {
            json!({ "ref": purl, "dependsOn": component.holds })
        }
    }));
    let mut document = document(subject, container);
    document["components"] = json!(components);
    document["dependencies"] = json!(dependencies);
    document
}

/// What an index is made of: images, each with a document of its own. `images` are architectures with the digests of
/// their manifests and of these documents.
#[must_use]
pub fn index(subject: &Subject, images: &[(Architecture, Digest, Digest)]) -> Value {
    let container_of_all = container(subject, subject.digest, None);
    let root = container_of_all["bom-ref"].clone();
    let mut components = Vec::new();
    for (architecture, manifest, document) in images {
        let mut image = container(subject, *manifest, Some(*architecture));
        image["externalReferences"] = json!([{
            "type": "bom", "url": uuid::urn("cyclonedx", *manifest),
            "hashes": [{ "alg": "SHA-256", "content": document.hex() }],
        }]);
        components.push(image);
    }
    let refs: Vec<Value> = components.iter().map(|image| image["bom-ref"].clone()).collect();
    let mut dependencies = vec![json!({ "ref": root, "dependsOn": refs })];
    dependencies.extend(refs.iter().map(|image| json!({ "ref": image })));
    let mut document = document(subject, container_of_all);
    document["components"] = json!(components);
    document["dependencies"] = json!(dependencies);
    document
}

fn document(subject: &Subject, container: Value) -> Value {
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": uuid::urn("cyclonedx", subject.digest),
        "metadata": {
            "timestamp": subject.created,
            "tools": { "components": [{ "type": "application", "name": TOOL.0, "version": TOOL.1 }] },
            "component": container,
        },
    })
}

fn container(subject: &Subject, digest: Digest, architecture: Option<Architecture>) -> Value {
    let name = subject.name();
    let purl = purl::oci(
        &name,
        &digest.to_string(),
        architecture.map(oci_architecture).as_deref(),
    );
    json!({
        "type": "container", "bom-ref": purl, "name": name, "version": subject.version, "purl": purl,
        "hashes": [{ "alg": "SHA-256", "content": digest.hex() }],
    })
}

/// The components that no other one holds.
fn roots(inventory: &Inventory) -> Vec<&str> {
    let is_held = |purl: &String| {
        inventory
            .components
            .values()
            .any(|component| component.holds.contains(purl))
    };
    let mut roots: Vec<&str> = inventory
        .components
        .keys()
        .filter(|purl| !is_held(purl))
        .map(String::as_str)
        .collect();
    if inventory.release.is_some() {
        roots.push("debian");
    }
    roots
}

fn component(purl: &str, component: &Component) -> Value {
    let is_application = matches!(component.kind, Kind::Anthropic | Kind::Ours);
    let mut described = json!({
        "type": if is_application { "application" } else { "library" },
        "bom-ref": purl, "name": component.name, "version": component.version, "purl": purl,
    });
    match component.kind {
        Kind::Debian => described["supplier"] = json!({ "name": "Debian" }),
        Kind::Npm | Kind::Anthropic => described["supplier"] = json!({ "name": "Anthropic" }),
        Kind::Ours => described["supplier"] = json!({ "name": "claude-in-a-box" }),
        Kind::Go | Kind::Crate => {}
    }
    if let Some(sha256) = &component.sha256 {
        described["hashes"] = json!([{ "alg": "SHA-256", "content": sha256 }]);
    }
    match &component.licence {
        Licence::Unknown => {}
        Licence::Expression(expression) => described["licenses"] = json!([{ "expression": expression }]),
        Licence::Names(names) => {
            let licence = |name: &String| match licence::identifier(name) {
                Some(id) => json!({ "license": { "id": id, "acknowledgement": "declared" } }),
                None => json!({ "license": { "name": name, "acknowledgement": "declared" } }),
            };
            described["licenses"] = names.iter().map(licence).collect();
        }
    }
    let places = [("website", &component.homepage), ("distribution", &component.download)];
    let references: Vec<Value> = places
        .iter()
        .filter_map(|(kind, url)| url.as_ref().map(|url| json!({ "type": kind, "url": url })))
        .collect();
    if !references.is_empty() {
        described["externalReferences"] = json!(references);
    }
    let mut properties = Vec::new();
    if let Some((name, version)) = &component.source {
        properties.push(json!({ "name": "claude-in-a-box:source", "value": format!("{name} {version}") }));
    }
    if let Some(sum) = &component.sum {
        properties.push(json!({ "name": "claude-in-a-box:go.sum", "value": sum }));
    }
    if !properties.is_empty() {
        described["properties"] = json!(properties);
    }
    described
}
