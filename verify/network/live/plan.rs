//! What is asked of a cluster: whom a box may reach and who may reach it, at which ports, and what the control is. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::network::live::probe::{Probe, Transport};
use crate::network::live::station::{Station, TCP_PORTS, UDP_PORTS};
use crate::network::live::surroundings::Surroundings;
use crate::network::object::{Direction, Protocol};
use crate::network::promise::Role;
use crate::network::traffic::{Host, Pod, Traffic};
use crate::selector::Labels;

/// The label with which Kubernetes names every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The station that policies select: it has the box's own labels.
pub const BOX: &str = "box";

/// The same, started when the policy is there already.
pub const FRESH: &str = "fresh";

/// The station that no policy selects, beside the box: what it reaches is there to be reached.
pub const TWIN: &str = "twin";

/// Where clouds have their metadata.
const METADATA: [(&str, &str); 2] = [
    ("169.254.169.254", "the metadata of AWS, Google and Azure"),
    ("169.254.170.2", "the credentials of AWS's tasks"),
];

/// What listens on a machine of a cluster besides the kubelet, if it does: SSH, etcd, the controller manager and the
/// scheduler, kube-proxy's health and its metrics.
const MACHINE_PORTS: [u16; 7] = [22, 2379, 2380, 10249, 10256, 10257, 10259];

/// The kubelet's.
const KUBELET: u16 = 10250;

/// CoreDNS's own: health, readiness, metrics.
const NAME_SERVER_PORTS: [u16; 3] = [8080, 8181, 9153];

/// A host outside of the cluster, named by whoever asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outside {
    /// Its address.
    pub address: IpAddr,
    /// TCP ports at which it listens.
    pub tcp_ports: Vec<u16>,
    /// UDP ports at which it answers whatever it gets.
    pub udp_ports: Vec<u16>,
}

/// One way to somebody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Case {
    /// As a policy sees it.
    pub direction: Direction,
    /// The other end, as a policy sees it: what stands behind a Service, and not the Service.
    pub peer: Host,
    /// What it is to a box.
    pub role: Role,
    /// The port, as a policy sees it.
    pub port: u16,
    /// What the cells are named by: whom is meant, in words that are the same in every run.
    pub row: String,
    /// The station that tries; [`BOX`] stands for either of the two.
    pub from: String,
    /// What it tries. For what comes in, the host is [`BOX`] or the control's name, and is put in later.
    pub probe: Probe,
    /// Nobody has to be there: what does not answer without a policy either is not asked about.
    pub is_optional: bool,
}

impl Case {
    /// What a policy is about; nothing when it cannot be about it: NetworkPolicies know no ICMP.
    #[must_use]
    pub fn traffic(&self) -> Option<Traffic> {
        let protocol = match self.probe.transport {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
            Transport::Icmp => return None,
        };
        Some(Traffic {
            direction: self.direction,
            peer: self.peer.clone(),
            protocol,
            port: self.port,
        })
    }

    /// `tcp:443`, or `icmp`.
    #[must_use]
    pub fn column(&self) -> String {
        match self.probe.transport {
            Transport::Icmp => "icmp".to_owned(),
            transport => format!("{transport}:{}", self.probe.port),
        }
    }
}

/// The stations and where they are, once they run.
pub type Addresses = BTreeMap<String, IpAddr>;

/// Everything that is asked, in the order of its report.
#[must_use]
pub fn cases(
    stations: &[Station],
    addresses: &Addresses,
    services: &BTreeMap<String, IpAddr>,
    surroundings: &Surroundings,
    outside: &[Outside],
) -> Vec<Case> {
    let mut all = Vec::new();
    let peers: Vec<(&Station, Host)> = stations
        .iter()
        .filter(|station| ![BOX, FRESH, TWIN].contains(&station.name))
        .filter_map(|station| Some((station, host(station, *addresses.get(station.name)?))))
        .collect();
    for (station, peer) in &peers {
        let role = role(station);
        all.extend(every_port(
            Direction::Egress,
            BOX,
            peer,
            role,
            &peer.address.to_string(),
            &peer.name,
        ));
    }
    for (name, address) in services {
        let Some((station, peer)) = peers.iter().find(|(station, _)| station.name == name) else {
            continue;
        };
        let role = role(station);
        let long = format!("{name}.{}.svc.cluster.local.", station.namespace);
        let by_address = format!("the Service of {}, by its address", peer.name);
        let by_name = format!("the Service of {}, by its name", peer.name);
        for (dialled, row) in [(address.to_string(), by_address), (long, by_name)] {
            let of_service = every_port(Direction::Egress, BOX, peer, role, &dialled, &row);
            // A Service has no echo: its address is nobody's.
            all.extend(of_service.filter(|case| case.probe.transport != Transport::Icmp));
        }
    }
    all.extend(name_servers(surroundings));
    all.extend(machines(stations, surroundings));
    for host in outside {
        all.extend(beyond(host));
    }
    for (address, what) in METADATA {
        if let Ok(address) = address.parse() {
            let peer = named(what, address);
            all.extend([80, 443].map(|port| Case {
                is_optional: true,
                ..egress(
                    &peer,
                    Role::Other,
                    Transport::Tcp,
                    port,
                    &peer.address.to_string(),
                    &peer.name,
                )
            }));
        }
    }
    for (station, peer) in &peers {
        all.extend(every_port(
            Direction::Ingress,
            station.name,
            peer,
            Role::Other,
            BOX,
            &peer.name,
        ));
    }
    all
}

/// What must listen in the box itself, or what comes in cannot be asked about.
#[must_use]
pub fn listeners() -> Vec<Probe> {
    let tcp = TCP_PORTS.iter().map(|port| (Transport::Tcp, *port));
    let udp = UDP_PORTS.iter().map(|port| (Transport::Udp, *port));
    tcp.chain(udp)
        .chain([(Transport::Icmp, 0)])
        .map(|(transport, port)| Probe {
            transport,
            host: "127.0.0.1".to_owned(),
            port,
        })
        .collect()
}

fn role(station: &Station) -> Role {
    match station.name {
        "gateway" => Role::Gateway,
        _ => Role::Other,
    }
}

/// How reports call a station.
fn words(name: &str) -> &str {
    match name {
        "own-near" => "a pod beside the box, on its node",
        "own-far" => "a pod beside the box, on another node",
        "other-near" => "a pod elsewhere with the name servers' labels, on its node",
        "other-far" => "a pod elsewhere, on another node",
        "gateway" => "a pod with a gateway's label",
        other => other,
    }
}

fn host(station: &Station, address: IpAddr) -> Host {
    Host {
        name: words(station.name).to_owned(),
        address,
        pod: Some(Pod {
            namespace: station.namespace.clone(),
            namespace_labels: Labels::from([(NAMESPACE_NAME.to_owned(), station.namespace.clone())]),
            labels: station.labels.clone(),
        }),
    }
}

fn named(name: &str, address: IpAddr) -> Host {
    Host {
        name: name.to_owned(),
        address,
        pod: None,
    }
}

fn egress(peer: &Host, role: Role, transport: Transport, port: u16, dialled: &str, row: &str) -> Case {
    Case {
        direction: Direction::Egress,
        peer: peer.clone(),
        role,
        port,
        row: row.to_owned(),
        from: BOX.to_owned(),
        probe: Probe {
            transport,
            host: dialled.to_owned(),
            port,
        },
        is_optional: false,
    }
}

fn every_port<'a>(
    direction: Direction,
    from: &'a str,
    peer: &'a Host,
    role: Role,
    dialled: &'a str,
    row: &'a str,
) -> impl Iterator<Item = Case> + 'a {
    listeners().into_iter().map(move |Probe { transport, port, .. }| Case {
        direction,
        from: from.to_owned(),
        ..egress(peer, role, transport, port, dialled, row)
    })
}

fn name_servers(surroundings: &Surroundings) -> Vec<Case> {
    let mut all = Vec::new();
    let ports = [(Transport::Udp, 53), (Transport::Tcp, 53)];
    for (number, server) in surroundings.name_servers.iter().enumerate() {
        let peer = Host {
            name: format!("name server {} of the cluster", number + 1),
            address: server.address,
            pod: Some(Pod {
                namespace: server.namespace.clone(),
                namespace_labels: Labels::from([(NAMESPACE_NAME.to_owned(), server.namespace.clone())]),
                labels: server.labels.clone(),
            }),
        };
        let (address, row) = (server.address.to_string(), peer.name.clone());
        let of = |transport, port| egress(&peer, Role::NameServer, transport, port, &address, &row);
        all.extend(ports.map(|(transport, port)| of(transport, port)));
        all.push(of(Transport::Icmp, 0));
        all.extend(NAME_SERVER_PORTS.map(|port| Case {
            is_optional: true,
            ..of(Transport::Tcp, port)
        }));
        if let (0, Some((name, service))) = (number, &surroundings.name_service) {
            let long = format!("{name}.svc.cluster.local.");
            for (dialled, how) in [(service.to_string(), "address"), (long, "name")] {
                let row = format!("the name servers' Service, by its {how}");
                all.extend(
                    ports.map(|(transport, port)| egress(&peer, Role::NameServer, transport, port, &dialled, &row)),
                );
            }
        }
    }
    all
}

/// The nodes, and the API server by each of its ways.
fn machines(stations: &[Station], surroundings: &Surroundings) -> Vec<Case> {
    let mut all = Vec::new();
    let own = stations
        .iter()
        .find(|station| station.name == BOX)
        .map(|station| &station.node);
    let (mut planes, mut others) = (0, 0);
    for node in &surroundings.nodes {
        let name = match (Some(&node.name) == own, node.is_control_plane) {
            (true, _) => "the box's own node".to_owned(),
            (false, true) => {
                planes += 1;
                format!("machine {planes} of the control plane")
            }
            (false, false) => {
                others += 1;
                format!("node {others} beside the box's own")
            }
        };
        let peer = named(&name, node.address);
        let address = node.address.to_string();
        let is_api = |port: u16| surroundings.api_server.contains(&(node.address, port));
        let role = if node.is_control_plane {
            Role::ControlPlane
        } else {
            Role::Other
        };
        let of = |transport, port| egress(&peer, role, transport, port, &address, &name);
        all.push(of(Transport::Tcp, KUBELET));
        all.push(of(Transport::Icmp, 0));
        all.extend(MACHINE_PORTS.iter().filter(|port| !is_api(**port)).map(|port| Case {
            is_optional: true,
            ..of(Transport::Tcp, *port)
        }));
    }
    for (number, (address, port)) in surroundings.api_server.iter().enumerate() {
        let name = format!("the API server by its endpoint {}", number + 1);
        let peer = named(&name, *address);
        all.push(egress(
            &peer,
            Role::ControlPlane,
            Transport::Tcp,
            *port,
            &address.to_string(),
            &name,
        ));
        if let (0, Some(service)) = (number, surroundings.api_service) {
            let long = "kubernetes.default.svc.cluster.local.".to_owned();
            for (dialled, how) in [(service.to_string(), "address"), (long, "name")] {
                let row = format!("the API server by its Service's {how}");
                let mut case = egress(&peer, Role::ControlPlane, Transport::Tcp, 443, &dialled, &row);
                // The Service's port is translated before a policy is asked.
                case.port = *port;
                all.push(case);
            }
        }
    }
    all
}

/// A host outside: a public one by its address, or nobody.
fn beyond(outside: &Outside) -> Vec<Case> {
    let (name, role) = match outside.address {
        IpAddr::V4(address) if address.is_private() || address.is_link_local() => {
            ("a private address outside", Role::Other)
        }
        IpAddr::V6(address) if address.is_unique_local() => ("a private address outside", Role::Other),
        IpAddr::V4(_) | IpAddr::V6(_) => ("a public address outside", Role::Public),
    };
    let peer = named(name, outside.address);
    let address = outside.address.to_string();
    let of = |transport, port| egress(&peer, role, transport, port, &address, name);
    let tcp = outside.tcp_ports.iter().map(|port| of(Transport::Tcp, *port));
    let udp = outside.udp_ports.iter().map(|port| of(Transport::Udp, *port));
    let echo = Case {
        is_optional: true,
        ..of(Transport::Icmp, 0)
    };
    tcp.chain(udp).chain([echo]).collect()
}
