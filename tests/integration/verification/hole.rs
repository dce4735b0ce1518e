//! One line of the chart is changed, and the report names it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rstest::rstest;
use verify::engine::cell::Verdict;
use verify::judgement::Judge;

use crate::world::root;

/// A project of its own that has the manifests alone.
pub(super) fn copy(folder: &Path) -> PathBuf {
    let project = folder.join("project");
    copy_folder(&root().join("manifests"), &project.join("manifests"));
    project
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("it can be read");
        let target = to.join(entry.file_name());
        let kind = entry.file_type().expect("it has a type");
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path()).expect("a link"), target).expect("a link");
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Changes a file of the project; returns the line at which the new text begins to differ.
pub(super) fn change(project: &Path, file: &str, old: &str, new: &str) {
    let path = project.join(file);
    let text = fs::read_to_string(&path).expect("the file is there");
    assert!(text.contains(old), "{file} has no {old:?}");
    fs::write(path, text.replacen(old, new, 1)).expect("it is written");
}

/// The change, the cell that it opens, and the text of the line that the report names.
#[rstest]
#[case::a_rule_of_the_template(
    ("manifests/chart/templates/access.yaml", "rules:\n  {{- include", "rules:\n  - apiGroups: [\"\"]\n    resources: [\"secrets\"]\n    verbs: [\"get\"]\n  {{- include"),
    "access", "readonly/claude:box/claude/get secrets",
    ("manifests/chart/templates/access.yaml", "resources: [\"secrets\"]"),
)]
#[case::everybody_is_bound(
    ("manifests/chart/templates/access.yaml", "  - kind: ServiceAccount\n", "  - kind: Group\n    apiGroup: rbac.authorization.k8s.io\n    name: system:serviceaccounts\n  - kind: ServiceAccount\n"),
    "access", "readonly/elsewhere:box/claude/get pods",
    ("manifests/chart/access.toml", "resources = [\"pods\", \"replicationcontrollers\", \"services\", \"endpoints\", \"events\", \"serviceaccounts\"]"),
)]
#[case::an_exception_is_missing(
    ("manifests/chart/templates/_network.tpl", "- 10.0.0.0/8 # private\n", ""),
    "network", "readonly/egress/tcp:443 10.96.0.1, a Service of the cluster",
    ("manifests/chart/templates/network-policy.yaml", "cidr: 0.0.0.0/0"),
)]
#[case::an_exception_is_too_narrow(
    ("manifests/chart/templates/_network.tpl", "- 172.16.0.0/12", "- 172.16.0.0/13"),
    "network", "readonly/egress/tcp:443 172.31.255.255, the last of 172.16.0.0/12",
    ("manifests/chart/templates/network-policy.yaml", "cidr: 0.0.0.0/0"),
)]
#[case::all_name_servers(
    ("manifests/chart/templates/network-policy.yaml", "    # The cluster's own name servers.\n    - to:\n", "    # The cluster's own name servers.\n    - to:\n        - ipBlock:\n            cidr: 0.0.0.0/1\n"),
    "network", "airgapped/egress/udp:53 8.8.8.8, a name server of the Internet",
    ("manifests/chart/templates/network-policy.yaml", "cidr: 0.0.0.0/1"),
)]
#[case::every_port(
    ("manifests/chart/templates/network-policy.yaml", "    # The API server, where it really listens.\n", "    - ports:\n        - port: 1\n          endPort: 65535\n    # The API server, where it really listens.\n"),
    "network", "readonly/egress/tcp:22 203.0.113.10, a public address",
    ("manifests/chart/templates/network-policy.yaml", "- ports:"),
)]
#[case::no_egress_at_all(
    ("manifests/chart/templates/network-policy.yaml", "policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]"),
    "network", "airgapped/egress/tcp:443 203.0.113.10, a public address",
    ("manifests/chart/templates/network-policy.yaml", "policyTypes: [Ingress]"),
)]
#[case::anybody_may_come_in(
    ("manifests/chart/templates/network-policy.yaml", "  egress:\n", "  ingress:\n    - {}\n  egress:\n"),
    "network", "readonly/ingress/tcp:8080 10.244.0.14, a pod elsewhere",
    ("manifests/chart/templates/network-policy.yaml", "- {}"),
)]
fn a_changed_line_is_named(
    #[case] (file, old, new): (&str, &str, &str),
    #[case] family: &str,
    #[case] id: &str,
    #[case] (place, text): (&str, &str),
) {
    let folder = tempfile::tempdir().expect("a directory");
    let project = copy(folder.path());
    let judged = |project: &Path| {
        let judge = Judge::new(project).expect("the chart is read");
        let tier = id.split('/').next().expect("a tier");
        let values = project.join(format!("manifests/profiles/{tier}.yaml"));
        let subject = judge.subject(Some(tier), &[values]).expect("the chart renders");
        judge.run(family, &subject, "rendered.yaml").expect("it can be judged")
    };
    let before = judged(&project);
    assert_eq!(before.verdict(), Verdict::Passed, "{before}");
    change(&project, file, old, new);
    let after = judged(&project);
    assert_eq!(after.verdict(), Verdict::Failed, "{after}");
    let cell = after
        .cells
        .iter()
        .find(|cell| cell.id == id)
        .unwrap_or_else(|| panic!("{id} is asked"));
    assert_eq!(cell.verdict, Verdict::Failed, "{cell:#?}");
    let named = cell.place.as_ref().expect("a line is named");
    assert_eq!(named.file, place, "{cell:#?}");
    let chart = fs::read_to_string(project.join(place)).expect("it is there");
    let line = usize::try_from(named.line).expect("a small file");
    assert_eq!(
        chart.lines().nth(line - 1).expect("it has the line").trim(),
        text,
        "{cell:#?}"
    );
}
