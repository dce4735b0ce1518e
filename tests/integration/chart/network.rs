//! The network policy's addresses and ports, worked out without a network.

use std::net::IpAddr;

use rstest::rstest;
use serde_json::{Value, json};

use verify::chart::CHART;

use super::{airgapped, of_kind, only, release, rendered, values};
use crate::world::root;

fn policy(values: Value) -> Value {
    only(&rendered(&release(values)), "NetworkPolicy").clone()
}

/// Does a rule of addresses let a connection out?
fn lets_out(policy: &Value, address: &str, port: u16) -> bool {
    let address: IpAddr = address.parse().expect("an address");
    let rules = policy["spec"]["egress"].as_array().expect("there are rules");
    rules.iter().any(|rule| {
        let to_port = list(&rule["ports"]).any(|one| one["protocol"] == "TCP" && one["port"] == port);
        let blocks = list(&rule["to"])
            .map(|peer| &peer["ipBlock"])
            .filter(|block| !block.is_null());
        let to_address = blocks.into_iter().any(|block| {
            within(address, text(&block["cidr"])) && !list(&block["except"]).any(|range| within(address, text(range)))
        });
        to_port && to_address
    })
}

/// Every peer that is named by labels, with its ports: a policy lets out to these whatever their addresses are.
fn selected(policy: &Value) -> Vec<(Value, Vec<u64>)> {
    let mut peers = Vec::new();
    for rule in list(&policy["spec"]["egress"]) {
        let ports: Vec<u64> = list(&rule["ports"]).filter_map(|one| one["port"].as_u64()).collect();
        assert_eq!(ports.len(), list(&rule["ports"]).count(), "a port is a number: {rule}");
        for peer in list(&rule["to"]).filter(|peer| peer["ipBlock"].is_null()) {
            peers.push((peer.clone(), ports.clone()));
        }
    }
    peers
}

/// Every range of addresses that is let out to.
fn blocks(policy: &Value) -> impl Iterator<Item = &Value> {
    list(&policy["spec"]["egress"])
        .flat_map(|rule| list(&rule["to"]))
        .map(|peer| &peer["ipBlock"])
        .filter(|block| !block.is_null())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a word")
}

/// The address's number with the number of its bits.
fn number(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

fn within(address: IpAddr, range: &str) -> bool {
    let (base, length) = range.split_once('/').expect("a range has a length");
    let (base, bits) = number(base.parse().expect("a range has an address"));
    let length: u32 = length.parse().expect("a length is a number");
    let (address, its_bits) = number(address);
    let shift = bits - length;
    bits == its_bits && (shift == 128 || address >> shift == base >> shift)
}

#[rstest]
#[case::public("93.184.216.34", 443, true)]
#[case::public_v6("2606:2800:220:1::1", 443, true)]
#[case::another_port("93.184.216.34", 80, false)]
#[case::another_port_v6("2606:2800:220:1::1", 22, false)]
#[case::private_10("10.96.0.1", 443, false)]
#[case::private_172("172.18.0.2", 443, false)]
#[case::private_192("192.168.1.1", 443, false)]
#[case::metadata("169.254.169.254", 443, false)]
#[case::metadata_alibaba("100.100.100.200", 443, false)]
#[case::metadata_azure("168.63.129.16", 443, false)]
#[case::metadata_oracle("192.0.0.192", 443, false)]
#[case::metadata_aws_v6("fd00:ec2::254", 443, false)]
#[case::shared("100.64.0.1", 443, false)]
#[case::loopback("127.0.0.1", 443, false)]
#[case::loopback_v6("::1", 443, false)]
#[case::this_network("0.0.0.0", 443, false)]
#[case::multicast("224.0.0.1", 443, false)]
#[case::broadcast("255.255.255.255", 443, false)]
#[case::link_local_v6("fe80::1", 443, false)]
#[case::unique_local_v6("fc00::1", 443, false)]
#[case::multicast_v6("ff02::1", 443, false)]
#[case::mapped("::ffff:10.0.0.1", 443, false)]
#[case::nat64("64:ff9b::a00:1", 443, false)]
#[case::six_to_four("2002:a00:1::1", 443, false)]
#[case::teredo("2001:0:1::1", 443, false)]
#[case::api_server("172.18.0.2", 6443, true)]
#[case::its_neighbour("172.18.0.3", 6443, false)]
#[case::left_out_by_values("198.51.100.7", 443, false)]
#[case::left_out_by_values_v6("2001:db8:1::7", 443, false)]
#[case::beside_what_values_leave_out("2001:db8:2::7", 443, true)]
fn the_internet_is_public_https(#[case] address: &str, #[case] port: u16, #[case] expected: bool) {
    let policy = policy(values(json!({
        "network": {"internet": {"except": ["198.51.100.0/24", "2001:db8:1::/48", "fd12::/16"]}}
    })));
    assert_eq!(lets_out(&policy, address, port), expected);
}

#[test]
fn airgapped_reaches_the_gateway_the_api_server_and_name_servers_alone() {
    let policy = policy(airgapped(json!({})));
    for (address, port, expected) in [
        ("10.1.2.3", 443, true),
        ("10.1.2.3", 80, false),
        ("10.1.2.4", 443, false),
        ("172.18.0.2", 6443, true),
        ("93.184.216.34", 443, false),
        ("2606:2800:220:1::1", 443, false),
    ] {
        assert_eq!(lets_out(&policy, address, port), expected, "{address}:{port}");
    }
    let dns = json!([{
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }]);
    assert_eq!(selected(&policy), [(dns[0].clone(), vec![53, 53])]);

    let labels = json!({"cidr": "", "podLabels": {"app": "models"}, "namespaceLabels": {"team": "ai"}, "port": 8080});
    let policy = self::policy(airgapped(json!({"network": {"gateway": labels}})));
    let gateway = json!({
        "podSelector": {"matchLabels": {"app": "models"}},
        "namespaceSelector": {"matchLabels": {"team": "ai"}},
    });
    assert_eq!(
        selected(&policy),
        [(dns[0].clone(), vec![53, 53]), (gateway, vec![8080])]
    );
    let ranges: Vec<&str> = blocks(&policy).map(|block| text(&block["cidr"])).collect();
    assert_eq!(ranges, ["172.18.0.2/32"], "the API server");
}

#[rstest]
#[case::two_gateways("gateway", "cidr", json!("10.1.2.2/31"))]
#[case::two_gateways_v6("gateway", "cidr", json!("fd00::6/127"))]
#[case::a_network_of_servers("dns", "cidrs", json!(["10.0.0.0/8"]))]
#[case::beside_the_private_ones("dns", "cidrs", json!(["172.32.0.1/32"]))]
#[case::beside_the_shared_ones("dns", "cidrs", json!(["100.128.0.1/32"]))]
#[case::public_v6("dns", "cidrs", json!(["2606:4700::1111/128"]))]
#[case::mapped("dns", "cidrs", json!(["::ffff:9.9.9.9/128"]))]
fn airgapped_takes_single_addresses_alone(#[case] what: &str, #[case] key: &str, #[case] ranges: Value) {
    let error = release(airgapped(json!({"network": {what: {key: ranges}}})))
        .render()
        .expect_err("it is refused")
        .to_string();
    assert!(
        error.starts_with(&format!("tier is airgapped and network.{what}.{key} ")),
        "{error}"
    );
}

/// Name servers answer for the outside too, so that they are a way out; a gateway with an address needs none.
#[test]
fn airgapped_needs_no_names_for_a_gateway_by_its_address() {
    let policy = policy(airgapped(json!({
        "gateway": {"baseUrl": "http://10.1.2.3:8080"},
        "network": {"gateway": {"port": 8080}, "dns": {"enabled": false}},
    })));
    assert_eq!(selected(&policy), []);
    let ranges: Vec<&str> = blocks(&policy).map(|block| text(&block["cidr"])).collect();
    assert_eq!(ranges, ["172.18.0.2/32", "10.1.2.3/32"]);
    for rule in list(&policy["spec"]["egress"]) {
        assert!(list(&rule["ports"]).all(|port| port["protocol"] == "TCP"), "{rule}");
    }
}

/// Helm merges maps, so that a label of the chart's goes only where it is set to null; values.yaml says how.
#[test]
fn openshifts_name_servers_can_be_named() {
    let policy = policy(values(json!({"network": {"dns": {
        "namespaceLabels": {"kubernetes.io/metadata.name": "openshift-dns"},
        "podLabels": {"k8s-app": null, "dns.operator.openshift.io/daemonset-dns": "default"},
        "ports": [5353],
    }}})));
    let servers = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "openshift-dns"}},
        "podSelector": {"matchLabels": {"dns.operator.openshift.io/daemonset-dns": "default"}},
    });
    assert_eq!(selected(&policy), [(servers, vec![5353, 5353])]);
    let said = std::fs::read_to_string(root().join(CHART).join("values.yaml")).expect("the values are there");
    for word in [
        "openshift-dns",
        "dns.operator.openshift.io/daemonset-dns: default",
        "k8s-app: null",
    ] {
        assert!(said.contains(word), "values.yaml says {word}");
    }
}

#[test]
fn a_gateway_in_the_cluster_is_named_by_labels() {
    let gateway = |labels: Value| {
        let policy = policy(values(json!({"network": {"gateway": labels}})));
        let rules = policy["spec"]["egress"].as_array().expect("rules").clone();
        rules
            .into_iter()
            .find(|rule| rule["ports"][0]["port"] == 8080)
            .expect("a rule for the gateway")
    };
    assert_eq!(
        gateway(json!({"port": 8080, "podLabels": {"app": "models"}}))["to"],
        json!([{"podSelector": {"matchLabels": {"app": "models"}}}])
    );
    assert_eq!(
        gateway(json!({"port": 8080, "podLabels": {"app": "models"}, "namespaceLabels": {"team": "ai"}}))["to"],
        json!([{
            "podSelector": {"matchLabels": {"app": "models"}},
            "namespaceSelector": {"matchLabels": {"team": "ai"}},
        }])
    );
}

#[test]
fn names_are_asked_of_the_clusters_servers_alone() {
    let policy = policy(values(json!({})));
    let rules: Vec<&Value> = list(&policy["spec"]["egress"])
        .filter(|rule| list(&rule["ports"]).any(|port| port["protocol"] == "UDP" || port["port"] == 53))
        .collect();
    assert_eq!(rules.len(), 1);
    assert_eq!(
        rules[0]["to"],
        json!([{
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }])
    );
    assert_eq!(
        rules[0]["ports"],
        json!([{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}])
    );
}

/// Without an entry under `to` or `ports` a rule would let out everything.
#[test]
fn every_rule_names_where_to_and_which_port() {
    for values in [values(json!({})), airgapped(json!({})), json!({"tier": "none"})] {
        let policy = policy(values);
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
        assert!(policy["spec"]["ingress"].is_null(), "nothing comes in");
        for rule in list(&policy["spec"]["egress"]) {
            assert!(
                list(&rule["to"]).count() > 0 && list(&rule["ports"]).count() > 0,
                "{rule}"
            );
            for peer in list(&rule["to"]) {
                assert_ne!(peer["podSelector"], json!({}), "{rule}");
                let block = &peer["ipBlock"];
                for range in list(&block["except"]) {
                    // The API server refuses an exception that is not a part of what it is excepted from.
                    let (base, _) = text(range).split_once('/').expect("a range");
                    assert!(
                        within(base.parse().expect("an address"), text(&block["cidr"])),
                        "{block}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_rights_no_way_to_the_api_server() {
    let mut all = values(json!({"tier": "none"}));
    assert!(!lets_out(&policy(all.clone()), "172.18.0.2", 6443));
    all["tier"] = json!("readonly");
    assert!(lets_out(&policy(all), "172.18.0.2", 6443));
}

#[test]
fn an_api_server_may_have_several_addresses_of_both_kinds() {
    let policy = policy(json!({"network": {"apiServer": {"endpoints": [
        {"address": "10.0.0.1", "port": 6443}, {"address": "10.0.0.2", "port": 6443}, {"address": "fd00::1", "port": 443}
    ]}}}));
    for (address, port) in [("10.0.0.1", 6443), ("10.0.0.2", 6443), ("fd00::1", 443)] {
        assert!(lets_out(&policy, address, port), "{address}");
    }
    assert!(!lets_out(&policy, "fd00::2", 443));
}

#[test]
fn a_policy_can_be_left_to_others() {
    let objects = rendered(&release(json!({"network": {"enabled": false}})));
    assert!(of_kind(&objects, "NetworkPolicy").is_empty());
}
