//! Values: each one documented, and none that the chart does not know.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};
use verify::chart::{CHART, objects};

use super::{PROFILES, merge, profile, release, values};
use crate::world::root;

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(CHART).join(file)).expect("the chart has the file")
}

fn defaults() -> Value {
    objects(&read("values.yaml")).expect("values.yaml is YAML").remove(0)
}

#[rstest]
fn a_profile_passes_helms_strict_lint(
    #[values("airgapped", "cronjob", "existing-secret", "headless-job", "operator", "readonly")] name: &str,
) {
    assert!(PROFILES.contains(&name));
    release(profile(name)).lint().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_defaults_pass_helms_strict_lint() {
    release(json!({})).lint().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_charts_version_is_the_workspaces() {
    let chart = objects(&read("Chart.yaml")).expect("Chart.yaml is YAML").remove(0);
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

/// Whatever is misspelt, at any depth, is refused: nothing of this shape is right anywhere.
#[test]
fn an_unknown_key_is_refused_at_every_depth() {
    let mut places = vec![Vec::new()];
    visit(&defaults(), &mut Vec::new(), &mut |path, value| {
        if value.is_object() {
            places.push(path.to_vec());
        }
    });
    places.dedup();
    assert!(places.len() > 25, "{places:?}");
    for place in places {
        let mut path = place.clone();
        path.push("surprise".to_owned());
        refused(&path, json!({"unknown": 1}));
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    let mut places = Vec::new();
    visit(&defaults(), &mut Vec::new(), &mut |path, value| {
        if !value.is_object() {
            places.push(path.to_vec());
        }
    });
    assert!(places.len() > 60, "{places:?}");
    for place in places {
        refused(&place, json!({"unknown": 1}));
    }
}

#[rstest]
#[case::mode("/mode", json!("batch"))]
#[case::tier("/tier", json!("admin"))]
#[case::digest("/image/digest", json!("sha256:abc"))]
#[case::pull_policy("/image/pullPolicy", json!("Sometimes"))]
#[case::address("/gateway/baseUrl", json!("models.example.com"))]
#[case::two_words_in_a_key("/credentials/apiKey", json!("one two"))]
#[case::token_lifetime("/serviceAccount/tokenExpirationSeconds", json!(60))]
#[case::port("/network/internet/ports", json!([70000]))]
#[case::range("/network/internet/except", json!(["10.0.0.1"]))]
#[case::endpoint("/network/apiServer/endpoints", json!([{"address": "kubernetes.default.svc", "port": 443}]))]
#[case::namespace("/access/namespaces", json!(["Shop"]))]
#[case::schedule("/headless/schedule", json!("every morning"))]
#[case::size("/persistence/size", json!("one"))]
#[case::directory_of_the_node("/extraVolumes", json!([{"name": "a", "hostPath": {"path": "/"}}]))]
#[case::secret_as_a_variable("/extraEnv", json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]))]
fn a_value_that_cannot_be_right_is_refused(#[case] place: &str, #[case] value: Value) {
    refused(&place.split('/').skip(1).map(str::to_owned).collect::<Vec<_>>(), value);
}

/// The schema and values.yaml have the same keys, so that each key that is taken is documented.
#[test]
fn every_key_of_the_schema_is_documented() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("the schema is JSON");
    let mut known = BTreeSet::new();
    properties(&schema, "", &mut known);
    let mut documented = BTreeSet::new();
    visit(&defaults(), &mut Vec::new(), &mut |path, _| {
        documented.insert(format!("/{}", path.join("/")));
    });
    // Kubernetes' own words, which its documentation explains, and Helm's.
    let foreign = ["/affinity/", "/resources/claims", "/global"];
    known.retain(|path| !foreign.iter().any(|foreign| path.starts_with(foreign)));
    documented.retain(|path| known.contains(path) || !is_free(path));
    assert_eq!(known, documented);
}

/// Maps whose keys are the user's: what values.yaml has in them is a default, not a key of the chart's.
fn is_free(path: &str) -> bool {
    ["Labels/", "requests/", "limits/"]
        .iter()
        .any(|part| path.contains(part))
}

fn properties(schema: &Value, path: &str, known: &mut BTreeSet<String>) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        properties(schema, &path, known);
        known.insert(path);
    }
}

fn visit(value: &Value, path: &mut Vec<String>, see: &mut impl FnMut(&[String], &Value)) {
    for (key, value) in value.as_object().into_iter().flatten() {
        path.push(key.clone());
        see(path, value);
        visit(value, path, see);
        path.pop();
    }
}

/// The chart refuses the value at this path, and says where it is.
fn refused(path: &[String], value: Value) {
    let change = path.iter().rev().fold(value, |value, key| json!({key: value}));
    let mut all = values(json!({}));
    merge(&mut all, change);
    let error = release(all)
        .render()
        .expect_err(&format!("{path:?} is refused"))
        .to_string();
    assert!(error.starts_with("the chart's values are wrong: "), "{path:?}: {error}");
    let named = path.iter().rev().take(2).any(|key| error.contains(key.as_str()));
    assert!(named, "{path:?}: {error}");
}
