//! The command line. Options end at the first argument that is none, so that the program's own options are never taken for ours.

use crate::message::Message;
use core::ffi::CStr;

/// What `--help` prints.
pub const HELP: &str = "\
Usage: box-init [OPTION] [--] PROGRAM [ARGUMENT...]

Starts PROGRAM, forwards every signal to it, reaps every process that ends,
and exits as PROGRAM does. Made to be PID 1 of a container; otherwise it
adopts the orphans of what it starts.

Options end at the first argument that does not begin with a dash:
      --help      print this help
      --version   print the version
      --          what follows is PROGRAM, whatever it looks like

Exit code: PROGRAM's own; 128 + n if signal n ended it; 127 if it was not
found; 126 if it cannot be executed; 64 for a wrong command line.
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Start the program whose name is at this index of the arguments.
    Run {
        /// At least 1, as 0 is our own name.
        program_index: usize,
    },
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// Why a command line is wrong.
#[derive(Debug, PartialEq, Eq)]
pub enum UsageError<'a> {
    /// There is nothing to start.
    NoProgram,
    /// Looks like an option, and is none of ours.
    UnknownOption(&'a CStr),
}

impl UsageError<'_> {
    /// The sentence for standard error.
    pub fn message(&self) -> Message {
        let message = Message::new();
        match self {
            Self::NoProgram => message.text("no program to start"),
            Self::UnknownOption(option) => message.text("unknown option ").bytes(option.to_bytes()),
        }
        .text("; usage: box-init [OPTION] [--] PROGRAM [ARGUMENT...], see box-init --help")
    }
}

/// Reads the arguments, the first of which is our own name.
pub fn parse<'a>(arguments: impl Iterator<Item = &'a CStr>) -> Result<Command, UsageError<'a>> {
    let mut arguments = arguments.enumerate().skip(1);
    let Some((index, argument)) = arguments.next() else {
        return Err(UsageError::NoProgram);
    };
    match argument.to_bytes() {
        b"--help" => Ok(Command::Help),
        b"--version" => Ok(Command::Version),
        b"--" => match arguments.next() {
            Some((index, _)) => Ok(Command::Run { program_index: index }),
            None => Err(UsageError::NoProgram),
        },
        [b'-', ..] => Err(UsageError::UnknownOption(argument)),
        _ => Ok(Command::Run { program_index: index }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[c"box-init", c"true"], Ok(Command::Run { program_index: 1 }))]
    #[case(&[c"box-init", c"sh", c"--help"], Ok(Command::Run { program_index: 1 }))]
    #[case(&[c"box-init", c"--", c"true"], Ok(Command::Run { program_index: 2 }))]
    #[case(&[c"box-init", c"--", c"--help"], Ok(Command::Run { program_index: 2 }))]
    #[case(&[c"box-init", c"--", c"--", c"true"], Ok(Command::Run { program_index: 2 }))]
    #[case(&[c"box-init", c""], Ok(Command::Run { program_index: 1 }))]
    #[case(&[c"box-init", c"--help"], Ok(Command::Help))]
    #[case(&[c"box-init", c"--version", c"true"], Ok(Command::Version))]
    #[case(&[c"box-init", c"-x", c"true"], Err(UsageError::UnknownOption(c"-x")))]
    #[case(&[c"box-init", c"-"], Err(UsageError::UnknownOption(c"-")))]
    #[case(&[c"box-init", c"--"], Err(UsageError::NoProgram))]
    #[case(&[c"box-init"], Err(UsageError::NoProgram))]
    #[case(&[], Err(UsageError::NoProgram))]
    fn command_line(#[case] arguments: &[&CStr], #[case] expected: Result<Command, UsageError>) {
        assert_eq!(parse(arguments.iter().copied()), expected);
    }

    #[rstest]
    #[case(
        UsageError::NoProgram,
        "box-init: no program to start; usage: box-init [OPTION] [--] PROGRAM [ARGUMENT...], see box-init --help\n"
    )]
    #[case(
        UsageError::UnknownOption(c"-x"),
        "box-init: unknown option -x; usage: box-init [OPTION] [--] PROGRAM [ARGUMENT...], see box-init --help\n"
    )]
    fn sentence(#[case] error: UsageError, #[case] expected: &str) {
        assert_eq!(error.message().line(), expected.as_bytes());
    }

    #[test]
    fn help_fits_a_screen() {
        assert!(HELP.lines().count() <= 24);
        assert!(HELP.lines().all(|line| line.len() <= 80));
    }
}
