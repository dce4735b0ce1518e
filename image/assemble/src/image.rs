//! One image: layers to a configuration and a manifest.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use catalogue::Architecture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::error::Error;
use crate::layer::{BLOB, RECORD};
use crate::oci::{self, Config, Descriptor, History, Manifest, Platform, RootFs};
use crate::record::{self, FileKind};
use crate::request::{self, VERSION};
use crate::{input, output};

/// The configuration's name in an image's directory.
pub const CONFIG: &str = "config.json";

/// The manifest's name in an image's directory.
pub const MANIFEST: &str = "manifest.json";

/// `record.json` of an image.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`VERSION`].
    pub version: u32,
    /// The image's architecture.
    pub architecture: Architecture,
    /// Of `manifest.json`, with its platform.
    pub manifest: Descriptor,
    /// Of `config.json`.
    pub config: Descriptor,
    /// From the bottom up.
    pub layers: Vec<LayerRecord>,
    /// The Debian packages of all layers, by name.
    pub packages: Vec<record::Package>,
}

/// A layer of an image.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRecord {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// Of its archive.
    pub diff_id: Digest,
    /// Of its blob.
    pub descriptor: Descriptor,
    /// Of its archive, in bytes.
    pub uncompressed_size: u64,
}

impl LayerRecord {
    /// The file that holds the layer.
    #[must_use]
    pub fn blob(&self) -> PathBuf {
        self.path.join(BLOB)
    }
}

/// Carries out `assemble image`.
///
/// # Errors
///
/// [`Error`]; there is no output then.
pub fn assemble(request: &Path, place: &Path) -> Result<(), Error> {
    let image: request::Image = request::load(request)?;
    let mut layers = Vec::new();
    for path in &image.layers {
        let layer: record::Layer = request::load(&path.join(RECORD))?;
        let size = input::metadata(&path.join(BLOB))?.len();
        if size != layer.size {
            return Err(Error::Blob {
                path: path.join(BLOB),
                digest: layer.digest,
            });
        }
        layers.push((path.clone(), layer));
    }
    let records: Vec<&record::Layer> = layers.iter().map(|(_, layer)| layer).collect();
    check(image.architecture, &records)?;
    let documents = Documents::new(image, &layers)?;

    let output = output::Directory::new(place)?;
    output.file(CONFIG, |file| file.write_all(&documents.config))?;
    output.file(MANIFEST, |file| file.write_all(&documents.manifest))?;
    output.file(RECORD, |file| {
        serde_json::to_writer_pretty(&mut *file, &documents.record)?;
        file.write_all(b"\n")
    })?;
    output.commit()
}

/// Reads the record of an image that [`assemble`] wrote.
///
/// # Errors
///
/// As [`request::load`].
pub fn load(image: &Path) -> Result<Record, Error> {
    request::load(&image.join(RECORD))
}

/// Whether layers may lie on each other: one architecture, no file in two, one version of a package, and each directory
/// the same wherever it is, or the upper layer would change it silently.
fn check(architecture: Architecture, layers: &[&record::Layer]) -> Result<(), Error> {
    let mut paths: BTreeMap<&str, (&str, &record::File)> = BTreeMap::new();
    let mut packages: BTreeMap<&str, &str> = BTreeMap::new();
    for layer in layers {
        if layer.architecture != architecture {
            let (found, wanted) = (layer.architecture.debian(), architecture.debian());
            return Err(Error::LayerArchitecture {
                layer: layer.name.clone(),
                found,
                wanted,
            });
        }
        let overlap = |what: String, first: &str| Error::LayersOverlap {
            what,
            first: first.to_owned(),
            second: layer.name.clone(),
        };
        for record::Package { package, .. } in &layer.packages {
            if let Some(first) = packages.insert(package, &layer.name) {
                return Err(overlap(format!("package {package}"), first));
            }
        }
        for file in &layer.files {
            match paths.get(file.path.as_str()) {
                None => {
                    paths.insert(&file.path, (&layer.name, file));
                }
                Some((_, present)) if is_same_directory(present, file) => {}
                Some((first, present)) if present.kind == FileKind::Directory && file.kind == FileKind::Directory => {
                    let shown = |file: &record::File| format!("{} {}:{}", file.mode, file.uid, file.gid);
                    return Err(Error::LayersDirectory {
                        path: file.path.clone(),
                        first: (*first).to_owned(),
                        first_is: shown(present),
                        second: layer.name.clone(),
                        second_is: shown(file),
                    });
                }
                Some((first, _)) => return Err(overlap(format!("/{}", file.path), first)),
            }
        }
    }
    check_parents(&paths)
}

fn is_same_directory(one: &record::File, other: &record::File) -> bool {
    let attributes = |file: &record::File| (file.kind, file.mode, file.uid, file.gid);
    one.kind == FileKind::Directory && attributes(one) == attributes(other)
}

/// Nothing may lie below a link of another layer: extractors disagree about what that means.
fn check_parents(paths: &BTreeMap<&str, (&str, &record::File)>) -> Result<(), Error> {
    for (path, (layer, _)) in paths {
        if let Some((parent, _)) = path.rsplit_once('/')
            && let Some((first, present)) = paths.get(parent)
            && present.kind != FileKind::Directory
        {
            return Err(Error::LayersOverlap {
                what: format!("/{parent}"),
                first: (*first).to_owned(),
                second: (*layer).to_owned(),
            });
        }
    }
    Ok(())
}

struct Documents {
    config: Vec<u8>,
    manifest: Vec<u8>,
    record: Record,
}

impl Documents {
    fn new(image: request::Image, layers: &[(PathBuf, record::Layer)]) -> Result<Self, Error> {
        let records = || layers.iter().map(|(_, layer)| layer);
        let history = |layer: &record::Layer| History {
            created: image.created.clone(),
            created_by: layer.name.clone(),
        };
        let config = oci::json(&Config {
            created: image.created.clone(),
            platform: Platform::of(image.architecture),
            config: oci::sorted(Value::Object(image.config)),
            rootfs: RootFs {
                kind: "layers",
                diff_ids: records().map(|layer| layer.diff_id).collect(),
            },
            history: records().map(history).collect(),
        })?;
        let config_descriptor = Descriptor::of(oci::CONFIG_MEDIA_TYPE, &config);
        let manifest = oci::json(&Manifest {
            schema_version: 2,
            media_type: oci::MANIFEST_MEDIA_TYPE.to_owned(),
            config: config_descriptor.clone(),
            layers: records().map(layer_descriptor).collect(),
            annotations: image.annotations,
        })?;
        let platform = Some(Platform::of(image.architecture));
        let mut packages: Vec<record::Package> = records().flat_map(|layer| layer.packages.clone()).collect();
        packages.sort_by(|left, right| left.package.cmp(&right.package));
        let record = Record {
            version: VERSION,
            architecture: image.architecture,
            manifest: Descriptor {
                platform,
                ..Descriptor::of(oci::MANIFEST_MEDIA_TYPE, &manifest)
            },
            config: config_descriptor,
            layers: layers.iter().map(|(path, layer)| layer_record(path, layer)).collect(),
            packages,
        };
        Ok(Self {
            config,
            manifest,
            record,
        })
    }
}

fn layer_record(path: &Path, layer: &record::Layer) -> LayerRecord {
    LayerRecord {
        name: layer.name.clone(),
        path: path.to_owned(),
        diff_id: layer.diff_id,
        descriptor: layer_descriptor(layer),
        uncompressed_size: layer.uncompressed_size,
    }
}

fn layer_descriptor(layer: &record::Layer) -> Descriptor {
    let (media_type, annotations) = (layer.media_type.clone(), BTreeMap::new());
    Descriptor {
        media_type,
        digest: layer.digest,
        size: layer.size,
        platform: None,
        annotations,
    }
}
