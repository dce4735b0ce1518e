//! Job control, when standard input is a terminal.
//!
//! The child leads a process group of its own. If we hold the terminal's foreground it becomes the child's, so that Ctrl-C and
//! Ctrl-Z go where the person at the terminal means them to go; a foreground that somebody else holds stays with them.

use crate::sys::{self, Errno, ProcessId};

/// The terminal at standard input.
pub struct Terminal {
    /// Whether the foreground is ours; or why there is none.
    is_ours: Result<bool, Errno>,
}

impl Terminal {
    /// Looks who holds the foreground.
    pub fn of_stdin() -> Self {
        Self {
            is_ours: we_are_in_foreground(),
        }
    }

    /// Called in the child, which leads its group already: takes the foreground if it was our parent's. SIGTTOU must be blocked.
    ///
    /// # Errors
    ///
    /// When standard input is no terminal, or not ours.
    pub fn pass_to_child(&self) -> Result<(), Errno> {
        if self.is_ours? {
            sys::set_foreground(sys::STDIN, sys::process_id())?;
        }
        Ok(())
    }

    /// The child stopped, most likely because of Ctrl-Z. With a shell above us we stop as well, so that the shell gets its terminal
    /// back. A session's leader has nobody above who could ever continue the child: a box would hang for good, so it goes on.
    pub fn child_stopped(&self, child: ProcessId) {
        if self.is_ours != Ok(true) {
            return;
        }
        if sys::session() == sys::process_id() {
            let _ = sys::send(-child, sys::SIGCONT);
        } else {
            let _ = sys::set_foreground(sys::STDIN, sys::process_group());
            let _ = sys::send(sys::process_id(), sys::SIGSTOP);
        }
    }

    /// Somebody continued us, a shell's `fg` or `bg`: so is the child's whole group, in the foreground if we were put there.
    /// Returns whether it was done.
    pub fn continue_child(&self, child: ProcessId) -> bool {
        if self.is_ours != Ok(true) {
            return false;
        }
        if we_are_in_foreground() == Ok(true) {
            let _ = sys::set_foreground(sys::STDIN, child);
        }
        sys::send(-child, sys::SIGCONT).is_ok()
    }
}

fn we_are_in_foreground() -> Result<bool, Errno> {
    sys::foreground(sys::STDIN).map(|group| group == sys::process_group())
}
