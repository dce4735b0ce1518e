//! Exit codes: ours, and what becomes of the child's.

/// Wrong command line (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// A defect of ours (`EX_SOFTWARE`).
pub const DEFECT: u8 = 70;
/// The program was found and cannot be executed, or nothing can be started at all.
pub const CANNOT_EXECUTE: u8 = 126;
/// The program was not found.
pub const NOT_FOUND: u8 = 127;

/// SIGKILL did not end the program within the time that there was.
pub const KILLED: u8 = 128 + 9;

/// How a child changed, read from the status word of `wait4(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It ended by itself, with this code.
    Exited(u8),
    /// This signal ended it.
    Killed(u8),
    /// It stopped, and can be continued.
    Stopped,
}

impl Change {
    /// Takes the status word apart.
    pub fn from_wait_status(status: u32) -> Self {
        match status & 0x7f {
            0 => Self::Exited((status >> 8) as u8),
            0x7f => Self::Stopped,
            signal => Self::Killed(signal as u8),
        }
    }

    /// The exit code that passes this end on, or nothing if it is not the end.
    pub fn exit_code(self) -> Option<u8> {
        match self {
            Self::Exited(code) => Some(code),
            Self::Killed(signal) => Some(128 + signal),
            Self::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0x0000, Change::Exited(0), Some(0))]
    #[case(0xff00, Change::Exited(255), Some(255))]
    #[case(15, Change::Killed(15), Some(143))]
    #[case(0x80 | 11, Change::Killed(11), Some(139))] // with a core dump
    #[case(64, Change::Killed(64), Some(192))]
    #[case(0x137f, Change::Stopped, None)]
    fn wait_status(#[case] status: u32, #[case] change: Change, #[case] exit_code: Option<u8>) {
        assert_eq!(Change::from_wait_status(status), change);
        assert_eq!(change.exit_code(), exit_code);
    }
}
