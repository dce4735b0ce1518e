//! What is in the image: the types of `tools.toml`, `scripts.toml` and the locks.
//!
//! People write [`tools`] and [`scripts`]; `cbox lock` resolves them to [`lock`]. Nix reads the same files with
//! `builtins.fromTOML` and `builtins.fromJSON`, so every shape here is plain data. [`load`] reads them all.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod architecture;
pub mod load;
pub mod lock;
pub mod probe;
pub mod scripts;
pub mod tools;
mod unique;

pub use architecture::Architecture;
pub use load::LoadError;
pub use tools::Catalogue;
