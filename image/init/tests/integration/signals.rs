//! What reaches the program.

use crate::world::{Running, init, init_script, run, state, wait_until, with_default_signals};
use box_init::sys::{self, Errno, SignalInfo};
use rstest::rstest;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A program that says which signal it got. Its shell waits for a child, because a waiting shell runs its traps at once.
fn listener(signal: &str) -> Command {
    init_script(&format!(
        "sleep 1000 >/dev/null & trap 'kill $!' EXIT; trap 'echo got {signal}; exit 7' {signal}; echo $$; wait"
    ))
}

#[rstest]
#[case("HUP", 1)]
#[case("INT", 2)]
#[case("QUIT", 3)]
#[case("USR1", 10)]
#[case("SEGV", 11)]
#[case("USR2", 12)]
#[case("ALRM", 14)]
#[case("TERM", 15)]
#[case("CHLD", 17)]
#[case("WINCH", 28)]
#[case("64", 64)]
fn a_signal_is_sent_on(#[case] name: &str, #[case] number: u32) {
    let (mut running, _) = Running::start(listener(name));
    running.send(number);
    assert_eq!(running.read_line(), format!("got {name}"));
    assert_eq!(running.wait(), 7);
}

#[test]
fn a_signal_that_the_program_does_not_handle_ends_it() {
    let (running, _) = Running::start(init_script("echo $$; exec sleep 1000"));
    running.send(10);
    assert_eq!(running.wait(), 128 + 10);
}

#[test]
fn without_a_terminal_a_stopped_program_stays_so_until_it_is_continued() {
    let (mut running, program) = Running::start(init_script("echo $$; kill -STOP $$; echo continued"));
    let program: i32 = program.parse().expect("it is a process id");
    wait_until("the program has stopped", || state(program) == "T");
    running.send(sys::SIGCONT);
    assert_eq!(running.read_line(), "continued");
    assert_eq!(running.wait(), 0);
}

#[test]
fn the_program_gets_the_mask_and_the_ignored_signals_that_we_got() {
    const TTIN_USR2: u64 = 1 << 20 | 1 << 11;
    const CHLD_HUP: u64 = 1 << 16 | 1;
    let program = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];
    let prepared = |mut command: Command| {
        // SAFETY: system calls only, on numbers.
        unsafe {
            command.pre_exec(|| {
                result(sys::set_disposition(1, 1))?;
                result(sys::set_disposition(17, 1))?;
                result(sys::set_signal_mask(TTIN_USR2)).map(drop)
            });
        }
        run(command)
    };
    let mut direct = Command::new(program[0]);
    direct.args(&program[1..]);
    with_default_signals(&mut direct);
    let (direct, through_us) = (prepared(direct), prepared(init(&program)));
    assert_eq!(through_us, direct);
    let field = |name: &str| {
        let line = direct
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default();
        u64::from_str_radix(line.trim(), 16).unwrap_or_default()
    };
    assert_eq!(field("SigBlk:"), TTIN_USR2);
    assert_eq!(field("SigIgn:") & CHLD_HUP, CHLD_HUP);
}

fn result<T>(result: Result<T, Errno>) -> std::io::Result<T> {
    result.map_err(|errno| std::io::Error::from_raw_os_error(errno.0))
}

#[test]
fn an_ignored_sigchld_does_not_hide_the_exit_code() {
    let mut command = init_script("exit 9");
    // SAFETY: one system call, on numbers.
    unsafe {
        command.pre_exec(|| result(sys::set_disposition(sys::SIGCHLD, 1)).map(drop));
    }
    assert_eq!(run(command).code, 9);
}

/// A real-time signal; blocked where it is received.
const QUEUED: u32 = 40;
const HELPER: &str = "BOX_INIT_TEST_HELPER";

#[test]
fn a_value_that_comes_with_a_signal_is_sent_on() {
    let this = std::env::current_exe().expect("this program has a path");
    let this = this.to_str().expect("its path is text");
    let mut command = init(&[
        "--",
        this,
        "--exact",
        "signals::helper_that_prints_a_queued_value",
        "--nocapture",
        "--quiet",
    ]);
    command.env(HELPER, "1");
    // SAFETY: one system call, on numbers.
    unsafe {
        command.pre_exec(|| result(sys::set_signal_mask(1 << (QUEUED - 1))).map(drop));
    }
    let (mut running, mut line) = Running::start(command);
    while line != "ready" {
        line = running.read_line();
    }
    let info = SignalInfo::queued(QUEUED, sys::process_id() as u32, 0x1234_5678);
    sys::send_queued(running.id(), &info).expect("box-init is running");
    assert_eq!(
        running.read_line(),
        format!("value 12345678 from {}", sys::process_id())
    );
    assert_eq!(running.wait(), 0);
}

/// Not a test of its own: the program of the test above.
#[test]
fn helper_that_prints_a_queued_value() {
    if std::env::var_os(HELPER).is_none() {
        return;
    }
    let descriptor = sys::signal_descriptor(1 << (QUEUED - 1)).expect("a signal descriptor can be made");
    println!("\nready");
    sys::wait_readable(descriptor, None);
    let info = sys::read_signal(descriptor).expect("a signal has come");
    println!("value {:x} from {}", info.value as u32, info.process_id);
}
