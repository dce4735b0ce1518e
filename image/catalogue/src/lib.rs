//! What is in the image: the types of `tools.toml`, `scripts.toml` and the locks.
//!
//! People write [`tools`] and [`scripts`]; `cbox lock` resolves them to [`lock`]. Nix reads the same files with
//! `builtins.fromTOML` and `builtins.fromJSON`, so every shape here is plain data.

pub mod architecture;
pub mod lock;
pub mod scripts;
pub mod tools;

pub use architecture::Architecture;
