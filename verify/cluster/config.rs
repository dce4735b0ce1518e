//! What KIND is told, and the objects that a new cluster gets beside Calico's own. Pure: names in, JSON out (which is
//! YAML, too).

use serde::Deserialize;
use serde_json::{Value, json};

/// The pods' addresses; Calico's manifest in the node image names the same.
pub const POD_RANGE: &str = "10.244.0.0/16";

/// The port that the API server has on its node.
pub const API_SERVER_PORT: u16 = 6443;

/// Tags of the component images in the node image that kubeadm would not guess.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Tags {
    /// CoreDNS's.
    pub coredns: String,
    /// etcd's.
    pub etcd: String,
}

/// The configuration of `kind create cluster` (kind.x-k8s.io/v1alpha4).
///
/// `tags` are those of our node image; a published one knows its own.
#[must_use]
pub fn kind(workers: u32, api_port: Option<u16>, tags: Option<&Tags>) -> Value {
    let mut nodes = vec![json!({"role": "control-plane"})];
    nodes.extend((0..workers).map(|_| json!({"role": "worker"})));
    let mut networking = json!({
        // Calico is put in afterwards.
        "disableDefaultCNI": true,
        "podSubnet": POD_RANGE,
        "apiServerAddress": "127.0.0.1",
    });
    if let Some(port) = api_port {
        networking["apiServerPort"] = port.into();
    }
    let mut etcd = json!({"local": {"extraArgs": {
        // A test cluster's data need not survive a power cut, and a machine's disk is shared.
        "unsafe-no-fsync": "true",
    }}});
    let mut kubeadm = json!({"kind": "ClusterConfiguration"});
    if let Some(tags) = tags {
        etcd["local"]["imageTag"] = tags.etcd.clone().into();
        kubeadm["dns"] = json!({"imageRepository": "registry.k8s.io/coredns", "imageTag": tags.coredns});
    }
    kubeadm["etcd"] = etcd;
    json!({
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": networking,
        "kubeadmConfigPatches": [kubeadm.to_string()],
        "nodes": nodes,
    })
}

/// Where Calico finds the API server: directly. Through the service's address it would have to wait for kube-proxy, and
/// its init container then sits out a back-off of 10 to 20 s.
///
/// `host` is the control plane's address while the cluster is made: of a name, Calico's installer makes a bracketed host
/// that its plugin does not take, until its agent has written the configuration anew. Afterwards it is the name, because
/// the address may be another one after a restart.
#[must_use]
pub fn calico_endpoint(host: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kubernetes-services-endpoint", "namespace": "kube-system"},
        "data": {
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": API_SERVER_PORT.to_string(),
        },
    })
}

/// CoreDNS's configuration: names outside the cluster do not exist, and no question ever reaches the machine's resolver.
///
/// The answer for everything else stands in a block of its own: in the same one, `template` would come before
/// `kubernetes`.
#[must_use]
pub fn coredns() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {"Corefile": COREFILE},
    })
}

const COREFILE: &str = "\
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 10
    }
    prometheus :9153
    cache 10
    loadbalance
    reload
}
.:53 {
    template ANY ANY {
        rcode NXDOMAIN
    }
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_is_a_node_beside_the_control_plane() {
        let roles = |workers| {
            kind(workers, None, None)["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["role"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(roles(0), ["control-plane"]);
        assert_eq!(roles(2), ["control-plane", "worker", "worker"]);
    }

    #[test]
    fn the_api_is_on_loopback_alone() {
        let networking = kind(1, Some(16_443), None)["networking"].clone();
        assert_eq!(networking["apiServerAddress"], "127.0.0.1");
        assert_eq!(networking["apiServerPort"], 16_443);
        assert!(kind(1, None, None)["networking"].get("apiServerPort").is_none());
    }

    #[test]
    fn our_images_tags_are_told_to_kubeadm_and_a_published_image_s_are_not() {
        let patch = |tags: Option<&Tags>| -> Value {
            serde_json::from_str(kind(1, None, tags)["kubeadmConfigPatches"][0].as_str().unwrap()).unwrap()
        };
        let ours = patch(Some(&Tags {
            coredns: "v1.14.3".to_owned(),
            etcd: "3.5.21".to_owned(),
        }));
        assert_eq!(ours["dns"]["imageTag"], "v1.14.3");
        assert_eq!(ours["etcd"]["local"]["imageTag"], "3.5.21");
        let published = patch(None);
        assert!(published.get("dns").is_none());
        assert_eq!(published["etcd"]["local"]["extraArgs"]["unsafe-no-fsync"], "true");
    }

    #[test]
    fn no_question_about_a_name_leaves_the_cluster() {
        let corefile = coredns()["data"]["Corefile"].as_str().unwrap().to_owned();
        assert!(!corefile.contains("forward"), "{corefile}");
        let (cluster, rest) = corefile.split_once(".:53 {").unwrap();
        assert!(cluster.contains("kubernetes") && !cluster.contains("template"));
        assert!(rest.contains("rcode NXDOMAIN"));
    }
}
