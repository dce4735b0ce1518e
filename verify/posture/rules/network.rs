//! Network policies, by their text. What they let through is the family network's.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::posture::rule::{Finding, Rule, found, items, must, must_be_absent, words};
use crate::posture::rules::workload;
use crate::posture::target::{Kind, Target};

/// Where clouds tell a machine its credentials.
const METADATA: [u8; 4] = [169, 254, 169, 254];

/// The rules.
pub(in crate::posture) const RULES: &[Rule] = &[
    Rule {
        name: "policy-exists",
        of: Kind::Release,
        holds: "the release has a NetworkPolicy: without one its network is open both ways",
        judge: |target| {
            let has = target.whole.of_kind("NetworkPolicy").next().is_some();
            must(has, "", "there is no NetworkPolicy")
        },
    },
    Rule {
        name: "has-box",
        of: Kind::Release,
        holds: "the release has one workload, which is the box",
        judge: |target| {
            let templates = target
                .whole
                .parts
                .iter()
                .filter_map(|part| workload::template(&part.object.value));
            let count = templates
                .filter(|template| !template["spec"]["containers"].is_null())
                .count();
            must(count == 1, "", format!("there are {count} workloads"))
        },
    },
    Rule {
        name: "selects-box",
        of: Kind::Policy,
        holds: "the policy selects the box by its labels, and does not take in its neighbours",
        judge: |target| {
            let at = "/spec/podSelector/matchLabels";
            let selector = target.at(at).as_object().cloned().unwrap_or_default();
            let templates = target
                .whole
                .parts
                .iter()
                .filter_map(|part| workload::template(&part.object.value));
            let missed = templates
                .map(workload::labels_of_template)
                .any(|labels| !selector.iter().all(|(key, value)| labels.get(key) == Some(value)));
            let mut all = must(
                !selector.is_empty(),
                "/spec/podSelector",
                "it selects every pod of the namespace",
            );
            all.extend(must(!missed, at, "it does not select the box"));
            all.extend(must_be_absent(target, "/spec/podSelector/matchExpressions"));
            all
        },
    },
    Rule {
        name: "isolates-both-ways",
        of: Kind::Policy,
        holds: "policyTypes has Ingress and Egress: what is not named there is open",
        judge: |target| {
            let types = words(target.at("/spec/policyTypes"));
            let has_both = ["Ingress", "Egress"].iter().all(|way| types.contains(way));
            must(has_both, "/spec/policyTypes", format!("policyTypes is {types:?}"))
        },
    },
    Rule {
        name: "nothing-comes-in",
        of: Kind::Policy,
        holds: "there is no rule for ingress: the default is to deny",
        judge: |target| {
            must(
                items(target, "/spec/ingress").is_empty(),
                "/spec/ingress",
                "there is a rule for ingress",
            )
        },
    },
    Rule {
        name: "peers-and-ports-named",
        of: Kind::Policy,
        holds: "every rule for egress names whom it is about and at which ports",
        judge: |target| {
            let rules = items(target, "/spec/egress").into_iter();
            rules
                .filter_map(|(at, rule)| {
                    let lacks = ["to", "ports"]
                        .into_iter()
                        .find(|key| rule[*key].as_array().is_none_or(Vec::is_empty))?;
                    Some(found(at, format!("a rule for egress has no {lacks}")))
                })
                .collect()
        },
    },
    Rule {
        name: "metadata-closed",
        of: Kind::Policy,
        holds: "no range holds a cloud's metadata service, which gives credentials away",
        judge: metadata_closed,
    },
];

fn metadata_closed(target: &Target<'_>) -> Vec<Finding> {
    let address = IpAddr::from(METADATA);
    let holds = |range: &Value| {
        range
            .as_str()
            .and_then(|range| range.parse::<IpNet>().ok())
            .is_some_and(|range| range.contains(&address))
    };
    let mut all = Vec::new();
    for (at, _) in items(target, "/spec/egress") {
        for (at, peer) in items(target, &format!("{at}/to")) {
            let block = &peer["ipBlock"];
            let is_left_out = block["except"].as_array().into_iter().flatten().any(holds);
            if holds(&block["cidr"]) && !is_left_out {
                all.push(found(
                    format!("{at}/ipBlock/cidr"),
                    format!("{} holds {address}", block["cidr"]),
                ));
            }
        }
    }
    all
}
