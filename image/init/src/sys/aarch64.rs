//! System calls of 64-bit ARM.

use super::Word;
use core::arch::asm;
use core::ffi::c_void;

pub(super) const CHDIR: usize = 49;
pub(super) const CLOCK_GETTIME: usize = 113;
pub(super) const CLONE: usize = 220;
pub(super) const CLOSE: usize = 57;
pub(super) const CLOSE_RANGE: usize = 436;
pub(super) const EXECVE: usize = 221;
pub(super) const EXIT_GROUP: usize = 94;
pub(super) const FCHDIR: usize = 50;
pub(super) const GETDENTS64: usize = 61;
pub(super) const GETPGID: usize = 155;
pub(super) const GETPID: usize = 172;
pub(super) const GETSID: usize = 156;
pub(super) const IOCTL: usize = 29;
pub(super) const KILL: usize = 129;
pub(super) const MADVISE: usize = 233;
pub(super) const OPENAT: usize = 56;
pub(super) const PIDFD_OPEN: usize = 434;
pub(super) const PIDFD_SEND_SIGNAL: usize = 424;
pub(super) const PIPE2: usize = 59;
pub(super) const PPOLL: usize = 73;
pub(super) const PRCTL: usize = 167;
pub(super) const READ: usize = 63;
pub(super) const RESTART_SYSCALL: usize = 128;
pub(super) const RT_SIGACTION: usize = 134;
pub(super) const RT_SIGPROCMASK: usize = 135;
pub(super) const RT_SIGQUEUEINFO: usize = 138;
pub(super) const SETPGID: usize = 154;
pub(super) const SETSID: usize = 157;
pub(super) const SIGNALFD4: usize = 74;
pub(super) const STATFS: usize = 43;
pub(super) const STATX: usize = 291;
pub(super) const WAIT4: usize = 260;
pub(super) const WRITE: usize = 64;

/// How seccomp's filters know this architecture (`AUDIT_ARCH_*` of linux/audit.h).
pub(super) const AUDIT_ARCHITECTURE: u32 = 0xc000_00b7;
/// How an ELF file names this machine (`e_machine`, elf.h).
pub(super) const ELF_MACHINE: u16 = 183;
/// Where the flags are in what the call above named STATFS writes.
pub(super) const STATFS_FLAGS_OFFSET: usize = 80;

/// # Safety
///
/// As the system call demands it of its arguments; those that it does not have may be anything.
#[inline(always)]
pub(super) unsafe fn call(number: usize, arguments: [Word; 5]) -> isize {
    let [a, b, c, d, e] = arguments;
    let result: isize;
    // SAFETY: the kernel keeps every register but x0; the rest is the caller's promise.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") a => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            in("x4") e,
            options(nostack),
        );
    }
    result
}

/// # Safety
///
/// `stack_top` is the upper end of a stack that nothing else uses, aligned to 16; `entry` never returns and leaves this function's
/// memory alone, because parent and child may share it.
pub(super) unsafe fn clone(
    flags: usize,
    stack_top: *mut c_void,
    entry: unsafe extern "C" fn(*const c_void) -> !,
    argument: *const c_void,
) -> isize {
    let result;
    // SAFETY: the child gets zero and leaves this frame for its own stack at once; for the parent it is an ordinary system call.
    unsafe {
        asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x0, {argument}",
            "blr {entry}",
            "brk #1",
            "2:",
            argument = in(reg) argument,
            entry = in(reg) entry,
            in("x8") CLONE,
            inlateout("x0") flags as isize => result,
            in("x1") stack_top,
            in("x2") 0usize,
            in("x3") 0usize,
            in("x4") 0usize,
            out("lr") _,
        );
    }
    result
}
