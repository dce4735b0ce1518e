//! Resolves `tools.toml` and `scripts.toml` to the locks.
//!
//! ```text
//! Packages files --index--> candidates --cool_down--> candidates --resolve (solver, layers)--> packages of each layer
//!   --debs--> files --scripts--> decisions --update--> lock/debian.json, changes
//! npm packages --claude--> lock/claude.json
//! ```
//!
//! [`version`], [`relation`], [`index`], [`cool_down`], [`solver`], [`layers`], [`resolve`], [`changes`] and
//! [`check`](mod@check) are pure;
//! [`apt`], [`debs`], [`claude`] and [`scripts::read`] run this machine's own clients; [`update`](update()) joins them.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod apt;
pub mod changes;
pub mod check;
pub mod claude;
mod command;
pub mod cool_down;
pub mod debs;
mod hash;
pub mod index;
pub mod layers;
pub mod relation;
pub mod resolve;
pub mod scripts;
pub mod solver;
mod update;
pub mod version;
mod write;

pub use changes::{Changes, Locks};
pub use check::{Problem, check};
pub use command::CommandError;
pub use update::{Class, Error, Options, Paths, Progress, update};
pub use write::{WriteError, write};
