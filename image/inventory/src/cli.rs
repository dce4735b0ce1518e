//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::{examine, image, layout};

/// What an image is made of, as SPDX, CycloneDX and SLSA provenance, the same bytes every time.
#[derive(Debug, Parser)]
#[command(name = "inventory", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write what one image is made of: spdx.json, cyclonedx.json and provenance.json.
    Image {
        /// A request of version 1, in JSON.
        request: PathBuf,
        /// The directory to make.
        out_dir: PathBuf,
    },
    /// Write a layout of images with these documents attached to each image and to the index; its blobs are links.
    Layout {
        /// A request of version 1, in JSON.
        request: PathBuf,
        /// The directory to make.
        out_dir: PathBuf,
    },
    /// Write which published advisories concern the Go modules of images: findings.json, and what is to be done, open.txt.
    Advisories {
        /// A request of version 1, in JSON.
        request: PathBuf,
        /// The directory to make.
        out_dir: PathBuf,
    },
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    ///
    /// [`Error`]; there is no output then.
    pub fn run(self) -> Result<(), Error> {
        match self.command {
            Command::Image { request, out_dir } => image::describe(&request, &out_dir),
            Command::Layout { request, out_dir } => layout::attach(&request, &out_dir),
            Command::Advisories { request, out_dir } => examine::examine(&request, &out_dir),
        }
    }
}
