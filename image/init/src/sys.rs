//! The system calls that are needed, and no more, straight to the kernel.
//!
//! One file an architecture holds the numbers and the two pieces of machine code. Everything else is alike on the three: signal sets
//! are 64 bits in little-endian order, and no structure used here changes its layout but those that say so.

#[cfg_attr(target_arch = "x86_64", path = "sys/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "sys/aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "sys/arm.rs")]
mod architecture;
mod errno;
mod file;
mod filter;
mod process;
mod signal;
mod terminal;

use architecture as arch;

pub use architecture_facts::{AUDIT_ARCHITECTURE, ELF_MACHINE};
pub use errno::Errno;
pub use file::{
    OPEN_FLAGS_WRITING, close, close_range, entries, file_kind_and_mode, is_mounted_noexec, open_directory, open_file,
    open_place, pipe, read, wait_readable, write,
};
pub use filter::{FilterInstruction, confine, numbers};
pub use process::{
    become_subreaper, change_directory, change_to_directory, clone, die_with_parent, execute, exit, forget,
    hide_memory, is_subreaper, lead_process_group, lead_session, monotonic_ms, open_process, process_group, process_id,
    session, wait_any, wait_for,
};
pub use signal::{
    CODE_QUEUED, DISPOSITION_DEFAULT, DISPOSITION_IGNORE, SIGCHLD, SIGCONT, SIGHUP, SIGKILL, SIGNALS_ALL, SIGSTOP,
    SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SignalInfo, SignalSet, bit, read_signal, send, send_queued, send_to_process,
    set_disposition, set_signal_mask, signal_descriptor,
};
pub use terminal::{attach_terminal, detach_terminal, foreground, set_foreground};

/// A file descriptor.
pub type Descriptor = i32;
/// The id of a process, or of a process group.
pub type ProcessId = i32;

/// Standard input.
pub const STDIN: Descriptor = 0;
/// Standard output.
pub const STDOUT: Descriptor = 1;
/// Standard error.
pub const STDERR: Descriptor = 2;

const CLOSE_ON_EXEC: usize = 0o2_000_000;

mod architecture_facts {
    /// How seccomp's filters know this architecture.
    pub const AUDIT_ARCHITECTURE: u32 = super::arch::AUDIT_ARCHITECTURE;
    /// How an ELF file names this machine.
    pub const ELF_MACHINE: u16 = super::arch::ELF_MACHINE;
}

/// # Safety
///
/// As the system call demands it of its arguments.
unsafe fn call(number: usize, arguments: [usize; 5]) -> Result<usize, Errno> {
    // SAFETY: the caller's promise.
    check(unsafe { arch::call(number, arguments) })
}

/// The kernel returns errors as small negative numbers.
fn check(result: isize) -> Result<usize, Errno> {
    if (-4095..0).contains(&result) {
        Err(Errno(-result as i32))
    } else {
        Ok(result as usize)
    }
}

/// A number with its sign, as a register holds it.
fn word(number: i32) -> usize {
    number as isize as usize
}
