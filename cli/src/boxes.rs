//! Boxes that live on: where each is, how it is started, waited for, looked at and taken down.
//!
//! ```text
//! arguments -> memory (which box, where) -> container (Docker)
//!                                        -> release (Helm) -> rollout (the wait, judged by verdict) -> kubernetes (kubectl, helm)
//!                                           permission (asked first), transfer (images into kind's nodes)
//! ```

pub(crate) mod arguments;
pub(crate) mod attach;
mod container;
mod down;
pub(crate) mod kubernetes;
mod login;
mod memory;
mod network;
pub(crate) mod permission;
mod place;
mod redeploy;
pub(crate) mod release;
pub(crate) mod rollout;
mod status;
pub(crate) mod steps;
pub(crate) mod transfer;
pub(crate) mod up;
pub(crate) mod verdict;

pub(crate) use down::command as down;
pub(crate) use login::command as login;
pub(crate) use redeploy::command as redeploy;
pub(crate) use status::command as status;
