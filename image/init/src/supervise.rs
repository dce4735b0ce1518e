//! The loop: sleep until a signal comes or a time is up, do what the machine says, reap what ended.

use crate::confinement;
use crate::descendants;
use crate::machine::{Action, Left, Machine, Target};
use crate::signals::Signals;
use crate::status::Change;
use crate::sys::{self, ProcessId, SignalInfo};
use crate::terminal::Terminal;
use crate::text;
use crate::voice::{Said, Voice};

/// How many processes are reaped before signals are looked at again: a storm of zombies must not hold up a SIGTERM.
const REAP_BATCH_MAX: usize = 64;

/// What the loop works with.
pub struct Supervisor<'a> {
    /// Decides.
    pub machine: Machine,
    /// What comes.
    pub signals: &'a Signals,
    /// Whose foreground is passed on.
    pub terminal: &'a Terminal,
    /// What is said.
    pub voice: Voice,
}

impl Supervisor<'_> {
    /// Returns the exit code when everything is over. Nothing else ends this loop.
    // By itself, so that no code lies among it that runs once (layout.ld).
    #[inline(never)]
    pub fn until_end(mut self) -> u8 {
        // Here, as nothing but what is needed for long comes after it.
        sys::forget_rest();
        confinement::confine();
        loop {
            self.sleep();
            loop {
                if let Some(code) = self.read_signals().or_else(|| self.look_at_time()) {
                    return code;
                }
                let (left, farewell) = self.reap();
                if let Some(code) = farewell {
                    return code;
                }
                let action = self.machine.reaped(self.now(), left);
                if let Some(code) = self.act(action, None) {
                    return code;
                }
                if left != Left::More {
                    break;
                }
            }
        }
    }

    fn sleep(&self) {
        let milliseconds = self.machine.next().map(|next| next.saturating_sub(sys::monotonic_ms()));
        // A millisecond that has begun is slept to its end, or the loop would run through it.
        self.signals.wait(milliseconds.map(|it| it + 1));
    }

    /// The time, for those who need one.
    fn now(&self) -> u64 {
        sys::monotonic_ms()
    }

    fn read_signals(&mut self) -> Option<u8> {
        while let Some(info) = self.signals.next() {
            if !self.voice.is_silent() && (info.signal == sys::SIGCHLD || matches!(self.voice, Voice::DumbInit { .. }))
            {
                self.voice.say(Said::Received(info.signal));
            }
            let action = self.machine.signal(self.now(), info.signal, info.code > 0);
            let code = self.act(action, Some(&info));
            if code.is_some() {
                return code;
            }
        }
        None
    }

    fn look_at_time(&mut self) -> Option<u8> {
        self.machine.next()?;
        loop {
            match self.machine.time(self.now()) {
                Action::Nothing => return None,
                action => {
                    let code = self.act(action, None);
                    if code.is_some() {
                        return code;
                    }
                }
            }
        }
    }

    /// Reaps a batch; how far it got, and the exit code if that was all.
    fn reap(&mut self) -> (Left, Option<u8>) {
        for _ in 0..REAP_BATCH_MAX {
            match sys::wait_any() {
                Ok(Some((process, status))) => {
                    let change = Change::from_wait_status(status);
                    let is_child = self.machine.child() == Some(process);
                    self.voice.say(Said::Reaped(process, change, is_child));
                    let action = self.machine.changed(process, change);
                    let code = self.act_on(action, process);
                    if code.is_some() {
                        return (Left::Living, code);
                    }
                }
                Ok(None) => {
                    self.voice.say(Said::NothingToReap(true));
                    return (Left::Living, None);
                }
                Err(_) => {
                    self.voice.say(Said::NothingToReap(false));
                    return (Left::Nobody, None);
                }
            }
        }
        (Left::More, None)
    }

    /// What a change of a process leads to.
    fn act_on(&mut self, action: Action, process: ProcessId) -> Option<u8> {
        match action {
            Action::ChildStopped => {
                self.terminal.child_stopped(process);
                None
            }
            Action::FarewellAndEnd(signal, code) => {
                // Its group, which has its id.
                self.pass(sys::SIGTERM, signal, Some(process), None);
                self.voice.say(Said::Ending(code));
                Some(code)
            }
            _ => None,
        }
    }

    /// Does it; returns the exit code if that is the end. `info` is the signal that it is about.
    fn act(&mut self, action: Action, info: Option<&SignalInfo>) -> Option<u8> {
        let child = self.machine.child();
        let received = info.map_or(0, |info| info.signal);
        match action {
            Action::Nothing | Action::ChildStopped | Action::FarewellAndEnd(..) => {}
            Action::SwallowedOnce => self.voice.say(Said::SwallowedOnce(received)),
            Action::Dropped => self.pass(received, 0, child, info),
            Action::Pass(signal) => self.pass(received, signal, child, info),
            Action::PassAndSuspend(signal) => {
                self.pass(received, signal, child, info);
                self.voice.say(Said::Suspending);
                let _ = sys::send(sys::process_id(), sys::SIGSTOP);
            }
            Action::Continue => {
                if !child.is_some_and(|child| self.terminal.continue_child(child)) {
                    self.pass(received, received, child, info);
                }
            }
            Action::TermOthers => descendants::send(sys::SIGTERM, child, child),
            Action::Kill => {
                descendants::name(text!("still running when the grace period ended, so killed"));
                descendants::send(sys::SIGKILL, None, child);
            }
            Action::KillAgain => descendants::send(sys::SIGKILL, None, child),
            Action::GiveUp(code) => {
                descendants::name(text!("not even SIGKILL ends"));
                return Some(code);
            }
            Action::End(code) => {
                self.voice.say(Said::Ending(code));
                return Some(code);
            }
        }
        None
    }

    /// Sends a signal on, as itself or as another one. Failing means that the child has ended, which is reaped next.
    fn pass(&self, received: u32, signal: u32, child: Option<ProcessId>, info: Option<&SignalInfo>) {
        self.voice.say(Said::Passing(received, signal));
        if signal == 0 {
            self.voice.say(Said::Dropped);
            return;
        }
        let Some(child) = child else { return };
        let sent = match (self.machine.policy().target, info) {
            (Target::Group, _) => sys::send(-child, signal),
            // The value that came with a signal goes on with it; groups cannot be sent one.
            (Target::Child, Some(info)) if info.code == sys::CODE_QUEUED && info.signal == signal => {
                sys::send_queued(child, info)
            }
            (Target::Child, _) => sys::send(child, signal),
        };
        if sent.is_err() {
            self.voice.say(Said::PassedToNobody);
        }
        self.voice.say(Said::Passed(signal));
    }
}
