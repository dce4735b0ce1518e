//! What went wrong, as one sentence and an exit code of `sysexits(3)`.

use std::fmt;
use std::process::ExitCode;

/// An exit code; the table in ARCHITECTURE.md says what each means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    /// A test or a check failed.
    Failed = 1,
    /// The arguments are wrong.
    Usage = 64,
    /// A project file, package or lock is wrong.
    Data = 65,
    /// A file that must exist does not.
    NoInput = 66,
    /// A prerequisite is missing or a server cannot be reached.
    Unavailable = 69,
    /// A defect of ours.
    Software = 70,
    /// An output cannot be written.
    CannotCreate = 73,
    /// A file cannot be read.
    NoPermission = 77,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An expected failure: what it says to a person, and how the process ends.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: Code,
    /// One sentence that names the operands and the way out; no final full stop.
    sentence: String,
}

impl Failure {
    /// A failure that ends with `code` and says `sentence`.
    pub(crate) fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
        }
    }
}

impl From<verify::docker::DockerError> for Failure {
    fn from(error: verify::docker::DockerError) -> Self {
        Self::new(Code::Unavailable, error.to_string())
    }
}

impl From<verify::cluster::ClusterError> for Failure {
    fn from(error: verify::cluster::ClusterError) -> Self {
        use verify::cluster::ClusterError;
        if let Some(evidence) = error.evidence() {
            eprintln!("{evidence}");
        }
        let code = match &error {
            ClusterError::File { verb: "read", .. } => Code::NoInput,
            ClusterError::File { .. } | ClusterError::NoRoom { .. } => Code::CannotCreate,
            _ => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}
