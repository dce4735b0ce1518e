//! Descriptors, files and what is known of them.

use super::{CLOSE_ON_EXEC, Descriptor, Errno, arch, call, word};
use core::ffi::CStr;

const CURRENT_DIRECTORY: isize = -100;
const DIRECTORY: usize = match cfg!(target_arch = "x86_64") {
    true => 0o200_000,
    // Both ARMs have it at another place.
    false => 0o40_000,
};

/// The flags of `openat(2)` with which a file could be changed: `O_WRONLY`, `O_RDWR`, `O_CREAT`, `O_TRUNC`.
pub const OPEN_FLAGS_WRITING: u32 = 0o1 | 0o2 | 0o100 | 0o1000;

#[repr(C)]
struct PollDescriptor {
    descriptor: Descriptor,
    events: i16,
    happened: i16,
}

/// Writes once.
pub fn write(descriptor: Descriptor, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads the slice only.
    unsafe { call(arch::WRITE, [word(descriptor), bytes.as_ptr() as usize, bytes.len()]) }
}

/// Reads once.
pub fn read(descriptor: Descriptor, bytes: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes the slice only.
    unsafe { call(arch::READ, [word(descriptor), bytes.as_mut_ptr() as usize, bytes.len()]) }
}

/// Opens a file for reading.
pub fn open_file(path: &CStr) -> Result<Descriptor, Errno> {
    open(path, 0)
}

/// Opens a directory for [`entries`].
pub fn open_directory(path: &CStr) -> Result<Descriptor, Errno> {
    open(path, DIRECTORY)
}

/// Opens a directory only to come back to it: nothing in it can be read by that.
pub fn open_place(path: &CStr) -> Result<Descriptor, Errno> {
    const PLACE: usize = 0o10_000_000;
    open(path, PLACE | DIRECTORY)
}

fn open(path: &CStr, flags: usize) -> Result<Descriptor, Errno> {
    // SAFETY: the path is a string.
    let descriptor = unsafe {
        call(
            arch::OPENAT,
            [
                CURRENT_DIRECTORY as usize,
                path.as_ptr() as usize,
                flags | CLOSE_ON_EXEC,
                0,
            ],
        )
    }?;
    Ok(descriptor as Descriptor)
}

/// Reads the next of a directory's entries into a buffer, as `getdents64(2)` lays them out; returns how many bytes, 0 at the end.
pub fn entries(directory: Descriptor, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes the slice only.
    unsafe {
        call(
            arch::GETDENTS64,
            [word(directory), buffer.as_mut_ptr() as usize, buffer.len()],
        )
    }
}

/// A file's type and permissions (`st_mode`), links followed.
pub fn file_kind_and_mode(path: &CStr) -> Result<u16, Errno> {
    const WANT_TYPE_AND_MODE: usize = 0x3;
    const MODE_OFFSET: usize = 28;
    // `struct statx` is the same on every architecture.
    let mut status = [0u8; 256];
    // SAFETY: the path is a string, and the kernel writes 256 bytes.
    unsafe {
        call(
            arch::STATX,
            [
                CURRENT_DIRECTORY as usize,
                path.as_ptr() as usize,
                0,
                WANT_TYPE_AND_MODE,
                status.as_mut_ptr() as usize,
            ],
        )
    }?;
    Ok(u16::from_le_bytes([status[MODE_OFFSET], status[MODE_OFFSET + 1]]))
}

/// Whether the file system that a file is on was mounted with `noexec`.
pub fn is_mounted_noexec(path: &CStr) -> bool {
    const NOEXEC: u8 = 8;
    // More than any architecture's structure takes, and aligned like a word.
    let mut status = [0u64; 16];
    let start = status.as_mut_ptr() as usize;
    // SAFETY: the path is a string, and the kernel writes at most 120 bytes.
    let result = unsafe {
        if cfg!(target_arch = "arm") {
            // This call (statfs64) wants the size of its structure, in between.
            call(arch::STATFS, [path.as_ptr() as usize, 84, start])
        } else {
            call(arch::STATFS, [path.as_ptr() as usize, start])
        }
    };
    // Little-endian: the flag is in the first byte.
    let flags = status[arch::STATFS_FLAGS_OFFSET / 8].to_le_bytes()[arch::STATFS_FLAGS_OFFSET % 8];
    result.is_ok() && flags & NOEXEC != 0
}

/// Closes a descriptor.
pub fn close(descriptor: Descriptor) {
    // SAFETY: takes no pointers; descriptors are plain numbers here, and nobody else owns them.
    let _ = unsafe { call(arch::CLOSE, [word(descriptor)]) };
}

/// Closes a range of descriptors, both ends included. Kernels before 5.9 cannot: then they stay open, and nothing depends on it.
pub fn close_range(first: u32, last: u32) {
    // SAFETY: as for `close`.
    let _ = unsafe { call(arch::CLOSE_RANGE, [first as usize, last as usize, 0]) };
}

/// A pipe that `execve` closes: its reading end and its writing end.
pub fn pipe() -> Result<(Descriptor, Descriptor), Errno> {
    let mut ends: [Descriptor; 2] = [0; 2];
    // SAFETY: the kernel writes two descriptors.
    unsafe { call(arch::PIPE2, [ends.as_mut_ptr() as usize, CLOSE_ON_EXEC]) }?;
    Ok((ends[0], ends[1]))
}

/// Sleeps until a descriptor has something to read, or the time is up; without a time only the descriptor ends the sleep.
pub fn wait_readable(descriptor: Descriptor, milliseconds_max: Option<u64>) {
    const READABLE: i16 = 1;
    let mut poll = PollDescriptor {
        descriptor,
        events: READABLE,
        happened: 0,
    };
    // `struct timespec` of words, which is what these calls take on the three.
    let mut time = milliseconds_max.map(|milliseconds| {
        [
            (milliseconds / 1000) as isize,
            (milliseconds % 1000 * 1_000_000) as isize,
        ]
    });
    let pointer = time
        .as_mut()
        .map_or(core::ptr::null_mut(), |time: &mut [isize; 2]| time.as_mut_ptr());
    // SAFETY: the kernel reads and writes one structure, and reads (or, with the time that is left, writes) one time of ours.
    let _ = unsafe { call(arch::PPOLL, [&raw mut poll as usize, 1, pointer as usize, 0, 0]) };
}
