//! Roles and bindings, by their text. What they grant in all is the family access's; this is what a linter would say.

use serde_json::Value;

use crate::posture::rule::{Finding, Rule, found, items, must, must_be, words};
use crate::posture::target::{Kind, Origin, Target};

/// Verbs that change nothing.
const READING: [&str; 3] = ["get", "list", "watch"];

/// Verbs with which one takes the rights of others.
const ESCALATING: [&str; 3] = ["bind", "escalate", "impersonate"];

/// Resources that lead to a key, a token or somebody else's container.
const DANGEROUS: [&str; 9] = [
    "nodes/proxy",
    "pods/attach",
    "pods/ephemeralcontainers",
    "pods/portforward",
    "pods/proxy",
    "rolebindings",
    "clusterrolebindings",
    "serviceaccounts/token",
    "services/proxy",
];

/// The rules.
pub(in crate::posture) const RULES: &[Rule] = &[
    Rule {
        name: "no-wildcard",
        of: Kind::Role,
        holds: "no role of any tier has a wildcard",
        judge: |target| {
            each(target, &|at, rule| {
                let lists = ["apiGroups", "resources", "verbs", "nonResourceURLs"];
                let wild = lists
                    .iter()
                    .find(|list| words(&rule[**list]).iter().any(|word| word.contains('*')));
                wild.map(|list| found(format!("{at}/{list}"), format!("{list} has a wildcard")))
            })
        },
    },
    Rule {
        name: "no-secrets",
        of: Kind::Role,
        holds: "no role reads or writes Secrets",
        judge: |target| {
            each(target, &|at, rule| {
                let has = words(&rule["resources"]).contains(&"secrets");
                has.then(|| found(format!("{at}/resources"), "it is about secrets"))
            })
        },
    },
    Rule {
        name: "no-dangerous-resource",
        of: Kind::Role,
        holds: "no role has a resource that is somebody else's key, token, container or port",
        judge: |target| {
            each(target, &|at, rule| {
                let listed = words(&rule["resources"]);
                let word = listed.iter().find(|word| DANGEROUS.contains(word))?;
                Some(found(format!("{at}/resources"), format!("it is about {word}")))
            })
        },
    },
    Rule {
        name: "no-escalation",
        of: Kind::Role,
        holds: "no role binds, escalates or impersonates",
        judge: |target| {
            each(target, &|at, rule| {
                let listed = words(&rule["verbs"]);
                let verb = listed.iter().find(|verb| ESCALATING.contains(verb))?;
                Some(found(format!("{at}/verbs"), format!("it may {verb}")))
            })
        },
    },
    Rule {
        name: "no-change-beyond-operator",
        of: Kind::Role,
        holds: "only tier operator changes things or steps into pods, and only by Roles of the namespaces where it acts",
        judge: |target| {
            let may = target.tier() == "operator" && *target.at("/kind") == "Role";
            each(target, &|at, rule| {
                let changes = words(&rule["verbs"]).into_iter().find(|verb| !READING.contains(verb));
                let steps_in = words(&rule["resources"])
                    .into_iter()
                    .find(|resource| *resource == "pods/exec");
                let what = changes.or(steps_in).filter(|_| !may)?;
                Some(found(at, format!("a rule with {what}")))
            })
        },
    },
    Rule {
        name: "no-paths",
        of: Kind::Role,
        holds: "no role has paths outside the API's resources: everybody has those that are harmless",
        judge: |target| {
            each(target, &|at, rule| {
                let has = !words(&rule["nonResourceURLs"]).is_empty();
                has.then(|| found(format!("{at}/nonResourceURLs"), "it is about paths"))
            })
        },
    },
    Rule {
        name: "no-aggregation",
        of: Kind::Role,
        holds: "a role says its rules itself; none is gathered from labels, or into Kubernetes' own roles",
        judge: |target| {
            let mut all = must(
                target.at("/aggregationRule").is_null(),
                "/aggregationRule",
                "it aggregates",
            );
            let labels = target.at("/metadata/labels").as_object();
            let gathered = labels
                .into_iter()
                .flat_map(|labels| labels.keys())
                .find(|key| key.contains("aggregate-to-"));
            all.extend(gathered.map(|key| found("/metadata/labels", format!("label {key} adds it to another role"))));
            all
        },
    },
    Rule {
        name: "binds-own-account",
        of: Kind::Binding,
        holds: "a binding is for the release's account and nobody else",
        judge: binds_own_account,
    },
    Rule {
        name: "binds-own-role",
        of: Kind::Binding,
        holds: "a binding gives a role of this release, of its own kind and place",
        judge: |target| {
            let role = target.at("/roleRef");
            let of_binding = target
                .at("/kind")
                .as_str()
                .unwrap_or_default()
                .trim_end_matches("Binding");
            let is_own = role["kind"] == *of_binding
                && target.whole.of_kind(of_binding).any(|known| {
                    known["metadata"]["name"] == role["name"]
                        && known["metadata"]["namespace"] == target.value["metadata"]["namespace"]
                });
            must(
                is_own,
                "/roleRef/name",
                format!("{} {} is no role of the release", role["kind"], role["name"]),
            )
        },
    },
];

/// What is wrong with a role's rules.
fn each(target: &Target<'_>, judge: &dyn Fn(&str, &Value) -> Option<Finding>) -> Vec<Finding> {
    items(target, "/rules")
        .into_iter()
        .filter_map(|(at, rule)| judge(&at, rule))
        .collect()
}

fn binds_own_account(target: &Target<'_>) -> Vec<Finding> {
    let Origin::Release { namespace, account, .. } = &target.whole.origin else {
        return Vec::new();
    };
    let subjects = items(target, "/subjects");
    let mut all = must(
        subjects.len() == 1,
        "/subjects",
        format!("there are {} subjects", subjects.len()),
    );
    all.extend(must_be(target, "/subjects/0/kind", "ServiceAccount"));
    all.extend(must_be(target, "/subjects/0/name", account.as_str()));
    all.extend(must_be(target, "/subjects/0/namespace", namespace.as_str()));
    all
}
