//! `cbox image size`: what each layer costs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::arguments;
use crate::build;
use crate::failure::{Code, Failure};
use crate::lock;
use crate::nix;
use crate::prefill;
use crate::project::Project;

/// What the full image of amd64 may take up when it is unpacked, in bytes.
const FULL_AMD64_BYTES_MAX: u64 = 1_300_000_000;

/// How wide the bar of the largest layer is.
const BAR_WIDTH: u64 = 40;

/// `record.json` of an image, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Record {
    layers: Vec<LayerRecord>,
}

#[derive(Debug, Deserialize)]
struct LayerRecord {
    name: String,
    descriptor: Descriptor,
    uncompressed_size: u64,
}

/// An OCI content descriptor.
#[derive(Debug, Deserialize)]
struct Descriptor {
    size: u64,
}

/// One layer, in bytes.
#[derive(Debug, Serialize)]
struct Layer {
    name: String,
    /// As it is stored and sent.
    size: u64,
    /// As it is unpacked.
    uncompressed_size: u64,
}

/// An image with what its layers cost.
#[derive(Debug, Serialize)]
struct Sizes {
    flavour: String,
    architecture: String,
    layers: Vec<Layer>,
    size: u64,
    uncompressed_size: u64,
    /// What it may be unpacked, where that is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    uncompressed_size_max: Option<u64>,
}

/// Builds one architecture's image, if it is not there, and prints what its layers cost.
pub(crate) fn command(project: &Project, options: &arguments::ImageSize) -> Result<ExitCode, Failure> {
    lock::must_agree(project)?;
    prefill::missing(project, options.only == "amd64")?;
    let output = build::output(&options.flavour, Some(&options.only));
    let built = nix::build(project, &[&output], "the image")?;
    let image = built.paths.first().cloned().unwrap_or_default();
    let layers = read(&image.join("record.json"))?.layers.into_iter().map(|layer| Layer {
        name: layer.name,
        size: layer.descriptor.size,
        uncompressed_size: layer.uncompressed_size,
    });
    let sizes = Sizes::new(&options.flavour, &options.only, layers.collect());
    if options.json {
        let text = serde_json::to_string_pretty(&sizes)
            .map_err(|error| Failure::new(Code::Software, format!("cannot write the sizes: {error}")))?;
        println!("{text}");
    } else {
        print!("{}", chart(&sizes));
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Record, Failure> {
    let wrong = |what: String| Failure::new(Code::Software, format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| wrong(format!("is no record of an image: {error}")))
}

impl Sizes {
    fn new(flavour: &str, architecture: &str, layers: Vec<Layer>) -> Self {
        Self {
            flavour: flavour.to_owned(),
            architecture: architecture.to_owned(),
            size: layers.iter().map(|layer| layer.size).sum(),
            uncompressed_size: layers.iter().map(|layer| layer.uncompressed_size).sum(),
            uncompressed_size_max: (flavour == "full" && architecture == "amd64").then_some(FULL_AMD64_BYTES_MAX),
            layers,
        }
    }
}

/// A bar for each layer, the largest first: the dark part is what is stored of it.
fn chart(sizes: &Sizes) -> String {
    let mut layers: Vec<&Layer> = sizes.layers.iter().collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.uncompressed_size));
    let largest = layers.first().map_or(0, |layer| layer.uncompressed_size).max(1);
    let names = layers
        .iter()
        .map(|layer| layer.name.len())
        .max()
        .unwrap_or(0)
        .max("total".len());
    let mut text = format!("{:names$}  unpacked    stored\n", sizes.architecture);
    for Layer {
        name,
        size,
        uncompressed_size,
    } in layers
    {
        let width = |bytes: u64| usize::try_from((bytes * BAR_WIDTH).div_ceil(largest)).unwrap_or_default();
        let stored = width(*size).min(width(*uncompressed_size));
        let bar = format!(
            "{}{}",
            "█".repeat(stored),
            "░".repeat(width(*uncompressed_size) - stored)
        );
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{name:names$} {} {}  {bar}",
            megabytes(*uncompressed_size),
            megabytes(*size)
        );
    }
    let total = (megabytes(sizes.uncompressed_size), megabytes(sizes.size));
    let _ = writeln!(text, "{:names$} {} {}", "total", total.0, total.1);
    if let Some(most) = sizes.uncompressed_size_max {
        let verdict = if sizes.uncompressed_size <= most {
            "within"
        } else {
            "MORE THAN"
        };
        let _ = writeln!(
            text,
            "{verdict} {} MB, which is the most that it may be unpacked",
            most / 1_000_000
        );
    }
    text
}

fn megabytes(bytes: u64) -> String {
    format!("{:>6}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_layer_has_the_longest_bar() {
        let layer = |name: &str, size, uncompressed_size| Layer {
            name: name.to_owned(),
            size,
            uncompressed_size,
        };
        let layers = vec![
            layer("base", 30_000_000, 100_000_000),
            layer("claude", 100_000_000, 200_000_000),
        ];
        let sizes = Sizes::new("full", "amd64", layers);
        assert_eq!(
            chart(&sizes),
            "\
amd64   unpacked    stored
claude    200.0 MB    100.0 MB  ████████████████████░░░░░░░░░░░░░░░░░░░░
base      100.0 MB     30.0 MB  ██████░░░░░░░░░░░░░░
total     300.0 MB    130.0 MB
within 1300 MB, which is the most that it may be unpacked
"
        );
    }
}
