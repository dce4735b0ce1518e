//! Boxes that live on: where each is, how it is started, waited for, looked at and taken down.
//!
//! ```text
//! arguments -> memory (which box, where) -> container (Docker)
//!                                        -> release (Helm) -> rollout (the wait) -> kubernetes (kubectl, helm)
//!                                           transfer (images into kind's nodes)
//! ```

pub(crate) mod arguments;
pub(crate) mod attach;
mod container;
mod down;
pub(crate) mod kubernetes;
mod memory;
mod network;
mod place;
mod redeploy;
mod release;
mod rollout;
mod status;
mod steps;
pub(crate) mod transfer;
mod up;

pub(crate) use down::command as down;
pub(crate) use redeploy::command as redeploy;
pub(crate) use status::command as status;
pub(crate) use up::command as up;
