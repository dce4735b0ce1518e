//! The pod: hardened whatever the values, told what it needs, and no secret where it does not belong.

use rstest::rstest;
use serde_json::{Value, json};
use verify::container::{CREDENTIALS, UID};
use verify::pod_security;

use super::{PROFILES, headless, of_kind, only, pod, profile, release, rendered, values};
use crate::world::KEY;

#[test]
fn every_pod_is_restricted() {
    let more = [
        json!({"tier": "none", "persistence": {"enabled": false}}),
        values(json!({"mode": "shell", "credentials": {"oauthToken": "t"}})),
    ];
    for values in PROFILES.iter().map(|name| profile(name)).chain(more) {
        let objects = rendered(&release(values));
        let spec = &pod(&objects)["spec"];
        assert_eq!(pod_security::violations(spec), Vec::<String>::new());
        let context = &spec["securityContext"];
        for field in ["runAsUser", "runAsGroup", "fsGroup"] {
            assert_eq!(context[field], UID);
        }
        let container = &spec["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert!(container["resources"]["limits"]["memory"].is_string());
        assert_eq!(spec["containers"].as_array().map(Vec::len), Some(1));
    }
}

/// Every place that the box writes to is a volume with a limit, or the claim.
#[rstest]
#[case::claim(values(json!({})), json!({"persistentVolumeClaim": {"claimName": "box-home"}}))]
#[case::their_claim(values(json!({"persistence": {"existingClaim": "home"}})), json!({"persistentVolumeClaim": {"claimName": "home"}}))]
#[case::no_claim(values(json!({"persistence": {"enabled": false}})), json!({"emptyDir": {"sizeLimit": "1Gi"}}))]
fn home_is_a_volume(#[case] values: Value, #[case] source: Value) {
    let objects = rendered(&release(values));
    let makes_claim = source["persistentVolumeClaim"]["claimName"] == "box-home";
    assert_eq!(
        of_kind(&objects, "PersistentVolumeClaim").len(),
        usize::from(makes_claim)
    );
    let volumes = pod(&objects)["spec"]["volumes"].as_array().expect("there are volumes");
    let mut home = volumes
        .iter()
        .find(|volume| volume["name"] == "home")
        .expect("a home")
        .clone();
    home.as_object_mut().expect("an object").remove("name");
    assert_eq!(home, source);
    for name in ["workspace", "tmp"] {
        let volume = volumes.iter().find(|volume| volume["name"] == name).expect("a volume");
        assert!(volume["emptyDir"]["sizeLimit"].is_string());
    }
}

/// Logins and paid results outlive the release, and a change of mode finds them.
#[test]
fn the_claim_is_kept_and_the_same_in_every_mode() {
    let claim = |values: Value| only(&rendered(&release(values)), "PersistentVolumeClaim").clone();
    let (kept, other) = (claim(values(json!({}))), claim(headless(json!({}))));
    assert_eq!(kept["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    assert_eq!(kept["metadata"]["name"], other["metadata"]["name"]);
    assert_eq!(kept["spec"], other["spec"]);
}

#[rstest]
#[case(json!(""), None)]
#[case(json!("fast"), Some("fast"))]
#[case(json!("-"), Some(""))]
fn a_storage_class_is_named_or_not(#[case] value: Value, #[case] expected: Option<&str>) {
    let objects = rendered(&release(values(json!({"persistence": {"storageClass": value}}))));
    let class = &only(&objects, "PersistentVolumeClaim")["spec"]["storageClassName"];
    assert_eq!(class.as_str(), expected);
}

/// A credential stands in the Secret, and in nothing that people read, log or list.
#[rstest]
#[case("apiKey", "api-key")]
#[case("oauthToken", "oauth-token")]
#[case("authToken", "auth-token")]
fn a_credential_is_in_the_secret_alone(#[case] value: &str, #[case] file: &str) {
    let base64 = "c2stYW50LWFwaTAzLWNhbmFyeS05ZjMxYzJkNGU4YjdhNjA1MTEyMjMzNDQ1NTY2Nzc4OA==";
    for all in [
        values(json!({"credentials": {value: KEY}})),
        headless(json!({"credentials": {"existingSecret": "", value: KEY}})),
    ] {
        let objects = rendered(&release(all));
        let secret = only(&objects, "Secret");
        assert_eq!(secret["data"], json!({file: base64}));
        for object in objects.iter().filter(|object| object["kind"] != "Secret") {
            let text = object.to_string();
            assert!(!text.contains(KEY) && !text.contains(base64), "{text}");
        }
        let spec = &pod(&objects)["spec"];
        let mount = &spec["containers"][0]["volumeMounts"];
        assert!(mount.to_string().contains(CREDENTIALS), "{mount}");
        assert!(
            spec["volumes"]
                .to_string()
                .contains(r#""secretName":"box-credentials""#)
        );
    }
}

/// A box reads its credential when it starts, so that another one starts it again.
#[test]
fn another_credential_is_another_pod() {
    let template = |key: &str| pod(&rendered(&release(values(json!({"credentials": {"apiKey": key}}))))).clone();
    assert_eq!(template("one"), template("one"));
    assert_ne!(template("one"), template("two"));
}

#[rstest]
#[case(json!({"tag": "v1"}), "claude-in-a-box:v1")]
#[case(json!({"tag": "v1", "digest": format!("sha256:{}", "a".repeat(64))}), &format!("claude-in-a-box@sha256:{}", "a".repeat(64)))]
#[case(json!({"repository": "registry.example.com:5000/a/b"}), "registry.example.com:5000/a/b:core")]
fn an_image_is_named_by_its_digest_where_there_is_one(#[case] image: Value, #[case] expected: &str) {
    let objects = rendered(&release(values(json!({"image": image}))));
    assert_eq!(pod(&objects)["spec"]["containers"][0]["image"], expected);
}

/// What a StatefulSet can never change is the same for all values, so that `helm upgrade` and `helm rollback` work.
#[test]
fn what_cannot_change_never_changes() {
    let fixed = |values: Value| {
        let objects = rendered(&release(values));
        let mut spec = only(&objects, "StatefulSet")["spec"].clone();
        let spec = spec.as_object_mut().expect("a spec");
        // The fields that the API server lets an update change.
        for field in [
            "replicas",
            "template",
            "updateStrategy",
            "minReadySeconds",
            "persistentVolumeClaimRetentionPolicy",
        ] {
            spec.remove(field);
        }
        Value::Object(spec.clone())
    };
    let first = fixed(values(json!({})));
    // The other policy waits for a pod that was never ready, so that no upgrade would ever replace it.
    assert_eq!(first["podManagementPolicy"], "Parallel");
    for name in ["airgapped", "existing-secret", "operator", "readonly"] {
        assert_eq!(fixed(profile(name)), first, "{name}");
    }
    assert_eq!(
        fixed(values(json!({"mode": "shell", "persistence": {"size": "2Gi"}}))),
        first
    );
}

#[test]
fn a_long_lived_box_has_a_terminal_and_probes() {
    let objects = rendered(&release(values(json!({"probes": {"readiness": {"enabled": false}}}))));
    let container = &pod(&objects)["spec"]["containers"][0];
    assert_eq!((&container["stdin"], &container["tty"]), (&json!(true), &json!(true)));
    let command = |probe: &str| container[probe]["exec"]["command"].clone();
    assert_eq!(command("startupProbe"), json!(["box-entrypoint", "health", "startup"]));
    assert_eq!(command("livenessProbe"), json!(["box-init", "health"]));
    assert!(container["readinessProbe"].is_null(), "it was switched off");
    let all = rendered(&release(values(json!({}))));
    assert_eq!(
        pod(&all)["spec"]["containers"][0]["readinessProbe"]["exec"]["command"],
        json!(["box-entrypoint", "health", "ready"])
    );
}

#[test]
fn what_people_add_arrives() {
    let objects = rendered(&release(profile("existing-secret")));
    let template = pod(&objects);
    let spec = &template["spec"];
    assert_eq!(spec["runtimeClassName"], "gvisor");
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "registry"}]));
    assert_eq!(template["metadata"]["annotations"]["example.com/cost-centre"], "4711");
    assert_eq!(template["metadata"]["labels"]["team"], "platform");
    assert_eq!(
        only(&objects, "ServiceAccount")["metadata"]["annotations"]["example.com/cloud-role"],
        "claude"
    );
    let spec = spec.to_string();
    for part in [
        "NODE_EXTRA_CA_CERTS",
        r#""configMap":{"name":"company-ca"}"#,
        "/etc/company-ca",
        "claude-credentials",
    ] {
        assert!(spec.contains(part), "{part}: {spec}");
    }
    let objects = rendered(&release(profile("cronjob")));
    let spec = &pod(&objects)["spec"];
    assert_eq!(spec["nodeSelector"], json!({"node-role": "batch"}));
    assert_eq!(spec["tolerations"][0]["key"], "batch");
    assert_eq!(spec["priorityClassName"], "low");
}
