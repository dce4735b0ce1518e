//! A node that takes no pods for a while. Whatever happens to this process, it takes them again: when this is dropped, when
//! the process is asked to end, or by the next run's sweep, which knows it by its owner's label.

use super::ClusterError;
use super::kubectl::Kubectl;
use super::namespace::{Undo, forget, remember};
use crate::docker::{OWNER, died_here, owner};

/// A node that is cordoned.
#[derive(Debug)]
pub struct Cordon {
    kubectl: Kubectl,
    node: String,
}

impl Cordon {
    /// Cordons a node.
    ///
    /// # Errors
    ///
    /// When the API refuses, or somebody has cordoned it already, whose business it then is to uncordon it.
    pub fn put(kubectl: &Kubectl, node: &str) -> Result<Self, ClusterError> {
        if kubectl.get(&["node", node])?["spec"]["unschedulable"] == true {
            return Err(ClusterError::NotReady {
                seconds: 0,
                waiting_for: vec![format!("node {node}, which somebody has cordoned")],
            });
        }
        remember(kubectl, Undo::Uncordon(node.to_owned()));
        let this = Self {
            kubectl: kubectl.clone(),
            node: node.to_owned(),
        };
        kubectl.read(&["label", "node", node, "--overwrite", &format!("{OWNER}={}", owner())])?;
        kubectl.read(&["cordon", node])?;
        Ok(this)
    }

    /// Lets it take pods again.
    ///
    /// # Errors
    ///
    /// When the API refuses; then it is tried again when this process ends, or by the next run.
    pub fn lift(&self) -> Result<(), ClusterError> {
        lift(&self.kubectl, &self.node)?;
        forget(&Undo::Uncordon(self.node.clone()));
        Ok(())
    }
}

impl Drop for Cordon {
    fn drop(&mut self) {
        // What cannot be done now is done when the process ends, or by the next run.
        let _ = self.lift();
    }
}

fn lift(kubectl: &Kubectl, node: &str) -> Result<(), ClusterError> {
    kubectl.read(&["uncordon", node])?;
    kubectl.read(&["label", "node", node, &format!("{OWNER}-")]).map(drop)
}

/// Lifts the cordons of processes that are no more.
///
/// # Errors
///
/// When the API does not answer.
pub fn sweep(kubectl: &Kubectl) -> Result<(), ClusterError> {
    let list = kubectl.get(&["nodes", "--selector", OWNER])?;
    for node in list["items"].as_array().into_iter().flatten() {
        let metadata = &node["metadata"];
        if metadata["labels"][OWNER].as_str().is_some_and(died_here) {
            lift(kubectl, metadata["name"].as_str().unwrap_or_default())?;
        }
    }
    Ok(())
}
