//! Each sentence of the API's documentation of policies as a row: what a policy says, and what becomes of one packet.

use rstest::rstest;

use super::*;
use crate::network::load::from_yaml;
use crate::network::object::Protocol;
use crate::selector::Labels;

fn labels(text: &str) -> Labels {
    text.split(' ')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn pod(namespace: &str, own: &str) -> Pod {
    Pod {
        namespace: namespace.to_owned(),
        namespace_labels: labels(&format!("name={namespace}")),
        labels: labels(own),
    }
}

/// What becomes of a packet of the pod `app=box` in namespace `claude`, and the line that decides.
fn decided(
    spec: &str,
    direction: Direction,
    peer: (&str, Option<Pod>),
    protocol: Protocol,
    port: u16,
) -> (Reach, Option<u64>) {
    let text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{ name: p, namespace: claude }}\nspec:\n{spec}\n---\napiVersion: v1\nkind: Service\nspec: {{ ports: [] }}\n"
    );
    let policies = from_yaml("p.yaml", &text).expect("a policy");
    assert_eq!(policies.len(), 1);
    let traffic = Traffic {
        direction,
        peer: Host {
            name: "peer".to_owned(),
            address: peer.0.parse().expect("an address"),
            pod: peer.1,
        },
        protocol,
        port,
    };
    match simulate(&policies, &pod("claude", "app=box"), &traffic) {
        Observation::Answered { answer, evidence } => (answer, evidence.place.map(|place| place.line)),
        Observation::NotProbed { cause } => panic!("{cause}"),
    }
}

/// TCP 443 to a public address.
#[rstest]
#[case::nothing_isolates(
    "  podSelector: { matchLabels: { app: other } }\n  policyTypes: [Egress]",
    Reach::Open,
    None
)]
#[case::another_direction("  podSelector: {}\n  policyTypes: [Ingress]", Reach::Open, Some(6))]
#[case::egress_is_isolated_by_its_rules("  podSelector: {}\n  egress:\n  - ports: [{ port: 80 }]", Reach::Closed, None)]
#[case::without_rules_and_types_only_ingress_is("  podSelector: {}", Reach::Open, None)]
#[case::isolated("  podSelector: {}\n  policyTypes: [Egress]", Reach::Closed, None)]
#[case::a_rule_without_peers_is_everybody(
    "  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n  - ports: [{ port: 443 }]",
    Reach::Open,
    Some(8)
)]
#[case::an_empty_rule_is_everything("  podSelector: {}\n  policyTypes: [Egress]\n  egress: [{}]", Reach::Open, Some(7))]
#[case::a_range(
    "  podSelector: {}\n  egress:\n  - to:\n    - ipBlock:\n        cidr: 203.0.113.0/24",
    Reach::Open,
    Some(9)
)]
#[case::left_out_of_a_range(
    "  podSelector: {}\n  egress:\n  - to:\n    - ipBlock:\n        cidr: 0.0.0.0/0\n        except: [203.0.113.8/29]",
    Reach::Closed,
    None
)]
#[case::a_range_of_the_other_family(
    "  podSelector: {}\n  egress:\n  - to: [{ ipBlock: { cidr: '::/0' } }]",
    Reach::Closed,
    None
)]
#[case::another_protocol(
    "  podSelector: {}\n  egress:\n  - ports: [{ protocol: UDP, port: 443 }]",
    Reach::Closed,
    None
)]
#[case::all_ports_of_a_protocol("  podSelector: {}\n  egress:\n  - ports: [{ protocol: TCP }]", Reach::Open, Some(7))]
#[case::a_range_of_ports(
    "  podSelector: {}\n  egress:\n  - ports: [{ port: 400, endPort: 443 }]",
    Reach::Open,
    Some(7)
)]
#[case::beyond_a_range_of_ports(
    "  podSelector: {}\n  egress:\n  - ports: [{ port: 400, endPort: 442 }]",
    Reach::Closed,
    None
)]
#[case::pods_are_no_addresses(
    "  podSelector: {}\n  egress:\n  - to: [{ podSelector: {} }, { namespaceSelector: {} }]",
    Reach::Closed,
    None
)]
fn to_an_address(#[case] spec: &str, #[case] expected: Reach, #[case] line: Option<u64>) {
    let found = decided(spec, Direction::Egress, ("203.0.113.10", None), Protocol::Tcp, 443);
    assert_eq!(found, (expected, line));
}

/// To a pod `app=web` in a namespace.
#[rstest]
#[case::own_namespace("podSelector: { matchLabels: { app: web } }", "claude", Reach::Open)]
#[case::a_pod_selector_alone_stays_in_the_namespace(
    "podSelector: { matchLabels: { app: web } }",
    "shop",
    Reach::Closed
)]
#[case::a_namespace("namespaceSelector: { matchLabels: { name: shop } }", "shop", Reach::Open)]
#[case::both_must_hold(
    "namespaceSelector: { matchLabels: { name: shop } }, podSelector: { matchLabels: { app: db } }",
    "shop",
    Reach::Closed
)]
#[case::both_hold(
    "namespaceSelector: { matchLabels: { name: shop } }, podSelector: { matchLabels: { app: web } }",
    "shop",
    Reach::Open
)]
#[case::a_range_holds_pods_too("ipBlock: { cidr: 10.244.0.0/16 }", "shop", Reach::Open)]
fn to_a_pod(#[case] peer: &str, #[case] namespace: &str, #[case] expected: Reach) {
    let spec = format!("  podSelector: {{}}\n  egress:\n  - to: [{{ {peer} }}]");
    let web = pod(namespace, "app=web");
    let (found, _) = decided(&spec, Direction::Egress, ("10.244.1.5", Some(web)), Protocol::Tcp, 80);
    assert_eq!(found, expected);
}

#[test]
fn what_comes_in_is_decided_by_rules_for_it() {
    let spec = "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n  ingress:\n  - from: [{ podSelector: {} }]\n  egress: []";
    let peer = || ("10.244.1.5", Some(pod("claude", "")));
    assert_eq!(
        decided(spec, Direction::Ingress, peer(), Protocol::Sctp, 9),
        (Reach::Open, Some(8))
    );
    assert_eq!(
        decided(spec, Direction::Egress, peer(), Protocol::Sctp, 9),
        (Reach::Closed, None)
    );
}

#[test]
fn a_policy_that_is_none_is_refused_by_name() {
    let text = "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: { name: p, namespace: n }\nspec: { egres: [] }\n";
    let said = from_yaml("p.yaml", text).expect_err("a typing mistake").to_string();
    assert!(
        said.starts_with("p.yaml cannot be read as Kubernetes objects") && said.contains("egres"),
        "{said}"
    );
}
