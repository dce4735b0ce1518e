//! A cluster's nodes, as Docker sees them: containers with KIND's labels.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::ClusterError;
use super::name::Name;
use crate::docker::{DockerError, docker};

/// KIND writes the cluster's name here (`clusterLabelKey` in its docker provider's constants).
const CLUSTER: &str = "io.x-k8s.kind.cluster";

/// And here what a node is for.
const ROLE: &str = "io.x-k8s.kind.role";

/// One node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// The container's name, which is the host's and the node's.
    pub name: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// The container runs.
    pub running: bool,
    /// When it last started, as Docker writes it: RFC 3339, UTC.
    pub started_at: String,
    /// The identity of its image.
    pub image: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    name: String,
    image: String,
    state: State,
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
    started_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    labels: std::collections::BTreeMap<String, String>,
}

/// A cluster's nodes, the control plane first; empty when there is no such cluster.
///
/// # Errors
///
/// When Docker does not answer as it should.
pub fn of(name: &Name) -> Result<Vec<Node>, ClusterError> {
    let ids = ids(name)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let json = docker([&["container".to_owned(), "inspect".to_owned()], ids.as_slice()].concat())?;
    parse(&json)
}

/// The names of all clusters that have nodes here, whoever made them.
///
/// # Errors
///
/// When Docker does not answer.
pub fn clusters() -> Result<BTreeSet<Name>, ClusterError> {
    let list = docker([
        "container".to_owned(),
        "ls".to_owned(),
        "--all".to_owned(),
        format!("--filter=label={CLUSTER}"),
        format!("--format={{{{.Label \"{CLUSTER}\"}}}}"),
    ])?;
    // KIND allows names that we do not: nothing of ours has one.
    Ok(list.lines().filter_map(|name| name.parse().ok()).collect())
}

/// Removes a cluster's nodes with their volumes.
///
/// # Errors
///
/// When Docker cannot remove one.
pub fn remove(name: &Name) -> Result<(), ClusterError> {
    let ids = ids(name)?;
    if !ids.is_empty() {
        let words = ["container", "rm", "--force", "--volumes"].map(str::to_owned);
        docker([words.as_slice(), ids.as_slice()].concat())?;
    }
    Ok(())
}

/// Starts the nodes that do not run, the control plane first, so that it has a chance to get its old address.
///
/// # Errors
///
/// When Docker cannot start one.
pub fn start(nodes: &[Node]) -> Result<(), ClusterError> {
    for node in nodes.iter().filter(|node| !node.running) {
        docker(["container", "start", &node.name])?;
    }
    Ok(())
}

/// The identity of an image in Docker; none when it is not there.
///
/// # Errors
///
/// When Docker does not answer.
pub fn image(reference: &str) -> Result<Option<String>, ClusterError> {
    match docker(["image", "inspect", "--format={{.Id}}", reference]) {
        Ok(id) => Ok(Some(id)),
        Err(DockerError::Refused { message, .. }) if message.contains("No such image") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A node's address on KIND's network.
///
/// # Errors
///
/// When Docker does not answer.
pub fn address(node: &str) -> Result<String, ClusterError> {
    let format = "--format={{with index .NetworkSettings.Networks \"kind\"}}{{.IPAddress}}{{end}}";
    Ok(docker(["container", "inspect", format, node])?)
}

/// Is this port of the machine held by one of these nodes? One that is stopped holds none.
///
/// # Errors
///
/// When Docker does not answer.
pub fn hold_port(nodes: &[Node], port: u16) -> Result<bool, ClusterError> {
    for node in nodes.iter().filter(|node| node.running) {
        // Lines like `6443/tcp -> 127.0.0.1:40000`.
        let ports = docker(["container", "port", &node.name])?;
        if ports.lines().any(|line| line.ends_with(&format!(":{port}"))) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ids(name: &Name) -> Result<Vec<String>, ClusterError> {
    let filter = format!("--filter=label={CLUSTER}={name}");
    let list = docker(["container", "ls", "--all", "--quiet", &filter])?;
    Ok(list.lines().map(str::to_owned).collect())
}

fn parse(json: &str) -> Result<Vec<Node>, ClusterError> {
    let inspected: Vec<Inspected> = serde_json::from_str(json).map_err(|error| ClusterError::Command {
        command: "docker container inspect".to_owned(),
        how: "printed something else than expected".to_owned(),
        message: error.to_string(),
    })?;
    let mut nodes: Vec<Node> = inspected
        .into_iter()
        .map(|mut node| Node {
            name: node.name.trim_start_matches('/').to_owned(),
            role: node.config.labels.remove(ROLE).unwrap_or_default(),
            running: node.state.running,
            started_at: node.state.started_at,
            image: node.image,
        })
        .collect();
    nodes.sort_by(|one, other| (&one.role, &one.name).cmp(&(&other.role, &other.name)));
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_says_becomes_nodes_with_the_control_plane_first() {
        let node = |name: &str, role: &str, running: bool| {
            serde_json::json!({
                "Id": "0", "Name": format!("/{name}"), "Image": "sha256:1",
                "State": {"Status": "any", "Running": running, "StartedAt": "2026-01-01T00:00:00.5Z"},
                "Config": {"Labels": {CLUSTER: "a", ROLE: role}},
            })
        };
        let json = serde_json::json!([
            node("a-worker", "worker", false),
            node("a-control-plane", "control-plane", true)
        ]);
        let nodes = parse(&json.to_string()).unwrap();
        assert_eq!(
            nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(),
            ["a-control-plane", "a-worker"]
        );
        assert!(nodes[0].running && !nodes[1].running);
        assert!(parse("[{}]").is_err());
    }
}
