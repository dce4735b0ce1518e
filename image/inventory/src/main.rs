//! The command `inventory`.

use std::process::ExitCode;

use assemble::error::exit;
use clap::Parser;
use inventory::cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for, and are no mistake. Where they cannot be printed nothing else can be,
            // either.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inventory: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
