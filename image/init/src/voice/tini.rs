//! tini's messages, of src/tini.c of version 0.19.0. What is of interest only sometimes goes to standard output there.

use super::{Said, signal_name};
use crate::message::{Message, Part};
use crate::status::Change;
use crate::sys::{self, Errno};
use crate::text;
use crate::text::Text;

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
    pub fn fatal(self, template: Text, operand: &[u8]) {
        self.write(Level::Fatal, template, &[Part::Bytes(operand)]);
    }

    pub(super) fn say(self, said: Said) {
        match said {
            // One event, two messages.
            Said::Reaped(process, change, is_child) => {
                let process = Part::Number(process as u32);
                self.write(Level::Debug, text!("Reaped child with pid: '%'"), &[process]);
                match change {
                    _ if !is_child && self.warns_on_reap => {
                        self.write(Level::Warning, text!("Reaped zombie process with pid=%"), &[process]);
                    }
                    Change::Exited(code) if is_child => self.write(
                        Level::Info,
                        text!("Main child exited normally (with status '%')"),
                        &[Part::Number(u32::from(code))],
                    ),
                    Change::Killed(signal) if is_child => self.write(
                        Level::Info,
                        text!("Main child exited with signal (with signal '%%')"),
                        &signal_name::of(u32::from(signal)),
                    ),
                    _ => {}
                }
            }
            _ => {
                if let Said::NoReaper(Some(errno)) = said {
                    let why = errno.libc_text();
                    self.write(
                        Level::Debug,
                        text!("Failed to read child subreaper attribute: %"),
                        &[why],
                    );
                }
                if let Some((level, template, parts)) = self.line(said) {
                    self.write(level, template, &parts);
                }
            }
        }
    }

    fn line(self, said: Said) -> Option<(Level, Text, [Part; 2])> {
        let none = [Part::NOTHING, Part::NOTHING];
        Some(match said {
            Said::Subreaper(Ok(())) => (Level::Trace, text!("Registered as child subreaper"), none),
            Said::Subreaper(Err(Errno::INVALID)) => (
                Level::Fatal,
                text!("PR_SET_CHILD_SUBREAPER is unavailable on this platform. Are you using Linux >= 3.4?"),
                none,
            ),
            Said::Subreaper(Err(errno)) => (
                Level::Fatal,
                text!("Failed to register as child subreaper: %"),
                [errno.libc_text(), Part::NOTHING],
            ),
            Said::NoReaper(_) if self.is_minimal => (Level::Warning, NO_REAPER, none),
            Said::NoReaper(_) => (
                Level::Warning,
                NO_REAPER,
                [Part::Line(text!("use the -s option or "), 0), Part::NOTHING],
            ),
            Said::NoParentDeathSignal => (Level::Fatal, text!("Failed to set up parent death signal"), none),
            Said::NoForeground(Errno::NO_DEVICE) => (
                Level::Debug,
                text!("tcsetpgrp failed: no such device (ok to proceed)"),
                none,
            ),
            Said::NoForeground(_) => (Level::Debug, text!("tcsetpgrp failed: no tty (ok to proceed)"), none),
            Said::CannotExecute(program, errno) => (
                Level::Fatal,
                text!("exec % failed: %"),
                [Part::Bytes(program.to_bytes()), errno.libc_text()],
            ),
            Said::NoChild(errno) => (
                Level::Fatal,
                text!("fork failed: %"),
                [errno.libc_text(), Part::NOTHING],
            ),
            Said::Spawned(program, process) => (
                Level::Info,
                text!("Spawned child process '%' with pid '%'"),
                [Part::Bytes(program.to_bytes()), Part::Number(process as u32)],
            ),
            Said::Received(_) => (Level::Debug, text!("Received SIGCHLD"), none),
            Said::Passing(signal, _) => (Level::Debug, text!("Passing signal: '%%'"), signal_name::of(signal)),
            Said::PassedToNobody => (Level::Warning, text!("Child was dead when forwarding signal"), none),
            Said::NothingToReap(true) => (Level::Trace, text!("No child to reap"), none),
            Said::NothingToReap(false) => (Level::Trace, text!("No child to wait"), none),
            Said::Ending(_) => (Level::Trace, text!("Exiting: child has exited"), none),
            _ => return None,
        })
    }

    fn write(self, level: Level, template: Text, parts: &[Part]) {
        if level != Level::Fatal && (level as u32) > self.verbosity {
            return;
        }
        let mut message = Message::bare();
        if !self.is_minimal {
            let level = match level {
                Level::Fatal => text!("FATAL"),
                Level::Warning => text!("WARN "),
                Level::Info => text!("INFO "),
                Level::Debug => text!("DEBUG"),
                Level::Trace => text!("TRACE"),
            };
            let id = Part::Number(sys::process_id() as u32);
            message.fill(text!("[% tini (%)] "), &[Part::Line(level, 0), id]);
        }
        let _ = message.fill(template, parts).write_to(match level {
            Level::Fatal | Level::Warning => sys::STDERR,
            Level::Info | Level::Debug | Level::Trace => sys::STDOUT,
        });
    }
}

const NO_REAPER: Text = text!(
    "\
Tini is not running as PID 1 and isn't registered as a child subreaper.
Zombie processes will not be re-parented to Tini, so zombie reaping won't work.
To fix the problem, %set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1."
);
