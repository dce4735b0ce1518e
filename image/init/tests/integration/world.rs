//! What the tests do, as verbs.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use box_init::sys;

const DEADLINE: Duration = Duration::from_secs(60);

/// `box-init` with a program to start; standard error is kept for [`run`].
pub(crate) fn init(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_box-init"));
    command.args(arguments).stdin(Stdio::null());
    with_default_signals(&mut command);
    command
}

/// A shell that starts the tests in the background ignores these for them, and a shell cannot trap what it found
/// ignored.
pub(crate) fn with_default_signals(command: &mut Command) {
    // SAFETY: system calls only, on numbers.
    unsafe {
        command.pre_exec(|| {
            for signal in [SIGHUP, SIGINT, SIGQUIT] {
                sys::set_disposition(signal, DEFAULT).map_err(|errno| io::Error::from_raw_os_error(errno.0))?;
            }
            Ok(())
        });
    }
}

/// `signal(7)`'s numbers, and `SIG_DFL`.
const SIGHUP: u32 = 1;
const SIGINT: u32 = 2;
const SIGQUIT: u32 = 3;
const DEFAULT: usize = 0;

/// `box-init` with a shell script.
pub(crate) fn init_script(script: &str) -> Command {
    init(&["--", "sh", "-c", script])
}

/// How it ended, and what it wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it to its end.
pub(crate) fn run(mut command: Command) -> Ended {
    let output = command.output().expect("box-init can be started");
    Ended {
        code: output
            .status
            .code()
            .unwrap_or_else(|| panic!("{command:?} was ended by {:?}", output.status.signal())),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A running `box-init` whose program has said that it is ready.
pub(crate) struct Running {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Starts it and reads the first line, which says something about the program: its process id, mostly.
    pub(crate) fn start(mut command: Command) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("box-init can be started");
        let stdout = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut running = Self { child, stdout };
        let line = running.read_line();
        (running, line)
    }

    pub(crate) fn id(&self) -> i32 {
        self.child.id().try_into().expect("process ids are small")
    }

    pub(crate) fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("standard output can be read");
        line.trim_end().to_owned()
    }

    pub(crate) fn send(&self, signal: u32) {
        box_init::sys::send(self.id(), signal).expect("box-init is running");
    }

    /// How it ended, and everything that it wrote after what was read.
    pub(crate) fn end(mut self) -> Ended {
        let mut stdout = String::new();
        self.stdout
            .read_to_string(&mut stdout)
            .expect("standard output can be read");
        let mut stderr = String::new();
        if let Some(mut stream) = self.child.stderr.take() {
            stream.read_to_string(&mut stderr).expect("standard error can be read");
        }
        let code = self.wait();
        Ended { code, stdout, stderr }
    }

    pub(crate) fn wait(mut self) -> i32 {
        let mut status: Option<ExitStatus> = None;
        wait_until("box-init has ended", || {
            status = self.child.try_wait().expect("box-init can be waited for");
            status.is_some()
        });
        status
            .and_then(|status| status.code())
            .expect("no signal ends box-init")
    }
}

/// A test that fails must not leave processes behind.
impl Drop for Running {
    fn drop(&mut self) {
        for process in descendants_of(self.id()) {
            let _ = box_init::sys::send(process, 9);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "deadline passed before {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Every process that descends from one, zombies among them.
pub(crate) fn descendants_of(ancestor: i32) -> Vec<i32> {
    let children = children_of(ancestor);
    let deeper = children.iter().flat_map(|child| descendants_of(*child));
    children.iter().copied().chain(deeper.collect::<Vec<_>>()).collect()
}

/// A line of `/proc/PID/status`, without its name.
pub(crate) fn status_line(process: i32, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.expect("there is such a line").trim().to_owned()
}

/// The children of a process, zombies among them.
pub(crate) fn children_of(parent: i32) -> Vec<i32> {
    std::fs::read_dir("/proc")
        .expect("there is a /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|process| stat(*process).is_some_and(|fields| fields.get(1) == Some(&parent.to_string())))
        .collect()
}

/// `R`, `S`, `T`, `Z` ...
pub(crate) fn state(process: i32) -> String {
    stat(process)
        .and_then(|fields| fields.into_iter().next())
        .unwrap_or_default()
}

/// The fields of `/proc/PID/stat` after the name, the state first.
fn stat(process: i32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

/// A script in namespaces of its own, run by a shell that may do there what root may. `$1` is `box-init`, and `$0` a name.
pub(crate) fn apart(namespaces: &[&str], script: &str) -> Command {
    let mut command = Command::new("unshare");
    // Whoever is not root may be it in a user namespace.
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(namespaces)
        .args(["--mount", "--", "sh", "-c", script, "sh"])
        .arg(env!("CARGO_BIN_EXE_box-init"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    with_default_signals(&mut command);
    command
}

/// As process 1 of a PID namespace: whoever ends `unshare` ends all of it.
pub(crate) const AS_PROCESS_1: [&str; 3] = ["--pid", "--fork", "--kill-child"];
