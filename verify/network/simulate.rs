//! Network policies, decided in process: which rule of which policy lets this through, if any does.
//!
//! The semantics are those of the API's own documentation (types.go, and "Network Policies" in Kubernetes' documentation):
//! policies only ever add; a pod that none selects for a direction is open in it.
//!
//! Caveats. A range holds the address of a pod too, as Calico and most others see it; the documentation leaves that open.
//! What a policy cannot say (ICMP, a pod to itself, its own node) is not asked. Names of ports are not resolved: a rule with
//! one lets nothing through here.

use crate::engine::cell::{Evidence, Observation, Place};
use crate::network::object::{Direction, IpBlock, Peer, Policy, Port, PortNumber, RuleBody};
use crate::network::traffic::{Host, Pod, Reach, Traffic};

/// What policies do with traffic of a pod of theirs, and the line that says so.
#[must_use]
pub fn simulate(policies: &[Policy], pod: &Pod, traffic: &Traffic) -> Observation<Reach> {
    let (answer, evidence) = match decide(policies, pod, traffic) {
        Decision::NotIsolated => {
            let way = match traffic.direction {
                Direction::Ingress => "ingress",
                Direction::Egress => "egress",
            };
            let isolating = policies.iter().filter(|policy| is_about(policy, pod));
            let mut places = isolating.filter_map(|policy| {
                let types = policy.spec.policy_types.as_ref()?;
                Some(place(policy, types.referenced.line()))
            });
            let evidence = Evidence {
                text: format!("no policy isolates the pod for {way}, so that everything is open"),
                place: places.next(),
            };
            (Reach::Open, evidence)
        }
        Decision::LetThrough(policy, line) => {
            let evidence = Evidence {
                text: format!("NetworkPolicy {}/{} lets it through", policy.namespace, policy.name),
                place: Some(place(policy, line)),
            };
            (Reach::Open, evidence)
        }
        Decision::Closed => {
            let selecting = policies.iter().filter(|policy| selects(policy, pod, traffic.direction));
            let names: Vec<String> = selecting
                .map(|policy| format!("{}/{}", policy.namespace, policy.name))
                .collect();
            let text = format!("no rule of NetworkPolicy {} lets it through", names.join(", "));
            (Reach::Closed, text.into())
        }
    };
    Observation::Answered { answer, evidence }
}

/// The same without the words, for many variants of the policies.
#[must_use]
pub fn reach(policies: &[Policy], pod: &Pod, traffic: &Traffic) -> Reach {
    match decide(policies, pod, traffic) {
        Decision::NotIsolated | Decision::LetThrough(..) => Reach::Open,
        Decision::Closed => Reach::Closed,
    }
}

/// What decides.
enum Decision<'policy> {
    /// No policy isolates the pod in this direction.
    NotIsolated,
    /// A rule lets it through, at this line.
    LetThrough(&'policy Policy, u64),
    /// No rule does.
    Closed,
}

fn decide<'policy>(policies: &'policy [Policy], pod: &Pod, traffic: &Traffic) -> Decision<'policy> {
    let mut decision = Decision::NotIsolated;
    for policy in policies.iter().filter(|policy| selects(policy, pod, traffic.direction)) {
        if let Some(line) = lets_through(policy, traffic) {
            return Decision::LetThrough(policy, line);
        }
        decision = Decision::Closed;
    }
    decision
}

fn place(policy: &Policy, line: u64) -> Place {
    Place {
        file: policy.file.clone(),
        line,
    }
}

fn is_about(policy: &Policy, pod: &Pod) -> bool {
    policy.namespace == pod.namespace && policy.spec.pod_selector.matches(&pod.labels)
}

fn selects(policy: &Policy, pod: &Pod, direction: Direction) -> bool {
    let isolates = match &policy.spec.policy_types {
        Some(directions) => directions.value.contains(&direction),
        None => direction == Direction::Ingress || !policy.spec.egress.is_empty(),
    };
    isolates && is_about(policy, pod)
}

/// The line of what lets it through: the range, the peer, or the rule that names no peer.
fn lets_through(policy: &Policy, traffic: &Traffic) -> Option<u64> {
    let rules = match traffic.direction {
        Direction::Ingress => &policy.spec.ingress,
        Direction::Egress => &policy.spec.egress,
    };
    rules.iter().find_map(|rule| {
        let RuleBody { peers, ports } = &rule.value;
        if !ports.is_empty() && !ports.iter().any(|port| holds(port, traffic)) {
            return None;
        }
        if peers.is_empty() {
            return Some(rule.referenced.line());
        }
        let peer = peers
            .iter()
            .find(|peer| is_meant(&peer.value, &policy.namespace, &traffic.peer))?;
        let range = peer.value.ip_block.as_ref().map(|block| block.cidr.referenced.line());
        Some(range.unwrap_or_else(|| peer.referenced.line()))
    })
}

fn holds(port: &Port, traffic: &Traffic) -> bool {
    port.protocol == traffic.protocol
        && match (&port.port, port.end_port) {
            (None, _) => true,
            (Some(PortNumber::Number(first)), Some(last)) => (*first..=last).contains(&traffic.port),
            (Some(PortNumber::Number(number)), None) => *number == traffic.port,
            (Some(PortNumber::Name(_)), _) => false,
        }
}

fn is_meant(peer: &Peer, namespace: &str, host: &Host) -> bool {
    let is_pod = |pod: &Pod| match (&peer.namespace_selector, &peer.pod_selector) {
        (None, None) => false,
        (None, Some(pods)) => pod.namespace == namespace && pods.matches(&pod.labels),
        (Some(namespaces), None) => namespaces.matches(&pod.namespace_labels),
        (Some(namespaces), Some(pods)) => namespaces.matches(&pod.namespace_labels) && pods.matches(&pod.labels),
    };
    let is_held = |block: &IpBlock| block.holds(host.address);
    peer.ip_block.as_ref().is_some_and(is_held) || host.pod.as_ref().is_some_and(is_pod)
}

#[cfg(test)]
mod tests;
