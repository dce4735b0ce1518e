//! What a layer is made of, written beside it and read by everything that comes after.

use std::io::{self, Write};

use catalogue::Architecture;
use serde::{Deserialize, Serialize};

use crate::compress::Summary;
use crate::digest::Digest;
use crate::mode::Mode;
use crate::request::{ItemOwner, VERSION};

/// The media type of a layer: OCI image specification, "Media Types".
pub const LAYER_MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// `record.json` of a layer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// [`VERSION`].
    pub version: u32,
    /// The layer's name.
    pub name: String,
    /// Its architecture.
    pub architecture: Architecture,
    /// [`LAYER_MEDIA_TYPE`].
    pub media_type: String,
    /// Of the tar archive.
    pub diff_id: Digest,
    /// Of the blob.
    pub digest: Digest,
    /// Of the blob, in bytes.
    pub size: u64,
    /// Of the tar archive, in bytes.
    pub uncompressed_size: u64,
    /// The Debian packages, by name.
    pub packages: Vec<Package>,
    /// The other owners, in the order of the request.
    pub items: Vec<ItemOwner>,
    /// Every path, in the order of the archive.
    pub files: Vec<File>,
    /// The paths that were setuid or setgid in their package and are not here.
    pub setuid_dropped: Vec<String>,
}

/// A Debian package of a layer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its own architecture.
    pub architecture: String,
}

/// A path of a layer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Without a leading slash.
    pub path: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: FileKind,
    /// In octal.
    pub mode: Mode,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// A file's, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// A file's, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// A link's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `deb:bash`, `go:k8s.io/kubectl`. A directory belongs to all that have something in it, so it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// What a path is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Another name of an earlier file.
    HardLink,
}

/// What a layer's record says besides the digests.
#[derive(Clone, Debug)]
pub struct Contents {
    /// As in [`Layer`].
    pub name: String,
    /// As in [`Layer`].
    pub architecture: Architecture,
    /// As in [`Layer`].
    pub packages: Vec<Package>,
    /// As in [`Layer`].
    pub items: Vec<ItemOwner>,
    /// As in [`Layer`].
    pub setuid_dropped: Vec<String>,
}

impl Layer {
    /// Puts a record together.
    #[must_use]
    pub fn new(contents: Contents, summary: Summary, files: Vec<File>) -> Self {
        Self {
            version: VERSION,
            name: contents.name,
            architecture: contents.architecture,
            media_type: LAYER_MEDIA_TYPE.to_owned(),
            diff_id: summary.diff_id,
            digest: summary.digest,
            size: summary.size,
            uncompressed_size: summary.uncompressed_size,
            packages: contents.packages,
            items: contents.items,
            files,
            setuid_dropped: contents.setuid_dropped,
        }
    }

    /// Writes the record, a line for each field and for each file: small, and still a text that `diff` can compare.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn write(&self, mut sink: impl Write) -> io::Result<()> {
        fn json(value: &impl Serialize) -> io::Result<String> {
            serde_json::to_string(value).map_err(io::Error::from)
        }
        writeln!(sink, "{{\n\"version\":{},", self.version)?;
        writeln!(sink, "\"name\":{},", json(&self.name)?)?;
        writeln!(sink, "\"architecture\":{},", json(&self.architecture)?)?;
        writeln!(sink, "\"media_type\":{},", json(&self.media_type)?)?;
        writeln!(sink, "\"diff_id\":{},", json(&self.diff_id)?)?;
        writeln!(sink, "\"digest\":{},", json(&self.digest)?)?;
        writeln!(sink, "\"size\":{},", self.size)?;
        writeln!(sink, "\"uncompressed_size\":{},", self.uncompressed_size)?;
        writeln!(sink, "\"packages\":{},", json(&self.packages)?)?;
        writeln!(sink, "\"items\":{},", json(&self.items)?)?;
        writeln!(sink, "\"files\":[")?;
        for (index, file) in self.files.iter().enumerate() {
            writeln!(
                sink,
                "{}{}",
                json(file)?,
                if index + 1 < self.files.len() { "," } else { "" }
            )?;
        }
        writeln!(sink, "],\n\"setuid_dropped\":{}\n}}", json(&self.setuid_dropped)?)
    }
}
