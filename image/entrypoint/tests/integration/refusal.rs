//! What is wrong is said before anything is touched.

use crate::world::{Ended, HEADLESS, World, run};
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

#[rstest]
#[case(&[("CLAUDE_MODE", "batch")], 64, r#"CLAUDE_MODE is "batch", which is no mode; set it to "headless", "interactive", "remote-control" or "shell""#)]
#[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "")], 64, "CLAUDE_PROMPT is empty; headless mode needs a task there, or in the file that CLAUDE_PROMPT_FILE names")]
#[case(&[], 64, r#"interactive mode needs a terminal, and standard input is none; start the container with a terminal (docker run -it, or "stdin: true" and "tty: true" in a pod), or set CLAUDE_MODE to "headless""#)]
#[case(&HEADLESS, 66, "no credential: DIR/secrets has neither oauth-token nor api-key nor auth-token, and DIR/home/.claude/.credentials.json holds no login; mount one of these files, or a volume with a login")]
fn touches_nothing(#[case] variables: &[(&str, &str)], #[case] code: i32, #[case] sentence: &str) {
    let world = World::new("");
    let mut command = world.command(variables, &[]);
    command.stdin(std::process::Stdio::null());
    assert_eq!(run(command), ended(&world, code, sentence));
    assert!(world.is_untouched());
}

#[test]
fn a_credential_that_cannot_be_read() {
    let world = World::new("").with_secret("api-key", "k");
    fs::set_permissions(world.path("secrets/api-key"), Permissions::from_mode(0o000)).expect("its mode can be set");
    let (command, user, group) = as_somebody(&world, &HEADLESS);
    let sentence = format!(
        "the credential DIR/secrets/api-key cannot be read: Permission denied (os error 13); make it readable for user {user} or group {group}"
    );
    assert_eq!(run(command), ended(&world, 77, &sentence));
    assert!(world.is_untouched());
}

#[test]
fn a_home_that_cannot_be_written() {
    let world = World::new("").with_secret("api-key", "k");
    fs::set_permissions(world.path("home"), Permissions::from_mode(0o555)).expect("its mode can be set");
    let (command, user, _) = as_somebody(&world, &HEADLESS);
    // Root's home, tried as somebody else; or our own, which we may not write ourselves.
    let sentence = if rustix::process::geteuid().is_root() {
        format!(
            "DIR/home belongs to user 0 and cannot be written by user {user}: Permission denied (os error 13); give it to that user (chown, or fsGroup in a pod), or run the box as user 0"
        )
    } else {
        format!(
            "DIR/home cannot be written by user {user}: Permission denied (os error 13); mount a volume or a tmpfs there that this user may write"
        )
    };
    assert_eq!(run(command), ended(&world, 73, &sentence));
    assert!(world.is_untouched());
}

#[test]
fn an_image_without_claude() {
    let world = World::new("").with_secret("api-key", "k");
    fs::remove_file(world.path("bin/claude")).expect("the file is there");
    let mut command = world.command(&HEADLESS, &[]);
    command.env("PATH", world.path("bin"));
    assert_eq!(
        run(command),
        ended(
            &world,
            78,
            r#"there is no claude in PATH ("DIR/bin"); this image is incomplete, use one that has Claude Code"#
        )
    );
}

/// The entrypoint as a user for whom permissions count: not root.
fn as_somebody(world: &World, variables: &[(&str, &str)]) -> (std::process::Command, u32, u32) {
    let mut command = world.command(variables, &[]);
    if !rustix::process::geteuid().is_root() {
        return (
            command,
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        );
    }
    // This user must be able to reach the program and the box.
    let copy = world.path("bin/box-entrypoint");
    // By another process: one that a test beside this one starts meanwhile would inherit our descriptor, and a program that somebody
    // has open for writing cannot be executed.
    let copied = std::process::Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_box-entrypoint"))
        .arg(&copy)
        .status();
    assert!(copied.is_ok_and(|status| status.success()), "the program can be copied");
    fs::set_permissions(world.path(""), Permissions::from_mode(0o755)).expect("its mode can be set");
    let mut copied = std::process::Command::new(copy);
    copied
        .args(command.get_args())
        .current_dir(world.path("workspace"))
        .env_clear();
    copied.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command = copied;
    command.uid(10000).gid(10000);
    (command, 10000, 10000)
}

fn ended(world: &World, code: i32, sentence: &str) -> Ended {
    let directory = world.path("").display().to_string();
    let sentence = sentence.replace("DIR", directory.trim_end_matches('/'));
    Ended {
        code: Some(code),
        stdout: String::new(),
        stderr: format!("box-entrypoint: {sentence}\n"),
    }
}
