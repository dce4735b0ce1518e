//! Running other programs, with failures that name the program.

use std::io;
use std::process::{Command, Output, Stdio};

use crate::failure::{Code, Failure};

/// The failure of a program that could not be started.
pub(crate) fn not_started(command: &Command, error: &io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    if error.kind() == io::ErrorKind::NotFound {
        Failure::new(
            Code::Unavailable,
            format!("{program} is not installed: ./cbox doctor says what installs it"),
        )
    } else {
        Failure::new(Code::Unavailable, format!("cannot start {program}: {error}"))
    }
}

/// Runs a program to its end and returns what it printed, whatever its exit status.
pub(crate) fn output(command: &mut Command) -> Result<Output, Failure> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_started(command, &error))
}

/// Runs a program that must succeed and returns its standard output, trimmed.
pub(crate) fn read(command: &mut Command) -> Result<String, Failure> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(ended(command, &output))
}

/// The failure of a program that ran and ended badly: its command line, its status and its last words. It could not do
/// its part; a caller to whom that means something else says so.
pub(crate) fn ended(command: &Command, output: &Output) -> Failure {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    let error = String::from_utf8_lossy(&output.stderr);
    Failure::new(
        Code::Unavailable,
        format!("`{}` ended with {}: {}", words.join(" "), output.status, error.trim()),
    )
}
