//! What is asked for when a cluster is to be up, what is told on the way, and what comes of it.

use serde::Serialize;

use super::config::Tags;
use super::kubectl::Kubectl;
use super::name::Name;
use super::nodes::Node;

/// What becomes of a cluster that is there already and is not what was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Existing {
    /// It stays, and the failure says how to go on.
    Keep,
    /// It is replaced if it is broken or another one; a good one stays.
    Mend,
    /// It is replaced, however good it is.
    Replace,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// The cluster's name.
    pub name: Name,
    /// The node image, as Docker knows it.
    pub image: &'a str,
    /// The component images' tags in it, if it is ours; a published one knows its own, and its nodes may pull.
    pub tags: Option<Tags>,
    /// An image that holds Calico's manifest, if the node image does not.
    pub calico_from: Option<&'a str>,
    /// Workers; none: as many as there are, or two.
    pub workers: Option<u32>,
    /// The API server's port on this machine; none: one that is free.
    pub api_port: Option<u16>,
    /// The process that the cluster ends with, in the form of [`crate::docker::owner`]; none: a person ends it.
    pub owner: Option<String>,
    /// What becomes of a cluster that is there.
    pub existing: Existing,
    /// The nodes of a cluster that did not come up stay, to be looked at.
    pub keep_failed: bool,
}

/// How a cluster came to be up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was made.
    Made,
    /// It was there, and good.
    Kept,
    /// It was there, and its nodes were started again.
    Started,
}

/// A step that was taken.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What was done.
    pub what: String,
    /// How long it took.
    pub seconds: f64,
}

/// A cluster that is up.
#[derive(Clone, Debug)]
pub struct Up {
    /// A client of it.
    pub kubectl: Kubectl,
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// How it came to be up.
    pub outcome: Outcome,
    /// What was done, in order.
    pub steps: Vec<Step>,
}

/// What is told on the way.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A step was taken.
    Done(&'a Step),
    /// A wait goes on for this.
    Waiting {
        /// What is missing.
        waiting_for: &'a [String],
        /// For how long already.
        seconds: u64,
    },
    /// Something to know.
    Note(&'a str),
}
