//! What `strsignal(3)` of the GNU C library calls a signal.

use crate::message::Part;
use crate::text;
use crate::text::Text;

/// In the order of their numbers, from 1 on.
const NAMES: Text = text!(
    "\
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
Bad system call"
);

const NAMES_COUNT: u32 = 31;

/// The first real-time signal that the C library leaves to programs.
const REAL_TIME_FIRST: u32 = 34;

/// The name, as a text and a number that follows it.
pub(super) fn of(signal: u32) -> [Part<'static>; 2] {
    match signal {
        1..=NAMES_COUNT => [Part::Line(NAMES, signal as u8 - 1), Part::NOTHING],
        REAL_TIME_FIRST.. => [
            Part::Line(text!("Real-time signal "), 0),
            Part::Number(signal - REAL_TIME_FIRST),
        ],
        _ => [Part::Line(text!("Unknown signal "), 0), Part::Number(signal)],
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
        message.fill(text!("%%"), &of(signal));
        assert_eq!(message.line(), format!("{expected}\n").as_bytes());
    }
}
