//! Clusters to try things on: a whole one of KIND's nodes with Calico, or the control plane alone.
//!
//! Whoever calls brings the programs and the node image, however they were made. What is started belongs to somebody:
//! a person, who ends it, or a process, after whose end the next run sweeps it up. Nothing here depends on being dropped.

#[cfg(feature = "live")]
pub mod control_plane;
