//! Two releases never meet, whatever they are called and wherever they are.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use verify::chart::Release;

use super::release as release_of;
use super::{airgapped, headless, rendered, values};

/// Releases whose names and namespaces run into each other where names are glued together carelessly.
const RELEASES: [(&str, &str); 12] = [
    ("claude", "box"),
    ("claude", "box-home"),
    ("claude", "box-credentials"),
    ("claude", "box-0"),
    ("claude", "box.a"),
    ("claude", "box-a"),
    ("claude", "a-release-name-that-is-as-long-as-helm-lets-it-be-01"),
    ("claude", "a-release-name-that-is-as-long-as-helm-lets-it-be-02"),
    ("claude-box", "box"),
    ("a", "b-c"),
    ("a-b", "c"),
    ("research", "0box"),
];

#[test]
fn releases_share_no_object() {
    let kinds = [
        values(json!({
            "tier": "operator",
            "access": {"namespaces": ["shop", "claude"], "ownNamespace": true},
            "credentials": {"apiKey": "sk"},
        })),
        values(json!({"tier": "operator", "access": {"clusterWide": true}})),
        headless(json!({"credentials": {"existingSecret": "", "apiKey": "sk"}})),
        headless(json!({"headless": {"schedule": "0 6 * * *"}})),
        airgapped(json!({})),
    ];
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for (namespace, name) in RELEASES {
        for values in &kinds {
            let release = Release {
                name: name.to_owned(),
                namespace: namespace.to_owned(),
                ..release_of(values.clone())
            };
            let owner = format!("{namespace}/{name}");
            for object in rendered(&release) {
                let identity = format!(
                    "{} {}/{}",
                    object["kind"], object["metadata"]["namespace"], object["metadata"]["name"]
                );
                let other = owners.entry(identity.clone()).or_insert_with(|| owner.clone());
                assert_eq!(*other, owner, "{identity}");
                valid(&object);
            }
        }
    }
}

/// Pods of one release are not those of another one in the same namespace.
#[test]
fn a_selector_holds_the_release() {
    let select = |name: &str| {
        let release = Release {
            name: name.to_owned(),
            ..release_of(values(json!({})))
        };
        let objects = rendered(&release);
        let selector = super::only(&objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].clone();
        assert_eq!(
            super::only(&objects, "StatefulSet")["spec"]["selector"]["matchLabels"],
            selector
        );
        assert_eq!(super::only(&objects, "Service")["spec"]["selector"], selector);
        let labels = &super::pod(&objects)["metadata"]["labels"];
        for (key, value) in selector.as_object().expect("a selector has labels") {
            assert_eq!(&labels[key], value);
        }
        selector
    };
    assert_ne!(select("one"), select("two"));
}

/// Names as the API server takes them for each kind; a Job's and a CronJob's pods put more behind theirs.
fn valid(object: &Value) {
    let name = object["metadata"]["name"].as_str().expect("an object has a name");
    let length_max = match object["kind"].as_str() {
        Some("CronJob" | "StatefulSet") => 52,
        Some("Job" | "Service") => 63,
        // Names of RBAC may hold colons, and nothing stands behind them.
        Some("ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding") => 253,
        _ => 253,
    };
    assert!(name.len() <= length_max, "{}: {name}", object["kind"]);
    if !name.contains(':') {
        let fits = name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        assert!(
            fits && name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with('-'),
            "{name}"
        );
    }
}
