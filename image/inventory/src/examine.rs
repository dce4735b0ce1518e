//! `inventory advisories`: the advisories that concern images.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use assemble::layer::RECORD;
use assemble::{input, output, record, request as requests};

use crate::advisory::Advisory;
use crate::error::Error;
use crate::finding::{self, Exceptions};
use crate::{document, request};

/// What is found, for programs.
pub const FINDINGS: &str = "findings.json";

/// What is to be done, a sentence a line; empty when nothing is.
pub const OPEN: &str = "open.txt";

/// Carries out `inventory advisories`.
///
/// # Errors
///
/// [`Error`]; there is no output then.
pub fn examine(request: &Path, place: &Path) -> Result<(), Error> {
    let request: request::Advisories = requests::load(request)?;
    let mut programs = Vec::new();
    for path in &request.images {
        let image = assemble::image::load(path)?;
        for layer in &image.layers {
            let layer: record::Layer = requests::load(&layer.path.join(RECORD))?;
            let of_layer = layer.items.into_iter().flat_map(|item| item.programs);
            programs.extend(of_layer.map(|program| (image.architecture, program)));
        }
    }
    let advisories = advisories(&request.advisories)?;
    let exceptions = exceptions(&request.exceptions)?;
    let found = finding::find(&programs, &advisories, &exceptions)
        .map_err(|error| Error::form(&request.advisories, error.to_string()))?;
    let value = serde_json::to_value(&found).map_err(|error| Error::form(place, error.to_string()))?;
    let output = output::Directory::new(place)?;
    output.file(FINDINGS, |file| file.write_all(&document::bytes(value)))?;
    let open: String = found.open().into_iter().map(|it| it + "\n").collect();
    output.file(OPEN, |file| file.write_all(open.as_bytes()))?;
    Ok(output.commit()?)
}

/// Every `*.json` of a directory, in the order of names.
fn advisories(directory: &Path) -> Result<Vec<Advisory>, Error> {
    let unreadable = |error: std::io::Error| Error::form(directory, error.to_string());
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let paths = entries.map(|entry| entry.map(|it| it.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|it| it == "json"));
    paths.sort_unstable();
    if paths.is_empty() {
        return Err(Error::form(directory, "it holds no advisory"));
    }
    let read = |path: &PathBuf| {
        serde_json::from_slice(&input::bytes(path)?).map_err(|error| Error::form(path, error.to_string()))
    };
    paths.iter().map(read).collect()
}

fn exceptions(path: &Path) -> Result<Exceptions, Error> {
    let text = String::from_utf8(input::bytes(path)?).map_err(|_| Error::form(path, "it is not UTF-8"))?;
    toml::from_str(&text).map_err(|error| Error::form(path, error.to_string()))
}
