//! What to do about what happens: the pure core of the loop. No clock, no processes, no IO; those are the caller's.
//!
//! ```text
//! Serving --SIGTERM--> HeadStart --its time, or the child's end--> Draining --deadline--> Killing --> Over
//!    \-----------------the child's end-------------------------------^
//! ```
//!
//! At each point the end of the last descendant leads to `Over`, with the child's code.

use crate::status::{self, Change};
use crate::sys::{self, ProcessId, SignalSet};

/// On a stop the program alone gets the signal at first, so that it can end what it started in its own order.
pub const HEAD_START_MS_MAX: u64 = 1_000;
/// After a KILL, how long to wait until those that were started meanwhile get one too.
pub const KILL_INTERVAL_MS: u64 = 100;
/// What the kernel itself does not end within this time (a process that waits for a dead disk) is given up.
pub const KILL_PATIENCE_MS: u64 = 4_000;

const REWRITES_SIZE: usize = 32;

/// Who gets a signal that is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The program's process.
    Child,
    /// Everything in the program's process group.
    Group,
}

/// What the program's end means for what it leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing: we end too.
    Leave,
    /// SIGTERM for its group, and we end too.
    TermGroup,
    /// SIGTERM for all of it, SIGKILL after this many milliseconds, and we end with the last. A stop begins it, too.
    Drain {
        /// From the stop, or from the program's end.
        grace_ms: u64,
    },
}

/// How one personality differs from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who gets signals.
    pub target: Target,
    /// These are not sent on.
    pub swallowed: SignalSet,
    /// These are not sent on the first time.
    pub swallowed_once: SignalSet,
    /// By number: what is sent on instead, 0 for nothing. Signals from 32 on stay what they are.
    pub rewrites: [u8; REWRITES_SIZE],
    /// Signals of terminals stop us after they were sent on.
    pub suspends: bool,
    /// A stopped program and a continued init are matters of job control.
    pub job_control: bool,
    /// The end.
    pub ending: Ending,
    /// Exit codes that become 0: bit n of all of them.
    pub pardoned: [u32; 8],
}

impl Policy {
    /// Signals go to the child as they are, and its end is ours.
    pub fn new(ending: Ending) -> Self {
        let mut rewrites = [0; REWRITES_SIZE];
        for (signal, rewrite) in rewrites.iter_mut().enumerate() {
            *rewrite = signal as u8;
        }
        Self {
            target: Target::Child,
            swallowed: 0,
            swallowed_once: 0,
            rewrites,
            suspends: false,
            job_control: false,
            ending,
            pardoned: [0; 8],
        }
    }

    /// What is sent on in the place of a signal; 0 for nothing.
    pub fn rewritten(&self, signal: u32) -> u32 {
        self.rewrites
            .get(signal as usize)
            .map_or(signal, |rewrite| u32::from(*rewrite))
    }

    /// This exit code becomes 0.
    pub fn pardon(&mut self, code: u8) {
        if let Some(word) = self.pardoned.get_mut(usize::from(code / 32)) {
            *word |= 1 << (code % 32);
        }
    }

    fn judged(&self, code: u8) -> u8 {
        let word = self.pardoned.get(usize::from(code / 32)).copied().unwrap_or_default();
        if word & 1 << (code % 32) == 0 { code } else { 0 }
    }
}

/// What the caller has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// It was one that is not sent on the first time.
    SwallowedOnce,
    /// It was rewritten to nothing.
    Dropped,
    /// Send this signal to the target.
    Pass(u32),
    /// Send this signal to the target, then stop ourselves.
    PassAndSuspend(u32),
    /// Somebody continued us: so is the child, and its terminal's foreground is put right; or else it is passed.
    Continue,
    /// The child stopped, which its terminal may need to know.
    ChildStopped,
    /// SIGTERM for every descendant but the child.
    TermOthers,
    /// Name what is left, and SIGKILL for all of it.
    Kill,
    /// SIGKILL for what was started since.
    KillAgain,
    /// Name what is left, and end with this code.
    GiveUp(u8),
    /// Send this signal to the child's group, and end with this code.
    FarewellAndEnd(u32, u8),
    /// End with this code.
    End(u8),
}

/// How far reaping got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// As many as are reaped at once; more may have ended.
    More,
    /// Only such as live.
    Living,
    /// Nobody.
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    HeadStart { until: u64, deadline: u64 },
    Draining { deadline: u64 },
    Killing { next: u64, last: u64 },
    Over,
}

/// One life of an init. Times are milliseconds of any clock that does not go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    policy: Policy,
    /// While it lives. Afterwards its id may be another process's.
    child: Option<ProcessId>,
    /// The child's, once it has ended.
    code: Option<u8>,
    phase: Phase,
}

impl Machine {
    /// The child runs.
    pub fn new(policy: Policy, child: ProcessId) -> Self {
        Self {
            policy,
            child: Some(child),
            code: None,
            phase: Phase::Serving,
        }
    }

    /// The child, while it lives.
    pub fn child(&self) -> Option<ProcessId> {
        self.child
    }

    /// How this init differs from others.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// When [`Machine::time`] is to be called, if ever.
    pub fn next(&self) -> Option<u64> {
        match self.phase {
            Phase::Serving | Phase::Over => None,
            Phase::HeadStart { until, .. } => Some(until),
            Phase::Draining { deadline } => Some(deadline),
            Phase::Killing { next, last } => Some(next.min(last)),
        }
    }

    /// A signal came. The kernel's own report about a child is news for us alone.
    pub fn signal(&mut self, now: u64, signal: u32, is_from_kernel: bool) -> Action {
        let set = sys::bit(signal);
        if self.policy.swallowed_once & set != 0 {
            self.policy.swallowed_once &= !set;
            return Action::SwallowedOnce;
        }
        let is_report = signal == sys::SIGCHLD && is_from_kernel;
        if is_report || self.policy.swallowed & set != 0 || self.child.is_none() {
            return Action::Nothing;
        }
        if let (Ending::Drain { grace_ms }, Phase::Serving, sys::SIGTERM) = (self.policy.ending, self.phase, signal) {
            self.phase = Phase::HeadStart {
                until: now + HEAD_START_MS_MAX.min(grace_ms / 4),
                deadline: now + grace_ms,
            };
        }
        let rewritten = self.policy.rewritten(signal);
        let stops = sys::bit(sys::SIGTSTP) | sys::bit(sys::SIGTTIN) | sys::bit(sys::SIGTTOU);
        if self.policy.suspends && stops & set != 0 {
            Action::PassAndSuspend(rewritten)
        } else if rewritten == 0 {
            Action::Dropped
        } else if self.policy.job_control && signal == sys::SIGCONT {
            Action::Continue
        } else {
            Action::Pass(rewritten)
        }
    }

    /// A process of ours ended or stopped.
    pub fn changed(&mut self, process: ProcessId, change: Change) -> Action {
        if self.child != Some(process) {
            return Action::Nothing;
        }
        let Some(code) = change.exit_code() else {
            return if self.policy.job_control {
                Action::ChildStopped
            } else {
                Action::Nothing
            };
        };
        let code = self.policy.judged(code);
        self.child = None;
        self.code = Some(code);
        match self.policy.ending {
            Ending::TermGroup => {
                self.phase = Phase::Over;
                Action::FarewellAndEnd(self.policy.rewritten(sys::SIGTERM), code)
            }
            Ending::Leave | Ending::Drain { .. } => Action::Nothing,
        }
    }

    /// A round of reaping is over.
    pub fn reaped(&mut self, now: u64, left: Left) -> Action {
        if left == Left::Nobody {
            // Without a code somebody else has reaped the child.
            return self.end(self.code.unwrap_or(status::DEFECT));
        }
        let Some(code) = self.code else {
            return Action::Nothing;
        };
        match (self.policy.ending, self.phase) {
            (Ending::Leave, _) if left == Left::Living => self.end(code),
            (Ending::Drain { grace_ms }, Phase::Serving) => self.drain(now + grace_ms),
            (Ending::Drain { .. }, Phase::HeadStart { deadline, .. }) => self.drain(deadline),
            _ => Action::Nothing,
        }
    }

    /// Time has passed; to be called until it answers with [`Action::Nothing`].
    pub fn time(&mut self, now: u64) -> Action {
        match self.phase {
            Phase::HeadStart { until, deadline } if now >= until => self.drain(deadline),
            Phase::Draining { deadline } if now >= deadline => {
                self.phase = Phase::Killing {
                    next: now + KILL_INTERVAL_MS,
                    last: now + KILL_PATIENCE_MS,
                };
                Action::Kill
            }
            Phase::Killing { last, .. } if now >= last => {
                self.phase = Phase::Over;
                Action::GiveUp(self.code.unwrap_or(status::KILLED))
            }
            Phase::Killing { next, last } if now >= next => {
                self.phase = Phase::Killing {
                    next: now + KILL_INTERVAL_MS,
                    last,
                };
                Action::KillAgain
            }
            _ => Action::Nothing,
        }
    }

    fn drain(&mut self, deadline: u64) -> Action {
        self.phase = Phase::Draining { deadline };
        Action::TermOthers
    }

    fn end(&mut self, code: u8) -> Action {
        self.phase = Phase::Over;
        Action::End(code)
    }
}

#[cfg(test)]
mod tests;
