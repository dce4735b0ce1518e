//! The parts of `box-init`.
//!
//! ```text
//! arguments --> plan --> signals blocked --> child started --> loop: wait, send on, reap, drain --> exit code
//! ```
//!
//! Two phases. Up to the start of the child any failure ends `box-init` with a sentence. From then on nothing does: the loop ends
//! only with the child and what it left behind, because PID 1's end takes the whole container along.
//!
//! What decides is pure and tested by table, by property and exhaustively: [`getopt`], [`personality`], [`plan`], [`machine`],
//! [`status`], [`search`], [`failure`], [`stat`], [`confinement`]'s filter. What acts is thin: [`signals`], [`spawn`], [`terminal`],
//! [`descendants`], [`supervise`], all of it through [`sys`]. Nothing allocates, nothing needs a writable path or a particular user;
//! /proc is read only to find out whom to end, and whom to name.

#![cfg_attr(not(test), no_std)]
// Texts are packed when they are compiled, which takes its time.
#![allow(long_running_const_eval)]
// Tests may expect.
#![cfg_attr(test, allow(clippy::expect_used, clippy::panic))]
#![allow(
    unsafe_code,
    reason = "system calls are made directly; each block says why it is sound"
)]

pub mod confinement;
pub mod descendants;
pub mod execute;
pub mod failure;
pub mod getopt;
pub mod health;
pub mod machine;
pub mod message;
pub mod personality;
pub mod plan;
pub mod process;
pub mod processes;
pub mod search;
pub mod signals;
pub mod spawn;
pub mod stat;
pub mod status;
pub mod supervise;
pub mod sys;
pub mod terminal;
pub mod text;
pub mod voice;

use core::ffi::CStr;
use machine::Machine;
use message::Message;
use personality::{Personality, dumb_init, native, tini};
use plan::{Leave, Place, Plan};
use process::Process;
use signals::Signals;
use supervise::Supervisor;
use sys::Errno;
use terminal::Terminal;
use text::Text;
use voice::Said;

/// Runs `box-init` to its exit code.
pub fn main(process: &Process) -> u8 {
    let called = process.argument(0);
    match Personality::from_name(personality::base_name(called.to_bytes())) {
        Some(other) if other != Personality::Native => be(other, process, called, 1),
        _ => be_native(process),
    }
}

fn be_native(process: &Process) -> u8 {
    match native::parse(process) {
        Ok(native::Command::Run(run)) => start(process, run.plan()),
        Ok(native::Command::As(personality, first)) => {
            // The name that it is called by, for its messages.
            let name = process.argument(first - 1);
            be(personality, process, name, first)
        }
        Ok(native::Command::Health) => health::health(),
        Ok(native::Command::Help) => print(text!(native::HELP.trim_ascii_end())),
        Ok(native::Command::Version) => print(text!(concat!("box-init ", env!("CARGO_PKG_VERSION")))),
        Err(error) => complain(&error),
    }
}

// What is rare is kept out of frames that stay: a message is a page.
#[cold]
#[inline(never)]
fn complain(error: &native::UsageError) -> u8 {
    error.message().to_stderr();
    status::USAGE
}

#[cold]
#[inline(never)]
fn complain_of_signals(errno: Errno) -> u8 {
    Message::new()
        .fill(text!("cannot take over signals: %"), &[errno.reason()])
        .to_stderr();
    status::CANNOT_EXECUTE
}

#[cold]
#[inline(never)]
fn print(text: Text) -> u8 {
    match Message::bare().text(text).write_to(sys::STDOUT) {
        Ok(_) => 0,
        Err(_) => status::CANNOT_EXECUTE,
    }
}

/// Is another init, with the arguments from `first` on.
#[inline(never)]
fn be(personality: Personality, process: &Process, called: &CStr, first: usize) -> u8 {
    // `--as=NAME` in one word.
    let called = called.to_bytes().strip_prefix(b"--as=").unwrap_or(called.to_bytes());
    let is_minimal = personality == Personality::TiniMinimal;
    let arguments = process.arguments_after(first);
    if personality == Personality::DumbInit {
        let is = |name, value| process.variable(name) == Some(value);
        let environment = dumb_init::Environment {
            is_debugging: is(b"DUMB_INIT_DEBUG", c"1"),
            is_single: is(b"DUMB_INIT_SETSID", c"0"),
        };
        return match dumb_init::parse(arguments, environment) {
            Ok(plan) => {
                dumb_init::tell(environment, &plan);
                start(process, plan)
            }
            Err(answer) => answer.give(called),
        };
    }
    let environment = tini::Environment {
        subreaper: process.variable(b"TINI_SUBREAPER").is_some(),
        kill_process_group: process.variable(b"TINI_KILL_PROCESS_GROUP").is_some(),
        verbosity: process.variable(b"TINI_VERBOSITY"),
    };
    match tini::parse(arguments, environment, is_minimal) {
        Ok(plan) => start(process, plan),
        Err(answer) => answer.give(called, is_minimal),
    }
}

fn start(process: &Process, mut plan: Plan) -> u8 {
    let signals = match Signals::block(&plan) {
        Ok(signals) => signals,
        Err(errno) => return complain_of_signals(errno),
    };
    if let Err(code) = prepare(&mut plan) {
        return code;
    }
    let terminal = Terminal::of_stdin();
    // For the program to come back to.
    let mut place = None;
    if plan.leaves_directory == Leave::Before {
        place = sys::open_place(c".").ok();
        leave_directory(&plan);
    }
    let child = match spawn::spawn(process, &plan, &signals, &terminal, place) {
        Ok(child) => child,
        Err(code) => return code,
    };
    let voice = plan.voice;
    voice.say(Said::Spawned(process.argument(plan.program_index), child));
    let_go(&plan, &signals);
    spawn::forget();
    Supervisor {
        machine: Machine::new(plan.policy, child),
        signals: &signals,
        terminal: &terminal,
        voice,
    }
    .until_end()
}

/// What is settled before there is a child.
fn prepare(plan: &mut Plan) -> Result<(), u8> {
    if plan.hides_memory {
        // The environment that we were started with may hold a secret; the program gets it, nobody else does.
        sys::hide_memory();
    }
    if plan.parent_death_signal != 0 && sys::die_with_parent(plan.parent_death_signal).is_err() {
        plan.voice.say(Said::NoParentDeathSignal);
        return Err(1);
    }
    // Process 1 of a namespace gets its orphans in any case.
    if plan.is_subreaper && sys::process_id() != 1 {
        let registered = sys::become_subreaper();
        plan.voice.say(Said::Subreaper(registered));
        if registered.is_err() && plan.warns_without_reaper {
            return Err(1);
        }
    }
    if plan.warns_without_reaper && sys::process_id() != 1 {
        let is_subreaper = sys::is_subreaper();
        if is_subreaper != Ok(true) {
            plan.voice.say(Said::NoReaper(is_subreaper.err()));
        }
    }
    if plan.place == Place::Session {
        let detached = sys::detach_terminal(sys::STDIN).map(|()| sys::session() == sys::process_id());
        if detached == Ok(true) {
            // The kernel sends these two to our group, and they are not meant for the program.
            plan.policy.swallowed_once = sys::bit(sys::SIGHUP) | sys::bit(sys::SIGCONT);
        }
        plan.voice.say(Said::TerminalDetached(detached));
    }
    Ok(())
}

/// Gives up what the child inherited and we do not need: a pipe's reader waits for its last writer, a mount for its last user.
fn let_go(plan: &Plan, signals: &Signals) {
    let kept = signals.descriptor() as u32;
    let first = sys::STDERR as u32 + 1;
    if kept > first {
        sys::close_range(first, kept - 1);
    }
    sys::close_range(kept + 1, u32::MAX);
    if plan.leaves_directory == Leave::After {
        leave_directory(plan);
    }
}

fn leave_directory(plan: &Plan) {
    if let Err(errno) = sys::change_directory(c"/") {
        plan.voice.say(Said::NoRoot(errno));
    }
}
