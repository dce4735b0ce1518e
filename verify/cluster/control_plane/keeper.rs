//! The thread that starts the processes, and ends them.
//!
//! A process that dies with its parent dies, by prctl(2), with the *thread* that started it. A test's thread ends with
//! the test, so one thread that lives as long as the control plane starts them all.

use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::ControlPlaneError;

/// What the thread is asked: start this, and say how it went.
type Request = (&'static str, Command, Sender<std::io::Result<()>>);

type Children = Arc<Mutex<Vec<(&'static str, Child)>>>;

#[derive(Debug)]
pub(super) struct Keeper {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    children: Children,
}

impl Keeper {
    pub(super) fn start() -> Result<Self, ControlPlaneError> {
        let children = Children::default();
        let (requests, asked) = channel();
        let theirs = Arc::clone(&children);
        let thread = thread::Builder::new()
            .name("control-plane".to_owned())
            .spawn(move || keep(&asked, &theirs))
            .map_err(|source| ControlPlaneError::Io {
                doing: "cannot start a thread".to_owned(),
                source,
            })?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
            children,
        })
    }

    pub(super) fn spawn(&self, program: &'static str, command: Command) -> Result<(), ControlPlaneError> {
        let (sender, answer) = channel();
        let gone = || std::io::Error::other("the thread that starts processes is gone");
        self.requests
            .as_ref()
            .and_then(|requests| requests.send((program, command, sender)).ok())
            .ok_or_else(gone)
            .and_then(|()| answer.recv().unwrap_or_else(|_| Err(gone())))
            .map_err(|source| ControlPlaneError::Io {
                doing: format!("cannot start {program} under setpriv"),
                source,
            })
    }

    pub(super) fn processes(&self) -> Vec<u32> {
        lock(&self.children).iter().map(|(_, child)| child.id()).collect()
    }

    /// A process that has ended, and how.
    pub(super) fn ended(&self) -> Option<(&'static str, String)> {
        lock(&self.children)
            .iter_mut()
            .find_map(|(program, child)| match child.try_wait() {
                Ok(Some(status)) => Some((*program, status.to_string())),
                Ok(None) => None,
                Err(error) => Some((*program, error.to_string())),
            })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // No further request can come: the thread ends the processes, and then itself.
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(asked: &Receiver<Request>, children: &Children) {
    while let Ok((program, mut command, answer)) = asked.recv() {
        let result = command.spawn().map(|child| lock(children).push((program, child)));
        // Whoever asked may be gone.
        let _ = answer.send(result);
    }
    // The last started goes first, so that none misses another. Their data go with them: no need to ask politely.
    for (_, child) in lock(children).iter_mut().rev() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn lock(children: &Children) -> MutexGuard<'_, Vec<(&'static str, Child)>> {
    children.lock().unwrap_or_else(PoisonError::into_inner)
}
