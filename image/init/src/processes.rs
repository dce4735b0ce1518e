//! The processes around us, read from /proc without keeping any.

use crate::message::decimal;
use crate::stat::{self, Stat};
use crate::sys::{self, Descriptor, Errno, ProcessId};
use core::ffi::CStr;

/// `/proc/4194304/cgroup` is as long as paths get here.
const PATH_SIZE: usize = 32;
/// Even with a name of brackets a `stat` has less than this before the fields that count.
const STAT_SIZE: usize = 512;
/// Directory entries are read so many bytes at once.
const ENTRIES_SIZE: usize = 1024;
/// A chain of parents that is longer than this is no chain: it changed while it was followed.
const DEPTH_MAX: usize = 4096;

/// A place for the content of a `stat`.
pub struct Buffer([u8; STAT_SIZE]);

impl Buffer {
    /// An empty one.
    #[allow(clippy::new_without_default, reason = "an empty buffer is a place, not a value")]
    pub fn new() -> Self {
        Self([0; STAT_SIZE])
    }
}

/// A path below /proc, made in place.
struct Path {
    bytes: [u8; PATH_SIZE],
    size: usize,
}

impl Path {
    fn of(process: ProcessId, file: &[u8]) -> Self {
        let mut path = Self {
            bytes: [0; PATH_SIZE],
            size: 0,
        };
        path.append(b"/proc/");
        let mut digits = [0; 10];
        path.append(decimal(process.unsigned_abs(), &mut digits));
        path.append(file);
        path
    }

    /// The last byte stays zero.
    fn append(&mut self, part: &[u8]) {
        for byte in part {
            if let Some(place) = self.bytes.get_mut(self.size).filter(|_| self.size < PATH_SIZE - 1) {
                *place = *byte;
                self.size += 1;
            }
        }
    }

    fn path(&self) -> &CStr {
        // SAFETY: the last byte is never written and stays zero.
        unsafe { CStr::from_ptr(self.bytes.as_ptr().cast()) }
    }
}

/// Reads one process's `stat`.
pub fn stat(process: ProcessId, buffer: &mut Buffer) -> Option<Stat<'_>> {
    let size = read(process, b"/stat", &mut buffer.0)?;
    Stat::parse(buffer.0.get(..size)?)
}

/// Reads a file of a process from its beginning; returns how much.
pub fn read(process: ProcessId, file: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let descriptor = sys::open_file(Path::of(process, file).path()).ok()?;
    let size = sys::read(descriptor, buffer);
    sys::close(descriptor);
    size.ok()
}

/// Calls for every process that we can see, with its id.
///
/// # Errors
///
/// When /proc cannot be read, or is not what it is called: an empty directory, or another namespace's.
pub fn for_each(each: &mut dyn FnMut(ProcessId)) -> Result<(), Errno> {
    let us = sys::process_id();
    let mut are_we_there = false;
    let directory = sys::open_directory(c"/proc")?;
    let result = for_each_entry(directory, &mut |name| {
        if let Some(process) = stat::number(name) {
            are_we_there |= process as ProcessId == us;
            each(process as ProcessId);
        }
    });
    sys::close(directory);
    result.and(if are_we_there { Ok(()) } else { Err(Errno::NO_ENTRY) })
}

/// `struct linux_dirent64`: two words of 64 bits, the entry's size in 16, its type in 8, and its name.
fn for_each_entry(directory: Descriptor, each: &mut dyn FnMut(&[u8])) -> Result<(), Errno> {
    const SIZE_OFFSET: usize = 16;
    const NAME_OFFSET: usize = 19;
    let mut buffer = [0; ENTRIES_SIZE];
    loop {
        let size = sys::entries(directory, &mut buffer)?;
        let mut rest = buffer.get(..size).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        while let [low, high] = *rest.get(SIZE_OFFSET..SIZE_OFFSET + 2).unwrap_or_default() {
            let (entry, after) = rest
                .split_at_checked(usize::from(u16::from_le_bytes([low, high])))
                .unwrap_or_default();
            let name = entry.get(NAME_OFFSET..).unwrap_or_default();
            each(name.split(|byte| *byte == 0).next().unwrap_or_default());
            rest = after;
        }
    }
}

/// Whether a process descends from another one. Ids are given anew, so this is true of the process that had this id while its chain
/// of parents was followed: who means to act on it holds it with [`sys::open_process`] first.
pub fn descends(process: ProcessId, ancestor: ProcessId, buffer: &mut Buffer) -> bool {
    let mut current = process;
    for _ in 0..DEPTH_MAX {
        let Some(parent) = stat(current, buffer).map(|stat| stat.parent) else {
            return false;
        };
        if parent == ancestor {
            return true;
        }
        if parent <= 1 {
            return false;
        }
        current = parent;
    }
    false
}
