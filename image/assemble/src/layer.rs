//! One layer: packages and other files to a compressed archive and its record.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::addition::Addition;
use crate::build_info::{self, Program};
use crate::deb::Deb;
use crate::error::Error;
use crate::merge;
use crate::omit::Omit;
use crate::record::Contents;
use crate::request::{self, Entry, ItemKind, Layer};
use crate::tar::read::Limits;
use crate::tree::Tree;
use crate::{blob, compress, input, items, output, record};

/// The blob's name in a layer's directory.
pub const BLOB: &str = "layer.tar.gz";

/// The record's name in the directory of a layer or an image.
pub const RECORD: &str = "record.json";

/// Carries out `assemble layer`.
///
/// # Errors
///
/// [`Error`]; there is no output then.
pub fn assemble(request: &Path, place: &Path, threads: NonZeroUsize) -> Result<(), Error> {
    let mut layer: Layer = request::load(request)?;
    // One order, so that the packages alone decide, and not how they were listed.
    layer.packages.sort_by(|left, right| left.package.cmp(&right.package));
    if let Some(package) = repeated(&layer.packages) {
        return Err(Error::PackageTwice {
            layer: layer.name,
            package: package.to_owned(),
        });
    }
    let omit = Omit::parse(&layer.omit).map_err(|pattern| Error::Omit {
        layer: layer.name.clone(),
        pattern,
    })?;
    let items = layer
        .items
        .iter()
        .map(|item| additions(item, &omit))
        .collect::<Result<Vec<_>, Error>>()?;
    let packages = read_packages(&layer, threads)?;
    let (tree, mut contents) = merge::merge(&layer, &packages, items, &omit)?;
    for (described, item) in contents.items.iter_mut().zip(&layer.items) {
        described.programs = programs(item)?;
    }

    write(&tree, contents, place, threads)
}

/// Writes a layer of a tree.
///
/// # Errors
///
/// As [`assemble`].
pub fn write(tree: &Tree, contents: Contents, place: &Path, threads: NonZeroUsize) -> Result<(), Error> {
    let output = output::Directory::new(place)?;
    let file = output.create(BLOB)?;
    let place = place.join(BLOB);
    let written = compress::gzip(file, threads, |blocks| blob::write(tree, blocks, &place));
    let (files, summary) = written.map_err(|error| match error {
        compress::Error::Produce(error) => error,
        compress::Error::Sink(error) => Error::write(&place, error),
    })?;
    let record = record::Layer::new(contents, summary, files);
    output.file(RECORD, |file| record.write(file))?;
    output.commit()
}

/// The first name that two packages of a sorted list have.
fn repeated(packages: &[request::Package]) -> Option<&str> {
    packages
        .iter()
        .zip(packages.get(1..)?)
        .find(|(one, next)| one.package == next.package)
        .map(|(one, _)| one.package.as_str())
}

fn additions(item: &request::Item, omit: &Omit) -> Result<Vec<Addition>, Error> {
    let mut additions = Vec::new();
    for entry in &item.entries {
        additions.extend(items::additions(entry, omit)?);
    }
    Ok(additions)
}

/// The programs of an item that is a Go module's. One that does not say what is in it could not be accounted for.
fn programs(item: &request::Item) -> Result<Vec<Program>, Error> {
    let mut programs = Vec::new();
    if item.owner.kind != ItemKind::Go {
        return Ok(programs);
    }
    for entry in &item.entries {
        if let Entry::File { source, path, .. } = entry {
            let info = build_info::read(&input::bytes(source)?).map_err(|problem| Error::Program {
                path: source.clone(),
                problem,
            })?;
            programs.extend(info.map(|info| Program {
                path: path.as_str().to_owned(),
                info,
            }));
        }
    }
    Ok(programs)
}

/// Reads packages on all cores. The result, be it an error, has the order of the request.
fn read_packages(layer: &Layer, threads: NonZeroUsize) -> Result<Vec<Deb>, Error> {
    let next = AtomicUsize::new(0);
    let read = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(package) = layer.packages.get(index) else {
                return;
            };
            let deb = read_package(package, layer);
            read.lock().unwrap_or_else(PoisonError::into_inner).insert(index, deb);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.get().min(layer.packages.len()) {
            scope.spawn(work);
        }
    });
    read.into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_values()
        .collect()
}

fn read_package(package: &request::Package, layer: &Layer) -> Result<Deb, Error> {
    let bytes = input::bytes(&package.deb)?;
    Deb::read(&bytes, package, layer.architecture.debian(), Limits::PACKAGE).map_err(Error::package(package))
}
