//! Is a cluster ready? Decided in memory, from what its API says.

use serde_json::Value;

/// What `kubectl get` is asked for, all at once.
pub(super) const KINDS: &str = "nodes,daemonsets.apps,deployments.apps,pods,leases.coordination.k8s.io";

/// What a cluster of ours has running before it is ready.
const DAEMON_SETS: [(&str, &str); 2] = [("kube-system", "kube-proxy"), ("kube-system", "calico-node")];
const DEPLOYMENTS: [(&str, &str); 3] = [
    ("kube-system", "coredns"),
    ("kube-system", "calico-kube-controllers"),
    ("local-path-storage", "local-path-provisioner"),
];

/// Reasons of a waiting container that no waiting mends on a node that gets its images from nowhere (kubelet's
/// `pkg/kubelet/images/types.go`).
const IMAGE_REASONS: [&str; 4] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
];

/// How far a cluster is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Readiness {
    /// What is still waited for; empty: ready.
    pub waiting_for: Vec<String>,
    /// Why waiting is pointless.
    pub hopeless: Option<String>,
}

impl Readiness {
    /// Is everything there?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.waiting_for.is_empty() && self.hopeless.is_none()
    }
}

/// A node as the harness expects it: its name, and when its container started. What the API says from before then, an
/// earlier life of the node said.
pub(super) type Expected<'a> = (&'a str, &'a str);

/// Judges the list that `kubectl get KINDS --all-namespaces --output=json` printed.
pub(super) fn of_cluster(list: &Value, nodes: &[Expected<'_>]) -> Readiness {
    let mut waiting_for = Vec::new();
    for (name, started_at) in nodes {
        let ready = find(list, "Node", "", name).is_some_and(|node| condition(node, "Ready"));
        let renewed = find(list, "Lease", "kube-node-lease", name)
            .and_then(|lease| lease["spec"]["renewTime"].as_str())
            // Both are RFC 3339 in UTC: as text, the later one is the greater one.
            .is_some_and(|renewed| renewed > *started_at);
        if !(ready && renewed) {
            waiting_for.push(format!("node {name}"));
        }
    }
    for (namespace, name) in DAEMON_SETS {
        if !find(list, "DaemonSet", namespace, name).is_some_and(|set| daemon_set(set, nodes.len())) {
            waiting_for.push(name.to_owned());
        }
    }
    for (namespace, name) in DEPLOYMENTS {
        if !find(list, "Deployment", namespace, name).is_some_and(deployment) {
            waiting_for.push(name.to_owned());
        }
    }
    let system: Vec<&Value> = items(list)
        .filter(|item| {
            let namespace = item["metadata"]["namespace"].as_str().unwrap_or_default();
            item["kind"] == "Pod" && ["kube-system", "local-path-storage"].contains(&namespace)
        })
        .collect();
    // The counts of above are a controller's, which takes half a minute to be back after its own node's restart.
    for pod in system.iter().filter(|pod| is_of_ours(pod)) {
        if !(condition(pod, "Ready") && runs_since_its_node(pod, nodes)) {
            waiting_for.push(format!("pod {}", text(&pod["metadata"]["name"])));
        }
    }
    Readiness {
        waiting_for,
        hopeless: system.into_iter().find_map(image_missing),
    }
}

/// Is this a pod of what a cluster has running before it is ready, and not on its way out?
fn is_of_ours(pod: &Value) -> bool {
    let owner = &pod["metadata"]["ownerReferences"][0];
    let name = owner["name"].as_str().unwrap_or_default();
    let is_ours = match owner["kind"].as_str() {
        Some("DaemonSet") => DAEMON_SETS.iter().any(|(_, set)| *set == name),
        // A Deployment's ReplicaSet is called after it, with a hash.
        Some("ReplicaSet") => DEPLOYMENTS
            .iter()
            .any(|(_, deployment)| name.rsplit_once('-').is_some_and(|(stem, _)| stem == *deployment)),
        _ => false,
    };
    is_ours && pod["metadata"]["deletionTimestamp"].is_null()
}

/// Does every container of the pod run, and since after its node was started? What ran before then is gone, even while the
/// API still calls it ready.
fn runs_since_its_node(pod: &Value, nodes: &[Expected<'_>]) -> bool {
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    let Some((_, node_started_at)) = nodes.iter().find(|(name, _)| *name == node) else {
        return true;
    };
    let mut containers = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    containers.all(|container| {
        let started_at = container["state"]["running"]["startedAt"].as_str();
        // As above, RFC 3339 in UTC as text. Kubernetes' has whole seconds: `Z` is greater than a point.
        started_at.is_some_and(|started_at| started_at > *node_started_at)
    })
}

/// Judges the pods of a list, each of which must be ready.
pub(super) fn of_pods(list: &Value) -> Readiness {
    let pods: Vec<&Value> = items(list).filter(|item| item["kind"] == "Pod").collect();
    Readiness {
        waiting_for: pods
            .iter()
            .filter(|pod| !condition(pod, "Ready"))
            .map(|pod| format!("pod {}", text(&pod["metadata"]["name"])))
            .collect(),
        hopeless: pods.iter().find_map(|pod| image_missing(pod).or_else(|| ended(pod))),
    }
}

/// The pods of the parts that are not ready, as (namespace, name): whose logs say why.
pub(super) fn unready_pods(list: &Value) -> Vec<(String, String)> {
    items(list)
        .filter(|item| item["kind"] == "Pod" && item["status"]["phase"] != "Succeeded" && !condition(item, "Ready"))
        .map(|pod| (text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"])))
        .collect()
}

/// The sentence about a pod that is never started again, and of which a container has ended.
fn ended(pod: &Value) -> Option<String> {
    let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let mut ended = statuses.filter(|status| status["state"]["terminated"].is_object());
    let status = ended.next().filter(|_| pod["spec"]["restartPolicy"] == "Never")?;
    let end = &status["state"]["terminated"];
    Some(format!(
        "container {} of pod {}/{} ended before the pod was ready: {}",
        text(&status["name"]),
        text(&pod["metadata"]["namespace"]),
        text(&pod["metadata"]["name"]),
        [text(&end["reason"]), text(&end["message"])].join(" ").trim(),
    ))
}

/// The sentence about a pod whose image is not on its node.
fn image_missing(pod: &Value) -> Option<String> {
    ["initContainerStatuses", "containerStatuses"]
        .iter()
        .flat_map(|key| pod["status"][key].as_array().into_iter().flatten())
        .find(|status| {
            let reason = status["state"]["waiting"]["reason"].as_str().unwrap_or_default();
            IMAGE_REASONS.contains(&reason)
        })
        .map(|status| {
            format!(
                "image {} is missing on node {}, where pod {}/{} wants it",
                text(&status["image"]),
                text(&pod["spec"]["nodeName"]),
                text(&pod["metadata"]["namespace"]),
                text(&pod["metadata"]["name"]),
            )
        })
}

fn daemon_set(set: &Value, nodes: usize) -> bool {
    let status = &set["status"];
    let number = |key: &str| status[key].as_u64().unwrap_or_default();
    is_observed(set)
        && number("desiredNumberScheduled") == nodes as u64
        && number("updatedNumberScheduled") == nodes as u64
        && number("numberReady") == nodes as u64
}

fn deployment(deployment: &Value) -> bool {
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
    let number = |key: &str| deployment["status"][key].as_u64().unwrap_or_default();
    is_observed(deployment)
        && number("replicas") == wanted
        && number("updatedReplicas") == wanted
        && number("availableReplicas") == wanted
}

/// Does the status speak of the object as it is now?
fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"].as_u64() >= object["metadata"]["generation"].as_u64()
}

fn condition(object: &Value, kind: &str) -> bool {
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

fn find<'a>(list: &'a Value, kind: &str, namespace: &str, name: &str) -> Option<&'a Value> {
    items(list).find(|item| {
        item["kind"] == kind
            && item["metadata"]["name"] == name
            && item["metadata"]["namespace"].as_str().unwrap_or_default() == namespace
    })
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NODES: [Expected<'static>; 2] = [
        ("a-control-plane", "2026-01-01T00:00:00.000000001Z"),
        ("a-worker", "2026-01-01T00:00:00.000000001Z"),
    ];

    fn ready() -> Vec<Value> {
        let mut items = Vec::new();
        for (name, _) in NODES {
            items.push(json!({"kind": "Node", "metadata": {"name": name},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]}}));
            items.push(
                json!({"kind": "Lease", "metadata": {"namespace": "kube-node-lease", "name": name},
                "spec": {"renewTime": "2026-01-01T00:00:10.000000Z"}}),
            );
        }
        for (namespace, name) in DAEMON_SETS {
            items.push(json!({"kind": "DaemonSet", "metadata": {"namespace": namespace, "name": name, "generation": 1},
                "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2}}));
        }
        for (namespace, name) in DEPLOYMENTS {
            items.push(
                json!({"kind": "Deployment", "metadata": {"namespace": namespace, "name": name, "generation": 2},
                "spec": {"replicas": 1},
                "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}),
            );
        }
        items
    }

    /// A pod of CoreDNS's that is ready and runs since then.
    fn coredns(started_at: &str) -> Value {
        json!({"kind": "Pod", "metadata": {"namespace": "kube-system", "name": "coredns-1-a",
                "ownerReferences": [{"kind": "ReplicaSet", "name": "coredns-1"}]},
            "spec": {"nodeName": "a-worker"},
            "status": {"conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"state": {"running": {"startedAt": started_at}}}]}})
    }

    fn judged(items: &[Value]) -> Readiness {
        of_cluster(&json!({"items": items}), &NODES)
    }

    #[test]
    fn a_cluster_is_ready_when_everything_is_there() {
        assert_eq!(judged(&ready()), Readiness::default());
        assert!(judged(&ready()).is_ready());
    }

    #[test]
    fn whatever_is_missing_is_named() {
        let all = ready();
        for (at, item) in all.iter().enumerate() {
            let mut others = all.clone();
            others.remove(at);
            let readiness = judged(&others);
            let name = item["metadata"]["name"].as_str().unwrap();
            assert!(!readiness.is_ready());
            assert!(
                readiness.waiting_for.iter().any(|waiting| waiting.contains(name)),
                "{name}: {readiness:?}"
            );
        }
    }

    #[test]
    fn what_a_node_said_before_it_was_started_again_does_not_count() {
        let mut items = ready();
        items[1]["spec"]["renewTime"] = "2025-12-31T23:59:59.000000Z".into();
        assert_eq!(judged(&items).waiting_for, ["node a-control-plane"]);
    }

    #[test]
    fn a_pod_that_was_ready_before_its_node_was_started_again_does_not_count() {
        let with = |pod: Value| judged(&[ready(), vec![pod]].concat()).waiting_for;
        assert_eq!(with(coredns("2025-12-31T23:59:59Z")), ["pod coredns-1-a"]);
        assert_eq!(with(coredns("2026-01-01T00:00:00Z")), [""; 0]);
        let mut crashed = coredns("2026-01-01T00:00:05Z");
        crashed["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        assert_eq!(with(crashed.clone()), ["pod coredns-1-a"]);
        // One that goes is nobody's concern, and neither is one of somebody else's.
        let mut going = crashed.clone();
        going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:06Z".into();
        crashed["metadata"]["ownerReferences"][0]["name"] = "coredns-of-mine-1".into();
        assert_eq!((with(going), with(crashed)), (vec![], vec![]));
    }

    #[test]
    fn an_old_generation_s_status_does_not_count() {
        let mut items = ready();
        let coredns = items
            .iter_mut()
            .find(|item| item["metadata"]["name"] == "coredns")
            .unwrap();
        coredns["metadata"]["generation"] = 3.into();
        assert_eq!(judged(&items).waiting_for, ["coredns"]);
    }

    fn pod(namespace: &str, reason: &str) -> Value {
        json!({"kind": "Pod", "metadata": {"namespace": namespace, "name": "p"}, "spec": {"nodeName": "a-worker"},
            "status": {"phase": "Pending", "containerStatuses": [
                {"image": "example/none:1", "state": {"waiting": {"reason": reason}}}]}})
    }

    #[test]
    fn a_missing_image_ends_the_waiting() {
        let with = |pod: Value| judged(&[ready(), vec![pod]].concat()).hopeless;
        assert_eq!(
            with(pod("kube-system", "ErrImagePull")).unwrap(),
            "image example/none:1 is missing on node a-worker, where pod kube-system/p wants it"
        );
        assert_eq!(with(pod("kube-system", "ContainerCreating")), None);
        // A user's pod is no part of the cluster's readiness.
        assert_eq!(with(pod("default", "ErrImagePull")), None);
        assert!(
            of_pods(&json!({"items": [pod("default", "ErrImageNeverPull")]}))
                .hopeless
                .is_some()
        );
    }
}
