//! What an image is made of, and who says so.
//!
//! ```text
//! records of layers + locks -> components (purl, licence), owners -> spdx, cyclonedx
//! locks                     -> provenance
//! documents                 -> referrer -> layout
//! records + advisories      -> finding
//! ```
//!
//! The bytes of an output depend on the request and the files that it names, and on nothing else. `image`, `layout` and
//! `examine` read and write; everything else is pure.

#![cfg_attr(test, allow(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

pub mod advisory;
pub mod cli;
pub mod components;
pub mod cyclonedx;
pub mod document;
pub mod error;
pub mod examine;
pub mod finding;
pub mod image;
pub mod layout;
pub mod licence;
pub mod locks;
pub mod owners;
pub mod provenance;
pub mod purl;
pub mod referrer;
pub mod request;
pub mod spdx;
pub mod uuid;
