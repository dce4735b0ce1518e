//! What rights lead to beyond their words: who may exec into a pod is whoever the pod is.
//!
//! A path begins with a release's account and has at most three steps. The first ones are what the objects grant; a later
//! one may be any that Kubernetes makes possible, so that a path does not end where the objects' knowledge does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use crate::access::evaluate::evaluate;
use crate::access::object::Objects;
use crate::access::question::{Question, Subject};

/// How many steps a path has at most.
const STEPS_MAX: usize = 3;

/// The namespace whose controllers' accounts may do everything, as clusterrole-aggregation-controller does.
const OF_CONTROLLERS: &str = "kube-system";

/// What somebody has in hand.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Power {
    /// The rights of a service account: namespace and name.
    Account(String, String),
    /// Every service account of a namespace, with whatever it may do.
    AccountsOf(String),
    /// Every Secret of a namespace.
    SecretsOf(String),
    /// Every node, as root.
    Nodes,
    /// Every right there is.
    Everything,
}

impl Display for Power {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(namespace, name) => write!(out, "account {namespace}/{name}"),
            Self::AccountsOf(namespace) => write!(out, "any service account of {namespace}"),
            Self::SecretsOf(namespace) => write!(out, "any Secret of {namespace}"),
            Self::Nodes => write!(out, "root on any node"),
            Self::Everything => write!(out, "everything"),
        }
    }
}

/// What one right gives.
#[derive(Clone, Copy, Debug)]
enum Gain {
    /// In its namespace.
    Accounts,
    /// In its namespace.
    Secrets,
    /// Both: a pod names its account and mounts what it likes.
    AccountsAndSecrets,
    Nodes,
    Everything,
}

/// Rights that give more than they say: group, resource, verbs, and what any one of them gives.
type Leverage = (&'static str, &'static str, &'static [&'static str], Gain);

/// Those in a namespace.
const IN_NAMESPACE: [Leverage; 18] = [
    ("", "pods", &["create"], Gain::AccountsAndSecrets),
    ("", "pods/attach", &["get", "create"], Gain::Accounts),
    ("", "pods/ephemeralcontainers", &["patch", "update"], Gain::Accounts),
    ("", "pods/exec", &["get", "create"], Gain::Accounts),
    (
        "",
        "replicationcontrollers",
        &["create", "patch", "update"],
        Gain::AccountsAndSecrets,
    ),
    ("", "secrets", &["get", "list", "watch"], Gain::Secrets),
    ("", "serviceaccounts", &["impersonate"], Gain::Accounts),
    ("", "serviceaccounts/token", &["create"], Gain::Accounts),
    (
        "apps",
        "daemonsets",
        &["create", "patch", "update"],
        Gain::AccountsAndSecrets,
    ),
    (
        "apps",
        "deployments",
        &["create", "patch", "update"],
        Gain::AccountsAndSecrets,
    ),
    (
        "apps",
        "replicasets",
        &["create", "patch", "update"],
        Gain::AccountsAndSecrets,
    ),
    (
        "apps",
        "statefulsets",
        &["create", "patch", "update"],
        Gain::AccountsAndSecrets,
    ),
    (
        "batch",
        "cronjobs",
        &["create", "patch", "update"],
        Gain::AccountsAndSecrets,
    ),
    (
        "batch",
        "jobs",
        &["create", "patch", "update"],
        Gain::AccountsAndSecrets,
    ),
    (
        "rbac.authorization.k8s.io",
        "rolebindings",
        &["create", "patch", "update"],
        Gain::AccountsAndSecrets,
    ),
    (
        "rbac.authorization.k8s.io",
        "roles",
        &["bind", "escalate"],
        Gain::AccountsAndSecrets,
    ),
    ("", "pods/proxy", &["get", "create"], Gain::Secrets),
    ("", "services/proxy", &["get", "create"], Gain::Secrets),
];

/// Those outside of all namespaces.
const IN_CLUSTER: [Leverage; 15] = [
    ("", "groups", &["impersonate"], Gain::Everything),
    ("", "nodes", &["create", "patch", "update"], Gain::Nodes),
    ("", "nodes/proxy", &["get", "create"], Gain::Nodes),
    ("", "persistentvolumes", &["create", "patch", "update"], Gain::Nodes),
    ("", "namespaces", &["patch", "update"], Gain::Nodes),
    ("", "users", &["impersonate"], Gain::Everything),
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicies",
        &["create", "patch", "update"],
        Gain::Everything,
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        &["create", "patch", "update"],
        Gain::Everything,
    ),
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
        &["create", "patch", "update"],
        Gain::Everything,
    ),
    (
        "apiregistration.k8s.io",
        "apiservices",
        &["create", "patch", "update"],
        Gain::Everything,
    ),
    (
        "certificates.k8s.io",
        "certificatesigningrequests/approval",
        &["patch", "update"],
        Gain::Everything,
    ),
    ("certificates.k8s.io", "signers", &["approve", "sign"], Gain::Everything),
    (
        "rbac.authorization.k8s.io",
        "clusterrolebindings",
        &["create", "patch", "update"],
        Gain::Everything,
    ),
    (
        "rbac.authorization.k8s.io",
        "clusterroles",
        &["bind", "escalate"],
        Gain::Everything,
    ),
    (
        "rbac.authorization.k8s.io",
        "clusterroles",
        &["create", "patch", "update"],
        Gain::Everything,
    ),
];

/// Every path from an account, one a line; an empty list when its rights lead nowhere.
///
/// Rights that make the same step stand in it together. `namespaces` are those that are looked at; that of the controllers
/// is always among them.
#[must_use]
pub fn paths(objects: &Objects, namespace: &str, account: &str, namespaces: &[&str]) -> Vec<String> {
    let mut namespaces: BTreeSet<&str> = namespaces.iter().copied().collect();
    namespaces.insert(OF_CONTROLLERS);
    let start = Power::Account(namespace.to_owned(), account.to_owned());
    let world = World {
        objects,
        namespaces: &namespaces,
    };
    let mut paths = Vec::new();
    world.follow(std::slice::from_ref(&start), &start.to_string(), &mut paths);
    paths
}

struct World<'world> {
    objects: &'world Objects,
    namespaces: &'world BTreeSet<&'world str>,
}

impl World<'_> {
    fn follow(&self, been: &[Power], path: &str, paths: &mut Vec<String>) {
        let Some(here) = been.last().filter(|_| been.len() <= STEPS_MAX) else {
            return;
        };
        for (to, by) in self.steps(here) {
            if been.contains(&to) {
                continue;
            }
            let by = by.into_iter().collect::<Vec<_>>().join(", ");
            let path = format!("{path} --[{by}]--> {to}");
            paths.push(path.clone());
            let been: Vec<Power> = been.iter().cloned().chain([to]).collect();
            self.follow(&been, &path, paths);
        }
    }

    /// Where one can get from here in one step, and by what.
    fn steps(&self, here: &Power) -> BTreeMap<Power, BTreeSet<String>> {
        let mut steps: BTreeMap<Power, BTreeSet<String>> = BTreeMap::new();
        let mut add = |to: Power, by: &str| {
            steps.entry(to).or_default().insert(by.to_owned());
        };
        match here {
            Power::Account(namespace, name) => {
                for (to, by) in self.rights_of(&Subject::service_account(namespace, name)) {
                    add(to, &by);
                }
            }
            Power::AccountsOf(namespace) if namespace == OF_CONTROLLERS => {
                add(Power::Everything, "its controllers' accounts");
            }
            // Accounts of the objects go on; others are of nobody's release, and may do what their owners let them.
            Power::AccountsOf(namespace) => {
                for name in self.accounts_of(namespace) {
                    add(Power::Account(namespace.clone(), name), "one of them");
                }
            }
            Power::SecretsOf(namespace) => add(
                Power::AccountsOf(namespace.clone()),
                "long-lived tokens, where there are any",
            ),
            Power::Nodes => add(
                Power::AccountsOf(OF_CONTROLLERS.to_owned()),
                "tokens of the node's pods",
            ),
            Power::Everything => {}
        }
        steps
    }

    fn rights_of(&self, subject: &Subject) -> Vec<(Power, String)> {
        let mut found = Vec::new();
        for (place, table) in self.places() {
            for (group, resource, verbs, gain) in table {
                for verb in *verbs {
                    let question = Question::resource(verb, group, resource, place);
                    if evaluate(self.objects, subject, &question).is_some() {
                        let namespace = place.unwrap_or_default();
                        let powers = gain.powers(namespace);
                        found.extend(powers.into_iter().map(|power| (power, question.to_string())));
                    }
                }
            }
        }
        found
    }

    fn places(&self) -> Vec<(Option<&str>, &'static [Leverage])> {
        let namespaces = self
            .namespaces
            .iter()
            .map(|namespace| (Some(*namespace), &IN_NAMESPACE[..]));
        namespaces.chain([(None, &IN_CLUSTER[..])]).collect()
    }

    fn accounts_of(&self, namespace: &str) -> BTreeSet<String> {
        let subjects = self.objects.bindings.iter().flat_map(|binding| {
            let of_binding = |subject: &&crate::access::object::BindingSubject| {
                let own = subject.namespace.as_deref().or(binding.namespace.as_deref());
                subject.kind == "ServiceAccount" && own == Some(namespace)
            };
            binding.subjects.iter().filter(of_binding)
        });
        subjects.map(|subject| subject.name.text.clone()).collect()
    }
}

impl Gain {
    fn powers(self, namespace: &str) -> Vec<Power> {
        let (accounts, secrets) = (
            Power::AccountsOf(namespace.to_owned()),
            Power::SecretsOf(namespace.to_owned()),
        );
        match self {
            Self::Accounts => vec![accounts],
            Self::Secrets => vec![secrets],
            Self::AccountsAndSecrets => vec![accounts, secrets],
            Self::Nodes => vec![Power::Nodes],
            Self::Everything => vec![Power::Everything],
        }
    }
}
