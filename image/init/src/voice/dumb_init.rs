//! dumb-init's messages, of dumb-init.c of version 1.2.5. All go to standard error, most of them only when it is debugging.

use super::Said;
use crate::message::{Message, Part};
use crate::status::Change;
use crate::sys::{Errno, ProcessId};

const NOTHING: Part = Part::Bytes(b"");

pub(super) fn say(is_debugging: bool, said: Said) {
    let is_error = matches!(said, Said::NoSession(_) | Said::CannotExecute(..) | Said::NoChild(_));
    if is_error || is_debugging {
        let (template, parts) = line(said);
        write(template, &parts);
    }
}

/// One of the lines that only tell what it does.
#[cold]
pub(crate) fn debug(text: &str) {
    write(text, &[]);
}

fn write(template: &str, parts: &[Part]) {
    if !template.is_empty() {
        let mut message = Message::bare();
        message.text("[dumb-init] ").fill(template, parts).to_stderr();
    }
}

fn line(said: Said) -> (&'static str, [Part; 2]) {
    let none = [NOTHING, NOTHING];
    let number = |number: u32| [Part::Number(number), NOTHING];
    match said {
        Said::TerminalDetached(Ok(true)) => (
            "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.",
            none,
        ),
        Said::TerminalDetached(Ok(false)) => ("Detached from controlling tty, but was not session leader.", none),
        Said::TerminalDetached(Err(errno)) => ("Unable to detach from controlling tty (errno=% %).", why(errno)),
        Said::NoSession(errno) => ("Unable to setsid (errno=% %). Exiting.", why(errno)),
        Said::NoTerminal(errno) => ("Unable to attach to controlling tty (errno=% %).", why(errno)),
        Said::SessionReady => ("setsid complete.", none),
        Said::CannotExecute(program, errno) => (
            "%: %",
            [
                Part::Bytes(program.to_bytes()),
                Part::Bytes(errno.libc_text().as_bytes()),
            ],
        ),
        Said::NoChild(_) => ("Unable to fork. Exiting.", none),
        Said::Spawned(_, process) => ("Child spawned with PID %.", number(process as u32)),
        // The only one without a full stop.
        Said::NoRoot(errno) => ("Unable to chdir(\"/\") (errno=% %)", why(errno)),
        Said::Received(signal) => ("Received signal %.", number(signal)),
        Said::SwallowedOnce(signal) => ("Ignoring tty hand-off signal %.", number(signal)),
        Said::Passing(signal, other) if signal != other => (
            "Translating signal % to %.",
            [Part::Number(signal), Part::Number(other)],
        ),
        Said::Passed(signal) => ("Forwarded signal % to children.", number(signal)),
        Said::Dropped => ("Not forwarding signal 0 to children (ignored).", none),
        Said::Suspending => ("Suspending self due to TTY signal.", none),
        Said::Reaped(process, Change::Exited(code), _) => {
            ("A child with PID % exited with exit status %.", reaped(process, code))
        }
        Said::Reaped(process, Change::Killed(signal), _) => (
            "A child with PID % was terminated by signal %.",
            reaped(process, signal),
        ),
        Said::Ending(code) => ("Child exited with status %. Goodbye.", number(u32::from(code))),
        _ => ("", none),
    }
}

fn why(errno: Errno) -> [Part<'static>; 2] {
    [Part::Number(errno.0 as u32), Part::Bytes(errno.libc_text().as_bytes())]
}

fn reaped(process: ProcessId, number: u8) -> [Part<'static>; 2] {
    [Part::Number(process as u32), Part::Number(u32::from(number))]
}
