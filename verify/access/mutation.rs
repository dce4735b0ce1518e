//! The harness is tested too: objects with one mistake each, which the table must notice.
//!
//! A mistake that changes nothing is no mistake. Such a mutant is equivalent, and [`equivalence`] shows it in another way
//! than the table does: by writing out every single right of both and comparing the lists.

use std::collections::BTreeSet;

use crate::access::inventory::Resource;
use crate::access::object::{Binding, BindingSubject, Objects, Role, Rule, Word};

/// Verbs that a mutant may be given.
const VERBS: [&str; 12] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "*",
];

/// Resources that a mutant may be given: what an attacker would want, what a hurried author would add, wildcards.
const RESOURCES: [&str; 17] = [
    "secrets",
    "serviceaccounts/token",
    "nodes/proxy",
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "pods/ephemeralcontainers",
    "pods/proxy",
    "pods",
    "configmaps",
    "deployments",
    "roles",
    "clusterrolebindings",
    "certificatesigningrequests/approval",
    "*/scale",
    "*/status",
    "*",
];

/// API groups that a mutant may be given.
const GROUPS: [&str; 5] = ["", "apps", "batch", "rbac.authorization.k8s.io", "*"];

/// Paths that a mutant may be given.
const PATHS: [&str; 4] = ["/metrics", "/logs/*", "/debug/*", "*"];

/// The name of an object that a mutant may be given by itself.
const NAME: &str = "anthropic";

/// The namespace that nobody named.
const ELSEWHERE: &str = "elsewhere";

/// Objects with one mistake.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What was changed, for people.
    pub name: String,
    /// What it became.
    pub objects: Objects,
}

impl Mutant {
    /// Which kind of mistake it is: the word of its name that says what was changed.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let has = |words: &str| self.name.contains(words);
        match () {
            () if has(": verb '") => "verb",
            () if has(": resource '") => "resource",
            () if has(": group '") => "group",
            () if has(": only for ") || has(": a rule for ") || has(": rule ") => "rule",
            () if has(": to ") => "subject",
            () if has(": moved to ") => "scope",
            () => "binding",
        }
    }
}

/// Every right that a mutant may have beyond the original, so that the table asks about it: each rule with one of its
/// lists made as long as a mutant's may be.
#[must_use]
pub fn vocabulary(objects: &Objects) -> Objects {
    let widened = |list: &[Word], more: &[&str]| list.iter().cloned().chain(words(more)).collect();
    let mut rules = Vec::new();
    for rule in objects.roles.iter().flat_map(|role| &role.rules) {
        let (verbs, resources) = (widened(&rule.verbs, &VERBS), widened(&rule.resources, &RESOURCES));
        let api_groups = widened(&rule.api_groups, &GROUPS);
        rules.extend([
            Rule { verbs, ..rule.clone() },
            Rule {
                resources,
                ..rule.clone()
            },
            Rule {
                api_groups,
                ..rule.clone()
            },
        ]);
    }
    rules.push(Rule {
        api_groups: words(&[""]),
        resources: words(&["secrets", "configmaps"]),
        resource_names: words(&[NAME]),
        ..Rule::default()
    });
    rules.push(Rule {
        non_resource_urls: words(&PATHS),
        verbs: words(&["get"]),
        ..Rule::default()
    });
    let role = Role {
        rules,
        ..Role::default()
    };
    Objects {
        roles: vec![role],
        bindings: Vec::new(),
    }
}

/// All mutants of a release's objects; `namespace` is the release's own.
#[must_use]
pub fn mutants(objects: &Objects, namespace: &str) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (position, role) in objects.roles.iter().enumerate() {
        for (what, rules) in of_rules(role) {
            let mut objects = objects.clone();
            if let Some(role) = objects.roles.get_mut(position) {
                role.rules = rules;
            }
            let name = format!("{role}: {what}");
            mutants.push(Mutant { name, objects });
        }
    }
    for (position, binding) in objects.bindings.iter().enumerate() {
        let mut add = |what: &str, objects: Objects| {
            let name = format!("{binding}: {what}");
            mutants.push(Mutant { name, objects });
        };
        for (what, changed) in of_subjects(binding, namespace) {
            let mut objects = objects.clone();
            if let Some(binding) = objects.bindings.get_mut(position) {
                binding.subjects = changed;
            }
            add(&what, objects);
        }
        let mut without = objects.clone();
        without.bindings.remove(position);
        add("dropped", without);
        for role in ["cluster-admin", "no-such-role"] {
            let mut objects = objects.clone();
            if let Some(binding) = objects.bindings.get_mut(position) {
                binding.role.kind = "ClusterRole".to_owned();
                binding.role.name = role.into();
            }
            add(&format!("gives {role}"), objects);
        }
        for (what, objects) in of_scope(objects, position, namespace) {
            add(&what, objects);
        }
    }
    mutants
}

/// The rules of a role with one mistake each.
fn of_rules(role: &Role) -> Vec<(String, Vec<Rule>)> {
    let mut variants = Vec::new();
    let mut replace = |position: usize, what: String, rule: Option<Rule>| {
        let mut rules = role.rules.clone();
        rules.splice(position..=position, rule);
        variants.push((what, rules));
    };
    for (position, rule) in role.rules.iter().enumerate() {
        let nth = position + 1;
        replace(position, format!("rule {nth} dropped"), None);
        for (what, changed) in of_words(&rule.verbs, &VERBS, "verb") {
            let verbs = changed;
            replace(
                position,
                format!("rule {nth}: {what}"),
                Some(Rule { verbs, ..rule.clone() }),
            );
        }
        for (what, resources) in of_words(&rule.resources, &RESOURCES, "resource") {
            replace(
                position,
                format!("rule {nth}: {what}"),
                Some(Rule {
                    resources,
                    ..rule.clone()
                }),
            );
        }
        for (what, api_groups) in of_words(&rule.api_groups, &GROUPS, "group") {
            replace(
                position,
                format!("rule {nth}: {what}"),
                Some(Rule {
                    api_groups,
                    ..rule.clone()
                }),
            );
        }
        let resource_names = words(&[NAME]);
        replace(
            position,
            format!("rule {nth}: only for {NAME}"),
            Some(Rule {
                resource_names,
                ..rule.clone()
            }),
        );
    }
    let mut append = |what: String, rule: Rule| {
        let rules = role.rules.iter().cloned().chain([rule]).collect();
        variants.push((what, rules));
    };
    for resource in ["secrets", "configmaps"] {
        let rule = Rule {
            api_groups: words(&[""]),
            resources: words(&[resource]),
            resource_names: words(&[NAME]),
            verbs: words(&["get", "update"]),
            ..Rule::default()
        };
        append(format!("a rule for {resource} {NAME} more"), rule);
    }
    // A Role cannot hold paths: the API server refuses it.
    for path in PATHS.into_iter().filter(|_| role.namespace.is_none()) {
        let rule = Rule {
            non_resource_urls: words(&[path]),
            verbs: words(&["get"]),
            ..Rule::default()
        };
        append(format!("a rule for path {path} more"), rule);
    }
    variants
}

/// A list with one word fewer, or one more. The only word of a list is not dropped: the API server refuses an empty list.
fn of_words(list: &[Word], vocabulary: &[&str], what: &str) -> Vec<(String, Vec<Word>)> {
    let drops = (0..list.len()).filter(|_| list.len() > 1).map(|position| {
        let mut fewer = list.to_vec();
        let word = fewer.remove(position);
        (format!("{what} '{word}' dropped"), fewer)
    });
    let is_new = |word: &&&str| !list.iter().any(|known| known.text == ***word);
    let adds = vocabulary.iter().filter(is_new).map(|word| {
        let more = list.iter().cloned().chain([Word::from(*word)]).collect();
        (format!("{what} '{word}' added"), more)
    });
    drops.chain(adds).collect()
}

/// The subjects of a binding with one mistake.
fn of_subjects(binding: &Binding, namespace: &str) -> Vec<(String, Vec<BindingSubject>)> {
    let of_kind = |kind: &str, name: &str| BindingSubject {
        api_group: String::new(),
        kind: kind.to_owned(),
        name: name.into(),
        namespace: (kind == "ServiceAccount").then(|| namespace.to_owned()),
    };
    let mut variants = Vec::new();
    for position in 0..binding.subjects.len() {
        let mut change = |what: &str, change: &dyn Fn(&mut BindingSubject)| {
            let mut subjects = binding.subjects.clone();
            if let Some(subject) = subjects.get_mut(position) {
                change(subject);
            }
            variants.push((what.to_owned(), subjects));
        };
        change("to the default account", &|subject| subject.name = "default".into());
        change("to the account of that name elsewhere", &|subject| {
            subject.namespace = Some(ELSEWHERE.to_owned())
        });
        change("to a user of the account's name", &|subject| {
            *subject = of_kind("User", &subject.name.text)
        });
        change("to a group of the account's name", &|subject| {
            *subject = of_kind("Group", &subject.name.text)
        });
    }
    let groups = [
        "system:authenticated".to_owned(),
        "system:unauthenticated".to_owned(),
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
    ];
    let more = groups.iter().map(|group| of_kind("Group", group));
    let more = more.chain([of_kind("User", "somebody"), of_kind("ServiceAccount", "default")]);
    for subject in more {
        let what = format!("to {} {} as well", subject.kind, subject.name);
        let subjects = binding.subjects.iter().cloned().chain([subject]).collect();
        variants.push((what, subjects));
    }
    variants
}

/// The same rights in a wider, a narrower or another place.
fn of_scope(objects: &Objects, position: usize, namespace: &str) -> Vec<(String, Objects)> {
    let moved = |to: Option<&str>| {
        let mut objects = objects.clone();
        let binding = objects.bindings.get_mut(position)?;
        let from = binding.namespace.clone();
        binding.namespace = to.map(str::to_owned);
        let role = (binding.role.kind == "Role").then(|| binding.role.name.text.clone());
        if to.is_none() {
            "ClusterRole".clone_into(&mut binding.role.kind);
        }
        // A Role goes where its binding goes.
        let of_binding = |role_: &&mut Role| role.as_ref() == Some(&role_.name) && role_.namespace == from;
        if let Some(role) = objects.roles.iter_mut().find(of_binding) {
            role.namespace = to.map(str::to_owned);
        }
        Some(objects)
    };
    let from = objects
        .bindings
        .get(position)
        .and_then(|binding| binding.namespace.as_deref());
    [None, Some(namespace), Some(ELSEWHERE)]
        .into_iter()
        .filter(|to| *to != from)
        .filter_map(|to| Some((format!("moved to {}", to.unwrap_or("the whole cluster")), moved(to)?)))
        .collect()
}

/// A right written out: who, where, on what, and how.
type Right = (String, Option<String>, [String; 4]);

/// Why a mutant grants nothing but what its original does, or nothing if it may well.
#[must_use]
pub fn equivalence(original: &Objects, mutant: &Objects, resources: &[Resource]) -> Option<&'static str> {
    let (mut before, mut after) = (rights(original), rights(mutant));
    if before == after {
        return Some("each right that it has more or less stands in another rule as well");
    }
    // A request for the cluster's own object is in no namespace, so a Role never decides it.
    let is_of_cluster = |[_, group, name, _]: &[String; 4]| {
        let known = resources
            .iter()
            .find(|known| known.group == *group && known.name == *name);
        known.is_some_and(|known| !known.is_namespaced)
    };
    let has_effect = |(_, place, what): &Right| place.is_none() || !is_of_cluster(what);
    before.retain(has_effect);
    after.retain(has_effect);
    (before == after).then_some("a right in a namespace on what is in none has no effect")
}

/// Every single right that objects grant, word by word: no wildcard is opened. What holds in the cluster is not said
/// again for a namespace. Two lists that are equal grant the same; the opposite need not hold.
fn rights(objects: &Objects) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for binding in &objects.bindings {
        let roles = objects.roles.iter().filter(|role| {
            let is_role = binding.role.kind == "Role";
            role.name == binding.role.name.text
                && role.namespace.is_some() == is_role
                && (!is_role || role.namespace == binding.namespace)
        });
        for rule in roles.flat_map(|role| &role.rules) {
            for subject in &binding.subjects {
                let home = subject.namespace.clone().unwrap_or_default();
                let who = format!("{} {home}/{}", subject.kind, subject.name);
                for what in each(rule) {
                    rights.insert((who.clone(), binding.namespace.clone(), what));
                }
            }
        }
    }
    let is_said_of_cluster =
        |(who, place, what): &Right| place.is_some() && rights.contains(&(who.clone(), None, what.clone()));
    rights
        .iter()
        .filter(|right| !is_said_of_cluster(right))
        .cloned()
        .collect()
}

fn each(rule: &Rule) -> Vec<[String; 4]> {
    let or_nothing = |words: &[Word]| match words {
        [] => vec![String::new()],
        words => words.iter().map(|word| word.text.clone()).collect(),
    };
    let mut all = Vec::new();
    for verb in or_nothing(&rule.verbs) {
        for path in &rule.non_resource_urls {
            all.push([verb.clone(), path.text.clone(), String::new(), String::new()]);
        }
        for group in &rule.api_groups {
            for resource in &rule.resources {
                for name in or_nothing(&rule.resource_names) {
                    all.push([verb.clone(), group.text.clone(), resource.text.clone(), name]);
                }
            }
        }
    }
    all
}

fn words(texts: &[&str]) -> Vec<Word> {
    texts.iter().map(|text| Word::from(*text)).collect()
}
