//! Documents of the OCI image specification, each with its fields in one order.

use std::collections::BTreeMap;

use catalogue::Architecture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::error::Error;

/// "OCI Image Manifest Specification".
pub const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// "OCI Image Configuration".
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// "OCI Image Index Specification".
pub const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// "OCI Image Layout Specification": the whole of `oci-layout`.
pub const LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// "OCI Content Descriptors".
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: String,
    /// Of the bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// In an index, which machines the manifest is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Names in a layout.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Of bytes at hand.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        let (media_type, annotations) = (media_type.to_owned(), BTreeMap::new());
        Self {
            media_type,
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            platform: None,
            annotations,
        }
    }
}

/// A platform by Go's names.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Platform {
    /// `amd64`, `arm64`, `arm`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// `v7` for `arm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// The platform of an architecture.
    #[must_use]
    pub fn of(architecture: Architecture) -> Self {
        let (name, variant) = match architecture {
            Architecture::Amd64 => ("amd64", None),
            Architecture::Arm64 => ("arm64", None),
            Architecture::Armhf => ("arm", Some("v7")),
        };
        Self {
            architecture: name.to_owned(),
            os: "linux".to_owned(),
            variant: variant.map(str::to_owned),
        }
    }
}

/// An image manifest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2.
    pub schema_version: u32,
    /// [`MANIFEST_MEDIA_TYPE`].
    pub media_type: String,
    /// The configuration.
    pub config: Descriptor,
    /// From the bottom up.
    pub layers: Vec<Descriptor>,
    /// Of the image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An image index; a layout's `index.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2.
    pub schema_version: u32,
    /// [`INDEX_MEDIA_TYPE`].
    pub media_type: String,
    /// One a platform.
    pub manifests: Vec<Descriptor>,
    /// Of the index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// An index of these manifests.
    #[must_use]
    pub fn new(manifests: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        Self {
            schema_version: 2,
            media_type: INDEX_MEDIA_TYPE.to_owned(),
            manifests,
            annotations,
        }
    }
}

/// An image configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// RFC 3339.
    pub created: String,
    /// With `os` and `variant` side by side, as in an index.
    #[serde(flatten)]
    pub platform: Platform,
    /// What a container of the image runs with.
    pub config: Value,
    /// The layers unpacked.
    pub rootfs: RootFs,
    /// One entry a layer.
    pub history: Vec<History>,
}

/// The layers of a configuration.
#[derive(Clone, Debug, Serialize)]
pub struct RootFs {
    /// `layers`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// From the bottom up.
    pub diff_ids: Vec<Digest>,
}

/// Where a layer comes from.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    /// RFC 3339.
    pub created: String,
    /// The layer's name.
    pub created_by: String,
}

/// A document in the bytes that its digest is of.
///
/// # Errors
///
/// [`Error::Document`], which would be a defect.
pub fn json(document: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(document).map_err(Error::Document)
}

/// The value with the keys of all its objects sorted.
///
/// `serde_json` keeps an object's keys sorted or in the order they came, as features of other crates of the same build
/// decide; the bytes of a configuration must not depend on that.
#[must_use]
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<String, Value> = object
                .into_iter()
                .map(|(key, value)| (key, self::sorted(value)))
                .collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_the_catalogues() {
        for architecture in Architecture::ALL {
            let Platform {
                architecture: name,
                os,
                variant,
            } = Platform::of(architecture);
            let parts = [Some(os), Some(name), variant];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            assert_eq!(parts.join("/"), architecture.platform());
        }
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = serde_json::from_str(r#"{"b":[{"d":1,"c":2}],"a":{"z":null,"y":"x"}}"#).unwrap();
        assert_eq!(
            sorted(value).to_string(),
            r#"{"a":{"y":"x","z":null},"b":[{"c":2,"d":1}]}"#
        );
    }
}
