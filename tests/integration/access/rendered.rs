//! The rendered objects, decided in process.

use rstest::rstest;
use verify::access::release::Release;
use verify::access::rendered;
use verify::engine::cell::{Place, Verdict};
use verify::engine::run::Run;

use super::{NAMESPACES, assert_passed, release, table};
use crate::world::root;

/// The whole table of one release, decided in process.
fn run_offline(release: &Release) -> Run {
    rendered::run(release, &table(), &NAMESPACES).expect("the release can be judged")
}

/// What was rendered grants what the table says, and nothing else, to nobody else, nowhere else.
#[rstest]
fn rendered_objects_grant_the_tier_and_nothing_else(#[values("readonly", "operator", "airgapped", "none")] tier: &str) {
    let run = run_offline(&release(tier));
    assert_passed(&run);
    assert!(run.cells.len() > 8_000, "{run}");
}

/// What grants too much is named: the cell, the rule, the binding, and the line of the file.
#[test]
fn a_right_too_many_is_explained_by_its_line() {
    let name = "manifests/rendered/readonly.yaml";
    let text = std::fs::read_to_string(root().join(name)).expect("the rendered file is there");
    let wrong = text.replacen(
        "\"pods\",\"replicationcontrollers\"",
        "\"pods\",\"secrets\",\"replicationcontrollers\"",
        1,
    );
    assert_ne!(wrong, text, "the rendered file lists pods and replicationcontrollers");
    let line = wrong
        .lines()
        .position(|line| line.contains("secrets"))
        .expect("it is there now")
        + 1;
    let release = Release::read("readonly", ("claude", "box"), &[], (name, &wrong)).expect("it is still YAML");
    let run = run_offline(&release);
    assert_eq!(run.verdict(), Verdict::Failed);
    let cell = run
        .cells
        .iter()
        .find(|cell| cell.id == "readonly/claude:box/claude/get secrets")
        .expect("secrets are asked about");
    assert_eq!(cell.cause, "expected denied, observed allowed");
    let place = Place {
        file: name.to_owned(),
        line: u64::try_from(line).expect("a small file"),
    };
    assert_eq!(cell.place, Some(place), "{}", cell.evidence);
    assert!(
        cell.evidence
            .starts_with("ClusterRole claude-in-a-box:claude:box:readonly allows"),
        "{}",
        cell.evidence
    );
    // get, list and watch, in four namespaces and in all of them at once; nobody else has them.
    let wrong = run.cells.iter().filter(|cell| cell.verdict != Verdict::Passed);
    assert!(wrong.clone().all(|cell| cell.id.contains(" secrets")), "{run}");
    assert_eq!(wrong.count(), 15, "{run}");
}
