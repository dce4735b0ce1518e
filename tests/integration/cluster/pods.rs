//! What pods find in the shared cluster: volumes, images, names.

use serde_json::{Value, json};
use verify::cluster::{ClusterError, pods};

use super::{CONDITION_MAX, shared, wait_until};

/// An image that is on every node.
const BUSYBOX: &str = "docker.io/library/busybox:1.37.0";

fn pod(namespace: &str, name: &str, image: &str, command: &[&str]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "pod", "image": image, "imagePullPolicy": "IfNotPresent", "command": command}],
        },
    })
}

fn create(object: &Value) {
    let result = shared()
        .kubectl
        .read_with(&["create", "--filename=-"], &object.to_string());
    result.expect("the API takes the object");
}

#[test]
fn a_volume_outlives_its_pod() {
    let kubectl = &shared().kubectl;
    let own = shared().namespace("volume");
    let namespace = own.name();
    create(&json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}},
    }));
    for (number, program) in ["echo kept >/data/file; sync; sleep 100000", "sleep 100000"]
        .into_iter()
        .enumerate()
    {
        let mut pod = pod(namespace, &format!("pod{number}"), BUSYBOX, &["sh", "-c", program]);
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
        create(&pod);
        pods::await_ready(kubectl, namespace, CONDITION_MAX).expect("the pod starts");
        wait_until("the file is there", || {
            let words = [
                "exec",
                &format!("pod{number}"),
                "--namespace",
                namespace,
                "--",
                "cat",
                "/data/file",
            ];
            kubectl
                .try_read(&words, CONDITION_MAX)
                .expect("kubectl starts")
                .is_ok_and(|text| text == "kept")
        });
        if number == 0 {
            kubectl
                .read(&["delete", "pod", "pod0", "--namespace", namespace])
                .expect("the pod goes");
        }
    }
}

/// The nodes ask nobody for an image: whoever waits is told at once, and which.
#[test]
fn an_image_that_is_on_no_node_ends_the_waiting() {
    let kubectl = &shared().kubectl;
    let own = shared().namespace("image");
    let namespace = own.name();
    create(&pod(namespace, "pod", "registry.invalid/no/such:1", &["true"]));
    let error = pods::await_ready(kubectl, namespace, CONDITION_MAX).expect_err("there is no such image");
    assert!(matches!(error, ClusterError::Hopeless(_)), "{error}");
    let said = error.to_string();
    assert!(
        said.starts_with("image registry.invalid/no/such:1 is missing on node cbox-test-worker"),
        "{said}"
    );
    let events = kubectl
        .read(&[
            "get",
            "events",
            "--namespace",
            namespace,
            "--output=jsonpath={.items[*].message}",
        ])
        .expect("the API has events");
    assert!(events.contains("127.0.0.1:1"), "no question left the node: {events}");
}

#[test]
fn names_of_the_cluster_are_known_and_no_others() {
    let kubectl = &shared().kubectl;
    let own = shared().namespace("names");
    let namespace = own.name();
    create(&pod(namespace, "pod", BUSYBOX, &["sleep", "100000"]));
    pods::await_ready(kubectl, namespace, CONDITION_MAX).expect("the pod starts");
    let look_up = |name: &str| {
        let words = ["exec", "pod", "--namespace", namespace, "--", "nslookup", name];
        kubectl.try_read(&words, CONDITION_MAX).expect("kubectl starts")
    };
    let answer = look_up("kubernetes.default.svc.cluster.local.").expect("the API server has a name");
    assert!(answer.contains("10.96.0.1"), "{answer}");
    let outside = look_up("example.com.").expect_err("the outside has none");
    assert!(outside.contains("NXDOMAIN"), "{outside}");
}
