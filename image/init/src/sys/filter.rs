//! Seccomp: a filter for the calls that this process may still make.

use super::{Errno, arch, call};

/// The numbers of the calls that `box-init` makes while its program runs, and until it ends; on this architecture.
pub mod numbers {
    use super::arch;

    /// Opens files; what may be opened how is looked at.
    pub const OPENAT: u32 = arch::OPENAT as u32;
    /// Everything else that is needed.
    pub const PLAIN: [u32; 17] = [
        arch::WAIT4 as u32,
        arch::READ as u32,
        arch::PPOLL as u32,
        arch::KILL as u32,
        arch::RT_SIGQUEUEINFO as u32,
        arch::CLOCK_GETTIME as u32,
        arch::WRITE as u32,
        arch::GETPID as u32,
        arch::IOCTL as u32,
        arch::GETPGID as u32,
        arch::GETSID as u32,
        arch::GETDENTS64 as u32,
        arch::CLOSE as u32,
        arch::PIDFD_OPEN as u32,
        arch::PIDFD_SEND_SIGNAL as u32,
        // The kernel's own: how a sleep goes on after a stop.
        arch::RESTART_SYSCALL as u32,
        arch::EXIT_GROUP as u32,
    ];
}

/// One instruction of a filter (`struct sock_filter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct FilterInstruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to skip if a comparison holds.
    pub skip_if: u8,
    /// How many instructions to skip if it does not.
    pub skip_else: u8,
    /// An operand.
    pub operand: u32,
}

/// `struct sock_fprog`.
#[repr(C)]
struct Program {
    size: u16,
    instructions: *const FilterInstruction,
}

/// From now on this process can make only the calls that a filter lets pass, and gain no privilege. Children that it has already
/// are not concerned.
pub fn confine(filter: &[FilterInstruction]) -> Result<(), Errno> {
    const SET_NO_NEW_PRIVILEGES: usize = 38;
    const SET_SECCOMP: usize = 22;
    const MODE_FILTER: usize = 2;
    let program = Program {
        size: filter.len() as u16,
        instructions: filter.as_ptr(),
    };
    // SAFETY: the first takes no pointers; for the second the kernel reads a program of as many instructions as there are.
    unsafe {
        call(arch::PRCTL, [SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0])?;
        call(arch::PRCTL, [SET_SECCOMP, MODE_FILTER, &raw const program as usize])
    }
    .map(drop)
}
