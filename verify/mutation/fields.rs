//! Mistakes in workloads and in Compose's file: each field dropped, each value changed, and what a hurried author or an attacker
//! would add. The rules of the posture are to notice.

use serde_json::{Value, json};

use crate::chart::lines::escaped;
use crate::engine::cell::Place;
use crate::mutation::{Mutant, Sheet, seed};
use crate::posture;
use crate::posture::target::{Origin, Whole};

/// Who is to notice.
pub(super) const ORACLE: &str = "posture rules";

/// The kinds whose objects get mistakes here; roles and policies get theirs elsewhere.
const KINDS: [&str; 6] = [
    "CronJob",
    "Job",
    "PersistentVolumeClaim",
    "Service",
    "ServiceAccount",
    "StatefulSet",
];

/// One change of one place.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// In a word.
    pub(super) kind: &'static str,
    /// Where.
    pub(super) pointer: String,
    /// What stands there then; nothing: the place is gone.
    pub(super) value: Option<Value>,
}

/// Why a change is no mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reason {
    /// Kubernetes or Docker takes the same when nothing is said.
    Default,
    /// For people, and for programs that look at objects from outside.
    Label,
    /// A hash at the end of a name, which is another one with every other question.
    Name,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Self::Default => "the default is the same",
            Self::Label => "it is for people and other programs; nothing is selected or decided by it",
            Self::Name => "it ends with a hash, which is another one with every question, and nothing depends on which",
        }
    }
}

/// What is no mistake where nobody notices it: the kinds of change, the place, and why. `*` is one part of a place, `**` the
/// rest.
const EQUIVALENT: &[(&str, &str, Reason)] = &[
    ("changed", "/metadata/labels/*", Reason::Label),
    ("changed", "/metadata/name", Reason::Name),
    ("added", "/spec/template/spec/hostUsers", Reason::Default),
    ("added", "/spec/template/spec/containers/0/stdin", Reason::Default),
    ("added", "/spec/template/spec/containers/0/tty", Reason::Default),
    ("changed", "/spec/template/spec/containers/0/env/7/value", Reason::Name),
];

/// All mistakes in a release's workloads, or in Compose's services.
#[must_use]
pub fn sheet(whole: &Whole) -> Sheet {
    let (part, positions) = match whole.origin {
        Origin::Compose => ("compose", vec![0]),
        _ => ("workload", workloads(whole)),
    };
    let mut mutants = Vec::new();
    let known = posture::broken(whole);
    let before = seed::pod(whole);
    let mut copy = whole.clone();
    for position in positions {
        let Some(original) = whole.parts.get(position) else {
            continue;
        };
        let object = &original.object.value;
        let name = match whole.origin {
            Origin::Compose => String::new(),
            _ => format!("{} ", object["kind"].as_str().unwrap_or_default()),
        };
        for change in changes_of(whole, object) {
            let Some(changed) = apply(object, &change) else {
                continue;
            };
            put(&mut copy, position, changed);
            let noticed = posture::first_broken(&copy, &known);
            let equivalence = unchanged(object, &change);
            mutants.push(Mutant {
                kind: change.kind.to_owned(),
                name: format!("{name}{}", words(&change)),
                place: original.object.line(&change.pointer).map(|line| Place {
                    file: original.file.clone(),
                    line,
                }),
                // Values wish for much that the rules bound: a reason is looked for only where nobody notices.
                equivalence: equivalence.or_else(|| self::equivalence(&change).filter(|_| noticed.is_none())),
                noticed,
                seed: seed::of_pod(&before, &copy),
            });
        }
        put(&mut copy, position, object.clone());
    }
    Sheet {
        name: match whole.origin {
            Origin::Compose => part.to_owned(),
            _ => format!("{}/{part}", whole.name),
        },
        oracle: ORACLE,
        mutants: Ok(mutants),
    }
}

/// Puts an object into the place of another.
pub(super) fn put(whole: &mut Whole, position: usize, object: Value) {
    if let Some(part) = whole.parts.get_mut(position) {
        part.object.value = object;
    }
}

/// An object with a change; nothing where there is no such place.
pub(super) fn apply(object: &Value, change: &Change) -> Option<Value> {
    let mut changed = object.clone();
    let (parent, key) = change.pointer.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match (changed.pointer_mut(parent)?, &change.value) {
        (Value::Object(map), Some(value)) => drop(map.insert(key, value.clone())),
        (Value::Object(map), None) => drop(map.remove(&key)?),
        (Value::Array(list), Some(value)) if key == "-" => list.push(value.clone()),
        (Value::Array(list), Some(value)) => *list.get_mut(key.parse::<usize>().ok()?)? = value.clone(),
        (Value::Array(list), None) => {
            let position: usize = key.parse().ok()?;
            list.get(position)?;
            list.remove(position);
        }
        _ => return None,
    }
    Some(changed)
}

/// Every place below one: dropped, and its value changed.
pub(super) fn changes(value: &Value, pointer: &str) -> Vec<Change> {
    let change = |kind, value| Change {
        kind,
        pointer: pointer.to_owned(),
        value,
    };
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (escaped(key), value)).collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(position, value)| (position.to_string(), value))
            .collect(),
        Value::Bool(is_so) => return vec![change("changed", Some(Value::Bool(!is_so)))],
        Value::Number(number) => {
            let more = number.as_f64().unwrap_or_default() * 100.0 + 1.0;
            return vec![
                change("nought", Some(json!(0))),
                change("raised", Some(json!(more as i64))),
            ];
        }
        Value::String(text) => return vec![change("changed", Some(json!(format!("{text}x"))))],
        Value::Null => Vec::new(),
    };
    let below = below.into_iter().flat_map(|(key, value)| {
        let pointer = format!("{pointer}/{key}");
        let dropped = Change {
            kind: "dropped",
            pointer: pointer.clone(),
            value: None,
        };
        std::iter::once(dropped).chain(changes(value, &pointer))
    });
    below.collect()
}

fn workloads(whole: &Whole) -> Vec<usize> {
    let parts = whole.parts.iter().enumerate();
    let wanted = parts.filter(|(_, part)| {
        part.object.value["kind"]
            .as_str()
            .is_some_and(|kind| KINDS.contains(&kind))
    });
    wanted.map(|(position, _)| position).collect()
}

fn words(change: &Change) -> String {
    match &change.value {
        Some(value) => format!("{} is {value}", change.pointer),
        None => format!("{} is gone", change.pointer),
    }
}

fn changes_of(whole: &Whole, object: &Value) -> Vec<Change> {
    if whole.origin == Origin::Compose {
        let services = object["services"].as_object();
        let names = services.into_iter().flat_map(|services| services.keys());
        let more = names.flat_map(|name| added(&format!("/services/{name}"), &composed()));
        return changes(&object["services"], "/services")
            .into_iter()
            .chain(more)
            .collect();
    }
    let mut all = Vec::new();
    for part in ["metadata", "spec", "automountServiceAccountToken"] {
        all.extend(changes(&object[part], &format!("/{part}")));
    }
    let template = match object["kind"].as_str() {
        Some("StatefulSet" | "Job") => "/spec/template/spec",
        Some("CronJob") => "/spec/jobTemplate/spec/template/spec",
        Some("ServiceAccount") => {
            all.extend(added("", &[("secrets", json!([{ "name": "token" }]))]));
            all.extend(added("", &[("automountServiceAccountToken", json!(true))]));
            return all;
        }
        Some("Service") => {
            all.extend(added("/spec", &published()));
            return all;
        }
        _ => return all,
    };
    all.extend(added(template, &of_pods()));
    all.extend(added(&format!("{template}/containers/0"), &of_containers()));
    all
}

fn added(above: &str, list: &[(&str, Value)]) -> Vec<Change> {
    let changes = list.iter().map(|(place, value)| Change {
        kind: "added",
        pointer: format!("{above}/{place}"),
        value: Some(value.clone()),
    });
    changes.collect()
}

fn published() -> Vec<(&'static str, Value)> {
    vec![
        ("type", json!("LoadBalancer")),
        ("type", json!("NodePort")),
        ("clusterIP", json!("10.96.7.7")),
        ("ports", json!([{ "port": 22 }])),
        ("externalIPs", json!(["203.0.113.7"])),
    ]
}

/// What is added to a pod's specification, or put into the place of what is there.
fn of_pods() -> Vec<(&'static str, Value)> {
    let socket = json!({ "name": "docker", "hostPath": { "path": "/var/run/docker.sock" } });
    let sidecar = json!({ "name": "helper", "image": "busybox:1.37" });
    vec![
        ("hostNetwork", json!(true)),
        ("hostPID", json!(true)),
        ("hostIPC", json!(true)),
        ("hostUsers", json!(true)),
        ("shareProcessNamespace", json!(true)),
        ("automountServiceAccountToken", json!(true)),
        ("serviceAccountName", json!("default")),
        ("enableServiceLinks", json!(true)),
        ("terminationGracePeriodSeconds", json!(0)),
        ("terminationGracePeriodSeconds", json!(10)),
        ("terminationGracePeriodSeconds", json!(25)),
        ("terminationGracePeriodSeconds", json!(29)),
        ("restartPolicy", json!("OnFailure")),
        ("initContainers", json!([sidecar])),
        ("containers/-", sidecar),
        ("volumes/-", socket),
        (
            "volumes/-",
            json!({ "name": "more", "secret": { "secretName": "other", "defaultMode": 288 } }),
        ),
        (
            "volumes/-",
            json!({ "name": "more", "nfs": { "server": "192.0.2.9", "path": "/" } }),
        ),
        ("volumes/-", json!({ "name": "more", "emptyDir": {} })),
        (
            "volumes/-",
            json!({ "name": "more", "projected": { "sources": [{ "serviceAccountToken": { "path": "token", "expirationSeconds": 3600 } }] } }),
        ),
        ("volumes/0", json!({ "name": "home", "emptyDir": {} })),
        (
            "volumes/0",
            json!({ "name": "home", "persistentVolumeClaim": { "claimName": "elsewhere-home" } }),
        ),
        (
            "volumes/1",
            json!({ "name": "workspace", "emptyDir": { "medium": "Memory", "sizeLimit": "4Gi" } }),
        ),
        ("securityContext/runAsUser", json!(1000)),
        ("securityContext/runAsUser", json!(0)),
        ("securityContext/runAsGroup", json!(0)),
        ("securityContext/fsGroup", json!(1000)),
        ("securityContext/fsGroup", json!(0)),
        ("securityContext/fsGroupChangePolicy", json!("Always")),
        ("securityContext/supplementalGroups", json!([999])),
        (
            "securityContext/sysctls",
            json!([{ "name": "net.ipv4.ip_forward", "value": "1" }]),
        ),
        ("securityContext/seccompProfile", json!({ "type": "Unconfined" })),
        (
            "securityContext/seccompProfile",
            json!({ "type": "Localhost", "localhostProfile": "own.json" }),
        ),
        ("securityContext/seLinuxOptions", json!({ "type": "spc_t" })),
        ("securityContext/appArmorProfile", json!({ "type": "Unconfined" })),
    ]
}

/// What is added to a container, or put into the place of what is there.
fn of_containers() -> Vec<(&'static str, Value)> {
    let exec = |command: &[&str]| json!({ "exec": { "command": command }, "timeoutSeconds": 5, "failureThreshold": 3 });
    let mount = |name: &str, path: &str| json!({ "name": name, "mountPath": path });
    vec![
        ("securityContext/privileged", json!(true)),
        ("securityContext/procMount", json!("Unmasked")),
        ("securityContext/runAsUser", json!(0)),
        ("securityContext/runAsNonRoot", json!(false)),
        ("securityContext/seccompProfile", json!({ "type": "Unconfined" })),
        ("securityContext/capabilities/add", json!(["SYS_ADMIN"])),
        ("securityContext/capabilities/add", json!(["NET_ADMIN", "NET_RAW"])),
        ("securityContext/capabilities/drop", json!(["NET_RAW"])),
        ("image", json!("claude-in-a-box")),
        ("image", json!("claude-in-a-box:latest")),
        ("image", json!("registry.example.com:5000/claude-in-a-box")),
        ("command", json!(["/usr/bin/bash", "-c", "/usr/bin/box-entrypoint"])),
        ("command", json!(["/usr/bin/tini", "--", "/usr/bin/box-entrypoint"])),
        ("command", json!(["/usr/bin/box-entrypoint"])),
        ("args", json!(["--dangerously-skip-permissions"])),
        (
            "lifecycle",
            json!({ "preStop": { "exec": { "command": ["sleep", "60"] } } }),
        ),
        ("ports", json!([{ "containerPort": 8080 }])),
        ("ports", json!([{ "containerPort": 22, "hostPort": 22 }])),
        ("env/-", json!({ "name": "ANTHROPIC_API_KEY", "value": "x" })),
        (
            "env/-",
            json!({ "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "anthropic", "key": "api-key" } } }),
        ),
        ("env/-", json!({ "name": "NOTE", "value": "sk-ant-oat01-x" })),
        ("env/-", json!({ "name": "CLAUDE_GRACE_SECONDS", "value": "58" })),
        ("env/0", json!({ "name": "CLAUDE_MODE", "value": "other" })),
        ("env/1", json!({ "name": "CLAUDE_TIER", "value": "other" })),
        ("envFrom", json!([{ "secretRef": { "name": "anthropic" } }])),
        ("livenessProbe", exec(&["true"])),
        ("livenessProbe", exec(&["pgrep", "-f", "claude"])),
        (
            "livenessProbe",
            json!({ "tcpSocket": { "port": 8080 }, "timeoutSeconds": 5 }),
        ),
        ("readinessProbe", exec(&["claude", "auth", "status"])),
        ("startupProbe", exec(&["box-init", "health"])),
        ("stdin", json!(false)),
        ("tty", json!(false)),
        ("stdinOnce", json!(true)),
        ("volumeMounts/0", mount("home", "/app/.claude")),
        ("volumeMounts/0", mount("tmp", "/home/claude")),
        (
            "volumeMounts/0",
            json!({ "name": "home", "mountPath": "/home/claude", "readOnly": true }),
        ),
        (
            "volumeMounts/0",
            json!({ "name": "home", "mountPath": "/home/claude", "subPath": "a" }),
        ),
        ("volumeMounts/-", mount("tmp", "/etc/claude-code")),
        ("volumeMounts/-", mount("tmp", "/usr/bin")),
        ("volumeMounts/-", mount("tmp", "/etc/passwd")),
        ("volumeMounts/-", mount("tmp", "/")),
        ("volumeMounts/3", mount("credentials", "/run/secrets/anthropic")),
        ("volumeMounts/3", mount("credentials", "/home/claude/secrets")),
    ]
}

/// What is added to a service of Compose, or put into the place of what is there.
fn composed() -> Vec<(&'static str, Value)> {
    vec![
        ("privileged", json!(true)),
        ("cap_add", json!(["SYS_ADMIN"])),
        ("cap_drop", json!(["NET_RAW"])),
        ("security_opt", json!(["seccomp=unconfined"])),
        ("security_opt", json!([])),
        ("network_mode", json!("host")),
        ("pid", json!("host")),
        ("ipc", json!("host")),
        ("user", json!("0:0")),
        ("ports", json!(["8080:8080"])),
        ("init", json!(true)),
        ("entrypoint", json!(["bash"])),
        ("command", json!(["bash"])),
        ("devices", json!(["/dev/fuse"])),
        ("env_file", json!(".env")),
        ("environment/-", json!("ANTHROPIC_API_KEY")),
        ("environment/-", json!("CLAUDE_CODE_OAUTH_TOKEN=x")),
        ("volumes/-", json!("/var/run/docker.sock:/var/run/docker.sock")),
        ("volumes/-", json!("/:/host")),
        ("image", json!("claude-in-a-box:latest")),
        ("stop_grace_period", json!("10s")),
        ("stop_grace_period", json!("25s")),
        ("tmpfs", json!(["/tmp"])),
        ("restart", json!("always")),
    ]
}

/// Why a change is none at all, if it is none.
pub(super) fn unchanged(object: &Value, change: &Change) -> Option<&'static str> {
    let is_same = change.value.as_ref() == object.pointer(&change.pointer);
    is_same.then_some("it says the same")
}

/// Why a change that nobody notices is no mistake.
fn equivalence(change: &Change) -> Option<&'static str> {
    let is_meant = |(kind, place, _): &&(&str, &str, Reason)| {
        // A CronJob has its pod two floors deeper.
        let pointer = change
            .pointer
            .replacen("/spec/jobTemplate/spec/template/", "/spec/template/", 1);
        kind.split(' ').any(|kind| kind == change.kind || kind == "any") && is_place(place, &pointer)
    };
    EQUIVALENT.iter().find(is_meant).map(|(_, _, reason)| reason.text())
}

/// Is a place the one that is meant?
fn is_place(pattern: &str, pointer: &str) -> bool {
    let mut parts = pointer.split('/');
    for wanted in pattern.split('/') {
        if wanted == "**" {
            return true;
        }
        match parts.next() {
            Some(part) if wanted == "*" || wanted == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}
