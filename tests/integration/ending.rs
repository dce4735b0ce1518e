//! Bad input ends with one sentence and a documented code; a signal ends the box with 128 + n.

use catalogue::Architecture;
use rstest::rstest;
use testcontainers::core::ExecCommand;

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

#[tokio::test]
async fn the_init_reaps_what_is_left_behind() {
    // Each subshell ends at once and leaves its sleep to PID 1; what PID 1 has not reaped shows as a zombie.
    let script = "for i in $(seq 50); do (sleep 0.2 &) ; done; echo ready; sleep infinity";
    let container = amd64().program(&["/usr/bin/bash", "-c", script]).start("ready").await;
    let count = "until ! pgrep -x sleep --oldest >/dev/null || [ $(pgrep -xc sleep) = 1 ]; do :; done; ps -e -o stat= | grep -c ^Z; :";
    let mut zombies = container
        .exec(ExecCommand::new(["/usr/bin/bash", "-c", count]))
        .await
        .expect("the box runs a command");
    let printed = zombies.stdout_to_vec().await.expect("the command prints");
    assert_eq!(String::from_utf8_lossy(&printed).trim(), "0");
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
