//! How each event is brought to a box, and seen to have come: what did not come, nothing was survived of.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::event::{Event, Fate};
use super::stage::{Before, EVENT_MAX, Stage, is_ready, unschedulable};
use super::writer;
use crate::cluster::cordon::Cordon;
use crate::docker::docker;

/// The label that every pod of a run has, so that nobody else's is drained.
pub(super) const LABEL: &str = "cbox-verify";

/// How long a writer may take to acknowledge something more.
const MORE_MAX: Duration = Duration::from_secs(180);

/// Brings the event; returns what became of the pod.
pub(super) fn deliver(stage: &Stage<'_>, before: &Before) -> Result<Fate, String> {
    let (pod, set) = (stage.pod(), format!("statefulset/{}", stage.event.name()));
    match stage.event {
        Event::Delete => {
            stage.kubectl(&["delete", "pod", &pod, "--wait=false"])?;
            stage.await_another(before)
        }
        Event::ForceDelete => {
            stage.kubectl(&["delete", "pod", &pod, "--force", "--grace-period=0", "--wait=false"])?;
            stage.await_another(before)
        }
        Event::Rollout => {
            stage.kubectl(&["rollout", "restart", &set])?;
            stage.await_another(before)
        }
        Event::Evict => {
            let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", stage.namespace);
            let eviction = json!({
                "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod, "namespace": stage.namespace },
            });
            let words = ["create", "--raw", &path, "--filename=-"];
            let said = stage.kubectl.read_with(&words, &eviction.to_string());
            said.map_err(|error| error.to_string())?;
            stage.await_another(before)
        }
        Event::Scale => scale(stage, before, &set),
        Event::Kill => {
            let container = before.container().trim_start_matches("containerd://");
            on_node(
                before.node(),
                &[
                    "ctr",
                    "--namespace=k8s.io",
                    "tasks",
                    "kill",
                    "--signal",
                    "SIGKILL",
                    container,
                ],
            )?;
            let fate = stage.await_restart(before)?;
            ended_by(stage, before, "a kill from the node", |code, reason| {
                code == 137 && reason != "OOMKilled"
            })?;
            Ok(fate)
        }
        Event::OutOfMemory => {
            stage.inside("kill -USR1 $(cat /tmp/writer)")?;
            let fate = stage.await_restart(before)?;
            ended_by(stage, before, "a lack of memory", |_, reason| reason == "OOMKilled")?;
            Ok(fate)
        }
        Event::Liveness => {
            stage.inside(&format!(": >{}", writer::UNWELL))?;
            let fate = stage.await_restart(before)?;
            let output = "--output=jsonpath={.items[*].message}";
            let about = format!("--field-selector=involvedObject.name={pod},reason=Killing");
            let said = stage.kubectl(&["get", "events", &about, output])?;
            if said.contains("failed liveness probe") {
                Ok(fate)
            } else {
                Err(format!(
                    "the kubelet does not say that its probe ended the box: '{said}'"
                ))
            }
        }
        Event::Recreate => recreate(stage, before, &set),
        Event::FullVolume => fill(stage, before, &pod),
        Event::Drain => drain(stage, before),
        Event::NodeRestart => {
            docker(["container", "restart", before.node()]).map_err(|error| error.to_string())?;
            stage.await_restart(before)
        }
    }
}

/// The end of the container must be that of the event.
fn ended_by(stage: &Stage<'_>, before: &Before, what: &str, is_it: impl Fn(i64, &str) -> bool) -> Result<(), String> {
    match stage.end(before) {
        Some(end) if is_it(end.code, &end.reason) => Ok(()),
        Some(end) => Err(format!(
            "the box was not ended by {what} but with exit code {} ({})",
            end.code, end.reason
        )),
        None => Err(format!("nothing tells that the box was ended by {what}")),
    }
}

fn on_node(node: &str, words: &[&str]) -> Result<String, String> {
    docker([&["exec", node], words].concat()).map_err(|error| error.to_string())
}

fn scale(stage: &Stage<'_>, before: &Before, set: &str) -> Result<Fate, String> {
    stage.kubectl(&["scale", set, "--replicas=0"])?;
    stage.find(EVENT_MAX, "did not go", |all| {
        all.iter()
            .any(|happening| happening.kind == "DELETED" && happening.uid() == before.uid())
            .then_some(())
    })?;
    stage.kubectl(&["scale", set, "--replicas=1"])?;
    stage.await_another(before).map(|fate| match fate {
        Fate::Replaced => Fate::AwayAndBack,
        other => other,
    })
}

fn recreate(stage: &Stage<'_>, before: &Before, set: &str) -> Result<Fate, String> {
    stage.kubectl(&["delete", set, "--cascade=orphan"])?;
    // It writes on while nobody owns its pod.
    more(before, before.acknowledged().len())?;
    let words = ["create", "--validate=false", "--filename=-"];
    let made = stage.kubectl.read_with(&words, &stage.set.to_string());
    made.map_err(|error| error.to_string())?;
    let owner = stage.kubectl(&["get", set, "--output=jsonpath={.metadata.uid}"])?;
    stage.find(EVENT_MAX, "was not adopted", |all| {
        let last = all.last()?;
        if last.uid() != before.uid() {
            return Some(Fate::Replaced);
        }
        let is_owned = last.object["metadata"]["ownerReferences"][0]["uid"] == owner.as_str();
        (is_owned && is_ready(&last.object)).then_some(Fate::Adopted)
    })
}

/// Waits for one more acknowledgement than there were.
fn more(before: &Before, than: usize) -> Result<(), String> {
    let is_more = |lines: &[String]| {
        let count = lines.iter().filter_map(|line| writer::acknowledged(line)).count();
        (count > than).then_some(())
    };
    let found = before.lines.find(MORE_MAX, is_more);
    found.ok_or_else(|| "the writer acknowledges nothing more".to_owned())
}

fn fill(stage: &Stage<'_>, before: &Before, pod: &str) -> Result<Fate, String> {
    stage.inside("head -c 1G /dev/zero >~/filler 2>/dev/null; true")?;
    let refused = |lines: &[String]| lines.iter().find_map(|line| writer::refused(line));
    if before.lines.find(MORE_MAX, refused).is_none() {
        return Err("the volume was filled, and no record was refused".to_owned());
    }
    stage.inside("rm ~/filler")?;
    more(before, before.acknowledged().len())?;
    stage.kubectl(&["delete", "pod", pod, "--wait=false"])?;
    stage.await_another(before)
}

fn drain(stage: &Stage<'_>, before: &Before) -> Result<Fate, String> {
    let cordon = Cordon::put(stage.kubectl, before.node()).map_err(|error| error.to_string())?;
    let ours = format!(
        "--pod-selector={LABEL}={},app.kubernetes.io/instance={}",
        stage.namespace,
        stage.event.name()
    );
    let words = [
        "drain",
        before.node(),
        &ours,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--timeout=120s",
    ];
    let drained = stage.kubectl.stream(&words, "", EVENT_MAX);
    drained.map_err(|error| error.to_string())?;
    let fate = stage.find(EVENT_MAX, "was neither Pending nor elsewhere", |all| {
        let last = all
            .last()
            .filter(|last| last.uid() != before.uid() && last.kind != "DELETED")?;
        if last.object["spec"]["nodeName"].is_string() {
            return Some(Ok(Fate::Elsewhere));
        }
        let why = unschedulable(&last.object)?;
        let names_volume = why.contains("volume node affinity") || why.contains("PersistentVolume's node affinity");
        Some(if names_volume {
            Ok(Fate::PendingForItsVolume)
        } else {
            Err(format!(
                "the drained box is Pending for another reason than its volume's node: {why}"
            ))
        })
    })??;
    // It is Pending as long as the node takes nothing, and no longer.
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        thread::sleep(Duration::from_millis(200));
        if fate == Fate::PendingForItsVolume
            && stage
                .watch
                .last(&stage.pod())
                .is_some_and(|last| last.object["spec"]["nodeName"].is_string())
        {
            return Ok(Fate::Elsewhere);
        }
    }
    cordon.lift().map_err(|error| error.to_string())?;
    stage.await_another(before)?;
    Ok(fate)
}
