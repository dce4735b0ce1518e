//! An OCI image layout, "OCI Image Layout Specification": images of several platforms to one directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::digest::{Digest, Hashing};
use crate::error::Error;
use crate::image::{self, CONFIG, MANIFEST};
use crate::oci::{self, Descriptor, Index};
use crate::{input, output, request};

/// The name of the index in a layout.
pub const INDEX: &str = "index.json";
/// The name of the mark in a layout.
pub const MARK: &str = "oci-layout";
/// The blobs' directory in a layout.
pub const BLOBS: &str = "blobs/sha256";

/// Carries out `assemble index`. `index.json` lists the platforms itself, so its SHA-256 is the digest that a registry
/// knows the whole by. Layers are links to where they are: a copy of three platforms would cost seconds and gigabytes.
///
/// # Errors
///
/// [`Error`]; there is no output then.
pub fn assemble(request: &Path, place: &Path) -> Result<(), Error> {
    let request: request::Index = request::load(request)?;
    let mut manifests = Vec::new();
    let mut platforms = BTreeSet::new();
    let output = output::Directory::new(place)?;
    output.directory(BLOBS)?;
    for path in &request.images {
        let image = image::load(path)?;
        if !platforms.insert(image.architecture) {
            return Err(Error::PlatformTwice(image.architecture.platform()));
        }
        for (file, descriptor) in [(CONFIG, &image.config), (MANIFEST, &image.manifest)] {
            let bytes = document(&path.join(file), descriptor.digest)?;
            output.file(&blob(descriptor.digest), |file| file.write_all(&bytes))?;
        }
        for layer in &image.layers {
            output.link(&blob(layer.descriptor.digest), &layer.blob())?;
        }
        manifests.push(image.manifest);
    }
    let index = oci::json(&Index::new(manifests, request.annotations))?;
    output.file(INDEX, |file| file.write_all(&index))?;
    output.file(MARK, |file| file.write_all(oci::LAYOUT.as_bytes()))?;
    output.commit()
}

/// Carries out `assemble copy`: the layout with files in the place of links, for tools that follow none, and with the
/// index as a blob that `index.json` points at, which is how they know one image of several platforms from several
/// images. Every blob is held against its name.
///
/// # Errors
///
/// [`Error`]; there is no output then.
pub fn copy(layout: &Path, place: &Path) -> Result<(), Error> {
    let output = output::Directory::new(place)?;
    output.directory(BLOBS)?;
    let blobs = layout.join(BLOBS);
    for entry in fs::read_dir(&blobs).map_err(|error| Error::read(&blobs, error))? {
        let path = entry.map_err(|error| Error::read(&blobs, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut source = input::open(&path)?;
        let mut copy = Hashing::new(output.create(&format!("{BLOBS}/{name}"))?);
        io::copy(&mut source, &mut copy).map_err(|error| Error::write(&place.join(BLOBS).join(name), error))?;
        let (digest, ..) = copy.finish();
        if digest.hex() != name {
            return Err(Error::BlobName { path });
        }
    }
    let path = layout.join(INDEX);
    let index = input::bytes(&path)?;
    let read: Index = serde_json::from_slice(&index).map_err(|source| Error::Json { path, source })?;
    // One with documents attached names its index already.
    let is_outer = read
        .manifests
        .first()
        .is_some_and(|first| first.media_type == oci::INDEX_MEDIA_TYPE);
    if is_outer {
        output.file(INDEX, |file| file.write_all(&index))?;
    } else {
        let descriptor = Descriptor::of(oci::INDEX_MEDIA_TYPE, &index);
        output.file(&blob(descriptor.digest), |file| file.write_all(&index))?;
        let outer = oci::json(&Index::new(vec![descriptor], BTreeMap::new()))?;
        output.file(INDEX, |file| file.write_all(&outer))?;
    }
    output.file(MARK, |file| file.write_all(oci::LAYOUT.as_bytes()))?;
    output.commit()
}

/// The bytes of a document that must have a digest.
///
/// # Errors
///
/// [`Error::Read`], and [`Error::Blob`] if it has another.
pub fn document(path: &Path, digest: Digest) -> Result<Vec<u8>, Error> {
    let bytes = input::bytes(path)?;
    if Digest::of(&bytes) == digest {
        Ok(bytes)
    } else {
        Err(Error::Blob {
            path: path.to_owned(),
            digest,
        })
    }
}

/// A blob's path in a layout.
#[must_use]
pub fn blob(digest: Digest) -> String {
    format!("{BLOBS}/{}", digest.hex())
}
