//! What is asked: may this get from one end to the other?

use std::fmt::{self, Display};
use std::net::IpAddr;

use crate::network::object::{Direction, Protocol};
use crate::selector::Labels;

/// Somebody on the network, as a policy sees them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// How reports name them.
    pub name: String,
    /// Their address, after a Service's was translated.
    pub address: IpAddr,
    /// What they are, if they are a pod.
    pub pod: Option<Pod>,
}

/// A pod, as policies select it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its namespace's labels.
    pub namespace_labels: Labels,
    /// Its own labels.
    pub labels: Labels,
}

/// A first packet between a box and somebody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Traffic {
    /// As the box sees it.
    pub direction: Direction,
    /// The other end.
    pub peer: Host,
    /// Its protocol.
    pub protocol: Protocol,
    /// The port that it is for.
    pub port: u16,
}

/// `tcp:443 203.0.113.10, a public address`.
impl Display for Traffic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        write!(
            out,
            "{protocol}:{} {}, {}",
            self.port, self.peer.address, self.peer.name
        )
    }
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// It gets through.
    Open,
    /// It does not.
    Closed,
}

impl From<bool> for Reach {
    fn from(is_open: bool) -> Self {
        if is_open { Self::Open } else { Self::Closed }
    }
}

impl Display for Reach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "open",
            Self::Closed => "closed",
        })
    }
}
