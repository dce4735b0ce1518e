//! System calls of x86-64.

use super::Word;
use core::arch::asm;
use core::ffi::c_void;

pub(super) const CHDIR: usize = 80;
pub(super) const CLOCK_GETTIME: usize = 228;
pub(super) const CLONE: usize = 56;
pub(super) const CLOSE: usize = 3;
pub(super) const CLOSE_RANGE: usize = 436;
pub(super) const EXECVE: usize = 59;
pub(super) const EXIT_GROUP: usize = 231;
pub(super) const FCHDIR: usize = 81;
pub(super) const GETDENTS64: usize = 217;
pub(super) const GETPGID: usize = 121;
pub(super) const GETPID: usize = 39;
pub(super) const GETSID: usize = 124;
pub(super) const IOCTL: usize = 16;
pub(super) const KILL: usize = 62;
pub(super) const MADVISE: usize = 28;
pub(super) const OPENAT: usize = 257;
pub(super) const PIDFD_OPEN: usize = 434;
pub(super) const PIDFD_SEND_SIGNAL: usize = 424;
pub(super) const PIPE2: usize = 293;
pub(super) const PPOLL: usize = 271;
pub(super) const PRCTL: usize = 157;
pub(super) const READ: usize = 0;
pub(super) const RESTART_SYSCALL: usize = 219;
pub(super) const RT_SIGACTION: usize = 13;
pub(super) const RT_SIGPROCMASK: usize = 14;
pub(super) const RT_SIGQUEUEINFO: usize = 129;
pub(super) const SETPGID: usize = 109;
pub(super) const SETSID: usize = 112;
pub(super) const SIGNALFD4: usize = 289;
pub(super) const STATFS: usize = 137;
pub(super) const STATX: usize = 332;
pub(super) const WAIT4: usize = 61;
pub(super) const WRITE: usize = 1;

/// How seccomp's filters know this architecture (`AUDIT_ARCH_*` of linux/audit.h).
pub(super) const AUDIT_ARCHITECTURE: u32 = 0xc000_003e;
/// How an ELF file names this machine (`e_machine`, elf.h).
pub(super) const ELF_MACHINE: u16 = 62;
/// Where the flags are in what the call above named STATFS writes.
pub(super) const STATFS_FLAGS_OFFSET: usize = 80;

/// # Safety
///
/// As the system call demands it of its arguments; those that it does not have may be anything.
#[inline(always)]
pub(super) unsafe fn call(number: usize, arguments: [Word; 5]) -> isize {
    let [a, b, c, d, e] = arguments;
    let result: isize;
    // SAFETY: the kernel keeps every register but rax, rcx and r11; the rest is the caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            out("rcx") _,
            out("r11") _,
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
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rdi, {argument}",
            "call {entry}",
            "ud2",
            "2:",
            argument = in(reg) argument,
            entry = in(reg) entry,
            inlateout("rax") CLONE as isize => result,
            inout("rdi") flags => _,
            in("rsi") stack_top,
            in("rdx") 0usize,
            in("r10") 0usize,
            in("r8") 0usize,
            out("rcx") _,
            out("r11") _,
        );
    }
    result
}
