//! What `strsignal(3)` of the GNU C library calls a signal.

use crate::message::Message;

const NAMES: [&str; 31] = [
    "Hangup",
    "Interrupt",
    "Quit",
    "Illegal instruction",
    "Trace/breakpoint trap",
    "Aborted",
    "Bus error",
    "Floating point exception",
    "Killed",
    "User defined signal 1",
    "Segmentation fault",
    "User defined signal 2",
    "Broken pipe",
    "Alarm clock",
    "Terminated",
    "Stack fault",
    "Child exited",
    "Continued",
    "Stopped (signal)",
    "Stopped",
    "Stopped (tty input)",
    "Stopped (tty output)",
    "Urgent I/O condition",
    "CPU time limit exceeded",
    "File size limit exceeded",
    "Virtual timer expired",
    "Profiling timer expired",
    "Window changed",
    "I/O possible",
    "Power failure",
    "Bad system call",
];

/// The first real-time signal that the C library leaves to programs.
const REAL_TIME_FIRST: u32 = 34;
const REAL_TIME_LAST: u32 = 64;

/// Appends the name.
pub(super) fn append(message: &mut Message, signal: u32) {
    let name = (signal as usize).checked_sub(1).and_then(|index| NAMES.get(index));
    match (name, signal) {
        (Some(name), _) => message.text(name),
        (None, REAL_TIME_FIRST..=REAL_TIME_LAST) => message.text("Real-time signal ").number(signal - REAL_TIME_FIRST),
        (None, _) => message.text("Unknown signal ").number(signal),
    };
}
