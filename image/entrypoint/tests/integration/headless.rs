//! One task, from prompt to exit code. What each kind of result means is a table in `outcome.rs`; here it is that results get there.

use crate::world::{Ended, HEADLESS, QUIET, RESULT, World, prompt_line, run};
use rstest::rstest;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

fn world(script: &str) -> World {
    World::new(script).with_secret("api-key", "k")
}

fn with(variables: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [HEADLESS.as_slice(), variables].concat()
}

#[test]
fn a_task_that_succeeds() {
    let world = world(&format!(r#"echo noise; echo '{{"type":"system"}}'; echo '{RESULT}'"#));
    let expected = Ended {
        code: Some(0),
        stdout: format!("{RESULT}\n"),
        stderr: "noise\nbox-entrypoint: done; 2 turns, 0.5000 USD, 1.2 s; exit code 0\n".into(),
    };
    assert_eq!(run(world.command(&HEADLESS, &["--effort", "low"])), expected);
    assert_eq!(world.recorded("input"), prompt_line("Say hello."));
    let workspace = world.path("workspace").canonicalize().expect("it is there");
    let expected = format!(
        "--print\n--input-format\nstream-json\n--output-format\nstream-json\n--verbose\n--permission-mode\nbypassPermissions\n--setting-sources\nuser\n--add-dir={}\n--settings={{{QUIET},...\n--effort\nlow\n",
        workspace.display()
    );
    assert_eq!(world.arguments(), expected);
    assert!(world.path("home/.claude/.claude.json").exists());
}

#[test]
fn text_is_the_answer_alone() {
    let world = world(&format!("echo '{RESULT}'"));
    assert_eq!(
        run(world.command(&with(&[("CLAUDE_OUTPUT_FORMAT", "text")]), &[])).stdout,
        "Hello.\n"
    );
}

#[test]
fn bytes_are_passed_on_unchanged() {
    let world = world(&format!(
        r"printf '{{}}\r\n\377\000\n'; echo '{RESULT}'; printf 'no end'"
    ));
    let mut command = world.command(&with(&[("CLAUDE_OUTPUT_FORMAT", "stream-json")]), &[]);
    let output = command.output().expect("the entrypoint can be started");
    assert_eq!(
        output.stdout,
        [b"{}\r\n\xff\0\n", RESULT.as_bytes(), b"\nno end"].concat()
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_prompt_may_be_large_and_begin_with_a_dash() {
    let world = world(&format!("echo '{RESULT}'"));
    let prompt = format!("--help {}", "x".repeat(1 << 20));
    let path = world.path("prompt");
    std::fs::write(&path, &prompt).expect("a file can be written");
    let path = path.to_str().expect("its path is text");
    assert_eq!(
        run(world.command(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT_FILE", path)], &[])).code,
        Some(0)
    );
    assert!(world.recorded("input") == prompt_line(&prompt));
}

#[rstest]
#[case(
    "echo 'no json'; exit 1",
    70,
    "Claude ended without a result (its exit code was 1); exit code 70"
)]
#[case("kill -KILL $$", 137, "Claude was ended by signal 9; exit code 137")]
#[case(
    r#"echo '{"type":"result","is_error":true,"api_error_status":529,"result":"Overloaded","num_turns":1}'; exit 1"#,
    75,
    "the API is rate limiting or overloaded (HTTP 529): Overloaded; 1 turn, 0.0000 USD, 0.0 s; exit code 75"
)]
fn a_task_that_fails(#[case] script: &str, #[case] code: i32, #[case] sentence: &str) {
    let ended = run(world(script).command(&HEADLESS, &[]));
    let line = format!("box-entrypoint: {sentence}");
    assert_eq!(ended.code, Some(code));
    assert!(ended.stderr.lines().any(|said| said == line), "{}", ended.stderr);
}

#[test]
fn what_claude_leaves_behind_does_not_hold_up_the_end() {
    // It has our standard output, and closes its other ends so that only we could wait for it.
    let world = world(&format!(
        "echo '{RESULT}'; sleep 1000 2>/dev/null & echo $! >$HOME/left"
    ));
    let mut command = world.command(&HEADLESS, &[]);
    let output = command
        .stderr(Stdio::null())
        .output()
        .expect("the entrypoint can be started");
    assert_eq!(output.status.code(), Some(0));
    let left: i32 = world.recorded("home/left").trim().parse().expect("it is a process id");
    let left = rustix::process::Pid::from_raw(left).expect("it is a process id");
    rustix::process::kill_process(left, rustix::process::Signal::KILL).expect("it is still there");
}

/// Which signal the box gets, what Claude does when it is interrupted for it, what the box ends with, and what it says.
#[rstest]
#[case(15, "exit 143", 143, "stopped by signal 15")]
#[case(1, "kill -KILL $$", 129, "stopped by signal 1")]
// An interrupted Claude writes a result, with what it cost so far, and exits when there is no more to read.
#[case(
    15,
    r#"echo '{"type":"result","is_error":true,"subtype":"error_during_execution","num_turns":1,"total_cost_usd":0.25}'; read -r more; exit 1"#,
    143,
    "stopped by signal 15; 1 turn, 0.2500 USD, 0.0 s"
)]
// A result that came in time counts.
#[case(15, r#"echo '{"type":"result","is_error":false}'; exit 0"#, 0, "done; 0 turns")]
// One that does not hear is terminated, and killed in the end.
#[case(2, "exec tail -f /dev/null", 130, "stopped by signal 2")]
#[case(2, "trap '' TERM; exec tail -f /dev/null", 130, "stopped by signal 2")]
fn signals_interrupt_claude(#[case] signal: i32, #[case] reaction: &str, #[case] code: i32, #[case] sentence: &str) {
    let request = r#"{"type":"control_request","request_id":"end","request":{"subtype":"interrupt"}}"#;
    let script = format!(r#"echo ready; read -r request; [ "$request" = '{request}' ] || exit 99; {reaction}"#);
    let world = world(&script);
    let variables = [("CLAUDE_OUTPUT_FORMAT", "stream-json"), ("CLAUDE_GRACE_SECONDS", "1")];
    let mut command = world.command(&with(&variables), &[]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the entrypoint can be started");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("standard output can be read");
    assert_eq!(line, "ready\n");
    // A pipe that nobody reads any more would be an end of its own.
    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    let signal = rustix::process::Signal::from_named_raw(signal).expect("the signal has a name");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).expect("the entrypoint is running");
    let output = child.wait_with_output().expect("it can be waited for");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.starts_with(&format!("box-entrypoint: {sentence}")), "{stderr}");
}

/// The other way to the outcome: a run without a result still has its session, and the file in which Claude kept it.
#[test]
fn a_run_that_crashed_names_its_transcript() {
    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let folder = "$CLAUDE_CONFIG_DIR/projects/-workspace";
    let world = world(&format!(
        r#"mkdir -p {folder}; echo {{}} >{folder}/{ID}.jsonl; echo '{{"type":"system","subtype":"init","session_id":"{ID}"}}'; kill -KILL $$"#
    ));
    let ended = run(world.command(&with(&[("CLAUDE_RUN_ID", "a")]), &[]));
    assert_eq!(ended.code, Some(137), "{}", ended.stderr);
    let outcome = world.recorded("home/runs/a/outcome.json");
    let path = world.path(&format!("home/.claude/projects/-workspace/{ID}.jsonl"));
    for part in [
        format!(r#""session_id":"{ID}""#),
        format!(r#""transcript":"{}""#, path.display()),
        r#""reason":"crash""#.to_owned(),
    ] {
        assert!(outcome.contains(&part), "{part}: {outcome}");
    }
}

#[test]
fn a_standard_output_that_is_full_is_an_error() {
    let world = world(&format!("echo '{RESULT}'"));
    let mut command = world.command(&HEADLESS, &[]);
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("it is a device");
    let output = command.stdout(full).output().expect("the entrypoint can be started");
    assert_eq!(output.status.code(), Some(70));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("done, but standard output did not take the result: No space left on device"),
        "{stderr}"
    );
}
