//! Signals: blocked, read from a descriptor. The child gets everything back as it was.

use crate::plan::Plan;
use crate::sys::{self, Descriptor, Errno, SignalInfo, SignalSet};

/// Signals are blocked, and can be read here.
pub struct Signals {
    descriptor: Descriptor,
    mask_original: SignalSet,
    /// With SIGCHLD ignored the kernel reaps by itself, and no exit code would be left for us.
    child_disposition_original: usize,
    clears: bool,
}

impl Signals {
    /// Blocks every signal that is ours to take. From here on none is lost and none is acted upon before it is read.
    pub fn block(plan: &Plan) -> Result<Self, Errno> {
        let mask_original = sys::set_signal_mask(plan.signals)?;
        let child_disposition_original = sys::set_disposition(sys::SIGCHLD, sys::DISPOSITION_DEFAULT)?;
        let descriptor = sys::signal_descriptor(plan.signals)?;
        Ok(Self {
            descriptor,
            mask_original,
            child_disposition_original,
            clears: plan.clears_signals,
        })
    }

    /// Gives back what [`Signals::block`] found, or nothing at all; for the child, before it executes the program. No other
    /// disposition was changed.
    pub fn restore(&self) {
        if self.clears {
            // The real-time signals stay as they are.
            for signal in 1..32 {
                let _ = sys::set_disposition(signal, sys::DISPOSITION_DEFAULT);
            }
            let _ = sys::set_signal_mask(0);
        } else {
            if self.child_disposition_original != sys::DISPOSITION_DEFAULT {
                let _ = sys::set_disposition(sys::SIGCHLD, self.child_disposition_original);
            }
            let _ = sys::set_signal_mask(self.mask_original);
        }
    }

    /// The descriptor that signals are read from.
    pub fn descriptor(&self) -> Descriptor {
        self.descriptor
    }

    /// Sleeps until there is a signal, or the time is up.
    pub fn wait(&self, milliseconds_max: Option<u64>) {
        sys::wait_readable(self.descriptor, milliseconds_max);
    }

    /// The next signal that has come, if there is one.
    pub fn next(&self) -> Option<SignalInfo> {
        sys::read_signal(self.descriptor)
    }
}
