//! The image, tried as a user would: what is in it, how it runs, how it ends, and what the commands of the README do.
//!
//! Docker holds the images that `./cbox test` builds and loads; a test whose image is missing says how to get it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod access;
mod attach;
mod boxes;
mod chart;
mod cluster;
mod command;
mod compose;
mod control_plane;
mod credential;
mod demo;
mod ending;
mod exit_codes;
mod hardening;
mod headless;
mod inputs;
mod install;
mod interactive;
mod leftovers;
mod live;
mod mcp;
mod modes;
mod probes;
mod readme;
mod reproducible;
mod runs;
mod server;
mod signals;
mod skills;
mod style;
mod terminal;
mod tiers;
mod tools;
mod user;
mod world;
