//! What a box reaches and what reaches it, live: every denial beside a control that goes through.

use serde_json::{Value, json};
use verify::cluster::outside::Outside;

use super::boxed::Boxed;

/// Nothing comes in; what goes out is what the profile says. Every denial has its live control.
#[test]
fn the_network_is_what_the_profile_says() {
    let boxed = Boxed::new("net");
    let server = boxed.neighbour("server", &["netexec", "--http-port=8080"]);
    let _client = boxed.neighbour("client", &["pause"]);
    let server = server["status"]["podIP"]
        .as_str()
        .expect("the server has an address")
        .to_owned();
    let done: Value = serde_json::from_str(&boxed.must(&["up", "--mode=shell", "--json"])).expect("JSON");
    assert_eq!(done["network"], "held", "the command has tried it");
    let pod = boxed.pod();
    let address = pod["status"]["podIP"]
        .as_str()
        .expect("the box has an address")
        .to_owned();
    let host = pod["status"]["hostIP"].as_str().expect("the box has a node").to_owned();

    assert!(
        boxed.neighbour_connects("client", &format!("{server}:8080")),
        "control: the server serves"
    );
    assert_eq!(
        boxed.connects(&server, 8080),
        "silent",
        "a pod beside the box is no public address"
    );
    assert!(
        boxed.neighbour_connects("client", &format!("{host}:10250")),
        "control: the kubelet listens"
    );
    assert_eq!(boxed.connects(&host, 10250), "silent", "nor is its node");
    let (code, said) = boxed.inside("kubectl get --raw /readyz");
    assert_eq!((code, said.as_str()), (Some(0), "ok"), "the API server is reached");
    let (code, said) = boxed.inside("dig +short +tries=2 +timeout=3 kubernetes.default.svc.cluster.local");
    assert!(code == Some(0) && said.starts_with("10."), "names are resolved: {said}");

    // The box has a server of its own as long as this runs.
    boxed.inside("kubectl proxy --address=0.0.0.0 --port=8001 --accept-hosts='.*' >/tmp/proxy 2>&1 & disown");
    boxed.wait_until("the box serves", || boxed.connects("127.0.0.1", 8001) == "open");
    assert!(
        !boxed.neighbour_connects("client", &format!("{address}:8001")),
        "nothing comes in"
    );
    boxed
        .shared
        .kubectl
        .read(&[
            "delete",
            "networkpolicy",
            &boxed.name,
            "--namespace",
            boxed.namespace.name(),
        ])
        .expect("the policy can be taken away");
    boxed.wait_until("without the policy everything is open", || {
        boxed.neighbour_connects("client", &format!("{address}:8001")) && boxed.connects(&server, 8080) == "open"
    });
}

/// Tier airgapped reaches the API server and its one gateway.
#[test]
fn airgapped_reaches_its_gateway_alone() {
    let boxed = Boxed::new("gap");
    let gateway = boxed.neighbour("gateway", &["netexec", "--http-port=8080"]);
    let other = boxed.neighbour("other", &["netexec", "--http-port=8080"]);
    let ip = |pod: &Value| {
        pod["status"]["podIP"]
            .as_str()
            .expect("a pod has an address")
            .to_owned()
    };
    let values = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
    let wanted = json!({ "network": { "gateway": { "podLabels": { "app": "gateway" }, "port": 8080 } } });
    serde_json::to_writer(&values, &wanted).expect("values are written");
    let values = values.path().to_string_lossy().into_owned();
    boxed.must(&[
        "up",
        "--mode=shell",
        "--tier=airgapped",
        "--gateway=http://gateway:8080",
        "--values",
        &values,
    ]);
    assert_eq!(boxed.connects(&ip(&gateway), 8080), "open");
    assert!(
        boxed.neighbour_connects("gateway", &format!("{}:8080", ip(&other))),
        "control"
    );
    assert_eq!(boxed.connects(&ip(&other), 8080), "silent");
    let (code, said) = boxed.inside("kubectl get --raw /readyz");
    assert_eq!((code, said.as_str()), (Some(0), "ok"));
}

/// A policy that is accepted and does not hold looks like one that does: the command tries it, and warns.
#[test]
fn a_policy_that_does_not_hold_is_found_out() {
    let boxed = Boxed::new("open");
    let everything = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "everything", "namespace": boxed.namespace.name() },
        "spec": { "podSelector": {}, "policyTypes": ["Egress"], "egress": [{}] },
    });
    boxed
        .shared
        .kubectl
        .read_with(&["create", "--filename=-"], &everything.to_string())
        .expect("the policy is taken");
    let output = boxed.cbox(&["up", "--mode=shell", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let warning = said
        .lines()
        .find(|line| line.contains("WARNING"))
        .unwrap_or_else(|| panic!("no warning: {said}"));
    insta::assert_snapshot!(warning);
    let done: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(done["network"], "open");
}

/// Of the Internet port 443, of public addresses alone, and in tier airgapped nothing.
#[test]
fn the_internet_is_https_at_public_addresses() {
    let boxed = Boxed::new("web");
    let outside = Outside::start(&boxed.shared.nodes).expect("a host beside the nodes");
    let gateway = boxed.neighbour("gateway", &["netexec", "--http-port=8080"]);
    let gateway = gateway["status"]["podIP"].as_str().expect("a pod has an address");
    let control = |host: &str, port: u16| boxed.neighbour_connects("gateway", &format!("{host}:{port}"));
    boxed.wait_until("the host outside serves", || control(&outside.public, 443));
    assert!(
        control(&outside.public, 8443) && control(&outside.private, 443),
        "controls"
    );

    boxed.must(&["up", "--mode=shell"]);
    assert_eq!(boxed.connects(&outside.public, 443), "open", "a public address");
    assert_eq!(boxed.connects(&outside.public, 8443), "silent", "another port of it");
    assert_eq!(boxed.connects(&outside.private, 443), "silent", "a private address");

    let values = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
    let wanted = json!({ "network": { "gateway": { "podLabels": { "app": "gateway" }, "port": 8080 } } });
    serde_json::to_writer(&values, &wanted).expect("values are written");
    boxed.must(&[
        "up",
        "--mode=shell",
        "--tier=airgapped",
        "--gateway=http://gateway:8080",
        "--values",
        &values.path().to_string_lossy(),
    ]);
    assert_eq!(boxed.connects(gateway, 8080), "open", "its gateway");
    assert_eq!(
        boxed.connects(&outside.public, 443),
        "silent",
        "airgapped has no Internet"
    );
    assert!(
        control(&outside.public, 443) && control(&outside.public, 8443) && control(&outside.private, 443),
        "the controls still go through"
    );
}
