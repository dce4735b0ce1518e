//! What a command line comes to: all that is decided before anything is done.

use crate::machine::Policy;
use crate::sys::SignalSet;
use crate::voice::Voice;

/// Where the program is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It leads a process group of its own, and gets the terminal's foreground if that is ours.
    Group,
    /// It leads a session of its own, with our terminal.
    Session,
    /// Beside us.
    Here,
}

/// When the directory is left that we were started in. The program is started there in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Never.
    Never,
    /// Before the program is started, so that it finds us gone.
    Before,
    /// After that, which is one call to the kernel less before the program's start.
    After,
}

/// One way of being an init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The index of the program's name among our arguments.
    pub program_index: usize,
    /// What is done about signals and ends.
    pub policy: Policy,
    /// What is said.
    pub voice: Voice,
    /// Where the program is put.
    pub place: Place,
    /// Signals that we take over: blocked, and read from a descriptor.
    pub signals: SignalSet,
    /// The program begins with no signal blocked or ignored, whatever we were given.
    pub clears_signals: bool,
    /// Orphans come to us, process 1 or not.
    pub is_subreaper: bool,
    /// It is said when they do not.
    pub warns_without_reaper: bool,
    /// The signal that we get when our parent ends, or 0.
    pub parent_death_signal: u32,
    /// Our memory, and so the environment that we were given, is closed to everyone but root.
    pub hides_memory: bool,
    /// When we change to the root directory, so that no other file system is held.
    pub leaves_directory: Leave,
    /// What is wrong with the program is found out and told by us; or else as the C library tells it, and a text without `#!` is
    /// a shell's.
    pub explains_failure: bool,
}
