//! The rendered objects, decided in process.

use rstest::rstest;
use verify::access::release::{self, Release};
use verify::engine::cell::Verdict;
use verify::engine::ledger::Ledger;
use verify::engine::run::Run;

use super::{all_questions, assert_passed, release, table};
use crate::world::root;

/// The whole table of one release, decided in process.
fn run_offline(release: &Release) -> Run {
    let (table, objects) = (table(), release.all_objects().expect("the baseline is read"));
    let questions = all_questions(&release.objects);
    let mut run = Run {
        family: "access".to_owned(),
        cells: vec![],
    };
    for subject in &release.subjects() {
        let expectation = release.expectation(&table, subject);
        let claims = release::claims(&release.tier, &subject.0, &expectation, &questions, release::IN_PROCESS);
        let ledger = Ledger::new("access", claims).expect("the names differ");
        run = run.and(ledger.answer(|claim| release::ask_objects(&objects, &subject.0, &claim.question)));
    }
    run
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
    let place = format!("({name}:{line}: secrets)");
    assert!(
        cell.evidence.ends_with(&place),
        "{} does not end with {place}",
        cell.evidence
    );
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
