//! A machine outside of the cluster, with an address that is a public one to every policy and nobody's in the world: one of
//! RFC 5737's for documentation, on the loopback interface of a container beside the nodes, which have a route to it.

use std::collections::BTreeSet;

use verify::docker::{self, OWNER, docker};

use crate::cluster::Shared;

/// The nodes' own image: it has a shell, `ip` and `socat`.
const IMAGE: &str = "claude-in-a-box/kind-node:latest";

/// KIND's network in Docker, which the nodes are on.
const NETWORK: &str = "kind";

/// RFC 5737's TEST-NET-3; the last part of a host's address is that of its address on the nodes' network, where it is the
/// only one of that number.
const DOCUMENTATION: &str = "203.0.113";

/// Takes every connection at two ports, whatever the address.
const SERVE: &str = "\
set -e; own=$(hostname --ip-address); ip address add DOCUMENTATION.${own##*.}/32 dev lo; \
socat TCP-LISTEN:8443,fork,reuseaddr /dev/null & exec socat TCP-LISTEN:443,fork,reuseaddr /dev/null";

/// The host. It goes when dropped, and the nodes' routes with it.
pub(super) struct Outside {
    container: String,
    nodes: Vec<String>,
    /// Its public address. It serves at ports 443 and 8443.
    pub(super) public: String,
    /// Its address on the nodes' network, a private one, where it serves the same.
    pub(super) private: String,
}

impl Outside {
    pub(super) fn start(shared: &Shared) -> Self {
        sweep(&shared.nodes);
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
        ])
        .expect("Docker starts a container of the node image: ./cbox cluster up builds and loads it");
        let format = format!("--format={{{{(index .NetworkSettings.Networks \"{NETWORK}\").IPAddress}}}}");
        let private = docker(["container", "inspect", &format, &container]).expect("it has an address");
        let (_, number) = private.rsplit_once('.').expect("an IPv4 address");
        let this = Self {
            public: format!("{DOCUMENTATION}.{number}"),
            nodes: shared.nodes.clone(),
            container,
            private,
        };
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
            ])
            .expect("the node takes a route");
        }
        this
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
fn sweep(nodes: &[String]) {
    docker::sweep().expect("Docker removes what killed runs left");
    let format = "--format={{range .Containers}}{{.IPv4Address}} {{end}}";
    let there = docker(["network", "inspect", format, NETWORK]).expect("Docker knows the nodes' network");
    let there: BTreeSet<&str> = there
        .split_whitespace()
        .filter_map(|address| Some(address.split_once('/')?.0))
        .collect();
    for node in nodes {
        let range = format!("{DOCUMENTATION}.0/24");
        let routes = docker(["exec", node, "ip", "route", "show", "root", &range]).expect("the node lists routes");
        for route in routes.lines() {
            // `203.0.113.5 via 172.18.0.5 dev eth0`
            let [target, "via", gateway] = route.split_whitespace().take(3).collect::<Vec<_>>()[..] else {
                panic!("a route of nobody's on {node}: {route}");
            };
            if !there.contains(gateway) {
                docker(["exec", node, "ip", "route", "delete", target]).expect("the node removes a route");
            }
        }
    }
}
