//! What there is to say about a cluster.

use std::path::PathBuf;

use serde::Serialize;

use super::lease::now_seconds;
use super::name::Name;
use super::nodes;
use super::state::{self, Found, Wanted};
use super::{ClusterError, Clusters};
use crate::docker::lives;

/// A cluster, as it is found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// `ready`, or what it is instead: `not ready`, `stopped`, `unfinished`, `broken`, `outdated`, `foreign`, `absent`.
    pub state: &'static str,
    /// Why it is not ready.
    pub why: Option<String>,
    /// Kubernetes' version, if the API answers.
    pub version: Option<String>,
    /// The identity in Docker of its node image.
    pub image: Option<String>,
    /// Its nodes.
    pub nodes: Vec<NodeReport>,
    /// For how long it has been there.
    pub age_seconds: Option<u64>,
    /// `person`, or the process that it ends with.
    pub owner: Option<String>,
    /// That process is gone: the next run removes the cluster.
    pub abandoned: bool,
    /// The key to it.
    pub kubeconfig: Option<PathBuf>,
    /// NetworkPolicies were seen to be enforced.
    pub policies_enforced: bool,
}

/// A node, as Docker and the API see it.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// The container's name, which is the node's.
    pub name: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// The container runs.
    pub running: bool,
}

impl Clusters {
    /// What there is to say about a cluster; `image` is the identity of the node image that it should have.
    ///
    /// # Errors
    ///
    /// When Docker does not answer, or the lease cannot be read.
    pub fn report(&self, name: &Name, image: Option<&str>) -> Result<Report, ClusterError> {
        let lease = self.leases.read(name)?;
        let nodes = nodes::of(name)?;
        let found = state::of(lease.as_ref(), &nodes, Wanted { image, workers: None });
        // One of an older image may work all the same.
        let asked = matches!(found, Found::Running | Found::Outdated(_));
        let readiness = if asked { self.readiness(name, &nodes)? } else { None };
        let version = if readiness.is_some() { self.version(name)? } else { None };
        let (state, why) = match (found, readiness) {
            (Found::Absent, _) => ("absent", None),
            (Found::Foreign, _) => ("foreign", Some("no ./cbox of this user made it".to_owned())),
            (Found::Unfinished, _) => ("unfinished", Some("it was never ready".to_owned())),
            (Found::Broken(why), _) => ("broken", Some(why)),
            (Found::Stopped, _) => (
                "stopped",
                Some(format!("./cbox cluster up --name {name} starts its nodes again")),
            ),
            (Found::Outdated(why), Some(readiness)) if readiness.is_ready() => ("outdated", Some(why)),
            (Found::Running, Some(readiness)) if readiness.is_ready() => ("ready", None),
            (_, Some(readiness)) => (
                "not ready",
                Some(
                    readiness
                        .hopeless
                        .unwrap_or_else(|| format!("waiting for {}", readiness.waiting_for.join(", "))),
                ),
            ),
            (_, None) => ("not ready", Some("its API does not answer".to_owned())),
        };
        let kubeconfig = self.leases.kubeconfig(name);
        Ok(Report {
            name: name.to_string(),
            state,
            why,
            version,
            image: nodes.first().map(|node| node.image.clone()),
            nodes: nodes
                .into_iter()
                .map(|node| NodeReport {
                    name: node.name,
                    role: node.role,
                    running: node.running,
                })
                .collect(),
            age_seconds: lease
                .as_ref()
                .map(|lease| now_seconds().saturating_sub(lease.made_at_seconds)),
            owner: lease
                .as_ref()
                .map(|lease| lease.owner.clone().unwrap_or_else(|| "person".to_owned())),
            abandoned: lease.as_ref().is_some_and(|lease| lease.is_abandoned(lives)),
            kubeconfig: kubeconfig.is_file().then_some(kubeconfig),
            policies_enforced: lease.as_ref().is_some_and(|lease| lease.policies_enforced),
        })
    }

    /// The server's version, as `v1.33.13`.
    fn version(&self, name: &Name) -> Result<Option<String>, ClusterError> {
        let said = self
            .kubectl(name)
            .try_read(&["get", "--raw", "/version"], std::time::Duration::from_secs(10))?;
        Ok(said.ok().and_then(|text| {
            let version: serde_json::Value = serde_json::from_str(&text).ok()?;
            version["gitVersion"].as_str().map(str::to_owned)
        }))
    }
}
