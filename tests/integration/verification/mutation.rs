//! The harness, verified, as a person runs it: every mistake is noticed or is none; one that nobody notices fails by its name.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use verify::engine::cell::Cell;

use super::hole::{change, copy};
use super::{command_of, report, results, said};

/// How many mistakes there are at least.
const MISTAKES_MIN: usize = 5_000;

/// Every mistake is noticed; the score stands beside that of the tests before; and the changes that are no mistakes are reviewed by
/// their reasons, so that none is added unseen.
#[test]
pub(crate) fn every_mistake_is_noticed_and_the_score_is_told() {
    let folder = tempfile::tempdir().expect("a directory");
    let output = report(folder.path(), &["mutation"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let score = said
        .lines()
        .find(|line| line.contains("mistakes are noticed"))
        .expect("a score");
    let numbers: Vec<usize> = score.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [noticed, mistakes, equivalent, 17, seed] = numbers[..] else {
        panic!("another score: {score}");
    };
    assert!(noticed == mistakes && mistakes >= MISTAKES_MIN, "{score}");
    // They are not nothing, and far from enough.
    assert!(seed > 100 && seed < mistakes / 4, "{score}");

    let run = results(folder.path()).remove(0);
    assert_eq!(run.cells.len(), mistakes + equivalent, "{score}");
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cell in run
        .cells
        .iter()
        .filter(|cell| cell.observed.as_deref() == Some("equivalent"))
    {
        let (reason, _) = cell.evidence.split_once("; no old test").expect("a reason");
        reasons.entry(reason).or_default().push(&cell.id);
    }
    let list: String = reasons
        .iter()
        .map(|(reason, names)| format!("{reason}:\n  {}\n", names.join("\n  ")))
        .collect();
    insta::assert_snapshot!("equivalents", list);
    for (sheet, kinds) in KINDS {
        for kind in *kinds {
            let is_it = |cell: &Cell| cell.position().sheet == *sheet && cell.position().column == *kind;
            assert!(run.cells.iter().any(is_it), "{sheet} has no mistake of kind {kind}");
        }
    }
}

/// The kinds of mistakes that there are in each place.
const KINDS: &[(&str, &[&str])] = &[
    (
        "operator/rights",
        &["verb", "resource", "group", "rule", "subject", "scope", "binding"],
    ),
    (
        "none/network",
        &["rule", "port", "protocol", "type", "range", "selector"],
    ),
    (
        "readonly/workload",
        &["dropped", "changed", "nought", "raised", "added"],
    ),
    ("image", &["put", "dropped", "probe", "flavour", "needs"]),
    ("compose", &["dropped", "changed", "added"]),
];

fn fails(output: &Output, words: &str) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(words), "{said}");
}

/// The chart gets a field that no rule knows: a mistake in it is noticed by nobody, which is found out and named.
#[test]
fn a_mistake_that_nobody_notices_is_named() {
    let folder = tempfile::tempdir().expect("a directory");
    let project = copy(folder.path());
    change(
        &project,
        "manifests/chart/templates/_pod.tpl",
        "enableServiceLinks: false",
        "enableServiceLinks: false\nhostAliases: [{ip: 192.0.2.9, hostnames: [model]}]",
    );
    let output = command_of(&project, &["mutation", "--tier", "airgapped"]);
    fails(
        &output,
        "airgapped/workload/dropped StatefulSet /spec/template/spec/hostAliases is gone (by posture rules): expected noticed, \
         observed unnoticed",
    );
    fails(&output, "manifests/chart/templates/_pod.tpl:");
}

/// Where what is judged is wrong already a mistake would not show: that is an error, and no pass.
#[test]
fn mistakes_in_what_is_wrong_already_prove_nothing() {
    let folder = tempfile::tempdir().expect("a directory");
    let project = copy(folder.path());
    let template = "manifests/chart/templates/network-policy.yaml";
    change(
        &project,
        template,
        "policyTypes: [Ingress, Egress]",
        "policyTypes: [Ingress]",
    );
    let output = command_of(&project, &["mutation", "--tier", "airgapped"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(
        said.contains(
            "airgapped/network/unchanged as it is (by policy simulator): what is to be changed is wrong already"
        ),
        "{said}"
    );
}

/// A range that a user leaves out of the Internet is asked at its edges: without them, half of it could be open.
#[test]
fn what_the_values_leave_out_is_asked_at_its_edges() {
    let folder = tempfile::tempdir().expect("a directory");
    let project = copy(folder.path());
    let values = "manifests/profiles/existing-secret.yaml";
    let template = "manifests/chart/templates/network-policy.yaml";
    let text = fs::read_to_string(project.join(values)).expect("the profile");
    assert!(
        text.contains("except: [198.51.100.0/24, \"2001:db8:1::/48\"]"),
        "{text}"
    );
    change(
        &project,
        template,
        "- {{ . | toJson }}\n              {{- end }}\n              {{- end }}\n        - ipBlock",
        "- {{ . | replace \"/24\" \"/25\" | toJson }}\n              {{- end }}\n              {{- end }}\n        - ipBlock",
    );
    fails(
        &command_of(&project, &["network", "--tier", "none"]),
        "none/egress/tcp:443 198.51.100.255, the last of 198.51.100.0/24, which is left out (by policy simulator): expected closed, \
         observed open",
    );
}
