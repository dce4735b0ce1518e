//! `box-entrypoint`: from the container's start to Claude at work.

use std::process::ExitCode;

fn main() -> ExitCode {
    box_entrypoint::main(std::env::args_os().skip(1).collect(), std::env::vars_os().collect())
}
