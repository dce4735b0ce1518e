//! The image, tried as a user would: what is in it, how it runs, how it ends, and what the commands of the README do.
//!
//! Docker holds the images that `./cbox test` builds and loads; a test whose image is missing says how to get it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod access;
mod attach;
mod boxes;
mod chart;
mod cloud;
mod cluster;
mod command;
mod compose;
mod condition;
mod control_plane;
mod credential;
mod demo;
mod documents;
mod ending;
mod exit_codes;
mod hardening;
mod headless;
mod hostile;
mod inputs;
mod install;
mod interactive;
mod leftovers;
mod live;
mod login;
mod matrix;
mod mcp;
mod modes;
mod probes;
mod readme;
mod registry;
mod release;
mod reproducible;
mod runs;
mod sbom;
mod scan;
mod server;
mod sessions;
mod settings;
mod signals;
mod skills;
mod style;
mod surroundings;
mod terminal;
mod tiers;
mod tools;
mod user;
mod verification;
mod world;
