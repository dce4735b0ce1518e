//! System calls of x86-64.

use core::arch::asm;
use core::ffi::c_void;

pub(super) const CHDIR: usize = 80;
pub(super) const CLONE: usize = 56;
pub(super) const CLOSE: usize = 3;
pub(super) const CLOSE_RANGE: usize = 436;
pub(super) const EXECVE: usize = 59;
pub(super) const EXIT_GROUP: usize = 231;
pub(super) const FACCESSAT: usize = 269;
pub(super) const GETPGID: usize = 121;
pub(super) const GETPID: usize = 39;
pub(super) const GETSID: usize = 124;
pub(super) const IOCTL: usize = 16;
pub(super) const KILL: usize = 62;
pub(super) const PIPE2: usize = 293;
pub(super) const PPOLL: usize = 271;
pub(super) const PRCTL: usize = 157;
pub(super) const READ: usize = 0;
pub(super) const RT_SIGACTION: usize = 13;
pub(super) const RT_SIGPROCMASK: usize = 14;
pub(super) const RT_SIGQUEUEINFO: usize = 129;
pub(super) const SETPGID: usize = 109;
pub(super) const SIGNALFD4: usize = 289;
pub(super) const WAIT4: usize = 61;
pub(super) const WRITE: usize = 1;

/// # Safety
///
/// As the system call demands it of its arguments.
pub(super) unsafe fn call(number: usize, arguments: [usize; 5]) -> isize {
    let [a, b, c, d, e] = arguments;
    let result;
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
