//! tini's messages, of src/tini.c of version 0.19.0. What is of interest only sometimes goes to standard output there.

use super::{Said, signal_name};
use crate::message::{Message, Part};
use crate::status::Change;
use crate::sys::{self, Errno};

/// How much is said, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tini {
    /// 0 is the least; warnings come with 1, and four levels there are.
    pub verbosity: u32,
    /// Without the level before each message.
    pub is_minimal: bool,
    /// Reaped orphans are worth a warning.
    pub warns_on_reap: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Fatal,
    Warning,
    Info,
    Debug,
    Trace,
}

const NOTHING: Part = Part::Bytes(b"");

impl Tini {
    /// How it is without options.
    pub const fn new(is_minimal: bool) -> Self {
        Self {
            verbosity: if is_minimal { 0 } else { 1 },
            is_minimal,
            warns_on_reap: false,
        }
    }

    /// An error about an option.
    #[cold]
    pub fn fatal(self, template: &str, operand: &[u8]) {
        self.write(Level::Fatal, template, &[Part::Bytes(operand)]);
    }

    pub(super) fn say(self, said: Said) {
        match said {
            // One event, two messages.
            Said::Reaped(process, change, is_child) => {
                let process = Part::Number(process as u32);
                self.write(Level::Debug, "Reaped child with pid: '%'", &[process]);
                match change {
                    _ if !is_child && self.warns_on_reap => {
                        self.write(Level::Warning, "Reaped zombie process with pid=%", &[process]);
                    }
                    Change::Exited(code) if is_child => self.write(
                        Level::Info,
                        "Main child exited normally (with status '%')",
                        &[Part::Number(u32::from(code))],
                    ),
                    Change::Killed(signal) if is_child => self.write(
                        Level::Info,
                        "Main child exited with signal (with signal '%%')",
                        &signal_name::of(u32::from(signal)),
                    ),
                    _ => {}
                }
            }
            _ => {
                if let Said::NoReaper(Some(errno)) = said {
                    let why = Part::Bytes(errno.libc_text().as_bytes());
                    self.write(Level::Debug, "Failed to read child subreaper attribute: %", &[why]);
                }
                let (level, template, parts) = self.line(said);
                self.write(level, template, &parts);
            }
        }
    }

    fn line(self, said: Said) -> (Level, &'static str, [Part; 2]) {
        let none = [NOTHING, NOTHING];
        match said {
            Said::Subreaper(Ok(())) => (Level::Trace, "Registered as child subreaper", none),
            Said::Subreaper(Err(Errno::INVALID)) => (
                Level::Fatal,
                "PR_SET_CHILD_SUBREAPER is unavailable on this platform. Are you using Linux >= 3.4?",
                none,
            ),
            Said::Subreaper(Err(errno)) => (
                Level::Fatal,
                "Failed to register as child subreaper: %",
                [Part::Bytes(errno.libc_text().as_bytes()), NOTHING],
            ),
            Said::NoReaper(_) if self.is_minimal => (Level::Warning, NO_REAPER, none),
            Said::NoReaper(_) => (
                Level::Warning,
                NO_REAPER,
                [Part::Bytes(b"use the -s option or "), NOTHING],
            ),
            Said::NoParentDeathSignal => (Level::Fatal, "Failed to set up parent death signal", none),
            Said::NoForeground(Errno::NO_DEVICE) => {
                (Level::Debug, "tcsetpgrp failed: no such device (ok to proceed)", none)
            }
            Said::NoForeground(_) => (Level::Debug, "tcsetpgrp failed: no tty (ok to proceed)", none),
            Said::CannotExecute(program, errno) => (
                Level::Fatal,
                "exec % failed: %",
                [
                    Part::Bytes(program.to_bytes()),
                    Part::Bytes(errno.libc_text().as_bytes()),
                ],
            ),
            Said::NoChild(errno) => (
                Level::Fatal,
                "fork failed: %",
                [Part::Bytes(errno.libc_text().as_bytes()), NOTHING],
            ),
            Said::Spawned(program, process) => (
                Level::Info,
                "Spawned child process '%' with pid '%'",
                [Part::Bytes(program.to_bytes()), Part::Number(process as u32)],
            ),
            Said::Received(_) => (Level::Debug, "Received SIGCHLD", none),
            Said::Passing(signal, _) => (Level::Debug, "Passing signal: '%%'", signal_name::of(signal)),
            Said::PassedToNobody => (Level::Warning, "Child was dead when forwarding signal", none),
            Said::NothingToReap(true) => (Level::Trace, "No child to reap", none),
            Said::NothingToReap(false) => (Level::Trace, "No child to wait", none),
            Said::Ending(_) => (Level::Trace, "Exiting: child has exited", none),
            _ => (Level::Trace, "", none),
        }
    }

    fn write(self, level: Level, template: &str, parts: &[Part]) {
        if template.is_empty() || level != Level::Fatal && (level as u32) > self.verbosity {
            return;
        }
        let mut message = Message::bare();
        if !self.is_minimal {
            let level = match level {
                Level::Fatal => "FATAL",
                Level::Warning => "WARN ",
                Level::Info => "INFO ",
                Level::Debug => "DEBUG",
                Level::Trace => "TRACE",
            };
            let id = Part::Number(sys::process_id() as u32);
            message.fill("[% tini (%)] ", &[Part::Bytes(level.as_bytes()), id]);
        }
        message.fill(template, parts).write_to(match level {
            Level::Fatal | Level::Warning => sys::STDERR,
            Level::Info | Level::Debug | Level::Trace => sys::STDOUT,
        });
    }
}

const NO_REAPER: &str = "\
Tini is not running as PID 1 and isn't registered as a child subreaper.
Zombie processes will not be re-parented to Tini, so zombie reaping won't work.
To fix the problem, %set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1.";
