//! Where there is next to nothing: no /proc, nothing that can be written, no capability, any user.

use crate::world::{AS_PROCESS_1, Running, apart, children_of, run, status_line};
use rstest::rstest;
use rustix::process::geteuid;

/// Hides /proc, /tmp and /run behind what is empty and cannot be written, makes the rest such that it cannot either, and leaves all
/// capabilities. box-init is at /mnt then.
fn bare(user: &str, program: &str) -> String {
    format!(
        r#"
        set -e
        mount --bind "$(dirname "$1")" /mnt
        mount -t tmpfs -o ro none /tmp
        mount -t tmpfs -o ro none /run
        mount -o remount,bind,ro /
        mount -t tmpfs -o ro none /proc
        exec setpriv {user} --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs \
            /mnt/box-init --grace 3600 -- /bin/sh -c '{program}'
        "#
    )
}

/// Only root can become another user; whoever is not root is one already.
fn another_user() -> &'static str {
    if geteuid().is_root() {
        "--reuid=4242 --regid=4242 --clear-groups"
    } else {
        ""
    }
}

/// All that can be promised holds: the program runs, gets its signals, and what it leaves behind gets SIGTERM, or this would last for
/// the grace period.
#[rstest]
#[case::as_another_user(another_user())]
#[case::as_root("")]
fn needs_nothing(#[case] user: &str) {
    let program = r#"
        trap "exit 7" TERM
        (trap "" HUP; exec sleep 1000 >/dev/null) &
        (: &)
        test -e /proc/self && exit 3
        echo $(id -u) $(if (true >/tmp/x) 2>/dev/null; then echo written; else echo not written; fi)
        while :; do sleep 0.05; done"#;
    let (running, said) = Running::start(apart(&AS_PROCESS_1, &bare(user, program)));
    let own = if user.is_empty() { "0" } else { "4242" };
    assert_eq!(said, format!("{own} not written"));
    let init = *children_of(running.id()).first().expect("unshare has a child");
    assert_eq!(status_line(init, "CapEff"), "0000000000000000");
    assert_eq!(status_line(init, "CapBnd"), "0000000000000000");
    box_init::sys::send(init, 15).expect("box-init is running");
    let ended = running.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (7, ""));
}

/// What it is given beside its three streams is the program's alone, and so is the directory.
#[test]
fn holds_nothing_that_is_not_its_own() {
    let script = r#"
        mkdir -p "$(dirname "$1")" && cd "$(dirname "$1")"
        exec "$1" -- sh -c 'echo $PPID; [ -e /proc/$$/fd/7 ] && echo yes; exec sleep 1000' 7</dev/null 8>/dev/null
        "#;
    let (mut running, init) = Running::start(apart(&[], script));
    assert_eq!(running.read_line(), "yes", "the program has them");
    let init: i32 = init.parse().expect("it is a process id");
    crate::world::wait_until("they are closed", || {
        std::fs::read_dir(format!("/proc/{init}/fd")).is_ok_and(|open| open.count() == 4)
    });
    let targets: Vec<String> = std::fs::read_dir(format!("/proc/{init}/fd"))
        .expect("it runs")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect();
    assert!(targets.contains(&"anon_inode:[signalfd]".to_owned()), "{targets:?}");
    crate::world::wait_until("the directory is left", || {
        std::fs::read_link(format!("/proc/{init}/cwd")).is_ok_and(|directory| directory.as_os_str() == "/")
    });
}

/// As process 1: what the program leaves behind gets SIGTERM, and what ignores it is killed after the grace period and named.
#[test]
fn process_1_drains() {
    let script = r#"
        mount -t proc none /proc
        mount -t tmpfs none /mnt
        exec "$1" --grace 1 -- sh -c '
            (trap "echo obeyed; exit 0" TERM; : >/mnt/one; while :; do sleep 0.02; done) &
            setsid sh -c "trap \"\" TERM; : >/mnt/two; exec sleep 1000 >/dev/null" &
            until [ -e /mnt/one ] && [ -e /mnt/two ]; do sleep 0.01; done; exit 6'
        "#;
    let ended = run(apart(&AS_PROCESS_1, script));
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_eq!(ended.stdout, "obeyed\n", "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("box-init: still running when the grace period ended, so killed: sleep (process "),
        "{ended:?}"
    );
}

/// In a PID namespace that it shares, where it is not process 1: others' processes there go on.
#[test]
fn a_shared_namespace_is_not_drained() {
    let script = r#"
        mount -t proc none /proc
        sleep 1000 >/dev/null & other=$!
        "$1" -- sh -c 'setsid sleep 2000 >/dev/null & exit 3'
        echo $? $(ps -e -o comm= | grep -c sleep)
        kill -0 $other && echo there
        kill $other"#;
    let ended = run(apart(&AS_PROCESS_1, script));
    assert_eq!(ended.stdout, "3 1\nthere\n", "{ended:?}");
}
