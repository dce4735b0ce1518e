//! Error numbers, and what they mean for someone who wants a program started.

use crate::message::Part;
use crate::text;
use crate::text::Text;

/// An error number of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    /// There is no such file.
    pub const NO_ENTRY: Self = Self(2);
    /// A signal came in between.
    pub const INTERRUPTED: Self = Self(4);
    /// There is no such process.
    pub const NO_PROCESS: Self = Self(3);
    /// There is no such device.
    pub const NO_DEVICE: Self = Self(6);
    /// Not a program that this kernel can execute.
    pub const NO_EXECUTABLE: Self = Self(8);
    /// Not permitted.
    pub const ACCESS: Self = Self(13);
    /// A part of the path is no directory.
    pub const NOT_DIRECTORY: Self = Self(20);
    /// Not as the kernel, or an emulator, knows it.
    pub const INVALID: Self = Self(22);
    /// Not a terminal, or not ours.
    pub const NO_TERMINAL: Self = Self(25);
    /// The path is too long.
    pub const NAME_TOO_LONG: Self = Self(36);

    /// The reason, as the end of a sentence.
    pub fn reason(self) -> Part<'static> {
        self.part_of(&REASON_NUMBERS, REASONS)
    }

    /// What `strerror(3)` of the GNU C library says, for the errors that starting a program can meet.
    pub fn libc_text(self) -> Part<'static> {
        self.part_of(&LIBC_NUMBERS, LIBC_TEXTS)
    }

    /// The line at the place of this number; the line after all of them for any other.
    fn part_of(self, numbers: &[u8], lines: Text) -> Part<'static> {
        let known = numbers.iter().position(|number| i32::from(*number) == self.0);
        Part::Line(lines, known.unwrap_or(numbers.len()) as u8)
    }
}

static REASON_NUMBERS: [u8; 18] = [1, 2, 5, 7, 8, 11, 12, 13, 20, 21, 22, 23, 24, 26, 36, 38, 40, 80];

const REASONS: Text = text!(
    "\
operation not permitted (a security policy forbids it)
no such file
input/output error
arguments and environment are too long
not a program for this machine, and no script that begins with #!
no more processes can be started (a limit of processes is reached)
out of memory
permission denied
a part of its path is not a directory
its interpreter is a directory
its ELF header is invalid
too many open files
too many open files
the file is being written
its path is too long
the kernel lacks a system call
too many symbolic links
its interpreter is not an ELF loader
the kernel refuses"
);

static LIBC_NUMBERS: [u8; 22] = [
    1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 20, 21, 22, 23, 24, 25, 26, 36, 38, 40, 80,
];

const LIBC_TEXTS: Text = text!(
    "\
Operation not permitted
No such file or directory
No such process
Input/output error
No such device or address
Argument list too long
Exec format error
Bad file descriptor
Resource temporarily unavailable
Cannot allocate memory
Permission denied
Not a directory
Is a directory
Invalid argument
Too many open files in system
Too many open files
Inappropriate ioctl for device
Text file busy
File name too long
Function not implemented
Too many levels of symbolic links
Accessing a corrupted shared library
Unknown error"
);
