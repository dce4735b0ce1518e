//! `cbox completions`: what a shell completes, made of the command's own definition.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::arguments::{self, Arguments};
use crate::failure::Failure;
use crate::output;

/// Prints the completions of one shell.
pub(crate) fn command(options: &arguments::Completions) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "cbox", &mut script);
    output::print(&script, "the completions")
}
