//! The objects of `networking.k8s.io/v1` (staging/src/k8s.io/api/networking/v1/types.go of Kubernetes), as far as they decide,
//! with the lines that they were read at.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::selector::Selector;

/// A `NetworkPolicy`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its namespace: it selects pods there and nowhere else.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it says.
    pub spec: Spec,
    /// The file that it was read from.
    pub file: String,
}

/// A `NetworkPolicySpec`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The pods that it isolates; an empty one is all of the namespace.
    #[serde(default)]
    pub pod_selector: Selector,
    /// The directions that it isolates. Without it: ingress, and egress if there are rules for it.
    pub policy_types: Option<Spanned<Vec<Direction>>>,
    /// What may come in.
    #[serde(default, deserialize_with = "list")]
    pub ingress: Vec<Rule>,
    /// What may go out.
    #[serde(default, deserialize_with = "list")]
    pub egress: Vec<Rule>,
}

/// A `PolicyType`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

/// A `NetworkPolicyIngressRule` or `NetworkPolicyEgressRule`, and where it begins.
pub type Rule = Spanned<RuleBody>;

/// What such a rule says: any of its peers at any of its ports.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleBody {
    /// Whom it is about; nobody named is everybody.
    #[serde(default, rename = "to", alias = "from", deserialize_with = "list")]
    pub peers: Vec<Spanned<Peer>>,
    /// At which ports; none named is all.
    #[serde(default, deserialize_with = "list")]
    pub ports: Vec<Port>,
}

/// A `NetworkPolicyPeer`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Peer {
    /// Addresses.
    pub ip_block: Option<IpBlock>,
    /// Pods of the policy's own namespace, or of the namespaces beside it.
    pub pod_selector: Option<Selector>,
    /// Namespaces.
    pub namespace_selector: Option<Selector>,
}

/// An `IPBlock`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpBlock {
    /// The range.
    pub cidr: Spanned<IpNet>,
    /// What is left out of it.
    #[serde(default, deserialize_with = "list")]
    pub except: Vec<IpNet>,
}

impl IpBlock {
    /// Is an address meant?
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.cidr.value.contains(&address) && !self.except.iter().any(|range| range.contains(&address))
    }
}

/// A `NetworkPolicyPort`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Port {
    /// TCP when there is none.
    #[serde(default)]
    pub protocol: Protocol,
    /// All of the protocol when there is none.
    pub port: Option<PortNumber>,
    /// The last of a range that begins with `port`.
    pub end_port: Option<u16>,
}

/// A port by its number or by its name in the pod that it belongs to.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum PortNumber {
    /// The number.
    Number(u16),
    /// The name.
    Name(String),
}

/// A `Protocol`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// `null` is an empty list, as the API server takes and gives it.
fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(input: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}
