//! A namespace of a test's own in a cluster that several share. It carries its owner's label, so that what a killed run
//! leaves is swept up by the next one.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::ClusterError;
use super::kubectl::Kubectl;
use crate::docker::{OWNER, died_here, lives, owner};

/// How long a new namespace may be without its service account.
const ACCOUNT_MAX: Duration = Duration::from_secs(120);

/// How something that this process did to a cluster is undone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Undo {
    /// An object goes, which is `kind/name`.
    Delete(String),
    /// A node takes pods again.
    Uncordon(String),
}

impl Undo {
    fn words(&self) -> Vec<&str> {
        match self {
            Self::Delete(object) => vec!["delete", object, "--ignore-not-found", "--wait=false"],
            Self::Uncordon(node) => vec!["uncordon", node],
        }
    }

    fn object(self) -> String {
        match self {
            Self::Delete(object) => object,
            Self::Uncordon(node) => format!("the cordon of node/{node}"),
        }
    }
}

/// What this process has done to clusters and not yet undone.
static OWN: Mutex<Vec<(Kubectl, Undo)>> = Mutex::new(Vec::new());

/// Says how to undo what is going to be done.
pub(super) fn remember(kubectl: &Kubectl, undo: Undo) {
    own().push((kubectl.clone(), undo));
}

/// It is undone.
pub(super) fn forget(undo: &Undo) {
    own().retain(|(_, known)| known != undo);
}

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
        // Before it is there, so that whoever is asked to end meanwhile removes it.
        remember(kubectl, Undo::Delete(format!("namespace/{name}")));
        kubectl.read_with(&["create", "--filename=-"], &object.to_string())?;
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
        forget(&Undo::Delete(format!("namespace/{}", self.name)));
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

fn own() -> MutexGuard<'static, Vec<(Kubectl, Undo)>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Objects of a cluster, in no namespace, that are removed when dropped, by [`remove_own`], or by the next [`sweep`].
#[derive(Debug)]
pub struct Leavings {
    kubectl: Kubectl,
    objects: Vec<String>,
}

impl Leavings {
    /// Objects that are going to be made, each as `kind/name`. They carry the owner's label.
    #[must_use]
    pub fn new(kubectl: &Kubectl, objects: Vec<String>) -> Self {
        let undone = objects
            .iter()
            .map(|object| (kubectl.clone(), Undo::Delete(object.clone())));
        own().extend(undone);
        Self {
            kubectl: kubectl.clone(),
            objects,
        }
    }
}

impl Drop for Leavings {
    fn drop(&mut self) {
        for object in &self.objects {
            remove(&self.kubectl, object);
        }
    }
}

/// Removes what this process has made in clusters, for when it is asked to end; returns it as `kind/name`. What cannot be
/// removed is swept up by the next run.
pub fn remove_own() -> Vec<String> {
    let all = std::mem::take(&mut *own());
    for (kubectl, undo) in &all {
        // Not one of the programs that end when this process is asked to.
        let _ = kubectl
            .command()
            .args(undo.words())
            .arg("--request-timeout=20s")
            // A group of its own: Ctrl-C is for us.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
    all.into_iter().map(|(_, undo)| undo.object()).collect()
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.kubectl, &format!("namespace/{}", self.name));
    }
}

/// What cannot be removed now, because this process is asked to end or the API does not answer, is left to [`remove_own`] or
/// swept up by the next run.
fn remove(kubectl: &Kubectl, object: &str) {
    let words = ["delete", object, "--ignore-not-found", "--wait=false"];
    if kubectl.read(&words).is_ok() {
        forget(&Undo::Delete(object.to_owned()));
    }
}

/// Removes the namespaces whose owner is a process that is no more.
///
/// # Errors
///
/// When the API does not answer.
pub fn sweep(kubectl: &Kubectl) -> Result<(), ClusterError> {
    sweep_kind(kubectl, "namespaces", |owner| !lives(owner))
}

/// The same in a cluster that other machines know as well, and for roles of the cluster: what is theirs is left alone, since
/// nobody here can tell whether its owner lives.
///
/// # Errors
///
/// When the API does not answer.
pub fn sweep_shared(kubectl: &Kubectl) -> Result<(), ClusterError> {
    for kind in ["namespaces", "clusterrolebindings", "clusterroles"] {
        sweep_kind(kubectl, kind, died_here)?;
    }
    Ok(())
}

/// Removes the volumes of clusters whose owner is a process of this machine that is no more.
///
/// # Errors
///
/// When the API does not answer.
pub fn sweep_volumes(kubectl: &Kubectl) -> Result<(), ClusterError> {
    sweep_kind(kubectl, "persistentvolumes", died_here)
}

fn sweep_kind(kubectl: &Kubectl, kind: &str, is_abandoned: impl Fn(&str) -> bool) -> Result<(), ClusterError> {
    let list = kubectl.get(&[kind, "--selector", OWNER])?;
    for object in list["items"].as_array().into_iter().flatten() {
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        if metadata["labels"][OWNER].as_str().is_some_and(&is_abandoned) {
            kubectl.read(&["delete", kind, name, "--ignore-not-found", "--wait=false"])?;
        }
    }
    Ok(())
}
