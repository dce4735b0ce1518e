//! What a cluster looked like while it was asked: for whoever reads a report without it.

use std::time::Duration;

use serde_json::Value;

use super::ClusterError;
use super::kubectl::Kubectl;
use crate::report::scrub;

/// How long one question may take.
const COMMAND_MAX: Duration = Duration::from_secs(30);

/// What is kept of a namespace of the run's; never Secrets and ConfigMaps, which are not even read.
const OF_NAMESPACES: &str = "pods,services,endpointslices.discovery.k8s.io,networkpolicies.networking.k8s.io,\
     serviceaccounts,roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io,events";

/// What is kept of the whole cluster, each with the file that it goes to.
const OF_CLUSTER: [(&str, &[&str]); 3] = [
    ("nodes.json", &["nodes"]),
    (
        "system.json",
        &["pods,daemonsets.apps,deployments.apps", "--namespace=kube-system"],
    ),
    ("namespaces.json", &["namespaces"]),
];

/// A file of a snapshot: its name, and its text without secrets.
pub type File = (String, String);

/// Looks at the cluster and at these namespaces. What cannot be read, since rights are missing, is told in the file's place.
///
/// # Errors
///
/// When kubectl cannot be started or does not end.
pub fn of(kubectl: &Kubectl, namespaces: &[&str]) -> Result<Vec<File>, ClusterError> {
    let version = match kubectl.try_read(&["get", "--raw=/version"], COMMAND_MAX)? {
        Ok(text) | Err(text) => text,
    };
    let mut files = vec![("version.json".to_owned(), scrub::text(&version))];
    for (name, words) in OF_CLUSTER {
        files.push((name.to_owned(), look(kubectl, words)?));
    }
    for namespace in namespaces {
        let within = format!("--namespace={namespace}");
        files.push((format!("{namespace}.json"), look(kubectl, &[OF_NAMESPACES, &within])?));
    }
    Ok(files)
}

fn look(kubectl: &Kubectl, words: &[&str]) -> Result<String, ClusterError> {
    let words = [&["get", "--output=json", "--request-timeout=20s"], words].concat();
    Ok(match kubectl.try_read(&words, COMMAND_MAX)? {
        Ok(text) => match serde_json::from_str::<Value>(&text) {
            Ok(mut list) => {
                scrub::object(&mut list);
                format!("{list:#}\n")
            }
            Err(error) => format!("kubectl printed no JSON: {error}\n"),
        },
        Err(said) => format!("could not be read: {}\n", scrub::text(said.trim())),
    })
}
