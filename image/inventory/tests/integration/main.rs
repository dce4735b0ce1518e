//! What `inventory` says of images, and what it refuses.
//!
//! `world` makes images without an assembler; `owners` is who owns what; `documents` is what is written; `layouts` is what
//! is attached to what; `advisories` is which of them concern an image.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod advisories;
mod documents;
mod layouts;
mod owners;
mod world;
