//! What a chart cannot know of a cluster's network, and whether anybody enforces its policies.

use serde_json::{Value, json};

use crate::boxes::kubernetes::Kubernetes;
use crate::failure::{Code, Failure};
use crate::process;

/// The kubelet's port: it listens on every node, and no policy of the chart's lets a box reach it.
const KUBELET_PORT: u16 = 10250;

/// Where the API server listens behind its Service, as the chart's `network.apiServer.endpoints`.
pub(crate) fn api_server(cluster: &Kubernetes) -> Result<Value, Failure> {
    let slices = cluster.list(&[
        "endpointslices.discovery.k8s.io",
        "--namespace=default",
        "--selector=kubernetes.io/service-name=kubernetes",
    ])?;
    let endpoints = endpoints(&slices);
    if endpoints.is_empty() {
        return Err(Failure::new(
            Code::Unavailable,
            "the cluster does not say where its API server listens (EndpointSlices of default/kubernetes): set network.apiServer.endpoints in --values",
        ));
    }
    Ok(Value::Array(endpoints))
}

fn endpoints(slices: &[Value]) -> Vec<Value> {
    let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for slice in slices {
        for port in each(&slice["ports"]) {
            for endpoint in each(&slice["endpoints"]) {
                for address in each(&endpoint["addresses"]) {
                    found.push(json!({ "address": address, "port": port["port"] }));
                }
            }
        }
    }
    found
}

/// What a canary found out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Enforcement {
    /// What the policy forbids did not go through.
    Held,
    /// What the policy forbids went through: nobody enforces it.
    Open,
    /// It could not be tried.
    Unknown,
}

/// Tries, from the box, what its policy forbids: the kubelet of its own node.
///
/// A connection is proof that nobody enforces the policy. None is a sign only, since something else may stand between; the
/// harness has the full proof, with a control beside it.
pub(crate) fn canary(cluster: &Kubernetes, namespace: &str, pod: &Value) -> Result<Enforcement, Failure> {
    let (Some(name), Some(host)) = (pod["metadata"]["name"].as_str(), pod["status"]["hostIP"].as_str()) else {
        return Ok(Enforcement::Unknown);
    };
    // The shell says itself which of the three it was; anything else means that the canary did not fly.
    let script = format!(
        "timeout 3 bash -c 'exec 3<>/dev/tcp/{host}/{KUBELET_PORT}' 2>/dev/null; case $? in 0) echo open;; 1) echo refused;; 124) echo silent;; esac"
    );
    let output = process::output(cluster.kubectl().args([
        "exec",
        "--namespace",
        namespace,
        name,
        "--container=box",
        "--",
        "bash",
        "-c",
        &script,
    ]))?;
    Ok(match String::from_utf8_lossy(&output.stdout).trim() {
        "open" => Enforcement::Open,
        "silent" => Enforcement::Held,
        // A refusal came from somebody who was reached, but who may be the enforcer.
        _ => Enforcement::Unknown,
    })
}

/// A policy on one line: where to, at which ports, and from where.
pub(crate) fn summary(policy: &Value) -> String {
    let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let labels = |selector: &Value| match &selector["matchLabels"] {
        Value::Object(labels) => labels
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(","),
        _ => "any".to_owned(),
    };
    let peer = |peer: &Value| match peer["ipBlock"]["cidr"].as_str() {
        Some(cidr) => match each(&peer["ipBlock"]["except"]).len() {
            0 => cidr.to_owned(),
            left_out => format!("{cidr} without {left_out} ranges"),
        },
        None => format!("pods {}", labels(&peer["podSelector"])),
    };
    let side = |rules: &Value, key: &str| {
        let rules: Vec<String> = each(rules)
            .iter()
            .map(|rule| {
                let mut ports: Vec<String> = each(&rule["ports"])
                    .iter()
                    .map(|port| port["port"].to_string())
                    .collect();
                ports.dedup();
                let peers: Vec<String> = each(&rule[key]).iter().map(peer).collect();
                let all = |words: Vec<String>, none: &str| match words.join(", ") {
                    text if text.is_empty() => none.to_owned(),
                    text => text,
                };
                format!("{} at {}", all(peers, "anywhere"), all(ports, "every port"))
            })
            .collect();
        match rules.join("; ") {
            text if text.is_empty() => "nothing".to_owned(),
            text => text,
        }
    };
    format!(
        "out: {} | in: {}",
        side(&policy["spec"]["egress"], "to"),
        side(&policy["spec"]["ingress"], "from")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_goes_with_every_port_of_its_slice() {
        let slices = [
            json!({ "ports": [{ "port": 6443 }], "endpoints": [{ "addresses": ["10.0.0.1"] }, { "addresses": ["10.0.0.2"] }] }),
            json!({ "ports": null, "endpoints": [{ "addresses": ["10.0.0.3"] }] }),
        ];
        assert_eq!(
            endpoints(&slices),
            [
                json!({ "address": "10.0.0.1", "port": 6443 }),
                json!({ "address": "10.0.0.2", "port": 6443 })
            ]
        );
    }

    #[test]
    fn a_policy_is_told_on_a_line() {
        let policy = json!({ "spec": {
            "egress": [
                { "to": [{ "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } } }], "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }] },
                { "to": [{ "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"] } }], "ports": [{ "port": 443 }] },
                {},
            ],
        } });
        assert_eq!(
            summary(&policy),
            "out: pods k8s-app=kube-dns at 53; 0.0.0.0/0 without 1 ranges at 443; anywhere at every port | in: nothing"
        );
    }
}
