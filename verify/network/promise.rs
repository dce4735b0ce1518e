//! What the chart's values promise of a box's network, for hosts that are named one by one.
//!
//! The public addresses stand directly beside the ranges that are not: a range that is one bit too wide or too narrow shows.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::cell::Observation;
use crate::network::address::{after, before};
use crate::network::object::{Direction, Policy, Protocol};
use crate::network::simulate::simulate;
use crate::network::traffic::{Host, Pod, Reach, Traffic};
use crate::selector::Labels;

/// The label with which Kubernetes names every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Public addresses, each with the range that it stands beside.
const PUBLIC: [(&str, &str); 29] = [
    ("1.0.0.0", "beside 0.0.0.0/8"),
    ("8.8.8.8", "a name server of the Internet"),
    ("9.255.255.255", "below 10.0.0.0/8"),
    ("11.0.0.0", "above 10.0.0.0/8"),
    ("100.63.255.255", "below 100.64.0.0/10"),
    ("100.128.0.0", "above 100.64.0.0/10"),
    ("126.255.255.255", "below 127.0.0.0/8"),
    ("128.0.0.0", "above 127.0.0.0/8"),
    ("168.63.129.15", "below Azure's host"),
    ("168.63.129.17", "above Azure's host"),
    ("169.253.255.255", "below 169.254.0.0/16"),
    ("169.255.0.0", "above 169.254.0.0/16"),
    ("172.15.255.255", "below 172.16.0.0/12"),
    ("172.32.0.0", "above 172.16.0.0/12"),
    ("191.255.255.255", "below 192.0.0.0/24"),
    ("192.0.1.0", "above 192.0.0.0/24"),
    ("192.88.98.255", "below 192.88.99.0/24"),
    ("192.88.100.0", "above 192.88.99.0/24"),
    ("192.167.255.255", "below 192.168.0.0/16"),
    ("192.169.0.0", "above 192.168.0.0/16"),
    ("198.17.255.255", "below 198.18.0.0/15"),
    ("198.20.0.0", "above 198.18.0.0/15"),
    ("203.0.113.10", "a public address"),
    ("223.255.255.255", "below 224.0.0.0/4"),
    ("2000::1", "the first public range of IPv6"),
    ("2001:1::1", "above Teredo"),
    ("2001:ffff::1", "below 6to4"),
    ("2003::1", "above 6to4"),
    ("3fff:ffff::1", "the last of 2000::/3"),
];

/// Addresses that are no public hosts, each with what it is.
const NOT_PUBLIC: [(&str, &str); 39] = [
    ("0.0.0.1", "this network"),
    ("0.255.255.255", "the last of this network"),
    ("10.0.0.0", "the first of 10.0.0.0/8"),
    ("10.96.0.1", "a Service of the cluster"),
    ("10.255.255.255", "the last of 10.0.0.0/8"),
    ("100.64.0.0", "the first that carriers share"),
    ("100.100.100.200", "Alibaba's metadata"),
    ("100.127.255.255", "the last that carriers share"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.255", "the last of loopback"),
    ("168.63.129.16", "Azure's host"),
    ("169.254.0.1", "link-local"),
    ("169.254.169.254", "metadata of AWS, Google and Azure"),
    ("169.254.170.2", "credentials of AWS's tasks"),
    ("172.16.0.0", "the first of 172.16.0.0/12"),
    ("172.31.255.255", "the last of 172.16.0.0/12"),
    ("192.0.0.1", "protocol assignments"),
    ("192.0.0.192", "Oracle's metadata"),
    ("192.88.99.1", "a relay of 6to4"),
    ("192.88.99.255", "the last relay of 6to4"),
    ("192.168.0.0", "the first of 192.168.0.0/16"),
    ("192.168.255.255", "the last of 192.168.0.0/16"),
    ("198.18.0.0", "the first for benchmarks"),
    ("198.19.255.255", "the last for benchmarks"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "the last of multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::1", "loopback"),
    ("::ffff:10.0.0.1", "a private address in IPv6"),
    ("64:ff9b::a9fe:a9fe", "metadata behind NAT64"),
    ("2001::1", "Teredo"),
    ("2001:0:ffff::1", "the last of Teredo"),
    ("2002:a00:1::1", "a private address behind 6to4"),
    ("2002:a9fe:a9fe::1", "metadata behind 6to4"),
    ("fc00::1", "unique local"),
    ("fd00:ec2::254", "AWS's metadata"),
    ("fe80::1", "link-local"),
    ("ff02::1", "multicast"),
];

/// Ports that are tried beside those that the values name.
const PORTS: [(Protocol, u16); 13] = [
    (Protocol::Tcp, 22),
    (Protocol::Tcp, 53),
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 443),
    (Protocol::Tcp, 2379),
    (Protocol::Tcp, 6443),
    (Protocol::Tcp, 8080),
    (Protocol::Tcp, 10250),
    (Protocol::Udp, 53),
    (Protocol::Udp, 123),
    (Protocol::Udp, 443),
    (Protocol::Sctp, 443),
    (Protocol::Sctp, 5060),
];

/// The values do not say what the chart wants of them; Helm refuses such values before.
#[derive(Debug, thiserror::Error)]
#[error("the values' network cannot be read: {0}")]
pub struct PromiseError(String);

/// What a release promises.
#[derive(Clone, Debug)]
pub struct Promise {
    tier: String,
    namespace: String,
    network: Network,
    extra: Vec<Policy>,
}

/// `network` of `values.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Network {
    enabled: bool,
    dns: Dns,
    api_server: ApiServer,
    internet: Internet,
    gateway: Gateway,
    extra_egress: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dns {
    enabled: bool,
    namespace_labels: Labels,
    pod_labels: Labels,
    ports: Vec<u16>,
    cidrs: Vec<IpNet>,
}

#[derive(Clone, Debug, Deserialize)]
struct ApiServer {
    endpoints: Vec<Endpoint>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Endpoint {
    address: IpAddr,
    port: u16,
}

#[derive(Clone, Debug, Deserialize)]
struct Internet {
    enabled: bool,
    ports: Vec<u16>,
    except: Vec<IpNet>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gateway {
    cidr: String,
    namespace_labels: Labels,
    pod_labels: Labels,
    port: u16,
}

/// What a host is to a box, by which it is decided what must be open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// A name server of the cluster.
    NameServer,
    /// A machine on which the API server listens.
    ControlPlane,
    /// The gateway to the model.
    Gateway,
    /// A host with a public address.
    Public,
    /// Nobody that a box has business with.
    Other,
}

impl Promise {
    /// Reads the promise of a tier from the chart's merged values.
    ///
    /// # Errors
    ///
    /// When `network` has another shape than the chart's schema wants.
    pub fn of(tier: &str, namespace: &str, values: &Value) -> Result<Self, PromiseError> {
        let mut network = values["network"].clone();
        // Helm takes `null` for a label that is not wanted.
        for labels in ["/dns/namespaceLabels", "/dns/podLabels"] {
            if let Some(Value::Object(labels)) = network.pointer_mut(labels) {
                labels.retain(|_, value| !value.is_null());
            }
        }
        let network: Network = serde_json::from_value(network).map_err(|error| PromiseError(error.to_string()))?;
        let extra = extra(namespace, &network.extra_egress)?;
        Ok(Self {
            tier: tier.to_owned(),
            namespace: namespace.to_owned(),
            network,
            extra,
        })
    }

    /// Does the chart make a policy at all?
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.network.enabled
    }

    /// Everything that is asked, with the answer that must hold for a box whose pod this is: each host at each port, out and in.
    #[must_use]
    pub fn traffic(&self, pod: &Pod) -> Vec<(Traffic, Reach)> {
        let ports = self.ports();
        let mut all = Vec::new();
        for (host, role) in self.hosts() {
            for direction in [Direction::Egress, Direction::Ingress] {
                for (protocol, port) in &ports {
                    let traffic = Traffic {
                        direction,
                        peer: host.clone(),
                        protocol: *protocol,
                        port: *port,
                    };
                    let expected = Reach::from(self.is_open(&traffic, role, pod));
                    all.push((traffic, expected));
                }
            }
        }
        all
    }

    /// What must hold for this traffic of a box whose pod this is, when its other end is that to it.
    #[must_use]
    pub fn expects(&self, traffic: &Traffic, role: Role, pod: &Pod) -> Reach {
        self.is_open(traffic, role, pod).into()
    }

    /// Is this pod the gateway to the model?
    #[must_use]
    pub fn is_gateway(&self, pod: &Pod) -> bool {
        let gateway = &self.network.gateway;
        let has = |wanted: &Labels, labels: &Labels| wanted.iter().all(|(key, value)| labels.get(key) == Some(value));
        let is_named = !gateway.pod_labels.is_empty() || !gateway.namespace_labels.is_empty();
        let is_there = match gateway.namespace_labels.is_empty() {
            true => pod.namespace == self.namespace,
            false => has(&gateway.namespace_labels, &pod.namespace_labels),
        };
        is_named && is_there && has(&gateway.pod_labels, &pod.labels)
    }

    /// Does the box resolve names?
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.network.dns.enabled
    }

    fn ports(&self) -> Vec<(Protocol, u16)> {
        let network = &self.network;
        let tcp = network.internet.ports.iter().copied();
        let tcp = tcp.chain(network.api_server.endpoints.iter().map(|endpoint| endpoint.port));
        let tcp = tcp
            .chain(network.dns.ports.iter().copied())
            .chain([network.gateway.port]);
        let udp = network.dns.ports.iter().map(|port| (Protocol::Udp, *port));
        let mut ports: Vec<_> = PORTS
            .into_iter()
            .chain(tcp.map(|port| (Protocol::Tcp, port)))
            .chain(udp)
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Nothing comes in. Out goes what the values name, each at its own ports.
    fn is_open(&self, traffic: &Traffic, role: Role, pod: &Pod) -> bool {
        let network = &self.network;
        let (protocol, port) = (traffic.protocol, traffic.port);
        let is_promised = match role {
            _ if traffic.direction == Direction::Ingress => return false,
            Role::NameServer => network.dns.enabled && network.dns.ports.contains(&port) && protocol != Protocol::Sctp,
            Role::ControlPlane => {
                let is_it = |endpoint: &Endpoint| endpoint.address == traffic.peer.address && endpoint.port == port;
                self.tier != "none" && protocol == Protocol::Tcp && network.api_server.endpoints.iter().any(is_it)
            }
            Role::Gateway => protocol == Protocol::Tcp && port == network.gateway.port,
            Role::Public => {
                let is_left_out = |range: &IpNet| range.contains(&traffic.peer.address);
                self.tier != "airgapped"
                    && network.internet.enabled
                    && protocol == Protocol::Tcp
                    && network.internet.ports.contains(&port)
                    && !network.internet.except.iter().any(is_left_out)
            }
            Role::Other => false,
        };
        is_promised || self.is_in_a_named_range(traffic) || self.is_asked_for(traffic, pod)
    }

    /// A range that the values name is open whatever else its addresses are.
    fn is_in_a_named_range(&self, traffic: &Traffic) -> bool {
        let (gateway, dns) = (&self.network.gateway, &self.network.dns);
        let is_at = |range: &IpNet| range.contains(&traffic.peer.address);
        let is_gateway = gateway.cidr.parse().is_ok_and(|range| is_at(&range))
            && traffic.protocol == Protocol::Tcp
            && traffic.port == gateway.port;
        let is_name_server = dns.enabled
            && dns.cidrs.iter().any(is_at)
            && traffic.protocol != Protocol::Sctp
            && dns.ports.contains(&traffic.port);
        is_gateway || is_name_server
    }

    /// Rules of the user's own open what they say; what they say is decided as it is for every policy.
    fn is_asked_for(&self, traffic: &Traffic, pod: &Pod) -> bool {
        !self.extra.is_empty()
            && matches!(
                simulate(&self.extra, pod, traffic),
                Observation::Answered {
                    answer: Reach::Open,
                    ..
                }
            )
    }

    fn hosts(&self) -> Vec<(Host, Role)> {
        let network = &self.network;
        let own = named(&self.namespace);
        let mut hosts = vec![
            (
                pod(
                    "a name server of the cluster",
                    10,
                    &network.dns.namespace_labels,
                    &network.dns.pod_labels,
                ),
                Role::NameServer,
            ),
            (
                pod(
                    "a pod beside the name servers",
                    11,
                    &network.dns.namespace_labels,
                    &Labels::new(),
                ),
                Role::Other,
            ),
            (pod("a pod beside the box", 12, &own, &Labels::new()), Role::Other),
            (
                pod(
                    "a pod beside the box that has a name server's labels",
                    13,
                    &own,
                    &network.dns.pod_labels,
                ),
                Role::Other,
            ),
            (
                pod(
                    "a pod elsewhere",
                    14,
                    &named("elsewhere"),
                    &Labels::from([("app".to_owned(), "web".to_owned())]),
                ),
                Role::Other,
            ),
            (
                pod(
                    "a pod elsewhere that has a name server's labels",
                    15,
                    &named("elsewhere"),
                    &network.dns.pod_labels,
                ),
                Role::Other,
            ),
            (
                host("another node", IpAddr::V4(Ipv4Addr::new(172, 18, 0, 77))),
                Role::Other,
            ),
        ];
        let addresses = network.dns.cidrs.iter().map(IpNet::addr);
        hosts.extend(addresses.map(|address| (host("a name server that is no pod", address), Role::NameServer)));
        let addresses = network.api_server.endpoints.iter().map(|endpoint| endpoint.address);
        let mut control_plane: Vec<IpAddr> = addresses.collect();
        control_plane.sort_unstable();
        control_plane.dedup();
        let beside = control_plane.iter().copied().flat_map(neighbours);
        let beside: Vec<IpAddr> = beside.filter(|address| !control_plane.contains(address)).collect();
        let beside = beside
            .into_iter()
            .map(|address| (host("a machine beside the API server", address), Role::Other));
        hosts.extend(beside);
        hosts.extend(
            control_plane
                .into_iter()
                .map(|address| (host("the API server's machine", address), Role::ControlPlane)),
        );
        hosts.extend(self.gateway());
        hosts.extend(self.left_out());
        for (list, role) in [(&PUBLIC[..], Role::Public), (&NOT_PUBLIC[..], Role::Other)] {
            for (address, what) in list {
                if let Ok(address) = address.parse() {
                    hosts.push((host(what, address), role));
                }
            }
        }
        hosts
    }

    /// The edges of what the values leave out of the Internet: the first and the last address of each range, and those that
    /// stand directly beside it.
    fn left_out(&self) -> Vec<(Host, Role)> {
        let mut hosts = Vec::new();
        let is_endpoint = |address: &IpAddr| {
            let mut endpoints = self.network.api_server.endpoints.iter();
            endpoints.any(|endpoint| endpoint.address == *address)
        };
        for range in &self.network.internet.except {
            let edges = [
                ("the first of", Some(range.network())),
                ("the last of", Some(range.broadcast())),
                ("below", before(range.network())),
                ("above", after(range.broadcast())),
            ];
            for (what, address) in edges {
                // The API server's machine is a host of its own, which is open at another port.
                let Some(address) = address.filter(|address| !is_endpoint(address)) else {
                    continue;
                };
                let role = if is_public(address) { Role::Public } else { Role::Other };
                hosts.push((host(&format!("{what} {range}, which is left out"), address), role));
            }
        }
        hosts
    }

    /// The gateway, and a neighbour of it that is not one.
    fn gateway(&self) -> Vec<(Host, Role)> {
        let gateway = &self.network.gateway;
        if let Ok(range) = gateway.cidr.parse::<IpNet>() {
            // Every address of the range is the gateway; beside it stands nobody that a box has business with.
            let beside = neighbours(range.addr())
                .into_iter()
                .filter(|address| !range.contains(address));
            let mut hosts: Vec<_> = beside
                .map(|address| (host("a machine beside the gateway", address), Role::Other))
                .collect();
            hosts.push((host("the gateway", range.addr()), Role::Gateway));
            return hosts;
        }
        if gateway.pod_labels.is_empty() && gateway.namespace_labels.is_empty() {
            return Vec::new();
        }
        let namespace = match gateway.namespace_labels.is_empty() {
            true => named(&self.namespace),
            false => gateway.namespace_labels.clone(),
        };
        let other = Labels::from([("app".to_owned(), "not-a-gateway".to_owned())]);
        let neighbour = match gateway.pod_labels.is_empty() {
            // Every pod of the namespace is one.
            true => Role::Gateway,
            false => Role::Other,
        };
        let elsewhere = named("elsewhere");
        vec![
            (
                pod(
                    "a pod elsewhere that has the gateway's labels",
                    22,
                    &elsewhere,
                    &gateway.pod_labels,
                ),
                Role::Other,
            ),
            (pod("the gateway", 20, &namespace, &gateway.pod_labels), Role::Gateway),
            (pod("a pod beside the gateway", 21, &namespace, &other), neighbour),
        ]
    }
}

/// The rules of `network.extraEgress` as a policy of their own. JSON is YAML.
fn extra(namespace: &str, rules: &[Value]) -> Result<Vec<Policy>, PromiseError> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let spec = json!({ "policyTypes": ["Egress"], "egress": rules });
    let spec =
        serde_saphyr::from_str(&spec.to_string()).map_err(|error| PromiseError(format!("extraEgress: {error}")))?;
    Ok(vec![Policy {
        namespace: namespace.to_owned(),
        name: "extraEgress".to_owned(),
        spec,
        file: "values".to_owned(),
    }])
}

fn named(namespace: &str) -> Labels {
    Labels::from([(NAMESPACE_NAME.to_owned(), namespace.to_owned())])
}

fn host(name: &str, address: IpAddr) -> Host {
    Host {
        name: name.to_owned(),
        address,
        pod: None,
    }
}

/// Is this a public address, of whose ranges the values may leave out more? What is not public is named here by its numbers, and
/// in the chart by ranges.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [0 | 10 | 127 | 224.., ..] | [169, 254, ..] | [192, 168, ..] | [192, 0, 0, _] | [192, 88, 99, _] => false,
            [100, second, ..] => !(64..128).contains(&second),
            [168, 63, 129, 16] => false,
            [172, second, ..] => !(16..32).contains(&second),
            [198, second, ..] => !(18..20).contains(&second),
            _ => true,
        },
        IpAddr::V6(address) => match address.segments() {
            [0x2001, 0, ..] | [0x2002, ..] => false,
            [first, ..] => (0x2000..0x4000).contains(&first),
        },
    }
}

/// The addresses directly below and above one, as far as they are private: a public one is open by another promise.
fn neighbours(address: IpAddr) -> Vec<IpAddr> {
    let both: [IpAddr; 2] = match address {
        IpAddr::V4(address) => {
            let number = u32::from(address);
            [number.wrapping_sub(1), number.wrapping_add(1)].map(|number| IpAddr::V4(number.into()))
        }
        IpAddr::V6(address) => {
            let number = u128::from(address);
            [number.wrapping_sub(1), number.wrapping_add(1)].map(|number| IpAddr::V6(number.into()))
        }
    };
    let is_private = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    };
    both.into_iter().filter(is_private).collect()
}

/// A pod with an address out of the range that kubeadm gives to pods.
fn pod(name: &str, number: u8, namespace: &Labels, labels: &Labels) -> Host {
    Host {
        name: name.to_owned(),
        address: IpAddr::V4(Ipv4Addr::new(10, 244, 0, number)),
        pod: Some(Pod {
            namespace: namespace
                .get(NAMESPACE_NAME)
                .cloned()
                .unwrap_or_else(|| "of-labels".to_owned()),
            namespace_labels: namespace.clone(),
            labels: labels.clone(),
        }),
    }
}
