//! Processes: how they begin, end and are related; and the clock that they share.

use super::{Descriptor, Errno, ProcessId, SIGCHLD, arch, call, check, word, words};
use core::ffi::{CStr, c_char, c_void};

/// Ends this process.
pub fn exit(code: u8) -> ! {
    loop {
        // SAFETY: takes no pointers.
        unsafe { arch::call(arch::EXIT_GROUP, words([usize::from(code)])) };
    }
}

/// Changes the working directory.
pub fn change_directory(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the path is a string.
    unsafe { call(arch::CHDIR, [path.as_ptr() as usize]) }.map(drop)
}

/// Changes to a directory that is open.
pub fn change_to_directory(directory: Descriptor) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call(arch::FCHDIR, [word(directory)]) }.map(drop)
}

/// Replaces this process's program; returns only if it cannot.
///
/// # Safety
///
/// Both arrays consist of pointers to strings and end with a null pointer.
pub unsafe fn execute(path: &CStr, arguments: *const *const c_char, environment: *const *const c_char) -> Errno {
    // SAFETY: the path is a string, the arrays are the caller's promise.
    let result = unsafe {
        call(
            arch::EXECVE,
            [path.as_ptr() as usize, arguments as usize, environment as usize],
        )
    };
    result.err().unwrap_or(Errno::NO_ENTRY)
}

/// Starts a child on a stack of its own, in the memory of its parent, who sleeps until the child executes a program or ends.
/// An emulator may give the child a copy of the memory instead, and not let the parent sleep: nothing may depend on either.
///
/// # Safety
///
/// `stack_top` is the upper end of a stack that nothing else uses, aligned to 16, and large enough for `entry`. `entry` changes no
/// memory that the parent looks at.
pub unsafe fn clone(
    stack_top: *mut c_void,
    entry: unsafe extern "C" fn(*const c_void) -> !,
    argument: *const c_void,
) -> Result<ProcessId, Errno> {
    const SHARE_MEMORY: usize = 0x100;
    const PARENT_SLEEPS: usize = 0x4000;
    // SAFETY: the caller's promises are what `clone` asks for.
    let result = unsafe {
        arch::clone(
            SHARE_MEMORY | PARENT_SLEEPS | SIGCHLD as usize,
            stack_top,
            entry,
            argument,
        )
    };
    check(result).map(|process_id| process_id as ProcessId)
}

/// Reaps one child that ended or stopped, if there is one: its id and its status word.
pub fn wait_any() -> Result<Option<(ProcessId, u32)>, Errno> {
    const DO_NOT_BLOCK: usize = 1;
    const STOPPED_TOO: usize = 2;
    let mut status: u32 = 0;
    // SAFETY: the kernel writes one word.
    let process_id = unsafe {
        call(
            arch::WAIT4,
            [usize::MAX, &raw mut status as usize, DO_NOT_BLOCK | STOPPED_TOO, 0],
        )
    }?;
    Ok((process_id != 0).then_some((process_id as ProcessId, status)))
}

/// Waits for the end of one child, and forgets how it ended.
pub fn wait_for(child: ProcessId) {
    // SAFETY: without a place for the status the kernel writes nothing.
    while unsafe { call(arch::WAIT4, [word(child), 0, 0, 0]) } == Err(Errno::INTERRUPTED) {}
}

/// Our own id.
pub fn process_id() -> ProcessId {
    // SAFETY: takes no pointers.
    unsafe { arch::call(arch::GETPID, words([])) as ProcessId }
}

/// Our own process group.
pub fn process_group() -> ProcessId {
    // SAFETY: takes no pointers.
    unsafe { arch::call(arch::GETPGID, words([0])) as ProcessId }
}

/// Our own session.
pub fn session() -> ProcessId {
    // SAFETY: takes no pointers.
    unsafe { arch::call(arch::GETSID, words([0])) as ProcessId }
}

/// Moves this process to a new group of its own.
pub fn lead_process_group() -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call(arch::SETPGID, [0, 0]) }.map(drop)
}

/// Moves this process to a new session of its own, without a terminal.
pub fn lead_session() -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call(arch::SETSID, []) }.map(drop)
}

/// The orphans of everything we start become our children.
pub fn become_subreaper() -> Result<(), Errno> {
    const SET_CHILD_SUBREAPER: usize = 36;
    control(SET_CHILD_SUBREAPER, 1)
}

/// Whether orphans become our children already, because the program before us asked for it.
pub fn is_subreaper() -> Result<bool, Errno> {
    const GET_CHILD_SUBREAPER: usize = 37;
    let mut is_subreaper: i32 = 0;
    // SAFETY: the kernel writes one word.
    unsafe { call(arch::PRCTL, [GET_CHILD_SUBREAPER, &raw mut is_subreaper as usize]) }?;
    Ok(is_subreaper == 1)
}

/// We get this signal when our parent ends.
pub fn die_with_parent(signal: u32) -> Result<(), Errno> {
    const SET_PARENT_DEATH_SIGNAL: usize = 1;
    control(SET_PARENT_DEATH_SIGNAL, signal as usize)
}

/// Only root may read our memory and environment from now on. A program that is executed begins anew.
pub fn hide_memory() {
    const SET_DUMPABLE: usize = 4;
    let _ = control(SET_DUMPABLE, 0);
}

fn control(operation: usize, value: usize) -> Result<(), Errno> {
    // SAFETY: the operations above take a number and no pointers.
    unsafe { call(arch::PRCTL, [operation, value]) }.map(drop)
}

/// Gives whole pages of memory back; they are zero when they are used again. What lies partly within is kept.
///
/// # Safety
///
/// Nothing in this range is read before it is written; or it is a file's, and nothing of it was ever written.
pub unsafe fn forget(start: usize, size: usize) {
    // With larger pages the kernel refuses what is not aligned to them, and nothing is given back.
    const PAGE_SIZE: usize = 4096;
    const DO_NOT_NEED: usize = 4;
    let first = start.next_multiple_of(PAGE_SIZE);
    let end = (start + size) & !(PAGE_SIZE - 1);
    if first < end {
        // SAFETY: the caller's promise.
        let _ = unsafe { call(arch::MADVISE, [first, end - first, DO_NOT_NEED]) };
    }
}

/// Gives back the code that is not the loop's (layout.ld); whatever is needed of it after all comes back from the file by itself.
#[cfg(laid_out)]
pub fn forget_rest() {
    unsafe extern "C" {
        #[link_name = "box_init_rest_start"]
        static START: u8;
        #[link_name = "box_init_rest_end"]
        static END: u8;
    }
    let start = &raw const START as usize;
    // SAFETY: nothing ever writes there, so that what comes back is what was there.
    unsafe {
        forget(start, &raw const END as usize - start);
    }
}

/// Only what is laid out by layout.ld knows where it is.
#[cfg(not(laid_out))]
pub fn forget_rest() {}

/// A descriptor that stands for a process and for no other one, even if its id is given to another process later.
/// Kernels before 5.3 have none.
pub fn open_process(process: ProcessId) -> Result<Descriptor, Errno> {
    // SAFETY: takes no pointers.
    unsafe { call(arch::PIDFD_OPEN, [word(process), 0]) }.map(|descriptor| descriptor as Descriptor)
}

/// Milliseconds of a clock that nobody sets.
pub fn monotonic_ms() -> u64 {
    const MONOTONIC: usize = 1;
    let mut time = [0usize; 2];
    // SAFETY: the kernel writes one `struct timespec` of words.
    let _ = unsafe { call(arch::CLOCK_GETTIME, [MONOTONIC, time.as_mut_ptr() as usize]) };
    time[0] as u64 * 1000 + time[1] as u64 / 1_000_000
}
