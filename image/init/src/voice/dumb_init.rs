//! dumb-init's messages, of dumb-init.c of version 1.2.5. All go to standard error, most of them only when it is debugging.

use super::Said;
use crate::message::{Message, Part};
use crate::status::Change;
use crate::sys::{Errno, ProcessId};
use crate::text;
use crate::text::Text;

pub(super) fn say(is_debugging: bool, said: Said) {
    let is_error = matches!(said, Said::NoSession(_) | Said::CannotExecute(..) | Said::NoChild(_));
    if (is_error || is_debugging)
        && let Some((template, parts)) = line(said)
    {
        write(template, &parts);
    }
}

/// One of the lines that only tell what it does.
#[cold]
pub(crate) fn debug(text: Text) {
    write(text, &[]);
}

fn write(template: Text, parts: &[Part]) {
    let mut message = Message::bare();
    message.text(text!("[dumb-init] ")).fill(template, parts).to_stderr();
}

fn line(said: Said) -> Option<(Text, [Part; 2])> {
    let none = [Part::NOTHING, Part::NOTHING];
    let number = |number: u32| [Part::Number(number), Part::NOTHING];
    Some(match said {
        Said::TerminalDetached(Ok(true)) => (
            text!("Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."),
            none,
        ),
        Said::TerminalDetached(Ok(false)) => (
            text!("Detached from controlling tty, but was not session leader."),
            none,
        ),
        Said::TerminalDetached(Err(errno)) => (text!("Unable to detach from controlling tty (errno=% %)."), why(errno)),
        Said::NoSession(errno) => (text!("Unable to setsid (errno=% %). Exiting."), why(errno)),
        Said::NoTerminal(errno) => (text!("Unable to attach to controlling tty (errno=% %)."), why(errno)),
        Said::SessionReady => (text!("setsid complete."), none),
        Said::CannotExecute(program, errno) => (text!("%: %"), [Part::Bytes(program.to_bytes()), errno.libc_text()]),
        Said::NoChild(_) => (text!("Unable to fork. Exiting."), none),
        Said::Spawned(_, process) => (text!("Child spawned with PID %."), number(process as u32)),
        // The only one without a full stop.
        Said::NoRoot(errno) => (text!("Unable to chdir(\"/\") (errno=% %)"), why(errno)),
        Said::Received(signal) => (text!("Received signal %."), number(signal)),
        Said::SwallowedOnce(signal) => (text!("Ignoring tty hand-off signal %."), number(signal)),
        Said::Passing(signal, other) if signal != other => (
            text!("Translating signal % to %."),
            [Part::Number(signal), Part::Number(other)],
        ),
        Said::Passed(signal) => (text!("Forwarded signal % to children."), number(signal)),
        Said::Dropped => (text!("Not forwarding signal 0 to children (ignored)."), none),
        Said::Suspending => (text!("Suspending self due to TTY signal."), none),
        Said::Reaped(process, Change::Exited(code), _) => (
            text!("A child with PID % exited with exit status %."),
            reaped(process, code),
        ),
        Said::Reaped(process, Change::Killed(signal), _) => (
            text!("A child with PID % was terminated by signal %."),
            reaped(process, signal),
        ),
        Said::Ending(code) => (text!("Child exited with status %. Goodbye."), number(u32::from(code))),
        _ => return None,
    })
}

fn why(errno: Errno) -> [Part<'static>; 2] {
    [Part::Number(errno.0 as u32), errno.libc_text()]
}

fn reaped(process: ProcessId, number: u8) -> [Part<'static>; 2] {
    [Part::Number(process as u32), Part::Number(u32::from(number))]
}
