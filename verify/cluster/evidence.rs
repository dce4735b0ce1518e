//! What somebody wants to see of a cluster that did not come up: events and the last lines of logs. Whatever cannot be
//! had is left out; the failure itself is reported by whoever met it.

use std::process::Command;
use std::time::Duration;

use super::kubectl::Kubectl;
use super::name::Name;
use super::{readiness, run};

const EVENTS_MAX: usize = 15;
const PODS_MAX: usize = 4;
const LOG_LINES_MAX: &str = "8";
const COMMAND_MAX: Duration = Duration::from_secs(20);

/// Collects it; empty when there is nothing.
pub(super) fn of(name: &Name, kubectl: &Kubectl) -> String {
    let mut parts = Vec::new();
    let events = kubectl.try_read(
        &[
            "get",
            "events",
            "--all-namespaces",
            "--field-selector=type!=Normal",
            "--sort-by=.metadata.creationTimestamp",
        ],
        COMMAND_MAX,
    );
    if let Ok(Ok(events)) = events {
        parts.push(format!("last warnings:\n{}", last(&events, EVENTS_MAX)));
        parts.extend(logs(kubectl));
    } else {
        parts.extend(node_log(name));
    }
    parts.join("\n")
}

fn logs(kubectl: &Kubectl) -> Vec<String> {
    let Ok(list) = kubectl.get(&["pods", "--all-namespaces"]) else {
        return Vec::new();
    };
    readiness::unready_pods(&list)
        .into_iter()
        .take(PODS_MAX)
        .filter_map(|(namespace, pod)| {
            let words = [
                "logs",
                "--all-containers",
                "--prefix",
                "--tail",
                LOG_LINES_MAX,
                "--namespace",
                &namespace,
                &pod,
            ];
            let said = match kubectl.try_read(&words, COMMAND_MAX).ok()? {
                Ok(log) => log,
                Err(error) => error,
            };
            Some(format!("pod {namespace}/{pod}:\n{said}"))
        })
        .collect()
}

/// Without an API, the kubelet of the control plane says why there is none; without a kubelet, the node itself.
fn node_log(name: &Name) -> Vec<String> {
    let node = name.control_plane();
    let attempts: [(&str, &[&str]); 2] = [
        (
            "kubelet",
            &[
                "exec",
                &node,
                "journalctl",
                "--unit=kubelet",
                "--lines=15",
                "--no-pager",
                "--output=cat",
            ],
        ),
        ("node", &["logs", "--tail=15", &node]),
    ];
    attempts
        .iter()
        .filter_map(|(what, words)| {
            let ended = run::run(Command::new("docker").args(*words), None, COMMAND_MAX).ok()?;
            let said = [String::from_utf8_lossy(&ended.stdout).trim(), &ended.stderr].join("\n");
            (!said.trim().is_empty()).then(|| format!("{what} of {node}:\n{}", said.trim()))
        })
        .collect()
}

fn last(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(lines_max)..].join("\n")
}
