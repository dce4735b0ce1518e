//! While nothing happens, nothing happens.

use crate::world::{Running, init_script, wait_until};
use std::time::Duration;

#[test]
fn an_idle_init_never_wakes() {
    let (running, _) = Running::start(init_script("echo ready; exec sleep 1000"));
    wait_until("box-init sleeps", || {
        let before = switches(&running);
        std::thread::sleep(Duration::from_millis(50));
        before == switches(&running)
    });
    let before = switches(&running);
    // Inits that wake up do it every second.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(switches(&running), before);
    running.send(15);
    assert_eq!(running.wait(), 143);
}

/// How often it has gone to sleep, or was made to.
fn switches(running: &Running) -> Vec<String> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).expect("box-init is running");
    status
        .lines()
        .filter(|line| line.starts_with("voluntary_ctxt_switches"))
        .map(str::to_owned)
        .collect()
}
