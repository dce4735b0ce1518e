//! The harness: proves what the image and its manifests promise.
//!
//! It knows Docker and the image, and nothing of how the image was built.

pub mod cluster;
pub mod container;
pub mod docker;
pub mod picture;
pub mod tools;
