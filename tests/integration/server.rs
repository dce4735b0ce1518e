//! The chart's goldens before a real API server: it takes each of them in a namespace of the restricted standard, and the
//! pods that they make; and it refuses what the chart relies on it to refuse.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use serde_json::{Value, json};
use verify::{chart, programs};

use crate::control_plane;
use crate::world::root;

/// The namespaces that the goldens name.
const NAMESPACES: [&str; 4] = ["claude", "research", "shop", "warehouse"];

fn kubectl(words: &[&str], input: &str) -> Output {
    let server = control_plane::shared();
    let mut child = Command::new(programs::find("kubectl").expect("kubectl is built"))
        .arg(format!("--kubeconfig={}", server.kubeconfig().display()))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut stdin = child.stdin.take().expect("its input is piped");
    stdin.write_all(input.as_bytes()).expect("kubectl reads");
    drop(stdin);
    child.wait_with_output().expect("kubectl ends")
}

/// Both what is refused and what is only warned of counts.
fn takes(words: &[&str], input: &str) -> Result<(), String> {
    let output = kubectl(words, input);
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() && said.is_empty() {
        return Ok(());
    }
    Err(said)
}

/// What the goldens want to find: their namespaces, held to the restricted standard, refusing and warning, and the classes
/// that their example values name.
fn namespaces() {
    let classes = [
        json!({ "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": { "name": "gvisor" }, "handler": "runsc" }),
        json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "low" }, "value": 1 }),
    ];
    for class in classes {
        takes(&["apply", "--server-side", "--filename=-"], &class.to_string()).expect("the class is made");
    }
    for name in NAMESPACES {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "labels": {
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
            } },
        });
        takes(&["apply", "--server-side", "--filename=-"], &object.to_string()).expect("the namespace is made");
    }
}

/// The pod that a workload makes, as an object of its own; none for what makes no pods.
fn pod_of(object: &Value) -> Option<Value> {
    let spec = &object["spec"];
    let template = [&spec["template"], &spec["jobTemplate"]["spec"]["template"]]
        .into_iter()
        .find(|template| template["spec"].is_object())?;
    Some(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "generateName": "golden-", "namespace": object["metadata"]["namespace"] },
        "spec": template["spec"],
    }))
}

#[rstest]
fn each_golden_is_taken(
    #[values(
        "airgapped",
        "cronjob",
        "existing-secret",
        "headless-job",
        "operator",
        "readonly",
        "two-releases"
    )]
    golden: &str,
) {
    namespaces();
    let path = root().join(format!("manifests/rendered/{golden}.yaml"));
    let yaml = fs::read_to_string(&path).expect("the golden is there");
    // Other tests on this server have made some of the objects, under other managers' names.
    let words = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "--filename=-",
    ];
    takes(&words, &yaml).expect("the API server takes it");
    let objects = chart::objects(&yaml).expect("the golden is YAML");
    let pods: Vec<Value> = objects.iter().filter_map(pod_of).collect();
    assert!(!pods.is_empty(), "{golden} makes pods");
    for pod in pods {
        let mut pod = pod;
        // Its service account is only rendered here, and admission wants to see it; nothing else is changed.
        pod["spec"]["serviceAccountName"] = json!("default");
        takes(
            &["create", "--dry-run=server", "--validate=strict", "--filename=-"],
            &pod.to_string(),
        )
        .expect("the standard takes the pod");
    }
}

#[test]
fn every_golden_is_tried() {
    let folder = root().join("manifests/rendered");
    let count = fs::read_dir(folder)
        .expect("the goldens are there")
        .filter(|entry| {
            entry
                .as_ref()
                .is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "yaml"))
        })
        .count();
    assert_eq!(count, 7, "each golden stands in the list of `each_golden_is_taken`");
}

/// A requested isolation that is missing is refused by the API server as well, and so is a pod that asks for more.
#[rstest]
#[case::runtime_class(json!({ "runtimeClassName": "no-such-class" }), "no-such-class")]
#[case::host_network(json!({ "hostNetwork": true }), "violates PodSecurity")]
fn a_pod_that_is_not_as_promised_is_refused(#[case] change: Value, #[case] words: &str) {
    namespaces();
    let yaml = fs::read_to_string(root().join("manifests/rendered/readonly.yaml")).expect("the golden is there");
    let objects = chart::objects(&yaml).expect("the golden is YAML");
    let mut pod = objects.iter().find_map(pod_of).expect("it makes a pod");
    pod["spec"]["serviceAccountName"] = json!("default");
    for (key, value) in change.as_object().expect("changes by key") {
        pod["spec"][key] = value.clone();
    }
    let said = takes(&["create", "--dry-run=server", "--filename=-"], &pod.to_string()).expect_err("it is refused");
    assert!(said.contains(words), "{said}");
}
