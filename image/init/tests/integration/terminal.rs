//! Job control on a pseudo-terminal.

use crate::world::{init, init_script};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// How long nothing may be shown, in seconds: then what is waited for does not come.
const SILENCE_MAX_SECONDS: i64 = 120;

/// A terminal with something running on it, in a session of its own.
struct Terminal {
    ours: File,
    child: Child,
    screen: String,
}

impl Terminal {
    fn start(mut command: Command) -> Self {
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
        // SAFETY: system calls only; standard input is the terminal already.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                Ok(rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?)
            });
        }
        Self {
            ours: ours.into(),
            child: command.spawn().expect("the program can be started"),
            screen: String::new(),
        }
    }

    /// Reads until the screen shows something.
    fn wait_for(&mut self, text: &str) {
        while !self.screen.contains(text) {
            let read = self.read();
            assert!(read, "the terminal closed before it showed {text:?}: {:?}", self.screen);
        }
    }

    fn type_in(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Everything that was shown, without what was read before.
    fn end(mut self) -> (Option<i32>, String) {
        while self.read() {}
        (
            self.child.wait().expect("it can be waited for").code(),
            self.screen.replace('\r', ""),
        )
    }

    /// Returns false at the end: a terminal that nobody has open any more cannot be read.
    fn read(&mut self) -> bool {
        let mut ours = [PollFd::new(&self.ours, PollFlags::IN)];
        let patience = Timespec {
            tv_sec: SILENCE_MAX_SECONDS,
            tv_nsec: 0,
        };
        let shown = poll(&mut ours, Some(&patience)).expect("it can be waited for");
        assert_ne!(
            shown, 0,
            "nothing was shown for {SILENCE_MAX_SECONDS} s after {:?}",
            self.screen
        );
        let mut buffer = [0; 4096];
        match self.ours.read(&mut buffer) {
            Ok(size) if size > 0 => {
                self.screen
                    .push_str(&String::from_utf8_lossy(buffer.get(..size).unwrap_or_default()));
                true
            }
            _ => false,
        }
    }
}

/// Prints its own process id, its group and the terminal's foreground group.
const WHO: [&str; 5] = ["cut", "-d", " ", "-f1,5,8", "/proc/self/stat"];

fn numbers(screen: &str) -> Vec<i32> {
    let line = screen
        .lines()
        .find(|line| line.split(' ').count() == 3)
        .unwrap_or_default();
    line.split(' ').filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn the_program_leads_its_group_and_has_the_foreground() {
    let (code, screen) = Terminal::start(init(&WHO)).end();
    let numbers = numbers(&screen);
    assert!(
        matches!(numbers[..], [process, group, foreground] if process == group && group == foreground),
        "{screen}"
    );
    assert_eq!(code, Some(0));
}

#[test]
fn a_foreground_that_is_not_ours_is_left_alone() {
    let mut shell = Command::new("sh");
    shell
        .args(["-m", "-c", r#""$0" "$@" & wait $!"#, env!("CARGO_BIN_EXE_box-init")])
        .args(WHO);
    let (_, screen) = Terminal::start(shell).end();
    let numbers = numbers(&screen);
    assert!(
        matches!(numbers[..], [process, group, foreground] if process == group && group != foreground),
        "{screen}"
    );
}

#[test]
fn control_c_reaches_the_program_once() {
    let mut terminal = Terminal::start(init_script(
        "trap 'echo interrupted; count=$((count + 1))' INT; echo ready; until [ \"$line\" = end ]; do read -r line; done; exit $count",
    ));
    terminal.wait_for("ready");
    // A shell that looked for signals a moment before it began to read learns of this one with the next line.
    terminal.type_in("\u{3}\n");
    terminal.wait_for("interrupted");
    terminal.type_in("end\n");
    assert_eq!(terminal.end().0, Some(1));
}

/// It ignores SIGTERM, and would otherwise be waited for until the grace period ends.
#[test]
fn an_interactive_shell_ends_when_it_is_stopped() {
    let mut terminal = Terminal::start(init(&["--grace=600", "--", "sh", "-i"]));
    terminal.type_in("echo $((6 * 7))-there\n");
    terminal.wait_for("42-there");
    let init = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(init, rustix::process::Signal::TERM).expect("it is there");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(128 + 1), "{screen}");
}

#[test]
fn a_program_that_nobody_could_continue_is_continued() {
    // Claude does this when someone types Ctrl-Z.
    let (code, screen) = Terminal::start(init_script("kill -STOP $$; echo continued")).end();
    assert_eq!((code, screen.as_str()), (Some(0), "continued\n"));
}

#[test]
fn a_shell_above_us_can_suspend_and_continue_the_program() {
    let script = r#""$0" -- sh -c 'echo ready; read -r line; echo "read $line"; exit 3'; echo "suspended $?"; fg; echo "ended $?""#;
    let mut shell = Command::new("sh");
    shell.args(["-m", "-c", script, env!("CARGO_BIN_EXE_box-init")]);
    let mut terminal = Terminal::start(shell);
    terminal.wait_for("ready");
    terminal.type_in("\u{1a}");
    terminal.wait_for("suspended 147");
    terminal.type_in("again\n");
    terminal.wait_for("read again");
    let (_, screen) = terminal.end();
    assert!(screen.ends_with("ended 3\n"), "{screen}");
}
