//! What can go wrong, each in one sentence that names the file and the way out.

use std::io;
use std::path::{Path, PathBuf};

use crate::build_info;
use crate::conflict::Conflict;
use crate::deb;
use crate::digest::Digest;
use crate::request::Package;

/// The exit codes of sysexits(3) that this program uses.
pub mod exit {
    /// Wrong arguments.
    pub const USAGE: u8 = 64;
    /// A request, package or record is wrong.
    pub const DATA: u8 = 65;
    /// A file that must exist does not.
    pub const NO_INPUT: u8 = 66;
    /// A defect of ours.
    pub const SOFTWARE: u8 = 70;
    /// An output cannot be written.
    pub const CANNOT_CREATE: u8 = 73;
    /// A file may not be read.
    pub const NO_PERMISSION: u8 = 77;
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An output cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A JSON file is not what it must be.
    #[error("cannot understand {}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A JSON file is of another version.
    #[error("{} has version {version}, but this program knows version 1: build both from one commit", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A pattern of `omit` is wrong.
    #[error("the layer {layer} omits \"{pattern}\", which does not start with a slash")]
    Omit {
        /// The layer.
        layer: String,
        /// The pattern.
        pattern: String,
    },
    /// A package is refused.
    #[error("package {package} ({}) {problem}", path.display())]
    Package {
        /// `bash:amd64`.
        package: String,
        /// The file.
        path: PathBuf,
        /// Why.
        problem: Box<deb::Error>,
    },
    /// A Go program does not say what is in it.
    #[error("the program {} {problem}: build it with the toolchain of image/lock/go.json", path.display())]
    Program {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: build_info::Error,
    },
    /// The loader's cache cannot be made.
    #[error("the loader's cache wants what the layers have not, or not so that it is understood here: {0}")]
    LoaderConfiguration(String),
    /// A package is in the request more than once.
    #[error("the layer {layer} has package {package} twice: an image holds one version of a package")]
    PackageTwice {
        /// The layer.
        layer: String,
        /// The package.
        package: String,
    },
    /// The entries of a layer do not fit together.
    #[error("in the layer {layer}, {conflict}")]
    Conflict {
        /// The layer.
        layer: String,
        /// Why.
        conflict: Box<Conflict>,
    },
    /// A source is not what it must be.
    #[error("{} {problem}: correct the item of the layer", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: &'static str,
    },
    /// A source has another length than it had.
    #[error("{} changed while it was read: assemble again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A layer is for another architecture than the image.
    #[error("the layer {layer} is for {found}, but the image is for {wanted}: give the image its own layers")]
    LayerArchitecture {
        /// The layer.
        layer: String,
        /// Its architecture.
        found: &'static str,
        /// The image's.
        wanted: &'static str,
    },
    /// Two layers do not fit together.
    #[error("{what} is in the layer {first} and in the layer {second}: leave it out of one of them")]
    LayersOverlap {
        /// A path or a package.
        what: String,
        /// The lower layer.
        first: String,
        /// The upper layer.
        second: String,
    },
    /// A directory differs between two layers.
    #[error(
        "the directory /{path} is {first_is} in the layer {first} and {second_is} in the layer {second}: \
         state it by a \"directory\" entry in an item of each layer that has it"
    )]
    LayersDirectory {
        /// The path.
        path: String,
        /// The lower layer.
        first: String,
        /// Mode, uid and gid there.
        first_is: String,
        /// The upper layer.
        second: String,
        /// Mode, uid and gid there.
        second_is: String,
    },
    /// A blob is not the one that its record describes.
    #[error("{} has not the digest {digest} that its record says: build it again", path.display())]
    Blob {
        /// The file.
        path: PathBuf,
        /// The record's.
        digest: Digest,
    },
    /// A blob of a layout has not the digest that it is named by.
    #[error("{} has not the digest that it is named by: build the layout again", path.display())]
    BlobName {
        /// The file.
        path: PathBuf,
    },
    /// Two images of an index have one platform.
    #[error("the index has two images for {0}: give it one for each architecture")]
    PlatformTwice(&'static str),
    /// A document cannot be put into JSON.
    #[error("cannot put a document into JSON: {0}; this is a defect of assemble, please report it")]
    Document(serde_json::Error),
    /// A tag is no reference.
    #[error("the tag \"{0}\" is no image name: write it as name:tag")]
    Tag(String),
}

impl Error {
    /// For a file that is read.
    #[must_use]
    pub fn read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// For a file that is written.
    #[must_use]
    pub fn write(path: &Path, source: io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    /// For a package that is refused.
    pub fn package(package: &Package) -> impl Fn(deb::Error) -> Self + '_ {
        |problem| Self::Package {
            package: format!("{}:{}", package.package, package.architecture),
            path: package.deb.clone(),
            problem: Box::new(problem),
        }
    }

    /// The program's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => exit::NO_PERMISSION,
            Self::Read { .. } => exit::NO_INPUT,
            Self::Write { .. } => exit::CANNOT_CREATE,
            Self::Document(_) => exit::SOFTWARE,
            Self::Json { .. }
            | Self::Version { .. }
            | Self::Omit { .. }
            | Self::Package { .. }
            | Self::Program { .. }
            | Self::LoaderConfiguration(_)
            | Self::PackageTwice { .. }
            | Self::Conflict { .. }
            | Self::Source { .. }
            | Self::Changed { .. }
            | Self::LayerArchitecture { .. }
            | Self::LayersOverlap { .. }
            | Self::LayersDirectory { .. }
            | Self::Blob { .. }
            | Self::BlobName { .. }
            | Self::PlatformTwice(_)
            | Self::Tag(_) => exit::DATA,
        }
    }
}
