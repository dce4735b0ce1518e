//! The documents about one image.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use assemble::layer::RECORD;
use assemble::oci::Descriptor;
use assemble::{input, output, record, request as requests};
use catalogue::Architecture;
use serde::{Deserialize, Serialize};

use crate::components::{self, Inventory};
use crate::document::{self, Kind, Subject};
use crate::error::Error;
use crate::locks::{self, Locks};
use crate::{cyclonedx, provenance, request, spdx};

/// `record.json` beside the documents.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// 1.
    pub version: u32,
    /// The image's architecture.
    pub architecture: Architecture,
    /// The image's manifest.
    pub manifest: Descriptor,
    /// The image's date, RFC 3339.
    pub created: String,
}

/// Carries out `inventory image`.
///
/// # Errors
///
/// [`Error`]; there is no output then.
pub fn describe(request: &Path, place: &Path) -> Result<(), Error> {
    let request: request::Image = requests::load(request)?;
    let image = assemble::image::load(&request.image)?;
    let layers = image
        .layers
        .iter()
        .map(|layer| requests::load::<record::Layer>(&layer.path.join(RECORD)))
        .collect::<Result<Vec<_>, _>>()?;
    let locks = Locks::load(&request.locks)?;
    let crates = request
        .crates
        .iter()
        .map(|(program, path)| Ok((program.clone(), locks::crates(path)?)))
        .collect::<Result<BTreeMap<_, _>, Error>>()?;
    let inventory = components::inventory(image.architecture, &layers, &locks, &crates)?;
    let said = said(&request.image)?;
    let subject = Subject {
        flavour: request.flavour,
        digest: image.manifest.digest,
        created: said.created.clone(),
        version: said.version,
    };

    let output = output::Directory::new(place)?;
    for kind in Kind::ALL {
        let bytes = document::bytes(write(kind, &subject, &inventory, &locks));
        output.file(kind.file(), |file| file.write_all(&bytes))?;
    }
    let record = assemble::oci::json(&Record {
        version: requests::VERSION,
        architecture: image.architecture,
        manifest: image.manifest,
        created: said.created,
    })?;
    output.file(RECORD, |file| file.write_all(&record))?;
    Ok(output.commit()?)
}

fn write(kind: Kind, subject: &Subject, inventory: &Inventory, locks: &Locks) -> serde_json::Value {
    match kind {
        Kind::Spdx => spdx::image(subject, inventory),
        Kind::Cyclonedx => cyclonedx::image(subject, inventory),
        Kind::Provenance => provenance::image(subject, inventory, locks),
    }
}

/// What an image says of itself.
struct Said {
    created: String,
    version: String,
}

fn said(image: &Path) -> Result<Said, Error> {
    #[derive(Deserialize)]
    struct Config {
        created: String,
    }
    #[derive(Deserialize)]
    struct Manifest {
        #[serde(default)]
        annotations: BTreeMap<String, String>,
    }
    fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
        serde_json::from_slice(&input::bytes(path)?).map_err(|error| Error::form(path, error.to_string()))
    }
    let Config { created } = json(&image.join(assemble::image::CONFIG))?;
    let Manifest { annotations } = json(&image.join(assemble::image::MANIFEST))?;
    Ok(Said {
        created,
        version: version(&annotations),
    })
}

/// The annotation that holds a version, "OCI Image Annotations".
#[must_use]
pub fn version(annotations: &BTreeMap<String, String>) -> String {
    annotations
        .get("org.opencontainers.image.version")
        .cloned()
        .unwrap_or_default()
}
