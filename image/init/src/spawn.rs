//! Starts the program, and finds out for certain whether it started.
//!
//! The child writes to a pipe why the program cannot be executed; executing it closes the pipe. So an empty pipe means success,
//! whether child and parent share memory, as the kernel has it, or not, as an emulator has it.

use crate::execute;
use crate::failure::{Facts, Reason};
use crate::message::{Message, Part};
use crate::plan::{Place, Plan};
use crate::process::Process;
use crate::search::{Candidate, PATH_SIZE_MAX};
use crate::signals::Signals;
use crate::status;
use crate::sys::{self, Descriptor, Errno, ProcessId};
use crate::terminal::Terminal;
use crate::text;
use crate::voice::Said;
use core::ffi::{CStr, c_void};

/// dumb-init's exit code for a program that cannot be executed.
const DUMB_INIT_CANNOT_EXECUTE: u8 = 2;
const TINI_CANNOT_EXECUTE: u8 = 1;

/// What the child needs to know; it only reads.
struct Orders<'a> {
    process: &'a Process,
    plan: &'a Plan,
    signals: &'a Signals,
    terminal: &'a Terminal,
    place: Option<Descriptor>,
    failure_pipe: Option<Descriptor>,
}

/// Room for the calls under way when the child begins, even unoptimised ones and what compilers keep below the stack pointer; and
/// for its own, of which two paths are most. The kernel gives a stack of 8 MB, of which untouched pages cost nothing.
const DISTANCE: usize = 64 * 1024;

/// Starts the program with the signal mask and dispositions that we were given. If there is none to start, it is said why, and the
/// exit code is returned. `place` is the directory to start it in, if we have left it.
pub fn spawn(
    process: &Process,
    plan: &Plan,
    signals: &Signals,
    terminal: &Terminal,
    place: Option<Descriptor>,
) -> Result<ProcessId, u8> {
    // Whoever does not explain failures leaves it to the child to tell them and to end.
    let pipe = match plan.explains_failure.then(sys::pipe).transpose() {
        Ok(pipe) => pipe,
        Err(errno) => return Err(no_process(process, plan, errno)),
    };
    let orders = Orders {
        process,
        plan,
        signals,
        terminal,
        place,
        failure_pipe: pipe.map(|(_, writer)| writer),
    };
    // SAFETY: the child's stack is ours, so far below what we use of it that it is the child's alone, and aligned; the child only
    // reads its orders, which outlive this call: the kernel lets us go on only when it has executed the program or ended, and
    // where memory is not shared it has orders of its own.
    let child = unsafe {
        let top = ((&raw const orders) as usize - DISTANCE) & !15;
        sys::clone(top as *mut c_void, child, (&raw const orders).cast())
    };
    let child = match child {
        Ok(child) => child,
        Err(errno) => return Err(no_process(process, plan, errno)),
    };
    let Some((reader, writer)) = pipe else {
        return Ok(child);
    };
    sys::close(writer);
    let mut failure = [0; 4];
    let size = read(reader, &mut failure);
    if size == failure.len() {
        let code = explain(process, plan, Errno(i32::from_ne_bytes(failure)), reader);
        sys::wait_for(child);
        return Err(code);
    }
    sys::close(reader);
    Ok(child)
}

/// Gives back what the start took of our stack, the child's part of it among that. For the time after it has started.
#[inline(never)]
pub fn forget() {
    const BELOW: usize = 2 * DISTANCE;
    /// Calls that are under way, and what the compiler keeps below the stack pointer.
    const KEPT: usize = 1024;
    let here = 0u8;
    let end = (&raw const here) as usize - KEPT;
    // SAFETY: the child has its own memory now, or none; and what is below our stack pointer is written before it is read.
    unsafe {
        sys::forget(end - BELOW, BELOW);
    }
}

fn read(reader: Descriptor, bytes: &mut [u8]) -> usize {
    loop {
        match sys::read(reader, bytes) {
            Err(Errno::INTERRUPTED) => {}
            result => return result.unwrap_or_default(),
        }
    }
}

/// Tells why the program cannot be executed: the path follows the error number in the pipe.
#[cold]
#[inline(never)]
fn explain(process: &Process, plan: &Plan, errno: Errno, reader: Descriptor) -> u8 {
    let mut path = [0; PATH_SIZE_MAX];
    read(reader, &mut path);
    let [.., last] = &mut path;
    *last = 0;
    // SAFETY: the last byte is zero, so there is an end within the array.
    let path = unsafe { CStr::from_ptr(path.as_ptr().cast()) };
    let facts = Facts::of(path);
    let reason = Reason::of(errno, &facts);
    reason.message(process.argument(plan.program_index), &facts).to_stderr();
    reason.status()
}

#[cold]
#[inline(never)]
fn no_process(process: &Process, plan: &Plan, errno: Errno) -> u8 {
    if plan.voice.is_silent() {
        let program = process.argument(plan.program_index).to_bytes();
        Message::new()
            .fill(
                text!("%: cannot be started: %"),
                &[Part::Bytes(program), errno.reason()],
            )
            .to_stderr();
        return status::CANNOT_EXECUTE;
    }
    plan.voice.say(Said::NoChild(errno));
    1
}

/// # Safety
///
/// `orders` points to [`Orders`].
unsafe extern "C" fn child(orders: *const c_void) -> ! {
    // SAFETY: the caller's promise.
    let orders = unsafe { &*orders.cast::<Orders>() };
    let plan = orders.plan;
    match plan.place {
        Place::Here => {}
        Place::Group => {
            let _ = sys::lead_process_group();
            if let Err(errno) = orders.terminal.pass_to_child() {
                plan.voice.say(Said::NoForeground(errno));
            }
        }
        Place::Session => {
            if let Err(errno) = sys::lead_session() {
                plan.voice.say(Said::NoSession(errno));
                sys::exit(1);
            }
            if let Err(errno) = sys::attach_terminal(sys::STDIN) {
                plan.voice.say(Said::NoTerminal(errno));
            }
            plan.voice.say(Said::SessionReady);
        }
    }
    if let Some(place) = orders.place {
        let _ = sys::change_to_directory(place);
    }
    orders.signals.restore();
    let mut candidate = Candidate::new();
    let (errno, path) = execute::execute(
        orders.process,
        plan.program_index,
        !plan.explains_failure,
        &mut candidate,
    );
    if let Some(pipe) = orders.failure_pipe {
        let _ = sys::write(pipe, &errno.0.to_ne_bytes());
        let _ = sys::write(pipe, path.to_bytes_with_nul());
        sys::exit(status::CANNOT_EXECUTE);
    }
    plan.voice
        .say(Said::CannotExecute(orders.process.argument(plan.program_index), errno));
    sys::exit(match errno {
        _ if plan.clears_signals => DUMB_INIT_CANNOT_EXECUTE,
        Errno::NO_ENTRY => status::NOT_FOUND,
        Errno::ACCESS => status::CANNOT_EXECUTE,
        _ => TINI_CANNOT_EXECUTE,
    })
}
