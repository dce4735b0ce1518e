//! Pods to try things from and to: each holds a prober, and a server of every port that is asked about.
//!
//! They are as a box is: held to the restricted Pod Security Standard, as a user of no name, without a token. Where raw sockets
//! are wished for, the prober is root with that one capability: not every busybox can ask for an echo without.

use serde_json::{Value, json};

use crate::network::live::probe;
use crate::selector::Labels;

/// TCP ports of every station: those that a policy of the chart's may name, and neighbours.
pub const TCP_PORTS: [u16; 12] = [22, 53, 80, 123, 443, 444, 853, 2379, 6443, 8080, 8443, 10250];

/// UDP ports of every station.
pub const UDP_PORTS: [u16; 8] = [53, 80, 123, 443, 500, 853, 4500, 8080];

/// The container that probes.
pub(super) const PROBER: &str = "prober";

/// Where the prober's files are.
const FILES: &str = "/cbox";

/// The prober's file of one probe.
pub(super) const SCRIPT: &str = "/cbox/probe";

/// The label by which a Service finds a station.
const LABEL: &str = "station";

/// The images of a station's two containers.
#[derive(Clone, Debug)]
pub struct Images {
    /// One with busybox: `sh`, `xargs`, `nc`, `nslookup`, `ping`.
    pub prober: String,
    /// CoreDNS: it serves TCP and UDP at any number of ports.
    pub server: String,
    /// The prober gets raw sockets.
    pub has_raw_sockets: bool,
}

/// A station that is wished for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Station {
    /// Its pod's name, and the cells'.
    pub name: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its node.
    pub node: String,
    /// Labels by which policies know it.
    pub labels: Labels,
    /// It works off the list of the ConfigMap of its name as the first thing it does.
    pub probes_first: bool,
}

impl Station {
    /// Its pod.
    pub(super) fn pod(&self, images: &Images) -> Value {
        let mut labels = json!({ LABEL: self.name });
        for (key, value) in &self.labels {
            labels[key] = json!(value);
        }
        let lists = if self.probes_first { self.name } else { "prober" };
        let first = match self.probes_first {
            true => format!("{{ {}; }} <{FILES}/list; ", probe::command(SCRIPT)),
            false => String::new(),
        };
        let security = |more: &[&str]| {
            json!({
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"], "add": more },
            })
        };
        let mut prober = security(if images.has_raw_sockets { &["NET_RAW"] } else { &[] });
        if images.has_raw_sockets {
            prober["runAsUser"] = json!(0);
            prober["runAsNonRoot"] = json!(false);
        }
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": self.name, "namespace": self.namespace, "labels": labels },
            "spec": {
                "nodeName": self.node,
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                    "seccompProfile": { "type": "RuntimeDefault" },
                    "sysctls": [
                        { "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" },
                        { "name": "net.ipv4.ping_group_range", "value": "0 2147483647" },
                    ],
                },
                "containers": [
                    {
                        "name": PROBER, "image": images.prober,
                        "command": ["sh", "-c", format!("{first}exec sleep 1000000")],
                        "securityContext": prober,
                        "volumeMounts": [{ "name": "lists", "mountPath": FILES, "readOnly": true }],
                    },
                    {
                        "name": "server", "image": images.server,
                        // The capability is that of the program's file, without which it does not start.
                        "securityContext": security(&["NET_BIND_SERVICE"]),
                        "args": ["-conf", format!("{FILES}/Corefile")],
                        "volumeMounts": [{ "name": "lists", "mountPath": FILES, "readOnly": true }],
                    },
                ],
                "volumes": [{ "name": "lists", "configMap": { "name": lists } }],
            },
        })
    }

    /// What its containers read: how to probe, what to serve, and the list that it begins with.
    pub(super) fn files(name: &str, namespace: &str, list: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": namespace },
            "data": { "probe": probe::script(), "Corefile": corefile(), "list": list },
        })
    }

    /// A Service before it, at all of its ports.
    pub(super) fn service(&self) -> Value {
        let port = |protocol: &str, port: &u16| json!({ "name": format!("{}-{port}", protocol.to_lowercase()), "protocol": protocol, "port": port, "targetPort": port });
        let mut ports: Vec<Value> = TCP_PORTS.iter().map(|number| port("TCP", number)).collect();
        ports.extend(UDP_PORTS.iter().map(|number| port("UDP", number)));
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": self.name, "namespace": self.namespace },
            "spec": { "selector": { LABEL: self.name }, "ports": ports },
        })
    }
}

/// Every port that is asked about, whichever its protocol: CoreDNS listens for both.
fn corefile() -> String {
    let mut ports: Vec<u16> = TCP_PORTS.iter().chain(&UDP_PORTS).copied().collect();
    ports.sort_unstable();
    ports.dedup();
    let zones: Vec<String> = ports.iter().map(|port| format!(".:{port}")).collect();
    let name = probe::QUESTION;
    format!("{} {{\n  hosts {{\n    192.0.2.1 {name}\n  }}\n}}\n", zones.join(" "))
}
