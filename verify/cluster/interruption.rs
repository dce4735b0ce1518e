//! Ending early what makes a cluster. KIND and the programs that it starts would go on when this process ends: so the
//! making is told, ends them and removes what they made, and whoever was asked to end this process waits for that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::ClusterError;

/// Somebody asked for it. It stays so: a process is ended once.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Read by whoever makes a cluster, written by whoever waits until nobody does.
static MAKINGS: RwLock<()> = RwLock::new(());

/// Held as long as there may be something of a cluster that is not whole.
pub(super) struct Making(#[allow(dead_code, reason = "it is held")] RwLockReadGuard<'static, ()>);

impl Making {
    /// Begins to make a cluster.
    pub(super) fn begin() -> Result<Self, ClusterError> {
        let held = MAKINGS.read().unwrap_or_else(PoisonError::into_inner);
        // In this order: whoever asks from here on waits for us.
        if is_asked() {
            return Err(ClusterError::Interrupted);
        }
        Ok(Self(held))
    }
}

/// Ends the making of every cluster that this process makes, and returns when what was made of them is removed; at once
/// when it makes none. From then on it makes none any more.
pub fn end_makings() {
    ASKED.store(true, Ordering::SeqCst);
    drop(MAKINGS.write().unwrap_or_else(PoisonError::into_inner));
}

pub(super) fn is_asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
