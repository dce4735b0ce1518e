//! A scripted Anthropic Messages API: it answers Claude Code as a script says, and remembers what it was asked.
//!
//! ```text
//! HTTP request -> server -> api -> script: which reply? -> reply -> message -> sse -> pacing -> HTTP response
//!                            |
//!                            `-> record
//! ```
//!
//! [`Script`], the choice of a reply and the framing of its events are pure. Only [`Server`] and the record do IO.
//! The script's format is described in this crate's `README.md`.

#![cfg_attr(test, allow(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod api;
mod condition;
mod credential;
mod error;
mod message;
mod pacing;
mod record;
mod reply;
mod request;
mod script;
pub mod scripts;
mod server;
mod sse;
mod template;

pub use credential::{Credential, redacted};
pub use record::RecordedRequest;
pub use reply::ReplyError;
pub use script::{Script, ScriptError};
pub use server::{BindError, Options, Server};
