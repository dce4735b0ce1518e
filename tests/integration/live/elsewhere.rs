//! Boxes in clusters that `./cbox` knows by a context of somebody's kubeconfig alone, and may not do everything in.

use std::io::Write;

use serde_json::{Value, json};
use verify::chart::{CHART, Release, objects};
use verify::cluster::kubectl::Kubectl;

use super::boxed::{Boxed, Place, image_on_nodes};
use crate::cluster::Shared;
use crate::terminal::Session;
use crate::world::root;

/// A kubeconfig of the shared cluster's under another context's name, with another user if one is given.
fn kubeconfig(shared: &Shared, context: &str, user: Option<Value>) -> tempfile::NamedTempFile {
    let known = shared
        .kubectl
        .read(&["config", "view", "--raw", "--minify", "--output=json"])
        .expect("kubectl prints its configuration");
    let known: Value = serde_json::from_str(&known).expect("it is JSON");
    let user = user.unwrap_or_else(|| known["users"][0]["user"].clone());
    let configuration = json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{ "name": "theirs", "cluster": known["clusters"][0]["cluster"] }],
        "users": [{ "name": "somebody", "user": user }],
        "contexts": [{ "name": context, "context": { "cluster": "theirs", "user": "somebody" } }],
    });
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(configuration.to_string().as_bytes())
        .expect("the kubeconfig is written");
    file
}

fn place(kubeconfig: &tempfile::NamedTempFile, context: &'static str) -> Place {
    Place::Context {
        kubeconfig: kubeconfig.path().to_owned(),
        context,
        image: image_on_nodes().to_owned(),
    }
}

fn values(values: &Value) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
    serde_json::to_writer(&file, values).expect("values are written");
    file
}

/// Every verb, in a cluster that is not ours: its kubeconfig is told once and remembered.
#[test]
fn a_cluster_is_known_by_its_context() {
    let boxed = Boxed::new("ctx");
    let kubeconfig = kubeconfig(boxed.shared, "theirs", None);
    let boxed = boxed.at(place(&kubeconfig, "theirs"));
    boxed.must(&["up", "--mode=shell"]);
    let status: Value = serde_json::from_str(&boxed.must(&["status", "--json"])).expect("JSON");
    assert_eq!(
        (&status["is_up"], &status["place"]),
        (&json!(true), &json!("--context theirs")),
        "{status}"
    );
    assert_eq!(boxed.inside("echo alive; echo mark >$HOME/mark").1, "alive\n");

    let mut session = Session::of(&format!(
        "'{}' attach --name {}",
        root().join("cbox").display(),
        boxed.name
    ));
    session.shows("Ctrl-C goes to the box");
    session.types("echo $((6 * 7))-there\r");
    session.shows("42-there");
    drop(session);
    // The node writes its log beside what it sends to the terminal, and not before.
    boxed.wait_until("its log has it", || boxed.must(&["logs"]).contains("42-there"));

    let before = boxed.pod()["metadata"]["uid"].clone();
    assert!(before.is_string(), "{before}");
    boxed.must(&["redeploy"]);
    assert_eq!(boxed.pod()["metadata"]["uid"], before, "nothing changed");
    boxed.must(&["down"]);
    let said = boxed.refused(&["status"], 66);
    assert!(said.contains("there is no box"), "{said}");
    boxed.must(&["up", "--mode=shell"]);
    assert_eq!(boxed.inside("cat $HOME/mark").1, "mark\n", "its volume was kept");
    boxed.must(&["down", "--volume"]);
    boxed.wait_until("nothing of it is left", || left(&boxed).is_empty());
}

/// A box has one place, and another one's name is not taken for it.
#[test]
fn a_box_is_not_moved_to_another_cluster() {
    let boxed = Boxed::new("move");
    boxed.must(&["up", "--mode=shell"]);
    let kubeconfig = kubeconfig(boxed.shared, "theirs", None);
    let boxed = boxed.at(place(&kubeconfig, "theirs"));
    let said = boxed.refused(&["up", "--mode=shell"], 64);
    assert!(
        said.contains("lives elsewhere (--on kind --cluster cbox-test)"),
        "{said}"
    );
}

/// Whoever has rights in one namespace alone gets a box without rights, or one whose rights somebody else granted; what needs
/// more is refused before anything is made.
#[test]
fn rights_in_a_namespace_are_enough_for_a_box_without_rights() {
    let boxed = Boxed::new("acl");
    let kubectl = &boxed.shared.kubectl;
    let home = boxed.namespace.name().to_owned();
    let there = ["--namespace", home.as_str()];
    let make = |words: &[&str]| kubectl.read(&[words, &there].concat()).expect("it is made");
    make(&["create", "serviceaccount", "tenant"]);
    make(&[
        "create",
        "rolebinding",
        "tenant",
        "--clusterrole=admin",
        &format!("--serviceaccount={home}:tenant"),
    ]);
    let token = make(&["create", "token", "tenant", "--duration=1h"]);
    let kubeconfig = kubeconfig(boxed.shared, "tenant", Some(json!({ "token": token })));
    let boxed = boxed.at(place(&kubeconfig, "tenant"));

    let said = boxed.refused(&["up", "--mode=shell"], 77);
    insta::assert_snapshot!(said);
    let said = boxed.refused(&["up", "--mode=shell", "--dry-run"], 77);
    insta::assert_snapshot!(said);
    assert_eq!(left(&boxed), [""; 0], "nothing was begun");
    let said = boxed.refused(&["status"], 66);
    assert!(said.contains("there is no box"), "{said}");

    boxed.must(&["up", "--mode=shell", "--tier=none"]);
    let (code, said) = boxed.inside("ls /var/run/secrets/kubernetes.io 2>&1");
    assert!(code != Some(0) && said.contains("No such file"), "no token: {said}");

    // Somebody who may makes the roles, and says where the API server listens.
    let slices = kubectl
        .get(&["endpointslices", "kubernetes", "--namespace=default"])
        .expect("the cluster says where its API server is");
    let endpoints = json!([{
        "address": slices["endpoints"][0]["addresses"][0],
        "port": slices["ports"][0]["port"],
    }]);
    let theirs = json!({ "access": { "create": false }, "network": { "apiServer": { "endpoints": endpoints } } });
    let file = values(&theirs);
    boxed.must(&["up", "--mode=shell", "--values", &file.path().to_string_lossy()]);
    let looks = "kubectl get pods --output=name 2>&1";
    let (code, said) = boxed.inside(looks);
    assert!(
        code != Some(0) && said.contains("forbidden"),
        "nobody granted it yet: {said}"
    );
    let _roles = Roles::of(&boxed, &endpoints, kubectl);
    boxed.wait_until("the rights are granted", || boxed.inside(looks).0 == Some(0));

    let said = boxed.refused(&["up", "--mode=shell", "--tier=operator", "--operate-in=default"], 77);
    assert!(
        said.contains(
            "create roles.rbac.authorization.k8s.io, rolebindings.rbac.authorization.k8s.io in namespace default"
        ),
        "{said}"
    );
    boxed.must(&["down", "--volume"]);

    let elsewhere = Boxed::new("else").at(place(&kubeconfig, "tenant"));
    let said = elsewhere.refused(&["up", "--mode=shell", "--tier=none"], 77);
    insta::assert_snapshot!(said.replace(elsewhere.namespace.name(), "NAMESPACE"));
    assert_eq!(left(&elsewhere), [""; 0], "nothing was begun");
}

/// The roles that the chart would have made, made by an administrator.
struct Roles<'a> {
    kubectl: &'a Kubectl,
    selector: String,
}

impl<'a> Roles<'a> {
    fn of(boxed: &Boxed, endpoints: &Value, kubectl: &'a Kubectl) -> Self {
        let rendered = Release {
            chart: root().join(CHART),
            name: boxed.name.clone(),
            namespace: boxed.namespace.name().to_owned(),
            values: json!({ "network": { "apiServer": { "endpoints": endpoints } } }),
        }
        .render()
        .expect("the chart renders");
        let roles = objects(&rendered)
            .expect("Helm renders YAML")
            .into_iter()
            .filter(|object| {
                object["kind"]
                    .as_str()
                    .is_some_and(|kind| kind.starts_with("ClusterRole"))
            });
        for role in roles {
            kubectl
                .read_with(&["create", "--filename=-"], &role.to_string())
                .expect("an administrator may make it");
        }
        Self {
            kubectl,
            selector: format!("--selector=app.kubernetes.io/instance={}", boxed.name),
        }
    }
}

impl Drop for Roles<'_> {
    fn drop(&mut self) {
        // What fails here is swept up by the next run: the roles carry the box's name.
        let _ = self
            .kubectl
            .read(&["delete", "clusterroles,clusterrolebindings", &self.selector]);
    }
}

/// What there is of a box in its namespace, and of Helm's records about it.
fn left(boxed: &Boxed) -> Vec<String> {
    const KINDS: &str =
        "statefulsets,jobs,pods,services,secrets,configmaps,serviceaccounts,persistentvolumeclaims,networkpolicies";
    let list = |selector: String| {
        boxed
            .shared
            .kubectl
            .read(&[
                "get",
                KINDS,
                "--namespace",
                boxed.namespace.name(),
                "--output=name",
                &selector,
            ])
            .expect("the cluster lists what there is")
    };
    let release = list(format!("--selector=app.kubernetes.io/instance={}", boxed.name));
    let records = list(format!("--selector=owner=helm,name={}", boxed.name));
    let both = [release, records].join("\n");
    both.lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}
