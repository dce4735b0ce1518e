//! Standard output, for what is one document.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::failure::{Code, Failure};

/// Prints a document whole. Whoever closed our output has read enough.
pub(crate) fn print(document: &[u8], what: &str) -> Result<ExitCode, Failure> {
    match io::stdout().write_all(document) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Code::CannotCreate,
            format!("cannot write {what}: {error}"),
        )),
        _ => Ok(ExitCode::SUCCESS),
    }
}
