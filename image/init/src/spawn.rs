//! Starts the program, and finds out for certain whether it started.
//!
//! The child writes to a pipe why the program cannot be executed; executing it closes the pipe. So an empty pipe means success,
//! whether child and parent share memory, as the kernel has it, or not, as an emulator has it.

use crate::message::Message;
use crate::process::Process;
use crate::search::{self, Candidate};
use crate::signals::Signals;
use crate::status;
use crate::sys::{self, Descriptor, Errno, ProcessId};
use crate::terminal::Terminal;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_void};

/// Why the program did not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No process could be started.
    NoProcess(Errno),
    /// There is no such program.
    NotFound,
    /// There is one, and the kernel does not execute it.
    NotExecutable(Errno),
    /// There is one, and the interpreter that it names does not exist.
    NoInterpreter,
}

impl Failure {
    /// The exit code.
    pub fn status(self) -> u8 {
        match self {
            Self::NotFound => status::NOT_FOUND,
            Self::NoProcess(_) | Self::NotExecutable(_) | Self::NoInterpreter => status::CANNOT_EXECUTE,
        }
    }

    /// The sentence for standard error.
    pub fn message(self, program: &CStr) -> Message {
        let message = Message::new().bytes(program.to_bytes());
        match self {
            Self::NoProcess(errno) => message.text(": cannot be started: ").text(errno.reason()),
            Self::NotFound if program.to_bytes().contains(&b'/') => message.text(": not found"),
            Self::NotFound => message.text(": not found in any directory of PATH"),
            Self::NotExecutable(errno) => message.text(": cannot be executed: ").text(errno.reason()),
            Self::NoInterpreter => {
                message.text(": cannot be executed: its interpreter (after #!, or its ELF loader) does not exist")
            }
        }
    }

    /// For the way through the pipe: which one, and the error number.
    fn to_bytes(self) -> [u8; 5] {
        let (kind, errno) = match self {
            Self::NoProcess(errno) => (0, errno.0),
            Self::NotFound => (1, 0),
            Self::NotExecutable(errno) => (2, errno.0),
            Self::NoInterpreter => (3, 0),
        };
        let [a, b, c, d] = errno.to_ne_bytes();
        [kind, a, b, c, d]
    }

    fn from_bytes([kind, a, b, c, d]: [u8; 5]) -> Self {
        let errno = Errno(i32::from_ne_bytes([a, b, c, d]));
        match kind {
            0 => Self::NoProcess(errno),
            1 => Self::NotFound,
            3 => Self::NoInterpreter,
            _ => Self::NotExecutable(errno),
        }
    }
}

/// What the child needs to know; it only reads.
struct Orders<'a> {
    process: &'a Process,
    program_index: usize,
    signals: &'a Signals,
    terminal: &'a Terminal,
    failure_pipe: Descriptor,
}

/// Room for the child's few calls, even unoptimised ones. Untouched pages cost nothing.
const STACK_SIZE: usize = 64 * 1024;

#[repr(C, align(16))]
struct Stack(UnsafeCell<[u8; STACK_SIZE]>);

// SAFETY: the only user is the one child that `spawn` starts, and there is only one thread.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(UnsafeCell::new([0; STACK_SIZE]));

/// Starts the program as the leader of its own process group, with the signal mask and dispositions that we were given.
pub fn spawn(
    process: &Process,
    program_index: usize,
    signals: &Signals,
    terminal: &Terminal,
) -> Result<ProcessId, Failure> {
    let (reader, writer) = sys::pipe().map_err(Failure::NoProcess)?;
    let orders = Orders {
        process,
        program_index,
        signals,
        terminal,
        failure_pipe: writer,
    };
    // SAFETY: the stack is the child's alone and aligned; the child only reads its orders, which outlive this call: we do not go on
    // before it has executed the program or ended, because then only does the pipe reach its end.
    let child = unsafe { sys::clone(STACK.0.get().add(1).cast(), child, (&raw const orders).cast()) }
        .map_err(Failure::NoProcess)?;
    sys::close(writer);
    let failure = read_failure(reader);
    sys::close(reader);
    match failure {
        None => Ok(child),
        Some(failure) => {
            sys::wait_for(child);
            Err(failure)
        }
    }
}

fn read_failure(reader: Descriptor) -> Option<Failure> {
    let mut bytes = [0; 5];
    loop {
        match sys::read(reader, &mut bytes) {
            Err(Errno::INTERRUPTED) => {}
            Ok(size) if size == bytes.len() => return Some(Failure::from_bytes(bytes)),
            _ => return None,
        }
    }
}

/// # Safety
///
/// `orders` points to [`Orders`].
unsafe extern "C" fn child(orders: *const c_void) -> ! {
    // SAFETY: the caller's promise.
    let orders = unsafe { &*orders.cast::<Orders>() };
    let _ = sys::lead_process_group();
    orders.terminal.pass_to_child();
    orders.signals.restore();
    let failure = execute(orders.process, orders.program_index);
    let _ = sys::write(orders.failure_pipe, &failure.to_bytes());
    sys::exit(failure.status())
}

/// Executes the first candidate that can be executed. One that exists and cannot be executed is skipped as `execvp(3)` does it, and is
/// the reason to tell if nothing better follows.
fn execute(process: &Process, program_index: usize) -> Failure {
    let program = process.argument(program_index);
    let mut candidate = Candidate::new();
    let Some(directories) = search::directories(program, process.variable(b"PATH")) else {
        return execute_path(process, program_index, program);
    };
    let mut failure = Failure::NotFound;
    for directory in directories {
        if program.is_empty() || !candidate.set(directory, program.to_bytes()) {
            continue;
        }
        match execute_path(process, program_index, candidate.path()) {
            Failure::NotFound => {}
            Failure::NotExecutable(Errno::ACCESS) => failure = Failure::NotExecutable(Errno::ACCESS),
            decisive => return decisive,
        }
    }
    failure
}

fn execute_path(process: &Process, program_index: usize, path: &CStr) -> Failure {
    // SAFETY: both arrays are as the kernel made them for us.
    match unsafe { sys::execute(path, process.arguments_from(program_index), process.environment()) } {
        Errno::NO_ENTRY if sys::exists(path) => Failure::NoInterpreter,
        Errno::NO_ENTRY | Errno::NOT_DIRECTORY | Errno::NAME_TOO_LONG => Failure::NotFound,
        errno => Failure::NotExecutable(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        Failure::NotFound,
        c"claud",
        127,
        "box-init: claud: not found in any directory of PATH\n"
    )]
    #[case(Failure::NotFound, c"/no", 127, "box-init: /no: not found\n")]
    #[case(
        Failure::NotExecutable(Errno::ACCESS),
        c"/etc",
        126,
        "box-init: /etc: cannot be executed: permission denied (a directory, a file without the x bit, or a mount with noexec)\n"
    )]
    #[case(
        Failure::NoInterpreter,
        c"run.sh",
        126,
        "box-init: run.sh: cannot be executed: its interpreter (after #!, or its ELF loader) does not exist\n"
    )]
    #[case(
        Failure::NoProcess(Errno(11)),
        c"sh",
        126,
        "box-init: sh: cannot be started: no more processes can be started (a limit of processes is reached)\n"
    )]
    fn exit_code_and_sentence(
        #[case] failure: Failure,
        #[case] program: &CStr,
        #[case] status: u8,
        #[case] sentence: &str,
    ) {
        assert_eq!(failure.status(), status);
        assert_eq!(String::from_utf8_lossy(failure.message(program).line()), sentence);
        assert_eq!(Failure::from_bytes(failure.to_bytes()), failure);
    }
}
