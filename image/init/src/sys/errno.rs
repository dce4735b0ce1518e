//! Error numbers, and what they mean for someone who wants a program started.

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
    pub fn reason(self) -> &'static str {
        self.text_of(&REASONS).unwrap_or("the kernel refuses")
    }

    /// What `strerror(3)` of the GNU C library says, for the errors that starting a program can meet.
    pub fn libc_text(self) -> &'static str {
        self.text_of(&LIBC_TEXTS).unwrap_or("Unknown error")
    }

    fn text_of(self, texts: &'static [(u8, &'static str)]) -> Option<&'static str> {
        let known = texts.iter().find(|(number, _)| i32::from(*number) == self.0);
        known.map(|(_, text)| *text)
    }
}

static REASONS: [(u8, &str); 18] = [
    (1, "operation not permitted (a security policy forbids it)"),
    (2, "no such file"),
    (5, "input/output error"),
    (7, "arguments and environment are too long"),
    (8, "not a program for this machine, and no script that begins with #!"),
    (11, "no more processes can be started (a limit of processes is reached)"),
    (12, "out of memory"),
    (13, "permission denied"),
    (20, "a part of its path is not a directory"),
    (21, "its interpreter is a directory"),
    (22, "its ELF header is invalid"),
    (23, "too many open files"),
    (24, "too many open files"),
    (26, "the file is being written"),
    (36, "its path is too long"),
    (38, "the kernel lacks a system call"),
    (40, "too many symbolic links"),
    (80, "its interpreter is not an ELF loader"),
];

static LIBC_TEXTS: [(u8, &str); 22] = [
    (1, "Operation not permitted"),
    (2, "No such file or directory"),
    (3, "No such process"),
    (5, "Input/output error"),
    (6, "No such device or address"),
    (7, "Argument list too long"),
    (8, "Exec format error"),
    (9, "Bad file descriptor"),
    (11, "Resource temporarily unavailable"),
    (12, "Cannot allocate memory"),
    (13, "Permission denied"),
    (20, "Not a directory"),
    (21, "Is a directory"),
    (22, "Invalid argument"),
    (23, "Too many open files in system"),
    (24, "Too many open files"),
    (25, "Inappropriate ioctl for device"),
    (26, "Text file busy"),
    (36, "File name too long"),
    (38, "Function not implemented"),
    (40, "Too many levels of symbolic links"),
    (80, "Accessing a corrupted shared library"),
];
