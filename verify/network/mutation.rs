//! Mistakes in network policies, one at a time: each must change what becomes of some traffic that is asked about. Those that
//! change nothing at all are equivalent, which [`equivalence`] shows in another way than traffic does: it compares the sets of
//! addresses themselves.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::network::address::{after, before};
use crate::network::object::{Direction, IpBlock, Peer, Policy, Port, PortNumber, Protocol, Rule, RuleBody};

/// Policies with one mistake.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What was done, and where.
    pub name: String,
    /// The policies.
    pub policies: Vec<Policy>,
}

impl Mutant {
    /// Which kind of mistake it is: the word of its name that says what was changed.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let has = |words: &str| self.name.contains(words);
        match () {
            () if has("'s") && has(": port ") => "protocol",
            () if has(": port ") || has("every port") => "port",
            () if has(" leaves ") || has(": peer ") && (has(".") || has("::")) => "range",
            () if has(": peer ") || has("everybody") || has("selects") => "selector",
            () if has("isolated") || has("ingress") => "type",
            () => "rule",
        }
    }
}

/// Why a mutant lets through nothing but what its original does, or nothing if it may well.
#[must_use]
pub fn equivalence(original: &[Policy], mutant: &[Policy]) -> Option<&'static str> {
    let is_same = written_out(original) == written_out(mutant);
    is_same.then_some("what this range has more or less is in or out by another range")
}

/// Policies with each range as the addresses that it means, from the first to the last of each stretch.
fn written_out(policies: &[Policy]) -> (String, Vec<Vec<(IpAddr, IpAddr)>>) {
    let mut stretches = Vec::new();
    let mut policies = policies.to_vec();
    for policy in &mut policies {
        for rule in policy.spec.egress.iter_mut().chain(&mut policy.spec.ingress) {
            for peer in &mut rule.value.peers {
                if let Some(block) = &mut peer.value.ip_block {
                    stretches.push(stretches_of(block));
                    block.except.clear();
                    block.cidr.value = IpNet::default();
                }
            }
        }
    }
    (format!("{policies:?}"), stretches)
}

fn stretches_of(block: &IpBlock) -> Vec<(IpAddr, IpAddr)> {
    let whole = block.cidr.value;
    let mut left_out: Vec<&IpNet> = block
        .except
        .iter()
        .filter(|range| whole.contains(&range.network()))
        .collect();
    left_out.sort();
    let mut stretches = Vec::new();
    // The first address that is not decided yet; nothing when the last one is.
    let mut next = Some(whole.network());
    for range in left_out {
        let Some(first) = next.filter(|first| *first <= range.broadcast()) else {
            continue;
        };
        if let Some(last) = before(range.network()).filter(|last| *last >= first) {
            stretches.push((first, last));
        }
        next = after(range.broadcast());
    }
    stretches.extend(
        next.filter(|first| *first <= whole.broadcast())
            .map(|first| (first, whole.broadcast())),
    );
    stretches
}

/// Every mistake of every kind: rule, port, protocol, direction, range, exception, selector.
#[must_use]
pub fn mutants(policies: &[Policy]) -> Vec<Mutant> {
    let mut all = Vec::new();
    for (number, policy) in policies.iter().enumerate() {
        let mut put = |what: String, change: &dyn Fn(&mut Policy)| {
            let mut policies = policies.to_vec();
            if let Some(policy) = policies.get_mut(number) {
                change(policy);
            }
            all.push(Mutant {
                name: format!("{}: {what}", policy.name),
                policies,
            });
        };
        of_policy(policy, &mut put);
        for (position, rule) in policy.spec.egress.iter().enumerate() {
            let mut put = |what: String, change: &dyn Fn(&mut RuleBody)| {
                put(format!("egress rule {position}: {what}"), &|policy: &mut Policy| {
                    if let Some(rule) = policy.spec.egress.get_mut(position) {
                        change(&mut rule.value);
                    }
                });
            };
            of_rule(&rule.value, &mut put);
        }
        let mut without = policies.to_vec();
        without.remove(number);
        all.push(Mutant {
            name: format!("{} is missing", policy.name),
            policies: without,
        });
    }
    all
}

type Put<'all, T> = &'all mut dyn FnMut(String, &dyn Fn(&mut T));

fn of_policy(policy: &Policy, put: Put<'_, Policy>) {
    put("selects another namespace's pods".to_owned(), &|policy| {
        policy.namespace.push('x')
    });
    for key in policy.spec.pod_selector.match_labels.keys() {
        put(format!("selects by another value of {key}"), &|policy| {
            if let Some(value) = policy.spec.pod_selector.match_labels.get_mut(key) {
                value.push('x');
            }
        });
    }
    for direction in [Direction::Ingress, Direction::Egress] {
        put(format!("{direction:?} is not isolated"), &|policy| {
            if let Some(types) = &mut policy.spec.policy_types {
                types.value.retain(|known| *known != direction);
            }
        });
    }
    for position in 0..policy.spec.egress.len() {
        put(format!("egress rule {position} is missing"), &|policy| {
            policy.spec.egress.remove(position);
        });
        put(format!("egress rule {position} is for ingress as well"), &|policy| {
            let rule: Option<Rule> = policy.spec.egress.get(position).cloned();
            policy.spec.ingress.extend(rule);
        });
    }
}

fn of_rule(rule: &RuleBody, put: Put<'_, RuleBody>) {
    put("is about everybody".to_owned(), &|rule| rule.peers.clear());
    put("is about every port".to_owned(), &|rule| rule.ports.clear());
    for (position, port) in rule.ports.iter().enumerate() {
        let mut put = |what: &str, change: &dyn Fn(&mut Port)| {
            put(format!("port {position} {what}"), &|rule| {
                rule.ports.get_mut(position).into_iter().for_each(change);
            });
        };
        put("is any of its protocol", &|port| port.port = None);
        put("is SCTP's", &|port| port.protocol = Protocol::Sctp);
        if let Some(PortNumber::Number(number)) = port.port {
            put("is the next one", &|port| {
                port.port = Some(PortNumber::Number(number.wrapping_add(1)))
            });
            put("is the first of all that follow", &|port| {
                port.end_port = Some(u16::MAX)
            });
        }
        put(
            match port.protocol {
                Protocol::Udp => "is TCP's",
                Protocol::Tcp | Protocol::Sctp => "is UDP's",
            },
            &|port| {
                port.protocol = match port.protocol {
                    Protocol::Udp => Protocol::Tcp,
                    Protocol::Tcp | Protocol::Sctp => Protocol::Udp,
                };
            },
        );
    }
    for position in 0..rule.ports.len() {
        put(format!("port {position} is missing"), &|rule| {
            rule.ports.remove(position);
            // Without any port a rule is about all of them, which is another mistake than this one.
            if rule.ports.is_empty() {
                rule.peers.clear();
                rule.ports.push(Port {
                    protocol: Protocol::Sctp,
                    port: Some(PortNumber::Number(1)),
                    end_port: None,
                });
            }
        });
    }
    for (position, peer) in rule.peers.iter().enumerate() {
        let mut put = |what: String, change: &dyn Fn(&mut Peer)| {
            put(format!("peer {position} {what}"), &|rule| {
                if let Some(peer) = rule.peers.get_mut(position) {
                    change(&mut peer.value);
                }
            });
        };
        of_peer(&peer.value, &mut put);
    }
}

fn of_peer(peer: &Peer, put: Put<'_, Peer>) {
    if let Some(block) = &peer.ip_block {
        let mut put = |what: String, change: &dyn Fn(&mut IpBlock)| {
            put(what, &|peer: &mut Peer| {
                if let Some(block) = &mut peer.ip_block {
                    change(block);
                }
            });
        };
        for (what, range) in resized(block.cidr.value) {
            put(format!("is {what}"), &|block| block.cidr.value = range);
        }
        for (position, except) in block.except.iter().enumerate() {
            put(format!("leaves {except} in"), &|block| {
                block.except.remove(position);
            });
            for (what, range) in resized(*except) {
                put(format!("leaves {what} out instead of {except}"), &|block| {
                    if let Some(except) = block.except.get_mut(position) {
                        *except = range;
                    }
                });
            }
        }
    }
    if peer.pod_selector.is_some() && peer.namespace_selector.is_some() {
        put("is every pod of its namespaces".to_owned(), &|peer| {
            peer.pod_selector = None
        });
        put("is such pods of the own namespace".to_owned(), &|peer| {
            peer.namespace_selector = None
        });
    }
    let keys = |selector: &Option<crate::selector::Selector>| -> Vec<String> {
        selector
            .iter()
            .flat_map(|selector| selector.match_labels.keys().cloned())
            .collect()
    };
    for key in keys(&peer.pod_selector) {
        put(format!("is pods of any {key}"), &|peer| {
            if let Some(selector) = &mut peer.pod_selector {
                selector.match_labels.remove(&key);
            }
        });
    }
    for key in keys(&peer.namespace_selector) {
        put(format!("is in namespaces of any {key}"), &|peer| {
            if let Some(selector) = &mut peer.namespace_selector {
                selector.match_labels.remove(&key);
            }
        });
    }
}

/// A range twice as large, and its lower and upper half.
fn resized(range: IpNet) -> Vec<(String, IpNet)> {
    let mut all: Vec<IpNet> = Vec::new();
    let longer = range.prefix_len() + 1;
    match range {
        IpNet::V4(range) => {
            all.extend(range.supernet().map(IpNet::V4));
            all.extend(range.subnets(longer).into_iter().flatten().map(IpNet::V4));
        }
        IpNet::V6(range) => {
            all.extend(range.supernet().map(IpNet::V6));
            all.extend(range.subnets(longer).into_iter().flatten().map(IpNet::V6));
        }
    }
    all.into_iter().map(|range| (range.to_string(), range)).collect()
}
