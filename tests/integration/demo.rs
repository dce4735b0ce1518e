//! The demonstration in a cluster, in both tiers, and the README's picture, which is drawn from what it printed.

use std::process::Command;
use std::{env, fs};

use regex_lite::Regex;
use verify::picture;

use crate::cluster::shared;
use crate::world::root;

/// The README's picture.
const PICTURE: &str = "docs/demo.svg";

/// What differs between two runs and is of no matter to whoever looks at the picture: a pattern, and what stands for it.
const VARYING: [(&str, &str); 4] = [
    (r"shop-[0-9a-f]{6,10}-[a-z0-9]{5}", "shop-66bd4bc749-tm6ms"),
    (
        r"(?m)^    \| NAME +READY .*$",
        "    | NAME                    READY   STATUS             RESTARTS     AGE",
    ),
    (
        r"(?m)^    \| (shop-66bd4bc749-tm6ms) +0/1 .*$",
        "    | ${1}   0/1     CrashLoopBackOff   2 (9s ago)   25s",
    ),
    (r"done in [0-9.]+ s", "done in 2.0 s"),
];

/// How many lines of a tool's result are drawn.
const LINES_DRAWN: usize = 5;

fn demo(words: &[&str]) -> String {
    let output = Command::new(root().join("cbox"))
        .args(["demo", "--on=kind", "--cluster=cbox-test"])
        .args(words)
        .output()
        .expect("./cbox starts");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(
        stderr.contains("scripted model"),
        "the demo says that its model is scripted: {stderr}"
    );
    stdout
}

/// In tier readonly Claude finds the cause, with kubectl and MCP, and the API server refuses the repair; in tier operator
/// it repairs.
#[test]
pub(crate) fn a_broken_deployment_is_diagnosed_and_in_the_right_tier_repaired() {
    shared();
    let readonly = demo(&[]);
    assert!(
        readonly.contains("FATAL: DATABASE_URL is not set"),
        "kubectl shows the log: {readonly}"
    );
    assert!(readonly.contains("InvolvedObject"), "MCP shows the events: {readonly}");
    assert!(
        readonly.contains("cannot patch resource \"deployments\"") && readonly.contains("I may not mend it"),
        "the API server refuses: {readonly}"
    );
    let operator = demo(&["--tier=operator"]);
    assert!(
        operator.contains("deployment.apps/shop env updated") && operator.contains("successfully rolled out"),
        "the repair goes through: {operator}"
    );
    is_drawn(&readonly, &operator);
}

/// Compares the README's picture with what was printed; `BLESS=1` draws it anew.
fn is_drawn(readonly: &str, operator: &str) {
    let repair = operator
        .find("Claude: The program wants")
        .and_then(|start| operator.get(start..))
        .expect("the repair begins with the cause");
    let text = format!(
        "$ ./cbox demo --on kind\n{}\n$ ./cbox demo --on kind --tier operator\n    ...\n{}",
        settled(readonly),
        settled(repair)
    );
    let drawn = picture::svg("a broken deployment, in two tiers", &text);
    let path = root().join(PICTURE);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &drawn).expect("the picture is written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "{PICTURE} is not what the demo prints: BLESS=1 cargo test --test integration demo draws it anew\n{text}"
    );
}

/// The text without what differs from run to run, and long results cut short.
fn settled(text: &str) -> String {
    let mut lines = Vec::new();
    let mut results = 0;
    for line in text.lines() {
        results = if line.starts_with("    |") { results + 1 } else { 0 };
        let is_new = line.starts_with("    | NAME") || line.starts_with("    | #");
        if is_new {
            results = 1;
        }
        match results {
            drawn if drawn <= LINES_DRAWN => lines.push(line.to_owned()),
            drawn if drawn == LINES_DRAWN + 1 => lines.push("    | ...".to_owned()),
            _ => {}
        }
    }
    VARYING.iter().fold(lines.join("\n"), |text, (pattern, instead)| {
        Regex::new(pattern)
            .expect("the pattern is one")
            .replace_all(&text, *instead)
            .into_owned()
    })
}
