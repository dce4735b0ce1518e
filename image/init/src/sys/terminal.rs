//! Terminals: who holds the foreground, and whose terminal it is.

use super::{Descriptor, Errno, ProcessId, arch, call, word};

/// The foreground process group of a terminal, if it is our controlling terminal.
pub fn foreground(terminal: Descriptor) -> Result<ProcessId, Errno> {
    const GET_FOREGROUND: usize = 0x540f;
    let mut group: ProcessId = 0;
    // SAFETY: the kernel writes one process id.
    unsafe { call(arch::IOCTL, [word(terminal), GET_FOREGROUND, &raw mut group as usize]) }?;
    Ok(group)
}

/// Puts a process group in a terminal's foreground.
pub fn set_foreground(terminal: Descriptor, group: ProcessId) -> Result<(), Errno> {
    const SET_FOREGROUND: usize = 0x5410;
    // SAFETY: the kernel reads one process id.
    unsafe { call(arch::IOCTL, [word(terminal), SET_FOREGROUND, &raw const group as usize]) }.map(drop)
}

/// Makes a terminal our session's; only a session's leader without a terminal can.
pub fn attach_terminal(terminal: Descriptor) -> Result<(), Errno> {
    const SET_CONTROLLING_TERMINAL: usize = 0x540e;
    // SAFETY: takes no pointers.
    unsafe { call(arch::IOCTL, [word(terminal), SET_CONTROLLING_TERMINAL, 0]) }.map(drop)
}

/// Gives our controlling terminal up. If we lead the session it is nobody's then, and the foreground group gets SIGHUP and SIGCONT.
pub fn detach_terminal(terminal: Descriptor) -> Result<(), Errno> {
    const GIVE_UP_TERMINAL: usize = 0x5422;
    // SAFETY: takes no pointers.
    unsafe { call(arch::IOCTL, [word(terminal), GIVE_UP_TERMINAL, 0]) }.map(drop)
}
