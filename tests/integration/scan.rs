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
