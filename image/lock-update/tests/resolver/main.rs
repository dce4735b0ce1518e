//! What the crate promises, at its boundary. `world` makes package lists out of a few words; one module a promise.

#![allow(clippy::expect_used, clippy::panic, missing_docs)]

mod changes;
mod check;
mod cool_down;
mod layers;
mod scripts;
mod solver;
mod version;
mod world;
