//! Runs a scripted Anthropic Messages API: `messages-api --script FILE --listen ADDRESS`.

use std::process::ExitCode;

use clap::Parser;

mod cli;

/// `EX_USAGE` of `sysexits(3)`; clap's own is 2.
const WRONG_ARGUMENTS: u8 = 64;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => {
            // With its output closed there is nobody left to tell.
            let _told = answer.print();
            return if answer.use_stderr() {
                ExitCode::from(WRONG_ARGUMENTS)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match cli::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("messages-api: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
