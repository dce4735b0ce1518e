//! Any object: what kind it is, where it is, whose it is, and that nobody reads a key in it.

use crate::posture::rule::{Finding, Rule, found, is_amount, must, must_be, must_be_absent, shown, words};
use crate::posture::target::{Kind, Origin, Target};

/// What the chart makes; every kind has its rules here or in another family.
const KINDS: [&str; 13] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CronJob",
    "Job",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
];

/// How credentials for the model begin.
pub(super) const KEYS: [&str; 2] = ["sk-ant-", "c2stYW50L"];

/// The rules.
pub(in crate::posture) const RULES: &[Rule] = &[
    Rule {
        name: "known-kind",
        of: Kind::Object,
        holds: "no object is of a kind that no rule judges",
        judge: |target| {
            let kind = target.at("/kind").as_str().unwrap_or("none");
            must(KINDS.contains(&kind), "/kind", format!("kind {kind} has no rules"))
        },
    },
    Rule {
        name: "own-namespace",
        of: Kind::Object,
        holds: "an object is in the release's namespace, and its roles and their bindings where it acts",
        judge: own_namespace,
    },
    Rule {
        name: "named-labels",
        of: Kind::Object,
        holds: "an object says whose it is by Kubernetes' recommended labels, as the box's selector has them",
        judge: named_labels,
    },
    Rule {
        name: "named-for-release",
        of: Kind::Object,
        holds: "names come from the release's, so that no two releases meet",
        judge: |target| {
            let at = "/metadata/name";
            let name = target.at(at).as_str().unwrap_or_default();
            let instance = instance(target);
            let is_its =
                name == instance || name.starts_with(&format!("{instance}-")) || name.starts_with("claude-in-a-box:");
            must(is_its, at, format!("{name} does not come from {instance}"))
        },
    },
    Rule {
        name: "no-key-in-text",
        of: Kind::Object,
        holds: "no object but a Secret holds a credential",
        judge: |target| {
            let text = target.value.to_string();
            let key = KEYS
                .iter()
                .find(|key| text.contains(**key) && *target.at("/kind") != "Secret");
            key.map(|key| found("", format!("it holds a text with {key}")))
                .into_iter()
                .collect()
        },
    },
    Rule {
        name: "account-no-token",
        of: Kind::Account,
        holds: "automountServiceAccountToken is false, so that no pod gets a token of the account by accident",
        judge: |target| must_be(target, "/automountServiceAccountToken", false),
    },
    Rule {
        name: "account-no-secrets",
        of: Kind::Account,
        holds: "an account lists no Secrets: tokens in Secrets never expire",
        judge: |target| must_be_absent(target, "/secrets"),
    },
    Rule {
        name: "nothing-published",
        of: Kind::Service,
        holds: "the Service is headless and has no port: nothing listens in the box",
        judge: |target| {
            let mut found = must_be(target, "/spec/clusterIP", "None");
            for part in ["/spec/ports", "/spec/type", "/spec/externalIPs", "/spec/externalName"] {
                found.extend(must_be_absent(target, part));
            }
            found
        },
    },
    Rule {
        name: "service-names-box",
        of: Kind::Service,
        holds: "the Service selects the box, which is named by it",
        judge: |target| {
            let Some(labels) = target.whole.of_kind("StatefulSet").next().map(super::workload::labels) else {
                return Vec::new();
            };
            let selects = super::workload::selects(target.at("/spec/selector"), &labels);
            must(selects, "/spec/selector", "the selector is not of the box's labels")
        },
    },
    Rule {
        name: "claim-kept",
        of: Kind::Claim,
        holds: "the claim outlives the release: logins and paid results are on it",
        judge: |target| must_be(target, "/metadata/annotations/helm.sh~1resource-policy", "keep"),
    },
    Rule {
        name: "claim-asks",
        of: Kind::Claim,
        holds: "the claim says how much it asks for, and how it is mounted",
        judge: |target| {
            let at = "/spec/resources/requests/storage";
            let mut all = must(
                is_amount(target.at(at)),
                at,
                format!("storage is {}", shown(target.at(at))),
            );
            let modes = words(target.at("/spec/accessModes"));
            let known = ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"];
            let holds = !modes.is_empty() && modes.iter().all(|mode| known.contains(mode));
            all.extend(must(holds, "/spec/accessModes", format!("accessModes is {modes:?}")));
            all
        },
    },
];

/// The release, by the labels that select its box.
fn instance<'value>(target: &Target<'value>) -> &'value str {
    let mut templates = target
        .whole
        .parts
        .iter()
        .filter_map(|part| super::workload::template(&part.object.value));
    let labels = templates.next().map(|template| &template["metadata"]["labels"]);
    labels
        .and_then(|labels| labels["app.kubernetes.io/instance"].as_str())
        .unwrap_or_default()
}

fn named_labels(target: &Target<'_>) -> Vec<Finding> {
    let mut all = must_be(target, "/metadata/labels/app.kubernetes.io~1name", "claude-in-a-box");
    all.extend(must_be(
        target,
        "/metadata/labels/app.kubernetes.io~1instance",
        instance(target),
    ));
    for label in [
        "app.kubernetes.io~1version",
        "app.kubernetes.io~1managed-by",
        "app.kubernetes.io~1component",
        "helm.sh~1chart",
    ] {
        let at = format!("/metadata/labels/{label}");
        all.extend(must(
            target.at(&at).is_string(),
            &at,
            format!("{} is not set", label.replace("~1", "/")),
        ));
    }
    all
}

fn own_namespace(target: &Target<'_>) -> Vec<Finding> {
    let Origin::Release { namespace, acts_in, .. } = &target.whole.origin else {
        return Vec::new();
    };
    let at = "/metadata/namespace";
    let found = target.at(at);
    match target.at("/kind").as_str().unwrap_or_default() {
        "ClusterRole" | "ClusterRoleBinding" => must_be_absent(target, at),
        "Role" | "RoleBinding" => {
            let is_named = acts_in.iter().any(|namespace| found == namespace);
            must(
                is_named,
                at,
                format!("{} is no namespace of access.namespaces", shown(found)),
            )
        }
        _ => must_be(target, at, namespace.as_str()),
    }
}
