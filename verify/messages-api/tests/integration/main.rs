//! The API as its clients see it: bytes over a socket, and the command's own behaviour.
//!
//! - `http`: a client and the requests that the other modules send
//! - `messages`: what an answer looks like, streamed and whole
//! - `choice`: which reply is given
//! - `failures`: errors, cuts, hangs, and the pace
//! - `record`: what is remembered, and credentials
//! - `script`: what is said about a wrong script
//! - `documents`: the README's examples and the scripts that come along
//! - `command`: `messages-api` itself

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod choice;
mod command;
mod documents;
mod failures;
mod http;
mod messages;
mod record;
mod script;
