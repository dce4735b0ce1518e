//! `./cbox verify` of a real cluster: the chart as it is keeps its promises there, a hole is named with its line, and a world
//! in which nothing can be asked is an error with its cause and never a pass.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use serde_json::{Value, json};
use verify::cluster::kubectl::Kubectl;
use verify::docker::OWNER;
use verify::engine::cell::Verdict;
use verify::engine::run::Run;

use super::{evidence, hole, results, said};
use crate::cluster::shared;
use crate::world::root;

/// The shared cluster's context in its own kubeconfig.
const CONTEXT: &str = "kind-cbox-test";

/// The shared cluster, by its name.
const SHARED: [&str; 4] = ["--on", "kind", "--cluster", "cbox-test"];

fn cbox() -> Command {
    let mut command = Command::new(root().join("cbox"));
    command
        .arg("verify")
        .env_remove("GITHUB_STEP_SUMMARY")
        .stdin(Stdio::null());
    command
}

/// The command with a kubeconfig as the user's own.
fn with_kubeconfig(kubeconfig: &Value, words: &[&str]) -> Output {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(kubeconfig.to_string().as_bytes())
        .expect("it is written");
    cbox()
        .args(words)
        .env("KUBECONFIG", file.path())
        .output()
        .expect("./cbox starts")
}

/// The shared cluster's kubeconfig.
fn kubeconfig() -> Value {
    let words = ["config", "view", "--raw", "--minify", "--flatten", "--output=json"];
    let text = shared().kubectl.read(&words).expect("kubectl prints its configuration");
    serde_json::from_str(&text).expect("it is JSON")
}

/// What processes of this label's owner left in a cluster and what is not already on its way out.
fn left(kubectl: &Kubectl, owner: u32) -> Vec<String> {
    let list = kubectl
        .get(&["namespaces,clusterroles,clusterrolebindings", "--selector", OWNER])
        .expect("the cluster lists what there is");
    let objects = list["items"].as_array().into_iter().flatten();
    objects
        .filter(|object| object["metadata"]["deletionTimestamp"].is_null())
        .filter(|object| {
            let label = object["metadata"]["labels"][OWNER].as_str().unwrap_or_default();
            label.starts_with(&format!("{owner}-"))
        })
        .map(|object| object["metadata"]["name"].to_string())
        .collect()
}

fn count(run: &Run, oracle: &str, start: &str) -> usize {
    let cells = run.cells.iter();
    cells
        .filter(|cell| cell.oracle == oracle && cell.id.starts_with(start))
        .count()
}

/// The chart keeps its promises in a cluster: rights by two of its reviews, the network by more than 600 tries a profile.
#[test]
pub(crate) fn the_chart_keeps_its_promises_in_a_cluster() {
    let kubectl = &shared().kubectl;
    let folder = tempfile::tempdir().expect("a directory");
    let child = cbox()
        .args(SHARED)
        .args(["--tier", "readonly", "--tier", "airgapped", "--report"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("./cbox starts");
    let owner = child.id();
    let output = child.wait_with_output().expect("it ends");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("policies are to be enforced by kube-system/calico-node"),
        "{said}"
    );
    let runs = results(folder.path());
    let [access, network] = &runs[..] else {
        panic!("two families: {said}");
    };
    for tier in ["readonly/", "airgapped/"] {
        let reviewed = count(access, "SelfSubjectAccessReview", tier);
        assert!(reviewed >= 2_000, "{tier}: {reviewed} reviews");
        assert!(count(access, "SelfSubjectRulesReview", tier) >= 1_500, "{tier}");
        let tried = count(network, "live probe", tier);
        assert!(tried >= 600, "{tier}: {tried} tries");
        let is_open = |id: &str| {
            let cell = network.cells.iter().find(|cell| cell.id == format!("{tier}{id}"));
            let cell = cell.unwrap_or_else(|| panic!("there is no cell {tier}{id}"));
            cell.observed.as_deref() == Some("open")
        };
        for moment in ["applied", "before-start"] {
            assert!(is_open(&format!(
                "{moment}/egress/udp:53 the name servers' Service, by its address"
            )));
            assert!(is_open(&format!(
                "{moment}/egress/tcp:443 the API server by its Service's address"
            )));
            assert_eq!(
                is_open(&format!("{moment}/egress/tcp:443 a public address outside")),
                tier == "readonly/"
            );
            assert_eq!(
                is_open(&format!("{moment}/egress/tcp:8080 a pod with a gateway's label")),
                tier == "airgapped/"
            );
            assert!(!is_open(&format!(
                "{moment}/egress/tcp:2379 machine 1 of the control plane"
            )));
            assert!(!is_open(&format!("{moment}/egress/icmp a private address outside")));
            assert!(!is_open(&format!(
                "{moment}/ingress/tcp:80 a pod elsewhere, on another node"
            )));
        }
    }
    assert!(said.contains("not asked: SCTP"), "{said}");
    let files = evidence::unpacked(folder.path());
    let of_cluster = files.iter().filter(|(path, _)| path.starts_with("cluster"));
    let looks: String = of_cluster.map(|(_, text)| text.as_str()).collect();
    for seen in [
        "\"kind\": \"NetworkPolicy\"",
        "\"gitVersion\"",
        "cbox-test-worker2",
        "calico-node",
    ] {
        assert!(looks.contains(seen), "the evidence does not show {seen}");
    }
    assert!(!looks.contains("could not be read"), "{looks}");
    assert_eq!(left(kubectl, owner), [""; 0]);
}

/// A chart with one word changed: the cluster shows the hole, and the report the line.
#[test]
fn a_hole_in_the_chart_is_open_in_the_cluster() {
    let folder = tempfile::tempdir().expect("a directory");
    let project = hole::copy(folder.path());
    hole::change(
        &project,
        "manifests/chart/templates/network-policy.yaml",
        "policyTypes: [Ingress, Egress]",
        "policyTypes: [Egress]",
    );
    let output = Command::new(root().join("target/launcher/cbox"))
        .args(["verify", "network", "--context", CONTEXT, "--tier", "readonly"])
        .env("CBOX_ROOT", &project)
        .env("CBOX_PROGRAMS", verify::programs::directory())
        .env("KUBECONFIG", shared().kubectl.kubeconfig())
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("the command starts");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let open = "tcp:22 a pod beside the box, on its node (by live probe): expected closed, observed open";
    assert!(said.contains(&format!("readonly/applied/ingress/{open}")), "{said}");
    let template = std::fs::read_to_string(project.join("manifests/chart/templates/network-policy.yaml"));
    let template = template.expect("the template is there");
    let line = 1 + template
        .lines()
        .position(|line| line.contains("policyTypes: [Egress]"))
        .expect("the changed line");
    assert!(
        said.contains(&format!("manifests/chart/templates/network-policy.yaml:{line} decides")),
        "{said}"
    );
    // The restricted standard of a user's own cluster has no raw sockets.
    assert!(said.contains("not asked: ICMP"), "{said}");
}

/// Worlds in which nothing can be asked.
#[rstest]
#[case::wrong_context("wrong-context", 66, "the context 'nowhere' is not in the kubeconfig")]
#[case::api_down("api-down", 69, "the API server of the context 'kind-cbox-test' does not answer")]
#[case::expired_token("expired-token", 69, "Unauthorized")]
#[case::no_rights("no-rights", 77, "you may not create namespaces, pods, ")]
#[case::no_image("no-image", 69, "localhost/no-such-image:1")]
fn a_broken_world_is_an_error_with_its_cause(#[case] world: &str, #[case] code: i32, #[case] cause: &str) {
    let mut kubeconfig = kubeconfig();
    let home = shared().namespace("somebody");
    let mut words = vec!["network", "--tier", "readonly", "--context", CONTEXT];
    match world {
        "wrong-context" => words[4] = "nowhere",
        "api-down" => kubeconfig["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1"),
        "expired-token" => kubeconfig["users"][0]["user"] = json!({ "token": "expired" }),
        "no-rights" => {
            let token = shared()
                .kubectl
                .read(&["create", "token", "default", "--namespace", home.name()]);
            kubeconfig["users"][0]["user"] = json!({ "token": token.expect("a token") });
        }
        _ => words.extend(["--image", "localhost/no-such-image:1"]),
    }
    let output = with_kubeconfig(&kubeconfig, &words);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains(cause), "{said}");
    assert!(!said.contains(" passed, "), "{said}");
}

/// A prober whose tools do not understand it: it says so itself, and not one denial is made of that.
#[test]
fn a_prober_that_cannot_probe_is_an_error() {
    let image = "registry.k8s.io/e2e-test-images/agnhost:2.53";
    let words = ["network", "--tier", "none", "--context", CONTEXT, "--image", image];
    let output = with_kubeconfig(&kubeconfig(), &words);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains(" cells, 0 passed, 0 failed, "), "{said}");
    assert!(said.contains("the prober ended with 1: nc: invalid option"), "{said}");
}

/// Whoever ends it finds nothing of it afterwards, and is told what was not run.
#[test]
fn an_interrupted_run_is_cleaned_up() {
    let kubectl = &shared().kubectl;
    let mut child = cbox()
        .args(SHARED)
        .args(["--tier", "readonly", "--tier", "none"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("./cbox starts");
    let owner = child.id();
    let mut stderr = BufReader::new(child.stderr.take().expect("its errors are read"));
    let mut all = String::new();
    while !all.contains("network of readonly: its policy is applied") {
        let read = stderr.read_line(&mut all).expect("it writes text");
        assert_ne!(read, 0, "it ended too early: {all}");
    }
    assert_ne!(left(kubectl, owner), [""; 0], "there is something to clean up");
    let sent = Command::new("kill")
        .args(["-s", "TERM", &owner.to_string()])
        .status()
        .expect("kill starts");
    assert!(sent.success());
    stderr.read_to_string(&mut all).expect("it writes text");
    assert_eq!(child.wait().expect("it ends").code(), Some(143), "{all}");
    assert!(all.contains("interrupted: removed namespace/verify-"), "{all}");
    assert!(
        all.contains("not run: network of readonly\ncbox: not run: network of none\n"),
        "{all}"
    );
    assert!(!all.contains("not run: access"), "{all}");
    assert_eq!(left(kubectl, owner), [""; 0]);
}

/// For a cluster whose network enforces nothing: not one denial is believed.
pub(crate) fn a_network_that_enforces_nothing_is_an_error(kubectl: &Kubectl) {
    let words = ["config", "current-context"];
    let context = kubectl.read(&words).expect("the kubeconfig has a context");
    let folder = tempfile::tempdir().expect("a directory");
    let output = cbox()
        .args(["network", "--tier", "readonly", "--context", &context, "--report"])
        .arg(folder.path())
        .env("KUBECONFIG", kubectl.kubeconfig())
        .output()
        .expect("./cbox starts");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(69), "{said}");
    let cells = &results(folder.path())[0].cells;
    let mut live = cells.iter().filter(|cell| cell.oracle == "live probe").peekable();
    assert!(live.peek().is_some(), "{said}");
    for cell in live {
        assert_eq!(cell.verdict, Verdict::Error, "{cell:?}");
        assert!(cell.cause.contains("accepted but not enforced"), "{cell:?}");
    }
}
