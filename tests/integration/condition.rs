//! Waiting for what nothing tells of by itself.

use std::time::{Duration, Instant};

/// Waits until this holds; fails with its name when it does not.
pub(crate) fn becomes(what: &str, holds: impl Fn() -> bool) {
    const DEADLINE: Duration = Duration::from_secs(120);
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
