//! The parts of `box-init`.
//!
//! ```text
//! arguments --> signals blocked --> child started --> loop: wait, forward, reap --> exit code
//! ```
//!
//! Two phases. Up to the start of the child any failure ends `box-init` with a sentence. From then on nothing does: the loop ends
//! only with the child, because PID 1's end takes the whole container along.
//!
//! What decides is pure and tested by table: [`arguments`], [`status`], [`search`], [`message`]. What acts is thin: [`signals`],
//! [`spawn`], [`terminal`], [`supervise`], all of it through [`sys`]. Nothing allocates, nothing formats, nothing needs `/proc`, a
//! writable path or a particular user.

#![cfg_attr(not(test), no_std)]
// Tests may expect.
#![cfg_attr(test, allow(clippy::expect_used))]
#![allow(
    unsafe_code,
    reason = "system calls are made directly; each block says why it is sound"
)]

pub mod arguments;
pub mod message;
pub mod process;
pub mod search;
pub mod signals;
pub mod spawn;
pub mod status;
pub mod supervise;
pub mod sys;
pub mod terminal;

use arguments::Command;
use message::Message;
use process::Process;
use signals::Signals;
use terminal::Terminal;

/// Runs `box-init` to its exit code.
pub fn main(process: &Process) -> u8 {
    match arguments::parse(process.arguments()) {
        Ok(Command::Help) => print(arguments::HELP),
        Ok(Command::Version) => print(concat!("box-init ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Run { program_index }) => run(process, program_index),
        Err(error) => {
            error.message().to_stderr();
            status::USAGE
        }
    }
}

fn print(text: &str) -> u8 {
    match sys::write(sys::STDOUT, text.as_bytes()) {
        Ok(_) => 0,
        Err(_) => status::CANNOT_EXECUTE,
    }
}

fn run(process: &Process, program_index: usize) -> u8 {
    let signals = match Signals::block() {
        Ok(signals) => signals,
        Err(errno) => {
            Message::new()
                .text("cannot take over signals: ")
                .text(errno.reason())
                .to_stderr();
            return status::CANNOT_EXECUTE;
        }
    };
    // The environment that we were started with may hold a secret; the program gets it, nobody else does.
    sys::hide_memory();
    // PID 1 of a namespace gets its orphans in any case.
    if sys::process_id() != 1 {
        sys::become_subreaper();
    }
    let terminal = Terminal::of_stdin();
    match spawn::spawn(process, program_index, &signals, &terminal) {
        Ok(child) => supervise::until_end(child, signals, &terminal),
        Err(failure) => {
            failure.message(process.argument(program_index)).to_stderr();
            failure.status()
        }
    }
}
