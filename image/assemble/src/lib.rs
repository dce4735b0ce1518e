//! Packages to layers to an OCI index, the same bytes every time.
//!
//! ```text
//! request -> deb (ar, unpack, control, tar::read) -> merge (rules, omit, tree) -> blob (tar::write) -> compress ->
//! layer
//!            items ---------------------------------^
//! layers -> loader (library, loader_cache) -> layer
//! layers -> image -> layout, archive
//! ```
//!
//! The bytes of an output depend on the request and the files that it names, and on nothing else: not on cores, locale,
//! umask, clock or user. `tree`, `merge`, `rules` and the formats do no IO; `input`, `output` and `items` do.

#![cfg_attr(test, allow(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

pub mod addition;
pub mod ar;
pub mod archive;
pub mod blob;
pub mod build_info;
pub mod cli;
pub mod compress;
pub mod conflict;
pub mod control;
pub mod copyright;
pub mod deb;
pub mod digest;
pub mod error;
pub mod image;
pub mod input;
pub mod items;
pub mod layer;
pub mod layout;
pub mod library;
pub mod loader;
pub mod loader_cache;
pub mod merge;
pub mod mode;
pub mod oci;
pub mod omit;
pub mod output;
pub mod path;
pub mod record;
pub mod request;
pub mod rules;
pub mod tar;
pub mod tree;
pub mod unpack;
pub mod version;
