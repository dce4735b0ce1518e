//! Images in one file that every Docker loads: moby's `manifest.json` for those that know no layout, and an OCI
//! layout for those whose store is containerd's. Layers are in it as they are, compressed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::digest::Digest;
use crate::error::Error;
use crate::image::{self, CONFIG, LayerRecord, MANIFEST};
use crate::layout::{BLOBS, INDEX, MARK, blob, document};
use crate::oci::{self, Descriptor, Index};
use crate::request::{self, Tagged};
use crate::tar::padding;
use crate::tar::write::{END, Header, Kind, encode};
use crate::{input, output};

/// The place that means standard output.
const STANDARD_OUTPUT: &str = "-";

/// Carries out `assemble archive`.
///
/// # Errors
///
/// [`Error`]; there is no file then, but standard output may have had its start.
pub fn assemble(request: &Path, place: &Path) -> Result<(), Error> {
    let request: request::Archive = request::load(request)?;
    let members = members(&request.images)?;
    if place == Path::new(STANDARD_OUTPUT) {
        let mut sink = BufWriter::with_capacity(1 << 18, io::stdout().lock());
        write(&members, &mut sink, place)?;
        sink.flush().map_err(|error| Error::write(place, error))
    } else {
        output::file(place, |sink| write(&members, sink, place))
    }
}

/// What a member of the archive is made of.
enum Member {
    Directory,
    Bytes(Vec<u8>),
    Blob { path: PathBuf, size: u64, digest: Digest },
}

/// An entry of moby's `manifest.json`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Loaded<'a> {
    config: String,
    repo_tags: &'a [String],
    layers: Vec<String>,
}

fn members(images: &[Tagged]) -> Result<BTreeMap<String, Member>, Error> {
    let mut members = BTreeMap::new();
    for (parent, _) in format!("{BLOBS}/").match_indices('/') {
        members.insert(BLOBS[..parent].to_owned(), Member::Directory);
    }
    let (mut loaded, mut manifests) = (Vec::new(), Vec::new());
    for Tagged { image: path, tags } in images {
        let image = image::load(path)?;
        for (file, descriptor) in [(CONFIG, &image.config), (MANIFEST, &image.manifest)] {
            let bytes = document(&path.join(file), descriptor.digest)?;
            members.insert(blob(descriptor.digest), Member::Bytes(bytes));
        }
        for layer in &image.layers {
            members.insert(blob(layer.descriptor.digest), of_layer(layer));
        }
        loaded.push(Loaded {
            config: blob(image.config.digest),
            repo_tags: tags,
            layers: image.layers.iter().map(|layer| blob(layer.descriptor.digest)).collect(),
        });
        manifests.extend(named(&image.manifest, tags)?);
    }
    let index = Index::new(manifests, BTreeMap::new());
    members.insert(MANIFEST.to_owned(), Member::Bytes(oci::json(&loaded)?));
    members.insert(INDEX.to_owned(), Member::Bytes(oci::json(&index)?));
    members.insert(MARK.to_owned(), Member::Bytes(oci::LAYOUT.into()));
    Ok(members)
}

fn of_layer(layer: &LayerRecord) -> Member {
    let Descriptor { digest, size, .. } = layer.descriptor;
    Member::Blob {
        path: layer.blob(),
        size,
        digest,
    }
}

/// The manifest once for each tag, with the annotations that containerd and others take a name from.
fn named(manifest: &Descriptor, tags: &[String]) -> Result<Vec<Descriptor>, Error> {
    if tags.is_empty() {
        return Ok(vec![manifest.clone()]);
    }
    let tags: BTreeSet<&String> = tags.iter().collect();
    tags.into_iter()
        .map(|tag| {
            let (name, version) = reference(tag).ok_or_else(|| Error::Tag(tag.clone()))?;
            let annotations = [
                ("io.containerd.image.name", format!("{name}:{version}")),
                ("org.opencontainers.image.ref.name", version),
            ];
            let annotations = annotations
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            Ok(Descriptor {
                annotations,
                ..manifest.clone()
            })
        })
        .collect()
}

/// An image's name in full, and its tag. Docker reads short names so: the first part is a host only if it looks like
/// one.
fn reference(tag: &str) -> Option<(String, String)> {
    let (name, version) = tag.rsplit_once(':').filter(|(_, version)| !version.contains('/'))?;
    let is_good = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte))
    };
    if !is_good(name) || !is_good(version) {
        return None;
    }
    let full = match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    };
    Some((full, version.to_owned()))
}

fn write(members: &BTreeMap<String, Member>, sink: &mut impl Write, place: &Path) -> Result<(), Error> {
    let put = |error| Error::write(place, error);
    for (path, member) in members {
        let (kind, mode) = match member {
            Member::Directory => (Kind::Directory, 0o755),
            Member::Bytes(bytes) => (
                Kind::File {
                    size: bytes.len() as u64,
                },
                0o644,
            ),
            Member::Blob { size, .. } => (Kind::File { size: *size }, 0o644),
        };
        sink.write_all(&encode(&Header {
            path,
            kind,
            mode,
            uid: 0,
            gid: 0,
        }))
        .map_err(put)?;
        match member {
            Member::Directory => {}
            Member::Bytes(bytes) => sink.write_all(bytes).map_err(put)?,
            Member::Blob { path, size, digest } => copy_blob(path, *size, *digest, sink, put)?,
        }
        if let Kind::File { size } = kind {
            sink.write_all(padding(size)).map_err(put)?;
        }
    }
    sink.write_all(&END).map_err(put)
}

fn copy_blob(
    path: &Path,
    size: u64,
    digest: Digest,
    sink: &mut impl Write,
    put: impl Fn(io::Error) -> Error,
) -> Result<(), Error> {
    // A file of another length would break the archive, not only the layer.
    let mut blob = input::open(path)?.take(size);
    let copied = io::copy(&mut blob, sink).map_err(put)?;
    if copied == size {
        Ok(())
    } else {
        Err(Error::Blob {
            path: path.to_owned(),
            digest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("claude-in-a-box:core", Some("docker.io/library/claude-in-a-box core"))]
    #[case("someone/box:1.0", Some("docker.io/someone/box 1.0"))]
    #[case("localhost/box:1.0", Some("localhost/box 1.0"))]
    #[case("registry.example:5000/box:1.0", Some("registry.example:5000/box 1.0"))]
    #[case("registry.example:5000/box", None)]
    #[case("box", None)]
    #[case("box:", None)]
    #[case("a b:c", None)]
    fn short_names_are_read_as_docker_does(#[case] tag: &str, #[case] expected: Option<&str>) {
        let found = reference(tag).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(found.as_deref(), expected);
    }
}
