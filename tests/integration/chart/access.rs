//! The rendered roles are the table's tiers, and nothing more.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};
use verify::access::table::{Rule, Scope, Table};

use super::{airgapped, of_kind, only, pod, release, rendered, values, variable};

/// Where (`None`: everywhere), group, resource, verb.
type Right = (Option<String>, String, String, String);

fn table() -> Table {
    Table::parse(include_str!("../../../manifests/access.toml")).expect("the table is valid")
}

/// What the table says that a tier may do.
fn expected(tier: &str, namespaces: &[Option<&str>]) -> BTreeSet<Right> {
    let table = table();
    let mut rights = BTreeSet::new();
    for rule in table.rules(tier) {
        let places = match rule.scope {
            Scope::Cluster => &[None][..],
            Scope::Namespace => namespaces,
        };
        for place in places {
            rights.extend(product(place.map(str::to_owned), rule));
        }
    }
    rights
}

fn product(place: Option<String>, rule: &Rule) -> Vec<Right> {
    let mut rights = Vec::new();
    for group in &rule.groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                rights.push((place.clone(), group.clone(), resource.clone(), verb.clone()));
            }
        }
    }
    rights
}

/// What the rendered objects grant to the box's account; every role must be bound to it and to nobody else.
fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let account = only(objects, "ServiceAccount");
    let mut rights = BTreeSet::new();
    for (kind, binding_kind) in [("ClusterRole", "ClusterRoleBinding"), ("Role", "RoleBinding")] {
        let (roles, bindings) = (of_kind(objects, kind), of_kind(objects, binding_kind));
        assert_eq!(roles.len(), bindings.len());
        for (role, binding) in roles.iter().zip(bindings) {
            assert_eq!(binding["metadata"]["namespace"], role["metadata"]["namespace"]);
            assert_eq!(
                binding["roleRef"],
                json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role["metadata"]["name"]})
            );
            assert_eq!(
                binding["subjects"],
                json!([{
                    "kind": "ServiceAccount",
                    "name": account["metadata"]["name"],
                    "namespace": account["metadata"]["namespace"],
                }])
            );
            assert!(role["aggregationRule"].is_null());
            let place = role["metadata"]["namespace"].as_str().map(str::to_owned);
            for rule in role["rules"].as_array().expect("a role has rules") {
                let keys: Vec<&String> = rule.as_object().expect("a rule is an object").keys().collect();
                assert_eq!(keys, ["apiGroups", "resources", "verbs"], "{rule}");
                for group in words(&rule["apiGroups"]) {
                    for resource in words(&rule["resources"]) {
                        for verb in words(&rule["verbs"]) {
                            rights.insert((place.clone(), group.clone(), resource.clone(), verb));
                        }
                    }
                }
            }
        }
    }
    rights
}

fn words(list: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    list.as_array().expect("a list").iter().map(word).collect()
}

#[rstest]
#[case::none("none", json!({"tier": "none"}), &[])]
#[case::readonly("readonly", values(json!({})), &[])]
#[case::airgapped("airgapped", airgapped(json!({})), &[])]
#[case::operator_at_home(
    "operator",
    values(json!({"tier": "operator", "access": {"namespaces": ["claude"], "ownNamespace": true}})),
    &[Some("claude")]
)]
#[case::operator_elsewhere(
    "operator",
    values(json!({"tier": "operator", "access": {"namespaces": ["shop", "warehouse", "shop"]}})),
    &[Some("shop"), Some("warehouse")]
)]
#[case::operator_everywhere("operator", values(json!({"tier": "operator", "access": {"clusterWide": true}})), &[None])]
#[case::namespaces_of_another_tier("readonly", values(json!({"access": {"namespaces": ["shop"]}})), &[])]
#[case::somebody_else_grants("none", values(json!({"tier": "operator", "access": {"create": false}})), &[])]
fn a_tier_has_the_rights_of_the_table(#[case] tier: &str, #[case] values: Value, #[case] namespaces: &[Option<&str>]) {
    let granted = granted(&rendered(&release(values)));
    assert_eq!(granted, expected(tier, namespaces));
    let never = table().never;
    for (_, group, resource, verb) in &granted {
        if let Some(never) = never.iter().find(|never| never.covers(group, resource, verb)) {
            panic!("{verb} {resource} of group \"{group}\" is granted: {}", never.why);
        }
    }
}

/// The token is there for a tier with rights alone, and the box is told its tier with it.
#[rstest]
#[case::none(json!({"tier": "none"}), None)]
#[case::readonly(values(json!({})), Some("readonly"))]
#[case::airgapped(airgapped(json!({})), Some("airgapped"))]
#[case::operator(values(json!({"tier": "operator", "access": {"namespaces": ["shop"]}})), Some("operator"))]
fn a_token_is_where_rights_are(#[case] values: Value, #[case] tier: Option<&str>) {
    let objects = rendered(&release(values));
    let spec = &pod(&objects)["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(only(&objects, "ServiceAccount")["automountServiceAccountToken"], false);
    let has_token = spec["volumes"].to_string().contains("serviceAccountToken");
    let is_mounted = spec["containers"][0]["volumeMounts"]
        .to_string()
        .contains("kubernetes.io/serviceaccount");
    assert_eq!((has_token, is_mounted), (tier.is_some(), tier.is_some()));
    assert_eq!(
        variable(&objects, "CLAUDE_TIER").map(|variable| &variable["value"]),
        tier.map(Value::from).as_ref()
    );
}
