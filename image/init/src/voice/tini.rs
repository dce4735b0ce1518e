//! tini's messages, of src/tini.c of version 0.19.0. What is of interest only sometimes goes to standard output there.

use super::{Line, Said, signal_name, write};
use crate::message::Message;
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

impl Tini {
    /// How it is without options.
    pub const fn new(is_minimal: bool) -> Self {
        Self {
            verbosity: if is_minimal { 0 } else { 1 },
            is_minimal,
            warns_on_reap: false,
        }
    }

    pub(super) fn say(self, said: Said) {
        // Most of what there is to say is not said.
        let level = level(self, said);
        if level == Level::Fatal || (level as u32) <= self.verbosity {
            write(self.line(level, said));
        }
    }

    /// An error about an option.
    #[cold]
    pub fn fatal(self, text: &str, operand: &[u8]) {
        let mut message = self.start(Level::Fatal);
        message.text(text).bytes(operand).to_stderr();
    }

    fn start(self, level: Level) -> Message {
        let mut message = Message::bare();
        if !self.is_minimal {
            message
                .text(match level {
                    Level::Fatal => "[FATAL tini (",
                    Level::Warning => "[WARN  tini (",
                    Level::Info => "[INFO  tini (",
                    Level::Debug => "[DEBUG tini (",
                    Level::Trace => "[TRACE tini (",
                })
                .number(sys::process_id() as u32)
                .text(")] ");
        }
        message
    }

    #[cold]
    #[inline(never)]
    fn line(self, level: Level, said: Said) -> Line {
        let mut message = self.start(level);
        match said {
            Said::Subreaper => message.text("Registered as child subreaper"),
            Said::NoReaper => {
                message.text("Tini is not running as PID 1 and isn't registered as a child subreaper.\n");
                message.text("Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n");
                message.text("To fix the problem, ");
                if !self.is_minimal {
                    message.text("use the -s option or ");
                }
                message.text("set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1.")
            }
            Said::NoParentDeathSignal => message.text("Failed to set up parent death signal"),
            Said::NoForeground(Errno::NO_DEVICE) => message.text("tcsetpgrp failed: no such device (ok to proceed)"),
            Said::NoForeground(_) => message.text("tcsetpgrp failed: no tty (ok to proceed)"),
            Said::CannotExecute(program, errno) => message
                .text("exec ")
                .bytes(program.to_bytes())
                .text(" failed: ")
                .text(errno.libc_text()),
            Said::NoChild(errno) => message.text("fork failed: ").text(errno.libc_text()),
            Said::Spawned(program, process) => message
                .text("Spawned child process '")
                .bytes(program.to_bytes())
                .text("' with pid '")
                .number(process as u32)
                .text("'"),
            Said::Received(_) => message.text("Received SIGCHLD"),
            Said::Passing(signal, _) => {
                message.text("Passing signal: '");
                signal_name::append(&mut message, signal);
                message.text("'")
            }
            Said::PassedToNobody => message.text("Child was dead when forwarding signal"),
            Said::Reaped(process, change, is_child) => return self.reaped(process, change, is_child),
            Said::NothingToReap(true) => message.text("No child to reap"),
            Said::NothingToReap(false) => message.text("No child to wait"),
            Said::Ending(_) => message.text("Exiting: child has exited"),
            _ => return None,
        };
        Some((stream(level), message))
    }

    /// One event, two messages.
    fn reaped(self, process: sys::ProcessId, change: Change, is_child: bool) -> Line {
        if self.verbosity >= Level::Debug as u32 {
            let mut message = self.start(Level::Debug);
            message.text("Reaped child with pid: '").number(process as u32).text("'");
            message.write_to(stream(Level::Debug));
        }
        let level = if is_child { Level::Info } else { Level::Warning };
        let is_said = is_child || self.warns_on_reap;
        if !is_said || (level as u32) > self.verbosity {
            return None;
        }
        let mut message = self.start(level);
        match change {
            _ if !is_child => message.text("Reaped zombie process with pid=").number(process as u32),
            Change::Killed(signal) => {
                message.text("Main child exited with signal (with signal '");
                signal_name::append(&mut message, u32::from(signal));
                message.text("')")
            }
            Change::Exited(code) => message
                .text("Main child exited normally (with status '")
                .number(u32::from(code))
                .text("')"),
            Change::Stopped => return None,
        };
        Some((stream(level), message))
    }
}

fn stream(level: Level) -> sys::Descriptor {
    match level {
        Level::Fatal | Level::Warning => sys::STDERR,
        Level::Info | Level::Debug | Level::Trace => sys::STDOUT,
    }
}

fn level(tini: Tini, said: Said) -> Level {
    match said {
        Said::NoParentDeathSignal | Said::CannotExecute(..) | Said::NoChild(_) => Level::Fatal,
        Said::NoReaper | Said::PassedToNobody => Level::Warning,
        Said::Reaped(_, _, true) | Said::Spawned(..) => Level::Info,
        Said::Reaped(..) if tini.warns_on_reap => Level::Warning,
        Said::Subreaper | Said::NothingToReap(_) | Said::Ending(_) => Level::Trace,
        _ => Level::Debug,
    }
}
