//! What `strsignal(3)` of the GNU C library calls a signal.

use crate::message::Part;

/// In the order of their numbers, from 1 on.
const NAMES: &str = "\
Hangup
Interrupt
Quit
Illegal instruction
Trace/breakpoint trap
Aborted
Bus error
Floating point exception
Killed
User defined signal 1
Segmentation fault
User defined signal 2
Broken pipe
Alarm clock
Terminated
Stack fault
Child exited
Continued
Stopped (signal)
Stopped
Stopped (tty input)
Stopped (tty output)
Urgent I/O condition
CPU time limit exceeded
File size limit exceeded
Virtual timer expired
Profiling timer expired
Window changed
I/O possible
Power failure
Bad system call";

/// The first real-time signal that the C library leaves to programs.
const REAL_TIME_FIRST: u32 = 34;

/// The name, as a text and a number that follows it.
pub(super) fn of(signal: u32) -> [Part<'static>; 2] {
    let index = (signal as usize).wrapping_sub(1);
    let mut names = NAMES.as_bytes().split(|byte| *byte == b'\n');
    match names.nth(index) {
        Some(name) => [Part::Bytes(name), Part::Bytes(b"")],
        None if signal >= REAL_TIME_FIRST => [
            Part::Bytes(b"Real-time signal "),
            Part::Number(signal - REAL_TIME_FIRST),
        ],
        None => [Part::Bytes(b"Unknown signal "), Part::Number(signal)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use rstest::rstest;

    #[rstest]
    #[case(1, "Hangup")]
    #[case(15, "Terminated")]
    #[case(31, "Bad system call")]
    #[case(33, "Unknown signal 33")]
    #[case(34, "Real-time signal 0")]
    #[case(64, "Real-time signal 30")]
    fn names(#[case] signal: u32, #[case] expected: &str) {
        let mut message = Message::bare();
        message.fill("%%", &of(signal));
        assert_eq!(message.line(), format!("{expected}\n").as_bytes());
    }
}
