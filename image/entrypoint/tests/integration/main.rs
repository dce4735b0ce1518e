//! `box-entrypoint` itself, with a script in the place of Claude that writes down what it was given.

#![allow(clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "a terminal is set up between fork and exec")]

mod credential;
mod headless;
mod interactive;
mod refusal;
mod world;
