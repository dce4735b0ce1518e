//! Every tool of every architecture does its work: as uid 10000, on a read-only root, without capabilities or network.

use std::process::Command;

use catalogue::probe::Need;
use catalogue::{Architecture, load};
use rstest::rstest;
use serde_json::Value;
use verify::docker::{self, DockerError, OWNER};
use verify::{container, tools};

use crate::world::{Box, catalogue, root};

#[rstest]
#[case(Architecture::Amd64)]
#[case(Architecture::Arm64)]
#[case(Architecture::Armhf)]
#[tokio::test]
async fn every_probe_passes(#[case] architecture: Architecture) {
    let catalogue = catalogue();
    let script = tools::script(&catalogue, architecture);
    let ended = Box::new(architecture)
        .full()
        .program(&["/usr/bin/bash", "-c", &script])
        .run()
        .await;
    let outcomes = tools::outcomes(&ended.stdout);
    let problems = tools::problems(&catalogue, architecture, &outcomes);
    assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), ended.stderr);
    for sentence in tools::skipped(&catalogue, architecture) {
        println!("skipped: {sentence}");
    }
}

#[tokio::test]
async fn a_probe_that_cannot_pass_is_seen_to_fail() {
    let mut catalogue = catalogue();
    for tool in catalogue.tools.values_mut() {
        tool.probe.run = "exit 7".to_owned();
        tool.probe.native = None;
    }
    let script = tools::script(&catalogue, Architecture::Amd64);
    let ended = Box::new(Architecture::Amd64)
        .full()
        .program(&["/usr/bin/bash", "-c", &script])
        .run()
        .await;
    let problems = tools::problems(&catalogue, Architecture::Amd64, &tools::outcomes(&ended.stdout));
    let present = catalogue
        .tools
        .values()
        .filter(|tool| !tool.absent.contains_key(&Architecture::Amd64));
    assert_eq!(problems.len(), present.count());
    assert!(
        problems.iter().all(|problem| problem.contains("exit status 7")),
        "{problems:?}"
    );
}

/// Runs `./cbox` with some words and returns what it printed.
fn cbox(words: &[&str]) -> String {
    let output = Command::new(root().join("cbox"))
        .args(words)
        .output()
        .expect("./cbox starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {}\n{stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `./cbox tools`: a row for each tool, with the version that the lock has, and every reason for what is missing.
#[test]
pub(crate) fn the_table_is_the_catalogue_with_the_locks_versions() {
    let catalogue = catalogue();
    let table = cbox(&["tools"]);
    let rows: Value = serde_json::from_str(&cbox(&["tools", "--json"])).expect("--json prints JSON");
    let rows = rows.as_array().expect("an array of tools");
    let named: Vec<&str> = rows.iter().filter_map(|row| row["tool"].as_str()).collect();
    assert_eq!(named, catalogue.tools.keys().collect::<Vec<_>>());
    for (row, (name, tool)) in rows.iter().zip(&catalogue.tools) {
        for architecture in Architecture::ALL {
            let version = row["versions"][architecture.debian()].as_str();
            assert_eq!(version.is_some(), tool.is_on(architecture), "{name} on {architecture}");
        }
        assert_eq!(row["probe"]["run"], tool.probe.run.as_str(), "{name}");
        assert!(
            table.lines().any(|line| line.starts_with(&format!("{name} "))),
            "{table}"
        );
        for why in tool.absent.values().chain(tool.needs.iter().map(|need| &need.to)) {
            assert!(table.contains(why), "{why}\n{table}");
        }
    }
    let row = |name: &str| rows.iter().find(|row| row["tool"] == name).expect("the tool is there");
    let lock = load::debian(&root().join("image/lock/debian.json")).expect("the lock is valid");
    assert_eq!(
        row("curl")["versions"]["armhf"],
        lock.packages["curl:armhf"].version.as_str()
    );
    assert_eq!(row("kubectl")["source"], "Go k8s.io/kubectl");
}

/// `./cbox image size`: every layer of the image, and a total that is their sum.
#[test]
pub(crate) fn the_sizes_of_the_layers_add_up() {
    let sizes: Value =
        serde_json::from_str(&cbox(&["image", "size", "--flavour=core", "--json"])).expect("--json prints JSON");
    let layers = sizes["layers"].as_array().expect("an array of layers");
    for key in ["size", "uncompressed_size"] {
        let sum: u64 = layers.iter().filter_map(|layer| layer[key].as_u64()).sum();
        assert!(sum > 10_000_000, "{key}: {sizes}");
        assert_eq!(sizes[key].as_u64(), Some(sum), "{key}");
    }
    let chart = cbox(&["image", "size", "--flavour=core"]);
    for layer in layers {
        let name = layer["name"].as_str().expect("a layer has a name");
        assert!(
            chart
                .lines()
                .any(|line| line.starts_with(&format!("{name} ")) && line.ends_with(['█', '░'])),
            "{chart}"
        );
    }
    assert!(chart.contains("\ntotal "), "{chart}");
}

/// Runs what a tool needs a right for, in a box that has these arguments more.
fn attempt(need: &Need, arguments: Vec<String>) -> Result<String, DockerError> {
    let settings = need
        .sysctls
        .iter()
        .map(|(key, value)| format!("--sysctl={key}={value}"));
    let fixed = [
        "--rm".to_owned(),
        "--network=none".to_owned(),
        format!("--label={OWNER}={}", docker::owner()),
        "--entrypoint=/usr/bin/box-init".to_owned(),
        format!("claude-in-a-box:full-{}", Architecture::Amd64),
    ];
    let words = ["--", "/usr/bin/bash", "-c", &tools::need_script(need)].map(str::to_owned);
    let run = ["run".to_owned()].into_iter().chain(container::hardening());
    docker::docker(run.chain(settings).chain(arguments).chain(fixed).chain(words))
}

/// The capability that held BPF and PERFMON before Linux 5.8 and still does: capabilities(7).
const BEFORE_LINUX_5_8: &str = "SYS_ADMIN";

/// A Docker that is older than a capability says so, and is asked for the one that it was split from.
fn with_right(need: &Need) -> Result<String, DockerError> {
    match attempt(need, tools::rights(need, &need.capabilities)) {
        Err(DockerError::Refused { message, .. }) if message.contains("unknown capability") => {
            println!(
                "with {BEFORE_LINUX_5_8} in the place of {:?}: {message}",
                need.capabilities
            );
            attempt(need, tools::rights(need, &[BEFORE_LINUX_5_8.to_owned()]))
        }
        attempted => attempted,
    }
}

/// Both ways: as the box runs, the tool says what it lacks; as root with that right alone, it does its work.
#[test]
fn what_needs_a_right_says_so_and_works_with_it() {
    let catalogue = catalogue();
    let mut problems = Vec::new();
    let mut tried = 0;
    for (name, tool) in &catalogue.tools {
        let Some(need) = tool.needs.as_ref().filter(|_| tool.is_on(Architecture::Amd64)) else {
            continue;
        };
        let refused = attempt(need, Vec::new()).unwrap_or_else(|error| panic!("{name} without the right: {error}"));
        if let Some(problem) = tools::unlike(&need.without, &refused) {
            problems.push(format!("{name} without the right: {problem}"));
        }
        let allowed = with_right(need).unwrap_or_else(|error| panic!("{name} with the right: {error}"));
        problems.extend(tools::unlike(&need.with, &allowed).map(|it| format!("{name} with the right: {it}")));
        tried += 1;
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(tried > 0, "no tool of the catalogue needs a right");
}
