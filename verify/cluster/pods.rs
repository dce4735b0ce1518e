//! Waiting for pods.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::ClusterError;
use super::kubectl::Kubectl;
use super::readiness;

/// Why a pod will never be ready, if that is known: no waiting mends a missing image.
#[must_use]
pub fn hopeless(pod: &Value) -> Option<String> {
    readiness::of_pods(&serde_json::json!({ "items": [pod] })).hopeless
}

/// Waits until every pod of a namespace is ready; returns their list. There must be one by then.
///
/// # Errors
///
/// At once when a pod's image is missing on its node: no waiting mends that. After `within` when one is not ready. When the
/// API does not answer.
pub fn await_ready(kubectl: &Kubectl, namespace: &str, within: Duration) -> Result<Value, ClusterError> {
    let deadline = Instant::now() + within;
    loop {
        let list = kubectl.get(&["pods", "--namespace", namespace])?;
        let mut readiness = readiness::of_pods(&list);
        if let Some(reason) = readiness.hopeless {
            return Err(ClusterError::Hopeless(reason));
        }
        if list["items"].as_array().is_none_or(Vec::is_empty) {
            readiness.waiting_for.push("any pod".to_owned());
        }
        if readiness.waiting_for.is_empty() {
            return Ok(list);
        }
        if Instant::now() > deadline {
            return Err(ClusterError::PodsNotReady {
                namespace: namespace.to_owned(),
                seconds: within.as_secs(),
                waiting_for: readiness.waiting_for,
            });
        }
        thread::sleep(Duration::from_millis(300));
    }
}
