//! Other inits' names: here what their own suites do not try. Those run in `cbox test`.

use crate::world::{Ended, init, run};
use rstest::rstest;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The same program under another name.
fn called(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_box-init"));
    command.arg0(name).args(arguments).stdin(Stdio::null());
    command
}

#[rstest]
#[case("tini", &["--version"], 0, "tini version 0.19.0\n", "")]
#[case("/sbin/docker-init", &["--version"], 0, "tini version 0.19.0\n", "")]
#[case("tini", &["--", "sh", "-c", "exit 3"], 3, "", "")]
#[case("tini", &["sh", "-c", "exit 3"], 3, "", "")]
#[case("tini", &["-e", "3", "sh", "-c", "exit 3"], 0, "", "")]
#[case("dumb-init", &["--version"], 0, "", "dumb-init v1.2.5\n")]
#[case("dumb-init", &["sh", "-c", "exit 3"], 3, "", "")]
#[case("/bin/dumb-init", &["-r", "15"], 1, "", "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\nThis option can be specified multiple times.\nUse --help for full usage.\n")]
#[case("/bin/dumb-init", &["--ver"], 1, "", "/bin/dumb-init: option '--ver' is ambiguous; possibilities: '--verbose' '--version'\n")]
#[case("dumb-init", &["no-such-program"], 2, "", "[dumb-init] no-such-program: No such file or directory\n")]
#[case("dumb-init", &["/etc"], 2, "", "[dumb-init] /etc: Permission denied\n")]
fn another_init(
    #[case] name: &str,
    #[case] arguments: &[&str],
    #[case] code: i32,
    #[case] stdout: &str,
    #[case] stderr: &str,
) {
    let mut command = called(name, arguments);
    // What is no subreaper says so, unless it is not to.
    command.env("TINI_VERBOSITY", "0");
    let expected = Ended {
        code,
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    };
    assert_eq!(run(command), expected);
    // The name may also be said.
    let base = name.rsplit('/').next().unwrap_or_default();
    let mut command = init(&[&["--as", base], arguments].concat());
    command.env("TINI_VERBOSITY", "0");
    let ended = run(command);
    assert_eq!((ended.code, ended.stdout.as_str()), (code, stdout));
    assert_eq!(ended.stderr, stderr.replace("/bin/", ""));
}

/// The numbers of processes are each run's own.
#[rstest]
#[case(&["no-such-program"], 127, "exec no-such-program failed: No such file or directory\n")]
#[case(&["/etc"], 126, "exec /etc failed: Permission denied\n")]
#[case(&["/etc/passwd/x"], 1, "exec /etc/passwd/x failed: Not a directory\n")]
#[case(&["-e", "256", "true"], 1, "Not a valid option for -e: 256\n")]
#[case(&["-p", "TERM", "true"], 1, "Not a valid option for -p: TERM\n")]
fn tini_says_what_is_wrong(#[case] arguments: &[&str], #[case] code: i32, #[case] sentence: &str) {
    let ended = run(called("tini", &[&["-s"], arguments].concat()));
    let (level, said) = ended.stderr.split_once(")] ").expect("there is a message");
    assert!(level.starts_with("[FATAL tini ("), "{ended:?}");
    assert_eq!((ended.code, said), (code, sentence));
}

/// As the C library's execvp(3) has it, and not as we ourselves.
#[rstest]
#[case("tini")]
#[case("dumb-init")]
fn a_text_without_an_interpreter_is_a_shells(#[case] name: &str) {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("text");
    std::fs::write(&path, "echo \"$0 $1\"; exit 7\n").expect("a file can be written");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode can be set");
    let path = path.to_str().expect("its path is text");
    let mut command = called(name, &[path, "word"]);
    command.env("TINI_VERBOSITY", "0");
    let ended = run(command);
    assert_eq!((ended.code, ended.stdout), (7, format!("{path} word\n")));
}
