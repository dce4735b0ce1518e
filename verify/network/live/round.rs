//! Lists of probes, worked off in several pods at a time.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::cluster::kubectl::Kubectl;
use crate::network::live::probe::{self, Findings, Probe};
use crate::network::live::station::{PROBER, SCRIPT};

/// How long a list may take: some hundred probes, each of some seconds, at 64 a time, on a busy machine.
const LIST_MAX: Duration = Duration::from_secs(120);

/// What each pod found, or why it found nothing.
pub(super) type Round = BTreeMap<String, Result<Findings, String>>;

/// A pod and its list.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// The pod's namespace.
    pub(super) namespace: String,
    /// The pod.
    pub(super) pod: String,
    /// What it tries; each once.
    pub(super) probes: Vec<Probe>,
}

/// Works off all lists at the same time.
pub(super) fn run(kubectl: &Kubectl, tasks: &[Task]) -> Round {
    thread::scope(|scope| {
        let running: Vec<_> = tasks
            .iter()
            .map(|task| (task, scope.spawn(|| work_off(kubectl, task))))
            .collect();
        running
            .into_iter()
            .map(|(task, thread)| {
                let found = thread.join().unwrap_or_else(|_| Err("its thread panicked".to_owned()));
                (task.pod.clone(), found)
            })
            .collect()
    })
}

fn work_off(kubectl: &Kubectl, task: &Task) -> Result<Findings, String> {
    let command = probe::command(SCRIPT);
    let words = [
        "exec",
        "--stdin",
        &task.pod,
        "--namespace",
        &task.namespace,
        "--container",
        PROBER,
        "--",
        "sh",
        "-c",
        &command,
    ];
    let list = probe::list(&task.probes);
    let text = kubectl
        .stream(&words, &list, LIST_MAX)
        .map_err(|error| format!("the prober in pod {} did not work: {error}", task.pod))?;
    if !probe::is_whole(&text) {
        return Err(format!("the prober in pod {} ended before its list did", task.pod));
    }
    Ok(probe::findings(&text))
}
