//! `box-init` itself, as people meet it: what it starts, sends on, reaps and ends with.
//!
//! Here it is never PID 1, so it is a subreaper: orphans come to it all the same. No test measures time; deadlines are only there
//! so that a hang becomes a failure.

#![allow(clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "masks and terminals are set up between fork and exec")]

mod bare;
mod confinement;
mod drain;
mod exit_code;
mod health;
mod idle;
mod personality;
mod reaping;
mod signals;
mod start;
mod terminal;
mod world;
