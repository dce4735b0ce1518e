//! The command as people start it.

use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use verify::docker::{self, OWNER};

use crate::user::User;
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

/// Whoever ends a run leaves neither the key nor a working box behind.
#[test]
pub(crate) fn a_shell_completes_and_the_manual_has_a_page() {
    let printed = |words: &[&str]| {
        let output = cbox().args(words).output().expect("./cbox starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let ask = format!(
        "{}\nCOMP_WORDS=(./cbox ver); COMP_CWORD=1; _cbox ./cbox ver ./cbox; echo \"${{COMPREPLY[@]}}\"",
        printed(&["completions", "bash"])
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &ask])
        .output()
        .expect("bash starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "verify");
    let page = printed(&["man"]);
    assert!(page.contains(".TH cbox 1"), "{page}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = printed(&["man", "--to", &folder.path().to_string_lossy()]);
    assert!(
        said.ends_with(&format!("pages are in {}\n", folder.path().display())),
        "{said}"
    );
    assert!(folder.path().join("cbox-cluster-up.1").is_file());
}

#[test]
fn a_run_that_is_ended_leaves_nothing_behind() {
    let mut user = User::asks("hang.toml", "Say something.");
    // Where a run keeps its key for as long as it takes.
    let keys = tempfile::tempdir().expect("a temporary directory");
    let mut run = user
        .command
        .env("XDG_RUNTIME_DIR", keys.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("./cbox starts");
    // The launcher becomes the command, so the command's containers carry the launcher's process id.
    let owner = format!("{}-", run.id());
    let format = format!("--format={{{{.Label \"{OWNER}\"}}}}");
    let boxes = || {
        let owners = docker::docker(["ps", &format]).expect("Docker lists containers");
        owners.lines().filter(|line| line.starts_with(&owner)).count()
    };
    wait_until("the box runs", || entries(keys.path()) == 1 && boxes() == 1);
    let ended = std::process::Command::new("kill")
        .args(["-TERM", &run.id().to_string()])
        .status()
        .expect("kill starts");
    assert!(ended.success());
    assert_eq!(run.wait().expect("the run ends").code(), Some(143));
    assert_eq!(entries(keys.path()), 0, "the key is gone");
    wait_until("the box is gone", || boxes() == 0);
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("the folder can be read").count()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    const DEADLINE: Duration = Duration::from_secs(300);
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
