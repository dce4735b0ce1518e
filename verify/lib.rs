//! The harness: proves what the image and its manifests promise.
//!
//! It knows Docker and the image, and nothing of how the image was built.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cluster;
pub mod container;
pub mod docker;
pub mod programs;
pub mod tools;
