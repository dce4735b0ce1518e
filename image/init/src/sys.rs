//! The system calls that are needed, and no more, straight to the kernel.
//!
//! One file an architecture holds the numbers and the two pieces of machine code. Everything else is alike on the three: signal sets
//! are 64 bits in little-endian order, and no structure used here changes its layout but the two that say so.

#[cfg_attr(target_arch = "x86_64", path = "sys/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "sys/aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "sys/arm.rs")]
mod architecture;
mod errno;

use architecture as arch;
use core::ffi::{CStr, c_char, c_void};

pub use errno::Errno;

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

/// A child changed.
pub const SIGCHLD: u32 = 17;
/// Continue.
pub const SIGCONT: u32 = 18;
/// Stop, without a choice.
pub const SIGSTOP: u32 = 19;

/// A signal's default disposition.
pub const DISPOSITION_DEFAULT: usize = 0;
/// `si_code` of a signal that carries a value.
pub const CODE_QUEUED: i32 = -1;

const CLOSE_ON_EXEC: usize = 0o2_000_000;
const NONBLOCKING: usize = 0o4000;
const SIGNAL_SET_SIZE: usize = size_of::<SignalSet>();

/// Signal n is bit n - 1.
pub type SignalSet = u64;
/// Every signal; the kernel leaves out the two that cannot be blocked.
pub const SIGNALS_ALL: SignalSet = !0;

/// What a signal descriptor tells about a signal (`struct signalfd_siginfo`).
#[repr(C)]
pub struct SignalInfo {
    /// Which signal.
    pub signal: u32,
    /// An error number, mostly unused.
    pub errno: i32,
    /// How it was sent; zero and less means by a process.
    pub code: i32,
    /// The sender.
    pub process_id: u32,
    /// The sender's user.
    pub user_id: u32,
    unused: [u32; 7],
    /// The value that came with it.
    pub value: u64,
    reserved: [u8; 72],
}

impl SignalInfo {
    /// A signal with a value, as `sigqueue(3)` sends it.
    pub fn queued(signal: u32, process_id: u32, value: u64) -> Self {
        Self {
            signal,
            code: CODE_QUEUED,
            process_id,
            value,
            ..Self::EMPTY
        }
    }

    const EMPTY: Self = Self {
        signal: 0,
        errno: 0,
        code: 0,
        process_id: 0,
        user_id: 0,
        unused: [0; 7],
        value: 0,
        reserved: [0; 72],
    };
}

/// The kernel's `struct sigaction`: the mask is at the same place for words of 32 and 64 bits only if it is not aligned to 8.
#[repr(C)]
struct SignalAction {
    disposition: usize,
    flags: usize,
    restorer: usize,
    mask: [u32; 2],
}

#[repr(C)]
struct PollDescriptor {
    descriptor: Descriptor,
    events: i16,
    happened: i16,
}

/// Ends this process.
pub fn exit(code: u8) -> ! {
    loop {
        // SAFETY: takes no pointers.
        unsafe { arch::call(arch::EXIT_GROUP, [usize::from(code), 0, 0, 0, 0]) };
    }
}

/// Writes once.
pub fn write(descriptor: Descriptor, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads the slice only.
    unsafe {
        call(
            arch::WRITE,
            [word(descriptor), bytes.as_ptr() as usize, bytes.len(), 0, 0],
        )
    }
}

/// Reads once.
pub fn read(descriptor: Descriptor, bytes: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes the slice only.
    unsafe {
        call(
            arch::READ,
            [word(descriptor), bytes.as_mut_ptr() as usize, bytes.len(), 0, 0],
        )
    }
}

/// Closes a descriptor.
pub fn close(descriptor: Descriptor) {
    // SAFETY: takes no pointers; descriptors are plain numbers here, and nobody else owns them.
    let _ = unsafe { call(arch::CLOSE, [word(descriptor), 0, 0, 0, 0]) };
}

/// Closes a range of descriptors, both ends included. Kernels before 5.9 cannot: then they stay open, and nothing depends on it.
pub fn close_range(first: u32, last: u32) {
    // SAFETY: as for `close`.
    let _ = unsafe { call(arch::CLOSE_RANGE, [first as usize, last as usize, 0, 0, 0]) };
}

/// A pipe that `execve` closes: its reading end and its writing end.
pub fn pipe() -> Result<(Descriptor, Descriptor), Errno> {
    let mut ends: [Descriptor; 2] = [0; 2];
    // SAFETY: the kernel writes two descriptors.
    unsafe { call(arch::PIPE2, [ends.as_mut_ptr() as usize, CLOSE_ON_EXEC, 0, 0, 0]) }?;
    Ok((ends[0], ends[1]))
}

/// Changes the working directory.
pub fn change_directory(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the path is a string.
    unsafe { call(arch::CHDIR, [path.as_ptr() as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Whether there is a file of this path.
pub fn exists(path: &CStr) -> bool {
    const CURRENT_DIRECTORY: isize = -100;
    // SAFETY: the path is a string.
    unsafe {
        call(
            arch::FACCESSAT,
            [CURRENT_DIRECTORY as usize, path.as_ptr() as usize, 0, 0, 0],
        )
    }
    .is_ok()
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
            [path.as_ptr() as usize, arguments as usize, environment as usize, 0, 0],
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
            [usize::MAX, &raw mut status as usize, DO_NOT_BLOCK | STOPPED_TOO, 0, 0],
        )
    }?;
    Ok((process_id != 0).then_some((process_id as ProcessId, status)))
}

/// Waits for the end of one child, and forgets how it ended.
pub fn wait_for(child: ProcessId) {
    // SAFETY: without a place for the status the kernel writes nothing.
    while unsafe { call(arch::WAIT4, [word(child), 0, 0, 0, 0]) } == Err(Errno::INTERRUPTED) {}
}

/// Our own id.
pub fn process_id() -> ProcessId {
    // SAFETY: takes no pointers.
    unsafe { arch::call(arch::GETPID, [0; 5]) as ProcessId }
}

/// Our own process group.
pub fn process_group() -> ProcessId {
    // SAFETY: takes no pointers.
    unsafe { arch::call(arch::GETPGID, [0; 5]) as ProcessId }
}

/// Our own session.
pub fn session() -> ProcessId {
    // SAFETY: takes no pointers.
    unsafe { arch::call(arch::GETSID, [0; 5]) as ProcessId }
}

/// Moves this process to a new group of its own.
pub fn lead_process_group() -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call(arch::SETPGID, [0; 5]) }.map(drop)
}

/// The orphans of everything we start become our children. Every supported kernel can.
pub fn become_subreaper() {
    const SET_CHILD_SUBREAPER: usize = 36;
    // SAFETY: takes no pointers.
    let _ = unsafe { call(arch::PRCTL, [SET_CHILD_SUBREAPER, 1, 0, 0, 0]) };
}

/// Only root may read our memory and environment from now on. A program that is executed begins anew.
pub fn hide_memory() {
    const SET_DUMPABLE: usize = 4;
    // SAFETY: takes no pointers.
    let _ = unsafe { call(arch::PRCTL, [SET_DUMPABLE, 0, 0, 0, 0]) };
}

/// The foreground process group of a terminal, if it is our controlling terminal.
pub fn foreground(terminal: Descriptor) -> Result<ProcessId, Errno> {
    const GET_FOREGROUND: usize = 0x540f;
    let mut group: ProcessId = 0;
    // SAFETY: the kernel writes one process id.
    unsafe {
        call(
            arch::IOCTL,
            [word(terminal), GET_FOREGROUND, &raw mut group as usize, 0, 0],
        )
    }?;
    Ok(group)
}

/// Puts a process group in a terminal's foreground.
pub fn set_foreground(terminal: Descriptor, group: ProcessId) -> Result<(), Errno> {
    const SET_FOREGROUND: usize = 0x5410;
    // SAFETY: the kernel reads one process id.
    unsafe {
        call(
            arch::IOCTL,
            [word(terminal), SET_FOREGROUND, &raw const group as usize, 0, 0],
        )
    }
    .map(drop)
}

/// Sends a signal to a process, or to a group if the id is negative.
pub fn send(target: ProcessId, signal: u32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call(arch::KILL, [word(target), signal as usize, 0, 0, 0]) }.map(drop)
}

/// Sends a signal with the value that it came with, in the name of its sender.
pub fn send_queued(target: ProcessId, info: &SignalInfo) -> Result<(), Errno> {
    // `siginfo_t`: the union after the first three words is aligned like a pointer.
    const UNION: usize = if size_of::<usize>() == 8 { 4 } else { 3 };
    let mut words = [0u32; 32];
    words[0] = info.signal;
    words[1] = info.errno as u32;
    words[2] = info.code as u32;
    words[UNION] = info.process_id;
    words[UNION + 1] = info.user_id;
    words[UNION + 2] = info.value as u32;
    if size_of::<usize>() == 8 {
        words[UNION + 3] = (info.value >> 32) as u32;
    }
    // SAFETY: the kernel reads 128 bytes.
    unsafe {
        call(
            arch::RT_SIGQUEUEINFO,
            [word(target), info.signal as usize, words.as_ptr() as usize, 0, 0],
        )
    }
    .map(drop)
}

/// Replaces the mask of blocked signals; returns what it was.
pub fn set_signal_mask(mask: SignalSet) -> Result<SignalSet, Errno> {
    const REPLACE: usize = 2;
    let mut previous: SignalSet = 0;
    // SAFETY: the kernel reads one set and writes another.
    unsafe {
        call(
            arch::RT_SIGPROCMASK,
            [
                REPLACE,
                &raw const mask as usize,
                &raw mut previous as usize,
                SIGNAL_SET_SIZE,
                0,
            ],
        )
    }?;
    Ok(previous)
}

/// Sets a signal's disposition; returns what it was. Only for dispositions that are not functions.
pub fn set_disposition(signal: u32, disposition: usize) -> Result<usize, Errno> {
    let action = SignalAction {
        disposition,
        flags: 0,
        restorer: 0,
        mask: [0; 2],
    };
    let mut previous = SignalAction {
        disposition: 0,
        flags: 0,
        restorer: 0,
        mask: [0; 2],
    };
    // SAFETY: the kernel reads one action and writes another.
    unsafe {
        call(
            arch::RT_SIGACTION,
            [
                signal as usize,
                &raw const action as usize,
                &raw mut previous as usize,
                SIGNAL_SET_SIZE,
                0,
            ],
        )
    }?;
    Ok(previous.disposition)
}

/// A descriptor from which blocked signals are read; reading never blocks, and `execve` closes it.
pub fn signal_descriptor(signals: SignalSet) -> Result<Descriptor, Errno> {
    // SAFETY: the kernel reads one set.
    let descriptor = unsafe {
        call(
            arch::SIGNALFD4,
            [
                usize::MAX,
                &raw const signals as usize,
                SIGNAL_SET_SIZE,
                CLOSE_ON_EXEC | NONBLOCKING,
                0,
            ],
        )
    }?;
    Ok(descriptor as Descriptor)
}

/// The next signal that waits in a signal descriptor, if there is one.
pub fn read_signal(descriptor: Descriptor) -> Option<SignalInfo> {
    let mut info = SignalInfo::EMPTY;
    // SAFETY: the kernel writes one structure, of which every bit pattern is valid.
    let size = unsafe {
        call(
            arch::READ,
            [word(descriptor), &raw mut info as usize, size_of::<SignalInfo>(), 0, 0],
        )
    };
    (size == Ok(size_of::<SignalInfo>())).then_some(info)
}

/// Sleeps until a descriptor has something to read, without any limit of time.
pub fn wait_readable(descriptor: Descriptor) {
    const READABLE: i16 = 1;
    let mut poll = PollDescriptor {
        descriptor,
        events: READABLE,
        happened: 0,
    };
    // SAFETY: the kernel reads and writes one structure; there is neither a time nor a mask to read.
    let _ = unsafe { call(arch::PPOLL, [&raw mut poll as usize, 1, 0, 0, 0]) };
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
