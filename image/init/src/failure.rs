//! Why a program did not start, told apart as far as it can be: for the person who has to mend it.

use crate::message::{Message, Part};
use crate::status;
use crate::sys::{self, Errno};
use crate::text;
use crate::text::Text;
use core::ffi::CStr;

/// How much of a file is looked at: an ELF header, or the first line of a script.
const HEAD_SIZE: usize = 256;

/// What there is in the place of a program that cannot be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Type and permissions; nothing if there is nothing, or nothing that we may see.
    pub mode: Option<u16>,
    /// Its file system is mounted so that nothing on it can be executed.
    pub is_noexec: bool,
    /// How it begins.
    pub head: [u8; HEAD_SIZE],
    /// How much of it that is.
    pub head_size: usize,
}

/// Why a program did not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no such program.
    NotFound,
    /// It is a directory.
    Directory,
    /// Nobody may execute it.
    NoExecuteBit,
    /// Its mount has `noexec`.
    NoExecMount,
    /// Not for this user, on the way to it or of its interpreter.
    NotPermitted,
    /// The interpreter after its `#!` does not exist.
    NoInterpreter,
    /// The loader that its ELF header asks for does not exist.
    NoLoader,
    /// It is a program for another machine: `e_machine` of its ELF header.
    OtherMachine(u16),
    /// It is empty.
    Empty,
    /// It is text, without an interpreter.
    NoShebang,
    /// Anything else.
    Other(Errno),
}

impl Facts {
    /// Looks at a path.
    #[cold]
    #[inline(never)]
    pub fn of(path: &CStr) -> Self {
        let mut head = [0; HEAD_SIZE];
        let mut head_size = 0;
        if let Ok(file) = sys::open_file(path) {
            head_size = sys::read(file, &mut head).unwrap_or_default();
            sys::close(file);
        }
        Self {
            mode: sys::file_kind_and_mode(path).ok(),
            is_noexec: sys::is_mounted_noexec(path),
            head,
            head_size,
        }
    }

    fn head(&self) -> &[u8] {
        self.head.get(..self.head_size).unwrap_or_default()
    }

    /// `e_machine`, of a little-endian ELF file.
    fn elf_machine(&self) -> Option<u16> {
        match self.head() {
            [0x7f, b'E', b'L', b'F', rest @ ..] => Some(u16::from_le_bytes([*rest.get(14)?, *rest.get(15)?])),
            _ => None,
        }
    }
}

impl Reason {
    /// What `execve(2)`'s error means for this file.
    pub fn of(errno: Errno, facts: &Facts) -> Self {
        const TYPE: u16 = 0o170_000;
        const DIRECTORY: u16 = 0o040_000;
        let is_elf = facts.elf_machine();
        match (errno, facts.mode) {
            (Errno::NO_ENTRY, Some(_)) if is_elf.is_some() => Self::NoLoader,
            (Errno::NO_ENTRY, Some(_)) => Self::NoInterpreter,
            (Errno::NO_ENTRY | Errno::NOT_DIRECTORY | Errno::NAME_TOO_LONG, _) => Self::NotFound,
            (Errno::ACCESS, Some(mode)) if mode & TYPE == DIRECTORY => Self::Directory,
            (Errno::ACCESS, Some(mode)) if mode & 0o111 == 0 => Self::NoExecuteBit,
            (Errno::ACCESS, Some(_)) if facts.is_noexec => Self::NoExecMount,
            (Errno::ACCESS, _) => Self::NotPermitted,
            (Errno::NO_EXECUTABLE, _) => match is_elf {
                Some(machine) if machine != sys::ELF_MACHINE => Self::OtherMachine(machine),
                Some(_) => Self::Other(errno),
                None if facts.head().is_empty() => Self::Empty,
                None if facts.head().starts_with(b"#!") => Self::NoInterpreter,
                None => Self::NoShebang,
            },
            _ => Self::Other(errno),
        }
    }

    /// The exit code.
    pub fn status(self) -> u8 {
        match self {
            Self::NotFound => status::NOT_FOUND,
            _ => status::CANNOT_EXECUTE,
        }
    }

    /// The sentence for standard error. `program` is as it was typed.
    #[cold]
    #[inline(never)]
    pub fn message(self, program: &CStr, facts: &Facts) -> Message {
        let reason = |text| Part::Line(text, 0);
        let (template, subject) = match self {
            Self::NotFound if program.to_bytes().contains(&b'/') => (text!("%: not found"), Part::NOTHING),
            Self::NotFound => (text!("%: not found in any directory of PATH"), Part::NOTHING),
            Self::Directory => (CANNOT, reason(text!("it is a directory"))),
            Self::NoExecuteBit => (CANNOT, reason(text!("nobody may execute it (chmod +x)"))),
            Self::NoExecMount => (CANNOT, reason(text!("it is on a mount with noexec"))),
            Self::NotPermitted => (
                CANNOT,
                reason(text!(
                    "permission denied for this user, on the way to it or of its interpreter"
                )),
            ),
            Self::NoInterpreter => (CANNOT, reason(text!("its interpreter does not exist: "))),
            Self::NoLoader => (
                CANNOT,
                reason(text!("its ELF loader does not exist (it was built for another system)")),
            ),
            Self::OtherMachine(_) => (CANNOT, reason(text!("it is a program for "))),
            Self::Empty => (CANNOT, reason(text!("it is empty"))),
            Self::NoShebang => (
                CANNOT,
                reason(text!("not a program, and no script that begins with #!")),
            ),
            Self::Other(errno) => (CANNOT, errno.reason()),
        };
        let mut message = Message::new();
        message.fill(template, &[Part::Bytes(program.to_bytes()), subject]);
        match self {
            Self::NoInterpreter => {
                message.bytes(interpreter(facts.head()));
            }
            Self::OtherMachine(machine) => {
                let names = [machine_name(machine), machine_name(sys::ELF_MACHINE)];
                message.fill(text!("%, and this machine is %"), &names);
            }
            _ => {}
        }
        message
    }
}

const CANNOT: Text = text!("%: cannot be executed: %");

/// What stands after `#!`, up to the end of its line.
fn interpreter(head: &[u8]) -> &[u8] {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.strip_prefix(b"#!").unwrap_or(line).trim_ascii()
}

/// elf.h's `EM_*`, as far as containers are made for them.
static MACHINES: [u16; 8] = [3, 21, 22, 40, 62, 183, 243, 258];

/// In their order; the last one stands for all others.
const MACHINE_NAMES: Text = text!(
    "\
32-bit x86 (i386)
PowerPC (ppc64le)
IBM Z (s390x)
32-bit ARM (arm)
x86-64 (amd64)
64-bit ARM (arm64)
RISC-V (riscv64)
LoongArch (loong64)
another architecture"
);

fn machine_name(machine: u16) -> Part<'static> {
    let known = MACHINES.iter().position(|number| *number == machine);
    Part::Line(MACHINE_NAMES, known.unwrap_or(MACHINES.len()) as u8)
}

#[cfg(test)]
mod tests;
