//! SPDX 2.3 in JSON. Pure.

use std::collections::{BTreeMap, BTreeSet};

use assemble::digest::{Digest, hex};
use catalogue::Architecture;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::components::{Component, Inventory, Kind};
use crate::document::{Subject, TOOL};
use crate::licence::{self, Licence};
use crate::owners::File;
use crate::{purl, uuid};

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const SYSTEM: &str = "SPDXRef-OperatingSystem";

/// What one image is made of: packages, the files that each brings, and what holds what.
#[must_use]
pub fn image(subject: &Subject, inventory: &Inventory) -> Value {
    let mut owned: BTreeMap<&str, Vec<(&str, &File)>> = BTreeMap::new();
    for (path, file) in &inventory.files {
        // A link has no bytes that could be named.
        if file.sha1.is_some() {
            owned.entry(&file.owner).or_default().push((path, file));
        }
    }
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", IMAGE)];
    let mut packages = vec![container(subject, IMAGE, subject.digest, Some(inventory.architecture))];
    let mut names = BTreeSet::new();
    if let Some((_, release)) = &inventory.release {
        packages.push(json!({
            "SPDXID": SYSTEM, "name": "debian", "versionInfo": release, "primaryPackagePurpose": "OPERATING-SYSTEM",
            "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
        }));
        relationships.push(relationship(IMAGE, "CONTAINS", SYSTEM));
    }
    let mut files = Vec::new();
    for (purl, component) in &inventory.components {
        let id = component_id(component, purl);
        let owned = owned.remove(purl.as_str()).unwrap_or_default();
        packages.push(package(&id, purl, component, &owned, &mut names));
        relationships.push(relationship(IMAGE, "CONTAINS", &id));
        for (path, file) in owned {
            let file_id = file_id(path);
            relationships.push(relationship(&id, "CONTAINS", &file_id));
            files.push(json!({
                "SPDXID": file_id, "fileName": format!("./{path}"), "checksums": file_checksums(file),
                "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION",
            }));
        }
        for held in &component.holds {
            if let Some(other) = inventory.components.get(held) {
                relationships.push(relationship(&id, "DEPENDS_ON", &component_id(other, held)));
            }
        }
    }
    let mut document = document(
        subject,
        &format!("{} for {}", subject.name(), inventory.architecture.platform()),
    );
    document["packages"] = json!(packages);
    document["files"] = json!(files);
    document["relationships"] = json!(relationships);
    let licences: Vec<Value> = names.iter().map(|name| extracted(name)).collect();
    if !licences.is_empty() {
        document["hasExtractedLicensingInfos"] = json!(licences);
    }
    document
}

/// What an index is made of: images, each with a document of its own. `images` are architectures with the digests of
/// their manifests and of these documents.
#[must_use]
pub fn index(subject: &Subject, images: &[(Architecture, Digest, Digest)]) -> Value {
    let mut packages = vec![container(subject, IMAGE, subject.digest, None)];
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", IMAGE)];
    for (architecture, manifest, document) in images {
        let id = format!("{IMAGE}-{}", architecture.debian());
        let mut package = container(subject, &id, *manifest, Some(*architecture));
        package["comment"] = json!(format!(
            "What it is made of is said by the SPDX document {document}, attached to it."
        ));
        packages.push(package);
        relationships.push(relationship(&id, "VARIANT_OF", IMAGE));
    }
    let mut document = document(subject, &subject.name());
    document["packages"] = json!(packages);
    document["relationships"] = json!(relationships);
    document
}

fn document(subject: &Subject, name: &str) -> Value {
    json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": DOCUMENT, "name": name,
        "documentNamespace": uuid::urn("spdx", subject.digest),
        "creationInfo": { "created": subject.created, "creators": [format!("Tool: {}-{}", TOOL.0, TOOL.1)] },
    })
}

fn container(subject: &Subject, id: &str, digest: Digest, architecture: Option<Architecture>) -> Value {
    let name = subject.name();
    let purl = purl::oci(
        &name,
        &digest.to_string(),
        architecture.map(oci_architecture).as_deref(),
    );
    json!({
        "SPDXID": id, "name": name, "versionInfo": subject.version, "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
        "checksums": [checksum("SHA256", &digest.hex())], "externalRefs": [reference(&purl)],
    })
}

/// As OCI spells it.
#[must_use]
pub fn oci_architecture(architecture: Architecture) -> String {
    assemble::oci::Platform::of(architecture).architecture
}

fn package(
    id: &str,
    purl: &str,
    component: &Component,
    files: &[(&str, &File)],
    names: &mut BTreeSet<String>,
) -> Value {
    let declared = match &component.licence {
        Licence::Unknown => "NOASSERTION".to_owned(),
        Licence::Expression(expression) => expression.clone(),
        Licence::Names(found) => {
            let (expression, unlisted) = licence::expression(found);
            names.extend(unlisted);
            expression
        }
    };
    let mut package = json!({
        "SPDXID": id, "name": component.name, "versionInfo": component.version, "supplier": supplier(component.kind),
        "downloadLocation": component.download.as_deref().unwrap_or("NOASSERTION"),
        "licenseConcluded": "NOASSERTION", "licenseDeclared": declared, "copyrightText": "NOASSERTION",
        "filesAnalyzed": !files.is_empty(), "externalRefs": [reference(purl)],
        "primaryPackagePurpose": if matches!(component.kind, Kind::Anthropic | Kind::Ours) { "APPLICATION" } else { "LIBRARY" },
    });
    if !files.is_empty() {
        package["packageVerificationCode"] = json!({ "packageVerificationCodeValue": verification_code(files) });
    }
    if let Some(sha256) = &component.sha256 {
        package["checksums"] = json!([checksum("SHA256", sha256)]);
    }
    if let Some(homepage) = component
        .homepage
        .as_ref()
        .filter(|homepage| homepage.starts_with("http"))
    {
        package["homepage"] = json!(homepage);
    }
    if let Some((name, version)) = &component.source {
        // The words that scanners look for.
        package["sourceInfo"] = json!(format!("built package from: {name} {version}"));
    } else if let Some(sum) = &component.sum {
        package["sourceInfo"] = json!(format!("go.sum: {sum}"));
    }
    package
}

fn supplier(kind: Kind) -> &'static str {
    match kind {
        Kind::Debian => "Organization: Debian",
        Kind::Npm | Kind::Anthropic => "Organization: Anthropic",
        Kind::Ours => "Organization: claude-in-a-box",
        Kind::Go | Kind::Crate => "NOASSERTION",
    }
}

/// SPDX 2.3, 7.9: SHA-1 of the files' SHA-1 in the order of themselves.
fn verification_code(files: &[(&str, &File)]) -> String {
    let mut sums: Vec<&str> = files.iter().filter_map(|(_, file)| file.sha1.as_deref()).collect();
    sums.sort_unstable();
    hex(&Sha1::digest(sums.concat()))
}

fn file_checksums(file: &File) -> Vec<Value> {
    let sums = [("SHA1", &file.sha1), ("SHA256", &file.sha256)];
    sums.iter()
        .filter_map(|(name, sum)| sum.as_ref().map(|sum| checksum(name, sum)))
        .collect()
}

fn checksum(algorithm: &str, value: &str) -> Value {
    json!({ "algorithm": algorithm, "checksumValue": value })
}

fn reference(purl: &str) -> Value {
    json!({ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl })
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

fn extracted(name: &str) -> Value {
    json!({
        "licenseId": licence::reference(name), "name": name,
        "extractedText": format!("What the packages' copyright files below /usr/share/doc call \"{name}\"."),
    })
}

/// Readable, and unique by a part of the package URL's digest: identifiers hold letters, digits, dots and dashes alone.
fn component_id(component: &Component, purl: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || letter == '.' {
            letter
        } else {
            '-'
        }
    };
    let name: String = component.name.chars().map(plain).collect();
    format!("SPDXRef-{}-{name}-{}", component.kind.name(), part(purl, 12))
}

fn file_id(path: &str) -> String {
    format!("SPDXRef-File-{}", part(path, 20))
}

fn part(text: &str, digits: usize) -> String {
    Digest::of(text.as_bytes()).hex().chars().take(digits).collect()
}
