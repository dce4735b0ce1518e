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
use core::mem::MaybeUninit;

pub use architecture_facts::{AUDIT_ARCHITECTURE, ELF_MACHINE};
pub use errno::Errno;
pub use file::{
    OPEN_FLAGS_WRITING, close, close_range, entries, file_kind_and_mode, is_mounted_noexec, open_directory, open_file,
    open_place, pipe, read, wait_readable, write,
};
pub use filter::{FilterInstruction, confine, numbers};
pub use process::{
    become_subreaper, change_directory, change_to_directory, clone, die_with_parent, execute, exit, forget,
    forget_rest, hide_memory, is_subreaper, lead_process_group, lead_session, monotonic_ms, open_process,
    process_group, process_id, session, wait_any, wait_for,
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

/// What a register holds for a system call, or does not: arguments that a call does not have take no code.
type Word = MaybeUninit<usize>;

/// # Safety
///
/// As the system call demands it of its arguments, all of which are there.
#[inline(always)]
unsafe fn call<const COUNT: usize>(number: usize, arguments: [usize; COUNT]) -> Result<usize, Errno> {
    let [a, b, c, d, e] = words(arguments);
    // SAFETY: the caller's promise.
    unsafe { call_and_check(number, a, b, c, d, e) }
}

/// # Safety
///
/// As for [`call`].
#[inline(never)]
unsafe fn call_and_check(number: usize, a: Word, b: Word, c: Word, d: Word, e: Word) -> Result<usize, Errno> {
    // SAFETY: the caller's promise.
    check(unsafe { arch::call(number, [a, b, c, d, e]) })
}

/// At most five arguments.
#[inline(always)]
fn words<const COUNT: usize>(arguments: [usize; COUNT]) -> [Word; 5] {
    [
        word_at(&arguments, 0),
        word_at(&arguments, 1),
        word_at(&arguments, 2),
        word_at(&arguments, 3),
        word_at(&arguments, 4),
    ]
}

#[inline(always)]
fn word_at(arguments: &[usize], index: usize) -> Word {
    match arguments.get(index) {
        Some(argument) => Word::new(*argument),
        None => Word::uninit(),
    }
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
