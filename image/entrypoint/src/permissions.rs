//! What Claude is not to try, and what a person need not be asked about, by tier.
//!
//! The cluster decides what a tier may do there, and says so with the resource and the verb. These rules stand before it: they keep
//! Claude from what no tier may ever do, and in the tiers that only look from what destroys or steps into something, whatever a
//! kubeconfig would let it. A repair is not among them, so that Claude hears from the API server why it may not.
//!
//! They go onto Claude's command line, which is stronger than any file that a repository or an earlier session left; a denial counts
//! wherever it stands, in every permission mode. They read commands as text and guard against mistakes, not against a program that is
//! made to get around them.

use crate::mcp;
use crate::tier::Tier;
use serde_json::{Value, json};

/// What kubectl only looks at something with.
const KUBECTL_READS: [&str; 14] = [
    "api-resources",
    "api-versions",
    "auth can-i",
    "auth whoami",
    "cluster-info",
    "describe",
    "events",
    "explain",
    "get",
    "logs",
    "rollout history",
    "rollout status",
    "top",
    "wait",
];

/// What `manifests/access.toml` grants to nobody.
const KUBECTL_NEVER: [&str; 11] = [
    "attach",
    "auth reconcile",
    "certificate",
    "create token",
    "debug",
    "describe secret",
    "describe secrets",
    "get secret",
    "get secrets",
    "port-forward",
    "proxy",
];

/// What destroys, or steps into something that runs.
const KUBECTL_INTRUDES: [&str; 9] = [
    "cordon", "cp", "delete", "drain", "exec", "replace", "run", "taint", "uncordon",
];

/// What changes something that could be changed back.
const KUBECTL_REPAIRS: [&str; 13] = [
    "annotate",
    "apply",
    "autoscale",
    "create",
    "edit",
    "expose",
    "label",
    "patch",
    "rollout pause",
    "rollout restart",
    "rollout resume",
    "rollout undo",
    "scale",
];

/// See [`KUBECTL_REPAIRS`]; `set` on its own is a word that stands in many commands.
const KUBECTL_SETS: [&str; 6] = [
    "set env",
    "set image",
    "set resources",
    "set selector",
    "set serviceaccount",
    "set subject",
];

const HELM_READS: [&str; 4] = ["get", "history", "list", "status"];
const HELM_WRITES: [&str; 4] = ["install", "rollback", "uninstall", "upgrade"];

/// Claude's own ways to the Internet.
const INTERNET: [&str; 2] = ["WebFetch", "WebSearch"];

/// The tools of the MCP server that only look; the operator's server has others as well.
const MCP_READS: [&str; 12] = [
    "configuration_view",
    "events_list",
    "namespaces_list",
    "nodes_top",
    "pods_get",
    "pods_list",
    "pods_list_in_namespace",
    "pods_log",
    "pods_top",
    "resources_get",
    "resources_list",
    "resources_get_scale",
];

/// Claude's setting `permissions`.
pub fn of(tier: Option<Tier>) -> Value {
    let mut allow = Vec::new();
    let mut deny = every_form("kubectl", &KUBECTL_NEVER);
    match tier {
        None => {
            for verbs in [
                KUBECTL_READS.as_slice(),
                &KUBECTL_INTRUDES,
                &KUBECTL_REPAIRS,
                &KUBECTL_SETS,
            ] {
                deny.extend(every_form("kubectl", verbs));
            }
            deny.extend(every_form("helm", &HELM_READS));
            deny.extend(every_form("helm", &HELM_WRITES));
            deny.push(format!("mcp__{}", mcp::NAME));
        }
        Some(tier) => {
            // With the verb first, so that nothing can stand in its place; another form is asked about.
            allow.extend(KUBECTL_READS.map(|verb| format!("Bash(kubectl {verb} *)")));
            allow.extend(MCP_READS.map(|tool| format!("mcp__{}__{tool}", mcp::NAME)));
            if tier != Tier::Operator {
                deny.extend(every_form("kubectl", &KUBECTL_INTRUDES));
                deny.extend(every_form("helm", &HELM_WRITES));
            }
            if tier == Tier::Airgapped {
                deny.extend(INTERNET.map(str::to_owned));
            }
        }
    }
    json!({ "allow": allow, "deny": deny })
}

/// The verb right behind the program, or behind options.
fn every_form(program: &str, verbs: &[&str]) -> Vec<String> {
    verbs
        .iter()
        .flat_map(|verb| {
            [
                format!("Bash({program} {verb} *)"),
                format!("Bash({program} * {verb} *)"),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Some rules, and the tiers that have them: none, readonly, operator, airgapped.
    #[rstest]
    #[case("deny", "Bash(kubectl get secrets *)", [true; 4])]
    #[case("deny", "Bash(kubectl * port-forward *)", [true; 4])]
    #[case("deny", "Bash(kubectl get *)", [true, false, false, false])]
    #[case("deny", "Bash(kubectl * apply *)", [true, false, false, false])]
    #[case("deny", "Bash(kubectl delete *)", [true, true, false, true])]
    #[case("deny", "Bash(helm upgrade *)", [true, true, false, true])]
    #[case("deny", "WebFetch", [false, false, false, true])]
    #[case("deny", "mcp__kubernetes", [true, false, false, false])]
    #[case("allow", "Bash(kubectl get *)", [false, true, true, true])]
    #[case("allow", "mcp__kubernetes__pods_list", [false, true, true, true])]
    // Never allowed without a question: an allowance with the verb anywhere would fit what is written behind "exec".
    #[case("allow", "Bash(kubectl * get *)", [false; 4])]
    #[case("allow", "Bash(kubectl delete *)", [false; 4])]
    #[case("allow", "mcp__kubernetes__pods_delete", [false; 4])]
    fn rules(#[case] kind: &str, #[case] rule: &str, #[case] expected: [bool; 4]) {
        let tiers = [None, Some(Tier::Readonly), Some(Tier::Operator), Some(Tier::Airgapped)];
        let found = tiers.map(|tier| {
            of(tier)[kind]
                .as_array()
                .is_some_and(|rules| rules.contains(&rule.into()))
        });
        assert_eq!(found, expected);
    }
}
