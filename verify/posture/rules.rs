//! The rules, by what they are about. Each is told by what it says of a thing that breaks it.

pub(super) mod access;
pub(super) mod container;
pub(super) mod network;
pub(super) mod object;
pub(super) mod outside;
pub(super) mod pod;
pub(super) mod wish;
pub(super) mod workload;
