//! Signals: masks, dispositions, receiving and sending.

use super::{CLOSE_ON_EXEC, Descriptor, Errno, ProcessId, arch, call, word};

/// The terminal is gone, or: read your configuration anew.
pub const SIGHUP: u32 = 1;
/// End, without a choice.
pub const SIGKILL: u32 = 9;
/// End, please.
pub const SIGTERM: u32 = 15;
/// A child changed.
pub const SIGCHLD: u32 = 17;
/// Continue.
pub const SIGCONT: u32 = 18;
/// Stop, without a choice.
pub const SIGSTOP: u32 = 19;
/// Stop, typed at the terminal.
pub const SIGTSTP: u32 = 20;
/// Read from a terminal whose foreground is another group.
pub const SIGTTIN: u32 = 21;
/// Wrote to a terminal whose foreground is another group.
pub const SIGTTOU: u32 = 22;

/// A signal's default disposition.
pub const DISPOSITION_DEFAULT: usize = 0;
/// The disposition of a signal that is ignored.
pub const DISPOSITION_IGNORE: usize = 1;
/// `si_code` of a signal that carries a value.
pub const CODE_QUEUED: i32 = -1;

const NONBLOCKING: usize = 0o4000;
const SIGNAL_SET_SIZE: usize = size_of::<SignalSet>();

/// Signal n is bit n - 1.
pub type SignalSet = u64;
/// Every signal; the kernel leaves out the two that cannot be blocked.
pub const SIGNALS_ALL: SignalSet = !0;

/// The set of one signal; of none for a number that is no signal's.
pub const fn bit(signal: u32) -> SignalSet {
    if signal == 0 || signal > SignalSet::BITS {
        0
    } else {
        1 << (signal - 1)
    }
}

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

/// Sends a signal to a process, or to a group if the id is negative.
pub fn send(target: ProcessId, signal: u32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call(arch::KILL, [word(target), signal as usize]) }.map(drop)
}

/// Sends a signal to the process that a descriptor stands for.
pub fn send_to_process(process: Descriptor, signal: u32) -> Result<(), Errno> {
    // SAFETY: without information of our own the kernel reads nothing.
    unsafe { call(arch::PIDFD_SEND_SIGNAL, [word(process), signal as usize, 0, 0]) }.map(drop)
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
            [word(target), info.signal as usize, words.as_ptr() as usize],
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
            [word(descriptor), &raw mut info as usize, size_of::<SignalInfo>()],
        )
    };
    (size == Ok(size_of::<SignalInfo>())).then_some(info)
}
