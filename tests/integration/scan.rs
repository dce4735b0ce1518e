//! Known vulnerabilities: every Go program is asked about, what has a fix is taken or answered, and what is not is named.

use std::collections::BTreeSet;
use std::process::Command;

use catalogue::tools::Source;
use serde_json::Value;

use crate::inputs::Copy;
use crate::world::{catalogue, root};

#[test]
pub(crate) fn nothing_that_has_a_fix_is_open() {
    let output = Command::new(root().join("cbox"))
        .arg("scan")
        .output()
        .expect("./cbox starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    let last = stdout.lines().last().unwrap_or_default();
    assert!(last.contains(": 0 open, "), "{stdout}");
}

/// What scanners read beside an SBOM: each answer with its status, about modules that the SBOM has by the same names.
#[test]
fn answers_are_told_as_openvex() {
    let printed = |words: &[&str]| -> Value {
        let output = Command::new(root().join("cbox"))
            .args(words)
            .output()
            .expect("./cbox starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {stderr}");
        serde_json::from_slice(&output.stdout).expect("it is JSON")
    };
    let document = printed(&["scan", "--vex"]);
    assert_eq!(document["@context"], "https://openvex.dev/ns/v0.2.0");
    let answers = std::fs::read_to_string(root().join("image/advisories.toml")).expect("the answers");
    let statements = document["statements"].as_array().expect("statements");
    let of = |advisory: &str| {
        let mut all = statements.iter();
        all.find(|statement| statement["vulnerability"]["name"] == advisory)
    };
    for entry in answers.split("\n[").skip(1) {
        let advisory = entry.split(']').next().unwrap_or_default();
        let statement = of(advisory).unwrap_or_else(|| panic!("nothing is said of {advisory}"));
        let is_absent = entry.contains("\"vulnerable_code_not_present\"");
        let expected = if is_absent { "not_affected" } else { "affected" };
        assert_eq!(statement["status"], expected, "{statement}");
    }
    let sbom = printed(&["sbom", "--format", "cyclonedx"]).to_string();
    for statement in statements {
        let module = statement["products"][0]["subcomponents"][0]["@id"]
            .as_str()
            .expect("a package URL");
        assert!(sbom.contains(&format!("\"{module}\"")), "the SBOM has no {module}");
    }
}

/// An answer that is taken away, and one to nothing, are open again, by name; and the exit code is 1.
#[test]
fn what_is_not_answered_is_named() {
    let copy = Copy::new();
    copy.damage("image/advisories.toml", "[GO-2026-5932]", "[GO-0000-0001]");
    let output = copy.output(&["scan"]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stdout}\n{stderr}");
    let open: Vec<&str> = stdout.lines().filter(|line| line.starts_with("open ")).collect();
    let [finding, stale] = open.as_slice() else {
        panic!("two are open: {stdout}");
    };
    assert!(
        finding.contains("golang.org/x/crypto") && finding.contains("GO-2026-5932") && finding.contains("fixed in"),
        "{finding}"
    );
    assert!(stale.contains("GO-0000-0001"), "{stale}");
    assert!(stdout.contains(": 2 open, "), "{stdout}");
}

#[test]
fn every_go_tool_is_asked_about() {
    let report = crate::reproducible::built("advisories").join("findings.json");
    let report: Value =
        serde_json::from_slice(&std::fs::read(report).expect("the report is there")).expect("it is JSON");
    assert!(
        report["advisories"].as_u64().is_some_and(|count| count > 4_000),
        "{report}"
    );
    let programs: BTreeSet<&str> = report["programs"]
        .as_array()
        .expect("programs")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let wanted: BTreeSet<String> = catalogue()
        .tools
        .iter()
        .filter(|(_, tool)| matches!(tool.source, Source::Go { .. }))
        .map(|(name, _)| format!("usr/bin/{name}"))
        .collect();
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    assert_eq!(programs, wanted);
}
