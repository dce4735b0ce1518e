//! Finds a program and becomes it.

use crate::process::Process;
use crate::search::{self, Candidate};
use crate::sys::{self, Errno};
use core::ffi::CStr;

/// Executes the first candidate that can be executed. One that exists and cannot be executed is skipped as `execvp(3)` does it, and
/// is the reason to tell if nothing better follows. Returns why none could, and which path that is about.
///
/// With `texts_are_shells`, a text without `#!` is a shell's, as the C library has it.
pub fn execute<'a>(
    process: &Process,
    program_index: usize,
    texts_are_shells: bool,
    candidate: &'a mut Candidate,
) -> (Errno, &'a CStr) {
    let program = process.argument(program_index);
    let try_path = |path: &CStr| execute_path(process, program_index, path, texts_are_shells);
    let Some(directories) = search::directories(program, process.variable(b"PATH")) else {
        let errno = try_path(program);
        candidate.hold(program);
        return (errno, candidate.path());
    };
    let mut failure = Errno::NO_ENTRY;
    // Which of them was it? The first that exists, kept apart while others are tried.
    let mut refused = Candidate::new();
    for directory in directories {
        if program.is_empty() || !candidate.set(directory, program.to_bytes()) {
            continue;
        }
        match try_path(candidate.path()) {
            Errno::NO_ENTRY if !texts_are_shells && sys::file_kind_and_mode(candidate.path()).is_ok() => {
                return (Errno::NO_ENTRY, candidate.path());
            }
            errno @ (Errno::NO_ENTRY | Errno::NOT_DIRECTORY | Errno::NAME_TOO_LONG) => {
                if failure != Errno::ACCESS {
                    failure = errno;
                }
            }
            Errno::ACCESS => {
                if failure != Errno::ACCESS {
                    refused.hold(candidate.path());
                }
                failure = Errno::ACCESS;
            }
            decisive => return (decisive, candidate.path()),
        }
    }
    if failure == Errno::ACCESS {
        candidate.hold(refused.path());
    }
    (failure, candidate.path())
}

fn execute_path(process: &Process, program_index: usize, path: &CStr, texts_are_shells: bool) -> Errno {
    // SAFETY: both arrays are as the kernel made them for us.
    let errno = unsafe { sys::execute(path, process.arguments_from(program_index), process.environment()) };
    if errno != Errno::NO_EXECUTABLE || !texts_are_shells {
        return errno;
    }
    // SAFETY: as above; the place before the program's name holds an argument of ours, which nobody reads any more.
    unsafe {
        let arguments = process.arguments_for_shell(program_index, c"/bin/sh", path);
        sys::execute(c"/bin/sh", arguments, process.environment())
    }
}
