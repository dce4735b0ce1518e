//! The probe that needs no shell. Here the init is never process 1, so it is found by its control group.

use crate::world::{Ended, Running, init, init_script, run, state, wait_until};

/// The oldest init of this control group is the one that is found: there may be those of tests that run at the same time, so this
/// asks from within an init that is the only one in a PID namespace of its own, where it can make one.
fn probed(script: &str) -> Option<Ended> {
    let mut command = std::process::Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
    command.args([
        env!("CARGO_BIN_EXE_box-init"),
        "--grace=0",
        "--",
        "sh",
        "-c",
        script,
        env!("CARGO_BIN_EXE_box-init"),
    ]);
    rustix::process::geteuid().is_root().then(|| run(command))
}

#[test]
fn an_init_with_a_program_is_well() {
    let Some(ended) = probed("\"$0\" health; echo $?; exit 0") else {
        assert_refused_without_root();
        return;
    };
    assert_eq!(
        ended.stdout,
        "healthy: sh (process 2) runs under box-init (process 1)\n0\n"
    );
}

#[test]
fn a_stopped_program_is_not_well() {
    // What asks is the stopped program's child.
    let script = r#"(sleep 0.1; "$0" health; echo $?; kill -CONT $$) & kill -STOP $$; wait"#;
    let Some(ended) = probed(script) else {
        assert_refused_without_root();
        return;
    };
    assert_eq!(ended.stdout, "unhealthy: sh (process 2) is stopped\n1\n");
}

#[test]
fn a_program_of_this_name_is_started_after_two_dashes() {
    let ended = run(init(&["--", "health"]));
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (127, "box-init: health: not found in any directory of PATH\n")
    );
}

/// Without root there is no namespace to be alone in: then the oldest init of the machine's user is found, which is well, too.
fn assert_refused_without_root() {
    let (running, program) = Running::start(init_script("echo $$; exec sleep 1000"));
    let program: i32 = program.parse().expect("it is a process id");
    wait_until("the program sleeps", || state(program) == "S");
    assert_eq!(run(init(&["health"])).code, 0);
    drop(running);
}
