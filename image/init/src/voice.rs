//! What each personality says while it works, message for message.
//!
//! We ourselves are silent while all is well. tini and dumb-init tell what they do, to those who ask for it.

pub(crate) mod dumb_init;
mod signal_name;
mod tini;

use crate::status::Change;
use crate::sys::{Errno, ProcessId};
use core::ffi::CStr;

pub use tini::Tini;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// We ourselves.
    Native,
    /// tini.
    Tini(Tini),
    /// dumb-init.
    DumbInit {
        /// Whether it tells what it does.
        is_debugging: bool,
    },
}

/// What there is to say.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// Orphans will come to us, because we asked for it; or the kernel does not let them.
    Subreaper(Result<(), Errno>),
    /// Orphans will not come to us, as far as can be known.
    NoReaper(Option<Errno>),
    /// A signal for the time when our parent ends cannot be had.
    NoParentDeathSignal,
    /// The terminal was given up, as the session's leader or not; or it was not.
    TerminalDetached(Result<bool, Errno>),
    /// In the child: there is no terminal whose foreground it could have.
    NoForeground(Errno),
    /// In the child: it has no session of its own.
    NoSession(Errno),
    /// In the child: its session has no terminal.
    NoTerminal(Errno),
    /// In the child: its session is ready.
    SessionReady,
    /// In the child: the program cannot be executed.
    CannotExecute(&'a CStr, Errno),
    /// There is no child.
    NoChild(Errno),
    /// The child runs.
    Spawned(&'a CStr, ProcessId),
    /// We cannot leave the directory that we were started in.
    NoRoot(Errno),
    /// A signal came.
    Received(u32),
    /// It is one that is not sent on the first time.
    SwallowedOnce(u32),
    /// It is about to be sent on, as itself or as another one.
    Passing(u32, u32),
    /// It was sent on.
    Passed(u32),
    /// It could not be sent on, because there was nobody.
    PassedToNobody,
    /// It was rewritten to nothing.
    Dropped,
    /// We are about to stop.
    Suspending,
    /// A process ended; whether it was the child.
    Reaped(ProcessId, Change, bool),
    /// Nothing more has ended; whether anything lives.
    NothingToReap(bool),
    /// We are about to end with this code.
    Ending(u8),
}

impl Voice {
    /// Says it, if this personality does.
    pub fn say(self, said: Said) {
        match self {
            Self::Native => {}
            Self::Tini(tini) => tini.say(said),
            Self::DumbInit { is_debugging } => dumb_init::say(is_debugging, said),
        }
    }

    /// Whether anything at all is said about signals and reaping; for those who would have to find out more to say it.
    pub fn is_silent(self) -> bool {
        self == Self::Native
    }
}
