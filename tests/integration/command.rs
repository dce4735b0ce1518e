//! The commands of the README, run as they stand there.

use assert_cmd::Command;

use crate::world::root;

fn cbox() -> Command {
    let mut command = Command::new(root().join("cbox"));
    command.current_dir(root());
    command
}

/// The README's first command: the whole way, from the flake to Claude's answer.
#[test]
pub(crate) fn demo_shows_claude_at_work() {
    let output = cbox().arg("demo").output().expect("./cbox starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(
        stderr.contains("scripted model"),
        "the demo says that its model is scripted: {stderr}"
    );
    assert!(stdout.contains("Bash> "), "a tool was used: {stdout}");
    assert!(
        stdout.contains("done in "),
        "the result, cost and timing are shown: {stdout}"
    );
}

#[test]
fn run_without_a_credential_says_how_to_give_one() {
    let output = cbox()
        .args(["run", "hello"])
        .env_remove("ANTHROPIC_API_KEY")
        .env_remove("CLAUDE_CODE_OAUTH_TOKEN")
        .env_remove("ANTHROPIC_AUTH_TOKEN")
        .output()
        .expect("./cbox starts");
    assert_eq!(output.status.code(), Some(66));
    let stderr = String::from_utf8_lossy(&output.stderr);
    // The launcher may have waited for another one, and said so.
    insta::assert_snapshot!(stderr.lines().last().unwrap_or_default());
}

#[test]
pub(crate) fn doctor_finds_everything_that_the_gate_installed() {
    let output = cbox().arg("doctor").output().expect("./cbox starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    for name in ["Nix", "Docker daemon", "Rust", "arm64 emulation", "armhf emulation"] {
        assert!(
            stdout
                .lines()
                .any(|line| line.starts_with("found") && line.contains(name)),
            "{name}: {stdout}"
        );
    }
}
