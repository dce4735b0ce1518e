//! What the program leaves behind is asked to end, then made to, and named.

use crate::world::{Running, children_of, descendants_of, init, init_script, run, state, wait_until};
use rstest::rstest;
use std::fs::read_to_string;
use std::path::Path;
use std::process::{Command, Stdio};

const TERM: u32 = 15;

/// A script with its standard error kept, and a directory in `$1` for what its processes have to say.
fn script(options: &[&str], text: &str, directory: &Path) -> Command {
    let path = directory.to_str().expect("its path is text");
    let words = [options, &["--", "sh", "-c", text, "sh", path]].concat();
    let mut command = init(&words);
    command.stderr(Stdio::piped());
    command
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory can be made")
}

/// Two generations below the program, each in a session of its own, say what they got. A shell runs its traps while it waits.
const GENERATIONS: &str = r#"
for name in one two; do
  (setsid sh -c 'trap "echo $1 >>$0/said; exit 0" TERM; : >"$0/$1"; sleep 1000 & wait' "$1" $name >/dev/null &)
done
until [ -e "$1/one" ] && [ -e "$1/two" ]; do sleep 0.01; done
"#;

#[test]
fn the_programs_end_ends_what_it_left_behind() {
    let directory = directory();
    let ended = run(script(&[], &format!("{GENERATIONS}exit 3"), directory.path()));
    assert_eq!((ended.code, ended.stderr.as_str()), (3, ""));
    let said = read_to_string(directory.path().join("said")).expect("they said something");
    let mut said: Vec<&str> = said.lines().collect();
    said.sort_unstable();
    assert_eq!(said, ["one", "two"]);
}

#[test]
fn a_stop_reaches_every_descendant_and_the_program_first() {
    let directory = directory();
    let text = format!(
        "{GENERATIONS}\ntrap 'echo program >>\"$1/said\"' TERM; echo $$; until [ -e \"$1/said\" ]; do sleep 0.01; done; wait; exit 4"
    );
    let (running, _) = Running::start(script(&[], &text, directory.path()));
    running.send(TERM);
    let ended = running.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (4, ""));
    let said = read_to_string(directory.path().join("said")).expect("they said something");
    assert!(said.starts_with("program\n"), "{said}");
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn what_does_not_obey_is_killed_and_named() {
    let directory = directory();
    let text = "(trap '' TERM; : >\"$1/ready\"; exec sleep 1000 >/dev/null 2>&1) & until [ -e \"$1/ready\" ]; do sleep 0.01; done; echo $!; exit 5";
    let (running, survivor) = Running::start(script(&["--grace", "1"], text, directory.path()));
    let ended = running.end();
    assert_eq!(ended.code, 5);
    assert_eq!(
        ended.stderr,
        format!("box-init: still running when the grace period ended, so killed: sleep (process {survivor})\n")
    );
    assert!(!Path::new(&format!("/proc/{survivor}")).exists());
}

#[test]
fn a_program_that_does_not_obey_is_killed() {
    let text = "trap '' TERM; echo $$; while :; do sleep 0.05; done";
    let directory = directory();
    let (running, program) = Running::start(script(&["--grace=1"], text, directory.path()));
    running.send(TERM);
    let ended = running.end();
    assert_eq!(ended.code, 128 + 9);
    assert!(ended.stderr.contains(&format!("sh (process {program})")), "{ended:?}");
}

#[test]
fn a_stopped_descendant_is_continued_to_hear_of_the_end() {
    let directory = directory();
    let text = "sleep 1000 >/dev/null 2>&1 & kill -STOP $!; echo $!; read -r line; exit 6";
    let mut command = script(&[], text, directory.path());
    command.stdin(Stdio::piped());
    let (mut running, stopped) = Running::start(command);
    let stopped: i32 = stopped.parse().expect("it is a process id");
    wait_until("the descendant has stopped", || state(stopped) == "T");
    drop(running.child.stdin.take());
    assert_eq!(running.end().code, 6);
}

/// In a shared PID namespace most processes are others': this machine's is one, and these are ours but nobody's descendants.
#[test]
fn others_are_left_alone() {
    let mut other = Command::new("sleep").arg("1000").spawn().expect("there is sleep");
    let (running, _) = Running::start(init_script("sleep 1000 >/dev/null & echo $$; exit 0"));
    assert_eq!(running.wait(), 0);
    let theirs = i32::try_from(other.id()).expect("process ids are small");
    assert_eq!(state(theirs), "S");
    other.kill().expect("it still runs");
    other.wait().expect("it can be waited for");
}

/// Two inits beside each other, one inside of the other: the inner one drains its own.
#[test]
fn an_init_within_an_init_drains_its_own() {
    let inner = env!("CARGO_BIN_EXE_box-init");
    let text = format!(
        "sleep 1000 >/dev/null & echo $!; {inner} -- sh -c 'sleep 2000 >/dev/null & exit 3'; echo $?; read -r line"
    );
    let mut command = init_script(&text);
    command.stdin(Stdio::piped());
    let (mut running, sleeper) = Running::start(command);
    assert_eq!(running.read_line(), "3");
    let left: Vec<String> = descendants_of(running.id()).iter().map(i32::to_string).collect();
    assert!(left.len() == 2 && left.contains(&sleeper), "{left:?}");
    drop(running.child.stdin.take());
    assert_eq!(running.wait(), 1);
}

/// `-g`: the program's group gets what the program gets.
#[rstest]
#[case(&[], false)]
#[case(&["-g"], true)]
fn signals_go_to_the_group_if_asked(#[case] options: &[&str], #[case] to_group: bool) {
    let directory = directory();
    let text = r#"
        sh -c 'trap ": >$0/group" USR1; : >"$0/ready"; sleep 1000 >/dev/null & wait; kill $!; wait' "$1" &
        trap 'echo got; : >"$1/got"' USR1
        until [ -e "$1/ready" ]; do sleep 0.01; done
        echo $$
        until [ -e "$1/got" ]; do sleep 0.01; done
        read -r line"#;
    let mut command = script(options, text, directory.path());
    command.stdin(Stdio::piped());
    let (mut running, _) = Running::start(command);
    running.send(10);
    assert_eq!(running.read_line(), "got");
    if to_group {
        wait_until("the other one got it", || directory.path().join("group").exists());
    }
    assert_eq!(directory.path().join("group").exists(), to_group);
    drop(running.child.stdin.take());
    assert_eq!(running.end().code, 1);
}

/// A signal that came before there was a program is not lost.
#[test]
fn a_signal_that_came_before_the_program_reaches_it() {
    use box_init::sys;
    use std::os::unix::process::CommandExt;
    let mut command = init(&["sleep", "1000"]);
    let failed = |errno: sys::Errno| std::io::Error::from_raw_os_error(errno.0);
    // SAFETY: system calls only, on numbers.
    unsafe {
        command.pre_exec(move || {
            sys::set_signal_mask(sys::bit(10)).map_err(failed)?;
            sys::send(sys::process_id(), 10).map_err(failed)
        });
    }
    // It inherits the mask, too, so it only gets the signal.
    let mut child = command.spawn().expect("box-init can be started");
    let id = i32::try_from(child.id()).expect("process ids are small");
    wait_until("the program has a signal waiting", || {
        children_of(id).first().is_some_and(|program| {
            u64::from_str_radix(&crate::world::status_line(*program, "ShdPnd"), 16) == Ok(sys::bit(10))
        })
    });
    sys::send(id, 15).expect("box-init is running");
    assert_eq!(child.wait().expect("it can be waited for").code(), Some(143));
}
