//! An OCI layout with documents attached to what it holds.
//!
//! The index and the images stay as the assembler wrote them, so their digests are what they were. `index.json` lists the
//! index first, under the image's version, then every document about it and about its images; and, for clients that look
//! for a tag, the same lists by the digests of what they are about.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use assemble::layer::RECORD;
use assemble::layout::{BLOBS, INDEX, MARK, blob};
use assemble::oci::{self, Descriptor};
use assemble::{input, output, request as requests};

use crate::document::{self, Kind, Subject};
use crate::error::Error;
use crate::image::{self, Record};
use crate::locks::Locks;
use crate::referrer::{EMPTY, EMPTY_MEDIA_TYPE, Index, Referrer, Typed, fallback_tag};
use crate::{cyclonedx, provenance, request, spdx};

/// Carries out `inventory layout`.
///
/// # Errors
///
/// [`Error`]; there is no output then.
pub fn attach(request: &Path, place: &Path) -> Result<(), Error> {
    let request: request::Layout = requests::load(request)?;
    let index_path = request.layout.join(INDEX);
    let index_bytes = input::bytes(&index_path)?;
    let index: oci::Index =
        serde_json::from_slice(&index_bytes).map_err(|error| Error::form(&index_path, error.to_string()))?;
    let index_descriptor = Descriptor::of(oci::INDEX_MEDIA_TYPE, &index_bytes);

    let output = output::Directory::new(place)?;
    output.directory(BLOBS)?;
    link_blobs(&request.layout, &output)?;
    output.file(&blob(index_descriptor.digest), |file| file.write_all(&index_bytes))?;
    let mut attached = Attached::new(&output)?;

    let mut images = Vec::new();
    let mut created = String::new();
    for path in &request.images {
        let record: Record = requests::load(&path.join(RECORD))?;
        if !index
            .manifests
            .iter()
            .any(|manifest| manifest.digest == record.manifest.digest)
        {
            return Err(Error::OtherImage {
                path: path.clone(),
                found: record.manifest.digest.to_string(),
            });
        }
        let mut documents = BTreeMap::new();
        for kind in Kind::ALL {
            documents.insert(kind, input::bytes(&path.join(kind.file()))?);
        }
        attached.add(&record.manifest, &documents, &record.created)?;
        images.push((record, documents));
        created = images
            .iter()
            .map(|(record, _)| record.created.clone())
            .max()
            .unwrap_or_default();
    }
    let version = image::version(&index.annotations);
    let subject = Subject {
        flavour: request.flavour,
        digest: index_descriptor.digest,
        created,
        version: version.clone(),
    };
    let documents = of_index(&subject, &images, &Locks::load(&request.locks)?);
    attached.add(&index_descriptor, &documents, &subject.created)?;

    let mut manifests = vec![Typed::named(index_descriptor, version)];
    manifests.extend(attached.finish());
    let outer = oci::json(&Index::new(manifests))?;
    output.file(INDEX, |file| file.write_all(&outer))?;
    output.file(MARK, |file| file.write_all(oci::LAYOUT.as_bytes()))?;
    Ok(output.commit()?)
}

/// Every blob of the layout, as a link to where it really is.
fn link_blobs(layout: &Path, output: &output::Directory) -> Result<(), Error> {
    let blobs = layout.join(BLOBS);
    let read = |error| assemble::error::Error::read(&blobs, error);
    for entry in fs::read_dir(&blobs).map_err(read)? {
        let entry = entry.map_err(read)?;
        let path = entry.path();
        let target = fs::canonicalize(&path).map_err(|error| assemble::error::Error::read(&path, error))?;
        output.link(&format!("{BLOBS}/{}", entry.file_name().to_string_lossy()), &target)?;
    }
    Ok(())
}

/// The index's documents name the images' ones, which say what is in them.
fn of_index(subject: &Subject, images: &[(Record, BTreeMap<Kind, Vec<u8>>)], locks: &Locks) -> BTreeMap<Kind, Vec<u8>> {
    let of = |kind: Kind| -> Vec<_> {
        let document =
            |documents: &BTreeMap<Kind, Vec<u8>>| documents.get(&kind).map(|bytes| Descriptor::of("", bytes).digest);
        images
            .iter()
            .filter_map(|(record, documents)| Some((record.architecture, record.manifest.digest, document(documents)?)))
            .collect()
    };
    let documents = [
        (Kind::Spdx, spdx::index(subject, &of(Kind::Spdx))),
        (Kind::Cyclonedx, cyclonedx::index(subject, &of(Kind::Cyclonedx))),
        (Kind::Provenance, provenance::index(subject, locks)),
    ];
    documents
        .into_iter()
        .map(|(kind, document)| (kind, document::bytes(document)))
        .collect()
}

/// The artifacts of a layout.
struct Attached<'a> {
    output: &'a output::Directory,
    referrers: Vec<Typed>,
    lists: Vec<Typed>,
}

impl<'a> Attached<'a> {
    fn new(output: &'a output::Directory) -> Result<Self, Error> {
        let attached = Self {
            output,
            referrers: Vec::new(),
            lists: Vec::new(),
        };
        attached.blob(&Descriptor::of(EMPTY_MEDIA_TYPE, EMPTY), EMPTY)?;
        Ok(attached)
    }

    fn add(&mut self, subject: &Descriptor, documents: &BTreeMap<Kind, Vec<u8>>, created: &str) -> Result<(), Error> {
        let mut list = Vec::new();
        for (kind, document) in documents {
            let referrer = Referrer::new(*kind, document, subject, created)?;
            self.blob(&Descriptor::of(kind.media_type(), document), document)?;
            self.blob(&referrer.descriptor.descriptor, &referrer.manifest)?;
            list.push(referrer.descriptor);
        }
        self.referrers.extend(list.clone());
        let index = oci::json(&Index::new(list))?;
        let descriptor = Descriptor::of(oci::INDEX_MEDIA_TYPE, &index);
        self.blob(&descriptor, &index)?;
        self.lists.push(Typed::named(descriptor, fallback_tag(subject.digest)));
        Ok(())
    }

    fn blob(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        Ok(self
            .output
            .file(&blob(descriptor.digest), |file| file.write_all(bytes))?)
    }

    /// As `index.json` lists them.
    fn finish(self) -> impl Iterator<Item = Typed> {
        self.referrers.into_iter().chain(self.lists)
    }
}
