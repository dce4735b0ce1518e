//! The documents about an image or an index, and what each is to a registry.

use assemble::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The command's name and version, as documents name who wrote them.
pub const TOOL: (&str, &str) = ("claude-in-a-box-inventory", env!("CARGO_PKG_VERSION"));

/// What a document is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// `core` or `full`.
    pub flavour: String,
    /// The manifest's, or the index's.
    pub digest: Digest,
    /// The image's date, RFC 3339.
    pub created: String,
    /// The image's version.
    pub version: String,
}

/// The kinds of documents.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SPDX 2.3.
    Spdx,
    /// CycloneDX 1.6.
    Cyclonedx,
    /// A statement of in-toto with SLSA's provenance, unsigned.
    Provenance,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spdx, Self::Cyclonedx, Self::Provenance];

    /// The file's name in a directory of documents.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Spdx => "spdx.json",
            Self::Cyclonedx => "cyclonedx.json",
            Self::Provenance => "provenance.json",
        }
    }

    /// The media type of the document, which is also the type of its artifact: IANA's registry; for provenance, in-toto's
    /// "Attestation Framework".
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::Cyclonedx => "application/vnd.cyclonedx+json",
            Self::Provenance => "application/vnd.in-toto+json",
        }
    }
}

impl Subject {
    /// `claude-in-a-box`, or with the flavour behind it.
    #[must_use]
    pub fn name(&self) -> String {
        if self.flavour == "full" {
            "claude-in-a-box".to_owned()
        } else {
            format!("claude-in-a-box-{}", self.flavour)
        }
    }
}

/// The bytes of a document: keys sorted, a line break at the end.
#[must_use]
pub fn bytes(value: Value) -> Vec<u8> {
    format!("{:#}\n", assemble::oci::sorted(value)).into_bytes()
}
