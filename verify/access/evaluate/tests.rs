//! The evaluator against the cases of Kubernetes' documentation and source, and against a second one that was written
//! another way: it forms every combination that a rule names and looks whether the request's is among them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::access::load;
use crate::access::object::RoleRef;
use crate::selector::Selector;

fn words(text: &str) -> Vec<Word> {
    text.split_whitespace()
        .map(|word| Word::from(if word == "core" { "" } else { word }))
        .collect()
}

fn rule(verbs: &str, groups: &str, resources: &str) -> Rule {
    Rule {
        api_groups: words(groups),
        resources: words(resources),
        verbs: words(verbs),
        ..Default::default()
    }
}

#[rstest]
#[case::exact("get", "core", "pods", "get", "", "pods", true)]
#[case::verb("get", "core", "pods", "list", "", "pods", false)]
#[case::group("get", "apps", "pods", "get", "", "pods", false)]
#[case::any_verb("*", "core", "pods", "impersonate", "", "pods", true)]
#[case::any_group("get", "*", "pods", "get", "metrics.k8s.io", "pods", true)]
#[case::any_resource("get", "core", "*", "get", "", "pods/log", true)]
#[case::a_resource_is_not_its_subresource("get", "core", "pods", "get", "", "pods/log", false)]
#[case::a_subresource_is_not_its_resource("get", "core", "pods/log", "get", "", "pods", false)]
#[case::subresource_of_any("patch", "apps", "*/scale", "patch", "apps", "deployments/scale", true)]
#[case::subresource_of_any_is_exact("patch", "apps", "*/scale", "patch", "apps", "deployments/rescale", false)]
#[case::subresource_of_any_is_no_resource("patch", "apps", "*/scale", "patch", "apps", "scale", false)]
#[case::there_is_no_any_subresource("get", "core", "pods/*", "get", "", "pods/log", false)]
#[case::no_prefix("get", "core", "pod", "get", "", "pods", false)]
fn rules_of_resources(
    #[case] verbs: &str,
    #[case] groups: &str,
    #[case] resources: &str,
    #[case] verb: &str,
    #[case] group: &str,
    #[case] resource: &str,
    #[case] expected: bool,
) {
    let question = Question::resource(verb, group, resource, Some("box"));
    assert_eq!(allows(&rule(verbs, groups, resources), &question).is_some(), expected);
}

#[rstest]
#[case::that_name("a", true)]
#[case::another("b", false)]
#[case::none_as_in_a_list("", false)]
fn resource_names(#[case] name: &str, #[case] expected: bool) {
    let rule = Rule {
        resource_names: words("a"),
        ..rule("get", "core", "pods")
    };
    let question = Question::resource("get", "", "pods", None).named(name);
    assert_eq!(allows(&rule, &question).is_some(), expected);
}

#[rstest]
#[case::exact("/healthz", "/healthz", true)]
#[case::longer("/healthz", "/healthz/etcd", false)]
#[case::star("/healthz/*", "/healthz/etcd", true)]
#[case::the_star_s_own_directory("/healthz/*", "/healthz/", true)]
#[case::not_without_slash("/healthz/*", "/healthz", false)]
#[case::all("*", "/metrics", true)]
#[case::several_stars("/a**", "/abc", true)]
#[case::star_inside("/a*/b", "/ax/b", false)]
fn paths(#[case] word: &str, #[case] path: &str, #[case] expected: bool) {
    let rule = Rule {
        non_resource_urls: words(word),
        verbs: words("get"),
        ..Default::default()
    };
    assert_eq!(allows(&rule, &Question::url("get", path)).is_some(), expected);
    assert!(allows(&rule, &Question::url("post", path)).is_none());
    // A rule of paths says nothing about resources.
    assert!(allows(&rule, &Question::resource("get", "", "pods", None)).is_none());
}

fn subject(kind: &str, name: &str, namespace: Option<&str>) -> BindingSubject {
    BindingSubject {
        api_group: String::new(),
        kind: kind.to_owned(),
        name: name.into(),
        namespace: namespace.map(str::to_owned),
    }
}

#[rstest]
#[case::account(subject("ServiceAccount", "agent", Some("box")), None, true)]
#[case::account_elsewhere(subject("ServiceAccount", "agent", Some("other")), None, false)]
#[case::account_of_the_bindings_namespace(subject("ServiceAccount", "agent", None), Some("box"), true)]
#[case::account_of_no_namespace(subject("ServiceAccount", "agent", None), None, false)]
#[case::empty_is_none(subject("ServiceAccount", "agent", Some("")), Some("box"), true)]
#[case::as_a_user(subject("User", "system:serviceaccount:box:agent", None), None, true)]
#[case::group_of_all(subject("Group", "system:authenticated", None), None, true)]
#[case::group_of_accounts(subject("Group", "system:serviceaccounts", None), None, true)]
#[case::group_of_the_namespace(subject("Group", "system:serviceaccounts:box", None), None, true)]
#[case::group_of_another(subject("Group", "system:serviceaccounts:other", None), None, false)]
#[case::no_group(subject("Group", "system:masters", None), None, false)]
#[case::a_user_is_no_group(subject("User", "system:authenticated", None), None, false)]
#[case::unknown_kind(subject("Robot", "agent", None), Some("box"), false)]
fn subjects(#[case] bound: BindingSubject, #[case] binding_namespace: Option<&str>, #[case] expected: bool) {
    let agent = Subject::service_account("box", "agent");
    assert_eq!(is_meant(&bound, binding_namespace, &agent), expected);
}

/// A role in a namespace or none, bound in a namespace or none by a reference of a kind.
fn bound(role_namespace: Option<&str>, kind: &str, binding_namespace: Option<&str>) -> Objects {
    Objects {
        roles: vec![Role {
            namespace: role_namespace.map(str::to_owned),
            name: "reader".to_owned(),
            rules: vec![rule("get", "core", "pods")],
            ..Default::default()
        }],
        bindings: vec![Binding {
            namespace: binding_namespace.map(str::to_owned),
            name: "reader".to_owned(),
            role: RoleRef {
                api_group: String::new(),
                kind: kind.to_owned(),
                name: "reader".into(),
            },
            subjects: vec![subject("ServiceAccount", "agent", Some("box"))],
            file: None,
        }],
    }
}

#[rstest]
#[case::everywhere(None, "ClusterRole", None, [true, true, true])]
#[case::cluster_role_in_a_namespace(None, "ClusterRole", Some("box"), [true, false, false])]
#[case::role(Some("box"), "Role", Some("box"), [true, false, false])]
#[case::role_of_another_namespace(Some("other"), "Role", Some("box"), [false, false, false])]
#[case::role_bound_to_the_cluster(Some("box"), "Role", None, [false, false, false])]
#[case::wrong_kind(None, "Role", Some("box"), [false, false, false])]
#[case::unknown_kind(None, "Rolle", None, [false, false, false])]
fn scopes(
    #[case] role_namespace: Option<&str>,
    #[case] kind: &str,
    #[case] binding_namespace: Option<&str>,
    #[case] expected: [bool; 3],
) {
    let objects = bound(role_namespace, kind, binding_namespace);
    let agent = Subject::service_account("box", "agent");
    let observed = [Some("box"), Some("other"), None]
        .map(|namespace| evaluate(&objects, &agent, &Question::resource("get", "", "pods", namespace)).is_some());
    assert_eq!(observed, expected);
}

#[test]
fn an_aggregating_role_has_what_it_gathers_and_not_its_own() {
    let mut objects = bound(None, "ClusterRole", None);
    let label = |value: &str| BTreeMap::from([("to".to_owned(), value.to_owned())]);
    let selector = |value: &str| Selector {
        match_labels: label(value),
        ..Default::default()
    };
    let gathers = |name: &str, labels: BTreeMap<String, String>, wants: &str| Role {
        name: name.to_owned(),
        labels,
        aggregates: Some(vec![selector(wants)]),
        rules: vec![rule("delete", "core", "pods")],
        ..Default::default()
    };
    // reader gathers middle, which gathers end; and middle, in a circle, gathers reader too.
    objects.roles = vec![
        gathers("reader", label("middle"), "reader"),
        gathers("middle", label("reader"), "middle"),
        Role {
            name: "end".to_owned(),
            labels: label("middle"),
            rules: vec![rule("watch", "core", "pods")],
            ..Default::default()
        },
    ];
    let agent = Subject::service_account("box", "agent");
    let may = |verb| evaluate(&objects, &agent, &Question::resource(verb, "", "pods", None)).is_some();
    assert!(may("watch"), "gathered through another");
    assert!(!may("delete"), "its own rules are overwritten");
}

#[test]
fn an_explanation_names_rule_binding_file_and_line() {
    let text = "\
kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: reader}
rules:
  - apiGroups: [\"\"]
    resources:
      - pods
      - secrets
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: agent, namespace: box}]
---
# Nothing.
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data: {rules: none}
";
    let objects = load::from_yaml("manifests/rendered/readonly.yaml", text).expect("the objects are read");
    let question = Question::resource("get", "", "secrets", Some("box"));
    let grant = evaluate(&objects, &Subject::service_account("box", "agent"), &question).expect("it is allowed");
    assert_eq!(
        grant.to_string(),
        "ClusterRole reader allows [get] on [pods, secrets] in groups [\"\"], and ClusterRoleBinding readers gives it to \
         ServiceAccount agent (manifests/rendered/readonly.yaml:8: secrets)"
    );
}

/// The second evaluator: a request is a sentence, and a rule is all the sentences that it can form.
fn naive(objects: &Objects, asking: &Subject, question: &Question) -> bool {
    objects.bindings.iter().any(|binding| {
        let somewhere = match &binding.namespace {
            None => true,
            Some(namespace) => Some(namespace.as_str()) == question.namespace(),
        };
        let names = binding.subjects.iter().any(|subject| {
            let own = subject.namespace.clone().unwrap_or_default();
            let own = if own.is_empty() {
                binding.namespace.clone().unwrap_or_default()
            } else {
                own
            };
            let account = format!("system:serviceaccount:{own}:{}", subject.name);
            match &subject.kind[..] {
                "ServiceAccount" => !own.is_empty() && account == asking.user,
                "User" => subject.name.text == asking.user,
                "Group" => asking.groups.contains(&subject.name.text),
                _ => false,
            }
        });
        let roles = objects.roles.iter().filter(|role| {
            let kind = if role.namespace.is_some() {
                "Role"
            } else {
                "ClusterRole"
            };
            let reachable = role.namespace.is_none() || role.namespace == binding.namespace;
            kind == binding.role.kind && reachable && role.name == binding.role.name.text
        });
        somewhere
            && names
            && roles
                .take(1)
                .any(|role| role.rules.iter().any(|rule| sentences(rule, question)))
    })
}

fn sentences(rule: &Rule, question: &Question) -> bool {
    let or_any = |word: &str| vec![word.to_owned(), "*".to_owned()];
    let texts = |words: &[Word]| words.iter().map(|word| word.text.clone()).collect::<Vec<_>>();
    let meets = |one: Vec<String>, other: Vec<String>| one.iter().any(|word| other.contains(word));
    match question {
        Question::Resource {
            verb,
            group,
            resource,
            subresource,
            name,
            ..
        } => {
            let mut wanted = or_any(resource);
            if !subresource.is_empty() {
                wanted = vec![
                    "*".to_owned(),
                    format!("{resource}/{subresource}"),
                    format!("*/{subresource}"),
                ];
            }
            meets(texts(&rule.verbs), or_any(verb))
                && meets(texts(&rule.api_groups), or_any(group))
                && meets(texts(&rule.resources), wanted)
                && (rule.resource_names.is_empty() || texts(&rule.resource_names).contains(name))
        }
        Question::Url { verb, path } => {
            let mut wanted = or_any(path);
            for end in 0..=path.len() {
                for stars in ["*", "**"] {
                    wanted.push(format!("{}{stars}", &path[..end]));
                }
            }
            meets(texts(&rule.verbs), or_any(verb)) && meets(texts(&rule.non_resource_urls), wanted)
        }
    }
}

/// Few words, so that they meet often.
fn some(words: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<Word>> {
    prop::collection::vec(prop::sample::select(words).prop_map(Word::from), 0..=most)
}

const NAMESPACES: &[&str] = &["box", "other"];

fn a_namespace() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(NAMESPACES).prop_map(str::to_owned))
}

prop_compose! {
    fn a_rule()(
        verbs in some(&["get", "list", "*", "impersonate"], 2),
        api_groups in some(&["", "apps", "*"], 2),
        resources in some(&["pods", "pods/log", "*/log", "*", "log", "pods/*", "*/"], 3),
        resource_names in some(&["a", "b", ""], 1),
        non_resource_urls in some(&["*", "/a", "/a*", "/a/*", "/a**", "/a/b"], 2),
    ) -> Rule {
        Rule { api_groups, resources, resource_names, non_resource_urls, verbs }
    }
}

prop_compose! {
    fn a_role()(
        namespace in a_namespace(),
        name in prop::sample::select(&["r", "s"]),
        rules in prop::collection::vec(a_rule(), 0..3),
    ) -> Role {
        Role { namespace, name: name.to_owned(), rules, ..Default::default() }
    }
}

prop_compose! {
    fn a_subject()(
        kind in prop::sample::select(&["ServiceAccount", "User", "Group", "Robot"]),
        name in prop::sample::select(&["agent", "system:serviceaccount:box:agent", "system:serviceaccounts:box", "system:authenticated"]),
        namespace in prop::option::of(prop::sample::select(&["box", "other", ""])),
    ) -> BindingSubject {
        subject(kind, name, namespace)
    }
}

prop_compose! {
    fn a_binding()(
        namespace in a_namespace(),
        kind in prop::sample::select(&["Role", "ClusterRole", "Rolle"]),
        role in prop::sample::select(&["r", "s"]),
        subjects in prop::collection::vec(a_subject(), 0..3),
    ) -> Binding {
        Binding {
            namespace,
            name: "b".to_owned(),
            role: RoleRef { api_group: String::new(), kind: kind.to_owned(), name: role.into() },
            subjects,
            file: None,
        }
    }
}

fn a_question() -> impl Strategy<Value = Question> {
    let resource = (
        prop::sample::select(&["get", "list", "*", "impersonate"]),
        prop::sample::select(&["", "apps", "batch"]),
        prop::sample::select(&["pods", "pods/log", "log", "jobs/log"]),
        a_namespace(),
        prop::sample::select(&["", "a", "c"]),
    )
        .prop_map(|(verb, group, resource, namespace, name)| {
            Question::resource(verb, group, resource, namespace.as_deref()).named(name)
        });
    let url = (
        prop::sample::select(&["get", "list"]),
        prop::sample::select(&["/", "/a", "/a/", "/a/b", "/ab", "/b"]),
    )
        .prop_map(|(verb, path)| Question::url(verb, path));
    prop_oneof![3 => resource, 1 => url]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn both_evaluators_agree(
        roles in prop::collection::vec(a_role(), 1..4),
        bindings in prop::collection::vec(a_binding(), 1..4),
        questions in prop::collection::vec(a_question(), 8),
    ) {
        let objects = Objects { roles, bindings };
        let agent = Subject::service_account("box", "agent");
        for question in questions {
            let one = evaluate(&objects, &agent, &question).is_some();
            prop_assert_eq!(one, naive(&objects, &agent, &question), "{:?}", question);
        }
    }
}
