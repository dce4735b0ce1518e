//! The parts of `box-entrypoint`.
//!
//! ```text
//! arguments, environment --> mode --> credential --> state --> claude --> (headless) outcome --> exit code
//! ```
//!
//! The order is a promise: a wrong setting is refused before a credential is looked for, a missing credential before anything is
//! written, and Claude is started last. [`mode`], [`claude`] and [`outcome`] are pure; [`credential`] reads, [`state`] writes,
//! [`headless`] waits. In interactive mode this process becomes Claude; in headless mode it is Claude's parent, and its exit code says
//! what became of the task.

// Tests may expect.
#![cfg_attr(test, allow(clippy::expect_used))]

pub mod arguments;
pub mod claude;
pub mod credential;
pub mod environment;
pub mod error;
pub mod headless;
pub mod mode;
pub mod outcome;
pub mod state;

use arguments::{Arguments, Command};
use environment::Environment;
use error::Error;
use mode::Mode;
use rustix::process::DumpableBehavior;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the entrypoint to its exit code.
pub fn main(arguments: Vec<OsString>, environment: Environment) -> ExitCode {
    let result = match arguments::parse(arguments) {
        Ok(Command::Help) => return print(arguments::HELP),
        Ok(Command::Version) => return print(concat!("box-entrypoint ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Start(arguments)) => start(&arguments, environment),
        Err(error) => Err(error),
    };
    match result {
        Ok(exit_code) => exit_code.into(),
        Err(error) => {
            eprintln!("box-entrypoint: {error}");
            error.exit_code().into()
        }
    }
}

fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

/// Everything up to Claude, and in headless mode up to its end.
fn start(arguments: &Arguments, environment: Environment) -> Result<u8, Error> {
    // Our own environment may hold a credential: nobody but root may read it, or our memory, through /proc.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);

    let mode = Mode::from_environment(&environment)?;
    mode.require_terminal(arguments)?;
    let places = state::Places::from_environment(&environment)?;
    let credential = credential::find(&arguments.secrets, &environment, &places.config)?;
    state::prepare(&places)?;
    let program = claude::find(environment.get("PATH"))?;
    let command = claude::Command::new(&program, &mode, &places, &credential, arguments, environment)?;
    match mode {
        Mode::Interactive => Err(command.become_claude()),
        Mode::Headless(task) => headless::run(command, task),
    }
}
