//! What Claude is told in the box: its skills name only what is there, the briefing says where it is, and what a user wrote stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use catalogue::Architecture;
use regex_lite::Regex;
use rstest::rstest;
use serde_json::Value;

use crate::world::{Box, Model, catalogue, home, root};

const SKILLS: &str = "image/rootfs/etc/claude-code/.claude/skills";
const NAMES: [&str; 5] = [
    "incident-triage",
    "log-analysis",
    "network-debugging",
    "pod-diagnosis",
    "security-scan",
];

/// Every skill's text by its folder's name.
fn skills() -> BTreeMap<String, String> {
    fs::read_dir(root().join(SKILLS))
        .expect("the skills are there")
        .map(|entry| {
            let entry = entry.expect("the folder can be read");
            let text = fs::read_to_string(entry.path().join("SKILL.md")).expect("a skill has its text");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect()
}

#[test]
fn a_skill_says_its_name_and_when_to_use_it() {
    let skills = skills();
    assert_eq!(skills.keys().collect::<Vec<_>>(), NAMES.iter().collect::<Vec<_>>());
    for (name, text) in skills {
        let head = text.split("---\n").nth(1).unwrap_or_default();
        assert!(head.contains(&format!("name: {name}\n")), "{name}: {head}");
        let description = head
            .lines()
            .find_map(|line| line.strip_prefix("description: "))
            .unwrap_or_default();
        assert!(
            (40..1024).contains(&description.len()) && description.contains("Use "),
            "{name}: {description}"
        );
    }
}

/// The programs that a text's shell blocks start.
fn programs(text: &str) -> BTreeSet<String> {
    let quoted = Regex::new(r#"'[^']*'|"[^"]*""#).expect("a regular expression");
    let mut programs = BTreeSet::new();
    let mut is_shell = false;
    for line in text.lines().map(str::trim) {
        match line {
            "```sh" => is_shell = true,
            "```" => is_shell = false,
            line if is_shell => {
                let plain = quoted.replace_all(line, "QUOTED");
                let starts = plain.split('|').filter_map(|part| part.split_whitespace().next());
                programs.extend(starts.map(str::to_owned));
            }
            _ => {}
        }
    }
    programs
}

#[test]
fn programs_are_found_behind_pipes_and_not_in_quotes() {
    let text =
        "a | b\n```sh\nkubectl get x --output=json | jq '.a | nosuch' >f\nrg \"x | nosuch\"\n```\nnosuch | nosuch";
    assert_eq!(programs(text).into_iter().collect::<Vec<_>>(), ["jq", "kubectl", "rg"]);
}

#[tokio::test]
async fn every_program_that_a_skill_starts_is_in_the_image() {
    let programs: BTreeSet<String> = skills().values().flat_map(|text| programs(text)).collect();
    assert!(programs.contains("kubectl") && programs.len() > 5, "{programs:?}");
    let words: Vec<String> = programs.into_iter().chain(["no-such-program".to_owned()]).collect();
    let script = format!(
        "for p in {}; do command -v $p >/dev/null || echo $p; done",
        words.join(" ")
    );
    let ended = Box::new(Architecture::Amd64)
        .program(&["/usr/bin/bash", "-c", &script])
        .run()
        .await;
    assert_eq!(ended.stdout, "no-such-program\n", "these are missing; {}", ended.stderr);
}

/// What the server offers with one of the image's own configurations.
async fn mcp_tools(configuration: &str) -> BTreeSet<String> {
    const SCRIPT: &str = r#"
cat >/tmp/kubeconfig <<'END'
{"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
 "users": [{"name": "u", "user": {"token": "none"}}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
 "current-context": "x"}
END
coproc server { kubernetes-mcp-server --kubeconfig=/tmp/kubeconfig --config=/etc/kubernetes-mcp-server/$0.toml; }
cat >&"${server[1]}" <<'END'
{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/list"}
END
while read -r answer <&"${server[0]}"; do
  if [[ $answer == *'"id":2,'* ]]; then jq --raw-output '.result.tools[].name' <<<"$answer"; exit; fi
done
"#;
    let ended = Box::new(Architecture::Amd64)
        .program(&["/usr/bin/bash", "-c", SCRIPT, configuration])
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout.lines().map(str::to_owned).collect()
}

#[rstest]
#[case::readonly("readonly")]
#[case::operator("operator")]
#[tokio::test]
async fn every_mcp_tool_that_a_skill_names_is_offered(#[case] configuration: &str) {
    let offered = mcp_tools(configuration).await;
    let name = Regex::new(r"mcp__kubernetes__(\w+)").expect("a regular expression");
    for (skill, text) in skills() {
        let named: Vec<&str> = name
            .captures_iter(&text)
            .map(|found| found.get(1).expect("a group").as_str())
            .collect();
        assert!(!named.is_empty(), "{skill} names MCP tools");
        for tool in named {
            assert!(
                offered.contains(tool),
                "{skill} names {tool}; {configuration} offers {offered:?}"
            );
        }
    }
}

#[tokio::test]
async fn only_the_operators_server_offers_to_write() {
    const WRITING: [&str; 5] = [
        "pods_delete",
        "pods_exec",
        "resources_create_or_update",
        "resources_delete",
        "resources_scale",
    ];
    let (readonly, operator) = (mcp_tools("readonly").await, mcp_tools("operator").await);
    for tool in WRITING {
        assert!(
            !readonly.contains(tool) && operator.contains(tool),
            "{tool}: {readonly:?}, {operator:?}"
        );
    }
    // What no tier has the rights for is offered to none.
    for tool in ["nodes_log", "nodes_stats_summary", "pods_run"] {
        assert!(
            !readonly.contains(tool) && !operator.contains(tool),
            "{tool}: {readonly:?}, {operator:?}"
        );
    }
}

/// Tools of the catalogue that the briefing leaves out, and those that go by another name there.
const UNTOLD: [&str; 5] = ["bash-completion", "box-entrypoint", "box-init", "coreutils", "terminfo"];
const PROGRAMS: [(&str, &str); 3] = [("ca-certificates", "openssl"), ("procps", "ps"), ("ripgrep", "rg")];

#[test]
fn the_briefing_knows_every_tool_of_the_catalogue() {
    let list =
        fs::read_to_string(root().join("image/rootfs/usr/share/claude-in-a-box/tools.txt")).expect("it is there");
    let told: BTreeSet<&str> = list
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        told.len(),
        list.lines().count(),
        "each line is a program, a tab and its purpose"
    );
    for tool in catalogue().tools.keys().filter(|tool| !UNTOLD.contains(&tool.as_str())) {
        let program = PROGRAMS
            .iter()
            .find(|(name, _)| name == tool)
            .map_or(tool.as_str(), |(_, program)| program);
        assert!(
            told.contains(program),
            "tools.txt does not say what {program} (of {tool}) is for"
        );
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}

/// What the user keeps on the volume, Claude gets beside what is ours; and the next start finds it as it was.
#[tokio::test]
async fn claude_is_briefed_and_the_users_own_words_stay() {
    let (model, home) = (Model::start("probe-headless.toml").await, home());
    let own = [
        (".claude/CLAUDE.md", "canary-of-the-users-memory"),
        (".claude/rules/mine.md", "canary-of-the-users-rule"),
        (
            ".claude/skills/mine/SKILL.md",
            "---\nname: mine\ndescription: canary-of-the-users-skill\n---\n",
        ),
    ];
    for (path, text) in own {
        write(&home.path().join(path), text);
    }
    open(home.path());
    let ended = Box::new(Architecture::Amd64)
        .headless("What is 40 + 2?", &model)
        .set("CLAUDE_OUTPUT_FORMAT", "stream-json")
        .home(home.path())
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    for (path, text) in own {
        assert_eq!(
            fs::read_to_string(home.path().join(path)).expect("it is there"),
            text,
            "{path}"
        );
    }
    let init = ended
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|message| message["subtype"] == "init")
        .expect("Claude says what it has");
    let skills = init["skills"].as_array().expect("skills are listed");
    for name in NAMES.iter().chain(&["mine"]) {
        assert!(skills.iter().any(|skill| skill == name), "{name}: {skills:?}");
    }
    let asked = model
        .requests()
        .iter()
        .map(|request| request["body"].to_string())
        .collect::<String>();
    for words in [
        "You work in Claude in a Box",
        "There is no cluster",
        "- `jq`: JSON",
        "canary-of-the-users-memory",
        "canary-of-the-users-rule",
        "canary-of-the-users-skill",
        "Find out why a pod is not running",
    ] {
        assert!(asked.contains(words), "Claude was not told: {words}");
    }
    assert!(!asked.contains("`helm`"), "what is not in this image is not told");
}

/// The box's user may write what the test wrote.
fn open(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(directory).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("permissions are set");
            open(&path);
        }
    }
}
