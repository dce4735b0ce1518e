//! What a layer is made of, written beside it and read by everything that comes after.

use std::collections::BTreeMap;
use std::io::{self, Write};

use catalogue::Architecture;
use serde::{Deserialize, Serialize};

use crate::build_info::Program;
use crate::compress::Summary;
use crate::digest::Digest;
use crate::library::Library;
use crate::mode::Mode;
use crate::request::{ItemKind, VERSION};

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
    pub items: Vec<Item>,
    /// Every path, in the order of the archive.
    pub files: Vec<File>,
    /// The paths that were setuid or setgid in their package and are not here.
    pub setuid_dropped: Vec<String>,
    /// What the loader's cache is made of.
    #[serde(default)]
    pub loader: Loader,
}

/// What a layer has for the dynamic loader.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Loader {
    /// Its shared libraries, by path.
    pub libraries: Vec<Library>,
    /// The texts of `etc/ld.so.conf` and what it includes, by path.
    pub configuration: BTreeMap<String, String>,
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
    /// Of the `.deb` file, in hexadecimal.
    pub sha256: String,
    /// The source package that it was built from.
    pub source: String,
    /// The source package's version.
    pub source_version: String,
    /// Where its upstream is at home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// The licences of its files by Debian's short names, where its copyright file is written for machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
}

/// An owner of a layer's files that is no Debian package.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its world.
    pub kind: ItemKind,
    /// Its name in that world.
    pub name: String,
    /// Its version in that world.
    pub version: String,
    /// The Go programs among its files, with what they say of themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Program>,
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
    /// A file's, in hexadecimal: SPDX asks for it, and nothing here trusts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
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
    pub items: Vec<Item>,
    /// As in [`Layer`].
    pub setuid_dropped: Vec<String>,
    /// As in [`Layer`].
    pub loader: Loader,
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
            loader: contents.loader,
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
        writeln!(sink, "],\n\"setuid_dropped\":{},", json(&self.setuid_dropped)?)?;
        writeln!(sink, "\"loader\":{}\n}}", json(&self.loader)?)
    }
}
