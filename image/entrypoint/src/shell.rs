//! A shell in the box, or, where nobody has a terminal, a box that waits for those who come in with `docker exec` and `kubectl exec`.

use crate::environment::Environment;
use crate::error::Error;
use crate::error::exit_code;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::Command;

const SHELL: &str = "bash";

/// Becomes the shell, or idles until a signal comes; returns the exit code then.
pub fn run(environment: &Environment, arguments: &[OsString]) -> Result<u8, Error> {
    if arguments.is_empty() && !std::io::stdin().is_terminal() {
        return idle();
    }
    let source = Command::new(SHELL)
        .arg("--login")
        .args(arguments)
        .env_clear()
        .envs(environment.iter())
        .exec();
    Err(Error::NoShell { source })
}

/// What runs in the box meanwhile are processes of others, which the init looks after.
fn idle() -> Result<u8, Error> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]).map_err(|source| Error::Waiting { source })?;
    eprintln!(
        "box-entrypoint: no terminal; the box waits, and \"docker exec\" or \"kubectl exec\" starts a shell in it"
    );
    let signal = signals.forever().next().unwrap_or_default();
    Ok(exit_code::of_signal(signal))
}
