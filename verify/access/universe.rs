//! Everything that is asked: all resources and subresources x verbs x places, and what no list of resources has.
//!
//! A cluster's own objects are asked about in no namespace alone: a review that names one for them says yes where the
//! real request is refused (harness trap: a RoleBinding on `persistentvolumes`).

use std::collections::BTreeSet;

use crate::access::inventory::Resource;
use crate::access::object::{Objects, Rule, Word};
use crate::access::question::{Question, VERBS};
use crate::access::table::Table;

/// Rights that no discovery lists: verbs and resources that only authorizers know.
const VIRTUAL: [(&str, &str, &str, bool); 14] = [
    ("impersonate", "", "users", false),
    ("impersonate", "", "groups", false),
    ("impersonate", "", "serviceaccounts", true),
    ("impersonate", "authentication.k8s.io", "uids", false),
    ("impersonate", "authentication.k8s.io", "userextras/scopes", false),
    ("bind", "rbac.authorization.k8s.io", "clusterroles", false),
    ("bind", "rbac.authorization.k8s.io", "roles", true),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles", false),
    ("escalate", "rbac.authorization.k8s.io", "roles", true),
    ("approve", "certificates.k8s.io", "signers", false),
    ("attest", "certificates.k8s.io", "signers", false),
    ("sign", "certificates.k8s.io", "signers", false),
    ("use", "policy", "podsecuritypolicies", true),
    ("*", "*", "*", false),
];

/// The kubelet's subresources of a node, which it asks the API server about and discovery does not list
/// (pkg/kubelet/server/auth.go of Kubernetes).
const OF_KUBELETS: [&str; 7] = [
    "nodes/checkpoint",
    "nodes/configz",
    "nodes/healthz",
    "nodes/log",
    "nodes/metrics",
    "nodes/pods",
    "nodes/stats",
];

/// Paths that are no resources: those that everybody may get, and those that nobody may.
const PATHS: [&str; 24] = [
    "/",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/",
    "/api",
    "/api/",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/configz",
    "/debug/pprof/heap",
    "/flagz",
    "/healthz",
    "/healthz/etcd",
    "/livez",
    "/livez/ping",
    "/logs",
    "/metrics",
    "/metrics/slis",
    "/openapi/v2",
    "/openapi/v3",
    "/openid/v1/jwks",
    "/readyz",
    "/version",
    "/version/",
];

/// Stands for every group, resource or verb that nobody has thought of yet: only a wildcard grants it.
const UNHEARD_OF: &str = "unheard-of";

/// Methods that paths are asked with.
const METHODS: [&str; 3] = ["get", "post", "delete"];

/// Every question about these resources in these namespaces and outside of all, and about whatever the table or the
/// objects name beyond: a resource that this API does not have, a name, a path. Sorted; none is there twice.
#[must_use]
pub fn questions(resources: &[Resource], table: &Table, objects: &Objects, namespaces: &[&str]) -> Vec<Question> {
    let mut questions = BTreeSet::new();
    let namespaces = |is_namespaced: bool| {
        let within: &[&str] = if is_namespaced { namespaces } else { &[] };
        within.iter().map(|namespace| Some(*namespace)).chain([None])
    };
    for resource in resources {
        for verb in VERBS {
            for namespace in namespaces(resource.is_namespaced) {
                questions.insert(Question::resource(verb, &resource.group, &resource.name, namespace));
            }
            // A request for a namespace is in that namespace, though namespaces are the cluster's.
            if resource.group.is_empty() && resource.name.split('/').next() == Some("namespaces") {
                for namespace in namespaces(true).flatten() {
                    questions.insert(Question::resource(verb, "", &resource.name, Some(namespace)).named(namespace));
                }
            }
        }
    }
    for resource in OF_KUBELETS {
        for verb in VERBS {
            questions.insert(Question::resource(verb, "", resource, None));
        }
    }
    for (verb, group, resource, is_namespaced) in VIRTUAL {
        for namespace in namespaces(is_namespaced) {
            questions.insert(Question::resource(verb, group, resource, namespace));
        }
    }
    for method in METHODS {
        questions.extend(PATHS.map(|path| Question::url(method, path)));
    }
    let all: Vec<_> = namespaces(true).collect();
    for rule in &rules(table, objects) {
        questions.extend(of_paths(rule));
        for (group, name) in names(rule) {
            let verbs = rule.verbs.iter().map(|verb| verb.text.as_str()).chain(VERBS);
            questions.extend(of_resource(rule, (&group.text, &name.text), verbs, resources, &all));
        }
    }
    questions.into_iter().collect()
}

/// What only a wildcard grants: resources that no group has, groups and verbs that nobody has heard of. An API server may
/// have them tomorrow.
#[must_use]
pub fn unheard_of(resources: &[Resource], table: &Table, objects: &Objects, namespaces: &[&str]) -> Vec<Question> {
    let rules = rules(table, objects);
    let places: Vec<_> = namespaces
        .iter()
        .map(|namespace| Some(*namespace))
        .chain([None])
        .collect();
    let mut questions = BTreeSet::new();
    let groups = rules
        .iter()
        .flat_map(|rule| &rule.api_groups)
        .map(|group| group.text.as_str());
    let groups = groups.chain(resources.iter().map(|resource| resource.group.as_str()));
    for group in groups.filter(|group| *group != "*").collect::<BTreeSet<_>>() {
        for name in ["", "/scale", "/status", "/unheard-of"].map(|rest| format!("{UNHEARD_OF}{rest}")) {
            for verb in VERBS {
                questions.extend(
                    places
                        .iter()
                        .map(|namespace| Question::resource(verb, group, &name, *namespace)),
                );
            }
        }
    }
    for rule in &rules {
        for (group, name) in names(rule) {
            let of_name = (group.text.as_str(), name.text.as_str());
            questions.extend(of_resource(rule, of_name, [UNHEARD_OF], resources, &places));
            let elsewhere = (UNHEARD_OF, name.text.as_str());
            let verbs = rule.verbs.iter().map(|verb| verb.text.as_str());
            questions.extend(of_resource(rule, elsewhere, verbs, resources, &places));
        }
    }
    questions.into_iter().collect()
}

/// What the objects grant, what the table grants, and what it grants nobody, as rules.
fn rules(table: &Table, objects: &Objects) -> Vec<Rule> {
    let words = |texts: &[String]| texts.iter().map(|text| Word::from(text.as_str())).collect();
    let rule = |groups: &[String], resources: &[String], verbs: &[String]| Rule {
        api_groups: words(groups),
        resources: words(resources),
        verbs: words(verbs),
        ..Rule::default()
    };
    let of_tiers = table.tiers.values().flat_map(|tier| &tier.rules);
    let of_tiers = of_tiers.map(|granted| rule(&granted.groups, &granted.resources, &granted.verbs));
    let of_nobody = table.never.iter();
    let of_nobody = of_nobody.map(|never| rule(&never.groups, &never.resources, &never.verbs));
    let of_objects = objects.roles.iter().flat_map(|role| role.rules.iter().cloned());
    of_objects.chain(of_tiers).chain(of_nobody).collect()
}

/// The paths that a rule names; what a star stands for is asked with something in its place.
fn of_paths(rule: &Rule) -> Vec<Question> {
    let verbs = rule.verbs.iter().filter(|verb| verb.text != "*");
    let of_verb = |verb: &Word| {
        let paths = rule
            .non_resource_urls
            .iter()
            .map(|url| url.text.replace('*', "something"));
        paths.map(|path| Question::url(&verb.text, &path)).collect::<Vec<_>>()
    };
    verbs.flat_map(of_verb).collect()
}

/// The pairs of group and resource that a rule names without a wildcard.
fn names(rule: &Rule) -> Vec<(&Word, &Word)> {
    let groups = rule.api_groups.iter().filter(|group| group.text != "*");
    let names = |group| {
        let exact = rule.resources.iter().filter(|name| !name.text.contains('*'));
        exact.map(move |name| (group, name))
    };
    groups.flat_map(names).collect()
}

/// The questions about one resource that a rule names, in every place that it can be in, and about each object that the
/// rule names.
fn of_resource<'word>(
    rule: &Rule,
    (group, name): (&str, &str),
    verbs: impl IntoIterator<Item = &'word str>,
    resources: &[Resource],
    places: &[Option<&str>],
) -> Vec<Question> {
    let known = resources
        .iter()
        .find(|resource| resource.group == group && resource.name == name);
    let is_of_cluster = known.is_some_and(|resource| !resource.is_namespaced);
    let mut questions = Vec::new();
    for verb in verbs.into_iter().filter(|verb| *verb != "*") {
        for place in places.iter().filter(|place| place.is_none() || !is_of_cluster) {
            let question = Question::resource(verb, group, name, *place);
            let objects = rule.resource_names.iter();
            questions.extend(objects.map(|object| question.clone().named(&object.text)));
            questions.push(question);
        }
    }
    questions
}
