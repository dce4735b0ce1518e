//! `./cbox verify`, as a person runs it: it passes on the chart as it is, and names the line of whatever opens a hole.

mod browser;
mod evidence;
mod hole;
mod life;
mod live;
mod mutation;
mod posture;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::Value;
use verify::engine::cell::Verdict;
use verify::engine::run::{Run, Totals};
use verify::engine::stream;

use crate::world::root;

pub(crate) use life::a_box_keeps_what_it_acknowledged;
pub(crate) use live::{a_network_that_enforces_nothing_is_an_error, the_chart_keeps_its_promises_in_a_cluster};
pub(crate) use mutation::every_mistake_is_noticed_and_the_score_is_told;
pub(crate) use posture::the_posture_holds;

/// A cell that is open on purpose.
const OPEN: &str = "readonly/egress/tcp:443 203.0.113.10, a public address";

pub(super) fn verify(arguments: &[&str]) -> Output {
    Command::new(root().join("cbox"))
        .arg("verify")
        .args(arguments)
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("./cbox starts")
}

/// The command on another project's manifests.
pub(super) fn command_of(project: &Path, arguments: &[&str]) -> Output {
    Command::new(root().join("target/launcher/cbox"))
        .arg("verify")
        .args(arguments)
        .env("CBOX_ROOT", project)
        .env("CBOX_PROGRAMS", verify::programs::directory())
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("the command starts")
}

pub(super) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A report of the chart as it is, in a directory.
pub(super) fn report(directory: &Path, more: &[&str]) -> Output {
    let directory = directory.to_string_lossy();
    verify(&[&["--report", &directory], more].concat())
}

fn results(directory: &Path) -> Vec<Run> {
    let file = File::open(directory.join("results.jsonl")).expect("the results are there");
    stream::read(BufReader::new(file)).expect("a whole stream")
}

fn totals(runs: &[Run]) -> Totals {
    runs.iter()
        .flat_map(|run| &run.cells)
        .map(|cell| cell.verdict)
        .collect()
}

/// The chart keeps its promises in every tier, and every report has the same totals.
#[test]
pub(crate) fn the_chart_keeps_its_promises_and_every_report_says_so() {
    let folder = tempfile::tempdir().expect("a directory");
    let output = report(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let runs = results(folder.path());
    let names: Vec<&str> = runs.iter().map(|run| run.family.as_str()).collect();
    assert_eq!(names, ["access", "network", "posture", "mutation"]);
    let totals = totals(&runs);
    assert_eq!((totals.failed, totals.errors), (0, 0));
    for tier in ["readonly/", "operator/", "airgapped/", "none/"] {
        let count = |family: usize| {
            let cells = runs[family].cells.iter();
            cells.filter(|cell| cell.id.starts_with(tier)).count()
        };
        assert!(count(0) >= 8_000, "{tier} has {} cells of access", count(0));
        assert!(count(1) >= 600, "{tier} has {} cells of network", count(1));
        assert!(count(2) >= 60, "{tier} has {} cells of posture", count(2));
        assert!(count(3) >= 300, "{tier} has {} cells of mutation", count(3));
    }

    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("the report is there");
    let passed = totals.passed;
    let junit = read("junit.xml");
    assert!(junit.contains(&format!("tests=\"{passed}\" skipped=\"0\" failures=\"0\" errors=\"0\"")));
    assert_eq!(
        junit.matches("<testcase ").count(),
        usize::try_from(passed).expect("it fits")
    );
    let sarif: Value = serde_json::from_str(&read("results.sarif")).expect("JSON");
    assert_eq!(sarif["runs"][0]["properties"]["totals"]["passed"], passed);
    assert_eq!(sarif["runs"][0]["results"], serde_json::json!([]));
    assert!(read("summary.md").contains(&format!("| **all** | {passed} | {passed} | 0 | 0 |")));
    for (name, text) in ["summary.md", "results.sarif", "report.html"].map(|name| (name, read(name))) {
        assert!(
            text.contains("mistakes are noticed"),
            "{name} has no score of the mistakes"
        );
        for family in ["access", "network", "posture", "mutation"] {
            assert!(text.contains(family), "{name} has no {family}");
        }
    }
    assert!(read("report.html").contains(&format!("\"totals\":{{\"errors\":0,\"failed\":0,\"passed\":{passed}}}")));
    assert!(read("rendered/readonly.yaml").contains("kind: NetworkPolicy"));
    assert!(
        said(&output).contains(&format!("access: {} cells", runs[0].cells.len())),
        "{}",
        said(&output)
    );
}

#[test]
fn a_cell_is_explained_by_the_line_of_the_chart() {
    let output = verify(&["network", "--tier", "readonly", "--explain", OPEN]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let template =
        fs::read_to_string(root().join("manifests/chart/templates/network-policy.yaml")).expect("it is there");
    let line = 1 + template
        .lines()
        .position(|line| line.trim() == "cidr: 0.0.0.0/0")
        .expect("public addresses are open");
    assert!(
        said.contains(&format!(
            "line      manifests/chart/templates/network-policy.yaml:{line}\n"
        )),
        "{said}"
    );
    assert!(
        said.contains("expected  open\n  observed  open, by the policy simulator"),
        "{said}"
    );
}

/// The values of a user's own: what they promise is asked, and what is different from a run before is said.
#[test]
fn a_users_own_values_are_judged_and_compared() {
    let folder = tempfile::tempdir().expect("a directory");
    let values = |name: &str, more: &str| {
        let path = folder.path().join(name);
        let text = format!(
            "tier: readonly\ncredentials: {{ existingSecret: x }}\nnetwork:\n  apiServer: {{ endpoints: [{{ address: 192.0.2.7, port: 443 }}] }}\n{more}"
        );
        fs::write(&path, text).expect("it is written");
        path.to_string_lossy().into_owned()
    };
    let before = folder.path().join("before");
    let output = report(&before, &["network", "--values", &values("a.yaml", "")]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let results = before.join("results.jsonl");
    let closed = values(
        "b.yaml",
        "  internet: { enabled: false }\n  gateway: { cidr: 10.1.2.3/32 }\n",
    );
    let output = verify(&["network", "--values", &closed, "--compare", &results.to_string_lossy()]);
    let said = said(&output);
    assert_eq!(
        output.status.code(),
        Some(0),
        "what is not promised is not open: {said}"
    );
    assert!(
        said.contains("readonly/egress/tcp:443 11.0.0.0, above 10.0.0.0/8 (by policy simulator): was open, is closed"),
        "{said}"
    );
}

/// A user's own values may break what a profile may, for its reason, and need not.
#[rstest]
#[case::a_job("mode: headless\nheadless: { prompt: x }\n")]
#[case::an_image_by_its_tag("")]
#[case::an_image_by_its_digest(
    "image: { digest: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" }\n"
)]
fn the_posture_of_a_users_own_values_is_judged(#[case] more: &str) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("values.yaml");
    let text = format!(
        "tier: readonly\ncredentials: {{ existingSecret: x }}\nnetwork:\n  apiServer: {{ endpoints: [{{ address: 192.0.2.7, port: 443 }}] }}\n{more}"
    );
    fs::write(&path, text).expect("it is written");
    let output = verify(&["posture", "--values", &path.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn wrong_input_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it is written");
        path.to_string_lossy().into_owned()
    };
    let check = |arguments: &[&str], code: i32, words: &str| {
        let output = verify(arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    check(
        &["--values", "/no/such/file.yaml"],
        66,
        "cannot read /no/such/file.yaml",
    );
    check(&["--values", &file("key.yaml", "teir: readonly\n")], 65, "'teir'");
    check(&["--values", &file("yaml.yaml", "a: [\n")], 65, "yaml.yaml is no YAML");
    check(
        &[
            "--compare",
            &file("cut.jsonl", "{\"version\":1,\"families\":[\"access\"]}\n"),
        ],
        65,
        "cut.jsonl is no results.jsonl of a whole run",
    );
    check(
        &["network", "--tier", "readonly", "--explain", "no such cell"],
        64,
        "there is no cell 'no such cell'",
    );
    let open = "tier: readonly\ncredentials: { existingSecret: x }\nnetwork: { enabled: false }\n";
    check(
        &["network", "--values", &file("open.yaml", open)],
        65,
        "has no NetworkPolicy",
    );
    let good = "tier: none\n";
    check(
        &["mutation", "--values", &file("good.yaml", good)],
        64,
        "leave --values out",
    );
    check(&["posture", "--on", "kind"], 64, "leave --on and --context out");
    let not_a_directory = file("file", "");
    check(
        &[
            "network",
            "--tier",
            "readonly",
            "--report",
            &format!("{not_a_directory}/report"),
        ],
        73,
        "cannot write",
    );
}

/// What did not pass ends the command with 1 and stands in every report at its line.
#[test]
fn a_failure_stands_in_every_report() {
    let folder = tempfile::tempdir().expect("a directory");
    // A rule of the user's own that says more than it seems to is promised; one that a values file cannot promise is a
    // different chart, so a copy of the project's manifests is judged.
    let project = hole::copy(folder.path());
    hole::change(
        &project,
        "manifests/chart/templates/access.yaml",
        "rules:\n  {{- include",
        "rules:\n  - apiGroups: [\"\"]\n    resources: [\"secrets\"]\n    verbs: [\"get\"]\n  {{- include",
    );
    let output = Command::new(root().join("target/launcher/cbox"))
        .args(["verify", "access", "--tier", "readonly", "--report"])
        .arg(folder.path().join("report"))
        .env("CBOX_ROOT", &project)
        .env("CBOX_PROGRAMS", verify::programs::directory())
        .output()
        .expect("the command starts");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = "manifests/chart/templates/access.yaml:12";
    assert!(
        said.contains(
            "readonly/claude:box/claude/get secrets (by rendered objects): expected denied, observed allowed"
        ),
        "{said}"
    );
    let report = folder.path().join("report");
    let runs = results(&report);
    let wrong: Vec<_> = runs[0]
        .cells
        .iter()
        .filter(|cell| cell.verdict != Verdict::Passed)
        .collect();
    assert!(
        wrong
            .iter()
            .all(|cell| cell.place.as_ref().is_some_and(|place| place.to_string() == line)),
        "{wrong:#?}"
    );
    let read = |name: &str| fs::read_to_string(report.join(name)).expect("the report is there");
    assert!(read("junit.xml").contains(&format!("{line}: ClusterRole")));
    assert!(read("summary.md").contains(&format!(" at `{line}`")));
    let sarif: Value = serde_json::from_str(&read("results.sarif")).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), wrong.len());
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"]["region"]["startLine"],
        12
    );
}
