//! Network policies from rendered files, with the lines of their rules.

use serde::Deserialize;

use crate::network::object::{Policy, Spec};

/// Policies cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is no YAML, or a policy in it is not of its shape.
    #[error("{file} cannot be read as Kubernetes objects: {message}")]
    File {
        /// The file.
        file: String,
        /// What is wrong, with the line.
        message: String,
    },
    /// A part that a policy must have is missing.
    #[error("NetworkPolicy {name} of {file} has no {part}")]
    Missing {
        /// The policy's name.
        name: String,
        /// The file.
        file: String,
        /// What it lacks.
        part: &'static str,
    },
    /// The file has no policy.
    #[error("{0} has no NetworkPolicy, so nothing is closed; network.enabled is true by default")]
    Nothing(String),
}

/// Any Kubernetes object, as far as policies have parts; the parts of others are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct WithSpec {
    spec: Option<Spec>,
}

/// The network policies of a file of YAML documents; every other object is passed over. `file` is how explanations name it.
///
/// # Errors
///
/// When the file is no YAML, or a policy in it is not of its shape.
pub fn from_yaml(file: &str, text: &str) -> Result<Vec<Policy>, LoadError> {
    let wrong = |message: String| LoadError::File {
        file: file.to_owned(),
        message,
    };
    let mut policies = Vec::new();
    for (line, document) in documents(text) {
        let object: Option<Object> = serde_saphyr::from_str(&document).map_err(|error| wrong(error.to_string()))?;
        let Some(object) = object.filter(|object| {
            object.kind == "NetworkPolicy" && object.api_version.split('/').next() == Some("networking.k8s.io")
        }) else {
            continue;
        };
        let missing = |name: &str, part| LoadError::Missing {
            name: name.to_owned(),
            file: file.to_owned(),
            part,
        };
        let metadata = object.metadata.ok_or_else(|| missing("without a name", "metadata"))?;
        // Lines count from the file's beginning: the documents before are blank ones here.
        let placed = "\n".repeat(line) + &document;
        let body: WithSpec = serde_saphyr::from_str(&placed).map_err(|error| wrong(error.to_string()))?;
        policies.push(Policy {
            spec: body.spec.ok_or_else(|| missing(&metadata.name, "spec"))?,
            namespace: metadata.namespace.ok_or_else(|| missing(&metadata.name, "namespace"))?,
            name: metadata.name,
            file: file.to_owned(),
        });
    }
    Ok(policies)
}

/// The documents of a stream, each with the number of lines before it.
fn documents(text: &str) -> Vec<(usize, String)> {
    let mut documents = vec![(0, String::new())];
    for (number, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") {
            documents.push((number + 1, String::new()));
        } else if let Some((_, document)) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    documents.retain(|(_, document)| !document.trim().is_empty());
    documents
}
