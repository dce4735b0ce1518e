//! A namespace of a test's own in a cluster that several share. It carries its owner's label, so that what a killed run
//! leaves is swept up by the next one.

use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::ClusterError;
use super::kubectl::Kubectl;
use crate::docker::{OWNER, lives, owner};

/// How long a new namespace may be without its service account.
const ACCOUNT_MAX: Duration = Duration::from_secs(120);

/// The namespaces that this process has made and not yet removed.
static OWN: Mutex<Vec<(Kubectl, String)>> = Mutex::new(Vec::new());

/// A namespace that is removed when dropped, by [`remove_own`], or by the next [`sweep`].
#[derive(Debug)]
pub struct Namespace {
    name: String,
    kubectl: Kubectl,
}

impl Namespace {
    /// Makes a namespace of this process's own, and waits until pods can be made in it; `purpose` is the start of its name.
    ///
    /// # Errors
    ///
    /// When the API refuses, or the namespace gets no service account.
    pub fn create(kubectl: &Kubectl, purpose: &str) -> Result<Self, ClusterError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let owner = owner();
        // The process's number and start: two processes never share both on one machine.
        let process: Vec<&str> = owner.split('-').take(2).collect();
        let name = format!("{purpose}-{}-{number}", process.join("-"));
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {OWNER: owner}},
        });
        kubectl.read_with(&["create", "--filename=-"], &object.to_string())?;
        own().push((kubectl.clone(), name.clone()));
        let this = Self {
            name,
            kubectl: kubectl.clone(),
        };
        this.await_service_account()?;
        Ok(this)
    }

    /// Holds its pods to the restricted Pod Security Standard.
    ///
    /// # Errors
    ///
    /// When the API refuses.
    pub fn restrict(&self) -> Result<(), ClusterError> {
        let label = "pod-security.kubernetes.io/enforce=restricted";
        self.kubectl.read(&["label", "namespace", &self.name, label]).map(drop)
    }

    /// Leaves it where it is, as nobody's: no sweep removes it. Returns its name.
    ///
    /// # Errors
    ///
    /// When the API refuses; then it is removed.
    pub fn keep(self) -> Result<String, ClusterError> {
        let label = format!("{OWNER}-");
        self.kubectl.read(&["label", "namespace", &self.name, &label])?;
        own().retain(|(_, name)| *name != self.name);
        let name = self.name.clone();
        std::mem::forget(self);
        Ok(name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Without it, no pod is admitted.
    fn await_service_account(&self) -> Result<(), ClusterError> {
        let deadline = Instant::now() + ACCOUNT_MAX;
        let words = ["get", "serviceaccount", "default", "--namespace", &self.name];
        while self.kubectl.try_read(&words, ACCOUNT_MAX)?.is_err() {
            if Instant::now() > deadline {
                return Err(ClusterError::NotReady {
                    seconds: ACCOUNT_MAX.as_secs(),
                    waiting_for: vec![format!("the service account of namespace {}", self.name)],
                });
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

fn own() -> MutexGuard<'static, Vec<(Kubectl, String)>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the namespaces of this process, for when it is asked to end; returns their names. What cannot be removed is swept
/// up by the next run.
pub fn remove_own() -> Vec<String> {
    let all = std::mem::take(&mut *own());
    for (kubectl, name) in &all {
        // Not one of the programs that end when this process is asked to.
        let _ = kubectl
            .command()
            .args(["delete", "namespace", name, "--ignore-not-found", "--wait=false"])
            .arg("--request-timeout=20s")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
    all.into_iter().map(|(_, name)| name).collect()
}

impl Drop for Namespace {
    fn drop(&mut self) {
        own().retain(|(_, name)| *name != self.name);
        // What cannot be removed now is swept up by the next run.
        let _ = self
            .kubectl
            .read(&["delete", "namespace", &self.name, "--ignore-not-found", "--wait=false"]);
    }
}

/// Removes the namespaces whose owner is a process that is no more.
///
/// # Errors
///
/// When the API does not answer.
pub fn sweep(kubectl: &Kubectl) -> Result<(), ClusterError> {
    let list = kubectl.get(&["namespaces", "--selector", OWNER])?;
    for namespace in list["items"].as_array().into_iter().flatten() {
        let metadata = &namespace["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        if !metadata["labels"][OWNER].as_str().is_some_and(lives) {
            kubectl.read(&["delete", "namespace", name, "--ignore-not-found", "--wait=false"])?;
        }
    }
    Ok(())
}
