//! The chart without a cluster: what Helm makes of it, and what it refuses.
//!
//! `profiles` and the goldens are files for people too: `manifests/profiles/*.yaml` and `manifests/rendered/*`.

mod access;
mod golden;
mod headless;
mod names;
mod network;
mod pods;
mod refusals;
mod settings;
mod values;

use std::path::PathBuf;

use serde_json::{Value, json};
use verify::chart::{CHART, Release, merge, objects};

use crate::world::root;

/// Every profile of `manifests/profiles/`.
const PROFILES: [&str; 6] = [
    "airgapped",
    "cronjob",
    "existing-secret",
    "headless-job",
    "operator",
    "readonly",
];

/// A release `box` in namespace `claude` with these values.
fn release(values: Value) -> Release {
    Release {
        chart: root().join(CHART),
        name: "box".to_owned(),
        namespace: "claude".to_owned(),
        values,
    }
}

/// The values of a profile.
fn profile(name: &str) -> Value {
    let text = std::fs::read_to_string(profile_path(name)).expect("the profile is there");
    objects(&text).expect("a profile is YAML").remove(0)
}

fn profile_path(name: &str) -> PathBuf {
    root().join(format!("manifests/profiles/{name}.yaml"))
}

/// Values that hold for every tier, with these on top.
fn values(more: Value) -> Value {
    let mut values = json!({"network": {"apiServer": {"endpoints": [{"address": "172.18.0.2", "port": 6443}]}}});
    merge(&mut values, more);
    values
}

/// A headless box.
fn headless(more: Value) -> Value {
    let mut all = values(json!({
        "mode": "headless",
        "headless": {"prompt": "Say hello."},
        "credentials": {"existingSecret": "anthropic"},
    }));
    merge(&mut all, more);
    all
}

/// An airgapped box.
fn airgapped(more: Value) -> Value {
    let mut all = values(json!({
        "tier": "airgapped",
        "gateway": {"baseUrl": "https://models.example.com"},
        "network": {"gateway": {"cidr": "10.1.2.3/32"}},
    }));
    merge(&mut all, more);
    all
}

/// Objects key by key, everything else as a whole, as Helm merges values.
/// What a release renders to.
fn rendered(release: &Release) -> Vec<Value> {
    let yaml = release
        .render()
        .unwrap_or_else(|error| panic!("{}: {error}", release.values));
    objects(&yaml).expect("Helm renders YAML")
}

/// The objects of a kind.
fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The one object of a kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = of_kind(objects, kind);
    assert_eq!(found.len(), 1, "one {kind}");
    found[0]
}

/// The pod template of the workload.
fn pod(objects: &[Value]) -> &Value {
    let templates: Vec<&Value> = objects
        .iter()
        .filter_map(|object| match object["kind"].as_str() {
            Some("StatefulSet" | "Job") => Some(&object["spec"]["template"]),
            Some("CronJob") => Some(&object["spec"]["jobTemplate"]["spec"]["template"]),
            _ => None,
        })
        .collect();
    assert_eq!(templates.len(), 1, "one workload");
    templates[0]
}

/// A variable of the box.
fn variable<'a>(objects: &'a [Value], name: &str) -> Option<&'a Value> {
    let variables = &pod(objects)["spec"]["containers"][0]["env"];
    variables
        .as_array()
        .expect("the box has variables")
        .iter()
        .find(|variable| variable["name"] == name)
}
