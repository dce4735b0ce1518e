//! What is asked: may this one do that? The attributes that the API server's authorizers get, and no others.

use std::fmt::{self, Display};

/// The verbs of the API's requests, in the order of the reviewed table.
pub const VERBS: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];

/// Somebody who asks.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Subject {
    /// The user's name.
    pub user: String,
    /// The groups. Authenticators add them; a SubjectAccessReview does not.
    pub groups: Vec<String>,
}

impl Subject {
    /// A service account with the groups that its token brings
    /// (staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go).
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            user: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
        }
    }

    /// Whoever shows no proof at all.
    #[must_use]
    pub fn nameless() -> Self {
        Self {
            user: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
        }
    }

    /// A user of no group but that of everybody with a name.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self {
            user: name.to_owned(),
            groups: vec!["system:authenticated".to_owned()],
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Question {
    /// A request for a resource.
    Resource {
        /// Such as `get`, or one that no request has, such as `impersonate`.
        verb: String,
        /// The API group; empty is the core group.
        group: String,
        /// In plural, without its subresource.
        resource: String,
        /// Such as `log`; empty when the resource itself is meant.
        subresource: String,
        /// Where; `None` is every namespace at once, or an object of the cluster.
        namespace: Option<String>,
        /// The object's name; empty when the request names none.
        name: String,
    },
    /// A request for a path that is no resource.
    Url {
        /// The HTTP method in lower case.
        verb: String,
        /// The path.
        path: String,
    },
}

impl Question {
    /// A question about a resource as RBAC writes it: `pods/log`.
    #[must_use]
    pub fn resource(verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Self::Resource {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: String::new(),
        }
    }

    /// A question about a path.
    #[must_use]
    pub fn url(verb: &str, path: &str) -> Self {
        Self::Url {
            verb: verb.to_owned(),
            path: path.to_owned(),
        }
    }

    /// The same about the object of a name.
    #[must_use]
    pub fn named(mut self, object: &str) -> Self {
        if let Self::Resource { name, .. } = &mut self {
            object.clone_into(name);
        }
        self
    }

    /// The namespace that it is about.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Resource { namespace, .. } => namespace.as_deref(),
            Self::Url { .. } => None,
        }
    }
}

/// As kubectl writes it: `get deployments.apps/scale`.
impl Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { verb, path } => write!(out, "{verb} {path}"),
            Self::Resource {
                verb,
                group,
                resource,
                subresource,
                namespace: _,
                name,
            } => {
                write!(out, "{verb} {resource}")?;
                if !group.is_empty() {
                    write!(out, ".{group}")?;
                }
                if !subresource.is_empty() {
                    write!(out, "/{subresource}")?;
                }
                if !name.is_empty() {
                    write!(out, " {name}")?;
                }
                Ok(())
            }
        }
    }
}

/// What an oracle answers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Access {
    /// It may.
    Allowed,
    /// It may not.
    Denied,
}

impl From<bool> for Access {
    fn from(allowed: bool) -> Self {
        if allowed { Self::Allowed } else { Self::Denied }
    }
}

impl Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        })
    }
}
