//! Clusters to try things on: a whole one of KIND's nodes with Calico, or the control plane alone.
//!
//! ```text
//! Clusters --kind--> node containers (label io.x-k8s.kind.cluster)
//!    |  \--kubectl--> Calico, CoreDNS, readiness, canary
//!    \--files--> <directory>/<name>/{lease.json,kubeconfig}
//! ```
//!
//! Whoever calls brings the programs and the node image, however they were made. What is started belongs to somebody:
//! a person, who ends it, or a process, after whose end the next run sweeps it up. Nothing here depends on being dropped.

pub mod canary;
pub mod config;
#[cfg(feature = "live")]
pub mod control_plane;
pub mod cordon;
mod evidence;
pub mod interruption;
mod kind;
pub mod kubectl;
pub mod lease;
pub mod name;
pub mod namespace;
pub mod nodes;
pub mod outside;
pub mod pods;
mod readiness;
mod report;
pub mod room;
mod run;
pub mod snapshot;
pub mod state;
mod up;
mod wish;

use std::io;
use std::path::PathBuf;

use crate::docker::{self, DockerError};
use kubectl::Kubectl;
use lease::Leases;
use name::Name;
pub use readiness::Readiness;
pub use report::{NodeReport, Report};
pub use wish::{Existing, Outcome, Progress, Step, Up, Wish};

/// Something about a cluster did not work.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Docker refused.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// A file.
    #[error("cannot {verb} {}: {source}", .path.display())]
    File {
        /// What was being done to it.
        verb: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {source}")]
    NotStarted {
        /// Which.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program failed.
    #[error("`{command}` {how}: {message}")]
    Command {
        /// Its command line, or what tells it.
        command: String,
        /// How it ended.
        how: String,
        /// What it said.
        message: String,
    },
    /// Too little disk or memory.
    #[error(
        "the cluster needs {wanted} of {what}, and {available} {place} are free: {}; --workers 0 needs the least",
        if *.what == "disk" { "`docker system df` says what is kept there" } else { "end what is not needed" }
    )]
    NoRoom {
        /// `disk` or `memory`.
        what: &'static str,
        /// How much is needed.
        wanted: String,
        /// How much there is.
        available: String,
        /// Where.
        place: String,
    },
    /// The port that was asked for is somebody else's.
    #[error("port {0} of 127.0.0.1 is taken: name another one with --api-port, or none to get one that is free")]
    PortTaken(u16),
    /// The node image is not in Docker.
    #[error("the node image {0} is not in Docker: ./cbox cluster up builds and loads it")]
    NoImage(String),
    /// A cluster of this name was made by somebody else.
    #[error(
        "a cluster named {0} exists that was not made by this user's ./cbox: take another --name, or remove it with \
         ./cbox cluster down --name {0}"
    )]
    Foreign(Name),
    /// The cluster is there and does not work.
    #[error(
        "cluster {name} is broken: {why}; ./cbox cluster up --name {name} --fresh replaces it, ./cbox cluster down --name \
         {name} removes it"
    )]
    Broken {
        /// Which.
        name: Name,
        /// What is wrong.
        why: String,
    },
    /// The cluster is there and is another one than what was asked for.
    #[error(
        "cluster {name} is not the one that was asked for: {why}; ./cbox cluster up --name {name} --fresh replaces it, \
         --name makes another one"
    )]
    Outdated {
        /// Which.
        name: Name,
        /// What differs.
        why: String,
    },
    /// It was not ready in time.
    #[error("not ready after {seconds} s, waiting for {}", .waiting_for.join(", "))]
    NotReady {
        /// The deadline.
        seconds: u64,
        /// What is missing.
        waiting_for: Vec<String>,
    },
    /// Pods were not ready in time.
    #[error("in namespace {namespace} not ready after {seconds} s: {}", .waiting_for.join(", "))]
    PodsNotReady {
        /// Where.
        namespace: String,
        /// The deadline.
        seconds: u64,
        /// Which.
        waiting_for: Vec<String>,
    },
    /// It will never be ready.
    #[error("{0}")]
    Hopeless(String),
    /// This process was asked to end.
    #[error("it was interrupted")]
    Interrupted,
    /// A new cluster, or one that was started again, did not come up.
    #[error("cluster {name} did not come up: {cause}{}", if *.kept { "; its nodes are kept" } else { "; its nodes are removed, --keep keeps them" })]
    NotUp {
        /// Which.
        name: Name,
        /// Why.
        cause: Box<ClusterError>,
        /// Events and the last lines of logs.
        evidence: String,
        /// The nodes are still there.
        kept: bool,
    },
    /// Whether NetworkPolicies are enforced could not be tried.
    #[error("whether NetworkPolicies are enforced could not be tried: {said}")]
    NoCanary {
        /// What was said last.
        said: String,
    },
    /// NetworkPolicies are not enforced.
    #[error("NetworkPolicies are accepted but not enforced by this cluster's network: it protects nothing")]
    NotEnforced,
}

impl ClusterError {
    /// Events and the last lines of logs, where there are any.
    #[must_use]
    pub fn evidence(&self) -> Option<&str> {
        match self {
            Self::NotUp { evidence, .. } if !evidence.is_empty() => Some(evidence),
            _ => None,
        }
    }
}

/// The clusters of one user on this machine.
#[derive(Clone, Debug)]
pub struct Clusters {
    leases: Leases,
    kind: PathBuf,
    kubectl: PathBuf,
}

impl Clusters {
    /// The clusters whose leases are below `directory`. `programs` is where `kind` and `kubectl` are.
    #[must_use]
    pub fn new(directory: &std::path::Path, programs: &std::path::Path) -> Self {
        Self {
            leases: Leases::below(directory),
            kind: programs.join("kind"),
            kubectl: programs.join("kubectl"),
        }
    }

    /// A client of a cluster.
    #[must_use]
    pub fn kubectl(&self, name: &Name) -> Kubectl {
        Kubectl::new(&self.kubectl, &self.leases.kubeconfig(name))
    }

    /// Puts images of Docker's onto every node of a cluster that lacks them.
    ///
    /// # Errors
    ///
    /// When KIND cannot.
    pub fn load(&self, name: &Name, images: &[&str]) -> Result<(), ClusterError> {
        kind::load(&self.kind, name, images)
    }

    /// Merges a cluster's kubeconfig into the user's own, and makes it the current one there.
    ///
    /// # Errors
    ///
    /// When KIND cannot.
    pub fn export(&self, name: &Name) -> Result<(), ClusterError> {
        kind::export(&self.kind, name, None)
    }

    /// Removes a cluster, whoever made it. Was there one?
    ///
    /// # Errors
    ///
    /// When Docker cannot, or the lease stays.
    pub fn down(&self, name: &Name, waiting: impl FnOnce()) -> Result<bool, ClusterError> {
        let lock = self.leases.lock(name, waiting)?;
        let known = self.leases.names()?.contains(name);
        let existed = known || !nodes::of(name)?.is_empty();
        self.remove(name)?;
        self.leases.forget(name, lock);
        Ok(existed)
    }

    /// Removes the clusters that are nobody's any more: their owner's process ended, or their maker's before they were
    /// ready. Those that somebody works on now are left alone. Returns the names of the removed.
    ///
    /// # Errors
    ///
    /// When Docker cannot remove one, or a file stays.
    pub fn sweep(&self) -> Result<Vec<Name>, ClusterError> {
        let mut swept = Vec::new();
        for name in self.leases.names()? {
            let Some(lock) = self.leases.try_lock(&name) else {
                continue;
            };
            // One that cannot be read is left to its owner, who is told by every other verb.
            let abandoned = self
                .leases
                .read(&name)
                .ok()
                .flatten()
                .is_some_and(|lease| lease.is_abandoned(docker::lives));
            if abandoned {
                self.remove(&name)?;
                self.leases.forget(&name, lock);
                swept.push(name);
            }
        }
        Ok(swept)
    }

    /// The names of the clusters that this user has.
    ///
    /// # Errors
    ///
    /// When the directory of the leases cannot be read.
    pub fn names(&self) -> Result<Vec<Name>, ClusterError> {
        self.leases.names()
    }

    /// The nodes go first: a lease without nodes is swept up, nodes without a lease are nobody's.
    fn remove(&self, name: &Name) -> Result<(), ClusterError> {
        nodes::remove(name)?;
        self.leases.remove(name)
    }
}
