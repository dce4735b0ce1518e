//! The workflows and the action: what they use is pinned, what they may do is little, and what they do is the command's.

use std::path::Path;

use serde_json::Value;

use super::{files, must_parse, read, root, words};

/// What stands before the command where it is run as root.
const AS_ROOT: [&str; 2] = ["sudo", "sudo --preserve-env=GITHUB_STEP_SUMMARY"];
/// What else a workflow may run.
const OTHERS: [&str; 2] = [
    "git add --intent-to-add image/lock",
    "git diff --output=relock.patch -- image/lock image/scripts.toml",
];
/// What a job may be permitted beyond reading the repository.
const PERMITTED: [(&str, &str); 2] = [("contents", "read"), ("security-events", "write")];
/// Where the action's command begins.
const OF_THE_ACTION: &str = "sudo --preserve-env --set-home \"$GITHUB_ACTION_PATH/../../../cbox\" ";

/// A workflow or an action.
struct File {
    name: String,
    text: String,
    content: Value,
}

impl File {
    fn read(path: &Path) -> Self {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let text = read(path);
        let content =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name} is not read as YAML: {error}"));
        Self { name, text, content }
    }

    /// Every value of a key, wherever it stands.
    fn all(&self, key: &str) -> Vec<&Value> {
        let mut found = Vec::new();
        collect(&self.content, key, &mut found);
        found
    }

    fn jobs(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.content["jobs"].as_object().into_iter().flatten()
    }
}

fn collect<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                if name == key {
                    found.push(value);
                }
                collect(value, key, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, key, found)),
        _ => {}
    }
}

fn workflows() -> Vec<File> {
    let all: Vec<File> = files(".github/workflows").iter().map(|path| File::read(path)).collect();
    assert!(all.len() > 1, "there are workflows");
    all
}

fn action() -> File {
    File::read(&root().join(".github/actions/verify/action.yml"))
}

/// A tag can be moved to other code, a commit cannot; which release it was stands beside it.
#[test]
fn what_is_used_is_pinned_by_commit() {
    for file in workflows().into_iter().chain([action()]) {
        for used in file.all("uses") {
            let used = used.as_str().expect("what is used is a text");
            if used.starts_with("./") {
                continue;
            }
            let commit = used.split_once('@').map_or("", |(_, commit)| commit);
            let is_commit = commit.len() == 40 && commit.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
            assert!(is_commit, "{}: {used} is not pinned by its commit", file.name);
            let says_release = file.text.lines().any(|line| line.contains(&format!("{used} # v")));
            assert!(
                says_release,
                "{}: {used} does not say beside it which release it is",
                file.name
            );
        }
    }
}

#[test]
fn nobody_may_do_more_than_is_needed() {
    for file in workflows() {
        let top = file.content["permissions"].as_object();
        let top = top.unwrap_or_else(|| panic!("{} says no permissions", file.name));
        assert_eq!(top.len(), 1, "{}", file.name);
        assert_eq!(top["contents"], "read", "{}", file.name);
        for (job, value) in file.jobs() {
            for (right, degree) in value["permissions"].as_object().into_iter().flatten() {
                assert!(
                    PERMITTED.contains(&(right.as_str(), degree.as_str().unwrap_or_default())),
                    "{}: job {job} may {degree} {right}",
                    file.name
                );
            }
            assert!(
                value["timeout-minutes"].is_u64(),
                "{}: job {job} may take for ever",
                file.name
            );
            assert_eq!(value["runs-on"], "ubuntu-24.04", "{}: {job}", file.name);
        }
        for step in file
            .all("steps")
            .into_iter()
            .flat_map(|steps| steps.as_array().unwrap())
        {
            let is_checkout = step["uses"]
                .as_str()
                .is_some_and(|used| used.starts_with("actions/checkout@"));
            assert!(
                !is_checkout || step["with"]["persist-credentials"] == false,
                "{}: what is run after the checkout finds its token",
                file.name
            );
        }
        for forbidden in ["pull_request_target", "secrets", "workflow_run"] {
            assert!(!file.text.contains(forbidden), "{}: {forbidden}", file.name);
        }
    }
}

/// A step is one command, which a person can type; what it decides, it decides there.
#[test]
fn a_workflow_holds_no_logic() {
    for file in workflows() {
        let runs = file.all("run");
        assert!(!runs.is_empty(), "{} runs nothing", file.name);
        for run in runs {
            let run = run.as_str().unwrap();
            if OTHERS.contains(&run) {
                continue;
            }
            let command = AS_ROOT
                .iter()
                .find_map(|before| run.strip_prefix(&format!("{before} ./cbox ")))
                .unwrap_or_else(|| panic!("{}: `{run}` is no command of ./cbox", file.name));
            must_parse(&file.name, &words(command));
        }
        for condition in file.all("if") {
            assert_eq!(condition, "always()", "{}", file.name);
        }
        for key in ["strategy", "shell", "continue-on-error", "needs"] {
            assert!(file.all(key).is_empty(), "{} decides by {key}", file.name);
        }
    }
}

/// Its inputs are variables of the one step: where they stood in the command, they could be one.
#[test]
fn the_action_is_one_command() {
    let action = action();
    let runs = action.all("run");
    let [run] = runs.as_slice() else {
        panic!("the action runs {runs:?}");
    };
    let run = run.as_str().unwrap();
    let command = run.strip_prefix(OF_THE_ACTION).expect("it runs ./cbox as root");
    assert!(!run.contains("${{"), "{run}");
    // One word stands for the others, as somebody would write them.
    let command = command.replace("$ARGUMENTS", "--tier readonly --image example.org/busybox:1");
    must_parse(&action.name, &words(&command));
    let step = &action.content["runs"]["steps"][0];
    let inputs = action.content["inputs"].as_object().unwrap();
    let passed: Vec<&str> = step["env"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            assert!(run.contains(&format!("${name}")) || name == "KUBECONFIG", "{name}");
            value.as_str().unwrap()
        })
        .collect();
    for input in inputs.keys() {
        let expression = format!("${{{{ inputs.{input} }}}}");
        assert!(passed.contains(&expression.as_str()), "input {input} goes nowhere");
    }
    assert_eq!(passed.len(), inputs.len());
}
