//! Signals: all blocked, read from a descriptor, sent on to the child. The child gets everything back as it was.

use crate::sys::{self, Descriptor, Errno, SignalInfo, SignalSet};

/// Every signal is blocked, and can be read here.
pub struct Signals {
    descriptor: Descriptor,
    mask_original: SignalSet,
    /// With SIGCHLD ignored the kernel reaps by itself, and no exit code would be left for us.
    child_disposition_original: usize,
}

impl Signals {
    /// Blocks every signal that can be blocked. From here on none is lost and none is acted upon before it is read.
    pub fn block() -> Result<Self, Errno> {
        let mask_original = sys::set_signal_mask(sys::SIGNALS_ALL)?;
        let child_disposition_original = sys::set_disposition(sys::SIGCHLD, sys::DISPOSITION_DEFAULT)?;
        let descriptor = sys::signal_descriptor(sys::SIGNALS_ALL)?;
        Ok(Self {
            descriptor,
            mask_original,
            child_disposition_original,
        })
    }

    /// Gives back what [`Signals::block`] found; for the child, before it executes the program.
    pub fn restore(&self) {
        let _ = sys::set_disposition(sys::SIGCHLD, self.child_disposition_original);
        let _ = sys::set_signal_mask(self.mask_original);
    }

    /// The descriptor that signals are read from.
    pub fn descriptor(&self) -> Descriptor {
        self.descriptor
    }

    /// Sleeps until there is a signal.
    pub fn wait(&self) {
        sys::wait_readable(self.descriptor);
    }

    /// The next signal that has come, if there is one.
    pub fn next(&self) -> Option<SignalInfo> {
        sys::read_signal(self.descriptor)
    }
}

/// Whether a signal is news for us alone: the kernel's report about a child. A process that sends SIGCHLD means the program.
pub fn is_ours(info: &SignalInfo) -> bool {
    info.signal == sys::SIGCHLD && info.code > 0
}
