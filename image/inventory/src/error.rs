//! What can go wrong, each in one sentence that names the operands and the way out.

use std::path::{Path, PathBuf};

use assemble::error::exit;
use catalogue::load::LoadError;

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written, or is not what the assembler writes.
    #[error(transparent)]
    Assemble(#[from] assemble::error::Error),
    /// A lock cannot be read.
    #[error(transparent)]
    Lock(#[from] LoadError),
    /// A text file has another form.
    #[error("cannot understand {}: {problem}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// A file of the image belongs to nobody.
    #[error("/{path} in the layer {layer} has no owner: give it one in image/nix/items.nix")]
    NoOwner {
        /// The path.
        path: String,
        /// The layer.
        layer: String,
    },
    /// A file of the image belongs to somebody who is not in the image.
    #[error("/{path} in the layer {layer} belongs to {owner}, which no layer of the image brings: assemble it again")]
    UnknownOwner {
        /// The path.
        path: String,
        /// The layer.
        layer: String,
        /// `deb:bash`.
        owner: String,
    },
    /// A file of the image belongs to two.
    #[error("/{path} belongs to {first} and to {second}: leave it out of one of them")]
    TwoOwners {
        /// The path.
        path: String,
        /// `deb:bash`.
        first: String,
        /// `go:k8s.io/kubectl`.
        second: String,
    },
    /// One owner has two versions.
    #[error("the image holds {owner} in the versions {first} and {second}: an image holds one version of each")]
    TwoVersions {
        /// `ours:claude-in-a-box`.
        owner: String,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// The image holds what no lock knows.
    #[error("the image holds {what}, which {lock} does not know: run ./cbox lock")]
    NotLocked {
        /// `package bash:amd64 with sha256 …`.
        what: String,
        /// The lock.
        lock: &'static str,
    },
    /// A Go program does not say what is in it.
    #[error("{0} has no program with a note of the Go linker: what is in it cannot be told")]
    NoBuildInfo(String),
    /// Nobody says what is in a program of ours.
    #[error("nothing says what crates {0} is made of: name it under crates in the request")]
    NoCrates(String),
    /// The documents are of another image than the layout.
    #[error("{} describes {found}, which the index does not list: describe the images of this index", path.display())]
    OtherImage {
        /// The directory.
        path: PathBuf,
        /// A digest.
        found: String,
    },
}

impl Error {
    /// For a text file.
    pub fn form(path: &Path, problem: impl Into<String>) -> Self {
        Self::Form {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// The program's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Assemble(error) => error.exit_code(),
            Self::Lock(LoadError::Read { .. }) => exit::NO_INPUT,
            Self::Lock(_)
            | Self::Form { .. }
            | Self::NoOwner { .. }
            | Self::UnknownOwner { .. }
            | Self::TwoOwners { .. }
            | Self::TwoVersions { .. }
            | Self::NotLocked { .. }
            | Self::NoBuildInfo(_)
            | Self::NoCrates(_)
            | Self::OtherImage { .. } => exit::DATA,
        }
    }
}
