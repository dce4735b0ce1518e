//! RBAC objects from where they are: rendered files, with the line of every word, and what an API server lists.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::access::object::{Binding, BindingSubject, Objects, Role, RoleRef, Rule};
use crate::selector::Selector;

/// Objects cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is no YAML, or an RBAC object in it is not of its shape.
    #[error("{file} cannot be read as Kubernetes objects: {message}")]
    File {
        /// The file.
        file: String,
        /// What is wrong, with the line.
        message: String,
    },
    /// An object of the API is not of its shape.
    #[error("an RBAC object of the API server cannot be read: {0}")]
    Object(#[from] serde_json::Error),
    /// A part that an object of its kind must have is missing.
    #[error("{kind} {name} of {file} has no {part}")]
    Missing {
        /// The object's kind.
        kind: String,
        /// The object's name.
        name: String,
        /// The file, or the API server.
        file: String,
        /// What it lacks.
        part: &'static str,
    },
}

/// Any Kubernetes object, as far as RBAC has parts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    metadata: Option<Metadata>,
    rules: Option<Vec<Rule>>,
    aggregation_rule: Option<AggregationRule>,
    role_ref: Option<RoleRef>,
    subjects: Option<Vec<BindingSubject>>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregationRule {
    cluster_role_selectors: Option<Vec<Selector>>,
}

/// The RBAC objects of a file of YAML documents; every other object is passed over. `file` is how explanations name it.
///
/// # Errors
///
/// When the file is no YAML, or an RBAC object in it is not of its shape.
pub fn from_yaml(file: &str, text: &str) -> Result<Objects, LoadError> {
    let documents: Vec<Option<Object>> = serde_saphyr::from_multiple(text).map_err(|error| LoadError::File {
        file: file.to_owned(),
        message: error.to_string(),
    })?;
    let mut objects = Objects::default();
    for document in documents.into_iter().flatten() {
        add(&mut objects, document, Some(file))?;
    }
    Ok(objects)
}

/// The RBAC objects among those of an API server; lists of the API leave out the kind of their items, so each comes with
/// its own.
///
/// # Errors
///
/// When one is not of its shape.
pub fn from_api<'value>(
    items: impl IntoIterator<Item = (&'static str, &'value serde_json::Value)>,
) -> Result<Objects, LoadError> {
    let mut objects = Objects::default();
    for (kind, item) in items {
        let mut object = Object::deserialize(item)?;
        kind.clone_into(&mut object.kind);
        GROUP.clone_into(&mut object.api_version);
        add(&mut objects, object, None)?;
    }
    Ok(objects)
}

/// The API group of RBAC; its version is behind a slash.
const GROUP: &str = "rbac.authorization.k8s.io";

fn add(objects: &mut Objects, object: Object, file: Option<&str>) -> Result<(), LoadError> {
    let Object {
        api_version,
        kind,
        metadata,
        rules,
        aggregation_rule,
        role_ref,
        subjects,
    } = object;
    if api_version.split('/').next() != Some(GROUP) {
        return Ok(());
    }
    let missing = |name: &str, part| LoadError::Missing {
        kind: kind.clone(),
        name: name.to_owned(),
        file: file.unwrap_or("the API server").to_owned(),
        part,
    };
    let metadata = metadata.ok_or_else(|| missing("without a name", "metadata"))?;
    let is_namespaced = matches!(kind.as_str(), "Role" | "RoleBinding");
    if is_namespaced && metadata.namespace.is_none() {
        return Err(missing(&metadata.name, "namespace"));
    }
    // The API server ignores a namespace that somebody wrote on an object of the cluster.
    let namespace = metadata.namespace.filter(|_| is_namespaced);
    let name = metadata.name;
    let file = file.map(str::to_owned);
    match kind.as_str() {
        "Role" | "ClusterRole" => objects.roles.push(Role {
            namespace,
            name,
            labels: metadata.labels.unwrap_or_default(),
            rules: rules.unwrap_or_default(),
            aggregates: aggregation_rule.map(|rule| rule.cluster_role_selectors.unwrap_or_default()),
            file,
        }),
        "RoleBinding" | "ClusterRoleBinding" => objects.bindings.push(Binding {
            role: role_ref.ok_or_else(|| missing(&name, "roleRef"))?,
            namespace,
            name,
            subjects: subjects.unwrap_or_default(),
            file,
        }),
        _ => {}
    }
    Ok(())
}
