//! System calls of 32-bit ARM (EABI).

use super::Word;
use core::arch::asm;
use core::ffi::c_void;

pub(super) const CHDIR: usize = 12;
pub(super) const CLOCK_GETTIME: usize = 263;
pub(super) const CLONE: usize = 120;
pub(super) const CLOSE: usize = 6;
pub(super) const CLOSE_RANGE: usize = 436;
pub(super) const EXECVE: usize = 11;
pub(super) const EXIT_GROUP: usize = 248;
pub(super) const FCHDIR: usize = 133;
pub(super) const GETDENTS64: usize = 217;
pub(super) const GETPGID: usize = 132;
pub(super) const GETPID: usize = 20;
pub(super) const GETSID: usize = 147;
pub(super) const IOCTL: usize = 54;
pub(super) const KILL: usize = 37;
pub(super) const MADVISE: usize = 220;
pub(super) const OPENAT: usize = 322;
pub(super) const PIDFD_OPEN: usize = 434;
pub(super) const PIDFD_SEND_SIGNAL: usize = 424;
pub(super) const PIPE2: usize = 359;
pub(super) const PPOLL: usize = 336;
pub(super) const PRCTL: usize = 172;
pub(super) const READ: usize = 3;
pub(super) const RESTART_SYSCALL: usize = 0;
pub(super) const RT_SIGACTION: usize = 174;
pub(super) const RT_SIGPROCMASK: usize = 175;
pub(super) const RT_SIGQUEUEINFO: usize = 178;
pub(super) const SETPGID: usize = 57;
pub(super) const SETSID: usize = 66;
pub(super) const SIGNALFD4: usize = 355;
pub(super) const STATFS: usize = 266;
pub(super) const STATX: usize = 397;
pub(super) const WAIT4: usize = 114;
pub(super) const WRITE: usize = 4;

/// How seccomp's filters know this architecture (`AUDIT_ARCH_*` of linux/audit.h).
pub(super) const AUDIT_ARCHITECTURE: u32 = 0x4000_0028;
/// How an ELF file names this machine (`e_machine`, elf.h).
pub(super) const ELF_MACHINE: u16 = 40;
/// Where the flags are in what the call above named STATFS writes.
pub(super) const STATFS_FLAGS_OFFSET: usize = 64;

/// # Safety
///
/// As the system call demands it of its arguments; those that it does not have may be anything.
#[inline(always)]
pub(super) unsafe fn call(number: usize, arguments: [Word; 5]) -> isize {
    let [a, b, c, d, e] = arguments;
    let result: isize;
    // SAFETY: the kernel keeps every register but r0, and r7, which Thumb code has its frames in, gets its value back; the rest is
    // the caller's promise.
    unsafe {
        asm!(
            "mov r5, r7",
            "mov r7, {number}",
            "svc #0",
            "mov r7, r5",
            number = in(reg) number,
            out("r5") _,
            inlateout("r0") a => result,
            in("r1") b,
            in("r2") c,
            in("r3") d,
            in("r4") e,
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
            "mov r5, r7",
            "mov r7, {number}",
            "svc #0",
            "mov r7, r5",
            "cmp r0, #0",
            "bne 2f",
            "mov r0, {argument}",
            "blx {entry}",
            "udf #0",
            "2:",
            argument = in(reg) argument,
            entry = in(reg) entry,
            number = in(reg) CLONE,
            out("r5") _,
            inlateout("r0") flags as isize => result,
            in("r1") stack_top,
            in("r2") 0usize,
            in("r3") 0usize,
            in("r4") 0usize,
            out("lr") _,
        );
    }
    result
}
