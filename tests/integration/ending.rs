//! Bad input ends with one sentence and a documented code; a signal ends the box with 128 + n.

use std::time::{Duration, Instant};

use catalogue::Architecture;
use rstest::rstest;
use testcontainers::core::ExecCommand;
use testcontainers::{ContainerAsync, GenericImage};

use crate::world::{Box, KEY, Model, credential_directory, ended};

fn amd64() -> Box {
    Box::new(Architecture::Amd64)
}

#[tokio::test]
async fn an_unknown_mode_is_a_usage_error() {
    let ended = amd64().set("CLAUDE_MODE", "daemon").run().await;
    assert_eq!(ended.code, 64, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stderr);
}

#[rstest]
#[case::unset(None)]
#[case::blank(Some(" \n"))]
#[tokio::test]
async fn an_empty_prompt_is_a_usage_error(#[case] prompt: Option<&str>) {
    let directory = credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential");
    let mut this = amd64().set("CLAUDE_MODE", "headless").credentials(directory.path());
    if let Some(prompt) = prompt {
        this = this.set("CLAUDE_PROMPT", prompt);
    }
    let ended = this.run().await;
    assert_eq!(ended.code, 64, "{}", ended.stderr);
    insta::assert_snapshot!("empty_prompt", ended.stderr);
}

#[rstest]
#[case::none("no_credential", None, 66)]
#[case::empty("empty_credential", Some(("api-key", "\n", 0o444)), 66)]
#[case::unreadable("unreadable_credential", Some(("api-key", KEY, 0o000)), 77)]
#[tokio::test]
async fn a_credential_that_is_no_use_is_named(
    #[case] name: &str,
    #[case] file: Option<(&str, &str, u32)>,
    #[case] code: i64,
) {
    let directory = credential_directory(file).expect("a directory");
    let ended = amd64()
        .set("CLAUDE_MODE", "headless")
        .set("CLAUDE_PROMPT", "Say something.")
        .credentials(directory.path())
        .run()
        .await;
    assert_eq!(ended.code, code, "{}", ended.stderr);
    insta::assert_snapshot!(name, ended.stderr);
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_written_is_named() {
    let directory = credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential");
    let ended = amd64()
        .set("CLAUDE_MODE", "headless")
        .set("CLAUDE_PROMPT", "Say something.")
        .credentials(directory.path())
        .without("/home/claude")
        .run()
        .await;
    assert_eq!(ended.code, 73, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stderr);
}

#[rstest]
#[case::not_found("/no/such/program", 127)]
#[case::not_executable("/etc/passwd", 126)]
#[tokio::test]
async fn the_init_tells_what_cannot_be_executed(#[case] program: &str, #[case] code: i64) {
    let ended = amd64().program(&[program]).run().await;
    assert_eq!(ended.code, code, "{}", ended.stderr);
    assert!(ended.stderr.contains(program), "{}", ended.stderr);
}

/// The shell that stands for Claude catches the signal that the init forwards, and its code becomes the box's.
#[tokio::test]
async fn the_init_forwards_a_signal_and_ends_with_the_childs_code() {
    let script = "trap 'echo caught; exit 42' TERM; echo ready; while :; do sleep 0.1; done";
    let container = amd64().program(&["/usr/bin/bash", "-c", script]).start("ready").await;
    container
        .stop_with_timeout(Some(60))
        .await
        .expect("Docker stops the box");
    let ended = ended(&container).await;
    assert_eq!(ended.code, 42, "{}", ended.stderr);
    assert!(ended.stdout.contains("caught"), "{}", ended.stdout);
}

/// Each subshell ends at once and leaves its sleep to PID 1; what PID 1 does not reap stays as a zombie.
const ORPHANS: &str = "for i in $(seq 50); do (sleep 1 &) ; done; echo ready; exec sleep infinity";

#[tokio::test]
async fn the_init_reaps_what_is_left_behind() {
    let container = amd64().program(&["/usr/bin/bash", "-c", ORPHANS]).start("ready").await;
    processes_become(&container, "the init and its child alone", |processes| {
        let [init, child] = processes else { return false };
        init.command.starts_with("/usr/bin/box-init ") && child.command == "sleep infinity" && !child.is_zombie()
    })
    .await;
}

/// The other side: with a program for PID 1 that reaps nothing, the same orphans do stay.
#[tokio::test]
async fn without_the_init_zombies_stay() {
    let container = amd64()
        .program_without_init("/usr/bin/bash", &["-c", ORPHANS])
        .start("ready")
        .await;
    // The shell itself still reaps those that end before it becomes the last sleep.
    processes_become(&container, "zombies", |processes| {
        processes.iter().any(Process::is_zombie)
    })
    .await;
}

/// A line of `ps`.
#[derive(Debug)]
struct Process {
    state: String,
    command: String,
}

impl Process {
    fn is_zombie(&self) -> bool {
        self.state.starts_with('Z')
    }
}

/// Waits until the processes of a box are as expected; fails with the last list of them.
async fn processes_become(container: &ContainerAsync<GenericImage>, what: &str, expected: impl Fn(&[Process]) -> bool) {
    const DEADLINE: Duration = Duration::from_secs(60);
    let started = Instant::now();
    loop {
        let processes = processes(container).await;
        if expected(&processes) {
            return;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "expected {what} within {DEADLINE:?}; ps says:\n{processes:#?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What runs in a box, but for the `ps` that looks.
async fn processes(container: &ContainerAsync<GenericImage>) -> Vec<Process> {
    const PS: [&str; 6] = ["ps", "-e", "-o", "stat=", "-o", "args="];
    let mut ps = container
        .exec(ExecCommand::new(PS))
        .await
        .expect("the box runs a command");
    let printed = ps.stdout_to_vec().await.expect("ps prints");
    let processes: Vec<Process> = String::from_utf8_lossy(&printed)
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(state, command)| Process {
            state: state.to_owned(),
            command: command.trim().to_owned(),
        })
        .collect();
    let (looking, others): (Vec<_>, Vec<_>) = processes
        .into_iter()
        .partition(|process| process.command == PS.join(" "));
    assert_eq!(looking.len(), 1, "ps sees itself: {looking:?}; {others:?}");
    others
}

/// Claude in the middle of a turn is ended by a signal, not by the grace period.
#[tokio::test]
async fn a_signal_ends_a_run_in_the_middle_of_a_turn() {
    let model = Model::start("hang.toml").await;
    let this = amd64()
        .headless("Say something.", &model)
        .set("CLAUDE_OUTPUT_FORMAT", "stream-json");
    let container = this.start("\"subtype\":\"init\"").await;
    container
        .stop_with_timeout(Some(120))
        .await
        .expect("Docker stops the box");
    let ended = ended(&container).await;
    assert_eq!(ended.code, 143, "{}\n{}", ended.stdout, ended.stderr);
}
