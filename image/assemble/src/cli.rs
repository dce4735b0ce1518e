//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::{archive, image, layer, layout, loader};

/// Debian packages and other files to layers, images and an OCI layout, the same bytes every time.
#[derive(Debug, Parser)]
#[command(name = "assemble", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a layer: layer.tar.gz and record.json.
    Layer {
        /// A request of version 1, in JSON.
        request: PathBuf,
        /// The directory to make.
        out_dir: PathBuf,
    },
    /// Write a layer that holds the dynamic loader's cache of all others.
    LoaderCache {
        /// A request of version 1, in JSON.
        request: PathBuf,
        /// The directory to make.
        out_dir: PathBuf,
    },
    /// Write an image of layers: config.json, manifest.json and record.json.
    Image {
        /// A request of version 1, in JSON.
        request: PathBuf,
        /// The directory to make.
        out_dir: PathBuf,
    },
    /// Write an OCI layout of images; its blobs link to the layers.
    Index {
        /// A request of version 1, in JSON.
        request: PathBuf,
        /// The directory to make.
        out_dir: PathBuf,
    },
    /// Write images as a file for `docker load`.
    Archive {
        /// A request of version 1, in JSON.
        request: PathBuf,
        /// The file to write; "-" is standard output.
        out: PathBuf,
    },
    /// Copy a layout, with files in the place of links.
    Copy {
        /// A layout.
        layout_dir: PathBuf,
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
            Command::Layer { request, out_dir } => layer::assemble(&request, &out_dir, cores()),
            Command::LoaderCache { request, out_dir } => loader::assemble(&request, &out_dir, cores()),
            Command::Image { request, out_dir } => image::assemble(&request, &out_dir),
            Command::Index { request, out_dir } => layout::assemble(&request, &out_dir),
            Command::Archive { request, out } => archive::assemble(&request, &out),
            Command::Copy { layout_dir, out_dir } => layout::copy(&layout_dir, &out_dir),
        }
    }
}

/// The cores that this process may use; they decide how fast a layer is made and nothing else.
fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
