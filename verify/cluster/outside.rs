//! A machine outside of a test cluster, with an address that is a public one to every policy and nobody's in the world: one of
//! RFC 5737's for documentation, on the loopback interface of a container beside the nodes, which have a route to it.

use std::collections::BTreeSet;

use crate::docker::{self, DockerError, OWNER, docker};

/// The nodes' own image: it has a shell, `ip` and `socat`.
const IMAGE: &str = "claude-in-a-box/kind-node:latest";

/// KIND's network in Docker, which the nodes are on.
const NETWORK: &str = "kind";

/// RFC 5737's TEST-NET-3; the last part of a host's address is that of its address on the nodes' network, where it is the
/// only one of that number.
const DOCUMENTATION: &str = "203.0.113";

/// TCP ports at which it takes every connection, whatever the address.
pub const TCP_PORTS: [u16; 2] = [443, 8443];

/// UDP ports at which it sends back what it gets.
pub const UDP_PORTS: [u16; 2] = [53, 443];

/// What UDP sends back has to come from the address that was asked, so that each has a socket of its own.
const SERVE: &str = "\
set -e; own=$(hostname --ip-address); public=DOCUMENTATION.${own##*.}; ip address add $public/32 dev lo; \
for address in $own $public; do for port in 53 443; do \
socat UDP4-RECVFROM:$port,bind=$address,fork PIPE & done; done; \
socat TCP-LISTEN:8443,fork,reuseaddr /dev/null & exec socat TCP-LISTEN:443,fork,reuseaddr /dev/null";

/// The host. It goes when dropped, and the nodes' routes with it.
#[derive(Debug)]
pub struct Outside {
    container: String,
    nodes: Vec<String>,
    /// Its public address.
    pub public: String,
    /// Its address on the nodes' network, a private one, where it serves the same.
    pub private: String,
}

impl Outside {
    /// Starts it beside these nodes, which are containers of these names.
    ///
    /// # Errors
    ///
    /// When Docker refuses, or does not have the nodes' image.
    pub fn start(nodes: &[String]) -> Result<Self, DockerError> {
        sweep(nodes)?;
        let container = docker([
            "run",
            "--detach",
            "--cap-drop=ALL",
            "--cap-add=NET_ADMIN",
            "--cap-add=NET_BIND_SERVICE",
            &format!("--label={OWNER}={}", docker::owner()),
            &format!("--network={NETWORK}"),
            "--entrypoint=bash",
            IMAGE,
            "-c",
            &SERVE.replace("DOCUMENTATION", DOCUMENTATION),
        ])?;
        let mut this = Self {
            public: String::new(),
            nodes: nodes.to_vec(),
            container,
            private: String::new(),
        };
        let format = format!("--format={{{{(index .NetworkSettings.Networks \"{NETWORK}\").IPAddress}}}}");
        this.private = docker(["container", "inspect", &format, &this.container])?;
        let number = this.private.rsplit('.').next().unwrap_or_default();
        this.public = format!("{DOCUMENTATION}.{number}");
        for node in &this.nodes {
            docker([
                "exec",
                node,
                "ip",
                "route",
                "replace",
                &this.public,
                "via",
                &this.private,
            ])?;
        }
        Ok(this)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // What fails here is swept up by the next run.
        for node in &self.nodes {
            let _ = docker(["exec", node, "ip", "route", "delete", &self.public]);
        }
        let _ = docker(["container", "rm", "--force", "--volumes", &self.container]);
    }
}

/// Removes the routes that killed runs left on the nodes: they lead to containers that are no more.
fn sweep(nodes: &[String]) -> Result<(), DockerError> {
    docker::sweep()?;
    let format = "--format={{range .Containers}}{{.IPv4Address}} {{end}}";
    let there = docker(["network", "inspect", format, NETWORK])?;
    let there: BTreeSet<&str> = there
        .split_whitespace()
        .filter_map(|address| Some(address.split_once('/')?.0))
        .collect();
    for node in nodes {
        let range = format!("{DOCUMENTATION}.0/24");
        let routes = docker(["exec", node, "ip", "route", "show", "root", &range])?;
        for route in routes.lines() {
            // `203.0.113.5 via 172.18.0.5 dev eth0`; whatever else it is, nobody here made it.
            let [target, "via", gateway] = route.split_whitespace().take(3).collect::<Vec<_>>()[..] else {
                continue;
            };
            if !there.contains(gateway) {
                docker(["exec", node, "ip", "route", "delete", target])?;
            }
        }
    }
    Ok(())
}
