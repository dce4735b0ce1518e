//! Objects as the API server takes them. Pure.

use serde_json::{Value, json};

use crate::access::object::{Binding, Objects, Role, Word};

/// The path of an object, and the object.
pub type Manifest = (String, Value);

/// A namespace, ready to be applied.
#[must_use]
pub fn namespace(name: &str) -> Manifest {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    (format!("/api/v1/namespaces/{name}"), object)
}

/// A service account, ready to be applied.
#[must_use]
pub fn account(namespace: &str, name: &str) -> Manifest {
    let object = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace},
    });
    (format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}"), object)
}

/// RBAC objects, ready to be applied, each with its path.
#[must_use]
pub fn manifests(objects: &Objects) -> Vec<Manifest> {
    let roles = objects.roles.iter().map(role_manifest);
    let bindings = objects.bindings.iter().map(binding_manifest);
    roles.chain(bindings).collect()
}

/// Where RBAC's objects are.
pub(crate) const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn path(namespace: Option<&str>, kind: &str, name: &str) -> String {
    // A name of RBAC may hold what a path may not: "system:node".
    let name = name.replace('%', "%25").replace(':', "%3A").replace('/', "%2F");
    match namespace {
        Some(namespace) => format!("{RBAC}/namespaces/{namespace}/{kind}s/{name}"),
        None => format!("{RBAC}/cluster{kind}s/{name}"),
    }
}

fn role_manifest(role: &Role) -> Manifest {
    let texts = |words: &[Word]| words.iter().map(|word| word.text.clone()).collect::<Vec<_>>();
    let rules: Vec<Value> = role
        .rules
        .iter()
        .map(|rule| {
            let mut object = json!({"verbs": texts(&rule.verbs)});
            // An empty list of names would be no restriction, and the server refuses resources beside paths.
            for (key, words) in [
                ("apiGroups", &rule.api_groups),
                ("resources", &rule.resources),
                ("resourceNames", &rule.resource_names),
                ("nonResourceURLs", &rule.non_resource_urls),
            ] {
                if !words.is_empty() {
                    object[key] = json!(texts(words));
                }
            }
            object
        })
        .collect();
    let kind = if role.namespace.is_some() {
        "Role"
    } else {
        "ClusterRole"
    };
    let mut object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": {"name": role.name, "labels": role.labels}, "rules": rules,
    });
    if let Some(namespace) = &role.namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    (path(role.namespace.as_deref(), "role", &role.name), object)
}

fn binding_manifest(binding: &Binding) -> Manifest {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let subjects: Vec<Value> = binding
        .subjects
        .iter()
        .map(|subject| {
            let mut object = json!({"kind": subject.kind, "name": subject.name.text});
            if subject.kind == "ServiceAccount" {
                let own = subject.namespace.clone().or(binding.namespace.clone());
                object["namespace"] = json!(own.unwrap_or_default());
            } else {
                object["apiGroup"] = json!(GROUP);
            }
            object
        })
        .collect();
    let kind = if binding.namespace.is_some() {
        "RoleBinding"
    } else {
        "ClusterRoleBinding"
    };
    let mut object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": binding.name},
        "roleRef": {"apiGroup": GROUP, "kind": binding.role.kind, "name": binding.role.name.text},
        "subjects": subjects,
    });
    if let Some(namespace) = &binding.namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    (path(binding.namespace.as_deref(), "rolebinding", &binding.name), object)
}
