//! SLSA's provenance, version 1, as a statement of in-toto. Pure.
//!
//! It says of what an image was made and by which recipe, and is not signed: who trusts it builds the image again, which
//! gives the same digest.

use catalogue::Architecture;
use serde_json::{Value, json};

use crate::components::{Inventory, Kind};
use crate::document::{Subject, TOOL};
use crate::locks::Locks;

/// "SLSA Provenance", version 1.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// Of one image: the locks, and everything that was fetched for it.
#[must_use]
pub fn image(subject: &Subject, inventory: &Inventory, locks: &Locks) -> Value {
    let mut dependencies = files(locks);
    dependencies.extend(inventory.components.iter().filter_map(|(purl, component)| {
        let sha256 = component.sha256.as_ref()?;
        let mut dependency = json!({ "uri": purl, "name": component.name, "digest": { "sha256": sha256 } });
        if let Some(download) = &component.download {
            dependency["downloadLocation"] = json!(download);
        }
        Some(dependency)
    }));
    // A module's sum is a hash of a list of hashes, which go.sum calls h1.
    dependencies.extend(inventory.components.iter().filter_map(|(purl, component)| {
        let sum = component.sum.as_ref().filter(|_| component.kind == Kind::Go)?;
        Some(json!({ "uri": purl, "name": component.name, "annotations": { "go.sum": sum } }))
    }));
    statement(subject, Some(inventory.architecture), dependencies)
}

/// Of an index: the locks.
#[must_use]
pub fn index(subject: &Subject, locks: &Locks) -> Value {
    statement(subject, None, files(locks))
}

fn files(locks: &Locks) -> Vec<Value> {
    locks
        .files
        .iter()
        .map(|(name, digest)| json!({ "name": name, "digest": { "sha256": digest.hex() } }))
        .collect()
}

fn statement(subject: &Subject, architecture: Option<Architecture>, dependencies: Vec<Value>) -> Value {
    let mut parameters = json!({ "flavour": subject.flavour });
    if let Some(architecture) = architecture {
        parameters["architecture"] = json!(architecture.debian());
    }
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": subject.name(), "digest": { "sha256": subject.digest.hex() } }],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:claude-in-a-box:nix-flake:1",
                "externalParameters": parameters,
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": { "id": "urn:claude-in-a-box:nix-build", "version": { TOOL.0: TOOL.1 } },
            },
        },
    })
}
