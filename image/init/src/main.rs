//! `box-init`: PID 1 of the box. Starts one program, forwards signals to it, reaps everything, and exits with the program's code.
//!
//! There is no C runtime, no allocator and no thread: the kernel enters at [`box_init_start`] and the rest is the library.

// Tests unwind, whatever the profile says, and only std can unwind: there it is linked, and unused.
#![cfg_attr(panic = "abort", no_std)]
#![no_main]
#![allow(
    unsafe_code,
    reason = "without a C runtime the entry point is ours, and it is machine code"
)]

use box_init::process::Process;
use core::arch::naked_asm;

/// Where the kernel enters: the stack pointer points at the argument count, the stack has no return address.
///
/// # Safety
///
/// Only the kernel may enter here, once.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn box_init_start() -> ! {
    naked_asm!("xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {start}", "ud2", start = sym start)
}

/// Where the kernel enters: the stack pointer points at the argument count.
///
/// # Safety
///
/// Only the kernel may enter here, once.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn box_init_start() -> ! {
    naked_asm!("mov x29, xzr", "mov x0, sp", "bl {start}", "brk #1", start = sym start)
}

/// Where the kernel enters: the stack pointer points at the argument count.
///
/// # Safety
///
/// Only the kernel may enter here, once.
#[cfg(target_arch = "arm")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn box_init_start() -> ! {
    // By way of r1, as Thumb code cannot calculate with the stack pointer.
    naked_asm!("mov fp, #0", "mov r0, sp", "bic r1, r0, #7", "mov sp, r1", "bl {start}", "udf #0", start = sym start)
}

/// # Safety
///
/// `stack` is the stack as the kernel prepares it for a new program.
unsafe extern "C" fn start(stack: *const usize) -> ! {
    // SAFETY: the caller's promise is what `Process` asks for.
    let process = unsafe { Process::from_stack(stack) };
    box_init::sys::exit(box_init::main(&process))
}

#[cfg(panic = "abort")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    box_init::sys::exit(box_init::status::DEFECT)
}

/// `core` comes compiled for unwinding and names this routine; nothing here ever unwinds.
#[cfg(panic = "abort")]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
