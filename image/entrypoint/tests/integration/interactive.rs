//! A person at a terminal gets Claude itself.

use crate::world::{World, run};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use std::os::unix::process::CommandExt;

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
        "--setting-sources\nuser\n--add-dir={}\n--settings={{\"env\":{{\"ANTHROPIC_BASE_URL\":\"http://gateway\"}}}}\n--model=opus\n--resume\nid\n",
        workspace.display()
    );
    assert_eq!(world.recorded("arguments"), expected);
}

#[test]
fn a_terminal_is_enough() {
    let world = world("exit 3");
    let ours = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .expect("there are terminals");
    rustix::pty::grantpt(&ours)
        .and_then(|()| rustix::pty::unlockpt(&ours))
        .expect("a terminal can be unlocked");
    let name = rustix::pty::ptsname(&ours, Vec::new()).expect("a terminal has a name");
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
        .expect("a terminal can be opened");
    let copy = || theirs.try_clone().expect("a descriptor can be copied");
    let mut command = world.command(&[], &[]);
    command.stdin(copy()).stdout(copy()).stderr(copy());
    // SAFETY: one system call.
    unsafe {
        command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
    }
    let status = command.status().expect("the entrypoint can be started");
    assert_eq!(status.code(), Some(3));
    assert!(world.path("arguments").exists());
}
