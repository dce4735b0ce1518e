//! Everything that people set arrives at the object that it is for.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use verify::chart::{CHART, objects};

use super::{headless, only, pod, release, rendered, values};
use crate::world::root;

/// What is set, and where it arrives: the kind of object (`Pod` for the workload's template), a JSON pointer into it, and what
/// stands there; in an array it is one of the elements.
struct Setting {
    values: Value,
    kind: &'static str,
    place: &'static str,
    expected: Value,
}

fn settings() -> Vec<Setting> {
    let digest = format!("sha256:{}", "7".repeat(64));
    let resources = json!({
        "requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "3", "memory": "3Gi"}
    });
    let affinity = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"team": "platform"}}}
    ]}});
    let toleration = json!({"key": "batch", "operator": "Exists", "effect": "NoSchedule"});
    let volume = json!({"name": "ca", "configMap": {"name": "company-ca"}});
    let mount = json!({"name": "ca", "mountPath": "/etc/ca", "readOnly": true});
    let variable = json!({"name": "EDITOR", "value": "nano"});
    let home = "/spec/volumes";
    let rows: Vec<(Value, &'static str, &'static str, Value)> = vec![
        (
            json!({"image": {"repository": "r.example.com/a", "digest": digest}}),
            "Pod",
            "/spec/containers/0/image",
            json!(format!("r.example.com/a@{digest}")),
        ),
        (
            json!({"image": {"pullPolicy": "Always"}}),
            "Pod",
            "/spec/containers/0/imagePullPolicy",
            json!("Always"),
        ),
        (
            json!({"imagePullSecrets": [{"name": "registry"}]}),
            "Pod",
            "/spec/imagePullSecrets",
            json!({"name": "registry"}),
        ),
        (
            json!({"resources": resources}),
            "Pod",
            "/spec/containers/0/resources",
            resources.clone(),
        ),
        (
            json!({"nodeSelector": {"disk": "fast"}}),
            "Pod",
            "/spec/nodeSelector/disk",
            json!("fast"),
        ),
        (
            json!({"tolerations": [toleration]}),
            "Pod",
            "/spec/tolerations",
            toleration.clone(),
        ),
        (json!({"affinity": affinity}), "Pod", "/spec/affinity", affinity.clone()),
        (
            json!({"runtimeClassName": "gvisor"}),
            "Pod",
            "/spec/runtimeClassName",
            json!("gvisor"),
        ),
        (
            json!({"priorityClassName": "high"}),
            "Pod",
            "/spec/priorityClassName",
            json!("high"),
        ),
        (
            json!({"podAnnotations": {"a.example.com/b": "c"}}),
            "Pod",
            "/metadata/annotations/a.example.com~1b",
            json!("c"),
        ),
        (
            json!({"podLabels": {"team": "platform"}}),
            "Pod",
            "/metadata/labels/team",
            json!("platform"),
        ),
        (
            json!({"extraEnv": [variable]}),
            "Pod",
            "/spec/containers/0/env",
            variable.clone(),
        ),
        (json!({"extraVolumes": [volume]}), "Pod", home, volume.clone()),
        (
            json!({"extraVolumes": [volume], "extraVolumeMounts": [mount]}),
            "Pod",
            "/spec/containers/0/volumeMounts",
            mount,
        ),
        (
            json!({"terminationGracePeriodSeconds": 7}),
            "Pod",
            "/spec/terminationGracePeriodSeconds",
            json!(7),
        ),
        (
            json!({"workspace": {"sizeLimit": "7Gi"}}),
            "Pod",
            home,
            json!({"name": "workspace", "emptyDir": {"sizeLimit": "7Gi"}}),
        ),
        (
            json!({"tmp": {"sizeLimit": "7Gi"}}),
            "Pod",
            home,
            json!({"name": "tmp", "emptyDir": {"sizeLimit": "7Gi"}}),
        ),
        (
            json!({"probes": {"liveness": {"periodSeconds": 7}}}),
            "Pod",
            "/spec/containers/0/livenessProbe/periodSeconds",
            json!(7),
        ),
        (
            json!({"credentials": {"existingSecret": "theirs"}}),
            "Pod",
            home,
            json!({"name": "credentials", "secret": {"secretName": "theirs", "defaultMode": 0o440}}),
        ),
        (
            json!({"credentials": {"apiKey": "abc"}}),
            "Secret",
            "/data/api-key",
            json!("YWJj"),
        ),
        (
            json!({"gateway": {"baseUrl": "https://models.example.com"}}),
            "Pod",
            "/spec/containers/0/env",
            json!({"name": "ANTHROPIC_BASE_URL", "value": "https://models.example.com"}),
        ),
        (
            json!({"model": "some-model"}),
            "Pod",
            "/spec/containers/0/env",
            json!({"name": "CLAUDE_MODEL", "value": "some-model"}),
        ),
        (
            json!({"mode": "shell"}),
            "Pod",
            "/spec/containers/0/env",
            json!({"name": "CLAUDE_MODE", "value": "shell"}),
        ),
        (
            json!({"tier": "operator", "access": {"namespaces": ["shop"]}}),
            "Pod",
            "/spec/containers/0/env",
            json!({"name": "CLAUDE_TIER", "value": "operator"}),
        ),
        (
            json!({"persistence": {"storageClass": "fast"}}),
            "PersistentVolumeClaim",
            "/spec/storageClassName",
            json!("fast"),
        ),
        (
            json!({"persistence": {"size": "7Gi"}}),
            "PersistentVolumeClaim",
            "/spec/resources/requests/storage",
            json!("7Gi"),
        ),
        (
            json!({"persistence": {"accessModes": ["ReadWriteMany"]}}),
            "PersistentVolumeClaim",
            "/spec/accessModes",
            json!("ReadWriteMany"),
        ),
        (
            json!({"persistence": {"annotations": {"backup": "daily"}}}),
            "PersistentVolumeClaim",
            "/metadata/annotations/backup",
            json!("daily"),
        ),
        (
            json!({"persistence": {"existingClaim": "theirs"}}),
            "Pod",
            home,
            json!({"name": "home", "persistentVolumeClaim": {"claimName": "theirs"}}),
        ),
        (
            json!({"serviceAccount": {"annotations": {"cloud.example.com/role": "claude"}}}),
            "ServiceAccount",
            "/metadata/annotations/cloud.example.com~1role",
            json!("claude"),
        ),
        (
            json!({"serviceAccount": {"name": "theirs"}}),
            "Pod",
            "/spec/serviceAccountName",
            json!("theirs"),
        ),
        (
            json!({"serviceAccount": {"tokenExpirationSeconds": 700}}),
            "Pod",
            "/spec/volumes/3/projected/sources",
            json!({"serviceAccountToken": {"path": "token", "expirationSeconds": 700}}),
        ),
        (
            headless(json!({"headless": {"prompt": "Why?"}})),
            "ConfigMap",
            "/data/prompt",
            json!("Why?"),
        ),
        (
            headless(json!({"headless": {"prompt": "", "promptConfigMap": {"name": "questions", "key": "first"}}})),
            "Pod",
            home,
            json!({"name": "prompt", "configMap": {"name": "questions", "items": [{"key": "first", "path": "prompt"}]}}),
        ),
    ];
    rows.into_iter()
        .map(|(values, kind, place, expected)| Setting {
            values,
            kind,
            place,
            expected,
        })
        .collect()
}

#[test]
fn what_is_set_arrives() {
    let at = |all: Value, setting: &Setting| {
        let objects = rendered(&release(values(all)));
        let object = match setting.kind {
            "Pod" => pod(&objects),
            // Without the setting there may be no such object.
            kind if objects.iter().all(|object| object["kind"] != kind) => return Value::Null,
            kind => only(&objects, kind),
        };
        object.pointer(setting.place).cloned().unwrap_or_default()
    };
    let holds = |found: &Value, expected: &Value| match found {
        Value::Array(elements) => elements.contains(expected),
        found => found == expected,
    };
    for setting in settings() {
        let Setting { values, expected, .. } = &setting;
        let found = at(values.clone(), &setting);
        assert!(holds(&found, expected), "{values}: {found}, not {expected}");
        let without = at(json!({}), &setting);
        assert!(!holds(&without, expected), "{expected} is there without {values}");
    }
}

/// No key of the chart's is forgotten above, but those whose effect has files of tests of its own.
#[test]
fn every_setting_is_tried() {
    const ELSEWHERE: [&str; 2] = ["access", "network"];
    let defaults = std::fs::read_to_string(root().join(CHART).join("values.yaml")).expect("the chart has values");
    let defaults = objects(&defaults).expect("values.yaml is YAML").remove(0);
    let keys = |value: &Value| -> BTreeSet<String> {
        value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.clone())
            .collect()
    };
    let mut tried: BTreeSet<String> = settings().iter().flat_map(|setting| keys(&setting.values)).collect();
    tried.extend(ELSEWHERE.map(str::to_owned));
    assert_eq!(tried, keys(&defaults));
}
