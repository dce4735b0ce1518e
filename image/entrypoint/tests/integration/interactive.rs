//! A person at a terminal gets Claude itself.

use crate::world::{HEADLESS, QUIET, World, run};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The credential's pipe is of no concern here.
fn world(script: &str) -> World {
    World::new(script).with_secret("api-key", "k")
}

#[test]
fn the_entrypoint_becomes_claude() {
    let world = world("echo $$; exit 42");
    let mut command = world.command(&[], &["--version"]);
    let child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the entrypoint can be started");
    let process = child.id();
    let output = child.wait_with_output().expect("it can be waited for");
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stdout).trim()),
        (Some(42), process.to_string().as_str())
    );
}

#[test]
fn arguments_and_model_are_passed_on() {
    let world = world("");
    let variables = [("CLAUDE_MODEL", "opus"), ("ANTHROPIC_BASE_URL", "http://gateway")];
    assert_eq!(run(world.command(&variables, &["--resume", "id"])).code, Some(0));
    let workspace = world.path("workspace").canonicalize().expect("it is there");
    let expected = format!(
        "--setting-sources\nuser\n--add-dir={}\n--settings={},...\n--model=opus\n--resume\nid\n",
        workspace.display(),
        QUIET
            .replacen('{', r#"{"ANTHROPIC_BASE_URL":"http://gateway","#, 1)
            .replacen('"', r#"{""#, 1)
    );
    assert_eq!(world.arguments(), expected);
}

#[test]
fn a_terminal_is_enough() {
    let world = world("exit 3");
    assert_eq!(at_a_terminal(&mut world.command(&[], &[])), Some(3));
    assert!(world.path("arguments").exists());
}

const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// A Claude that tells of a prompt, as its hook does, and says what it was started with.
fn prompted() -> World {
    let script = format!(
        r#"mkdir -p $CLAUDE_CONFIG_DIR/projects/-w
t=$CLAUDE_CONFIG_DIR/projects/-w/{ID}.jsonl
echo '{{"type":"user","sessionId":"{ID}"}}' >$t
echo '{{"session_id":"{ID}","transcript_path":"'$t'"}}' | {} note prompt"#,
        env!("CARGO_BIN_EXE_box-entrypoint")
    );
    world(&script)
}

fn resumes(world: &World, variables: &[(&str, &str)], words: &[&str]) -> bool {
    assert_eq!(at_a_terminal(&mut world.command(variables, words)), Some(0));
    let arguments = world.recorded("arguments");
    arguments.lines().any(|argument| argument == format!("--resume={ID}"))
}

#[test]
fn the_next_start_goes_on_with_the_last_session() {
    let world = prompted();
    assert!(!resumes(&world, &[], &[]), "there is none yet");
    assert!(resumes(&world, &[], &[]));
    assert!(resumes(&world, &[("CLAUDE_SESSION", "last")], &[]));
    assert!(!resumes(&world, &[("CLAUDE_SESSION", "new")], &[]));
    assert!(!resumes(&world, &[], &["--verbose"]), "own words count");
    std::fs::write(world.path(&format!("home/.claude/projects/-w/{ID}.jsonl")), "").expect("a file can be written");
    assert!(!resumes(&world, &[], &[]), "it holds nothing any more");
}

/// A run in between is a conversation of its own.
#[test]
fn a_headless_run_is_not_gone_on_with() {
    let world = prompted();
    run(world.command(&HEADLESS, &[]));
    assert!(!world.path("home/.box/session.json").exists());
    assert!(!resumes(&world, &[], &[]));
}

#[test]
fn one_session_at_a_time() {
    let world = world("echo started; [ \"$1\" = --print ] || read -r line; exit 0");
    let mut command = world.command(&[], &["--verbose"]);
    let mut holder = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the entrypoint can be started");
    let mut line = [0; 8];
    let stdout = holder.stdout.as_mut().expect("it is a pipe");
    stdout.read_exact(&mut line).expect("Claude is there");
    for (variables, words) in [
        (&[] as &[(&str, &str)], ["--version"]),
        (HEADLESS.as_slice(), ["--resume=x"]),
        (HEADLESS.as_slice(), ["--continue"]),
    ] {
        let ended = run(world.command(variables, &words));
        assert_eq!(ended.code, Some(75), "{words:?}: {}", ended.stderr);
        assert!(
            ended
                .stderr
                .starts_with("box-entrypoint: the sessions on this volume are held by another box (")
        );
    }
    // One of its own is another one.
    assert_eq!(run(world.command(&HEADLESS, &[])).code, Some(70));
    // Whoever is killed has let go.
    holder.kill().expect("it is there");
    holder.wait().expect("it ends");
    assert_eq!(run(world.command(&[], &["--version"])).code, Some(0));
}

/// The entrypoint with a terminal; its exit code.
fn at_a_terminal(command: &mut Command) -> Option<i32> {
    let ours = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .expect("there are terminals");
    rustix::pty::grantpt(&ours)
        .and_then(|()| rustix::pty::unlockpt(&ours))
        .expect("a terminal can be unlocked");
    let name = rustix::pty::ptsname(&ours, Vec::new()).expect("a terminal has a name");
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
        .expect("a terminal can be opened");
    let copy = || theirs.try_clone().expect("a descriptor can be copied");
    command.stdin(copy()).stdout(copy()).stderr(copy());
    // SAFETY: one system call.
    unsafe {
        command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
    }
    command.status().expect("the entrypoint can be started").code()
}
