//! RBAC, decided in process: which rule of which binding allows this, if any does.
//!
//! The semantics are those of Kubernetes' own authorizer (pkg/apis/rbac/v1/evaluation_helpers.go,
//! pkg/registry/rbac/validation/rule.go and plugin/pkg/auth/authorizer/rbac/rbac.go). RBAC only ever adds: a request is
//! allowed when one rule allows it, and no rule takes anything away.
//!
//! Caveats: other authorizers stand beside RBAC. The group `system:masters` passes before RBAC is asked, and the node
//! authorizer answers kubelets; neither concerns a service account.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use crate::access::object::{Binding, BindingSubject, Objects, Role, Rule, Word};
use crate::access::question::{Question, Subject};
use crate::engine::cell::{Evidence, Place};

/// Stands for all groups, resources, verbs or paths.
const ALL: &str = "*";

/// A rule that applies to somebody somewhere, and why it does.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'objects> {
    /// The binding that gives the role.
    pub binding: &'objects Binding,
    /// The subject of the binding that is meant.
    pub subject: &'objects BindingSubject,
    /// The role whose rule it is; for a ClusterRole that aggregates, the gathered one.
    pub role: &'objects Role,
    /// The rule.
    pub rule: &'objects Rule,
}

/// A rule that allows what was asked.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'objects> {
    /// The rule and where it comes from.
    pub applied: Applied<'objects>,
    /// The word of the rule that names what was asked for.
    pub word: &'objects Word,
}

impl Grant<'_> {
    /// The explanation, with the line of the word that names what was asked for.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let line = self.word.line;
        let file = self.applied.role.file.clone().filter(|_| line > 0);
        Evidence {
            text: self.to_string(),
            place: file.map(|file| Place { file, line }),
        }
    }
}

/// Explains itself: the rule, the binding and the file's line.
impl Display for Grant<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Applied {
            binding,
            subject,
            role,
            rule,
        } = self.applied;
        write!(
            out,
            "{role} allows {rule}, and {binding} gives it to {} {}",
            subject.kind, subject.name
        )?;
        match &role.file {
            Some(file) if self.word.line > 0 => write!(out, " ({file}:{}: {})", self.word.line, self.word),
            Some(file) => write!(out, " ({file})"),
            None => Ok(()),
        }
    }
}

/// The rule that allows this, or nothing: then it is denied.
#[must_use]
pub fn evaluate<'objects>(
    objects: &'objects Objects,
    subject: &Subject,
    question: &Question,
) -> Option<Grant<'objects>> {
    rules_for(objects, subject, question.namespace())
        .into_iter()
        .find_map(|applied| {
            let word = allows(applied.rule, question)?;
            Some(Grant { applied, word })
        })
}

/// Every rule that applies to somebody in a namespace, or outside of all.
///
/// A binding to a role that is not there gives nothing, and neither does a subject of an unknown kind.
#[must_use]
pub fn rules_for<'objects>(
    objects: &'objects Objects,
    asking: &Subject,
    namespace: Option<&str>,
) -> Vec<Applied<'objects>> {
    let mut applied = Vec::new();
    // The authorizer asks the cluster's bindings first, so that they are the ones it names.
    let of_cluster = objects.bindings.iter().filter(|binding| binding.namespace.is_none());
    let of_namespace = objects
        .bindings
        .iter()
        .filter(|binding| binding.namespace.is_some() && binding.namespace.as_deref() == namespace);
    for binding in of_cluster.chain(of_namespace) {
        let Some(subject) = binding
            .subjects
            .iter()
            .find(|subject| is_meant(subject, binding.namespace.as_deref(), asking))
        else {
            continue;
        };
        let Some(role) = role_of(objects, binding) else {
            continue;
        };
        for (role, rule) in rules_of(objects, role) {
            applied.push(Applied {
                binding,
                subject,
                role,
                rule,
            });
        }
    }
    applied
}

/// Does a rule allow this? Returns the word that names what was asked for: the resource, or the path.
#[must_use]
pub fn allows<'rule>(rule: &'rule Rule, question: &Question) -> Option<&'rule Word> {
    match question {
        Question::Resource {
            verb,
            group,
            resource,
            subresource,
            namespace: _,
            name,
        } => {
            let is_about = has(&rule.verbs, verb)
                && has(&rule.api_groups, group)
                && (rule.resource_names.is_empty() || rule.resource_names.iter().any(|word| word.text == *name));
            let names = |word: &&Word| names_resource(&word.text, resource, subresource);
            is_about.then(|| rule.resources.iter().find(names)).flatten()
        }
        Question::Url { verb, path } => {
            let names = |word: &&Word| names_path(&word.text, path);
            has(&rule.verbs, verb)
                .then(|| rule.non_resource_urls.iter().find(names))
                .flatten()
        }
    }
}

fn has(words: &[Word], wanted: &str) -> bool {
    words.iter().any(|word| word.text == ALL || word.text == wanted)
}

/// `*` is every resource and subresource, `*/scale` that subresource of every resource; there is no `pods/*`.
fn names_resource(word: &str, resource: &str, subresource: &str) -> bool {
    let its = |of: &str| word.strip_prefix(of).and_then(|rest| rest.strip_prefix('/')) == Some(subresource);
    match subresource {
        "" => word == ALL || word == resource,
        _ => word == ALL || its(resource) || its(ALL),
    }
}

/// A `*` at the end stands for any rest; all stars at the end count as one.
fn names_path(word: &str, path: &str) -> bool {
    word == ALL || word == path || (word.ends_with('*') && path.starts_with(word.trim_end_matches('*')))
}

fn is_meant(subject: &BindingSubject, binding_namespace: Option<&str>, asking: &Subject) -> bool {
    match subject.kind.as_str() {
        "User" => asking.user == subject.name.text,
        "Group" => asking.groups.contains(&subject.name.text),
        "ServiceAccount" => {
            // Without a namespace of its own, a subject is in that of its RoleBinding; in a ClusterRoleBinding it is nowhere.
            let own = subject.namespace.as_deref().filter(|namespace| !namespace.is_empty());
            own.or(binding_namespace).is_some_and(|namespace| {
                let name = &subject.name.text;
                asking.user == format!("system:serviceaccount:{namespace}:{name}")
            })
        }
        _ => false,
    }
}

/// The role that a binding means: a `Role` is looked for in the binding's own namespace alone.
fn role_of<'objects>(objects: &'objects Objects, binding: &Binding) -> Option<&'objects Role> {
    let wanted = &binding.role;
    objects.roles.iter().find(|role| {
        role.name == wanted.name.text
            && match wanted.kind.as_str() {
                "Role" => role.namespace.is_some() && role.namespace == binding.namespace,
                "ClusterRole" => role.namespace.is_none(),
                _ => false,
            }
    })
}

/// The rules of a role. Those of a ClusterRole that aggregates are what it gathers, and what the gathered ones gather:
/// its own are overwritten (pkg/controller/clusterroleaggregation of Kubernetes).
fn rules_of<'objects>(objects: &'objects Objects, role: &'objects Role) -> Vec<(&'objects Role, &'objects Rule)> {
    let mut rules = Vec::new();
    let mut seen = BTreeSet::from([role.name.as_str()]);
    let mut open = vec![role];
    while let Some(role) = open.pop() {
        let Some(selectors) = role.aggregates.as_ref().filter(|_| role.namespace.is_none()) else {
            rules.extend(role.rules.iter().map(|rule| (role, rule)));
            continue;
        };
        let gathered = objects.roles.iter().filter(|other| {
            other.namespace.is_none() && selectors.iter().any(|selector| selector.matches(&other.labels))
        });
        for other in gathered {
            if seen.insert(&other.name) {
                open.push(other);
            }
        }
    }
    rules
}

#[cfg(test)]
mod tests;
