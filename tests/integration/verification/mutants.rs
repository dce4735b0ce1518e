//! Mistakes in the rendered policies: each changes a cell, or is listed with the reason why it changes nothing.

use std::fs;

use rstest::rstest;
use serde_json::{Value, json};
use verify::chart::{merge, objects};
use verify::engine::cell::Observation;
use verify::network::load::from_yaml;
use verify::network::mutation::mutants;
use verify::network::promise::Promise;
use verify::network::simulate::simulate;
use verify::network::traffic::Pod;
use verify::selector::Labels;

use crate::world::root;

/// What changes nothing, and why.
const EQUIVALENT: [(&str, &str); 2] = [
    (
        "leaves 224.0.0.0/3 out instead of 224.0.0.0/4",
        "the other half of it is left out as 240.0.0.0/4",
    ),
    (
        "leaves 224.0.0.0/3 out instead of 240.0.0.0/4",
        "the other half of it is left out as 224.0.0.0/4",
    ),
];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("the file is there")
}

fn values(profile: &str) -> Value {
    let mut values = objects(&read("manifests/chart/values.yaml")).expect("YAML").remove(0);
    let own = objects(&read(&format!("manifests/profiles/{profile}.yaml")))
        .expect("YAML")
        .remove(0);
    merge(&mut values, own);
    values
}

#[rstest]
#[case("readonly", 100)]
#[case("airgapped", 40)]
fn every_mistake_in_the_policy_is_noticed(#[case] profile: &str, #[case] least: usize) {
    let file = format!("manifests/rendered/{profile}.yaml");
    let policies = from_yaml(&file, &read(&file)).expect("policies");
    let promise = Promise::of(profile, "claude", &values(profile)).expect("a promise");
    let labels = json!({"app.kubernetes.io/name": "claude-in-a-box", "app.kubernetes.io/instance": "box"});
    let pod = Pod {
        namespace: "claude".to_owned(),
        namespace_labels: Labels::new(),
        labels: serde_json::from_value(labels).expect("labels"),
    };
    let traffic = promise.traffic(&pod);
    let is_kept = |policies: &[_]| {
        traffic
            .iter()
            .all(|(traffic, expected)| match simulate(policies, &pod, traffic) {
                Observation::Answered { answer, .. } => answer == *expected,
                Observation::NotProbed { cause } => panic!("{cause}"),
            })
    };
    assert!(is_kept(&policies), "unchanged");
    let mutants = mutants(&policies);
    let is_listed = |name: &str| EQUIVALENT.iter().any(|(listed, _)| name.contains(listed));
    for mutant in &mutants {
        let survives = is_kept(&mutant.policies);
        assert_eq!(
            survives,
            is_listed(&mutant.name),
            "{}: survives is {survives}",
            mutant.name
        );
    }
    assert!(mutants.len() >= least, "{} mutants", mutants.len());
}
