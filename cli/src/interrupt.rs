//! What a signal may not leave behind: the user's credential on this machine, a box that works on without them, and half a
//! cluster.

use std::process;
use std::sync::{Mutex, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::credentials;
use crate::failure::{Code, Failure};

/// What was meant to be done and is not done yet, for whoever interrupts it.
static UNFINISHED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Says what is going to be done.
pub(crate) fn begin(works: impl IntoIterator<Item = String>) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).extend(works);
}

/// Says that it is done.
pub(crate) fn done(work: &str) {
    UNFINISHED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|unfinished| unfinished != work);
}

/// Does `work`. A signal meanwhile removes the credential, what there is of a cluster that is being made, and what this
/// process has started in Docker, then ends the process with 128 + its number.
pub(crate) fn tidily<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let cannot_watch =
        |error: std::io::Error| Failure::new(Code::Software, format!("cannot watch for signals: {error}"));
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(cannot_watch)?;
    let end = signals.handle();
    let watcher = thread::Builder::new()
        .spawn(move || {
            let first = signals.forever().next().or_else(|| signals.pending().next());
            if let Some(signal) = first {
                tidy();
                process::exit(128 + signal);
            }
        })
        .map_err(cannot_watch)?;
    let result = work();
    end.close();
    // Does not return while a signal is being acted on.
    let _ = watcher.join();
    result
}

/// The credential goes first: without it nothing that Docker is about to start can start.
fn tidy() {
    if let Err(failure) = credentials::remove_own() {
        eprintln!("cbox: {failure}");
    }
    verify::cluster::interruption::end_makings();
    let objects = verify::cluster::namespace::remove_own();
    if !objects.is_empty() {
        eprintln!("cbox: interrupted: removed {}", objects.join(", "));
    }
    for unfinished in std::mem::take(&mut *UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)) {
        eprintln!("cbox: not run: {unfinished}");
    }
    if let Err(error) = verify::docker::remove_own() {
        eprintln!("cbox: {error}");
    }
}
