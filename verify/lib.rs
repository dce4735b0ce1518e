//! The harness: proves what the image and its manifests promise.
//!
//! It knows Docker, the image and the chart, and nothing of how the image was built.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
pub mod chart;
pub mod cluster;
pub mod container;
pub mod docker;
pub mod engine;
pub mod judgement;
pub mod life;
pub mod mutation;
pub mod network;
pub mod picture;
pub mod pod_security;
pub mod posture;
pub mod programs;
pub mod report;
pub mod selector;
pub mod tools;
