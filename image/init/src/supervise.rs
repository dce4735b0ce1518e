//! The loop: sleep until a signal comes, send it on, reap what ended, until the child itself has ended.

use crate::signals::{self, Signals};
use crate::status::{self, Change};
use crate::sys::{self, ProcessId, SignalInfo};
use crate::terminal::Terminal;

/// How many processes are reaped before signals are looked at again: a storm of zombies must not hold up a SIGTERM.
const REAP_BATCH_MAX: usize = 64;

/// How far reaping got.
enum Reaped {
    /// The child has ended, with this exit code for us.
    Child(u8),
    /// A full batch; there may be more.
    Batch,
    /// Everything that had ended.
    Everything,
}

/// Returns the exit code when the child has ended. Nothing else ends this loop.
pub fn until_end(child: ProcessId, signals: Signals, terminal: &Terminal) -> u8 {
    let_go(&signals);
    loop {
        signals.wait();
        loop {
            while let Some(info) = signals.next() {
                forward(&info, child, terminal);
            }
            match reap(child, terminal) {
                Reaped::Child(code) => return code,
                Reaped::Batch => {}
                Reaped::Everything => break,
            }
        }
    }
}

/// Gives up what the child inherited and we do not need: a pipe's reader waits for its last writer, a mount for its last user.
fn let_go(signals: &Signals) {
    let kept = signals.descriptor() as u32;
    let first = sys::STDERR as u32 + 1;
    if kept > first {
        sys::close_range(first, kept - 1);
    }
    sys::close_range(kept + 1, u32::MAX);
    let _ = sys::change_directory(c"/");
}

/// Failing means that the child has ended, which is reaped next.
fn forward(info: &SignalInfo, child: ProcessId, terminal: &Terminal) {
    if signals::is_ours(info) || (info.signal == sys::SIGCONT && terminal.continue_child(child)) {
        return;
    }
    let _ = if info.code == sys::CODE_QUEUED {
        sys::send_queued(child, info)
    } else {
        sys::send(child, info.signal)
    };
}

fn reap(child: ProcessId, terminal: &Terminal) -> Reaped {
    for _ in 0..REAP_BATCH_MAX {
        match sys::wait_any() {
            Ok(None) => return Reaped::Everything,
            Ok(Some((process_id, status))) if process_id == child => match Change::from_wait_status(status).exit_code()
            {
                Some(code) => return Reaped::Child(code),
                None => terminal.child_stopped(child),
            },
            Ok(Some(_)) => {}
            // Without children there is no child: somebody else has reaped it.
            Err(_) => return Reaped::Child(status::DEFECT),
        }
    }
    Reaped::Batch
}
