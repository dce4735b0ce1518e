//! dumb-init's messages, of dumb-init.c of version 1.2.5. All go to standard error, most of them only when it is debugging.

use super::{Line, Said, write};
use crate::message::Message;
use crate::status::Change;
use crate::sys::{self, Errno};

pub(super) fn say(is_debugging: bool, said: Said) {
    let is_error = matches!(
        said,
        Said::NoSession(_) | Said::CannotExecute(..) | Said::NoChild(_)
    );
    if is_error || is_debugging {
        write(line(said));
    }
}

/// One of the lines that only tell what it does.
#[cold]
pub(crate) fn debug(text: &str) {
    start().text(text).to_stderr();
}

fn start() -> Message {
    let mut message = Message::bare();
    message.text("[dumb-init] ");
    message
}

#[cold]
#[inline(never)]
fn line(said: Said) -> Line {
    let mut message = start();
    match said {
        Said::TerminalDetached(Ok(true)) => {
            message.text("Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.")
        }
        Said::TerminalDetached(Ok(false)) => message.text("Detached from controlling tty, but was not session leader."),
        Said::TerminalDetached(Err(errno)) => failed(&mut message, "Unable to detach from controlling tty (errno=", errno),
        Said::NoSession(errno) => failed(&mut message, "Unable to setsid (errno=", errno).text(" Exiting."),
        Said::NoTerminal(errno) => failed(&mut message, "Unable to attach to controlling tty (errno=", errno),
        Said::SessionReady => message.text("setsid complete."),
        Said::CannotExecute(program, errno) => message.bytes(program.to_bytes()).text(": ").text(errno.libc_text()),
        Said::NoChild(_) => message.text("Unable to fork. Exiting."),
        Said::Spawned(_, process) => message.text("Child spawned with PID ").number(process as u32).text("."),
        Said::NoRoot(errno) => {
            // The only one without a full stop.
            message.text("Unable to chdir(\"/\") (errno=").number(errno.0 as u32);
            message.text(" ").text(errno.libc_text()).text(")")
        }
        Said::Received(signal) => message.text("Received signal ").number(signal).text("."),
        Said::SwallowedOnce(signal) => message.text("Ignoring tty hand-off signal ").number(signal).text("."),
        Said::Passing(signal, other) if signal != other => message
            .text("Translating signal ")
            .number(signal)
            .text(" to ")
            .number(other)
            .text("."),
        Said::Passed(signal) => message.text("Forwarded signal ").number(signal).text(" to children."),
        Said::Dropped => message.text("Not forwarding signal 0 to children (ignored)."),
        Said::Suspending => message.text("Suspending self due to TTY signal."),
        Said::Reaped(process, change, _) => {
            message.text("A child with PID ").number(process as u32);
            match change {
                Change::Exited(code) => message.text(" exited with exit status ").number(u32::from(code)),
                Change::Killed(signal) => message.text(" was terminated by signal ").number(u32::from(signal)),
                Change::Stopped => return None,
            }
            .text(".")
        }
        Said::Ending(code) => message
            .text("Child exited with status ")
            .number(u32::from(code))
            .text(". Goodbye."),
        _ => return None,
    };
    Some((sys::STDERR, message))
}

fn failed<'a>(message: &'a mut Message, what: &str, errno: Errno) -> &'a mut Message {
    message
        .text(what)
        .number(errno.0 as u32)
        .text(" ")
        .text(errno.libc_text())
        .text(").")
}
