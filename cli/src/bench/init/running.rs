//! Processes that do not outlive their measurement.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cannot_read;
use crate::failure::{Code, Failure};
use crate::process;

/// What has not happened by then never will.
const DEADLINE: Duration = Duration::from_secs(120);

/// A process with which one talks by lines.
pub(super) struct Running {
    pub(super) child: Child,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Result<Self, Failure> {
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| process::not_started(command, &error))?;
        let stdout = child.stdout.take().map(BufReader::new);
        Ok(Self { child, stdout })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it says next.
    pub(super) fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        let size = self.stdout.as_mut().map(|stdout| stdout.read_line(&mut line));
        match size {
            Some(Ok(1..)) => Ok(line.trim_end().to_owned()),
            _ => Err(broken("a measured program ended before it said what it had to")),
        }
    }

    /// What it says next is this.
    pub(super) fn says(&mut self, expected: &str) -> Result<(), Failure> {
        match self.line()? {
            line if line == expected => Ok(()),
            line => Err(broken(&format!(
                "a measured program said '{line}' instead of '{expected}'"
            ))),
        }
    }

    /// Tells it to go on.
    pub(super) fn tell(&mut self, line: &str) -> Result<(), Failure> {
        let written = self.child.stdin.as_mut().map(|stdin| stdin.write_all(line.as_bytes()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(broken("a measured program does not listen")),
        }
    }

    /// Waits for its end.
    pub(super) fn wait(mut self) -> Result<(), Failure> {
        self.child.wait().map(drop).map_err(|error| broken(&error.to_string()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An init's end may take others along that it would have to wait for; these are ended first.
        for process in children(self.id()).unwrap_or_default() {
            let _ = signal(process, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process, zombies among them.
pub(super) fn children(id: u32) -> Result<Vec<u32>, Failure> {
    let path = PathBuf::from(format!("/proc/{id}/task/{id}/children"));
    let text = fs::read_to_string(&path).map_err(|error| cannot_read(&path, &error))?;
    Ok(text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

/// The only child of a process, once it is there.
pub(super) fn only_child(id: u32) -> Result<u32, Failure> {
    let mut child = 0;
    until("a measured program has started another", || match *children(id)? {
        [only] => {
            child = only;
            Ok(true)
        }
        _ => Ok(false),
    })?;
    Ok(child)
}

/// Looks again and again until something is so.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let started = Instant::now();
    while !is_so()? {
        if started.elapsed() > DEADLINE {
            return Err(broken(&format!("{} s passed before {what}", DEADLINE.as_secs())));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

pub(super) fn signal(id: u32, signal: Signal) -> Result<(), Failure> {
    let process = i32::try_from(id).ok().and_then(Pid::from_raw);
    let process = process.ok_or_else(|| broken(&format!("{id} is no process")))?;
    kill_process(process, signal).map_err(|errno| broken(&format!("process {id} gets no signal: {errno}")))
}

/// A number of a file of lines with names.
pub(super) fn number(path: &Path, name: &str) -> Result<u64, Failure> {
    let text = fs::read_to_string(path).map_err(|error| cannot_read(path, &error))?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    value.ok_or_else(|| Failure::new(Code::Software, format!("{} has no {name}", path.display())))
}

/// One of the sums over all of a process's memory, in kB.
pub(super) fn memory(id: u32, name: &str) -> Result<u64, Failure> {
    number(&PathBuf::from(format!("/proc/{id}/smaps_rollup")), name)
}

pub(super) fn broken(what: &str) -> Failure {
    Failure::new(Code::Failed, what.to_owned())
}
