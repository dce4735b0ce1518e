//! Programs of this machine: run, and heard out when they fail.

use std::io;
use std::process::{Command, Output};

/// A program that did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("cannot start {program}: {source}; install the package that holds it")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("{command} failed ({status}): {message}")]
    Failed {
        /// The whole command.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it wrote to standard error, in one line.
        message: String,
    },
}

/// Runs a program to its end and returns its standard output.
///
/// # Errors
///
/// When it cannot be started or ends with an error.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, CommandError> {
    // Messages are matched by nobody, but people should be able to search for them.
    command.env("LC_ALL", "C.UTF-8");
    let program = command.get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(CommandError::Start { program, source }),
    };
    if status.success() {
        return Ok(stdout);
    }
    let message = gist(&String::from_utf8_lossy(&stderr));
    let arguments: Vec<_> = command.get_args().map(|it| it.to_string_lossy().into_owned()).collect();
    Err(CommandError::Failed {
        command: format!("{program} {}", shorten(&arguments)),
        status,
        message,
    })
}

/// What matters of a standard error: apt's own errors, else the last lines.
fn gist(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let errors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("E: ")).collect();
    match errors.as_slice() {
        [] => lines[lines.len().saturating_sub(3)..].join("; "),
        errors => errors.join("; "),
    }
}

/// The first arguments: a download has hundreds.
fn shorten(arguments: &[String]) -> String {
    match arguments.get(..8) {
        Some(first) if arguments.len() > first.len() => format!("{} …", first.join(" ")),
        _ => arguments.join(" "),
    }
}
