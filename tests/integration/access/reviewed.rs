//! What people review: the table, and what rights lead to.

use rstest::rstest;
use verify::access::escalation;
use verify::access::inventory::Resource;
use verify::access::question::Subject;
use verify::access::review_table::{self, Column};

use super::{NAMESPACES, release, resources};

/// Who may do what, for reviewers: what changes here is what a release grants from now on.
#[test]
fn the_reviewed_table() {
    let column = |title: &str, tier: &str, account: &str, namespace: Option<&str>| {
        let release = release(tier);
        Column {
            title: title.to_owned(),
            objects: release.all_objects().expect("the baseline is read"),
            subject: Subject::service_account(&release.namespace, account),
            namespace: namespace.map(str::to_owned),
        }
    };
    let columns = [
        column("anybody", "none", "default", None),
        column("none", "none", "box", None),
        column("readonly", "readonly", "box", None),
        column("airgapped", "airgapped", "box", None),
        column("operator", "operator", "box", None),
        column("operator in shop", "operator", "box", Some("shop")),
        column("operator at home", "operator", "box", Some("claude")),
    ];
    // What only some clusters have, and the table speaks of, is there as well.
    let metrics = ["nodes", "pods"].map(|name| Resource {
        group: "metrics.k8s.io".to_owned(),
        name: name.to_owned(),
        version: "v1beta1".to_owned(),
        is_namespaced: name == "pods",
        verbs: vec![],
    });
    let mut all = resources();
    all.extend(metrics);
    all.sort();
    insta::assert_snapshot!("reviewed_table", review_table::format(&all, &columns));
}

/// What the rights lead to in three steps. A path that is not in this list is a decision, not a detail.
#[test]
fn escalation_paths_are_the_reviewed_ones() {
    let mut list = String::new();
    for tier in ["none", "readonly", "airgapped", "operator"] {
        let release = release(tier);
        let paths = escalation::paths(&release.objects, &release.namespace, &release.account, &NAMESPACES);
        let paths = if paths.is_empty() {
            vec!["nowhere".to_owned()]
        } else {
            paths
        };
        list.push_str(&format!("{tier}:\n  {}\n", paths.join("\n  ")));
    }
    insta::assert_snapshot!("escalation_paths", list);
}

/// One right too many opens paths that the list does not have.
#[rstest]
#[case::kubelet(
    "nodes/proxy",
    "account claude/box --[get nodes/proxy]--> root on any node --[tokens of the node's pods]--> any service account of \
     kube-system --[its controllers' accounts]--> everything"
)]
#[case::secrets(
    "secrets",
    "account claude/box --[get secrets, list secrets, watch secrets]--> any Secret of kube-system --[long-lived tokens, \
     where there are any]--> any service account of kube-system --[its controllers' accounts]--> everything"
)]
#[case::exec("pods/exec", "account claude/box --[get pods/exec]--> any service account of shop")]
fn a_right_too_many_opens_a_path(#[case] resource: &str, #[case] path: &str) {
    let mut release = release("readonly");
    let before = escalation::paths(&release.objects, "claude", "box", &NAMESPACES);
    assert_eq!(before, Vec::<String>::new());
    release.objects.roles[0].rules[0].resources.push(resource.into());
    let after = escalation::paths(&release.objects, "claude", "box", &NAMESPACES);
    assert!(after.iter().any(|found| found == path), "{}", after.join("\n"));
}
