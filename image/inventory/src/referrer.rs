//! Documents as artifacts that refer to what they are about: "OCI Image Manifest Specification" 1.1, "Guidelines for
//! Artifact Usage", and "OCI Distribution Specification" 1.1, "Referrers Tag Schema". Pure.

use std::collections::BTreeMap;

use assemble::digest::Digest;
use assemble::error::Error;
use assemble::oci::{self, Descriptor};
use serde::Serialize;

use crate::document::Kind;
use crate::provenance::PREDICATE_TYPE;

/// The configuration of what needs none.
pub const EMPTY: &[u8] = b"{}";
/// Its media type.
pub const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// Names a manifest within a layout.
pub const REFERENCE_NAME: &str = "org.opencontainers.image.ref.name";

/// An artifact's manifest with what points at it.
#[derive(Clone, Debug)]
pub struct Referrer {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// As an index lists it, with its type.
    pub descriptor: Typed,
}

/// A descriptor of an artifact: "OCI Image Index Specification", `artifactType`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Typed {
    /// Of the manifest.
    #[serde(flatten)]
    pub descriptor: Descriptor,
    /// What the artifact is; only an artifact has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// An index of artifacts among other manifests.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<Typed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'a str,
    artifact_type: &'a str,
    config: Descriptor,
    layers: Vec<Descriptor>,
    subject: &'a Descriptor,
    annotations: BTreeMap<&'a str, &'a str>,
}

impl Referrer {
    /// The artifact of a document about `subject`, which was made at `created`.
    ///
    /// # Errors
    ///
    /// [`Error::Document`], which would be a defect.
    pub fn new(kind: Kind, document: &[u8], subject: &Descriptor, created: &str) -> Result<Self, Error> {
        let mut layer = Descriptor::of(kind.media_type(), document);
        let mut annotations = BTreeMap::from([("org.opencontainers.image.created", created)]);
        if kind == Kind::Provenance {
            // What tells one statement from another without reading it, as others annotate it.
            let (key, value) = ("in-toto.io/predicate-type", PREDICATE_TYPE);
            layer.annotations.insert(key.to_owned(), value.to_owned());
            annotations.insert(key, value);
        }
        let manifest = oci::json(&Manifest {
            schema_version: 2,
            media_type: oci::MANIFEST_MEDIA_TYPE,
            artifact_type: kind.media_type(),
            config: Descriptor::of(EMPTY_MEDIA_TYPE, EMPTY),
            layers: vec![layer],
            subject: &bare(subject),
            annotations: annotations.clone(),
        })?;
        let mut descriptor = Descriptor::of(oci::MANIFEST_MEDIA_TYPE, &manifest);
        // A list of referrers repeats the annotations of their manifests.
        descriptor.annotations = annotations
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let artifact_type = Some(kind.media_type().to_owned());
        Ok(Self {
            manifest,
            descriptor: Typed {
                descriptor,
                artifact_type,
            },
        })
    }
}

impl Index {
    /// Of these manifests.
    #[must_use]
    pub fn new(manifests: Vec<Typed>) -> Self {
        Self {
            schema_version: 2,
            media_type: oci::INDEX_MEDIA_TYPE,
            manifests,
        }
    }
}

impl Typed {
    /// What is no artifact, under a name in the layout.
    #[must_use]
    pub fn named(mut descriptor: Descriptor, name: String) -> Self {
        descriptor.annotations.insert(REFERENCE_NAME.to_owned(), name);
        Self {
            descriptor,
            artifact_type: None,
        }
    }
}

/// The tag by which clients find referrers where a registry, or a layout, cannot be asked for them.
#[must_use]
pub fn fallback_tag(subject: Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// A descriptor by what it points at alone.
fn bare(descriptor: &Descriptor) -> Descriptor {
    Descriptor {
        platform: None,
        annotations: BTreeMap::new(),
        ..descriptor.clone()
    }
}
