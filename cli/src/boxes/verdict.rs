//! What the pod of a box in a cluster, its volume and their events say about whether it is ready. Pure: JSON as the API server
//! gives it in, a judgement out.

use serde_json::Value;

/// Waiting reasons that no waiting mends, and the way out of each.
const HOPELESS: [(&str, &str); 7] = [
    (
        "ErrImageNeverPull",
        "the image is not on the node: ./cbox redeploy puts it there",
    ),
    (
        "ErrImagePull",
        "the node cannot pull the image: check its reference, the registry and imagePullSecrets",
    ),
    (
        "ImagePullBackOff",
        "the node cannot pull the image: check its reference, the registry and imagePullSecrets",
    ),
    ("InvalidImageName", "the image's reference is malformed: check --image"),
    (
        "CreateContainerConfigError",
        "something that the pod names is missing: check the secret and the volumes in your values",
    ),
    ("CreateContainerError", "the container cannot be made on this node"),
    ("RunContainerError", "the container cannot be started on this node"),
];

/// What a look found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// The pod is ready, or has done its work.
    Ready,
    /// Not yet: what it waits for.
    Waiting(String),
    /// It will not become ready: why, and the way out.
    Hopeless(String),
}

/// What a look looks at: JSON as the API server gives it.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The box's newest pod; null when there is none.
    pub(crate) pod: Value,
    /// The claim of its volume; null when there is none.
    pub(crate) claim: Value,
    /// The events about the box's objects.
    pub(crate) events: Vec<Value>,
    /// The hash of the pod template that is wanted; a pod of another one is on its way out.
    pub(crate) revision: Option<String>,
    /// The controller has not looked at its last change yet, so that what it says is of the one before.
    pub(crate) is_behind: bool,
}

/// Judges a look.
pub(crate) fn judge(look: &Look) -> Verdict {
    if look.is_behind {
        return Verdict::Waiting("the controller to see the change".to_owned());
    }
    if look.pod.is_null() {
        return refused(&look.events).unwrap_or_else(|| Verdict::Waiting("the pod to be made".to_owned()));
    }
    let status = &look.pod["status"];
    let label = look.pod["metadata"]["labels"]["controller-revision-hash"].as_str();
    if look.revision.is_some() && label.is_some() && look.revision.as_deref() != label {
        return refused(&look.events).unwrap_or_else(|| Verdict::Waiting("the old pod to end".to_owned()));
    }
    if look.pod["metadata"]["deletionTimestamp"].is_string() {
        return Verdict::Waiting("the old pod to end".to_owned());
    }
    match status["phase"].as_str() {
        Some("Succeeded") => return Verdict::Ready,
        Some("Failed") => {
            return Verdict::Hopeless(format!(
                "the pod failed: {}",
                ended(status).unwrap_or_else(|| text(&status["message"]))
            ));
        }
        _ => {}
    }
    let container = &status["containerStatuses"][0];
    if let Some(reason) = container["state"]["waiting"]["reason"].as_str() {
        if let Some((_, way_out)) = HOPELESS.iter().find(|(hopeless, _)| *hopeless == reason) {
            let message = text(&container["state"]["waiting"]["message"]);
            return Verdict::Hopeless(format!("{way_out} ({reason}: {message})"));
        }
        if reason == "CrashLoopBackOff" {
            let how = ended(status).unwrap_or_default();
            return Verdict::Hopeless(format!("the box ends again and again: {how}"));
        }
    }
    if let Some(message) = condition(status, "PodScheduled", "False") {
        return match claim(&look.claim, &look.events) {
            Some(why) => why,
            None => Verdict::Waiting(format!("a node that takes the pod: {message}")),
        };
    }
    if status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    {
        return Verdict::Ready;
    }
    if container["state"]["running"].is_object() {
        let said = last(&look.events, "Unhealthy", &look.pod["metadata"]["name"]);
        return Verdict::Waiting(match said {
            Some(said) => format!("the box to be ready: {said}"),
            None => "the box to be ready".to_owned(),
        });
    }
    Verdict::Waiting("the container to start".to_owned())
}

/// Why the API server takes no pod of the box's controller, if it said so.
fn refused(events: &[Value]) -> Option<Verdict> {
    let event = events.iter().rev().find(|event| event["reason"] == "FailedCreate")?;
    let message = text(&event["message"]);
    let way_out = if message.contains("violates PodSecurity") {
        "the namespace's Pod Security Standard refuses the pod: take what it names out of your values"
    } else if message.contains("RuntimeClass") {
        "the API server knows no such runtimeClass: name one that `kubectl get runtimeclass` lists"
    } else if message.contains("exceeded quota") {
        "the namespace's quota is used up: raise it, or ask for less in resources"
    } else {
        "the API server refuses the pod"
    };
    Some(Verdict::Hopeless(format!("{way_out} ({message})")))
}

/// Why a claim keeps the pod from its node.
fn claim(claim: &Value, events: &[Value]) -> Option<Verdict> {
    if claim["status"]["phase"] != "Pending" {
        return None;
    }
    let name = text(&claim["metadata"]["name"]);
    if let Some(message) = last(events, "ProvisioningFailed", &claim["metadata"]["name"]) {
        return Some(Verdict::Hopeless(format!(
            "the volume {name} cannot be made: set persistence.storageClass to one that `kubectl get storageclass` lists ({message})"
        )));
    }
    // Without an own class and without a default one nobody will ever make the volume, and nobody says so.
    if claim["spec"]["storageClassName"].is_null() {
        return Some(Verdict::Hopeless(format!(
            "the volume {name} waits for ever, since this cluster has no default StorageClass: set persistence.storageClass"
        )));
    }
    Some(Verdict::Waiting(format!("the volume {name}")))
}

/// How the container ended last.
fn ended(status: &Value) -> Option<String> {
    let container = &status["containerStatuses"][0];
    [&container["state"]["terminated"], &container["lastState"]["terminated"]]
        .into_iter()
        .find(|ended| ended.is_object())
        .map(|ended| {
            let code = ended["exitCode"].as_i64().unwrap_or_default();
            format!("exit code {code} ({})", text(&ended["reason"]))
        })
}

fn condition(status: &Value, kind: &str, value: &str) -> Option<String> {
    status["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind && condition["status"] == value)
        .map(|condition| text(&condition["message"]))
}

/// The message of the last event of a reason about an object.
fn last(events: &[Value], reason: &str, name: &Value) -> Option<String> {
    events
        .iter()
        .rev()
        .find(|event| event["reason"] == reason && event["involvedObject"]["name"] == *name)
        .map(|event| text(&event["message"]))
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pod(status: Value) -> Look {
        Look {
            pod: json!({ "metadata": { "name": "box-0" }, "status": status }),
            ..Look::default()
        }
    }

    fn event(reason: &str, name: &str, message: &str) -> Value {
        json!({ "reason": reason, "involvedObject": { "name": name }, "message": message })
    }

    #[test]
    fn a_ready_pod_is_ready() {
        let look = pod(json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }));
        assert_eq!(judge(&look), Verdict::Ready);
        assert_eq!(judge(&pod(json!({ "phase": "Succeeded" }))), Verdict::Ready);
    }

    #[test]
    fn what_a_controller_says_of_before_its_change_does_not_count() {
        let mut look = pod(json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }));
        look.is_behind = true;
        assert_eq!(
            judge(&look),
            Verdict::Waiting("the controller to see the change".to_owned())
        );
    }

    #[test]
    fn a_pod_that_is_going_or_of_another_revision_is_waited_for() {
        let mut look = pod(json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }));
        look.revision = Some("new".to_owned());
        look.pod["metadata"]["labels"] = json!({ "controller-revision-hash": "old" });
        assert_eq!(judge(&look), Verdict::Waiting("the old pod to end".to_owned()));
        look.pod["metadata"]["labels"] = json!({ "controller-revision-hash": "new" });
        assert_eq!(judge(&look), Verdict::Ready);
        look.pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(judge(&look), Verdict::Waiting("the old pod to end".to_owned()));
    }

    #[rstest]
    #[case("ErrImageNeverPull", "redeploy")]
    #[case("ImagePullBackOff", "imagePullSecrets")]
    #[case("CreateContainerConfigError", "secret")]
    fn what_no_waiting_mends_is_said(#[case] reason: &str, #[case] word: &str) {
        let look = pod(json!({
            "phase": "Pending",
            "containerStatuses": [{ "state": { "waiting": { "reason": reason, "message": "details" } } }],
        }));
        let Verdict::Hopeless(sentence) = judge(&look) else {
            panic!("{:?}", judge(&look))
        };
        assert!(sentence.contains(word) && sentence.contains("details"), "{sentence}");
    }

    #[test]
    fn a_box_that_crashes_says_its_exit_code() {
        let look = pod(json!({
            "phase": "Running",
            "containerStatuses": [{
                "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                "lastState": { "terminated": { "exitCode": 66, "reason": "Error" } },
            }],
        }));
        assert_eq!(
            judge(&look),
            Verdict::Hopeless("the box ends again and again: exit code 66 (Error)".to_owned())
        );
    }

    #[rstest]
    #[case(
        "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\"",
        "Pod Security Standard"
    )]
    #[case("pod rejected: RuntimeClass \"gvisor\" not found", "runtimeclass")]
    #[case("pods \"x\" is forbidden: exceeded quota: team", "quota")]
    fn a_pod_that_is_refused_says_by_whom(#[case] message: &str, #[case] word: &str) {
        let look = Look {
            events: vec![event("FailedCreate", "box", message)],
            ..Look::default()
        };
        let Verdict::Hopeless(sentence) = judge(&look) else {
            panic!("{:?}", judge(&look))
        };
        assert!(sentence.contains(word) && sentence.contains(message), "{sentence}");
    }

    #[test]
    fn a_volume_that_nobody_makes_is_not_waited_for() {
        let mut look = pod(json!({
            "phase": "Pending",
            "conditions": [{ "type": "PodScheduled", "status": "False", "message": "unbound volume" }],
        }));
        assert_eq!(
            judge(&look),
            Verdict::Waiting("a node that takes the pod: unbound volume".to_owned())
        );
        look.claim = json!({ "metadata": { "name": "home-box-0" }, "spec": {}, "status": { "phase": "Pending" } });
        assert!(matches!(judge(&look), Verdict::Hopeless(why) if why.contains("default StorageClass")));
        look.claim["spec"] = json!({ "storageClassName": "standard" });
        assert_eq!(judge(&look), Verdict::Waiting("the volume home-box-0".to_owned()));
        look.events = vec![event(
            "ProvisioningFailed",
            "home-box-0",
            "storageclass \"x\" not found",
        )];
        assert!(matches!(judge(&look), Verdict::Hopeless(why) if why.contains("storageclass \"x\" not found")));
    }

    #[test]
    fn a_box_that_is_not_ready_says_what_its_probe_says() {
        let mut look = pod(json!({ "phase": "Running", "containerStatuses": [{ "state": { "running": {} } }] }));
        assert_eq!(judge(&look), Verdict::Waiting("the box to be ready".to_owned()));
        look.events = vec![event("Unhealthy", "box-0", "Readiness probe failed: no credential")];
        assert_eq!(
            judge(&look),
            Verdict::Waiting("the box to be ready: Readiness probe failed: no credential".to_owned())
        );
    }
}
