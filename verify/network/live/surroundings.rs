//! What a cluster has beside what is made to try it: nodes, name servers, its API server, and who enforces policies.

use std::net::IpAddr;

use serde_json::Value;

use crate::cluster::ClusterError;
use crate::cluster::kubectl::Kubectl;
use crate::selector::Labels;

/// Agents that enforce NetworkPolicies, by the names that their projects give to their DaemonSets.
const ENFORCERS: [&str; 9] = [
    "calico-node",
    "canal",
    "cilium",
    "antrea-agent",
    "kube-router",
    "weave-net",
    "kube-network-policies",
    "kindnet",
    "aws-node",
];

/// A cluster, as far as it may be looked at.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Its nodes that are ready; those that take pods first.
    pub nodes: Vec<Node>,
    /// The names of those that are not.
    pub unready: Vec<String>,
    /// Where the API server listens.
    pub api_server: Vec<(IpAddr, u16)>,
    /// The API server's Service.
    pub api_service: Option<IpAddr>,
    /// The name servers' pods.
    pub name_servers: Vec<NameServer>,
    /// The name servers' Service: its name with its namespace's, and its address.
    pub name_service: Option<(String, IpAddr)>,
    /// The name servers' image.
    pub name_server_image: Option<String>,
    /// Who enforces policies: the DaemonSet and its image.
    pub enforcer: Option<String>,
    /// What could not be looked at, and why.
    pub hidden: Vec<String>,
}

/// A node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its address within the cluster.
    pub address: IpAddr,
    /// It belongs to the control plane.
    pub is_control_plane: bool,
    /// No taint keeps pods away.
    pub takes_pods: bool,
}

/// A name server's pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameServer {
    /// Its address.
    pub address: IpAddr,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: Labels,
}

impl Surroundings {
    /// Looks at a cluster.
    ///
    /// # Errors
    ///
    /// When its nodes cannot be listed: without one there is no place for a pod. Everything else that cannot be looked at is
    /// told by [`Self::hidden`].
    pub fn of(kubectl: &Kubectl) -> Result<Self, ClusterError> {
        let list = kubectl.get(&["nodes"])?;
        let mut this = Self {
            nodes: nodes(&list),
            unready: items(&list).filter(|node| !is_ready(node)).map(name).collect(),
            ..Self::default()
        };
        let mut hidden = Vec::new();
        let mut look = |what: &str, arguments: &[&str]| {
            kubectl
                .get(arguments)
                .map_err(|error| hidden.push(format!("{what}: {error}")))
                .unwrap_or_default()
        };
        let slices = look(
            "the API server's endpoints",
            &[
                "endpointslices.discovery.k8s.io",
                "--namespace=default",
                "--selector=kubernetes.io/service-name=kubernetes",
            ],
        );
        this.api_server = endpoints(&slices);
        let service = look(
            "the API server's Service",
            &["service", "kubernetes", "--namespace=default"],
        );
        this.api_service = address(&service["spec"]["clusterIP"]);
        let pods = look(
            "the name servers",
            &["pods", "--namespace=kube-system", "--selector=k8s-app=kube-dns"],
        );
        this.name_servers = name_servers(&pods);
        this.name_server_image = items(&pods)
            .find_map(|pod| pod["spec"]["containers"][0]["image"].as_str())
            .map(str::to_owned);
        let services = look(
            "the name servers' Service",
            &["services", "--namespace=kube-system", "--selector=k8s-app=kube-dns"],
        );
        this.name_service = items(&services).find_map(|service| {
            let name = service["metadata"]["name"].as_str()?;
            Some((format!("{name}.kube-system"), address(&service["spec"]["clusterIP"])?))
        });
        let agents = look("who enforces policies", &["daemonsets.apps", "--all-namespaces"]);
        this.enforcer = enforcer(&agents);
        this.hidden = hidden;
        Ok(this)
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn nodes(list: &Value) -> Vec<Node> {
    let each = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let mut nodes: Vec<Node> = items(list)
        .filter(|node| is_ready(node))
        .filter_map(|node| {
            let addresses = each(&node["status"]["addresses"]);
            let internal = addresses.iter().find(|address| address["type"] == "InternalIP")?;
            let keeps_away = |taint: &Value| taint["effect"] != "PreferNoSchedule";
            Some(Node {
                name: node["metadata"]["name"].as_str()?.to_owned(),
                address: address(&internal["address"])?,
                is_control_plane: node["metadata"]["labels"]
                    .get("node-role.kubernetes.io/control-plane")
                    .is_some(),
                takes_pods: node["spec"]["unschedulable"] != true
                    && !each(&node["spec"]["taints"]).iter().any(keeps_away),
            })
        })
        .collect();
    nodes.sort_by_key(|node| !node.takes_pods);
    nodes
}

fn endpoints(slices: &Value) -> Vec<(IpAddr, u16)> {
    let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for slice in items(slices) {
        for port in each(&slice["ports"]) {
            let Some(number) = port["port"].as_u64().and_then(|port| u16::try_from(port).ok()) else {
                continue;
            };
            let addresses = each(&slice["endpoints"])
                .into_iter()
                .flat_map(|endpoint| each(&endpoint["addresses"]));
            found.extend(
                addresses
                    .filter_map(|text| address(&text))
                    .map(|address| (address, number)),
            );
        }
    }
    found
}

fn name_servers(pods: &Value) -> Vec<NameServer> {
    items(pods)
        .filter_map(|pod| {
            let labels = pod["metadata"]["labels"].as_object()?;
            Some(NameServer {
                address: address(&pod["status"]["podIP"])?,
                namespace: pod["metadata"]["namespace"].as_str()?.to_owned(),
                labels: labels
                    .iter()
                    .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                    .collect(),
            })
        })
        .collect()
}

fn enforcer(agents: &Value) -> Option<String> {
    let named = |wanted: &str| {
        items(agents).find_map(|agent| {
            let metadata = &agent["metadata"];
            let name = metadata["name"].as_str().filter(|name| *name == wanted)?;
            let image = agent["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
            Some(format!(
                "{}/{name} ({})",
                metadata["namespace"].as_str().unwrap_or_default(),
                image.unwrap_or_default()
            ))
        })
    };
    ENFORCERS.into_iter().find_map(named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_that_take_pods_come_first_and_those_that_are_not_ready_not_at_all() {
        let node = |name: &str, ready: &str, taints: Value| {
            json!({
                "metadata": { "name": name, "labels": {} },
                "spec": { "taints": taints },
                "status": {
                    "conditions": [{ "type": "Ready", "status": ready }],
                    "addresses": [{ "type": "InternalIP", "address": "10.0.0.1" }],
                },
            })
        };
        let list = json!({ "items": [
            node("tainted", "True", json!([{ "effect": "NoSchedule" }])),
            node("lost", "Unknown", json!([])),
            node("good", "True", json!(null)),
        ] });
        let names: Vec<String> = nodes(&list).into_iter().map(|node| node.name).collect();
        assert_eq!(names, ["good", "tainted"]);
    }

    #[test]
    fn an_enforcer_is_named_with_its_image() {
        let agents = json!({ "items": [
            { "metadata": { "namespace": "kube-system", "name": "kube-proxy" } },
            {
                "metadata": { "namespace": "kube-system", "name": "calico-node" },
                "spec": { "template": { "spec": { "containers": [{ "image": "calico/node:v3" }] } } },
            },
        ] });
        assert_eq!(
            enforcer(&agents).as_deref(),
            Some("kube-system/calico-node (calico/node:v3)")
        );
        assert_eq!(enforcer(&Value::Null), None);
    }
}
