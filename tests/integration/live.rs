//! The box in a real cluster, as a person gets it there: each promise of tier, network, pod security and volume once with
//! its opposite. The full matrices are the families' own.

mod boxed;
mod elsewhere;
mod login;
mod network;

use std::process::Command;

use serde_json::{Value, json};
use verify::cluster::pods;
use verify::docker::{self, OWNER};

use crate::cluster::shared;
pub(crate) use boxed::image_on_nodes;
use boxed::{AGNHOST, Boxed, CONDITION_MAX};

/// One box through its life: looked at, its tier changed, its image rolled, its release rolled back; the volume stays.
#[test]
pub(crate) fn a_tier_is_what_it_says_and_the_volume_stays() {
    let boxed = Boxed::new("tier");
    let home = boxed.namespace.name().to_owned();
    let shop = boxed.shared.namespace("shop");
    boxed
        .shared
        .kubectl
        .read(&[
            "create",
            "deployment",
            "shop",
            "--namespace",
            shop.name(),
            "--image=busybox",
            "--replicas=0",
        ])
        .expect("a deployment to repair");
    let patch = |namespace: &str, name: &str| {
        format!(
            "kubectl --namespace {namespace} patch deployment {name} --patch '{{\"metadata\":{{\"labels\":{{\"a\":\"b\"}}}}}}'"
        )
    };

    boxed.must(&["up", "--mode=shell"]);
    let status: Value = serde_json::from_str(&boxed.must(&["status", "--json"])).expect("JSON");
    assert_eq!(
        (&status["is_up"], &status["tier"]),
        (&json!(true), &json!("readonly")),
        "{status}"
    );
    assert!(
        status["volume"].as_str().is_some_and(|volume| volume.contains("Bound")),
        "{status}"
    );
    let (code, said) = boxed.inside("kubectl get pods --all-namespaces --output=name && echo mark >$HOME/mark");
    assert!(code == Some(0) && said.contains(&boxed.name), "{said}");
    let (code, said) = boxed.inside("kubectl get secrets --all-namespaces");
    assert!(code != Some(0) && said.contains("Forbidden"), "{said}");
    let (code, said) = boxed.inside(&patch(shop.name(), "shop"));
    assert!(
        code != Some(0) && said.contains("forbidden"),
        "readonly changes nothing: {said}"
    );

    boxed.must(&["up", "--mode=shell", "--tier=operator", "--operate-in", shop.name()]);
    let (code, said) = boxed.inside(&patch(shop.name(), "shop"));
    assert!(
        code == Some(0) && said.contains("patched"),
        "operator repairs where it may: {said}"
    );
    let (code, said) = boxed.inside(&format!(
        "kubectl --namespace {home} delete pod {}-0 --dry-run=server",
        boxed.name
    ));
    assert!(
        code != Some(0) && said.contains("forbidden"),
        "and nowhere else: {said}"
    );
    let (code, said) = boxed.inside(&format!("kubectl --namespace {} get secrets", shop.name()));
    assert!(
        code != Some(0) && said.contains("Forbidden"),
        "no Secret even there: {said}"
    );
    assert_eq!(
        boxed.inside("cat $HOME/mark").1,
        "mark\n",
        "an upgrade keeps the volume"
    );

    boxed.must(&["up", "--mode=shell", "--tier=none"]);
    let (code, said) = boxed.inside("ls /var/run/secrets/kubernetes.io 2>&1");
    assert!(
        code != Some(0) && said.contains("No such file"),
        "tier none has no token: {said}"
    );

    let helm = verify::programs::find("helm").expect("helm is built");
    let rolled = Command::new(helm)
        .args(["rollback", &boxed.name, "1", "--namespace", &home])
        .env("KUBECONFIG", boxed.shared.kubectl.kubeconfig())
        .output()
        .expect("helm starts");
    assert!(rolled.status.success(), "{}", String::from_utf8_lossy(&rolled.stderr));
    boxed.wait_until("the first release's box runs again", || {
        boxed.pod()["metadata"]["labels"]["claude-in-a-box.io/tier"] == "readonly"
            && boxed.pod()["metadata"]["deletionTimestamp"].is_null()
            && boxed.inside("cat $HOME/mark").1 == "mark\n"
    });
    let (code, said) = boxed.inside(&patch(shop.name(), "shop"));
    assert!(
        code != Some(0) && said.contains("forbidden"),
        "the rights are rolled back, too: {said}"
    );

    boxed.must(&["down"]);
    assert_eq!(
        boxed.get("persistentvolumeclaim", &format!("{}-home", boxed.name))["status"]["phase"],
        "Bound"
    );
    boxed.must(&["up", "--mode=shell"]);
    assert_eq!(
        boxed.inside("cat $HOME/mark").1,
        "mark\n",
        "the volume outlives the release"
    );
}

/// The namespace's standard takes the chart's pod and refuses another.
#[test]
fn the_restricted_standard_refuses_what_the_chart_does_not_ask_for() {
    let boxed = Boxed::new("pss");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "privileged", "namespace": boxed.namespace.name() },
        "spec": { "containers": [{ "name": "main", "image": AGNHOST, "securityContext": { "privileged": true } }] },
    });
    let refused = boxed
        .shared
        .kubectl
        .read_with(&["create", "--filename=-"], &pod.to_string())
        .expect_err("a privileged pod is refused");
    assert!(refused.to_string().contains("violates PodSecurity"), "{refused}");
    boxed.must(&["up", "--mode=shell"]);
    pods::await_ready(&boxed.shared.kubectl, boxed.namespace.name(), CONDITION_MAX).expect("the chart's pod is taken");
}

/// Where nothing changed, the box goes on with what it is doing.
#[test]
fn a_redeploy_without_a_change_keeps_the_pod() {
    let boxed = Boxed::new("same");
    boxed.must(&["up", "--mode=shell"]);
    let before = boxed.pod()["metadata"]["uid"].clone();
    assert!(before.is_string(), "{before}");
    boxed.must(&["redeploy"]);
    assert_eq!(boxed.pod()["metadata"]["uid"], before);
    assert_eq!(boxed.pod()["status"]["containerStatuses"][0]["restartCount"], 0);
}

/// A box that never got ready does not stand in the way of one that will.
#[test]
fn a_box_that_never_got_ready_is_repaired_by_another_up() {
    let boxed = Boxed::new("heal");
    let said = boxed.refused(&["up", "--mode=shell", "--image=localhost/no-such-image:1"], 69);
    assert!(said.contains("cannot pull the image"), "{said}");
    boxed.must(&["up", "--mode=shell"]);
    let status: Value = serde_json::from_str(&boxed.must(&["status", "--json"])).expect("JSON");
    assert_eq!(status["is_up"], true, "{status}");
    assert_eq!(boxed.inside("echo alive").1, "alive\n");
}

/// A volume grows where its class lets it; where not, that is said, and the box goes on with what it has.
#[test]
fn a_volume_grows_where_its_class_lets_it() {
    let kubectl = &shared().kubectl;
    let with = |persistence: Value| {
        let file = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
        serde_json::to_writer(&file, &json!({ "persistence": persistence })).expect("values are written");
        file
    };
    let up = |boxed: &Boxed, persistence: Value| {
        let file = with(persistence);
        boxed.cbox(&["up", "--mode=shell", "--values", &file.path().to_string_lossy()])
    };
    let size = |boxed: &Boxed| {
        let claim = boxed.get("persistentvolumeclaim", &format!("{}-home", boxed.name));
        claim["spec"]["resources"]["requests"]["storage"].clone()
    };

    let fixed = Boxed::new("fixed");
    fixed.must(&["up", "--mode=shell"]);
    let uid = fixed.pod()["metadata"]["uid"].clone();
    let refused = up(&fixed, json!({ "size": "2Gi" }));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(65), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.contains("the volume cannot become what persistence says"),
        "{said}"
    );
    assert!(last.contains("must support resize"), "{said}");
    assert_eq!(
        (size(&fixed), fixed.pod()["metadata"]["uid"].clone()),
        (json!("1Gi"), uid)
    );
    fixed.must(&["up", "--mode=shell"]);

    // The same class, but for what it says about growing.
    let class = format!("grows-{}", fixed.namespace.name());
    let mut object = kubectl
        .get(&["storageclass", "standard"])
        .expect("the cluster has a class");
    object["metadata"] = json!({ "name": class, "labels": { OWNER: docker::owner() } });
    object["allowVolumeExpansion"] = json!(true);
    kubectl
        .read_with(&["create", "--filename=-"], &object.to_string())
        .expect("the class is made");
    let growing = Boxed::new("grow");
    let made = up(&growing, json!({ "storageClass": class }));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let grown = up(&growing, json!({ "storageClass": class, "size": "2Gi" }));
    let size = size(&growing);
    kubectl
        .read(&["delete", "storageclass", &class])
        .expect("the class goes");
    assert!(grown.status.success(), "{}", String::from_utf8_lossy(&grown.stderr));
    assert_eq!(size, "2Gi");
}

/// What cannot work is said in one sentence, with the way out.
#[test]
fn what_the_cluster_refuses_is_said() {
    let boxed = Boxed::new("bad");
    let with = |values: Value| {
        let file = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
        serde_json::to_writer(&file, &values).expect("values are written");
        file
    };
    let refused = |values: Value, code: i32| {
        let file = with(values);
        boxed.refused(
            &["up", "--mode=shell", "--values", &file.path().to_string_lossy()],
            code,
        )
    };
    let said = refused(json!({ "runtimeClassName": "no-such-class" }), 65);
    assert!(
        said.contains("no-such-class") && said.contains("runtimeClassName"),
        "{said}"
    );
    let said = refused(json!({ "no": { "such": "key" } }), 65);
    assert!(
        said.contains("'no'") || said.contains("\"no\"") || said.contains(" no "),
        "{said}"
    );
    let said = refused(json!({ "persistence": { "storageClass": "no-such-class" } }), 69);
    assert!(said.contains("persistence.storageClass"), "{said}");
    boxed.must(&["down", "--volume"]);
    let said = boxed.refused(&["up", "--mode=shell", "--image=localhost/no-such-image:1"], 69);
    assert!(said.contains("cannot pull the image"), "{said}");
    boxed.must(&["down", "--volume"]);

    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": "no-pods", "namespace": boxed.namespace.name() },
        "spec": { "hard": { "pods": "0" } },
    });
    shared()
        .kubectl
        .read_with(&["create", "--filename=-"], &quota.to_string())
        .expect("the quota is taken");
    // The quota's controller has to count before anything is refused.
    boxed.wait_until("the quota is counted", || {
        boxed.get("resourcequota", "no-pods")["status"]["used"]["pods"] == "0"
    });
    let said = boxed.refused(&["up", "--mode=shell"], 69);
    assert!(said.contains("the namespace's quota is used up"), "{said}");
    boxed.must(&["down", "--volume"]);

    let boxed = boxed.at(boxed::Place::Context {
        kubeconfig: shared().kubectl.kubeconfig().to_owned(),
        context: "no-such-context",
        image: "localhost/x:1".to_owned(),
    });
    let said = boxed.refused(&["up", "--mode=shell"], 66);
    assert!(said.contains("no-such-context"), "{said}");
}
