//! Waiting for a box in a cluster.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::boxes::kubernetes::Kubernetes;
use crate::boxes::verdict::{Look, Verdict, judge, text};
use crate::failure::{Code, Failure};
use crate::process;

/// How long a box may take from its installation to ready, its volume's provisioning included.
const READY_MAX: Duration = Duration::from_secs(300);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// A box's objects in a namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objects<'a> {
    /// The namespace.
    pub(crate) namespace: &'a str,
    /// The release's name.
    pub(crate) release: &'a str,
}

impl Objects<'_> {
    /// The selector of everything that belongs to the release.
    pub(crate) fn selector(&self) -> String {
        format!(
            "--selector=app.kubernetes.io/name=claude-in-a-box,app.kubernetes.io/instance={}",
            self.release
        )
    }

    /// The newest of what makes the box's pods: a StatefulSet, or else a Job; null when there is neither.
    fn controller(&self, cluster: &Kubernetes) -> Result<Value, Failure> {
        for kind in ["statefulsets.apps", "jobs.batch"] {
            let mut found = cluster.list(&[kind, "--namespace", self.namespace, &self.selector()])?;
            found.sort_by_key(|object| text(&object["metadata"]["creationTimestamp"]));
            if let Some(newest) = found.pop() {
                return Ok(newest);
            }
        }
        Ok(Value::Null)
    }

    /// The newest pod of the controller; null when there is none.
    fn pod_of(&self, cluster: &Kubernetes, controller: &Value) -> Result<Value, Failure> {
        let mut pods = cluster.list(&["pods", "--namespace", self.namespace, &self.selector()])?;
        pods.retain(|pod| pod["metadata"]["ownerReferences"][0]["uid"] == controller["metadata"]["uid"]);
        pods.sort_by_key(|pod| text(&pod["metadata"]["creationTimestamp"]));
        Ok(pods.pop().unwrap_or_default())
    }

    /// The box's pod; null when there is none.
    pub(crate) fn pod(&self, cluster: &Kubernetes) -> Result<Value, Failure> {
        let controller = self.controller(cluster)?;
        self.pod_of(cluster, &controller)
    }

    /// The refusals of pods that happened until now: each event's identity and how often it happened. They are of the past,
    /// and [`Self::wait`] is not to be told of them.
    pub(crate) fn refusals(&self, cluster: &Kubernetes) -> Result<Vec<(String, u64)>, Failure> {
        let events = cluster.list(&[
            "events",
            "--namespace",
            self.namespace,
            "--field-selector=reason=FailedCreate",
        ])?;
        Ok(events.iter().map(happened).collect())
    }

    fn look(&self, cluster: &Kubernetes, known: &[(String, u64)]) -> Result<Look, Failure> {
        let controller = self.controller(cluster)?;
        let pod = self.pod_of(cluster, &controller)?;
        let claim = pod["spec"]["volumes"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
            .map(|claim| cluster.get(&["persistentvolumeclaim", claim, "--namespace", self.namespace]))
            .transpose()?
            .unwrap_or_default();
        let mut events = cluster.list(&["events", "--namespace", self.namespace])?;
        events.sort_by_key(|event| text(&event["lastTimestamp"]));
        // Nothing of another's objects, of an earlier object of the same name, or of the time before this change.
        let ours = [&controller, &pod, &claim].map(|object| object["metadata"]["uid"].clone());
        events.retain(|event| {
            let about = &event["involvedObject"]["uid"];
            about.is_string() && ours.contains(about) && !known.contains(&happened(event))
        });
        let generation = |value: &Value| value.as_i64().unwrap_or_default();
        Ok(Look {
            pod,
            claim,
            events,
            revision: controller["status"]["updateRevision"].as_str().map(str::to_owned),
            is_behind: controller["kind"] == "StatefulSet"
                && generation(&controller["status"]["observedGeneration"])
                    < generation(&controller["metadata"]["generation"]),
        })
    }

    /// Waits until the box is ready, saying what it waits for; `known` are the refusals of before.
    ///
    /// # Errors
    ///
    /// When it will not be, or is not in time; the events and the last lines of its log are printed then.
    pub(crate) fn wait(&self, cluster: &Kubernetes, known: &[(String, u64)]) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_MAX;
        let mut said = String::new();
        loop {
            let look = self.look(cluster, known)?;
            let sentence = match judge(&look) {
                Verdict::Ready => return Ok(()),
                Verdict::Hopeless(why) => why,
                Verdict::Waiting(what) if Instant::now() < deadline => {
                    if what != said {
                        eprintln!("cbox: waiting for {what}");
                        said = what;
                    }
                    thread::sleep(PAUSE);
                    continue;
                }
                Verdict::Waiting(what) => format!(
                    "the box is not ready after {} s; it still waits for {what}",
                    READY_MAX.as_secs()
                ),
            };
            self.tell(cluster, &look)?;
            return Err(Failure::new(Code::Unavailable, sentence));
        }
    }

    /// Prints what happened to the box, for whoever has to find out why.
    fn tell(&self, cluster: &Kubernetes, look: &Look) -> Result<(), Failure> {
        for event in &look.events {
            eprintln!(
                "  {} {}: {}",
                text(&event["involvedObject"]["name"]),
                text(&event["reason"]),
                text(&event["message"])
            );
        }
        if let Some(pod) = look.pod["metadata"]["name"].as_str() {
            let previous = look.pod["status"]["containerStatuses"][0]["lastState"]["terminated"].is_object();
            let mut command = cluster.kubectl();
            command.args(["logs", "--namespace", self.namespace, "--tail=10", pod]);
            if previous {
                command.arg("--previous");
            }
            let output = process::output(&mut command)?;
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                eprintln!("  | {line}");
            }
        }
        Ok(())
    }
}

/// An event's identity, and how often it happened.
fn happened(event: &Value) -> (String, u64) {
    (
        text(&event["metadata"]["uid"]),
        event["count"].as_u64().unwrap_or_default(),
    )
}
